//! What is read from each build type, and that every field a certificate also states is compared.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use provenance_slsa::builder::{BuilderId, BuilderRow, Refs, Signer};
use provenance_slsa::{BuildType, BuildTypes, Builders, Claims, Dialect, Judgement, Level, Matcher, Rules};
use serde_json::{Value, json};

fn facts(judgement: &Judgement) -> [Option<&str>; 6] {
    [
        judgement.source.as_deref(),
        judgement.reference.as_deref(),
        judgement.commit.as_deref(),
        judgement.workflow.as_deref(),
        judgement.trigger.as_deref(),
        judgement.invocation.as_deref(),
    ]
}

const RUN: &str = "https://github.com/acme/lib/actions/runs/33/attempts/1";

/// Without a signer everything is what the provenance says; with one, all of it must be confirmed.
fn reads(document: &Value, claims: &Claims, invocation: &str) -> Judgement {
    let stated = provenance_slsa::judge_value(document, None, None, &Rules::well_known()).unwrap();
    assert_eq!(facts(&stated), [Some(SOURCE), Some(REF), Some(COMMIT), Some(WORKFLOW), Some("push"), Some(invocation)]);
    assert!(stated.level() <= Level::L1 && stated.cross_check.confirmed.is_empty());
    let judged = judge(document, claims);
    assert_eq!(judged.refusals, []);
    assert_eq!(judged.cross_check.unverified, Vec::<String>::new());
    judged
}

/// Changing any of those leaves must be refused.
fn refuses_changes(document: &Value, claims: &Claims, pointers: &[&str]) {
    for pointer in pointers {
        let mut changed = document.clone();
        let old = changed.pointer(pointer).unwrap_or_else(|| panic!("{pointer}")).clone();
        put(&mut changed, pointer, Value::from(format!("{}0", old.as_str().unwrap())));
        let judged = judge(&changed, claims);
        assert!(!judged.accepted(), "{pointer} can be changed");
        assert_eq!(judged.level(), Level::L0, "{pointer}");
    }
}

