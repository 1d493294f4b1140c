//! Terms that stand for JSON.

use provenance_sigstore::Result;
use rustler::{ListIterator, MapIterator, Term, TermType};
use serde_json::{Map, Number, Value};

use super::invalid;
use crate::atoms;

const EXPECTED: &str = "JSON: maps with binary or atom keys, lists, UTF-8 binaries, atoms, numbers";
/// As deep as documents that are read may be.
const MOST_DEPTH: usize = 64;

/// The document that `term` stands for. `undefined`, `nil` and `null` are null; other atoms are their names.
pub(crate) fn value(option: &str, term: Term<'_>) -> Result<Value> {
    read(term, MOST_DEPTH).ok_or_else(|| invalid(option, EXPECTED))
}

fn read(term: Term<'_>, depth: usize) -> Option<Value> {
    let inner = depth.checked_sub(1)?;
    match term.get_type() {
        TermType::Map => {
            let members = MapIterator::new(term)?.map(|(key, value)| Some((name(key)?, read(value, inner)?)));
            members.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        TermType::List => {
            term.list_length().ok()?;
            let items: ListIterator<'_> = term.decode().ok()?;
            items.map(|item| read(item, inner)).collect::<Option<Vec<_>>>().map(Value::Array)
        }
        TermType::Binary => term.decode::<&str>().ok().map(Value::from),
        TermType::Integer => {
            term.decode::<i64>().map(Value::from).or_else(|_| term.decode::<u64>().map(Value::from)).ok()
        }
        TermType::Float => Number::from_f64(term.decode().ok()?).map(Value::Number),
        TermType::Atom => atom(term),
        _ => None,
    }
}

fn atom(term: Term<'_>) -> Option<Value> {
    match term {
        t if atoms::undefined() == t || atoms::null() == t || atoms::nil() == t => Some(Value::Null),
        t if atoms::r#true() == t => Some(Value::Bool(true)),
        t if atoms::r#false() == t => Some(Value::Bool(false)),
        t => t.atom_to_string().ok().map(Value::String),
    }
}

fn name(term: Term<'_>) -> Option<String> {
    match term.get_type() {
        TermType::Binary => term.decode::<&str>().ok().map(str::to_owned),
        TermType::Atom => term.atom_to_string().ok(),
        _ => None,
    }
}
