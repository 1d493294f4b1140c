use super::*;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::tests::log_key;
use crate::heads::HeadsMap;
use crate::leaf::{Event, Link, Purpose, Subjects};
use crate::note::{KeyKind, SigningKey};
use crate::prover::Prover;
use crate::testing::{ORIGIN, PREFIX, RegistryKey, TestLog, ed25519, key_change, package};
use crate::tile::MemoryTiles;

fn monitor(log: &TestLog) -> Monitor {
    let options = Options { prefix: PREFIX.to_owned(), watched: [package("a")].into(), all_statements: true };
    Monitor::new(log.trust(), options)
}

fn signed_by(log: &TestLog, size: u64, key: &SigningKey) -> SignedCheckpoint {
    let root = prover(log).root(size).unwrap();
    Checkpoint::new(ORIGIN, size, root).unwrap().sign(key).unwrap()
}

fn signed(log: &TestLog, size: u64) -> SignedCheckpoint {
    signed_by(log, size, &log_key(ORIGIN))
}

fn prover(log: &TestLog) -> Prover<MemoryTiles> {
    Prover::new(log.tiles(), 8)
}

fn blobs(log: &TestLog) -> BTreeMap<Hash, Blob> {
    log.blobs.iter().map(|(digest, bytes)| (*digest, Blob::Bytes(bytes.clone()))).collect()
}

/// Feeds what `log` has from where `monitor` stands, in pages of three.
fn follow(monitor: &mut Monitor, log: &TestLog, blobs: &mut BTreeMap<Hash, Blob>) -> Vec<Finding> {
    let (mut prover, size) = (prover(log), log.index());
    let old = monitor.newest().map_or(0, |n| n.checkpoint().size());
    let proof = prover.consistency(old, size).unwrap();
    let mut findings = monitor.checkpoint(&signed(log, size), &proof, None).unwrap();
    while monitor.size() < size {
        let (start, end) = (monitor.size(), (monitor.size() + 3).min(size));
        let proof = prover.consistency(end, size).unwrap();
        let entries = &log.entries[start as usize..end as usize];
        findings.extend(monitor.page(start, entries, &proof, blobs).unwrap());
    }
    findings
}

fn kinds(findings: &[Finding]) -> Vec<(Kind, Option<u64>)> {
    let misbehaviours = findings.iter().filter_map(|f| match f {
        Finding::Misbehaviour(m) => Some((m.kind, m.index)),
        _ => None,
    });
    misbehaviours.collect()
}

/// What a monitor that starts from nothing finds wrong with `log`.
fn found(log: &TestLog) -> Vec<(Kind, Option<u64>)> {
    kinds(&follow(&mut monitor(log), log, &mut blobs(log)))
}

fn map(log: &TestLog) -> HeadsLeaf {
    HeadsMap::build(log.index(), log.heads.clone().into_iter().collect()).unwrap().leaf().unwrap()
}

fn honest() -> TestLog {
    let mut log = TestLog::new();
    log.event(Event::Package, "a", None, b"owners");
    log.event(Event::Publish, "a", Some("1.0.0"), b"x");
    log.event(Event::Publish, "b", Some("1.0.0"), b"y");
    let covering = map(&log);
    log.event(Event::Publish, "c", Some("0.1.0"), b"z");
    log.event(Event::Retire, "a", Some("1.0.0"), b"x");
    log.enter(Leaf::Heads(covering));
    let linked = b"a bundle".to_vec();
    let leaf = log.leaf(Event::Publish, "a", Some("1.0.1"), b"w", &[sha256(&linked)]);
    log.blobs.insert(sha256(&linked), linked);
    log.enter(Leaf::Event(leaf));
    log
}

#[test]
fn an_honest_log_is_followed() {
    let mut log = honest();
    let mut watcher = monitor(&log);
    let events = |findings: &[Finding]| findings.iter().filter_map(Finding::index).collect::<Vec<_>>();
    let findings = follow(&mut watcher, &log, &mut blobs(&log));
    assert_eq!(kinds(&findings), []);
    assert_eq!(events(&findings), [0, 1, 4, 6], "the events of a");
    assert_eq!(watcher.heads(), &log.heads);
    log.event(Event::Unpublish, "a", Some("1.0.1"), b"w");
    log.event(Event::Publish, "b", Some("1.0.1"), b"v");
    let next = map(&log);
    log.enter(Leaf::Heads(next));
    let findings = follow(&mut watcher, &log, &mut blobs(&log));
    assert_eq!((kinds(&findings), events(&findings)), (vec![], vec![7]));
    assert_eq!(watcher.wanted(&log.entries).len(), 8);
}

