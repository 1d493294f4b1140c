//! Following a log: every entry of it, every checkpoint, and what does not fit together.
//!
//! A pure state machine. It is given checkpoints with proofs of consistency ([`Monitor::checkpoint`]), and the log's
//! entries in order ([`Monitor::page`]). A page counts only once it is proven to be a part of the signed tree, so what
//! is then found wrong was signed by the log, and not made up on the way. It replays every package's chain and the heads
//! map, compares leaves with the statements they name, follows key changes, and reports the events of watched packages.

mod finding;
mod state;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use finding::{Finding, KINDS, Kind, Misbehaviour};

use crate::chain::{Break, Head};
use crate::checkpoint::SignedCheckpoint;
use crate::encoding::digest_text;
use crate::error::{Fault, Result, quote};
use crate::heads;
use crate::keys::Trust;
use crate::leaf::{EventLeaf, HeadsLeaf, KeyChange, Leaf};
use crate::limits::{self, within};
use crate::policy::Freshness;
use crate::proof::verify_consistency;
use crate::purl::Package;
use crate::statement::{Envelope, Facts};
use crate::tree::{Edge, Hash, leaf_hash, sha256};

/// Entries of one page.
pub const PAGE: usize = 4096;

/// What a monitor looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the registry's predicate types begin with: `https://hex.pm/attestation`.
    pub prefix: String,
    /// The packages whose events are reported.
    pub watched: BTreeSet<Package>,
    /// Whether the statements of all packages are read, or those of the watched ones only.
    pub all_statements: bool,
}

/// What the service says when asked for an envelope or a bundle by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blob {
    /// The bytes.
    Bytes(Vec<u8>),
    /// That it had to delete them (status 410).
    Redacted,
    /// Anything else, though asked more than once.
    Withheld,
}

/// Where envelopes and bundles come from.
pub trait Blobs {
    /// What the service hands out for the SHA-256 `digest`.
    ///
    /// # Errors
    /// Whatever keeps the reader from asking. The page is then not taken, and can be given again.
    fn blob(&mut self, digest: &Hash) -> Result<Blob>;
}

/// Blobs that were fetched before.
impl Blobs for BTreeMap<Hash, Blob> {
    fn blob(&mut self, digest: &Hash) -> Result<Blob> {
        let missing = || Fault::StorageFailed { path: digest_text(digest), reason: "it was not fetched".to_owned() };
        self.get(digest).cloned().ok_or_else(|| missing().into())
    }
}

/// A log as far as it was followed.
#[derive(Debug, Clone)]
pub struct Monitor {
    options: Options,
    trust: Trust,
    announced: BTreeMap<u64, KeyChange>,
    edge: Edge,
    newest: Option<Newest>,
    heads: BTreeMap<Package, Head>,
    undo: VecDeque<Undo>,
}

#[derive(Debug, Clone)]
struct Newest {
    signed: SignedCheckpoint,
    witnessed: bool,
}

/// What a package's head was before an entry: heads maps describe the log some entries ago.
#[derive(Debug, Clone)]
struct Undo {
    index: u64,
    package: Package,
    before: Option<Head>,
}

impl Monitor {
    /// A monitor that has seen nothing.
    #[must_use]
    pub fn new(trust: Trust, options: Options) -> Self {
        Self {
            options,
            trust,
            announced: BTreeMap::new(),
            edge: Edge::new(),
            newest: None,
            heads: BTreeMap::new(),
            undo: VecDeque::new(),
        }
    }

    /// How many entries it has taken: where the next page begins.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The newest checkpoint it has accepted.
    #[must_use]
    pub fn newest(&self) -> Option<&SignedCheckpoint> {
        self.newest.as_ref().map(|n| &n.signed)
    }

    /// Whom it trusts by now: key changes in the log change that.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Where each package's chain ends by now.
    #[must_use]
    pub fn heads(&self) -> &BTreeMap<Package, Head> {
        &self.heads
    }

