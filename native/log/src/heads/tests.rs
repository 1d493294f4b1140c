use std::collections::BTreeMap;

use super::*;
use crate::leaf::{Event, Link};
use crate::testing::{TestLog, package};
use crate::tree::tests::reference_root;

fn head(n: u64) -> Head {
    Head { seq: n, link: Link { index: n * 3, leaf: [n as u8; 32] } }
}

/// `p1`, `p3`, `p5` ...: the even ones are absent.
fn map(count: u64) -> HeadsMap {
    let heads: Vec<_> = (0..count).map(|n| (package(&format!("p{:03}", 2 * n + 1)), head(n))).collect();
    HeadsMap::build(1000, heads).unwrap()
}

#[test]
fn leaves_are_canonical_json() {
    let text = format!(r#"{{"index":6,"leaf":"{}","package":"pkg:hex/a","seq":2}}"#, "02".repeat(32));
    assert_eq!(entry_hash(&mut vec![7], &package("a"), &head(2)), leaf_hash(text.as_bytes()));
    let leaves: Vec<_> = map(9).heads.iter().map(|(p, h)| entry_hash(&mut vec![], p, h)).collect();
    assert_eq!(map(9).leaf().unwrap(), HeadsLeaf { count: 9, covers: 1000, root: reference_root(&leaves) });
}

#[test]
fn presence_and_absence_in_every_small_map() {
    for count in 0..40 {
        let map = map(count);
        let leaf = map.leaf().unwrap();
        assert_eq!(leaf_of(1000, map.heads.iter().map(|(p, h)| (p, h))), Ok(leaf));
        for n in 0..=2 * count {
            let name = package(&format!("p{n:03}"));
            let proof = map.prove(&name).unwrap();
            let expected = (n % 2 == 1).then(|| head(n / 2));
            assert_eq!(verify(&leaf, &name, &proof), Ok(expected), "{n} of {count}");
            let other = package(&format!("q{n:03}"));
            let beyond = count == 0 || n == 2 * count;
            assert_eq!(verify(&leaf, &other, &proof).is_ok(), beyond && expected.is_none(), "{n} of {count}");
        }
    }
}

#[test]
fn false_proofs() {
    let map = map(10);
    let leaf = map.leaf().unwrap();
    let place = |n: usize| map.place(n).unwrap();
    let refused = |name: &str, proof: HeadProof| verify(&leaf, &package(name), &proof).is_err();
    let absent = |before, after| HeadProof::Absent { before, after };
    assert!(!refused("p004", absent(place(1), place(2))));
    assert!(refused("p003", absent(place(0), place(2))), "hidden between neighbours that are none");
    assert!(refused("p003", absent(place(0), place(1))), "it is its own neighbour");
    assert!(refused("p004", absent(place(1), None)), "not the last");
    assert!(refused("p004", absent(None, place(2))), "not the first");
    assert!(refused("p004", absent(None, None)), "the map is not empty");
    assert!(refused("p004", absent(place(2), place(1))));
    let moved = Place { position: 5, ..place(1).unwrap() };
    assert!(refused("p003", HeadProof::Present(moved)));
    let lied = Place { head: head(7), ..place(1).unwrap() };
    assert!(refused("p003", HeadProof::Present(lied)));
    assert!(refused("p005", HeadProof::Present(place(1).unwrap())));
}

#[test]
fn heads_out_of_order_are_refused() {
    let heads = vec![(package("b"), head(1)), (package("a"), head(2))];
    assert_eq!(HeadsMap::build(9, heads).map_err(|e| e.code()).err(), Some("heads_mismatch"));
    let twice = vec![(package("a"), head(1)), (package("a"), head(2))];
    assert!(HeadsMap::build(9, twice).is_err());
}

/// A log with a map in the middle, and what a client is given.
fn log_with_map() -> (TestLog, HeadsMap, HeadsLeaf, Tail) {
    let mut log = TestLog::new();
    log.event(Event::Publish, "a", Some("1.0.0"), b"x");
    log.event(Event::Publish, "b", Some("1.0.0"), b"y");
    let heads: BTreeMap<_, _> = log.heads.clone();
    let (edge, map) = (log.edge(), HeadsMap::build(log.index(), heads.into_iter().collect()).unwrap());
    let leaf = map.leaf().unwrap();
    log.event(Event::Retire, "a", Some("1.0.0"), b"x");
    log.enter(Leaf::Heads(leaf));
    log.event(Event::Publish, "c", Some("1.0.0"), b"z");
    let tail = Tail { edge, entries: log.entries[2..].to_vec() };
    (log, map, leaf, tail)
}

#[test]
fn the_newest_head_is_the_maps_and_the_tails() {
    let (log, map, leaf, tail) = log_with_map();
    let root = log.edge().root();
    for name in ["a", "b", "c", "d"] {
        let proof = map.prove(&package(name)).unwrap();
        let found = newest(&package(name), &leaf, &proof, &tail, (5, &root)).unwrap();
        assert_eq!(found, log.heads.get(&package(name)).copied(), "{name}");
    }
}

#[test]
fn a_tail_that_is_not_the_logs() {
    let (log, map, leaf, tail) = log_with_map();
    let (a, root) = (package("a"), log.edge().root());
    let proof = map.prove(&a).unwrap();
    let code = |map: &HeadsLeaf, tail: &Tail, size| newest(&a, map, &proof, tail, (size, &root)).map_err(|e| e.code());
    assert_eq!(
        code(&leaf, &Tail { entries: tail.entries[1..].to_vec(), ..tail.clone() }, 5),
        Err("consistency_broken")
    );
    assert_eq!(code(&leaf, &Tail { edge: Edge::new(), ..tail.clone() }, 5), Err("consistency_broken"));
    assert_eq!(code(&leaf, &tail, 6), Err("consistency_broken"));
    assert_eq!(code(&HeadsLeaf { covers: 3, ..leaf }, &tail, 5), Err("consistency_broken"));
    // A map that is not among the entries, though all else holds.
    let entries: Vec<_> =
        log.entries[2..].iter().filter(|e| **e != Leaf::Heads(leaf).write().unwrap()).cloned().collect();
    let mut edge = tail.edge.clone();
    entries.iter().for_each(|e| edge.append(leaf_hash(e)).unwrap());
    let without = Tail { entries, ..tail.clone() };
    let found = newest(&a, &leaf, &proof, &without, (edge.size(), &edge.root()));
    assert_eq!(found.map_err(|e| e.code()), Err("heads_mismatch"));
    let long = Tail { entries: vec![vec![]; 1025], ..tail };
    assert_eq!(code(&leaf, &long, 5), Err("input_too_large"));
}
