//! What the log's entries say (`attestations.md`, "Log leaf"): RFC 8785 canonical JSON of at most 4096 bytes.
//!
//! A leaf has one spelling: what is read must be what would be written, byte for byte.

mod wire;

use std::collections::BTreeSet;

use crate::encoding::digest_text;
use crate::error::{Error, Fault, Result};
use crate::limits::{self, within};
use crate::public_key::PublicKey;
use crate::purl::{Package, valid_version};
use crate::tree::{Hash, leaf_hash, sha256};
use wire::{EventWire, HeadsWire, KeyChangeWire, Type};

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// Type 1: something happened to a package.
    Event(EventLeaf),
    /// Type 2: where each package's chain ends.
    Heads(HeadsLeaf),
    /// Type 3: a key takes another's place.
    KeyChange(KeyChange),
}

/// An event of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLeaf {
    /// SHA-256 of the signed envelope in its canonical form.
    pub envelope: Hash,
    /// What happened.
    pub event: Event,
    /// The event's own id: at most 64 characters of ASCII.
    pub id: String,
    /// To which package.
    pub package: Package,
    /// The package's entry before this one; none for its first.
    pub previous: Option<Link>,
    /// How many entries the package had before.
    pub seq: u64,
    /// What the event is about.
    pub subjects: Subjects,
    /// When it happened (Unix seconds), by the registry's word.
    pub time: u64,
    /// To which version; none for events of a whole package, or of several versions.
    pub version: Option<String>,
}

/// A place in the log and the leaf that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The entry's index.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Hash,
}

/// SHA-256 values of what an event is about, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subjects {
    /// One to sixteen of them.
    Listed(Vec<Hash>),
    /// More: how many, and the SHA-256 of the list as it would have stood in the leaf.
    Counted(u64, Hash),
}

/// The root of the [heads map](crate::heads).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadsLeaf {
    /// How many packages.
    pub count: u64,
    /// The size of the log that it describes.
    pub covers: u64,
    /// The root over the sorted heads.
    pub root: Hash,
}

/// A key that takes another's place, signed by both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// The key from here on.
    pub new: PublicKey,
    /// Its signature over [`message`](Self::message).
    pub new_signature: Vec<u8>,
    /// The key up to here.
    pub old: PublicKey,
    /// Its signature over [`message`](Self::message).
    pub old_signature: Vec<u8>,
    /// What the keys are for.
    pub purpose: Purpose,
}

provenance_base::words! {
    /// What can happen to a package (`attestations.md`, "Registry attestations").
    Event {
        /// A version was published, or its bytes replaced.
        Publish = "publish",
        /// Provenance was accepted for a version that was published before.
        Provenance = "provenance",
        /// A version was taken back.
        Unpublish = "unpublish",
        /// A version was retired.
        Retire = "retire",
        /// A version is no longer retired.
        Unretire = "unretire",
        /// A vulnerability in some versions became known, or was withdrawn.
        Vulnerability = "vulnerability",
        /// A statement on whether vulnerabilities matter.
        Vex = "vex",
        /// The package's owners changed.
        Owners = "owners",
        /// The package's trusted publishers changed.
        Publishers = "publishers",
        /// The package was created or deleted.
        Package = "package",
    }
}

provenance_base::words! {
    /// What a key is for.
    Purpose {
        /// Signs the registry's statements.
        Registry = "registry",
        /// Signs the log's checkpoints.
        Log = "log",
    }
}

impl Event {
    /// Whether it is about exactly one version.
    #[must_use]
    pub const fn is_of_release(self) -> bool {
        matches!(self, Self::Publish | Self::Provenance | Self::Unpublish | Self::Retire | Self::Unretire)
    }

    /// Whether it is about the package and no version.
    #[must_use]
    pub const fn is_of_package(self) -> bool {
        matches!(self, Self::Owners | Self::Publishers | Self::Package)
    }
}

