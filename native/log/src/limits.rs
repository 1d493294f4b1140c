//! How much of anything is accepted. Every input is hostile; every list and every length has an end.

use crate::error::{Fault, Result};

/// Bytes of one leaf; `attestations.md`, and below the 65,535 that an entry bundle can hold.
pub const LEAF_BYTES: usize = 4096;
/// Bytes of a signed note.
pub const NOTE_BYTES: usize = 64 << 10;
/// Signature lines of a note.
pub const NOTE_SIGNATURES: usize = 64;
/// Bytes of a key name.
pub const NAME_BYTES: usize = 255;
/// Extension lines of a checkpoint.
pub const EXTENSIONS: usize = 16;
/// Hashes in a proof: a tree of 2^63 leaves needs no more.
pub const PROOF_HASHES: usize = 64;
/// Bytes of a textual proof, with its checkpoint.
pub const TLOG_PROOF_BYTES: usize = 128 << 10;
/// Bytes of the opaque data in a textual proof.
pub const EXTRA_BYTES: usize = 32 << 10;
/// Leaves of a tree: what every integer type along the way still holds.
pub const TREE_SIZE: u64 = 1 << 62;
/// Subjects that a leaf lists one by one.
pub const LEAF_SUBJECTS: usize = 16;
/// Subjects of a signed statement.
pub const STATEMENT_SUBJECTS: usize = 1024;
/// Bytes of one envelope.
pub const ENVELOPE_BYTES: usize = 1 << 20;
/// Bundles that one statement links.
pub const LINKS: usize = 64;
/// Entries that are entered at once.
pub const BATCH: usize = 256;
/// Entries in one package's chain.
pub const CHAIN_ENTRIES: u64 = 1 << 20;
/// Packages in a heads map.
pub const PACKAGES: usize = 1 << 24;
/// Entries behind a heads map that a client reads itself.
pub const HEADS_TAIL: u64 = 1024;
/// Bytes of a quorum policy file.
pub const POLICY_BYTES: usize = 64 << 10;
/// Logs, witnesses and groups of a quorum policy file, each.
pub const POLICY_NAMES: usize = 256;
/// Bytes of a trust file.
pub const TRUST_FILE_BYTES: usize = 256 << 10;
/// Keys, and earlier logs, in a trust file.
pub const TRUST_KEYS: usize = 256;
/// Values in a JSON document.
pub const JSON_VALUES: usize = 1 << 16;
/// Bytes of a service's answer to a query.
pub const ANSWER_BYTES: usize = 64 << 20;
/// JSON values in it: a lock file of 300 packages has about 100,000.
pub const ANSWER_VALUES: u64 = 1 << 19;
/// Nesting of arrays and objects in it.
pub const ANSWER_DEPTH: u64 = 64;
/// Releases, and entries of one release or package, in it.
pub const ANSWER_ITEMS: usize = 4096;
/// Integers in JSON: what every reader of RFC 8785 agrees on.
pub const JSON_INTEGER: u64 = (1 << 53) - 1;

/// Refuses `actual` over `limit`.
pub(crate) fn within(what: &'static str, limit: usize, actual: usize) -> Result<()> {
    if actual > limit {
        Err(Fault::InputTooLarge { what, limit: wide(limit), actual: wide(actual) }.into())
    } else {
        Ok(())
    }
}

/// Refuses a size that no tree has.
pub(crate) fn tree_size(size: u64) -> Result<()> {
    if size > TREE_SIZE {
        return Err(Fault::InputTooLarge { what: "tree size", limit: TREE_SIZE, actual: size }.into());
    }
    Ok(())
}

/// A length as a number that crosses to other languages.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
