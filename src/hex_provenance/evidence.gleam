//// What a verification found: who signed, what, when, and what was checked.
////
//// Times are Unix seconds (UTC); hashes, keys and certificates are raw bytes.

import hex_provenance/check.{type Check}
import hex_provenance/claim.{type Claim}
import hex_provenance/json.{type Json}
import hex_provenance/option.{type Option}
import hex_provenance/trust_root.{type Origin}

pub type Evidence {
  Evidence(
    media_type: String,
    signer: Signer,
    trust: TrustUsed,
    transparency: Transparency,
    /// Every verified time, earliest first.
    times: List(VerifiedTime),
    /// How many timestamps no trusted authority made.
    ignored_timestamps: Int,
    log_entries: List(LogEntry),
    content: Content,
    /// The digests of the artifact that was verified.
    artifact: List(#(HashAlgorithm, BitArray)),
    checked: List(Check),
    unchecked: List(Check),
  )
}

pub type Signer {
  /// `identity` is the first of `sans`; `unknown_extensions` are object identifiers.
  CertificateSigner(
    sans: List(#(SanKind, String)),
    identity: String,
    issuer: Option(String),
    claims: List(#(Claim, String)),
    unknown_extensions: List(String),
    certificate: Certificate,
  )
  /// `key_id` is the SHA-256 of the key's SubjectPublicKeyInfo.
  KeySigner(
    hint: String,
    key_id: BitArray,
    key_algorithm: String,
    valid_from: Option(Int),
    valid_to: Option(Int),
  )
}

pub type SanKind {
  Uri
  Email
  Dns
  OtherName
}

/// A signing certificate; `sct_times` are Unix milliseconds.
pub type Certificate {
  Certificate(
    der: BitArray,
    sha256: BitArray,
    serial: BitArray,
    not_before: Int,
    not_after: Int,
    key_algorithm: String,
    sct_times: List(Int),
  )
}

/// The trust root that vouches for the signer.
pub type TrustUsed {
  TrustUsed(
    instance: String,
    source: Origin,
    sha256: Option(BitArray),
    as_of: Option(Int),
  )
}

pub type Transparency {
  Logged
  Unlogged
}

/// A time and who vouches for it.
pub type VerifiedTime {
  VerifiedTime(time: Int, nanos: Int, source: TimeSource, by: String)
}

pub type TimeSource {
  TimestampAuthority
  Log
}

/// `integrated_time` is there only under a verified promise.
pub type LogEntry {
  LogEntry(
    log: String,
    log_id: BitArray,
    index: Int,
    kind: String,
    version: String,
    integrated_time: Option(Int),
    inclusion_promise: Bool,
    checkpoint: Option(Checkpoint),
    body: BitArray,
  )
}

/// `other_signatures` are the names on further signature lines, such as witnesses; they are not verified.
pub type Checkpoint {
  Checkpoint(
    origin: String,
    size: Int,
    root_hash: BitArray,
    other_signatures: List(String),
  )
}

pub type Content {
  /// The artifact itself was signed.
  Message
  /// An in-toto statement was signed: exactly as signed, and decoded.
  Statement(
    payload_type: String,
    statement_bytes: BitArray,
    statement: Json,
    subject: Subject,
  )
}

/// The subject of a statement that is the artifact.
pub type Subject {
  Subject(index: Int, name: Option(String), digests: List(#(String, String)))
}

pub type HashAlgorithm {
  Sha256
  Sha384
  Sha512
}
