//! RFC 3161 timestamps: an authority's word on when a signature existed.

use std::borrow::Cow;
use std::sync::Arc;

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912};
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Encode, Reader, SliceReader, Tag, Tagged};
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use crate::artifact::HashAlgorithm;
use crate::authority::{Authority, Purpose, signature_hash};
use crate::certificate::validity;
use crate::error::Fault;
use crate::evidence::VerifiedTime;
use crate::key::{PublicKey, spki_der};
use crate::time::{Time, Validity};

const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// Verifies timestamp number `at` of a bundle, made over `signature` by one of `authorities`.
pub(crate) fn verify(
    at: u64,
    response: &[u8],
    signature: &[u8],
    authorities: &[Authority],
) -> Result<VerifiedTime, Fault> {
    let invalid = |reason: &str| Fault::TimestampInvalid { index: at, reason: reason.to_owned() };
    let token = Token::parse(response).map_err(invalid)?;
    if token.info.hash.digest(signature) != token.info.imprint {
        return Err(invalid("it is for another signature"));
    }
    let signer = token.signer(authorities).map_err(invalid)?;
    let (authority, signer) = signer.ok_or_else(|| invalid("no authority of the trust root made it"))?;
    token.check_signature(&signer).map_err(invalid)?;
    if !signer.validity.contains(token.info.time) {
        return Err(invalid("its time is outside the authority's validity"));
    }
    Ok(VerifiedTime { time: token.info.time, source: "timestamp_authority", by: authority.uri.clone() })
}

/// A timestamp token, parsed and not yet trusted.
struct Token {
    data: SignedData,
    /// The TSTInfo, as it is signed.
    content: Vec<u8>,
    info: Info,
}

/// The certificate that a token says it was signed with, known to be a trusted authority's.
struct TokenSigner<'a> {
    der: Cow<'a, [u8]>,
    key: Arc<PublicKey>,
    validity: Validity,
}

impl Token {
    /// RFC 3161, section 2.4.2: TimeStampResp.
    fn parse(response: &[u8]) -> Result<Self, &'static str> {
        const BAD: &str = "it is not a well-formed timestamp response";
        let mut reader = SliceReader::new(response).map_err(|_| BAD)?;
        let (status, token) = reader.sequence(|inner| Ok((inner.tlv_bytes()?, inner.tlv_bytes()?))).map_err(|_| BAD)?;
        if !reader.is_finished() {
            return Err(BAD);
        }
        check_status(status)?;
        let outer = ContentInfo::from_der(token).map_err(|_| BAD)?;
        if outer.content_type != rfc5911::ID_SIGNED_DATA {
            return Err("it is not signed data");
        }
        let data: SignedData = outer.content.decode_as().map_err(|_| BAD)?;
        if data.encap_content_info.econtent_type != TST_INFO {
            return Err("it does not hold a timestamp");
        }
        let content = data.encap_content_info.econtent.as_ref().ok_or(BAD)?;
        let content = content.decode_as::<OctetStringRef<'_>>().map_err(|_| BAD)?.as_bytes().to_vec();
        let info = Info::parse(&content)?;
        Ok(Self { data, content, info })
    }

    fn signer_info(&self) -> Result<&SignerInfo, &'static str> {
        match self.data.signer_infos.0.as_slice() {
            [one] => Ok(one),
            _ => Err("it does not have exactly one signer"),
        }
    }

    /// The authority that the token names as its signer; `None` when the trust root does not hold it. Authorities may
    /// renew under the same name and serial number: then the one valid at the time is meant.
    fn signer<'a>(
        &'a self,
        authorities: &'a [Authority],
    ) -> Result<Option<(&'a Authority, TokenSigner<'a>)>, &'static str> {
        let sid = &self.signer_info()?.sid;
        let mut known: Vec<_> = authorities.iter().filter_map(|a| Some((a, own_signer(a, sid)?))).collect();
        if known.is_empty() {
            known = embedded_signers(&self.data, sid, authorities);
        }
        let valid = known.iter().position(|(_, signer)| signer.validity.contains(self.info.time)).unwrap_or(0);
        Ok((!known.is_empty()).then(|| known.swap_remove(valid)))
    }

    /// The signed attributes bind content and certificate; the signature binds the attributes (RFC 5652, section 5.4).
    fn check_signature(&self, signer: &TokenSigner<'_>) -> Result<(), &'static str> {
        let info = self.signer_info()?;
        let digest = hash_of(&info.digest_alg.oid).ok_or("its digest algorithm is not accepted")?;
        let attributes = info.signed_attrs.as_ref().ok_or("it has no signed attributes")?;
        let one = |oid: ObjectIdentifier| {
            let mut found = attributes.iter().filter(|a| a.oid == oid);
            let attribute = found.next()?;
            match (attribute.values.as_slice(), found.next()) {
                ([value], None) => Some(value),
                _ => None,
            }
        };
        let content_type = one(rfc5911::ID_CONTENT_TYPE).and_then(|v| v.decode_as::<ObjectIdentifier>().ok());
        if content_type != Some(TST_INFO) {
            return Err("its content type attribute is not a timestamp's");
        }
        let message_digest = one(rfc5911::ID_MESSAGE_DIGEST).and_then(|v| v.decode_as::<OctetStringRef<'_>>().ok());
        if message_digest.map(|d| d.as_bytes()) != Some(&digest.digest(&self.content)) {
            return Err("its message digest does not match its content");
        }
        if attributes.iter().any(|a| a.oid == SIGNING_CERTIFICATE_V2)
            && !one(SIGNING_CERTIFICATE_V2)
                .is_some_and(|v| v.to_der().is_ok_and(|v| names_certificate(&v, &signer.der)))
        {
            return Err("its signing certificate attribute names another certificate");
        }
        let hash = signature_hash(&info.signature_algorithm.oid)
            .or_else(|| (info.signature_algorithm.oid == rfc5912::RSA_ENCRYPTION).then_some(digest))
            .ok_or("its signature algorithm is not accepted")?;
        let signed = attributes.to_der().map_err(|_| "its attributes cannot be encoded")?;
        let signature = info.signature.as_bytes();
        let verified = signer.key.verify_with(hash, &signed, signature);
        verified.map_err(|_| "the authority's signature does not match it")
    }
}

/// The authority's signing certificate in the trust root, when `sid` names it.
fn own_signer<'a>(authority: &'a Authority, sid: &SignerIdentifier) -> Option<TokenSigner<'a>> {
    let signer = authority.signer.as_ref().filter(|s| names(sid, &s.parsed))?;
    Some(TokenSigner { der: (&signer.der).into(), key: signer.key.clone(), validity: signer.validity })
}

