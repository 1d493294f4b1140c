//! Which builders are trusted up to which level: a table of rows, the well-known ones built in, each with its reason and
//! source. (SLSA v1.2, Verifying artifacts, step 1: "a map from (builder public key identity, `builder.id`) to (SLSA
//! Build level)".)

mod well_known;

use std::sync::Arc;

use crate::claims::Claims;
use crate::level::Level;
use crate::pattern::Matcher;
use crate::repository::{Repository, Workflow, split_ref, tag};
use crate::resource::is_commit;

/// Whose signature a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// A workflow's URI without its ref. What refs are good for is the row's [`Refs`].
    Workflow(Matcher),
    /// A whole identity: an e-mail address, a service account.
    Identity(Matcher),
    /// The key of that name ([`Claims::key`]).
    Key(String),
}

/// What `builder.id` a signer may state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuilderId {
    /// The signer's own URI, with its ref.
    Signer,
    /// A workflow's URI without its ref, whose ref is under the row's [`Refs`] too.
    Workflow(Matcher),
    /// A whole URI.
    Named(Matcher),
}

/// Which refs of a workflow the row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refs {
    /// Any ref; never more than level 2.
    Any,
    /// `refs/tags/vX.Y.Z`, or one of these commits, verbatim and confirmed by the claim `build_signer_digest`. Other tags
    /// and branches are never more than level 2. Other commits are not this workflow at all: a fork's commit can be
    /// reached under its parent's name.
    Releases {
        /// Full commit ids.
        commits: Vec<String>,
    },
}

/// One row: a builder and how far it is trusted. Everything stated must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuilderRow {
    /// The row's name.
    pub name: String,
    /// The Sigstore instances that may vouch for the signer; empty when any may (or a key signs).
    pub instances: Vec<String>,
    /// Who vouches for the signer.
    pub issuer: Option<Matcher>,
    /// Who signs.
    pub signer: Signer,
    /// What `builder.id` it may state.
    pub builder_id: BuilderId,
    /// The build types; empty when it may be any.
    pub build_types: Vec<Matcher>,
    /// The runner environment that the certificate must state.
    pub runner_environment: Option<String>,
    /// Which refs of the signer.
    pub refs: Refs,
    /// Why a signer in the very repository that it builds may be level 3; without a reason it never is.
    pub own_repository: Option<String>,
    /// The highest level such a build can have.
    pub max_level: Level,
    /// Why.
    pub reason: String,
    /// Where that can be read.
    pub source: String,
}

/// The builders that are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Builders {
    /// Shared: rules are copied for every call that expects something, and rows are seldom added.
    rows: Arc<Vec<BuilderRow>>,
}

/// What the table says of one build.
pub(crate) struct LookUp<'a> {
    /// Whether the signer may speak for the builder, whatever level that is good for: in which instance of Sigstore or on
    /// which runner does not matter for that.
    pub(crate) paired: bool,
    /// Of the rows that trust such a build, the one that trusts most.
    pub(crate) found: Option<Found<'a>>,
}

/// A row that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) row: &'a BuilderRow,
    pub(crate) level: Level,
    /// Why the level is below the row's.
    pub(crate) caps: Vec<String>,
}

impl Builders {
    /// The well-known ones.
    #[must_use]
    pub fn well_known() -> Self {
        Self { rows: Arc::new(well_known::rows()) }
    }

    /// None at all: everything is level 1.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// These and one more.
    #[must_use]
    pub fn with(mut self, row: BuilderRow) -> Self {
        Arc::make_mut(&mut self.rows).push(row);
        self
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[BuilderRow] {
        &self.rows
    }

    /// What the table says of a signer that states a builder.
    pub(crate) fn look_up(&self, claims: &Claims, builder_id: &str, build_type: &str) -> LookUp<'_> {
        let mut result = LookUp { paired: claims.signer() == Some(builder_id), found: None };
        for row in self.rows() {
            let Some(found) = row.pair(claims, builder_id, build_type) else { continue };
            result.paired = true;
            let better = result.found.as_ref().is_none_or(|best| found.level > best.level);
            if better && row.trusts(claims) {
                result.found = Some(found);
            }
        }
        result
    }
}

