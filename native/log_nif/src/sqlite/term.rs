//! Values as terms. Text and blobs are binaries alike: a parameter says by `{blob, _}` that it is one.

use provenance_log::Result;
use provenance_nif_base::decode::{binary, invalid, tagged};
use provenance_nif_base::encode::bytes;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rustler::{Binary, Encoder, Env, Term, TermType};

use crate::atoms;

/// A parameter, which lives as long as its term.
pub(super) enum Param<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Binary<'a>),
    Blob(Binary<'a>),
}

impl<'a> Param<'a> {
    pub(super) fn read(term: Term<'a>) -> Result<Self> {
        const EXPECTED: &str =
            "an integer below 2^63, a float, a UTF-8 binary without zero bytes, {text, Binary}, {blob, Binary} or null";
        let bad = || invalid("params", EXPECTED);
        Ok(match term.get_type() {
            TermType::Integer => Self::Integer(term.decode().map_err(|_| bad())?),
            TermType::Float => Self::Real(term.decode().map_err(|_| bad())?),
            TermType::Binary => Self::text(binary("params", term)?).ok_or_else(bad)?,
            TermType::Atom if atoms::null() == term => Self::Null,
            _ => match tagged(term).ok_or_else(bad)? {
                (tag, value) if atoms::blob() == tag => Self::Blob(binary("params", value)?),
                (tag, value) if atoms::text() == tag => Self::text(binary("params", value)?).ok_or_else(bad)?,
                _ => Err(bad())?,
            },
        })
    }

    /// What every database takes for text.
    fn text(bytes: Binary<'a>) -> Option<Self> {
        let text = std::str::from_utf8(&bytes).ok()?;
        (!text.contains('\0')).then_some(Self::Text(bytes))
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A value that was read, and how many bytes it takes.
pub(super) fn value<'a>(env: Env<'a>, value: ValueRef<'_>) -> (Term<'a>, u64) {
    match value {
        ValueRef::Null => (atoms::null().encode(env), 0),
        ValueRef::Integer(value) => (value.encode(env), 8),
        ValueRef::Real(value) => (value.encode(env), 8),
        ValueRef::Text(value) | ValueRef::Blob(value) => {
            (bytes(env, value), u64::try_from(value.len()).unwrap_or(u64::MAX))
        }
    }
}
