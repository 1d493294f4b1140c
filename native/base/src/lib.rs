//! What the libraries beside this one share, and nothing that belongs to one of them.
//!
//! - [`fault`] has errors that carry facts, out of a closed catalogue that each library writes for itself.
//! - [`json`] has documents read strictly, bounded before anything is built, and written canonically.
//! - [`fields`] has their objects, taken member by member.
//! - [`merkle`] has the walk along an audit path of a Merkle tree.
//! - [`pattern`] has the anchored pattern language of every option that takes one.
//! - [`hex`] has hexadecimal; [`mod@words`] has closed sets of words.

mod by_name;
pub mod fault;
pub mod fields;
pub mod hex;
pub mod json;
pub mod merkle;
pub mod pattern;
pub mod words;

pub use fault::{AtDoor, BadOption, Catalogued, Detail, Entry, Error, Stage, quote};
pub use pattern::Matcher;
