//! The signed statement behind an event's leaf: as much of it as the leaf repeats.
//!
//! A DSSE envelope in its canonical form (`attestations.md`, "Log leaf") around an in-toto Statement v1. Whether the
//! rest of the predicate is as it should be is for the crate that makes these statements.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::chain::Head;
use crate::encoding::{base64_decode, base64_encode, hex_decode, time_parse};
use crate::error::{Error, Fault, Result};
use crate::json::{self, Bad, Fields, bad_statement};
use crate::leaf::{Event, EventLeaf, Subjects};
use crate::limits::{self, within};
use crate::purl::{self, Package};
use crate::tree::{Hash, sha256};

/// The media type of what is signed.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A signed envelope, in the one form whose digest a leaf names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The signed statement.
    pub payload: Vec<u8>,
    /// The signature over [`message`](Self::message).
    pub signature: Vec<u8>,
}

/// What a signed statement says of the fields that its leaf repeats, and which bundles it links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What happened.
    pub event: Event,
    /// The event's id.
    pub id: String,
    /// To which package.
    pub package: Package,
    /// To which version.
    pub version: Option<String>,
    /// The SHA-256 values of the statement's subjects.
    pub subjects: BTreeSet<Hash>,
    /// When (Unix seconds, rounded down).
    pub time: u64,
    /// The bundles that a publish or provenance event links.
    pub linked: Vec<Hash>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EnvelopeWire {
    payload: String,
    payload_type: String,
    signatures: [SignatureWire; 1],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureWire {
    sig: String,
}

impl Envelope {
    /// Reads the canonical form.
    ///
    /// # Errors
    /// `input_too_large`; `malformed` when it is not exactly what would be written.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        within("envelope", limits::ENVELOPE_BYTES, bytes.len())?;
        let wire: EnvelopeWire = serde_json::from_slice(bytes).map_err(|e| malformed(&e.to_string()))?;
        let [signature] = &wire.signatures;
        let (Some(payload), Some(signature)) = (base64_decode(&wire.payload), base64_decode(&signature.sig)) else {
            return Err(malformed("payload or signature is not base64"));
        };
        let envelope = Self { payload, signature };
        if envelope.write() == bytes { Ok(envelope) } else { Err(malformed("it is not in canonical form")) }
    }

    /// The canonical form.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let (payload, sig) = (base64_encode(&self.payload), base64_encode(&self.signature));
        format!(r#"{{"payload":"{payload}","payloadType":"{PAYLOAD_TYPE}","signatures":[{{"sig":"{sig}"}}]}}"#)
            .into_bytes()
    }

    /// What its leaf names it by.
    #[must_use]
    pub fn digest(&self) -> Hash {
        sha256(&self.write())
    }

    /// What is signed: DSSE's pre-authentication encoding.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let header = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), self.payload.len());
        [header.as_bytes(), &self.payload].concat()
    }
}

impl Facts {
    /// Reads a statement whose predicate type is `prefix/EVENT/v1`.
    ///
    /// # Errors
    /// `statement_invalid`; `malformed` when it is not JSON, or has a key twice.
    pub fn read(payload: &[u8], prefix: &str) -> Result<Self> {
        let mut statement = json::parse("in-toto statement", payload)?.object("").map_err(bad_statement)?;
        read_statement(&mut statement, prefix).map_err(bad_statement)
    }

    /// The leaf of these facts behind `head`, where its package's chain ends: what the log enters next for it.
    #[must_use]
    pub fn leaf(&self, envelope: Hash, head: Option<&Head>) -> EventLeaf {
        EventLeaf {
            envelope,
            event: self.event,
            id: self.id.clone(),
            package: self.package.clone(),
            previous: head.map(|h| h.link),
            seq: head.map_or(0, |h| h.seq.saturating_add(1)),
            subjects: Subjects::of(&self.subjects),
            time: self.time,
            version: self.version.clone(),
        }
    }

