//! A transparency log, pure: what a registry computes to run one, and what everybody else computes to check it.
//!
//! ```text
//! statement -> sequence::enter -> leaf -> tree::Edge::extend -> tiles + checkpoint -> Prover -> proofs -> verify_inclusion, verify_consistency
//! entries -> Chain (one package) / Monitor (all of them) -> state of a version, misbehaviours found
//! ```
//!
//! No network, files, clock or threads: tiles and entries come through [`tile::TileReader`], times are given. Formats
//! are RFC 6962's and C2SP's, so that tools for other logs read this one. Every failure is one of the closed
//! [`error::CATALOGUE`].

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::string_slice))]

pub mod answer;
pub mod chain;
pub mod checkpoint;
pub mod encoding;
pub mod entry;
pub mod error;
pub mod heads;
mod json;
pub mod keys;
pub mod leaf;
pub mod limits;
pub mod monitor;
pub mod note;
pub mod policy;
pub mod proof;
pub mod prover;
pub mod public_key;
pub mod purl;
pub mod sequence;
pub mod statement;
#[cfg(test)]
mod testing;
pub mod tile;
pub mod tlog_proof;
pub mod tree;
pub mod witness;

pub use chain::Chain;
pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use error::{Error, Fault, Result};
pub use leaf::Leaf;
pub use monitor::Monitor;
pub use prover::Prover;
pub use tree::{Edge, Hash};
