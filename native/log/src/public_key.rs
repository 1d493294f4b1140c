//! Public keys of registries and logs, as SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7) in one spelling each.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm};

use crate::encoding::{base64_decode, base64_encode, hex_encode};
use crate::error::{Error, Fault, Result};
use crate::tree::{Hash, sha256};

const ED25519_PREFIX: [u8; 12] = *b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// Up to the tag of an uncompressed point.
const P256_PREFIX: [u8; 27] =
    *b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    P256,
    /// Ed25519.
    Ed25519,
}

/// An Ed25519 or P-256 key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    algorithm: Algorithm,
    spki: Vec<u8>,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// `key_invalid` when it is not of one of the two kinds.
    pub fn from_spki(spki: &[u8]) -> Result<Self> {
        let algorithm = if spki.starts_with(&ED25519_PREFIX) && spki.len() == 44 {
            Algorithm::Ed25519
        } else if spki.starts_with(&P256_PREFIX) && spki.len() == 91 {
            Algorithm::P256
        } else {
            return Err(invalid("it is neither an Ed25519 nor an uncompressed P-256 SubjectPublicKeyInfo"));
        };
        let key = Self { algorithm, spki: spki.to_vec() };
        let parsed = aws_lc_rs::signature::ParsedPublicKey::new(key.verifier(), spki);
        parsed.map(|_| key).map_err(|_| invalid("it is not a point of its curve"))
    }

    /// Reads the SubjectPublicKeyInfo in base64.
    ///
    /// # Errors
    /// `key_invalid`.
    pub fn from_base64(text: &str) -> Result<Self> {
        Self::from_spki(&base64_decode(text).ok_or_else(|| invalid("it is not base64"))?)
    }

    /// The Ed25519 key of those 32 bytes.
    #[must_use]
    pub fn from_ed25519(public: &[u8; 32]) -> Self {
        Self { algorithm: Algorithm::Ed25519, spki: [&ED25519_PREFIX[..], public].concat() }
    }

    /// The 32 bytes of an Ed25519 key.
    #[must_use]
    pub fn as_ed25519(&self) -> Option<&[u8; 32]> {
        self.spki.strip_prefix(&ED25519_PREFIX)?.try_into().ok()
    }

    /// How it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// By what people compare keys: the SHA-256 of the SubjectPublicKeyInfo.
    #[must_use]
    pub fn fingerprint(&self) -> Hash {
        sha256(&self.spki)
    }

    /// Verifies `signature` (for P-256 in ASN.1) over `message`.
    ///
    /// # Errors
    /// `signature_mismatch`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let verified = match self.as_ed25519() {
            Some(public) => UnparsedPublicKey::new(&ED25519, public).verify(message, signature),
            None => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.spki).verify(message, signature),
        };
        verified.map_err(|_| Fault::SignatureMismatch { algorithm: self.algorithm.as_str() }.into())
    }

    fn verifier(&self) -> &'static dyn VerificationAlgorithm {
        match self.algorithm {
            Algorithm::P256 => &ECDSA_P256_SHA256_ASN1,
            Algorithm::Ed25519 => &ED25519,
        }
    }
}

impl Algorithm {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "ECDSA P-256",
            Self::Ed25519 => "Ed25519",
        }
    }
}

/// The SubjectPublicKeyInfo in base64.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64_encode(&self.spki))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm.as_str(), hex_encode(&self.fingerprint()))
    }
}

fn invalid(reason: &str) -> Error {
    Fault::KeyInvalid { what: "public key", reason: reason.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

    fn round(spki: &[u8], signature: &[u8]) -> PublicKey {
        let key = PublicKey::from_spki(spki).unwrap();
        key.verify(b"message", signature).unwrap();
        assert_eq!(key.verify(b"massage", signature).map_err(|e| e.code()), Err("signature_mismatch"));
        assert_eq!(PublicKey::from_base64(&key.to_string()).unwrap(), key);
        for cut in [&spki[1..], &spki[..spki.len() - 1], &[spki, &[0]].concat(), &[]] {
            assert_eq!(PublicKey::from_spki(cut).map_err(|e| e.code()), Err("key_invalid"));
        }
        key
    }

    #[test]
    fn both_kinds_verify() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
        let key = round(spki.as_ref(), pair.sign(b"message").as_ref());
        assert_eq!(key.as_ed25519().map(PublicKey::from_ed25519), Some(key.clone()));
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
        let signature = pair.sign(&SystemRandom::new(), b"message").unwrap();
        assert_eq!(round(spki.as_ref(), signature.as_ref()).algorithm(), Algorithm::P256);
        let mut off_curve = spki.as_ref().to_vec();
        off_curve[90] ^= 1;
        assert!(PublicKey::from_spki(&off_curve).is_err());
    }
}
