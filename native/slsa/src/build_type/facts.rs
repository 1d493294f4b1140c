//! What a provenance says, in words that all build types share, and what of it a certificate says as well.

use std::borrow::Cow;

use serde_json::Value;

use crate::claims::Claims;
use crate::error::{Fault, quote};
use crate::fields::Object;
use crate::provenance::Provenance;
use crate::repository::{Repository, Workflow, split_ref, without_server};
use crate::resource::{DigestSet, ResourceDescriptor, commits};

/// How many faults of one kind are reported: one refuses, more explain, thousands only cost memory.
pub(crate) const MAX_REPORTED: usize = 32;

/// What a provenance says. Nothing here is verified until the cross-check.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) source: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) workflow: Option<String>,
    pub(crate) trigger: Option<String>,
    pub(crate) invocation: Option<String>,
    pub(crate) inputs: Object,
    /// Every field that a claim also states.
    pub(crate) checks: Vec<Check>,
    /// Fields that no claim can confirm although the level depends on them.
    pub(crate) unverifiable: Vec<String>,
    /// External parameters that the build type does not define.
    pub(crate) unrecognised: Vec<String>,
    /// Why the external parameters may not be all there were.
    pub(crate) incomplete: Option<String>,
    pub(crate) contradictions: Vec<Fault>,
}

/// A field and the claim that must agree with it.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) field: String,
    pub(crate) against: Against,
    pub(crate) stated: String,
}

/// What a field is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Against {
    Signer,
    Runner,
    Repository,
    /// `OWNER/NAME`.
    RepositoryPath,
    Commit,
    Reference,
    RepositoryId,
    /// The owner's name.
    OwnerPath,
    OwnerId,
    /// `https://HOST/OWNER/NAME/PATH` of the top-level workflow.
    ConfigUrl,
    /// The path alone.
    ConfigPath,
    /// `OWNER/NAME/PATH@REF`.
    ConfigWithRef,
    /// .18, the whole of it.
    ConfigUri,
    ConfigCommit,
    Trigger,
    Invocation,
    /// GitHub's run id and attempt, or GitLab's job id: parts of .21.
    RunId,
    RunAttempt,
    /// `ID-ATTEMPT`.
    Run,
    JobId,
}

impl Against {
    /// The claim's name.
    pub(crate) const fn claim(self) -> &'static str {
        match self {
            Self::Signer => "build_signer_uri",
            Self::Runner => "runner_environment",
            Self::Repository | Self::RepositoryPath => "source_repository_uri",
            Self::Commit => "source_repository_digest",
            Self::Reference => "source_repository_ref",
            Self::RepositoryId => "source_repository_identifier",
            Self::OwnerPath => "source_repository_owner_uri",
            Self::OwnerId => "source_repository_owner_identifier",
            Self::ConfigUrl | Self::ConfigPath | Self::ConfigWithRef | Self::ConfigUri => "build_config_uri",
            Self::ConfigCommit => "build_config_digest",
            Self::Trigger => "build_trigger",
            Self::Invocation | Self::RunId | Self::RunAttempt | Self::Run | Self::JobId => "run_invocation_uri",
        }
    }

    /// What the certificate says, in the form in which the field says it.
    pub(crate) fn certified(self, claims: &Claims) -> Option<Cow<'_, str>> {
        let run = || claims.run_invocation_uri.as_deref();
        let config = || claims.build_config_uri.as_deref();
        match self {
            Self::Signer => claims.signer().map(Cow::Borrowed),
            Self::Runner => claims.runner_environment.as_deref().map(Cow::Borrowed),
            Self::Repository => claims.repository(),
            Self::RepositoryPath => {
                claims.repository().map(|r| without_server(&r).unwrap_or_default().to_owned().into())
            }
            Self::Commit => claims.commit().map(Cow::Borrowed),
            Self::Reference => claims.reference().map(Cow::Borrowed),
            Self::RepositoryId => claims.source_repository_identifier.as_deref().map(Cow::Borrowed),
            Self::OwnerPath => {
                claims.source_repository_owner_uri.as_deref().and_then(without_server).map(Cow::Borrowed)
            }
            Self::OwnerId => claims.source_repository_owner_identifier.as_deref().map(Cow::Borrowed),
            Self::ConfigUrl => config().map(|uri| split_ref(uri).0.into()),
            Self::ConfigPath => config().map(|uri| Workflow::parse(uri).map_or(uri, |w| w.path).into()),
            Self::ConfigWithRef => config().map(|uri| without_server(uri).unwrap_or(uri).into()),
            Self::ConfigUri => config().map(Cow::Borrowed),
            Self::ConfigCommit => claims.build_config_digest.as_deref().map(Cow::Borrowed),
            Self::Trigger => claims.trigger().map(Cow::Borrowed),
            Self::Invocation => run().map(Cow::Borrowed),
            Self::RunId => run().map(|uri| run_parts(uri).map_or(uri, |(id, _)| id).into()),
            Self::RunAttempt => run().map(|uri| run_parts(uri).map_or(uri, |(_, attempt)| attempt).into()),
            Self::Run => run().map(|uri| {
                run_parts(uri).map_or(Cow::Borrowed(uri), |(id, attempt)| Cow::Owned(format!("{id}-{attempt}")))
            }),
            Self::JobId => run().map(|uri| uri.rsplit_once("/-/jobs/").map_or(uri, |(_, id)| id).into()),
        }
    }

    /// Whether a field and the certificate say the same.
    pub(crate) fn agree(self, stated: &str, certified: &str) -> bool {
        match self {
            Self::Repository => match (Repository::parse(stated), Repository::parse(certified)) {
                (Ok(a), Ok(b)) => a == b,
                _ => false,
            },
            Self::Commit | Self::ConfigCommit => stated.eq_ignore_ascii_case(certified),
            _ => stated == certified,
        }
    }
}

