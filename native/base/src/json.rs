//! JSON read strictly and written canonically.
//!
//! Nothing is built before a document is known to be neither too deep nor too large. [`parse_strict`] refuses an object
//! with a key twice: where parsers differ on duplicates, a signed document could mean one thing here and another
//! elsewhere. [`parse_as`] reads a known shape by its fields' names. [`write_canonical`] follows RFC 8785 (keys by UTF-16
//! code units, shortest numbers, no spaces), except that integers beyond 2^53 keep all their digits.

mod skip;

use std::fmt;

use memchr::memchr2;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::by_name::ByName;
use crate::fault::quote;
use skip::MemberOnly;

/// How deep and how large a document may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Nesting of arrays and objects.
    pub depth: u64,
    /// Values: each costs many times the bytes it is written in.
    pub values: u64,
}

/// Why a document was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadJson {
    /// Nested deeper than the bounds allow.
    Nesting {
        /// The bound.
        limit: u64,
        /// How deep it is.
        actual: u64,
    },
    /// More values than the bounds allow.
    Values {
        /// The bound.
        limit: u64,
        /// How many it has.
        actual: u64,
    },
    /// Not JSON, or not of the shape asked for.
    Malformed {
        /// Where.
        at: String,
        /// Why.
        reason: String,
    },
}

/// Reads any document in which no object has a key twice.
///
/// # Errors
/// [`BadJson`].
pub fn parse_strict(bytes: &[u8], bounds: Bounds) -> Result<Value, BadJson> {
    read_strict(Strict { trim: None }, bytes, bounds)
}

/// What of a document nobody needs.
#[derive(Debug, Clone, Copy)]
pub struct Trim {
    /// Of the values of these keys, wherever they stand, ...
    pub under: &'static [&'static str],
    /// ... nothing is kept but their own member of this name.
    pub keep: &'static str,
}

/// Reads a document as [`parse_strict`], but keeps only a part of it. What is left out is read as strictly.
///
/// # Errors
/// [`BadJson`].
pub fn parse_trimmed(bytes: &[u8], bounds: Bounds, trim: Trim) -> Result<Value, BadJson> {
    read_strict(Strict { trim: Some(trim) }, bytes, bounds)
}

fn read_strict(strict: Strict, bytes: &[u8], bounds: Bounds) -> Result<Value, BadJson> {
    check_shape(bytes, bounds)?;
    // One look at the whole is cheaper than one at every string.
    let text = std::str::from_utf8(bytes)
        .map_err(|e| BadJson::Malformed { at: format!("byte {}", e.valid_up_to()), reason: "not UTF-8".to_owned() })?;
    let mut json = serde_json::Deserializer::from_str(text);
    let parsed = strict.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    parsed.map_err(|e| BadJson::Malformed {
        at: format!("line {} column {}", e.line(), e.column()),
        reason: quote(&e.to_string()),
    })
}

/// Reads a document of a known shape; what is wrong is told with its path.
///
/// # Errors
/// [`BadJson`].
pub fn parse_as<T: DeserializeOwned>(bytes: &[u8], bounds: Bounds) -> Result<T, BadJson> {
    check_shape(bytes, bounds)?;
    // One look at the whole is cheaper than one at every string.
    let parsed = std::str::from_utf8(bytes).ok().and_then(|text| {
        let mut json = serde_json::Deserializer::from_str(text);
        let value = T::deserialize(ByName(&mut json)).ok()?;
        json.end().ok().map(|()| value)
    });
    parsed.ok_or_else(|| explain::<T>(bytes))
}

/// Parsing once more, slower, to learn where it went wrong.
fn explain<T: DeserializeOwned>(bytes: &[u8]) -> BadJson {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let (at, reason) = match serde_path_to_error::deserialize::<_, T>(ByName(&mut json)) {
        Err(e) => (e.path().to_string(), e.inner().to_string()),
        Ok(_) => (".".to_owned(), json.end().err().map_or_else(String::new, |e| e.to_string())),
    };
    BadJson::Malformed { at: quote(&at), reason: quote(&reason) }
}

