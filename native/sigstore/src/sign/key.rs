//! Keys that sign: one made for a single signature, one the caller holds, one that only answers requests.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use aws_lc_rs::digest::Digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use der::asn1::OctetStringRef;
use der::{Decode, Encode};
use ed25519_dalek::{Signer, SigningKey as Ed25519Key};
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo};
use zeroize::Zeroizing;

use crate::artifact::HashAlgorithm;
use crate::ed25519ph;
use crate::encoding::pem_decode;
use crate::error::{Fault, Result};
use crate::key::{KeyAlgorithm, PublicKey, spki};

/// The longest private key that is read, in bytes.
const MOST_BYTES: usize = 64 << 10;

/// What is to be signed, as far as whoever signs has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The digest of a message by that algorithm (ECDSA).
    Digest(HashAlgorithm, Vec<u8>),
    /// The whole message (Ed25519).
    Message(Vec<u8>),
    /// The SHA-512 of a message, for Ed25519ph. Never asked of an external key.
    Prehashed(Vec<u8>),
}

/// A private key in this process's memory, which is wiped when the key is dropped.
pub struct SigningKey {
    pair: Pair,
    public: Arc<PublicKey>,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Box<Ed25519Key>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.algorithm().name())
    }
}

impl SigningKey {
    /// A new key on P-256, for one signature.
    ///
    /// # Errors
    /// `internal` when the system gives no randomness.
    pub(super) fn ephemeral() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .map_err(|_| Fault::Internal { at: "making a key".to_owned() })?;
        Self::new(Pair::Ecdsa(pair), KeyAlgorithm::EcdsaP256)
    }

    /// Reads a PKCS #8 private key, DER: P-256, P-384 or Ed25519; with a password, an encrypted one (PBES2).
    ///
    /// # Errors
    /// `key_invalid`, `algorithm_unsupported`, `input_too_large`.
    pub fn from_der(der: &[u8], password: Option<&[u8]>) -> Result<Self> {
        crate::limits::within("private key", MOST_BYTES as u64, der.len())?;
        match password {
            None => Self::from_pkcs8(der),
            Some(password) => {
                let encrypted = EncryptedPrivateKeyInfo::from_der(der)
                    .map_err(|_| invalid("a password was given, but it is not an encrypted PKCS #8 key"))?;
                let plain = encrypted.decrypt(password).map_err(|_| invalid("the password does not open it"))?;
                Self::from_pkcs8(plain.as_bytes())
            }
        }
    }

    /// Reads a `PRIVATE KEY` or `ENCRYPTED PRIVATE KEY` PEM block.
    ///
    /// # Errors
    /// As [`SigningKey::from_der`].
    pub fn from_pem(pem: &[u8], password: Option<&[u8]>) -> Result<Self> {
        crate::limits::within("private key", MOST_BYTES as u64, pem.len())?;
        let block = |label| pem_decode(pem, label).map(Zeroizing::new);
        match (block("PRIVATE KEY"), block("ENCRYPTED PRIVATE KEY"), password) {
            // What is not encrypted needs no password: one for all of an operator's keys does no harm.
            (Some(plain), None, _) => Self::from_pkcs8(&plain),
            (None, Some(encrypted), Some(password)) => Self::from_der(&encrypted, Some(password)),
            (None, Some(_), None) => Err(invalid("it is encrypted, and no password was given").into()),
            _ => Err(invalid("not one PRIVATE KEY or ENCRYPTED PRIVATE KEY block of PEM (PKCS #8)").into()),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self> {
        let info = PrivateKeyInfo::from_der(der).map_err(|_| invalid("not a PKCS #8 private key"))?;
        let algorithm = crate::key::algorithm_of("private key", &info.algorithm)?;
        let rejected = |()| invalid("its numbers do not make a key");
        let pair = match algorithm {
            KeyAlgorithm::EcdsaP256 => {
                Pair::Ecdsa(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der).map_err(|_| rejected(()))?)
            }
            KeyAlgorithm::EcdsaP384 => {
                Pair::Ecdsa(EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, der).map_err(|_| rejected(()))?)
            }
            KeyAlgorithm::Ed25519 => Pair::Ed25519(Box::new(ed25519(&info).ok_or_else(|| rejected(()))?)),
            other => {
                let algorithm = other.name().to_owned();
                return Err(Fault::AlgorithmUnsupported { what: "private key", algorithm }.into());
            }
        };
        Self::new(pair, algorithm)
    }

    fn new(pair: Pair, algorithm: KeyAlgorithm) -> Result<Self> {
        let bits = match &pair {
            Pair::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
        };
        let spki = spki(algorithm, &bits).ok_or_else(|| invalid("its public key cannot be written"))?;
        let public = Arc::new(PublicKey::from_spki("private key", &spki)?);
        Ok(Self { pair, public })
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &Arc<PublicKey> {
        &self.public
    }

    pub(super) fn sign(&self, request: &Request) -> Result<Vec<u8>> {
        let failed = || Fault::Internal { at: "signing".to_owned() };
        match (&self.pair, request) {
            (Pair::Ecdsa(pair), Request::Digest(algorithm, digest)) => {
                let digest = Digest::import_less_safe(digest, algorithm.engine()).map_err(|_| failed())?;
                Ok(pair.sign_digest(&digest).map_err(|_| failed())?.as_ref().to_vec())
            }
            (Pair::Ecdsa(pair), Request::Message(message)) => {
                Ok(pair.sign(&SystemRandom::new(), message).map_err(|_| failed())?.as_ref().to_vec())
            }
            (Pair::Ed25519(key), Request::Message(message)) => Ok(key.sign(message).to_bytes().to_vec()),
            (Pair::Ed25519(key), Request::Prehashed(sha512)) => Ok(ed25519ph::sign(key, sha512).ok_or_else(failed)?),
            _ => Err(failed().into()),
        }
    }
}

