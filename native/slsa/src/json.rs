//! JSON documents, read strictly and within limits.

use provenance_base::json::{self, BadJson};
use serde_json::Value;

use crate::error::{Error, Fault, Result};
use crate::limits::{Limits, within};

pub(crate) use provenance_base::json::write_canonical as write;

/// Reads a document.
///
/// # Errors
/// `input_too_large`, `malformed`.
pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Result<Value> {
    within("statement bytes", limits.statement_bytes, bytes.len())?;
    json::parse_strict(bytes, limits.json()).map_err(refused)
}

/// Bounds a document that was parsed elsewhere as [`parse`] bounds its own.
pub(crate) fn check_value(value: &Value, limits: &Limits) -> Result<()> {
    json::check_value(value, limits.json()).map_err(refused)
}

fn refused(bad: BadJson) -> Error {
    let too_large = |what, limit, actual| Fault::InputTooLarge { what, limit, actual };
    match bad {
        BadJson::Nesting { limit, actual } => too_large("statement nesting", limit, actual),
        BadJson::Values { limit, actual } => too_large("statement values", limit, actual),
        BadJson::Malformed { at, reason } => Fault::Malformed { format: "in-toto statement", at, reason },
    }
    .into()
}