impl BuilderRow {
    /// Whether this row lets the signer speak for the builder. `None`: it does not.
    fn pair(&self, claims: &Claims, builder_id: &str, build_type: &str) -> Option<Found<'_>> {
        let of_type = self.build_types.is_empty() || self.build_types.iter().any(|t| t.matches(build_type));
        let mut found = Found { row: self, level: self.max_level, caps: Vec::new() };
        let named =
            of_type && self.names_builder(claims, builder_id, &mut found) && self.names_signer(claims, &mut found);
        named.then_some(found)
    }

    /// Whether whoever vouches for the signer, and where it ran, are those of the row.
    fn trusts(&self, claims: &Claims) -> bool {
        let instance = claims.instance.as_deref();
        (self.instances.is_empty() || self.instances.iter().any(|i| Some(i.as_str()) == instance))
            && self.issuer.as_ref().is_none_or(|m| claims.issuer().is_some_and(|i| m.matches(i)))
            && self.runner_environment.as_deref().is_none_or(|r| claims.runner_environment.as_deref() == Some(r))
    }

    fn names_signer<'a>(&'a self, claims: &Claims, found: &mut Found<'a>) -> bool {
        let Some(signer) = claims.signer() else {
            return matches!(&self.signer, Signer::Key(key) if claims.key.as_ref() == Some(key));
        };
        match &self.signer {
            Signer::Key(key) => claims.key.as_ref() == Some(key),
            Signer::Identity(matcher) => matcher.matches(signer),
            Signer::Workflow(matcher) => {
                let (workflow, reference) = split_ref(signer);
                if !matcher.matches(workflow) || !self.accepts_ref("signer", reference, claims, found) {
                    return false;
                }
                if found.level > Level::L2 && self.own_repository.is_none() && claims.signs_for_itself() {
                    found.cap("the workflow that signed is kept in the repository that it builds");
                }
                true
            }
        }
    }

    fn names_builder<'a>(&'a self, claims: &Claims, id: &str, found: &mut Found<'a>) -> bool {
        match &self.builder_id {
            BuilderId::Signer => claims.signer() == Some(id),
            BuilderId::Named(matcher) => matcher.matches(id),
            BuilderId::Workflow(matcher) => {
                let (workflow, reference) = split_ref(id);
                if !matcher.matches(workflow) || !self.accepts_ref("builder", reference, claims, found) {
                    return false;
                }
                if found.level > Level::L2 && self.own_repository.is_none() && same_repository(id, claims) {
                    found.cap("the builder's workflow is kept in the repository that it builds");
                }
                true
            }
        }
    }

    fn accepts_ref(&self, what: &str, reference: Option<&str>, claims: &Claims, found: &mut Found<'_>) -> bool {
        let Refs::Releases { commits } = &self.refs else {
            found.cap("any ref of the workflow is accepted");
            return true;
        };
        let Some(reference) = reference else { return false };
        if is_commit(reference) {
            let pinned = what != "signer" || claims.build_signer_digest.as_deref() == Some(reference);
            return pinned && commits.iter().any(|c| c == reference);
        }
        if !is_version_tag(reference) {
            found.cap(&format!("the {what}'s ref {} is not refs/tags/vX.Y.Z", crate::error::quote(reference)));
        }
        true
    }
}

impl Found<'_> {
    fn cap(&mut self, reason: &str) {
        if self.level > Level::L2 {
            self.level = Level::L2;
            self.caps.push(reason.to_owned());
        }
    }
}

/// `refs/tags/vX.Y.Z`, nothing before and nothing after.
pub(crate) fn is_version_tag(reference: &str) -> bool {
    let version = tag(reference).and_then(|name| name.strip_prefix('v')).and_then(|v| semver::Version::parse(v).ok());
    version.is_some_and(|v| v.pre.is_empty() && v.build.is_empty())
}

