//! What is known of a signer: the claims that Fulcio copied from an identity token into the certificate
//! (<https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>), as plain texts.

use std::borrow::Cow;

use crate::error::{Fault, quote};
use crate::repository::{Repository, Workflow, without_server};

/// A signer whose signature was verified. The caller fills in what the verification found; what is `None` was not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Which Sigstore instance vouches for the certificate: `public_good`, `github` or any name the caller gives.
    pub instance: Option<String>,
    /// The certificate's subject alternative names.
    pub sans: Vec<String>,
    /// For a signature by a bare key: what names that key in the builder table.
    pub key: Option<String>,
    /// .8 (or the older .1): who vouches for the identity.
    pub issuer: Option<String>,
    /// .9: the workflow whose job signed, with its ref.
    pub build_signer_uri: Option<String>,
    /// .10: the commit of that workflow.
    pub build_signer_digest: Option<String>,
    /// .11: where the job that signed ran.
    pub runner_environment: Option<String>,
    /// .12: the repository that was built.
    pub source_repository_uri: Option<String>,
    /// .13: the commit that was built.
    pub source_repository_digest: Option<String>,
    /// .14: the ref that was built.
    pub source_repository_ref: Option<String>,
    /// .15: the repository's immutable id.
    pub source_repository_identifier: Option<String>,
    /// .16: the repository's owner.
    pub source_repository_owner_uri: Option<String>,
    /// .17: the owner's immutable id.
    pub source_repository_owner_identifier: Option<String>,
    /// .18: the top-level workflow, with its ref.
    pub build_config_uri: Option<String>,
    /// .19: the commit of the top-level workflow.
    pub build_config_digest: Option<String>,
    /// .20: the event that started the build.
    pub build_trigger: Option<String>,
    /// .21: the run.
    pub run_invocation_uri: Option<String>,
    /// .22: whether the repository was public.
    pub source_repository_visibility: Option<String>,
    /// .23: the deployment environment.
    pub deployment_environment: Option<String>,
    /// .24: the token's subject.
    pub token_subject: Option<String>,
    /// .1 to .6, the older claims of GitHub: used where the newer ones are missing, compared where they are not.
    pub older: OlderClaims,
}

/// The claims of certificates before 2023.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OlderClaims {
    /// .1
    pub issuer: Option<String>,
    /// .2
    pub trigger: Option<String>,
    /// .3
    pub commit: Option<String>,
    /// .4
    pub workflow_name: Option<String>,
    /// .5: `OWNER/NAME`
    pub repository: Option<String>,
    /// .6
    pub reference: Option<String>,
}

/// Whose tokens they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// GitHub Actions, also on enterprise servers.
    GitHub,
    /// GitLab CI.
    GitLab,
}

const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The server whose tokens `issuer` signs: the issuer decides it, never a variable of the job.
#[must_use]
pub fn server_of(platform: Platform, issuer: &str) -> Option<String> {
    let rest = issuer.strip_prefix("https://")?;
    if platform == Platform::GitLab {
        let gitlab = rest != "token.actions.githubusercontent.com" && !rest.contains('/');
        return gitlab.then(|| issuer.to_owned());
    }
    let own = issuer.strip_prefix(GITHUB_ISSUER).map(|slug| slug.is_empty() || slug.starts_with('/'));
    match (own, rest.strip_suffix("/_services/token"), rest.strip_prefix("token.actions.")) {
        (Some(true), ..) => Some("https://github.com".to_owned()),
        (_, Some(host), _) if !host.contains('/') => Some(format!("https://{host}")),
        (_, _, Some(host)) if host.ends_with(".ghe.com") => Some(format!("https://{host}")),
        _ => None,
    }
}

impl Claims {
    /// Sets the claim of that name (the field's name, or `issuer_v1` and `github_workflow_*` for the older ones).
    /// Whether there is one of that name.
    pub fn set(&mut self, name: &str, value: &str) -> bool {
        let field = match name {
            "issuer" => &mut self.issuer,
            "build_signer_uri" => &mut self.build_signer_uri,
            "build_signer_digest" => &mut self.build_signer_digest,
            "runner_environment" => &mut self.runner_environment,
            "source_repository_uri" => &mut self.source_repository_uri,
            "source_repository_digest" => &mut self.source_repository_digest,
            "source_repository_ref" => &mut self.source_repository_ref,
            "source_repository_identifier" => &mut self.source_repository_identifier,
            "source_repository_owner_uri" => &mut self.source_repository_owner_uri,
            "source_repository_owner_identifier" => &mut self.source_repository_owner_identifier,
            "build_config_uri" => &mut self.build_config_uri,
            "build_config_digest" => &mut self.build_config_digest,
            "build_trigger" => &mut self.build_trigger,
            "run_invocation_uri" => &mut self.run_invocation_uri,
            "source_repository_visibility" => &mut self.source_repository_visibility,
            "deployment_environment" => &mut self.deployment_environment,
            "token_subject" => &mut self.token_subject,
            "issuer_v1" => &mut self.older.issuer,
            "github_workflow_trigger" => &mut self.older.trigger,
            "github_workflow_sha" => &mut self.older.commit,
            "github_workflow_name" => &mut self.older.workflow_name,
            "github_workflow_repository" => &mut self.older.repository,
            "github_workflow_ref" => &mut self.older.reference,
            _ => return false,
        };
        *field = Some(value.to_owned()).filter(|v| !v.is_empty());
        true
    }

