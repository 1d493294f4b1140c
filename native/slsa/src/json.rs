//! JSON documents, read strictly and within limits.

use provenance_base::json::{self, BadJson, Trim};
use serde_json::{Number, Value};

use crate::error::{Error, Fault, Result};
use crate::limits::{Limits, within};

pub(crate) use provenance_base::json::write_canonical as write;

/// Reads a document.
///
/// # Errors
/// `input_too_large`, `malformed`.
pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Result<Value> {
    within("statement bytes", limits.statement_bytes, bytes.len())?;
    json::parse_strict(bytes, limits.json()).map(normal).map_err(refused)
}

/// Most of a provenance can be the event that started a GitHub workflow, of which only the inputs matter.
const EVENT: Trim = Trim { under: &["GITHUB_EVENT_PAYLOAD", "github_event_payload"], keep: "inputs" };

/// Reads a document as [`parse`], without what no judgement looks at.
pub(crate) fn parse_to_judge(bytes: &[u8], limits: &Limits) -> Result<Value> {
    within("statement bytes", limits.statement_bytes, bytes.len())?;
    json::parse_trimmed(bytes, limits.json(), EVENT).map(normal).map_err(refused)
}

/// A document that was parsed elsewhere, as [`parse`] would have read it.
pub(crate) fn checked(value: &Value, limits: &Limits) -> Result<Value> {
    json::check_value(value, limits.json()).map_err(refused)?;
    Ok(normal(value.clone()))
}

fn normal(mut value: Value) -> Value {
    normalise(&mut value);
    value
}

/// Gives every number its one form, so that what is written is read as the same again, and equal parameters are equal.
/// Recursion is bounded: the document was checked.
fn normalise(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(form) = number.as_f64().and_then(one_form) {
                *number = form;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(normalise),
        Value::Object(object) => object.values_mut().for_each(normalise),
        _ => {}
    }
}

/// `1.0` and `1` are one number: both are kept as the integer, so that what is written is read as the same again.
fn one_form(v: f64) -> Option<Number> {
    if v.fract() != 0.0 {
        return Number::from_f64(v);
    }
    match format!("{v:.0}") {
        text if text == "-0" => Some(0.into()),
        text => text
            .parse::<u64>()
            .map(Number::from)
            .or_else(|_| text.parse::<i64>().map(Number::from))
            .ok()
            .or_else(|| Number::from_f64(v)),
    }
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
