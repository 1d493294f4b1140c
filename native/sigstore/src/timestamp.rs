//! RFC 3161 timestamps: an authority's word on when a signature existed. The token is CMS signed data (RFC 5652), read
//! where it stands: see [`crate::x509`] for why not through a crate's types.

use std::borrow::Cow;
use std::sync::Arc;

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912};
use der::asn1::{AnyRef, IntRef, OctetStringRef};
use der::{Decode, Header, Reader, SliceReader, Tag, TagNumber, Tagged};

use crate::artifact::HashAlgorithm;
use crate::authority::{Authority, Purpose, signature_hash};
use crate::error::Fault;
use crate::evidence::VerifiedTime;
use crate::key::PublicKey;
use crate::time::{Time, Validity};
use crate::x509::{Parts, algorithm, content, explicit, wrap};

const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// Verifies timestamp number `at` of a bundle, made over `signature` by one of `authorities`. Beside the time stands what
/// the authority signed: two timestamps with the same are one, whatever else surrounds it.
pub(crate) fn verify<'a>(
    at: u64,
    response: &'a [u8],
    signature: &[u8],
    authorities: &[Authority],
) -> Result<(VerifiedTime, &'a [u8]), Fault> {
    let invalid = |reason: &str| Fault::TimestampInvalid { index: at, reason: reason.to_owned() };
    let token = Token::parse(response).map_err(invalid)?;
    if token.info.hash.digest(signature) != token.info.imprint {
        return Err(invalid("it is for another signature"));
    }
    let (authority, signer) =
        token.signer(authorities).ok_or_else(|| invalid("no authority of the trust root made it"))?;
    token.check_signature(&signer).map_err(invalid)?;
    if !signer.validity.contains(token.info.time) {
        return Err(invalid("its time is outside the authority's validity"));
    }
    let time = VerifiedTime { time: token.info.time, source: "timestamp_authority", by: authority.uri.clone() };
    Ok((time, token.content))
}

/// A timestamp token, taken apart and not yet trusted.
struct Token<'a> {
    /// The TSTInfo, as it is signed.
    content: &'a [u8],
    info: Info<'a>,
    /// The certificates it carries.
    certificates: Vec<&'a [u8]>,
    signer: SignerInfo<'a>,
}

/// The one signer of a token (RFC 5652, section 5.3).
struct SignerInfo<'a> {
    id: SignerId<'a>,
    digest: ObjectIdentifier,
    /// Type and values, in order.
    attributes: Vec<(ObjectIdentifier, &'a [u8])>,
    /// The attributes as they are signed: a SET instead of `[0] IMPLICIT`.
    signed: Vec<u8>,
    algorithm: ObjectIdentifier,
    signature: &'a [u8],
}

/// How a token names its signer's certificate.
enum SignerId<'a> {
    IssuerAndSerial(&'a [u8], &'a [u8]),
    KeyId(&'a [u8]),
}

/// The certificate that a token says it was signed with, known to be a trusted authority's.
struct TokenSigner<'a> {
    der: Cow<'a, [u8]>,
    key: Arc<PublicKey>,
    validity: Validity,
}

impl<'a> Token<'a> {
    /// RFC 3161, section 2.4.2: TimeStampResp.
    fn parse(response: &'a [u8]) -> Result<Self, &'static str> {
        const BAD: &str = "it is not a well-formed timestamp response";
        let token = granted(response).map_err(|_| BAD)?.ok_or("the authority did not grant it")?;
        let (kind, data) = content_info(token).map_err(|_| BAD)?;
        if kind != rfc5911::ID_SIGNED_DATA {
            return Err("it is not signed data");
        }
        let data = SignedData::read(data).map_err(|_| BAD)?;
        if data.content_type != TST_INFO {
            return Err("it does not hold a timestamp");
        }
        let [signer] = data.signers.as_slice() else { return Err("it does not have exactly one signer") };
        Ok(Self {
            content: data.content,
            info: Info::parse(data.content)?,
            certificates: data.certificates,
            signer: SignerInfo::read(signer).map_err(|_| BAD)?.ok_or("it has no signed attributes")?,
        })
    }

    /// The authority that the token names as its signer; `None` when the trust root does not hold it. Authorities may
    /// renew under the same name and serial number: then the one valid at the time is meant.
    fn signer<'b>(&'b self, authorities: &'b [Authority]) -> Option<(&'b Authority, TokenSigner<'b>)> {
        let mut known: Vec<_> = authorities.iter().filter_map(|a| Some((a, self.own_signer(a)?))).collect();
        if known.is_empty() {
            known = self.embedded_signers(authorities);
        }
        let valid = known.iter().position(|(_, signer)| signer.validity.contains(self.info.time)).unwrap_or(0);
        (!known.is_empty()).then(|| known.swap_remove(valid))
    }

