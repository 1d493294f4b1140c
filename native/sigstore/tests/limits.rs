//! Every limit at its edge and one past it; and inputs made to cost as much as their bytes allow.

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

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use peak_alloc::PeakAlloc;
use provenance_fixtures::{Content, Format, KeyKind, LogEntry, Recipe, Statement, Timestamp, Which};
use provenance_sigstore::limits::NAMES;
use provenance_sigstore::{Artifact, Bundle, Certificate, Error, Evidence, Fault, Limits, Source, TrustRoot, verify};
use serde_json::{Value, json};

use crate::der::Tlv;
use crate::forge::{Draft, Forge, bytes};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Tests of one process share its memory: those that measure it, or use much of it, take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

// --- Edges.

/// A way to reach a limit: its name, what the error calls it, and whether a limit of just as much as there is, or of one
/// less, is passed.
struct Edge {
    name: &'static str,
    what: &'static str,
    amount: u64,
    attempt: Box<dyn Fn(Limits) -> Result<(), Error>>,
}

/// Limits set to what a valid bundle needs accept it, and one less refuses it.
#[test]
fn a_limit_takes_as_much_as_it_says_and_no_more() {
    let _turn = turn();
    let mut tested = BTreeSet::new();
    for edge in edges() {
        let with = |amount: u64| {
            let mut limits = Limits::default();
            *limits.by_name(edge.name).unwrap() = amount;
            (edge.attempt)(limits)
        };
        assert_eq!(with(edge.amount), Ok(()), "{} ({}) at its edge", edge.name, edge.what);
        let refused = with(edge.amount - 1).map_err(|e| e.fault().clone());
        let (limit, actual) = (edge.amount - 1, edge.amount);
        assert_eq!(refused, Err(Fault::InputTooLarge { what: edge.what, limit, actual }), "{}", edge.name);
        tested.insert(edge.name);
    }
    assert_eq!(tested, NAMES.iter().copied().collect(), "limits without a test");
}

fn edges() -> Vec<Edge> {
    let mut all = bundle_edges();
    all.extend(log_edges());
    all.extend(certificate_edges());
    all.extend(statement_edges());
    all.extend(trust_root_edges());
    all
}

fn edge(
    name: &'static str,
    what: &'static str,
    amount: usize,
    attempt: impl Fn(Limits) -> Result<(), Error> + 'static,
) -> Edge {
    Edge { name, what, amount: amount as u64, attempt: Box::new(attempt) }
}

fn verifies(draft: &Draft) -> impl Fn(Limits) -> Result<(), Error> + 'static {
    let (recipe, json) = (draft.recipe.clone(), draft.encode());
    move |limits| Forge::new().verify(&recipe, &json, limits).map(drop)
}

fn bundle_edges() -> Vec<Edge> {
    let forge = Forge::new();
    let draft = forge.draft(Recipe::default());
    let mut nested = draft.clone();
    nested.json["unknown"] = nest(19);
    let mut many = draft.clone();
    many.json["unknown"] = vec![0; 999].into();
    let values = values(&many.json);
    let stamps = vec![Timestamp::default(), Timestamp { authority: Which::Second, ..Timestamp::default() }];
    let stamped = forge.draft(Recipe { timestamps: stamps, ..Recipe::rekor_v2() });
    let one = forge.draft(Recipe::rekor_v2());
    let stamp =
        &one.json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"];
    let message = forge.draft(Recipe { key: KeyKind::Ed25519, ..Recipe::default().message() });
    vec![
        edge("bundle_bytes", "bundle", draft.encode().len(), verifies(&draft)),
        edge("json_depth", "bundle nesting", 20, verifies(&nested)),
        edge("json_values", "bundle values", values, verifies(&many)),
        edge("timestamps", "timestamps", 2, verifies(&stamped)),
        edge("timestamp_bytes", "timestamp", bytes(stamp).len(), verifies(&one)),
        edge("message_bytes", "message", message.recipe.artifact.len(), verifies(&message)),
    ]
}

