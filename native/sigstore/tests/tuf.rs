//! Trust root refreshes against repositories made here, over real sockets, files and processes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

#[path = "tuf/maker.rs"]
mod maker;
#[path = "tuf/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use maker::{DAY, Key, Maker, NOW, Role};
use provenance_sigstore::error::{Fault, Result};
use provenance_sigstore::net::{Network, Proxy};
use provenance_sigstore::time::Time;
use provenance_sigstore::tuf::{RefreshOptions, Refreshed, Repository, default_cache_dir, refresh};
use serde_json::Value;
use server::{Answer, Server};

// What goes right

#[test]
fn fetches_the_trusted_root() {
    let world = World::new();
    let refreshed = world.refresh().unwrap();
    assert_eq!(refreshed.trusted_root, world.maker().content);
    assert_eq!(refreshed.as_of, NOW);
    assert_eq!(refreshed.expires, NOW + 7 * DAY);
    let versions =
        [refreshed.root_version, refreshed.timestamp_version, refreshed.snapshot_version, refreshed.targets_version];
    assert_eq!(versions, [1, 1, 1, 1]);
    assert_eq!(world.requests().len(), 5);
}

#[test]
fn an_unchanged_repository_costs_two_requests() {
    let world = World::new();
    world.refresh().unwrap();
    world.requests();
    let again = world.refresh_at(NOW + 60).unwrap();
    assert_eq!(world.requests(), ["2.root.json", "timestamp.json"]);
    assert_eq!(again.trusted_root, world.maker().content);
    assert_eq!(again.as_of, NOW + 60);
}

#[test]
fn follows_new_content() {
    let world = World::new();
    world.refresh().unwrap();
    world.publish("{\"n\":2}");
    let refreshed = world.refresh().unwrap();
    assert_eq!((refreshed.trusted_root.as_slice(), refreshed.targets_version), (&b"{\"n\":2}"[..], 2));
    assert_eq!(world.offline().unwrap().trusted_root, refreshed.trusted_root);
}

#[test]
fn works_without_consistent_snapshots_and_with_delegations() {
    for (consistent, delegated) in [(false, false), (true, true), (false, true)] {
        let mut maker = Maker::new();
        maker.consistent = consistent;
        maker.delegate = delegated.then(|| Role::new([Key::p256()]));
        maker.rotate(|_| ());
        maker.sign_targets();
        let world = World::of(maker);
        let online = world.refresh().unwrap();
        assert_eq!(online.root_version, 2);
        let offline = world.offline().unwrap();
        assert_eq!(offline.trusted_root, world.maker().content, "{consistent} {delegated}");
        world.publish("{\"n\":2}");
        assert_eq!(world.refresh().unwrap().trusted_root, b"{\"n\":2}");
        assert_eq!(world.offline().unwrap().trusted_root, b"{\"n\":2}");
    }
}

#[test]
fn works_without_a_cache() {
    let world = World::new();
    let options = RefreshOptions { cache_dir: None, ..world.options() };
    assert_eq!(run(&world.repository, &options).unwrap().trusted_root, world.maker().content);
    let offline = RefreshOptions { offline: true, ..options };
    assert_eq!(code(run(&world.repository, &offline)), "option_invalid");
}

#[test]
fn pinned_roots_verify() {
    for (repository, name) in [
        (Repository::public_good(), "public_good"),
        (Repository::staging(), "staging"),
        (Repository::github(), "github"),
    ] {
        let repository = repository.unwrap();
        assert_eq!(repository.name(), name);
        assert!(repository.url().starts_with("https://tuf-repo"), "{}", repository.url());
        let mut tampered = String::from_utf8(repository.root().to_vec()).unwrap();
        tampered =
            tampered.replace("\"threshold\": 3", "\"threshold\": 2").replace("\"threshold\": 2", "\"threshold\": 1");
        let refused = Repository::custom("https://tuf.test", tampered.as_bytes()).map(|_| ());
        assert_eq!(refused.unwrap_err().code(), "trust_root_invalid");
    }
}

// Roots

#[test]
fn follows_a_chain_of_roots() {
    let world = World::new();
    world.refresh().unwrap();
    world.change(|maker| {
        maker.rotate(|maker| maker.root.keys[0] = Key::ed25519());
        maker.rotate(|maker| {
            maker.root.keys = vec![Key::p256(), Key::p256(), Key::ed25519()];
            maker.timestamp.keys = vec![Key::ed25519()];
        });
        maker.rotate(|maker| maker.targets.keys = vec![Key::p256(), Key::p256()]);
        maker.publish("{\"n\":2}");
    });
    let refreshed = world.refresh().unwrap();
    assert_eq!((refreshed.root_version, refreshed.timestamp_version), (4, 2));
    world.requests();
    world.refresh().unwrap();
    assert_eq!(world.requests(), ["5.root.json", "timestamp.json"]);
    assert_eq!(world.offline().unwrap().root_version, 4);
}

#[test]
fn a_root_must_be_signed_by_its_predecessor_and_itself() {
    let mut other = Maker::new();
    other.rotate(|_| ());
    let foreign = other.root_file(2);
    let world = World::new();
    world.refresh().unwrap();
    world.serve_but(move |path, _| (path == "2.root.json").then(|| Answer::File(foreign.clone())));
    assert_eq!(code(world.refresh()), "trust_refresh_failed");
    world.change(|maker| maker.rotate(|maker| maker.root.keys = vec![Key::p256(), Key::p256()]));
    let alone = world.maker().root_file(2);
    world.change(|maker| {
        maker.rotate(|maker| maker.root.signers = 1);
    });
    let unsigned = world.maker().root_file(3);
    let skipped = unsigned.clone();
    world.serve_but(move |path, _| match path {
        "2.root.json" => Some(Answer::File(alone.clone())),
        "3.root.json" => Some(Answer::File(unsigned.clone())),
        _ => None,
    });
    assert_eq!(code(world.refresh()), "trust_refresh_failed");
    world.serve_but(move |path, _| (path == "2.root.json").then(|| Answer::File(skipped.clone())));
    assert_eq!(code(world.refresh()), "trust_refresh_failed");
}

