//! Provenance that is written: judged by this crate with the certificate that Fulcio would issue for the same token, and
//! checked by JSON schema.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use boon::{Compiler, SchemaIndex, Schemas};
use common::*;
use provenance_slsa::builder::{BuilderId, BuilderRow, Refs, Signer};
use provenance_slsa::produce::{self, Production, TokenClaims};
use provenance_slsa::vsa::{About, SlsaResult, Vsa};
use provenance_slsa::{
    BuildType, BuildTypes, Builders, Claims, Dialect, Level, Limits, Matcher, ResourceDescriptor, Rules, Statement,
};
use serde_json::{Value, json};

const PUBLISH: &str = "https://registry.example/build-types/publish/v1";
const PUBLISHER: &str = "https://github.com/registry/publisher/.github/workflows/publish.yml@refs/tags/v1.0.0";

fn token(value: &Value) -> TokenClaims {
    value.as_object().unwrap().clone()
}

fn github_token() -> Value {
    json!({
        "iss": GITHUB, "repository": "acme/lib", "repository_id": "11", "repository_owner_id": "22", "ref": REF,
        "sha": COMMIT, "workflow_ref": format!("acme/lib/{WORKFLOW}@{REF}"),
        "job_workflow_ref": format!("acme/lib/{WORKFLOW}@{REF}"), "event_name": "push", "run_id": "33",
        "run_attempt": "1", "runner_environment": "github-hosted"
    })
}

fn gitlab_token() -> Value {
    json!({
        "iss": "https://gitlab.com", "project_path": "acme/lib", "project_id": "11", "namespace_id": "22",
        "namespace_path": "acme", "ref": "v1.2.3", "ref_type": "tag", "ref_path": REF, "sha": COMMIT, "pipeline_id": "55",
        "pipeline_source": "push", "job_id": "44", "ci_config_sha": COMMIT, "runner_environment": "gitlab-hosted",
        "ci_config_ref_uri": format!("gitlab.com/acme/lib//.gitlab-ci.yml@{REF}")
    })
}

fn subjects() -> Vec<ResourceDescriptor> {
    vec![ResourceDescriptor { name: Some("pkg".to_owned()), digest: digest(), ..ResourceDescriptor::default() }]
}

fn plain() -> Production {
    Production { subjects: subjects(), ..Production::default() }
}

fn published() -> Production {
    let inputs = json!({"organisation": "", "dry-run": false}).as_object().unwrap().clone();
    Production { build_type: Some(PUBLISH.to_owned()), inputs: Some(inputs), ..plain() }
}

fn own_type(dialect: Dialect) -> BuildTypes {
    let uri = Matcher::exact(PUBLISH).unwrap();
    BuildTypes::well_known().with(BuildType { uri, dialect, source: PUBLISH.to_owned() })
}

fn own_builder() -> Builders {
    Builders::well_known().with(BuilderRow {
        name: "publisher".to_owned(),
        instances: vec!["public_good".to_owned()],
        issuer: Some(Matcher::exact(GITHUB).unwrap()),
        signer: Signer::Workflow(Matcher::exact(PUBLISHER.split('@').next().unwrap()).unwrap()),
        builder_id: BuilderId::Signer,
        build_types: vec![Matcher::exact(PUBLISH).unwrap()],
        runner_environment: Some("github-hosted".to_owned()),
        refs: Refs::Releases { commits: Vec::new() },
        own_repository: None,
        max_level: Level::L3,
        reason: "builds and signs in separate jobs of a reusable workflow".to_owned(),
        source: "https://registry.example/publisher".to_owned(),
    })
}

fn valid(statement: &Statement, predicate: &str) {
    let document = statement.to_value();
    let check = |schema: &str, value: &Value| {
        let mut schemas = Schemas::new();
        let path = format!("{}/tests/schemas/{schema}.json", env!("CARGO_MANIFEST_DIR"));
        let index: SchemaIndex = Compiler::new().compile(&path, &mut schemas).unwrap_or_else(|e| panic!("{e}"));
        schemas.validate(value, index).unwrap_or_else(|e| panic!("{schema}: {e}"));
    };
    check("statement_v1", &document);
    check(predicate, &document["predicate"]);
}

