//! Sigstore bundles, trust roots and their verification, without a network, a clock or a guess.
//!
//! ```text
//! bundle bytes -> Bundle -> verify(Bundle, Artifact, Policy) -> VerifiedBundle -> Evidence
//! ```
//!
//! [`Bundle::parse`] reads bundles of versions 0.1 to 0.3; [`TrustRoot`] holds the authorities and logs of one Sigstore
//! instance; [`verify`](verify()) checks everything a bundle carries and returns [`Evidence`], never a boolean. Every
//! failure is one of the closed [`error::CATALOGUE`].

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::string_slice))]

mod artifact;
mod authority;
mod bundle;
mod certificate;
mod checkpoint;
pub mod claims;
mod ed25519ph;
mod encoding;
mod entry;
pub mod error;
pub mod evidence;
pub mod identity;
mod key;
pub mod limits;
mod log;
#[cfg(feature = "network")]
pub mod net;
mod sct;
#[cfg(feature = "sign")]
pub mod sign;
pub mod statement;
pub mod time;
mod timestamp;
mod trust_root;
#[cfg(feature = "tuf")]
pub mod tuf;
mod verify;
mod x509;

pub use artifact::{Artifact, HashAlgorithm};
pub use bundle::{
    Bundle, Content, Envelope, InclusionProof, LogEntry, Material, MessageSignature, Version, keyed_bundle,
};
pub use certificate::Certificate;
pub use encoding::{hex_decode, hex_encode};
pub use error::{Error, Fault, Result};
pub use evidence::{Evidence, VerifiedBundle};
pub use identity::{Identity, Matcher};
pub use key::{BadSignature, KeyAlgorithm, PublicKey};
pub use limits::Limits;
pub use statement::Statement;
pub use time::{Time, Validity};
pub use trust_root::{EMBEDDED_AS_OF, Instance, Source, Thresholds, TrustRoot};
pub use verify::{ManagedKey, Policy, SignerPolicy, verify};
