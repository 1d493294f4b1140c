//! What somebody expects of a build (SLSA v1.2, Verifying artifacts, step 2). Everything stated must hold; what is not
//! stated is not looked at, except for external parameters that nobody knows, which refuse.

mod check;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Fault, Result};
use crate::level::Level;
use crate::pattern::Matcher;
use crate::repository::Repository;

pub(crate) use check::check;

/// What is expected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expectations {
    /// The repository.
    pub source: Option<Source>,
    /// The repository's immutable id (claim .15): survives a re-registered name.
    pub source_id: Option<String>,
    /// The owner's immutable id (claim .17).
    pub owner_id: Option<String>,
    /// Refs, one of which it must be.
    pub refs: Vec<Matcher>,
    /// The branch; a build of a tag is refused.
    pub branch: Option<Matcher>,
    /// The tag; a build of a branch is refused.
    pub tag: Option<Matcher>,
    /// The tag of a version.
    pub version_tag: Option<VersionTag>,
    /// The commit, all of it.
    pub commit: Option<String>,
    /// The path of the top-level workflow.
    pub workflow: Option<Matcher>,
    /// Who signed: the workflow's URI, with or without its ref.
    pub signer: Option<Matcher>,
    /// The commit of the workflow that signed (claim .10).
    pub signer_digest: Option<String>,
    /// Who vouches for the signer.
    pub issuer: Option<Matcher>,
    /// Events, one of which must have started the build; empty when any may.
    pub triggers: Vec<String>,
    /// Where the job that signed ran (claim .11).
    pub runner_environment: Option<Matcher>,
    /// The deployment environment (claim .23).
    pub environment: Option<Matcher>,
    /// The repository's visibility (claim .22).
    pub visibility: Option<Matcher>,
    /// Build types, one of which it must be; empty when any may.
    pub build_types: Vec<Matcher>,
    /// `builder.id`, with or without its ref.
    pub builder: Option<Matcher>,
    /// Inputs and external parameters by name. A parameter named here counts as recognised.
    pub inputs: BTreeMap<String, Input>,
    /// Whether inputs that are not named in `inputs` refuse.
    pub only_these_inputs: bool,
    /// What to do about external parameters that the build type does not define.
    pub unrecognised: Unrecognised,
    /// Whether provenance whose signature nobody verified will do: never above level 1, and only worth as much as the place
    /// it was found in.
    pub unsigned: bool,
    /// The lowest level.
    pub min_level: Level,
}

impl Expectations {
    /// How many comparisons these are, and how many places their patterns hold: what judging by them can cost.
    #[must_use]
    pub fn weight(&self) -> usize {
        let source = match &self.source {
            Some(Source::Pattern(matcher)) => Some(matcher),
            _ => None,
        };
        let single = [
            source,
            self.branch.as_ref(),
            self.tag.as_ref(),
            self.workflow.as_ref(),
            self.signer.as_ref(),
            self.issuer.as_ref(),
            self.runner_environment.as_ref(),
            self.environment.as_ref(),
            self.visibility.as_ref(),
            self.builder.as_ref(),
        ];
        let inputs = self.inputs.values().filter_map(|input| match input {
            Input::Matches(matcher) => Some(matcher),
            _ => None,
        });
        let matchers = single.into_iter().flatten().chain(&self.refs).chain(&self.build_types).chain(inputs);
        let places: usize = matchers.map(|matcher| matcher.places().saturating_add(1)).sum();
        places.saturating_add(self.triggers.len()).saturating_add(self.inputs.len())
    }
}

/// What a repository is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// This one.
    Exact(Repository),
    /// Those whose canonical URL matches.
    Pattern(Matcher),
}

/// What an input is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Any value: it is known to be harmless.
    Any,
    /// It must not be there (or be empty).
    Absent,
    /// This JSON value.
    Equal(Value),
    /// A text, number or boolean whose text matches.
    Matches(Matcher),
}

/// What to do about external parameters that the build type does not define.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unrecognised {
    /// Refuse: they might do anything.
    #[default]
    Refuse,
    /// Report them only.
    Report,
}

/// The tag of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionTag {
    version: semver::Version,
    before: String,
    after: String,
}

