//! What the BEAM's doors share. Each is a library of its own with functions and terms of its own.
//!
//! - [`guard`] surrounds every function: nothing gets past it but `{ok, Term}` or `{error, Error}`.
//! - [`atoms`] has the atoms of closed tables; none is ever made of anything an input holds.
//! - [`decode`] reads terms, [`encode`] writes them.

pub mod atoms;
pub mod decode;
pub mod encode;
pub mod guard;
