//! Properties that hold for every input, found by trying many.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use provenance_slsa::{Claims, Level, Limits, Matcher, Repository, Rules, Statement, judge_bytes};
use serde_json::{Map, Value, json};

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::with_cases(256)
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,8}",
        any::<String>(),
        Just("\u{202e}\u{0}\u{ffff}\u{10ffff}\"\\\u{7f}".to_owned()),
        Just("e\u{301} é ﬁ İ ſ 𝒳 👩‍👩‍👧".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..6).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map(text(), value(), 0..6).prop_map(|m| m.into_iter().collect())
}

fn document() -> impl Strategy<Value = Value> {
    let hex = "[0-9a-f]{64}";
    let subject = (text(), hex, prop::option::of(object())).prop_map(|(name, digest, annotations)| {
        json!({"name": format!("n{name}"), "digest": {"sha256": digest, "x": "y"}, "annotations": annotations})
    });
    (any::<bool>(), prop::collection::vec(subject, 1..5), "[a-z]{1,9}", object()).prop_map(
        |(new, subjects, kind, predicate)| {
            let version = if new { "https://in-toto.io/Statement/v1" } else { "https://in-toto.io/Statement/v0.1" };
            json!({"_type": version, "subject": subjects, "predicateType": kind, "predicate": predicate})
        },
    )
}