#[test]
fn roots_without_end_are_given_up() {
    let world = World::new();
    world.change(|maker| (0..257).for_each(|_| maker.rotate(|_| ())));
    let error = world.refresh().unwrap_err();
    assert_eq!(error.code(), "trust_refresh_failed");
    assert!(error.to_string().contains("256"), "{error}");
    // What was verified is not asked for again.
    assert_eq!(world.refresh().unwrap().root_version, 258);
}

#[test]
fn new_keys_end_what_the_old_keys_claimed() {
    let world = World::new();
    world.change(|maker| maker.timestamp.version = 1_000_000);
    world.change(Maker::sign_timestamp);
    world.refresh().unwrap();
    world.change(|maker| {
        maker.rotate(|maker| maker.timestamp.keys = vec![Key::p256()]);
        maker.timestamp.version = 2;
        maker.sign_timestamp();
    });
    assert_eq!(world.refresh().unwrap().timestamp_version, 2);
    assert_eq!(world.offline().unwrap().timestamp_version, 2);
}

// Rollback

#[test]
fn an_older_timestamp_is_refused() {
    let world = World::new();
    let old = world.maker().files();
    world.change(Maker::touch);
    world.refresh().unwrap();
    world.server.serve(old.clone());
    let error = world.refresh().unwrap_err();
    assert_eq!(error.code(), "trust_refresh_failed");
    assert!(error.to_string().contains("rollback"), "{error}");
    assert_eq!(world.offline().unwrap().timestamp_version, 2);
    // An expired cache still says how new the repository was.
    let late = NOW + 8 * DAY;
    world.change(|maker| maker.timestamp.expires = late + DAY);
    world.change(|maker| {
        maker.timestamp.version = 1;
        maker.sign_timestamp();
    });
    assert_eq!(code(world.refresh_at(late)), "trust_refresh_failed");
}

#[test]
fn an_older_snapshot_is_refused() {
    let world = World::new();
    world.publish("{\"n\":2}");
    world.refresh().unwrap();
    world.change(|maker| {
        maker.snapshot.version = 1;
        maker.timestamp.version = 3;
        maker.sign_targets();
    });
    refused_as(world.refresh(), "snapshot (via timestamp)");
}

#[test]
fn older_targets_are_refused() {
    let world = World::new();
    world.publish("{\"n\":2}");
    world.refresh().unwrap();
    world.change(|maker| {
        maker.targets.version = 1;
        maker.snapshot.version = 3;
        maker.timestamp.version = 3;
        maker.sign_targets();
    });
    refused_as(world.refresh(), "targets.json (via snapshot)");
}

#[test]
fn a_refresh_cut_short_forgets_no_version() {
    let world = World::new();
    world.publish("{\"n\":2}");
    let before = world.maker().files();
    world.refresh().unwrap();
    world.publish("{\"n\":3}");
    world.serve_but(|path, _| path.ends_with("snapshot.json").then_some(Answer::Status(500)));
    assert_eq!(code(world.refresh()), "transport_failed");
    // The last completed refresh is still there offline,
    assert_eq!(world.offline().unwrap().trusted_root, b"{\"n\":2}");
    // the timestamp that was verified counts,
    world.server.serve(before);
    refused_as(world.refresh(), "timestamp");
    // and so do the targets versions of the completed one, though its snapshot is not what that timestamp names.
    world.change(|maker| {
        maker.targets.version = 1;
        maker.snapshot.version = 4;
        maker.timestamp.version = 4;
        maker.sign_targets();
    });
    refused_as(world.refresh(), "targets.json (via snapshot)");
    world.change(|maker| {
        maker.targets.version = 4;
        maker.timestamp.version = 5;
        maker.sign_targets();
    });
    assert_eq!(world.refresh().unwrap().timestamp_version, 5);
}

// Expiry

#[test]
fn online_nothing_may_be_expired() {
    type Change = fn(&mut Maker);
    let changes: [(Change, i64); 4] = [
        (|maker| maker.rotate(|maker| maker.root.expires = NOW - 1), NOW - 1),
        (|maker| maker.timestamp.expires = NOW - 2, NOW - 2),
        (|maker| maker.snapshot.expires = NOW - 3, NOW - 3),
        (|maker| maker.targets.expires = NOW - 4, NOW - 4),
    ];
    for (change, expired) in changes {
        let world = World::new();
        world.change(change);
        world.publish("{\"n\":2}");
        let error = world.refresh().unwrap_err();
        let expected = Fault::TrustRootExpired { instance: world.repository.name().to_owned(), expired };
        assert_eq!(error.fault(), &expected);
    }
}

#[test]
fn online_a_frozen_repository_is_found_out() {
    let world = World::new();
    world.refresh().unwrap();
    assert!(world.refresh_at(NOW + 7 * DAY).is_ok());
    assert_eq!(code(world.refresh_at(NOW + 7 * DAY + 1)), "trust_root_expired");
    assert_eq!(code(world.refresh_at(NOW + 900 * DAY)), "trust_root_expired");
}

#[test]
fn offline_age_is_reported() {
    let world = World::new();
    world.refresh_at(NOW + 5).unwrap();
    world.server.handle(|_| Answer::Hangup);
    world.requests();
    for now in [NOW + 5, NOW + 900 * DAY] {
        let refreshed = world.offline_at(now).unwrap();
        assert_eq!((refreshed.as_of, refreshed.expires), (NOW + 5, NOW + 7 * DAY));
        assert_eq!(refreshed.trusted_root, world.maker().content);
    }
    assert_eq!(world.offline_at(NOW - 9).unwrap().as_of, NOW - 9, "nothing is known from the future");
    assert!(world.requests().is_empty());
}

#[test]
fn offline_nothing_is_written() {
    let world = World::new();
    assert_eq!(code(world.offline()), "storage_failed");
    assert!(!world.cache.exists());
    world.refresh().unwrap();
    let before = fs::read(world.cache_file()).unwrap();
    fs::remove_file(world.lock_file()).unwrap();
    world.offline().unwrap();
    assert_eq!(fs::read(world.cache_file()).unwrap(), before);
    assert!(!world.lock_file().exists());
}

// Signatures and hashes

