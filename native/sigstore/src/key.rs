//! Public keys of Sigstore's algorithm registry and the signatures they verify
//! (<https://github.com/sigstore/architecture-docs/blob/main/algorithm-registry.md>).

use std::fmt;

use aws_lc_rs::digest::Digest;
use aws_lc_rs::signature::{self as alg, ParsedPublicKey, VerificationAlgorithm};
use const_oid::ObjectIdentifier;
use der::Decode;
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::artifact::{HashAlgorithm, sha256};
use crate::ed25519ph;
use crate::encoding::pem_decode;
use crate::error::{Fault, Result};

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The kinds of key that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// ECDSA on NIST P-256.
    EcdsaP256,
    /// ECDSA on NIST P-384.
    EcdsaP384,
    /// ECDSA on NIST P-521.
    EcdsaP521,
    /// Ed25519 over the whole message, or Ed25519ph over its SHA-512.
    Ed25519,
    /// RSA of 2048, 3072 or 4096 bits.
    Rsa,
}

impl KeyAlgorithm {
    /// Its name in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa_p256",
            Self::EcdsaP384 => "ecdsa_p384",
            Self::EcdsaP521 => "ecdsa_p521",
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsa",
        }
    }

    /// The hashes it signs artifacts with, the usual one first. P-384 with SHA-256 is what sigstore-python used to do.
    /// Ed25519 signs the message itself.
    #[must_use]
    pub const fn artifact_hashes(self) -> &'static [HashAlgorithm] {
        match self {
            Self::EcdsaP256 | Self::Rsa => &[HashAlgorithm::Sha256],
            Self::EcdsaP384 => &[HashAlgorithm::Sha384, HashAlgorithm::Sha256],
            Self::EcdsaP521 => &[HashAlgorithm::Sha512],
            Self::Ed25519 => &[],
        }
    }

    /// The verification algorithms for a signature over a message with that hash. RSA signatures say nothing of their
    /// padding: PKCS #1 v1.5 and PSS are both in the registry.
    fn engines(self, hash: HashAlgorithm) -> &'static [&'static dyn VerificationAlgorithm] {
        use HashAlgorithm::{Sha256, Sha384, Sha512};
        match (self, hash) {
            (Self::EcdsaP256, Sha256) => &[&alg::ECDSA_P256_SHA256_ASN1],
            (Self::EcdsaP256, Sha384) => &[&alg::ECDSA_P256_SHA384_ASN1],
            (Self::EcdsaP384, Sha256) => &[&alg::ECDSA_P384_SHA256_ASN1],
            (Self::EcdsaP384, Sha384) => &[&alg::ECDSA_P384_SHA384_ASN1],
            (Self::EcdsaP521, Sha256) => &[&alg::ECDSA_P521_SHA256_ASN1],
            (Self::EcdsaP521, Sha384) => &[&alg::ECDSA_P521_SHA384_ASN1],
            (Self::EcdsaP521, Sha512) => &[&alg::ECDSA_P521_SHA512_ASN1],
            (Self::EcdsaP256 | Self::EcdsaP384, Sha512) => &[],
            (Self::Rsa, Sha256) => &[&alg::RSA_PKCS1_2048_8192_SHA256, &alg::RSA_PSS_2048_8192_SHA256],
            (Self::Rsa, Sha384) => &[&alg::RSA_PKCS1_2048_8192_SHA384, &alg::RSA_PSS_2048_8192_SHA384],
            (Self::Rsa, Sha512) => &[&alg::RSA_PKCS1_2048_8192_SHA512, &alg::RSA_PSS_2048_8192_SHA512],
            (Self::Ed25519, _) => &[&alg::ED25519],
        }
    }

    fn usual_hash(self) -> HashAlgorithm {
        self.artifact_hashes().first().copied().unwrap_or(HashAlgorithm::Sha512)
    }
}

/// A public key, parsed once.
pub struct PublicKey {
    algorithm: KeyAlgorithm,
    /// For the usual hash; other hashes parse `bits` again.
    parsed: ParsedPublicKey,
    bits: Vec<u8>,
    spki: Vec<u8>,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.algorithm.name())
    }
}