/// RFC 8410, section 7: the secret as an OCTET STRING within one, and perhaps the public key, which must fit.
fn ed25519(info: &PrivateKeyInfo<'_>) -> Option<Ed25519Key> {
    let secret = OctetStringRef::from_der(info.private_key).ok()?;
    let key = Ed25519Key::from_bytes(secret.as_bytes().try_into().ok()?);
    let fits = info.public_key.is_none_or(|public| public == key.verifying_key().as_bytes());
    fits.then_some(key)
}

/// What an [`ExternalKey`] answers with, in its own time.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>>> + Send + 'a>>;

/// A key held elsewhere, in a KMS or an HSM: it signs what it is asked to.
pub trait ExternalKey: Send + Sync {
    /// A signature: DER for ECDSA, 64 bytes for Ed25519. Waited for no longer than the whole signing may take.
    fn sign(&self, request: Request) -> Answer<'_>;
}

/// A PKCS #10 request for a certificate of `key`, DER: it proves that its sender has the key. Whom the certificate will
/// name is for the identity token to say.
pub(super) fn certificate_request(key: &SigningKey) -> Result<Vec<u8>> {
    use x509_cert::name::Name;
    use x509_cert::request::{CertReq, CertReqInfo, Version};
    use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

    let failed = |_: der::Error| Fault::Internal { at: "writing a certificate request".to_owned() };
    let info = CertReqInfo {
        version: Version::V1,
        subject: Name::default(),
        public_key: SubjectPublicKeyInfoOwned::from_der(key.public.spki()).map_err(failed)?,
        attributes: der::asn1::SetOfVec::default(),
    };
    let signature = key.sign(&Request::Message(info.to_der().map_err(failed)?))?;
    let algorithm = AlgorithmIdentifierOwned { oid: const_oid::db::rfc5912::ECDSA_WITH_SHA_256, parameters: None };
    let signature = der::asn1::BitString::from_bytes(&signature).map_err(failed)?;
    Ok(CertReq { info, algorithm, signature }.to_der().map_err(failed)?)
}

fn invalid(reason: &str) -> Fault {
    Fault::KeyInvalid { what: "private key", reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ephemeral_key_signs_what_its_public_key_verifies() {
        let key = SigningKey::ephemeral().unwrap();
        let digest = HashAlgorithm::Sha256.digest(b"message");
        let signature = key.sign(&Request::Digest(HashAlgorithm::Sha256, digest)).unwrap();
        assert_eq!(key.public().verify(b"message", &signature), Ok(()));
        assert!(key.public().verify(b"massage", &signature).is_err());
        assert_eq!(format!("{key:?}"), "SigningKey(ecdsa_p256)");
    }

    #[test]
    fn a_certificate_request_proves_possession() {
        let key = SigningKey::ephemeral().unwrap();
        let request = certificate_request(&key).unwrap();
        let parsed = x509_cert::request::CertReq::from_der(&request).unwrap();
        assert_eq!(parsed.info.public_key.to_der().unwrap(), key.public().spki());
        let signature = parsed.signature.as_bytes().unwrap();
        assert_eq!(key.public().verify(&parsed.info.to_der().unwrap(), signature), Ok(()));
    }

    #[test]
    fn ed25519_signs_messages_and_prehashed_ones() {
        let pkcs8 = aws_lc_rs::signature::Ed25519KeyPair::generate().unwrap().to_pkcs8().unwrap();
        let key = SigningKey::from_der(pkcs8.as_ref(), None).unwrap();
        let signature = key.sign(&Request::Message(b"message".to_vec())).unwrap();
        assert_eq!(key.public().verify(b"message", &signature), Ok(()));
        let sha512 = HashAlgorithm::Sha512.digest(b"message");
        let signature = key.sign(&Request::Prehashed(sha512.clone())).unwrap();
        assert_eq!(key.public().verify_prehashed(&sha512, &signature), Ok(()));
        assert!(key.public().verify(b"message", &signature).is_err());
    }

    #[test]
    fn what_is_no_usable_key_is_told_without_repeating_it() {
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap().to_pkcs8v1().unwrap();
        assert!(SigningKey::from_der(p256.as_ref(), None).is_ok());
        for (der, password) in [(&b"secret"[..], None), (p256.as_ref(), Some(&b"secret"[..]))] {
            let error = SigningKey::from_der(der, password).unwrap_err();
            assert_eq!(error.code(), "key_invalid");
            assert!(!error.to_string().contains("secret"));
        }
        let p521 = EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P521_SHA512_ASN1_SIGNING).unwrap();
        let error = SigningKey::from_der(p521.to_pkcs8v1().unwrap().as_ref(), None).unwrap_err();
        assert_eq!(error.code(), "algorithm_unsupported");
        assert_eq!(SigningKey::from_pem(b"-----BEGIN EC PRIVATE KEY-----", None).unwrap_err().code(), "key_invalid");
    }
}
