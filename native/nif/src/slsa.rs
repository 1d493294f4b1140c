//! The SLSA library's functions.

use provenance_slsa::error::CATALOGUE;
use provenance_slsa::record::FIELDS;
use provenance_slsa::{Dialect, Limits, Requirement, Statement, Vsa, judge_bytes, vsa};
use rustler::{Encoder, Env, ResourceArc, Term};

use crate::guard;
use crate::light;
use crate::resource::SlsaRules;
use crate::{decode, encode};

/// Of a time slice, the share of judging what is short.
const TWENTIETH: i32 = 5;

// What a function here can meet: options are the first's to judge, everything else the second's.
guard::failed!(provenance_slsa::Error);

pub(crate) type Result<T> = std::result::Result<T, Failed>;

#[rustler::nif(schedule = "DirtyCpu")]
fn slsa_judge<'a>(env: Env<'a>, evidence: Term<'a>, rules: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let rules = decode::slsa::rules_option(rules)?;
        let verified = decode::slsa::evidence(evidence)?;
        let judgement = judge_bytes(&verified.statement, Some(&verified.claims), Some(&verified.artifact), &rules)?;
        Ok::<_, Failed>(encode::slsa::judgement(env, &judgement))
    })
}

/// As `slsa_judge`, on an ordinary scheduler; `elsewhere` when the work is not short.
#[rustler::nif]
fn slsa_judge_here<'a>(env: Env<'a>, evidence: Term<'a>, rules: Term<'a>) -> Term<'a> {
    light::or_elsewhere(env, TWENTIETH, || {
        let Some(rules) = decode::slsa::short_rules(rules) else { return Ok(None) };
        let Some(verified) = decode::slsa::short_evidence(evidence)? else { return Ok(None) };
        let judgement = judge_bytes(&verified.statement, Some(&verified.claims), Some(&verified.artifact), &rules)?;
        Ok::<_, Failed>(Some(encode::slsa::judgement(env, &judgement)))
    })
}

/// What a statement says of itself, with nothing verified.
#[rustler::nif(schedule = "DirtyCpu")]
fn slsa_judge_unverified<'a>(env: Env<'a>, statement: Term<'a>, rules: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let rules = decode::slsa::rules_option(rules)?;
        let judgement = judge_bytes(&decode::binary("statement", statement)?, None, None, &rules)?;
        Ok::<_, Failed>(encode::slsa::judgement(env, &judgement))
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn slsa_rules<'a>(env: Env<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        Ok::<_, Failed>(ResourceArc::new(SlsaRules::from(decode::slsa::rules(options)?)).encode(env))
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn slsa_statement<'a>(env: Env<'a>, json: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let statement = Statement::parse(&decode::binary("statement", json)?, &Limits::default())?;
        Ok::<_, Failed>(encode::slsa::statement(env, &statement))
    })
}

/// What differs between two records of builds.
#[rustler::nif]
fn slsa_changes<'a>(env: Env<'a>, before: Term<'a>, after: Term<'a>) -> Term<'a> {
    guard::short_or(env, || {
        let changes = decode::slsa::record(before)?.changes_to(&decode::slsa::record(after)?);
        Ok::<_, Failed>(encode::slsa::changes(env, &changes))
    })
}

#[rustler::nif]
fn slsa_expectations<'a>(env: Env<'a>, record: Term<'a>) -> Term<'a> {
    guard::short_or(env, || {
        let expected = decode::slsa::record(record)?.expectations()?;
        Ok::<_, Failed>(encode::slsa::expectations(env, &expected))
    })
}

/// An unsigned verification summary of what is judged.
#[rustler::nif(schedule = "DirtyCpu")]
fn slsa_summarise<'a>(env: Env<'a>, evidence: Term<'a>, rules: Term<'a>, about: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let rules = decode::slsa::rules_option(rules)?;
        let verified = decode::slsa::evidence(evidence)?;
        let about = decode::slsa::about(about)?;
        let judged = judge_bytes(&verified.statement, Some(&verified.claims), Some(&verified.artifact), &rules)?;
        let subjects = verified.subjects();
        let statement = Vsa::of(&judged, about)?.to_statement(subjects, &rules.limits)?;
        Ok::<_, Failed>(encode::bytes(env, &statement.write()))
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn slsa_verify_summary<'a>(env: Env<'a>, evidence: Term<'a>, expected: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let expected = decode::slsa::summary_expectations(expected)?;
        let verified = decode::slsa::evidence(evidence)?;
        let limits = Limits::default();
        let statement = Statement::parse(&verified.statement, &limits)?;
        let summary = vsa::verify(&statement, &verified.claims, &verified.artifact, &expected, &limits)?;
        Ok::<_, Failed>(encode::slsa::summary(env, &summary))
    })
}

/// The provenance that an identity token's claims tell.
#[rustler::nif(schedule = "DirtyCpu")]
fn slsa_provenance<'a>(env: Env<'a>, platform: Term<'a>, claims: Term<'a>, production: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let write = decode::slsa::producer(platform)?;
        let statement = write(&decode::slsa::token_claims(claims)?, &decode::slsa::production(production)?)?;
        Ok::<_, Failed>(encode::bytes(env, &statement.write()))
    })
}

#[rustler::nif]
fn slsa_catalogue(env: Env<'_>) -> Term<'_> {
    guard::short_or(env, || Ok::<_, Failed>(encode::slsa::catalogue(env)))
}

/// The names of the library's closed tables.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let errors = CATALOGUE.iter().flat_map(|entry| [entry.code, entry.stage.as_str()]);
    let dialects = Dialect::ALL.iter().map(|dialect| dialect.as_str());
    let requirements = Requirement::ALL.iter().map(|requirement| requirement.as_str());
    errors.chain(dialects).chain(requirements).chain(FIELDS.iter().copied())
}

#[rustler::nif]
fn slsa_builders(env: Env<'_>) -> Term<'_> {
    guard::short_or(env, || Ok::<_, Failed>(encode::slsa::builders(env, &decode::slsa::well_known().builders)))
}
