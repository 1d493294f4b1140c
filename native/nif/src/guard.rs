//! What surrounds every function, for those whose errors are the core's.

#[allow(unused_imports, reason = "smaller builds need fewer")]
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

/// Makes the type `Failed`: what a function can meet that reads its options as the core does, and then works with another
/// library.
macro_rules! failed {
    ($own:ty) => {
        pub(crate) enum Failed {
            Core(provenance_sigstore::Error),
            Own($own),
        }

        impl $crate::guard::Failure for Failed {
            fn internal(at: String) -> Self {
                Self::Core($crate::guard::Failure::internal(at))
            }

            fn term<'a>(&self, env: rustler::Env<'a>) -> rustler::Term<'a> {
                match self {
                    Self::Core(error) => $crate::encode::error(env, error),
                    Self::Own(error) => $crate::encode::error(env, error),
                }
            }
        }

        impl From<provenance_sigstore::Error> for Failed {
            fn from(error: provenance_sigstore::Error) -> Self {
                Self::Core(error)
            }
        }

        impl From<$own> for Failed {
            fn from(error: $own) -> Self {
                Self::Own(error)
            }
        }
    };
}

pub(crate) use failed;
