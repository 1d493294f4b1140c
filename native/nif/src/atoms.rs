//! Every atom that crosses the boundary.

// The macro's functions are as public as their module.
#![allow(missing_docs, unreachable_pub)]

pub(crate) use provenance_nif_base::atoms::known;
use provenance_sigstore::claims::CLAIMS;
use provenance_sigstore::error::CATALOGUE;
use provenance_sigstore::evidence::CHECKS;
use rustler::Env;

rustler::atoms! {
    // Answers.
    ok, error, undefined, null, elsewhere,
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
    // Signing.
    token, unavailable, external_key, services, chosen, audience, password, sign, bundle, evidence,
    // Evidence.
    media_type, signer, transparency, log, times, ignored_timestamps, content, artifact, checked,
    kind, certificate, key, sans, unknown_extensions, sha256, serial, not_before, not_after, key_algorithm, sct_times,
    key_id, instance, source, as_of, time, nanos, by, log_id, index, version, integrated_time, inclusion_promise,
    checkpoint, body, origin, size, root_hash, other_signatures, payload_type, statement_bytes, statement, subject,
    name, digests,
    // SLSA.
    accepted, level, predicate_type, build_type, dialect, builder, r#ref = "ref", commit, workflow, trigger, invocation,
    runner_environment, subjects, inputs, external_parameters, dependencies, metadata, builder_row, reasons, confirmed,
    unrecognised, refusals, r#type = "type", predicate, instances, builder_id, build_types, refs, own_repository, max_level,
    reason, named, any, releases, requirement, met, because, invocation_id, started_on, finished_on, uri, builders, expect,
    only, source_id, owner_id, branch, tag, version_tag, signer_digest, triggers, visibility, only_these_inputs,
    min_level, absent, equal, refuse, report, dialects, requirements,
    record, builder_vouched, field, was, is, verifier, verifier_version, time_verified, resource_uri, policy,
    input_attestations, passed, verified_levels, dependency_levels, slsa_version, carried, verifiers, levels, id, gitlab,
    // Registry events.
    event, event_id, occurred_at, registry, repository, package, linked, prefix, actor, provenance, replaces, advisory,
    aliases, modified, state, document, format, status, statements, action, owner, owners, publisher, publishers, signature,
    // Logs.
    inclusion, max_age, now, hash, head, seq, previous, leaf, links, withheld, redacted, count, covers, lists, items,
    whole, handed_out, next_after, cosignatures, witnessed, note, purpose, old, new, first_index, last_index,
    revoked_from_index, vkey, earlier_logs, watched, all, announced, misbehaviour, change, packages, published,
    retired, advisories, of_several_versions, locked, hashes, missing, entries, key_change, heads_map, extra,
    // JSON.
    nil, r#true = "true", r#false = "false",
    // Bundles and roots as they are, unverified.
    unverified, algorithm, envelope, transparency_logs, certificate_logs, certificate_authorities,
    timestamp_authorities,
}

/// Names that no table of the core lists.
const OTHERS: &[&str] = &[
    "uri",
    "email",
    "dns",
    "other_name",
    "sha256",
    "sha384",
    "sha512",
    "embedded",
    "tuf",
    "file",
    "none",
    "timestamp_authority",
    "log",
];

/// Makes the atoms of all names, when the library is loaded.
pub(crate) fn install(env: Env<'_>) {
    let claims = CLAIMS.iter().map(|claim| claim.name);
    let errors = CATALOGUE.iter().flat_map(|entry| [entry.code, entry.stage.as_str()]);
    let names = claims.chain(errors).chain(CHECKS.iter().chain(OTHERS).copied());
    #[cfg(feature = "slsa")]
    let names = names.chain(crate::slsa::names());
    #[cfg(feature = "registry")]
    let names = names.chain(crate::registry::names());
    #[cfg(feature = "log")]
    let names = names.chain(crate::log::names());
    provenance_nif_base::atoms::install(env, names);
}
