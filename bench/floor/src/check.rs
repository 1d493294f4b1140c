//! One signature check of the floor and the ways aws-lc-rs offers to make it.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ED25519,
    ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Value, json};

use crate::{Outcome, during};

/// A signature somebody must check, taken from a real bundle.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    algorithm: Algorithm,
    key: Vec<u8>,
    parsed: ParsedPublicKey,
    owner: Owner,
    message: Vec<u8>,
    signature: Vec<u8>,
}

/// Where a key comes from decides whether parsing it is part of every verification.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// In the trust root: parsed once, when the root is prepared.
    Root,
    /// In the bundle: new with each bundle.
    Bundle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    P256Sha256,
    P384Sha256,
    P384Sha384,
    P384Sha512,
    Ed25519,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// What the floor counts: keys of the trust root parsed beforehand, keys of the bundle parsed in the call.
    Floor,
    Unparsed,
    Parsed,
    /// Message hashed by us, then the digest verified under a parsed key.
    ParsedDigest,
    /// No signature: what parsing the key costs.
    ParseOnly,
    /// No signature: what hashing the message costs.
    HashOnly,
}

impl Check {
    pub(crate) fn new(
        name: &'static str,
        algorithm: Algorithm,
        (owner, key): (Owner, &[u8]),
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> Outcome<Self> {
        let parsed = during(name, ParsedPublicKey::new(algorithm.verifier(), key))?;
        let check = Self { name, algorithm, key: key.to_vec(), parsed, owner, message, signature };
        Variant::ALL.iter().try_for_each(|variant| check.verify(*variant))?;
        check.refuses_a_changed_message()?;
        Ok(check)
    }

    pub(crate) fn verify(&self, variant: Variant) -> Outcome<()> {
        let verified = match variant {
            Variant::Floor if self.owner == Owner::Bundle => self.verify_unparsed(),
            Variant::Floor | Variant::Parsed => self.parsed.verify_sig(&self.message, &self.signature),
            Variant::Unparsed => self.verify_unparsed(),
            Variant::ParsedDigest => match self.algorithm.hash() {
                Some(hash) => self.parsed.verify_digest_sig(&digest::digest(hash, &self.message), &self.signature),
                None => return Ok(()),
            },
            Variant::ParseOnly => {
                let parsed = ParsedPublicKey::new(self.algorithm.verifier(), &self.key);
                return during(self.name, parsed.map(|key| drop(std::hint::black_box(key))));
            }
            Variant::HashOnly => {
                let hash = self.algorithm.hash().unwrap_or(&digest::SHA512);
                std::hint::black_box(digest::digest(hash, &self.message));
                return Ok(());
            }
        };
        verified.map_err(|_| format!("{}: signature does not verify", self.name))
    }

    pub(crate) fn describe(&self) -> Value {
        json!({
            "check": self.name,
            "algorithm": format!("{:?}", self.algorithm),
            "key_from": if self.owner == Owner::Root { "trust root" } else { "bundle" },
            "message_bytes": self.message.len(),
        })
    }

    fn verify_unparsed(&self) -> Result<(), aws_lc_rs::error::Unspecified> {
        UnparsedPublicKey::new(self.algorithm.verifier(), &self.key).verify(&self.message, &self.signature)
    }

    /// A floor that accepts anything would be a fast one.
    fn refuses_a_changed_message(&self) -> Outcome<()> {
        let mut changed = self.message.clone();
        changed.push(0);
        match self.parsed.verify_sig(&changed, &self.signature) {
            Ok(()) => Err(format!("{}: verifies a changed message", self.name)),
            Err(_) => Ok(()),
        }
    }
}

impl Algorithm {
    fn verifier(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256Sha256 => &ECDSA_P256_SHA256_ASN1,
            Self::P384Sha256 => &ECDSA_P384_SHA256_ASN1,
            Self::P384Sha384 => &ECDSA_P384_SHA384_ASN1,
            Self::P384Sha512 => &ECDSA_P384_SHA512_ASN1,
            Self::Ed25519 => &ED25519,
        }
    }

    fn hash(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::P256Sha256 | Self::P384Sha256 => Some(&digest::SHA256),
            Self::P384Sha384 => Some(&digest::SHA384),
            Self::P384Sha512 => Some(&digest::SHA512),
            Self::Ed25519 => None,
        }
    }
}

impl Variant {
    pub(crate) const ALL: [Self; 6] =
        [Self::Floor, Self::Unparsed, Self::Parsed, Self::ParsedDigest, Self::ParseOnly, Self::HashOnly];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Unparsed => "unparsed",
            Self::Parsed => "parsed",
            Self::ParsedDigest => "parsed_digest",
            Self::ParseOnly => "parse_only",
            Self::HashOnly => "hash_only",
        }
    }
}
