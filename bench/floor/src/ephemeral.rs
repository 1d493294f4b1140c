//! A signer's key for one signature, made and used raw with aws-lc-rs.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
use der::asn1::{BitString, SetOfVec};
use der::{Decode, Encode};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::{Outcome, during};

pub(crate) struct Ephemeral(EcdsaKeyPair);

impl Ephemeral {
    pub(crate) fn generate() -> Outcome<Self> {
        during("key generation", EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)).map(Self)
    }

    /// ECDSA with SHA-256, DER.
    pub(crate) fn sign(&self, message: &[u8]) -> Outcome<Vec<u8>> {
        Ok(during("signature", self.0.sign(&SystemRandom::new(), message))?.as_ref().to_vec())
    }

    /// What a certificate request's signature is over.
    pub(crate) fn request_info(&self) -> Outcome<CertReqInfo> {
        let spki = during("public key", AsDer::<PublicKeyX509Der<'_>>::as_der(self.0.public_key()))?;
        Ok(CertReqInfo {
            version: Version::V1,
            subject: Name::default(),
            public_key: during("public key", SubjectPublicKeyInfoOwned::from_der(spki.as_ref()))?,
            attributes: SetOfVec::default(),
        })
    }

    /// PKCS #10, DER.
    pub(crate) fn request(&self) -> Outcome<Vec<u8>> {
        let info = self.request_info()?;
        let signature = self.sign(&during("request", info.to_der())?)?;
        let algorithm = AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None };
        let signature = during("request", BitString::from_bytes(&signature))?;
        during("request", CertReq { info, algorithm, signature }.to_der())
    }
}
