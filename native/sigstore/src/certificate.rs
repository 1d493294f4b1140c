//! The signing certificate: who it names and what Fulcio says of them.
//!
//! It is taken apart where it stands (RFC 5280, section 4.1), since it is new in every verification: its signature, usage
//! and path are for [`crate::authority`] and webpki to judge, which read it again.

use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE,
    ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use const_oid::db::rfc6962::CT_PRECERT_SCTS;
use der::asn1::{OctetStringRef, Utf8StringRef};
use der::{Decode, Encode, Header, Reader, SliceReader, Tag, TagNumber, Tagged};
use x509_cert::TbsCertificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, KeyUsage, SubjectAltName};

use crate::artifact::sha256;
use crate::claims;
use crate::encoding::{base64_encode, hex_encode};
use crate::error::{Error, Fault, Result, quote};
use crate::key::PublicKey;
use crate::limits::{Limits, within};
use crate::time::{Time, Validity};

/// 1.3.6.1.4.1.57264.1, encoded: the arc of Fulcio's extensions.
const FULCIO: &[u8] = &[0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1];
const FULCIO_OTHER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");

/// Extensions whose meaning is checked here or by path validation.
const KNOWN: [ObjectIdentifier; 7] = [
    ID_CE_BASIC_CONSTRAINTS,
    ID_CE_KEY_USAGE,
    ID_CE_EXT_KEY_USAGE,
    ID_CE_SUBJECT_KEY_IDENTIFIER,
    ID_CE_AUTHORITY_KEY_IDENTIFIER,
    ID_CE_SUBJECT_ALT_NAME,
    CT_PRECERT_SCTS,
];

/// A signing certificate, parsed but not yet trusted.
pub struct Certificate {
    pub(crate) der: Vec<u8>,
    /// Its serial number, big-endian.
    pub(crate) serial: Vec<u8>,
    /// Its issuer's name, DER.
    pub(crate) issuer_name: Vec<u8>,
    pub(crate) key: PublicKey,
    pub(crate) validity: Validity,
    /// Kind and value of each subject alternative name that can name a signer.
    pub(crate) sans: Vec<(&'static str, String)>,
    claims: Vec<(&'static str, String)>,
    /// The issuer's key identifier, when it names one.
    pub(crate) issuer_key_id: Option<Vec<u8>>,
    /// The extension with signed certificate timestamps.
    pub(crate) scts: Option<Vec<u8>>,
    pub(crate) unknown_extensions: Vec<String>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.subject())
    }
}

impl Certificate {
    /// Reads a DER certificate.
    ///
    /// # Errors
    /// `malformed`, `certificate_invalid`, `key_invalid`, `algorithm_unsupported`, `input_too_large`.
    pub fn parse(der: &[u8], limits: &Limits) -> Result<Self> {
        within("certificate", limits.certificate_bytes, der.len())?;
        let parts = Parts::read(der).map_err(|e| malformed("the signing certificate", &e))?;
        let mut certificate = Self {
            der: der.to_vec(),
            serial: parts.serial.to_vec(),
            issuer_name: parts.issuer.to_vec(),
            key: PublicKey::from_spki("signing certificate", parts.spki)?,
            validity: validity_of(&parts.validity),
            sans: Vec::new(),
            claims: Vec::with_capacity(claims::CLAIMS.len()),
            issuer_key_id: None,
            scts: None,
            unknown_extensions: Vec::new(),
        };
        certificate.read_extensions(&parts.extensions)?;
        Ok(certificate)
    }