#[test]
fn wrong_and_missing_signatures_are_refused() {
    type Change = fn(&mut Maker);
    let changes: [Change; 6] = [
        |maker| maker.timestamp.keys = vec![Key::p256()],
        |maker| maker.snapshot.keys = vec![Key::ed25519()],
        |maker| maker.targets.keys = vec![Key::ed25519(), Key::p256()],
        |maker| maker.targets.signers = 1,
        |maker| maker.timestamp.signers = 0,
        |maker| maker.delegate = None,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let world = World::new();
        world.change(change);
        world.publish("{\"n\":2}");
        let outcome = world.refresh();
        assert_eq!(outcome.is_ok(), number == 5, "{number}: {outcome:?}");
        if let Err(error) = outcome {
            assert_eq!(error.code(), "trust_refresh_failed");
            assert_eq!(code(world.offline()), "storage_failed", "nothing refused is kept");
        }
    }
}

#[test]
fn every_changed_byte_is_refused() {
    for name in ["timestamp.json", "1.snapshot.json", "1.targets.json", "trusted_root.json"] {
        let world = World::new();
        for at in (0..60).step_by(3).chain([300, 400]) {
            world.serve_but(move |path, bytes| {
                let mut bytes = bytes.to_vec();
                (path.ends_with(name) && at < bytes.len()).then(|| {
                    bytes[at] ^= 0x04;
                    Answer::File(bytes)
                })
            });
            let outcome = world.refresh();
            let unchanged = at >= world.maker().files().iter().find(|(path, _)| path.ends_with(name)).unwrap().1.len();
            let same = outcome.as_ref().is_ok_and(|refreshed| refreshed.trusted_root == world.maker().content);
            assert!(unchanged || same || outcome.is_err(), "{name} {at}");
            if name != "timestamp.json" && !unchanged {
                assert_eq!(code(outcome), "trust_refresh_failed", "{name} {at}");
            }
            let _ = fs::remove_dir_all(&world.cache);
        }
    }
}

#[test]
fn a_target_must_match_its_hash_and_length() {
    let world = World::new();
    world.change(|maker| maker.wrong_hash = Some("ab".repeat(32)));
    world.publish("{\"n\":2}");
    assert_eq!(code(world.refresh()), "trust_refresh_failed");
    let world = World::new();
    world.serve_but(|path, bytes| path.starts_with("targets/").then(|| Answer::File(bytes[1..].to_vec())));
    assert_eq!(code(world.refresh()), "trust_refresh_failed");
    world.serve_but(|path, bytes| path.starts_with("targets/").then(|| Answer::File([bytes, b" "].concat())));
    assert_eq!(code(world.refresh()), "trust_refresh_failed");
}

#[test]
fn a_target_that_is_not_text_is_refused() {
    let world = World::new();
    world.change(|maker| maker.content = vec![0xff; 40]);
    world.change(|maker| maker.timestamp.version = 2);
    world.change(|maker| {
        maker.snapshot.version = 2;
        maker.targets.version = 2;
        maker.sign_targets();
    });
    assert_eq!(code(world.refresh()), "trust_root_invalid");
}

// Hostile and broken servers

#[test]
fn oversized_files_are_cut_off() {
    for (name, what) in [
        ("2.root.json", "TUF root"),
        ("timestamp.json", "TUF timestamp"),
        ("1.snapshot.json", "TUF snapshot"),
        ("1.targets.json", "TUF targets"),
    ] {
        let world = World::new();
        world.serve_but(move |path, _| (path == name).then_some(Answer::Endless));
        let error = world.refresh().unwrap_err();
        assert!(matches!(error.fault(), Fault::InputTooLarge { what: found, .. } if *found == what), "{error}");
        world.serve_but(move |path, _| (path == name).then_some(Answer::Announced(Vec::new(), 1 << 40)));
        let error = world.refresh().unwrap_err();
        assert!(matches!(error.fault(), Fault::InputTooLarge { actual, .. } if *actual == 1 << 40), "{error}");
    }
}

#[test]
fn sizes_hold_at_their_edge() {
    let world = World::new();
    let files = world.maker().files();
    let mut options = world.options();
    options.sizes.timestamp = files["timestamp.json"].len() as u64;
    options.sizes.snapshot = files["1.snapshot.json"].len() as u64;
    options.sizes.targets = files["1.targets.json"].len() as u64;
    options.sizes.trusted_root = world.maker().content.len() as u64;
    assert!(run(&world.repository, &options).is_ok());
    for lower in [
        |options: &mut RefreshOptions| options.sizes.timestamp -= 1,
        |options: &mut RefreshOptions| options.sizes.snapshot -= 1,
        |options: &mut RefreshOptions| options.sizes.targets -= 1,
        |options: &mut RefreshOptions| options.sizes.trusted_root -= 1,
    ] {
        let mut options = RefreshOptions { cache_dir: None, ..options.clone() };
        lower(&mut options);
        assert_eq!(code(run(&world.repository, &options)), "input_too_large");
    }
}

#[test]
fn a_slow_server_uses_up_its_budget() {
    for name in ["2.root.json", "timestamp.json", "1.targets.json"] {
        let world = World::new();
        let request = hasty(world.options(), Duration::from_millis(200));
        world.serve_but(move |path, _| (path == name).then_some(Answer::Stall));
        let begun = Instant::now();
        let error = run(&world.repository, &request).unwrap_err();
        let expected = Fault::BudgetExhausted { what: "milliseconds for one request", limit: 200 };
        assert_eq!(error.fault(), &expected);
        assert!(begun.elapsed() < Duration::from_secs(3));

        // Bytes that keep coming, each in good time, use it up as well.
        let total = RefreshOptions { total_timeout: Duration::from_millis(300), ..world.options() };
        world.serve_but(move |path, bytes| {
            let bytes = if bytes.is_empty() { vec![b' '; 100] } else { bytes.to_vec() };
            (path == name).then_some(Answer::Drip(bytes, Duration::from_millis(20)))
        });
        let error = run(&world.repository, &total).unwrap_err();
        let expected = Fault::BudgetExhausted { what: "milliseconds for refreshing a trust root", limit: 300 };
        assert_eq!(error.fault(), &expected);
        world.change(|_| ());
        assert!(world.refresh().is_ok());
    }
}

