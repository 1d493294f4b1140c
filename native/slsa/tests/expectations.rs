//! Every expectation: met, refused with its code, and refused where the build says nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use provenance_slsa::error::Detail;
use provenance_slsa::expectation::{Input, Source, Unrecognised, VersionTag};
use provenance_slsa::{Claims, Expectations, Level, Matcher, Record, Rules};
use serde_json::json;

fn matcher(text: &str) -> Option<Matcher> {
    Some(if text.contains('*') { Matcher::pattern(text).unwrap() } else { Matcher::exact(text).unwrap() })
}

fn run(expectations: Expectations) -> Vec<&'static str> {
    codes(&judge_with(&generic(), &claims_of(GENERATOR), &Rules { expectations, ..Rules::well_known() }))
}

fn none() -> Expectations {
    Expectations::default()
}

#[test]
fn what_is_met() {
    let version = |template| Some(VersionTag::new("1.2.3", template).unwrap());
    for (i, met) in [
        none(),
        Expectations { source: Some(Source::Pattern(matcher("https://github.com/acme/*").unwrap())), ..none() },
        Expectations { refs: vec![matcher("refs/heads/main").unwrap(), matcher("refs/tags/v1.*").unwrap()], ..none() },
        Expectations { tag: matcher("v*"), ..none() },
        Expectations { version_tag: version(None), ..none() },
        Expectations { version_tag: version(Some("v{version}")), ..none() },
        Expectations { commit: Some(COMMIT.to_uppercase()), ..none() },
        Expectations { workflow: matcher(WORKFLOW), ..none() },
        Expectations { signer: matcher(GENERATOR), ..none() },
        Expectations {
            signer: matcher("https://github.com/slsa-framework/*/.github/workflows/*@refs/tags/*"),
            ..none()
        },
        Expectations { signer_digest: Some("f".repeat(40)), ..none() },
        Expectations { issuer: matcher(GITHUB), ..none() },
        Expectations { source_id: Some("11".to_owned()), owner_id: Some("22".to_owned()), ..none() },
        Expectations { triggers: vec!["release".to_owned(), "push".to_owned()], ..none() },
        Expectations { runner_environment: matcher("github-hosted"), ..none() },
        Expectations { visibility: matcher("public"), ..none() },
        Expectations { builder: matcher(GENERATOR.split('@').next().unwrap()), ..none() },
        Expectations { min_level: Level::L3, ..none() },
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(run(met), Vec::<&str>::new(), "case {i}");
    }
}

#[test]
fn what_is_refused() {
    let version = |v: &str| Some(VersionTag::new(v, None).unwrap());
    for (code, refused) in [
        (
            "source_refused",
            Expectations { source: Some(Source::Pattern(matcher("https://github.com/other/*").unwrap())), ..none() },
        ),
        ("ref_refused", Expectations { refs: vec![matcher("refs/heads/*").unwrap()], ..none() }),
        ("ref_refused", Expectations { branch: matcher("v1.2.3"), ..none() }),
        ("ref_refused", Expectations { tag: matcher("v1.2"), ..none() }),
        ("ref_refused", Expectations { version_tag: version("1.2.4"), ..none() }),
        ("commit_refused", Expectations { commit: COMMIT.get(..39).map(str::to_owned), ..none() }),
        ("workflow_refused", Expectations { workflow: matcher(".github/workflows/other.yml"), ..none() }),
        ("signer_refused", Expectations { signer: matcher("https://github.com/acme/lib/**"), ..none() }),
        ("signer_refused", Expectations { signer_digest: Some(COMMIT.to_owned()), ..none() }),
        ("signer_refused", Expectations { issuer: matcher("https://gitlab.com"), ..none() }),
        ("source_refused", Expectations { source_id: Some("12".to_owned()), ..none() }),
        ("source_refused", Expectations { owner_id: Some("23".to_owned()), ..none() }),
        ("signer_refused", Expectations { environment: matcher("production"), ..none() }),
        ("signer_refused", Expectations { visibility: matcher("private"), ..none() }),
        ("trigger_refused", Expectations { triggers: vec!["release".to_owned()], ..none() }),
        ("runner_refused", Expectations { runner_environment: matcher("self-hosted"), ..none() }),
        (
            "build_type_refused",
            Expectations { build_types: vec![matcher("https://other.example/*").unwrap()], ..none() },
        ),
        ("builder_refused", Expectations { builder: matcher("https://other.example"), ..none() }),
    ] {
        assert_eq!(run(refused.clone()), [code], "{refused:?}");
        // Nothing that an unsigned statement says of its signer meets an expectation of the signer.
        let rules = Rules { expectations: refused, ..Rules::well_known() };
        let unsigned = provenance_slsa::judge_value(&generic(), None, None, &rules).unwrap();
        assert_eq!(codes(&unsigned), ["signature_unverified", code]);
    }
}

#[test]
fn all_refusals_are_reported_with_their_facts() {
    let expectations = Expectations {
        source: Some(Source::exact("https://github.com/real/lib").unwrap()),
        triggers: vec!["release".to_owned()],
        min_level: Level::L3,
        ..none()
    };
    let rules = Rules { expectations, ..Rules::well_known() };
    let judged = judge_with(&github(), &claims(), &rules);
    assert_eq!(codes(&judged), ["source_refused", "trigger_refused", "level_too_low"]);
    let facts = judged.refusals[0].details();
    assert_eq!(facts[0], ("expected", Detail::Text("https://github.com/real/lib".to_owned())));
    assert_eq!(facts[1], ("actual", Detail::Text(SOURCE.to_owned())));
    let error = judged.enforce().unwrap_err();
    assert_eq!((error.code(), error.also().len()), ("source_refused", 2));
}