#[test]
fn github_plain() {
    let statement = produce::github(&token(&github_token()), &plain()).unwrap();
    assert_eq!(statement.to_value()["predicate"], github()["predicate"], "as GitHub's own action writes it");
    valid(&statement, "provenance_v1");
    let judged = judge(&statement.to_value(), &claims());
    assert_eq!((judged.level(), judged.refusals), (Level::L2, vec![]));
}

#[test]
fn github_plain_cannot_record_inputs() {
    let mut dispatched = github_token();
    dispatched["event_name"] = json!("workflow_dispatch");
    let statement = produce::github(&token(&dispatched), &plain()).unwrap();
    let mut signer = claims_of(PUBLISHER);
    signer.set("build_trigger", "workflow_dispatch");
    let mut document = statement.to_value();
    put(&mut document, "/predicate/runDetails/builder/id", json!(PUBLISHER));
    let row = BuilderRow { build_types: Vec::new(), ..own_builder().rows().last().unwrap().clone() };
    let rules = Rules { builders: Builders::none().with(row), ..Rules::well_known() };
    let judged = judge_with(&document, &signer, &rules);
    assert_eq!(judged.level(), Level::L2);
    assert!(judged.assessment.kept_from_next().any(|r| r.because.contains("inputs of workflow_dispatch")));
}

#[test]
fn github_publisher_is_level_3() {
    let mut called = github_token();
    called["job_workflow_ref"] = json!(PUBLISHER.strip_prefix("https://github.com/").unwrap());
    let statement = produce::github(&token(&called), &published()).unwrap();
    valid(&statement, "provenance_v1");
    let rules = Rules { builders: own_builder(), build_types: own_type(Dialect::GitHubPublisher), ..Rules::default() };
    let judged = judge_with(&statement.to_value(), &claims_of(PUBLISHER), &rules);
    assert_eq!((judged.level(), judged.refusals), (Level::L3, vec![]));
    assert_eq!(Value::Object(judged.inputs), json!({"organisation": "", "dry-run": false}));
    let mut without = statement.to_value();
    put(&mut without, "/predicate/buildDefinition/externalParameters/inputs", Value::Null);
    assert_eq!(judge_with(&without, &claims_of(PUBLISHER), &rules).level(), Level::L2, "inputs must be recorded");
}

#[test]
fn gitlab() {
    let production = Production {
        build_type: Some(PUBLISH.to_owned()),
        unverified: json!({"runner": "https://gitlab.com/acme/lib/-/runners/1"}).as_object().unwrap().clone(),
        ..plain()
    };
    let statement = produce::gitlab(&token(&gitlab_token()), &production).unwrap();
    valid(&statement, "provenance_v1");
    let config = format!("https://gitlab.com/acme/lib//.gitlab-ci.yml@{REF}");
    let mut signer = Claims::from_named([
        ("issuer", "https://gitlab.com"),
        ("build_signer_uri", config.as_str()),
        ("runner_environment", "gitlab-hosted"),
        ("source_repository_uri", "https://gitlab.com/acme/lib"),
        ("source_repository_digest", COMMIT),
        ("source_repository_ref", REF),
        ("source_repository_identifier", "11"),
        ("source_repository_owner_uri", "https://gitlab.com/acme"),
        ("source_repository_owner_identifier", "22"),
        ("build_config_uri", config.as_str()),
        ("build_config_digest", COMMIT),
        ("build_trigger", "push"),
        ("run_invocation_uri", "https://gitlab.com/acme/lib/-/jobs/44"),
    ]);
    signer.instance = Some("public_good".to_owned());
    let rules = Rules { build_types: own_type(Dialect::GitLabPublisher), ..Rules::well_known() };
    let judged = judge_with(&statement.to_value(), &signer, &rules);
    assert_eq!((judged.level(), judged.refusals, judged.cross_check.unverified), (Level::L2, vec![], vec![]));
    for name in [
        "source_repository_ref",
        "build_trigger",
        "source_repository_owner_identifier",
        "build_config_digest",
        "run_invocation_uri",
    ] {
        let mut other = signer.clone();
        other.set(name, "other");
        assert!(!judge_with(&statement.to_value(), &other, &rules).accepted(), "{name}");
    }
}

