//! The worst that the limits let in, in bounded memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use peak_alloc::PeakAlloc;
use provenance_slsa::{Rules, judge_bytes};
use serde_json::{Value, json};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Megabytes that judging `text` takes at its peak, beside the text.
fn peak(text: &str) -> f32 {
    let before = MEMORY.current_usage_as_mb();
    MEMORY.reset_peak_usage();
    drop(judge_bytes(text.as_bytes(), Some(&claims_of(GENERATOR)), None, &Rules::well_known()));
    MEMORY.peak_usage_as_mb() - before
}

fn filled(pointer: &str, one: &str, count: usize, open: char, close: char) -> String {
    let mut document = generic();
    put(&mut document, pointer, json!("HERE"));
    let mut list = String::new();
    for i in 0..count {
        list.push_str(&one.replace('#', &i.to_string()));
        list.push(',');
    }
    list.pop();
    document.to_string().replace("\"HERE\"", &format!("{open}{list}{close}"))
}

/// One test, since the allocator counts for the whole process.
#[test]
fn the_worst_is_bounded() {
    let dependency =
        json!({"uri": "https://github.com/acme/lib@x", "digest": {"sha1": "e"}}).to_string().replace("@x", "@#");
    let subject = json!({"name": "#", "digest": {"sha256": "a".repeat(64)}}).to_string();
    for (what, text) in [
        ("parameters", filled("/predicate/invocation/parameters", "\"#\":1", 1_000_000, '{', '}')),
        ("dependencies", filled("/predicate/materials", &dependency, 65_536, '[', ']')),
        ("too many dependencies", filled("/predicate/materials", &dependency, 150_000, '[', ']')),
        ("subjects", filled("/subject", &subject, 131_072, '[', ']')),
        (
            "inputs",
            filled("/predicate/invocation/environment/github_event_payload", "\"inputs\":{\"#\":1}", 1, '{', '}'),
        ),
        ("environment", filled("/predicate/invocation/environment/other", "1", 1_000_000, '[', ']')),
        ("event", filled("/predicate/invocation/environment/github_event_payload", "1", 1_000_000, '[', ']')),
        ("one name", filled("/predicate/builder/id", &Value::from("x".repeat(15 << 20)).to_string(), 1, ' ', ' ')),
    ] {
        let megabytes = peak(&text);
        println!("{what}: {megabytes:.0} MB for {} MB", text.len() >> 20);
        assert!(megabytes < 320.0, "{what}: {megabytes:.0} MB");
    }
}