/// The certificate in the token that `sid` names, for each of `authorities` that issued it.
fn embedded_signers<'a>(
    data: &SignedData,
    sid: &SignerIdentifier,
    authorities: &'a [Authority],
) -> Vec<(&'a Authority, TokenSigner<'a>)> {
    let certificates = data.certificates.iter().flat_map(|set| set.0.iter()).filter_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) if names(sid, certificate) => Some(certificate),
        _ => None,
    });
    let mut found = Vec::new();
    for certificate in certificates.take(MOST_EMBEDDED) {
        let tbs = &certificate.tbs_certificate;
        let (Ok(der), Some(spki)) = (certificate.to_der(), spki_der(&tbs.subject_public_key_info)) else { continue };
        let Ok(key) = PublicKey::from_spki("timestamp authority", &spki).map(Arc::new) else { continue };
        for authority in authorities {
            let Ok(issuer) = authority.issuer_of(&der, &validity(tbs), Purpose::TimeStamping) else { continue };
            let Some(validity) = issuer.validity.and_then(|v| v.intersect(&validity(tbs))) else { continue };
            found.push((authority, TokenSigner { der: der.clone().into(), key: key.clone(), validity }));
        }
    }
    found
}

/// How many embedded certificates of the signer's name are tried.
const MOST_EMBEDDED: usize = 4;

/// PKIStatusInfo: granted, with or without modifications.
fn check_status(status: &[u8]) -> Result<(), &'static str> {
    let read = |bytes| {
        SliceReader::new(bytes)?.sequence(|inner| {
            let status = u8::decode(inner)?;
            while !inner.is_finished() {
                inner.tlv_bytes()?;
            }
            Ok(status)
        })
    };
    match read(status) {
        Ok(0 | 1) => Ok(()),
        _ => Err("the authority did not grant it"),
    }
}

fn names(sid: &SignerIdentifier, certificate: &x509_cert::Certificate) -> bool {
    let tbs = &certificate.tbs_certificate;
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => id.issuer == tbs.issuer && id.serial_number == tbs.serial_number,
        SignerIdentifier::SubjectKeyIdentifier(id) => {
            tbs.get::<SubjectKeyIdentifier>().is_ok_and(|found| found.is_some_and(|(_, key)| key == *id))
        }
    }
}