    /// The claims of those names and values; names that are no claims are ignored.
    pub fn from_named<'a>(named: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut claims = Self::default();
        for (name, value) in named {
            claims.set(name, value);
        }
        claims
    }

    /// Who vouches for the identity.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref().or(self.older.issuer.as_deref())
    }

    /// Who signed: .9, or the certificate's only name.
    #[must_use]
    pub fn signer(&self) -> Option<&str> {
        match (self.build_signer_uri.as_deref(), self.sans.as_slice()) {
            (Some(uri), _) => Some(uri),
            (None, [san]) => Some(san),
            _ => None,
        }
    }

    /// The repository that was built.
    #[must_use]
    pub fn repository(&self) -> Option<Cow<'_, str>> {
        let older = || {
            let server = server_of(Platform::GitHub, self.issuer()?)?;
            Some(Cow::Owned(format!("{server}/{}", self.older.repository.as_deref()?)))
        };
        self.source_repository_uri.as_deref().map(Cow::Borrowed).or_else(older)
    }

    /// The ref that was built.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.source_repository_ref.as_deref().or(self.older.reference.as_deref())
    }

    /// The commit that was built.
    #[must_use]
    pub fn commit(&self) -> Option<&str> {
        self.source_repository_digest.as_deref().or(self.older.commit.as_deref())
    }

    /// The event that started the build.
    #[must_use]
    pub fn trigger(&self) -> Option<&str> {
        self.build_trigger.as_deref().or(self.older.trigger.as_deref())
    }

    /// The path of the top-level workflow.
    #[must_use]
    pub fn workflow(&self) -> Option<&str> {
        self.build_config_uri.as_deref().and_then(Workflow::parse).map(|w| w.path)
    }

    /// What of the certificate does not fit together, for a build on `platform`.
    pub(crate) fn inconsistencies(&self, platform: Option<Platform>) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.compare_older(&mut faults);
        let mut require = |holds: bool, claim: (&'static str, &str), other: (&'static str, &str)| {
            if !holds {
                faults.push(inconsistent(claim, other));
            }
        };
        let repository = self.source_repository_uri.as_deref();
        if let (Some(repository), Some(owner)) = (repository, self.source_repository_owner_uri.as_deref()) {
            let under = repository.strip_prefix(owner).is_some_and(|rest| rest.starts_with('/'));
            require(under, ("source_repository_uri", repository), ("source_repository_owner_uri", owner));
        }
        let Some(platform) = platform else { return faults };
        if let (Some(signer), false) = (self.build_signer_uri.as_deref(), self.sans.is_empty()) {
            let named = self.sans.iter().any(|san| san == signer);
            require(named, ("build_signer_uri", signer), ("subject_alternative_name", &self.sans.join(", ")));
        }
        if let (Some(repository), Some(run)) = (repository, self.run_invocation_uri.as_deref()) {
            let under = run.strip_prefix(repository).is_some_and(|rest| rest.starts_with('/'));
            require(under, ("run_invocation_uri", run), ("source_repository_uri", repository));
        }
        self.compare_config(platform, &mut faults);
        faults
    }

    /// The workflow is one of the source that was built. GitLab may take the pipeline from another project, whose ref and
    /// commit are its own.
    fn compare_config(&self, platform: Platform, faults: &mut Vec<Fault>) {
        let (Some(repository), Some(config)) =
            (self.source_repository_uri.as_deref(), self.build_config_uri.as_deref())
        else {
            return;
        };
        let parsed = Workflow::parse(config);
        if parsed.as_ref().map(|w| w.repository) != Some(repository) {
            if platform == Platform::GitHub {
                faults.push(inconsistent(("build_config_uri", config), ("source_repository_uri", repository)));
            }
            return;
        }
        if let Some(reference) = self.reference()
            && parsed.and_then(|w| w.reference) != Some(reference)
        {
            faults.push(inconsistent(("build_config_uri", config), ("source_repository_ref", reference)));
        }
        if let (Some(commit), Some(built)) = (self.build_config_digest.as_deref(), self.commit())
            && commit != built
        {
            faults.push(inconsistent(("build_config_digest", commit), ("source_repository_digest", built)));
        }
    }

    fn compare_older(&self, faults: &mut Vec<Fault>) {
        let path = self.source_repository_uri.as_deref().and_then(without_server);
        let pairs = [
            (("issuer_v1", &self.older.issuer), ("issuer", self.issuer.as_deref())),
            (("github_workflow_trigger", &self.older.trigger), ("build_trigger", self.build_trigger.as_deref())),
            (
                ("github_workflow_sha", &self.older.commit),
                ("source_repository_digest", self.source_repository_digest.as_deref()),
            ),
            (("github_workflow_repository", &self.older.repository), ("source_repository_uri", path)),
            (
                ("github_workflow_ref", &self.older.reference),
                ("source_repository_ref", self.source_repository_ref.as_deref()),
            ),
        ];
        for ((older, old), (newer, new)) in pairs {
            if let (Some(old), Some(new)) = (old, new)
                && old != new
            {
                faults.push(inconsistent((older, old), (newer, new)));
            }
        }
    }

    /// Whether the workflow that signed is kept in the repository that was built.
    pub(crate) fn signs_for_itself(&self) -> bool {
        let canonical = |text: &str| Repository::parse(text).ok();
        let signer = self.signer().and_then(Workflow::parse).and_then(|w| canonical(w.repository));
        let source = self.repository().and_then(|r| canonical(&r));
        signer.is_none() || source.is_none() || signer == source
    }
}