impl Leaf {
    /// Reads a leaf.
    ///
    /// # Errors
    /// `input_too_large`; `malformed` when it is not exactly what would be written for what it says.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        within("leaf", limits::LEAF_BYTES, bytes.len())?;
        let json = |e: serde_json::Error| malformed(".", &e.to_string());
        let leaf = match serde_json::from_slice::<Type>(bytes).map_err(json)?.number {
            1 => Self::Event(serde_json::from_slice::<EventWire>(bytes).map_err(json)?.read()?),
            2 => Self::Heads(serde_json::from_slice::<HeadsWire>(bytes).map_err(json)?.read()?),
            3 => Self::KeyChange(serde_json::from_slice::<KeyChangeWire>(bytes).map_err(json)?.read()?),
            _ => return Err(malformed("type", "it is neither 1, 2 nor 3")),
        };
        if leaf.write()? == bytes { Ok(leaf) } else { Err(malformed(".", "it is not canonical JSON")) }
    }

    /// Its canonical bytes: what the log holds.
    ///
    /// # Errors
    /// `malformed` when a field cannot be as it is; `input_too_large`.
    pub fn write(&self) -> Result<Vec<u8>> {
        let bytes = match self {
            Self::Event(event) => {
                event.check()?;
                serde_json::to_vec(&EventWire::from(event))
            }
            Self::Heads(heads) => {
                heads.check()?;
                serde_json::to_vec(&HeadsWire::from(heads))
            }
            Self::KeyChange(change) => serde_json::to_vec(&KeyChangeWire::from(change)),
        };
        let bytes = bytes.map_err(|e| malformed(".", &e.to_string()))?;
        within("leaf", limits::LEAF_BYTES, bytes.len())?;
        Ok(bytes)
    }

    /// The key change that it is.
    #[must_use]
    pub fn as_key_change(&self) -> Option<&KeyChange> {
        match self {
            Self::KeyChange(change) => Some(change),
            _ => None,
        }
    }

    /// Its leaf hash.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn hash(&self) -> Result<Hash> {
        Ok(leaf_hash(&self.write()?))
    }
}

impl EventLeaf {
    fn check(&self) -> Result<()> {
        let id = (1..=64).contains(&self.id.len()) && self.id.bytes().all(|b| b.is_ascii_graphic());
        let numbers = [Some(self.seq), Some(self.time), self.previous.map(|p| p.index)];
        let listed = matches!(&self.subjects, Subjects::Listed(list) if list.len() == 1);
        let refused = [
            (!id, "id", "it is not 1 to 64 printable ASCII characters"),
            (numbers.iter().flatten().any(|n| *n > limits::JSON_INTEGER), ".", "a number is above 2^53 - 1"),
            ((self.seq == 0) != self.previous.is_none(), "previous", "only the first entry of a package has none"),
            (!self.subjects.is_sorted(), "subjects", "they are not 1 to 16 in order, or more than 16 counted"),
            (self.version.as_deref().is_some_and(|v| !valid_version(v)), "version", "it is not a version"),
            (self.event.is_of_release() && !(listed && self.version.is_some()), "version", "it is not of one release"),
            (self.event.is_of_package() && !(listed && self.version.is_none()), "version", "it is not of one package"),
        ];
        refused.into_iter().find(|(bad, ..)| *bad).map_or(Ok(()), |(_, at, reason)| Err(malformed(at, reason)))
    }
}

impl Subjects {
    /// The subjects as a leaf has them.
    #[must_use]
    pub fn of(subjects: &BTreeSet<Hash>) -> Self {
        let listed: Vec<_> = subjects.iter().copied().collect();
        if listed.len() <= limits::LEAF_SUBJECTS {
            return Self::Listed(listed);
        }
        let texts: Vec<_> = listed.iter().map(|s| format!("\"{}\"", digest_text(s))).collect();
        Self::Counted(limits::wide(listed.len()), sha256(format!("[{}]", texts.join(",")).as_bytes()))
    }

    fn is_sorted(&self) -> bool {
        match self {
            Self::Listed(list) => {
                let rising = list.iter().zip(list.iter().skip(1)).all(|(a, b)| a < b);
                (1..=limits::LEAF_SUBJECTS).contains(&list.len()) && rising
            }
            Self::Counted(count, _) => *count > limits::wide(limits::LEAF_SUBJECTS) && *count <= limits::JSON_INTEGER,
        }
    }
}

impl HeadsLeaf {
    fn check(&self) -> Result<()> {
        let sane = self.count <= limits::wide(limits::PACKAGES) && self.covers <= limits::JSON_INTEGER;
        if sane && self.count <= self.covers {
            Ok(())
        } else {
            Err(malformed("count", "there cannot be as many packages"))
        }
    }
}

impl KeyChange {
    /// What both keys sign: bound to the log by its origin.
    #[must_use]
    pub fn message(origin: &str, purpose: Purpose, old: &PublicKey, new: &PublicKey) -> Vec<u8> {
        let purpose = purpose.as_str();
        format!("hex_provenance/key-change/v1\n{origin}\n{{\"new\":\"{new}\",\"old\":\"{old}\",\"purpose\":\"{purpose}\"}}\n")
            .into_bytes()
    }

    /// Verifies both signatures, for the log of `origin`.
    ///
    /// # Errors
    /// `signature_mismatch`; `key_invalid` when the two keys are one.
    pub fn verify(&self, origin: &str) -> Result<()> {
        if self.old == self.new {
            return Err(Fault::KeyInvalid { what: "new key", reason: "it is the old one".to_owned() }.into());
        }
        let message = Self::message(origin, self.purpose, &self.old, &self.new);
        self.old.verify(&message, &self.old_signature)?;
        self.new.verify(&message, &self.new_signature)
    }
}

fn malformed(at: &str, reason: &str) -> Error {
    Fault::malformed("leaf", at, reason)
}

#[cfg(test)]
mod tests;
