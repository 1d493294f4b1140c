//! The closed catalogue of everything that can go wrong.
//!
//! A [`Fault`] carries facts, never prose made elsewhere: its code is stable, its message and remedy are rendered
//! from its fields. Codes that `provenance-sigstore` has as well mean the same there.

pub use provenance_base::fault::{Catalogued, Detail, Entry, MAX_TEXT, Stage, quote};

provenance_base::catalogue! {
    /// More than a limit allows.
    InputTooLarge { what: &'static str, limit: u64, actual: u64 }
        = "input_too_large", Input, "{what}: {actual} is over the limit of {limit}",
          "If this input is legitimate, raise the named limit; otherwise discard it.";
    /// Not of the format it should be of.
    Malformed { format: &'static str, at: String, reason: String }
        = "malformed", Input, "not a well-formed {format}: {reason} (at {at})",
          "Get the file again from where it was published; it is damaged or of another format.";
    /// An option that does not exist, is missing, or has a value it cannot have; for doors to this library.
    OptionInvalid { option: String, expected: &'static str }
        = "option_invalid", Input, "option {option} is not valid: expected {expected}",
          "Correct the option; the documentation of the function lists all of them.";
    /// A key that cannot be used.
    KeyInvalid { what: &'static str, reason: String }
        = "key_invalid", Certificate, "{what} is not usable: {reason}",
          "Give an Ed25519 or P-256 key in the form that the documentation of this key names.";
    /// A key id that nothing trusted answers to, at that place in the log.
    KeyUnknown { what: &'static str, key_id: String }
        = "key_unknown", Trust, "no trusted {what} has the key id {key_id}",
          "Check that the trust file belongs to this log, and that key changes up to here were applied to it.";
    /// A key that was revoked from a place in the log on.
    KeyRevoked { key_id: String, index: u64, revoked_from: u64 }
        = "key_revoked", Trust, "key {key_id} is revoked from log entry {revoked_from} on, and this is entry {index}",
          "Do not trust this entry: whoever holds the revoked key may have made it.";
    /// A trust file that cannot be used.
    TrustFileInvalid { at: String, reason: String }
        = "trust_file_invalid", Trust, "the trust file cannot be used: {reason} (at {at})",
          "Correct the trust file, or get it again from the registry and confirm its keys by fingerprint.";
    /// An inclusion proof that does not lead to its root.
    InclusionMismatch { index: u64, reason: String }
        = "inclusion_mismatch", Log, "the inclusion proof of log entry {index} does not hold: {reason}",
          "Do not trust this entry: it is not in the log it names.";
    /// A checkpoint that its log did not sign, or not in a way that counts.
    CheckpointUntrusted { origin: String, reason: String }
        = "checkpoint_untrusted", Log, "the checkpoint of {origin} cannot be trusted: {reason}",
          "Check that the trust file holds this log's key; otherwise do not trust what it covers.";
    /// Fewer witnesses than the policy's quorum.
    QuorumMissing { origin: String, quorum: String, cosigned: u64, stale: u64 }
        = "quorum_missing", Log, "the checkpoint of {origin} lacks the witness quorum {quorum}: {cosigned} known witnesses cosigned it, {stale} of them too long ago",
          "Get a newer checkpoint; if it lasts, the log or its witnesses are down, or the log shows you what they have not seen.";
    /// Two tree heads of one log that cannot both be true.
    ConsistencyBroken { old: u64, new: u64, reason: String }
        = "consistency_broken", Log, "the log of size {new} does not extend the one of size {old}: {reason}",
          "Trust neither: keep both checkpoints as evidence and report the log.";
    /// A package's chain of entries with a gap, a fork or a wrong link.
    ChainBroken { package: String, index: u64, reason: String }
        = "chain_broken", Log, "the chain of {package} breaks at log entry {index}: {reason}",
          "Read the package's history again; if it stays so, the log hides or forks it: report it.";
    /// A proof from the heads map that does not hold.
    HeadsMismatch { package: String, reason: String }
        = "heads_mismatch", Log, "the heads map says nothing certain about {package}: {reason}",
          "Ask for a newer map and proof; if it stays so, do not trust what the log says about this package.";
    /// A heads map that is not the one that the log's entries make.
    HeadsMapWrong { index: u64, reason: String }
        = "heads_map_wrong", Log, "the heads map in log entry {index} is wrong: {reason}",
          "Do not trust what the log proves by this map: report the log.";
    /// A leaf that says something else than the signed statement it names.
    LeafMismatch { index: u64, field: &'static str }
        = "leaf_mismatch", Log, "log entry {index} is at odds with its signed statement: {field} differs",
          "Do not trust this entry: report the log, with the leaf and the statement.";
    /// Nothing in the log about a release.
    AttestationMissing { package: String, version: String }
        = "attestation_missing", Policy, "the log has no publish entry of {package} {version}",
          "Check name and version; a release made before the log began has none.";
    /// Something that the log names is not handed out.
    AttestationWithheld { index: u64, digest: String }
        = "attestation_withheld", Policy, "the service does not hand out {digest}, which log entry {index} names",
          "Do not use this release: ask the registry why it withholds a part of its own record.";
    /// The version was taken back.
    ReleaseUnpublished { package: String, version: String, index: u64 }
        = "release_unpublished", Policy, "{package} {version} was unpublished by log entry {index}",
          "Choose another version.";
    /// The version's bytes are others than the locked ones.
    ReleaseReplaced { package: String, version: String, index: u64, expected: String, actual: String }
        = "release_replaced", Policy, "{package} {version} was replaced by log entry {index}: locked {expected}, published {actual}",
          "Find out why it was replaced before the lock file is updated.";
    /// The signature does not verify.
    SignatureMismatch { algorithm: &'static str }
        = "signature_mismatch", Signature, "the {algorithm} signature does not match what was signed",
          "Do not trust what was signed: it was changed, or signed by another key.";
    /// Not an in-toto statement of a registry event, or one with a field that cannot be.
    StatementInvalid { field: String, reason: String }
        = "statement_invalid", Statement, "the signed payload is not a valid in-toto statement: {field}: {reason}",
          "Ask whoever made the attestation to make a valid in-toto statement.";
    /// A witness did not cosign.
    WitnessRefused { status: u64, reason: String }
        = "witness_refused", Service, "the witness did not cosign (status {status}): {reason}",
          "Check that the witness knows this log's key; status 422 means that it has seen another history.";
    /// A tile, a bundle of entries or an envelope that storage does not give.
    StorageFailed { path: String, reason: String }
        = "storage_failed", Storage, "{path}: {reason}",
          "Check that the file exists and that this process may use it.";
    /// More work than was allowed.
    BudgetExhausted { what: &'static str, limit: u64 }
        = "budget_exhausted", System, "{what} used up its budget of {limit}",
          "Try again with a larger budget if the input is legitimate.";
    /// A defect of this library; the work was given up, nothing was accepted.
    Internal { at: String }
        = "internal", System, "internal error at {at}; nothing was accepted",
          "Report this with the input that caused it.";
}

/// The most useful fault, and the others found in the same input.
pub type Error = provenance_base::Error<Fault>;

impl Fault {
    pub(crate) fn malformed(format: &'static str, at: &str, reason: &str) -> Error {
        Self::Malformed { format, at: quote(at), reason: quote(reason) }.into()
    }
}

impl provenance_base::AtDoor for Fault {
    fn option_invalid(bad: provenance_base::BadOption) -> Self {
        Self::OptionInvalid { option: bad.option, expected: bad.expected }
    }

    fn internal(at: String) -> Self {
        Self::Internal { at }
    }
}

/// What everything in this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_plain() {
        assert!(provenance_base::fault::is_sound(CATALOGUE));
    }

    #[test]
    fn facts_are_rendered() {
        let fault = Fault::InputTooLarge { what: "bundle", limit: 1, actual: 2 };
        assert_eq!(fault.to_string(), "bundle: 2 is over the limit of 1");
        assert_eq!(fault.details().len(), 3);
    }
}
