//! Terms that more than one function answers.

use provenance_log::Hash;
use provenance_log::chain::Head;
use provenance_nif_base::encode::{bytes, list};
use rustler::{Encoder, Env, Term};

pub(crate) fn hashes<'a>(env: Env<'a>, hashes: &[Hash]) -> Term<'a> {
    list(env, hashes, |env, hash| bytes(env, hash))
}

/// `{Index, LeafHash, Seq}`.
pub(crate) fn head<'a>(env: Env<'a>, head: &Head) -> Term<'a> {
    (head.link.index, bytes(env, &head.link.leaf), head.seq).encode(env)
}
