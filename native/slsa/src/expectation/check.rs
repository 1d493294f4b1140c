//! Comparing a build with what is expected of it: every expectation is looked at, every refusal reported.

use serde_json::Value;

use super::{Expectations, Input, Unrecognised};
use crate::build_type::MAX_REPORTED;
use crate::claims::Claims;
use crate::error::{Fault, quote};
use crate::fields::{Object, plain};
use crate::judge::Judgement;
use crate::level::Level;
use crate::pattern::Matcher;
use crate::repository::{Repository, branch, split_ref, tag};
use crate::resource::is_commit;

/// What a judgement's expectations refuse.
pub(crate) fn check(expected: &Expectations, judged: &Judgement, claims: Option<&Claims>) -> Vec<Fault> {
    let mut refusals = Vec::new();
    if claims.is_none() && !expected.unsigned {
        refusals.push(Fault::SignatureUnverified {});
    }
    check_source(expected, judged, claims, &mut refusals);
    check_ref(expected, judged, &mut refusals);
    check_signer(expected, claims, &mut refusals);
    check_run(expected, judged, claims, &mut refusals);
    check_builder(expected, judged, &mut refusals);
    check_inputs(expected, judged, &mut refusals);
    check_level(expected, judged, &mut refusals);
    refusals
}

const ABSENT: &str = "absent";

fn check_source(expected: &Expectations, judged: &Judgement, claims: Option<&Claims>, refusals: &mut Vec<Fault>) {
    for (what, wanted, actual) in [
        ("repository id", &expected.source_id, claims.and_then(|c| c.source_repository_identifier.as_deref())),
        ("owner id", &expected.owner_id, claims.and_then(|c| c.source_repository_owner_identifier.as_deref())),
    ] {
        if let Some(wanted) = wanted
            && actual != Some(wanted)
        {
            let (expected, actual) = (format!("{what} {wanted}"), format!("{what} {}", actual.unwrap_or(ABSENT)));
            refusals.push(Fault::SourceRefused { expected: quote(&expected), actual: quote(&actual) });
        }
    }
    let actual = judged.source.as_deref();
    let Some(source) = &expected.source else { return };
    match actual.map(Repository::parse) {
        Some(Ok(repository)) if source.accepts(&repository) => {}
        Some(Err(fault @ Fault::NameConfusable { .. })) => refusals.push(fault),
        _ => refusals
            .push(Fault::SourceRefused { expected: quote(source.describe()), actual: quote(actual.unwrap_or(ABSENT)) }),
    }
}

fn check_ref(expected: &Expectations, judged: &Judgement, refusals: &mut Vec<Fault>) {
    let actual = judged.reference.as_deref().unwrap_or(ABSENT);
    let mut refuse = |fits: bool, wanted: String| {
        if !fits {
            refusals.push(Fault::RefRefused { expected: quote(&wanted), actual: quote(actual) });
        }
    };
    if !expected.refs.is_empty() {
        refuse(expected.refs.iter().any(|m| m.matches(actual)), sources(&expected.refs));
    }
    if let Some(wanted) = &expected.branch {
        let fits = branch(actual).is_some_and(|name| wanted.matches(name));
        refuse(fits, format!("refs/heads/{}", wanted.source()));
    }
    if let Some(wanted) = &expected.tag {
        refuse(tag(actual).is_some_and(|name| wanted.matches(name)), format!("refs/tags/{}", wanted.source()));
    }
    if let Some(wanted) = &expected.version_tag {
        refuse(tag(actual).is_some_and(|name| wanted.is(name)), wanted.describe());
    }
    if let Some(wanted) = &expected.commit
        && !judged.commit.as_deref().is_some_and(|c| c.eq_ignore_ascii_case(wanted) && is_commit(c))
    {
        refusals.push(Fault::CommitRefused {
            expected: quote(wanted),
            actual: quote(judged.commit.as_deref().unwrap_or(ABSENT)),
        });
    }
}

