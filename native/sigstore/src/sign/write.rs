//! Bundles as they are written: version 0.3, the leaf certificate alone.

use serde_json::{Map, Value, json};

use super::plan::Vouched;
use super::prepare::{Signature, SignedContent};
use crate::artifact::HashAlgorithm;
use crate::bundle::{Envelope, WRITTEN_MEDIA_TYPE, dsse};
use crate::encoding::base64_encode;
use crate::statement::PAYLOAD_TYPE;

/// The bundle of a signature with what vouches for it, JSON.
pub(super) fn bundle(signature: &Signature, vouched: Vouched) -> String {
    let mut material = Map::new();
    match &signature.certificate {
        Some(der) => material.insert("certificate".to_owned(), json!({ "rawBytes": base64_encode(der) })),
        None => material.insert("publicKey".to_owned(), json!({ "hint": signature.hint() })),
    };
    if !vouched.entries.is_empty() {
        material.insert("tlogEntries".to_owned(), vouched.entries.into());
    }
    if !vouched.stamps.is_empty() {
        let stamps: Vec<_> =
            vouched.stamps.iter().map(|der| json!({ "signedTimestamp": base64_encode(der) })).collect();
        material.insert("timestampVerificationData".to_owned(), json!({ "rfc3161Timestamps": stamps }));
    }
    let (name, content) = match &signature.content {
        SignedContent::Message { algorithm, digest, .. } => {
            ("messageSignature", message(signature, *algorithm, digest))
        }
        SignedContent::Statement { payload, .. } => ("dsseEnvelope", dsse(payload, &signature.bytes)),
    };
    let mut bundle = Map::new();
    bundle.insert("mediaType".to_owned(), WRITTEN_MEDIA_TYPE.into());
    bundle.insert("verificationMaterial".to_owned(), material.into());
    bundle.insert(name.to_owned(), content);
    Value::Object(bundle).to_string()
}

fn message(signature: &Signature, algorithm: HashAlgorithm, digest: &[u8]) -> Value {
    json!({
        "messageDigest": { "algorithm": algorithm.protobuf(), "digest": base64_encode(digest) },
        "signature": base64_encode(&signature.bytes),
    })
}

/// An envelope around a statement.
pub(super) fn envelope(payload: Vec<u8>, signature: Vec<u8>) -> Envelope {
    Envelope { payload_type: PAYLOAD_TYPE.to_owned(), payload, signature, keyid: String::new() }
}

/// RFC 7468.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let encoded = base64_encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

impl Signature {
    /// How the bundle names its key.
    pub(super) fn hint(&self) -> String {
        self.hint.clone().unwrap_or_else(|| base64_encode(&self.key.id()))
    }

    /// The DSSE envelope, JSON; `None` for a message.
    pub(super) fn envelope(&self) -> Option<Value> {
        match &self.content {
            SignedContent::Message { .. } => None,
            SignedContent::Statement { payload, .. } => Some(dsse(payload, &self.bytes)),
        }
    }
}
