use super::*;
use crate::leaf::{Event, HeadsLeaf};
use crate::testing::{PREFIX, TestLog, key_change, statement};
use crate::tile::{MemoryTiles, TileReader};

fn text(event: Event, name: &str, id: u64) -> String {
    let version = (!event.is_of_package()).then_some("1.0.0");
    statement(event, name, version, &sha256(name.as_bytes()), &format!("event-{id}"), &[])
}

/// In batches of any size, the log is the one that is entered one by one.
#[test]
fn batches_of_any_size_make_one_log() {
    let names = ["a", "b", "a", "c", "a", "b", "a", "d", "a"];
    let events: Vec<_> =
        (0..50u64).map(|n| text(Event::Retire, names[n as usize % names.len()], n).into_bytes()).collect();
    let all = |size: usize| {
        let (mut edge, mut heads, mut leaves, mut tiles) =
            (Edge::new(), BTreeMap::new(), vec![], MemoryTiles::default());
        for chunk in events.chunks(size) {
            let items: Vec<_> = chunk.iter().map(|s| Item::Event { statement: s, signature: b"s" }).collect();
            let batch = enter(&edge, &items, &heads, PREFIX).unwrap();
            assert!(batch.entries.iter().all(|e| leaf_hash(&e.leaf) == e.hash && e.event.is_some()));
            tiles.apply(&batch.rows).unwrap();
            heads.extend(batch.heads);
            leaves.extend(batch.entries.into_iter().map(|e| e.leaf));
            edge = batch.edge;
        }
        (edge, heads, leaves, tiles)
    };
    let (edge, heads, leaves, mut tiles) = all(1);
    for size in [2, 7, 50] {
        let other = all(size);
        assert_eq!((&other.0, &other.1, &other.2), (&edge, &heads, &leaves));
        let tile = crate::tile::Tile::new(crate::tile::Kind::Hashes(0), 0, 50).unwrap();
        assert_eq!(other.3.clone().read(tile), tiles.read(tile));
    }
    for (package, head) in &heads {
        let mut chain = crate::Chain::new(package.clone());
        for (index, bytes) in (0..).zip(&leaves) {
            let Leaf::Event(event) = Leaf::parse(bytes).unwrap() else { panic!() };
            if event.package == *package {
                chain.push(index, leaf_hash(bytes), &event).unwrap();
            }
        }
        assert_eq!(chain.head(), Some(head));
    }
}

#[test]
fn an_event_says_what_its_statement_says() {
    let log = TestLog::new();
    let text = text(Event::Owners, "a", 0);
    let envelope = log.key.envelope(&text);
    let item = Item::Event { statement: text.as_bytes(), signature: &envelope.signature };
    let batch = enter(&log.edge(), &[item], &log.heads, PREFIX).unwrap();
    let [entry] = batch.entries.as_slice() else { panic!() };
    let Leaf::Event(leaf) = Leaf::parse(&entry.leaf).unwrap() else { panic!() };
    let event = entry.event.as_ref().unwrap();
    assert_eq!(event.facts.check(0, &leaf, &envelope.digest()), Ok(()));
    assert_eq!((event.envelope, event.seq), (envelope.digest(), 0));
}

#[test]
fn other_leaves_are_entered_as_they_are() {
    let log = TestLog::new();
    let change = Leaf::KeyChange(key_change(&log.key, &crate::testing::RegistryKey::new())).write().unwrap();
    let map = |covers| Leaf::Heads(HeadsLeaf { count: 0, covers, root: crate::tree::empty_root() }).write().unwrap();
    let enter = |bytes: &[u8]| enter(&Edge::new(), &[Item::Leaf(bytes)], &BTreeMap::new(), PREFIX);
    assert_eq!(enter(&change).unwrap().entries[0].leaf, change);
    assert!(enter(&map(0)).unwrap().heads.is_empty());
    assert_eq!(enter(&map(1)).map_err(|e| e.code()), Err("malformed"));
    assert_eq!(enter(b"{}").map_err(|e| e.code()), Err("malformed"));
    let mut other = TestLog::new();
    other.event(Event::Publish, "a", Some("1.0.0"), b"x");
    assert_eq!(enter(&other.entries[0]).map_err(|e| e.code()), Err("malformed"), "an event needs its statement");
}

#[test]
fn what_is_refused_enters_nothing() {
    let good = text(Event::Publish, "a", 0);
    let enter = |items: &[Item<'_>]| enter(&Edge::new(), items, &BTreeMap::new(), PREFIX).map_err(|e| e.code());
    let event = |statement, signature| Item::Event { statement, signature };
    assert_eq!(enter(&vec![event(good.as_bytes(), b"s"); 257]).err(), Some("input_too_large"));
    assert_eq!(enter(&[event(good.as_bytes(), b"s"), event(b"{}", b"s")]).err(), Some("statement_invalid"));
    assert_eq!(enter(&[event(good.as_bytes(), b"")]).err(), Some("malformed"));
    assert_eq!(envelope(&vec![b' '; 800_000], b"s").map_err(|e| e.code()), Err("input_too_large"));
    assert_eq!(envelope(&vec![b' '; 700_000], b"s").map(|e| e.len() > 900_000), Ok(true));
}
