//! Ed25519ph (RFC 8032, section 5.1): Ed25519 over the SHA-512 of a message, as Sigstore's algorithm registry has it for
//! artifacts that are known by digest. aws-lc-rs has no function for it; ed25519-dalek has.

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::digest::common::OutputSizeUser;
use sha2::digest::consts::U64;
use sha2::digest::{FixedOutput, HashMarker, Output, Update};

/// Whether `signature` by the key of those 32 bytes is over a message of that SHA-512.
pub(crate) fn verifies(key: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(digest), Ok(signature)) = (key.try_into(), digest.try_into(), Signature::from_slice(signature))
    else {
        return false;
    };
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_prehashed_strict(Known(digest), None, &signature).is_ok())
}

/// The signature by `key` over a message of that SHA-512.
#[cfg(feature = "sign")]
pub(crate) fn sign(key: &ed25519_dalek::SigningKey, digest: &[u8]) -> Option<Vec<u8>> {
    let signature = key.sign_prehashed(Known(digest.try_into().ok()?), None).ok()?;
    Some(signature.to_bytes().to_vec())
}

/// A hash that was computed before: it cannot be added to.
struct Known([u8; 64]);

impl Default for Known {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl HashMarker for Known {}

impl OutputSizeUser for Known {
    type OutputSize = U64;
}

impl Update for Known {
    fn update(&mut self, _: &[u8]) {}
}

impl FixedOutput for Known {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::artifact::HashAlgorithm;
    use crate::encoding::hex_decode;

    /// RFC 8032, section 7.3: the message "abc".
    #[test]
    fn the_test_vector_of_the_rfc() {
        let hex = |text: &str| hex_decode(text).unwrap();
        let secret = hex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42");
        let key = SigningKey::from_bytes(&secret.try_into().unwrap()).verifying_key().to_bytes();
        let signature = hex(concat!(
            "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41",
            "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
        ));
        let digest = HashAlgorithm::Sha512.digest(b"abc");
        assert!(verifies(&key, &digest, &signature));
        assert!(!verifies(&key, &HashAlgorithm::Sha512.digest(b"abd"), &signature));
        assert!(!verifies(&key, &digest[1..], &signature) && !verifies(&key[1..], &digest, &signature));
        // The same signature is none over the message itself.
        let pure = VerifyingKey::from_bytes(&key).unwrap();
        assert!(pure.verify_strict(b"abc", &Signature::from_slice(&signature).unwrap()).is_err());
    }
}