#[test]
fn tokens_that_cannot_be() {
    let refused = |make: fn(&TokenClaims, &Production) -> provenance_slsa::Result<Statement>,
                   good: &Value,
                   production: &Production,
                   name: &str,
                   value: Value| {
        let mut changed = good.clone();
        changed[name] = value;
        make(&token(&changed), production).unwrap_err().code()
    };
    for name in [
        "iss",
        "repository",
        "repository_id",
        "ref",
        "sha",
        "workflow_ref",
        "job_workflow_ref",
        "event_name",
        "run_id",
        "run_attempt",
        "runner_environment",
    ] {
        for value in [Value::Null, json!(""), json!("a b"), json!([])] {
            assert_eq!(
                refused(produce::github, &github_token(), &plain(), name, value),
                "token_claim_invalid",
                "{name}"
            );
        }
    }
    for (name, value) in [
        ("iss", "https://gitlab.com"),
        ("sha", "main"),
        ("ref", "main"),
        ("workflow_ref", "evil/lib/.github/workflows/x.yml@refs/tags/v1.2.3"),
        ("workflow_ref", "acme/lib/.github/workflows/x.yml@refs/heads/main"),
    ] {
        assert_eq!(
            refused(produce::github, &github_token(), &plain(), name, json!(value)),
            "token_claim_invalid",
            "{name}"
        );
    }
    let production = Production { build_type: Some(PUBLISH.to_owned()), ..plain() };
    for (name, value) in [
        ("iss", GITHUB),
        ("ref_type", "merge_request"),
        ("ref_path", "refs/heads/main"),
        ("ci_config_ref_uri", "evil.example/a//b@c"),
        ("sha", "x"),
    ] {
        assert_eq!(
            refused(produce::gitlab, &gitlab_token(), &production, name, json!(value)),
            "token_claim_invalid",
            "{name}"
        );
    }
}

#[test]
fn options_that_cannot_be() {
    let make = |production: &Production| produce::github(&token(&github_token()), production).unwrap_err().code();
    assert_eq!(make(&Production { inputs: None, ..published() }), "option_invalid");
    assert_eq!(make(&Production { build_type: None, ..published() }), "option_invalid");
    assert_eq!(make(&Production::default()), "statement_invalid", "no subjects");
    assert_eq!(produce::gitlab(&token(&gitlab_token()), &plain()).unwrap_err().code(), "option_invalid");
}

#[test]
fn summaries_follow_their_schema() {
    let judged = judge(&generic(), &claims_of(GENERATOR));
    let about = About {
        verifier_id: "https://verifier.example".to_owned(),
        verifier_version: vec![("library".to_owned(), "0.1.0".to_owned())],
        time_verified: Some("2026-11-24T12:00:00Z".to_owned()),
        resource_uri: "pkg:generic/lib@1.2.3".to_owned(),
        policy: ResourceDescriptor { uri: Some("https://policy.example".to_owned()), ..ResourceDescriptor::default() },
        input_attestations: subjects(),
        carried: vec![SlsaResult::parse("SLSA_SOURCE_LEVEL_2")],
    };
    let mut vsa = Vsa::of(&judged, about).unwrap();
    vsa.dependency_levels = Some([(SlsaResult::parse("SLSA_BUILD_LEVEL_2"), 3)].into());
    let statement = vsa.to_statement(subjects(), &Limits::default()).unwrap();
    valid(&statement, "verification_summary_v1");
    assert_eq!(Vsa::from_statement(&statement, &Limits::default()), Ok(vsa));
}
