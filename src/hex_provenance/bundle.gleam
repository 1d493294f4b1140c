//// What is written in a Sigstore bundle, before anything of it is verified: to look at, never to decide by.

import hex_provenance/claim.{type Claim}
import hex_provenance/error.{type Failure}
import hex_provenance/evidence.{type HashAlgorithm, type SanKind}
import hex_provenance/json.{type Json}
import hex_provenance/option.{type Option}

/// All of it is unverified.
pub type Unverified {
  Unverified(
    media_type: String,
    signer: Signer,
    log_entries: List(LogEntry),
    /// How many RFC 3161 timestamps it carries.
    timestamps: Int,
    content: Content,
  )
}

pub type Signer {
  CertificateSigner(
    der: BitArray,
    sans: List(#(SanKind, String)),
    issuer: Option(String),
    claims: List(#(Claim, String)),
  )
  KeySigner(hint: String)
}

pub type LogEntry {
  LogEntry(
    log_id: BitArray,
    index: Int,
    kind: String,
    version: String,
    integrated_time: Option(Int),
  )
}

pub type Content {
  Message(algorithm: HashAlgorithm, digest: BitArray)
  /// `statement` is there when the payload is an in-toto statement.
  Envelope(
    payload_type: String,
    statement_bytes: BitArray,
    statement: Option(Json),
  )
}

/// What is written in a bundle (JSON).
@external(erlang, "hex_provenance_ffi", "bundle_info")
pub fn info(bundle: BitArray) -> Result(Unverified, Failure)
