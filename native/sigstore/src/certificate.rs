//! The signing certificate: who it names and what Fulcio says of them.

use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE,
    ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use const_oid::db::rfc6962::CT_PRECERT_SCTS;
use der::asn1::Utf8StringRef;
use der::{Decode, Encode, Tag, Tagged};
use x509_cert::TbsCertificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, KeyUsage, SubjectAltName};

use crate::artifact::sha256;
use crate::claims;
use crate::encoding::{base64_encode, hex_encode};
use crate::error::{Fault, Result, quote};
use crate::key::{PublicKey, spki_der};
use crate::limits::{Limits, within};
use crate::time::{Time, Validity};

const FULCIO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");
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
    pub(crate) parsed: x509_cert::Certificate,
    pub(crate) key: PublicKey,
    pub(crate) validity: Validity,
    /// Kind and value of each subject alternative name that can name a signer.
    pub(crate) sans: Vec<(&'static str, String)>,
    claims: Vec<(&'static str, String)>,
    /// The issuer's key identifier, when it names one.
    pub(crate) issuer_key_id: Option<Vec<u8>>,
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
        let parsed = parse_der(der, "the signing certificate")?;
        let tbs = &parsed.tbs_certificate;
        let spki = spki_der(&tbs.subject_public_key_info).ok_or_else(|| invalid(tbs, "its key cannot be encoded"))?;
        let key = PublicKey::from_spki("signing certificate", &spki)?;
        let mut certificate = Self {
            der: der.to_vec(),
            key,
            validity: validity(tbs),
            sans: Vec::new(),
            claims: Vec::new(),
            issuer_key_id: None,
            unknown_extensions: Vec::new(),
            parsed,
        };
        certificate.read_extensions()?;
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
    pub(crate) fn claims(&self) -> &[(&'static str, String)] {
        &self.claims
    }

    /// A name for errors: its first subject alternative name, else its serial number.
    pub(crate) fn subject(&self) -> String {
        self.sans.first().map_or_else(|| serial(&self.parsed.tbs_certificate), |(_, value)| quote(value))
    }

    /// Whether `material`, PEM as Rekor v1 stores it, is this certificate.
    pub(crate) fn is_pem(&self, material: &[u8]) -> bool {
        crate::encoding::pem_decode(material, "CERTIFICATE").as_deref() == Some(&self.der)
    }

    fn read_extensions(&mut self) -> Result<()> {
        let extensions = self.parsed.tbs_certificate.extensions.take().unwrap_or_default();
        let mut seen = Vec::with_capacity(extensions.len());
        for extension in &extensions {
            if seen.contains(&extension.extn_id) {
                return Err(self.invalid(&format!("extension {} stands twice", extension.extn_id)));
            }
            seen.push(extension.extn_id);
            self.read_extension(extension.extn_id, extension.extn_value.as_bytes())?;
        }
        self.parsed.tbs_certificate.extensions = Some(extensions);
        if self.sans.is_empty() {
            return Err(self.invalid("it names nobody: no subject alternative name of a kind that signs"));
        }
        match (self.claim("issuer"), self.claim("issuer_v1")) {
            (Some(a), Some(b)) if a != b => Err(self.invalid("its two issuer claims differ")),
            _ => Ok(()),
        }
    }

    fn read_extension(&mut self, oid: ObjectIdentifier, value: &[u8]) -> Result<()> {
        if oid == ID_CE_SUBJECT_ALT_NAME {
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
        } else if let Some(claim) = claim_of(&oid) {
            let text = if claim.der {
                Utf8StringRef::from_der(value).map(|s| s.as_str().to_owned()).ok()
            } else {
                std::str::from_utf8(value).map(str::to_owned).ok()
            };
            let text = text.ok_or_else(|| self.invalid(&format!("its claim {} is not a text", claim.name)))?;
            self.claims.push((claim.name, text));
        } else if !KNOWN.contains(&oid) {
            self.unknown_extensions.push(oid.to_string());
        }
        Ok(())
    }

    fn invalid(&self, reason: &str) -> crate::Error {
        invalid(&self.parsed.tbs_certificate, reason)
    }
}

fn claim_of(oid: &ObjectIdentifier) -> Option<&'static claims::Claim> {
    let arc = oid.arcs().last()?;
    if oid.parent()? == FULCIO { claims::by_arc(arc) } else { None }
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

fn invalid(tbs: &TbsCertificate, reason: &str) -> crate::Error {
    Fault::CertificateInvalid { subject: serial(tbs), reason: reason.to_owned() }.into()
}

fn serial(tbs: &TbsCertificate) -> String {
    format!("with serial number {}", hex_encode(tbs.serial_number.as_bytes()))
}

/// Reads a DER certificate of any use; `at` says where it stands.
pub(crate) fn parse_der(der: &[u8], at: &str) -> Result<x509_cert::Certificate> {
    x509_cert::Certificate::from_der(der).map_err(|e| {
        Fault::Malformed { format: "X.509 certificate", at: at.to_owned(), reason: quote(&e.to_string()) }.into()
    })
}

/// From its first to its last moment.
pub(crate) fn validity(tbs: &TbsCertificate) -> Validity {
    let seconds = |t: &x509_cert::time::Time| {
        Time::from_seconds(i64::try_from(t.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
    };
    Validity::between(seconds(&tbs.validity.not_before), seconds(&tbs.validity.not_after))
}

/// The to-be-signed part of a DER certificate, as it stands.
pub(crate) fn tbs_bytes(der: &[u8]) -> Option<&[u8]> {
    use der::{Reader, SliceReader};
    let mut reader = SliceReader::new(der).ok()?;
    reader
        .sequence(|inner| {
            let tbs = inner.tlv_bytes()?;
            while !inner.is_finished() {
                inner.tlv_bytes()?;
            }
            Ok(tbs)
        })
        .ok()
}

/// The DER of a name.
pub(crate) fn name_der(name: &x509_cert::name::Name) -> Vec<u8> {
    name.to_der().unwrap_or_default()
}

/// A fingerprint for messages.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    base64_encode(&sha256(der))
}
