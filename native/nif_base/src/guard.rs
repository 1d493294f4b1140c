//! What surrounds every function: nothing gets past it but `{ok, Term}` or `{error, Error}`.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

use provenance_base::{AtDoor, Error};
use rustler::{Encoder, Env, Term};

use crate::{atoms, encode};

thread_local! {
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has panics keep their place for the error instead of writing on the VM's terminal.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        let at = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        PANICKED_AT.with_borrow_mut(|slot| *slot = at);
    }));
}

/// An error of any of the libraries, as a term.
pub trait Failure {
    /// The error of a panic there.
    fn internal(at: String) -> Self;
    /// The term.
    fn term<'a>(&self, env: Env<'a>) -> Term<'a>;
}

impl<F: AtDoor> Failure for Error<F> {
    fn internal(at: String) -> Self {
        F::internal(at).into()
    }

    fn term<'a>(&self, env: Env<'a>) -> Term<'a> {
        encode::error(env, self)
    }
}

/// For work below a millisecond.
pub fn short<'a, E: Failure>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>, E>) -> Term<'a> {
    answer(env, caught(body))
}

/// For work on a dirty scheduler. Yielding at the end keeps the ordinary schedulers' tail latency low when cores are few:
/// without it the freed thread takes the next dirty job before anybody else runs.
pub fn dirty<'a, E: Failure>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>, E>) -> Term<'a> {
    let term = short(env, body);
    std::thread::yield_now();
    term
}

/// What a function answers for `result`.
pub fn answer<'a, E: Failure>(env: Env<'a>, result: Result<Term<'a>, E>) -> Term<'a> {
    match result {
        Ok(term) => (atoms::ok(), term).encode(env),
        Err(error) => (atoms::error(), error.term(env)).encode(env),
    }
}

/// What `body` answers; a panic in it becomes `internal`.
pub fn caught<T, E: Failure>(body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    panic::catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|_| Err(E::internal(PANICKED_AT.take().unwrap_or_else(|| "an unknown place".to_owned()))))
}