/// `…/actions/runs/ID/attempts/ATTEMPT`
fn run_parts(uri: &str) -> Option<(&str, &str)> {
    let (id, attempt) = uri.rsplit_once("/actions/runs/")?.1.split_once("/attempts/")?;
    (!id.contains('/') && !attempt.contains('/')).then_some((id, attempt))
}

impl Facts {
    pub(crate) fn check(&mut self, field: &str, against: Against, stated: &str) {
        self.checks.push(Check { field: quote(field), against, stated: stated.to_owned() });
    }

    pub(crate) fn check_some(&mut self, field: &str, against: Against, stated: Option<&str>) {
        if let Some(stated) = stated {
            self.check(field, against, stated);
        }
    }

    /// The source as `git+URL@REF`.
    pub(crate) fn set_source_uri(&mut self, field: &str, uri: &str) {
        let (repository, reference) = split_ref(uri);
        let repository = repository.strip_prefix("git+").unwrap_or(repository);
        self.source = Some(repository.to_owned());
        self.check(field, Against::Repository, repository);
        if let Some(reference) = reference {
            self.set_reference(field, reference);
        }
    }

    pub(crate) fn set_reference(&mut self, field: &str, reference: &str) {
        match &self.reference {
            Some(earlier) if earlier == reference => return,
            Some(earlier) => self.contradict(field, reference, "ref", &earlier.clone()),
            None => {}
        }
        self.reference = Some(reference.to_owned());
        self.check(field, Against::Reference, reference);
    }

    pub(crate) fn set_commit(&mut self, field: &str, commit: &str) {
        match &self.commit {
            Some(earlier) if earlier.eq_ignore_ascii_case(commit) => return,
            Some(earlier) => self.contradict(field, commit, "commit", &earlier.clone()),
            None => {}
        }
        self.commit = Some(commit.to_owned());
        self.check(field, Against::Commit, commit);
    }

    /// Whatever a digest set says of a commit must agree, well-formed or not.
    pub(crate) fn set_commits(&mut self, field: &str, digest: &DigestSet) {
        for commit in commits(digest) {
            self.set_commit(field, commit);
        }
    }

    pub(crate) fn contradict(&mut self, field: &str, value: &str, other: &str, other_value: &str) {
        if self.contradictions.len() >= MAX_REPORTED {
            return;
        }
        self.contradictions.push(Fault::ProvenanceInconsistent {
            field: quote(field),
            value: quote(value),
            other: quote(other),
            other_value: quote(other_value),
        });
    }

