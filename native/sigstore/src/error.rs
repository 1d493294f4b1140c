//! The closed catalogue of everything that can go wrong.
//!
//! A [`Fault`] carries facts, never prose made elsewhere: its code is stable, its message and remedy are rendered
//! from its fields. An [`Error`] is the most useful fault plus what else was found wrong with the same input.

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
    /// A bundle of a version this library does not know.
    BundleUnsupported { media_type: String }
        = "bundle_unsupported", Input, "bundle media type \"{media_type}\" is not supported",
          "Use a Sigstore bundle of version 0.1, 0.2 or 0.3, or update this library.";
    /// An option that does not exist, is missing, or has a value it cannot have.
    OptionInvalid { option: String, expected: &'static str }
        = "option_invalid", Input, "option {option} is not valid: expected {expected}",
          "Correct the option; the documentation of the function lists all of them.";
    /// An algorithm outside Sigstore's registry, or one that is not allowed here.
    AlgorithmUnsupported { what: &'static str, algorithm: String }
        = "algorithm_unsupported", Input, "{what} uses {algorithm}, which is not accepted",
          "Use an algorithm of Sigstore's algorithm registry.";
    /// The trust root cannot be used.
    TrustRootInvalid { at: String, reason: String }
        = "trust_root_invalid", Trust, "the trust root cannot be used: {reason} (at {at})",
          "Get the trusted_root.json again from whoever runs that Sigstore instance.";
    /// A trust root whose freshness has run out, where freshness matters.
    TrustRootExpired { instance: String, expired: i64 }
        = "trust_root_expired", Trust, "the trust root of {instance} expired at {expired}",
          "Refresh the trust root while online, or verify offline and judge its reported age.";
    /// A root without logs used without stated thresholds.
    ThresholdsUnstated { instance: String, missing: &'static str }
        = "thresholds_unstated", Trust, "the trust root {instance} has no {missing}, and no thresholds were stated for it",
          "State the thresholds for this root (log_entries, timestamps, scts), or use a root that has logs.";
    /// TUF refused what the repository served, or what the cache holds.
    TrustRefreshFailed { repository: String, reason: String }
        = "trust_refresh_failed", Trust, "TUF metadata of {repository} was refused: {reason}",
          "Try again later; if it persists the repository or the way to it is compromised or broken.";
    /// A key id that nothing trusted answers to.
    KeyUnknown { what: &'static str, key_id: String }
        = "key_unknown", Trust, "no trusted {what} has the key id {key_id}",
          "Check that the trust root or key belongs to the instance that signed, and refresh it.";
    /// A key that cannot be used.
    KeyInvalid { what: &'static str, reason: String }
        = "key_invalid", Certificate, "{what} is not usable: {reason}",
          "Give a public key as SubjectPublicKeyInfo, a private one as PKCS #8 (openssl pkcs8 -topk8), in PEM or DER.";
    /// The certificate does not chain to an authority of the trust root.
    CertificateUntrusted { subject: String, reason: String }
        = "certificate_untrusted", Certificate, "certificate {subject} is not issued by a trusted authority: {reason}",
          "Check which Sigstore instance signed, and verify with that instance's trust root.";
    /// A verified time outside the certificate's (or authority's) validity.
    CertificateOutsideValidity { what: String, time: i64, not_before: i64, not_after: i64 }
        = "certificate_outside_validity", Certificate, "{what} was valid from {not_before} to {not_after}, but the signature is dated {time}",
          "Do not trust this bundle: it was signed when the certificate was not valid.";
    /// A certificate without what a Fulcio certificate must have.
    CertificateInvalid { subject: String, reason: String }
        = "certificate_invalid", Certificate, "certificate {subject} cannot be a signing certificate: {reason}",
          "Sign with a certificate issued by Fulcio.";
    /// A certificate transparency proof that does not hold.
    SctInvalid { reason: String }
        = "sct_invalid", Certificate, "no valid signed certificate timestamp: {reason}",
          "Check that the trust root holds the certificate transparency log's key; otherwise do not trust this certificate.";
    /// Nothing verified says when it was signed.
    TimestampMissing { required: u64, found: u64 }
        = "timestamp_missing", Time, "{found} verified times, but {required} needed: nothing trusted says when this was signed",
          "Sign with a timestamp authority or a log that dates its entries.";
    /// A signed timestamp that does not verify.
    TimestampInvalid { index: u64, reason: String }
        = "timestamp_invalid", Time, "signed timestamp {index} does not verify: {reason}",
          "Do not trust this bundle's timestamp; get the bundle again from where it was published.";
    /// Too few log entries.
    LogEntryMissing { required: u64, found: u64 }
        = "log_entry_missing", Log, "{found} verified transparency log entries, but {required} needed",
          "Use a bundle that was entered in a transparency log, or, for a key of your own, say by name that none is needed.";
    /// An entry without the proof its bundle version must carry.
    InclusionProofMissing { index: u64 }
        = "inclusion_proof_missing", Log, "log entry {index} carries no inclusion proof with a checkpoint",
          "Get a bundle with an inclusion proof; version 0.2 and later must have one.";
    /// An inclusion proof that does not lead to its root.
    InclusionMismatch { index: u64, reason: String }
        = "inclusion_mismatch", Log, "the inclusion proof of log entry {index} does not hold: {reason}",
          "Do not trust this bundle: its entry is not in the log it names.";
    /// A checkpoint that its log did not sign.
    CheckpointUntrusted { origin: String, reason: String }
        = "checkpoint_untrusted", Log, "the checkpoint of {origin} cannot be trusted: {reason}",
          "Check that the trust root holds this log's key; otherwise do not trust this bundle.";
    /// A log promise that does not verify.
    SetInvalid { index: u64, reason: String }
        = "set_invalid", Log, "the signed entry timestamp of log entry {index} does not verify: {reason}",
          "Do not trust this bundle: the log did not promise this entry.";
    /// A log entry about something else than the bundle.
    LogEntryMismatch { index: u64, field: &'static str }
        = "log_entry_mismatch", Log, "log entry {index} is about something else: its {field} differs from the bundle's",
          "Do not trust this bundle: it carries another signature's log entry.";
    /// A kind of log entry this library does not know.
    LogEntryUnsupported { kind: String, version: String }
        = "log_entry_unsupported", Log, "log entries of kind {kind} {version} are not supported",
          "Use hashedrekord 0.0.1/0.0.2, dsse 0.0.1/0.0.2 or intoto 0.0.2 entries.";
    /// The signature does not verify.
    SignatureMismatch { algorithm: &'static str }
        = "signature_mismatch", Signature, "the {algorithm} signature does not match what was signed",
          "Do not trust this artifact or bundle: one of them was changed, or they do not belong together.";
    /// The artifact is not the one that was signed.
    DigestMismatch { algorithm: &'static str, expected: String, actual: String }
        = "digest_mismatch", Signature, "the bundle is about {algorithm}:{expected}, but the artifact is {algorithm}:{actual}",
          "Check that the bundle and the artifact belong together; if they should, the artifact was changed.";
    /// The digest that the check needs was not given.
    DigestUnavailable { needed: String, given: String }
        = "digest_unavailable", Signature, "verifying this needs the artifact's {needed}, but only {given} was given",
          "Give the artifact itself, or its digest of the needed algorithm.";
    /// The DSSE envelope's key id disagrees with the bundle's key hint.
    KeyHintMismatch { hint: String, keyid: String }
        = "key_hint_mismatch", Signature, "the envelope names key {keyid}, but the bundle names key {hint}",
          "Do not trust this bundle: two parts of it name different keys.";
    /// Not an in-toto statement, or one with a field that cannot be.
    StatementInvalid { field: String, reason: String }
        = "statement_invalid", Statement, "the signed payload is not a valid in-toto statement: {field}: {reason}",
          "Ask whoever made the attestation to make a valid in-toto statement.";
    /// No subject of the statement is the artifact.
    SubjectAbsent { digest: String, subjects: u64 }
        = "subject_absent", Statement, "none of the statement's {subjects} subjects has the digest {digest}",
          "Check that the attestation and the artifact belong together; if they should, the artifact was changed.";
    /// Neither an identity nor the word that none is wanted was given.
    IdentityUnstated {}
        = "identity_unstated", Policy, "no identity was stated: a valid signature alone says nothing about who signed",
          "State whom you expect to have signed, or say by name that any signer will do.";
    /// Signed by somebody else.
    IdentityRefused { field: String, expected: String, actual: String }
        = "identity_refused", Policy, "the signer's {field} is \"{actual}\", not \"{expected}\"",
          "Confirm with the publisher who signs; do not change the expectation to fit the bundle.";
    /// Signed with a key where a certificate was expected, or the reverse.
    SignerKindRefused { expected: &'static str, actual: &'static str }
        = "signer_kind_refused", Policy, "signed with a {actual}, but a {expected} was expected",
          "Verify keyless bundles by identity and key-signed bundles with that key.";
    /// A service could not be reached, or answered with a failure.
    TransportFailed { url: String, status: i64, reason: String }
        = "transport_failed", Service, "{url} failed (status {status}): {reason}",
          "Check the network and proxy settings and try again.";
    /// No identity token was given or found.
    TokenUnavailable { looked_for: String }
        = "token_unavailable", Service, "no identity token: {looked_for}",
          "Give a token, or run where one can be had: a CI job that may ask its platform for one (GitHub: permissions: id-token: write).";
    /// An identity token that cannot lead to a certificate.
    TokenInvalid { claim: &'static str, reason: String }
        = "token_invalid", Service, "the identity token cannot be used ({claim}): {reason}",
          "Get a fresh token for the audience sigstore, and check this machine's clock.";
    /// A signing config that cannot be used.
    SigningConfigInvalid { at: String, reason: String }
        = "signing_config_invalid", Trust, "the signing config cannot be used: {reason} (at {at})",
          "Get the signing config again from whoever runs that Sigstore instance.";
    /// A signing config without what signing needs.
    ServiceMissing { kind: &'static str, wanted: u64, found: u64 }
        = "service_missing", Service, "the signing config offers {found} operators of {kind} now, but {wanted} needed",
          "Refresh the signing config, or sign without that service by saying so.";
    /// Whoever holds the key did not sign.
    SignerFailed { reason: String }
        = "signer_failed", Signature, "the key's holder did not sign: {reason}",
          "Check the signing callback and the service behind it.";
    /// Took longer than allowed, or was cancelled.
    BudgetExhausted { what: &'static str, limit: u64 }
        = "budget_exhausted", System, "{what} used up its budget of {limit}",
          "Try again with a larger budget if the input is legitimate.";
    /// A file could not be read or written.
    StorageFailed { path: String, reason: String }
        = "storage_failed", Storage, "{path}: {reason}",
          "Check that the file exists and that this process may use it.";
    /// A defect of this library; the work was given up, nothing was accepted.
    Internal { at: String }
        = "internal", System, "internal error at {at}; nothing was accepted",
          "Report this with the input that caused it.";
}

/// The most useful fault, and the others found in the same input.
pub type Error = provenance_base::Error<Fault>;

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
