//! Events read, whoever wrote them: a registry that gives them, or somebody who signed them.

use std::collections::{BTreeMap, BTreeSet};

use provenance_base::fields::{Bad, Fields, Json};
use provenance_log::encoding::{hex_decode, time_parse};
use provenance_log::leaf::Event;
use provenance_log::purl::{self, Package, Repository};
use provenance_log::tree::Hash;

use crate::actor::{Actor, OidcActor};
use crate::attestation::{Attestation, Defaults, Release};
use crate::details::{
    Advisory, AdvisoryState, Details, Document, Format, Link, OwnerAction, OwnersChange, PackageAction, PackageChange,
    PublisherAction, PublishersChange, Reason, Status,
};
use crate::limits;
use crate::lists::{OwnerLevel, Owners, Publisher, Publishers};
use crate::text::{self, Reason as Why};

type Result<T> = std::result::Result<T, Bad>;
type Rule = fn(&str) -> std::result::Result<(), Why>;

/// The form in which a registry gives an event: the predicate's fields, its name, and the releases it is about.
pub(crate) fn given(event: Json, at: &str, defaults: &Defaults) -> Result<Attestation> {
    let mut fields = event.object(at)?;
    let kind = word(&mut fields, "event", Event::parse)?;
    let releases = if kind.is_of_package() {
        BTreeSet::new()
    } else if kind.is_of_release() {
        [release(&mut fields)?].into()
    } else {
        unique(fields.list("releases", limits::RELEASES)?, |at, item| {
            let mut item = item.object(at)?;
            let read = release(&mut item)?;
            item.done()?;
            Ok(read)
        })?
    };
    let registry = fields.optional_text("registry")?.unwrap_or_else(|| defaults.registry.clone());
    let repository = fields.optional_text("repository")?;
    let repository = repository.as_deref().map_or_else(|| defaults.repository.clone(), Repository::parse);
    finish(fields, kind, registry, &repository, releases)
}

/// An in-toto statement whose predicate type is `prefix/EVENT/v1`.
pub(crate) fn statement(document: Json, prefix: &str) -> Result<Attestation> {
    let mut fields = document.object("")?;
    if fields.text("_type")? != crate::write::STATEMENT_TYPE {
        return Err(Bad::new("_type", "it is not an in-toto Statement v1"));
    }
    let kind = fields.text("predicateType")?;
    let kind = kind.strip_prefix(prefix).and_then(|t| t.strip_prefix('/')).and_then(|t| t.strip_suffix("/v1"));
    let kind = kind
        .and_then(Event::parse)
        .ok_or_else(|| Bad::new("predicateType", "it is not one of this registry's events"))?;
    let subjects = subjects(&mut fields)?;
    let mut predicate = fields.object("predicate")?;
    fields.done()?;
    let version = predicate.optional_text("version")?;
    let releases: BTreeSet<_> =
        subjects.iter().filter_map(|s| Some(Release { version: s.version.clone()?, digest: s.digest })).collect();
    check_releases(kind, &subjects, &releases, version.as_deref())?;
    let (registry, repository) = (predicate.text("registry")?, Repository::parse(&predicate.text("repository")?));
    let attestation = finish(predicate, kind, registry, &repository, releases)?;
    if subjects.iter().any(|subject| subject.package != attestation.package) {
        return Err(Bad::new("subject", "it is of another package than the predicate"));
    }
    if subjects.iter().map(|subject| subject.digest).collect::<BTreeSet<_>>() != attestation.subjects() {
        return Err(Bad::new("subject", "it is not the digest of what the predicate says"));
    }
    Ok(attestation)
}

struct Subject {
    package: Package,
    version: Option<String>,
    digest: Hash,
}

fn subjects(fields: &mut Fields) -> Result<Vec<Subject>> {
    let items = fields.list("subject", limits::RELEASES)?;
    items
        .into_iter()
        .map(|(at, item)| {
            let mut item = item.object(&at)?;
            let (package, version) = purl::split(&item.text("name")?).map_err(|e| Bad::new(&at, &e.to_string()))?;
            let digest = sha256(&mut item, "digest")?;
            item.done()?;
            Ok(Subject { package, version, digest })
        })
        .collect()
}

