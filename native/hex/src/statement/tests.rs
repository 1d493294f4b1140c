use proptest::prelude::*;
use provenance_log::leaf::Event;
use provenance_log::purl::Package;
use serde_json::{Value, json};

use super::*;
use crate::error::CATALOGUE;
use crate::testing::attestations;
use crate::{Details, Expectations};

fn make(event: Value) -> Result<Statement> {
    Statement::from_event(event, &Defaults::default(), &Prefix::default())
}

fn with(mut event: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("no object") };
    event.as_object_mut().unwrap().extend(changes);
    event
}

fn digest(byte: u8) -> Value {
    json!({"sha256": format!("{byte:02x}").repeat(32)})
}

fn publish() -> Value {
    json!({
        "event": "publish", "package": "phoenix", "version": "1.8.1+x", "digest": digest(5), "eventId": "e1",
        "occurredAt": "2026-01-31T12:00:00Z", "actor": {"kind": "user", "id": "chrismccord"},
        "provenance": [{"predicateType": "https://slsa.dev/provenance/v1", "bundle": digest(6), "level": 3}],
    })
}

/// One of each event.
fn events() -> Vec<Value> {
    let common = |event: &str| {
        json!({"event": event, "package": "phoenix", "eventId": "e1", "occurredAt": "2026-01-31T12:00:00Z",
               "actor": {"kind": "system"}})
    };
    let release =
        |event: &str, more: Value| with(with(common(event), json!({"version": "1.0.0", "digest": digest(5)})), more);
    let releases =
        json!({"releases": [{"version": "1.0.0", "digest": digest(5)}, {"version": "1.0.1", "digest": digest(6)}]});
    let publisher =
        json!({"issuer": "https://token.actions.githubusercontent.com", "claims": {"repository": "octo/app"}});
    let advisory = json!({"id": "EEF-CVE-1", "aliases": ["CVE-2026-1"], "source": "https://osv.dev/x", "digest": digest(7),
                          "modified": "2026-01-31T12:00:00Z"});
    let document = json!({"format": "openvex", "id": "https://x.example/vex", "version": "1", "digest": digest(8),
                          "url": "https://x.example/vex.json"});
    let owners = json!([{"owner": "chrismccord", "level": "full"}]);
    vec![
        publish(),
        release("provenance", json!({"provenance": [{"predicateType": "t", "bundle": digest(6)}]})),
        release("unpublish", json!({"reason": "by mistake"})),
        release("retire", json!({"reason": "security", "message": "see CVE-2026-1"})),
        release("unretire", json!({})),
        with(with(common("vulnerability"), releases.clone()), json!({"advisory": advisory, "state": "published"})),
        with(with(common("vex"), releases), json!({"document": document, "statements": {"CVE-2026-1": "fixed"}})),
        with(common("owners"), json!({"action": "add", "owner": "chrismccord", "level": "full", "owners": owners})),
        with(common("publishers"), json!({"action": "add", "publisher": publisher, "publishers": [publisher]})),
        with(common("package"), json!({"action": "created", "owner": "chrismccord"})),
    ]
}

fn field_of(error: &Error) -> String {
    match error.fault() {
        Fault::EventInvalid { field, .. } | Fault::StatementInvalid { field, .. } => field.clone(),
        other => other.code().to_owned(),
    }
}

#[test]
fn every_event_is_made_and_read_by_the_log_too() {
    let made: Vec<_> = events().into_iter().map(|event| make(event).unwrap()).collect();
    let kinds: Vec<_> = made.iter().map(|statement| statement.facts().event).collect();
    assert_eq!(kinds, Event::ALL);
    for statement in made {
        assert_eq!(Statement::read(statement.bytes(), &Prefix::default()).unwrap(), statement);
        let facts = Facts::read(statement.bytes(), "https://hex.pm/attestation").unwrap();
        let attestation = statement.attestation();
        assert_eq!((&facts.id, facts.event), (&attestation.id, attestation.event()));
        assert_eq!((&facts.package, facts.version.as_deref()), (&attestation.package, attestation.version()));
        assert_eq!(facts.subjects, attestation.subjects());
        // And whatever the log takes as facts, it enters.
        let leaf = provenance_log::Leaf::Event(facts.leaf([0; 32], None));
        assert!(leaf.write().is_ok(), "{leaf:?}");
    }
}