    /// Checks that `leaf`, number `index` of the log, repeats these facts, and the digest of the envelope around them.
    ///
    /// # Errors
    /// `leaf_mismatch` with the first field that differs.
    pub fn check(&self, index: u64, leaf: &EventLeaf, envelope: &Hash) -> Result<()> {
        let fields = [
            (leaf.envelope == *envelope, "envelope"),
            (leaf.event == self.event, "event"),
            (leaf.id == self.id, "id"),
            (leaf.package == self.package, "package"),
            (leaf.version == self.version, "version"),
            (leaf.subjects == Subjects::of(&self.subjects), "subjects"),
            (leaf.time == self.time, "time"),
        ];
        let differs = fields.iter().find(|(same, _)| !same);
        differs.map_or(Ok(()), |(_, field)| Err(Fault::LeafMismatch { index, field }.into()))
    }
}

fn read_statement(statement: &mut Fields, prefix: &str) -> Result<Facts, Bad> {
    if statement.text("_type")? != "https://in-toto.io/Statement/v1" {
        return Err(Bad::new("_type", "it is not an in-toto Statement v1"));
    }
    let event = read_event(&statement.text("predicateType")?, prefix)?;
    let (package, versions, subjects) = read_subjects(statement)?;
    let mut predicate = statement.object("predicate")?;
    let version = predicate.optional_text("version")?;
    if predicate.text("package")? != package.name() {
        return Err(Bad::new("predicate.package", "it is another package than the subject"));
    }
    let versions: Vec<_> = versions.iter().collect();
    let agrees = match (&version, versions.as_slice()) {
        (Some(version), [subject]) => version == *subject && !event.is_of_package(),
        (Some(_), _) => false,
        (None, subjects) => !event.is_of_release() && event.is_of_package() == subjects.is_empty(),
    };
    if !agrees {
        return Err(Bad::new("predicate.version", "it is another version than the subject, or not of such an event"));
    }
    Ok(Facts {
        event,
        id: predicate.text("eventId")?,
        package,
        version,
        subjects,
        time: time_parse(&predicate.text("occurredAt")?)
            .ok_or_else(|| Bad::new("predicate.occurredAt", "it is not a time as 2026-01-31T12:00:00Z"))?,
        linked: if matches!(event, Event::Publish | Event::Provenance) {
            read_links(&mut predicate)?
        } else {
            Vec::new()
        },
    })
}

fn read_event(predicate_type: &str, prefix: &str) -> Result<Event, Bad> {
    let event =
        predicate_type.strip_prefix(prefix).and_then(|t| t.strip_prefix('/')).and_then(|t| t.strip_suffix("/v1"));
    event.and_then(Event::parse).ok_or_else(|| Bad::new("predicateType", "it is not one of this registry's events"))
}

type Read = (Package, BTreeSet<String>, BTreeSet<Hash>);

/// The one package of all subjects, their versions and their digests.
fn read_subjects(statement: &mut Fields) -> Result<Read, Bad> {
    let (mut package, mut versions, mut digests) = (None, BTreeSet::new(), BTreeSet::new());
    for (at, subject) in statement.list("subject", limits::STATEMENT_SUBJECTS)? {
        let mut subject = subject.object(&at)?;
        let (own, version) = purl::split(&subject.text("name")?).map_err(|e| Bad::new(&at, &e.to_string()))?;
        if package.get_or_insert_with(|| own.clone()) != &own {
            return Err(Bad::new(&at, "it is of another package than the first"));
        }
        versions.extend(version);
        digests.insert(read_sha256(&mut subject.object("digest")?)?);
    }
    let package = package.ok_or_else(|| Bad::new("subject", "there is none"))?;
    Ok((package, versions, digests))
}

fn read_links(predicate: &mut Fields) -> Result<Vec<Hash>, Bad> {
    let links = predicate.list("provenance", limits::LINKS)?;
    links.into_iter().map(|(at, link)| read_sha256(&mut link.object(&at)?.object("bundle")?)).collect()
}

fn read_sha256(digests: &mut Fields) -> Result<Hash, Bad> {
    let at = digests.path("sha256");
    hex_decode(&digests.text("sha256")?).ok_or_else(|| Bad::new(&at, "it is not a SHA-256 in lowercase hexadecimal"))
}

fn malformed(reason: &str) -> Error {
    Fault::malformed("DSSE envelope", ".", reason)
}

#[cfg(test)]
mod tests;
