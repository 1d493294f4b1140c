//! What a log's service answers when it is asked for attestations (`http-api.md`, "List answer"), verified as a whole:
//! bundle -> leaf -> root -> signatures of log and witnesses -> chain -> heads map.
//!
//! ```text
//! list  {"checkpoint", "size", "items": [ITEM], "linked": [LINKED], "head": HEAD | null, "next_after"}
//! query {"checkpoint", "size", "heads": BASE | null, "releases": [{"package", "version", "digest", "items", "head"}], "linked"}
//! ```

mod read;

use std::collections::BTreeMap;

use crate::chain::Head;
use crate::checkpoint::SignedCheckpoint;
use crate::entry::{self, Signed};
use crate::error::{Error, Fault, Result};
use crate::heads::{HeadProof, Known, Tail};
use crate::keys::Trust;
use crate::leaf::{EventLeaf, HeadsLeaf, Link};
use crate::policy::{Freshness, Witnessed};
use crate::purl::Package;
use crate::statement::Envelope;
use crate::tree::Hash;

/// An answer as it was read; nothing in it is trusted yet, but linked bundles are what their digests say.
#[derive(Debug, Clone)]
pub struct Answer {
    checkpoint: SignedCheckpoint,
    lists: Vec<List>,
    base: Option<Base>,
    linked: BTreeMap<Hash, Vec<u8>>,
    next_after: Option<u64>,
}

#[derive(Debug, Clone)]
struct List {
    package: Option<Package>,
    version: Option<String>,
    digest: Option<Hash>,
    items: Vec<Item>,
    /// Whether the service says that it knows where the package's chain ends, and the map's word on it.
    head: Option<Option<HeadProof>>,
}

#[derive(Debug, Clone)]
struct Item {
    index: u64,
    leaf: Vec<u8>,
    path: Vec<Hash>,
    /// None when it had to be deleted.
    envelope: Option<Vec<u8>>,
}

#[derive(Debug, Clone)]
struct Base {
    map: Option<HeadsLeaf>,
    tail: Tail,
}

/// By what an answer is judged.
#[derive(Debug, Clone, Copy)]
pub struct Demands<'a> {
    /// Whom to believe.
    pub trust: &'a Trust,
    /// What the registry's predicate types begin with.
    pub prefix: &'a str,
    /// How old cosignatures may be.
    pub freshness: Option<Freshness>,
    /// The package that was asked for: an answer about another one is refused.
    pub package: Option<&'a Package>,
}

/// An answer, all of which is in the log and was signed by the registry.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The checkpoint that it is proven by.
    pub checkpoint: SignedCheckpoint,
    /// Who saw that.
    pub witnessed: Witnessed,
    /// One for a list, one a release for a query.
    pub lists: Vec<VerifiedList>,
    /// Linked bundles, exactly as their digests say; nothing else of them is verified.
    pub linked: BTreeMap<Hash, Vec<u8>>,
    /// What entries link, and the answer does not hold, with those entries.
    pub withheld: Vec<(u64, Hash)>,
    /// Where the next page begins, by the service's word.
    pub next_after: Option<u64>,
}

/// The entries of one package, release or artifact.
#[derive(Debug, Clone)]
pub struct VerifiedList {
    /// The package they are all of, when the answer names it.
    pub package: Option<Package>,
    /// The version that was asked about.
    pub version: Option<String>,
    /// The artifact that was asked about.
    pub digest: Option<Hash>,
    /// The entries in order.
    pub items: Vec<VerifiedItem>,
    /// Where the package's chain ends, proven: `Some(None)` when it has no entry at all, `None` when nothing proves it.
    pub head: Option<Option<Head>>,
    /// Whether the entries are the package's whole chain, from its first entry to that head.
    pub whole: bool,
}

/// An entry that is in the log.
#[derive(Debug, Clone)]
pub struct VerifiedItem {
    /// Its index.
    pub index: u64,
    /// Its hash.
    pub hash: Hash,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What they say.
    pub leaf: EventLeaf,
    /// The statement behind it; none when the service had to delete that, and only the log's word is left.
    pub signed: Option<Signed>,
}

impl Answer {
    /// Reads an answer (JSON).
    ///
    /// # Errors
    /// `malformed`, `input_too_large`.
    pub fn parse(json: &[u8]) -> Result<Self> {
        read::answer(json)
    }

