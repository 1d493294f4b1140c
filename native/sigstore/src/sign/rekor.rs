//! Entries in a transparency log, Rekor versions 1 and 2
//! (<https://github.com/sigstore/rekor/blob/main/openapi.yaml>,
//! <https://github.com/sigstore/rekor-tiles/blob/main/docs/openapi/rekor_service.swagger.json>).
//!
//! What comes back is what a bundle holds, as JSON. Whether the log's proofs hold is checked with the whole bundle.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Answer, Http, Request, endpoint};
use super::prepare::{Signature, SignedContent};
use super::services::Service;
use super::write::pem;
use crate::artifact::HashAlgorithm;
use crate::encoding::{Bytes, Int, base64_encode, hex_decode, hex_encode};
use crate::error::{Fault, Result};
use crate::key::KeyAlgorithm;
use crate::limits::Limits;

const WHAT: &str = "answer of the transparency log";

/// Enters a signature, and returns the entry with its proofs in the form of a bundle's `tlogEntries`.
pub(super) async fn enter(http: &Http, service: &Service, signature: &Signature, limits: &Limits) -> Result<Value> {
    match service.version {
        1 => enter_1(http, service, signature, limits).await,
        _ => enter_2(http, service, signature, limits).await,
    }
}

async fn enter_1(http: &Http, service: &Service, signature: &Signature, limits: &Limits) -> Result<Value> {
    const ENTRIES: &str = "api/v1/log/entries";
    let (kind, entry) = entry_1(signature);
    let mut request = post(endpoint(&service.url, ENTRIES), &entry);
    let mut answer = http.send(&request).await?;
    // The log has it already, perhaps from a try whose answer got lost: then it says which it is.
    if answer.status == StatusCode::CONFLICT
        && let Some(id) = named(&request.url, &answer)
    {
        let url = endpoint(&service.url, &format!("{ENTRIES}/{id}"));
        request = Request { method: Method::GET, url, body: Vec::new(), ..request };
        answer = http.send(&request).await?;
    }
    let answer = http.accepted(&request.url, answer)?;
    let entries: BTreeMap<String, WireEntry1> = http.read(WHAT, &answer, limits)?;
    let mut entries = entries.into_values();
    match (entries.next(), entries.next()) {
        (Some(entry), None) => entry.to_bundle(kind),
        _ => Err(malformed(".", "not exactly one entry")),
    }
}

/// The identifier of the entry that an answer names, if it is one of the same service. Where to ask for it is ours to say.
fn named(asked: &Url, answer: &Answer) -> Option<String> {
    let there = asked.join(answer.location.as_deref()?).ok().filter(|there| there.origin() == asked.origin())?;
    let id = there.path_segments()?.next_back()?;
    // The hash of a leaf, perhaps after the identifier of a tree.
    (matches!(id.len(), 64 | 80) && hex_decode(id).is_some()).then(|| id.to_owned())
}

async fn enter_2(http: &Http, service: &Service, signature: &Signature, limits: &Limits) -> Result<Value> {
    let request = post(endpoint(&service.url, "api/v2/log/entries"), &entry_2(signature)?);
    let entry: Value = http.ask_json(&request, limits).await?;
    let mut kept = serde_json::Map::new();
    for field in ["logIndex", "logId", "kindVersion", "inclusionProof", "canonicalizedBody"] {
        let value = entry.get(field).ok_or_else(|| malformed(field, "is missing"))?;
        kept.insert(field.to_owned(), value.clone());
    }
    Ok(kept.into())
}

fn post(url: Url, body: &Value) -> Request<'static> {
    Request {
        method: Method::POST,
        url,
        content_type: "application/json",
        accept: "application/json",
        body: body.to_string().into_bytes(),
        bearer: None,
        what: WHAT,
    }
}