/// Refuses nesting that is too deep, and more values than are worth their memory, before anything is built or recursive
/// runs. Looks only at what is outside of strings.
///
/// # Errors
/// [`BadJson::Nesting`], [`BadJson::Values`].
pub fn check_shape(bytes: &[u8], bounds: Bounds) -> Result<(), BadJson> {
    let (mut depth, mut deepest, mut values) = (0usize, 0usize, 1usize);
    let mut rest = bytes;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'"' => rest = after_string(rest),
            b'{' | b'[' => {
                values = values.saturating_add(1);
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values = values.saturating_add(1),
            _ => {}
        }
    }
    check_bounds(deepest, values, bounds)
}

/// Bounds a document that was parsed elsewhere as [`check_shape`] bounds one that was not.
///
/// # Errors
/// [`BadJson::Nesting`], [`BadJson::Values`].
pub fn check_value(value: &Value, bounds: Bounds) -> Result<(), BadJson> {
    let (mut deepest, mut values) = (0usize, 0usize);
    let mut open = vec![(value, 0usize)];
    while let Some((value, depth)) = open.pop() {
        values = values.saturating_add(1);
        deepest = deepest.max(depth);
        check_bounds(deepest, values, bounds)?;
        let inner = depth.saturating_add(1);
        match value {
            Value::Array(list) => open.extend(list.iter().map(|v| (v, inner))),
            Value::Object(object) => open.extend(object.values().map(|v| (v, inner))),
            _ => {}
        }
    }
    Ok(())
}

fn check_bounds(depth: usize, values: usize, bounds: Bounds) -> Result<(), BadJson> {
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let (depth, values) = (count(depth), count(values));
    if depth > bounds.depth {
        return Err(BadJson::Nesting { limit: bounds.depth, actual: depth });
    }
    if values > bounds.values {
        return Err(BadJson::Values { limit: bounds.values, actual: values });
    }
    Ok(())
}

fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        let escaped = rest.get(at) == Some(&b'\\');
        rest = rest.get(at.saturating_add(if escaped { 2 } else { 1 })..).unwrap_or_default();
        if !escaped {
            return rest;
        }
    }
    &[]
}

/// Writes a document, canonically.
#[must_use]
pub fn write_canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(list) => {
            out.push('[');
            for (i, item) in list.iter().enumerate() {
                separate(i, out);
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, (key, item)) in entries.into_iter().enumerate() {
                separate(i, out);
                write_text(key, out);
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
    }
}

fn separate(i: usize, out: &mut String) {
    if i > 0 {
        out.push(',');
    }
}