fn log_edges() -> Vec<Edge> {
    let forge = Forge::new();
    let both = forge.draft(Recipe { entries: vec![LogEntry::v1(), LogEntry::v2()], ..Recipe::rekor_v2() });
    let mut large = forge.draft(Recipe {
        entries: vec![LogEntry { tree_size: 300, index: 256, ..LogEntry::v2() }],
        ..Recipe::rekor_v2()
    });
    let hashes = large.entry()["inclusionProof"]["hashes"].as_array().unwrap().len();
    let cosigned =
        forge.draft(Recipe { entries: vec![LogEntry { witnesses: 4, ..LogEntry::v2() }], ..Recipe::rekor_v2() });
    let mut nested = forge.logged();
    let mut many = nested.clone();
    let body = bytes(&nested.entry()["canonicalizedBody"]);
    forge.set_body(&mut nested, &with_member(&body, "unknown", nest(19)));
    let values_of = |body: &[u8]| values(&serde_json::from_slice(body).unwrap());
    let longer = with_member(&body, "unknown", vec![0; 999].into());
    forge.set_body(&mut many, &longer);
    vec![
        edge("log_entries", "log entries", 2, verifies(&both)),
        edge("proof_hashes", "inclusion proof hashes", hashes, verifies(&large)),
        edge("checkpoint_signatures", "checkpoint signatures", 5, verifies(&cosigned)),
        edge("json_depth", "JSON nesting", 20, verifies(&nested)),
        edge("json_values", "JSON values", values_of(&longer), verifies(&many)),
    ]
}

fn certificate_edges() -> Vec<Edge> {
    let forge = Forge::new();
    let chain = forge.draft(Recipe { intermediates: true, ..Recipe::default().in_format(Format::V01) });
    let certificates = chain.json["verificationMaterial"]["x509CertificateChain"]["certificates"].as_array().unwrap();
    // Padded to be the longest certificate there is.
    let mut padded = forge.stamped();
    pad_leaf(&forge, &mut padded, 5000);
    let leaf = bytes(&padded.json["verificationMaterial"]["certificate"]["rawBytes"]).len();
    vec![
        edge("chain_certificates", "certificate chain", certificates.len(), verifies(&chain)),
        edge("certificate_bytes", "certificate", leaf, verifies(&padded)),
    ]
}

fn statement_edges() -> Vec<Edge> {
    let forge = Forge::new();
    let of =
        |others| Recipe { content: Content::Dsse(Statement { others, ..Statement::default() }), ..Recipe::default() };
    let mut nested = forge.keyed();
    let mut many = forge.keyed();
    let payload = bytes(&nested.json["dsseEnvelope"]["payload"]);
    forge.set_payload(&mut nested, &with_member(&payload, "predicate", nest(19)));
    let longer = with_member(&payload, "predicate", vec![0; 999].into());
    forge.set_payload(&mut many, &longer);
    vec![
        edge("subjects", "statement subjects", 5, verifies(&forge.draft(of(4)))),
        edge("json_depth", "statement nesting", 20, verifies(&nested)),
        edge("json_values", "statement values", values(&serde_json::from_slice(&longer).unwrap()), verifies(&many)),
    ]
}

fn trust_root_edges() -> Vec<Edge> {
    let parses = |root: Value| {
        let text = root.to_string();
        move |limits: Limits| TrustRoot::parse(text.as_bytes(), Source::File, &limits).map(drop)
    };
    let root: Value = serde_json::from_str(&Forge::new().world.trusted_root_json()).unwrap();
    let mut nested = root.clone();
    nested["unknown"] = nest(19);
    let mut many = root.clone();
    many["unknown"] = vec![0; 9999].into();
    let chains = ["certificateAuthorities", "timestampAuthorities"].map(|list| root[list].as_array().unwrap().clone());
    let chains: Vec<Value> = chains.concat().iter().map(|a| a["certChain"]["certificates"].clone()).collect();
    let longest = chains.iter().map(|c| c.as_array().unwrap().len()).max().unwrap();
    let certificates = chains.iter().flat_map(|c| c.as_array().unwrap()).map(|c| bytes(&c["rawBytes"]).len());
    vec![
        edge("trust_root_bytes", "trusted root", root.to_string().len(), parses(root.clone())),
        edge("json_depth", "trusted root nesting", 20, parses(nested)),
        edge("json_values", "trusted root values", values(&many), parses(many)),
        edge("chain_certificates", "authority's chain", longest, parses(root.clone())),
        edge("certificate_bytes", "certificate", certificates.max().unwrap(), parses(root)),
    ]
}

