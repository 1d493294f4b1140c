//! GitLab: what its runner writes (<https://docs.gitlab.com/ci/runners/configure_runners/#provenance-metadata-format>),
//! what GitLab itself writes (<https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1/>), npm's v0.2, and a
//! publisher's own type, in which every field is one that the certificate states too.

use serde_json::Value;

use super::Dialect;
use super::facts::{Against, Facts, is_unset};
use crate::error::Result;
use crate::fields::{Fields, Object};
use crate::limits::Limits;
use crate::provenance::{Format, Provenance};

pub(super) fn read(provenance: &Provenance, dialect: Dialect, limits: &Limits) -> Result<Facts> {
    let mut facts = Facts::default();
    if provenance.format == Format::V0_2 {
        read_v0_2(&mut facts, provenance, limits)?;
    } else {
        read_v1(&mut facts, provenance, dialect, limits)?;
    }
    facts.invocation = provenance.metadata.invocation_id.clone();
    if let Some(invocation) = facts.invocation.clone() {
        let url = invocation.contains("://");
        let field = "metadata.invocationId";
        facts.check(field, if url { Against::Invocation } else { Against::JobId }, &invocation);
    }
    // A runner's URL is in no certificate; that it is one of this project's can be checked.
    let id = &provenance.builder.id;
    if let Some(source) = facts.source.clone()
        && !id.strip_prefix(&source).is_some_and(|rest| rest.starts_with("/-/runners/"))
    {
        facts.contradict("builder.id", id, "source", &source);
    }
    facts.incomplete = Some("a pipeline's variables can be set by whoever starts it".to_owned());
    Ok(facts)
}

fn read_v1(facts: &mut Facts, provenance: &Provenance, dialect: Dialect, limits: &Limits) -> Result<()> {
    let external = Fields::predicate(&provenance.external_parameters, "externalParameters", limits);
    if let Some(source) = external.text("source")? {
        facts.set_source_uri("externalParameters.source", source);
    }
    // The entry point is a job's name, which no claim states: it is an input like any other.
    read_job(facts, external)?;
    if dialect == Dialect::GitLabProvenance {
        facts.recognise("", external.object, &["source", "entryPoint", "variables"]);
        read_variables(facts, "variables.", external.object("variables")?);
    } else {
        let variables: Object = except(external.object, &["source", "entryPoint"]);
        read_variables(facts, "", &variables);
    }
    let internal = Fields::predicate(&provenance.internal_parameters, "internalParameters", limits);
    facts.check_some("internalParameters.job", Against::JobId, internal.scalar("job")?.as_deref());
    facts.read_dependencies("resolvedDependencies", &provenance.resolved_dependencies);
    Ok(())
}

fn read_v0_2(facts: &mut Facts, provenance: &Provenance, limits: &Limits) -> Result<()> {
    if let Some(source) = &provenance.config_source {
        if let Some(uri) = &source.uri {
            facts.set_source_uri("invocation.configSource.uri", uri);
        }
        facts.set_commits("invocation.configSource.digest", &source.digest);
        facts.inputs.extend(source.entry_point.iter().map(|job| ("entryPoint".to_owned(), job.as_str().into())));
    }
    read_variables(facts, "", &provenance.external_parameters);
    facts.recognise("buildConfig.", &provenance.build_config, &[]);
    facts.read_dependencies("materials", &provenance.resolved_dependencies);
    let environment = Fields::predicate(&provenance.internal_parameters, "invocation.environment", limits);
    let job = environment.within(environment.object("job")?, "invocation.environment.job");
    facts.check_some("invocation.environment.job.id", Against::JobId, job.scalar("id")?.as_deref());
    let pipeline = environment.within(environment.object("pipeline")?, "invocation.environment.pipeline");
    if let Some(path) = pipeline.text("ref")? {
        let file = path.split_once('@').map_or(path, |(file, _)| file);
        facts.workflow = Some(file.to_owned());
        facts.check("invocation.environment.pipeline.ref", Against::ConfigPath, file);
    }
    facts.check_some("invocation.environment.project", Against::RepositoryPath, environment.text("project")?);
    Ok(())
}

fn read_job(facts: &mut Facts, external: Fields<'_>) -> Result<()> {
    if let Some(job) = external.text("entryPoint")? {
        facts.inputs.insert("entryPoint".to_owned(), job.into());
    }
    Ok(())
}

