//! Laws of the small languages and structures that verification rests on, each against a plain reference.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "tests"
)]

#[path = "mutation/der.rs"]
#[allow(dead_code, reason = "shared with the mutation suite")]
mod der;
#[path = "mutation/forge.rs"]
#[allow(dead_code, reason = "shared with the mutation suite")]
mod forge;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use provenance_fixtures::{KeyKind, Recipe, Scheme};
use provenance_sigstore::evidence::VerifiedCheckpoint;
use provenance_sigstore::identity::MAX_MATCHER;
use provenance_sigstore::{
    Bundle, Certificate, Content, Error, HashAlgorithm, Limits, Matcher, PublicKey, Source, Statement, Time, TrustRoot,
    Validity, hex_decode, hex_encode,
};
use serde_json::{Value, json};

use crate::forge::{Draft, Forge, bytes};

fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

// --- The language of identities.

/// A piece of a pattern, as the documentation words it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Piece {
    Char(char),
    Star,
    TwoStars,
}

/// What the documentation says is a pattern.
fn read_pattern(pattern: &str) -> Option<Vec<Piece>> {
    if pattern.is_empty() || pattern.len() > MAX_MATCHER {
        return None;
    }
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("***") {
            return None;
        }
        let (piece, taken) = if rest.starts_with("**") {
            (Piece::TwoStars, 2)
        } else if c == '*' {
            (Piece::Star, 1)
        } else if c == '\\' {
            let next = rest[1..].chars().next()?;
            (Piece::Char(next), 1 + next.len_utf8())
        } else {
            (Piece::Char(c), c.len_utf8())
        };
        pieces.push(piece);
        rest = &rest[taken..];
    }
    pieces.iter().any(|p| matches!(p, Piece::Char(_))).then_some(pieces)
}

/// All of `text`, by trying every length for every run.
fn naive_match(pieces: &[Piece], text: &[char]) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return text.is_empty() };
    let run = |stops: &[char]| {
        let longest = text.iter().take_while(|c| !stops.contains(c)).count();
        (0..=longest).any(|n| naive_match(rest, &text[n..]))
    };
    match first {
        Piece::Char(c) => text.first() == Some(c) && naive_match(rest, &text[1..]),
        Piece::Star => run(&['/', '@']),
        Piece::TwoStars => run(&['@']),
    }
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn patterns_match_what_the_documentation_says(pattern in "[ab/@*\\\\é]{0,9}", text in "[ab/@*é]{0,9}") {
        let expected = read_pattern(&pattern);
        let matcher = Matcher::pattern(&pattern);
        prop_assert_eq!(matcher.is_ok(), expected.is_some(), "{:?}", pattern);
        if let (Ok(matcher), Some(pieces)) = (matcher, expected) {
            let chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(matcher.matches(&text), naive_match(&pieces, &chars), "{:?} and {:?}", pattern, text);
        }
    }

    #[test]
    fn an_exact_matcher_matches_itself_only(a in ".{1,20}", b in ".{0,20}") {
        let matcher = Matcher::exact(&a).unwrap();
        prop_assert!(matcher.matches(&a));
        prop_assert_eq!(matcher.matches(&b), a == b);
        for near in [format!("{a} "), format!("{a}\0"), format!("{a}\n"), a.to_uppercase(), format!(" {a}")] {
            prop_assert_eq!(matcher.matches(&near), near == a);
        }
    }

    #[test]
    fn an_escaped_text_is_its_own_pattern(a in ".{1,20}", b in ".{0,20}") {
        let escaped: String = a.chars().flat_map(|c| ['\\', c]).collect();
        let matcher = Matcher::pattern(&escaped).unwrap();
        prop_assert!(matcher.matches(&a));
        prop_assert_eq!(matcher.matches(&b), a == b);
    }

    #[test]
    fn what_is_around_a_match_never_matters(pattern in "[ab/@*]{1,9}", inside in "[ab/@]{0,9}", around in "[xy]{1,3}") {
        // No star of the pattern stands at its end: then nothing may be added there.
        if let Ok(matcher) = Matcher::pattern(&format!("a{pattern}b")) {
            let (before, behind) = (format!("{around}a{inside}b"), format!("a{inside}b{around}"));
            prop_assert!(!matcher.matches(&before) && !matcher.matches(&behind));
        }
    }
}

