//! The anchored pattern language of every expectation: see [`provenance_base::pattern`].

pub use provenance_base::pattern::{BadMatcher, MAX_MATCHER, Matcher};