    /// The OIDC issuer: claim .8, else .1.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.claim("issuer").or_else(|| self.claim("issuer_v1"))
    }

    /// The claim of that name in [`claims::CLAIMS`].
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// All claims present, by name.
    #[must_use]
    pub fn claims(&self) -> &[(&'static str, String)] {
        &self.claims
    }

    pub(crate) fn into_claims(self) -> Vec<(&'static str, String)> {
        self.claims
    }

    /// A name for errors: its first subject alternative name, else its serial number.
    pub(crate) fn subject(&self) -> String {
        self.sans
            .first()
            .map_or_else(|| format!("with serial number {}", hex_encode(&self.serial)), |(_, value)| quote(value))
    }

    /// Whether `material`, PEM as Rekor v1 stores it, is this certificate.
    pub(crate) fn is_pem(&self, material: &[u8]) -> bool {
        crate::encoding::pem_decode(material, "CERTIFICATE").as_deref() == Some(&self.der)
    }

    /// The certificate's to-be-signed part without its timestamps: what a certificate transparency log saw
    /// (RFC 6962, section 3.2).
    pub(crate) fn precertificate(&self) -> Option<Vec<u8>> {
        let parts = Parts::read(&self.der).ok()?;
        let kept: Vec<_> = parts.extensions.iter().filter(|e| e.oid != CT_PRECERT_SCTS).map(|e| e.der).collect();
        let list = wrap(Tag::Sequence, &kept)?;
        let extensions = wrap(Tag::ContextSpecific { constructed: true, number: TagNumber::N3 }, &[&list])?;
        wrap(Tag::Sequence, &[parts.before_extensions, &extensions])
    }

    fn read_extensions(&mut self, extensions: &[Extension<'_>]) -> Result<()> {
        for (i, extension) in extensions.iter().enumerate() {
            if extensions.iter().take(i).any(|e| e.oid == extension.oid) {
                return Err(self.invalid(&format!("extension {} stands twice", extension.oid)));
            }
            self.read_extension(extension)?;
        }
        if self.sans.is_empty() {
            return Err(self.invalid("it names nobody: no subject alternative name of a kind that signs"));
        }
        match (self.claim("issuer"), self.claim("issuer_v1")) {
            (Some(a), Some(b)) if a != b => Err(self.invalid("its two issuer claims differ")),
            _ => Ok(()),
        }
    }

    fn read_extension(&mut self, extension: &Extension<'_>) -> Result<()> {
        let (oid, value) = (extension.oid, extension.value);
        if let Some(claim) = claim_of(&oid) {
            let text = if claim.der {
                Utf8StringRef::from_der(value).map(|s| s.as_str().to_owned()).ok()
            } else {
                std::str::from_utf8(value).map(str::to_owned).ok()
            };
            let text = text.ok_or_else(|| self.invalid(&format!("its claim {} is not a text", claim.name)))?;
            self.claims.push((claim.name, text));
        } else if oid == ID_CE_SUBJECT_ALT_NAME {
            let names = SubjectAltName::from_der(value)
                .map_err(|_| self.invalid("its subject alternative name is not well-formed"))?;
            self.sans = names.0.iter().filter_map(signer_name).collect();
        } else if oid == ID_CE_KEY_USAGE {
            let usage = KeyUsage::from_der(value).map_err(|_| self.invalid("its key usage is not well-formed"))?;
            if !usage.digital_signature() {
                return Err(self.invalid("its key is not for digital signatures"));
            }
        } else if oid == ID_CE_AUTHORITY_KEY_IDENTIFIER {
            let issuer = AuthorityKeyIdentifier::from_der(value)
                .map_err(|_| self.invalid("its authority key identifier is not well-formed"))?;
            self.issuer_key_id = issuer.key_identifier.map(|id| id.as_bytes().to_vec());
        } else if oid == CT_PRECERT_SCTS {
            self.scts = Some(value.to_vec());
        } else if !KNOWN.contains(&oid) {
            self.unknown_extensions.push(oid.to_string());
        }
        Ok(())
    }

    fn invalid(&self, reason: &str) -> Error {
        Fault::CertificateInvalid { subject: self.subject(), reason: reason.to_owned() }.into()
    }
}

/// The parts of a certificate, where they stand in its DER.
struct Parts<'a> {
    serial: &'a [u8],
    issuer: &'a [u8],
    validity: x509_cert::time::Validity,
    spki: &'a [u8],
    /// The content of the to-be-signed part up to its extensions.
    before_extensions: &'a [u8],
    extensions: Vec<Extension<'a>>,
}

struct Extension<'a> {
    oid: ObjectIdentifier,
    value: &'a [u8],
    /// All of it, as it stands.
    der: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> der::Result<Self> {
        let mut outer = content(der, Tag::Sequence)?;
        let tbs = outer.tlv_bytes()?;
        outer.tlv_bytes()?;
        outer.tlv_bytes()?;
        outer.finish(())?;

        let mut fields = content(tbs, Tag::Sequence)?;
        let length = fields.remaining_len();
        let whole = fields.clone().read_slice(length)?;
        let version = fields.tlv_bytes()?;
        if version != VERSION_3 {
            return Err(Tag::ContextSpecific { constructed: true, number: TagNumber::N0 }.value_error());
        }
        let serial = der::asn1::IntRef::decode(&mut fields)?.as_bytes();
        fields.tlv_bytes()?;
        let issuer = fields.tlv_bytes()?;
        let validity = x509_cert::time::Validity::decode(&mut fields)?;
        fields.tlv_bytes()?;
        let spki = fields.tlv_bytes()?;
        let mut extensions = Vec::new();
        let mut before = length;
        while !fields.is_finished() {
            before = (length - fields.remaining_len())?;
            let field = fields.tlv_bytes()?;
            if field.first() == Some(&EXTENSIONS) {
                extensions = read_extensions(field)?;
            } else {
                before = length;
            }
        }
        let before_extensions = whole.get(..usize::try_from(before)?).unwrap_or_default();
        Ok(Self { serial, issuer, validity, spki, before_extensions, extensions })
    }
}

