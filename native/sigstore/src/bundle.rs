//! The Sigstore bundle, versions 0.1 to 0.3
//! (<https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto>), parsed and not yet trusted.
//!
//! Unknown fields are ignored, as protobuf's JSON mapping allows: nothing in them is ever used. A known field that
//! stands twice is malformed.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::artifact::HashAlgorithm;
use crate::encoding::{Bytes, Hash, Int, base64_encode, from_json};
use crate::error::{Fault, Result, quote};
use crate::limits::{Limits, within};
use crate::statement::PAYLOAD_TYPE;

/// The versions of the bundle format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 0.1: a promise of inclusion is enough.
    V0_1,
    /// 0.2: an inclusion proof is needed.
    V0_2,
    /// 0.3: a single certificate, never a chain.
    V0_3,
}

impl Version {
    fn from_media_type(media_type: &str) -> Option<Self> {
        match media_type {
            "application/vnd.dev.sigstore.bundle+json;version=0.1" => Some(Self::V0_1),
            "application/vnd.dev.sigstore.bundle+json;version=0.2" => Some(Self::V0_2),
            "application/vnd.dev.sigstore.bundle+json;version=0.3"
            | "application/vnd.dev.sigstore.bundle.v0.3+json" => Some(Self::V0_3),
            _ => None,
        }
    }
}

/// The version that is written.
pub(crate) const WRITTEN_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The bundle (JSON) of a statement that was signed with a key known by `hint`, with nothing else that vouches for it.
#[must_use]
pub fn keyed_bundle(statement: &[u8], signature: &[u8], hint: &str) -> String {
    json!({
        "mediaType": WRITTEN_MEDIA_TYPE,
        "verificationMaterial": { "publicKey": { "hint": hint } },
        "dsseEnvelope": dsse(statement, signature),
    })
    .to_string()
}

/// The DSSE envelope of a statement, JSON.
pub(crate) fn dsse(statement: &[u8], signature: &[u8]) -> Value {
    json!({
        "payload": base64_encode(statement),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{ "sig": base64_encode(signature) }],
    })
}

/// A bundle.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Its media type, as written.
    pub media_type: String,
    /// The version its media type stands for.
    pub version: Version,
    /// What its signature is to be verified with.
    pub material: Material,
    /// Its transparency log entries.
    pub log_entries: Vec<LogEntry>,
    /// Its RFC 3161 timestamps, DER.
    pub timestamps: Vec<Vec<u8>>,
    /// What is signed.
    pub content: Content,
}

/// What a signature is to be verified with.
#[derive(Debug, Clone)]
pub enum Material {
    /// A certificate, DER, and whatever followed it in the bundle's chain.
    Certificate {
        /// The signing certificate.
        leaf: Vec<u8>,
        /// The rest of the chain: never used to build trust.
        others: Vec<Vec<u8>>,
    },
    /// A key known by a hint.
    Key {
        /// The hint. It is not authenticated.
        hint: String,
    },
}

/// What is signed.
#[derive(Debug, Clone)]
pub enum Content {
    /// A signature over the artifact.
    Message(MessageSignature),
    /// A DSSE envelope.
    Envelope(Envelope),
}

/// A signature over an artifact.
#[derive(Debug, Clone)]
pub struct MessageSignature {
    /// The algorithm of `digest`.
    pub algorithm: HashAlgorithm,
    /// The digest of the artifact, as a hint: it must agree, and nothing rests on it.
    pub digest: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// A DSSE envelope with its one signature (<https://github.com/secure-systems-lab/dsse>).
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The type of the payload.
    pub payload_type: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// The key id beside it, when there is one.
    pub keyid: String,
}

impl Envelope {
    /// The bytes that are signed: DSSE's pre-authentication encoding.
    #[must_use]
    pub fn pae(&self) -> Vec<u8> {
        let head = format!("DSSEv1 {} {} {} ", self.payload_type.len(), self.payload_type, self.payload.len());
        [head.as_bytes(), &self.payload].concat()
    }
}

/// A transparency log entry with its proofs.
#[derive(Clone)]
pub struct LogEntry {
    /// Its index in the log as a whole.
    pub index: u64,
    /// The id of the log.
    pub log_id: Vec<u8>,
    /// Its kind.
    pub kind: String,
    /// The version of its kind.
    pub version: String,
    /// When the log says it was entered; counts only under a verified promise.
    pub integrated_time: Option<i64>,
    /// The log's promise to include it (signed entry timestamp).
    pub promise: Option<Vec<u8>>,
    /// The proof that it is included.
    pub proof: Option<InclusionProof>,
    /// The entry, as the log holds it.
    pub body: Vec<u8>,
}