/// RFC 5035: the first ESSCertIDv2 of a SigningCertificateV2 hashes to `certificate`.
fn names_certificate(attribute: &[u8], certificate: &[u8]) -> bool {
    let first = |reader: &mut SliceReader<'_>| -> der::Result<(Option<ObjectIdentifier>, Vec<u8>)> {
        reader.sequence(|signing| {
            let ids = signing.tlv_bytes()?;
            while !signing.is_finished() {
                signing.tlv_bytes()?;
            }
            let mut ids = SliceReader::new(ids)?;
            ids.sequence(|ids| {
                let id = ids.sequence(|id| {
                    let algorithm = match id.peek_tag()? {
                        Tag::Sequence => Some(x509_cert::spki::AlgorithmIdentifierRef::decode(id)?.oid),
                        _ => None,
                    };
                    let hash = OctetStringRef::decode(id)?.as_bytes().to_vec();
                    while !id.is_finished() {
                        id.tlv_bytes()?;
                    }
                    Ok((algorithm, hash))
                })?;
                while !ids.is_finished() {
                    ids.tlv_bytes()?;
                }
                Ok(id)
            })
        })
    };
    let Ok((algorithm, hash)) = SliceReader::new(attribute).and_then(|mut reader| first(&mut reader)) else {
        return false;
    };
    let algorithm = algorithm.map_or(Some(HashAlgorithm::Sha256), |oid| hash_of(&oid));
    algorithm.is_some_and(|a| a.digest(certificate) == hash)
}

fn hash_of(oid: &ObjectIdentifier) -> Option<HashAlgorithm> {
    match *oid {
        rfc5912::ID_SHA_256 => Some(HashAlgorithm::Sha256),
        rfc5912::ID_SHA_384 => Some(HashAlgorithm::Sha384),
        rfc5912::ID_SHA_512 => Some(HashAlgorithm::Sha512),
        _ => None,
    }
}

/// What of a TSTInfo (RFC 3161, section 2.4.2) matters here. The crates' own type cannot hold fractions of a second.
struct Info {
    hash: HashAlgorithm,
    imprint: Vec<u8>,
    time: Time,
}

impl Info {
    fn parse(content: &[u8]) -> Result<Self, &'static str> {
        const BAD: &str = "its timestamp information is not well-formed";
        let mut reader = SliceReader::new(content).map_err(|_| BAD)?;
        let (version, algorithm, imprint, time) = reader
            .sequence(|info| {
                let version = u8::decode(info)?;
                ObjectIdentifier::decode(info)?;
                let (algorithm, imprint) = info.sequence(|imprint| {
                    let algorithm = x509_cert::spki::AlgorithmIdentifierRef::decode(imprint)?;
                    Ok((algorithm.oid, OctetStringRef::decode(imprint)?.as_bytes().to_vec()))
                })?;
                der::asn1::IntRef::decode(info)?;
                let time = AnyRef::decode(info)?;
                time.tag().assert_eq(Tag::GeneralizedTime)?;
                while !info.is_finished() {
                    info.tlv_bytes()?;
                }
                Ok((version, algorithm, imprint, time.value()))
            })
            .map_err(|_| BAD)?;
        if version != 1 || !reader.is_finished() {
            return Err(BAD);
        }
        let hash = hash_of(&algorithm).ok_or("it is over a digest of an algorithm that is not accepted")?;
        Ok(Self { hash, imprint, time: generalized_time(time).ok_or("its time is not well-formed")? })
    }
}

/// `YYYYMMDDhhmmss[.f...]Z`.
fn generalized_time(bytes: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !fraction.is_none_or(|f| (1..=9).contains(&f.len()) && digits(f)) {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to).unwrap_or_default();
    Time::parse_rfc3339(&format!(
        "{}-{}-{}T{}:{}:{}.{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14),
        fraction.unwrap_or("0"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_fractions() {
        let at = |t: &str| generalized_time(t.as_bytes());
        assert_eq!(at("20260604174329Z"), Some(Time::from_seconds(1_780_595_009)));
        assert_eq!(at("20260604174329.5Z"), Some(Time { seconds: 1_780_595_009, nanos: 500_000_000 }));
        for bad in [
            "20260604174329",
            "202606041743Z",
            "20260604174329.Z",
            "20261304174329Z",
            "20260604174329+0100",
            "20260604174329.0000000001Z",
            "2026060417432\u{661}Z",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }
}