fn check_releases(
    kind: Event,
    subjects: &[Subject],
    releases: &BTreeSet<Release>,
    version: Option<&str>,
) -> Result<()> {
    let whole = subjects.iter().filter(|subject| subject.version.is_none()).count();
    let shape = if kind.is_of_package() { (1, 0) } else { (0, subjects.len()) };
    if (whole, releases.len()) != shape || subjects.is_empty() || (kind.is_of_release() && subjects.len() != 1) {
        return Err(Bad::new("subject", "they are not those of such an event, each once"));
    }
    let versions: BTreeSet<_> = releases.iter().map(|release| release.version.as_str()).collect();
    let only = versions.first().copied().filter(|_| versions.len() == 1);
    if version == only { Ok(()) } else { Err(Bad::new("predicate.version", "it is another version than the subject")) }
}

/// Everything but the releases, which stand elsewhere in each form.
fn finish(
    mut fields: Fields,
    kind: Event,
    registry: String,
    repository: &Repository,
    releases: BTreeSet<Release>,
) -> Result<Attestation> {
    checked(&fields.path("registry"), &registry, text::base_url)?;
    let package = Package::of(repository, &fields.text("package")?)
        .map_err(|e| Bad::new(&fields.path("package"), &e.to_string()))?;
    if releases.is_empty() != kind.is_of_package() {
        return Err(Bad::new(&fields.path("releases"), "there is none"));
    }
    for release in &releases {
        let read = purl::split(&package.release(&release.version)).ok().and_then(|(_, version)| version);
        if read.as_ref() != Some(&release.version) {
            return Err(Bad::new(&fields.path("version"), "it is not a version"));
        }
    }
    let attestation = Attestation {
        registry,
        package,
        id: valid(&mut fields, "eventId", text::event_id)?,
        occurred_at: time(&mut fields, "occurredAt")?,
        actor: actor(fields.object("actor")?)?,
        releases,
        details: details(&mut fields, kind)?,
    };
    fields.done()?;
    Ok(attestation)
}

fn actor(mut fields: Fields) -> Result<Actor> {
    let kind = fields.text("kind")?;
    let actor = match kind.as_str() {
        "user" => Actor::User { id: valid(&mut fields, "id", text::public_id)? },
        "system" => Actor::System { id: optional(&mut fields, "id", text::public_id)? },
        "oidc" => Actor::Oidc(OidcActor {
            issuer: valid(&mut fields, "issuer", text::url)?,
            repository: optional(&mut fields, "repository", text::claim)?,
            workflow: optional(&mut fields, "workflow", text::claim)?,
            reference: optional(&mut fields, "ref", text::claim)?,
            environment: optional(&mut fields, "environment", text::claim)?,
        }),
        _ => return Err(Bad::new(&fields.path("kind"), "it is neither user, oidc nor system")),
    };
    fields.done()?;
    Ok(actor)
}

fn details(fields: &mut Fields, kind: Event) -> Result<Details> {
    Ok(match kind {
        Event::Publish => {
            Details::Publish { provenance: links(fields)?, replaces: optional_sha256(fields, "replaces")? }
        }
        Event::Provenance => {
            let provenance = links(fields)?;
            if provenance.is_empty() {
                return Err(Bad::new(&fields.path("provenance"), "there is none"));
            }
            Details::Provenance { provenance }
        }
        Event::Unpublish => Details::Unpublish { reason: optional(fields, "reason", text::message)? },
        Event::Retire => Details::Retire {
            reason: word(fields, "reason", Reason::parse)?,
            message: optional(fields, "message", text::message)?,
        },
        Event::Unretire => Details::Unretire {
            reason: optional_word(fields, "reason", Reason::parse)?,
            message: optional(fields, "message", text::message)?,
        },
        Event::Vulnerability => Details::Vulnerability {
            advisory: advisory(fields.object("advisory")?)?,
            state: word(fields, "state", AdvisoryState::parse)?,
        },
        Event::Vex => Details::Vex {
            document: document(fields.object("document")?)?,
            statements: statements(fields.object("statements")?)?,
        },
        Event::Owners => Details::Owners(owners_change(fields)?),
        Event::Publishers => Details::Publishers(publishers_change(fields)?),
        Event::Package => Details::Package(package_change(fields)?),
    })
}

