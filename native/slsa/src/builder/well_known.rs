//! The builders that are built in, each with its reason and source.

use super::{BuilderId, BuilderRow, Refs, Signer};
use crate::build_type::{GITHUB_WORKFLOW, GITHUB_WORKFLOW_COMMUNITY};
use crate::level::Level;
use crate::pattern::Matcher;

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const GITLAB: &str = "https://gitlab.com";
const GENERATOR: &str = "https://github.com/slsa-framework/slsa-github-generator";
const ANY_WORKFLOW: &str = "https://github.com/*/*/.github/workflows/*";
const ANY_PIPELINE: &str = "https://gitlab.com/**";
const GITHUB_DOCS: &str = "https://docs.github.com/en/actions/concepts/security/artifact-attestations";
const BYOB: &str = "https://github.com/slsa-framework/slsa-github-generator/blob/main/BYOB.md";
const NPM_DOCS: &str = "https://docs.npmjs.com/generating-provenance-statements";
const GITLAB_DOCS: &str = "https://docs.gitlab.com/ci/pipeline_security/slsa/";

const IN_ITS_OWN_JOB: &str = "GitHub makes the provenance's claims and runs the job, but the steps that build run in the \
     job that signs, so they could sign anything that its identity allows";

/// What the rows have in common; a table that can be read.
struct Spec {
    name: &'static str,
    issuer: &'static str,
    signer: String,
    builder_id: Id,
    build_types: &'static [&'static str],
    runner: &'static str,
    releases: bool,
    max_level: Level,
    reason: &'static str,
    source: &'static str,
}