#[test]
fn a_hidden_event() {
    let mut log = honest();
    let shown = log.heads.clone();
    // Sequenced, and then left out of what is shown.
    log.event(Event::Unpublish, "a", Some("1.0.0"), b"x");
    log.entries.pop();
    let index = log.event(Event::Publish, "a", Some("1.0.2"), b"u");
    assert_eq!(found(&log), [(Kind::HiddenEvent, Some(index))]);
    log.heads = shown;
}

#[test]
fn a_forked_chain() {
    let mut log = honest();
    let before = log.heads.clone();
    log.event(Event::Publish, "b", Some("1.0.1"), b"p");
    log.heads = before;
    let index = log.event(Event::Publish, "b", Some("1.0.1"), b"q");
    assert_eq!(found(&log), [(Kind::ForkedChain, Some(index))]);
}

#[test]
fn a_rolled_back_checkpoint() {
    let log = honest();
    let mut watcher = monitor(&log);
    follow(&mut watcher, &log, &mut blobs(&log));
    let proof = prover(&log).consistency(4, log.index()).unwrap();
    let findings = watcher.checkpoint(&signed(&log, 4), &proof, None).unwrap();
    assert_eq!(kinds(&findings), [(Kind::RolledBackCheckpoint, None)]);
    assert_eq!(watcher.newest().unwrap().checkpoint().size(), log.index(), "it keeps what it had");
    assert_eq!(watcher.checkpoint(&signed(&log, log.index()), &[], None).unwrap(), []);
}

#[test]
fn a_split_view() {
    let (mut ours, mut theirs) = (honest(), TestLog::new());
    (theirs.entries, theirs.heads) = (ours.entries.clone(), ours.heads.clone());
    ours.event(Event::Publish, "b", Some("2.0.0"), b"ours");
    theirs.event(Event::Publish, "b", Some("2.0.0"), b"theirs");
    let mut watcher = monitor(&ours);
    follow(&mut watcher, &ours, &mut blobs(&ours));
    let size = ours.index();
    // Of one size, larger with the best proof the log can make, and smaller.
    let same = watcher.checkpoint(&signed(&theirs, size), &[], None).unwrap();
    assert_eq!(kinds(&same), [(Kind::SplitView, None)]);
    let Finding::Misbehaviour(misbehaviour) = &same[0] else { panic!() };
    assert_eq!(misbehaviour.evidence.len(), 2);
    assert!(misbehaviour.evidence.iter().all(|note| SignedCheckpoint::parse(note.as_bytes()).is_ok()));
    theirs.event(Event::Publish, "b", Some("2.0.1"), b"more");
    let proof = prover(&theirs).consistency(size, size + 1).unwrap();
    let larger = watcher.checkpoint(&signed(&theirs, size + 1), &proof, None).unwrap();
    assert_eq!(kinds(&larger), [(Kind::SplitView, None)]);
    ours.event(Event::Publish, "c", Some("9.0.0"), b"");
    follow(&mut watcher, &ours, &mut blobs(&ours));
    let proof = prover(&ours).consistency(size, size + 1).unwrap();
    let smaller = watcher.checkpoint(&signed(&theirs, size), &proof, None).unwrap();
    assert_eq!(kinds(&smaller), [(Kind::SplitView, None)]);
}

#[test]
fn a_leaf_at_odds_with_its_statement() {
    for change in [
        |leaf: &mut EventLeaf| leaf.version = Some("1.0.0".to_owned()),
        |leaf: &mut EventLeaf| leaf.subjects = Subjects::Listed(vec![[7; 32]]),
        |leaf: &mut EventLeaf| leaf.time += 1,
        |leaf: &mut EventLeaf| leaf.event = Event::Unpublish,
        |leaf: &mut EventLeaf| leaf.id = "other".to_owned(),
    ] {
        let mut log = honest();
        let mut leaf = log.leaf(Event::Publish, "b", Some("1.0.1"), b"t", &[]);
        change(&mut leaf);
        let index = log.enter(Leaf::Event(leaf));
        assert_eq!(found(&log), [(Kind::LeafAtOdds, Some(index))]);
    }
}

