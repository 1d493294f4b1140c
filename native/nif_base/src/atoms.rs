//! Atoms that every door has, and those of the names in closed tables.

// The macro's functions have no documentation of their own.
#![allow(missing_docs)]

use std::collections::HashMap;
use std::sync::OnceLock;

use rustler::{Atom, Encoder, Env, Term};

rustler::atoms! {
    ok, error, undefined, code, stage, message, remedy, details, also,
}

/// The names of closed tables, as atoms: making one takes a lock of the VM's, and a result has dozens.
static KNOWN: OnceLock<HashMap<&'static str, Atom>> = OnceLock::new();

/// Makes the atoms of all `names`, when the library is loaded.
pub fn install(env: Env<'_>, names: impl Iterator<Item = &'static str>) {
    KNOWN.get_or_init(|| names.filter_map(|name| Some((name, Atom::from_str(env, name).ok()?))).collect());
}

/// The atom of a name out of a closed table; never of anything an input holds.
#[must_use]
pub fn known<'a>(env: Env<'a>, name: &'static str) -> Term<'a> {
    let ready = KNOWN.get().and_then(|known| known.get(name)).copied();
    ready.or_else(|| Atom::from_str(env, name).ok()).unwrap_or_else(undefined).encode(env)
}