    /// The authority's signing certificate in the trust root, when the token names it.
    fn own_signer<'b>(&self, authority: &'b Authority) -> Option<TokenSigner<'b>> {
        let signer = authority.signer.as_ref()?;
        let parts = Parts::read(&signer.der, "timestamp authority").ok()?;
        let token_signer =
            TokenSigner { der: (&signer.der).into(), key: signer.key.clone(), validity: signer.validity };
        self.signer.id.names(&parts).then_some(token_signer)
    }

    /// The certificate in the token that it names, for each of `authorities` that issued it.
    fn embedded_signers<'b>(&'b self, authorities: &'b [Authority]) -> Vec<(&'b Authority, TokenSigner<'b>)> {
        let parts = self.certificates.iter().filter_map(|der| Some((*der, Parts::read(der, "timestamp").ok()?)));
        let mut found = Vec::new();
        for (der, parts) in parts.filter(|(_, parts)| self.signer.id.names(parts)).take(MOST_EMBEDDED) {
            let Ok(key) = PublicKey::from_spki("timestamp authority", parts.spki).map(Arc::new) else { continue };
            for authority in authorities {
                let Ok(issuer) = authority.issuer_of(der, &parts.validity, Purpose::TimeStamping) else { continue };
                let Some(validity) = issuer.validity.and_then(|v| v.intersect(&parts.validity)) else { continue };
                found.push((authority, TokenSigner { der: der.into(), key: key.clone(), validity }));
            }
        }
        found
    }

    /// The signed attributes bind content and certificate; the signature binds the attributes (RFC 5652, section 5.4).
    fn check_signature(&self, signer: &TokenSigner<'_>) -> Result<(), &'static str> {
        let info = &self.signer;
        let digest = hash_of(&info.digest).ok_or("its digest algorithm is not accepted")?;
        let content_type = info.attribute(rfc5911::ID_CONTENT_TYPE).and_then(|v| ObjectIdentifier::from_der(v).ok());
        if content_type != Some(TST_INFO) {
            return Err("its content type attribute is not a timestamp's");
        }
        let message_digest = info.attribute(rfc5911::ID_MESSAGE_DIGEST).and_then(|v| OctetStringRef::from_der(v).ok());
        if message_digest.map(|d| d.as_bytes()) != Some(&digest.digest(self.content)) {
            return Err("its message digest does not match its content");
        }
        if info.attributes.iter().any(|(oid, _)| *oid == SIGNING_CERTIFICATE_V2)
            && !info.attribute(SIGNING_CERTIFICATE_V2).is_some_and(|v| names_certificate(v, &signer.der))
        {
            return Err("its signing certificate attribute names another certificate");
        }
        let hash = signature_hash(&info.algorithm)
            .or_else(|| (info.algorithm == rfc5912::RSA_ENCRYPTION).then_some(digest))
            .ok_or("its signature algorithm is not accepted")?;
        let verified = signer.key.verify_with(hash, &info.signed, info.signature);
        verified.map_err(|_| "the authority's signature does not match it")
    }
}

/// How many embedded certificates of the signer's name are tried.
const MOST_EMBEDDED: usize = 4;

