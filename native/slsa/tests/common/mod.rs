//! A genuine build and its signer, to be bent by each test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, dead_code)]

use provenance_slsa::{Claims, DigestSet, Fault, Judgement, Rules, judge_value};
use serde_json::{Value, json};

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const GITHUB: &str = "https://token.actions.githubusercontent.com";
pub(crate) const SOURCE: &str = "https://github.com/acme/lib";
pub(crate) const WORKFLOW: &str = ".github/workflows/release.yml";
pub(crate) const REF: &str = "refs/tags/v1.2.3";
pub(crate) const GENERATOR: &str = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0";

pub(crate) fn digest() -> DigestSet {
    [("sha256".to_owned(), "ab".repeat(32))].into()
}

/// Signed by the project's own workflow.
pub(crate) fn claims() -> Claims {
    let own = format!("{SOURCE}/{WORKFLOW}@{REF}");
    let mut claims = Claims::from_named([
        ("issuer", GITHUB),
        ("build_signer_uri", own.as_str()),
        ("build_signer_digest", COMMIT),
        ("runner_environment", "github-hosted"),
        ("source_repository_uri", SOURCE),
        ("source_repository_digest", COMMIT),
        ("source_repository_ref", REF),
        ("source_repository_identifier", "11"),
        ("source_repository_owner_uri", "https://github.com/acme"),
        ("source_repository_owner_identifier", "22"),
        ("build_config_uri", own.as_str()),
        ("build_config_digest", COMMIT),
        ("build_trigger", "push"),
        ("run_invocation_uri", "https://github.com/acme/lib/actions/runs/33/attempts/1"),
        ("source_repository_visibility", "public"),
    ]);
    claims.instance = Some("public_good".to_owned());
    claims.sans = vec![own];
    claims
}

/// The same build, signed by a reusable workflow elsewhere.
pub(crate) fn claims_of(signer: &str) -> Claims {
    let mut claims = claims();
    claims.build_signer_uri = Some(signer.to_owned());
    claims.build_signer_digest = Some("f".repeat(40));
    claims.sans = vec![signer.to_owned()];
    claims
}

pub(crate) fn statement(predicate_type: &str, predicate: &Value) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "lib-1.2.3.tar", "digest": {"sha256": "ab".repeat(32)}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    })
}

/// What GitHub's attest action writes.
pub(crate) fn github() -> Value {
    statement(
        "https://slsa.dev/provenance/v1",
        &json!({
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": {"ref": REF, "repository": SOURCE, "path": WORKFLOW}},
                "internalParameters": {"github": {
                    "event_name": "push", "repository_id": "11", "repository_owner_id": "22",
                    "runner_environment": "github-hosted"
                }},
                "resolvedDependencies": [{"uri": format!("git+{SOURCE}@{REF}"), "digest": {"gitCommit": COMMIT}}]
            },
            "runDetails": {
                "builder": {"id": format!("{SOURCE}/{WORKFLOW}@{REF}")},
                "metadata": {"invocationId": "https://github.com/acme/lib/actions/runs/33/attempts/1"}
            }
        }),
    )
}

/// What slsa-github-generator's generic generator writes.
pub(crate) fn generic() -> Value {
    statement(
        "https://slsa.dev/provenance/v0.2",
        &json!({
            "builder": {"id": GENERATOR},
            "buildType": "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
            "invocation": {
                "configSource": {"uri": format!("git+{SOURCE}@{REF}"), "digest": {"sha1": COMMIT}, "entryPoint": WORKFLOW},
                "parameters": {},
                "environment": {
                    "github_event_name": "push", "github_ref": REF, "github_ref_type": "tag", "github_sha1": COMMIT,
                    "github_repository_id": "11", "github_repository_owner": "acme", "github_repository_owner_id": "22",
                    "github_run_attempt": "1", "github_run_id": "33", "github_actor": "someone",
                    "github_event_payload": {"inputs": {"flavour": "mint"}}
                }
            },
            "metadata": {"buildInvocationID": "33-1", "completeness": {"parameters": true}, "reproducible": false},
            "materials": [{"uri": format!("git+{SOURCE}@{REF}"), "digest": {"sha1": COMMIT}}]
        }),
    )
}

pub(crate) fn judge_with(document: &Value, claims: &Claims, rules: &Rules) -> Judgement {
    judge_value(document, Some(claims), Some(&digest()), rules).unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) fn judge(document: &Value, claims: &Claims) -> Judgement {
    judge_with(document, claims, &Rules::well_known())
}

pub(crate) fn codes(judgement: &Judgement) -> Vec<&'static str> {
    judgement.refusals.iter().map(Fault::code).collect()
}

/// Sets the value at a JSON pointer, making objects on the way.
pub(crate) fn put(document: &mut Value, pointer: &str, value: Value) {
    let mut at = document;
    for part in pointer.trim_start_matches('/').split('/') {
        at = match part.parse::<usize>() {
            Ok(index) if at.is_array() => &mut at[index],
            _ => &mut at[part],
        };
    }
    *at = value;
}