fn write_number(number: &Number, out: &mut String) {
    match number.as_f64() {
        Some(float) if number.is_f64() => out.push_str(ryu_js::Buffer::new().format(float)),
        _ => out.push_str(&number.to_string()),
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Reads a value in which no object has a key twice.
#[derive(Clone, Copy)]
struct Strict {
    trim: Option<Trim>,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Value, E> {
        Number::from_f64(v).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let trim = self.trim.filter(|trim| trim.under.contains(&key.as_str()));
            match object.entry(key) {
                Entry::Vacant(entry) => {
                    let value = match trim {
                        Some(trim) => map.next_value_seed(MemberOnly(trim.keep)),
                        None => map.next_value_seed(self),
                    };
                    entry.insert(value?);
                }
                Entry::Occupied(entry) => return Err(twice(entry.key())),
            }
        }
        Ok(Value::Object(object))
    }
}

fn twice<E: serde::de::Error>(key: &str) -> E {
    E::custom(format!("the key \"{}\" stands twice", quote(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { depth: 8, values: 64 };

    fn again(text: &str) -> String {
        write_canonical(&parse_strict(text.as_bytes(), BOUNDS).unwrap_or_else(|e| panic!("{e:?}")))
    }

    #[test]
    fn written_as_rfc_8785_says() {
        let text =
            r#"{ "€": 1, "\r": 2, "ﬁ": 3, "1": 4, "😀": 5, "ö": [1.0, 1e21, 0.000001, 1e-7, -0.0, true, null] }"#;
        let out = "{\"\\r\":2,\"1\":4,\"ö\":[1,1e+21,0.000001,1e-7,0,true,null],\"€\":1,\"😀\":5,\"ﬁ\":3}";
        assert_eq!(again(text), out);
        assert_eq!(again("\"\\u000f\\u0041\\/\\\"\\\\\\b\""), "\"\\u000fA/\\\"\\\\\\b\"");
    }

    #[test]
    fn large_integers_keep_their_digits() {
        for n in ["18446744073709551615", "-9223372036854775808", "9007199254740993"] {
            assert_eq!(again(n), n);
        }
        assert_eq!(again("100000000000000000000000"), "1e+23");
    }

    #[test]
    fn duplicate_keys_are_malformed() {
        assert!(matches!(parse_strict(br#"{"a":{"b":1,"b":2}}"#, BOUNDS), Err(BadJson::Malformed { .. })));
        assert!(parse_strict(b"{} {}", BOUNDS).is_err());
    }

    #[test]
    fn numbers_survive() {
        let numbers = "[18446744073709551615,-9223372036854775808,1.5]";
        assert_eq!(again(numbers), numbers);
    }

    #[test]
    fn what_is_left_out_is_read_as_strictly() {
        let trim = Trim { under: &["event", "EVENT"], keep: "inputs" };
        let read = |text: &str| parse_trimmed(text.as_bytes(), BOUNDS, trim);
        let text = r#"{"a":{"EVENT":{"x":[{"y":1},null,true,-1.5,"s\u0041"],"inputs":{"i":[1]}},"x":1}}"#;
        assert_eq!(read(text), Ok(serde_json::json!({"a": {"EVENT": {"inputs": {"i": [1]}}, "x": 1}})));
        assert_eq!(read(r#"{"event":"s"}"#), Ok(serde_json::json!({"event": {}})));
        for bad in [
            r#"{"event":{"x":{"y":1,"y":1}}}"#,
            r#"{"event":{"x":1,"\u0078":1}}"#,
            r#"{"event":{"inputs":1,"inputs":1}}"#,
            r#"{"event":{"inputs":{"a":1,"a":1}}}"#,
            r#"{"event":[{"a":1,"a":1}]}"#,
            r#"{"event":1,"event":1}"#,
            r#"{"event":{"x":01}}"#,
        ] {
            assert!(matches!(read(bad), Err(BadJson::Malformed { .. })), "{bad}");
        }
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let bounds = Bounds { depth: 3, values: 8 };
        assert_eq!(parse_strict(b"[[[[]]]]", bounds), Err(BadJson::Nesting { limit: 3, actual: 4 }));
        assert_eq!(parse_strict(b"[1,1,1,1,1,1,1,1]", bounds), Err(BadJson::Values { limit: 8, actual: 9 }));
        assert!(check_value(&serde_json::json!([[[[1]]]]), bounds).is_err());
        assert!(check_value(&serde_json::json!([1, 1, 1, 1, 1, 1, 1, 1]), bounds).is_err());
        assert!(check_value(&serde_json::json!([["]]]]"]]), bounds).is_ok());
    }

    #[test]
    fn depth_ignores_strings() {
        let check = |json: &[u8], depth| check_shape(json, Bounds { depth, values: 64 });
        assert!(check(br#"{"a":"[[[[\"[[[["}"#, 1).is_ok());
        assert!(check(b"[[]]", 2).is_ok());
        assert!(check(b"[[[]]]", 2).is_err());
    }

    #[test]
    fn a_list_is_no_message() {
        #[derive(serde::Deserialize, Debug, PartialEq)]
        struct Outer {
            inner: Option<Vec<Inner>>,
        }
        #[derive(serde::Deserialize, Debug, PartialEq)]
        struct Inner {
            text: Option<String>,
        }
        let read = |json: &str| parse_as::<Outer>(json.as_bytes(), BOUNDS);
        let inner = Inner { text: Some("a".to_owned()) };
        assert_eq!(read(r#"{"inner":[{"text":"a"}]}"#), Ok(Outer { inner: Some(vec![inner]) }));
        for json in
            ["[]", "[[]]", r#"[[{"text":"a"}]]"#, r#"{"inner":[["a"]]}"#, r#"{"inner":[[]]}"#, r#"{"inner":[]} 1"#]
        {
            assert!(matches!(read(json), Err(BadJson::Malformed { .. })), "{json}");
        }
    }
}
