//! GitHub workflows, v1: <https://actions.github.io/buildtypes/workflow/v1>, the community's type that npm writes
//! (<https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1>), and a publisher's own, which has inputs.

use serde_json::Value;

use super::Dialect;
use super::facts::{Against, Facts, is_unset};
use crate::error::Result;
use crate::fields::{Fields, Object};
use crate::limits::Limits;
use crate::provenance::Provenance;

/// npm's name for GitHub's runners; the kind of runner may follow.
const RUNNER: &str = "https://github.com/actions/runner";

pub(super) fn read(provenance: &Provenance, dialect: Dialect, limits: &Limits) -> Result<Facts> {
    let mut facts = Facts::default();
    let external = Fields::predicate(&provenance.external_parameters, "externalParameters", limits);
    let workflow = external.within(external.object("workflow")?, "externalParameters.workflow");
    read_workflow(&mut facts, workflow)?;
    read_inputs(&mut facts, external, dialect)?;
    let internal = Fields::predicate(&provenance.internal_parameters, "internalParameters", limits);
    read_internal(&mut facts, internal.within(internal.object("github")?, "internalParameters.github"))?;
    facts.read_dependencies("resolvedDependencies", &provenance.resolved_dependencies);
    read_invocation(&mut facts, provenance);
    read_builder(&mut facts, &provenance.builder.id);
    if dialect != Dialect::GitHubPublisher {
        facts.incomplete = without_inputs(facts.trigger.as_deref());
    }
    Ok(facts)
}

fn read_workflow(facts: &mut Facts, workflow: Fields<'_>) -> Result<()> {
    facts.recognise("workflow.", workflow.object, &["ref", "repository", "path"]);
    if let Some(repository) = workflow.text("repository")? {
        facts.source = Some(repository.to_owned());
        facts.check(&workflow.path("repository"), Against::Repository, repository);
    }
    if let Some(reference) = workflow.text("ref")? {
        facts.set_reference(&workflow.path("ref"), reference);
    }
    if let Some(path) = workflow.text("path")? {
        facts.workflow = Some(path.to_owned());
        match facts.source.clone() {
            Some(source) => facts.check(&workflow.path("path"), Against::ConfigUrl, &format!("{source}/{path}")),
            None => facts.check(&workflow.path("path"), Against::ConfigPath, path),
        }
    }
    Ok(())
}

fn read_inputs(facts: &mut Facts, external: Fields<'_>, dialect: Dialect) -> Result<()> {
    match dialect {
        Dialect::GitHubWorkflow => facts.recognise("", external.object, &["workflow"]),
        Dialect::GitHubPublisher => {
            facts.recognise("", external.object, &["workflow", "inputs"]);
            facts.inputs = external.object("inputs")?.clone();
            if !external.object.get("inputs").is_some_and(Value::is_object) {
                facts.incomplete = Some("the workflow's inputs are not recorded".to_owned());
            }
        }
        _ => {
            facts.recognise("", external.object, &["workflow", "inputs", "vars"]);
            facts.inputs = with_vars(external)?;
        }
    }
    Ok(())
}

/// Inputs, and the repository's variables as `vars.NAME`.
pub(super) fn with_vars(external: Fields<'_>) -> Result<Object> {
    let mut inputs = external.object("inputs")?.clone();
    for (name, value) in external.object("vars")?.iter().filter(|(_, value)| !is_unset(value)) {
        inputs.insert(format!("vars.{name}"), value.clone());
    }
    Ok(inputs)
}

fn read_internal(facts: &mut Facts, github: Fields<'_>) -> Result<()> {
    facts.trigger = github.text("event_name")?.map(str::to_owned);
    for (key, against) in [
        ("event_name", Against::Trigger),
        ("repository_id", Against::RepositoryId),
        ("repository_owner_id", Against::OwnerId),
        ("runner_environment", Against::Runner),
    ] {
        facts.check_some(&github.path(key), against, github.scalar(key)?.as_deref());
    }
    Ok(())
}

pub(super) fn read_invocation(facts: &mut Facts, provenance: &Provenance) {
    facts.invocation = provenance.metadata.invocation_id.clone();
    let invocation = facts.invocation.clone();
    facts.check_some("runDetails.metadata.invocationId", Against::Invocation, invocation.as_deref());
}

/// The builder is the workflow that signed, or a runner as npm names it.
pub(super) fn read_builder(facts: &mut Facts, id: &str) {
    match id.strip_prefix(RUNNER) {
        Some("") => {}
        Some(kind) if kind.starts_with('/') => {
            facts.check("builder.id", Against::Runner, kind.trim_start_matches('/'));
        }
        _ => facts.check("builder.id", Against::Signer, id),
    }
}

/// Events by which somebody can give a workflow inputs that its file does not hold.
pub(super) fn without_inputs(trigger: Option<&str>) -> Option<String> {
    match trigger {
        Some(event @ ("workflow_dispatch" | "repository_dispatch")) => {
            Some(format!("the build type does not record the inputs of {event}"))
        }
        Some(_) => None,
        None => Some("the event that started the build is not recorded".to_owned()),
    }
}
