//// Signs: keyless in the name that an identity token claims, with a private key, or with one held elsewhere. What is
//// made is verified before anybody sees it.

import hex_provenance/error.{type Failure}
import hex_provenance/evidence.{type Evidence, type HashAlgorithm}
import hex_provenance/option.{type Option, None}
import hex_provenance/sigstore.{
  type Artifact, type Identity, type Limit, type PublicKey, type Trust,
}
import hex_provenance/trust_root.{
  type Instance, type Proxy, type RefreshOptions, type Repository, Environment,
  PublicGood,
}

/// What to sign.
pub type Payload {
  /// An artifact; by digest only with an ECDSA key and the digest that key signs (keyless and P-256: sha256, P-384:
  /// sha384).
  Of(Artifact)
  /// An in-toto statement, signed byte for byte as it is.
  Statement(BitArray)
}

/// Who signs.
pub type As {
  /// Keyless, by the token that is found in CI: in SIGSTORE_ID_TOKEN, or asked of GitHub Actions.
  Ambient
  /// Keyless, by the token in that environment variable.
  AmbientIn(variable: String)
  /// Keyless, by this token, which is asked for when it is needed and stands in no options.
  Token(fn() -> String)
  /// A private key.
  Key(PrivateKey)
  /// A key in a KMS or HSM: the public key, and what has the private one sign (DER for ECDSA, 64 bytes for Ed25519). The
  /// function runs in a process of its own, no longer than the timeout allows.
  ExternalKey(public: PublicKey, sign: fn(Request) -> Result(BitArray, String))
}

/// A private key outside of the VM's memory, wiped when nobody holds it.
pub type PrivateKey

/// What a key elsewhere is asked to sign.
pub type Request {
  /// A digest, as it is (ECDSA).
  Digest(HashAlgorithm, BitArray)
  /// A message, whole (Ed25519).
  Message(BitArray)
}

/// Whose Fulcio, Rekor and timestamp authorities sign.
pub type Services {
  ServicesOf(Instance)
  /// A signing config (`signing_config.v0.2.json`).
  Json(BitArray)
  File(path: String)
  NoServices
}

/// Which transparency logs a signature is entered in.
pub type Logging {
  /// Those that the signing config chooses.
  Chosen
  /// Those of this version of Rekor, 1 or 2.
  Version(Int)
  Unlogged
}

/// `trust`: what the result is verified against, by default the root that belongs to `services`. `identities`: whom the
/// certificate must name, instead of what the token claims. `hint`: how the bundle names the key. `ca_files` and `proxy`:
/// as for `trust_root.RefreshOptions`.
pub type Options {
  Options(
    as_: As,
    services: Services,
    trust: Option(Trust),
    log: Logging,
    timestamps: Bool,
    identities: List(Identity),
    audience: String,
    hint: Option(String),
    limits: List(Limit),
    timeout_ms: Int,
    ca_files: Option(List(String)),
    proxy: Proxy,
  )
}

/// A bundle of version 0.3, JSON, and what its verification found.
pub type Signed {
  Signed(bundle: String, evidence: Evidence)
}

/// A private key, PKCS #8 (P-256, P-384 or Ed25519).
pub type KeyForm {
  Pem(String)
  Der(BitArray)
}

/// A public key: a SubjectPublicKeyInfo, and its SHA-256.
pub type Public {
  Public(der: BitArray, key_id: BitArray, algorithm: String)
}

/// Keyless with the public good instance, by the token that is found in CI, in one minute.
pub fn default_options() -> Options {
  Options(
    as_: Ambient,
    services: ServicesOf(PublicGood),
    trust: None,
    log: Chosen,
    timestamps: True,
    identities: [],
    audience: "sigstore",
    hint: None,
    limits: [],
    timeout_ms: 60_000,
    ca_files: None,
    proxy: Environment,
  )
}

/// Signs, and verifies what came of it. The caller waits; the work ends with the caller. Neither token nor key is ever in
/// a failure.
@external(erlang, "hex_provenance_ffi", "sign")
pub fn sign(payload: Payload, options: Options) -> Result(Signed, Failure)

/// Fetches the newest signing config of an instance through TUF, and the trust root that belongs to it: `services` and
/// `trust` of the options. The caller waits.
@external(erlang, "hex_provenance_ffi", "refresh_services")
pub fn refresh_services(
  repository: Repository,
  options: RefreshOptions,
) -> Result(#(Services, Trust), Failure)

/// Prepares a private key once; `password` opens an encrypted one.
@external(erlang, "hex_provenance_ffi", "signing_key")
pub fn load_key(
  form: KeyForm,
  password: Option(String),
) -> Result(PrivateKey, Failure)

/// The public part of a key.
@external(erlang, "hex_provenance_ffi", "public_key")
pub fn public_key(key: PrivateKey) -> Result(Public, Failure)