/// Kind and proposed entry for version 1: hashedrekord 0.0.1 for a message, dsse 0.0.1 for an envelope.
fn entry_1(signature: &Signature) -> (&'static str, Value) {
    let verifier = match &signature.certificate {
        Some(der) => pem("CERTIFICATE", der),
        None => pem("PUBLIC KEY", signature.key.spki()),
    };
    let verifier = base64_encode(verifier.as_bytes());
    match &signature.content {
        SignedContent::Message { algorithm, digest, .. } => {
            let spec = json!({
                "data": { "hash": { "algorithm": algorithm.name(), "value": hex_encode(digest) } },
                "signature": { "content": base64_encode(&signature.bytes), "publicKey": { "content": verifier } },
            });
            ("hashedrekord", json!({ "apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec }))
        }
        SignedContent::Statement { .. } => {
            let envelope = signature.envelope().unwrap_or_default().to_string();
            let spec = json!({ "proposedContent": { "envelope": envelope, "verifiers": [verifier] } });
            ("dsse", json!({ "apiVersion": "0.0.1", "kind": "dsse", "spec": spec }))
        }
    }
}

/// Request for version 2: always hashedrekord 0.0.2, of an envelope's pre-authentication encoding too (client
/// specification, section 4.4).
fn entry_2(signature: &Signature) -> Result<Value> {
    let (algorithm, digest) = signature.digest();
    let details = key_details(signature.key.algorithm(), algorithm)?;
    let verifier = match &signature.certificate {
        Some(der) => json!({ "x509Certificate": { "rawBytes": base64_encode(der) }, "keyDetails": details }),
        None => json!({ "publicKey": { "rawBytes": base64_encode(signature.key.spki()) }, "keyDetails": details }),
    };
    let content = json!({ "content": base64_encode(&signature.bytes), "verifier": verifier });
    Ok(json!({ "hashedRekordRequestV002": { "digest": base64_encode(digest), "signature": content } }))
}

/// The name of an algorithm in Sigstore's registry.
fn key_details(key: KeyAlgorithm, hash: HashAlgorithm) -> Result<&'static str> {
    match (key, hash) {
        (KeyAlgorithm::EcdsaP256, HashAlgorithm::Sha256) => Ok("PKIX_ECDSA_P256_SHA_256"),
        (KeyAlgorithm::EcdsaP384, HashAlgorithm::Sha384) => Ok("PKIX_ECDSA_P384_SHA_384"),
        (KeyAlgorithm::EcdsaP521, HashAlgorithm::Sha512) => Ok("PKIX_ECDSA_P521_SHA_512"),
        (KeyAlgorithm::Ed25519, HashAlgorithm::Sha512) => Ok("PKIX_ED25519_PH"),
        _ => Err(Fault::AlgorithmUnsupported {
            what: "the transparency log",
            algorithm: format!("{} with {}", key.name(), hash.name()),
        }
        .into()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEntry1 {
    body: Bytes,
    integrated_time: Int,
    #[serde(rename = "logID")]
    log_id: String,
    log_index: Int,
    verification: WireVerification1,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireVerification1 {
    inclusion_proof: WireProof1,
    signed_entry_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProof1 {
    checkpoint: String,
    hashes: Vec<String>,
    log_index: Int,
    root_hash: String,
    tree_size: Int,
}

impl WireEntry1 {
    fn to_bundle(&self, kind: &str) -> Result<Value> {
        let base64 = |at: &str, hex: &str| {
            hex_decode(hex).map(|bytes| base64_encode(&bytes)).ok_or_else(|| malformed(at, "is not hexadecimal"))
        };
        let proof = &self.verification.inclusion_proof;
        let hashes = proof.hashes.iter().map(|hash| base64("verification.inclusionProof.hashes", hash));
        Ok(json!({
            "logIndex": self.log_index.0.to_string(),
            "logId": { "keyId": base64("logID", &self.log_id)? },
            "kindVersion": { "kind": kind, "version": "0.0.1" },
            "integratedTime": self.integrated_time.0.to_string(),
            "inclusionPromise": { "signedEntryTimestamp": base64_encode(&self.verification.signed_entry_timestamp.0) },
            "inclusionProof": {
                "logIndex": proof.log_index.0.to_string(),
                "rootHash": base64("verification.inclusionProof.rootHash", &proof.root_hash)?,
                "treeSize": proof.tree_size.0.to_string(),
                "hashes": hashes.collect::<Result<Vec<_>>>()?,
                "checkpoint": { "envelope": proof.checkpoint },
            },
            "canonicalizedBody": base64_encode(&self.body.0),
        }))
    }
}

/// Whether a log says that it has an entry already, and no more.
pub(super) fn is_conflict(error: &crate::Error) -> bool {
    matches!(error.fault(), Fault::TransportFailed { status, .. } if *status == i64::from(StatusCode::CONFLICT.as_u16()))
}

fn malformed(at: &str, reason: &str) -> crate::Error {
    Fault::Malformed { format: WHAT, at: at.to_owned(), reason: reason.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_names_an_entry_of_the_same_log_or_none() {
        let asked = Url::parse("https://log.example/rekor/api/v1/log/entries").unwrap();
        let named = |location: &str| {
            let answer = Answer { status: StatusCode::CONFLICT, body: Vec::new(), location: Some(location.to_owned()) };
            super::named(&asked, &answer)
        };
        let (leaf, entry) = ("0a".repeat(32), "0a".repeat(40));
        assert_eq!(named(&format!("/api/v1/log/entries/{leaf}")), Some(leaf.clone()));
        assert_eq!(named(&format!("https://log.example/api/v1/log/entries/{entry}?x#y")), Some(entry.clone()));
        assert_eq!(named(&format!("entries/{leaf}")), Some(leaf.clone()));
        for elsewhere in ["https://other.example", "http://log.example", "https://log.example:444", "//other.example"] {
            assert_eq!(named(&format!("{elsewhere}/api/v1/log/entries/{leaf}")), None, "{elsewhere}");
        }
        for other in ["", "/", "/api/v1/log/entries", "/x?q", &"0a".repeat(33), &"zz".repeat(32), "http://["] {
            assert_eq!(named(other), None, "{other}");
        }
        assert_eq!(
            super::named(&asked, &Answer { status: StatusCode::CONFLICT, body: Vec::new(), location: None }),
            None
        );
    }
}
