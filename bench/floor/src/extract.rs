//! The (key, message, signature) triples a verification of one bundle cannot do without, taken from that bundle and
//! its trust root with no help from the library under measure.

use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, ID_SHA_256, ID_SHA_384, ID_SHA_512, SECP_256_R_1, SECP_384_R_1};
use const_oid::db::rfc6962::CT_PRECERT_SCTS;
use const_oid::db::rfc8410::ID_ED_25519;
use der::asn1::OctetString;
use der::{Decode, Encode, Header, Reader, SliceReader};
use serde_json::Value;
use x509_cert::Certificate;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::case::{self, Case, base64, bytes, list, text};
use crate::check::{Algorithm, Check, Owner};
use crate::{Outcome, during};

/// Every unavoidable check of the bundle, in the order a reader would name them.
pub(crate) fn floor(case: &Case) -> Outcome<Vec<Check>> {
    let bundle = case::json(&case.bundle_json)?;
    let root = case::json(&case.root_json)?;
    let leaf = Cert::parse(leaf_der(&bundle)?)?;
    let issuer = issuer_of(&leaf, list(&root, "/certificateAuthorities"))?;

    let mut checks = vec![sct(&leaf, &issuer, &root)?, leaf_signature(&leaf, &issuer)?];
    checks.push(artifact_signature(&bundle, &leaf, &case.artifact)?);
    for entry in list(&bundle, "/verificationMaterial/tlogEntries") {
        checks.extend(set(entry, &root)?);
        checks.extend(checkpoint(entry, &root)?);
    }
    for stamp in list(&bundle, "/verificationMaterial/timestampVerificationData/rfc3161Timestamps") {
        checks.extend(timestamp(&bytes(stamp, "/signedTimestamp")?, &root)?);
    }
    Ok(checks)
}

fn leaf_der(bundle: &Value) -> Outcome<Vec<u8>> {
    bytes(bundle, "/verificationMaterial/certificate/rawBytes")
        .or_else(|_| bytes(bundle, "/verificationMaterial/x509CertificateChain/certificates/0/rawBytes"))
}

fn sct(leaf: &Cert, issuer: &Cert, root: &Value) -> Outcome<Check> {
    let sct = Sct::from_certificate(&leaf.parsed)?;
    let mut message = vec![0, 0];
    message.extend(sct.timestamp);
    message.extend([0, 1]);
    message.extend(sha256(&issuer.spki));
    let tbs = precertificate(&leaf.parsed)?;
    message.extend(tbs.len().to_be_bytes().get(5..).unwrap_or_default());
    message.extend(tbs);
    message.extend(during("extensions", u16::try_from(sct.extensions.len()))?.to_be_bytes());
    message.extend(&sct.extensions);
    let key = log_key(list(root, "/ctlogs"), &sct.log_id)?;
    Check::new("SCT", algorithm(&key, None)?, (Owner::Root, &key), message, sct.signature)
}

fn leaf_signature(leaf: &Cert, issuer: &Cert) -> Outcome<Check> {
    certificate_signature("leaf certificate", leaf, issuer)
}

fn certificate_signature(name: &'static str, subject: &Cert, issuer: &Cert) -> Outcome<Check> {
    let algorithm = algorithm(&issuer.spki, subject.signature_hash())?;
    Check::new(name, algorithm, (Owner::Root, &issuer.spki), subject.tbs.clone(), subject.signature())
}

fn artifact_signature(bundle: &Value, leaf: &Cert, artifact: &[u8]) -> Outcome<Check> {
    let (name, message, signature) = match bundle.get("dsseEnvelope") {
        Some(envelope) => ("DSSE envelope", pae(envelope)?, bytes(envelope, "/signatures/0/sig")?),
        None => ("artifact", artifact.to_vec(), bytes(bundle, "/messageSignature/signature")?),
    };
    Check::new(name, algorithm(&leaf.spki, None)?, (Owner::Bundle, &leaf.spki), message, signature)
}

fn pae(envelope: &Value) -> Outcome<Vec<u8>> {
    let kind = text(envelope, "/payloadType")?;
    let payload = bytes(envelope, "/payload")?;
    let mut message = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    message.extend(payload);
    Ok(message)
}

fn set(entry: &Value, root: &Value) -> Outcome<Option<Check>> {
    let Ok(signature) = bytes(entry, "/inclusionPromise/signedEntryTimestamp") else {
        return Ok(None);
    };
    let log_id = bytes(entry, "/logId/keyId")?;
    let message = format!(
        r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
        text(entry, "/canonicalizedBody")?,
        text(entry, "/integratedTime")?,
        hex(&log_id),
        text(entry, "/logIndex")?,
    );
    let key = log_key(list(root, "/tlogs"), &log_id)?;
    Check::new("SET", algorithm(&key, None)?, (Owner::Root, &key), message.into_bytes(), signature).map(Some)
}

