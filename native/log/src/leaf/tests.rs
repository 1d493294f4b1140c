use super::*;
use crate::encoding::hex_encode;
use crate::testing::{ORIGIN, RegistryKey, ed25519, key_change, package};

fn event() -> EventLeaf {
    EventLeaf {
        envelope: [1; 32],
        event: Event::Publish,
        id: "01J-event".to_owned(),
        package: package("phoenix"),
        previous: Some(Link { index: 41, leaf: [2; 32] }),
        seq: 3,
        subjects: Subjects::Listed(vec![[3; 32]]),
        time: 1_770_000_000,
        version: Some("1.8.1".to_owned()),
    }
}

fn hex(byte: u8) -> String {
    hex_encode(&[byte; 32])
}

#[test]
fn the_form_in_the_design() {
    let expected = format!(
        r#"{{"envelope":"sha256:{}","event":"publish","id":"01J-event","package":"pkg:hex/phoenix","previous":{{"index":41,"leaf":"{}"}},"seq":3,"subjects":["sha256:{}"],"time":1770000000,"type":1,"version":"1.8.1"}}"#,
        hex(1),
        hex(2),
        hex(3)
    );
    let leaf = Leaf::Event(event());
    assert_eq!(leaf.write().unwrap(), expected.as_bytes());
    assert_eq!(Leaf::parse(expected.as_bytes()).unwrap(), leaf);
    let heads = Leaf::Heads(HeadsLeaf { count: 7, covers: 42, root: [4; 32] });
    let expected = format!(r#"{{"count":7,"covers":42,"root":"{}","type":2}}"#, hex(4));
    assert_eq!(heads.write().unwrap(), expected.as_bytes());
    assert_eq!(Leaf::parse(expected.as_bytes()).unwrap(), heads);
}

#[test]
fn one_spelling_only() {
    let good = String::from_utf8(Leaf::Event(event()).write().unwrap()).unwrap();
    let changes = [
        ("{\"envelope\"", "{ \"envelope\""),
        ("\"type\":1", "\"type\":1,\"type\":1"),
        ("\"type\":1", "\"type\":4"),
        ("\"type\":1", "\"type\":1.0"),
        ("\"type\":1", "\"type\":1,\"unknown\":0"),
        ("\"seq\":3", "\"seq\":03"),
        ("\"seq\":3", "\"seq\":3e0"),
        ("\"seq\":3", "\"seq\":-3"),
        ("\"seq\":3", "\"seq\":0"),
        ("\"seq\":3", "\"seq\":9007199254740992"),
        ("\"index\":41", "\"index\":\"41\""),
        ("\"index\":41,", "\"index\":41,\"x\":1,"),
        ("publish", "p\\u0075blish"),
        ("publish", "unknown"),
        ("\"publish\"", "\"owners\""),
        ("pkg:hex/phoenix", "pkg:hex/Phoenix"),
        ("01J-event", ""),
        ("01J-event", "a b"),
        ("01J-event", "\u{e9}"),
        ("\"1.8.1\"", "null"),
        ("\"1.8.1\"", "\"v1\""),
        ("sha256:01", "sha256:0A"),
        ("[\"sha256:", "[\"sha512:"),
        ("1770000000", "1770000000.5"),
    ];
    for (from, to) in changes {
        assert!(good.contains(from), "{from}");
        assert!(Leaf::parse(good.replacen(from, to, 1).as_bytes()).is_err(), "{from} -> {to}");
    }
    let tail = format!("{good} ");
    assert_eq!(Leaf::parse(tail.as_bytes()).map_err(|e| e.code()), Err("malformed"));
    assert_eq!(Leaf::parse(&vec![b' '; 4097]).map_err(|e| e.code()), Err("input_too_large"));
    for bad in ["", "[]", "null", "{}", "{\"type\":1}", "[1]"] {
        assert_eq!(Leaf::parse(bad.as_bytes()).map_err(|e| e.code()), Err("malformed"), "{bad}");
    }
}

#[test]
fn many_subjects_are_counted() {
    let set = |n: u8| (0..n).map(|i| [i; 32]).collect::<BTreeSet<_>>();
    assert!(matches!(Subjects::of(&set(16)), Subjects::Listed(list) if list.len() == 16));
    let counted = Subjects::of(&set(17));
    assert!(matches!(counted, Subjects::Counted(17, _)));
    let of = |subjects| Leaf::Event(EventLeaf { event: Event::Vulnerability, version: None, subjects, ..event() });
    for subjects in [Subjects::of(&set(16)), counted.clone()] {
        let leaf = of(subjects);
        assert_eq!(Leaf::parse(&leaf.write().unwrap()).unwrap(), leaf);
    }
    for bad in [
        Subjects::Listed(vec![]),
        Subjects::Listed(vec![[2; 32], [1; 32]]),
        Subjects::Listed(vec![[2; 32], [2; 32]]),
        Subjects::Listed((0..17).map(|i| [i; 32]).collect()),
        Subjects::Counted(16, [0; 32]),
    ] {
        assert!(of(bad.clone()).write().is_err(), "{bad:?}");
    }
    let publish = Leaf::Event(EventLeaf { subjects: counted, ..event() });
    assert!(publish.write().is_err(), "a release has one tarball");
}

#[test]
fn key_changes_are_signed_by_both_and_bound_to_the_log() {
    let (old, new) = (RegistryKey::new(), RegistryKey::new());
    let change = key_change(&old, &new);
    change.verify(ORIGIN).unwrap();
    assert_eq!(change.verify("other.example").map_err(|e| e.code()), Err("signature_mismatch"));
    let leaf = Leaf::KeyChange(change.clone());
    assert_eq!(Leaf::parse(&leaf.write().unwrap()).unwrap(), leaf);
    let swapped = KeyChange { old: new.public(), new: old.public(), ..change.clone() };
    assert!(swapped.verify(ORIGIN).is_err());
    assert!(KeyChange { purpose: Purpose::Log, ..change.clone() }.verify(ORIGIN).is_err());
    assert!(KeyChange { new: old.public(), ..change.clone() }.verify(ORIGIN).is_err());
    let (third, sign) = ed25519(9);
    let message = KeyChange::message(ORIGIN, Purpose::Registry, &old.public(), &third);
    let mixed = KeyChange { new: third, new_signature: sign(&message), old_signature: old.sign(&message), ..change };
    mixed.verify(ORIGIN).unwrap();
}

#[test]
fn words_are_read_as_they_are_written() {
    assert!(Event::ALL.iter().all(|e| Event::parse(e.as_str()) == Some(*e)));
    assert!(Purpose::ALL.iter().all(|p| Purpose::parse(p.as_str()) == Some(*p)));
    assert_eq!(Event::ALL.len(), 10);
}