#[test]
fn a_server_that_dies_midway_leaves_the_last_refresh() {
    let world = World::new();
    world.refresh().unwrap();
    world.publish("{\"numbers\":[2]}");
    for name in ["timestamp.json", "2.snapshot.json", "2.targets.json", "trusted_root.json"] {
        for at in [0, 1, 7] {
            world.serve_but(move |path, bytes| path.ends_with(name).then(|| Answer::Cut(bytes.to_vec(), at)));
            assert_eq!(code(world.refresh()), "transport_failed", "{name} {at}");
        }
        world.serve_but(move |path, _| path.ends_with(name).then_some(Answer::Hangup));
        assert_eq!(code(world.refresh()), "transport_failed", "{name}");
        assert_eq!(world.offline().unwrap().timestamp_version, 1);
    }
    world.change(|_| ());
    assert_eq!(world.refresh().unwrap().timestamp_version, 2);
}

#[test]
fn statuses_are_told_apart() {
    let world = World::new();
    for status in [403, 404] {
        world.serve_but(move |path, _| (path == "2.root.json").then_some(Answer::Status(status)));
        assert!(world.refresh().is_ok(), "the end of the roots is {status}");
    }
    for (name, status) in [("2.root.json", 500), ("2.root.json", 204), ("timestamp.json", 404), ("timestamp.json", 503)]
    {
        world.serve_but(move |path, _| (path == name).then_some(Answer::Status(status)));
        let error = world.refresh().unwrap_err();
        let Fault::TransportFailed { url, status: found, .. } = error.fault() else { panic!("{error}") };
        assert_eq!((url.as_str(), *found), (format!("{}{name}", world.server.url).as_str(), i64::from(status)));
    }
    let closed = Server::new(BTreeMap::new());
    let repository = Repository::custom(&closed.url, world.repository.root()).unwrap();
    drop(closed);
    assert_eq!(code(run(&repository, &world.options())), "transport_failed");
}

#[test]
fn redirects_stay_with_their_server() {
    let world = World::new();
    let elsewhere = Server::new(world.maker().files());
    let other = format!("{}timestamp.json", elsewhere.url);
    world.serve_but(move |path, _| (path == "timestamp.json").then(|| Answer::Redirect(other.clone())));
    let error = world.refresh().unwrap_err();
    assert!(matches!(error.fault(), Fault::TransportFailed { status: 302, .. }), "{error}");
    assert!(elsewhere.requests().is_empty());

    let timestamp = world.maker().files()["timestamp.json"].clone();
    world.serve_but(move |path, _| match path {
        "timestamp.json" => Some(Answer::Redirect("/moved/1".into())),
        "moved/1" => Some(Answer::Redirect("/moved/2".into())),
        "moved/2" => Some(Answer::File(timestamp.clone())),
        _ => None,
    });
    assert!(world.refresh().is_ok());
    world.serve_but(|path, _| (path == "timestamp.json").then(|| Answer::Redirect("/timestamp.json".into())));
    assert_eq!(code(world.refresh()), "transport_failed");
    assert!(world.requests().iter().filter(|path| *path == "timestamp.json").count() < 10);
}

// URLs, proxies and TLS

#[test]
fn urls_are_checked() {
    let root = Maker::new().root_file(1);
    for url in ["", "tuf", "ftp://tuf.test/", "file:///etc", "https://tuf.test/?a=b", "https://tuf.test/#a", "data:,x"]
    {
        assert_eq!(Repository::custom(url, &root).unwrap_err().code(), "option_invalid", "{url}");
    }
    assert_eq!(Repository::custom("https://tuf.test", b"{}").unwrap_err().code(), "trust_root_invalid");
    let folder = Repository::custom("https://tuf.test/a/b", &root).unwrap();
    assert_eq!(folder.url(), "https://tuf.test/a/b/");
}

#[test]
fn a_repository_may_live_in_a_folder() {
    let maker = Maker::new();
    let files = maker.files().into_iter().map(|(path, bytes)| (format!("a/b/{path}"), bytes)).collect();
    let server = Server::new(files);
    let repository = Repository::custom(&format!("{}a/b", server.url), &maker.root_file(1)).unwrap();
    assert!(run(&repository, &options()).is_ok());
}

#[test]
fn credentials_are_used_and_never_told() {
    let world = World::new();
    let url = format!("http://user:hunter2@127.0.0.1:{}/?", world.server.port());
    let repository = Repository::custom(url.trim_end_matches('?'), world.repository.root()).unwrap();
    assert!(run(&repository, &world.options()).is_ok());
    assert!(world.server.heads().iter().all(|head| head.contains("Basic dXNlcjpodW50ZXIy") || head.contains("basic")));
    let mut told = format!("{} {}", repository.name(), repository.url());
    for answer in [|| Answer::Status(500), || Answer::Hangup, || Answer::File(b"{".to_vec()), || Answer::Stall] {
        world.server.handle(move |_| answer());
        let options = hasty(world.options(), Duration::from_millis(300));
        let error = run(&repository, &options).unwrap_err();
        told += &format!("{error} {:?}", error.fault().details());
    }
    assert!(!told.contains("hunter2") && !told.contains("user"), "{told}");
    let same = Repository::custom(&world.server.url, world.repository.root()).unwrap();
    let offline = RefreshOptions { offline: true, ..world.options() };
    assert!(run(&same, &offline).is_ok(), "the cache is the repository's, not the account's");
}

#[test]
fn a_stated_proxy_is_used() {
    let maker = Maker::new();
    let proxy = Server::new(maker.files());
    let repository = Repository::custom("http://tuf.test/", &maker.root_file(1)).unwrap();
    let url = format!("http://user:hunter2@127.0.0.1:{}", proxy.port());
    let options = through(Proxy::Url(url));
    assert!(run(&repository, &options).is_ok());
    assert!(proxy.heads()[0].starts_with("GET http://tuf.test/2.root.json"), "{:?}", proxy.heads());
    assert!(proxy.heads()[0].to_lowercase().contains("proxy-authorization"));
    proxy.handle(|_| Answer::Hangup);
    let error = run(&repository, &options).unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
    let invalid = through(Proxy::Url("\u{0}".into()));
    assert_eq!(code(run(&repository, &invalid)), "option_invalid");
}

