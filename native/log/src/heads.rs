//! The heads map (`attestations.md`, "Log leaf"): where each package's chain ends, provably, or that it has none.
//!
//! An RFC 6962 tree over the heads of all packages, sorted by the bytes of their canonical purls. Its leaves are
//! canonical JSON: `{"index":N,"leaf":"HEX","package":"PURL","seq":K}`. A map tells of the log up to the size it covers;
//! what came later a client reads itself. That a map is right is known only to whoever replays the log.

use std::collections::BTreeMap;

use crate::chain::Head;
use crate::encoding::push_hex;
use crate::error::{Error, Fault, Result};
use crate::leaf::{EventLeaf, HeadsLeaf, Leaf};
use crate::limits::{self, within};
use crate::proof::{Span, inclusion_spans, verify_inclusion};
use crate::purl::Package;
use crate::tree::{Edge, Hash, empty_root, fold, internal, leaf_hash, node_hash, sha256};

/// A map with what its proofs need.
#[derive(Debug, Clone)]
pub struct HeadsMap {
    covers: u64,
    heads: Vec<(Package, Head)>,
    /// The complete nodes, level by level from the leaves up.
    levels: Vec<Vec<Hash>>,
}

/// One package in a map: its place, its head and the path to the map's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its number in the order of purls.
    pub position: u64,
    /// The package.
    pub package: Package,
    /// Where its chain ends.
    pub head: Head,
    /// The path from its leaf to the map's root.
    pub path: Vec<Hash>,
}

/// What a map says of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadProof {
    /// It has a head.
    Present(Place),
    /// It has none: its two neighbours stand side by side. At an edge of the map there is only one, in an empty map none.
    Absent {
        /// The last package before it.
        before: Option<Place>,
        /// The first package after it.
        after: Option<Place>,
    },
}

/// The log from the size that a map covers up to a checkpoint: the edge there, and the entries since.
#[derive(Debug, Clone)]
pub struct Tail {
    /// The edge of the tree of the size that the map covers.
    pub edge: Edge,
    /// The entries from there on, the map's own among them.
    pub entries: Vec<Vec<u8>>,
}

impl HeadsMap {
    /// The map of the log of `covers` entries, from the heads of all packages in the order of their purls.
    ///
    /// # Errors
    /// `heads_mismatch` when they are not in order; `input_too_large`.
    pub fn build(covers: u64, heads: Vec<(Package, Head)>) -> Result<Self> {
        within("packages", limits::PACKAGES, heads.len())?;
        if let Some(((package, _), _)) = heads.iter().zip(heads.iter().skip(1)).find(|((a, _), (b, _))| a >= b) {
            return Err(mismatch(package, "it is not in order"));
        }
        let mut text = Vec::new();
        let mut below: Vec<_> = heads.iter().map(|(package, head)| entry_hash(&mut text, package, head)).collect();
        let mut levels = Vec::new();
        while !below.is_empty() {
            let above = below.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
            levels.push(std::mem::replace(&mut below, above));
        }
        Ok(Self { covers, heads, levels })
    }

    /// The leaf to enter in the log.
    ///
    /// # Errors
    /// `internal`, never as far as is known.
    pub fn leaf(&self) -> Result<HeadsLeaf> {
        let count = limits::wide(self.heads.len());
        let root = if count == 0 { empty_root() } else { self.span(Span { begin: 0, end: count })? };
        Ok(HeadsLeaf { count, covers: self.covers, root })
    }

    /// What the map says of `package`, provably.
    ///
    /// # Errors
    /// `internal`, never as far as is known.
    pub fn prove(&self, package: &Package) -> Result<HeadProof> {
        match self.heads.binary_search_by(|(other, _)| other.cmp(package)) {
            Ok(at) => self.place(at)?.map(HeadProof::Present).ok_or_else(|| internal("heads map")),
            Err(at) => {
                let before = at.checked_sub(1).map(|before| self.place(before)).transpose()?.flatten();
                Ok(HeadProof::Absent { before, after: self.place(at)? })
            }
        }
    }

