//! The one function: a statement and its signer in, a judgement out.

use serde_json::Value;

use crate::build_type::{BuildTypes, Dialect, Facts};
use crate::builder::Builders;
use crate::claims::Claims;
use crate::crosscheck::CrossCheck;
use crate::error::{Error, Fault, Result};
use crate::expectation::{self, Expectations};
use crate::fields::Object;
use crate::level::{self, Assessment, Basis, Level};
use crate::limits::Limits;
use crate::provenance::{Metadata, Provenance};
use crate::resource::{DigestSet, ResourceDescriptor};
use crate::statement::Statement;

/// What to judge by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// Which builders are trusted, and how far.
    pub builders: Builders,
    /// Which build types are understood.
    pub build_types: BuildTypes,
    /// What is expected.
    pub expectations: Expectations,
    /// How much is read.
    pub limits: Limits,
}

impl Rules {
    /// The well-known builders and build types, and nothing expected.
    #[must_use]
    pub fn well_known() -> Self {
        Self { builders: Builders::well_known(), build_types: BuildTypes::well_known(), ..Self::default() }
    }
}

/// What a provenance says, how far that can be believed, and what is refused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    /// The predicate type.
    pub predicate_type: String,
    /// The build type.
    pub build_type: String,
    /// The dialect it is read in; `None` where the build type is not known.
    pub dialect: Option<&'static str>,
    /// `builder.id`.
    pub builder: String,
    /// Whether the signer may speak for that builder: it is the builder itself, or a row of the table pairs them.
    pub builder_vouched: bool,
    /// The repository: as the certificate says, else as the provenance says.
    pub source: Option<String>,
    /// The ref, likewise.
    pub reference: Option<String>,
    /// The commit, likewise.
    pub commit: Option<String>,
    /// The path of the top-level workflow, likewise.
    pub workflow: Option<String>,
    /// The event that started the build, likewise.
    pub trigger: Option<String>,
    /// The run, likewise.
    pub invocation: Option<String>,
    /// Who signed.
    pub signer: Option<String>,
    /// Who vouches for the signer.
    pub issuer: Option<String>,
    /// Where the job that signed ran.
    pub runner_environment: Option<String>,
    /// What the provenance is about.
    pub subjects: Vec<ResourceDescriptor>,
    /// What outsiders put in, by name.
    pub inputs: Object,
    /// The external parameters, all of them.
    pub external_parameters: Object,
    /// What went in.
    pub dependencies: Vec<ResourceDescriptor>,
    /// What the builder says of the run; not verified.
    pub metadata: Metadata,
    /// The level, and why.
    pub assessment: Assessment,
    /// The cross-check with the certificate.
    pub cross_check: CrossCheck,
    /// What is known of the signer.
    pub claims: Option<Claims>,
    /// External parameters that the build type does not define.
    pub unrecognised: Vec<String>,
    /// Everything that is refused, the most useful first. Empty: accepted.
    pub refusals: Vec<Fault>,
}

impl Judgement {
    /// Whether nothing is refused.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.refusals.is_empty()
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.assessment.level
    }

    /// The judgement where nothing is refused; else the refusals as one error, so that a caller fails closed.
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

/// Judges the bytes that were signed. `signer` is what verifying the signature found; `None` says that nothing was
/// verified, which is never more than level 1. `artifact` holds the digests of the artifact in question, where the
/// signature's verification did not already find it among the subjects.
///
/// (SLSA v1.2, Verifying artifacts: step 1.2 to 1.4 and step 2. Step 1.1, the signature, is the caller's.)
///
/// # Errors
/// What could not be evaluated: `input_too_large`, `malformed`, `statement_invalid`, `predicate_unsupported`,
/// `predicate_invalid`. What was evaluated and refused is in [`Judgement::refusals`].
pub fn judge_bytes(
    payload: &[u8],
    signer: Option<&Claims>,
    artifact: Option<&DigestSet>,
    rules: &Rules,
) -> Result<Judgement> {
    judge_owned(Statement::parse_to_judge(payload, &rules.limits)?, signer, artifact, rules)
}

/// Judges a document that was parsed elsewhere, by a parser that refuses keys that stand twice; else as [`judge_bytes`].
///
/// # Errors
/// As [`judge_bytes`].
pub fn judge_value(
    payload: &Value,
    signer: Option<&Claims>,
    artifact: Option<&DigestSet>,
    rules: &Rules,
) -> Result<Judgement> {
    judge_owned(Statement::from_value(payload, &rules.limits)?, signer, artifact, rules)
}