#[test]
fn patterns_take_time_in_proportion() {
    let text = "a".repeat(8192);
    let worst = ["*a", "**a", "a*", "a**b*", "*a**b"].map(|unit| unit.repeat(MAX_MATCHER / unit.len()));
    let time = |pattern: &str, text: &str| {
        let matcher = Matcher::pattern(pattern).unwrap();
        let began = Instant::now();
        std::hint::black_box(matcher.matches(text));
        began.elapsed()
    };
    for pattern in worst {
        // The better of two: the machine may be busy.
        let spent = time(&pattern, &text).min(time(&pattern, &text));
        assert!(spent < Duration::from_millis(500), "{spent:?} for {}...", &pattern[..8]);
    }
}

// --- Statements.

/// JSON as text, which may have a key twice in one object.
#[derive(Debug, Clone)]
enum Json {
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    fn write(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::List(list) => format!("[{}]", list.iter().map(Self::write).collect::<Vec<_>>().join(", ")),
            Self::Object(members) => {
                let member = |(key, value): &(String, Self)| format!("{}: {}", json!(key), value.write());
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn has_duplicate(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::List(list) => list.iter().any(Self::has_duplicate),
            Self::Object(members) => {
                let keys: BTreeMap<_, _> = members.iter().map(|(key, _)| (key, ())).collect();
                keys.len() < members.len() || members.iter().any(|(_, value)| value.has_duplicate())
            }
        }
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let number = prop_oneof![any::<i64>().prop_map(|n| n.to_string()), any::<u64>().prop_map(|n| n.to_string())];
    let float = any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| json!(n).to_string());
    let word = prop_oneof![Just("null".to_owned()), Just("true".to_owned()), Just("false".to_owned())];
    let text =
        prop_oneof![number, float, word, any::<String>().prop_map(|s| json!(s).to_string())].prop_map(Json::Text);
    text.prop_recursive(6, 40, 5, |inner| {
        let members = vec(("[abc]{1,2}|.{0,3}", inner.clone()), 0..5);
        prop_oneof![vec(inner, 0..5).prop_map(Json::List), members.prop_map(Json::Object)]
    })
}

fn statement(predicate: &str) -> String {
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"00"}}}}],"predicateType":"t","predicate":{predicate}}}"#
    )
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_statement_is_read_as_written_or_refused_for_a_key_that_stands_twice(predicate in any_json()) {
        let text = statement(&predicate.write());
        match Statement::parse(text.as_bytes(), &Limits::default()) {
            Ok(statement) => {
                prop_assert!(!predicate.has_duplicate());
                prop_assert_eq!(statement.document, serde_json::from_str::<Value>(&text).unwrap());
            }
            Err(error) => {
                prop_assert!(predicate.has_duplicate(), "{}: {}", error, text);
                prop_assert_eq!(error.code(), "malformed");
            }
        }
    }

    #[test]
    fn a_key_in_another_spelling_is_the_same_key(key in "[a-z]{1,8}", at in any::<prop::sample::Index>()) {
        let at = at.index(key.len());
        let spelled = format!("{}\\u{:04x}{}", &key[..at], u32::from(key.as_bytes()[at]), &key[at + 1..]);
        let text = statement(&format!("{{\"{key}\":1,\"{spelled}\":2}}"));
        let answer = Statement::parse(text.as_bytes(), &Limits::default());
        prop_assert_eq!(answer.map(drop).map_err(|e| e.code()), Err("malformed"));
    }
}

// --- Inclusion proofs.

static FORGE: LazyLock<Forge> = LazyLock::new(Forge::new);
static LOGGED: LazyLock<Draft> = LazyLock::new(|| FORGE.draft(Recipe::rekor_v2()));

type Hash = [u8; 32];

fn sha256(parts: &[&[u8]]) -> Hash {
    HashAlgorithm::Sha256.digest(&parts.concat()).try_into().unwrap()
}

