//! Signed certificate timestamps embedded in a certificate (RFC 6962, section 3.2 and 3.3): a certificate
//! transparency log's promise to publish it.

use der::Decode;
use x509_cert::ext::pkix::sct::{HashAlgorithm as TlsHash, SignatureAlgorithm as TlsSignature};
use x509_cert::ext::pkix::{SignedCertificateTimestamp, SignedCertificateTimestampList};

use crate::artifact::HashAlgorithm;
use crate::certificate::Certificate;
use crate::error::{Fault, Result};
use crate::key::KeyAlgorithm;
use crate::limits::{Limits, within};
use crate::time::Time;
use crate::trust_root::Log;

/// The times (Unix milliseconds) of the promises that `logs` made for the certificate issued by the key whose
/// SubjectPublicKeyInfo hashes to `issuer`. At least `required` logs must have promised.
pub(crate) fn verify(
    certificate: &Certificate,
    issuer: &[u8; 32],
    logs: &[Log],
    required: u64,
    limits: &Limits,
) -> Result<Vec<u64>, Fault> {
    let scts = embedded(certificate, limits)?;
    let precertificate =
        certificate.precertificate.as_deref().ok_or_else(|| invalid("the certificate cannot be encoded again"))?;
    let mut times = Vec::new();
    let mut promised: Vec<&[u8]> = Vec::new();
    let mut refusal = "the certificate carries none".to_owned();
    for sct in &scts {
        match check(sct, issuer, precertificate, logs) {
            Ok(log) if !promised.contains(&log.id.as_slice()) => {
                promised.push(&log.id);
                times.push(sct.timestamp);
            }
            Ok(_) => {}
            Err(reason) => refusal = reason,
        }
    }
    if u64::try_from(promised.len()).unwrap_or(u64::MAX) < required {
        return Err(invalid(&refusal));
    }
    Ok(times)
}

fn embedded(certificate: &Certificate, limits: &Limits) -> Result<Vec<SignedCertificateTimestamp>, Fault> {
    let Some(extension) = &certificate.scts else { return Ok(Vec::new()) };
    let malformed = || invalid("the list of timestamps is not well-formed");
    let list = SignedCertificateTimestampList::from_der(extension).map_err(|_| malformed())?;
    let list = list.parse_timestamps().map_err(|_| malformed())?;
    within("signed certificate timestamps", limits.timestamps, list.len()).map_err(|e| e.fault().clone())?;
    list.iter().map(|sct| sct.parse_timestamp().map_err(|_| malformed())).collect()
}

fn check<'a>(
    sct: &SignedCertificateTimestamp,
    issuer: &[u8; 32],
    precertificate: &[u8],
    logs: &'a [Log],
) -> Result<&'a Log, String> {
    let candidates: Vec<_> = logs.iter().filter(|log| log.id == sct.log_id.key_id).collect();
    if candidates.is_empty() {
        return Err("it is from a log the trust root does not hold".to_owned());
    }
    let seconds = i64::try_from(sct.timestamp / 1000).map_err(|_| "its time is out of range".to_owned())?;
    let nanos = u32::try_from((sct.timestamp % 1000).saturating_mul(1_000_000)).unwrap_or(0);
    let log = candidates
        .into_iter()
        .find(|log| log.validity.contains(Time { seconds, nanos }))
        .ok_or_else(|| format!("its time {seconds} is outside the validity of the log's key"))?;
    let hash = signature_hash(sct, log.key.algorithm()).ok_or("its signature algorithm does not fit the log's key")?;
    let signed = signed_data(sct, issuer, precertificate).ok_or("it is too large")?;
    log.key
        .verify_with(hash, &signed, sct.signature.signature.as_slice())
        .map(|()| log)
        .map_err(|_| "its signature does not match the certificate".to_owned())
}

fn signature_hash(sct: &SignedCertificateTimestamp, key: KeyAlgorithm) -> Option<HashAlgorithm> {
    let fits = match key {
        KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 | KeyAlgorithm::EcdsaP521 => TlsSignature::Ecdsa,
        KeyAlgorithm::Rsa => TlsSignature::Rsa,
        KeyAlgorithm::Ed25519 => return None,
    };
    let algorithm = &sct.signature.algorithm;
    match &algorithm.hash {
        _ if algorithm.signature != fits => None,
        TlsHash::Sha256 => Some(HashAlgorithm::Sha256),
        TlsHash::Sha384 => Some(HashAlgorithm::Sha384),
        TlsHash::Sha512 => Some(HashAlgorithm::Sha512),
        _ => None,
    }
}

/// `digitally-signed` of RFC 6962, section 3.2, for a precertificate.
fn signed_data(sct: &SignedCertificateTimestamp, issuer: &[u8; 32], precertificate: &[u8]) -> Option<Vec<u8>> {
    const VERSION_1: u8 = 0;
    const CERTIFICATE_TIMESTAMP: u8 = 0;
    const PRECERT_ENTRY: u16 = 1;
    let length = u32::try_from(precertificate.len()).ok().filter(|n| *n < 1 << 24)?;
    let extensions = sct.extensions.as_slice();
    let mut out = Vec::with_capacity(precertificate.len().saturating_add(64));
    out.extend([VERSION_1, CERTIFICATE_TIMESTAMP]);
    out.extend(sct.timestamp.to_be_bytes());
    out.extend(PRECERT_ENTRY.to_be_bytes());
    out.extend(issuer);
    out.extend(length.to_be_bytes().iter().skip(1));
    out.extend(precertificate);
    out.extend(u16::try_from(extensions.len()).ok()?.to_be_bytes());
    out.extend(extensions);
    Some(out)
}

fn invalid(reason: &str) -> Fault {
    Fault::SctInvalid { reason: reason.to_owned() }
}
