//! The closed catalogue of everything that can go wrong, and of every reason to refuse.
//!
//! A [`Fault`] carries facts, never prose made elsewhere: its code is stable, its message and remedy are rendered
//! from its fields. An [`Error`] says that something *could not be evaluated*; what was evaluated and *refused* is a
//! list of the same faults in a judgement.

use provenance_base::pattern::BadMatcher;

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
    /// A claim of an identity token that provenance needs and that is missing or cannot be.
    TokenClaimInvalid { claim: &'static str, reason: String }
        = "token_claim_invalid", Input, "the identity token cannot be used ({claim}): {reason}",
          "Use an unaltered identity token of a CI job; elsewhere no provenance can be claimed.";
    /// Not an in-toto statement, or one with a field that cannot be.
    StatementInvalid { field: String, reason: String }
        = "statement_invalid", Statement, "the signed payload is not a valid in-toto statement: {field}: {reason}",
          "Ask whoever made the attestation to make a valid in-toto statement.";
    /// A predicate of a type (or a build of a type) this library does not read.
    PredicateUnsupported { predicate_type: String, build_type: String }
        = "predicate_unsupported", Statement, "predicates of type {predicate_type} (build type \"{build_type}\") are not supported",
          "Use SLSA provenance v0.2 or v1, or a verification summary v1; other formats need another tool.";
    /// A predicate with a field that cannot be.
    PredicateInvalid { field: String, reason: String }
        = "predicate_invalid", Statement, "the predicate is not valid: {field}: {reason}",
          "Ask whoever made the attestation to follow the predicate's specification.";
    /// No subject of the statement is the artifact.
    SubjectAbsent { digest: String, subjects: u64 }
        = "subject_absent", Statement, "none of the statement's {subjects} subjects has the digest {digest}",
          "Check that the attestation and the artifact belong together; if they should, the artifact was changed.";
    /// Nobody verified who signed.
    SignatureUnverified {}
        = "signature_unverified", Signature, "no signature was verified, so anybody may have written this",
          "Verify the bundle's signature first, or say by name that unsigned provenance will do.";
    /// The statement and its signer's certificate disagree.
    ClaimMismatch { field: String, claim: &'static str, stated: String, certified: String }
        = "claim_mismatch", Signature, "{field} is \"{stated}\", but the signer's certificate says \"{certified}\" ({claim})",
          "Do not trust this provenance: it describes another build than the one that signed it.";
    /// The signer's certificate disagrees with itself.
    ClaimsInconsistent { claim: &'static str, value: String, other: &'static str, other_value: String }
        = "claims_inconsistent", Signature, "the certificate's {claim} is \"{value}\", which does not fit its {other}, \"{other_value}\"",
          "Do not trust this provenance: the build's configuration and its source differ.";
    /// The statement disagrees with itself.
    ProvenanceInconsistent { field: String, value: String, other: String, other_value: String }
        = "provenance_inconsistent", Statement, "{field} is \"{value}\", which does not fit {other}, \"{other_value}\"",
          "Do not trust this provenance: it contradicts itself.";
    /// An external parameter that the build type does not define and no expectation names.
    ParameterUnrecognised { parameter: String, build_type: String }
        = "parameter_unrecognised", Policy, "external parameter {parameter} is not known for build type {build_type}",
          "Find out what the parameter does; if every value is harmless, state an expectation for it.";
    /// A text that can be mistaken for another.
    NameConfusable { field: String, value: String, character: String }
        = "name_confusable", Policy, "{field} is \"{value}\", in which {character} can be mistaken for something else",
          "Do not trust this name: real repository and host names are plain ASCII.";
    /// Built from another repository.
    SourceRefused { expected: String, actual: String }
        = "source_refused", Policy, "built from \"{actual}\", not from \"{expected}\"",
          "Confirm with the maintainers where the project lives; only then change the expectation.";
    /// Built from another ref, branch or tag.
    RefRefused { expected: String, actual: String }
        = "ref_refused", Policy, "built from ref \"{actual}\", not from \"{expected}\"",
          "Use an artifact that was built from the expected branch or tag.";
    /// Built from another commit.
    CommitRefused { expected: String, actual: String }
        = "commit_refused", Policy, "built from commit \"{actual}\", not from \"{expected}\"",
          "Use an artifact that was built from the expected commit.";
    /// Built by another workflow.
    WorkflowRefused { expected: String, actual: String }
        = "workflow_refused", Policy, "built by workflow \"{actual}\", not by \"{expected}\"",
          "Confirm with the maintainers which workflow publishes.";
    /// Signed by somebody else.
    SignerRefused { field: String, expected: String, actual: String }
        = "signer_refused", Policy, "the signer's {field} is \"{actual}\", not \"{expected}\"",
          "Confirm with the publisher who signs; do not change the expectation to fit the provenance.";
    /// Started by an event that is not allowed.
    TriggerRefused { expected: String, actual: String }
        = "trigger_refused", Policy, "the build was triggered by \"{actual}\"; allowed: {expected}",
          "Build again by an allowed trigger, or allow this one if outsiders cannot cause it.";
    /// Run on another kind of machine.
    RunnerRefused { expected: String, actual: String }
        = "runner_refused", Policy, "the build was signed on a \"{actual}\" runner, not on \"{expected}\"",
          "Build on the expected kind of runner.";
    /// Another build type.
    BuildTypeRefused { expected: String, actual: String }
        = "build_type_refused", Policy, "the build type is \"{actual}\", not \"{expected}\"",
          "Confirm with the publisher how the artifact is built.";
    /// Another builder.
    BuilderRefused { expected: String, actual: String }
        = "builder_refused", Policy, "built by \"{actual}\", not by \"{expected}\"",
          "Confirm with the publisher which builder is used; only then change the expectation.";
    /// An input of the build that is not as expected.
    InputRefused { input: String, expected: String, actual: String }
        = "input_refused", Policy, "the build's input {input} is \"{actual}\", not \"{expected}\"",
          "Use an artifact that was built with the expected inputs.";
    /// Not the level that is required.
    LevelTooLow { expected: &'static str, actual: &'static str, reason: String }
        = "level_too_low", Policy, "SLSA {actual}, but {expected} is required: {reason}",
          "See the judgement's reasons for what kept the build from the next level.";
    /// A verification summary by another verifier, or signed by somebody who may not speak for it.
    VerifierRefused { expected: String, actual: String }
        = "verifier_refused", Policy, "the summary is of verifier \"{actual}\", not \"{expected}\"",
          "Accept only verifiers you chose, each signed for by its own signer.";
    /// A verification summary about another resource.
    ResourceRefused { expected: String, actual: String }
        = "resource_refused", Policy, "the summary is about \"{actual}\", not \"{expected}\"",
          "Use the summary that was made for the place you get the artifact from.";
    /// A verification summary that says that verification failed.
    VerificationFailed { result: String }
        = "verification_failed", Policy, "the verifier's result is \"{result}\", not \"PASSED\"",
          "Do not use this artifact: its verifier refused it.";
    /// A verification summary without a level that is required.
    VerifiedLevelMissing { expected: String, actual: String }
        = "verified_level_missing", Policy, "the verified levels are {actual}, without {expected}",
          "Use an artifact that was verified at the expected level.";
    /// A defect of this library; the work was given up, nothing was accepted.
    Internal { at: String }
        = "internal", System, "internal error at {at}; nothing was accepted",
          "Report this with the input that caused it.";
}

impl From<BadMatcher> for Fault {
    fn from(bad: BadMatcher) -> Self {
        Self::OptionInvalid { option: "pattern".to_owned(), expected: bad.expected }
    }
}

/// The most useful fault, and the others found in the same input.
pub type Error = provenance_base::Error<Fault>;

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
        let fault = Fault::SourceRefused { expected: "a".to_owned(), actual: "b".to_owned() };
        assert_eq!(fault.to_string(), "built from \"b\", not from \"a\"");
        assert_eq!(fault.details().len(), 2);
        let error = Error::from_faults(vec![fault.clone(), fault]).unwrap();
        assert_eq!((error.code(), error.also().len()), ("source_refused", 1));
    }
}