    /// Takes a key change before its page: a checkpoint behind it may be signed by the new key already. The entry must
    /// then turn out to be the one of that index.
    ///
    /// # Errors
    /// As [`Trust::rotate`]; `malformed` when that entry was taken already.
    pub fn announce(&mut self, index: u64, change: KeyChange) -> Result<()> {
        within("announced key changes", limits::TRUST_KEYS, self.announced.len().saturating_add(1))?;
        if index < self.size() {
            return Err(Fault::malformed("announced key change", &index.to_string(), "its entry was read already"));
        }
        self.trust = self.trust.rotate(index, &change)?;
        self.announced.insert(index, change);
        Ok(())
    }

    /// Takes a checkpoint, from the log or from anyone who was shown one. `proof` is the log's consistency proof between
    /// the newest checkpoint accepted so far and this one, whichever is smaller; empty where there is nothing to prove.
    ///
    /// A checkpoint that does not fit is misbehaviour, and changes nothing. So is one for which the log has no proof that
    /// holds: ask for it more than once.
    ///
    /// # Errors
    /// `checkpoint_untrusted`, `quorum_missing`: then nothing is known of it.
    pub fn checkpoint(
        &mut self,
        signed: &SignedCheckpoint,
        proof: &[Hash],
        freshness: Option<Freshness>,
    ) -> Result<Vec<Finding>> {
        let witnessed = self.trust.check(signed, freshness)?.quorum;
        let found = match &self.newest {
            Some(newest) => compare(&newest.signed, signed, proof),
            None => None,
        };
        if found.is_none() {
            self.newest = Some(Newest { signed: signed.clone(), witnessed });
        }
        Ok(found.into_iter().map(Finding::Misbehaviour).collect())
    }

    /// The envelopes that [`page`](Self::page) will ask for, for whoever must fetch them first. The bundles that their
    /// statements link are asked for as well: see [`Facts::linked`].
    #[must_use]
    pub fn wanted(&self, entries: &[Vec<u8>]) -> Vec<Hash> {
        let events = entries.iter().filter_map(|bytes| match Leaf::parse(bytes) {
            Ok(Leaf::Event(event)) => Some(event),
            _ => None,
        });
        events.filter(|event| self.reads(event)).map(|event| event.envelope).collect()
    }

    /// Takes the next `entries`, the first of them number `start`. `proof` is the consistency proof from the tree that
    /// ends with them to the newest checkpoint; empty when they end where it does.
    ///
    /// # Errors
    /// `malformed` when the page does not begin where the last one ended, or there is no checkpoint as large;
    /// `consistency_broken` when the entries are not those that the log signed (get them again; if the log has no
    /// others, it withholds what it signed); `budget_exhausted` when it holds too many heads maps for one page: give it in
    /// parts; `input_too_large`; what `blobs` answers. The page is then not taken.
    pub fn page(
        &mut self,
        start: u64,
        entries: &[Vec<u8>],
        proof: &[Hash],
        blobs: &mut dyn Blobs,
    ) -> Result<Vec<Finding>> {
        let (edge, witnessed) = self.proven(start, entries, proof)?;
        within("packages", limits::PACKAGES, self.heads.len().saturating_add(entries.len()))?;
        // First what may fail, then what changes: a page is taken as a whole or not at all.
        let mut reading = Reading { trust: self.trust.clone(), witnessed, findings: Vec::new() };
        let leaves: Vec<_> = (start..).zip(entries).map(|(index, bytes)| (index, bytes, Leaf::parse(bytes))).collect();
        self.budget(leaves.iter().filter(|(_, _, leaf)| matches!(leaf, Ok(Leaf::Heads(_)))).count(), entries.len())?;
        for (index, _, leaf) in &leaves {
            match leaf {
                Ok(Leaf::Event(event)) if self.reads(event) => self.read_event(&mut reading, *index, event, blobs)?,
                Ok(Leaf::KeyChange(change)) => reading.key_change(*index, change),
                _ => {}
            }
        }
        let mut findings = std::mem::take(&mut reading.findings);
        self.trust = reading.trust;
        self.edge = edge;
        for (index, bytes, leaf) in leaves {
            self.apply(index, leaf_hash(bytes), leaf, &mut findings)?;
        }
        findings.sort_by_key(Finding::index);
        Ok(findings)
    }