/// The default limits, at their edge and past it, where a valid bundle can be there.
#[test]
fn the_default_limits() {
    let _turn = turn();
    let forge = Forge::new();
    let defaults = Limits::default();
    let code =
        |draft: &Draft| forge.verify(&draft.recipe, &draft.encode(), defaults).map_or_else(|e| e.code(), |_| "ok");
    let edge = |at: &str, [under, over]: [Draft; 2], expected: &str| {
        assert_eq!(code(&under), expected, "{at}, at the edge");
        assert_eq!(code(&over), "input_too_large", "{at}, past the edge");
    };

    let subjects = |others| {
        let content = Content::Dsse(Statement { others, ..Statement::default() });
        forge.draft(Recipe { content, ..Recipe::default() })
    };
    edge("subjects", [1023, 1024].map(subjects), "ok");

    let cosigned = |witnesses| {
        forge.draft(Recipe { entries: vec![LogEntry { witnesses, ..LogEntry::v2() }], ..Recipe::rekor_v2() })
    };
    edge("checkpoint signatures", [63, 64].map(cosigned), "ok");

    let stamps = |junk: u8| {
        let mut draft = forge.draft(Recipe::rekor_v2());
        let list = &mut draft.json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"];
        let junk = (0..junk).map(|i| json!({ "signedTimestamp": STANDARD.encode([i; 9]) }));
        list.as_array_mut().unwrap().extend(junk);
        draft
    };
    edge("timestamps", [31, 32].map(stamps), "ok");

    let hashes = |count: usize| {
        let mut draft = forge.draft(Recipe::rekor_v2());
        draft.entry()["inclusionProof"]["hashes"] = vec![STANDARD.encode([0; 32]); count].into();
        draft
    };
    edge("inclusion proof hashes", [64, 65].map(hashes), "inclusion_mismatch");

    let entries = |count: usize| {
        let mut draft = forge.draft(Recipe::rekor_v2());
        let entry = draft.entry().clone();
        draft.json["verificationMaterial"]["tlogEntries"] = vec![entry; count].into();
        draft
    };
    edge("log entries", [16, 17].map(entries), "log_entry_mismatch");

    let nested = |depth: usize| {
        let mut draft = forge.draft(Recipe::default());
        draft.json["unknown"] = nest(depth - 1);
        draft
    };
    edge("nesting", [64, 65].map(nested), "ok");

    let leaf = |length| {
        let mut draft = forge.stamped();
        pad_leaf(&forge, &mut draft, length);
        draft
    };
    edge("certificate", [65_536, 65_537].map(leaf), "ok");

    let chain = |count: usize| {
        let mut draft = forge.draft(Recipe { intermediates: true, ..Recipe::default().in_format(Format::V01) });
        let root: Value = serde_json::from_str(&forge.world.trusted_root_json()).unwrap();
        let top = root["certificateAuthorities"][0]["certChain"]["certificates"][1].clone();
        let list = draft.json["verificationMaterial"]["x509CertificateChain"]["certificates"].as_array_mut().unwrap();
        list.resize(count, top);
        draft
    };
    edge("certificate chain", [10, 11].map(chain), "ok");
}