#[test]
fn the_statement_of_a_publish_event() {
    let statement = make(publish()).unwrap();
    let expected = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","predicate":{{"actor":{{"id":"chrismccord","kind":"user"}},"eventId":"e1","occurredAt":"2026-01-31T12:00:00Z","package":"phoenix","provenance":[{{"bundle":{{"sha256":"{}"}},"level":3,"predicateType":"https://slsa.dev/provenance/v1"}}],"registry":"https://hex.pm","repository":"hexpm","version":"1.8.1+x"}},"predicateType":"https://hex.pm/attestation/publish/v1","subject":[{{"digest":{{"sha256":"{}"}},"name":"pkg:hex/phoenix@1.8.1%2Bx"}}]}}"#,
        "06".repeat(32),
        "05".repeat(32)
    );
    assert_eq!(String::from_utf8(statement.bytes().to_vec()).unwrap(), expected);
    assert_eq!(statement.facts().linked, [[6; 32]]);
}

#[test]
fn other_registries_and_repositories() {
    let prefix = Prefix::new("https://r.example/a").unwrap();
    for (repository, subject) in [
        ("acme", "pkg:hex/acme/phoenix@1.8.1%2Bx"),
        ("https://repo.example.com", "pkg:hex/phoenix@1.8.1%2Bx?repository_url=https:%2F%2Frepo.example.com"),
    ] {
        let defaults =
            Defaults { registry: "https://r.example".to_owned(), repository: crate::Repository::parse(repository) };
        let statement = Statement::from_event(publish(), &defaults, &prefix).unwrap();
        let text = String::from_utf8(statement.bytes().to_vec()).unwrap();
        assert!(text.contains(&format!("\"name\":\"{subject}\"")), "{text}");
        assert!(text.contains("https://r.example/a/publish/v1"), "{text}");
        assert_eq!(Statement::read(statement.bytes(), &prefix).unwrap(), statement);
        assert!(Statement::read(statement.bytes(), &Prefix::default()).is_err());
        // The same said by the event itself.
        let stated = with(publish(), json!({"repository": repository, "registry": "https://r.example"}));
        assert_eq!(Statement::from_event(stated, &Defaults::default(), &prefix).unwrap(), statement);
    }
    for bad in ["", "https://r.example/", "http://r.example", "hex", &format!("https://{}", "a".repeat(300))] {
        assert_eq!(Prefix::new(bad).map_err(|e| e.code()), Err("option_invalid"), "{bad}");
    }
}

