//! What a Hex registry attests, pure: its events as in-toto statements, and back.
//!
//! ```text
//! plain data -> Attestation -> statement (RFC 8785) -> signature, log
//! signed bytes -> Statement::read -> Attestation
//! ```
//!
//! An [`Attestation`] is one event of one package, typed. [`Statement`] is what is signed of it. There is one reader for
//! events that a registry gives and for statements that somebody signed, and whatever is written was read again before
//! anybody signs it. Fields that nobody knows are an error. Every failure is one of the closed [`error::CATALOGUE`].
//!
//! ```
//! use provenance_hex::{Defaults, Event, Prefix, Statement};
//!
//! let event = br#"{"event": "package", "package": "phoenix", "action": "created", "owner": "chrismccord",
//!     "eventId": "e1", "occurredAt": "2026-01-31T12:00:00Z", "actor": {"kind": "user", "id": "chrismccord"}}"#;
//! let statement = Statement::from_json(event, &Defaults::default(), &Prefix::default())?;
//! assert_eq!(statement.attestation().event(), Event::Package);
//! assert_eq!(Statement::read(statement.bytes(), &Prefix::default())?, statement);
//! # Ok::<(), provenance_hex::Error>(())
//! ```

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::string_slice))]

pub mod actor;
pub mod attestation;
pub mod details;
pub mod error;
pub mod expectation;
pub mod limits;
pub mod lists;
mod read;
mod statement;
#[cfg(test)]
mod testing;
mod text;
mod write;

pub use actor::Actor;
pub use attestation::{Attestation, Defaults, Release};
pub use details::Details;
pub use error::{Error, Fault, Result};
pub use expectation::Expectations;
pub use provenance_log::leaf::Event;
pub use provenance_log::purl::{Package, Repository};
pub use statement::{Prefix, Statement};