#[test]
fn a_statement_that_the_registry_did_not_sign() {
    let mut log = honest();
    let mut watcher = monitor(&log);
    log.key = RegistryKey::new();
    let index = log.event(Event::Publish, "b", Some("6.6.6"), b"evil");
    let findings = follow(&mut watcher, &log, &mut blobs(&log));
    assert_eq!(kinds(&findings), [(Kind::BadStatement, Some(index))]);
}

#[test]
fn a_wrong_heads_map() {
    let lies: [fn(HeadsLeaf) -> HeadsLeaf; 5] = [
        |map| HeadsLeaf { root: [0; 32], ..map },
        |map| HeadsLeaf { count: map.count - 1, ..map },
        |map| HeadsLeaf { count: map.count + 1, ..map },
        |map| HeadsLeaf { covers: map.covers + 2, ..map },
        |map| HeadsLeaf { covers: map.covers - 1, ..map },
    ];
    for lie in lies {
        let mut log = honest();
        let wrong = lie(map(&log));
        let index = log.enter(Leaf::Heads(wrong));
        assert_eq!(found(&log), [(Kind::WrongHeadsMap, Some(index))], "{wrong:?}");
    }
    // Right once, but a package's event was left out of it.
    let mut log = honest();
    let stale = map(&log);
    log.event(Event::Publish, "b", Some("1.0.1"), b"n");
    let index = log.enter(Leaf::Heads(HeadsLeaf { covers: stale.covers + 1, ..stale }));
    assert_eq!(found(&log), [(Kind::WrongHeadsMap, Some(index))]);
}

#[test]
fn a_map_too_old_to_use() {
    let mut log = TestLog::new();
    let empty = map(&log);
    for i in 0..1025 {
        log.event(Event::Publish, "a", Some(&format!("1.0.{i}")), b"x");
    }
    let index = log.enter(Leaf::Heads(empty));
    assert_eq!(found(&log), [(Kind::WrongHeadsMap, Some(index))]);
    let mut log = TestLog::new();
    for i in 0..1024 {
        log.event(Event::Publish, if i % 2 == 0 { "a" } else { "b" }, Some(&format!("1.0.{i}")), b"x");
    }
    log.enter(Leaf::Heads(empty));
    assert_eq!(found(&log), []);
}

#[test]
fn a_withheld_bundle_and_a_withheld_envelope() {
    let log = honest();
    let linked = sha256(b"a bundle");
    let envelope = match Leaf::parse(&log.entries[2]).unwrap() {
        Leaf::Event(event) => event.envelope,
        other => panic!("{other:?}"),
    };
    for (digest, index) in [(linked, 6), (envelope, 2)] {
        for withheld in [Blob::Withheld, Blob::Bytes(b"something else".to_vec())] {
            let mut blobs = blobs(&log);
            blobs.insert(digest, withheld);
            let findings = follow(&mut monitor(&log), &log, &mut blobs);
            assert_eq!(kinds(&findings), [(Kind::Withheld, Some(index))]);
        }
        let mut blobs = blobs(&log);
        blobs.insert(digest, Blob::Redacted);
        let findings = follow(&mut monitor(&log), &log, &mut blobs);
        assert_eq!(kinds(&findings), []);
        assert!(findings.contains(&Finding::Redacted { index, digest }));
    }
}

#[test]
fn an_entry_that_is_no_leaf() {
    let mut log = honest();
    log.entries.push(b"{}".to_vec());
    assert_eq!(found(&log), [(Kind::MalformedLeaf, Some(7))]);
}

