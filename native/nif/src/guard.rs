//! What surrounds every function: nothing gets past it but `{ok, Term}` or `{error, Error}`.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

use provenance_sigstore::{Fault, Result};
use rustler::{Encoder, Env, Term};

use crate::{atoms, encode};

thread_local! {
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has panics keep their place for the error instead of writing on the VM's terminal.
pub(crate) fn install() {
    panic::set_hook(Box::new(|info| {
        let at = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        PANICKED_AT.with_borrow_mut(|slot| *slot = at);
    }));
}

/// For work below a millisecond.
pub(crate) fn short<'a>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>>) -> Term<'a> {
    answer(env, caught(body))
}

/// For work on a dirty scheduler. Yielding at the end keeps the ordinary schedulers' tail latency low when cores are
/// few: without it the freed thread takes the next dirty job before anybody else runs.
pub(crate) fn dirty<'a>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>>) -> Term<'a> {
    let term = short(env, body);
    std::thread::yield_now();
    term
}

/// What `body` answers; a panic in it becomes `internal`.
pub(crate) fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        let at = PANICKED_AT.take().unwrap_or_else(|| "an unknown place".to_owned());
        Err(Fault::Internal { at }.into())
    })
}

pub(crate) fn answer<'a>(env: Env<'a>, result: Result<Term<'a>>) -> Term<'a> {
    match result {
        Ok(term) => (atoms::ok(), term).encode(env),
        Err(error) => (atoms::error(), encode::error(env, &error)).encode(env),
    }
}
