//! What the library of registry events takes.

use provenance_hex::{Defaults, Event, Expectations, Package, Prefix, Repository};
use provenance_log::encoding::time_text;
use provenance_log::statement::{Envelope, PAYLOAD_TYPE};
use provenance_sigstore::{Content, Limits, Result, hex_encode};
use rustler::{Binary, ListIterator, MapIterator, Term, TermType};
use serde_json::{Map, Value, json};

use super::{EVIDENCE, binary, evidence_member as member, invalid, items, json, members, tagged, unknown, utf8};
use crate::atoms;
use crate::registry;

const TEXT: &str = "a UTF-8 binary";
/// As deep as any event is, and a little more.
const MOST_DEPTH: usize = 16;

/// How statements are made.
#[derive(Default)]
pub(crate) struct Making {
    pub(crate) defaults: Defaults,
    pub(crate) prefix: Prefix,
}

pub(crate) fn making(term: Term<'_>) -> registry::Result<Making> {
    let mut making = Making::default();
    for (name, value) in members("options", term)? {
        match name {
            n if atoms::prefix() == n => making.prefix = Prefix::new(&utf8("prefix", value, TEXT)?)?,
            n if atoms::registry() == n => making.defaults.registry = utf8("registry", value, TEXT)?,
            n if atoms::repository() == n => {
                making.defaults.repository = Repository::parse(&utf8("repository", value, TEXT)?);
            }
            n => return Err(unknown("", n, "prefix, registry or repository").into()),
        }
    }
    Ok(making)
}

/// How statements are read, and what is expected of them.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) prefix: Prefix,
    pub(crate) expected: Expectations,
}

pub(crate) fn reading(term: Term<'_>) -> registry::Result<Reading> {
    let mut reading = Reading::default();
    for (name, value) in members("options", term)? {
        let expected = &mut reading.expected;
        match name {
            n if atoms::prefix() == n => reading.prefix = Prefix::new(&utf8("prefix", value, TEXT)?)?,
            n if atoms::event() == n => expected.events = events(value)?,
            n if atoms::event_id() == n => expected.id = Some(utf8("event_id", value, TEXT)?),
            n if atoms::package() == n => expected.package = Some(package(value)?),
            n if atoms::version() == n => expected.version = Some(utf8("version", value, TEXT)?),
            n if atoms::registry() == n => expected.registry = Some(utf8("registry", value, TEXT)?),
            n => return Err(unknown("", n, "prefix, event, event_id, package, version or registry").into()),
        }
    }
    Ok(reading)
}

/// One event, or a list of them.
fn events(term: Term<'_>) -> Result<Vec<Event>> {
    const EXPECTED: &str = "the name of an event, or a list of them";
    let event = |term: Term<'_>| {
        term.atom_to_string().ok().and_then(|name| Event::parse(&name)).ok_or_else(|| invalid("event", EXPECTED))
    };
    if term.is_atom() {
        return Ok(vec![event(term)?]);
    }
    let events: Vec<_> = items("event", term)?.map(event).collect::<Result<_>>()?;
    if events.is_empty() { Err(invalid("event", EXPECTED)) } else { Ok(events) }
}

/// A package URL, or the name of a package in hex.pm's public repository.
fn package(term: Term<'_>) -> Result<Package> {
    const EXPECTED: &str = "a package URL without a version, or a package's name";
    let text = utf8("package", term, EXPECTED)?;
    let package =
        if text.starts_with("pkg:") { Package::parse(&text) } else { Package::of(&Repository::Public, &text) };
    package.map_err(|_| invalid("package", EXPECTED))
}

/// An event as JSON, as bytes or decoded.
pub(crate) enum Given<'a> {
    Json(Binary<'a>),
    Decoded(Value),
}

