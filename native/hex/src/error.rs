//! The closed catalogue of everything that can go wrong.
//!
//! A [`Fault`] carries facts, never prose made elsewhere: its code is stable, its message and remedy are rendered
//! from its fields. Codes that the libraries beside this one have as well mean the same there.

use provenance_base::fields::Bad;

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
    /// An option that does not exist, is missing, or has a value it cannot have.
    OptionInvalid { option: String, expected: &'static str }
        = "option_invalid", Input, "option {option} is not valid: expected {expected}",
          "Correct the option; the documentation of the function lists all of them.";
    /// A bundle of a version or content that registries do not make.
    BundleUnsupported { media_type: String }
        = "bundle_unsupported", Input, "bundle media type \"{media_type}\" is not one of registry attestations",
          "Use a Sigstore bundle of version 0.3: registries make no others.";
    /// An event that a registry cannot attest as it was given.
    EventInvalid { field: String, reason: String }
        = "event_invalid", Input, "this is not an event that can be attested: {field}: {reason}",
          "Correct the event; the guide of registry events lists every field.";
    /// Not a statement of a registry event, or one with a field that cannot be.
    StatementInvalid { field: String, reason: String }
        = "statement_invalid", Statement, "the signed payload is not a valid in-toto statement: {field}: {reason}",
          "Ask whoever made the attestation to make a valid in-toto statement.";
    /// No subject of the statement is the artifact.
    SubjectAbsent { digest: String, subjects: u64 }
        = "subject_absent", Statement, "none of the statement's {subjects} subjects has the digest {digest}",
          "Check that the attestation and the artifact belong together; if they should, the artifact was changed.";
    /// The attestation of another event, or of another package.
    EventRefused { field: &'static str, expected: String, actual: String }
        = "event_refused", Policy, "the attestation's {field} is \"{actual}\", not \"{expected}\"",
          "Use the attestation of the expected event; this one says nothing about it.";
    /// A defect of this library; the work was given up, nothing was accepted.
    Internal { at: String }
        = "internal", System, "internal error at {at}; nothing was accepted",
          "Report this with the input that caused it.";
}

/// The most useful fault, and the others found in the same input.
pub type Error = provenance_base::Error<Fault>;

/// What everything in this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a registry gave, and is wrong.
pub(crate) fn bad_event(bad: Bad) -> Error {
    Fault::EventInvalid { field: bad.at, reason: bad.reason }.into()
}

/// What was signed, and is wrong.
pub(crate) fn bad_statement(bad: Bad) -> Error {
    Fault::StatementInvalid { field: bad.at, reason: bad.reason }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_plain() {
        assert!(provenance_base::fault::is_sound(CATALOGUE));
    }

    #[test]
    fn shared_codes_are_the_same_in_the_log() {
        for own in CATALOGUE {
            for other in provenance_log::error::CATALOGUE.iter().filter(|other| other.code == own.code) {
                assert_eq!((own.stage, own.details), (other.stage, other.details), "{}", own.code);
            }
        }
    }
}
