//! Build types: how to read the parameters of a provenance. A table of rows, the well-known ones built in; a publisher
//! adds a row for its own URI, naming the dialect that the build type speaks.

mod container;
mod delegator;
mod facts;
mod generator;
mod github;
mod gitlab;

use std::sync::Arc;

use crate::claims::Platform;
use crate::error::Result;
use crate::limits::Limits;
use crate::pattern::Matcher;
use crate::provenance::Provenance;

pub(crate) use facts::{Against, Facts, MAX_REPORTED, is_unset};

/// `https://actions.github.io/buildtypes/workflow/v1`: what GitHub's attest action writes.
pub const GITHUB_WORKFLOW: &str = "https://actions.github.io/buildtypes/workflow/v1";
/// The community's GitHub workflow type: what npm writes.
pub const GITHUB_WORKFLOW_COMMUNITY: &str = "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1";

/// A way of writing parameters, which this library knows how to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `externalParameters.workflow` {ref, repository, path}; workflow inputs have no place in it.
    GitHubWorkflow,
    /// The same, with `inputs` and `vars` allowed beside it (the community's type), which most writers leave out.
    GitHubWorkflowCommunity,
    /// The same, with *every* input of the workflow under `inputs`: what a publisher's reusable workflow writes.
    GitHubPublisher,
    /// npm's own provenance v0.2 on GitHub.
    NpmGitHub,
    /// slsa-github-generator's v0.2: generic, container, Go.
    Generator,
    /// slsa-github-generator's delegators ("bring your own builder"): the tool's workflow is the builder, the delegator
    /// signs.
    Delegator,
    /// slsa-github-generator's container-based builds.
    ContainerBased,
    /// npm's own provenance v0.2 on GitLab.
    NpmGitLab,
    /// What GitLab's runner writes (v0.2 and v1).
    GitLabRunner,
    /// What GitLab itself writes.
    GitLabProvenance,
    /// `externalParameters` {source, ref, config}: what [`crate::produce::gitlab`] writes.
    GitLabPublisher,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 11] = [
        Self::GitHubWorkflow,
        Self::GitHubWorkflowCommunity,
        Self::GitHubPublisher,
        Self::NpmGitHub,
        Self::Generator,
        Self::Delegator,
        Self::ContainerBased,
        Self::NpmGitLab,
        Self::GitLabRunner,
        Self::GitLabProvenance,
        Self::GitLabPublisher,
    ];

    /// Its name, as it crosses to other languages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitHubWorkflow => "github_workflow",
            Self::GitHubWorkflowCommunity => "github_workflow_community",
            Self::GitHubPublisher => "github_publisher",
            Self::NpmGitHub => "npm_github",
            Self::Generator => "generator",
            Self::Delegator => "delegator",
            Self::ContainerBased => "container_based",
            Self::NpmGitLab => "npm_gitlab",
            Self::GitLabRunner => "gitlab_runner",
            Self::GitLabProvenance => "gitlab_provenance",
            Self::GitLabPublisher => "gitlab_publisher",
        }
    }

    /// Where such builds run.
    #[must_use]
    pub const fn platform(self) -> Platform {
        match self {
            Self::NpmGitLab | Self::GitLabRunner | Self::GitLabProvenance | Self::GitLabPublisher => Platform::GitLab,
            _ => Platform::GitHub,
        }
    }

    fn read(self, provenance: &Provenance, limits: &Limits) -> Result<Facts> {
        match self {
            Self::GitHubWorkflow | Self::GitHubWorkflowCommunity | Self::GitHubPublisher => {
                github::read(provenance, self, limits)
            }
            Self::NpmGitHub | Self::Generator => generator::read(provenance, self, limits),
            Self::Delegator => delegator::read(provenance, limits),
            Self::ContainerBased => container::read(provenance, limits),
            Self::NpmGitLab | Self::GitLabRunner | Self::GitLabProvenance => gitlab::read(provenance, self, limits),
            Self::GitLabPublisher => gitlab::read_publisher(provenance, limits),
        }
    }
}

/// One build type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildType {
    /// Its URI, or a pattern where a version stands inside of it.
    pub uri: Matcher,
    /// How to read it.
    pub dialect: Dialect,
    /// Where it is defined.
    pub source: String,
}

/// The build types that are known, the later ones first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildTypes {
    /// Shared, as the rows of builders are.
    rows: Arc<Vec<BuildType>>,
}

const GENERATOR: &str = "https://github.com/slsa-framework/slsa-github-generator";
const GITLAB_RUNNER: &str = "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/*/PROVENANCE.md";
const GITLAB_PROVENANCE: &str = "https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1";
const NPM: &str = "https://github.com/npm/provenance";