/// The list may be left out by whoever has none to give.
fn links(fields: &mut Fields) -> Result<Vec<Link>> {
    let at = fields.path("provenance");
    let items = fields.optional_list("provenance", limits::LINKS)?;
    let links: Vec<_> = items.into_iter().map(|(at, item)| link(item.object(&at)?)).collect::<Result<_>>()?;
    let bundles: BTreeSet<_> = links.iter().map(|link| link.bundle).collect();
    if bundles.len() == links.len() { Ok(links) } else { Err(Bad::new(&at, "a bundle stands twice")) }
}

fn link(mut fields: Fields) -> Result<Link> {
    let level = fields.optional_number("level")?;
    let known = level.map(|level| u8::try_from(level).ok().filter(|level| *level <= 3));
    let link = Link {
        predicate_type: valid(&mut fields, "predicateType", text::identifying)?,
        bundle: sha256(&mut fields, "bundle")?,
        builder: optional(&mut fields, "builder", text::identifying)?,
        source: optional(&mut fields, "source", text::identifying)?,
        level: known
            .map(|level| level.ok_or_else(|| Bad::new(&fields.path("level"), "it is not 0 to 3")))
            .transpose()?,
    };
    fields.done()?;
    Ok(link)
}

fn advisory(mut fields: Fields) -> Result<Advisory> {
    let aliases = fields.list("aliases", limits::ALIASES)?;
    let advisory = Advisory {
        id: valid(&mut fields, "id", text::name)?,
        aliases: unique(aliases, |at, item| checked_text(at, item, text::name))?,
        source: valid(&mut fields, "source", text::url)?,
        modified: time(&mut fields, "modified")?,
        digest: sha256(&mut fields, "digest")?,
    };
    fields.done()?;
    Ok(advisory)
}

fn document(mut fields: Fields) -> Result<Document> {
    let document = Document {
        format: word(&mut fields, "format", Format::parse)?,
        id: valid(&mut fields, "id", text::identifying)?,
        version: valid(&mut fields, "version", text::identifying)?,
        digest: sha256(&mut fields, "digest")?,
        url: valid(&mut fields, "url", text::url)?,
    };
    fields.done()?;
    Ok(document)
}

fn statements(fields: Fields) -> Result<BTreeMap<String, Status>> {
    let at = fields.path("");
    let read = fields.rest(limits::STATEMENTS)?.into_iter().map(|(at, name, status)| {
        checked(&at, &name, text::name)?;
        let status = Status::parse(&status.text(&at)?).ok_or_else(|| Bad::new(&at, "it is not the status of one"))?;
        Ok((name, status))
    });
    let read: BTreeMap<_, _> = read.collect::<Result<_>>()?;
    if read.is_empty() { Err(Bad::new(at.trim_end_matches('.'), "there is none")) } else { Ok(read) }
}

fn owners_change(fields: &mut Fields) -> Result<OwnersChange> {
    let mut owners = BTreeMap::new();
    for (at, item) in fields.list("owners", limits::MEMBERS)? {
        let mut item = item.object(&at)?;
        let owner = valid(&mut item, "owner", text::public_id)?;
        if owners.insert(owner, word(&mut item, "level", OwnerLevel::parse)?).is_some() {
            return Err(Bad::new(&at, "the owner stands twice"));
        }
        item.done()?;
    }
    let change = OwnersChange {
        action: word(fields, "action", OwnerAction::parse)?,
        owner: valid(fields, "owner", text::public_id)?,
        level: optional_word(fields, "level", OwnerLevel::parse)?,
        owners: Owners(owners),
    };
    let now = change.owners.0.get(&change.owner).copied();
    let agrees = match change.action {
        OwnerAction::Remove => now.is_none(),
        OwnerAction::Add | OwnerAction::Transfer | OwnerAction::Update => now.is_some() && now == change.level,
    };
    if agrees { Ok(change) } else { Err(Bad::new(&fields.path("owners"), "they are not those after such a change")) }
}

fn publishers_change(fields: &mut Fields) -> Result<PublishersChange> {
    let list = fields.list("publishers", limits::MEMBERS)?;
    let change = PublishersChange {
        action: word(fields, "action", PublisherAction::parse)?,
        publisher: publisher(fields.object("publisher")?)?,
        publishers: Publishers(unique(list, |at, item| publisher(item.object(at)?))?),
    };
    let there = change.publishers.0.contains(&change.publisher);
    if there == (change.action == PublisherAction::Add) {
        Ok(change)
    } else {
        Err(Bad::new(&fields.path("publishers"), "they are not those after such a change"))
    }
}

