//! The terms of the library of registry events.

use provenance_hex::actor::OidcActor;
use provenance_hex::details::{
    Advisory, AdvisoryState, Document, Format, Link, OwnerAction, OwnersChange, PackageAction, PublisherAction,
    PublishersChange, Reason, Status,
};
use provenance_hex::error::CATALOGUE;
use provenance_hex::lists::{OwnerLevel, Owners, Publisher};
use provenance_hex::{Actor, Attestation, Details, Event, Release, Statement};
use provenance_log::statement::Envelope;
use provenance_log::tree::Hash;
use rustler::{Encoder, Env, Term};

use super::{bytes, catalogue_entry, list, map, names, optional, term_map, text};
use crate::atoms;

/// An unsigned statement, with what the log repeats of it.
pub(crate) fn unsigned<'a>(env: Env<'a>, statement: &Statement) -> Term<'a> {
    let facts = statement.facts();
    map(
        env,
        [
            (atoms::statement(), bytes(env, statement.bytes())),
            (atoms::id(), text(env, &facts.id)),
            (atoms::event(), atoms::known(env, facts.event.as_str())),
            (atoms::package(), text(env, facts.package.as_str())),
            (atoms::version(), opt_text(env, facts.version.as_ref())),
            (atoms::subjects(), hashes(env, facts.subjects.iter())),
            (atoms::linked(), hashes(env, facts.linked.iter())),
            (atoms::time(), facts.time.encode(env)),
        ],
    )
}

pub(crate) fn attestation<'a>(env: Env<'a>, statement: &Statement) -> Term<'a> {
    let (read, facts) = (statement.attestation(), statement.facts());
    map(
        env,
        [
            (atoms::event(), atoms::known(env, facts.event.as_str())),
            (atoms::event_id(), text(env, &read.id)),
            (atoms::occurred_at(), text(env, &read.occurred_at)),
            (atoms::time(), facts.time.encode(env)),
            (atoms::registry(), text(env, &read.registry)),
            (atoms::repository(), text(env, read.package.repository().as_str())),
            (atoms::package(), text(env, read.package.as_str())),
            (atoms::name(), text(env, read.package.name())),
            (atoms::version(), opt_text(env, facts.version.as_ref())),
            (atoms::actor(), actor(env, &read.actor)),
            (atoms::releases(), releases(env, read)),
            (atoms::subjects(), hashes(env, facts.subjects.iter())),
            (atoms::linked(), hashes(env, facts.linked.iter())),
            (atoms::details(), details(env, &read.details)),
            (atoms::statement(), bytes(env, statement.bytes())),
        ],
    )
}

fn releases<'a>(env: Env<'a>, attestation: &Attestation) -> Term<'a> {
    let release = |release: &Release| {
        map(env, [(atoms::version(), text(env, &release.version)), (atoms::digest(), bytes(env, &release.digest))])
    };
    attestation.releases.iter().map(release).collect::<Vec<_>>().encode(env)
}

fn actor<'a>(env: Env<'a>, actor: &Actor) -> Term<'a> {
    let nothing = OidcActor::default();
    let (id, job) = match actor {
        Actor::User { id } => (Some(id), &nothing),
        Actor::System { id } => (id.as_ref(), &nothing),
        Actor::Oidc(job) => (None, job),
    };
    let issuer = Some(&job.issuer).filter(|issuer| !issuer.is_empty());
    map(
        env,
        [
            (atoms::kind(), atoms::known(env, actor.kind())),
            (atoms::id(), opt_text(env, id)),
            (atoms::issuer(), opt_text(env, issuer)),
            (atoms::repository(), opt_text(env, job.repository.as_ref())),
            (atoms::workflow(), opt_text(env, job.workflow.as_ref())),
            (atoms::r#ref(), opt_text(env, job.reference.as_ref())),
            (atoms::environment(), opt_text(env, job.environment.as_ref())),
        ],
    )
}

fn details<'a>(env: Env<'a>, details: &Details) -> Term<'a> {
    let reason = |reason: Reason| atoms::known(env, reason.as_str());
    match details {
        Details::Publish { provenance, replaces } => {
            let replaces = optional(env, replaces.as_ref(), |env, hash| bytes(env, hash));
            map(env, [(atoms::provenance(), list(env, provenance, link)), (atoms::replaces(), replaces)])
        }
        Details::Provenance { provenance } => map(env, [(atoms::provenance(), list(env, provenance, link))]),
        Details::Unpublish { reason } => map(env, [(atoms::reason(), opt_text(env, reason.as_ref()))]),
        Details::Retire { reason: why, message } => {
            map(env, [(atoms::reason(), reason(*why)), (atoms::message(), opt_text(env, message.as_ref()))])
        }
        Details::Unretire { reason: why, message } => {
            let why = optional(env, why.as_ref(), |_, why| reason(*why));
            map(env, [(atoms::reason(), why), (atoms::message(), opt_text(env, message.as_ref()))])
        }
        Details::Vulnerability { advisory: about, state } => {
            map(env, [(atoms::advisory(), advisory(env, about)), (atoms::state(), atoms::known(env, state.as_str()))])
        }
        Details::Vex { document: about, statements } => {
            let statements = statements.iter().map(|(id, status)| (text(env, id), atoms::known(env, status.as_str())));
            map(env, [(atoms::document(), document(env, about)), (atoms::statements(), term_map(env, statements))])
        }
        Details::Owners(change) => owners_change(env, change),
        Details::Publishers(change) => publishers_change(env, change),
        Details::Package(change) => {
            let action = atoms::known(env, change.action.as_str());
            map(env, [(atoms::action(), action), (atoms::owner(), opt_text(env, change.owner.as_ref()))])
        }
    }
}

