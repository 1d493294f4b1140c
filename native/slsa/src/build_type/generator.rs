//! Provenance v0.2 of GitHub workflows: slsa-github-generator's generic, container and Go types
//! (<https://github.com/slsa-framework/slsa-github-generator>), and npm's (<https://github.com/npm/provenance>).

use serde_json::Value;

use super::facts::{Against, Facts};
use super::{Dialect, github};
use crate::error::Result;
use crate::fields::{Fields, Object};
use crate::limits::Limits;
use crate::provenance::Provenance;

pub(super) fn read(provenance: &Provenance, dialect: Dialect, limits: &Limits) -> Result<Facts> {
    let mut facts = Facts::default();
    let environment = Fields::predicate(&provenance.internal_parameters, "invocation.environment", limits);
    if let Some(source) = &provenance.config_source {
        if let Some(uri) = &source.uri {
            facts.set_source_uri("invocation.configSource.uri", uri);
        }
        facts.set_commits("invocation.configSource.digest", &source.digest);
        read_entry_point(&mut facts, source.entry_point.as_deref());
    }
    facts.read_dependencies("materials", &provenance.resolved_dependencies);
    read_environment(&mut facts, environment)?;
    facts.invocation = provenance.metadata.invocation_id.clone();
    let invocation = facts.invocation.clone();
    facts.check_some("metadata.buildInvocationId", Against::Run, invocation.as_deref());
    facts.recognise("", &provenance.external_parameters, &[]);
    let go = dialect == Dialect::Generator && provenance.build_type.contains("go@");
    facts.recognise("buildConfig.", &provenance.build_config, if go { &["steps", "version"] } else { &[] });
    read_builder(&mut facts, dialect, &provenance.builder.id);
    if dialect == Dialect::NpmGitHub {
        facts.incomplete = github::without_inputs(facts.trigger.as_deref());
    } else {
        facts.inputs = event_inputs(environment)?;
        if !provenance.metadata.parameters_complete {
            facts.incomplete = Some("the builder says that its parameters are not complete".to_owned());
        }
    }
    Ok(facts)
}

/// A path; `OWNER/NAME/PATH@REF` (npm's v1); or the workflow's display name (npm's v0), which no claim but the oldest has.
fn read_entry_point(facts: &mut Facts, entry_point: Option<&str>) {
    let Some(entry) = entry_point else { return };
    let field = "invocation.configSource.entryPoint";
    if entry.contains('@') {
        let (body, _) = entry.split_once('@').unwrap_or((entry, ""));
        let path = body.splitn(3, '/').nth(2).unwrap_or(body);
        facts.workflow = Some(path.to_owned());
        facts.check(field, Against::ConfigWithRef, entry);
    } else if entry.contains('/') || entry.ends_with(".yml") || entry.ends_with(".yaml") {
        facts.workflow = Some(entry.to_owned());
        facts.check(field, Against::ConfigPath, entry);
    } else {
        facts.workflow = Some(entry.to_owned());
        facts.unverifiable.push(field.to_owned());
    }
}

/// The environment's fields that a claim also states, in either of the spellings in use.
pub(super) fn read_environment(facts: &mut Facts, environment: Fields<'_>) -> Result<()> {
    for (name, against) in [
        ("GITHUB_EVENT_NAME", Against::Trigger),
        ("GITHUB_REPOSITORY", Against::RepositoryPath),
        ("GITHUB_REPOSITORY_ID", Against::RepositoryId),
        ("GITHUB_REPOSITORY_OWNER", Against::OwnerPath),
        ("GITHUB_REPOSITORY_OWNER_ID", Against::OwnerId),
        ("GITHUB_RUN_ATTEMPT", Against::RunAttempt),
        ("GITHUB_RUN_ID", Against::RunId),
        ("GITHUB_WORKFLOW_REF", Against::ConfigWithRef),
        ("GITHUB_WORKFLOW_SHA", Against::ConfigCommit),
    ] {
        let (key, value) = spelled(environment, name)?;
        facts.check_some(&environment.path(&key), against, value.as_deref());
    }
    if let (key, Some(reference)) = spelled(environment, "GITHUB_REF")? {
        facts.set_reference(&environment.path(&key), &reference);
    }
    for name in ["GITHUB_SHA", "GITHUB_SHA1"] {
        if let (key, Some(commit)) = spelled(environment, name)? {
            facts.set_commit(&environment.path(&key), &commit);
        }
    }
    if let ((key, Some(kind)), Some(reference)) = (spelled(environment, "GITHUB_REF_TYPE")?, facts.reference.clone())
        && !(if reference.starts_with("refs/tags/") { kind == "tag" } else { kind == "branch" })
    {
        facts.contradict(&environment.path(&key), &kind, "ref", &reference);
    }
    facts.trigger = spelled(environment, "GITHUB_EVENT_NAME")?.1;
    if facts.workflow.is_none()
        && let (_, Some(workflow)) = spelled(environment, "GITHUB_WORKFLOW_REF")?
    {
        let body = workflow.split_once('@').map_or(workflow.as_str(), |(body, _)| body);
        facts.workflow = body.splitn(3, '/').nth(2).map(str::to_owned);
    }
    Ok(())
}

/// npm and the delegators write names in upper case, the older generators in lower case.
fn spelled(environment: Fields<'_>, name: &str) -> Result<(String, Option<String>)> {
    let lower = name.to_ascii_lowercase();
    let (upper_value, lower_value) = (environment.scalar(name)?, environment.scalar(&lower)?);
    if upper_value.is_some() && lower_value.is_some() && upper_value != lower_value {
        return Err(environment.invalid(name, "stands there in two spellings, with two values"));
    }
    Ok(if upper_value.is_some() { (name.to_owned(), upper_value) } else { (lower, lower_value) })
}

/// What somebody typed in when starting the workflow.
pub(super) fn event_inputs(environment: Fields<'_>) -> Result<Object> {
    let payload = ["GITHUB_EVENT_PAYLOAD", "github_event_payload"]
        .iter()
        .find_map(|key| environment.object.get(*key))
        .and_then(Value::as_object);
    let Some(payload) = payload else { return Ok(Object::new()) };
    Ok(environment.within(payload, "event_payload").object("inputs")?.clone())
}

/// npm once named its own version as the builder: nothing vouches for that.
fn read_builder(facts: &mut Facts, dialect: Dialect, id: &str) {
    if dialect == Dialect::NpmGitHub && !id.starts_with("https://github.com/actions/runner") {
        facts.unverifiable.push("builder.id".to_owned());
    } else {
        github::read_builder(facts, id);
    }
}
