//! SLSA: from a verified statement to a judged provenance, without a network, a clock, files or a guess.
//!
//! ```text
//! signed bytes -> Statement -> Provenance -> judge(signer's claims, builders, expectations) -> Judgement
//! ```
//!
//! [`judge_bytes`] says what was built, from what, by whom, at which level of SLSA's build track, and whether that meets
//! what is expected. It trusts nothing that the statement says of itself: every field that the signer's certificate
//! states too is compared with it, and levels come from a table of builders. What could not be evaluated is an
//! [`Error`]; what was evaluated and refused is a [`Judgement`] with refusals. Both are made of one closed
//! [`error::CATALOGUE`].
//!
//! [`vsa`] makes and verifies verification summaries; [`produce`] writes provenance from the claims of a CI job's
//! identity token; [`record`] keeps what was accepted on first use.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::string_slice))]

pub mod build_type;
pub mod builder;
pub mod claims;
mod crosscheck;
pub mod error;
pub mod expectation;
mod fields;
mod json;
mod judge;
pub mod level;
pub mod limits;
pub mod pattern;
pub mod produce;
pub mod provenance;
pub mod record;
pub mod repository;
mod resource;
pub mod statement;
pub mod vsa;

pub use build_type::{BuildType, BuildTypes, Dialect};
pub use builder::{BuilderRow, Builders};
pub use claims::Claims;
pub use crosscheck::CrossCheck;
pub use error::{Error, Fault, Result};
pub use expectation::Expectations;
pub use judge::{Judgement, Rules, judge, judge_bytes, judge_value};
pub use level::{Assessment, Level, Reason, Requirement};
pub use limits::Limits;
pub use pattern::Matcher;
pub use provenance::Provenance;
pub use record::Record;
pub use repository::Repository;
pub use resource::{DigestSet, ResourceDescriptor};
pub use statement::Statement;
pub use vsa::Vsa;

/// The guide's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../guides/slsa.md")]
mod guide {}