enum Id {
    Signer,
    Workflow(String),
    Named(&'static str),
}

pub(super) fn rows() -> Vec<BuilderRow> {
    let mut specs = hosted();
    specs.extend(generators());
    specs.extend(delegators());
    specs.extend(gitlab());
    // A test counts the rows: none of the constants is an invalid pattern.
    specs.into_iter().filter_map(row).collect()
}

fn row(spec: Spec) -> Option<BuilderRow> {
    let matcher = |text: &str| if text.contains('*') { Matcher::pattern(text).ok() } else { Matcher::exact(text).ok() };
    Some(BuilderRow {
        name: spec.name.to_owned(),
        instances: vec!["public_good".to_owned(), "github".to_owned()],
        issuer: Some(matcher(spec.issuer)?),
        signer: Signer::Workflow(matcher(&spec.signer)?),
        builder_id: match spec.builder_id {
            Id::Signer => BuilderId::Signer,
            Id::Workflow(text) => BuilderId::Workflow(matcher(&text)?),
            Id::Named(text) => BuilderId::Named(matcher(text)?),
        },
        build_types: spec.build_types.iter().map(|t| matcher(t)).collect::<Option<_>>()?,
        runner_environment: Some(spec.runner.to_owned()),
        refs: if spec.releases { Refs::Releases { commits: Vec::new() } } else { Refs::Any },
        own_repository: None,
        max_level: spec.max_level,
        reason: spec.reason.to_owned(),
        source: spec.source.to_owned(),
    })
}

/// Any workflow on GitHub's own runners, and on its owners'.
fn hosted() -> Vec<Spec> {
    const NPM_V0_2: &[&str] = &[
        "https://github.com/npm/cli/gha@v1",
        "https://github.com/npm/cli/gha/v1",
        "https://github.com/npm/cli/gha/v2",
    ];
    let any = |name, builder_id, build_types, runner, max_level, reason, source| Spec {
        name,
        issuer: ISSUER,
        signer: ANY_WORKFLOW.to_owned(),
        builder_id,
        build_types,
        runner,
        releases: false,
        max_level,
        reason,
        source,
    };
    let self_hosted = "the machine belongs to whoever runs the build, so the build was not hosted";
    vec![
        any("github-hosted", Id::Signer, &[], "github-hosted", Level::L2, IN_ITS_OWN_JOB, GITHUB_DOCS),
        any("github-self-hosted", Id::Signer, &[], "self-hosted", Level::L1, self_hosted, GITHUB_DOCS),
        any(
            "npm-github-hosted",
            Id::Named("https://github.com/actions/runner/github-hosted"),
            &[GITHUB_WORKFLOW_COMMUNITY, GITHUB_WORKFLOW],
            "github-hosted",
            Level::L2,
            IN_ITS_OWN_JOB,
            NPM_DOCS,
        ),
        any(
            "npm-self-hosted",
            Id::Named("https://github.com/actions/runner/self-hosted"),
            &[GITHUB_WORKFLOW_COMMUNITY, GITHUB_WORKFLOW],
            "self-hosted",
            Level::L1,
            self_hosted,
            NPM_DOCS,
        ),
        any(
            "npm-runner",
            Id::Named("https://github.com/actions/runner"),
            NPM_V0_2,
            "github-hosted",
            Level::L2,
            IN_ITS_OWN_JOB,
            NPM_DOCS,
        ),
        Spec {
            name: "bazel-contrib-release",
            issuer: ISSUER,
            signer: "https://github.com/bazel-contrib/.github/.github/workflows/release_ruleset.yaml".to_owned(),
            builder_id: Id::Signer,
            build_types: &[GITHUB_WORKFLOW],
            runner: "github-hosted",
            releases: true,
            max_level: Level::L2,
            reason: "a reusable workflow, but it runs commands that its caller gives and its inputs are not recorded",
            source: "https://github.com/bazel-contrib/.github/blob/master/.github/workflows/release_ruleset.yaml",
        },
        Spec {
            name: "bazel-contrib-publish",
            issuer: ISSUER,
            signer: "https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml".to_owned(),
            builder_id: Id::Signer,
            build_types: &[GITHUB_WORKFLOW],
            runner: "github-hosted",
            releases: true,
            max_level: Level::L2,
            reason: "a reusable workflow, but which tag and repository it reads are inputs that are not recorded",
            source: "https://github.com/bazel-contrib/publish-to-bcr/blob/main/.github/workflows/publish.yaml",
        },
    ]
}

/// slsa-github-generator's workflows that build or generate, and sign, out of reach of the caller's steps.
fn generators() -> Vec<Spec> {
    const GENERIC: &[&str] = &["https://github.com/slsa-framework/slsa-github-generator/generic@v1"];
    const CONTAINER: &[&str] = &["https://github.com/slsa-framework/slsa-github-generator/container@v1"];
    const GO: &[&str] = &["https://github.com/slsa-framework/slsa-github-generator/go@v1"];
    const CONTAINER_BASED: &[&str] = &["https://slsa.dev/container-based-build/v0.1?draft"];
    let generates = "the provenance is made and signed in jobs of this workflow, out of reach of the caller's steps; the \
         subjects' digests are the caller's, which level 3 allows";
    let builds = "building and signing happen in separate jobs of this workflow, out of reach of the caller's steps";
    [
        ("generator-generic", "generator_generic_slsa3.yml", GENERIC, generates),
        ("generator-container", "generator_container_slsa3.yml", CONTAINER, generates),
        ("generator-go", "builder_go_slsa3.yml", GO, builds),
        ("generator-container-based", "builder_container-based_slsa3.yml", CONTAINER_BASED, builds),
    ]
    .into_iter()
    .map(|(name, file, build_types, reason)| Spec {
        name,
        issuer: ISSUER,
        signer: format!("{GENERATOR}/.github/workflows/{file}"),
        builder_id: Id::Signer,
        build_types,
        runner: "github-hosted",
        releases: true,
        max_level: Level::L3,
        reason,
        source: "https://github.com/slsa-framework/slsa-github-generator/blob/main/SPECIFICATIONS.md",
    })
    .collect()
}

/// Delegators sign for tools' workflows; these are the generator project's own tools. That another tool was used is as
/// certain, but how far it is trusted is for rows of the user's.
fn delegators() -> Vec<Spec> {
    const DELEGATOR: &[&str] = &["https://github.com/slsa-framework/slsa-github-generator/delegator-*@v0"];
    let tools = ["maven", "gradle", "nodejs", "bazel"];
    let files = ["delegator_generic_slsa3.yml", "delegator_lowperms-generic_slsa3.yml"];
    let any = files.into_iter().map(|file| Spec {
        name: "delegator-unlisted",
        issuer: ISSUER,
        signer: format!("{GENERATOR}/.github/workflows/{file}"),
        builder_id: Id::Workflow(ANY_WORKFLOW.to_owned()),
        build_types: DELEGATOR,
        runner: "github-hosted",
        releases: true,
        max_level: Level::L1,
        reason: "the delegator verified which tool called it, but no row says how far that tool is trusted",
        source: BYOB,
    });
    let listed = files
        .into_iter()
        .flat_map(|file| tools.into_iter().map(move |tool| (file, tool)))
        .map(|(file, tool)| Spec {
            name: match tool {
                "maven" => "delegator-maven",
                "gradle" => "delegator-gradle",
                "nodejs" => "delegator-nodejs",
                _ => "delegator-bazel",
            },
            issuer: ISSUER,
            signer: format!("{GENERATOR}/.github/workflows/{file}"),
            builder_id: Id::Workflow(format!("{GENERATOR}/.github/workflows/builder_{tool}_slsa3.yml")),
            build_types: DELEGATOR,
            runner: "github-hosted",
            releases: true,
            max_level: Level::L3,
            reason: "the delegator verifies which tool called it, runs the tool's action in a job of its own and signs in \
                 another",
            source: BYOB,
        });
    listed.chain(any).collect()
}

/// GitLab's shared runners. Whoever writes the provenance inside of a job can write anything that its identity allows.
fn gitlab() -> Vec<Spec> {
    const TYPES: &[&str] = &[
        "https://github.com/npm/cli/gitlab/v0alpha1",
        "https://github.com/npm/CLI/gitlab/v0alpha1",
        "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/*/PROVENANCE.md",
        "https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1",
        "https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1/",
    ];
    let row = |name, builder_id, build_types, runner, max_level, reason| Spec {
        name,
        issuer: GITLAB,
        signer: ANY_PIPELINE.to_owned(),
        builder_id,
        build_types,
        runner,
        releases: false,
        max_level,
        reason,
        source: GITLAB_DOCS,
    };
    let hosted = "GitLab runs the job and states its identity, but the job that builds is the one that signs";
    let own = "the runner belongs to whoever runs the build, so the build was not hosted";
    vec![
        row("gitlab-runner", Id::Named("https://gitlab.com/**/-/runners/*"), TYPES, "gitlab-hosted", Level::L2, hosted),
        row("gitlab-hosted", Id::Signer, &[], "gitlab-hosted", Level::L2, hosted),
        row("gitlab-self-hosted", Id::Signer, &[], "self-hosted", Level::L1, own),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_reason_and_a_source() {
        let rows = rows();
        assert_eq!(rows.len(), 7 + 4 + 10 + 3);
        for row in &rows {
            assert!(row.reason.len() > 20 && row.source.starts_with("https://"), "{}", row.name);
        }
    }

    #[test]
    fn nothing_that_accepts_any_signer_is_level_3() {
        for row in rows() {
            let Signer::Workflow(matcher) = &row.signer else { panic!("{}", row.name) };
            assert!(matcher.is_exact() || row.max_level < Level::L3, "{}", row.name);
        }
    }
}