/// The token of a response whose status is granted, with or without modifications; `None` for any other status.
fn granted(response: &[u8]) -> der::Result<Option<&[u8]>> {
    let mut outer = content(response, Tag::Sequence)?;
    let mut status = content(outer.tlv_bytes()?, Tag::Sequence)?;
    let granted = matches!(IntRef::decode(&mut status)?.as_bytes(), [0 | 1]);
    if outer.is_finished() {
        return Ok(None);
    }
    let token = outer.tlv_bytes()?;
    outer.finish(granted.then_some(token))
}

/// RFC 5652, section 3: the type and the content of a ContentInfo.
fn content_info(der: &[u8]) -> der::Result<(ObjectIdentifier, &[u8])> {
    let mut outer = content(der, Tag::Sequence)?;
    let kind = ObjectIdentifier::decode(&mut outer)?;
    let mut wrapper = content(outer.tlv_bytes()?, explicit(TagNumber::N0))?;
    let inner = wrapper.tlv_bytes()?;
    wrapper.finish(())?;
    outer.finish((kind, inner))
}

/// RFC 5652, section 5.1, as far as it is used.
struct SignedData<'a> {
    content_type: ObjectIdentifier,
    content: &'a [u8],
    certificates: Vec<&'a [u8]>,
    signers: Vec<&'a [u8]>,
}

impl<'a> SignedData<'a> {
    fn read(der: &'a [u8]) -> der::Result<Self> {
        let mut fields = content(der, Tag::Sequence)?;
        IntRef::decode(&mut fields)?;
        content(fields.tlv_bytes()?, Tag::Set)?;
        let mut encapsulated = content(fields.tlv_bytes()?, Tag::Sequence)?;
        let content_type = ObjectIdentifier::decode(&mut encapsulated)?;
        let mut wrapper = content(encapsulated.tlv_bytes()?, explicit(TagNumber::N0))?;
        let signed = OctetStringRef::decode(&mut wrapper)?.as_bytes();
        wrapper.finish(())?;
        encapsulated.finish(())?;
        let mut certificates = Vec::new();
        if fields.peek_tag()? == explicit(TagNumber::N0) {
            certificates = elements(fields.tlv_bytes()?, explicit(TagNumber::N0))?;
        }
        if fields.peek_tag()? == explicit(TagNumber::N1) {
            fields.tlv_bytes()?;
        }
        let signers = elements(fields.tlv_bytes()?, Tag::Set)?;
        fields.finish(Self { content_type, content: signed, certificates, signers })
    }
}

/// What a SET OF holds, in the order in which it stands there.
fn elements(der: &[u8], tag: Tag) -> der::Result<Vec<&[u8]>> {
    let mut set = content(der, tag)?;
    let mut elements = Vec::new();
    while !set.is_finished() {
        elements.push(set.tlv_bytes()?);
    }
    Ok(elements)
}

impl<'a> SignerInfo<'a> {
    /// `None` when it has no signed attributes.
    fn read(der: &'a [u8]) -> der::Result<Option<Self>> {
        let mut fields = content(der, Tag::Sequence)?;
        IntRef::decode(&mut fields)?;
        let id = SignerId::read(&mut fields)?;
        let digest = algorithm(&mut fields)?;
        if fields.peek_tag()? != explicit(TagNumber::N0) {
            return Ok(None);
        }
        let attributes = fields.tlv_bytes()?;
        let algorithm = algorithm(&mut fields)?;
        let signature = OctetStringRef::decode(&mut fields)?.as_bytes();
        if !fields.is_finished() {
            fields.tlv_bytes()?;
        }
        fields.finish(())?;
        let inside = content(attributes, explicit(TagNumber::N0))?;
        let inside = inside.clone().read_slice(inside.remaining_len())?;
        let signed = wrap(Tag::Set, &[inside]).ok_or_else(|| Tag::Set.length_error())?;
        let attributes = elements(attributes, explicit(TagNumber::N0))?;
        let attributes = attributes.into_iter().map(read_attribute).collect::<der::Result<_>>()?;
        Ok(Some(Self { id, digest, attributes, signed, algorithm, signature }))
    }

