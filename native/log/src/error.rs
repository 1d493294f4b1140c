//! The closed catalogue of everything that can go wrong.
//!
//! A [`Fault`] carries facts, never prose made elsewhere: its code is stable, its message and remedy are rendered
//! from its fields. Codes that `provenance-sigstore` has as well mean the same there.

use std::fmt;

/// Where in the pipeline a fault was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Reading what the caller gave.
    Input,
    /// Preparing or choosing trust material.
    Trust,
    /// A key.
    Certificate,
    /// The transparency log.
    Log,
    /// A signature and what it covers.
    Signature,
    /// The in-toto statement.
    Statement,
    /// What the caller expects of a release.
    Policy,
    /// Talking to a service.
    Service,
    /// Reading tiles and entries.
    Storage,
    /// The machine or this library.
    System,
}

impl Stage {
    /// The stage's name as it crosses to other languages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Trust => "trust",
            Self::Certificate => "certificate",
            Self::Log => "log",
            Self::Signature => "signature",
            Self::Statement => "statement",
            Self::Policy => "policy",
            Self::Service => "service",
            Self::Storage => "storage",
            Self::System => "system",
        }
    }
}

/// One fact of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// Text; always valid UTF-8, at most [`MAX_TEXT`] bytes when it came from outside.
    Text(String),
    /// A count, a size or Unix seconds.
    Number(i64),
}

/// How much of a hostile text an error repeats, in bytes.
pub const MAX_TEXT: usize = 256;

/// `text` cut to [`MAX_TEXT`] bytes at a character boundary, with control characters replaced.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_TEXT));
    for c in text.chars() {
        let c = if c.is_control() { '\u{fffd}' } else { c };
        if out.len().saturating_add(c.len_utf8()) > MAX_TEXT {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
}

impl From<&str> for Detail {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Detail {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
impl From<i64> for Detail {
    fn from(value: i64) -> Self {
        Self::Number(value)
    }
}
impl From<u64> for Detail {
    fn from(value: u64) -> Self {
        Self::Number(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

macro_rules! catalogue {
    ($( $(#[$doc:meta])* $name:ident { $($field:ident : $type:ty),* $(,)? }
        = $code:literal, $stage:ident, $message:literal, $remedy:literal; )*) => {
        /// One thing found wrong. The variants are the catalogue; there is no "other".
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        pub enum Fault {
            $(
                $(#[$doc])*
                #[error($message)]
                $name {
                    $(
                        #[doc = concat!("The fact `", stringify!($field), "`.")]
                        $field: $type,
                    )*
                },
            )*
        }

        impl Fault {
            /// The stable code, the same in every language.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self { $( Self::$name { .. } => $code, )* }
            }

            /// Where it was found.
            #[must_use]
            pub const fn stage(&self) -> Stage {
                match self { $( Self::$name { .. } => Stage::$stage, )* }
            }

            /// What to do about it.
            #[must_use]
            pub const fn remedy(&self) -> &'static str {
                match self { $( Self::$name { .. } => $remedy, )* }
            }

            /// The facts, by name, in the order in which the catalogue lists them.
            #[must_use]
            pub fn details(&self) -> Vec<(&'static str, Detail)> {
                match self {
                    $( Self::$name { $($field),* } => vec![ $( (stringify!($field), Detail::from($field.clone())) ),* ], )*
                }
            }
        }

        /// Every code with its stage, remedy and detail names: what other languages check themselves against.
        pub const CATALOGUE: &[Entry] = &[
            $( Entry { code: $code, stage: Stage::$stage, remedy: $remedy, details: &[ $( stringify!($field) ),* ] }, )*
        ];
    };
}

/// One row of the [`CATALOGUE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The stable code.
    pub code: &'static str,
    /// Where such a fault is found.
    pub stage: Stage,
    /// What to do about it.
    pub remedy: &'static str,
    /// The names of its details.
    pub details: &'static [&'static str],
}

catalogue! {
    /// More than a limit allows.
    InputTooLarge { what: &'static str, limit: u64, actual: u64 }
        = "input_too_large", Input, "{what}: {actual} is over the limit of {limit}",
          "If this input is legitimate, raise the named limit; otherwise discard it.";
    /// Not of the format it should be of.
    Malformed { format: &'static str, at: String, reason: String }
        = "malformed", Input, "not a well-formed {format}: {reason} (at {at})",
          "Get the file again from where it was published; it is damaged or of another format.";
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    fault: Fault,
    also: Vec<Fault>,
}

impl Error {
    /// The fault to act on.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.0.fault
    }

    /// What else is wrong.
    #[must_use]
    pub fn also(&self) -> &[Fault] {
        &self.0.also
    }

    /// The stable code of the fault to act on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.fault.code()
    }

    /// All `faults` as one error, the first of them leading; `None` when there are none.
    #[must_use]
    pub fn from_faults(faults: Vec<Fault>) -> Option<Self> {
        let mut faults = faults.into_iter();
        let fault = faults.next()?;
        Some(Self(Box::new(Inner { fault, also: faults.collect() })))
    }

    /// The fault to act on and the others, in order.
    #[must_use]
    pub fn into_faults(self) -> Vec<Fault> {
        let mut faults = vec![self.0.fault];
        faults.extend(self.0.also);
        faults
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self(Box::new(Inner { fault, also: Vec::new() }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fault.fmt(f)
    }
}

impl std::error::Error for Error {}

impl Fault {
    pub(crate) fn malformed(format: &'static str, at: &str, reason: &str) -> Error {
        Self::Malformed { format, at: quote(at), reason: quote(reason) }.into()
    }
}

/// What everything in this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_plain() {
        let codes: BTreeSet<_> = CATALOGUE.iter().map(|e| e.code).collect();
        assert_eq!(codes.len(), CATALOGUE.len());
        for entry in CATALOGUE {
            assert!(entry.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", entry.code);
            assert!(entry.remedy.ends_with('.'), "{}", entry.code);
        }
    }

    #[test]
    fn facts_are_rendered() {
        let fault = Fault::InputTooLarge { what: "bundle", limit: 1, actual: 2 };
        assert_eq!(fault.to_string(), "bundle: 2 is over the limit of 1");
        assert_eq!(fault.details().len(), 3);
    }

    #[test]
    fn quoting_cuts_and_cleans() {
        assert_eq!(quote("a\nb"), "a\u{fffd}b");
        assert!(quote(&"é".repeat(1000)).len() <= MAX_TEXT + '…'.len_utf8());
    }
}
