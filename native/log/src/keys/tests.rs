use super::*;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::tests::{log_key, witness};
use crate::note::SigningKey;
use crate::testing::{ORIGIN, RegistryKey, ed25519, key_change};

fn log_public(key: &SigningKey) -> String {
    PublicKey::from_ed25519(key.verifier().public()).to_string()
}

fn file(keys: &str, quorum: &str) -> String {
    let (log, w) = (log_public(&log_key(ORIGIN)), witness("w", 7));
    format!(
        r#"{{"version":1,"origin":"{ORIGIN}","keys":[{{"purpose":"log","key":"{log}","firstIndex":0}}{keys}],
           "policy":["witness W {}","quorum {quorum}"],
           "earlierLogs":[{{"origin":"old.example","size":7,"root":"{}"}}]}}"#,
        w.verifier(),
        base64_encode(&[9; 32])
    )
}

fn registry(key: &RegistryKey, more: &str) -> String {
    format!(r#",{{"purpose":"registry","key":"{}","firstIndex":10{more}}}"#, key.public())
}

fn signed(size: u64, key: &SigningKey) -> SignedCheckpoint {
    Checkpoint::new(ORIGIN, size, [4; 32]).unwrap().sign(key).unwrap()
}

fn code<T>(result: Result<T>) -> &'static str {
    result.map_or_else(|e| e.code(), |_| "ok")
}

