//! Provenance written from the claims of a CI job's identity token. Every value comes from the token, whose issuer selects
//! the server: what no claim backs is absent, or marked as unverified. Nothing here verifies the token: whoever signs with
//! it gets a certificate with the same claims, and the two are compared by whoever verifies.

mod github;
mod gitlab;

use serde_json::Value;

use crate::error::{Error, Fault, Result, quote};
use crate::fields::Object;
use crate::limits::Limits;
use crate::provenance::Format;
use crate::resource::ResourceDescriptor;
use crate::statement::{Statement, Version};

pub use github::github;
pub use gitlab::gitlab;

/// The claims of an identity token, decoded.
pub type TokenClaims = Object;

/// What the token does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Production {
    /// What was built; each with its digest.
    pub subjects: Vec<ResourceDescriptor>,
    /// The publisher's own build type. `None` is the plain GitHub workflow type, which has no place for inputs.
    pub build_type: Option<String>,
    /// Every input of the publisher's workflow, none left out: only with a build type of its own.
    pub inputs: Option<Object>,
    /// What the job says of itself and no claim confirms (GitLab: the runner's URL and versions).
    pub unverified: Object,
}

/// Claims read one by one.
struct Token<'a>(&'a TokenClaims);

impl<'a> Token<'a> {
    fn text(&self, claim: &'static str) -> Result<&'a str> {
        match self.0.get(claim) {
            Some(Value::String(text)) if !text.is_empty() && plain(text) => Ok(text),
            Some(Value::String(_)) => Err(invalid(claim, "empty, or with characters that do not belong into it")),
            Some(_) => Err(invalid(claim, "not a text")),
            None => Err(invalid(claim, "missing")),
        }
    }

    fn optional(&self, claim: &'static str) -> Result<Option<&'a str>> {
        if self.0.get(claim).is_none_or(Value::is_null) { Ok(None) } else { self.text(claim).map(Some) }
    }

    /// Ids are texts in some tokens and numbers in others.
    fn id(&self, claim: &'static str) -> Result<String> {
        match self.0.get(claim) {
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => self.text(claim).map(str::to_owned),
        }
    }
}

fn plain(text: &str) -> bool {
    text.len() <= 4096 && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

fn invalid(claim: &'static str, reason: &str) -> Error {
    Fault::TokenClaimInvalid { claim, reason: quote(reason) }.into()
}

/// `{"uri": "git+SOURCE@REF", "digest": {"gitCommit": SHA}}`
fn dependency(source: &str, reference: &str, commit: &str) -> Result<Value> {
    if !crate::resource::is_commit(commit) {
        return Err(invalid("sha", "not a commit"));
    }
    if !reference.starts_with("refs/") {
        return Err(invalid("ref", "not a full ref"));
    }
    let digest = [("gitCommit".to_owned(), commit.to_owned())].into();
    let uri = Some(format!("git+{source}@{reference}"));
    Ok(ResourceDescriptor { uri, digest, ..ResourceDescriptor::default() }.to_value())
}

/// Whatever is written can be read: the statement goes through the parser before anybody signs it.
fn statement(subjects: Vec<ResourceDescriptor>, predicate: Value) -> Result<Statement> {
    let Value::Object(predicate) = predicate else {
        return Err(Fault::Internal { at: "produce".to_owned() }.into());
    };
    let predicate_type = Format::V1.uri().to_owned();
    let statement = Statement { version: Version::V1, subjects, predicate_type, predicate };
    Statement::from_value(&statement.to_value(), &Limits::default())
}