fn check_signer(expected: &Expectations, claims: Option<&Claims>, refusals: &mut Vec<Fault>) {
    let mut refuse = |field: &str, wanted: &str, actual: Option<&str>| {
        refusals.push(Fault::SignerRefused {
            field: field.to_owned(),
            expected: quote(wanted),
            actual: quote(actual.unwrap_or(ABSENT)),
        });
    };
    let signer = claims.and_then(Claims::signer);
    if let Some(wanted) = &expected.signer
        && !signer.is_some_and(|s| names(wanted, s))
    {
        refuse("identity", wanted.source(), signer);
    }
    let issuer = claims.and_then(Claims::issuer);
    if let Some(wanted) = &expected.issuer
        && !issuer.is_some_and(|i| wanted.matches(i))
    {
        refuse("issuer", wanted.source(), issuer);
    }
    let digest = claims.and_then(|c| c.build_signer_digest.as_deref());
    if let Some(wanted) = &expected.signer_digest
        && digest != Some(wanted)
    {
        refuse("digest", wanted, digest);
    }
    for (field, wanted, actual) in [
        ("environment", &expected.environment, claims.and_then(|c| c.deployment_environment.as_deref())),
        ("visibility", &expected.visibility, claims.and_then(|c| c.source_repository_visibility.as_deref())),
    ] {
        if let Some(wanted) = wanted
            && !actual.is_some_and(|a| wanted.matches(a))
        {
            refuse(field, wanted.source(), actual);
        }
    }
}

fn check_run(expected: &Expectations, judged: &Judgement, claims: Option<&Claims>, refusals: &mut Vec<Fault>) {
    let workflow = judged.workflow.as_deref();
    if let Some(wanted) = &expected.workflow
        && !workflow.is_some_and(|w| wanted.matches(w))
    {
        let (expected, actual) = (quote(wanted.source()), quote(workflow.unwrap_or(ABSENT)));
        refusals.push(Fault::WorkflowRefused { expected, actual });
    }
    let trigger = judged.trigger.as_deref();
    if !expected.triggers.is_empty() && !trigger.is_some_and(|t| expected.triggers.iter().any(|e| e == t)) {
        let (expected, actual) = (quote(&expected.triggers.join(", ")), quote(trigger.unwrap_or(ABSENT)));
        refusals.push(Fault::TriggerRefused { expected, actual });
    }
    let runner = claims.and_then(|c| c.runner_environment.as_deref());
    if let Some(wanted) = &expected.runner_environment
        && !runner.is_some_and(|r| wanted.matches(r))
    {
        let (expected, actual) = (quote(wanted.source()), quote(runner.unwrap_or(ABSENT)));
        refusals.push(Fault::RunnerRefused { expected, actual });
    }
}

fn check_builder(expected: &Expectations, judged: &Judgement, refusals: &mut Vec<Fault>) {
    if !expected.build_types.is_empty() && !expected.build_types.iter().any(|m| m.matches(&judged.build_type)) {
        let (expected, actual) = (quote(&sources(&expected.build_types)), quote(&judged.build_type));
        refusals.push(Fault::BuildTypeRefused { expected, actual });
    }
    // Anybody can write any builder's name: it counts only when the signer may speak for it.
    if let Some(wanted) = &expected.builder
        && !(names(wanted, &judged.builder) && judged.builder_vouched)
    {
        let signer = judged.signer.as_deref().unwrap_or("nobody known");
        let unvouched = format!("{} (signed by {signer}, which may not speak for it)", judged.builder);
        let actual = if judged.builder_vouched { &judged.builder } else { &unvouched };
        refusals.push(Fault::BuilderRefused { expected: quote(wanted.source()), actual: quote(actual) });
    }
}

fn check_inputs(expected: &Expectations, judged: &Judgement, refusals: &mut Vec<Fault>) {
    for (name, wanted) in &expected.inputs {
        let actual = judged.inputs.get(name).or_else(|| parameter(&judged.external_parameters, name));
        let actual = actual.filter(|value| !crate::build_type::is_unset(value));
        if !wanted.accepts(actual) {
            refusals.push(Fault::InputRefused {
                input: quote(name),
                expected: quote(&wanted.describe()),
                actual: quote(&actual.map_or_else(|| ABSENT.to_owned(), plain)),
            });
        }
    }
    if expected.only_these_inputs {
        let others = judged.inputs.iter().filter(|(name, _)| !expected.inputs.contains_key(*name));
        for (name, value) in others.take(MAX_REPORTED) {
            let actual = quote(&plain(value));
            refusals.push(Fault::InputRefused { input: quote(name), expected: ABSENT.to_owned(), actual });
        }
    }
    if expected.unrecognised == Unrecognised::Refuse {
        let unknown = judged.unrecognised.iter().filter(|name| !expected.inputs.contains_key(*name));
        for parameter in unknown.take(MAX_REPORTED) {
            refusals.push(Fault::ParameterUnrecognised {
                parameter: quote(parameter),
                build_type: quote(&judged.build_type),
            });
        }
    }
}