fn checkpoint(entry: &Value, root: &Value) -> Outcome<Option<Check>> {
    let Ok(note) = text(entry, "/inclusionProof/checkpoint/envelope") else {
        return Ok(None);
    };
    let (body, signatures) = note.split_once("\n\n").ok_or("checkpoint without signatures")?;
    let key = log_key(list(root, "/tlogs"), &bytes(entry, "/logId/keyId")?)?;
    for line in signatures.lines() {
        let hinted = base64(line.rsplit(' ').next().unwrap_or_default())?;
        let Some((_, signature)) = hinted.split_at_checked(4) else {
            continue;
        };
        let message = format!("{body}\n").into_bytes();
        let check = Check::new("checkpoint", algorithm(&key, None)?, (Owner::Root, &key), message, signature.to_vec());
        if check.is_ok() {
            return check.map(Some);
        }
    }
    Err("no checkpoint signature verifies with the log's key".to_owned())
}

/// The token's signature and the signing certificate's own.
fn timestamp(response: &[u8], root: &Value) -> Outcome<Vec<Check>> {
    let signed = signed_data(response)?;
    let signer = signed.signer_infos.0.get(0).ok_or("timestamp without signer")?.clone();
    let chain = authority_chain(&signer, list(root, "/timestampAuthorities"))?;
    let [leaf, issuer, ..] = chain.as_slice() else {
        return Err("timestamp authority without chain".to_owned());
    };
    let attributes = signer.signed_attrs.as_ref().ok_or("timestamp without signed attributes")?;
    let message = during("signed attributes", attributes.to_der())?;
    let algorithm = algorithm(&leaf.spki, hash_name(signer.digest_alg.oid))?;
    let signature = signer.signature.as_bytes().to_vec();
    Ok(vec![
        Check::new("TSA signature", algorithm, (Owner::Root, &leaf.spki), message, signature)?,
        certificate_signature("TSA chain", leaf, issuer)?,
    ])
}

fn signed_data(response: &[u8]) -> Outcome<SignedData> {
    let (_, content) = during("timestamp response", elements(response).and_then(|parts| two(&parts)))?;
    let info = during("content info", ContentInfo::from_der(&content))?;
    during("signed data", info.content.decode_as())
}

fn authority_chain(signer: &SignerInfo, authorities: &[Value]) -> Outcome<Vec<Cert>> {
    let cms::signed_data::SignerIdentifier::IssuerAndSerialNumber(wanted) = &signer.sid else {
        return Err("timestamp signer is not named by issuer and serial".to_owned());
    };
    for authority in authorities {
        let chain = chain(authority)?;
        let first = chain.first().map(|cert| &cert.parsed.tbs_certificate);
        if first.is_some_and(|tbs| tbs.serial_number == wanted.serial_number && tbs.issuer == wanted.issuer) {
            return Ok(chain);
        }
    }
    Err("no timestamp authority of the root signed this".to_owned())
}

/// A certificate and the bytes its signature covers.
struct Cert {
    parsed: Certificate,
    tbs: Vec<u8>,
    spki: Vec<u8>,
}

impl Cert {
    fn parse(der: Vec<u8>) -> Outcome<Self> {
        let parsed = during("certificate", Certificate::from_der(&der))?;
        let tbs = during("certificate", elements(&der).and_then(|parts| two(&parts)))?.0;
        let spki = during("public key", parsed.tbs_certificate.subject_public_key_info.to_der())?;
        Ok(Self { parsed, tbs, spki })
    }

    fn signature(&self) -> Vec<u8> {
        self.parsed.signature.raw_bytes().to_vec()
    }

    fn signature_hash(&self) -> Option<Hash> {
        use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512};
        match self.parsed.signature_algorithm.oid {
            ECDSA_WITH_SHA_256 => Some(Hash::Sha256),
            ECDSA_WITH_SHA_384 => Some(Hash::Sha384),
            ECDSA_WITH_SHA_512 => Some(Hash::Sha512),
            _ => None,
        }
    }
}

fn issuer_of(leaf: &Cert, authorities: &[Value]) -> Outcome<Cert> {
    let wanted = &leaf.parsed.tbs_certificate.issuer;
    for authority in authorities {
        for issuer in chain(authority)? {
            let named = issuer.parsed.tbs_certificate.subject == *wanted;
            if named && leaf_signature(leaf, &issuer).is_ok() {
                return Ok(issuer);
            }
        }
    }
    Err("no certificate authority of the root issued the leaf".to_owned())
}