/// RFC 6962, section 2.1: how many leaves are on the left.
fn split(size: u64) -> u64 {
    let half = size.div_ceil(2);
    half.next_power_of_two()
}

/// RFC 6962, section 2.1, by its definition: the root over leaf `index` of `size`, with the hashes of its path from the
/// leaf up; `None` when there are too few or too many.
fn naive_root(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    if size == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (sibling, below) = path.split_last()?;
    let left = split(size);
    if index < left {
        Some(sha256(&[&[1], &naive_root(leaf, index, left, below)?, sibling]))
    } else {
        Some(sha256(&[&[1], sibling, &naive_root(leaf, index - left, size - left, below)?]))
    }
}

fn path_length(index: u64, size: u64) -> usize {
    match (size, split(size.max(2))) {
        (0 | 1, _) => 0,
        (_, left) if index < left => 1 + path_length(index, left),
        (_, left) => 1 + path_length(index - left, size - left),
    }
}

struct Proof {
    index: u64,
    size: u64,
    path: Vec<Hash>,
    root: Hash,
}

/// What verification says of `proof`, in a checkpoint that the log signed.
fn verified(proof: &Proof) -> Result<(), Error> {
    let mut draft = LOGGED.clone();
    let root = STANDARD.encode(proof.root);
    let entry = draft.entry();
    entry["logIndex"] = proof.index.to_string().into();
    entry["inclusionProof"]["logIndex"] = proof.index.to_string().into();
    entry["inclusionProof"]["treeSize"] = proof.size.to_string().into();
    entry["inclusionProof"]["rootHash"] = root.clone().into();
    entry["inclusionProof"]["hashes"] = proof.path.iter().map(|h| STANDARD.encode(h)).collect::<Vec<_>>().into();
    FORGE.set_checkpoint(&mut draft, |text| {
        let size = proof.size.to_string();
        let mut lines: Vec<&str> = text.split('\n').collect();
        (lines[1], lines[2]) = (&size, &root);
        lines.join("\n")
    });
    FORGE.verify(&draft.recipe, &draft.encode(), Limits::default()).map(drop)
}

fn leaf() -> Hash {
    sha256(&[&[0], &bytes(&LOGGED.clone().entry()["canonicalizedBody"])])
}

fn any_place() -> impl Strategy<Value = (u64, u64)> {
    let size = prop_oneof![1..40u64, 1..100_000u64, 1..=(i64::MAX as u64)];
    size.prop_flat_map(|size| (0..size, Just(size)))
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn inclusion_proofs_hold_by_definition(
        (index, size) in any_place(),
        noise in vec(any::<Hash>(), 64),
        change in 0..7usize,
        at in any::<prop::sample::Index>(),
    ) {
        let path = noise[..path_length(index, size)].to_vec();
        let root = naive_root(leaf(), index, size, &path).unwrap();
        let mut proof = Proof { index, size, path, root };
        prop_assert_eq!(verified(&proof), Ok(()));

        match change {
            0 => proof.path.push(noise[63]),
            1 if !proof.path.is_empty() => drop(proof.path.remove(at.index(proof.path.len()))),
            2 if !proof.path.is_empty() => {
                let at = at.index(proof.path.len());
                proof.path[at][7] ^= 1;
            }
            3 => proof.root[0] ^= 0x80,
            4 => proof.index = proof.index.wrapping_add(1) & (i64::MAX as u64),
            5 => proof.size = proof.size.saturating_sub(1),
            _ => proof.path.reverse(),
        }
        let holds = naive_root(leaf(), proof.index, proof.size, &proof.path) == Some(proof.root);
        let answer = verified(&proof).map_err(|e| e.code());
        prop_assert_eq!(answer, if holds { Ok(()) } else { Err("inclusion_mismatch") });
    }
}

#[test]
fn every_leaf_of_every_small_tree() {
    for size in 1..=17 {
        for index in 0..size {
            let path: Vec<Hash> = (0..path_length(index, size)).map(|i| [i as u8; 32]).collect();
            let root = naive_root(leaf(), index, size, &path).unwrap();
            assert_eq!(verified(&Proof { index, size, path, root }), Ok(()), "{index} of {size}");
        }
    }
}