impl fmt::Debug for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogEntry({} {} at {})", self.kind, self.version, self.index)
    }
}

/// A proof of inclusion in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The entry's index in the tree.
    pub index: u64,
    /// The size of the tree.
    pub tree_size: u64,
    /// The root of the tree.
    pub root_hash: [u8; 32],
    /// The hashes from leaf to root.
    pub hashes: Vec<[u8; 32]>,
    /// The signed checkpoint; empty when absent.
    pub checkpoint: String,
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// `input_too_large`, `malformed`, `bundle_unsupported`.
    pub fn parse(json: &[u8], limits: &Limits) -> Result<Self> {
        within("bundle", limits.bundle_bytes, json.len())?;
        let wire: WireBundle = match from_json("bundle", json, limits) {
            Ok(wire) => wire,
            // A bundle of another version may well have another shape: then that is what to say.
            Err(e) => return Err(unsupported(json).map_or(e, Into::into)),
        };
        let version = Version::from_media_type(&wire.media_type)
            .ok_or_else(|| Fault::BundleUnsupported { media_type: quote(&wire.media_type) })?;
        let material = wire.verification_material;
        let timestamps =
            material.timestamp_verification_data.unwrap_or_default().rfc3161_timestamps.unwrap_or_default();
        within("timestamps", limits.timestamps, timestamps.len())?;
        for timestamp in &timestamps {
            within("timestamp", limits.timestamp_bytes, timestamp.signed_timestamp.0.len())?;
        }
        let entries = material.tlog_entries.unwrap_or_default();
        within("log entries", limits.log_entries, entries.len())?;
        Ok(Self {
            media_type: wire.media_type,
            version,
            log_entries: entries.into_iter().enumerate().map(|(i, e)| e.read(i, limits)).collect::<Result<_>>()?,
            timestamps: timestamps.into_iter().map(|t| t.signed_timestamp.0).collect(),
            material: read_material(
                version,
                material.certificate,
                material.x509_certificate_chain,
                material.public_key,
                limits,
            )?,
            content: read_content(wire.message_signature, wire.dsse_envelope)?,
        })
    }

    /// The signature's bytes: what a timestamp authority stamps.
    pub(crate) fn signature(&self) -> &[u8] {
        match &self.content {
            Content::Message(message) => &message.signature,
            Content::Envelope(envelope) => &envelope.signature,
        }
    }
}

fn unsupported(json: &[u8]) -> Option<Fault> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "mediaType", alias = "media_type")]
        media_type: String,
    }
    let head: Head = serde_json::from_slice(json).ok()?;
    let unknown = Version::from_media_type(&head.media_type).is_none();
    unknown.then(|| Fault::BundleUnsupported { media_type: quote(&head.media_type) })
}

fn read_material(
    version: Version,
    certificate: Option<WireCertificate>,
    chain: Option<WireChain>,
    key: Option<WireKey>,
    limits: &Limits,
) -> Result<Material> {
    let at = "verificationMaterial";
    match (certificate, chain, key) {
        (Some(certificate), None, None) => {
            Ok(Material::Certificate { leaf: certificate.raw_bytes.0, others: Vec::new() })
        }
        (None, Some(_), None) if version >= Version::V0_3 => {
            Err(malformed(at, "version 0.3 has one certificate, never an x509CertificateChain"))
        }
        (None, Some(chain), None) => {
            let certificates = chain.certificates.unwrap_or_default();
            within("certificate chain", limits.chain_certificates, certificates.len())?;
            for certificate in &certificates {
                within("certificate", limits.certificate_bytes, certificate.raw_bytes.0.len())?;
            }
            let mut certificates = certificates.into_iter().map(|c| c.raw_bytes.0);
            let leaf = certificates.next().ok_or_else(|| malformed(at, "the certificate chain is empty"))?;
            Ok(Material::Certificate { leaf, others: certificates.collect() })
        }
        (None, None, Some(key)) => Ok(Material::Key { hint: key.hint.unwrap_or_default() }),
        _ => Err(malformed(at, "must have exactly one of certificate, x509CertificateChain and publicKey")),
    }
}

fn read_content(message: Option<WireMessage>, envelope: Option<WireEnvelope>) -> Result<Content> {
    match (message, envelope) {
        (Some(message), None) => read_message(message).map(Content::Message),
        (None, Some(envelope)) => read_envelope(envelope).map(Content::Envelope),
        _ => Err(malformed(".", "must have exactly one of messageSignature and dsseEnvelope")),
    }
}

