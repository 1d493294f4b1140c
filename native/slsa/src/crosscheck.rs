//! What a provenance says against what its signer's certificate says. Whoever runs a build can write any provenance; the
//! certificate's claims come from the platform. A field on which they disagree is a refusal that names both values; a
//! field whose claim is missing stays unverified.

use crate::build_type::{Against, Facts};
use crate::claims::{Claims, Platform, server_of};
use crate::error::{Fault, quote};
use crate::repository::Repository;

/// The result of a cross-check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrossCheck {
    /// Fields that a claim confirms.
    pub confirmed: Vec<String>,
    /// Fields that no claim confirms although one could.
    pub unverified: Vec<String>,
    /// Disagreements: `claim_mismatch`, `claims_inconsistent`, `provenance_inconsistent`.
    pub mismatches: Vec<Fault>,
}

impl CrossCheck {
    /// Compares every field that a claim also states.
    pub(crate) fn run(facts: &Facts, platform: Option<Platform>, claims: &Claims) -> Self {
        let mut result = Self { mismatches: facts.contradictions.clone(), ..Self::default() };
        let platform = platform.or_else(|| {
            let issuer = claims.issuer()?;
            server_of(Platform::GitHub, issuer).map(|_| Platform::GitHub)
        });
        result.mismatches.extend(claims.inconsistencies(platform));
        result.compare_issuer(facts, platform, claims);
        for check in &facts.checks {
            result.compare(&check.field, check.against, &check.stated, claims);
        }
        result.unverified.extend(facts.unverifiable.iter().cloned());
        for (name, fact) in [("source", &facts.source), ("commit", &facts.commit)] {
            if fact.is_none() {
                result.unverified.push(name.to_owned());
            }
        }
        result
    }

    /// Without a verified signer nothing is confirmed; what contradicts itself still does.
    pub(crate) fn unsigned(facts: &Facts) -> Self {
        Self {
            confirmed: Vec::new(),
            unverified: facts
                .checks
                .iter()
                .map(|c| c.field.clone())
                .chain(facts.unverifiable.iter().cloned())
                .collect(),
            mismatches: facts.contradictions.clone(),
        }
    }

    /// A delegator signs for another builder by design, but only a delegator may.
    pub(crate) fn require_delegation(&mut self, vouched: bool, builder: &str, claims: &Claims) {
        match claims.signer() {
            Some(signer) if !vouched => self.mismatch("builder.id", Against::Signer.claim(), builder, signer),
            Some(_) => self.confirmed.push("builder.id".to_owned()),
            None => self.unverified.push("builder.id".to_owned()),
        }
    }

    fn compare(&mut self, field: &str, against: Against, stated: &str, claims: &Claims) {
        match against.certified(claims) {
            None => self.unverified.push(field.to_owned()),
            Some(certified) if against.agree(stated, &certified) => self.confirmed.push(field.to_owned()),
            Some(certified) => self.mismatch(field, against.claim(), stated, &certified),
        }
    }

    /// The issuer vouches for one server: that is where the source must be.
    fn compare_issuer(&mut self, facts: &Facts, platform: Option<Platform>, claims: &Claims) {
        let Some(platform) = platform else { return };
        let Some(issuer) = claims.issuer() else {
            self.unverified.push("issuer".to_owned());
            return;
        };
        let Some(server) = server_of(platform, issuer) else {
            self.mismatch("buildType", "issuer", &format!("a build on {platform:?}"), issuer);
            return;
        };
        let Some(source) = &facts.source else { return };
        match Repository::parse(source) {
            Ok(repository) if repository.server() == server => self.confirmed.push("issuer".to_owned()),
            Ok(_) => self.mismatch("source", "issuer", source, issuer),
            Err(fault) => self.mismatches.push(fault),
        }
    }

    fn mismatch(&mut self, field: &str, claim: &'static str, stated: &str, certified: &str) {
        self.mismatches.push(Fault::ClaimMismatch {
            field: field.to_owned(),
            claim,
            stated: quote(stated),
            certified: quote(certified),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let mut facts = Facts::default();
        facts.set_source_uri("source", "git+https://github.com/o/n@refs/heads/main");
        facts.set_commit("commit", &"a".repeat(40));
        facts
    }

    fn claims() -> Claims {
        Claims::from_named([
            ("issuer", "https://token.actions.githubusercontent.com"),
            ("source_repository_uri", "https://github.com/o/n"),
            ("source_repository_ref", "refs/heads/main"),
            ("source_repository_digest", &"A".repeat(40)),
        ])
    }

    #[test]
    fn agreement_confirms() {
        let check = CrossCheck::run(&facts(), Some(Platform::GitHub), &claims());
        assert_eq!((check.mismatches, check.unverified), (Vec::new(), Vec::new()));
        assert_eq!(check.confirmed.len(), 4);
    }

    #[test]
    fn a_disagreement_names_both_values() {
        let mut other = claims();
        other.set("source_repository_ref", "refs/heads/evil");
        let check = CrossCheck::run(&facts(), Some(Platform::GitHub), &other);
        let expected = "source is \"refs/heads/main\", but the signer's certificate says \"refs/heads/evil\" (source_repository_ref)";
        assert_eq!(check.mismatches.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn a_missing_claim_leaves_a_field_unverified() {
        let mut fewer = claims();
        fewer.source_repository_digest = None;
        let check = CrossCheck::run(&facts(), Some(Platform::GitHub), &fewer);
        assert_eq!(check.unverified, ["commit"]);
    }

    #[test]
    fn an_issuer_vouches_for_its_own_server_only() {
        let mut other = claims();
        other.set("issuer", "https://ghe.example/_services/token");
        assert_eq!(CrossCheck::run(&facts(), Some(Platform::GitHub), &other).mismatches.len(), 1);
        other.set("issuer", "https://github.com/login/oauth");
        assert_eq!(CrossCheck::run(&facts(), Some(Platform::GitHub), &other).mismatches.len(), 1);
        assert_eq!(CrossCheck::run(&facts(), Some(Platform::GitLab), &claims()).mismatches.len(), 1);
    }
}