/// The same document with its keys in another order and spaces between.
fn reordered(value: &Value, reverse: bool) -> String {
    match value {
        Value::Array(list) => {
            format!("[ {} ]", list.iter().map(|v| reordered(v, reverse)).collect::<Vec<_>>().join(" ,\n"))
        }
        Value::Object(object) => {
            let mut entries: Vec<_> = object
                .iter()
                .map(|(k, v)| format!("{} : {}", Value::from(k.as_str()), reordered(v, reverse)))
                .collect();
            if reverse {
                entries.reverse();
            }
            format!("{{\t{} }}", entries.join(" , "))
        }
        scalar => scalar.to_string(),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_written_is_read_as_the_same(document in document()) {
        let limits = Limits::default();
        let statement = Statement::parse(document.to_string().as_bytes(), &limits).unwrap();
        let written = statement.write();
        let again = Statement::parse(&written, &limits).unwrap();
        prop_assert_eq!(&again, &statement);
        prop_assert_eq!(again.write(), written);
    }

    #[test]
    fn the_order_of_fields_does_not_matter(document in document()) {
        let limits = Limits::default();
        let one = Statement::parse(reordered(&document, false).as_bytes(), &limits).unwrap();
        let other = Statement::parse(reordered(&document, true).as_bytes(), &limits).unwrap();
        prop_assert_eq!(one.write(), other.write());
    }

    #[test]
    fn unknown_fields_change_nothing(extra in object()) {
        let mut document = github();
        for pointer in ["/predicate/x_extra", "/predicate/runDetails/x_extra", "/predicate/buildDefinition/x_extra", "/x_extra"] {
            put(&mut document, pointer, Value::Object(extra.clone()));
        }
        prop_assert_eq!(judge(&document, &claims()), judge(&github(), &claims()));
    }

    #[test]
    fn unknown_external_parameters_refuse(name in "[a-z_]{1,12}", value in value()) {
        prop_assume!(name != "workflow");
        let unset = match &value {
            Value::Null => true,
            Value::String(t) => t.is_empty(),
            Value::Array(l) => l.is_empty(),
            Value::Object(o) => o.is_empty(),
            _ => false,
        };
        let mut document = github();
        put(&mut document, &format!("/predicate/buildDefinition/externalParameters/{name}"), value);
        prop_assert_eq!(judge(&document, &claims()).accepted(), unset);
    }

    #[test]
    fn a_key_that_stands_twice_is_refused(key in "[a-z]{1,6}", depth in 0usize..20) {
        let inner = format!(r#"{{"{key}":1,"{key}":1}}"#);
        let nested = (0..depth).fold(inner, |json, _| format!(r#"{{"k":{json}}}"#));
        let text = github().to_string().replacen(r#""predicate":{"#, &format!(r#""predicate":{{"x":{nested},"#), 1);
        prop_assert_eq!(Statement::parse(text.as_bytes(), &Limits::default()).unwrap_err().code(), "malformed");
    }

    #[test]
    fn numbers_may_be_texts(run in any::<u64>(), attempt in any::<u32>()) {
        let mut signer = claims_of(GENERATOR);
        signer.run_invocation_uri = Some(format!("{SOURCE}/actions/runs/{run}/attempts/{attempt}"));
        let mut document = generic();
        put(&mut document, "/predicate/metadata/buildInvocationID", json!(format!("{run}-{attempt}")));
        for as_text in [true, false] {
            let id = if as_text { json!(run.to_string()) } else { json!(run) };
            put(&mut document, "/predicate/invocation/environment/github_run_id", id);
            put(&mut document, "/predicate/invocation/environment/github_run_attempt", json!(attempt));
            prop_assert_eq!(judge(&document, &signer).refusals, vec![]);
        }
        put(&mut document, "/predicate/invocation/environment/github_run_id", json!(run ^ 1));
        prop_assert!(!judge(&document, &signer).accepted());
    }

    /// Whatever is written in whichever field: an error or a judgement, and never level 2 for what the claims contradict.
    #[test]
    fn any_value_anywhere(field in 0usize..24, value in value()) {
        let pointers = [
            "/subject", "/subject/0/digest", "/predicate", "/predicate/buildDefinition", "/predicate/buildDefinition/buildType",
            "/predicate/buildDefinition/externalParameters", "/predicate/buildDefinition/externalParameters/workflow",
            "/predicate/buildDefinition/externalParameters/workflow/ref", "/predicate/buildDefinition/internalParameters",
            "/predicate/buildDefinition/internalParameters/github", "/predicate/buildDefinition/resolvedDependencies",
            "/predicate/runDetails", "/predicate/runDetails/builder", "/predicate/runDetails/metadata",
            "/predicate/invocation", "/predicate/invocation/configSource", "/predicate/invocation/environment",
            "/predicate/invocation/environment/github_event_payload", "/predicate/materials", "/predicate/metadata",
            "/predicate/builder", "/predicate/buildType", "/predicate/buildConfig", "/predicateType",
        ];
        for (mut document, claims) in [(github(), claims()), (generic(), claims_of(GENERATOR))] {
            put(&mut document, pointers[field], value.clone());
            let bytes = document.to_string();
            let _ = judge_bytes(bytes.as_bytes(), Some(&claims), None, &Rules::well_known());
        }
    }

    /// Of bytes that are judged, less is kept than of a statement: the judgement is the same.
    #[test]
    fn bytes_and_statements_are_judged_alike(payload in value(), other in value()) {
        let mut document = generic();
        put(&mut document, "/predicate/invocation/environment/github_event_payload", payload);
        put(&mut document, "/predicate/extension", json!({"github_event_payload": other}));
        let bytes = document.to_string();
        let rules = Rules::well_known();
        let statement = Statement::parse(bytes.as_bytes(), &rules.limits).unwrap();
        let (one, two) = (
            judge_bytes(bytes.as_bytes(), Some(&claims_of(GENERATOR)), None, &rules),
            provenance_slsa::judge(&statement, Some(&claims_of(GENERATOR)), None, &rules),
        );
        prop_assert_eq!(one, two);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = judge_bytes(&bytes, Some(&Claims::default()), None, &Rules::well_known());
    }

    #[test]
    fn names_never_panic_and_are_canonical_once(text in text()) {
        if let Ok(repository) = Repository::parse(&text) {
            prop_assert_eq!(Repository::parse(repository.as_str()), Ok(repository.clone()));
        }
        if let Ok(repository) = Repository::parse(&format!("https://github.com/{text}")) {
            prop_assert!(repository.as_str().is_ascii());
        }
        let mut odd = claims();
        for name in ["build_signer_uri", "build_config_uri", "run_invocation_uri", "issuer", "source_repository_uri"] {
            odd.set(name, &text);
        }
        prop_assert!(judge(&github(), &odd).level() <= Level::L1);
    }

    #[test]
    fn an_exact_matcher_is_equality(a in "[a-z*\\\\@/]{1,12}", b in "[a-z*\\\\@/]{1,12}") {
        prop_assert_eq!(Matcher::exact(&a).unwrap().matches(&b), a == b);
    }
}

#[test]
fn a_hundred_thousand_subjects() {
    let mut document = generic();
    let subjects: Vec<_> =
        (0..100_000).map(|i| json!({"name": format!("s{i}"), "digest": {"sha256": format!("{i:064x}")}})).collect();
    document["subject"] = Value::from(subjects);
    let artifact = [("sha256".to_owned(), format!("{:064x}", 99_999))].into();
    let judged = judge_bytes(
        document.to_string().as_bytes(),
        Some(&claims_of(GENERATOR)),
        Some(&artifact),
        &Rules::well_known(),
    )
    .unwrap();
    assert_eq!((judged.level(), judged.refusals.len(), judged.subjects.len()), (Level::L3, 0, 100_000));
    let fewer = Rules { limits: Limits { subjects: 99_999, ..Limits::default() }, ..Rules::well_known() };
    let error = judge_bytes(document.to_string().as_bytes(), None, None, &fewer).unwrap_err();
    assert_eq!(error.code(), "input_too_large");
}

#[test]
fn a_mebibyte_of_parameters() {
    let mut document = generic();
    put(
        &mut document,
        "/predicate/invocation/environment/github_event_payload/inputs/flavour",
        json!("x".repeat(1 << 20)),
    );
    let judged =
        judge_bytes(document.to_string().as_bytes(), Some(&claims_of(GENERATOR)), None, &Rules::well_known()).unwrap();
    assert_eq!(judged.inputs["flavour"].as_str().map(str::len), Some(1 << 20));
    let many: Map<_, _> = (0..50_000).map(|i| (format!("parameter-{i:06}"), json!("0123456789"))).collect();
    put(&mut document, "/predicate/invocation/parameters", Value::Object(many));
    let judged =
        judge_bytes(document.to_string().as_bytes(), Some(&claims_of(GENERATOR)), None, &Rules::well_known()).unwrap();
    assert_eq!(judged.unrecognised.len(), 50_000);
    assert!((1..100).contains(&judged.refusals.len()), "enough to explain, not to fill the memory");
    // A text that should identify something has a limit of its own.
    put(&mut document, "/predicate/builder/id", json!("x".repeat(5000)));
    let error = judge_bytes(document.to_string().as_bytes(), None, None, &Rules::well_known()).unwrap_err();
    assert_eq!(error.code(), "input_too_large");
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(judge_bytes(deep.as_bytes(), None, None, &Rules::well_known()).unwrap_err().code(), "input_too_large");
    let wide = format!("[{}1]", "1,".repeat(2_000_000));
    assert_eq!(judge_bytes(wide.as_bytes(), None, None, &Rules::well_known()).unwrap_err().code(), "input_too_large");
    let large = vec![b' '; 17 << 20];
    assert_eq!(judge_bytes(&large, None, None, &Rules::well_known()).unwrap_err().code(), "input_too_large");
}
