//! The SLSA library's terms.

use provenance_slsa::builder::{BuilderId, Refs, Signer};
use provenance_slsa::level::Reason;
use provenance_slsa::limits::NAMES;
use provenance_slsa::provenance::Metadata;
use provenance_slsa::{BuilderRow, Builders, DigestSet, Judgement, Limits, Matcher, ResourceDescriptor, Statement};
use rustler::{Encoder, Env, Term};

use super::{fault, json_object, list, map, optional, term_map, text};
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

/// The default of every limit, by name.
pub(super) fn limits(env: Env<'_>) -> Term<'_> {
    let mut defaults = Limits::default();
    let limits = NAMES.iter().map(|name| {
        let value = defaults.by_name(name).map_or(0, |limit| *limit);
        (atoms::known(env, name), value.encode(env))
    });
    term_map(env, limits)
}

fn opt_text<'a>(env: Env<'a>, value: Option<&String>) -> Term<'a> {
    optional(env, value, |env, value| text(env, value))
}

fn texts<'a>(env: Env<'a>, texts: &[String]) -> Term<'a> {
    list(env, texts, |env, one| text(env, one))
}