/// A signature that does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadSignature;

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo. `what` names the key in errors.
    ///
    /// # Errors
    /// `key_invalid`, `algorithm_unsupported`.
    pub fn from_spki(what: &'static str, spki: &[u8]) -> Result<Self> {
        let invalid = |reason: &str| Fault::KeyInvalid { what, reason: reason.to_owned() };
        let info = SubjectPublicKeyInfoRef::from_der(spki).map_err(|_| invalid("not a SubjectPublicKeyInfo"))?;
        let bits = info.subject_public_key.as_bytes().ok_or_else(|| invalid("its bits do not fill bytes"))?;
        let algorithm = algorithm_of(what, &info.algorithm)?;
        if algorithm == KeyAlgorithm::Rsa {
            check_rsa_size(what, bits)?;
        }
        let engine =
            *algorithm.engines(algorithm.usual_hash()).first().ok_or_else(|| invalid("no algorithm for it"))?;
        let parsed = ParsedPublicKey::new(engine, bits).map_err(|_| invalid("not a valid key of its algorithm"))?;
        Ok(Self { algorithm, parsed, bits: bits.to_vec(), spki: spki.to_vec() })
    }

    /// Reads a `PUBLIC KEY` PEM block.
    ///
    /// # Errors
    /// As [`PublicKey::from_spki`].
    pub fn from_pem(what: &'static str, pem: &[u8]) -> Result<Self> {
        let spki = pem_decode(pem, "PUBLIC KEY")
            .ok_or_else(|| Fault::KeyInvalid { what, reason: "not one PUBLIC KEY block of PEM".to_owned() })?;
        Self::from_spki(what, &spki)
    }

    /// What kind of key it is.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Its DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of its SubjectPublicKeyInfo.
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        sha256(&self.spki)
    }

    /// Verifies a signature over `message` with the hash that is usual for the key.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.verify_with(self.algorithm.usual_hash(), message, signature)
    }

    /// Verifies a signature over `message` with `hash`.
    pub(crate) fn verify_with(&self, hash: HashAlgorithm, message: &[u8], sig: &[u8]) -> Result<(), BadSignature> {
        self.try_engines(hash, |key| key.verify_sig(message, sig).is_ok())
    }

    /// Verifies a signature over a message of which `digest` by `hash` is known.
    pub(crate) fn verify_digest(&self, hash: HashAlgorithm, digest: &[u8], sig: &[u8]) -> Result<(), BadSignature> {
        let digest = Digest::import_less_safe(digest, hash.engine()).map_err(|_| BadSignature)?;
        self.try_engines(hash, |key| key.verify_digest_sig(&digest, sig).is_ok())
    }

    /// Verifies an Ed25519ph signature over a message of that SHA-512; of no other kind of key.
    pub(crate) fn verify_prehashed(&self, sha512: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let fits = self.algorithm == KeyAlgorithm::Ed25519;
        if fits && ed25519ph::verifies(&self.bits, sha512, signature) { Ok(()) } else { Err(BadSignature) }
    }

    fn try_engines(
        &self,
        hash: HashAlgorithm,
        verifies: impl Fn(&ParsedPublicKey) -> bool,
    ) -> Result<(), BadSignature> {
        let usual = hash == self.algorithm.usual_hash();
        if (usual || self.algorithm == KeyAlgorithm::Ed25519) && verifies(&self.parsed) {
            return Ok(());
        }
        let engines = self.algorithm.engines(hash).get(usize::from(usual)..).unwrap_or_default();
        let any = engines.iter().any(|engine| ParsedPublicKey::new(*engine, &self.bits).is_ok_and(|k| verifies(&k)));
        if any { Ok(()) } else { Err(BadSignature) }
    }
}

/// The kind of key that an algorithm identifier stands for.
pub(crate) fn algorithm_of(what: &'static str, algorithm: &AlgorithmIdentifierRef<'_>) -> Result<KeyAlgorithm> {
    let unsupported = |oid: &ObjectIdentifier| Fault::AlgorithmUnsupported { what, algorithm: oid.to_string() };
    match algorithm.oid {
        EC => {
            let curve = algorithm.parameters_oid().map_err(|_| unsupported(&EC))?;
            match curve {
                P256 => Ok(KeyAlgorithm::EcdsaP256),
                P384 => Ok(KeyAlgorithm::EcdsaP384),
                P521 => Ok(KeyAlgorithm::EcdsaP521),
                other => Err(unsupported(&other).into()),
            }
        }
        ED25519 => Ok(KeyAlgorithm::Ed25519),
        RSA => Ok(KeyAlgorithm::Rsa),
        other => Err(unsupported(&other).into()),
    }
}

/// The SubjectPublicKeyInfo of an elliptic-curve key's bits; `None` for other kinds.
#[cfg(feature = "sign")]
pub(crate) fn spki(algorithm: KeyAlgorithm, bits: &[u8]) -> Option<Vec<u8>> {
    use der::Encode;
    use der::asn1::{AnyRef, BitStringRef};
    let (oid, curve) = match algorithm {
        KeyAlgorithm::EcdsaP256 => (EC, Some(P256)),
        KeyAlgorithm::EcdsaP384 => (EC, Some(P384)),
        KeyAlgorithm::EcdsaP521 => (EC, Some(P521)),
        KeyAlgorithm::Ed25519 => (ED25519, None),
        KeyAlgorithm::Rsa => return None,
    };
    let algorithm = AlgorithmIdentifierRef { oid, parameters: curve.as_ref().map(AnyRef::from) };
    let subject_public_key = BitStringRef::from_bytes(bits).ok()?;
    SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().ok()
}

#[derive(der::Sequence)]
struct RsaPublicKey<'a> {
    modulus: der::asn1::UintRef<'a>,
    exponent: der::asn1::UintRef<'a>,
}

fn check_rsa_size(what: &'static str, bits: &[u8]) -> Result<()> {
    let invalid = |reason: &str| Fault::KeyInvalid { what, reason: reason.to_owned() };
    let key = RsaPublicKey::from_der(bits).map_err(|_| invalid("not an RSA public key"))?;
    let modulus = key.modulus.as_bytes();
    let full = modulus.first().is_some_and(|b| b & 0x80 != 0);
    match modulus.len() {
        256 | 384 | 512 if full => Ok(()),
        _ => Err(invalid("RSA keys must have 2048, 3072 or 4096 bits").into()),
    }
}