#[test]
fn events_that_cannot_be() {
    let all = events();
    let [publish, provenance, _, retire, _, vulnerability, vex, owners, publishers, package] = all.as_slice() else {
        panic!("not ten")
    };
    let link = json!({"predicateType": "t", "bundle": digest(6)});
    let listed = |level: &str| json!([{"owner": "a", "level": level}]);
    for (event, change, field) in [
        (publish, json!({"event": "party"}), "event"),
        (publish, json!({"event": null}), "event"),
        (publish, json!({"colour": "red"}), "colour"),
        (publish, json!({"package": "Phoenix"}), "package"),
        (publish, json!({"package": "a@1"}), "package"),
        (publish, json!({"repository": "http://b"}), "package"),
        (publish, json!({"registry": "hex.pm"}), "registry"),
        (publish, json!({"version": "v1"}), "version"),
        (publish, json!({"version": null}), "version"),
        (publish, json!({"version": "1.0.0@x"}), "version"),
        (publish, json!({"digest": "05"}), "digest"),
        (publish, json!({"digest": {"sha256": "05"}}), "digest.sha256"),
        (publish, json!({"digest": {"sha256": "AA".repeat(32)}}), "digest.sha256"),
        (publish, json!({"digest": {"sha512": "05"}}), "digest.sha256"),
        (publish, json!({"digest": {"sha256": "05".repeat(32), "sha1": "05"}}), "digest.sha1"),
        (publish, json!({"eventId": ""}), "eventId"),
        (publish, json!({"eventId": "a b"}), "eventId"),
        (publish, json!({"eventId": "é"}), "eventId"),
        (publish, json!({"eventId": "a".repeat(65)}), "eventId"),
        (publish, json!({"occurredAt": "2026-01-31 12:00:00Z"}), "occurredAt"),
        (publish, json!({"occurredAt": "2026-01-31T12:00:00+01:00"}), "occurredAt"),
        (publish, json!({"occurredAt": 1}), "occurredAt"),
        (publish, json!({"actor": null}), "actor"),
        (publish, json!({"actor": {"kind": "robot"}}), "actor.kind"),
        (publish, json!({"actor": {"kind": "user"}}), "actor.id"),
        (publish, json!({"actor": {"kind": "user", "id": "me@example.com"}}), "actor.id"),
        (publish, json!({"actor": {"kind": "user", "id": "10.1.2.3"}}), "actor.id"),
        (publish, json!({"actor": {"kind": "user", "id": "a", "email": "b"}}), "actor.email"),
        (publish, json!({"actor": {"kind": "oidc"}}), "actor.issuer"),
        (
            publish,
            json!({"actor": {"kind": "oidc", "issuer": "https://i", "repository": "me@example.com"}}),
            "actor.repository",
        ),
        (publish, json!({"actor": {"kind": "system", "issuer": "https://i"}}), "actor.issuer"),
        (publish, json!({"releases": []}), "releases"),
        (publish, json!({"reason": "x"}), "reason"),
        (publish, json!({"provenance": {}}), "provenance"),
        (publish, json!({"provenance": [link, link]}), "provenance"),
        (publish, json!({"provenance": vec![link.clone(); 65]}), "provenance"),
        (publish, json!({"provenance": [with(link.clone(), json!({"level": 4}))]}), "provenance[0].level"),
        (publish, json!({"provenance": [with(link.clone(), json!({"level": "3"}))]}), "provenance[0].level"),
        (publish, json!({"provenance": [with(link.clone(), json!({"bundle": "x"}))]}), "provenance[0].bundle"),
        (publish, json!({"provenance": [with(link, json!({"colour": "x"}))]}), "provenance[0].colour"),
        (publish, json!({"replaces": "x"}), "replaces"),
        (provenance, json!({"provenance": []}), "provenance"),
        (retire, json!({"reason": "boredom"}), "reason"),
        (retire, json!({"reason": null}), "reason"),
        (retire, json!({"message": "\u{1b}[2J"}), "message"),
        (retire, json!({"message": "a".repeat(4097)}), "message"),
        (vulnerability, json!({"releases": []}), "releases"),
        (vulnerability, json!({"version": "1.0.0"}), "version"),
        (vulnerability, json!({"digest": digest(5)}), "digest"),
        (vulnerability, json!({"releases": [{"version": "1.0.0", "digest": digest(5), "x": 1}]}), "releases[0].x"),
        (vulnerability, json!({"releases": vec![json!({"version": "1.0.0", "digest": digest(5)}); 2]}), "releases[1]"),
        (vulnerability, json!({"releases": vec![json!({"version": "1.0.0", "digest": digest(5)}); 1025]}), "releases"),
        (vulnerability, json!({"state": "rumoured"}), "state"),
        (vulnerability, json!({"advisory": {"id": "a"}}), "advisory.aliases"),
        (vex, json!({"statements": {}}), "statements"),
        (vex, json!({"statements": {"CVE": "maybe"}}), "statements.CVE"),
        (vex, json!({"statements": {"a b": "fixed"}}), "statements.a b"),
        (vex, json!({"document": {"format": "pdf"}}), "document.format"),
        (owners, json!({"action": "promote"}), "action"),
        (owners, json!({"owner": "me@example.com"}), "owner"),
        (owners, json!({"owner": "somebody"}), "owners"),
        (owners, json!({"level": "maintainer"}), "owners"),
        (owners, json!({"action": "remove"}), "owners"),
        (owners, json!({"owners": listed("owner")}), "owners[0].level"),
        (owners, json!({"owners": [listed("full")[0], listed("maintainer")[0]]}), "owners[1]"),
        (owners, json!({"version": "1.0.0"}), "version"),
        (publishers, json!({"action": "remove"}), "publishers"),
        (publishers, json!({"publishers": []}), "publishers"),
        (publishers, json!({"publisher": {"issuer": "https://i", "claims": {}}}), "publisher.claims"),
        (publishers, json!({"publisher": {"issuer": "https://i", "claims": {"email": "x"}}}), "publisher.claims.email"),
        (
            publishers,
            json!({"publisher": {"issuer": "https://i", "claims": {"sub": "a@b.example"}}}),
            "publisher.claims.sub",
        ),
        (package, json!({"owner": null}), "owner"),
        (package, json!({"action": "renamed"}), "action"),
    ] {
        let changed = with(event.clone(), change.clone());
        let error = make(changed.clone()).expect_err(&change.to_string());
        assert_eq!(error.code(), "event_invalid", "{change}");
        assert_eq!(field_of(&error), field, "{change}");
        // The same in JSON.
        let json = changed.to_string();
        let from_json = Statement::from_json(json.as_bytes(), &Defaults::default(), &Prefix::default());
        assert_eq!(from_json.unwrap_err(), error);
    }
}