    fn place(&self, at: usize) -> Result<Option<Place>> {
        let Some((package, head)) = self.heads.get(at) else { return Ok(None) };
        let position = limits::wide(at);
        let spans = inclusion_spans(position, limits::wide(self.heads.len()));
        let path = spans.into_iter().map(|span| self.span(span)).collect::<Result<_>>()?;
        Ok(Some(Place { position, package: package.clone(), head: *head, path }))
    }

    fn span(&self, span: Span) -> Result<Hash> {
        let node = |(height, at): (u32, u64)| {
            self.levels.get(usize::try_from(height).ok()?)?.get(usize::try_from(at).ok()?).copied()
        };
        let nodes = span.perfect().map(node).collect::<Option<Vec<_>>>();
        nodes.and_then(|nodes| fold(&nodes)).ok_or_else(|| internal("heads map"))
    }
}

/// The map's leaf without the map: for whoever only compares it.
///
/// # Errors
/// `input_too_large`.
pub fn leaf_of<'a>(covers: u64, heads: impl Iterator<Item = (&'a Package, &'a Head)>) -> Result<HeadsLeaf> {
    let (mut edge, mut text) = (Edge::new(), Vec::new());
    for (package, head) in heads {
        edge.append(entry_hash(&mut text, package, head))?;
    }
    Ok(HeadsLeaf { count: edge.size(), covers, root: edge.root() })
}

/// Checks a proof against a map, and says where the chain of `package` ended in the log that the map covers.
///
/// The map itself must be known to be in the log: see [`newest`].
///
/// # Errors
/// `heads_mismatch` when the proof is of something else, or of nothing; `inclusion_mismatch`.
pub fn verify(map: &HeadsLeaf, package: &Package, proof: &HeadProof) -> Result<Option<Head>> {
    match proof {
        HeadProof::Present(place) if place.package == *package => place.verify(map).map(|()| Some(place.head)),
        HeadProof::Present(_) => Err(mismatch(package, "the proof is of another package")),
        HeadProof::Absent { before, after } => {
            let in_order = before.as_ref().is_none_or(|p| p.package < *package)
                && after.as_ref().is_none_or(|p| *package < p.package);
            // The position at which it would stand: behind the one before it, ahead of the one after it.
            let from_before = before.as_ref().map_or(Some(0), |p| p.position.checked_add(1));
            let from_after = after.as_ref().map_or(map.count, |p| p.position);
            if !in_order || from_before != Some(from_after) {
                return Err(mismatch(package, "its neighbours do not stand side by side"));
            }
            [before, after].into_iter().flatten().try_for_each(|place| place.verify(map))?;
            Ok(None)
        }
    }
}

/// Where the chain of `package` ends in the log of `size` entries under `root`, by a map and the entries since.
///
/// Everything is checked: that edge and entries of the tail make up exactly that log, that the map is among them, and
/// that the package's entries in the tail follow the head that the map proves.
///
/// # Errors
/// `heads_mismatch`, `inclusion_mismatch`, `consistency_broken`, `chain_broken`, `malformed`, `input_too_large`.
pub fn newest(
    package: &Package,
    map: &HeadsLeaf,
    proof: &HeadProof,
    tail: &Tail,
    tree: (u64, &Hash),
) -> Result<Option<Head>> {
    Known::new(Some(*map), tail, tree)?.newest(package, Some(proof))
}

/// A map and the entries since, checked once to tell of any number of packages.
#[derive(Debug, Clone)]
pub struct Known {
    map: Option<HeadsLeaf>,
    since: BTreeMap<Package, Vec<(u64, Hash, EventLeaf)>>,
}

