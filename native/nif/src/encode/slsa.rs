//! The SLSA library's terms.

use provenance_slsa::builder::{BuilderId, Refs, Signer};
use provenance_slsa::error::CATALOGUE;
use provenance_slsa::expectation::Source;
use provenance_slsa::level::Reason;
use provenance_slsa::limits::NAMES;
use provenance_slsa::provenance::Metadata;
use provenance_slsa::record::Change;
use provenance_slsa::vsa::Summary;
use provenance_slsa::{
    BuilderRow, Builders, Dialect, DigestSet, Expectations, Judgement, Limits, Matcher, Record, Requirement,
    ResourceDescriptor, Statement,
};
use rustler::{Encoder, Env, Term};

use super::{catalogue_entry, fault, json_object, limits, list, map, names, optional, term_map, text};
use crate::atoms;

pub(crate) fn judgement<'a>(env: Env<'a>, judged: &Judgement) -> Term<'a> {
    map(
        env,
        [
            (atoms::accepted(), judged.accepted().encode(env)),
            (atoms::level(), judged.level().number().encode(env)),
            (atoms::predicate_type(), text(env, &judged.predicate_type)),
            (atoms::build_type(), text(env, &judged.build_type)),
            (atoms::dialect(), optional(env, judged.dialect.as_ref(), |env, name| atoms::known(env, name))),
            (atoms::builder(), text(env, &judged.builder)),
            (atoms::builder_vouched(), judged.builder_vouched.encode(env)),
            (atoms::source(), opt_text(env, judged.source.as_ref())),
            (atoms::r#ref(), opt_text(env, judged.reference.as_ref())),
            (atoms::commit(), opt_text(env, judged.commit.as_ref())),
            (atoms::workflow(), opt_text(env, judged.workflow.as_ref())),
            (atoms::trigger(), opt_text(env, judged.trigger.as_ref())),
            (atoms::invocation(), opt_text(env, judged.invocation.as_ref())),
            (atoms::signer(), opt_text(env, judged.signer.as_ref())),
            (atoms::issuer(), opt_text(env, judged.issuer.as_ref())),
            (atoms::runner_environment(), opt_text(env, judged.runner_environment.as_ref())),
            (atoms::subjects(), list(env, &judged.subjects, resource)),
            (atoms::inputs(), json_object(env, &judged.inputs)),
            (atoms::external_parameters(), json_object(env, &judged.external_parameters)),
            (atoms::dependencies(), list(env, &judged.dependencies, resource)),
            (atoms::metadata(), metadata(env, &judged.metadata)),
            (atoms::builder_row(), opt_text(env, judged.assessment.builder_row.as_ref())),
            (atoms::reasons(), list(env, &judged.assessment.reasons, reason)),
            (atoms::confirmed(), texts(env, &judged.cross_check.confirmed)),
            (atoms::unverified(), texts(env, &judged.cross_check.unverified)),
            (atoms::unrecognised(), texts(env, &judged.unrecognised)),
            (atoms::refusals(), list(env, &judged.refusals, |env, refusal| fault(env, refusal, &[]))),
            (atoms::record(), record(env, &Record::describe(judged))),
        ],
    )
}

pub(crate) fn record<'a>(env: Env<'a>, record: &Record) -> Term<'a> {
    term_map(env, record.fields().iter().map(|(name, value)| (atoms::known(env, name), text(env, value))))
}

pub(crate) fn changes<'a>(env: Env<'a>, changes: &[Change]) -> Term<'a> {
    list(env, changes, |env, change| {
        map(
            env,
            [
                (atoms::field(), atoms::known(env, change.field)),
                (atoms::was(), opt_text(env, change.before.as_ref())),
                (atoms::is(), opt_text(env, change.after.as_ref())),
            ],
        )
    })
}

