use super::*;
use crate::leaf::Leaf;
use crate::testing::{TestLog, package};
use crate::tree::{leaf_hash, sha256};

/// The chain of `a` after the log's entries, or the error of the first that does not follow.
fn replay(log: &TestLog) -> Result<Chain> {
    let mut chain = Chain::new(package("a"));
    for (index, bytes) in log.entries.iter().enumerate() {
        match Leaf::parse(bytes)? {
            Leaf::Event(event) if event.package == package("a") => {
                chain.push(index as u64, leaf_hash(bytes), &event)?
            }
            _ => {}
        }
    }
    Ok(chain)
}

fn verdict(log: &TestLog, version: &str, bytes: &[u8]) -> &'static str {
    replay(log).unwrap().check(version, &sha256(bytes)).map_or_else(|e| e.code(), |_| "ok")
}

#[test]
fn the_state_of_a_version() {
    let mut log = TestLog::new();
    assert_eq!(verdict(&log, "1.0.0", b"x"), "attestation_missing");
    log.event(Event::Package, "a", None, b"owner");
    log.event(Event::Publish, "a", Some("1.0.0"), b"x");
    log.event(Event::Publish, "b", Some("1.0.0"), b"b");
    assert_eq!(verdict(&log, "1.0.0", b"x"), "ok");
    assert_eq!(verdict(&log, "1.0.0", b"y"), "release_replaced");
    assert_eq!(verdict(&log, "1.0.1", b"x"), "attestation_missing");
    log.event(Event::Provenance, "a", Some("1.0.0"), b"x");
    assert_eq!(replay(&log).unwrap().versions()["1.0.0"].provenance, [3]);
    log.event(Event::Publish, "a", Some("1.0.0"), b"y");
    assert_eq!(verdict(&log, "1.0.0", b"x"), "release_replaced");
    assert_eq!(verdict(&log, "1.0.0", b"y"), "ok");
    assert!(replay(&log).unwrap().versions()["1.0.0"].provenance.is_empty(), "provenance is of other bytes");
    log.event(Event::Unpublish, "a", Some("1.0.0"), b"y");
    assert_eq!(verdict(&log, "1.0.0", b"y"), "release_unpublished");
    log.event(Event::Publish, "a", Some("1.0.0"), b"y");
    assert_eq!(verdict(&log, "1.0.0", b"y"), "ok");
}

#[test]
fn retirement_is_the_last_word_and_bytes_are_untouched() {
    let mut log = TestLog::new();
    log.event(Event::Publish, "a", Some("1.0.0"), b"x");
    let retired = log.event(Event::Retire, "a", Some("1.0.0"), b"x");
    let state = |log: &TestLog| replay(log).unwrap().check("1.0.0", &sha256(b"x")).unwrap().clone();
    assert_eq!(state(&log).retired, Some(retired));
    log.event(Event::Unretire, "a", Some("1.0.0"), b"x");
    let advisory = log.event(Event::Vulnerability, "a", Some("1.0.0"), b"x");
    assert_eq!((state(&log).retired, state(&log).advisories), (None, vec![advisory]));
}

#[test]
fn gaps_and_forks_break_it() {
    let mut log = TestLog::new();
    log.event(Event::Publish, "a", Some("1.0.0"), b"x");
    log.event(Event::Publish, "a", Some("1.0.1"), b"y");
    log.event(Event::Publish, "a", Some("1.0.2"), b"z");
    let hash = leaf_hash(&log.entries[1]);
    let leaf = |i: usize| match Leaf::parse(&log.entries[i]).unwrap() {
        Leaf::Event(event) => event,
        other => panic!("{other:?}"),
    };
    let mut chain = Chain::new(package("a"));
    chain.push(0, leaf_hash(&log.entries[0]), &leaf(0)).unwrap();
    let reason = |chain: &mut Chain, index, leaf: &EventLeaf| match chain.push(index, hash, leaf) {
        Err(e) => (e.code(), e.to_string()),
        Ok(()) => ("ok", String::new()),
    };
    let (code, text) = reason(&mut chain, 2, &leaf(2));
    assert!(code == "chain_broken" && text.contains("missing"), "{text}");
    let (code, text) = reason(&mut chain, 2, &leaf(0));
    assert!(code == "chain_broken" && text.contains("does not follow"), "{text}");
    let other = EventLeaf { previous: Some(Link { index: 0, leaf: [9; 32] }), ..leaf(1) };
    assert_eq!(reason(&mut chain, 1, &other).0, "chain_broken");
    assert_eq!(reason(&mut chain, 0, &leaf(1)).0, "chain_broken", "not before the entry it follows");
    let foreign = EventLeaf { package: package("b"), ..leaf(1) };
    assert_eq!(reason(&mut chain, 1, &foreign).0, "chain_broken");
    assert_eq!(reason(&mut chain, 1, &leaf(1)).0, "ok", "what was refused changed nothing");
    let far = EventLeaf { seq: limits::CHAIN_ENTRIES, ..leaf(2) };
    assert_eq!(reason(&mut chain, 2, &far).0, "input_too_large");
}
