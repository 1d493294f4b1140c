use super::*;
use crate::testing::{PREFIX, RegistryKey, TestLog, statement};

fn publish() -> String {
    statement(Event::Publish, "phoenix", Some("1.8.1+x"), &[5; 32], "e1", &[[6; 32]])
}

#[test]
fn facts_of_a_publish_statement() {
    let facts = Facts::read(publish().as_bytes(), PREFIX).unwrap();
    assert_eq!((facts.event, facts.id.as_str(), facts.package.as_str()), (Event::Publish, "e1", "pkg:hex/phoenix"));
    assert_eq!((facts.version.as_deref(), facts.time), (Some("1.8.1+x"), 1_769_860_800));
    assert_eq!((facts.subjects.first(), facts.linked.as_slice()), (Some(&[5; 32]), &[[6; 32]][..]));
}

#[test]
fn statements_at_odds_with_themselves() {
    let good = publish();
    for (from, to) in [
        ("Statement/v1", "Statement/v0.1"),
        ("https://hex.pm/attestation/publish/v1", "https://evil.example/publish/v1"),
        ("publish/v1", "publish/v2"),
        ("publish/v1", "party/v1"),
        ("\"package\":\"phoenix\"", "\"package\":\"ecto\""),
        ("\"version\":\"1.8.1+x\"", "\"version\":\"1.8.2\""),
        ("@1.8.1%2Bx", ""),
        (",\"version\":\"1.8.1+x\"", ""),
        ("publish/v1", "owners/v1"),
        ("\"eventId\":\"e1\",", ""),
        ("12:00:00Z", "12:00:00+00:00"),
        ("12:00:00Z", "12:00:61Z"),
        ("2026-01-31T", "2026-02-31T"),
        ("2026-01-31T", "2026-01-31 "),
        ("2026-01-31T", "1969-01-31T"),
        ("\"sha256\":\"05", "\"sha256\":\"0X"),
        ("\"sha256\":\"05", "\"sha512\":\"05"),
        ("\"bundle\":{\"sha256\"", "\"bundle\":{\"sha512\""),
        ("\"subject\":[{", "\"subject\":[[{"),
        ("\"eventId\":\"e1\"", "\"eventId\":\"e1\",\"eventId\":\"e2\""),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(Facts::read(good.replacen(from, to, 1).as_bytes(), PREFIX).is_err(), "{from} -> {to}");
    }
    assert!(Facts::read(good.replace("12:00:00Z", "12:00:00.999Z").as_bytes(), PREFIX).is_ok());
}

#[test]
fn events_of_packages_have_no_version_and_others_have() {
    let read = |event, version| Facts::read(statement(event, "a", version, &[5; 32], "e", &[]).as_bytes(), PREFIX);
    for event in Event::ALL {
        assert_eq!(read(*event, Some("1.0.0")).is_ok(), !event.is_of_package(), "{event:?}");
        assert_eq!(read(*event, None).is_ok(), event.is_of_package(), "{event:?}");
    }
    // Of several versions: the subjects name them, the predicate does not.
    let subject =
        |version: &str| format!(r#"{{"name":"pkg:hex/a@{version}","digest":{{"sha256":"{}"}}}}"#, "05".repeat(32));
    let one = statement(Event::Vulnerability, "a", Some("1.0.0"), &[5; 32], "e", &[]);
    let several = one.replace(&subject("1.0.0"), &[subject("1.0.0"), subject("1.0.1")].join(","));
    assert!(Facts::read(several.as_bytes(), PREFIX).is_err());
    let several = several.replace(r#","version":"1.0.0""#, "");
    assert_eq!(Facts::read(several.as_bytes(), PREFIX).unwrap().version, None);
    let foreign = several.replacen("pkg:hex/a@1.0.1", "pkg:hex/b@1.0.1", 1);
    assert!(Facts::read(foreign.as_bytes(), PREFIX).is_err());
}

#[test]
fn envelopes_have_one_form() {
    let envelope = RegistryKey::new().envelope(&publish());
    let bytes = envelope.write();
    assert_eq!(Envelope::parse(&bytes).unwrap(), envelope);
    let text = String::from_utf8(bytes).unwrap();
    for (from, to) in [
        ("{\"payload\"", "{ \"payload\""),
        ("{\"sig\"", "{\"keyid\":\"\",\"sig\""),
        ("vnd.in-toto+json", "vnd.other+json"),
        ("}]}", "},{\"sig\":\"AA==\"}]}"),
        ("[{", "[{\"sig\":\"AA==\"},{"),
        ("=\"", "\""),
    ] {
        if text.contains(from) {
            assert!(Envelope::parse(text.replacen(from, to, 1).as_bytes()).is_err(), "{from} -> {to}");
        }
    }
    assert!(Envelope::parse(b"[\"AA==\",\"application/vnd.in-toto+json\",[[\"AA==\"]]]").is_err());
    assert_eq!(Envelope::parse(&vec![b' '; (1 << 20) + 1]).map_err(|e| e.code()), Err("input_too_large"));
    assert!(envelope.message().starts_with(b"DSSEv1 28 application/vnd.in-toto+json "));
}

#[test]
fn every_field_of_a_leaf_is_compared() {
    let mut log = TestLog::new();
    let leaf = log.leaf(Event::Publish, "phoenix", Some("1.0.0"), b"tarball", &[]);
    let envelope = Envelope::parse(&log.blobs[&leaf.envelope]).unwrap();
    let facts = Facts::read(&envelope.payload, PREFIX).unwrap();
    let check = |leaf: &EventLeaf| facts.check(7, leaf, &envelope.digest()).map_err(|e| e.fault().clone());
    assert_eq!(check(&leaf), Ok(()));
    let changed: [(&str, EventLeaf); 7] = [
        ("envelope", EventLeaf { envelope: [0; 32], ..leaf.clone() }),
        ("event", EventLeaf { event: Event::Unpublish, ..leaf.clone() }),
        ("id", EventLeaf { id: "other".to_owned(), ..leaf.clone() }),
        ("package", EventLeaf { package: crate::testing::package("ecto"), ..leaf.clone() }),
        ("version", EventLeaf { version: Some("1.0.1".to_owned()), ..leaf.clone() }),
        ("subjects", EventLeaf { subjects: Subjects::Listed(vec![[0; 32]]), ..leaf.clone() }),
        ("time", EventLeaf { time: leaf.time + 1, ..leaf.clone() }),
    ];
    for (field, leaf) in changed {
        assert_eq!(check(&leaf), Err(Fault::LeafMismatch { index: 7, field }));
    }
}