#[test]
fn written_as_it_is_read() {
    let key = RegistryKey::new();
    let trust =
        Trust::parse(file(&registry(&key, r#","lastIndex":20,"revokedFromIndex":15"#), "W").as_bytes()).unwrap();
    assert_eq!(Trust::parse(trust.write().as_bytes()).unwrap(), trust);
    assert_eq!(trust.earlier("old.example").map(|e| e.size), Some(7));
    assert!(trust.earlier(ORIGIN).is_none());
}

#[test]
fn what_is_no_trust_file() {
    let good = file(&registry(&RegistryKey::new(), ""), "none");
    for (from, to, expected) in [
        ("\"version\":1", "\"version\":2", "trust_file_invalid"),
        ("\"version\":1", "\"version\":1,\"more\":1", "trust_file_invalid"),
        ("\"version\":1", "\"version\":1,\"version\":1", "malformed"),
        ("\"origin\":\"log.example\",", "", "trust_file_invalid"),
        ("\"origin\":\"log.example\",", "\"origin\":\"log example\",", "trust_file_invalid"),
        ("old.example", "log.example", "trust_file_invalid"),
        ("\"purpose\":\"log\"", "\"purpose\":\"other\"", "trust_file_invalid"),
        ("\"purpose\":\"registry\"", "\"purpose\":\"log\"", "trust_file_invalid"),
        ("\"firstIndex\":10", "\"firstIndex\":10,\"lastIndex\":9", "trust_file_invalid"),
        ("\"firstIndex\":10", "\"firstIndex\":\"10\"", "trust_file_invalid"),
        ("\"firstIndex\":10", "\"firstIndex\":10,\"note\":\"\"", "trust_file_invalid"),
        ("quorum none", "quorum X", "trust_file_invalid"),
        ("\"key\":\"M", "\"key\":\"N", "trust_file_invalid"),
    ] {
        assert!(good.contains(from), "{from}");
        assert_eq!(code(Trust::parse(good.replacen(from, to, 1).as_bytes())), expected, "{from} -> {to}");
    }
    let key = RegistryKey::new();
    let twice = file(&(registry(&key, "") + &registry(&key, "")), "none");
    assert_eq!(code(Trust::parse(twice.as_bytes())), "trust_file_invalid");
    assert_eq!(code(Trust::parse(&vec![b' '; limits::TRUST_FILE_BYTES + 1])), "input_too_large");
}

#[test]
fn checkpoints_of_the_pinned_log_with_the_quorum() {
    let trust = Trust::parse(file("", "W").as_bytes()).unwrap();
    let mut checkpoint = signed(5, &log_key(ORIGIN));
    assert_eq!(code(trust.check(&checkpoint, None)), "quorum_missing");
    checkpoint.cosign(&witness("w", 7), 1000).unwrap();
    assert!(trust.check(&checkpoint, None).unwrap().quorum);
    let other = Checkpoint::new("old.example", 5, [4; 32]).unwrap().sign(&log_key("old.example")).unwrap();
    assert_eq!(code(trust.check(&other, None)), "checkpoint_untrusted");
}

#[test]
fn registry_keys_count_between_their_indices() {
    let (key, stranger) = (RegistryKey::new(), RegistryKey::new());
    let trust = Trust::parse(file(&registry(&key, r#","lastIndex":20"#), "none").as_bytes()).unwrap();
    let envelope = key.envelope("{}");
    let at = |index| code(trust.verify_envelope(index, &envelope, false));
    assert_eq!([at(9), at(10), at(20), at(21)], ["key_unknown", "ok", "ok", "key_unknown"]);
    assert_eq!(code(trust.verify_envelope(15, &stranger.envelope("{}"), true)), "signature_mismatch");
    let changed = Envelope { payload: b"[]".to_vec(), ..envelope };
    assert_eq!(code(trust.verify_envelope(15, &changed, true)), "signature_mismatch");
}

#[test]
fn a_compromised_key_counts_before_and_witnessed() {
    let key = RegistryKey::new();
    let trust = Trust::parse(file(&registry(&key, r#","revokedFromIndex":15"#), "W").as_bytes()).unwrap();
    let envelope = key.envelope("{}");
    let at = |index, witnessed| code(trust.verify_envelope(index, &envelope, witnessed));
    assert_eq!([at(14, true), at(14, false), at(15, true)], ["ok", "key_revoked", "key_revoked"]);
    let successor = RegistryKey::new();
    assert_eq!(code(trust.rotate(14, &key_change(&key, &successor))), "key_revoked");
}

#[test]
fn a_compromised_log_key_counts_before_and_witnessed() {
    let revoked = |quorum| file("", quorum).replace("\"firstIndex\":0", "\"firstIndex\":0,\"revokedFromIndex\":10");
    let mut checkpoint = signed(10, &log_key(ORIGIN));
    checkpoint.cosign(&witness("w", 7), 1000).unwrap();
    let check = |quorum, checkpoint: &SignedCheckpoint| {
        code(Trust::parse(revoked(quorum).as_bytes()).unwrap().check(checkpoint, None))
    };
    assert_eq!(check("W", &checkpoint), "ok");
    assert_eq!(check("none", &checkpoint), "checkpoint_untrusted");
    let mut later = signed(11, &log_key(ORIGIN));
    later.cosign(&witness("w", 7), 1000).unwrap();
    assert_eq!(check("W", &later), "checkpoint_untrusted");
}

#[test]
fn rotation_plays_out() {
    let (old, new) = (RegistryKey::new(), RegistryKey::new());
    let trust = Trust::parse(file(&registry(&old, ""), "none").as_bytes()).unwrap();
    let change = key_change(&old, &new);
    let rotated = trust.rotate(30, &change).unwrap();
    let at = |key: &RegistryKey, index| code(rotated.verify_envelope(index, &key.envelope("{}"), false));
    assert_eq!([at(&old, 29), at(&old, 30), at(&old, 31)], ["ok", "ok", "key_unknown"]);
    assert_eq!([at(&new, 29), at(&new, 31)], ["key_unknown", "ok"]);
    assert_eq!(rotated.rotate(30, &change).unwrap(), rotated, "applied again, it changes nothing");
    assert_eq!(code(rotated.rotate(29, &change)), "key_invalid");
    assert_eq!(code(rotated.rotate(31, &change)), "key_unknown");
    assert_eq!(code(trust.rotate(9, &change)), "key_unknown");
    assert_eq!(code(trust.rotate(30, &key_change(&new, &old))), "key_unknown");
    let forged = KeyChange { new_signature: change.old_signature.clone(), ..change };
    assert_eq!(code(trust.rotate(30, &forged)), "signature_mismatch");
}

#[test]
fn the_logs_own_key_rotates() {
    let trust = Trust::parse(file("", "none").as_bytes()).unwrap();
    let successor = SigningKey::from_seed(ORIGIN, KeyKind::Ed25519, &[2; 32]).unwrap();
    let ((old, sign_old), (new, sign_new)) = (ed25519(1), ed25519(2));
    let message = KeyChange::message(ORIGIN, Purpose::Log, &old, &new);
    let change = KeyChange {
        new_signature: sign_new(&message),
        old_signature: sign_old(&message),
        new,
        old,
        purpose: Purpose::Log,
    };
    let rotated = trust.rotate(30, &change).unwrap();
    let check = |size, key: &SigningKey| code(rotated.check(&signed(size, key), None));
    assert_eq!([check(31, &log_key(ORIGIN)), check(32, &log_key(ORIGIN))], ["ok", "checkpoint_untrusted"]);
    assert_eq!([check(30, &successor), check(31, &successor)], ["checkpoint_untrusted", "ok"]);
}

#[test]
fn an_earlier_log_counts_up_to_its_pinned_root() {
    let leaves = crate::tree::tests::numbered(7);
    let root = crate::tree::tests::reference_root(&leaves);
    let log = EarlierLog { origin: "old.example".to_owned(), size: 7, root };
    let mut tiles = crate::tile::MemoryTiles::default();
    tiles.apply(&crate::tree::Edge::new().extend(&leaves).unwrap().1).unwrap();
    let path = crate::Prover::new(tiles, 2).inclusion(3, 7).unwrap();
    assert_eq!(code(log.verify(&leaves[3], 3, &path)), "ok");
    assert_eq!(code(log.verify(&leaves[2], 3, &path)), "inclusion_mismatch");
    assert_eq!(code(log.verify(&leaves[3], 7, &path)), "inclusion_mismatch");
}