/// Space around a valid document counts as the document's bytes.
#[test]
fn the_default_sizes() {
    let _turn = turn();
    let forge = Forge::new();
    let draft = forge.draft(Recipe::default());
    let padded = |bytes: Vec<u8>, length: u64| [bytes.clone(), vec![b' '; length as usize - bytes.len()]].concat();
    let defaults = Limits::default();
    for (over, expected) in [(0, "ok"), (1, "input_too_large")] {
        let bundle = padded(draft.encode(), defaults.bundle_bytes + over);
        let verified = forge.verify(&draft.recipe, &bundle, defaults);
        assert_eq!(verified.map_or_else(|e| e.code(), |_| "ok"), expected, "bundle");
        let root = padded(forge.world.trusted_root_json().into_bytes(), defaults.trust_root_bytes + over);
        let parsed = TrustRoot::parse(&root, Source::File, &defaults);
        assert_eq!(parsed.map_or_else(|e| e.code(), |_| "ok"), expected, "trust root");
        let artifact = vec![7; (defaults.message_bytes + over) as usize];
        let recipe = Recipe { key: KeyKind::Ed25519, artifact, ..Recipe::default().message() };
        let verified = forge.verify(&recipe, &forge.world.bundle(&recipe), defaults);
        assert_eq!(verified.map_or_else(|e| e.code(), |_| "ok"), expected, "message");
        let file = std::env::temp_dir().join(format!("message-{}-{over}", std::process::id()));
        std::fs::write(&file, &recipe.artifact).unwrap();
        let bundle = Bundle::parse(&forge.world.bundle(&recipe), &defaults).unwrap();
        let verified = verify(&bundle, &Artifact::File(file.clone()), &forge.policy(&recipe, defaults));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(verified.map_or_else(|e| e.code(), |_| "ok"), expected, "message in a file");
    }
}

/// Limits above what the JSON reader itself bears are still no danger.
#[test]
fn a_limit_can_be_raised_without_danger() {
    let _turn = turn();
    let limits = Limits { json_depth: u64::MAX, json_values: u64::MAX, ..Limits::default() };
    for document in ["[".repeat(1 << 20), "{\"a\":".repeat(1 << 20), "[".repeat(1 << 20) + &"]".repeat(1 << 20)] {
        assert_eq!(code(Bundle::parse(document.as_bytes(), &limits)), "malformed");
        assert_ne!(code(TrustRoot::parse(document.as_bytes(), Source::File, &limits)), "ok");
        assert_eq!(code(provenance_sigstore::Statement::parse(document.as_bytes(), &limits)), "malformed");
    }
}

fn code<T>(result: Result<T, Error>) -> &'static str {
    result.map_or_else(|e| e.code(), |_| "ok")
}

/// A list in a list, so many.
fn nest(depth: usize) -> Value {
    (1..depth).fold(json!([]), |inner, _| json!([inner]))
}

fn with_member(document: &[u8], name: &str, value: Value) -> Vec<u8> {
    let mut document: Value = serde_json::from_slice(document).unwrap();
    document[name] = value;
    document.to_string().into_bytes()
}

/// How many values a document has as its limit counts them: everything that opens, and everything behind a comma.
fn values(document: &Value) -> usize {
    let inside = |parts: Vec<&Value>| {
        let own: usize = parts.iter().map(|part| values(part) - 1).sum();
        own + 1 + parts.len().saturating_sub(1)
    };
    1 + match document {
        Value::Array(list) => inside(list.iter().collect()),
        Value::Object(members) => inside(members.values().collect()),
        _ => 0,
    }
}

/// Makes the certificate of a draft `length` bytes long, by an extension that nobody knows.
fn pad_leaf(forge: &Forge, draft: &mut Draft, length: usize) {
    const EXTENSIONS: [usize; 3] = [0, 7, 0];
    let certificate = forge.leaf(draft);
    let padded = |padding: usize, filler: u8| {
        let mut certificate = certificate.clone();
        let Some(Tlv::List { items, .. }) = certificate.at_mut(&EXTENSIONS) else { panic!("no extensions") };
        let oid = Tlv::value(6, &[0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 99]);
        items.push(Tlv::list(0x30, vec![oid, Tlv::value(4, &vec![filler; padding])]));
        let mut padded = draft.clone();
        forge.set_leaf(&mut padded, certificate);
        padded
    };
    let measure = |draft: &Draft| bytes(&draft.json["verificationMaterial"]["certificate"]["rawBytes"]).len();
    // Signatures differ in length by a byte or two, with what they sign.
    let about = length - measure(&padded(1000, 0)) + 1000;
    let tries = (0..=u8::MAX).flat_map(|filler| (about - 4..about + 4).map(move |padding| (padding, filler)));
    *draft = tries.map(|(padding, filler)| padded(padding, filler)).find(|draft| measure(draft) == length).unwrap();
}