fn publisher(mut fields: Fields) -> Result<Publisher> {
    let claims = fields.object("claims")?;
    let at = fields.path("claims");
    let read = claims.rest(limits::CLAIMS)?.into_iter().map(|(at, name, value)| {
        checked(&at, &name, text::claim_name)?;
        Ok((name, checked_text(&at, value, text::claim)?))
    });
    let publisher =
        Publisher { claims: read.collect::<Result<_>>()?, issuer: valid(&mut fields, "issuer", text::url)? };
    if publisher.claims.is_empty() {
        return Err(Bad::new(&at, "there is none"));
    }
    fields.done()?;
    Ok(publisher)
}

fn package_change(fields: &mut Fields) -> Result<PackageChange> {
    let change = PackageChange {
        action: word(fields, "action", PackageAction::parse)?,
        owner: optional(fields, "owner", text::public_id)?,
    };
    if change.action == PackageAction::Created && change.owner.is_none() {
        return Err(Bad::new(&fields.path("owner"), "it is missing"));
    }
    Ok(change)
}

fn release(fields: &mut Fields) -> Result<Release> {
    Ok(Release { version: fields.text("version")?, digest: sha256(fields, "digest")? })
}

/// `{"sha256": HEX}`
fn sha256(fields: &mut Fields, name: &str) -> Result<Hash> {
    let digests = fields.object(name)?;
    read_sha256(digests)
}

fn optional_sha256(fields: &mut Fields, name: &str) -> Result<Option<Hash>> {
    let at = fields.path(name);
    fields.optional(name).map(|digests| read_sha256(digests.object(&at)?)).transpose()
}

fn read_sha256(mut digests: Fields) -> Result<Hash> {
    let at = digests.path("sha256");
    let hash = hex_decode(&digests.text("sha256")?)
        .ok_or_else(|| Bad::new(&at, "it is not a SHA-256 in lowercase hexadecimal"))?;
    digests.done()?;
    Ok(hash)
}

fn time(fields: &mut Fields, name: &str) -> Result<String> {
    let text = fields.text(name)?;
    match time_parse(&text) {
        Some(_) => Ok(text),
        None => Err(Bad::new(&fields.path(name), "it is not a time as 2026-01-31T12:00:00Z")),
    }
}

fn word<T>(fields: &mut Fields, name: &str, parse: fn(&str) -> Option<T>) -> Result<T> {
    optional_word(fields, name, parse)?.ok_or_else(|| Bad::new(&fields.path(name), "it is missing"))
}

fn optional_word<T>(fields: &mut Fields, name: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>> {
    let at = fields.path(name);
    let unknown = || Bad::new(&at, "it is none of the words that can stand there");
    let text = fields.optional_text(name)?;
    text.map(|text| parse(&text).ok_or_else(unknown)).transpose()
}

fn valid(fields: &mut Fields, name: &str, rule: Rule) -> Result<String> {
    let text = fields.text(name)?;
    checked(&fields.path(name), &text, rule)?;
    Ok(text)
}

fn optional(fields: &mut Fields, name: &str, rule: Rule) -> Result<Option<String>> {
    let at = fields.path(name);
    let text = fields.optional_text(name)?;
    text.map(|text| checked(&at, &text, rule).map(|()| text)).transpose()
}

fn checked_text(at: &str, value: Json, rule: Rule) -> Result<String> {
    let text = value.text(at)?;
    checked(at, &text, rule)?;
    Ok(text)
}

fn checked(at: &str, text: &str, rule: Rule) -> Result<()> {
    rule(text).map_err(|reason| Bad::new(at, reason))
}

/// The items of a list in which none stands twice.
fn unique<T: Ord>(items: Vec<(String, Json)>, read: impl Fn(&str, Json) -> Result<T>) -> Result<BTreeSet<T>> {
    let mut set = BTreeSet::new();
    for (at, item) in items {
        if !set.insert(read(&at, item)?) {
            return Err(Bad::new(&at, "it stands twice"));
        }
    }
    Ok(set)
}
