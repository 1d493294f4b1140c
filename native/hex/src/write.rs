//! Statements as they are written.

use provenance_log::encoding::hex_encode;
use provenance_log::tree::Hash;
use serde_json::{Map, Value, json};

use crate::actor::Actor;
use crate::attestation::Attestation;
use crate::details::{Details, Link};

pub(crate) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

pub(crate) fn statement(attestation: &Attestation, prefix: &str) -> Value {
    json!({
        "_type": STATEMENT_TYPE,
        "subject": subjects(attestation),
        "predicateType": format!("{prefix}/{}/v1", attestation.event().as_str()),
        "predicate": predicate(attestation),
    })
}

fn subjects(attestation: &Attestation) -> Vec<Value> {
    let package = &attestation.package;
    match attestation.package_digest() {
        Some(digest) => vec![json!({"name": package.as_str(), "digest": sha256(&digest)})],
        None => {
            let subject = |version: &str, digest| json!({"name": package.release(version), "digest": sha256(digest)});
            attestation.releases.iter().map(|release| subject(&release.version, &release.digest)).collect()
        }
    }
}

fn predicate(attestation: &Attestation) -> Map<String, Value> {
    let mut out = Map::new();
    put(&mut out, "registry", &attestation.registry);
    put(&mut out, "repository", attestation.package.repository().as_str());
    put(&mut out, "package", attestation.package.name());
    put(&mut out, "version", attestation.version());
    put(&mut out, "eventId", &attestation.id);
    put(&mut out, "occurredAt", &attestation.occurred_at);
    put(&mut out, "actor", actor(&attestation.actor));
    details(&mut out, &attestation.details);
    out
}

fn actor(actor: &Actor) -> Value {
    let mut out = Map::new();
    put(&mut out, "kind", actor.kind());
    match actor {
        Actor::User { id } => put(&mut out, "id", id),
        Actor::System { id } => put(&mut out, "id", id),
        Actor::Oidc(job) => {
            put(&mut out, "issuer", &job.issuer);
            put(&mut out, "repository", &job.repository);
            put(&mut out, "workflow", &job.workflow);
            put(&mut out, "ref", &job.reference);
            put(&mut out, "environment", &job.environment);
        }
    }
    out.into()
}

fn details(out: &mut Map<String, Value>, details: &Details) {
    match details {
        Details::Publish { provenance, replaces } => {
            put(out, "provenance", links(provenance));
            put(out, "replaces", replaces.as_ref().map(sha256));
        }
        Details::Provenance { provenance } => put(out, "provenance", links(provenance)),
        Details::Unpublish { reason } => put(out, "reason", reason),
        Details::Retire { reason, message } => {
            put(out, "reason", reason.as_str());
            put(out, "message", message);
        }
        Details::Unretire { reason, message } => {
            put(out, "reason", reason.map(|reason| reason.as_str()));
            put(out, "message", message);
        }
        Details::Vulnerability { advisory, state } => {
            let advisory = json!({
                "id": advisory.id,
                "aliases": advisory.aliases,
                "source": advisory.source,
                "modified": advisory.modified,
                "digest": sha256(&advisory.digest),
            });
            put(out, "advisory", advisory);
            put(out, "state", state.as_str());
        }
        Details::Vex { document, statements } => {
            let document = json!({
                "format": document.format.as_str(),
                "id": document.id,
                "version": document.version,
                "digest": sha256(&document.digest),
                "url": document.url,
            });
            put(out, "document", document);
            let statements = statements.iter().map(|(name, status)| (name.clone(), status.as_str().into()));
            put(out, "statements", Value::Object(statements.collect()));
        }
        Details::Owners(change) => {
            put(out, "action", change.action.as_str());
            put(out, "owner", &change.owner);
            put(out, "level", change.level.map(|level| level.as_str()));
            put(out, "owners", change.owners.to_value());
        }
        Details::Publishers(change) => {
            put(out, "action", change.action.as_str());
            put(out, "publisher", change.publisher.to_value());
            put(out, "publishers", change.publishers.to_value());
        }
        Details::Package(change) => {
            put(out, "action", change.action.as_str());
            put(out, "owner", &change.owner);
        }
    }
}

fn links(links: &[Link]) -> Vec<Value> {
    let link = |link: &Link| {
        let mut out = Map::new();
        put(&mut out, "predicateType", &link.predicate_type);
        put(&mut out, "bundle", sha256(&link.bundle));
        put(&mut out, "builder", &link.builder);
        put(&mut out, "source", &link.source);
        put(&mut out, "level", link.level);
        Value::Object(out)
    };
    links.iter().map(link).collect()
}

fn sha256(digest: &Hash) -> Value {
    json!({"sha256": hex_encode(digest)})
}

/// What there is: absent fields are left out.
fn put(out: &mut Map<String, Value>, name: &str, value: impl serde::Serialize) {
    match json!(value) {
        Value::Null => {}
        value => {
            out.insert(name.to_owned(), value);
        }
    }
}