#[test]
fn statements_at_odds_with_themselves() {
    let all: Vec<_> =
        events().into_iter().map(|e| String::from_utf8(make(e).unwrap().bytes().to_vec()).unwrap()).collect();
    let [publish, .., vulnerability, _, owners, _, package] = all.as_slice() else { panic!("not ten") };
    for (text, from, to) in [
        (publish, "Statement/v1", "Statement/v0.1"),
        (publish, "publish/v1", "publish/v2"),
        (publish, "publish/v1", "unpublish/v1"),
        (publish, "hex.pm/attestation/", "hex.pm/attestations/"),
        (publish, "\"package\":\"phoenix\"", "\"package\":\"ecto\""),
        (publish, "\"repository\":\"hexpm\"", "\"repository\":\"acme\""),
        (publish, "\"repository\":\"hexpm\"", "\"repository\":\"https://b.example\""),
        (publish, "\"repository\":\"hexpm\",", ""),
        (publish, "\"registry\":\"https://hex.pm\",", ""),
        (publish, "\"version\":\"1.8.1+x\"", "\"version\":\"1.8.1\""),
        (publish, ",\"version\":\"1.8.1+x\"", ""),
        (publish, "1.8.1%2Bx", "1.8.1+x"),
        (publish, "pkg:hex/phoenix@", "pkg:hex/acme/phoenix@"),
        (publish, "\"kind\":\"user\"", "\"kind\":\"user\",\"email\":\"x\""),
        (publish, "\"eventId\"", "\"colour\":1,\"eventId\""),
        (publish, "\"_type\"", "\"colour\":1,\"_type\""),
        (publish, "\"name\":\"pkg", "\"mediaType\":\"x\",\"name\":\"pkg"),
        (publish, "{\"sha256\":\"05", "{\"sha512\":\"00\",\"sha256\":\"05"),
        (publish, "\"eventId\":\"e1\"", "\"eventId\":\"e1\",\"eventId\":\"e2\""),
        (publish, "\"provenance\":", "\"provenances\":"),
        (vulnerability, "\"state\"", "\"version\":\"1.0.0\",\"state\""),
        (vulnerability, "\"pkg:hex/phoenix@1.0.1\"", "\"pkg:hex/ecto@1.0.1\""),
        (vulnerability, "\"pkg:hex/phoenix@1.0.1\"", "\"pkg:hex/phoenix\""),
        (vulnerability, "\"pkg:hex/phoenix@1.0.1\"", "\"pkg:hex/phoenix@1.0.0\""),
        (owners, "\"chrismccord\"}]", "\"chrismccord\"},{\"level\":\"full\",\"owner\":\"x\"}]"),
        (owners, "pkg:hex/phoenix\"", "pkg:hex/phoenix@1.0.0\""),
        (package, "\"name\":\"pkg:hex/phoenix\"", "\"name\":\"pkg:hex/ecto\""),
    ] {
        assert!(text.contains(from), "{from}");
        let changed = text.replacen(from, to, 1);
        let error = Statement::read(changed.as_bytes(), &Prefix::default()).expect_err(&format!("{from} -> {to}"));
        assert!(matches!(error.code(), "statement_invalid" | "malformed"), "{from} -> {to}: {error}");
    }
    // Two subjects where one is meant, the second the same or another.
    let subject = publish.split("\"subject\":[").nth(1).unwrap().trim_end_matches("]}");
    for second in [subject.to_owned(), subject.replace("05", "07")] {
        let twice = publish.replace(subject, &format!("{subject},{second}"));
        assert!(Statement::read(twice.as_bytes(), &Prefix::default()).is_err());
    }
}