impl Known {
    /// Checks that edge and entries of the tail make up exactly the log of `size` entries under `root`, and that the map
    /// is among them. Without a map the tail is the whole log.
    ///
    /// # Errors
    /// `heads_mismatch`, `consistency_broken`, `malformed`, `input_too_large`.
    pub fn new(map: Option<HeadsLeaf>, tail: &Tail, (size, root): (u64, &Hash)) -> Result<Self> {
        let covers = map.map_or(0, |m| m.covers);
        verify_tail(covers, tail, size, root)?;
        if let Some(map) = map
            && !tail.entries.contains(&Leaf::Heads(map).write()?)
        {
            let (package, reason) = ("any package".to_owned(), "it is not in the log".to_owned());
            return Err(Fault::HeadsMismatch { package, reason }.into());
        }
        let mut since = BTreeMap::<_, Vec<_>>::new();
        for (index, bytes) in (covers..).zip(&tail.entries) {
            let Leaf::Event(event) = Leaf::parse(bytes)? else { continue };
            since.entry(event.package.clone()).or_default().push((index, leaf_hash(bytes), event));
        }
        Ok(Self { map, since })
    }

    /// Where the chain of `package` ends. `proof` is the map's, where there is one.
    ///
    /// # Errors
    /// `heads_mismatch`, `inclusion_mismatch`, `chain_broken`.
    pub fn newest(&self, package: &Package, proof: Option<&HeadProof>) -> Result<Option<Head>> {
        let mut head = match (&self.map, proof) {
            (Some(map), Some(proof)) => verify(map, package, proof)?,
            (None, None) => None,
            _ => return Err(mismatch(package, "proof or map is missing")),
        };
        for (index, hash, event) in self.since.get(package).into_iter().flatten() {
            head = Some(Head::advance(head.as_ref(), *index, *hash, event).map_err(|b| Fault::ChainBroken {
                package: package.to_string(),
                index: *index,
                reason: b.reason().to_owned(),
            })?);
        }
        Ok(head)
    }
}

fn verify_tail(covers: u64, tail: &Tail, size: u64, root: &Hash) -> Result<()> {
    let limit = usize::try_from(limits::HEADS_TAIL).unwrap_or(usize::MAX);
    within("entries behind the heads map", limit, tail.entries.len())?;
    let mut edge = tail.edge.clone();
    for entry in &tail.entries {
        within("log entry", limits::LEAF_BYTES, entry.len())?;
        edge.append(leaf_hash(entry))?;
    }
    if tail.edge.size() == covers && edge.size() == size && edge.root() == *root {
        return Ok(());
    }
    let reason = "the edge and the entries behind the heads map lead elsewhere".to_owned();
    Err(Fault::ConsistencyBroken { old: covers, new: size, reason }.into())
}

impl Place {
    fn verify(&self, map: &HeadsLeaf) -> Result<()> {
        let leaf = entry_hash(&mut Vec::new(), &self.package, &self.head);
        verify_inclusion(&leaf, self.position, map.count, &self.path, &map.root)
    }
}

/// The leaf hash of one head. `text` is a buffer to be used again: a map has a million of these.
fn entry_hash(text: &mut Vec<u8>, package: &Package, head: &Head) -> Hash {
    let mut hex = String::with_capacity(64);
    head.link.leaf.iter().for_each(|byte| push_hex(&mut hex, *byte));
    text.clear();
    text.push(0);
    text.extend_from_slice(b"{\"index\":");
    push_decimal(text, head.link.index);
    text.extend_from_slice(b",\"leaf\":\"");
    text.extend_from_slice(hex.as_bytes());
    text.extend_from_slice(b"\",\"package\":\"");
    text.extend_from_slice(package.as_str().as_bytes());
    text.extend_from_slice(b"\",\"seq\":");
    push_decimal(text, head.seq);
    text.push(b'}');
    sha256(text)
}

fn push_decimal(text: &mut Vec<u8>, number: u64) {
    text.extend_from_slice(number.to_string().as_bytes());
}

fn mismatch(package: &Package, reason: &str) -> Error {
    Fault::HeadsMismatch { package: package.to_string(), reason: reason.to_owned() }.into()
}

#[cfg(test)]
mod tests;
