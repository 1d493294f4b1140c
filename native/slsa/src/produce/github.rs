//! GitHub Actions (<https://actions.github.io/buildtypes/workflow/v1>, or a publisher's own type with inputs).

use serde_json::{Value, json};

use super::{Production, Token, TokenClaims, dependency, invalid, statement};
use crate::build_type::GITHUB_WORKFLOW;
use crate::claims::{Platform, server_of};
use crate::error::{Fault, Result};
use crate::statement::Statement;

/// The provenance of a GitHub Actions job.
///
/// # Errors
/// `token_claim_invalid` when a claim is missing or two do not fit together; `option_invalid` for inputs without a build type of
/// the publisher's own, or the reverse; `statement_invalid` for subjects that cannot be.
pub fn github(token: &TokenClaims, production: &Production) -> Result<Statement> {
    let token = Token(token);
    let issuer = token.text("iss")?;
    let server =
        server_of(Platform::GitHub, issuer).ok_or_else(|| invalid("iss", "not an issuer of GitHub Actions"))?;
    let repository = token.text("repository")?;
    let source = format!("{server}/{repository}");
    let reference = token.text("ref")?;
    let mut external = json!({"workflow": {
        "ref": reference,
        "repository": source,
        "path": workflow_path(&token, repository, reference)?,
    }});
    let build_type = add_inputs(&mut external, production)?;
    let predicate = json!({
        "buildDefinition": {
            "buildType": build_type,
            "externalParameters": external,
            "internalParameters": {"github": {
                "event_name": token.text("event_name")?,
                "repository_id": token.id("repository_id")?,
                "repository_owner_id": token.id("repository_owner_id")?,
                "runner_environment": token.text("runner_environment")?,
            }},
            "resolvedDependencies": [dependency(&source, reference, token.text("sha")?)?],
        },
        "runDetails": {
            "builder": {"id": format!("{server}/{}", token.text("job_workflow_ref")?)},
            "metadata": {"invocationId": format!(
                "{source}/actions/runs/{}/attempts/{}", token.id("run_id")?, token.id("run_attempt")?
            )},
        },
    });
    statement(production.subjects.clone(), predicate)
}

/// The path in `workflow_ref`, whose repository and ref must be those that are built.
fn workflow_path<'a>(token: &Token<'a>, repository: &str, reference: &str) -> Result<&'a str> {
    let whole = token.text("workflow_ref")?;
    let rest = whole.strip_prefix(repository).and_then(|rest| rest.strip_prefix('/'));
    let rest = rest.ok_or_else(|| invalid("workflow_ref", "not a workflow of the repository that is built"))?;
    let (path, at) = rest.split_once('@').ok_or_else(|| invalid("workflow_ref", "without a ref"))?;
    if at != reference {
        return Err(invalid("workflow_ref", "at another ref than the one that is built"));
    }
    Ok(path)
}

/// The plain type has no place for inputs; a publisher's own type has them all.
fn add_inputs<'a>(external: &mut Value, production: &'a Production) -> Result<&'a str> {
    match (&production.build_type, &production.inputs) {
        (None, None) => Ok(GITHUB_WORKFLOW),
        (Some(build_type), Some(inputs)) if !build_type.is_empty() => {
            if let Some(external) = external.as_object_mut() {
                external.insert("inputs".to_owned(), Value::Object(inputs.clone()));
            }
            Ok(build_type)
        }
        _ => {
            let expected = "a build type of the publisher's own together with every input, or neither";
            Err(Fault::OptionInvalid { option: "build_type".to_owned(), expected }.into())
        }
    }
}
