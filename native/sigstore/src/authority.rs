//! Certificate and timestamp authorities: their chains are checked when a trust root is prepared, so that a
//! verification only checks the one signature that is new.

use std::fmt;
use std::sync::Arc;

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::artifact::{HashAlgorithm, sha256};
use crate::encoding::base64_encode;
use crate::error::{Result, quote};
use crate::key::PublicKey;
use crate::time::Validity;
use crate::trust_root::invalid;
use crate::x509::Parts;

/// Object identifier 1.3.6.1.5.5.7.3.3, id-kp-codeSigning, as webpki wants it.
const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];
/// Object identifier 1.3.6.1.5.5.7.3.8, id-kp-timeStamping.
const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];

const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    webpki::aws_lc_rs::ECDSA_P256_SHA256,
    webpki::aws_lc_rs::ECDSA_P256_SHA384,
    webpki::aws_lc_rs::ECDSA_P384_SHA256,
    webpki::aws_lc_rs::ECDSA_P384_SHA384,
    webpki::aws_lc_rs::ECDSA_P521_SHA256,
    webpki::aws_lc_rs::ECDSA_P521_SHA384,
    webpki::aws_lc_rs::ECDSA_P521_SHA512,
    webpki::aws_lc_rs::ED25519,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA384,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA512,
    webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
];

/// What a certificate is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    CodeSigning,
    TimeStamping,
}

/// Why a certificate is not an authority's to vouch for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was issued by somebody else, or not at all.
    Untrusted(String),
    /// It is not a certificate for this.
    Unfit(String),
}

/// A certificate or timestamp authority.
pub(crate) struct Authority {
    pub(crate) uri: String,
    anchors: Vec<TrustAnchor<'static>>,
    issuers: Vec<Issuer>,
    /// The timestamp authority's own signing certificate, when the trust root holds it.
    pub(crate) signer: Option<Signer>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.uri)
    }
}

/// A certificate that may issue others; each stands at its anchor's place.
pub(crate) struct Issuer {
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub(crate) key_hash: [u8; 32],
    /// Its subject key identifier, when it has one.
    key_id: Option<Vec<u8>>,
    /// When it, everything above it, and the authority are valid.
    pub(crate) validity: Option<Validity>,
}

/// A timestamp authority's signing certificate.
pub(crate) struct Signer {
    pub(crate) der: Vec<u8>,
    pub(crate) key: Arc<PublicKey>,
    /// When it, everything above it, and the authority are valid.
    pub(crate) validity: Validity,
}

impl Authority {
    /// Checks a chain, given from the signing or issuing certificate up to the root.
    pub(crate) fn prepare(at: &str, uri: String, trusted: Validity, chain: Vec<Vec<u8>>) -> Result<Self> {
        let links = chain.iter().map(|der| Link::parse(at, der)).collect::<Result<Vec<_>>>()?;
        for (child, parent) in links.iter().zip(links.iter().skip(1)) {
            child.check_issued_by(at, parent)?;
        }
        let first = links.first().ok_or_else(|| invalid(at, "its certificate chain is empty"))?;
        let mut authority = Self { uri, anchors: Vec::new(), issuers: Vec::new(), signer: None };
        for (i, link) in links.iter().enumerate() {
            if link.ca {
                authority.add_issuer(at, link, common_validity(trusted, links.get(i..).unwrap_or_default()))?;
            } else if i > 0 {
                return Err(invalid(at, "a certificate in its chain is not an authority's"));
            }
        }
        if !first.ca {
            authority.signer = authority.prepare_signer(first, common_validity(trusted, &links));
        }
        Ok(authority)
    }

    /// Whether one of its certificates may have issued one that names its issuer's key as `key_id`. A name alone is
    /// often shared by an authority's old and new keys, and trying a wrong key costs as much as the right one.
    pub(crate) fn may_have_issued(&self, key_id: Option<&[u8]>) -> bool {
        key_id.is_none() || self.issuers.iter().any(|i| i.key_id.is_none() || i.key_id.as_deref() == key_id)
    }

    /// Whether one of its certificates is of that key (SHA-256 of its SubjectPublicKeyInfo).
    pub(crate) fn has_issuer(&self, key_hash: &[u8; 32]) -> bool {
        self.issuers.iter().any(|issuer| issuer.key_hash == *key_hash)
    }

