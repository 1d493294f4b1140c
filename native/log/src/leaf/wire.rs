//! Leaves as they are written. The fields stand in RFC 8785's order, which is how they are put out.

use serde::{Deserialize, Serialize};

use super::{Event, EventLeaf, HeadsLeaf, KeyChange, Link, Purpose, Subjects, malformed};
use crate::encoding::{base64_decode, base64_encode, digest_parse, digest_text, hex_decode, hex_encode};
use crate::error::Result;
use crate::public_key::PublicKey;
use crate::purl::Package;

#[derive(Deserialize)]
pub(super) struct Type {
    #[serde(rename = "type")]
    pub(super) number: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventWire {
    envelope: String,
    event: String,
    id: String,
    package: String,
    previous: Option<LinkWire>,
    seq: u64,
    subjects: SubjectsWire,
    time: u64,
    #[serde(rename = "type")]
    number: u64,
    version: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkWire {
    index: u64,
    leaf: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum SubjectsWire {
    Listed(Vec<String>),
    Counted { count: u64, sha256: String },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadsWire {
    count: u64,
    covers: u64,
    root: String,
    #[serde(rename = "type")]
    number: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct KeyChangeWire {
    new: String,
    new_signature: String,
    old: String,
    old_signature: String,
    purpose: String,
    #[serde(rename = "type")]
    number: u64,
}

impl EventWire {
    pub(super) fn read(self) -> Result<EventLeaf> {
        let previous = self.previous.map(|p| Some(Link { index: p.index, leaf: hex_decode(&p.leaf)? }));
        let subjects = match self.subjects {
            SubjectsWire::Listed(list) => {
                list.iter().map(|s| digest_parse(s)).collect::<Option<_>>().map(Subjects::Listed)
            }
            SubjectsWire::Counted { count, sha256 } => hex_decode(&sha256).map(|hash| Subjects::Counted(count, hash)),
        };
        Ok(EventLeaf {
            envelope: digest_parse(&self.envelope).ok_or_else(|| malformed("envelope", "it is not sha256:HEX"))?,
            event: Event::parse(&self.event).ok_or_else(|| malformed("event", "it is not a known event"))?,
            id: self.id,
            package: Package::parse(&self.package)?,
            previous: previous.map(|p| p.ok_or_else(|| malformed("previous", "it has no leaf hash"))).transpose()?,
            seq: self.seq,
            subjects: subjects.ok_or_else(|| malformed("subjects", "one of them is not sha256:HEX"))?,
            time: self.time,
            version: self.version,
        })
    }
}

impl From<&EventLeaf> for EventWire {
    fn from(leaf: &EventLeaf) -> Self {
        let subjects = match &leaf.subjects {
            Subjects::Listed(list) => SubjectsWire::Listed(list.iter().map(digest_text).collect()),
            Subjects::Counted(count, hash) => SubjectsWire::Counted { count: *count, sha256: hex_encode(hash) },
        };
        Self {
            envelope: digest_text(&leaf.envelope),
            event: leaf.event.as_str().to_owned(),
            id: leaf.id.clone(),
            package: leaf.package.to_string(),
            previous: leaf.previous.map(|p| LinkWire { index: p.index, leaf: hex_encode(&p.leaf) }),
            seq: leaf.seq,
            subjects,
            time: leaf.time,
            number: 1,
            version: leaf.version.clone(),
        }
    }
}

impl HeadsWire {
    pub(super) fn read(self) -> Result<HeadsLeaf> {
        let root = hex_decode(&self.root).ok_or_else(|| malformed("root", "it is not a hash"))?;
        Ok(HeadsLeaf { count: self.count, covers: self.covers, root })
    }
}

impl From<&HeadsLeaf> for HeadsWire {
    fn from(leaf: &HeadsLeaf) -> Self {
        Self { count: leaf.count, covers: leaf.covers, root: hex_encode(&leaf.root), number: 2 }
    }
}

impl KeyChangeWire {
    pub(super) fn read(self) -> Result<KeyChange> {
        let signature = |text: &str| base64_decode(text).ok_or_else(|| malformed("signature", "it is not base64"));
        Ok(KeyChange {
            new: PublicKey::from_base64(&self.new)?,
            new_signature: signature(&self.new_signature)?,
            old: PublicKey::from_base64(&self.old)?,
            old_signature: signature(&self.old_signature)?,
            purpose: Purpose::parse(&self.purpose).ok_or_else(|| malformed("purpose", "it is not a known purpose"))?,
        })
    }
}

impl From<&KeyChange> for KeyChangeWire {
    fn from(change: &KeyChange) -> Self {
        Self {
            new: change.new.to_string(),
            new_signature: base64_encode(&change.new_signature),
            old: change.old.to_string(),
            old_signature: base64_encode(&change.old_signature),
            purpose: change.purpose.as_str().to_owned(),
            number: 3,
        }
    }
}
