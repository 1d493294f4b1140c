//! What surrounds every function.

use provenance_log::Result;
use provenance_nif_base::guard;
use rustler::{Env, Term};

/// For work below a millisecond.
pub(crate) fn short<'a>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>>) -> Term<'a> {
    guard::short(env, body)
}

/// For work on a dirty scheduler.
pub(crate) fn dirty<'a>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>>) -> Term<'a> {
    guard::dirty(env, body)
}