fn read_message(message: WireMessage) -> Result<MessageSignature> {
    let at = "messageSignature.messageDigest";
    let digest = message.message_digest.ok_or_else(|| malformed(at, "is missing"))?;
    let algorithm = HashAlgorithm::from_protobuf(&digest.algorithm).ok_or_else(|| Fault::AlgorithmUnsupported {
        what: "the message digest",
        algorithm: quote(&digest.algorithm),
    })?;
    if digest.digest.0.len() != algorithm.length() {
        return Err(malformed(at, "is not as long as its algorithm makes it"));
    }
    Ok(MessageSignature { algorithm, digest: digest.digest.0, signature: message.signature.0 })
}

fn read_envelope(envelope: WireEnvelope) -> Result<Envelope> {
    let at = "dsseEnvelope.signatures";
    let mut signatures = envelope.signatures.unwrap_or_default().into_iter();
    let (Some(signature), None) = (signatures.next(), signatures.next()) else {
        return Err(malformed(at, "a bundle's envelope has exactly one signature"));
    };
    Ok(Envelope {
        payload_type: envelope.payload_type,
        payload: envelope.payload.0,
        signature: signature.sig.0,
        keyid: signature.keyid.unwrap_or_default(),
    })
}

fn malformed(at: &str, reason: &str) -> crate::Error {
    Fault::Malformed { format: "bundle", at: at.to_owned(), reason: reason.to_owned() }.into()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBundle {
    #[serde(alias = "media_type")]
    media_type: String,
    #[serde(alias = "verification_material")]
    verification_material: WireMaterial,
    #[serde(alias = "message_signature")]
    message_signature: Option<WireMessage>,
    #[serde(alias = "dsse_envelope")]
    dsse_envelope: Option<WireEnvelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMaterial {
    certificate: Option<WireCertificate>,
    #[serde(alias = "x509_certificate_chain")]
    x509_certificate_chain: Option<WireChain>,
    #[serde(alias = "public_key")]
    public_key: Option<WireKey>,
    #[serde(alias = "tlog_entries")]
    tlog_entries: Option<Vec<WireEntry>>,
    #[serde(alias = "timestamp_verification_data")]
    timestamp_verification_data: Option<WireTimestamps>,
}

#[derive(Deserialize)]
struct WireChain {
    certificates: Option<Vec<WireCertificate>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCertificate {
    #[serde(alias = "raw_bytes")]
    raw_bytes: Bytes,
}

#[derive(Deserialize)]
struct WireKey {
    hint: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct WireTimestamps {
    #[serde(alias = "rfc3161_timestamps")]
    rfc3161_timestamps: Option<Vec<WireTimestamp>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTimestamp {
    #[serde(alias = "signed_timestamp")]
    signed_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMessage {
    #[serde(alias = "message_digest")]
    message_digest: Option<WireDigest>,
    signature: Bytes,
}

#[derive(Deserialize)]
struct WireDigest {
    algorithm: String,
    digest: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEnvelope {
    payload: Bytes,
    #[serde(alias = "payload_type")]
    payload_type: String,
    signatures: Option<Vec<WireSignature>>,
}

#[derive(Deserialize)]
struct WireSignature {
    sig: Bytes,
    keyid: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEntry {
    #[serde(alias = "log_index")]
    log_index: Option<Int>,
    #[serde(alias = "log_id")]
    log_id: WireLogId,
    #[serde(alias = "kind_version")]
    kind_version: WireKind,
    #[serde(alias = "integrated_time")]
    integrated_time: Option<Int>,
    #[serde(alias = "inclusion_promise")]
    inclusion_promise: Option<WirePromise>,
    #[serde(alias = "inclusion_proof")]
    inclusion_proof: Option<WireProof>,
    #[serde(alias = "canonicalized_body")]
    canonicalized_body: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLogId {
    #[serde(alias = "key_id")]
    key_id: Bytes,
}

#[derive(Deserialize)]
struct WireKind {
    kind: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePromise {
    #[serde(alias = "signed_entry_timestamp")]
    signed_entry_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProof {
    #[serde(alias = "log_index")]
    log_index: Option<Int>,
    #[serde(alias = "root_hash")]
    root_hash: Hash,
    #[serde(alias = "tree_size")]
    tree_size: Int,
    hashes: Option<Vec<Hash>>,
    checkpoint: Option<WireCheckpoint>,
}

#[derive(Deserialize)]
struct WireCheckpoint {
    envelope: Option<String>,
}

impl WireEntry {
    fn read(self, index: usize, limits: &Limits) -> Result<LogEntry> {
        let at = |field: &str| format!("verificationMaterial.tlogEntries[{index}].{field}");
        let natural = |field: &str, value: Option<Int>| {
            u64::try_from(value.unwrap_or_default().0).map_err(|_| malformed(&at(field), "is negative"))
        };
        let proof = match self.inclusion_proof {
            None => None,
            Some(proof) => {
                let hashes = proof.hashes.unwrap_or_default();
                within("inclusion proof hashes", limits.proof_hashes, hashes.len())?;
                Some(InclusionProof {
                    index: natural("inclusionProof.logIndex", proof.log_index)?,
                    tree_size: natural("inclusionProof.treeSize", Some(proof.tree_size))?,
                    root_hash: proof.root_hash.0,
                    hashes: hashes.into_iter().map(|h| h.0).collect(),
                    checkpoint: proof.checkpoint.and_then(|c| c.envelope).unwrap_or_default(),
                })
            }
        };
        Ok(LogEntry {
            index: natural("logIndex", self.log_index)?,
            log_id: self.log_id.key_id.0,
            kind: self.kind_version.kind,
            version: self.kind_version.version,
            // Zero is how protobuf writes an absent time.
            integrated_time: self.integrated_time.map(|t| t.0).filter(|t| *t != 0),
            promise: self.inclusion_promise.map(|p| p.signed_entry_timestamp.0),
            proof,
            body: self.canonicalized_body.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(json: &str) -> &'static str {
        Bundle::parse(json.as_bytes(), &Limits::default()).map_or_else(|e| e.code(), |_| "ok")
    }

    const MESSAGE: &str = r#""messageSignature":{"messageDigest":{"algorithm":"SHA2_256",
        "digest":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},"signature":"AA=="}"#;

    #[test]
    fn versions() {
        let with = |media: &str| {
            code(&format!(
                r#"{{"mediaType":"{media}","verificationMaterial":{{"publicKey":{{"hint":"x"}}}},{MESSAGE}}}"#
            ))
        };
        assert_eq!(with("application/vnd.dev.sigstore.bundle.v0.3+json"), "ok");
        assert_eq!(with("application/vnd.dev.sigstore.bundle+json;version=0.1"), "ok");
        assert_eq!(with("application/vnd.dev.sigstore.bundle.v0.4+json"), "bundle_unsupported");
        assert_eq!(code(r#"{"mediaType":"x","shape":"of the future"}"#), "bundle_unsupported");
    }

    #[test]
    fn exactly_one_of_each() {
        let with = |material: &str, content: &str| {
            let media = "application/vnd.dev.sigstore.bundle+json;version=0.2";
            code(&format!(r#"{{"mediaType":"{media}","verificationMaterial":{{{material}}},{content}}}"#))
        };
        assert_eq!(with(r#""publicKey":{},"certificate":null"#, MESSAGE), "ok");
        assert_eq!(with(r#""publicKey":{},"certificate":{"rawBytes":"AA=="}"#, MESSAGE), "malformed");
        assert_eq!(with(r#""x509CertificateChain":{"certificates":[]}"#, MESSAGE), "malformed");
        assert_eq!(with("", MESSAGE), "malformed");
        assert_eq!(with(r#""publicKey":{}"#, r#""messageSignature":null"#), "malformed");
        assert_eq!(with(r#""public_key":{"hint":"snake"}"#, MESSAGE), "ok");
        assert_eq!(with(r#""publicKey":{},"publicKey":{}"#, MESSAGE), "malformed");
        let two = r#""dsseEnvelope":{"payload":"AA==","payloadType":"t","signatures":[{"sig":"AA=="},{"sig":"AA=="}]}"#;
        assert_eq!(with(r#""publicKey":{}"#, two), "malformed");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let json = format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
                "verificationMaterial":{{"certificate":{{"rawBytes":"$$"}}}},{MESSAGE}}}"#
        );
        let error = Bundle::parse(json.as_bytes(), &Limits::default()).err();
        let details = error.map(|e| e.fault().details()).unwrap_or_default();
        assert!(details.contains(&("at", "verificationMaterial.certificate.rawBytes".into())), "{details:?}");
    }

    #[test]
    fn trailing_and_oversized_input() {
        assert_eq!(code("{} x"), "malformed");
        let limits = Limits { bundle_bytes: 1, ..Limits::default() };
        assert_eq!(Bundle::parse(b"{}", &limits).map_err(|e| e.code()).err(), Some("input_too_large"));
    }
}