#[test]
fn the_environment_names_a_proxy_and_exceptions() {
    let maker = Maker::new();
    let proxy = Server::new(maker.files());
    let folder = Folder::new();
    let mut program = Program::new("http://tuf.test/", &maker.root_file(1), &folder.0.join("cache"));
    program.environment = vec![("http_proxy", format!("http://127.0.0.1:{}", proxy.port()))];
    assert_eq!(program.run().code, "ok");
    program.environment.push(("no_proxy", "tuf.test".into()));
    proxy.requests();
    assert_eq!(program.run().code, "transport_failed");
    assert!(proxy.requests().is_empty());
    // The exceptions are those of a stated proxy as well.
    let stated = format!("http://127.0.0.1:{}", proxy.port());
    program.environment = vec![("TUF_PROXY", stated), ("http_proxy", "http://127.0.0.1:1".into())];
    assert_eq!(program.run().code, "ok");
    program.environment.push(("no_proxy", "tuf.test".into()));
    proxy.requests();
    assert_eq!(program.run().code, "transport_failed");
    assert!(proxy.requests().is_empty());
}

#[test]
fn tls_trusts_the_platform_and_the_stated_authorities() {
    let maker = Maker::new();
    let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = Folder::new();
    let pem = folder.0.join("ca.pem");
    fs::write(&pem, authority.cert.pem()).unwrap();
    let server = tls_server(&maker, &authority);
    let url = format!("https://localhost:{}/", server.port());
    let repository = Repository::custom(&url, &maker.root_file(1)).unwrap();
    let error = run(&repository, &options()).unwrap_err();
    assert_eq!(error.code(), "transport_failed");
    assert!(error.to_string().contains("certificate"), "{error}");
    let mut trusting = options();
    trusting.network.ca_files.push(pem.clone());
    assert!(run(&repository, &trusting).is_ok());

    let mut program = Program::new(&url, &maker.root_file(1), &folder.0.join("cache"));
    program.environment = vec![("SSL_CERT_FILE", pem.display().to_string()), ("SSL_CERT_DIR", String::new())];
    assert_eq!(program.run().code, "ok");

    for content in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        fs::write(&pem, content).unwrap();
        assert_ne!(code(run(&repository, &trusting)), "ok", "{content}");
    }
    fs::remove_file(&pem).unwrap();
    assert_eq!(code(run(&repository, &trusting)), "storage_failed");
}

fn tls_server(maker: &Maker, authority: &rcgen::CertifiedKey<rcgen::KeyPair>) -> Server {
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(authority.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![authority.cert.der().clone()], key.into())
        .unwrap();
    let config = Arc::new(config);
    Server::over(maker.files(), move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).ok()?;
        Some(rustls::StreamOwned::new(connection, stream))
    })
}

// The cache

#[test]
fn a_damaged_cache_is_neither_trusted_nor_in_the_way() {
    let world = World::new();
    world.change(|maker| maker.rotate(|_| ()));
    world.change(Maker::sign_targets);
    world.refresh().unwrap();
    let whole = fs::read(world.cache_file()).unwrap();
    let mut damaged: Vec<Vec<u8>> =
        [0, 1, 2, whole.len() / 3, whole.len() / 2, whole.len() - 1].map(|length| whole[..length].to_vec()).into();
    damaged.extend([
        vec![0; whole.len()],
        b"null".to_vec(),
        b"{}".to_vec(),
        b"[[[[".repeat(10_000),
        vec![b' '; 33 << 20],
    ]);
    damaged.extend(flips(&whole, 120));
    damaged.extend(replaced_values(&whole));
    for (number, bytes) in damaged.into_iter().enumerate() {
        fs::write(world.cache_file(), &bytes).unwrap();
        if let Ok(found) = world.offline_at(NOW + 1) {
            assert_eq!(found.trusted_root, world.maker().content, "{number}");
            assert_eq!((found.root_version, found.timestamp_version), (2, 1), "{number}");
            assert!(found.as_of <= NOW + 1, "{number}");
        }
        let online = world.refresh().unwrap_or_else(|error| panic!("{number}: {error}"));
        assert_eq!(online.trusted_root, world.maker().content);
        assert_eq!(world.offline().unwrap().as_of, NOW);
    }
}

/// `whole` with one bit changed, here and there.
fn flips(whole: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut places = Lcg(7);
    let flip = |_| {
        let mut bytes = whole.to_vec();
        let at = places.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << places.below(7);
        bytes
    };
    (0..count).map(flip).collect()
}

/// The cache with each of its values replaced by each of some others.
fn replaced_values(whole: &[u8]) -> Vec<Vec<u8>> {
    let state: Value = serde_json::from_slice(whole).unwrap();
    let mut paths = Vec::new();
    collect_paths(&state, String::new(), &mut paths);
    assert!(paths.len() > 8, "{paths:?}");
    let others =
        [Value::Null, Value::from(""), Value::from("{}"), Value::from(i64::MAX), Value::from(-1), Value::from(1e300)];
    let replace = |(path, other): (&String, &Value)| {
        let mut state = state.clone();
        *state.pointer_mut(path).unwrap() = other.clone();
        serde_json::to_vec(&state).unwrap()
    };
    paths.iter().flat_map(|path| others.iter().map(move |other| (path, other))).map(replace).collect()
}

fn collect_paths(value: &Value, path: String, paths: &mut Vec<String>) {
    if let Value::Object(map) = value {
        for (key, inner) in map {
            collect_paths(inner, format!("{path}/{key}"), paths);
        }
    }
    paths.push(path);
}

#[test]
fn a_damaged_root_does_not_bring_an_older_one_back() {
    let world = World::new();
    world.change(|maker| (0..3).for_each(|_| maker.rotate(|_| ())));
    world.refresh().unwrap();
    for damaged in ["2", "3", "4"] {
        let mut state: Value = serde_json::from_slice(&fs::read(world.cache_file()).unwrap()).unwrap();
        state["roots"][damaged] = Value::from("damaged");
        fs::write(world.cache_file(), state.to_string()).unwrap();
        assert_eq!(code(world.offline()), "trust_refresh_failed");
        world.refresh().unwrap();
        assert_eq!(world.offline().unwrap().root_version, 4);
    }
    let mut state: Value = serde_json::from_slice(&fs::read(world.cache_file()).unwrap()).unwrap();
    state["roots"]["3"] = Value::from("damaged");
    fs::write(world.cache_file(), state.to_string()).unwrap();
    world.serve_but(|path, _| (path == "4.root.json").then_some(Answer::Status(404)));
    refused_as(world.refresh(), "root");
}

