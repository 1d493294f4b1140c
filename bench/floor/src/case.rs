//! A case folder: `bundle.json`, `root.json`, `artifact` and `case.json` (who must have signed).

use std::path::Path;

use serde_json::Value;

use crate::{Outcome, during};

pub(crate) struct Case {
    pub(crate) bundle_json: String,
    pub(crate) root_json: String,
    pub(crate) artifact: Vec<u8>,
    pub(crate) identity: String,
    pub(crate) issuer: String,
    pub(crate) sha256: String,
}

impl Case {
    pub(crate) fn load(folder: &Path) -> Outcome<Self> {
        let read = |name: &str| during(name, std::fs::read_to_string(folder.join(name)));
        let about = json(&read("case.json")?)?;
        Ok(Self {
            bundle_json: read("bundle.json")?,
            root_json: read("root.json")?,
            artifact: during("artifact", std::fs::read(folder.join("artifact")))?,
            identity: text(&about, "/identity")?.to_owned(),
            issuer: text(&about, "/issuer")?.to_owned(),
            sha256: text(&about, "/sha256")?.to_owned(),
        })
    }
}

pub(crate) fn json(text: &str) -> Outcome<Value> {
    during("JSON", serde_json::from_str(text))
}

pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Outcome<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("no text at {pointer}"))
}

pub(crate) fn bytes(value: &Value, pointer: &str) -> Outcome<Vec<u8>> {
    base64(text(value, pointer)?)
}

pub(crate) fn base64(text: &str) -> Outcome<Vec<u8>> {
    use base64::Engine;
    during("base64", base64::engine::general_purpose::STANDARD.decode(text.trim()))
}

/// The elements of an array, or none when it is absent.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
