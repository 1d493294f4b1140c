//! Whom the caller expects to have signed.

use provenance_base::pattern::BadMatcher;
pub use provenance_base::pattern::{MAX_MATCHER, Matcher};

use crate::certificate::Certificate;
use crate::error::{Fault, quote};

impl From<BadMatcher> for Fault {
    fn from(bad: BadMatcher) -> Self {
        Self::OptionInvalid { option: "identity".to_owned(), expected: bad.expected }
    }
}

/// One acceptable signer: everything stated must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// A subject alternative name (any of the certificate's).
    pub san: Option<Matcher>,
    /// The OIDC issuer.
    pub issuer: Option<Matcher>,
    /// Claims by their names in [`crate::claims::CLAIMS`].
    pub claims: Vec<(&'static str, Matcher)>,
}

impl Identity {
    /// Whether nothing is stated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.san.is_none() && self.issuer.is_none() && self.claims.is_empty()
    }

    /// What of the certificate differs from what is stated.
    pub(crate) fn check(&self, certificate: &Certificate) -> Result<(), Fault> {
        if let Some(san) = &self.san
            && !certificate.sans.iter().any(|(_, value)| san.matches(value))
        {
            let sans: Vec<_> = certificate.sans.iter().map(|(_, v)| v.as_str()).collect();
            return Err(refused("identity", san, &sans.join(", ")));
        }
        if let Some(issuer) = &self.issuer {
            check_claim("issuer", issuer, certificate.issuer())?;
        }
        self.claims.iter().try_for_each(|(name, matcher)| check_claim(name, matcher, certificate.claim(name)))
    }
}

fn check_claim(field: &str, matcher: &Matcher, actual: Option<&str>) -> Result<(), Fault> {
    match actual {
        Some(actual) if matcher.matches(actual) => Ok(()),
        actual => Err(refused(field, matcher, actual.unwrap_or("absent"))),
    }
}

fn refused(field: &str, expected: &Matcher, actual: &str) -> Fault {
    Fault::IdentityRefused { field: field.to_owned(), expected: quote(expected.source()), actual: quote(actual) }
}