#[test]
fn the_cached_age_cannot_be_pushed_past_what_is_signed() {
    let world = World::new();
    world.refresh().unwrap();
    let mut state: Value = serde_json::from_slice(&fs::read(world.cache_file()).unwrap()).unwrap();
    state["complete"]["verified_at"] = Value::from(i64::MAX);
    fs::write(world.cache_file(), state.to_string()).unwrap();
    assert_eq!(world.offline_at(NOW + 3).unwrap().as_of, NOW + 3);
    assert_eq!(world.offline_at(NOW + 900 * DAY).unwrap().as_of, NOW + 7 * DAY);
}

#[test]
fn an_unusable_cache_is_a_storage_fault() {
    let world = World::new();
    fs::create_dir_all(world.cache.parent().unwrap()).unwrap();
    fs::write(&world.cache, b"a file").unwrap();
    assert_eq!(code(world.refresh()), "storage_failed");
    assert_eq!(code(world.offline()), "storage_failed");
    assert!(world.requests().is_empty(), "found out before anything is fetched");
    fs::remove_file(&world.cache).unwrap();
    world.refresh().unwrap();
    fs::remove_file(world.cache_file()).unwrap();
    fs::create_dir(world.cache_file()).unwrap();
    assert_eq!(code(world.refresh()), "storage_failed");
}

#[cfg(unix)]
#[test]
fn links_are_not_written_through() {
    let world = World::new();
    world.refresh().unwrap();
    let victim = world.folder.0.join("victim");
    fs::write(&victim, b"mine").unwrap();
    std::os::unix::fs::symlink(&victim, world.cache_file().with_extension("new")).unwrap();
    world.publish("{\"n\":2}");
    assert_eq!(world.refresh().unwrap().timestamp_version, 2);
    assert_eq!(fs::read(&victim).unwrap(), b"mine");
    assert_eq!(world.offline().unwrap().timestamp_version, 2);
}

#[test]
fn a_lock_that_is_never_given_up_is_not_waited_for_without_end() {
    let world = World::new();
    world.refresh().unwrap();
    let holder = fs::File::open(world.lock_file()).unwrap();
    holder.lock().unwrap();
    let options = RefreshOptions { total_timeout: Duration::from_millis(500), ..world.options() };
    let begun = Instant::now();
    let error = run(&world.repository, &options).unwrap_err();
    assert!(matches!(error.fault(), Fault::StorageFailed { reason, .. } if reason.contains("lock")), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(world.offline().is_ok(), "reading needs no lock");
    drop(holder);
    assert!(world.refresh().is_ok());
}

#[test]
fn anchors_do_not_share_a_cache() {
    let world = World::new();
    world.refresh().unwrap();
    let stranger = Repository::custom(&world.server.url, &Maker::new().root_file(1)).unwrap();
    assert_eq!(code(run(&stranger, &world.options())), "trust_refresh_failed");
    assert_eq!(world.offline().unwrap().timestamp_version, 1);
    let offline = RefreshOptions { offline: true, ..world.options() };
    assert_eq!(code(run(&stranger, &offline)), "storage_failed");
}

#[test]
fn cancelling_is_harmless() {
    let world = World::new();
    world.refresh().unwrap();
    world.publish("{\"n\":2}");
    let options = world.options();
    for microseconds in (0..12_000).step_by(300) {
        let attempt = refresh(&world.repository, &options);
        let _ = runtime().block_on(async { tokio::time::timeout(Duration::from_micros(microseconds), attempt).await });
        assert!(world.offline().unwrap().timestamp_version >= 1);
    }
    assert_eq!(world.refresh().unwrap().timestamp_version, 2);
}

#[test]
fn a_refresh_can_move_between_threads() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let world = World::new();
    let (repository, options) = (world.repository.clone(), world.options());
    let outcome = std::thread::spawn(move || runtime().block_on(assert_send(refresh(&repository, &options))));
    assert!(outcome.join().unwrap().is_ok());
}

#[test]
fn the_cache_has_a_default_place() {
    let directory = default_cache_dir("some_application").unwrap();
    assert!(directory.ends_with("some_application/tuf"));
}

// Races within one refresh: while it runs, another one gets in

#[test]
fn what_another_process_found_later_stands() {
    let world = World::new();
    world.refresh().unwrap();
    let refreshed = world.overtaken(|_| (), |maker| maker.publish("{\"n\":2}"), |maker| maker.publish("{\"n\":3}"));
    assert_eq!(refreshed.unwrap().trusted_root, b"{\"n\":3}");
    assert_eq!(world.offline().unwrap().timestamp_version, 3);
}

#[test]
fn what_another_process_found_earlier_is_replaced() {
    let world = World::new();
    world.refresh().unwrap();
    // The other one is answered from before, this one from after.
    let before = world.maker().files();
    world.publish("{\"n\":2}");
    let (repository, options, shared) = (world.repository.clone(), world.options(), Arc::clone(&world.server));
    let after = world.maker().files();
    let once = AtomicBool::new(true);
    world.serve_but(move |path, _| {
        if path == "timestamp.json" && once.swap(false, Ordering::SeqCst) {
            shared.serve(before.clone());
            run(&repository, &RefreshOptions { now: Time::from_seconds(NOW + 9), ..options.clone() }).unwrap();
            shared.serve(after.clone());
        }
        None
    });
    assert_eq!(world.refresh().unwrap().timestamp_version, 2);
    assert_eq!(world.offline().unwrap().timestamp_version, 2);
}

