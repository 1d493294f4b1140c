//! The signing certificate: who it names and what Fulcio says of them.
//!
//! Its signature, usage and path are for [`crate::authority`] and webpki to judge, which read it again.

use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE,
    ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use const_oid::db::rfc6962::CT_PRECERT_SCTS;
use der::asn1::Utf8StringRef;
use der::{Decode, Header, Reader, Tag, TagNumber};
use x509_cert::ext::pkix::KeyUsage;

use crate::claims;
use crate::encoding::hex_encode;
use crate::error::{Error, Fault, Result, quote};
use crate::key::PublicKey;
use crate::limits::{Limits, within};
use crate::time::Validity;
use crate::x509::{Extension, Parts, content, explicit};

/// 1.3.6.1.4.1.57264.1, encoded: the arc of Fulcio's extensions.
const FULCIO: &[u8] = &[0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1];
const FULCIO_OTHER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");

/// The longest subject alternative name or claim, in bytes: matching takes time in proportion.
const MOST_TEXT: usize = 8192;

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
    /// The to-be-signed part without its timestamps: what a certificate transparency log saw (RFC 6962, section 3.2).
    pub(crate) precertificate: Option<Vec<u8>>,
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
        let parts = Parts::read(der, "the signing certificate")?;
        let mut certificate = Self {
            der: der.to_vec(),
            serial: parts.serial.to_vec(),
            issuer_name: parts.issuer.to_vec(),
            key: PublicKey::from_spki("signing certificate", parts.spki)?,
            validity: parts.validity,
            sans: Vec::new(),
            claims: Vec::with_capacity(claims::CLAIMS.len()),
            issuer_key_id: None,
            scts: None,
            precertificate: parts.without(CT_PRECERT_SCTS),
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

    /// Kind and value of each subject alternative name that can name a signer.
    #[must_use]
    pub fn sans(&self) -> &[(&'static str, String)] {
        &self.sans
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
                Utf8StringRef::from_der(value).ok().map(|s| s.as_str())
            } else {
                std::str::from_utf8(value).ok()
            };
            let text = text.filter(|t| t.len() <= MOST_TEXT);
            let text = text.ok_or_else(|| self.invalid(&format!("its claim {} is not a text", claim.name)))?;
            self.claims.push((claim.name, text.to_owned()));
        } else if oid == ID_CE_SUBJECT_ALT_NAME {
            self.sans = signer_names(value)
                .ok()
                .filter(|names| names.iter().all(|(_, name)| name.len() <= MOST_TEXT))
                .ok_or_else(|| self.invalid("its subject alternative name is not well-formed"))?;
        } else if oid == ID_CE_KEY_USAGE {
            let usage = KeyUsage::from_der(value).map_err(|_| self.invalid("its key usage is not well-formed"))?;
            if !usage.digital_signature() {
                return Err(self.invalid("its key is not for digital signatures"));
            }
        } else if oid == ID_CE_AUTHORITY_KEY_IDENTIFIER {
            self.issuer_key_id = authority_key_id(value)
                .map_err(|_| self.invalid("its authority key identifier is not well-formed"))?
                .map(<[u8]>::to_vec);
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

fn claim_of(oid: &ObjectIdentifier) -> Option<&'static claims::Claim> {
    match oid.as_bytes().strip_prefix(FULCIO)? {
        [arc] if *arc < 128 => claims::by_arc(u32::from(*arc)),
        _ => None,
    }
}

/// RFC 5280, section 4.2.1.6: kind and value of each name of a kind that Fulcio gives to signers.
fn signer_names(value: &[u8]) -> der::Result<Vec<(&'static str, String)>> {
    let mut names = content(value, Tag::Sequence)?;
    let mut found = Vec::new();
    while !names.is_finished() {
        let tag = names.peek_tag()?;
        let name = names.tlv_bytes()?;
        let kind = match tag {
            Tag::ContextSpecific { constructed: false, number: TagNumber::N1 } => "email",
            Tag::ContextSpecific { constructed: false, number: TagNumber::N2 } => "dns",
            Tag::ContextSpecific { constructed: false, number: TagNumber::N6 } => "uri",
            Tag::ContextSpecific { constructed: true, number: TagNumber::N0 } => {
                found.extend(other_name(name)?.map(|name| ("other_name", name)));
                continue;
            }
            _ => continue,
        };
        let mut name = content(name, tag)?;
        let text = name.read_slice(name.remaining_len())?;
        // IA5String: ASCII.
        let text =
            std::str::from_utf8(text).ok().filter(|t| t.is_ascii()).ok_or_else(|| Tag::Ia5String.value_error())?;
        found.push((kind, text.to_owned()));
    }
    Ok(found)
}

/// The value of an otherName of Fulcio's type; `None` for other types.
fn other_name(name: &[u8]) -> der::Result<Option<String>> {
    let mut other = content(name, explicit(TagNumber::N0))?;
    let kind = ObjectIdentifier::decode(&mut other)?;
    let value = other.tlv_bytes()?;
    other.finish(())?;
    if kind != FULCIO_OTHER_NAME {
        return Ok(None);
    }
    let mut value = content(value, explicit(TagNumber::N0))?;
    let text = Utf8StringRef::decode(&mut value)?.as_str().to_owned();
    value.finish(Some(text))
}

/// The `keyIdentifier` of an AuthorityKeyIdentifier (RFC 5280, section 4.2.1.1).
fn authority_key_id(value: &[u8]) -> der::Result<Option<&[u8]>> {
    let mut fields = content(value, Tag::Sequence)?;
    let mut id = None;
    while !fields.is_finished() {
        let tag = fields.peek_tag()?;
        if matches!(tag, Tag::ContextSpecific { constructed: false, number: TagNumber::N0 }) {
            let header = Header::decode(&mut fields)?;
            id = Some(fields.read_slice(header.length)?);
        } else {
            fields.tlv_bytes()?;
        }
    }
    Ok(id)
}