    /// The edge behind a page, once it is known to be a part of the tree that was signed.
    fn proven(&self, start: u64, entries: &[Vec<u8>], proof: &[Hash]) -> Result<(Edge, bool)> {
        within("entries of a page", PAGE, entries.len())?;
        let out_of_order = |reason| Fault::malformed("page of entries", &start.to_string(), reason);
        if start != self.size() {
            return Err(out_of_order("it does not begin where the last one ended"));
        }
        let newest = self.newest.as_ref().ok_or_else(|| out_of_order("there is no checkpoint yet"))?;
        let mut edge = self.edge.clone();
        for entry in entries {
            within("log entry", limits::LEAF_BYTES, entry.len())?;
            edge.append(leaf_hash(entry))?;
        }
        let checkpoint = newest.signed.checkpoint();
        verify_consistency(edge.size(), &edge.root(), checkpoint.size(), checkpoint.root(), proof)?;
        Ok((edge, newest.witnessed))
    }

    /// Every map costs a hash for each package: a page with too many of them is to be given in parts.
    fn budget(&self, maps: usize, entries: usize) -> Result<()> {
        let packages = self.heads.len().saturating_add(entries);
        if maps > 1 && maps.saturating_mul(packages) > limits::PACKAGES {
            let limit = limits::wide(limits::PACKAGES);
            return Err(Fault::BudgetExhausted { what: "heads maps of one page", limit }.into());
        }
        Ok(())
    }

    fn reads(&self, event: &EventLeaf) -> bool {
        self.options.all_statements || self.options.watched.contains(&event.package)
    }

