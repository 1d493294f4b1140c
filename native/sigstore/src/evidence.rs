//! What a verification found: everything a policy needs, nothing that was not checked without saying so.

use crate::time::{Time, Validity};

/// A bundle that verified. Only [`crate::verify`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedBundle {
    pub(crate) evidence: Evidence,
}

impl VerifiedBundle {
    /// What was found.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// What was found, owned.
    #[must_use]
    pub fn into_evidence(self) -> Evidence {
        self.evidence
    }
}

/// The findings of one verification.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The bundle's media type, as written.
    pub media_type: String,
    /// Who signed.
    pub signer: Signer,
    /// The trust root that vouches for the signer.
    pub trust: TrustUsed,
    /// Every verified time, earliest first.
    pub times: Vec<VerifiedTime>,
    /// Timestamps that no trusted authority made: they count for nothing.
    pub ignored_timestamps: u64,
    /// Every verified log entry. Empty means `transparency: none`.
    pub log_entries: Vec<VerifiedLogEntry>,
    /// What was signed.
    pub content: Content,
    /// The digests of the artifact that was verified, algorithm and bytes.
    pub artifact: Vec<(&'static str, Vec<u8>)>,
    /// What was checked, by name: see [`CHECKS`].
    pub checked: Vec<&'static str>,
    /// What was not checked, by name.
    pub unchecked: Vec<&'static str>,
}

/// The names that `checked` and `unchecked` are made of.
pub const CHECKS: &[&str] = &[
    "signature",
    "artifact",
    "certificate_chain",
    "certificate_validity",
    "sct",
    "identity",
    "issuer",
    "claims",
    "inclusion_proof",
    "checkpoint",
    "inclusion_promise",
    "log_entry",
    "timestamp",
    "key_validity",
];

/// Who signed.
#[derive(Debug, Clone)]
pub enum Signer {
    /// Somebody with a certificate.
    Certificate(Box<CertificateSigner>),
    /// Somebody with a key the caller trusts.
    Key(KeySigner),
}

/// A signer known by certificate.
#[derive(Debug, Clone)]
pub struct CertificateSigner {
    /// The subject alternative names, kind (`uri`, `email`, `dns`, `other_name`) and value, in order.
    pub sans: Vec<(&'static str, String)>,
    /// The OIDC issuer (.8, else .1).
    pub issuer: Option<String>,
    /// Every Fulcio claim present, by the name in [`crate::claims::CLAIMS`].
    pub claims: Vec<(&'static str, String)>,
    /// The object identifiers of the extensions this library does not know.
    pub unknown_extensions: Vec<String>,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Its serial number, big-endian.
    pub serial: Vec<u8>,
    /// Its validity.
    pub validity: Validity,
    /// The algorithm of its key, such as `ecdsa_p256`.
    pub key_algorithm: &'static str,
    /// Times (Unix milliseconds) of its verified certificate transparency promises.
    pub sct_times: Vec<u64>,
}

/// A signer known by key.
#[derive(Debug, Clone)]
pub struct KeySigner {
    /// The hint in the bundle.
    pub hint: String,
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub key_id: [u8; 32],
    /// The key's algorithm, such as `ecdsa_p256`.
    pub key_algorithm: &'static str,
    /// The validity the caller stated.
    pub validity: Option<Validity>,
}

/// Which trust root was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustUsed {
    /// `public_good`, `staging`, `github`, `custom`, or `none` when only a key was used. A root of the caller's is known by
    /// the authority that issued the certificate.
    pub instance: String,
    /// `embedded`, `tuf`, `file` or `none`.
    pub source: &'static str,
    /// SHA-256 of the trusted_root.json.
    pub sha256: Option<[u8; 32]>,
    /// When the material was last known to be current (Unix seconds): embedding date or TUF refresh.
    pub as_of: Option<i64>,
}

/// A time that something trusted vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTime {
    /// The time.
    pub time: Time,
    /// `timestamp_authority` or `log` (an integratedTime under a verified SET).
    pub source: &'static str,
    /// URI of the authority, or base URL of the log.
    pub by: String,
}

/// A log entry that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLogEntry {
    /// The log's base URL.
    pub log: String,
    /// The log's id.
    pub log_id: Vec<u8>,
    /// The entry's index, as the bundle states it (authenticated only with a promise or proof).
    pub index: u64,
    /// `hashedrekord`, `dsse` or `intoto`.
    pub kind: String,
    /// The kind's version.
    pub version: String,
    /// Seconds, only when under a verified SET.
    pub integrated_time: Option<i64>,
    /// Whether a SET verified.
    pub inclusion_promise: bool,
    /// The verified checkpoint.
    pub checkpoint: Option<VerifiedCheckpoint>,
    /// The entry, as the log holds it.
    pub body: Vec<u8>,
}

/// A checkpoint that its log signed and that the inclusion proof leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    /// The origin line.
    pub origin: String,
    /// The size of the tree.
    pub size: u64,
    /// The root of the tree.
    pub root_hash: [u8; 32],
    /// The names on further signature lines (witnesses and others); not verified.
    pub other_signatures: Vec<String>,
}

/// What was signed.
#[derive(Debug, Clone)]
pub enum Content {
    /// A message: the artifact itself.
    Message,
    /// A DSSE envelope with an in-toto statement.
    Statement {
        /// The envelope's payload type.
        payload_type: String,
        /// The payload, byte for byte as signed.
        bytes: Vec<u8>,
        /// The payload, decoded.
        statement: Box<crate::statement::Statement>,
        /// The index of the subject that is the artifact.
        subject: usize,
    },
}
