//! One event of one package.

use std::collections::BTreeSet;

use provenance_log::leaf::Event;
use provenance_log::purl::{Package, Repository};
use provenance_log::tree::{Hash, sha256};

use crate::actor::Actor;
use crate::details::Details;

/// What a registry attests. Whether each field is what it can be is decided when a statement is made or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The registry's URL.
    pub registry: String,
    /// The package.
    pub package: Package,
    /// The event's own id: at most 64 printable ASCII characters.
    pub id: String,
    /// When, RFC 3339 in UTC.
    pub occurred_at: String,
    /// Who did it.
    pub actor: Actor,
    /// The releases that the event is about: none for an event of the whole package, exactly one for an event of a
    /// release.
    pub releases: BTreeSet<Release>,
    /// What happened.
    pub details: Details,
}

/// A version and the SHA-256 of its tarball: Hex's outer checksum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The version.
    pub version: String,
    /// SHA-256 of the whole tarball.
    pub digest: Hash,
}

/// What an event that a registry gives need not repeat each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// The registry's URL.
    pub registry: String,
    /// The repository.
    pub repository: Repository,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { registry: "https://hex.pm".to_owned(), repository: Repository::Public }
    }
}

impl Attestation {
    /// The event's kind.
    #[must_use]
    pub const fn event(&self) -> Event {
        self.details.event()
    }

    /// The version that the event is about, when it is exactly one.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        let version = self.releases.first()?.version.as_str();
        self.releases.iter().all(|release| release.version == version).then_some(version)
    }

    /// What the event is about, as statement and log name it: tarballs, or the state of the whole package.
    #[must_use]
    pub fn subjects(&self) -> BTreeSet<Hash> {
        match self.package_digest() {
            Some(digest) => [digest].into(),
            None => self.releases.iter().map(|release| release.digest).collect(),
        }
    }

    /// For an event of the whole package, the digest of its owner list or publisher list after the event; a package that
    /// is created or deleted is nothing but its name, so that is the digest of its purl.
    pub(crate) fn package_digest(&self) -> Option<Hash> {
        match &self.details {
            Details::Owners(change) => Some(change.owners.digest()),
            Details::Publishers(change) => Some(change.publishers.digest()),
            Details::Package(_) => Some(sha256(self.package.as_str().as_bytes())),
            _ => None,
        }
    }
}