#[test]
fn new_keys_found_by_another_process_stand() {
    let world = World::new();
    world.refresh().unwrap();
    let rotated = |maker: &mut Maker| {
        maker.rotate(|maker| maker.timestamp.keys = vec![Key::p256()]);
        maker.publish("{\"n\":3}");
    };
    let refreshed = world.overtaken(|_| (), |maker| maker.publish("{\"n\":2}"), rotated).unwrap();
    assert_eq!((refreshed.root_version, refreshed.trusted_root.as_slice()), (2, &b"{\"n\":3}"[..]));
    assert_eq!(world.offline().unwrap().root_version, 2);
}

#[test]
fn what_two_processes_found_comes_together() {
    let world = World::new();
    world.refresh().unwrap();
    let mine = |maker: &mut Maker| {
        maker.rotate(|_| ());
        maker.publish("{\"n\":2}");
    };
    // The other one sees newer content, but not the new root.
    let cut = |files: &mut BTreeMap<String, Vec<u8>>| drop(files.remove("2.root.json"));
    let refreshed = world.overtaken(cut, mine, |maker| maker.publish("{\"n\":3}")).unwrap();
    assert_eq!((refreshed.root_version, refreshed.timestamp_version), (2, 3));
    assert_eq!(world.offline().unwrap(), refreshed);
}

#[test]
fn what_another_process_saw_in_passing_still_counts() {
    let world = World::new();
    world.refresh().unwrap();
    world.publish("{\"n\":2}");
    let old = world.maker().files();
    // The other one verifies timestamp 3, but gets no further.
    let cut = |files: &mut BTreeMap<String, Vec<u8>>| drop(files.remove("3.snapshot.json"));
    let refreshed = world.overtaken(cut, |_| (), |maker| maker.publish("{\"n\":3}"));
    assert_eq!(refreshed.unwrap().timestamp_version, 2);
    assert_eq!(world.offline().unwrap().timestamp_version, 2);
    world.server.serve(old);
    refused_as(world.refresh(), "timestamp");
    world.change(|_| ());
    assert_eq!(world.refresh().unwrap().timestamp_version, 3);
}

// Races between processes

#[test]
fn racing_processes_never_put_the_cache_back() {
    let world = World::new();
    world.refresh().unwrap();
    let programs = race(&world, 6, false);
    for outcome in programs {
        assert_eq!(outcome.code, "ok", "a repository that only moves forward never fails anyone");
    }
}

#[test]
fn racing_processes_resist_servers_that_go_back_and_forth() {
    let world = World::new();
    world.refresh().unwrap();
    let programs = race(&world, 6, true);
    assert!(programs.iter().all(|outcome| matches!(outcome.code.as_str(), "ok" | "trust_refresh_failed")));
}

/// Lets processes refresh over and over while the repository changes with every timestamp, and sees to it that the
/// cache only ever moves forward.
fn race(world: &World, processes: usize, back_and_forth: bool) -> Vec<Outcome> {
    let history = Mutex::new((vec![world.maker().files()], Lcg(3)));
    let maker = Arc::clone(&world.maker);
    let newest = Arc::new(AtomicU64::new(1));
    let made = Arc::clone(&newest);
    world.server.handle(move |path| {
        let mut maker = maker.lock().unwrap();
        let (history, random) = &mut *history.lock().unwrap();
        if path == "timestamp.json" {
            let content = format!("{{\"n\":{}}}", maker.timestamp.version + 1);
            maker.publish(&content);
            made.store(maker.timestamp.version, Ordering::SeqCst);
            history.push(maker.files());
        }
        let back = if back_and_forth && path == "timestamp.json" { random.below(4) as usize } else { 0 };
        let files = &history[(history.len() - 1).saturating_sub(back)];
        files.get(path).map_or(Answer::Status(404), |bytes| Answer::File(bytes.clone()))
    });
    let program = Program { times: 12, ..Program::new(&world.server.url, world.repository.root(), &world.cache) };
    let mut children: Vec<_> = (0..processes).map(|_| program.start()).collect();
    let mut seen = (0, 0);
    while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
        let found = world.offline().unwrap();
        let versions = (found.timestamp_version, found.targets_version);
        assert!(versions >= seen, "{versions:?} after {seen:?}");
        assert!(versions.1 == 1 || found.trusted_root == format!("{{\"n\":{}}}", versions.1).into_bytes());
        seen = versions;
    }
    let outcomes: Vec<_> = children.into_iter().flat_map(outcomes).collect();
    assert_eq!(outcomes.len(), processes * program.times);
    let last = world.offline().unwrap().timestamp_version;
    assert!(last >= seen.0 && outcomes.iter().all(|outcome| outcome.timestamp_version <= last));
    assert!(newest.load(Ordering::SeqCst) >= last && last > 1);
    outcomes
}