    /// Compares an event's leaf with its statement, and sees that what it names is handed out.
    fn read_event(&self, reading: &mut Reading, index: u64, event: &EventLeaf, blobs: &mut dyn Blobs) -> Result<()> {
        let Some(bytes) = reading.fetch(index, event, &event.envelope, blobs)? else { return Ok(()) };
        let facts = Envelope::parse(&bytes).and_then(|envelope| {
            reading.trust.verify_envelope(index, &envelope, reading.witnessed)?;
            Facts::read(&envelope.payload, &self.options.prefix)
        });
        match facts {
            Err(error) => reading.found(Kind::BadStatement, index, event, error.fault().clone()),
            Ok(facts) => {
                if let Err(error) = facts.check(index, event, &event.envelope) {
                    reading.found(Kind::LeafAtOdds, index, event, error.fault().clone());
                }
                for digest in &facts.linked {
                    reading.fetch(index, event, digest, blobs)?;
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, index: u64, hash: Hash, leaf: Result<Leaf>, findings: &mut Vec<Finding>) -> Result<()> {
        let announced = self.announced.remove(&index);
        if announced.is_some() && announced.as_ref() != leaf.as_ref().ok().and_then(Leaf::as_key_change) {
            let reason = "the key change that was announced for this entry is not in it".to_owned();
            let fault = Fault::KeyInvalid { what: "announced key", reason };
            findings.push(Misbehaviour::at(Kind::BadKeyChange, index, None, fault));
        }
        match leaf {
            Ok(Leaf::Event(event)) => self.apply_event(index, hash, event, findings),
            Ok(Leaf::Heads(map)) => findings.extend(self.check_map(index, &map)?),
            Ok(Leaf::KeyChange(_)) => {}
            Err(error) => findings.push(Misbehaviour::at(Kind::MalformedLeaf, index, None, error.fault().clone())),
        }
        Ok(())
    }

    fn apply_event(&mut self, index: u64, hash: Hash, event: EventLeaf, findings: &mut Vec<Finding>) {
        let before = self.heads.get(&event.package).copied();
        if let Err(broken) = Head::advance(before.as_ref(), index, hash, &event) {
            let kind = match broken {
                Break::Hidden => Kind::HiddenEvent,
                Break::Forked => Kind::ForkedChain,
            };
            let (package, reason) = (event.package.to_string(), broken.reason().to_owned());
            let fault = Fault::ChainBroken { package, index, reason };
            findings.push(Misbehaviour::at(kind, index, Some(event.package.clone()), fault));
        }
        // A broken chain goes on from the entry that broke it, so that what follows is judged by itself.
        let head = Head { seq: event.seq, link: crate::leaf::Link { index, leaf: hash } };
        self.heads.insert(event.package.clone(), head);
        self.undo.push_back(Undo { index, package: event.package.clone(), before });
        let kept = index.saturating_sub(limits::HEADS_TAIL);
        while self.undo.front().is_some_and(|undo| undo.index < kept) {
            self.undo.pop_front();
        }
        if self.options.watched.contains(&event.package) {
            findings.push(Finding::Event { index, leaf: event });
        }
    }

    /// Compares a heads map with the heads that were replayed.
    fn check_map(&self, index: u64, map: &HeadsLeaf) -> Result<Option<Finding>> {
        let wrong = |reason: &str| {
            let fault = Fault::HeadsMapWrong { index, reason: reason.to_owned() };
            Ok(Some(Misbehaviour::at(Kind::WrongHeadsMap, index, None, fault)))
        };
        if map.covers > index || index.saturating_sub(map.covers) > limits::HEADS_TAIL {
            return wrong("it covers entries behind itself, or too few for any client to use it");
        }
        let mut then = BTreeMap::new();
        for undo in self.undo.iter().rev().take_while(|undo| undo.index >= map.covers) {
            then.insert(&undo.package, undo.before.as_ref());
        }
        let heads = self.heads.iter().filter_map(|(package, head)| match then.get(package) {
            Some(before) => before.map(|before| (package, before)),
            None => Some((package, head)),
        });
        let expected = heads::leaf_of(map.covers, heads)?;
        if expected.count != map.count {
            return wrong("it has another number of packages than the log");
        }
        if expected.root == map.root { Ok(None) } else { wrong("its root is not the one over the packages' heads") }
    }
}

/// What reading a page needs and finds, before anything of it is applied.
struct Reading {
    trust: Trust,
    witnessed: bool,
    findings: Vec<Finding>,
}

impl Reading {
    /// The bytes with that digest; `None` when they are not to be had, which is then among the findings.
    fn fetch(
        &mut self,
        index: u64,
        event: &EventLeaf,
        digest: &Hash,
        blobs: &mut dyn Blobs,
    ) -> Result<Option<Vec<u8>>> {
        match blobs.blob(digest)? {
            Blob::Bytes(bytes) if sha256(&bytes) == *digest => return Ok(Some(bytes)),
            Blob::Redacted => self.findings.push(Finding::Redacted { index, digest: *digest }),
            // Other bytes than those that were signed for are none.
            Blob::Bytes(_) | Blob::Withheld => {
                let fault = Fault::AttestationWithheld { index, digest: digest_text(digest) };
                self.found(Kind::Withheld, index, event, fault);
            }
        }
        Ok(None)
    }

    fn key_change(&mut self, index: u64, change: &KeyChange) {
        match self.trust.rotate(index, change) {
            Ok(trust) => {
                self.trust = trust;
                self.findings.push(Finding::KeyChanged { index, change: change.clone() });
            }
            Err(error) => {
                self.findings.push(Misbehaviour::at(Kind::BadKeyChange, index, None, error.fault().clone()));
            }
        }
    }

    fn found(&mut self, kind: Kind, index: u64, event: &EventLeaf, fault: Fault) {
        self.findings.push(Misbehaviour::at(kind, index, Some(event.package.clone()), fault));
    }
}

/// What is wrong between a checkpoint that was accepted and another one; `None` when the other extends it.
fn compare(accepted: &SignedCheckpoint, other: &SignedCheckpoint, proof: &[Hash]) -> Option<Misbehaviour> {
    let (a, b) = (accepted.checkpoint(), other.checkpoint());
    let (old, new) = if a.size() <= b.size() { (a, b) } else { (b, a) };
    let consistent = verify_consistency(old.size(), old.root(), new.size(), new.root(), proof);
    let (kind, fault) = match consistent {
        Ok(()) if a.size() <= b.size() => return None,
        Ok(()) => {
            let reason = format!("{} handed out a checkpoint older than one before it", quote(b.origin()));
            (Kind::RolledBackCheckpoint, Fault::ConsistencyBroken { old: a.size(), new: b.size(), reason })
        }
        Err(error) => (Kind::SplitView, error.fault().clone()),
    };
    Some(Misbehaviour {
        kind,
        index: None,
        package: None,
        fault,
        evidence: vec![accepted.to_string(), other.to_string()],
    })
}

#[cfg(test)]
mod tests;