// --- Hostile sizes.

/// What an input may cost: time, and memory beyond what it is itself.
const MOST_TIME: Duration = Duration::from_secs(4);
const MOST_MEMORY: usize = 64 << 20;
/// What one value of a decoded statement may take: an object of one member takes most.
const MOST_MEMORY_OF_A_VALUE: usize = 704;

struct Cost {
    time: Duration,
    memory: usize,
}

fn cost<T>(work: impl Fn() -> T) -> (T, Cost) {
    let once = || {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let began = Instant::now();
        let result = work();
        let time = began.elapsed();
        (result, Cost { time, memory: MEMORY.peak_usage().saturating_sub(before) })
    };
    let (result, mut cost) = once();
    // A slow answer may be the machine's fault.
    for _ in 0..2 {
        if cost.time > MOST_TIME {
            cost.time = cost.time.min(once().1.time);
        }
    }
    (result, cost)
}

struct Hostile {
    name: &'static str,
    recipe: Recipe,
    bundle: Vec<u8>,
    expected: &'static str,
}

/// Sixteen mebibytes of anything get an answer in bounded time and memory.
#[test]
fn hostile_bundles_have_a_bounded_cost() {
    let _turn = turn();
    let forge = Forge::new();
    for hostile in nonsense(&forge).into_iter().chain(nearly_valid(&forge)).chain(signed(&forge)) {
        let limits = Limits::default();
        assert!(hostile.bundle.len() as u64 <= limits.bundle_bytes, "{}", hostile.name);
        let (answer, cost) = cost(|| forge.verify(&hostile.recipe, &hostile.bundle, limits));
        let (size, memory) = (hostile.bundle.len() >> 10, cost.memory >> 10);
        let answer = code::<Evidence>(answer);
        eprintln!("{:32} {size:6} KiB: {:>9.3?} {memory:7} KiB {answer}", hostile.name, cost.time);
        assert_eq!(answer, hostile.expected, "{}", hostile.name);
        assert!(cost.time <= MOST_TIME, "{}: {:?}", hostile.name, cost.time);
        let values = if answer == "ok" { limits.json_values as usize } else { 0 };
        assert!(cost.memory <= MOST_MEMORY + values * MOST_MEMORY_OF_A_VALUE, "{}: {memory} KiB", hostile.name);
    }
}

const MOST: usize = 16 << 20;

fn nonsense(forge: &Forge) -> Vec<Hostile> {
    let recipe = Recipe::default();
    let valid = forge.world.bundle(&recipe);
    let hostile = |name, bundle: Vec<u8>, expected| Hostile { name, recipe: recipe.clone(), bundle, expected };
    let filled =
        |begin: &str, unit: &str| (begin.to_owned() + &unit.repeat((MOST - begin.len()) / unit.len())).into_bytes();
    let mut noise = 1u64;
    let random = (0..MOST).map(|_| {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (noise >> 56) as u8
    });
    vec![
        hostile("random bytes", random.collect(), "input_too_large"),
        hostile("opening brackets", filled("", "["), "input_too_large"),
        hostile("opening braces", filled("", "{\"\":"), "input_too_large"),
        hostile("quotes", filled("", "\""), "malformed"),
        hostile("backslashes in a text", filled("\"", "\\"), "malformed"),
        hostile("escapes in a text", filled("\"", "\\u0041"), "malformed"),
        hostile("commas", filled("", ","), "input_too_large"),
        hostile("digits", filled("", "9"), "malformed"),
        hostile("an exponent", filled("1e", "9"), "malformed"),
        hostile("many small objects", filled("[", "{},"), "input_too_large"),
        hostile("many members", filled("{", "\"a\":0,"), "input_too_large"),
        hostile("space behind a bundle", [valid.clone(), vec![b' '; MOST - valid.len()]].concat(), "ok"),
        hostile(
            "another media type",
            format!("{{\"mediaType\":\"{}\"}}", "x".repeat(MOST - 20)).into_bytes(),
            "bundle_unsupported",
        ),
    ]
}