// --- Checkpoints.

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn checkpoints_are_read_as_signed(
        name in "[a-z.]{1,20}|[!-*,-~\u{a1}-\u{ff}]{1,20}",
        shard in prop::option::of("[0-9]{1,20}"),
        extensions in vec("[!-~ ]{1,30}", 0..4),
        witnesses in vec("[a-z/.]{1,20}", 0..5),
        first in any::<bool>(),
    ) {
        let mut draft = LOGGED.clone();
        let proof = &mut draft.entry()["inclusionProof"];
        let (size, root) = (proof["treeSize"].as_str().unwrap().to_owned(), bytes(&proof["rootHash"]));
        let envelope = proof["checkpoint"]["envelope"].as_str().unwrap();
        let hint = STANDARD.decode(envelope.trim_end().rsplit_once(' ').unwrap().1).unwrap()[..4].to_vec();
        let origin = shard.map_or_else(|| name.clone(), |shard| format!("{name} - {shard}"));
        let extra: String = extensions.iter().map(|line| format!("{line}\n")).collect();
        let text = format!("{origin}\n{size}\n{}\n{extra}", STANDARD.encode(&root));
        let key = FORGE.world.key(KeyKind::Ed25519, "log2025 current");
        let own = [hint, key.sign(Scheme::Ed25519, text.as_bytes())].concat();
        let own = format!("\u{2014} {name} {}\n", STANDARD.encode(own));
        let others: String = witnesses.iter().map(|w| format!("\u{2014} {w} {}\n", STANDARD.encode([9; 68]))).collect();
        let lines = if first { own + &others } else { others + &own };
        proof["checkpoint"]["envelope"] = format!("{text}\n{lines}").into();

        let evidence = FORGE.verify(&draft.recipe, &draft.encode(), Limits::default());
        let checkpoint = evidence.map(|e| e.log_entries[0].checkpoint.clone());
        let root_hash = root.try_into().unwrap();
        let expected = VerifiedCheckpoint { origin, size: size.parse().unwrap(), root_hash, other_signatures: witnesses };
        prop_assert_eq!(checkpoint, Ok(Some(expected)));
    }
}

// --- Codecs, through the bundles they are in.

fn with_signature(base64: &str) -> Result<Vec<u8>, Error> {
    let zero = STANDARD.encode([0; 32]);
    let json = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "publicKey": {} },
        "messageSignature": {
            "messageDigest": { "algorithm": "SHA2_256", "digest": zero },
            "signature": base64,
        },
    });
    Bundle::parse(json.to_string().as_bytes(), &Limits::default()).map(|bundle| match bundle.content {
        Content::Message(message) => message.signature,
        Content::Envelope(_) => panic!("not a message"),
    })
}

/// RFC 4648, sections 4 and 5, digit by digit; padding is whole or missing.
fn naive_base64(text: &str) -> Option<Vec<u8>> {
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    if bare.len() % 4 == 1 || padding > 0 && !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let with = |alphabet: &[u8; 64]| {
        let digit = |b: u8| alphabet.iter().position(|a| *a == b);
        let bits: Option<String> = bare.bytes().map(|b| Some(format!("{:06b}", digit(b)?))).collect();
        let bits = bits?;
        let (whole, rest) = bits.split_at(bits.len() / 8 * 8);
        if rest.contains('1') {
            return None;
        }
        whole.as_bytes().chunks(8).map(|b| u8::from_str_radix(std::str::from_utf8(b).unwrap(), 2).ok()).collect()
    };
    with(STANDARD).or_else(|| with(URL)).filter(|bytes: &Vec<u8>| !bytes.is_empty())
}

