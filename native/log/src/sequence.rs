//! What a log enters next: events behind the heads of their packages, with the new edge and what its tiles gain.

use std::collections::BTreeMap;

use crate::chain::Head;
use crate::error::{Error, Fault, Result};
use crate::leaf::{Leaf, Link};
use crate::limits::{self, within};
use crate::purl::Package;
use crate::statement::{Envelope, Facts};
use crate::tree::{Edge, Hash, TileRow, leaf_hash, sha256};

/// Something to be entered.
#[derive(Debug, Clone)]
pub enum Item<'a> {
    /// A signed statement of an event.
    Event {
        /// The statement.
        statement: &'a [u8],
        /// The signature over the [message](Envelope::message) of its envelope.
        signature: &'a [u8],
    },
    /// A leaf that is made elsewhere: a heads map's or a key change's.
    Leaf(&'a [u8]),
}

/// One new entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its index.
    pub index: u64,
    /// Its bytes.
    pub leaf: Vec<u8>,
    /// Its leaf hash.
    pub hash: Hash,
    /// The event it is of.
    pub event: Option<EnteredEvent>,
}

/// An event as it was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnteredEvent {
    /// What its statement says.
    pub facts: Facts,
    /// How many entries its package had before.
    pub seq: u64,
    /// The digest of its envelope.
    pub envelope: Hash,
}

/// The log after some new entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The edge of the grown tree.
    pub edge: Edge,
    /// What was entered.
    pub entries: Vec<Entry>,
    /// The heads of the packages with new entries.
    pub heads: BTreeMap<Package, Head>,
    /// What the tiles gain.
    pub rows: Vec<TileRow>,
}

/// Enters `items` in the log with that `edge`. `heads` are where the chains of the events' packages end; a package that is
/// not among them has no entries yet. `prefix` is what the predicate types of the registry begin with.
///
/// Signatures are not verified: whoever has the events signed does that.
///
/// # Errors
/// `statement_invalid`; `malformed`, also for a leaf that is neither a heads map's nor a key change's; `input_too_large`.
pub fn enter(edge: &Edge, items: &[Item<'_>], heads: &BTreeMap<Package, Head>, prefix: &str) -> Result<Batch> {
    within("entries of a batch", limits::BATCH, items.len())?;
    let mut changed = BTreeMap::new();
    let mut entries = Vec::with_capacity(items.len());
    for (index, item) in (edge.size()..).zip(items) {
        entries.push(match item {
            Item::Event { statement, signature } => {
                enter_event(index, statement, signature, prefix, heads, &mut changed)?
            }
            Item::Leaf(bytes) => enter_leaf(index, bytes)?,
        });
    }
    let hashes: Vec<_> = entries.iter().map(|entry| entry.hash).collect();
    let (edge, rows) = edge.extend(&hashes)?;
    Ok(Batch { edge, entries, heads: changed, rows })
}

fn enter_event(
    index: u64,
    statement: &[u8],
    signature: &[u8],
    prefix: &str,
    heads: &BTreeMap<Package, Head>,
    changed: &mut BTreeMap<Package, Head>,
) -> Result<Entry> {
    let facts = Facts::read(statement, prefix)?;
    let envelope = sha256(&envelope(statement, signature)?);
    let head = changed.get(&facts.package).or_else(|| heads.get(&facts.package));
    let leaf = facts.leaf(envelope, head);
    let seq = leaf.seq;
    let leaf = Leaf::Event(leaf).write()?;
    let hash = leaf_hash(&leaf);
    changed.insert(facts.package.clone(), Head { seq, link: Link { index, leaf: hash } });
    Ok(Entry { index, leaf, hash, event: Some(EnteredEvent { facts, seq, envelope }) })
}

fn enter_leaf(index: u64, bytes: &[u8]) -> Result<Entry> {
    let fits = match Leaf::parse(bytes)? {
        Leaf::Event(_) => false,
        Leaf::Heads(map) => map.covers <= index,
        Leaf::KeyChange(_) => true,
    };
    if !fits {
        return Err(malformed("type", "it is an event, or a heads map of a larger log"));
    }
    Ok(Entry { index, leaf: bytes.to_vec(), hash: leaf_hash(bytes), event: None })
}

/// The canonical envelope of a statement and the signature over it.
///
/// # Errors
/// `input_too_large` when nobody would read it; `malformed` without a signature.
pub fn envelope(statement: &[u8], signature: &[u8]) -> Result<Vec<u8>> {
    if signature.is_empty() {
        return Err(Fault::malformed("DSSE envelope", "signature", "it is empty"));
    }
    // Before it is built, since it is a third larger than what it holds.
    within("envelope", limits::ENVELOPE_BYTES, statement.len().saturating_add(signature.len()))?;
    let bytes = Envelope { payload: statement.to_vec(), signature: signature.to_vec() }.write();
    within("envelope", limits::ENVELOPE_BYTES, bytes.len())?;
    Ok(bytes)
}

fn malformed(at: &str, reason: &str) -> Error {
    Fault::malformed("leaf", at, reason)
}

#[cfg(test)]
mod tests;
