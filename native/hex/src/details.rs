//! What each event says beside the fields that all have (`attestations.md`, "Registry attestations").

use std::collections::{BTreeMap, BTreeSet};

use provenance_base::words;
use provenance_log::leaf::Event;
use provenance_log::tree::Hash;

use crate::lists::{OwnerLevel, Owners, Publisher, Publishers};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Details {
    /// A version was published, or its bytes replaced.
    Publish {
        /// The provenance that came with it.
        provenance: Vec<Link>,
        /// The bytes that were there before.
        replaces: Option<Hash>,
    },
    /// Provenance was accepted for a version that was published before.
    Provenance {
        /// At least one.
        provenance: Vec<Link>,
    },
    /// A version was taken back.
    Unpublish {
        /// Why, for people.
        reason: Option<String>,
    },
    /// A version was retired.
    Retire {
        /// Why.
        reason: Reason,
        /// More of it, for people.
        message: Option<String>,
    },
    /// A version is no longer retired.
    Unretire {
        /// Why.
        reason: Option<Reason>,
        /// More of it, for people.
        message: Option<String>,
    },
    /// A vulnerability in some versions became known, or was withdrawn.
    Vulnerability {
        /// Which.
        advisory: Advisory,
        /// Whether it stands.
        state: AdvisoryState,
    },
    /// A statement on whether vulnerabilities matter.
    Vex {
        /// Where it is made.
        document: Document,
        /// The status of each vulnerability it speaks about.
        statements: BTreeMap<String, Status>,
    },
    /// The package's owners changed.
    Owners(OwnersChange),
    /// The package's trusted publishers changed.
    Publishers(PublishersChange),
    /// The package was created or deleted.
    Package(PackageChange),
}

/// A provenance bundle that the registry verified. All but type and digest are hints: whoever relies on them recomputes
/// them from the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The type of what the bundle states.
    pub predicate_type: String,
    /// SHA-256 of the bundle in canonical JSON.
    pub bundle: Hash,
    /// Who built it.
    pub builder: Option<String>,
    /// From which repository.
    pub source: Option<String>,
    /// At which level of SLSA's build track, 0 to 3.
    pub level: Option<u8>,
}

words! {
    /// Why a version was retired.
    Reason {
        /// Something else.
        Other = "other",
        /// The package is broken.
        Invalid = "invalid",
        /// It has a security defect.
        Security = "security",
        /// It is no longer maintained.
        Deprecated = "deprecated",
        /// It has another name now.
        Renamed = "renamed",
    }
}

/// A security advisory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advisory {
    /// Its id.
    pub id: String,
    /// Its ids elsewhere.
    pub aliases: BTreeSet<String>,
    /// Where it is published.
    pub source: String,
    /// When it was changed last, RFC 3339 in UTC.
    pub modified: String,
    /// SHA-256 of the OSV document.
    pub digest: Hash,
}

words! {
    /// Whether an advisory stands.
    AdvisoryState {
        /// It does.
        Published = "published",
        /// It was withdrawn.
        Withdrawn = "withdrawn",
    }
}

/// A VEX document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its format.
    pub format: Format,
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its bytes.
    pub digest: Hash,
    /// Where it is published.
    pub url: String,
}

words! {
    /// A format of VEX documents.
    Format {
        /// OpenVEX.
        OpenVex = "openvex",
        /// CSAF.
        Csaf = "csaf",
        /// CycloneDX.
        CycloneDx = "cyclonedx",
    }
}

words! {
    /// Whether a vulnerability matters.
    Status {
        /// It does not.
        NotAffected = "not_affected",
        /// It does.
        Affected = "affected",
        /// It did.
        Fixed = "fixed",
        /// Nobody knows yet.
        UnderInvestigation = "under_investigation",
    }
}

/// A change of a package's owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnersChange {
    /// What changed.
    pub action: OwnerAction,
    /// Whom it is about.
    pub owner: String,
    /// The owner's level: afterwards, or before it was removed.
    pub level: Option<OwnerLevel>,
    /// All owners afterwards.
    pub owners: Owners,
}

words! {
    /// What can change about owners.
    OwnerAction {
        /// One more.
        Add = "add",
        /// One less.
        Remove = "remove",
        /// All rights went to one.
        Transfer = "transfer",
        /// One got another level.
        Update = "update",
    }
}

/// A change of a package's trusted publishers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishersChange {
    /// What changed.
    pub action: PublisherAction,
    /// Which publisher it is about.
    pub publisher: Publisher,
    /// All publishers afterwards.
    pub publishers: Publishers,
}

words! {
    /// What can change about trusted publishers.
    PublisherAction {
        /// One more.
        Add = "add",
        /// One less.
        Remove = "remove",
    }
}

/// The beginning or end of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageChange {
    /// Which of them.
    pub action: PackageAction,
    /// Whose it is, or was.
    pub owner: Option<String>,
}

words! {
    /// What can happen to a package as a whole.
    PackageAction {
        /// It is there.
        Created = "created",
        /// It is no longer there.
        Deleted = "deleted",
    }
}

impl Details {
    /// The event's kind.
    #[must_use]
    pub const fn event(&self) -> Event {
        match self {
            Self::Publish { .. } => Event::Publish,
            Self::Provenance { .. } => Event::Provenance,
            Self::Unpublish { .. } => Event::Unpublish,
            Self::Retire { .. } => Event::Retire,
            Self::Unretire { .. } => Event::Unretire,
            Self::Vulnerability { .. } => Event::Vulnerability,
            Self::Vex { .. } => Event::Vex,
            Self::Owners(_) => Event::Owners,
            Self::Publishers(_) => Event::Publishers,
            Self::Package(_) => Event::Package,
        }
    }
}
