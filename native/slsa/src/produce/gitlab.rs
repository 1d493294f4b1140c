//! GitLab CI, in a build type of the publisher's own (read as [`crate::Dialect::GitLabPublisher`]).

use serde_json::{Value, json};

use super::{Production, Token, TokenClaims, dependency, invalid, statement};
use crate::claims::{Platform, server_of};
use crate::error::{Fault, Result};
use crate::statement::Statement;

/// The provenance of a GitLab CI job. The builder is what Fulcio writes as the build signer: the pipeline's definition. A
/// runner's URL is in no certificate, so it belongs to [`Production::unverified`].
///
/// # Errors
/// `token_claim_invalid` when a claim is missing or cannot be; `option_invalid` without a build type, or with inputs, for which
/// GitLab has no counterpart; `statement_invalid` for subjects that cannot be.
pub fn gitlab(token: &TokenClaims, production: &Production) -> Result<Statement> {
    let build_type = match (&production.build_type, &production.inputs) {
        (Some(build_type), None) if !build_type.is_empty() => build_type,
        _ => {
            let expected = "a build type of the publisher's own, and no inputs";
            return Err(Fault::OptionInvalid { option: "build_type".to_owned(), expected }.into());
        }
    };
    let token = Token(token);
    let issuer = token.text("iss")?;
    let server = server_of(Platform::GitLab, issuer).ok_or_else(|| invalid("iss", "not an issuer of GitLab"))?;
    let source = format!("{server}/{}", token.text("project_path")?);
    let reference = &reference(&token)?;
    let config = format!("https://{}", token.text("ci_config_ref_uri")?);
    if !config.starts_with(&format!("{server}/")) {
        return Err(invalid("ci_config_ref_uri", "on another server than the issuer"));
    }
    let predicate = json!({
        "buildDefinition": {
            "buildType": build_type,
            "externalParameters": {"source": source, "ref": reference, "config": config},
            "internalParameters": internal(&token, production)?,
            "resolvedDependencies": [dependency(&source, reference, token.text("sha")?)?],
        },
        "runDetails": {
            "builder": {"id": config},
            "metadata": {"invocationId": format!("{source}/-/jobs/{}", token.id("job_id")?)},
        },
    });
    statement(production.subjects.clone(), predicate)
}

/// As Fulcio writes it: of a branch or a tag. Other refs (merge requests) have no place in its certificates.
fn reference(token: &Token<'_>) -> Result<String> {
    let kind = match token.text("ref_type")? {
        "branch" => "heads",
        "tag" => "tags",
        _ => return Err(invalid("ref_type", "neither a branch nor a tag")),
    };
    let reference = format!("refs/{kind}/{}", token.text("ref")?);
    if token.optional("ref_path")?.is_some_and(|path| path != reference) {
        return Err(invalid("ref_path", "not the ref that the certificate will state"));
    }
    Ok(reference)
}

fn internal(token: &Token<'_>, production: &Production) -> Result<Value> {
    let mut internal = json!({"gitlab": {
        "project_id": token.id("project_id")?,
        "namespace_id": token.id("namespace_id")?,
        "pipeline_id": token.id("pipeline_id")?,
        "pipeline_source": token.text("pipeline_source")?,
        "job_id": token.id("job_id")?,
        "config_sha": token.optional("ci_config_sha")?,
        "runner_environment": token.text("runner_environment")?,
    }});
    if let (false, Some(object)) = (production.unverified.is_empty(), internal.as_object_mut()) {
        object.insert("unverified".to_owned(), Value::Object(production.unverified.clone()));
    }
    Ok(internal)
}
