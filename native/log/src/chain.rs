//! A package's chain of entries, replayed, and the state of its versions (`attestations.md`, "State of a version").

use std::collections::BTreeMap;

use crate::encoding::digest_text;
use crate::error::{Fault, Result};
use crate::leaf::{Event, EventLeaf, Link, Subjects};
use crate::limits;
use crate::purl::Package;
use crate::tree::Hash;

/// Where a package's chain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last entry's number within the package.
    pub seq: u64,
    /// The last entry.
    pub link: Link,
}

/// How an entry can fail to be its package's next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// Entries between the last one seen and this one are missing.
    Hidden,
    /// It follows another entry than the last one seen.
    Forked,
}

/// The entries of one package, from its first to some checkpoint.
#[derive(Debug, Clone)]
pub struct Chain {
    package: Package,
    head: Option<Head>,
    versions: BTreeMap<String, VersionState>,
    several: Vec<u64>,
}

/// What the log says of one version, as of the last entry replayed. Numbers are indices of log entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionState {
    /// The last publish entry and what it published.
    pub published: Option<(u64, Hash)>,
    /// The unpublish entry, when that came last.
    pub unpublished: Option<u64>,
    /// The retire entry that is in force.
    pub retired: Option<u64>,
    /// Provenance entries of the bytes that are published now.
    pub provenance: Vec<u64>,
    /// Vulnerability and VEX entries of this version alone.
    pub advisories: Vec<u64>,
}

impl Break {
    /// The break in words.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Hidden => "entries before it are missing",
            Self::Forked => "it does not follow the entry before it",
        }
    }
}

impl Head {
    /// The head after `leaf`, number `index` of the log with the hash `hash`, follows `head`.
    ///
    /// # Errors
    /// How it does not follow.
    pub fn advance(head: Option<&Self>, index: u64, hash: Hash, leaf: &EventLeaf) -> Result<Self, Break> {
        let expected = head.map_or(Some(0), |h| h.seq.checked_add(1)).ok_or(Break::Forked)?;
        if leaf.seq > expected {
            return Err(Break::Hidden);
        }
        let follows = leaf.seq == expected && leaf.previous == head.map(|h| h.link);
        if !follows || head.is_some_and(|h| h.link.index >= index) {
            return Err(Break::Forked);
        }
        Ok(Self { seq: leaf.seq, link: Link { index, leaf: hash } })
    }
}

impl Chain {
    /// The chain of a package, before its first entry.
    #[must_use]
    pub fn new(package: Package) -> Self {
        Self { package, head: None, versions: BTreeMap::new(), several: Vec::new() }
    }

    /// Appends the package's next entry, number `index` of the log with the leaf hash `hash`.
    ///
    /// # Errors
    /// `chain_broken` when it is of another package or does not follow; `input_too_large`. The chain stays as it was.
    pub fn push(&mut self, index: u64, hash: Hash, leaf: &EventLeaf) -> Result<()> {
        let broken =
            |reason: &str| Fault::ChainBroken { package: self.package.to_string(), index, reason: reason.to_owned() };
        if leaf.package != self.package {
            return Err(broken("it is of another package").into());
        }
        if leaf.seq >= limits::CHAIN_ENTRIES {
            let (what, limit) = ("entries of a package", limits::CHAIN_ENTRIES);
            return Err(Fault::InputTooLarge { what, limit, actual: leaf.seq }.into());
        }
        let head = Head::advance(self.head.as_ref(), index, hash, leaf).map_err(|b| broken(b.reason()))?;
        self.head = Some(head);
        self.apply(index, leaf);
        Ok(())
    }

    /// Takes an entry of the package without asking whether it is the next one: for what can be said of a version when
    /// only some of the package's entries are at hand. Later entries then may say otherwise.
    ///
    /// # Errors
    /// `chain_broken` when it is of another package.
    pub fn gather(&mut self, index: u64, leaf: &EventLeaf) -> Result<()> {
        if leaf.package != self.package {
            let (package, reason) = (self.package.to_string(), "it is of another package".to_owned());
            return Err(Fault::ChainBroken { package, index, reason }.into());
        }
        self.apply(index, leaf);
        Ok(())
    }

    /// Whose chain it is.
    #[must_use]
    pub fn package(&self) -> &Package {
        &self.package
    }

    /// Where it ends.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The versions with entries of their own.
    #[must_use]
    pub fn versions(&self) -> &BTreeMap<String, VersionState> {
        &self.versions
    }

    /// The vulnerability and VEX entries that may be about several versions: their statements say which.
    #[must_use]
    pub fn of_several_versions(&self) -> &[u64] {
        &self.several
    }

    /// Checks that `version` is published with the bytes of the SHA-256 `locked`, and says what else is known of it.
    ///
    /// # Errors
    /// `attestation_missing`, `release_unpublished`, `release_replaced`.
    pub fn check(&self, version: &str, locked: &Hash) -> Result<&VersionState> {
        let (package, name) = (self.package.to_string(), crate::error::quote(version));
        let Some(state) = self.versions.get(version).filter(|s| s.published.is_some() || s.unpublished.is_some())
        else {
            return Err(Fault::AttestationMissing { package, version: name }.into());
        };
        match (state.unpublished, state.published) {
            (Some(index), _) => Err(Fault::ReleaseUnpublished { package, version: name, index }.into()),
            (None, Some((index, published))) if published != *locked => {
                let (expected, actual) = (digest_text(locked), digest_text(&published));
                Err(Fault::ReleaseReplaced { package, version: name, index, expected, actual }.into())
            }
            _ => Ok(state),
        }
    }

    fn apply(&mut self, index: u64, leaf: &EventLeaf) {
        let Some(version) = &leaf.version else {
            if !leaf.event.is_of_package() {
                self.several.push(index);
            }
            return;
        };
        self.versions.entry(version.clone()).or_default().apply(index, leaf);
    }
}

impl VersionState {
    fn apply(&mut self, index: u64, leaf: &EventLeaf) {
        let subject = match &leaf.subjects {
            Subjects::Listed(list) => list.first().copied(),
            Subjects::Counted(..) => None,
        };
        match (leaf.event, subject) {
            (Event::Publish, Some(subject)) => {
                let others = self.published.is_none_or(|(_, published)| published != subject);
                if others || self.unpublished.is_some() {
                    self.provenance.clear();
                }
                self.published = Some((index, subject));
                self.unpublished = None;
            }
            (Event::Unpublish, _) => self.unpublished = Some(index),
            (Event::Provenance, Some(subject)) if self.published.is_some_and(|(_, published)| published == subject) => {
                self.provenance.push(index);
            }
            (Event::Retire, _) => self.retired = Some(index),
            (Event::Unretire, _) => self.retired = None,
            (Event::Vulnerability | Event::Vex, _) => self.advisories.push(index),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