/// Valid bundles with one part blown up. Nothing in them is signed by anybody.
fn nearly_valid(forge: &Forge) -> Vec<Hostile> {
    const ROOM: usize = MOST - (64 << 10);
    let changed = |name, draft: Draft, change: &dyn Fn(&mut Draft), expected| {
        let mut draft = draft;
        change(&mut draft);
        Hostile { name, recipe: draft.recipe.clone(), bundle: draft.encode(), expected }
    };
    let stamped = || forge.draft(Recipe::rekor_v2());
    let big = || STANDARD.encode(vec![0x30; ROOM / 4 * 3]);
    let text = || "A".repeat(ROOM);
    let times = |unit: &str| ROOM / (unit.len() + 3);
    let hash = STANDARD.encode([7; 32]);
    let lines = "\u{2014} w AAAAAAA=\n";
    vec![
        changed(
            "a long signature",
            stamped(),
            &|d| d.json["dsseEnvelope"]["signatures"][0]["sig"] = big().into(),
            "signature_mismatch",
        ),
        changed(
            "a long payload",
            stamped(),
            &|d| d.json["dsseEnvelope"]["payload"] = big().into(),
            "signature_mismatch",
        ),
        changed(
            "a long payload type",
            stamped(),
            &|d| d.json["dsseEnvelope"]["payloadType"] = text().into(),
            "statement_invalid",
        ),
        changed("a long body", stamped(), &|d| d.entry()["canonicalizedBody"] = big().into(), "malformed"),
        changed(
            "a long kind",
            stamped(),
            &|d| d.entry()["kindVersion"]["kind"] = text().into(),
            "log_entry_unsupported",
        ),
        changed("a long log id", stamped(), &|d| d.entry()["logId"]["keyId"] = big().into(), "key_unknown"),
        changed(
            "many hashes",
            stamped(),
            &|d| {
                d.entry()["inclusionProof"]["hashes"] = vec![hash.clone(); times(&hash)].into();
            },
            "input_too_large",
        ),
        changed(
            "many checkpoint lines",
            stamped(),
            &|d| {
                let envelope = &mut d.entry()["inclusionProof"]["checkpoint"]["envelope"];
                *envelope = (envelope.as_str().unwrap().to_owned() + &lines.repeat(ROOM / (lines.len() + 2))).into();
            },
            "input_too_large",
        ),
        changed(
            "many blank lines",
            stamped(),
            &|d| {
                d.entry()["inclusionProof"]["checkpoint"]["envelope"] = "\n".repeat(ROOM / 2).into();
            },
            "malformed",
        ),
        changed(
            "many entries",
            stamped(),
            &|d| {
                let entry = json!({"logId": {"keyId": "AA=="}, "kindVersion": {"kind": "", "version": ""}, "canonicalizedBody": "AA=="});
                d.json["verificationMaterial"]["tlogEntries"] =
                    vec![entry.clone(); ROOM / (entry.to_string().len() + 1)].into();
            },
            "input_too_large",
        ),
        changed(
            "many timestamps",
            stamped(),
            &|d| {
                let list = vec![json!({"signedTimestamp": "AA=="}); ROOM / 30];
                d.json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] = list.into();
            },
            "input_too_large",
        ),
        changed(
            "a long timestamp",
            stamped(),
            &|d| {
                d.json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"] =
                    big().into();
            },
            "input_too_large",
        ),
        changed(
            "many signatures",
            stamped(),
            &|d| {
                d.json["dsseEnvelope"]["signatures"] = vec![json!({"sig": "AA=="}); ROOM / 16].into();
            },
            "input_too_large",
        ),
        changed(
            "a long certificate",
            stamped(),
            &|d| {
                d.json["verificationMaterial"]["certificate"]["rawBytes"] = big().into();
            },
            "input_too_large",
        ),
        changed(
            "a long issuer",
            forge.draft(Recipe::default().in_format(Format::V01)),
            &|d| {
                let chain = &mut d.json["verificationMaterial"]["x509CertificateChain"]["certificates"];
                chain.as_array_mut().unwrap().push(json!({ "rawBytes": big() }));
            },
            "input_too_large",
        ),
        changed(
            "a long hint",
            forge.keyed(),
            &|d| d.json["verificationMaterial"]["publicKey"]["hint"] = text().into(),
            "key_hint_mismatch",
        ),
    ]
}

