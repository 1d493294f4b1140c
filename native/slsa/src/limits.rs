//! How much of anything is accepted. Every input is hostile; every list and every length has an end.

use provenance_base::json::Bounds;

use crate::error::{Fault, Result};

/// The limits of one judgement. The defaults take every real statement known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a statement.
    pub statement_bytes: u64,
    /// Nesting of JSON arrays and objects.
    pub json_depth: u64,
    /// Values in one statement: each costs many times the bytes it is written in.
    pub json_values: u64,
    /// Subjects of a statement.
    pub subjects: u64,
    /// Resource descriptors in any other list (dependencies, byproducts, attestations).
    pub resources: u64,
    /// Bytes of a text that identifies something: a URI, a ref, a name of a digest.
    pub text_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            statement_bytes: 16 << 20,
            json_depth: 64,
            json_values: 1 << 20,
            subjects: 1 << 17,
            resources: 1 << 16,
            text_bytes: 4096,
        }
    }
}

/// The limits' names, as options spell them.
pub const NAMES: &[&str] = &["statement_bytes", "json_depth", "json_values", "subjects", "resources", "text_bytes"];

impl Limits {
    /// The limit called `name`, to be read or set; `None` when there is none of that name.
    pub fn by_name(&mut self, name: &str) -> Option<&mut u64> {
        Some(match name {
            "statement_bytes" => &mut self.statement_bytes,
            "json_depth" => &mut self.json_depth,
            "json_values" => &mut self.json_values,
            "subjects" => &mut self.subjects,
            "resources" => &mut self.resources,
            "text_bytes" => &mut self.text_bytes,
            _ => return None,
        })
    }

    pub(crate) fn json(&self) -> Bounds {
        Bounds { depth: self.json_depth, values: self.json_values }
    }
}

/// Refuses `actual` over `limit`.
pub(crate) fn within(what: &'static str, limit: u64, actual: usize) -> Result<()> {
    let actual = u64::try_from(actual).unwrap_or(u64::MAX);
    if actual > limit { Err(Fault::InputTooLarge { what, limit, actual }.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_limit() {
        let mut limits = Limits::default();
        for (i, name) in NAMES.iter().enumerate() {
            *limits.by_name(name).unwrap_or_else(|| panic!("{name}")) = i as u64;
        }
        assert_eq!(limits.statement_bytes, 0);
        assert_eq!(limits.text_bytes, 5);
        assert!(limits.by_name("colour").is_none());
    }
}