    /// The issuer of `certificate` among this authority's; only signature, names, usage and extensions are looked at,
    /// not times: those are compared with every verified time afterwards.
    pub(crate) fn issuer_of(&self, certificate: &[u8], valid: &Validity, purpose: Purpose) -> Result<&Issuer, Refusal> {
        let der = CertificateDer::from(certificate);
        let parsed = EndEntityCert::try_from(&der).map_err(|e| refusal(&e))?;
        let usage = KeyUsage::required(match purpose {
            Purpose::CodeSigning => CODE_SIGNING,
            Purpose::TimeStamping => TIME_STAMPING,
        });
        let any_valid_time = valid.start.map_or(0, |t| u64::try_from(t.seconds).unwrap_or(0));
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(any_valid_time));
        let path = parsed
            .verify_for_usage(ALGORITHMS, &self.anchors, &[], time, usage, None, None)
            .map_err(|e| refusal(&e))?;
        let place = self.anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor()));
        let found = place.and_then(|i| self.issuers.get(i));
        found.ok_or_else(|| Refusal::Untrusted("its issuer is not found again".to_owned()))
    }

    fn add_issuer(&mut self, at: &str, link: &Link<'_>, validity: Option<Validity>) -> Result<()> {
        let der = CertificateDer::from(link.der);
        let anchor = anchor_from_trusted_cert(&der).map_err(|e| invalid(at, &quote(&e.to_string())))?;
        self.anchors.push(anchor.to_owned());
        self.issuers.push(Issuer {
            key_hash: sha256(link.key.spki()),
            key_id: link.parts.key_id().map(<[u8]>::to_vec),
            validity,
        });
        Ok(())
    }

    /// `None` when it could never sign a timestamp: not for that use, or never valid.
    fn prepare_signer(&self, link: &Link<'_>, validity: Option<Validity>) -> Option<Signer> {
        self.issuer_of(link.der, &link.parts.validity, Purpose::TimeStamping).ok()?;
        Some(Signer {
            der: link.der.to_vec(),
            key: Arc::new(PublicKey::from_spki("timestamp authority", link.key.spki()).ok()?),
            validity: validity?,
        })
    }
}

/// A certificate of a chain in a trust root.
struct Link<'a> {
    der: &'a [u8],
    parts: Parts<'a>,
    key: PublicKey,
    ca: bool,
}

impl<'a> Link<'a> {
    fn parse(at: &str, der: &'a [u8]) -> Result<Self> {
        let parts = Parts::read(der, at)?;
        Ok(Self { der, key: PublicKey::from_spki("authority", parts.spki)?, ca: parts.is_authority(), parts })
    }

    fn check_issued_by(&self, at: &str, parent: &Self) -> Result<()> {
        let fingerprint = base64_encode(&sha256(self.der));
        let wrong = |what: &str| invalid(at, &format!("certificate {fingerprint} {what}"));
        if self.parts.issuer != parent.parts.subject {
            return Err(wrong("is not followed by its issuer's"));
        }
        let hash = signature_hash(&self.parts.signature_algorithm)
            .ok_or_else(|| wrong("has a signature of an unsupported algorithm"))?;
        let verified = parent.key.verify_with(hash, self.parts.tbs, self.parts.signature);
        verified.map_err(|_| wrong("is not signed by its issuer"))
    }
}

fn common_validity(trusted: Validity, links: &[Link<'_>]) -> Option<Validity> {
    links.iter().try_fold(trusted, |common, link| common.intersect(&link.parts.validity))
}

/// The hash of a signature algorithm.
pub(crate) fn signature_hash(oid: &ObjectIdentifier) -> Option<HashAlgorithm> {
    match *oid {
        rfc5912::ECDSA_WITH_SHA_256 | rfc5912::SHA_256_WITH_RSA_ENCRYPTION => Some(HashAlgorithm::Sha256),
        rfc5912::ECDSA_WITH_SHA_384 | rfc5912::SHA_384_WITH_RSA_ENCRYPTION => Some(HashAlgorithm::Sha384),
        rfc5912::ECDSA_WITH_SHA_512 | rfc5912::SHA_512_WITH_RSA_ENCRYPTION | rfc8410::ID_ED_25519 => {
            Some(HashAlgorithm::Sha512)
        }
        _ => None,
    }
}

fn refusal(e: &webpki::Error) -> Refusal {
    match e {
        webpki::Error::UnknownIssuer => Refusal::Untrusted("no authority of the trust root issued it".to_owned()),
        webpki::Error::InvalidSignatureForPublicKey => {
            Refusal::Untrusted("its issuer's signature does not match".to_owned())
        }
        webpki::Error::CaUsedAsEndEntity => Refusal::Unfit("it is an authority's, not a signer's".to_owned()),
        webpki::Error::RequiredEkuNotFoundContext(_) => {
            Refusal::Unfit("it is not for this use (extended key usage)".to_owned())
        }
        webpki::Error::UnsupportedCriticalExtension => {
            Refusal::Unfit("it has an unknown critical extension".to_owned())
        }
        other => Refusal::Untrusted(quote(&other.to_string())),
    }
}