fn same_repository(workflow: &str, claims: &Claims) -> bool {
    let canonical = |text: &str| Repository::parse(text).ok();
    let builder = Workflow::parse(workflow).and_then(|w| canonical(w.repository));
    let source = claims.repository().and_then(|r| canonical(&r));
    builder.is_none() || source.is_none() || builder == source
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn row() -> BuilderRow {
        BuilderRow {
            name: "test".to_owned(),
            instances: vec!["public_good".to_owned()],
            issuer: Some(Matcher::exact("https://token.actions.githubusercontent.com").unwrap()),
            signer: Signer::Workflow(Matcher::exact("https://github.com/b/p/.github/workflows/x.yml").unwrap()),
            builder_id: BuilderId::Signer,
            build_types: vec![Matcher::exact("t").unwrap()],
            runner_environment: Some("github-hosted".to_owned()),
            refs: Refs::Releases { commits: vec![COMMIT.to_owned()] },
            own_repository: None,
            max_level: Level::L3,
            reason: "it is a test".to_owned(),
            source: "https://example.com".to_owned(),
        }
    }

    fn level(row: BuilderRow, reference: &str, change: &[(&str, &str)]) -> Option<Level> {
        let signer = format!("https://github.com/b/p/.github/workflows/x.yml@{reference}");
        let mut claims = Claims::from_named([
            ("issuer", "https://token.actions.githubusercontent.com"),
            ("build_signer_uri", signer.as_str()),
            ("build_signer_digest", COMMIT),
            ("runner_environment", "github-hosted"),
            ("source_repository_uri", "https://github.com/o/n"),
        ]);
        claims.instance = Some("public_good".to_owned());
        for (name, value) in change {
            assert!(claims.set(name, value));
        }
        let id = claims.signer().unwrap().to_owned();
        Builders::none().with(row).look_up(&claims, &id, "t").found.map(|found| found.level)
    }

    #[test]
    fn level_3_refs_are_release_tags_or_listed_commits() {
        assert_eq!(level(row(), "refs/tags/v1.2.3", &[]), Some(Level::L3));
        for reference in [
            "refs/heads/main",
            "refs/tags/v1",
            "refs/tags/v1.2.3-rc.1",
            "refs/tags/1.2.3",
            "refs/tags/v1.2.3+x",
            "refs/heads/v1.2.3",
            "refs/tags/v01.2.3",
            "refs/tags/x@refs/tags/v1.2.3",
        ] {
            assert_eq!(level(row(), reference, &[]), Some(Level::L2), "{reference}");
        }
        assert_eq!(level(row(), COMMIT, &[]), Some(Level::L3));
        assert_eq!(level(row(), COMMIT, &[("build_signer_digest", &"f".repeat(40))]), None, "the claim must agree");
        assert_eq!(level(row(), &"f".repeat(40), &[("build_signer_digest", &"f".repeat(40))]), None, "not listed");
    }

    #[test]
    fn everything_stated_must_match() {
        assert_eq!(level(row(), "refs/tags/v1.2.3", &[("issuer", "https://evil.example")]), None);
        assert_eq!(level(row(), "refs/tags/v1.2.3", &[("runner_environment", "self-hosted")]), None);
        let other = "https://github.com/evil/p/.github/workflows/x.yml@refs/tags/v1.2.3";
        assert_eq!(level(row(), "refs/tags/v1.2.3", &[("build_signer_uri", other)]), None);
        let staging = BuilderRow { instances: vec!["staging".to_owned()], ..row() };
        assert_eq!(level(staging, "refs/tags/v1.2.3", &[]), None);
        let another_type = BuilderRow { build_types: vec![Matcher::exact("u").unwrap()], ..row() };
        assert_eq!(level(another_type, "refs/tags/v1.2.3", &[]), None);
    }

    #[test]
    fn a_signer_in_the_source_is_level_2_unless_the_row_says_why() {
        let own = [("source_repository_uri", "https://github.com/b/p")];
        assert_eq!(level(row(), "refs/tags/v1.2.3", &own), Some(Level::L2));
        let excused = BuilderRow { own_repository: Some("protected by two reviewers".to_owned()), ..row() };
        assert_eq!(level(excused, "refs/tags/v1.2.3", &own), Some(Level::L3));
    }

    #[test]
    fn any_ref_is_never_level_3() {
        assert_eq!(level(BuilderRow { refs: Refs::Any, ..row() }, "refs/tags/v1.2.3", &[]), Some(Level::L2));
    }

    #[test]
    fn keys_and_identities() {
        let by_key = BuilderRow {
            instances: Vec::new(),
            issuer: None,
            signer: Signer::Key("k".to_owned()),
            builder_id: BuilderId::Named(Matcher::exact("https://builder.example").unwrap()),
            runner_environment: None,
            ..row()
        };
        let table = Builders::none().with(by_key);
        let claims = Claims { key: Some("k".to_owned()), ..Claims::default() };
        assert_eq!(table.look_up(&claims, "https://builder.example", "t").found.map(|f| f.level), Some(Level::L3));
        assert_eq!(table.look_up(&claims, "https://other.example", "t").found, None);
        assert!(!table.look_up(&Claims::default(), "https://builder.example", "t").paired);
    }
}