/// URI, dialect and where it is defined.
const WELL_KNOWN: &[(&str, Dialect, &str)] = &[
    (GITHUB_WORKFLOW, Dialect::GitHubWorkflow, GITHUB_WORKFLOW),
    (GITHUB_WORKFLOW_COMMUNITY, Dialect::GitHubWorkflowCommunity, GITHUB_WORKFLOW_COMMUNITY),
    ("https://github.com/npm/slsa-provenance/gha@v0", Dialect::NpmGitHub, NPM),
    ("https://github.com/npm/cli/gha@v0", Dialect::NpmGitHub, NPM),
    ("https://github.com/npm/cli/gha@v1", Dialect::NpmGitHub, NPM),
    ("https://github.com/npm/cli/gha/v1", Dialect::NpmGitHub, NPM),
    ("https://github.com/npm/cli/gha/v2", Dialect::NpmGitHub, NPM),
    ("https://github.com/npm/cli/gitlab/v0alpha1", Dialect::NpmGitLab, NPM),
    ("https://github.com/npm/CLI/gitlab/v0alpha1", Dialect::NpmGitLab, NPM),
    ("https://github.com/slsa-framework/slsa-github-generator/generic@v1", Dialect::Generator, GENERATOR),
    ("https://github.com/slsa-framework/slsa-github-generator/container@v1", Dialect::Generator, GENERATOR),
    ("https://github.com/slsa-framework/slsa-github-generator/go@v1", Dialect::Generator, GENERATOR),
    ("https://github.com/slsa-framework/slsa-github-generator-go@v1", Dialect::Generator, GENERATOR),
    ("https://github.com/slsa-framework/slsa-github-generator@v1", Dialect::Generator, GENERATOR),
    ("https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v0", Dialect::Delegator, GENERATOR),
    (
        "https://github.com/slsa-framework/slsa-github-generator/delegator-lowperms-generic@v0",
        Dialect::Delegator,
        GENERATOR,
    ),
    ("https://slsa.dev/container-based-build/v0.1?draft", Dialect::ContainerBased, GENERATOR),
    (GITLAB_PROVENANCE, Dialect::GitLabProvenance, GITLAB_PROVENANCE),
    ("https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1/", Dialect::GitLabProvenance, GITLAB_PROVENANCE),
    (GITLAB_RUNNER, Dialect::GitLabRunner, "https://docs.gitlab.com/ci/runners/configure_runners/"),
];

impl BuildTypes {
    /// The well-known ones.
    #[must_use]
    pub fn well_known() -> Self {
        // The tests read every row: none of the constants is an invalid pattern.
        let row = |(uri, dialect, source): &(&str, Dialect, &str)| {
            let uri = if uri.contains('*') { Matcher::pattern(uri) } else { Matcher::exact(uri) };
            uri.ok().map(|uri| BuildType { uri, dialect: *dialect, source: (*source).to_owned() })
        };
        Self { rows: Arc::new(WELL_KNOWN.iter().rev().filter_map(row).collect()) }
    }

    /// None at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// These, with one more that is looked at before them.
    #[must_use]
    pub fn with(mut self, row: BuildType) -> Self {
        Arc::make_mut(&mut self.rows).insert(0, row);
        self
    }

    /// The rows, in the order in which they are looked at.
    #[must_use]
    pub fn rows(&self) -> &[BuildType] {
        &self.rows
    }

    /// The row of that build type.
    #[must_use]
    pub fn find(&self, uri: &str) -> Option<&BuildType> {
        self.rows.iter().find(|row| row.uri.matches(uri))
    }

    /// What the parameters say. Of an unknown build type nothing is understood: all its parameters are unrecognised.
    pub(crate) fn read(&self, provenance: &Provenance, limits: &Limits) -> Result<(Option<&BuildType>, Facts)> {
        match self.find(&provenance.build_type) {
            Some(row) => Ok((Some(row), row.dialect.read(provenance, limits)?)),
            None => Ok((None, facts::unknown(provenance))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_there_and_found() {
        let types = BuildTypes::well_known();
        assert_eq!(types.rows().len(), WELL_KNOWN.len());
        for (uri, dialect, _) in WELL_KNOWN {
            let uri = uri.replace('*', "v17.0.0");
            assert_eq!(types.find(&uri).map(|row| row.dialect), Some(*dialect), "{uri}");
        }
        assert_eq!(types.find("https://gitlab.com/gitlab-org/gitlab-runner/-/blob/a/b/PROVENANCE.md"), None);
    }

    #[test]
    fn a_publisher_adds_its_own() {
        let own = BuildType {
            uri: Matcher::exact("https://example.com/publish/v1").unwrap(),
            dialect: Dialect::GitHubPublisher,
            source: "https://example.com".to_owned(),
        };
        let types = BuildTypes::well_known().with(own.clone());
        assert_eq!(types.find("https://example.com/publish/v1"), Some(&own));
        assert!(BuildTypes::none().find(GITHUB_WORKFLOW).is_none());
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = Dialect::ALL.iter().map(|d| d.as_str()).collect();
        assert_eq!(names.len(), Dialect::ALL.len());
    }
}
