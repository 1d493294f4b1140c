//! JSON read strictly and written canonically.
//!
//! Reading refuses an object with a key twice: where parsers differ on duplicates, a signed document could mean one
//! thing here and another elsewhere. Writing follows RFC 8785 (keys by UTF-16 code units, shortest numbers, no
//! spaces), except that integers beyond 2^53 keep all their digits.

mod skip;

use std::fmt;

use memchr::memchr2;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::error::{Fault, Result, quote};
use crate::limits::{Limits, within};
use skip::InputsOnly;

/// Reads a document.
///
/// # Errors
/// `input_too_large`, `malformed`.
pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Result<Value> {
    parse_as(Strict { whole: true }, bytes, limits)
}

/// Reads a document as [`parse`], but of the event that started a GitHub workflow (most of such a provenance) keeps only
/// the `inputs`. What is left out is read as strictly.
pub(crate) fn parse_to_judge(bytes: &[u8], limits: &Limits) -> Result<Value> {
    parse_as(Strict { whole: false }, bytes, limits)
}

fn parse_as(strict: Strict, bytes: &[u8], limits: &Limits) -> Result<Value> {
    within("statement bytes", limits.statement_bytes, bytes.len())?;
    check_shape(bytes, limits)?;
    // One look at the whole is cheaper than one at every string.
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let at = format!("byte {}", e.valid_up_to());
        Fault::Malformed { format: "in-toto statement", at, reason: "not UTF-8".to_owned() }
    })?;
    let mut json = serde_json::Deserializer::from_str(text);
    let parsed = strict.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    parsed.map_err(|e| {
        let at = format!("line {} column {}", e.line(), e.column());
        Fault::Malformed { format: "in-toto statement", at, reason: quote(&e.to_string()) }.into()
    })
}

/// Writes a document, canonically.
pub(crate) fn write(value: &Value, out: &mut String) {
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

/// Refuses nesting that is too deep, and more values than are worth their memory, before anything is built or recursive
/// runs. Looks only at what is outside of strings.
fn check_shape(bytes: &[u8], limits: &Limits) -> Result<()> {
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
    within("statement nesting", limits.json_depth, deepest)?;
    within("statement values", limits.json_values, values)
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

/// Bounds a document that was parsed elsewhere as [`parse`] bounds its own.
pub(crate) fn check_value(value: &Value, limits: &Limits) -> Result<()> {
    let (mut deepest, mut values) = (0usize, 0usize);
    let mut open = vec![(value, 0usize)];
    while let Some((value, depth)) = open.pop() {
        values = values.saturating_add(1);
        deepest = deepest.max(depth);
        within("statement nesting", limits.json_depth, deepest)?;
        within("statement values", limits.json_values, values)?;
        let inner = depth.saturating_add(1);
        match value {
            Value::Array(list) => open.extend(list.iter().map(|v| (v, inner))),
            Value::Object(object) => open.extend(object.values().map(|v| (v, inner))),
            _ => {}
        }
    }
    Ok(())
}

/// Reads a value in which no object has a key twice.
#[derive(Clone, Copy)]
struct Strict {
    whole: bool,
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
        number(v).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
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
            let event = !self.whole && matches!(key.as_str(), "GITHUB_EVENT_PAYLOAD" | "github_event_payload");
            match object.entry(key) {
                Entry::Vacant(entry) => {
                    let value = if event { map.next_value_seed(InputsOnly) } else { map.next_value_seed(self) };
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

/// `1.0` and `1` are one number: both are kept as the integer, so that what is written is read as the same again.
fn number(v: f64) -> Option<Number> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn again(text: &str) -> String {
        let mut out = String::new();
        write(&parse(text.as_bytes(), &Limits::default()).unwrap(), &mut out);
        out
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
        let e = parse(br#"{"a":{"b":1,"b":2}}"#, &Limits::default()).unwrap_err();
        assert_eq!(e.code(), "malformed");
        assert!(parse(b"{} {}", &Limits::default()).is_err());
    }

    #[test]
    fn what_is_left_out_is_read_as_strictly() {
        let limits = Limits::default();
        let read = |text: &str| parse_to_judge(text.as_bytes(), &limits);
        let text =
            r#"{"a":{"GITHUB_EVENT_PAYLOAD":{"x":[{"y":1},null,true,-1.5,"s\u0041"],"inputs":{"i":[1]}},"x":1}}"#;
        let kept = serde_json::json!({"a": {"GITHUB_EVENT_PAYLOAD": {"inputs": {"i": [1]}}, "x": 1}});
        assert_eq!(read(text), Ok(kept));
        assert_eq!(read(r#"{"github_event_payload":"s"}"#), Ok(serde_json::json!({"github_event_payload": {}})));
        for bad in [
            r#"{"github_event_payload":{"x":{"y":1,"y":1}}}"#,
            r#"{"github_event_payload":{"x":1,"\u0078":1}}"#,
            r#"{"github_event_payload":{"inputs":1,"inputs":1}}"#,
            r#"{"github_event_payload":{"inputs":{"a":1,"a":1}}}"#,
            r#"{"github_event_payload":[{"a":1,"a":1}]}"#,
            r#"{"github_event_payload":1,"github_event_payload":1}"#,
            r#"{"github_event_payload":{"x":01}}"#,
        ] {
            assert_eq!(read(bad).unwrap_err().code(), "malformed", "{bad}");
        }
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let limits = Limits { json_depth: 3, json_values: 8, ..Limits::default() };
        assert_eq!(parse(b"[[[[]]]]", &limits).unwrap_err().code(), "input_too_large");
        assert_eq!(parse(b"[1,1,1,1,1,1,1,1,1]", &limits).unwrap_err().code(), "input_too_large");
        assert!(check_value(&serde_json::json!([[[[1]]]]), &limits).is_err());
        assert!(check_value(&serde_json::json!([1, 1, 1, 1, 1, 1, 1, 1]), &limits).is_err());
        assert!(check_value(&serde_json::json!([["]]]]"]]), &limits).is_ok());
    }
}
