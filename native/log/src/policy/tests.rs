use super::*;
use crate::checkpoint::tests::{log_key, witness};

const ORIGIN: &str = "log.example";

fn lines(quorum: &str) -> String {
    let mut text = format!("# a comment\n\n log\t{} https://log.example/\n", log_key(ORIGIN).verifier());
    for (i, name) in ["X1", "X2", "X3", "Y1", "Y2", "Y3"].iter().enumerate() {
        text += &format!("witness {name} {}\n", witness(&format!("w{i}"), 10 + i as u8).verifier());
    }
    text + quorum
}

const TWO_LEVELS: &str = "group X 2 X1 X2 X3\ngroup Y any Y1 Y2 Y3\ngroup XY all X Y\nquorum XY\n";

fn checkpoint(witnesses: &[u8], time: u64) -> SignedCheckpoint {
    let mut signed = Checkpoint::new(ORIGIN, 5, [5; 32]).unwrap().sign(&log_key(ORIGIN)).unwrap();
    for w in witnesses {
        signed.cosign(&witness(&format!("w{w}"), 10 + w), time).unwrap();
    }
    signed
}

#[test]
fn the_specified_two_levels() {
    let policy = Policy::parse(lines(TWO_LEVELS).as_bytes()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 6));
    assert_eq!(policy.logs()[0].url.as_deref(), Some("https://log.example/"));
    let holds = |witnesses: &[u8]| policy.check(&checkpoint(witnesses, 1000), None).is_ok();
    for witnesses in 0..64u8 {
        let set: Vec<_> = (0..6).filter(|i| witnesses >> i & 1 == 1).collect();
        let expected = set.iter().filter(|w| **w < 3).count() >= 2 && set.iter().any(|w| *w >= 3);
        assert_eq!(holds(&set), expected, "{set:?}");
    }
    let error = policy.check(&checkpoint(&[0], 1000), None).unwrap_err();
    assert_eq!(error.code(), "quorum_missing");
    assert!(policy.check(&checkpoint(&[0, 1, 3], 1000), None).unwrap().quorum);
}

#[test]
fn no_quorum_is_said() {
    let policy = Policy::parse(lines("quorum none\n").as_bytes()).unwrap();
    let found = policy.check(&checkpoint(&[2], 1000), None).unwrap();
    assert_eq!((found.quorum, found.cosignatures.len()), (false, 1));
    let one = Policy::parse(lines("quorum X1").as_bytes()).unwrap();
    assert!(one.check(&checkpoint(&[0], 1), None).is_ok() && one.check(&checkpoint(&[1], 1), None).is_err());
}

#[test]
fn old_cosignatures_do_not_count() {
    let policy = Policy::parse(lines("quorum X1\n").as_bytes()).unwrap();
    let at = |time, now| policy.check(&checkpoint(&[0], time), Some(Freshness { now, max_age: 86_400 }));
    assert!(at(1_000_000, 1_086_400).is_ok());
    assert!(at(1_000_000, 1_086_401).is_err());
    assert!(at(1_000_000, 999_700).is_ok() && at(1_000_000, 999_699).is_err(), "nor those from the future");
    assert_eq!(at(1, 1_000_000).unwrap_err().fault().details()[3].1, crate::error::Detail::Number(1));
}

#[test]
fn a_false_cosignature_refuses_the_whole() {
    let policy = Policy::parse(lines("quorum none\n").as_bytes()).unwrap();
    let other = Checkpoint::new(ORIGIN, 6, [6; 32]).unwrap().sign(&log_key(ORIGIN)).unwrap();
    let cosigned = checkpoint(&[0], 1000).to_string();
    let line = cosigned.lines().last().unwrap();
    let forged = SignedCheckpoint::parse(format!("{other}{line}\n").as_bytes()).unwrap();
    assert_eq!(policy.check(&forged, None).map_err(|e| e.code()), Err("checkpoint_untrusted"));
}

#[test]
fn what_is_no_policy() {
    let log = log_key(ORIGIN).verifier().to_string();
    let w = witness("w", 99).verifier().to_string();
    for bad in [
        "".to_owned(),
        "quorum X9\n".to_owned(),
        "quorum none\nquorum none\n".to_owned(),
        "quorum none none\n".to_owned(),
        "group G 0 X1\nquorum G\n".to_owned(),
        "group G 2 X1\nquorum G\n".to_owned(),
        "group G 01 X1\nquorum G\n".to_owned(),
        "group G some X1\nquorum G\n".to_owned(),
        "group G all\nquorum none\n".to_owned(),
        "group G all none\nquorum G\n".to_owned(),
        "group G all G\nquorum G\n".to_owned(),
        "group none all X1\nquorum none\n".to_owned(),
        "group X1 all X2\nquorum X1\n".to_owned(),
        "group G all X1\ngroup H all X1\nquorum G\n".to_owned(),
        "group G all X1 X1\nquorum G\n".to_owned(),
        format!("log {log}\nquorum none\n"),
        format!("log {w}\nquorum none\n"),
        format!("witness W {log}\nquorum none\n"),
        format!("witness X1 {w}\nquorum none\n"),
        format!("witness W {}\nquorum none\n", witness("other", 10).verifier()),
        format!("witness W {w} url more\nquorum none\n"),
        "witnesses\nquorum none\n".to_owned(),
        "quorum none\r\n".to_owned(),
    ] {
        assert_eq!(Policy::parse(lines(&bad).as_bytes()).map_err(|e| e.code()), Err("malformed"), "{bad}");
    }
    assert!(Policy::parse(&vec![b'\n'; limits::POLICY_BYTES + 1]).is_err());
    let opaque = [lines("").as_bytes(), b"group \xe9\xff any X1\nquorum \xe9\xff\n"].concat();
    assert!(Policy::parse(&opaque).is_ok());
}