/// Costly content that somebody signed.
fn signed(forge: &Forge) -> Vec<Hostile> {
    const ROOM: usize = (MOST - (64 << 10)) / 4 * 3;
    let statement = |name, predicate: &dyn Fn(usize) -> String, expected| {
        let mut draft = forge.keyed();
        let payload = bytes(&draft.json["dsseEnvelope"]["payload"]);
        let whole = String::from_utf8(with_member(&payload, "predicate", json!("%"))).unwrap();
        forge.set_payload(&mut draft, whole.replacen("\"%\"", &predicate(ROOM - whole.len()), 1).as_bytes());
        Hostile { name, recipe: draft.recipe.clone(), bundle: draft.encode(), expected }
    };
    let list = |unit: &str, count: usize| format!("[{}0]", unit.repeat(count));
    // As many values as the limit takes, in the shapes that cost the most memory.
    let most = Limits::default().json_values as usize - 100;
    vec![
        statement("a statement of one text", &|room| format!("\"{}\"", "A".repeat(room - 2)), "ok"),
        statement("a statement of numbers", &|room| list("0,", room.min(most * 2) / 2 - 2), "ok"),
        statement("a statement of small objects", &|_| list("{\"\":0},", most / 2), "ok"),
        statement(
            "a statement of nested objects",
            &|_| list(&format!("{}0{},", "{\"\":".repeat(60), "}".repeat(60)), most / 61),
            "ok",
        ),
        statement("a statement of small lists", &|_| list("[0],", most / 2), "ok"),
        statement("a statement with too many values", &|room| list("[],", room / 3 - 2), "input_too_large"),
    ]
}

/// A set in descending order is sorted by some readers of DER, in quadratic time.
#[test]
fn sets_in_descending_order_cost_no_more_than_their_bytes() {
    let _turn = turn();
    let forge = Forge::new();
    let element = |i: usize| {
        Tlv::list(
            0x30,
            vec![
                Tlv::value(6, &[0x2a, 0x80 | (i >> 14) as u8 | 0x40, 0x80 | (i >> 7) as u8, (i & 0x7f) as u8]),
                Tlv::value(5, &[]),
            ],
        )
    };
    let descending = |room: usize| -> Vec<Tlv> { (0..room / element(0).encode().len()).rev().map(element).collect() };
    let stamped = forge.draft(Recipe::rekor_v2());
    let stamp =
        &stamped.json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"];
    let token = Tlv::parse(&bytes(stamp)).unwrap();
    let room = Limits::default().timestamp_bytes as usize - token.encode().len() - 64;
    let sets: Vec<_> =
        token.places().into_iter().filter(|p| matches!(token.at(p).unwrap().tag(), 0x31 | 0xa0)).collect();
    assert!(sets.len() > 5);
    let mut hostile = Vec::new();
    for place in sets {
        let mut token = token.clone();
        let tag = token.at(&place).unwrap().tag();
        *token.at_mut(&place).unwrap() = Tlv::list(tag, descending(room));
        hostile.push(json!({ "signedTimestamp": STANDARD.encode(token.encode()) }));
    }
    let mut draft = stamped.clone();
    draft.json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] = hostile.into();
    let (answer, spent) = cost(|| forge.verify(&draft.recipe, &draft.encode(), Limits::default()).is_ok());
    eprintln!("timestamps with descending sets: {:?}, verified: {answer}", spent.time);
    assert!(spent.time < MOST_TIME / 8, "{:?}", spent.time);

    let leaf = forge.leaf(&stamped);
    let room = Limits::default().certificate_bytes as usize - leaf.encode().len() - 64;
    for place in [vec![0, 3], vec![0, 5], vec![0, 7, 0]] {
        let mut certificate = leaf.clone();
        *certificate.at_mut(&place).unwrap() = Tlv::list(0x30, vec![Tlv::list(0x31, descending(room))]);
        let der = certificate.encode();
        let (_, spent) = cost(|| Certificate::parse(&der, &Limits::default()).is_ok());
        assert!(spent.time < MOST_TIME / 8, "{place:?}: {:?}", spent.time);
    }
}

