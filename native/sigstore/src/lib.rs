//! Sigstore bundles, trust roots and their verification.
pub mod error;