    /// The value of the attribute of that type, if it is there once and has one value.
    fn attribute(&self, oid: ObjectIdentifier) -> Option<&'a [u8]> {
        let mut found = self.attributes.iter().filter(|(o, _)| *o == oid);
        let (Some((_, values)), None) = (found.next(), found.next()) else { return None };
        match elements(values, Tag::Set).ok()?.as_slice() {
            [value] => Some(value),
            _ => None,
        }
    }
}

fn read_attribute(der: &[u8]) -> der::Result<(ObjectIdentifier, &[u8])> {
    let mut attribute = content(der, Tag::Sequence)?;
    let oid = ObjectIdentifier::decode(&mut attribute)?;
    let values = attribute.tlv_bytes()?;
    attribute.finish((oid, values))
}

impl<'a> SignerId<'a> {
    fn read(fields: &mut SliceReader<'a>) -> der::Result<Self> {
        if fields.peek_tag()? == Tag::Sequence {
            let mut id = content(fields.tlv_bytes()?, Tag::Sequence)?;
            let issuer = id.tlv_bytes()?;
            let serial = IntRef::decode(&mut id)?.as_bytes();
            return id.finish(Self::IssuerAndSerial(issuer, serial));
        }
        let header = Header::decode(fields)?;
        header.tag.assert_eq(Tag::ContextSpecific { constructed: false, number: TagNumber::N0 })?;
        fields.read_slice(header.length).map(Self::KeyId)
    }

    fn names(&self, certificate: &Parts<'_>) -> bool {
        match self {
            Self::IssuerAndSerial(issuer, serial) => *issuer == certificate.issuer && *serial == certificate.serial,
            Self::KeyId(id) => certificate.key_id() == Some(id),
        }
    }
}

/// RFC 5035, section 3: the first ESSCertIDv2 of a SigningCertificateV2 hashes to `certificate`.
fn names_certificate(attribute: &[u8], certificate: &[u8]) -> bool {
    let read = || -> der::Result<(Option<ObjectIdentifier>, &[u8])> {
        let ids = content(attribute, Tag::Sequence)?.tlv_bytes()?;
        let id = content(ids, Tag::Sequence)?.tlv_bytes()?;
        let mut id = content(id, Tag::Sequence)?;
        let oid = if id.peek_tag()? == Tag::Sequence { Some(algorithm(&mut id)?) } else { None };
        Ok((oid, OctetStringRef::decode(&mut id)?.as_bytes()))
    };
    let Ok((algorithm, hash)) = read() else { return false };
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
struct Info<'a> {
    hash: HashAlgorithm,
    imprint: &'a [u8],
    time: Time,
}

impl<'a> Info<'a> {
    fn parse(der: &'a [u8]) -> Result<Self, &'static str> {
        const BAD: &str = "its timestamp information is not well-formed";
        let (oid, imprint, time) = Self::read(der).map_err(|_| BAD)?;
        let hash = hash_of(&oid).ok_or("it is over a digest of an algorithm that is not accepted")?;
        Ok(Self { hash, imprint, time: generalized_time(time).ok_or("its time is not well-formed")? })
    }

    fn read(der: &'a [u8]) -> der::Result<(ObjectIdentifier, &'a [u8], &'a [u8])> {
        let mut info = content(der, Tag::Sequence)?;
        if u8::decode(&mut info)? != 1 {
            return Err(Tag::Integer.value_error());
        }
        ObjectIdentifier::decode(&mut info)?;
        let mut imprint = content(info.tlv_bytes()?, Tag::Sequence)?;
        let oid = algorithm(&mut imprint)?;
        let hash = OctetStringRef::decode(&mut imprint)?.as_bytes();
        imprint.finish(())?;
        IntRef::decode(&mut info)?;
        let time = AnyRef::decode(&mut info)?;
        time.tag().assert_eq(Tag::GeneralizedTime)?;
        while !info.is_finished() {
            info.tlv_bytes()?;
        }
        Ok((oid, hash, time.value()))
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