/// As many signatures to check as the limits allow.
#[test]
fn the_most_signatures_have_a_bounded_cost() {
    let _turn = turn();
    let forge = Forge::new();
    let defaults = Limits::default();

    // Timestamps that name an embedded certificate as their signer, many of which only look as if issued by an authority.
    let second = Timestamp { authority: Which::Second, ..Timestamp::default() };
    let mut draft = forge.draft(Recipe { timestamps: vec![second], ..Recipe::rekor_v2() });
    let list = &mut draft.json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"];
    let token = Tlv::parse(&bytes(&list[0]["signedTimestamp"])).unwrap();
    let at = [1, 1, 0, 3];
    let certificate = token.at(&[&at[..], &[0]].concat()).unwrap().clone();
    let forged = |i: usize| {
        let mut copy = certificate.clone();
        let mut signature = copy.at(&[2]).unwrap().encode();
        *signature.last_mut().unwrap() ^= 1 + i as u8;
        *copy.at_mut(&[2]).unwrap() = Tlv::Raw(signature);
        copy
    };
    let count = (defaults.timestamp_bytes as usize - token.encode().len() - 64) / certificate.encode().len();
    let stamp = |i: usize| {
        let mut token = token.clone();
        let forged = (0..count.min(100)).map(|k| forged(k + i)).collect();
        *token.at_mut(&at).unwrap() = Tlv::list(0xa0, forged);
        json!({ "signedTimestamp": STANDARD.encode(token.encode()) })
    };
    *list = (0..defaults.timestamps as usize).map(stamp).collect::<Vec<_>>().into();
    let (answer, spent) = cost(|| code(forge.verify(&draft.recipe, &draft.encode(), defaults)));
    eprintln!("{} timestamps of {count} certificates each: {:?}, {answer}", defaults.timestamps, spent.time);
    assert_ne!(answer, "ok");
    assert!(spent.time < MOST_TIME / 4, "{:?}", spent.time);
}

/// A trust root is the caller's, and may come over a network.
#[test]
fn the_largest_trust_roots_have_a_bounded_cost() {
    let _turn = turn();
    let root: Value = serde_json::from_str(&Forge::new().world.trusted_root_json()).unwrap();
    let defaults = Limits::default();
    for list in ["tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"] {
        let mut large = root.clone();
        let unit = root[list].as_array().unwrap().clone();
        let times = (defaults.trust_root_bytes as usize - root.to_string().len()) / (root[list].to_string().len() + 1);
        large[list] = std::iter::repeat_n(unit, times + 1).flatten().collect::<Vec<_>>().into();
        let text = large.to_string();
        assert!(text.len() as u64 <= defaults.trust_root_bytes);
        let (answer, spent) = cost(|| code(TrustRoot::parse(text.as_bytes(), Source::File, &defaults)));
        let (size, memory) = (text.len() >> 10, spent.memory >> 10);
        eprintln!("{size} KiB of {list}: {:?} {memory} KiB {answer}", spent.time);
        assert!(spent.time <= 2 * MOST_TIME && spent.memory <= MOST_MEMORY, "{list}: {:?}, {memory} KiB", spent.time);
    }
}