fn inconsistent((claim, value): (&'static str, &str), (other, other_value): (&'static str, &str)) -> Fault {
    Fault::ClaimsInconsistent { claim, value: quote(value), other, other_value: quote(other_value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn genuine() -> Claims {
        Claims::from_named([
            ("issuer", GITHUB_ISSUER),
            ("issuer_v1", GITHUB_ISSUER),
            ("build_signer_uri", "https://github.com/o/n/.github/workflows/x.yml@refs/heads/main"),
            ("source_repository_uri", "https://github.com/o/n"),
            ("source_repository_owner_uri", "https://github.com/o"),
            ("source_repository_ref", "refs/heads/main"),
            ("source_repository_digest", "a"),
            ("build_config_uri", "https://github.com/o/n/.github/workflows/x.yml@refs/heads/main"),
            ("build_config_digest", "a"),
            ("run_invocation_uri", "https://github.com/o/n/actions/runs/1/attempts/1"),
            ("github_workflow_repository", "o/n"),
        ])
    }

    #[test]
    fn a_genuine_certificate_fits_together() {
        assert_eq!(genuine().inconsistencies(Some(Platform::GitHub)), []);
        assert!(genuine().signs_for_itself());
    }

    #[test]
    fn every_contradiction_is_named() {
        for (name, value) in [
            ("issuer_v1", "https://other.example"),
            ("source_repository_owner_uri", "https://github.com/oo"),
            ("source_repository_ref", "refs/heads/other"),
            ("build_config_digest", "b"),
            ("build_config_uri", "https://github.com/o/other/.github/workflows/x.yml@refs/heads/main"),
            ("run_invocation_uri", "https://github.com/o/nn/actions/runs/1/attempts/1"),
            ("github_workflow_repository", "o/m"),
        ] {
            let mut claims = genuine();
            assert!(claims.set(name, value));
            let faults = claims.inconsistencies(Some(Platform::GitHub));
            assert!(faults.iter().any(|f| f.code() == "claims_inconsistent"), "{name}");
        }
        let mut claims = genuine();
        claims.sans = vec!["https://github.com/evil/n/.github/workflows/x.yml@refs/heads/main".to_owned()];
        assert_eq!(claims.inconsistencies(Some(Platform::GitHub)).len(), 1);
    }

    #[test]
    fn gitlab_may_take_its_pipeline_from_elsewhere() {
        let claims = Claims::from_named([
            ("source_repository_uri", "https://gitlab.com/g/n"),
            ("source_repository_ref", "refs/heads/main"),
            ("build_config_uri", "https://gitlab.com/g/ci//pipeline.yml@refs/heads/stable"),
        ]);
        assert_eq!(claims.inconsistencies(Some(Platform::GitLab)), []);
        assert_eq!(claims.inconsistencies(Some(Platform::GitHub)).len(), 1);
    }

    #[test]
    fn the_issuer_decides_the_server() {
        let server = |p, i| server_of(p, i);
        assert_eq!(server(Platform::GitHub, GITHUB_ISSUER).as_deref(), Some("https://github.com"));
        assert_eq!(
            server(Platform::GitHub, "https://token.actions.githubusercontent.com/acme").as_deref(),
            Some("https://github.com")
        );
        assert_eq!(server(Platform::GitHub, "https://token.actions.githubusercontent.com.evil.example"), None);
        assert_eq!(
            server(Platform::GitHub, "https://ghe.example/_services/token").as_deref(),
            Some("https://ghe.example")
        );
        assert_eq!(
            server(Platform::GitHub, "https://token.actions.acme.ghe.com").as_deref(),
            Some("https://acme.ghe.com")
        );
        assert_eq!(server(Platform::GitHub, "https://github.com/login/oauth"), None);
        assert_eq!(server(Platform::GitLab, "https://gitlab.com").as_deref(), Some("https://gitlab.com"));
        assert_eq!(server(Platform::GitLab, GITHUB_ISSUER), None);
    }
}