    /// Every dependency that is the source must say the same of it; where there are dependencies, one of them must be the
    /// source.
    pub(crate) fn read_dependencies(&mut self, name: &str, dependencies: &[ResourceDescriptor]) {
        let Some(source) = self.source.clone() else { return };
        let canonical = Repository::parse(&source).ok();
        let mut found = false;
        for (i, dependency) in dependencies.iter().enumerate() {
            let Some(uri) = dependency.uri.as_deref() else { continue };
            let (repository, reference) = split_ref(uri);
            if canonical.is_none() || Repository::parse(repository).ok() != canonical {
                continue;
            }
            found = true;
            let field = format!("{name}[{i}]");
            if let Some(reference) = reference {
                self.set_reference(&format!("{field}.uri"), reference);
            }
            self.set_commits(&format!("{field}.digest"), &dependency.digest);
        }
        if !found && !dependencies.is_empty() {
            let first = dependencies.first().and_then(|d| d.uri.as_deref()).unwrap_or_default();
            self.contradict(&format!("{name}[0]"), first, "source", &source);
        }
    }

    /// Keys of `object` beyond the `known` ones are not recognised.
    pub(crate) fn recognise(&mut self, prefix: &str, object: &Object, known: &[&str]) {
        let unknown = object.iter().filter(|(key, value)| !known.contains(&key.as_str()) && !is_unset(value));
        self.unrecognised.extend(unknown.map(|(key, _)| format!("{prefix}{key}")));
    }
}

/// Unset, null and empty are the same.
pub(crate) fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Nothing is understood.
pub(crate) fn unknown(provenance: &Provenance) -> Facts {
    let mut facts = Facts {
        invocation: provenance.metadata.invocation_id.clone(),
        incomplete: Some("the build type is not known".to_owned()),
        unverifiable: vec!["builder.id".to_owned()],
        ..Facts::default()
    };
    facts.recognise("", &provenance.external_parameters, &[]);
    facts.recognise("buildConfig.", &provenance.build_config, &[]);
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_claims() {
        let claims = Claims::from_named([
            ("run_invocation_uri", "https://github.com/o/n/actions/runs/12/attempts/3"),
            ("build_config_uri", "https://github.com/o/n/.github/workflows/x.yml@refs/heads/main"),
            ("source_repository_uri", "https://github.com/o/n"),
            ("source_repository_owner_uri", "https://github.com/o"),
        ]);
        for (against, expected) in [
            (Against::RunId, "12"),
            (Against::RunAttempt, "3"),
            (Against::Run, "12-3"),
            (Against::ConfigPath, ".github/workflows/x.yml"),
            (Against::ConfigUrl, "https://github.com/o/n/.github/workflows/x.yml"),
            (Against::ConfigWithRef, "o/n/.github/workflows/x.yml@refs/heads/main"),
            (Against::RepositoryPath, "o/n"),
            (Against::OwnerPath, "o"),
        ] {
            assert_eq!(against.certified(&claims).as_deref(), Some(expected), "{against:?}");
        }
        assert_eq!(Against::Trigger.certified(&claims), None);
    }

    #[test]
    fn dependencies_agree_with_the_source() {
        let dependency = |uri: &str, commit: &str| ResourceDescriptor {
            uri: Some(uri.to_owned()),
            digest: [("gitCommit".to_owned(), commit.to_owned())].into(),
            ..ResourceDescriptor::default()
        };
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let read = |list: &[ResourceDescriptor]| {
            let mut facts = Facts { source: Some("https://h.example/o/n".to_owned()), ..Facts::default() };
            facts.read_dependencies("d", list);
            facts.contradictions.len()
        };
        assert_eq!(read(&[]), 0);
        assert_eq!(read(&[dependency("git+https://h.example/o/n@r", &a), dependency("https://x.example/a/b", &b)]), 0);
        assert_eq!(
            read(&[dependency("git+https://h.example/o/n@r", &a), dependency("https://h.example/o/n.git@r", &b)]),
            1
        );
        assert_eq!(read(&[dependency("https://x.example/a/b", &b)]), 1, "the source is missing");
    }
}
