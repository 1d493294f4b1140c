//! The heads map: built once for many proofs.

use provenance_log::Result;
use provenance_log::chain::Head;
use provenance_log::heads::{HeadProof, HeadsMap, Place};
use provenance_log::leaf::Leaf;
use provenance_log::limits::PACKAGES;
use provenance_log::purl::Package;
use provenance_nif_base::decode::{invalid, items};
use provenance_nif_base::encode::{bytes, map, optional, text};
use rustler::types::tuple::get_tuple;
use rustler::{Encoder, Env, Resource, ResourceArc, Term};

use crate::{atoms, decode, encode, guard};

/// A map with what its proofs need.
struct Heads(HeadsMap);

#[rustler::resource_impl]
impl Resource for Heads {}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_heads<'a>(env: Env<'a>, covers: Term<'a>, heads: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let covers = decode::number("covers", covers)?;
        if heads.list_length().is_ok_and(|length| length > PACKAGES) {
            return Err(invalid("heads", "at most 2^24 packages").into());
        }
        let heads = items("heads", heads)?.map(head).collect::<Result<Vec<_>>>()?;
        Ok(ResourceArc::new(Heads(HeadsMap::build(covers, heads)?)).encode(env))
    })
}

#[rustler::nif]
fn log_heads_leaf<'a>(env: Env<'a>, heads: Term<'a>) -> Term<'a> {
    guard::short(env, || Ok(bytes(env, &Leaf::Heads(heads_option(heads)?.0.leaf()?).write()?)))
}

#[rustler::nif]
fn log_heads_prove<'a>(env: Env<'a>, heads: Term<'a>, package: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let (heads, package) = (heads_option(heads)?, decode::package("package", package)?);
        Ok(proof(env, &heads.0.prove(&package)?))
    })
}

fn heads_option(term: Term<'_>) -> Result<ResourceArc<Heads>> {
    decode::resource("heads", term, "what log_heads returned")
}

/// `{Package, Index, LeafHash, Seq}`.
fn head(term: Term<'_>) -> Result<(Package, Head)> {
    match get_tuple(term).unwrap_or_default().as_slice() {
        [package, index, leaf, seq] => {
            Ok((decode::package("heads", *package)?, decode::head("heads", *index, *leaf, *seq)?))
        }
        _ => Err(invalid("heads", "{Package, Index, LeafHash, Seq} for each package"))?,
    }
}

fn proof<'a>(env: Env<'a>, proof: &HeadProof) -> Term<'a> {
    match proof {
        HeadProof::Present(found) => map(env, [(atoms::present(), place(env, found))]),
        HeadProof::Absent { before, after } => map(
            env,
            [
                (atoms::before(), optional(env, before.as_ref(), place)),
                (atoms::after(), optional(env, after.as_ref(), place)),
            ],
        ),
    }
}

fn place<'a>(env: Env<'a>, place: &Place) -> Term<'a> {
    map(
        env,
        [
            (atoms::position(), place.position.encode(env)),
            (atoms::package(), text(env, place.package.as_str())),
            (atoms::index(), place.head.link.index.encode(env)),
            (atoms::leaf(), bytes(env, &place.head.link.leaf)),
            (atoms::seq(), place.head.seq.encode(env)),
            (atoms::path(), encode::hashes(env, &place.path)),
        ],
    )
}
