//! What an ordinary scheduler may do itself: work that is known to be short, and verifying only while nobody else does.
//!
//! To a dirty scheduler and back is tens of microseconds when that one sleeps. A lone caller feels it; among many it costs
//! nothing, and many on the ordinary schedulers would keep everybody else waiting.

use std::sync::atomic::{AtomicUsize, Ordering};

use provenance_sigstore::{Bundle, Material};
use rustler::schedule::consume_timeslice;
use rustler::{Binary, Encoder, Env, ResourceArc, Term};

use crate::resource::Verifier;
use crate::{atoms, guard};

/// The largest bundle, and the largest artifact, in bytes.
const BUNDLE: usize = 24 << 10;
/// Log entries and timestamps of a bundle, each a signature or two.
const WITNESSES: usize = 2;
/// Certificates beside the leaf.
const CHAIN: usize = 3;
/// Alternatives that an option lists.
const ALTERNATIVES: usize = 8;
/// Of a time slice, a verification's share.
pub(crate) const HALF: i32 = 50;

/// Verifications on dirty schedulers in a row during which nobody met another, before one is tried elsewhere again.
const QUIET: usize = 16;

static VERIFYING: AtomicUsize = AtomicUsize::new(0);
/// How many more verifications go to dirty schedulers, since two met not long ago.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// A verification under way.
pub(crate) struct Turn(());

impl Turn {
    /// Beside whatever others do.
    pub(crate) fn among_others() -> Self {
        if VERIFYING.fetch_add(1, Ordering::Relaxed) > 0 {
            BUSY.store(QUIET, Ordering::Relaxed);
        } else {
            let one_less = |busy: usize| busy.checked_sub(1);
            let _ = BUSY.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        }
        Self(())
    }

    /// Only while nobody else verifies.
    pub(crate) fn alone() -> Option<Self> {
        VERIFYING.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).ok().map(|_| Self(()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        VERIFYING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether others verify, or did not long ago.
pub(crate) fn others_verify() -> bool {
    BUSY.load(Ordering::Relaxed) > 0
}

/// Whether what a verification is given looks short. Nothing is judged here: what does not look so goes elsewhere.
pub(crate) fn short_terms(bundle: Term<'_>, artifact: Term<'_>, options: Term<'_>) -> bool {
    let within = |term| Binary::from_term(term).is_ok_and(|bytes| bytes.len() <= BUNDLE);
    within(bundle) && short_artifact(artifact) && short_options(options)
}

fn short_artifact(artifact: Term<'_>) -> bool {
    let Ok(parts) = rustler::types::tuple::get_tuple(artifact) else { return false };
    match parts.as_slice() {
        [tag, bytes] if atoms::bytes() == *tag => Binary::from_term(*bytes).is_ok_and(|bytes| bytes.len() <= BUNDLE),
        [tag, _, _] => atoms::digest() == *tag,
        _ => false,
    }
}

/// Options that neither list much nor name a root to read or keys.
fn short_options(options: Term<'_>) -> bool {
    let get = |name: rustler::Atom| options.map_get(name).ok();
    let few = |term: Term<'_>| !term.is_list() || term.list_length().is_ok_and(|length| length <= ALTERNATIVES);
    let ready = |term: Term<'_>| term.is_atom() || term.decode::<ResourceArc<crate::resource::Root>>().is_ok();
    options.decode::<ResourceArc<Verifier>>().is_ok()
        || options.is_map()
            && get(atoms::keys()).is_none()
            && get(atoms::identity()).is_none_or(few)
            && get(atoms::trust()).is_none_or(ready)
}

/// Whether verifying `bundle` is a handful of signature checks.
pub(crate) fn short_bundle(bundle: &Bundle) -> bool {
    let few = match &bundle.material {
        Material::Certificate { others, .. } => others.len() <= CHAIN,
        Material::Key { .. } => false,
    };
    few && bundle.log_entries.len().saturating_add(bundle.timestamps.len()) <= WITNESSES
}

/// What a function answers whose work is not short; its caller then asks a dirty scheduler.
pub(crate) fn elsewhere(env: Env<'_>) -> Term<'_> {
    atoms::elsewhere().encode(env)
}

/// The answer of `body`, or `elsewhere` when it finds its work not to be short.
pub(crate) fn or_elsewhere<'a, E: guard::Failure>(
    env: Env<'a>,
    percent: i32,
    body: impl FnOnce() -> Result<Option<Term<'a>>, E>,
) -> Term<'a> {
    let answered = guard::caught(body);
    consume_timeslice(env, percent);
    match answered.transpose() {
        Some(answer) => guard::answer(env, answer),
        None => elsewhere(env),
    }
}