fn chain(authority: &Value) -> Outcome<Vec<Cert>> {
    let certificates = list(authority, "/certChain/certificates");
    certificates.iter().map(|value| Cert::parse(bytes(value, "/rawBytes")?)).collect()
}

fn log_key(logs: &[Value], log_id: &[u8]) -> Outcome<Vec<u8>> {
    for log in logs {
        if bytes(log, "/logId/keyId")? == log_id {
            return bytes(log, "/publicKey/rawBytes");
        }
    }
    Err(format!("no log {} in the root", hex(log_id)))
}

struct Sct {
    log_id: Vec<u8>,
    timestamp: Vec<u8>,
    extensions: Vec<u8>,
    signature: Vec<u8>,
}

impl Sct {
    fn from_certificate(leaf: &Certificate) -> Outcome<Self> {
        let extensions = leaf.tbs_certificate.extensions.as_deref().unwrap_or_default();
        let found = extensions.iter().find(|extension| extension.extn_id == CT_PRECERT_SCTS);
        let value = found.ok_or("leaf without SCT")?.extn_value.as_bytes();
        let list = during("SCT list", OctetString::from_der(value))?;
        let mut bytes = list.as_bytes();
        take(&mut bytes, 4)?;
        take(&mut bytes, 1)?;
        let log_id = take(&mut bytes, 32)?;
        let timestamp = take(&mut bytes, 8)?;
        let extensions = take_with_length(&mut bytes)?;
        take(&mut bytes, 2)?;
        Ok(Self { log_id, timestamp, extensions, signature: take_with_length(&mut bytes)? })
    }
}

fn take_with_length(bytes: &mut &[u8]) -> Outcome<Vec<u8>> {
    let length = take(bytes, 2)?;
    take(bytes, length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)))
}

fn take(bytes: &mut &[u8], n: usize) -> Outcome<Vec<u8>> {
    let (head, tail) = bytes.split_at_checked(n).ok_or("SCT ends early")?;
    *bytes = tail;
    Ok(head.to_vec())
}

fn precertificate(leaf: &Certificate) -> Outcome<Vec<u8>> {
    let mut tbs = leaf.tbs_certificate.clone();
    if let Some(extensions) = tbs.extensions.as_mut() {
        extensions.retain(|extension| extension.extn_id != CT_PRECERT_SCTS);
    }
    during("precertificate", tbs.to_der())
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

fn hash_name(oid: ObjectIdentifier) -> Option<Hash> {
    match oid {
        ID_SHA_256 => Some(Hash::Sha256),
        ID_SHA_384 => Some(Hash::Sha384),
        ID_SHA_512 => Some(Hash::Sha512),
        _ => None,
    }
}

/// The key's algorithm; without a stated hash, the one that belongs to its curve.
fn algorithm(spki: &[u8], hash: Option<Hash>) -> Outcome<Algorithm> {
    let spki = during("public key", SubjectPublicKeyInfoRef::from_der(spki))?;
    let curve = spki.algorithm.parameters_oid().ok();
    match (spki.algorithm.oid, curve, hash) {
        (ID_EC_PUBLIC_KEY, Some(SECP_256_R_1), None | Some(Hash::Sha256)) => Ok(Algorithm::P256Sha256),
        (ID_EC_PUBLIC_KEY, Some(SECP_384_R_1), Some(Hash::Sha256)) => Ok(Algorithm::P384Sha256),
        (ID_EC_PUBLIC_KEY, Some(SECP_384_R_1), None | Some(Hash::Sha384)) => Ok(Algorithm::P384Sha384),
        (ID_EC_PUBLIC_KEY, Some(SECP_384_R_1), Some(Hash::Sha512)) => Ok(Algorithm::P384Sha512),
        (ID_ED_25519, _, _) => Ok(Algorithm::Ed25519),
        (oid, _, _) => Err(format!("no check for keys of {oid}")),
    }
}

/// The encoded elements of an outer SEQUENCE.
fn elements(der: &[u8]) -> der::Result<Vec<Vec<u8>>> {
    let mut reader = SliceReader::new(der)?;
    let header = Header::decode(&mut reader)?;
    reader.read_nested(header.length, |inner| {
        let mut parts = Vec::new();
        while !inner.is_finished() {
            parts.push(inner.tlv_bytes()?.to_vec());
        }
        Ok(parts)
    })
}

fn two(parts: &[Vec<u8>]) -> der::Result<(Vec<u8>, Vec<u8>)> {
    match parts {
        [first, second, ..] => Ok((first.clone(), second.clone())),
        _ => Err(der::ErrorKind::Failed.into()),
    }
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