#[test]
fn killed_processes_leave_a_usable_cache() {
    let world = World::new();
    world.refresh().unwrap();
    let maker = Arc::clone(&world.maker);
    world.server.handle(move |path| {
        let mut maker = maker.lock().unwrap();
        if path == "timestamp.json" {
            maker.publish("{\"n\":2}");
        }
        maker.files().get(path).map_or(Answer::Status(404), |bytes| Answer::File(bytes.clone()))
    });
    let program = Program { times: 10_000, ..Program::new(&world.server.url, world.repository.root(), &world.cache) };
    let (mut random, mut seen) = (Lcg(11), 1);
    for _ in 0..20 {
        world.requests();
        let mut child = program.start();
        while world.server_asked_for("timestamp.json") == 0 {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(random.below(30_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = world.offline().unwrap();
        assert!(found.timestamp_version >= seen);
        seen = found.timestamp_version;
    }
    let online = world.refresh().unwrap();
    assert!(online.timestamp_version > seen);
    let left: Vec<_> = fs::read_dir(&world.cache).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "nothing is left behind: {left:?}");
}

/// Not a test of its own: what [`Program`] runs as another process.
#[test]
#[ignore = "other tests start it as a process of its own"]
fn program() {
    let Ok(root) = std::env::var("TUF_ROOT") else { return };
    let variable = |name| std::env::var(name).unwrap();
    let repository = Repository::custom(&variable("TUF_URL"), &fs::read(root).unwrap()).unwrap();
    let proxy = std::env::var("TUF_PROXY").map_or(Proxy::Environment, Proxy::Url);
    let options = RefreshOptions { cache_dir: Some(variable("TUF_CACHE").into()), ..through(proxy) };
    for _ in 0..variable("TUF_TIMES").parse().unwrap() {
        let outcome = run(&repository, &options);
        let version = outcome.as_ref().map_or(0, |refreshed| refreshed.timestamp_version);
        println!("\nOUTCOME {} {version}", code(outcome));
    }
}

// The means

/// A repository, its server, and a cache.
struct World {
    maker: Arc<Mutex<Maker>>,
    server: Arc<Server>,
    repository: Repository,
    cache: PathBuf,
    folder: Folder,
}

impl World {
    fn new() -> Self {
        Self::of(Maker::new())
    }

    fn of(maker: Maker) -> Self {
        let server = Server::new(maker.files());
        let repository = Repository::custom(&server.url, &maker.root_file(1)).unwrap();
        let folder = Folder::new();
        let cache = folder.0.join("some/cache");
        Self { maker: Arc::new(Mutex::new(maker)), server: Arc::new(server), repository, cache, folder }
    }

    fn maker(&self) -> std::sync::MutexGuard<'_, Maker> {
        self.maker.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Maker)) {
        change(&mut self.maker());
        let files = self.maker().files();
        self.server.serve(files);
    }

    fn publish(&self, content: &str) {
        self.change(|maker| maker.publish(content));
    }

    fn serve_but(&self, exception: impl Fn(&str, &[u8]) -> Option<Answer> + Send + Sync + 'static) {
        let files = self.maker().files();
        self.server.serve_but(files, exception);
    }

    fn requests(&self) -> Vec<String> {
        self.server.requests()
    }

    fn server_asked_for(&self, path: &str) -> usize {
        self.requests().iter().filter(|asked| *asked == path).count()
    }

    fn options(&self) -> RefreshOptions {
        RefreshOptions { cache_dir: Some(self.cache.clone()), ..options() }
    }

    fn refresh(&self) -> Result<Refreshed> {
        self.refresh_at(NOW)
    }

    fn refresh_at(&self, now: i64) -> Result<Refreshed> {
        run(&self.repository, &RefreshOptions { now: Time::from_seconds(now), ..self.options() })
    }

    fn offline(&self) -> Result<Refreshed> {
        self.offline_at(NOW)
    }

    fn offline_at(&self, now: i64) -> Result<Refreshed> {
        run(&self.repository, &RefreshOptions { offline: true, now: Time::from_seconds(now), ..self.options() })
    }

    /// Refreshes from the repository as `mine` makes it, while another process, which starts when this one asks for the
    /// timestamp and ends before it is answered, refreshes from what `theirs` then makes of it, as far as `cut` lets it.
    fn overtaken(
        &self,
        cut: impl Fn(&mut BTreeMap<String, Vec<u8>>) + Send + Sync + 'static,
        mine: impl FnOnce(&mut Maker),
        theirs: impl FnOnce(&mut Maker),
    ) -> Result<Refreshed> {
        self.change(mine);
        let older = self.maker().files();
        theirs(&mut self.maker());
        let mut newer = self.maker().files();
        cut(&mut newer);
        let (server, repository, options) = (Arc::clone(&self.server), self.repository.clone(), self.options());
        let once = AtomicBool::new(true);
        self.server.serve_but(older.clone(), move |path, _| {
            if path == "timestamp.json" && once.swap(false, Ordering::SeqCst) {
                server.serve(newer.clone());
                let _ = run(&repository, &options);
                server.serve(older.clone());
            }
            None
        });
        self.refresh()
    }

    fn cache_file(&self) -> PathBuf {
        self.file_ending("json")
    }

    fn lock_file(&self) -> PathBuf {
        self.file_ending("lock")
    }

    fn file_ending(&self, extension: &str) -> PathBuf {
        let names = fs::read_dir(&self.cache).unwrap().flatten().map(|entry| entry.path());
        let stem = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
        let stem = names.map(stem).next().unwrap();
        self.cache.join(if extension == "json" { format!("{stem}.v1.json") } else { format!("{stem}.lock") })
    }
}

/// A refresh in another process.
struct Program {
    url: String,
    root: PathBuf,
    cache: PathBuf,
    environment: Vec<(&'static str, String)>,
    times: usize,
}

struct Outcome {
    code: String,
    timestamp_version: u64,
}

impl Program {
    fn new(url: &str, root: &[u8], cache: &Path) -> Self {
        let path = cache.with_extension("root.json");
        fs::write(&path, root).unwrap();
        Self { url: url.into(), root: path, cache: cache.into(), environment: Vec::new(), times: 1 }
    }

    fn start(&self) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "program", "--ignored", "--nocapture"]).stdout(Stdio::piped()).stderr(Stdio::null());
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.env("TUF_URL", &self.url).env("TUF_ROOT", &self.root).env("TUF_CACHE", &self.cache);
        command.env("TUF_TIMES", self.times.to_string()).envs(self.environment.iter().cloned()).spawn().unwrap()
    }

    fn run(&self) -> Outcome {
        outcomes(self.start()).pop().unwrap()
    }
}

fn outcomes(child: Child) -> Vec<Outcome> {
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let words = output.lines().filter_map(|line| line.strip_prefix("OUTCOME ")?.split_once(' '));
    words.map(|(code, version)| Outcome { code: code.into(), timestamp_version: version.parse().unwrap() }).collect()
}

fn options() -> RefreshOptions {
    through(Proxy::Direct)
}

fn through(proxy: Proxy) -> RefreshOptions {
    let network = Network { proxy, ..Network::default() };
    RefreshOptions { network, ..RefreshOptions::new(Time::from_seconds(NOW)) }
}

fn hasty(mut options: RefreshOptions, request_timeout: Duration) -> RefreshOptions {
    options.network.request_timeout = request_timeout;
    options
}

fn run(repository: &Repository, options: &RefreshOptions) -> Result<Refreshed> {
    runtime().block_on(refresh(repository, options))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.map_or_else(|error| error.code(), |_| "ok")
}

fn refused_as(outcome: Result<Refreshed>, role: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.code(), "trust_refresh_failed");
    assert!(error.to_string().contains(&format!("rollback detected for {role}:")), "{error}");
}

/// A folder that is removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("provenance-tuf-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Numbers that look random, the same in every run.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
