//! What is signed of an event.

use provenance_base::fields::Json;
use provenance_base::json::{BadJson, Bounds, parse_strict, write_canonical};
use provenance_log::error::Fault as LogFault;
use provenance_log::statement::Facts;
use serde_json::Value;

use crate::attestation::{Attestation, Defaults};
use crate::error::{Error, Fault, Result, bad_event, bad_statement, quote};
use crate::limits::{self, within};
use crate::{read, text, write};

/// What a registry's predicate types begin with, before `/EVENT/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

/// The statement of one event, unsigned or as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    bytes: Vec<u8>,
    attestation: Attestation,
    facts: Facts,
}

impl Default for Prefix {
    fn default() -> Self {
        Self("https://hex.pm/attestation".to_owned())
    }
}

impl Prefix {
    /// Takes an https URL without a slash at its end.
    ///
    /// # Errors
    /// `option_invalid`.
    pub fn new(prefix: &str) -> Result<Self> {
        if prefix.len() > limits::PREFIX_BYTES || text::base_url(prefix).is_err() {
            let expected = "an https URL without a slash at its end";
            return Err(Fault::OptionInvalid { option: "prefix".to_owned(), expected }.into());
        }
        Ok(Self(prefix.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Statement {
    /// Writes an event's statement, and reads it again before anybody sees it.
    ///
    /// # Errors
    /// `event_invalid`, `input_too_large`.
    pub fn of(attestation: &Attestation, prefix: &Prefix) -> Result<Self> {
        let document = write::statement(attestation, prefix.as_str());
        let bytes = write_canonical(&document).into_bytes();
        within("statement bytes", limits::STATEMENT_BYTES, bytes.len())?;
        let read = read::statement(document.into(), prefix.as_str()).map_err(bad_event)?;
        if read != *attestation {
            return Err(event_invalid(".", "it has parts that do not belong to such an event"));
        }
        let facts = Facts::read(&bytes, prefix.as_str()).map_err(|e| match from_log(&e) {
            Fault::StatementInvalid { field, reason } => event_invalid(&field, &reason),
            other => other.into(),
        })?;
        Ok(Self { bytes, attestation: read, facts })
    }

    /// The statement of an event as a registry gives it: an object of its name (`event`), the predicate's fields, and
    /// the releases it is about (`version` and `digest`, or `releases` with several of them).
    ///
    /// # Errors
    /// `event_invalid`, `input_too_large`.
    pub fn from_event(event: Value, defaults: &Defaults, prefix: &Prefix) -> Result<Self> {
        Self::given(event.into(), "", defaults, prefix)
    }

    /// As [`from_event`](Self::from_event), from JSON.
    ///
    /// # Errors
    /// `event_invalid`, `malformed`, `input_too_large`.
    pub fn from_json(event: &[u8], defaults: &Defaults, prefix: &Prefix) -> Result<Self> {
        within("event bytes", limits::STATEMENT_BYTES, event.len())?;
        Self::given(parse("event", event)?, "", defaults, prefix)
    }

    /// The statements of a whole request, `{"events": [..]}`: all of them or none.
    ///
    /// # Errors
    /// `event_invalid`, `malformed`, `input_too_large`.
    pub fn all_from_json(request: &[u8], defaults: &Defaults, prefix: &Prefix) -> Result<Vec<Self>> {
        within("request bytes", limits::REQUEST_BYTES, request.len())?;
        let mut fields = parse("request", request)?.object("").map_err(bad_event)?;
        let events = fields.list("events", limits::REQUEST_EVENTS).map_err(bad_event)?;
        fields.done().map_err(bad_event)?;
        events.into_iter().map(|(at, event)| Self::given(event, &at, defaults, prefix)).collect()
    }

    /// Reads a statement that somebody signed, strictly: nothing that is not known, nothing twice, and name, version and
    /// repository the same in subjects and predicate.
    ///
    /// # Errors
    /// `statement_invalid`, `malformed`, `input_too_large`.
    pub fn read(bytes: &[u8], prefix: &Prefix) -> Result<Self> {
        within("statement bytes", limits::STATEMENT_BYTES, bytes.len())?;
        let attestation =
            read::statement(parse("in-toto statement", bytes)?, prefix.as_str()).map_err(bad_statement)?;
        let facts = Facts::read(bytes, prefix.as_str()).map_err(|e| Error::from(from_log(&e)))?;
        Ok(Self { bytes: bytes.to_vec(), attestation, facts })
    }

    fn given(event: Json, at: &str, defaults: &Defaults, prefix: &Prefix) -> Result<Self> {
        Self::of(&read::given(event, at, defaults).map_err(bad_event)?, prefix)
    }

    /// The bytes to sign, or that were signed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What they say.
    #[must_use]
    pub fn attestation(&self) -> &Attestation {
        &self.attestation
    }

    /// What the log's leaf repeats of it.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

fn parse(format: &'static str, bytes: &[u8]) -> Result<Json> {
    let bounds = Bounds { depth: limits::JSON_DEPTH, values: limits::JSON_VALUES };
    let too_large = |what, limit, actual| Fault::InputTooLarge { what, limit, actual };
    parse_strict(bytes, bounds).map(Json::from).map_err(|bad| {
        match bad {
            BadJson::Nesting { limit, actual } => too_large("JSON nesting", limit, actual),
            BadJson::Values { limit, actual } => too_large("JSON values", limit, actual),
            BadJson::Malformed { at, reason } => Fault::Malformed { format, at, reason },
        }
        .into()
    })
}

/// The log reads what this library read before: these are all the ways in which it may see more.
fn from_log(error: &provenance_log::Error) -> Fault {
    match error.fault().clone() {
        LogFault::StatementInvalid { field, reason } => Fault::StatementInvalid { field, reason },
        LogFault::Malformed { format, at, reason } => Fault::Malformed { format, at, reason },
        LogFault::InputTooLarge { what, limit, actual } => Fault::InputTooLarge { what, limit, actual },
        other => Fault::Internal { at: format!("reading what the log reads: {}", other.code()) },
    }
}

fn event_invalid(field: &str, reason: &str) -> Error {
    Fault::EventInvalid { field: quote(field), reason: quote(reason) }.into()
}

#[cfg(test)]
mod tests;
