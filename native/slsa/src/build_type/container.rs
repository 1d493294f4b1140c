//! slsa-github-generator's container-based builds
//! (<https://github.com/slsa-framework/slsa-github-generator/blob/main/internal/builders/docker/README.md>).

use super::facts::Facts;
use super::{generator, github};
use crate::error::Result;
use crate::fields::Fields;
use crate::limits::Limits;
use crate::provenance::Provenance;

const INPUTS: [&str; 3] = ["builderImage", "configPath", "buildConfig"];

pub(super) fn read(provenance: &Provenance, limits: &Limits) -> Result<Facts> {
    let mut facts = Facts::default();
    let external = Fields::predicate(&provenance.external_parameters, "externalParameters", limits);
    facts.recognise("", external.object, &[&["source"], INPUTS.as_slice()].concat());
    let source = external.resource("source")?;
    if let Some(uri) = source.uri.as_deref() {
        facts.set_source_uri("externalParameters.source.uri", uri);
    }
    facts.set_commits("externalParameters.source.digest", &source.digest);
    let input = |name: &str| Some((name.to_owned(), external.object.get(name)?.clone()));
    facts.inputs = INPUTS.into_iter().filter_map(input).collect();
    facts.read_dependencies("resolvedDependencies", &provenance.resolved_dependencies);
    let internal = Fields::predicate(&provenance.internal_parameters, "internalParameters", limits);
    generator::read_environment(&mut facts, internal)?;
    github::read_invocation(&mut facts, provenance);
    github::read_builder(&mut facts, &provenance.builder.id);
    Ok(facts)
}