/// In the form in which expectations are taken, with what is not expected left out.
pub(crate) fn expectations<'a>(env: Env<'a>, expected: &Expectations) -> Term<'a> {
    let text_of = |value: &Option<String>| value.as_ref().map(|value| text(env, value));
    let one = |value: &Option<Matcher>| value.as_ref().map(|value| matcher(env, value));
    let many = |values: &[Matcher]| (!values.is_empty()).then(|| list(env, values, matcher));
    let source = expected.source.as_ref().map(|source| match source {
        Source::Exact(repository) => text(env, repository.as_str()),
        Source::Pattern(pattern) => matcher(env, pattern),
    });
    let triggers = (!expected.triggers.is_empty()).then(|| texts(env, &expected.triggers));
    let stated = [
        (atoms::source(), source),
        (atoms::source_id(), text_of(&expected.source_id)),
        (atoms::owner_id(), text_of(&expected.owner_id)),
        (atoms::refs(), many(&expected.refs)),
        (atoms::branch(), one(&expected.branch)),
        (atoms::workflow(), one(&expected.workflow)),
        (atoms::signer(), one(&expected.signer)),
        (atoms::issuer(), one(&expected.issuer)),
        (atoms::triggers(), triggers),
        (atoms::runner_environment(), one(&expected.runner_environment)),
        (atoms::build_types(), many(&expected.build_types)),
        (atoms::builder(), one(&expected.builder)),
        (atoms::min_level(), Some(expected.min_level.number().encode(env))),
    ];
    term_map(env, stated.into_iter().filter_map(|(name, value)| Some((name.encode(env), value?))))
}

pub(crate) fn summary<'a>(env: Env<'a>, summary: &Summary) -> Term<'a> {
    let vsa = &summary.vsa;
    let levels: Vec<_> = vsa.verified_levels.iter().map(ToString::to_string).collect();
    let counts = vsa.dependency_levels.as_ref().map(|counts| {
        term_map(env, counts.iter().map(|(level, count)| (text(env, &level.to_string()), count.encode(env))))
    });
    map(
        env,
        [
            (atoms::accepted(), summary.accepted().encode(env)),
            (atoms::verifier(), text(env, &vsa.verifier_id)),
            (atoms::time_verified(), opt_text(env, vsa.time_verified.as_ref())),
            (atoms::resource_uri(), text(env, &vsa.resource_uri)),
            (atoms::policy(), resource(env, &vsa.policy)),
            (atoms::input_attestations(), list(env, &vsa.input_attestations, resource)),
            (atoms::passed(), vsa.passed.encode(env)),
            (atoms::verified_levels(), texts(env, &levels)),
            (atoms::dependency_levels(), counts.unwrap_or_else(|| atoms::undefined().encode(env))),
            (atoms::slsa_version(), opt_text(env, vsa.slsa_version.as_ref())),
            (atoms::refusals(), list(env, &summary.refusals, |env, refusal| fault(env, refusal, &[]))),
        ],
    )
}

pub(crate) fn statement<'a>(env: Env<'a>, statement: &Statement) -> Term<'a> {
    map(
        env,
        [
            (atoms::r#type(), text(env, statement.version.uri())),
            (atoms::subjects(), list(env, &statement.subjects, resource)),
            (atoms::predicate_type(), text(env, &statement.predicate_type)),
            (atoms::predicate(), json_object(env, &statement.predicate)),
        ],
    )
}

pub(crate) fn builders<'a>(env: Env<'a>, builders: &Builders) -> Term<'a> {
    list(env, builders.rows(), row)
}

fn row<'a>(env: Env<'a>, row: &BuilderRow) -> Term<'a> {
    map(
        env,
        [
            (atoms::name(), text(env, &row.name)),
            (atoms::instances(), texts(env, &row.instances)),
            (atoms::issuer(), optional(env, row.issuer.as_ref(), matcher)),
            (atoms::signer(), signer(env, &row.signer)),
            (atoms::builder_id(), builder_id(env, &row.builder_id)),
            (atoms::build_types(), list(env, &row.build_types, matcher)),
            (atoms::runner_environment(), opt_text(env, row.runner_environment.as_ref())),
            (atoms::refs(), refs(env, &row.refs)),
            (atoms::own_repository(), opt_text(env, row.own_repository.as_ref())),
            (atoms::max_level(), row.max_level.number().encode(env)),
            (atoms::reason(), text(env, &row.reason)),
            (atoms::source(), text(env, &row.source)),
        ],
    )
}

