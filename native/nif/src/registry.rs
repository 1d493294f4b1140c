//! The functions of the library of registry events.

use provenance_hex::details::{AdvisoryState, Format, OwnerAction, PackageAction, PublisherAction, Reason, Status};
use provenance_hex::error::{CATALOGUE, Fault};
use provenance_hex::lists::OwnerLevel;
use provenance_hex::{Event, Expectations, Statement};
use provenance_log::statement::PAYLOAD_TYPE;
use rustler::{Env, Term};

use crate::decode::registry::{Given, Verified};
use crate::guard;
use crate::{decode, encode};

// What a function here can meet: options and bundles are the first's to judge, everything else the second's.
guard::failed!(provenance_hex::Error);

pub(crate) type Result<T> = std::result::Result<T, Failed>;

/// A bundle around something else than a statement.
pub(crate) fn no_statement() -> Failed {
    let reason = "the bundle holds no in-toto statement".to_owned();
    Failed::Own(Fault::StatementInvalid { field: "payloadType".to_owned(), reason }.into())
}

#[rustler::nif(schedule = "DirtyCpu")]
fn registry_statement<'a>(env: Env<'a>, event: Term<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let making = decode::registry::making(options)?;
        let event = decode::registry::event(event)?;
        let statement = Statement::from_event(event, &making.defaults, &making.prefix)?;
        Ok::<_, Failed>(encode::registry::unsigned(env, &statement))
    })
}

/// An event in JSON's spelling: bytes, or decoded.
#[rustler::nif(schedule = "DirtyCpu")]
fn registry_statement_from_json<'a>(env: Env<'a>, event: Term<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let making = decode::registry::making(options)?;
        let statement = match decode::registry::event_json(event)? {
            Given::Json(json) => Statement::from_json(&json, &making.defaults, &making.prefix)?,
            Given::Decoded(event) => Statement::from_event(event, &making.defaults, &making.prefix)?,
        };
        Ok::<_, Failed>(encode::registry::unsigned(env, &statement))
    })
}

/// A whole request: all of its events or none.
#[rustler::nif(schedule = "DirtyCpu")]
fn registry_statements_from_json<'a>(env: Env<'a>, request: Term<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let making = decode::registry::making(options)?;
        let request = decode::binary("request", request)?;
        let statements = Statement::all_from_json(&request, &making.defaults, &making.prefix)?;
        Ok::<_, Failed>(encode::list(env, &statements, encode::registry::unsigned))
    })
}

/// A statement whose signature somebody verified.
#[rustler::nif(schedule = "DirtyCpu")]
fn registry_read<'a>(env: Env<'a>, statement: Term<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let reading = decode::registry::reading(options)?;
        let statement = Statement::read(&decode::binary("statement", statement)?, &reading.prefix)?;
        reading.expected.check(statement.attestation())?;
        Ok::<_, Failed>(encode::registry::attestation(env, &statement))
    })
}

/// The statement of a verified bundle.
#[rustler::nif(schedule = "DirtyCpu")]
fn registry_attestation<'a>(env: Env<'a>, evidence: Term<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let reading = decode::registry::reading(options)?;
        let verified = decode::registry::verified(evidence)?;
        check_form(&verified)?;
        let statement = Statement::read(&verified.statement, &reading.prefix)?;
        let Some(digest) = verified.artifact else {
            return Err(Failed::from(provenance_hex::Error::from(Fault::SubjectAbsent {
                digest: "(not SHA-256)".to_owned(),
                subjects: u64::try_from(statement.facts().subjects.len()).unwrap_or(u64::MAX),
            })));
        };
        Expectations { digest: Some(digest), ..reading.expected }.check(statement.attestation())?;
        Ok(encode::registry::attestation(env, &statement))
    })
}

/// Registries make bundles of version 0.3, around statements.
fn check_form(verified: &Verified<'_>) -> Result<()> {
    const FORMS: [&str; 2] =
        ["application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle+json;version=0.3"];
    if !FORMS.contains(&verified.media_type.as_str()) {
        let media_type = provenance_hex::error::quote(&verified.media_type);
        return Err(Failed::Own(Fault::BundleUnsupported { media_type }.into()));
    }
    if verified.payload_type == PAYLOAD_TYPE { Ok(()) } else { Err(no_statement()) }
}

/// The signed statement in a bundle, in the form that the log names; nothing is verified.
#[rustler::nif(schedule = "DirtyCpu")]
fn registry_envelope<'a>(env: Env<'a>, bundle: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let envelope = decode::registry::envelope(bundle)?;
        Ok::<_, Failed>(encode::registry::envelope(env, &envelope))
    })
}

/// The bundle of a statement and its signature by a key.
#[rustler::nif(schedule = "DirtyCpu")]
fn registry_bundle<'a>(env: Env<'a>, statement: Term<'a>, signature: Term<'a>, hint: Term<'a>) -> Term<'a> {
    guard::dirty_or(env, || {
        let (envelope, hint) = decode::registry::signed(statement, signature, hint)?;
        let bundle = provenance_sigstore::keyed_bundle(&envelope.payload, &envelope.signature, &hint);
        Ok::<_, Failed>(encode::text(env, &bundle))
    })
}

#[rustler::nif]
fn registry_catalogue(env: Env<'_>) -> Term<'_> {
    guard::short_or(env, || Ok::<_, Failed>(encode::registry::catalogue(env)))
}

/// The names of the library's closed tables.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let errors = CATALOGUE.iter().flat_map(|entry| [entry.code, entry.stage.as_str()]);
    let details = CATALOGUE.iter().flat_map(|entry| entry.details.iter().copied());
    errors
        .chain(details)
        .chain(["user", "oidc", "system"])
        .chain(Event::ALL.iter().map(|word| word.as_str()))
        .chain(Reason::ALL.iter().map(|word| word.as_str()))
        .chain(AdvisoryState::ALL.iter().map(|word| word.as_str()))
        .chain(Format::ALL.iter().map(|word| word.as_str()))
        .chain(Status::ALL.iter().map(|word| word.as_str()))
        .chain(OwnerLevel::ALL.iter().map(|word| word.as_str()))
        .chain(OwnerAction::ALL.iter().map(|word| word.as_str()))
        .chain(PublisherAction::ALL.iter().map(|word| word.as_str()))
        .chain(PackageAction::ALL.iter().map(|word| word.as_str()))
}
