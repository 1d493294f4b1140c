//! Every atom that crosses the boundary.

// The macro's functions are as public as their module.
#![allow(missing_docs, unreachable_pub)]

use rustler::{Atom, Encoder, Env, Term};

rustler::atoms! {
    // Answers.
    ok, error, undefined, null,
    // Errors.
    code, stage, message, remedy, details, also,
    // The catalogue.
    errors, claims, checks, limits,
    // Artifacts and trust sources.
    bytes, file, digest, json, none, public_good, staging, github, custom,
    // Options.
    trust, identity, unchecked, keys, untimed, thresholds, san, issuer, pattern, pem, der, hint, valid_from, valid_to,
    log_entries, timestamps, scts, url, root, timeout, cache,
    offline, ca_files, proxy, environment, direct,
    // Evidence.
    media_type, signer, transparency, log, times, ignored_timestamps, content, artifact, checked,
    kind, certificate, key, sans, unknown_extensions, sha256, serial, not_before, not_after, key_algorithm, sct_times,
    key_id, instance, source, as_of, time, nanos, by, log_id, index, version, integrated_time, inclusion_promise,
    checkpoint, body, origin, size, root_hash, other_signatures, payload_type, statement_bytes, statement, subject,
    name, digests,
    // Bundles and roots as they are, unverified.
    unverified, algorithm, envelope, transparency_logs, certificate_logs, certificate_authorities,
    timestamp_authorities,
}

/// The atom of a name out of one of the core's closed tables; never of anything an input holds.
pub(crate) fn known<'a>(env: Env<'a>, name: &'static str) -> Term<'a> {
    Atom::from_str(env, name).unwrap_or_else(|_| undefined()).encode(env)
}
