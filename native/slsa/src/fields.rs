//! Fields of JSON objects, read as SLSA says: unset, null and empty are one and the same
//! (<https://slsa.dev/spec/v1.2/build-provenance#parsing-rules>).

use serde_json::{Map, Value};

use crate::error::{Error, Fault, Result, quote};
use crate::limits::{Limits, within};
use crate::resource::ResourceDescriptor;

pub(crate) type Object = Map<String, Value>;

/// An object, where it stands in the document, and what is wrong when it is not as it should be.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) object: &'a Object,
    pub(crate) at: &'a str,
    pub(crate) limits: &'a Limits,
    pub(crate) fault: fn(String, String) -> Fault,
}

impl<'a> Fields<'a> {
    /// Fields of a predicate.
    pub(crate) fn predicate(object: &'a Object, at: &'a str, limits: &'a Limits) -> Self {
        Self { object, at, limits, fault: |field, reason| Fault::PredicateInvalid { field, reason } }
    }

    /// The same rules for an object inside of this one.
    pub(crate) fn within(self, object: &'a Object, at: &'a str) -> Self {
        Self { object, at, ..self }
    }

    pub(crate) fn path(&self, key: &str) -> String {
        if self.at.is_empty() { quote(key) } else { quote(&format!("{}.{key}", self.at)) }
    }

    pub(crate) fn invalid(&self, key: &str, reason: &str) -> Error {
        (self.fault)(self.path(key), reason.to_owned()).into()
    }

    /// A text that may be long.
    pub(crate) fn free_text(&self, key: &str) -> Result<Option<&'a str>> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|t| !t.is_empty())),
            Some(_) => Err(self.invalid(key, "not a text")),
        }
    }

    /// A text that identifies something.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>> {
        let text = self.free_text(key)?;
        within("bytes of an identifying text", self.limits.text_bytes, text.map_or(0, str::len))?;
        Ok(text)
    }

    pub(crate) fn required(&self, key: &str) -> Result<&'a str> {
        self.text(key)?.ok_or_else(|| self.invalid(key, "not a text"))
    }

    /// A text, or a number as some write them for texts.
    pub(crate) fn scalar(&self, key: &str) -> Result<Option<String>> {
        match self.object.get(key) {
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            _ => Ok(self.text(key)?.map(str::to_owned)),
        }
    }

    pub(crate) fn flag(&self, key: &str) -> Result<bool> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.invalid(key, "neither true nor false")),
        }
    }

    pub(crate) fn object(&self, key: &str) -> Result<&'a Object> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(empty()),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(self.invalid(key, "not an object")),
        }
    }

    pub(crate) fn list(&self, key: &str) -> Result<&'a [Value]> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(self.invalid(key, "not a list")),
        }
    }

    /// A map of texts.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<(String, String)>> {
        self.object(key)?
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| match value {
                Value::String(text) => Ok((name.clone(), text.clone())),
                _ => Err(self.invalid(&format!("{key}.{name}"), "not a text")),
            })
            .collect()
    }

    pub(crate) fn resource(&self, key: &str) -> Result<ResourceDescriptor> {
        ResourceDescriptor::read(self.within(self.object(key)?, &self.path(key)))
    }

    pub(crate) fn resources(&self, key: &str) -> Result<Vec<ResourceDescriptor>> {
        let list = self.list(key)?;
        within("resource descriptors", self.limits.resources, list.len())?;
        list.iter()
            .enumerate()
            .map(|(i, value)| {
                let at = format!("{key}[{i}]");
                let object = value.as_object().ok_or_else(|| self.invalid(&at, "not an object"))?;
                ResourceDescriptor::read(self.within(object, &self.path(&at)))
            })
            .collect()
    }
}

fn empty() -> &'static Object {
    static EMPTY: std::sync::LazyLock<Object> = std::sync::LazyLock::new(Object::new);
    &EMPTY
}

/// Leaves out what is empty, since empty and unset are the same.
pub(crate) fn put(object: &mut Object, key: &str, value: Value) {
    let empty = match &value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(inner) => inner.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if !empty {
        object.insert(key.to_owned(), value);
    }
}

pub(crate) fn put_text(object: &mut Object, key: &str, value: Option<&str>) {
    put(object, key, value.map_or(Value::Null, Value::from));
}

/// A scalar as text; anything else as JSON. For messages and for comparing inputs.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => crate::json::write(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unset_null_and_empty_are_the_same() {
        let limits = Limits::default();
        for value in [json!({}), json!({"a": null}), json!({"a": ""})] {
            let object = value.as_object().unwrap().clone();
            assert_eq!(Fields::predicate(&object, "", &limits).text("a"), Ok(None));
        }
        for value in [json!({}), json!({"a": null}), json!({"a": {}})] {
            let object = value.as_object().unwrap().clone();
            assert!(Fields::predicate(&object, "", &limits).object("a").unwrap().is_empty());
        }
        for value in [json!({}), json!({"a": null}), json!({"a": []})] {
            let object = value.as_object().unwrap().clone();
            assert!(Fields::predicate(&object, "", &limits).list("a").unwrap().is_empty());
        }
    }

    #[test]
    fn wrong_types_are_told_with_their_path() {
        let limits = Limits::default();
        let object = json!({"a": 1}).as_object().unwrap().clone();
        let fields = Fields::predicate(&object, "x.y", &limits);
        assert_eq!(fields.text("a").unwrap_err().to_string(), "the predicate is not valid: x.y.a: not a text");
        assert_eq!(fields.scalar("a"), Ok(Some("1".to_owned())));
        assert!(fields.object("a").is_err() && fields.list("a").is_err() && fields.flag("a").is_err());
    }
}