fn with_entry(field: &str, value: Value) -> Result<(u64, Option<i64>), Error> {
    let mut entry = json!({
        "logId": { "keyId": "AA==" },
        "kindVersion": { "kind": "", "version": "" },
        "canonicalizedBody": "AA==",
    });
    entry[field] = value;
    let json = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "publicKey": {}, "tlogEntries": [entry] },
        "dsseEnvelope": { "payload": "AA==", "payloadType": "", "signatures": [{ "sig": "AA==" }] },
    });
    let bundle = Bundle::parse(json.to_string().as_bytes(), &Limits::default())?;
    Ok((bundle.log_entries[0].index, bundle.log_entries[0].integrated_time))
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn base64_of_every_spelling(bytes in vec(any::<u8>(), 1..60)) {
        for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            prop_assert_eq!(with_signature(&engine.encode(&bytes)), Ok(bytes.clone()));
        }
    }

    #[test]
    fn base64_as_by_its_definition(text in "[A-Da-b0-1+/=_-]{0,9}|[A-Za-z0-9+/]{0,12}={0,3}|.{0,6}") {
        prop_assert_eq!(with_signature(&text).ok(), naive_base64(&text), "{:?}", text);
    }

    #[test]
    fn integers_in_every_spelling(n in any::<i64>()) {
        let nonzero = Some(n).filter(|n| *n != 0);
        for spelled in [json!(n), json!(n.to_string())] {
            prop_assert_eq!(with_entry("integratedTime", spelled.clone()).map(|e| e.1), Ok(nonzero));
            let index = with_entry("logIndex", spelled).map(|e| e.0).map_err(|e| e.code());
            prop_assert_eq!(index, u64::try_from(n).map_err(|_| "malformed"));
        }
    }

    #[test]
    fn what_is_no_integer(text in "[-+ 0-9.eE_x]{0,8}|.{0,4}") {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let signed = text.strip_prefix('-').is_some_and(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()));
        prop_assert_eq!(with_entry("integratedTime", json!(text)).is_ok(), plain || signed, "{:?}", text);
    }

    #[test]
    fn hexadecimal(bytes in vec(any::<u8>(), 0..40), text in "[0-9a-fA-F]{0,8}|.{0,6}") {
        let encoded = hex_encode(&bytes);
        prop_assert_eq!(hex_decode(&encoded), Some(bytes.clone()));
        prop_assert_eq!(hex_decode(&encoded.to_uppercase()), Some(bytes));
        let expected = text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
        prop_assert_eq!(hex_decode(&text).is_some(), expected);
        if let Some(decoded) = hex_decode(&text) {
            prop_assert_eq!(hex_encode(&decoded), text.to_lowercase());
        }
    }
}

// --- Time.

fn any_time() -> impl Strategy<Value = Time> {
    // The years 0001 to 9998: RFC 3339 has four digits, and an offset may move a time by a day.
    let seconds = prop_oneof![-62_135_500_000..253_370_000_000i64, -5..5i64, 1_700_000_000..1_800_000_000i64];
    (seconds, prop_oneof![Just(0), 0..1_000_000_000u32]).prop_map(|(seconds, nanos)| Time { seconds, nanos })
}

/// Days since 1970-01-01 as year, month and day, counted year by year and month by month.
fn civil(days: i64) -> (i64, i64, i64) {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    // 400 years have 146,097 days.
    let (mut year, mut rest) = (1970 + 400 * days.div_euclid(146_097), days.rem_euclid(146_097));
    while rest >= 365 + i64::from(leap(year)) {
        rest -= 365 + i64::from(leap(year));
        year += 1;
    }
    let months = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while rest >= months[month] {
        rest -= months[month];
        month += 1;
    }
    (year, month as i64 + 1, rest + 1)
}

fn rfc3339(time: Time, offset_minutes: i64) -> String {
    let local = time.seconds + offset_minutes * 60;
    let ((year, month, day), second) = (civil(local.div_euclid(86_400)), local.rem_euclid(86_400));
    let fraction = if time.nanos == 0 { String::new() } else { format!(".{:09}", time.nanos) };
    let zone = match offset_minutes {
        0 => "Z".to_owned(),
        m => format!("{}{:02}:{:02}", if m < 0 { '-' } else { '+' }, m.abs() / 60, m.abs() % 60),
    };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}")
}