pub(crate) fn event_json(term: Term<'_>) -> Result<Given<'_>> {
    if term.is_map() {
        return Ok(Given::Decoded(json::value("event", term)?));
    }
    binary("event", term).map(Given::Json)
}

/// An event as Erlang has it: keys in Erlang's spelling, digests as they are, times also in Unix seconds.
pub(crate) fn event(term: Term<'_>) -> Result<Value> {
    const EXPECTED: &str = "a map of atoms, UTF-8 binaries, digests {sha256, <<_:256>>}, lists and maps";
    if !term.is_map() {
        return Err(invalid("event", EXPECTED));
    }
    value(term, MOST_DEPTH).ok_or_else(|| invalid("event", EXPECTED))
}

fn value(term: Term<'_>, depth: usize) -> Option<Value> {
    let inner = depth.checked_sub(1)?;
    match term.get_type() {
        TermType::Map => {
            let mut object = Map::new();
            for (key, item) in MapIterator::new(term)? {
                let key = name(key)?;
                let item = if is_time(&key) { time(item)? } else { value(item, inner)? };
                if object.insert(key, item).is_some() {
                    return None;
                }
            }
            Some(Value::Object(object))
        }
        TermType::List => {
            term.list_length().ok()?;
            let items: ListIterator<'_> = term.decode().ok()?;
            items.map(|item| value(item, inner)).collect::<Option<Vec<_>>>().map(Value::Array)
        }
        TermType::Tuple => {
            let (tag, digest) = tagged(term)?;
            let digest = Binary::from_term(digest).ok().filter(|d| atoms::sha256() == tag && d.len() == 32)?;
            Some(json!({"sha256": hex_encode(&digest)}))
        }
        _ => json::value("event", term).ok(),
    }
}

/// Atoms are in Erlang's spelling, binaries in JSON's.
fn name(term: Term<'_>) -> Option<String> {
    if let Ok(atom) = term.atom_to_string() {
        return Some(match atom.as_str() {
            "event_id" => "eventId".to_owned(),
            "occurred_at" => "occurredAt".to_owned(),
            "predicate_type" => "predicateType".to_owned(),
            _ => atom,
        });
    }
    term.decode().ok()
}

fn is_time(key: &str) -> bool {
    matches!(key, "occurredAt" | "modified")
}

fn time(term: Term<'_>) -> Option<Value> {
    match term.decode::<u64>() {
        Ok(seconds) => time_text(seconds).map(Value::String),
        Err(_) => json::value("event", term).ok(),
    }
}

/// A verified bundle of a statement, as far as it is looked at here.
pub(crate) struct Verified<'a> {
    pub(crate) media_type: String,
    pub(crate) payload_type: String,
    pub(crate) statement: Binary<'a>,
    pub(crate) artifact: Option<[u8; 32]>,
}

/// Reads the evidence of a verified bundle with a statement. Nothing that was not verified has this shape.
pub(crate) fn verified(term: Term<'_>) -> registry::Result<Verified<'_>> {
    let content = member(term, atoms::content())?;
    if atoms::message() == content {
        return Err(registry::no_statement());
    }
    let artifact = member(term, atoms::artifact())?.map_get(atoms::sha256()).ok();
    let artifact = artifact.map(|digest| binary("evidence", digest)).transpose()?;
    Ok(Verified {
        media_type: utf8("evidence", member(term, atoms::media_type())?, EVIDENCE)?,
        payload_type: utf8("evidence", member(content, atoms::payload_type())?, EVIDENCE)?,
        statement: binary("evidence", member(content, atoms::statement_bytes())?)?,
        artifact: artifact.and_then(|digest| digest.as_slice().try_into().ok()),
    })
}

/// The signed statement in a bundle, and its signature; neither is verified.
pub(crate) fn envelope(term: Term<'_>) -> registry::Result<Envelope> {
    let bundle = provenance_sigstore::Bundle::parse(&binary("bundle", term)?, &Limits::default())?;
    match bundle.content {
        Content::Envelope(envelope) if envelope.payload_type == PAYLOAD_TYPE => {
            Ok(Envelope { payload: envelope.payload, signature: envelope.signature })
        }
        _ => Err(registry::no_statement()),
    }
}

/// The parts that a bundle is made of. Whether the signature is one of the statement is not looked at.
pub(crate) fn signed(statement: Term<'_>, signature: Term<'_>, hint: Term<'_>) -> Result<(Envelope, String)> {
    let payload = binary("statement", statement)?.to_vec();
    provenance_sigstore::Statement::parse(&payload, &Limits::default())?;
    let signature = binary("signature", signature)?.to_vec();
    if signature.is_empty() {
        return Err(invalid("signature", "a signature"));
    }
    Ok((Envelope { payload, signature }, utf8("hint", hint, TEXT)?))
}
