//! X.509 certificates (RFC 5280, section 4.1) taken apart where they stand, and the few DER helpers that takes.
//!
//! The `x509-cert` and `cms` types are not used for what an attacker writes: they read every SET OF into a sorted list, by
//! insertion, and a set in descending order makes that quadratic before anything is verified.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_CE_BASIC_CONSTRAINTS, ID_CE_SUBJECT_KEY_IDENTIFIER};
use der::asn1::{IntRef, OctetStringRef};
use der::{Decode, Encode, Header, Reader, SliceReader, Tag, TagNumber};
use x509_cert::ext::pkix::BasicConstraints;

use crate::error::{Error, Fault, quote};
use crate::time::{Time, Validity};

/// The parts of a certificate, where they stand in its DER.
pub(crate) struct Parts<'a> {
    /// The to-be-signed part, whole.
    pub(crate) tbs: &'a [u8],
    /// Big-endian.
    pub(crate) serial: &'a [u8],
    /// A name, DER.
    pub(crate) issuer: &'a [u8],
    pub(crate) validity: Validity,
    /// A name, DER.
    pub(crate) subject: &'a [u8],
    pub(crate) spki: &'a [u8],
    /// The content of the to-be-signed part up to its extensions.
    before_extensions: &'a [u8],
    pub(crate) extensions: Vec<Extension<'a>>,
    pub(crate) signature_algorithm: ObjectIdentifier,
    pub(crate) signature: &'a [u8],
}

pub(crate) struct Extension<'a> {
    pub(crate) oid: ObjectIdentifier,
    pub(crate) value: &'a [u8],
    /// All of it, as it stands.
    der: &'a [u8],
}

/// More than any certificate has: Fulcio's have about thirty.
const MOST_EXTENSIONS: usize = 100;

/// `[0] EXPLICIT INTEGER 2`: the only version with extensions.
const VERSION_3: &[u8] = &[0xa0, 3, 2, 1, 2];

impl<'a> Parts<'a> {
    /// Takes `der` apart; `at` says where it stands.
    pub(crate) fn read(der: &'a [u8], at: &str) -> Result<Self, Error> {
        Self::read_der(der).map_err(|e| {
            let reason = quote(&e.to_string());
            Fault::Malformed { format: "X.509 certificate", at: at.to_owned(), reason }.into()
        })
    }

    fn read_der(der: &'a [u8]) -> der::Result<Self> {
        let mut outer = content(der, Tag::Sequence)?;
        let tbs = outer.tlv_bytes()?;
        let signature_algorithm = algorithm(&mut outer)?;
        let signature = der::asn1::BitStringRef::decode(&mut outer)?;
        outer.finish(())?;

        let mut fields = content(tbs, Tag::Sequence)?;
        let length = fields.remaining_len();
        let whole = fields.clone().read_slice(length)?;
        if fields.tlv_bytes()? != VERSION_3 {
            return Err(explicit(TagNumber::N0).value_error());
        }
        let serial = IntRef::decode(&mut fields)?.as_bytes();
        fields.tlv_bytes()?;
        let issuer = fields.tlv_bytes()?;
        let validity = x509_cert::time::Validity::decode(&mut fields)?;
        let subject = fields.tlv_bytes()?;
        let spki = fields.tlv_bytes()?;
        let (mut extensions, mut before) = (Vec::new(), length);
        while !fields.is_finished() {
            let at = fields.position();
            if fields.peek_tag()? == explicit(TagNumber::N3) {
                extensions = read_extensions(fields.tlv_bytes()?)?;
                before = at;
                fields.clone().finish(())?;
            } else {
                fields.tlv_bytes()?;
            }
        }
        Ok(Self {
            tbs,
            serial,
            issuer,
            validity: read_validity(&validity),
            subject,
            spki,
            before_extensions: whole.get(..usize::try_from(before)?).unwrap_or_default(),
            extensions,
            signature_algorithm,
            signature: signature.as_bytes().unwrap_or_default(),
        })
    }

