//// Verifies Sigstore bundles: who signed an artifact, when, and what the signature says about it.
////
//// ```gleam
//// let who =
////   Identity(
////     san: Some(Pattern("https://github.com/me/app/.github/workflows/release.yml@refs/tags/**")),
////     issuer: Some(Exact("https://token.actions.githubusercontent.com")),
////     claims: [],
////   )
//// let options = Options(..sigstore.default_options(), signer: AnyOf([who]))
//// sigstore.verify(bundle, File("app.tar.gz"), options)
//// ```
////
//// Nothing here uses the network; see `trust_root.refresh` for what does.

import hex_provenance/claim.{type Claim}
import hex_provenance/error.{type Failure}
import hex_provenance/evidence.{type Evidence, type HashAlgorithm}
import hex_provenance/option.{type Option, None}
import hex_provenance/trust_root.{type Source, type TrustRoot}

/// What the bundle should be about: the bytes, a file (read in chunks), or a raw digest.
pub type Artifact {
  Bytes(BitArray)
  File(path: String)
  Digest(HashAlgorithm, BitArray)
}

/// `trust`: whose certificates and logs count; the authority that issued the certificate selects one, they are never
/// pooled; none at all leaves keys only. `untimed`: whether a key's signature may go undated by any log or timestamp.
/// `thresholds`: how much evidence is needed, instead of what the trust root says.
pub type Options {
  Options(
    trust: List(Trust),
    signer: Signer,
    untimed: Bool,
    thresholds: Option(Thresholds),
    limits: List(Limit),
  )
}

pub type Trust {
  Prepared(TrustRoot)
  From(Source)
}

pub type Signer {
  /// Nobody was named yet: verifying answers `IdentityUnstated`.
  Unstated
  /// Any one of these identities.
  AnyOf(List(Identity))
  /// Anybody: says by name that any signer will do.
  Unchecked
  /// Whoever holds one of these keys.
  Keys(List(Key))
}

/// All that is stated must match; something must be stated. `san` may match any of the certificate's subject alternative names.
pub type Identity {
  Identity(
    san: Option(Matcher),
    issuer: Option(Matcher),
    claims: List(#(Claim, Matcher)),
  )
}

/// Compares the whole text. In a pattern `*` stands for any run of characters without `/` and `@`, `**` for any run
/// without `@`, and `\` takes the next character literally. There are no regular expressions.
pub type Matcher {
  Exact(String)
  Pattern(String)
}

/// A public key the caller trusts. With a hint it is used for bundles that carry that hint. The validity (Unix seconds,
/// inclusive) bounds the verified times of its signatures.
pub type Key {
  Key(
    spki: PublicKey,
    hint: Option(String),
    valid_from: Option(Int),
    valid_to: Option(Int),
  )
}

/// A SubjectPublicKeyInfo.
pub type PublicKey {
  Pem(String)
  Der(BitArray)
}

/// How many verified log entries, timestamps and certificate transparency promises are needed: 0 to 16 each.
pub type Thresholds {
  Thresholds(log_entries: Int, timestamps: Int, scts: Int)
}

/// How much of something is accepted, instead of the default.
pub type Limit {
  BundleBytes(Int)
  TrustRootBytes(Int)
  JsonDepth(Int)
  JsonValues(Int)
  LogEntries(Int)
  ProofHashes(Int)
  CheckpointSignatures(Int)
  Timestamps(Int)
  TimestampBytes(Int)
  ChainCertificates(Int)
  CertificateBytes(Int)
  Subjects(Int)
  MessageBytes(Int)
}

/// The public good instance, and nobody named as signer.
pub fn default_options() -> Options {
  Options(
    trust: [From(trust_root.BuiltIn(trust_root.PublicGood))],
    signer: Unstated,
    untimed: False,
    thresholds: None,
    limits: [],
  )
}

/// Verifies that `bundle` (JSON) is a signature on `artifact` by somebody `options` accept.
@external(erlang, "hex_provenance_ffi", "verify")
pub fn verify(
  bundle: BitArray,
  artifact: Artifact,
  options: Options,
) -> Result(Evidence, Failure)

/// Verifies many bundles at once, on as many cores as there are; the results are in the order of the items. A bundle
/// that does not verify fails alone.
@external(erlang, "hex_provenance_ffi", "verify_many")
pub fn verify_many(
  items: List(#(BitArray, Artifact)),
  options: Options,
) -> List(Result(Evidence, Failure))
