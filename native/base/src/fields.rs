//! Objects whose members are taken one by one: nothing unknown where that is asked, and whatever is wrong is told with
//! where it stands.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fault::quote;

/// A JSON value. Numbers are whole and not negative, or they are [`Other`](Self::Other).
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// A text.
    Text(String),
    /// A whole number.
    Number(u64),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
    /// Null: as if the member were not there.
    Null,
    /// A boolean, or another number.
    Other,
}

/// The members of an object, taken one by one.
#[derive(Debug)]
pub struct Fields {
    at: String,
    members: BTreeMap<String, Json>,
}

/// A field that is missing or cannot be as it is: where, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// Where.
    pub at: String,
    /// What is wrong.
    pub reason: String,
}

type Result<T> = std::result::Result<T, Bad>;

impl Json {
    /// The object that it is, `at` a place in the document.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn object(self, at: &str) -> Result<Fields> {
        match self {
            Self::Object(members) => Ok(Fields { at: at.to_owned(), members }),
            _ => Err(Bad::new(at, "it is not an object")),
        }
    }

    /// The text that it is.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn text(self, at: &str) -> Result<String> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(Bad::new(at, "it is not a text")),
        }
    }

    fn number(self, at: &str) -> Result<u64> {
        match self {
            Self::Number(number) => Ok(number),
            _ => Err(Bad::new(at, "it is not a whole number")),
        }
    }

    fn list(self, at: &str) -> Result<Vec<Self>> {
        match self {
            Self::List(list) => Ok(list),
            _ => Err(Bad::new(at, "it is not a list")),
        }
    }
}

impl Fields {
    /// Whether there is a member of that name that is not null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| *value != Json::Null)
    }

    /// The member of that name, unless it is null.
    pub fn optional(&mut self, name: &str) -> Option<Json> {
        self.members.remove(name).filter(|value| *value != Json::Null)
    }

    /// The member of that name.
    ///
    /// # Errors
    /// [`Bad`], as everything here.
    pub fn required(&mut self, name: &str) -> Result<Json> {
        self.optional(name).ok_or_else(|| Bad::new(&self.path(name), "it is missing"))
    }

    /// A text.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn text(&mut self, name: &str) -> Result<String> {
        self.required(name)?.text(&self.path(name))
    }

    /// A text, or nothing.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn optional_text(&mut self, name: &str) -> Result<Option<String>> {
        let at = self.path(name);
        self.optional(name).map(|value| value.text(&at)).transpose()
    }

    /// A number.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn number(&mut self, name: &str) -> Result<u64> {
        self.required(name)?.number(&self.path(name))
    }

    /// A number, or nothing.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn optional_number(&mut self, name: &str) -> Result<Option<u64>> {
        let at = self.path(name);
        self.optional(name).map(|value| value.number(&at)).transpose()
    }

    /// An object.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn object(&mut self, name: &str) -> Result<Self> {
        self.required(name)?.object(&self.path(name))
    }

    /// The items of a list, each with where it is; at most `limit`.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn list(&mut self, name: &str, limit: usize) -> Result<Vec<(String, Json)>> {
        let list = self.required(name)?;
        self.items(name, list, limit)
    }

    /// As [`list`](Self::list), but empty when there is none.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn optional_list(&mut self, name: &str, limit: usize) -> Result<Vec<(String, Json)>> {
        self.optional(name).map_or_else(|| Ok(Vec::new()), |list| self.items(name, list, limit))
    }

    fn items(&self, name: &str, list: Json, limit: usize) -> Result<Vec<(String, Json)>> {
        let at = self.path(name);
        let items = list.list(&at)?;
        at_most(limit, items.len(), &at)?;
        Ok(items.into_iter().enumerate().map(|(i, item)| (format!("{at}[{i}]"), item)).collect())
    }

    /// All that is left, each with its name and where it is; at most `limit`.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn rest(self, limit: usize) -> Result<Vec<(String, String, Json)>> {
        at_most(limit, self.members.len(), &self.at)?;
        let at = |name: &str| join(&self.at, name);
        Ok(self.members.into_iter().map(|(name, value)| (at(&name), name, value)).collect())
    }

    /// Refuses members that nobody took.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn done(self) -> Result<()> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => Err(Bad::new(&self.path(name), "it is not known")),
        }
    }

    /// Where the member of that name is.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        join(&self.at, name)
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { quote(name) } else { format!("{at}.{}", quote(name)) }
}

fn at_most(limit: usize, actual: usize, at: &str) -> Result<()> {
    if actual > limit { Err(Bad::new(at, &format!("it has more than {limit} items"))) } else { Ok(()) }
}

impl Bad {
    /// What is wrong at a place.
    #[must_use]
    pub fn new(at: &str, reason: &str) -> Self {
        Self { at: quote(at), reason: quote(reason) }
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
    use serde_json::json;

    #[test]
    fn fields_know_where_they_are() {
        let json: Json = json!({"a": {"b": [1, "2"], "c": -1, "d": null, "e": "f"}}).into();
        let mut a = json.object("").unwrap().object("a").unwrap();
        assert_eq!(a.number("c").unwrap_err().at, "a.c");
        assert!(a.optional("d").is_none());
        assert_eq!(a.list("b", 2).unwrap()[1], ("a.b[1]".to_owned(), Json::Text("2".to_owned())));
        assert_eq!(a.rest(1).unwrap(), [("a.e".to_owned(), "e".to_owned(), Json::Text("f".to_owned()))]);
    }

    #[test]
    fn what_nobody_took_is_refused() {
        let json: Json = json!({"a": 1, "b": 2}).into();
        let mut fields = json.object("x").unwrap();
        assert_eq!(fields.number("a"), Ok(1));
        assert_eq!(fields.done(), Err(Bad::new("x.b", "it is not known")));
    }
}