/// The parameter of that name, or of that path with dots, as unrecognised parameters are reported.
fn parameter<'a>(parameters: &'a Object, name: &str) -> Option<&'a Value> {
    let nested = || {
        let (first, rest) = name.split_once('.')?;
        parameter(parameters.get(first)?.as_object()?, rest)
    };
    parameters.get(name).or_else(nested)
}

fn check_level(expected: &Expectations, judged: &Judgement, refusals: &mut Vec<Fault>) {
    let level: Level = judged.assessment.level;
    if level < expected.min_level {
        let why: Vec<_> = judged.assessment.kept_from_next().map(|r| r.because.as_str()).collect();
        refusals.push(Fault::LevelTooLow {
            expected: expected.min_level.as_str(),
            actual: level.as_str(),
            reason: quote(&why.join("; ")),
        });
    }
}

impl Input {
    fn accepts(&self, actual: Option<&Value>) -> bool {
        match (self, actual) {
            (Self::Any, _) | (Self::Absent, None) => true,
            (Self::Equal(wanted), Some(actual)) => wanted == actual,
            (Self::Equal(wanted), None) => crate::build_type::is_unset(wanted),
            (Self::Matches(wanted), Some(actual)) => {
                !actual.is_array() && !actual.is_object() && wanted.matches(&plain(actual))
            }
            (Self::Absent, Some(_)) | (Self::Matches(_), None) => false,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Any => "anything".to_owned(),
            Self::Absent => ABSENT.to_owned(),
            Self::Equal(value) => plain(value),
            Self::Matches(matcher) => matcher.source().to_owned(),
        }
    }
}

/// A matcher with an `@` is for the URI with its ref, one without for the URI alone. Patterns never match commits: a
/// fork's commit can be reached under its parent's name.
fn names(matcher: &Matcher, uri: &str) -> bool {
    let (body, reference) = split_ref(uri);
    if !matcher.source().contains('@') {
        return matcher.matches(body) && (reference.is_none_or(|r| !is_commit(r)) || matcher.matches(uri));
    }
    let commit = reference.is_some_and(is_commit);
    matcher.matches(uri) && (matcher.is_exact() || !commit)
}

fn sources(matchers: &[Matcher]) -> String {
    matchers.iter().map(Matcher::source).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_refs() {
        let exact = |text: &str| Matcher::exact(text).unwrap();
        let workflow = "https://github.com/o/n/.github/workflows/x.yml";
        let tagged = format!("{workflow}@refs/tags/v1");
        let commit = format!("{workflow}@{}", "a".repeat(40));
        assert!(
            names(&exact(workflow), &tagged) && names(&exact(&tagged), &tagged) && names(&exact(workflow), workflow)
        );
        assert!(!names(&exact(&tagged), &format!("{workflow}@refs/tags/v2")));
        assert!(names(&exact(&commit), &commit) && !names(&exact(workflow), &commit));
        let pattern = Matcher::pattern("https://github.com/o/n/.github/workflows/x.yml@*").unwrap();
        assert!(!names(&pattern, &commit), "patterns never match commits");
    }

    #[test]
    fn inputs() {
        let text = Value::from("x");
        assert!(Input::Any.accepts(None) && Input::Any.accepts(Some(&text)));
        assert!(Input::Absent.accepts(None) && !Input::Absent.accepts(Some(&text)));
        assert!(Input::Equal(text.clone()).accepts(Some(&text)) && !Input::Equal(text.clone()).accepts(None));
        assert!(Input::Equal(Value::Null).accepts(None), "unset and null are the same");
        let seventeen = Input::Matches(Matcher::exact("17").unwrap());
        assert!(seventeen.accepts(Some(&Value::from(17))) && seventeen.accepts(Some(&Value::from("17"))));
        assert!(!seventeen.accepts(Some(&serde_json::json!([17]))) && !seventeen.accepts(None));
    }
}