    /// The to-be-signed part without one extension, encoded again around what is left as it stands.
    pub(crate) fn without(&self, oid: ObjectIdentifier) -> Option<Vec<u8>> {
        let kept: Vec<_> = self.extensions.iter().filter(|e| e.oid != oid).map(|e| e.der).collect();
        let list = wrap(Tag::Sequence, &kept)?;
        let extensions = wrap(explicit(TagNumber::N3), &[&list])?;
        wrap(Tag::Sequence, &[self.before_extensions, &extensions])
    }

    /// Whether it may issue certificates.
    pub(crate) fn is_authority(&self) -> bool {
        let constraints = self.extension(ID_CE_BASIC_CONSTRAINTS).map(BasicConstraints::from_der);
        constraints.is_some_and(|c| c.is_ok_and(|c| c.ca))
    }

    /// Its subject key identifier, when it has one.
    pub(crate) fn key_id(&self) -> Option<&'a [u8]> {
        OctetStringRef::from_der(self.extension(ID_CE_SUBJECT_KEY_IDENTIFIER)?).ok().map(|id| id.as_bytes())
    }

    fn extension(&self, oid: ObjectIdentifier) -> Option<&'a [u8]> {
        self.extensions.iter().find(|e| e.oid == oid).map(|e| e.value)
    }
}

fn read_extensions(field: &[u8]) -> der::Result<Vec<Extension<'_>>> {
    let mut wrapper = content(field, explicit(TagNumber::N3))?;
    let list = wrapper.tlv_bytes()?;
    wrapper.finish(())?;
    let mut list = content(list, Tag::Sequence)?;
    let mut extensions = Vec::with_capacity(32);
    while !list.is_finished() {
        if extensions.len() >= MOST_EXTENSIONS {
            return Err(Tag::Sequence.length_error());
        }
        let der = list.tlv_bytes()?;
        let mut extension = content(der, Tag::Sequence)?;
        let oid = ObjectIdentifier::decode(&mut extension)?;
        Option::<bool>::decode(&mut extension)?;
        let value = OctetStringRef::decode(&mut extension)?.as_bytes();
        extension.finish(())?;
        extensions.push(Extension { oid, value, der });
    }
    Ok(extensions)
}

fn read_validity(validity: &x509_cert::time::Validity) -> Validity {
    let seconds = |t: &x509_cert::time::Time| {
        Time::from_seconds(i64::try_from(t.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
    };
    Validity::between(seconds(&validity.not_before), seconds(&validity.not_after))
}

/// The tag of `[number] EXPLICIT`, or of an IMPLICIT constructed type.
pub(crate) fn explicit(number: TagNumber) -> Tag {
    Tag::ContextSpecific { constructed: true, number }
}

/// A reader of what is inside `tlv`, which is one whole value of that tag.
pub(crate) fn content(tlv: &[u8], tag: Tag) -> der::Result<SliceReader<'_>> {
    let mut reader = SliceReader::new(tlv)?;
    let header = Header::decode(&mut reader)?;
    header.tag.assert_eq(tag)?;
    let inner = reader.read_slice(header.length)?;
    reader.finish(())?;
    SliceReader::new(inner)
}

/// Reads an AlgorithmIdentifier; its parameters are passed over.
pub(crate) fn algorithm(reader: &mut SliceReader<'_>) -> der::Result<ObjectIdentifier> {
    let mut identifier = content(reader.tlv_bytes()?, Tag::Sequence)?;
    let oid = ObjectIdentifier::decode(&mut identifier)?;
    if !identifier.is_finished() {
        identifier.tlv_bytes()?;
    }
    identifier.finish(oid)
}

/// A value of that tag around `parts`.
pub(crate) fn wrap(tag: Tag, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let length = parts.iter().map(|p| p.len()).fold(0, usize::saturating_add);
    let mut out = Vec::with_capacity(length.saturating_add(8));
    Header::new(tag, der::Length::try_from(length).ok()?).ok()?.encode_to_vec(&mut out).ok()?;
    parts.iter().for_each(|part| out.extend_from_slice(part));
    Some(out)
}
