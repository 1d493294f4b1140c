//! slsa-github-generator's delegators, "bring your own builder"
//! (<https://github.com/slsa-framework/slsa-github-generator/blob/main/BYOB.md>): a tool's reusable workflow is the
//! builder, the delegator's workflow builds in isolation and signs. `builder.id` differs from the signer by design; the
//! builder table says which pairs are accepted.

use serde_json::Value;

use super::facts::{Against, Facts};
use super::{generator, github};
use crate::error::Result;
use crate::fields::{Fields, Object};
use crate::limits::Limits;
use crate::provenance::{Format, Provenance};

pub(super) fn read(provenance: &Provenance, limits: &Limits) -> Result<Facts> {
    let mut facts = Facts::default();
    let external = Fields::predicate(&provenance.external_parameters, "externalParameters", limits);
    if provenance.format == Format::V1Draft {
        read_draft(&mut facts, external)?;
    } else {
        facts.recognise("", external.object, &["inputs", "vars"]);
        facts.inputs = github::with_vars(external)?;
        // The delegator writes the source as the first dependency, and nowhere else.
        if let Some(uri) = provenance.resolved_dependencies.first().and_then(|d| d.uri.as_deref()) {
            facts.set_source_uri("resolvedDependencies[0].uri", uri);
        }
    }
    facts.read_dependencies("resolvedDependencies", &provenance.resolved_dependencies);
    let internal = Fields::predicate(&provenance.internal_parameters, "internalParameters", limits);
    generator::read_environment(&mut facts, internal)?;
    github::read_invocation(&mut facts, provenance);
    Ok(facts)
}

/// The draft had the source and the workflow's path among the parameters, and each input as `input_NAME`.
fn read_draft(facts: &mut Facts, external: Fields<'_>) -> Result<()> {
    let source = external.resource("source")?;
    if let Some(uri) = source.uri.as_deref() {
        facts.set_source_uri("externalParameters.source.uri", uri);
    }
    facts.set_commits("externalParameters.source.digest", &source.digest);
    if let Some(path) = external.text("workflowPath")? {
        facts.workflow = Some(path.to_owned());
        facts.check("externalParameters.workflowPath", Against::ConfigPath, path);
    }
    let input = |(key, value): (&String, &Value)| Some((key.strip_prefix("input_")?.to_owned(), value.clone()));
    facts.inputs = external.object.iter().filter_map(input).collect::<Object>();
    let known: Vec<&str> = external.object.keys().map(String::as_str).filter(|k| k.starts_with("input_")).collect();
    facts.recognise("", external.object, &[known.as_slice(), &["source", "workflowPath"]].concat());
    Ok(())
}