/// Judges a statement; else as [`judge_bytes`].
///
/// # Errors
/// As [`judge_bytes`].
pub fn judge(
    statement: &Statement,
    signer: Option<&Claims>,
    artifact: Option<&DigestSet>,
    rules: &Rules,
) -> Result<Judgement> {
    judge_owned(statement.clone(), signer, artifact, rules)
}

fn judge_owned(
    mut statement: Statement,
    signer: Option<&Claims>,
    artifact: Option<&DigestSet>,
    rules: &Rules,
) -> Result<Judgement> {
    let predicate = std::mem::take(&mut statement.predicate);
    let provenance = Provenance::from_predicate(&statement.predicate_type, predicate, &rules.limits)?;
    let (build_type, mut facts) = rules.build_types.read(&provenance, &rules.limits)?;
    let dialect = build_type.map(|row| row.dialect);
    let look_up = |claims| rules.builders.look_up(claims, &provenance.builder.id, &provenance.build_type);
    let (vouched, builder) = signer.map(look_up).map_or((false, None), |found| (found.paired, found.found));
    let mut cross_check = compare(&facts, &provenance, dialect, signer, vouched);
    if let Some(absent) = artifact.and_then(|digests| statement.find(digests).err()) {
        cross_check.mismatches.insert(0, absent.fault().clone());
    }
    let assessment = level::assess(&Basis {
        facts: &facts,
        check: &cross_check,
        builder: builder.as_ref(),
        signed: signer.is_some(),
        by_key: signer.is_some_and(|claims| claims.key.is_some() && claims.issuer().is_none()),
    });
    let (inputs, unrecognised) = (std::mem::take(&mut facts.inputs), std::mem::take(&mut facts.unrecognised));
    let mut judgement = Judgement {
        predicate_type: statement.predicate_type,
        dialect: dialect.map(Dialect::as_str),
        subjects: statement.subjects,
        inputs,
        unrecognised,
        builder_vouched: vouched,
        refusals: cross_check.mismatches.clone(),
        cross_check,
        assessment,
        ..describe(provenance, &facts, signer)
    };
    let refused = expectation::check(&rules.expectations, &judgement, signer);
    judgement.refusals.extend(refused);
    Ok(judgement)
}

fn compare(
    facts: &Facts,
    provenance: &Provenance,
    dialect: Option<Dialect>,
    signer: Option<&Claims>,
    vouched: bool,
) -> CrossCheck {
    let Some(claims) = signer else { return CrossCheck::unsigned(facts) };
    let mut check = CrossCheck::run(facts, dialect.map(Dialect::platform), claims);
    if dialect == Some(Dialect::Delegator) {
        check.require_delegation(vouched, &provenance.builder.id, claims);
    }
    check
}

/// What the certificate says where it says something, else what the provenance says.
fn describe(provenance: Provenance, facts: &Facts, signer: Option<&Claims>) -> Judgement {
    let certified = |claim: fn(&Claims) -> Option<String>, stated: &Option<String>| {
        signer.and_then(claim).or_else(|| stated.clone())
    };
    Judgement {
        source: certified(|c| c.repository().map(|r| r.into_owned()), &facts.source),
        reference: certified(|c| c.reference().map(str::to_owned), &facts.reference),
        commit: certified(|c| c.commit().map(str::to_owned), &facts.commit),
        workflow: certified(|c| c.workflow().map(str::to_owned), &facts.workflow),
        trigger: certified(|c| c.trigger().map(str::to_owned), &facts.trigger),
        invocation: certified(|c| c.run_invocation_uri.clone(), &facts.invocation),
        signer: signer.and_then(Claims::signer).map(str::to_owned),
        issuer: signer.and_then(Claims::issuer).map(str::to_owned),
        runner_environment: signer.and_then(|c| c.runner_environment.clone()),
        build_type: provenance.build_type,
        builder: provenance.builder.id,
        external_parameters: provenance.external_parameters,
        dependencies: provenance.resolved_dependencies,
        metadata: provenance.metadata,
        claims: signer.cloned(),
        ..Judgement::default()
    }
}