fn signer<'a>(env: Env<'a>, signer: &Signer) -> Term<'a> {
    match signer {
        Signer::Workflow(workflow) => (atoms::workflow(), matcher(env, workflow)).encode(env),
        Signer::Identity(identity) => (atoms::identity(), matcher(env, identity)).encode(env),
        Signer::Key(key) => (atoms::key(), text(env, key)).encode(env),
    }
}

fn builder_id<'a>(env: Env<'a>, id: &BuilderId) -> Term<'a> {
    match id {
        BuilderId::Signer => atoms::signer().encode(env),
        BuilderId::Workflow(workflow) => (atoms::workflow(), matcher(env, workflow)).encode(env),
        BuilderId::Named(named) => (atoms::named(), matcher(env, named)).encode(env),
    }
}

fn refs<'a>(env: Env<'a>, refs: &Refs) -> Term<'a> {
    match refs {
        Refs::Any => atoms::any().encode(env),
        Refs::Releases { commits } => (atoms::releases(), texts(env, commits)).encode(env),
    }
}

fn matcher<'a>(env: Env<'a>, matcher: &Matcher) -> Term<'a> {
    let source = text(env, matcher.source());
    if matcher.is_exact() { source } else { (atoms::pattern(), source).encode(env) }
}

fn reason<'a>(env: Env<'a>, reason: &Reason) -> Term<'a> {
    map(
        env,
        [
            (atoms::requirement(), atoms::known(env, reason.requirement.as_str())),
            (atoms::level(), reason.requirement.level().number().encode(env)),
            (atoms::met(), reason.met.encode(env)),
            (atoms::because(), text(env, &reason.because)),
        ],
    )
}

fn metadata<'a>(env: Env<'a>, metadata: &Metadata) -> Term<'a> {
    map(
        env,
        [
            (atoms::invocation_id(), opt_text(env, metadata.invocation_id.as_ref())),
            (atoms::started_on(), opt_text(env, metadata.started_on.as_ref())),
            (atoms::finished_on(), opt_text(env, metadata.finished_on.as_ref())),
        ],
    )
}

pub(crate) fn resource<'a>(env: Env<'a>, resource: &ResourceDescriptor) -> Term<'a> {
    map(
        env,
        [
            (atoms::name(), opt_text(env, resource.name.as_ref())),
            (atoms::uri(), opt_text(env, resource.uri.as_ref())),
            (atoms::digests(), digests(env, &resource.digest)),
        ],
    )
}

fn digests<'a>(env: Env<'a>, digests: &DigestSet) -> Term<'a> {
    term_map(env, digests.iter().map(|(name, value)| (text(env, name), text(env, value))))
}

/// Every closed table of the library.
pub(crate) fn catalogue(env: Env<'_>) -> Term<'_> {
    map(
        env,
        [
            (atoms::errors(), list(env, CATALOGUE, catalogue_entry)),
            (atoms::limits(), limits(env, NAMES, Limits::default(), Limits::by_name)),
            (atoms::dialects(), names(env, &Dialect::ALL.map(Dialect::as_str))),
            (atoms::requirements(), names(env, &Requirement::ALL.map(Requirement::as_str))),
        ],
    )
}

fn opt_text<'a>(env: Env<'a>, value: Option<&String>) -> Term<'a> {
    optional(env, value, |env, value| text(env, value))
}

fn texts<'a>(env: Env<'a>, texts: &[String]) -> Term<'a> {
    list(env, texts, |env, one| text(env, one))
}