    /// Verifies all of it. What a statement links and the answer does not hold is told, not refused.
    ///
    /// # Errors
    /// `checkpoint_untrusted`, `quorum_missing`, `inclusion_mismatch`, `signature_mismatch`, `key_unknown`,
    /// `key_revoked`, `statement_invalid`, `leaf_mismatch`, `chain_broken`, `heads_mismatch`, `consistency_broken`,
    /// `malformed`, `input_too_large`.
    pub fn verify(self, demands: &Demands<'_>) -> Result<Verified> {
        let witnessed = demands.trust.check(&self.checkpoint, demands.freshness)?;
        let judge = Judge { demands, checkpoint: &self.checkpoint, quorum: witnessed.quorum, base: self.known()? };
        let lists = self.lists.into_iter().map(|list| judge.list(list)).collect::<Result<Vec<_>>>()?;
        let linking = lists.iter().flat_map(|list| &list.items);
        let links = linking.flat_map(|item| {
            let linked = item.signed.iter().flat_map(|signed| &signed.facts.linked);
            linked.map(|digest| (item.index, *digest))
        });
        let withheld = links.filter(|(_, digest)| !self.linked.contains_key(digest)).collect();
        let Self { checkpoint, linked, next_after, .. } = self;
        Ok(Verified { checkpoint, witnessed, lists, linked, withheld, next_after })
    }

    fn known(&self) -> Result<Option<Known>> {
        let checkpoint = self.checkpoint.checkpoint();
        let tree = (checkpoint.size(), checkpoint.root());
        self.base.as_ref().map(|base| Known::new(base.map, &base.tail, tree)).transpose()
    }
}

/// The envelope that a Sigstore bundle (JSON) holds, in the form whose digest a leaf names.
///
/// # Errors
/// `malformed`, `input_too_large`.
pub fn envelope_of(bundle: &[u8]) -> Result<Envelope> {
    read::envelope_of(bundle)
}

struct Judge<'a> {
    demands: &'a Demands<'a>,
    checkpoint: &'a SignedCheckpoint,
    quorum: bool,
    base: Option<Known>,
}

impl Judge<'_> {
    fn list(&self, list: List) -> Result<VerifiedList> {
        let package = list.package.as_ref().or(self.demands.package);
        if let (Some(asked), Some(package)) = (self.demands.package, package)
            && asked != package
        {
            return Err(broken(asked, 0, "the answer is about another package"));
        }
        let items = list.items.into_iter().map(|item| self.item(item)).collect::<Result<Vec<_>>>()?;
        if let Some(package) = package
            && let Some(other) = items.iter().find(|item| item.leaf.package != *package)
        {
            return Err(broken(package, other.index, "it is of another package"));
        }
        let from_first = linked_up(&items)?;
        let head = match (package, list.head, &self.base) {
            (Some(package), Some(proof), Some(base)) => Some(base.newest(package, proof.as_ref())?),
            _ => None,
        };
        let whole = match (package, head) {
            (Some(package), Some(head)) => from_first && ends_at(package, head, &items)?,
            _ => false,
        };
        let package = package.cloned();
        Ok(VerifiedList { package, version: list.version, digest: list.digest, items, head, whole })
    }

    fn item(&self, item: Item) -> Result<VerifiedItem> {
        let Item { index, leaf: bytes, path, envelope } = item;
        let (hash, leaf) = entry::included(index, &bytes, &path, self.checkpoint.checkpoint())?;
        let (trust, prefix) = (self.demands.trust, self.demands.prefix);
        let signed = envelope.map(|envelope| Signed::verify(trust, prefix, (index, &leaf), &envelope, self.quorum));
        Ok(VerifiedItem { index, hash, bytes, leaf, signed: signed.transpose()? })
    }
}

/// Checks that entries of one package follow each other where their numbers say so, and tells whether they are all from
/// the package's first on.
fn linked_up(items: &[VerifiedItem]) -> Result<bool> {
    let mut heads = BTreeMap::<&Package, (Head, bool)>::new();
    for item in items {
        let EventLeaf { package, seq, previous, .. } = &item.leaf;
        let before = heads.get(package);
        let next = before.map_or(Some(0), |(head, _)| head.seq.checked_add(1));
        let in_order = before.is_none_or(|(head, _)| *seq > head.seq && item.index > head.link.index);
        let follows = next != Some(*seq) || *previous == before.map(|(head, _)| head.link);
        if !in_order || !follows {
            return Err(broken(package, item.index, "it does not follow the entry before it"));
        }
        let gapless = next == Some(*seq) && before.is_none_or(|(_, gapless)| *gapless);
        heads.insert(package, (head_of(item), gapless));
    }
    Ok(heads.values().all(|(_, gapless)| *gapless))
}

/// Whether the last entry is where the chain ends. One that is behind the end, or in its place, is a fork.
fn ends_at(package: &Package, head: Option<Head>, items: &[VerifiedItem]) -> Result<bool> {
    match (items.last(), head) {
        (None, head) => Ok(head.is_none()),
        (Some(last), Some(head)) if last.leaf.seq < head.seq => Ok(false),
        (Some(last), head) if head == Some(head_of(last)) => Ok(true),
        (Some(last), _) => Err(broken(package, last.index, "the package's chain ends elsewhere")),
    }
}

fn head_of(item: &VerifiedItem) -> Head {
    Head { seq: item.leaf.seq, link: Link { index: item.index, leaf: item.hash } }
}

fn broken(package: &Package, index: u64, reason: &str) -> Error {
    Fault::ChainBroken { package: package.to_string(), index, reason: reason.to_owned() }.into()
}
