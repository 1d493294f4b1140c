//! JSON read without ambiguity: no key twice, objects only where objects are meant, nothing unknown where that is asked.

use provenance_base::json::{BadJson, Bounds, parse_strict};

use crate::error::{Error, Fault, Result};
use crate::limits::{self, within};

pub(crate) use provenance_base::fields::{Bad, Fields, Json};

/// The values were counted before, more strictly; nesting is bounded by the parser's own limit.
const ANY_SHAPE: Bounds = Bounds { depth: u64::MAX, values: u64::MAX };

/// Values are counted by what separates them, inside texts too: each costs many times the bytes it is written in.
pub(crate) fn parse(format: &'static str, bytes: &[u8]) -> Result<Json> {
    within("JSON values", limits::JSON_VALUES, bytes.iter().filter(|b| matches!(b, b',' | b'[' | b'{')).count())?;
    match parse_strict(bytes, ANY_SHAPE) {
        Ok(value) => Ok(value.into()),
        Err(BadJson::Malformed { reason, .. }) => Err(Fault::malformed(format, ".", &reason)),
        Err(BadJson::Nesting { .. } | BadJson::Values { .. }) => Err(Fault::malformed(format, ".", "its shape")),
    }
}

pub(crate) fn bad_statement(bad: Bad) -> Error {
    Fault::StatementInvalid { field: bad.at, reason: bad.reason }.into()
}

pub(crate) fn bad_answer(bad: Bad) -> Error {
    Fault::malformed("answer of a log's service", &bad.at, &bad.reason)
}

pub(crate) fn bad_trust_file(bad: Bad) -> Error {
    Fault::TrustFileInvalid { at: bad.at, reason: bad.reason }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_twice_at_any_depth() {
        assert!(parse("x", br#"{"a":1,"b":{"a":[]}}"#).is_ok());
        for bad in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#, "{", "", "{} {}", &"[".repeat(10_000)] {
            assert_eq!(parse("x", bad.as_bytes()).map_err(|e| e.code()), Err("malformed"));
        }
        assert_eq!(parse("x", &[b','; 70_000]).map_err(|e| e.code()), Err("input_too_large"));
    }
}
