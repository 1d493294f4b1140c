//! What surrounds every function: nothing gets past it but `{ok, Term}` or `{error, Error}`.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

use provenance_base::Error;
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

/// An error of any of the libraries, as a term.
pub(crate) trait Failure: From<Error<Fault>> {
    fn term<'a>(&self, env: Env<'a>) -> Term<'a>;
}

impl Failure for Error<Fault> {
    fn term<'a>(&self, env: Env<'a>) -> Term<'a> {
        encode::error(env, self)
    }
}

/// For work below a millisecond.
pub(crate) fn short<'a>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>>) -> Term<'a> {
    short_or(env, body)
}

/// For work on a dirty scheduler.
pub(crate) fn dirty<'a>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>>) -> Term<'a> {
    dirty_or(env, body)
}

/// As [`short`], for errors of another library.
pub(crate) fn short_or<'a, E: Failure>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>, E>) -> Term<'a> {
    answer(env, caught(body))
}

/// As [`dirty`], for errors of another library. Yielding at the end keeps the ordinary schedulers' tail latency low when
/// cores are few: without it the freed thread takes the next dirty job before anybody else runs.
pub(crate) fn dirty_or<'a, E: Failure>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>, E>) -> Term<'a> {
    let term = short_or(env, body);
    std::thread::yield_now();
    term
}

/// What `body` answers; a panic in it becomes `internal`.
pub(crate) fn caught<T, E: Failure>(body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        let at = PANICKED_AT.take().unwrap_or_else(|| "an unknown place".to_owned());
        Err(Error::from(Fault::Internal { at }).into())
    })
}

pub(crate) fn answer<'a, E: Failure>(env: Env<'a>, result: Result<Term<'a>, E>) -> Term<'a> {
    match result {
        Ok(term) => (atoms::ok(), term).encode(env),
        Err(error) => (atoms::error(), error.term(env)).encode(env),
    }
}