#[test]
fn a_registry_key_rotates_and_the_old_one_counts_no_more() {
    let mut log = honest();
    let mut watcher = monitor(&log);
    let (old, new) = (std::mem::replace(&mut log.key, RegistryKey::new()), RegistryKey::new());
    let change = log.enter(Leaf::KeyChange(key_change(&old, &new)));
    log.key = new;
    log.event(Event::Publish, "b", Some("1.1.0"), b"new key");
    log.key = old;
    let bad = log.event(Event::Publish, "b", Some("1.1.1"), b"old key");
    let findings = follow(&mut watcher, &log, &mut blobs(&log));
    assert!(findings.iter().any(|f| matches!(f, Finding::KeyChanged { index, .. } if *index == change)));
    assert_eq!(kinds(&findings), [(Kind::BadStatement, Some(bad))]);
}

#[test]
fn a_key_change_that_the_old_key_did_not_make() {
    let mut log = honest();
    let mut watcher = monitor(&log);
    let index = log.enter(Leaf::KeyChange(key_change(&RegistryKey::new(), &RegistryKey::new())));
    assert_eq!(kinds(&follow(&mut watcher, &log, &mut blobs(&log))), [(Kind::BadKeyChange, Some(index))]);
}

fn log_key_change() -> (KeyChange, SigningKey) {
    let ((old, sign_old), (new, sign_new)) = (ed25519(1), ed25519(2));
    let message = KeyChange::message(ORIGIN, Purpose::Log, &old, &new);
    let (old_signature, new_signature) = (sign_old(&message), sign_new(&message));
    let change = KeyChange { new, new_signature, old, old_signature, purpose: Purpose::Log };
    (change, SigningKey::from_seed(ORIGIN, KeyKind::Ed25519, &[2; 32]).unwrap())
}

#[test]
fn the_logs_key_rotates_before_its_entry_is_read() {
    let mut log = honest();
    let mut watcher = monitor(&log);
    let (change, key) = log_key_change();
    let index = log.enter(Leaf::KeyChange(change.clone()));
    log.event(Event::Publish, "b", Some("1.1.0"), b"behind it");
    let checkpoint = signed_by(&log, log.index(), &key);
    assert_eq!(watcher.checkpoint(&checkpoint, &[], None).map_err(|e| e.code()), Err("checkpoint_untrusted"));
    watcher.announce(index, change).unwrap();
    assert_eq!(watcher.checkpoint(&checkpoint, &[], None).unwrap(), []);
    let findings = watcher.page(0, &log.entries, &[], &mut blobs(&log)).unwrap();
    assert_eq!(kinds(&findings), []);
}

#[test]
fn a_key_change_announced_for_an_entry_that_was_read() {
    let log = honest();
    let mut watcher = monitor(&log);
    follow(&mut watcher, &log, &mut blobs(&log));
    let late = watcher.announce(log.index() - 1, log_key_change().0);
    assert_eq!(late.map_err(|e| e.code()), Err("malformed"));
    assert_eq!(watcher.trust(), &log.trust());
}

#[test]
fn an_announced_key_change_that_is_not_in_the_log() {
    let mut log = honest();
    let mut watcher = monitor(&log);
    let (change, key) = log_key_change();
    watcher.announce(log.index(), change).unwrap();
    let index = log.event(Event::Publish, "b", Some("1.1.0"), b"in its place");
    log.event(Event::Publish, "b", Some("1.1.1"), b"behind it");
    watcher.checkpoint(&signed_by(&log, log.index(), &key), &[], None).unwrap();
    let findings = watcher.page(0, &log.entries, &[], &mut blobs(&log)).unwrap();
    assert_eq!(kinds(&findings), [(Kind::BadKeyChange, Some(index))]);
}