#[test]
fn unsigned_provenance_is_refused_unless_somebody_says_that_it_will_do() {
    let judged = |unsigned| {
        let expectations = Expectations { unsigned, source: Some(Source::exact(SOURCE).unwrap()), ..none() };
        provenance_slsa::judge_value(&generic(), None, None, &Rules { expectations, ..Rules::well_known() }).unwrap()
    };
    assert_eq!(codes(&judged(false)), ["signature_unverified"]);
    assert_eq!((codes(&judged(true)), judged(true).level()), (vec![], Level::L1));
}

#[test]
fn unrecognised_parameters_can_be_reported_only() {
    let mut document = github();
    put(&mut document, "/predicate/buildDefinition/externalParameters/x", json!(1));
    let expectations = Expectations { unrecognised: Unrecognised::Report, ..none() };
    let judged = judge_with(&document, &claims(), &Rules { expectations, ..Rules::well_known() });
    assert_eq!((judged.accepted(), judged.unrecognised), (true, vec!["x".to_owned()]));
}

#[test]
fn an_expected_parameter_is_compared_wherever_it_stands() {
    let mut document = github();
    put(&mut document, "/predicate/buildDefinition/externalParameters/workflow/flavour", json!("mint"));
    let judged = |wanted: &str| {
        let inputs = [("workflow.flavour".to_owned(), Input::Matches(matcher(wanted).unwrap()))].into();
        let expectations = Expectations { inputs, ..none() };
        codes(&judge_with(&document, &claims(), &Rules { expectations, ..Rules::well_known() }))
    };
    assert_eq!((judged("m*"), judged("plain")), (vec![], vec!["input_refused"]));
}

#[test]
fn a_source_that_looks_like_another_is_refused_by_name() {
    let mut document = github();
    put(
        &mut document,
        "/predicate/buildDefinition/externalParameters/workflow/repository",
        json!("https://github.com/acme/lіb"),
    );
    let judged = judge(&document, &claims());
    assert!(codes(&judged).contains(&"name_confusable"), "{:?}", codes(&judged));
}

#[test]
fn first_use_records_what_was_accepted_only() {
    let refused = judge(&generic(), &claims());
    assert_eq!(Record::of(&refused).unwrap_err().code(), "claim_mismatch");
    let record = Record::of(&judge(&generic(), &claims_of(GENERATOR))).unwrap();
    assert_eq!(record.source.as_deref(), Some(SOURCE));
    assert_eq!((record.built_from.as_deref(), record.level.as_deref()), (Some("tag"), Some("L3")));
    let fields = record.fields();
    let again = Record::from_fields(fields.iter().map(|(name, value)| (*name, value.as_str()))).unwrap();
    assert_eq!(again, record);
    assert_eq!(Record::from_fields([("colour", "red")]).unwrap_err().code(), "option_invalid");
}

#[test]
fn later_releases_are_no_change_but_these_are() {
    let record = Record::of(&judge(&generic(), &claims_of(GENERATOR))).unwrap();
    let changes = |document: &serde_json::Value, claims: &Claims| -> Vec<&'static str> {
        record.changes(&judge(document, claims)).iter().map(|c| c.field).collect()
    };
    // The next version, by a later release of the generator.
    let text =
        generic().to_string().replace("v1.2.3", "v1.3.0").replace("v2.1.0", "v2.2.0").replace(COMMIT, &"9".repeat(40));
    let mut later = claims_of(&GENERATOR.replace("v2.1.0", "v2.2.0"));
    later.build_signer_digest = Some("8".repeat(40));
    later.set("source_repository_ref", "refs/tags/v1.3.0");
    later.set("source_repository_digest", &"9".repeat(40));
    later.set("build_config_digest", &"9".repeat(40));
    later.set("build_config_uri", &format!("{SOURCE}/{WORKFLOW}@refs/tags/v1.3.0"));
    let document = serde_json::from_str(&text).unwrap();
    assert_eq!(changes(&document, &later), Vec::<&str>::new());
    // The same release of the generator, moved to another commit.
    let mut moved = claims_of(GENERATOR);
    moved.build_signer_digest = Some("8".repeat(40));
    assert_eq!(changes(&generic(), &moved), ["signer_digest"]);
    // Back to building in the project's own workflow.
    let own = changes(&github(), &claims());
    assert_eq!(own, ["signer", "build_type", "builder", "inputs", "level"]);
}

#[test]
fn a_record_of_monorepo_tags_expects_any_tag() {
    for reference in ["refs/tags/v1.2.3", "refs/tags/@scope/name@1.2.3", "refs/tags/release/1"] {
        let rules = Rules {
            expectations: Record { built_from: Some("tag".to_owned()), ..Record::default() }.expectations().unwrap(),
            ..Rules::well_known()
        };
        let document = serde_json::from_str(&generic().to_string().replace(REF, reference)).unwrap();
        let mut signer = claims_of(GENERATOR);
        signer.set("source_repository_ref", reference);
        signer.set("build_config_uri", &format!("{SOURCE}/{WORKFLOW}@{reference}"));
        assert_eq!(judge_with(&document, &signer, &rules).refusals, [], "{reference}");
    }
    let record = Record { level: Some("L9".to_owned()), ..Record::default() };
    assert_eq!(record.expectations().unwrap_err().code(), "option_invalid");
}
