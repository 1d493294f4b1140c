//! Verifying a summary (<https://slsa.dev/spec/v1.2/verification_summary#how-to-verify>). Step 1, the signature, is the
//! caller's: what it found comes in as the signer's claims.

use super::{SlsaResult, Vsa};
use crate::claims::Claims;
use crate::error::{Error, Fault, Result, quote};
use crate::limits::Limits;
use crate::pattern::Matcher;
use crate::resource::DigestSet;
use crate::statement::Statement;

/// A verifier that is believed, and who may sign for it. Consumers accept specific pairs only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedVerifier {
    /// `verifier.id`, exactly.
    pub id: String,
    /// The signer's identity; or, for a bare key, `None` and `key`.
    pub signer: Option<Matcher>,
    /// Who vouches for that identity.
    pub issuer: Option<Matcher>,
    /// The key's name ([`Claims::key`]).
    pub key: Option<String>,
}

impl TrustedVerifier {
    /// Whether that signer is stated and is this one. A row that states neither identity nor key accepts nobody.
    fn signs(&self, claims: &Claims) -> bool {
        if let Some(key) = &self.key {
            return claims.key.as_ref() == Some(key);
        }
        let (Some(signer), Some(issuer)) = (&self.signer, &self.issuer) else { return false };
        claims.signer().is_some_and(|s| signer.matches(s)) && claims.issuer().is_some_and(|i| issuer.matches(i))
    }
}

/// What is expected of a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryExpectations {
    /// Who is believed; none: nobody.
    pub verifiers: Vec<TrustedVerifier>,
    /// What the artifact is to be used as.
    pub resource_uri: String,
    /// Results that must be among the verified ones: at least that level of a track, or exactly that name. Not empty.
    pub levels: Vec<SlsaResult>,
}

/// A summary that was evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// What it says.
    pub vsa: Vsa,
    /// The subject that is the artifact.
    pub subject: Option<usize>,
    /// Everything that is refused. Empty: accepted.
    pub refusals: Vec<Fault>,
}

impl Summary {
    /// Whether nothing is refused.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.refusals.is_empty()
    }

    /// The summary where nothing is refused; else the refusals as one error.
    ///
    /// # Errors
    /// The refusals.
    pub fn enforce(self) -> Result<Self> {
        match Error::from_faults(self.refusals.clone()) {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

/// Verifies a summary whose signature was verified.
///
/// # Errors
/// What could not be evaluated: `predicate_unsupported` (step 3), `predicate_invalid`, `input_too_large`, and
/// `option_invalid` for expectations without a level or a resource. What was refused is in [`Summary::refusals`]:
/// `subject_absent` (step 2), `verifier_refused` (step 4), `resource_refused` (step 5), `verification_failed` (step 6),
/// `verified_level_missing` (step 7).
pub fn verify(
    statement: &Statement,
    signer: &Claims,
    artifact: &DigestSet,
    expected: &SummaryExpectations,
    limits: &Limits,
) -> Result<Summary> {
    if expected.levels.is_empty() || expected.resource_uri.is_empty() {
        let expected = "a resource URI and at least one level to be stated";
        return Err(Fault::OptionInvalid { option: "summary expectations".to_owned(), expected }.into());
    }
    let vsa = Vsa::from_statement(statement, limits)?;
    let mut refusals = Vec::new();
    let subject = match statement.find(artifact) {
        Ok(index) => Some(index),
        Err(error) => {
            refusals.push(error.fault().clone());
            None
        }
    };
    refusals.extend(check_verifier(&vsa, signer, expected));
    if vsa.resource_uri != expected.resource_uri {
        let (expected, actual) = (quote(&expected.resource_uri), quote(&vsa.resource_uri));
        refusals.push(Fault::ResourceRefused { expected, actual });
    }
    if !vsa.passed {
        refusals.push(Fault::VerificationFailed { result: "FAILED".to_owned() });
    }
    refusals.extend(expected.levels.iter().filter(|wanted| !has(&vsa, wanted)).map(|wanted| missing(&vsa, wanted)));
    Ok(Summary { vsa, subject, refusals })
}

fn check_verifier(vsa: &Vsa, signer: &Claims, expected: &SummaryExpectations) -> Option<Fault> {
    let named: Vec<_> = expected.verifiers.iter().filter(|v| v.id == vsa.verifier_id).collect();
    if named.iter().any(|v| v.signs(signer)) {
        return None;
    }
    let who = signer.signer().or(signer.key.as_deref()).unwrap_or("nobody known");
    let actual =
        if named.is_empty() { vsa.verifier_id.clone() } else { format!("{}, signed by {who}", vsa.verifier_id) };
    let ids: Vec<_> = expected.verifiers.iter().map(|v| v.id.as_str()).collect();
    Some(Fault::VerifierRefused { expected: quote(&ids.join(", ")), actual: quote(&actual) })
}

/// Each level implies those below it in its track. Everything else is compared as it is.
fn has(vsa: &Vsa, wanted: &SlsaResult) -> bool {
    vsa.verified_levels.iter().any(|actual| match (wanted, actual) {
        (SlsaResult::Level { track, level }, SlsaResult::Level { track: other, level: reached }) => {
            track == other && reached >= level
        }
        _ => wanted == actual,
    })
}

fn missing(vsa: &Vsa, wanted: &SlsaResult) -> Fault {
    let levels: Vec<_> = vsa.verified_levels.iter().map(ToString::to_string).collect();
    Fault::VerifiedLevelMissing { expected: quote(&wanted.to_string()), actual: quote(&levels.join(", ")) }
}
