//! What surrounds every function, for those whose errors are the core's.

pub(crate) use provenance_nif_base::guard::{Failure, answer, caught, dirty as dirty_or, install, short as short_or};
use provenance_sigstore::Result;
use rustler::{Env, Term};

/// For work below a millisecond.
pub(crate) fn short<'a>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>>) -> Term<'a> {
    short_or(env, body)
}

/// For work on a dirty scheduler.
pub(crate) fn dirty<'a>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>>) -> Term<'a> {
    dirty_or(env, body)
}
