//! JSON read without ambiguity: no key twice, objects only where objects are meant, nothing unknown where that is asked.

use std::collections::BTreeMap;

use provenance_base::json::{BadJson, Bounds, parse_strict};
use serde_json::Value;

use crate::error::{Error, Fault, Result, quote};
use crate::limits::{self, within};

/// The values were counted before, more strictly; nesting is bounded by the parser's own limit.
const ANY_SHAPE: Bounds = Bounds { depth: u64::MAX, values: u64::MAX };

/// A JSON value. Numbers are whole and not negative, or they are [`Other`](Self::Other).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Text(String),
    Number(u64),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
    Null,
    Other,
}

/// The members of an object, taken one by one.
#[derive(Debug)]
pub(crate) struct Fields {
    at: String,
    members: BTreeMap<String, Json>,
}

/// A field that is missing or of another type: where, and what is wrong.
#[derive(Debug)]
pub(crate) struct Bad {
    pub(crate) at: String,
    pub(crate) reason: String,
}

impl Json {
    /// Values are counted by what separates them, inside texts too: each costs many times the bytes it is written in.
    pub(crate) fn parse(format: &'static str, bytes: &[u8]) -> Result<Self> {
        within("JSON values", limits::JSON_VALUES, bytes.iter().filter(|b| matches!(b, b',' | b'[' | b'{')).count())?;
        match parse_strict(bytes, ANY_SHAPE) {
            Ok(value) => Ok(value.into()),
            Err(BadJson::Malformed { reason, .. }) => Err(Fault::malformed(format, ".", &reason)),
            Err(BadJson::Nesting { .. } | BadJson::Values { .. }) => Err(Fault::malformed(format, ".", "its shape")),
        }
    }

    pub(crate) fn object(self, at: &str) -> Result<Fields, Bad> {
        match self {
            Self::Object(members) => Ok(Fields { at: at.to_owned(), members }),
            _ => Err(Bad::new(at, "it is not an object")),
        }
    }

    pub(crate) fn text(self, at: &str) -> Result<String, Bad> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(Bad::new(at, "it is not a text")),
        }
    }

    fn number(self, at: &str) -> Result<u64, Bad> {
        match self {
            Self::Number(number) => Ok(number),
            _ => Err(Bad::new(at, "it is not a whole number")),
        }
    }

    /// The items of a list, each with where it is; at most `limit`.
    pub(crate) fn items(self, at: &str, limit: usize) -> Result<Vec<(String, Self)>, Bad> {
        let Self::List(items) = self else { return Err(Bad::new(at, "it is not a list")) };
        if items.len() > limit {
            return Err(Bad::new(at, &format!("it has more than {limit} items")));
        }
        Ok(items.into_iter().enumerate().map(|(i, item)| (format!("{at}[{i}]"), item)).collect())
    }
}

impl Fields {
    pub(crate) fn optional(&mut self, name: &str) -> Option<Json> {
        self.members.remove(name).filter(|value| *value != Json::Null)
    }

    pub(crate) fn required(&mut self, name: &str) -> Result<Json, Bad> {
        self.optional(name).ok_or_else(|| Bad::new(&self.path(name), "it is missing"))
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<String, Bad> {
        self.required(name)?.text(&self.path(name))
    }

    pub(crate) fn optional_text(&mut self, name: &str) -> Result<Option<String>, Bad> {
        let at = self.path(name);
        self.optional(name).map(|value| value.text(&at)).transpose()
    }

    pub(crate) fn number(&mut self, name: &str) -> Result<u64, Bad> {
        self.required(name)?.number(&self.path(name))
    }

    pub(crate) fn optional_number(&mut self, name: &str) -> Result<Option<u64>, Bad> {
        let at = self.path(name);
        self.optional(name).map(|value| value.number(&at)).transpose()
    }

    pub(crate) fn object(&mut self, name: &str) -> Result<Self, Bad> {
        self.required(name)?.object(&self.path(name))
    }

    /// The items of a list, each with where it is; at most `limit`.
    pub(crate) fn list(&mut self, name: &str, limit: usize) -> Result<Vec<(String, Json)>, Bad> {
        self.required(name)?.items(&self.path(name), limit)
    }

    /// Refuses members that nobody took.
    pub(crate) fn done(self) -> Result<(), Bad> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => Err(Bad::new(&self.path(name), "it is not known")),
        }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        if self.at.is_empty() { quote(name) } else { format!("{}.{}", self.at, quote(name)) }
    }
}

impl Bad {
    pub(crate) fn new(at: &str, reason: &str) -> Self {
        Self { at: quote(at), reason: quote(reason) }
    }

    pub(crate) fn statement(self) -> Error {
        Fault::StatementInvalid { field: self.at, reason: self.reason }.into()
    }

    pub(crate) fn answer(self) -> Error {
        Fault::malformed("answer of a log's service", &self.at, &self.reason)
    }

    pub(crate) fn trust_file(self) -> Error {
        Fault::TrustFileInvalid { at: self.at, reason: self.reason }.into()
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Other,
            Value::Number(number) => number.as_u64().map_or(Self::Other, Self::Number),
            Value::String(text) => Self::Text(text),
            Value::Array(list) => Self::List(list.into_iter().map(Self::from).collect()),
            Value::Object(members) => {
                Self::Object(members.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_twice_at_any_depth() {
        assert!(Json::parse("x", br#"{"a":1,"b":{"a":[]}}"#).is_ok());
        for bad in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#, "{", "", "{} {}", &"[".repeat(10_000)] {
            assert_eq!(Json::parse("x", bad.as_bytes()).map_err(|e| e.code()), Err("malformed"));
        }
        assert_eq!(Json::parse("x", &[b','; 70_000]).map_err(|e| e.code()), Err("input_too_large"));
    }

    #[test]
    fn fields_know_where_they_are() {
        let json = Json::parse("x", br#"{"a":{"b":[1,"2"],"c":-1,"d":null}}"#).unwrap();
        let mut a = json.object("").unwrap().object("a").unwrap();
        assert_eq!(a.number("c").unwrap_err().at, "a.c");
        assert!(a.optional("d").is_none());
        assert_eq!(a.list("b", 2).unwrap()[1], ("a.b[1]".to_owned(), Json::Text("2".to_owned())));
        assert!(a.done().is_ok());
    }
}