#[test]
fn pages_that_the_log_did_not_sign_are_not_taken() {
    let log = honest();
    let mut watcher = monitor(&log);
    let page = |watcher: &mut Monitor, start, entries: &[Vec<u8>], proof: &[Hash]| {
        watcher.page(start, entries, proof, &mut blobs(&log)).map_err(|e| e.code())
    };
    assert_eq!(page(&mut watcher, 0, &log.entries, &[]), Err("malformed"), "no checkpoint yet");
    watcher.checkpoint(&signed(&log, 7), &[], None).unwrap();
    let mut changed = log.entries.clone();
    changed[2][20] ^= 1;
    assert_eq!(page(&mut watcher, 0, &changed, &[]), Err("consistency_broken"));
    assert_eq!(page(&mut watcher, 0, &log.entries[..3], &[]), Err("consistency_broken"));
    assert_eq!(page(&mut watcher, 1, &log.entries[1..], &[]), Err("malformed"));
    let more = [log.entries.clone(), vec![b"more".to_vec()]].concat();
    assert_eq!(page(&mut watcher, 0, &more, &[]), Err("consistency_broken"));
    let huge = vec![vec![]; PAGE + 1];
    assert_eq!(page(&mut watcher, 0, &huge, &[]), Err("input_too_large"));
    let unfetched = watcher.page(0, &log.entries, &[], &mut BTreeMap::new()).map_err(|e| e.code());
    assert_eq!(unfetched, Err("storage_failed"));
    assert_eq!((watcher.size(), watcher.heads().len()), (0, 0), "nothing of them was taken");
    assert!(page(&mut watcher, 0, &log.entries, &[]).is_ok());
}

#[test]
fn a_link_to_an_entry_that_never_was() {
    let mut log = honest();
    let mut leaf = log.leaf(Event::Publish, "b", Some("1.0.1"), b"t", &[]);
    leaf.previous = Some(Link { index: 1, leaf: [0; 32] });
    let index = log.enter(Leaf::Event(leaf));
    assert_eq!(found(&log), [(Kind::ForkedChain, Some(index))]);
}

#[test]
fn a_state_that_is_saved_goes_on() {
    let mut log = honest();
    let mut watcher = monitor(&log);
    let options = watcher.options.clone();
    let text = watcher.save().unwrap();
    assert_eq!(Monitor::restore(&text, options.clone()).unwrap().save().unwrap(), text, "before anything was seen");
    follow(&mut watcher, &log, &mut blobs(&log));
    watcher.announce(log.index() + 1, log_key_change().0).unwrap();
    let text = watcher.save().unwrap();
    let mut restored = Monitor::restore(&text, options.clone()).unwrap();
    assert_eq!(restored.save().unwrap(), text);
    log.event(Event::Unpublish, "a", Some("1.0.1"), b"w");
    log.enter(Leaf::KeyChange(log_key_change().0));
    let next = map(&log);
    log.enter(Leaf::Heads(next));
    let go_on = |watcher: &mut Monitor| {
        let proof = prover(&log).consistency(7, log.index()).unwrap();
        let (_, key) = log_key_change();
        watcher.checkpoint(&signed_by(&log, log.index(), &key), &proof, None).unwrap();
        watcher.page(7, &log.entries[7..], &[], &mut blobs(&log)).unwrap()
    };
    let findings = go_on(&mut watcher);
    assert_eq!((kinds(&findings), &go_on(&mut restored)), (vec![], &findings));
    for cut in [0, 10, text.len() / 2, text.len() - 1] {
        assert!(Monitor::restore(&text[..cut], options.clone()).is_err(), "{cut}");
    }
    assert!(text.contains("\nundo 0 "));
    assert!(Monitor::restore(&text.replacen("\nundo 0 ", "\nundo 1 ", 1), options.clone()).is_err());
    let without_one =
        text.lines().filter(|l| !l.starts_with("head pkg:hex/b ")).map(|l| format!("{l}\n")).collect::<String>();
    assert!(without_one.len() < text.len() && Monitor::restore(&without_one, options).is_err());
}

#[test]
fn maps_without_end_are_budgeted() {
    let mut log = honest();
    let next = map(&log);
    for _ in 0..600 {
        log.enter(Leaf::Heads(next));
    }
    let mut watcher = monitor(&log);
    watcher.checkpoint(&signed(&log, log.index()), &[], None).unwrap();
    // As if the log had many packages.
    let many = 40_000u64;
    watcher.heads.extend(
        (0..many).map(|i| (package(&format!("p{i}")), Head { seq: 0, link: Link { index: 0, leaf: [0; 32] } })),
    );
    let whole = watcher.page(0, &log.entries, &[], &mut blobs(&log));
    assert_eq!(whole.map_err(|e| e.code()), Err("budget_exhausted"));
    let proof = prover(&log).consistency(9, log.index()).unwrap();
    assert!(watcher.page(0, &log.entries[..9], &proof, &mut blobs(&log)).is_ok(), "smaller pages go on");
}
