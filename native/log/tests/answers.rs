//! Whole answers of a service, as native/fixtures makes them, and each value in them changed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test")]

use std::fs;

use provenance_log::answer::{Answer, Demands, Verified, envelope_of};
use provenance_log::keys::Trust;
use provenance_log::limits;
use serde_json::{Value, json};

const PREFIX: &str = "https://hex.pm/attestation";

fn file(path: &str) -> Vec<u8> {
    fs::read(format!("{}/../../test/log/fixtures/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn answer(name: &str) -> Value {
    serde_json::from_slice(&file(&format!("answers/{name}.json"))).unwrap()
}

fn verify(answer: &Value) -> provenance_log::Result<Verified> {
    let trust = Trust::parse(&file("trust/trust.json")).unwrap();
    let demands = Demands { trust: &trust, prefix: PREFIX, freshness: None, package: None };
    Answer::parse(answer.to_string().as_bytes())?.verify(&demands)
}

/// All that is told of an answer, but for the service's word on where to go on.
fn told(verified: &Verified) -> String {
    let Verified { checkpoint, witnessed, lists, linked, withheld, .. } = verified;
    format!("{checkpoint:?} {witnessed:?} {lists:?} {linked:?} {withheld:?}")
}

/// The path of every value.
fn paths(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| paths(value, &format!("{at}/{key}"), found)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| paths(value, &format!("{at}/{i}"), found)),
        _ => {}
    }
    found.push(at.to_owned());
}

fn changes(value: &Value) -> Vec<Value> {
    match value {
        Value::String(text) => {
            let mut flipped = text.clone().into_bytes();
            if let Some(byte) = flipped.get_mut(text.len() / 2) {
                *byte = if *byte == b'A' { b'B' } else { b'A' };
            }
            vec![json!(String::from_utf8_lossy(&flipped)), json!(format!("{text}x")), json!(""), json!(1), Value::Null]
        }
        Value::Number(number) => {
            vec![json!(number.as_u64().unwrap() + 1), json!(0), json!(-1), json!("1"), Value::Null]
        }
        Value::Array(list) => {
            let less = list.iter().skip(1).cloned().collect();
            vec![json!([]), Value::Array(less), json!({}), Value::Null]
        }
        Value::Object(_) => vec![json!({}), json!([]), Value::Null],
        _ => vec![json!({}), json!(1)],
    }
}

#[test]
fn no_value_can_be_changed_unnoticed() {
    for name in ["history", "query", "nothing", "young", "digest"] {
        let original = answer(name);
        let expected = told(&verify(&original).unwrap());
        let mut all = Vec::new();
        paths(&original, "", &mut all);
        for path in all {
            for changed in changes(original.pointer(&path).unwrap()) {
                let mut answer = original.clone();
                *answer.pointer_mut(&path).unwrap() = changed.clone();
                let Ok(verified) = verify(&answer) else { continue };
                let same = told(&verified) == expected;
                assert!(same || may_differ(&path, &verified), "{name}: {path} as {changed} made a difference");
            }
        }
    }
}

/// What a service may leave out or call otherwise, and what then is told: less, never more.
fn may_differ(path: &str, verified: &Verified) -> bool {
    let keys: Vec<_> = path.split('/').skip(1).filter(|key| key.parse::<u32>().is_err()).collect();
    let unproven = verified.lists.iter().any(|list| !list.whole);
    let redacted = verified.lists.iter().any(|list| list.items.iter().any(|item| item.signed.is_none()));
    match keys.as_slice() {
        ["linked", ..] => !verified.withheld.is_empty(),
        [.., "items"] | ["head" | "heads"] | ["releases", "head"] => unproven,
        ["items" | "releases", .., "bundle"] | ["items", ..] => redacted || unproven,
        // What was asked for is for whoever asked to compare: another package may be absent as well.
        ["releases"] | ["releases", "version" | "digest"] => true,
        ["releases" | "head", "package"] => verified.lists.iter().any(|list| list.head == Some(None)),
        _ => false,
    }
}

#[test]
fn what_is_no_answer() {
    let code = |json: &[u8]| Answer::parse(json).map_err(|e| e.code()).err();
    assert_eq!(code(b""), Some("malformed"));
    assert_eq!(code(b"[]"), Some("malformed"));
    assert_eq!(code(b"{}"), Some("malformed"));
    assert_eq!(code(&vec![b' '; limits::ANSWER_BYTES + 1]), Some("input_too_large"));
    assert_eq!(code(format!("[{}]", "1,".repeat(600_000)).as_bytes()), Some("input_too_large"));
    assert_eq!(code("[".repeat(100).as_bytes()), Some("input_too_large"));
}

#[test]
fn envelopes_out_of_bundles() {
    let bundle = &answer("history")["items"][0]["bundle"];
    let envelope = envelope_of(bundle.to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&envelope.write()).unwrap(), bundle["dsseEnvelope"]);
    assert!(envelope_of(b"{}").is_err());
    assert!(envelope_of(&vec![b' '; limits::ENVELOPE_BYTES + 1]).is_err());
}