fn except(object: &Object, keys: &[&str]) -> Object {
    object.iter().filter(|(key, _)| !keys.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Variables that GitLab itself sets are part of the build type; all others were set by somebody, and what they do is not
/// known: they are inputs, and refused unless somebody expects them.
fn read_variables(facts: &mut Facts, prefix: &str, variables: &Object) {
    for (name, value) in variables.iter().filter(|(_, value)| !is_unset(value)) {
        match name.as_str() {
            "CI_COMMIT_SHA" => check(facts, prefix, name, Against::Commit, value),
            "CI_PROJECT_ID" => check(facts, prefix, name, Against::RepositoryId, value),
            "CI_PROJECT_URL" => check(facts, prefix, name, Against::Repository, value),
            "CI_PROJECT_PATH" => check(facts, prefix, name, Against::RepositoryPath, value),
            "CI_JOB_ID" => check(facts, prefix, name, Against::JobId, value),
            // `FILE@GROUP/PROJECT` where the pipeline is another project's.
            "CI_CONFIG_PATH" => {
                let file = value.as_str().map(|path| path.split_once('@').map_or(path, |(file, _)| file));
                check(facts, prefix, name, Against::ConfigPath, &file.into());
            }
            "CI_PIPELINE_SOURCE" => {
                facts.trigger = value.as_str().map(str::to_owned);
                check(facts, prefix, name, Against::Trigger, value);
            }
            _ => {}
        }
        if !is_predefined(name) {
            let name = format!("{prefix}{name}");
            facts.inputs.insert(name.clone(), value.clone());
            facts.unrecognised.push(name);
        }
    }
}

fn check(facts: &mut Facts, prefix: &str, name: &str, against: Against, value: &Value) {
    // The runner's own examples mask every value.
    if let Some(value) = value.as_str().filter(|v| *v != "[MASKED]") {
        facts.check(&format!("{prefix}{name}"), against, value);
    }
}

/// <https://docs.gitlab.com/ci/variables/predefined_variables/>
fn is_predefined(name: &str) -> bool {
    name == "CI"
        || name == "RUNNER_GENERATE_ARTIFACTS_METADATA"
        || name.starts_with("CI_")
        || name.starts_with("GITLAB_")
}

/// `externalParameters` {source, ref, config}, `internalParameters.gitlab` with ids: all of them in the certificate.
pub(super) fn read_publisher(provenance: &Provenance, limits: &Limits) -> Result<Facts> {
    let mut facts = Facts::default();
    let external = Fields::predicate(&provenance.external_parameters, "externalParameters", limits);
    facts.recognise("", external.object, &["source", "ref", "config"]);
    if let Some(source) = external.text("source")? {
        facts.set_source_uri("externalParameters.source", source);
    }
    if let Some(reference) = external.text("ref")? {
        facts.set_reference("externalParameters.ref", reference);
    }
    if let Some(config) = external.text("config")? {
        facts.workflow = crate::repository::Workflow::parse(config).map(|w| w.path.to_owned());
        facts.check("externalParameters.config", Against::ConfigUri, config);
    }
    let internal = Fields::predicate(&provenance.internal_parameters, "internalParameters", limits);
    let gitlab = internal.within(internal.object("gitlab")?, "internalParameters.gitlab");
    for (key, against) in [
        ("project_id", Against::RepositoryId),
        ("namespace_id", Against::OwnerId),
        ("job_id", Against::JobId),
        ("pipeline_source", Against::Trigger),
        ("runner_environment", Against::Runner),
        ("config_sha", Against::ConfigCommit),
    ] {
        facts.check_some(&gitlab.path(key), against, gitlab.scalar(key)?.as_deref());
    }
    facts.trigger = gitlab.text("pipeline_source")?.map(str::to_owned);
    facts.read_dependencies("resolvedDependencies", &provenance.resolved_dependencies);
    facts.invocation = provenance.metadata.invocation_id.clone();
    let invocation = facts.invocation.clone();
    facts.check_some("runDetails.metadata.invocationId", Against::Invocation, invocation.as_deref());
    facts.check("builder.id", Against::Signer, &provenance.builder.id);
    facts.incomplete = Some("a pipeline's variables can be set by whoever starts it".to_owned());
    Ok(facts)
}