fn any_validity() -> impl Strategy<Value = Validity> {
    let end = || prop::option::of((0..12i64, 0..2u32).prop_map(|(seconds, nanos)| Time { seconds, nanos }));
    (end(), end()).prop_map(|(start, end)| Validity { start, end })
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn times_are_read_as_written(time in any_time(), offset in prop_oneof![Just(0), -1439..1440i64]) {
        let text = rfc3339(time, offset);
        prop_assert_eq!(Time::parse_rfc3339(&text), Some(time), "{}", text);
    }

    #[test]
    fn times_are_ordered_as_they_are_written(a in any_time(), b in any_time()) {
        prop_assert_eq!(a.cmp(&b), rfc3339_key(a).cmp(&rfc3339_key(b)));
    }

    #[test]
    fn anything_else_is_no_time(text in "[0-9TZ:+.-]{0,25}|.{0,20}") {
        // Whatever is read as a time is one of the four-digit years, with a date, a clock and a zone.
        if let Some(time) = Time::parse_rfc3339(&text) {
            prop_assert!(time.nanos < 1_000_000_000);
            prop_assert!(text.len() >= "2025-01-01T00Z".len(), "{:?}", text);
        }
    }

    #[test]
    fn what_is_within_both_is_within_their_intersection(a in any_validity(), b in any_validity(), c in any_validity()) {
        let both = a.intersect(&b);
        prop_assert_eq!(both, b.intersect(&a));
        let left = both.and_then(|both| both.intersect(&c));
        let right = b.intersect(&c).and_then(|both| a.intersect(&both));
        let moments = (-1..13).flat_map(|seconds| (0..3).map(move |nanos| Time { seconds, nanos }));
        for time in moments {
            let within = |v: Option<Validity>| v.is_some_and(|v| v.contains(time));
            prop_assert_eq!(within(both), a.contains(time) && b.contains(time));
            prop_assert_eq!(within(left), within(right));
            prop_assert!(Validity::default().contains(time));
        }
        let empty = |v: Validity| matches!((v.start, v.end), (Some(s), Some(e)) if s > e);
        prop_assert_eq!(a.intersect(&a), (!empty(a)).then_some(a));
        prop_assert_eq!(a.intersect(&Validity::default()), (!empty(a)).then_some(a));
    }
}

fn rfc3339_key(time: Time) -> String {
    let text = rfc3339(time, 0);
    format!("{}.{:09}", text[..19].replace('Z', ""), time.nanos)
}

// --- Anything at all.

static WHOLE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let stamped = FORGE.stamped();
    let key = FORGE.world.key(KeyKind::P256, "any");
    let rsa = FORGE.world.key(KeyKind::Rsa2048, "any");
    let certificate = bytes(&stamped.json["verificationMaterial"]["certificate"]["rawBytes"]);
    let payload = bytes(&stamped.json["dsseEnvelope"]["payload"]);
    let root = FORGE.world.trusted_root_json().into_bytes();
    let keys = [key.spki(), rsa.spki(), key.pem().into_bytes()];
    [stamped.encode(), root, certificate, payload].into_iter().chain(keys).collect()
});

fn read_as_anything(input: &[u8]) {
    let limits = Limits::default();
    let _ = Bundle::parse(input, &limits);
    let _ = TrustRoot::parse(input, Source::File, &limits);
    let _ = Statement::parse(input, &limits);
    let _ = Certificate::parse(input, &limits);
    let _ = PublicKey::from_spki("key", input);
    let _ = PublicKey::from_pem("key", input);
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn any_bytes_are_read_or_refused(input in vec(any::<u8>(), 0..600)) {
        read_as_anything(&input);
    }

    #[test]
    fn any_text_is_read_or_refused(input in "[\\[\\]{}\",:\\\\0-9a-f]{0,80}|.{0,80}") {
        read_as_anything(input.as_bytes());
    }

    #[test]
    fn nearly_valid_bytes_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut input = WHOLE[which.index(WHOLE.len())].clone();
        for (at, byte) in changes {
            let at = at.index(input.len());
            input[at] = byte;
        }
        if let Some(cut) = cut {
            input.truncate(cut.index(input.len()));
        }
        read_as_anything(&input);
    }
}
