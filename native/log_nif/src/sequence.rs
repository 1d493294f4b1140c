//! What the log enters next.

use std::collections::BTreeSet;

use provenance_log::chain::Head;
use provenance_log::limits::BATCH;
use provenance_log::purl::Package;
use provenance_log::sequence::{Batch, Entry, Item, enter, envelope};
use provenance_log::statement::Facts;
use provenance_log::tree::TileRow;
use provenance_log::{Fault, Result};
use provenance_nif_base::decode::{binary, invalid, items};
use provenance_nif_base::encode::{bytes, list, map, optional, term_map, text};
use rustler::types::tuple::get_tuple;
use rustler::{Binary, Encoder, Env, Term};

use crate::{atoms, decode, encode, guard};

#[rustler::nif(schedule = "DirtyCpu")]
fn log_sequence<'a>(env: Env<'a>, head: Term<'a>, events: Term<'a>, heads: Term<'a>, prefix: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let edge = decode::edge(head)?;
        let heads = decode::heads(heads)?;
        let prefix = decode::text("prefix", prefix)?;
        let given = bounded("events", events)?.map(event).collect::<Result<Vec<_>>>()?;
        let items: Vec<_> = given.iter().map(Given::item).collect();
        Ok(batch(env, &enter(&edge, &items, &heads, prefix)?))
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_statement_packages<'a>(env: Env<'a>, statements: Term<'a>, prefix: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let prefix = decode::text("prefix", prefix)?;
        let read = |term| Ok(Facts::read(&binary("statements", term)?, prefix)?.package);
        let packages = bounded("statements", statements)?.map(read).collect::<Result<BTreeSet<Package>>>()?;
        let packages: Vec<_> = packages.into_iter().collect();
        Ok(list(env, &packages, |env, package| text(env, package.as_str())))
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_envelope<'a>(env: Env<'a>, statement: Term<'a>, signature: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let (statement, signature) = (binary("statement", statement)?, binary("signature", signature)?);
        Ok(bytes(env, &envelope(&statement, &signature)?))
    })
}

fn bounded<'a>(option: &str, term: Term<'a>) -> Result<impl Iterator<Item = Term<'a>> + use<'a>> {
    let length = term.list_length().unwrap_or_default();
    if length > BATCH {
        let wide = |n| u64::try_from(n).unwrap_or(u64::MAX);
        return Err(
            Fault::InputTooLarge { what: "entries of a batch", limit: wide(BATCH), actual: wide(length) }.into()
        );
    }
    Ok(items(option, term)?)
}

/// An item as it is given, which lives as long as its term.
enum Given<'a> {
    Event(Binary<'a>, Binary<'a>),
    Leaf(Binary<'a>),
}

impl Given<'_> {
    fn item(&self) -> Item<'_> {
        match self {
            Self::Event(statement, signature) => Item::Event { statement, signature },
            Self::Leaf(bytes) => Item::Leaf(bytes),
        }
    }
}

fn event(term: Term<'_>) -> Result<Given<'_>> {
    match get_tuple(term).unwrap_or_default().as_slice() {
        [tag, statement, signature] if atoms::event() == *tag => {
            Ok(Given::Event(binary("events", *statement)?, binary("events", *signature)?))
        }
        [tag, leaf] if atoms::leaf() == *tag => Ok(Given::Leaf(binary("events", *leaf)?)),
        _ => Err(invalid("events", "{event, Statement, Signature} or {leaf, Bytes}"))?,
    }
}

fn batch<'a>(env: Env<'a>, batch: &Batch) -> Term<'a> {
    let heads =
        batch.heads.iter().map(|(package, head): (_, &Head)| (text(env, package.as_str()), encode::head(env, head)));
    map(
        env,
        [
            (atoms::size(), batch.edge.size().encode(env)),
            (atoms::edge(), bytes(env, batch.edge.nodes().as_flattened())),
            (atoms::root(), bytes(env, &batch.edge.root())),
            (atoms::entries(), list(env, &batch.entries, entry)),
            (atoms::heads(), term_map(env, heads)),
            (atoms::tiles(), list(env, &batch.rows, row)),
        ],
    )
}

fn entry<'a>(env: Env<'a>, entry: &Entry) -> Term<'a> {
    let event = entry.event.as_ref();
    let facts = event.map(|event| &event.facts);
    let subjects: Vec<_> = facts.iter().flat_map(|facts| facts.subjects.iter().copied()).collect();
    let linked = facts.map_or(&[][..], |facts| &facts.linked);
    map(
        env,
        [
            (atoms::index(), entry.index.encode(env)),
            (atoms::leaf(), bytes(env, &entry.leaf)),
            (atoms::hash(), bytes(env, &entry.hash)),
            (atoms::event(), optional(env, facts, |env, facts| atoms::known(env, facts.event.as_str()))),
            (atoms::id(), optional(env, facts, |env, facts| text(env, &facts.id))),
            (atoms::package(), optional(env, facts, |env, facts| text(env, facts.package.as_str()))),
            (atoms::version(), optional(env, facts.and_then(|f| f.version.as_ref()), |env, one| text(env, one))),
            (atoms::seq(), optional(env, event, |env, event| event.seq.encode(env))),
            (atoms::subjects(), encode::hashes(env, &subjects)),
            (atoms::linked(), encode::hashes(env, linked)),
            (atoms::envelope(), optional(env, event, |env, event| bytes(env, &event.envelope))),
            (atoms::time(), optional(env, facts, |env, facts| facts.time.encode(env))),
        ],
    )
}

fn row<'a>(env: Env<'a>, row: &TileRow) -> Term<'a> {
    (row.level, row.index, row.offset, bytes(env, row.hashes.as_flattened())).encode(env)
}
