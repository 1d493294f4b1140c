//! Terms that more than one function takes, judged here: what does not fit is `option_invalid`.

use std::collections::BTreeMap;

use provenance_log::chain::Head;
use provenance_log::leaf::Link;
use provenance_log::limits::PROOF_HASHES;
use provenance_log::purl::Package;
use provenance_log::{Edge, Fault, Hash, Result};
use provenance_nif_base::decode::{binary, invalid, items, members, unknown};
use rustler::types::tuple::get_tuple;
use rustler::{Resource, ResourceArc, Term};

use crate::atoms;

pub(crate) fn number(option: &str, term: Term<'_>) -> Result<u64> {
    Ok(term.decode().map_err(|_| invalid(option, "an integer that is not negative"))?)
}

pub(crate) fn hash(option: &str, term: Term<'_>) -> Result<Hash> {
    let bytes = binary(option, term)?;
    Ok(bytes.as_slice().try_into().map_err(|_| invalid(option, "a hash of 32 bytes"))?)
}

/// The hashes of a proof.
pub(crate) fn hashes(option: &str, term: Term<'_>) -> Result<Vec<Hash>> {
    let hashes = items(option, term)?.take(PROOF_HASHES.saturating_add(1)).map(|item| hash(option, item));
    let hashes = hashes.collect::<Result<Vec<_>>>()?;
    Ok(if hashes.len() > PROOF_HASHES { Err(invalid(option, "at most 64 hashes"))? } else { hashes })
}

/// Text that the core bounds and judges.
pub(crate) fn text<'a>(option: &str, term: Term<'a>) -> Result<&'a str> {
    Ok(term.decode().map_err(|_| invalid(option, "a UTF-8 binary"))?)
}

pub(crate) fn package(option: &str, term: Term<'_>) -> Result<Package> {
    Package::parse(text(option, term)?)
}

/// A handle that one of these functions returned.
pub(crate) fn resource<R: Resource>(option: &str, term: Term<'_>, expected: &'static str) -> Result<ResourceArc<R>> {
    Ok(term.decode().map_err(|_| invalid(option, expected))?)
}

/// `#{size, edge}`, and where it states one the root that they must have.
pub(crate) fn edge(term: Term<'_>) -> Result<Edge> {
    let (mut size, mut edge, mut root) = (None, None, None);
    for (name, value) in members("head", term)? {
        match name {
            n if atoms::size() == n => size = Some(number("head.size", value)?),
            n if atoms::edge() == n => edge = Some(edge_nodes(value)?),
            n if atoms::root() == n => root = Some(hash("head.root", value)?),
            n => Err(unknown("head.", n, "size, edge or root"))?,
        }
    }
    let (Some(size), Some(nodes)) = (size, edge) else { Err(invalid("head", "a map with size and edge"))? };
    let edge = Edge::from_parts(size, nodes)?;
    match root {
        Some(root) if root != edge.root() => {
            let reason = "the root that is kept is not that of the edge".to_owned();
            Err(Fault::ConsistencyBroken { old: size, new: size, reason }.into())
        }
        _ => Ok(edge),
    }
}

fn edge_nodes(term: Term<'_>) -> Result<Vec<Hash>> {
    let bytes = binary("head.edge", term)?;
    match bytes.as_chunks::<32>() {
        (nodes, []) if nodes.len() <= PROOF_HASHES => Ok(nodes.to_vec()),
        _ => Err(invalid("head.edge", "hashes, one behind the other"))?,
    }
}

/// `#{Package => {Index, LeafHash, Seq}}`.
pub(crate) fn heads(term: Term<'_>) -> Result<BTreeMap<Package, Head>> {
    members("heads", term)?
        .map(|(name, value)| match get_tuple(value).unwrap_or_default().as_slice() {
            [index, leaf, seq] => Ok((package("heads", name)?, head("heads", *index, *leaf, *seq)?)),
            _ => Err(invalid("heads", "{Index, LeafHash, Seq} for each package"))?,
        })
        .collect()
}

pub(crate) fn head(option: &str, index: Term<'_>, leaf: Term<'_>, seq: Term<'_>) -> Result<Head> {
    let link = Link { index: number(option, index)?, leaf: hash(option, leaf)? };
    Ok(Head { seq: number(option, seq)?, link })
}