#[test]
fn one_version_of_several_tarballs_is_named() {
    let releases =
        json!({"releases": [{"version": "1.0.0", "digest": digest(5)}, {"version": "1.0.0", "digest": digest(6)}]});
    let statement = make(with(events()[5].clone(), releases)).unwrap();
    assert_eq!(statement.facts().version.as_deref(), Some("1.0.0"));
    assert_eq!(statement.attestation().releases.len(), 2);
}

#[test]
fn whole_requests() {
    let read = |text: &str| Statement::all_from_json(text.as_bytes(), &Defaults::default(), &Prefix::default());
    let all = json!({"events": events()}).to_string();
    assert_eq!(read(&all).unwrap().len(), 10);
    assert_eq!(read(r#"{"events":[]}"#).unwrap(), []);
    let mut broken = events();
    broken[3]["reason"] = json!("boredom");
    assert_eq!(field_of(&read(&json!({"events": broken}).to_string()).unwrap_err()), "events[3].reason");
    for (text, code) in [
        ("[]", "event_invalid"),
        ("{}", "event_invalid"),
        (r#"{"events":[],"more":1}"#, "event_invalid"),
        (r#"{"events":[],"events":[]}"#, "malformed"),
        (r#"{"events":[1]}"#, "event_invalid"),
        ("{", "malformed"),
        (&"[".repeat(1000), "input_too_large"),
        (&json!({"events": vec![1; 101]}).to_string(), "event_invalid"),
        (&json!({"events": vec![1; 70_000]}).to_string(), "input_too_large"),
        (&" ".repeat((4 << 20) + 1), "input_too_large"),
    ] {
        assert_eq!(read(text).map_err(|e| e.code()), Err(code), "{}", quote(text));
    }
    let long = vec![b' '; limits::STATEMENT_BYTES + 1];
    assert_eq!(Statement::read(&long, &Prefix::default()).map_err(|e| e.code()), Err("input_too_large"));
    let from_json = Statement::from_json(&long, &Defaults::default(), &Prefix::default());
    assert_eq!(from_json.map_err(|e| e.code()), Err("input_too_large"));
}

#[test]
fn what_does_not_belong_to_an_event_is_not_written() {
    let mut attestation = make(events()[9].clone()).unwrap().attestation().clone();
    attestation.releases = make(publish()).unwrap().attestation().releases.clone();
    assert_eq!(Statement::of(&attestation, &Prefix::default()).map_err(|e| e.code()), Err("event_invalid"));
    let mut attestation = make(publish()).unwrap().attestation().clone();
    attestation.releases.clear();
    assert_eq!(Statement::of(&attestation, &Prefix::default()).map_err(|e| e.code()), Err("event_invalid"));
    attestation.details = Details::Unpublish { reason: Some(String::new()) };
    assert_eq!(Statement::of(&attestation, &Prefix::default()).map_err(|e| e.code()), Err("event_invalid"));
}

#[test]
fn expectations() {
    let statement = make(publish()).unwrap();
    let package = |purl: &str| Some(Package::parse(purl).unwrap());
    let all = Expectations {
        events: vec![Event::Retire, Event::Publish],
        id: Some("e1".to_owned()),
        package: package("pkg:hex/phoenix"),
        version: Some("1.8.1+x".to_owned()),
        registry: Some("https://hex.pm".to_owned()),
        digest: Some([5; 32]),
    };
    assert_eq!(all.check(statement.attestation()), Ok(()));
    let text = |text: &str| Some(text.to_owned());
    for (expected, field) in [
        (Expectations { events: vec![Event::Retire], ..all.clone() }, "event"),
        (Expectations { id: text("e2"), ..all.clone() }, "id"),
        (Expectations { package: package("pkg:hex/acme/phoenix"), ..all.clone() }, "package"),
        (Expectations { version: text("1.8.1"), ..all.clone() }, "version"),
        (Expectations { registry: text("https://hex.example"), ..all.clone() }, "registry"),
    ] {
        match expected.check(statement.attestation()).unwrap_err().fault() {
            Fault::EventRefused { field: found, .. } => assert_eq!(*found, field),
            other => panic!("{other}"),
        }
    }
    let other = Expectations { digest: Some([6; 32]), ..all };
    assert_eq!(other.check(statement.attestation()).map_err(|e| e.code()), Err("subject_absent"));
    // Of several releases the artifact must be the one of the expected version.
    let several = make(events()[5].clone()).unwrap();
    let of = |version: Option<&str>, digest| {
        Expectations { version: version.map(str::to_owned), digest: Some(digest), ..Expectations::default() }
            .check(several.attestation())
            .map_err(|e| e.code())
    };
    assert_eq!(of(None, [6; 32]), Ok(()));
    assert_eq!(of(Some("1.0.1"), [6; 32]), Ok(()));
    assert_eq!(of(Some("1.0.0"), [6; 32]), Err("subject_absent"));
    assert_eq!(of(Some("2.0.0"), [6; 32]), Err("event_refused"));
}

proptest! {
    #[test]
    fn what_is_written_is_read(attestation in attestations()) {
        let statement = Statement::of(&attestation, &Prefix::default()).unwrap();
        prop_assert_eq!(statement.attestation(), &attestation);
        let read = Statement::read(statement.bytes(), &Prefix::default()).unwrap();
        prop_assert_eq!(&read, &statement);
        let leaf = provenance_log::Leaf::Event(read.facts().leaf([0; 32], None));
        prop_assert_eq!(provenance_log::Leaf::parse(&leaf.write().unwrap()).unwrap(), leaf);
    }

    /// One byte changed is never read as the same, and never panics.
    #[test]
    fn mutations(attestation in attestations(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let statement = Statement::of(&attestation, &Prefix::default()).unwrap();
        let mut bytes = statement.bytes().to_vec();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        if let Ok(read) = Statement::read(&bytes, &Prefix::default()) {
            prop_assert!(read.attestation() != &attestation);
        }
    }

    #[test]
    fn garbage_is_no_event(text in ".{0,200}") {
        let error = Statement::from_json(text.as_bytes(), &Defaults::default(), &Prefix::default()).unwrap_err();
        prop_assert!(CATALOGUE.iter().any(|entry| entry.code == error.code()));
    }
}
