//! The protobuf shape of a bundle, to tell apart what differs in text only.

use std::fmt;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::operators::snake;

/// What a value is, and whether its spelling matters.
#[derive(Clone, Copy)]
struct Shape {
    kind: Kind,
    /// Whether names, numbers and base64 are brought to one form, and defaults left out.
    normal: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Bytes,
    Int,
    Message(Fields),
    List(&'static Kind),
}

type Fields = &'static [(&'static str, Kind)];

const BUNDLE: Fields = &[
    ("mediaType", Kind::Text),
    ("verificationMaterial", Kind::Message(MATERIAL)),
    ("messageSignature", Kind::Message(MESSAGE)),
    ("dsseEnvelope", Kind::Message(ENVELOPE)),
];
const MATERIAL: Fields = &[
    ("certificate", Kind::Message(CERTIFICATE)),
    ("x509CertificateChain", Kind::Message(&[("certificates", Kind::List(&Kind::Message(CERTIFICATE)))])),
    ("publicKey", Kind::Message(&[("hint", Kind::Text)])),
    ("tlogEntries", Kind::List(&Kind::Message(ENTRY))),
    ("timestampVerificationData", Kind::Message(&[("rfc3161Timestamps", Kind::List(&Kind::Message(TIMESTAMP)))])),
];
const CERTIFICATE: Fields = &[("rawBytes", Kind::Bytes)];
const TIMESTAMP: Fields = &[("signedTimestamp", Kind::Bytes)];
const MESSAGE: Fields = &[
    ("messageDigest", Kind::Message(&[("algorithm", Kind::Text), ("digest", Kind::Bytes)])),
    ("signature", Kind::Bytes),
];
const ENVELOPE: Fields = &[
    ("payload", Kind::Bytes),
    ("payloadType", Kind::Text),
    ("signatures", Kind::List(&Kind::Message(&[("sig", Kind::Bytes), ("keyid", Kind::Text)]))),
];
const ENTRY: Fields = &[
    ("logIndex", Kind::Int),
    ("logId", Kind::Message(&[("keyId", Kind::Bytes)])),
    ("kindVersion", Kind::Message(&[("kind", Kind::Text), ("version", Kind::Text)])),
    ("integratedTime", Kind::Int),
    ("inclusionPromise", Kind::Message(&[("signedEntryTimestamp", Kind::Bytes)])),
    ("inclusionProof", Kind::Message(PROOF)),
    ("canonicalizedBody", Kind::Bytes),
];
const PROOF: Fields = &[
    ("logIndex", Kind::Int),
    ("rootHash", Kind::Bytes),
    ("treeSize", Kind::Int),
    ("hashes", Kind::List(&Kind::Bytes)),
    ("checkpoint", Kind::Message(&[("envelope", Kind::Text)])),
];

/// A bundle without the members that no reader knows.
pub(crate) fn known(json: &[u8]) -> Option<Value> {
    read(json, false)
}

/// A bundle in one spelling: camel case, numbers as numbers, padded base64, no defaults.
pub(crate) fn normal(json: &[u8]) -> Option<Value> {
    read(json, true)
}

/// As [`normal`], with a chain of one certificate in the form of that certificate.
pub(crate) fn with_one_form_of_certificate(json: &[u8]) -> Option<Value> {
    let mut bundle = normal(json)?;
    let material = bundle.get_mut("verificationMaterial")?.as_object_mut()?;
    if let Some([only]) =
        material.get("x509CertificateChain").and_then(|c| c["certificates"].as_array()).map(Vec::as_slice)
    {
        let only = only.clone();
        material.remove("x509CertificateChain");
        material.insert("certificate".to_owned(), only);
    }
    Some(bundle)
}

fn read(json: &[u8], normal: bool) -> Option<Value> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = Shape { kind: Kind::Message(BUNDLE), normal }.deserialize(&mut reader).ok()?;
    reader.end().ok().map(|()| value)
}

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of a bundle")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(match self.kind {
            Kind::Int if self.normal => v.parse::<i64>().map_or_else(|_| v.into(), Value::from),
            Kind::Bytes if self.normal => decode(v).map_or_else(|| v.into(), |b| encode(&b).into()),
            _ => v.into(),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let kind = if let Kind::List(kind) = self.kind { *kind } else { Kind::Text };
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(Self { kind, ..self })? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let fields = if let Kind::Message(fields) = self.kind { fields } else { &[] };
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let Some((name, kind)) = fields.iter().find(|(name, _)| *name == key || snake(name) == key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value_seed(Self { kind: *kind, ..self })?;
            if !self.normal {
                object.insert(key, value);
            } else if !is_default(&value) {
                object.insert((*name).to_owned(), value);
            }
        }
        Ok(object.into())
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) => false,
    }
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Either alphabet, padded or not.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let with = |alphabet| GeneralPurpose::new(alphabet, LENIENT).decode(text).ok();
    with(&STANDARD).or_else(|| with(&URL_SAFE))
}

fn encode(bytes: &[u8]) -> String {
    GeneralPurpose::new(&STANDARD, LENIENT).encode(bytes)
}