fn link<'a>(env: Env<'a>, link: &Link) -> Term<'a> {
    map(
        env,
        [
            (atoms::predicate_type(), text(env, &link.predicate_type)),
            (atoms::bundle(), bytes(env, &link.bundle)),
            (atoms::builder(), opt_text(env, link.builder.as_ref())),
            (atoms::source(), opt_text(env, link.source.as_ref())),
            (atoms::level(), optional(env, link.level.as_ref(), |env, level| level.encode(env))),
        ],
    )
}

fn advisory<'a>(env: Env<'a>, advisory: &Advisory) -> Term<'a> {
    let aliases: Vec<_> = advisory.aliases.iter().map(|alias| text(env, alias)).collect();
    map(
        env,
        [
            (atoms::id(), text(env, &advisory.id)),
            (atoms::aliases(), aliases.encode(env)),
            (atoms::source(), text(env, &advisory.source)),
            (atoms::modified(), text(env, &advisory.modified)),
            (atoms::digest(), bytes(env, &advisory.digest)),
        ],
    )
}

fn document<'a>(env: Env<'a>, document: &Document) -> Term<'a> {
    map(
        env,
        [
            (atoms::format(), atoms::known(env, document.format.as_str())),
            (atoms::id(), text(env, &document.id)),
            (atoms::version(), text(env, &document.version)),
            (atoms::digest(), bytes(env, &document.digest)),
            (atoms::url(), text(env, &document.url)),
        ],
    )
}

fn owners_change<'a>(env: Env<'a>, change: &OwnersChange) -> Term<'a> {
    let Owners(owners) = &change.owners;
    let owner = |(owner, level): (&String, &OwnerLevel)| {
        map(env, [(atoms::owner(), text(env, owner)), (atoms::level(), atoms::known(env, level.as_str()))])
    };
    map(
        env,
        [
            (atoms::action(), atoms::known(env, change.action.as_str())),
            (atoms::owner(), text(env, &change.owner)),
            (atoms::level(), optional(env, change.level.as_ref(), |env, level| atoms::known(env, level.as_str()))),
            (atoms::owners(), owners.iter().map(owner).collect::<Vec<_>>().encode(env)),
        ],
    )
}

fn publishers_change<'a>(env: Env<'a>, change: &PublishersChange) -> Term<'a> {
    let publishers: Vec<_> = change.publishers.0.iter().map(|one| publisher(env, one)).collect();
    map(
        env,
        [
            (atoms::action(), atoms::known(env, change.action.as_str())),
            (atoms::publisher(), publisher(env, &change.publisher)),
            (atoms::publishers(), publishers.encode(env)),
        ],
    )
}

fn publisher<'a>(env: Env<'a>, publisher: &Publisher) -> Term<'a> {
    let claims = publisher.claims.iter().map(|(name, value)| (text(env, name), text(env, value)));
    map(env, [(atoms::issuer(), text(env, &publisher.issuer)), (atoms::claims(), term_map(env, claims))])
}

/// An envelope in its one form, and what it is made of.
pub(crate) fn envelope<'a>(env: Env<'a>, envelope: &Envelope) -> Term<'a> {
    map(
        env,
        [
            (atoms::envelope(), bytes(env, &envelope.write())),
            (atoms::statement(), bytes(env, &envelope.payload)),
            (atoms::signature(), bytes(env, &envelope.signature)),
            (atoms::digest(), bytes(env, &envelope.digest())),
        ],
    )
}

/// Every closed table of the library.
pub(crate) fn catalogue(env: Env<'_>) -> Term<'_> {
    let words = |words: Vec<&'static str>| names(env, &words);
    map(
        env,
        [
            (atoms::errors(), list(env, CATALOGUE, catalogue_entry)),
            (atoms::event(), words(Event::ALL.iter().map(|word| word.as_str()).collect())),
            (atoms::reason(), words(Reason::ALL.iter().map(|word| word.as_str()).collect())),
            (atoms::state(), words(AdvisoryState::ALL.iter().map(|word| word.as_str()).collect())),
            (atoms::format(), words(Format::ALL.iter().map(|word| word.as_str()).collect())),
            (atoms::status(), words(Status::ALL.iter().map(|word| word.as_str()).collect())),
            (atoms::level(), words(OwnerLevel::ALL.iter().map(|word| word.as_str()).collect())),
            (atoms::owners(), words(OwnerAction::ALL.iter().map(|word| word.as_str()).collect())),
            (atoms::publishers(), words(PublisherAction::ALL.iter().map(|word| word.as_str()).collect())),
            (atoms::package(), words(PackageAction::ALL.iter().map(|word| word.as_str()).collect())),
        ],
    )
}

fn hashes<'a, 'h>(env: Env<'a>, hashes: impl Iterator<Item = &'h Hash>) -> Term<'a> {
    hashes.map(|hash| bytes(env, hash)).collect::<Vec<_>>().encode(env)
}

fn opt_text<'a>(env: Env<'a>, value: Option<&String>) -> Term<'a> {
    optional(env, value, |env, value| text(env, value))
}