#[test]
fn github_workflow() {
    let judged = reads(&github(), &claims(), RUN);
    assert_eq!((judged.level(), judged.dialect), (Level::L2, Some("github_workflow")));
    let workflow = "/predicate/buildDefinition/externalParameters/workflow";
    let internal = "/predicate/buildDefinition/internalParameters/github";
    let pointers = [
        format!("{workflow}/ref"),
        format!("{workflow}/repository"),
        format!("{workflow}/path"),
        format!("{internal}/event_name"),
        format!("{internal}/repository_id"),
        format!("{internal}/repository_owner_id"),
        format!("{internal}/runner_environment"),
        "/predicate/buildDefinition/resolvedDependencies/0/uri".to_owned(),
        "/predicate/runDetails/builder/id".to_owned(),
        "/predicate/runDetails/metadata/invocationId".to_owned(),
    ];
    refuses_changes(&github(), &claims(), &pointers.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn github_workflow_commit() {
    let mut changed = github();
    put(&mut changed, "/predicate/buildDefinition/resolvedDependencies/0/digest/gitCommit", json!("e".repeat(40)));
    assert_eq!(codes(&judge(&changed, &claims())), ["claim_mismatch"]);
}

#[test]
fn commits_are_compared_however_they_are_written() {
    for digest in [
        json!({"gitCommit": "main"}),
        json!({"sha1": ""  , "gitCommit": "x"}),
        json!({"gitCommit": COMMIT, "sha1": "e".repeat(40)}),
    ] {
        let mut changed = generic();
        put(&mut changed, "/predicate/materials/0/digest", digest.clone());
        assert!(!judge(&changed, &claims_of(GENERATOR)).accepted(), "{digest}");
    }
    let mut changed = generic();
    put(&mut changed, "/predicate/invocation/environment/github_ref_type", json!("branch"));
    assert_eq!(codes(&judge(&changed, &claims_of(GENERATOR))), ["provenance_inconsistent"]);
}

#[test]
fn github_workflow_parameters_beyond_the_type() {
    let mut extra = github();
    put(&mut extra, "/predicate/buildDefinition/externalParameters/inputs", json!({"a": 1}));
    let judged = judge(&extra, &claims());
    assert_eq!((codes(&judged), judged.unrecognised), (vec!["parameter_unrecognised"], vec!["inputs".to_owned()]));
    put(&mut extra, "/predicate/buildDefinition/externalParameters/inputs", json!({}));
    put(&mut extra, "/predicate/buildDefinition/externalParameters/workflow/evil", json!(true));
    assert_eq!(judge(&extra, &claims()).unrecognised, ["workflow.evil"]);
}

#[test]
fn npm_on_github() {
    let mut npm = github();
    put(
        &mut npm,
        "/predicate/buildDefinition/buildType",
        json!("https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1"),
    );
    put(&mut npm, "/predicate/runDetails/builder/id", json!("https://github.com/actions/runner/github-hosted"));
    let judged = reads(&npm, &claims(), RUN);
    assert_eq!(judged.level(), Level::L2);
    put(&mut npm, "/predicate/runDetails/builder/id", json!("https://github.com/actions/runner/self-hosted"));
    assert_eq!(codes(&judge(&npm, &claims())), ["claim_mismatch"], "the certificate says where it ran");
    let mut own = claims();
    own.set("runner_environment", "self-hosted");
    put(&mut npm, "/predicate/buildDefinition/internalParameters/github/runner_environment", json!("self-hosted"));
    assert_eq!(judge(&npm, &own).level(), Level::L1);
}

#[test]
fn generator() {
    let judged = reads(&generic(), &claims_of(GENERATOR), "33-1");
    assert_eq!(judged.level(), Level::L3);
    assert_eq!(Value::Object(judged.inputs), json!({"flavour": "mint"}));
    let environment = "/predicate/invocation/environment";
    let pointers: Vec<String> = [
        "github_event_name",
        "github_ref",
        "github_sha1",
        "github_repository_id",
        "github_repository_owner",
        "github_repository_owner_id",
        "github_run_attempt",
        "github_run_id",
    ]
    .iter()
    .map(|name| format!("{environment}/{name}"))
    .chain(
        [
            "/predicate/invocation/configSource/uri",
            "/predicate/invocation/configSource/entryPoint",
            "/predicate/builder/id",
            "/predicate/metadata/buildInvocationID",
            "/predicate/materials/0/uri",
        ]
        .map(str::to_owned),
    )
    .collect();
    refuses_changes(&generic(), &claims_of(GENERATOR), &pointers.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn generator_parameters_and_config() {
    let mut extra = generic();
    put(&mut extra, "/predicate/invocation/parameters/x", json!(1));
    put(&mut extra, "/predicate/buildConfig/y", json!(1));
    assert_eq!(judge(&extra, &claims_of(GENERATOR)).unrecognised, ["x", "buildConfig.y"]);
    let mut go = generic();
    let builder = GENERATOR.replace("generator_generic", "builder_go");
    put(&mut go, "/predicate/buildType", json!("https://github.com/slsa-framework/slsa-github-generator/go@v1"));
    put(&mut go, "/predicate/builder/id", json!(builder));
    put(&mut go, "/predicate/buildConfig", json!({"steps": [], "version": 1}));
    let judged = reads(&go, &claims_of(&builder), "33-1");
    assert_eq!(judged.level(), Level::L3);
    put(&mut go, "/predicate/metadata/completeness/parameters", json!(false));
    assert_eq!(judge(&go, &claims_of(&builder)).level(), Level::L2);
}

#[test]
fn npm_v0_2_on_github() {
    let mut npm = generic();
    let predicate = npm["predicate"].as_object_mut().unwrap();
    predicate["buildType"] = json!("https://github.com/npm/cli/gha/v2");
    predicate["builder"] = json!({"id": "https://github.com/actions/runner"});
    predicate["invocation"]["environment"] = json!({
        "GITHUB_EVENT_NAME": "push", "GITHUB_REF": REF, "GITHUB_REPOSITORY": "acme/lib", "GITHUB_REPOSITORY_ID": "11",
        "GITHUB_REPOSITORY_OWNER_ID": "22", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_RUN_ID": 33, "GITHUB_SHA": COMMIT,
        "GITHUB_WORKFLOW_REF": format!("acme/lib/{WORKFLOW}@{REF}"), "GITHUB_WORKFLOW_SHA": COMMIT
    });
    let judged = reads(&npm, &claims(), "33-1");
    assert_eq!(judged.level(), Level::L2);
    // v1 named the whole workflow as entry point and its own version as the builder.
    put(&mut npm, "/predicate/buildType", json!("https://github.com/npm/cli/gha@v1"));
    put(&mut npm, "/predicate/invocation/configSource/entryPoint", json!(format!("acme/lib/{WORKFLOW}@{REF}")));
    put(&mut npm, "/predicate/builder/id", json!("https://github.com/npm/cli@9.5.0"));
    let judged = judge(&npm, &claims());
    assert_eq!((judged.level(), judged.cross_check.unverified), (Level::L1, vec!["builder.id".to_owned()]));
    assert!(judged.refusals.is_empty());
    put(&mut npm, "/predicate/invocation/environment/GITHUB_WORKFLOW_SHA", json!("e".repeat(40)));
    assert_eq!(codes(&judge(&npm, &claims())), ["claim_mismatch"]);
}

fn delegated() -> Value {
    statement(
        "https://slsa.dev/provenance/v1",
        &json!({
            "buildDefinition": {
                "buildType": "https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v0",
                "externalParameters": {"inputs": {"jdk-version": 17}, "vars": {"REGION": "eu"}},
                "internalParameters": {
                    "GITHUB_EVENT_NAME": "push", "GITHUB_REF": REF, "GITHUB_REPOSITORY": "acme/lib", "GITHUB_REPOSITORY_ID": "11",
                    "GITHUB_REPOSITORY_OWNER_ID": "22", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_RUN_ID": "33", "GITHUB_SHA": COMMIT,
                    "GITHUB_WORKFLOW_REF": format!("acme/lib/{WORKFLOW}@{REF}"), "GITHUB_WORKFLOW_SHA": COMMIT
                },
                "resolvedDependencies": [{"uri": format!("git+{SOURCE}@{REF}"), "digest": {"gitCommit": COMMIT}}]
            },
            "runDetails": {"builder": {"id": GENERATOR.replace("generator_generic", "builder_maven")}, "metadata": {"invocationId": RUN}}
        }),
    )
}

#[test]
fn delegator() {
    let delegator = GENERATOR.replace("generator_generic", "delegator_lowperms-generic");
    let judged = reads(&delegated(), &claims_of(&delegator), RUN);
    assert_eq!((judged.level(), judged.builder_vouched), (Level::L3, true));
    assert_eq!(Value::Object(judged.inputs), json!({"jdk-version": 17, "vars.REGION": "eu"}));
    // Another tool is as certain, but nobody listed it.
    let mut other = delegated();
    put(
        &mut other,
        "/predicate/runDetails/builder/id",
        json!("https://github.com/tool/x/.github/workflows/build.yml@refs/tags/v1.0.0"),
    );
    let judged = judge(&other, &claims_of(&delegator));
    assert_eq!((judged.level(), judged.accepted(), judged.builder_vouched), (Level::L1, true, true));
    // Nobody but a delegator may sign for another builder.
    for signer in [GENERATOR, &format!("{SOURCE}/{WORKFLOW}@{REF}"), &delegator.replace("slsa-framework", "evil")] {
        assert_eq!(codes(&judge(&delegated(), &claims_of(signer))), ["claim_mismatch"], "{signer}");
    }
    // Nor may a delegator of a branch's or a fork's commit be level 3.
    let at = |reference: &str| delegator.replace("refs/tags/v2.1.0", reference);
    assert_eq!(judge(&delegated(), &claims_of(&at("refs/heads/main"))).level(), Level::L2);
    assert_eq!(codes(&judge(&delegated(), &claims_of(&at(&"f".repeat(40))))), ["claim_mismatch"]);
}

#[test]
fn delegator_draft() {
    let mut draft = delegated();
    draft["predicateType"] = json!("https://slsa.dev/provenance/v1.0?draft");
    let definition = &mut draft["predicate"]["buildDefinition"];
    definition["externalParameters"] = json!({
        "workflowPath": {"value": WORKFLOW}, "input_release-tag": {"value": "v1"},
        "source": {"artifact": {"uri": format!("git+{SOURCE}@{REF}"), "digest": {"sha1": COMMIT}}}
    });
    definition["systemParameters"] = json!({"GITHUB_EVENT_NAME": {"value": "push"}, "GITHUB_SHA": {"value": COMMIT}});
    definition["internalParameters"] = Value::Null;
    definition["resolvedDependencies"] = Value::Null;
    let judged = reads(&draft, &claims_of(&GENERATOR.replace("generator_generic", "delegator_generic")), RUN);
    assert_eq!(Value::Object(judged.inputs), json!({"release-tag": "v1"}));
    put(&mut draft, "/predicate/buildDefinition/externalParameters/other", json!({"value": 1}));
    assert_eq!(judge(&draft, &claims()).unrecognised, ["other"]);
}

#[test]
fn container_based() {
    let builder = GENERATOR.replace("generator_generic", "builder_container-based");
    let mut document = delegated();
    let predicate = &mut document["predicate"];
    predicate["buildDefinition"]["buildType"] = json!("https://slsa.dev/container-based-build/v0.1?draft");
    predicate["buildDefinition"]["externalParameters"] = json!({
        "source": {"uri": format!("git+{SOURCE}@{REF}"), "digest": {"sha1": COMMIT}},
        "builderImage": {"uri": "bash@sha256:00"}, "configPath": "x.toml", "buildConfig": {"Command": ["true"]}
    });
    predicate["runDetails"]["builder"]["id"] = json!(builder);
    let judged = reads(&document, &claims_of(&builder), RUN);
    assert_eq!(judged.level(), Level::L3);
    assert_eq!(judged.inputs.keys().collect::<Vec<_>>(), ["buildConfig", "builderImage", "configPath"]);
    put(&mut document, "/predicate/buildDefinition/externalParameters/env", json!({"A": "b"}));
    assert_eq!(judge(&document, &claims_of(&builder)).unrecognised, ["env"]);
    assert_eq!(codes(&judge(&document, &claims_of(GENERATOR)))[0], "claim_mismatch");
}

const GITLAB_SOURCE: &str = "https://gitlab.com/acme/group/lib";

fn gitlab_claims() -> Claims {
    let config = format!("{GITLAB_SOURCE}//.gitlab-ci.yml@{REF}");
    let mut claims = Claims::from_named([
        ("issuer", "https://gitlab.com"),
        ("build_signer_uri", config.as_str()),
        ("build_signer_digest", COMMIT),
        ("runner_environment", "gitlab-hosted"),
        ("source_repository_uri", GITLAB_SOURCE),
        ("source_repository_digest", COMMIT),
        ("source_repository_ref", REF),
        ("source_repository_identifier", "11"),
        ("source_repository_owner_uri", "https://gitlab.com/acme/group"),
        ("build_config_uri", config.as_str()),
        ("build_config_digest", COMMIT),
        ("build_trigger", "push"),
        ("run_invocation_uri", "https://gitlab.com/acme/group/lib/-/jobs/44"),
    ]);
    claims.instance = Some("public_good".to_owned());
    claims.sans = vec![config];
    claims
}

fn gitlab(build_type: &str, external: &Value) -> Value {
    statement(
        "https://slsa.dev/provenance/v1",
        &json!({
            "buildDefinition": {
                "buildType": build_type, "externalParameters": external,
                "internalParameters": {"architecture": "amd64", "executor": "docker", "job": 44, "name": "green-1"},
                "resolvedDependencies": [{"uri": GITLAB_SOURCE, "digest": {"gitCommit": COMMIT}}]
            },
            "runDetails": {
                "builder": {"id": format!("{GITLAB_SOURCE}/-/runners/12"), "version": {"gitlab-runner": "x"}},
                "metadata": {"invocationId": "44", "startedOn": "2026-11-24T00:00:00Z"}
            }
        }),
    )
}

#[test]
fn gitlab_provenance() {
    let external = json!({"source": GITLAB_SOURCE, "entryPoint": "build", "variables": {
        "CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_PROJECT_ID": "11", "CI_COMMIT_SHA": COMMIT, "CI_JOB_ID": "[MASKED]"
    }});
    let document = gitlab("https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1", &external);
    let judged = judge(&document, &gitlab_claims());
    assert_eq!((judged.level(), judged.refusals), (Level::L2, vec![]));
    assert_eq!((judged.source.as_deref(), judged.workflow.as_deref()), (Some(GITLAB_SOURCE), Some(".gitlab-ci.yml")));
    assert_eq!(Value::Object(judged.inputs), json!({"entryPoint": "build"}));
    for (pointer, value) in [
        ("/predicate/buildDefinition/externalParameters/source", json!("https://gitlab.com/evil/lib")),
        ("/predicate/buildDefinition/externalParameters/variables/CI_COMMIT_SHA", json!("e".repeat(40))),
        ("/predicate/buildDefinition/internalParameters/job", json!(45)),
        ("/predicate/buildDefinition/resolvedDependencies/0/digest/gitCommit", json!("e".repeat(40))),
        ("/predicate/runDetails/builder/id", json!("https://gitlab.com/evil/lib/-/runners/12")),
        ("/predicate/runDetails/metadata/invocationId", json!("45")),
    ] {
        let mut changed = document.clone();
        put(&mut changed, pointer, value);
        assert_eq!(judge(&changed, &gitlab_claims()).level(), Level::L0, "{pointer}");
    }
    let mut own = document.clone();
    put(&mut own, "/predicate/buildDefinition/externalParameters/variables/CFLAGS", json!("-DEVIL"));
    assert_eq!(judge(&own, &gitlab_claims()).unrecognised, ["variables.CFLAGS"]);
}

#[test]
fn gitlab_runner() {
    // The runner writes variables beside the other parameters, and the commit as if it were a SHA-256.
    let external = json!({"source": GITLAB_SOURCE, "entryPoint": "build", "CI_PIPELINE_SOURCE": "", "MY_FLAG": "x"});
    let mut document = gitlab("https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v16.7.0/PROVENANCE.md", &external);
    put(&mut document, "/predicate/buildDefinition/resolvedDependencies/0/digest", json!({"sha256": COMMIT}));
    let judged = judge(&document, &gitlab_claims());
    assert_eq!((judged.level(), judged.dialect), (Level::L2, Some("gitlab_runner")));
    assert_eq!((codes(&judged), judged.unrecognised), (vec!["parameter_unrecognised"], vec!["MY_FLAG".to_owned()]));
    let mut hosted_at_home = gitlab_claims();
    hosted_at_home.set("runner_environment", "self-hosted");
    assert_eq!(judge(&document, &hosted_at_home).level(), Level::L1);
}

#[test]
fn npm_on_gitlab() {
    let document = statement(
        "https://slsa.dev/provenance/v0.2",
        &json!({
            "buildType": "https://github.com/npm/cli/gitlab/v0alpha1",
            "builder": {"id": format!("{GITLAB_SOURCE}/-/runners/12")},
            "invocation": {
                "configSource": {"uri": format!("git+{GITLAB_SOURCE}"), "digest": {"sha1": COMMIT}, "entryPoint": "deploy"},
                "parameters": {"CI": "true", "CI_COMMIT_SHA": COMMIT, "CI_PIPELINE_SOURCE": "push", "GITLAB_USER_ID": "1"},
                "environment": {
                    "name": "green", "architecture": "amd64", "server": "https://gitlab.com", "project": "acme/group/lib",
                    "job": {"id": "44"}, "pipeline": {"id": "55", "ref": ".gitlab-ci.yml"}
                }
            },
            "metadata": {"buildInvocationId": "https://gitlab.com/acme/group/lib/-/jobs/44"},
            "materials": [{"uri": format!("git+{GITLAB_SOURCE}"), "digest": {"sha1": COMMIT}}]
        }),
    );
    let judged = judge(&document, &gitlab_claims());
    assert_eq!((judged.level(), judged.refusals, judged.cross_check.unverified), (Level::L2, vec![], vec![]));
    for (pointer, value) in [
        ("/predicate/invocation/environment/project", "evil/lib"),
        ("/predicate/invocation/environment/job/id", "45"),
        ("/predicate/invocation/environment/pipeline/ref", "other.yml"),
        ("/predicate/metadata/buildInvocationId", "https://gitlab.com/acme/group/lib/-/jobs/45"),
    ] {
        let mut changed = document.clone();
        put(&mut changed, pointer, json!(value));
        assert_eq!(codes(&judge(&changed, &gitlab_claims())), ["claim_mismatch"], "{pointer}");
    }
}

#[test]
fn a_platform_may_sign_with_a_key_of_its_own() {
    let row = BuilderRow {
        name: "own".to_owned(),
        instances: Vec::new(),
        issuer: None,
        signer: Signer::Key("sha256:00".to_owned()),
        builder_id: BuilderId::Named(Matcher::exact(GENERATOR).unwrap()),
        build_types: Vec::new(),
        runner_environment: None,
        refs: Refs::Any,
        own_repository: None,
        max_level: Level::L3,
        reason: "the platform holds the key".to_owned(),
        source: "https://example.com".to_owned(),
    };
    let rules = Rules { builders: Builders::none().with(row), ..Rules::well_known() };
    let by = |key: &str| judge_with(&generic(), &Claims { key: Some(key.to_owned()), ..Claims::default() }, &rules);
    assert_eq!((by("sha256:00").level(), by("sha256:00").accepted()), (Level::L3, true));
    assert_eq!(by("sha256:01").level(), Level::L1);
}

#[test]
fn unknown_types_are_not_understood() {
    let mut document = github();
    put(&mut document, "/predicate/buildDefinition/buildType", json!("https://example.com/mine"));
    let judged = judge(&document, &claims());
    assert_eq!((judged.level(), judged.dialect), (Level::L1, None));
    assert_eq!((codes(&judged), judged.unrecognised), (vec!["parameter_unrecognised"], vec!["workflow".to_owned()]));
    // Until somebody says what they are.
    let row = BuildType {
        uri: Matcher::exact("https://example.com/mine").unwrap(),
        dialect: Dialect::GitHubWorkflow,
        source: "https://example.com".to_owned(),
    };
    let rules = Rules { build_types: BuildTypes::well_known().with(row), ..Rules::well_known() };
    assert!(judge_with(&document, &claims(), &rules).accepted());
}