/// `[0] EXPLICIT INTEGER 2`: the only version with extensions.
const VERSION_3: &[u8] = &[0xa0, 3, 2, 1, 2];
/// The tag of `[3] EXPLICIT`.
const EXTENSIONS: u8 = 0xa3;

fn read_extensions(field: &[u8]) -> der::Result<Vec<Extension<'_>>> {
    let mut wrapper = content(field, Tag::ContextSpecific { constructed: true, number: TagNumber::N3 })?;
    let list = wrapper.tlv_bytes()?;
    wrapper.finish(())?;
    let mut list = content(list, Tag::Sequence)?;
    let mut extensions = Vec::with_capacity(32);
    while !list.is_finished() {
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

/// A reader of what is inside `tlv`, which is one whole value of that tag.
fn content(tlv: &[u8], tag: Tag) -> der::Result<SliceReader<'_>> {
    let mut reader = SliceReader::new(tlv)?;
    let header = Header::decode(&mut reader)?;
    header.tag.assert_eq(tag)?;
    let inner = reader.read_slice(header.length)?;
    reader.finish(())?;
    SliceReader::new(inner)
}

fn wrap(tag: Tag, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let length = parts.iter().map(|p| p.len()).fold(0, usize::saturating_add);
    let mut out = Vec::with_capacity(length.saturating_add(8));
    Header::new(tag, der::Length::try_from(length).ok()?).ok()?.encode_to_vec(&mut out).ok()?;
    parts.iter().for_each(|part| out.extend_from_slice(part));
    Some(out)
}

fn claim_of(oid: &ObjectIdentifier) -> Option<&'static claims::Claim> {
    match oid.as_bytes().strip_prefix(FULCIO)? {
        [arc] if *arc < 128 => claims::by_arc(u32::from(*arc)),
        _ => None,
    }
}

fn signer_name(name: &GeneralName) -> Option<(&'static str, String)> {
    match name {
        GeneralName::Rfc822Name(email) => Some(("email", email.as_str().to_owned())),
        GeneralName::UniformResourceIdentifier(uri) => Some(("uri", uri.as_str().to_owned())),
        GeneralName::DnsName(dns) => Some(("dns", dns.as_str().to_owned())),
        GeneralName::OtherName(other) if other.type_id == FULCIO_OTHER_NAME && other.value.tag() == Tag::Utf8String => {
            std::str::from_utf8(other.value.value()).ok().map(|v| ("other_name", v.to_owned()))
        }
        _ => None,
    }
}

fn malformed(at: &str, e: &der::Error) -> Error {
    Fault::Malformed { format: "X.509 certificate", at: at.to_owned(), reason: quote(&e.to_string()) }.into()
}

/// Reads a DER certificate of any use; `at` says where it stands.
pub(crate) fn parse_der(der: &[u8], at: &str) -> Result<x509_cert::Certificate> {
    x509_cert::Certificate::from_der(der).map_err(|e| malformed(at, &e))
}

/// From its first to its last moment.
pub(crate) fn validity(tbs: &TbsCertificate) -> Validity {
    validity_of(&tbs.validity)
}

fn validity_of(validity: &x509_cert::time::Validity) -> Validity {
    let seconds = |t: &x509_cert::time::Time| {
        Time::from_seconds(i64::try_from(t.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
    };
    Validity::between(seconds(&validity.not_before), seconds(&validity.not_after))
}

/// The to-be-signed part of a DER certificate, as it stands.
pub(crate) fn tbs_bytes(der: &[u8]) -> Option<&[u8]> {
    content(der, Tag::Sequence).ok()?.tlv_bytes().ok()
}

/// The DER of a name.
pub(crate) fn name_der(name: &x509_cert::name::Name) -> Vec<u8> {
    name.to_der().unwrap_or_default()
}

/// A fingerprint for messages.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    base64_encode(&sha256(der))
}