impl VersionTag {
    /// The tag of `version`: that version with or without a leading `v`, or what `template` says with `{version}` in it.
    ///
    /// # Errors
    /// `option_invalid` when it is not a semantic version, or the template has not exactly one `{version}`.
    pub fn new(version: &str, template: Option<&str>) -> Result<Self> {
        let version = semver::Version::parse(version).map_err(|_| invalid("version", "a semantic version"))?;
        let (before, after) = template.unwrap_or("{version}").split_once("{version}").ok_or_else(template_invalid)?;
        if after.contains("{version}") {
            return Err(template_invalid());
        }
        Ok(Self { version, before: before.to_owned(), after: after.to_owned() })
    }

    /// Whether a tag of that name is the version's. Versions are compared as versions, so build metadata counts too.
    #[must_use]
    pub fn is(&self, tag: &str) -> bool {
        let Some(middle) = tag.strip_prefix(&self.before).and_then(|rest| rest.strip_suffix(&self.after)) else {
            return false;
        };
        let bare = if self.before.is_empty() { middle.strip_prefix('v').unwrap_or(middle) } else { middle };
        semver::Version::parse(bare).is_ok_and(|v| v == self.version)
    }

    /// The tag in words.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("refs/tags/{}{}{}", self.before, self.version, self.after)
    }
}

impl Source {
    /// Exactly that repository, however it is written.
    ///
    /// # Errors
    /// `name_confusable`, `malformed`.
    pub fn exact(text: &str) -> Result<Self> {
        Ok(Self::Exact(Repository::parse(text)?))
    }

    pub(crate) fn describe(&self) -> &str {
        match self {
            Self::Exact(repository) => repository.as_str(),
            Self::Pattern(matcher) => matcher.source(),
        }
    }

    pub(crate) fn accepts(&self, repository: &Repository) -> bool {
        match self {
            Self::Exact(expected) => expected == repository,
            Self::Pattern(matcher) => matcher.matches(repository.as_str()),
        }
    }
}

fn template_invalid() -> crate::Error {
    invalid("tag", "a template with {version} in it, once")
}

fn invalid(option: &str, expected: &'static str) -> crate::Error {
    Fault::OptionInvalid { option: option.to_owned(), expected }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_versions() {
        let is = |version: &str, template: Option<&str>, tag: &str| VersionTag::new(version, template).unwrap().is(tag);
        assert!(is("1.2.3", None, "v1.2.3") && is("1.2.3", None, "1.2.3"));
        assert!(is("1.2.3-rc.1", None, "v1.2.3-rc.1"));
        for other in ["v1.2", "v1.2.30", "v1.2.3-rc.1", "vv1.2.3", "x1.2.3", "v1.2.3/x", "", "v1.2.3+b"] {
            assert!(!is("1.2.3", None, other), "{other}");
        }
        assert!(is("1.2.3", Some("name@{version}"), "name@1.2.3"));
        assert!(
            !is("1.2.3", Some("name@{version}"), "other@1.2.3") && !is("1.2.3", Some("name-{version}"), "name-v1.2.3")
        );
        assert!(is("1.2.3+b", None, "v1.2.3+b") && !is("1.2.3+b", None, "v1.2.3"));
    }

    #[test]
    fn what_judging_by_them_can_cost() {
        let pattern = |text: &str| Matcher::pattern(text).unwrap();
        assert_eq!(Expectations::default().weight(), 0);
        let one = Expectations { refs: vec![pattern("refs/tags/*")], ..Expectations::default() };
        assert_eq!(one.weight(), 2);
        let several = Expectations {
            source: Some(Source::Pattern(pattern("https://github.com/*/*"))),
            triggers: vec!["push".to_owned()],
            inputs: BTreeMap::from([("a".to_owned(), Input::Any), ("b".to_owned(), Input::Matches(pattern("*x*")))]),
            ..one
        };
        assert_eq!(several.weight(), 2 + 4 + 1 + 2 + 4);
    }

    #[test]
    fn what_is_no_expectation() {
        for (version, template) in
            [("1.2", None), ("", None), ("1.2.3", Some("v")), ("1.2.3", Some("{version}{version}"))]
        {
            assert_eq!(VersionTag::new(version, template).unwrap_err().code(), "option_invalid");
        }
        assert_eq!(Source::exact("https://github.com/o/nаme").unwrap_err().code(), "name_confusable");
    }
}
