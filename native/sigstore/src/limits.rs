//! How much of anything is accepted. Every input is hostile; every list and every length has an end.

use provenance_base::json::Bounds;

use crate::error::{Fault, Result};

/// The limits of one verification. The defaults take every real bundle known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a bundle.
    pub bundle_bytes: u64,
    /// Bytes of a trusted_root.json.
    pub trust_root_bytes: u64,
    /// Nesting of JSON arrays and objects, in bundles, statements, entries and trust roots.
    pub json_depth: u64,
    /// Values in one JSON document: each costs many times the bytes it is written in.
    pub json_values: u64,
    /// Transparency log entries in a bundle.
    pub log_entries: u64,
    /// Hashes in an inclusion proof.
    pub proof_hashes: u64,
    /// Signature lines of a checkpoint.
    pub checkpoint_signatures: u64,
    /// RFC 3161 timestamps in a bundle.
    pub timestamps: u64,
    /// Bytes of one timestamp.
    pub timestamp_bytes: u64,
    /// Certificates in a bundle's chain, or in an authority's.
    pub chain_certificates: u64,
    /// Bytes of one certificate.
    pub certificate_bytes: u64,
    /// Subjects of a statement.
    pub subjects: u64,
    /// Bytes of a message that must be held whole, since its signature scheme does not hash first (Ed25519).
    pub message_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bundle_bytes: 16 << 20,
            trust_root_bytes: 1 << 20,
            json_depth: 64,
            json_values: 1 << 20,
            log_entries: 16,
            proof_hashes: 64,
            checkpoint_signatures: 64,
            timestamps: 32,
            timestamp_bytes: 64 << 10,
            chain_certificates: 10,
            certificate_bytes: 64 << 10,
            subjects: 1024,
            message_bytes: 64 << 20,
        }
    }
}

/// The limits' names, as options spell them.
pub const NAMES: &[&str] = &[
    "bundle_bytes",
    "trust_root_bytes",
    "json_depth",
    "json_values",
    "log_entries",
    "proof_hashes",
    "checkpoint_signatures",
    "timestamps",
    "timestamp_bytes",
    "chain_certificates",
    "certificate_bytes",
    "subjects",
    "message_bytes",
];

impl Limits {
    /// The limit called `name`, to be read or set; `None` when there is none of that name.
    pub fn by_name(&mut self, name: &str) -> Option<&mut u64> {
        Some(match name {
            "bundle_bytes" => &mut self.bundle_bytes,
            "trust_root_bytes" => &mut self.trust_root_bytes,
            "json_depth" => &mut self.json_depth,
            "json_values" => &mut self.json_values,
            "log_entries" => &mut self.log_entries,
            "proof_hashes" => &mut self.proof_hashes,
            "checkpoint_signatures" => &mut self.checkpoint_signatures,
            "timestamps" => &mut self.timestamps,
            "timestamp_bytes" => &mut self.timestamp_bytes,
            "chain_certificates" => &mut self.chain_certificates,
            "certificate_bytes" => &mut self.certificate_bytes,
            "subjects" => &mut self.subjects,
            "message_bytes" => &mut self.message_bytes,
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
        assert_eq!(limits.bundle_bytes, 0);
        assert_eq!(limits.message_bytes, 12);
        assert!(limits.by_name("colour").is_none());
    }
}
