use super::*;

/// The example of c2sp.org/signed-note.
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONn\
                    cAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn key(name: &str, kind: KeyKind) -> SigningKey {
    SigningKey::from_seed(name, kind, &[7; 32]).unwrap()
}

#[test]
fn the_specified_example() {
    let vkey = VerifierKey::parse(VKEY).unwrap();
    assert_eq!(vkey.to_string(), VKEY);
    let note = Note::parse(NOTE.as_bytes()).unwrap();
    assert_eq!(note.to_string(), NOTE);
    assert_eq!(note.verify(std::slice::from_ref(&vkey)).unwrap().len(), 1);
    let changed = NOTE.replace("example message", "exemplary message");
    let changed = Note::parse(changed.as_bytes()).unwrap();
    assert_eq!(changed.verify(&[vkey]).map_err(|e| e.code()), Err("signature_mismatch"));
}

#[test]
fn unknown_keys_are_ignored_but_one_must_be_known() {
    let (a, b, other) = (key("a", KeyKind::Ed25519), key("b", KeyKind::CosignatureV1), key("c", KeyKind::Ed25519));
    let mut note = Note::unsigned("text\n\nmore\n".to_owned()).unwrap();
    note.sign(&a, None).unwrap();
    note.sign(&b, Some(1_700_000_000)).unwrap();
    let note = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(note.text(), "text\n\nmore\n");
    assert_eq!(note.verify(&[a.verifier().clone()]).unwrap()[0].time, None);
    let keys = [a.verifier().clone(), b.verifier().clone()];
    assert_eq!(note.verify(&keys).unwrap()[1].time, Some(1_700_000_000));
    assert_eq!(note.verify(&[other.verifier().clone()]).map_err(|e| e.code()), Err("key_unknown"));
}

#[test]
fn a_time_belongs_to_cosignatures_alone() {
    let mut note = Note::unsigned("text\n".to_owned()).unwrap();
    assert!(note.sign(&key("a", KeyKind::Ed25519), Some(1)).is_err());
    assert!(note.sign(&key("a", KeyKind::CosignatureV1), None).is_err());
    assert!(note.sign(&key("a", KeyKind::CosignatureV1), Some(u64::MAX)).is_err());
    assert!(note.signatures().is_empty());
}

#[test]
fn what_is_no_note() {
    let line = "\u{2014} a AAAAAAA=\n";
    for bad in [
        "text\n".to_owned(),
        format!("text\n{line}"),
        "text\n\n".to_owned(),
        format!("text\n\n{}", line.trim_end()),
        format!("te\txt\n\n{line}"),
        format!("text\r\n\r\n{line}"),
        format!("text\n\n{line}noise\n"),
        format!("text\n\n{line}\n"),
        "text\n\n\u{2014} a b AAAAAAA=\n".to_owned(),
        "text\n\n\u{2014} a+b AAAAAAA=\n".to_owned(),
        "text\n\n\u{2014}  AAAAAAA=\n".to_owned(),
        "text\n\n\u{2014} a\u{2003}b AAAAAAA=\n".to_owned(),
        "text\n\n\u{2014} a AAAAAA==\n".to_owned(),
        "text\n\n\u{2014} a AAAAAAA\n".to_owned(),
        "text\n\n- a AAAAAAA=\n".to_owned(),
    ] {
        assert_eq!(Note::parse(bad.as_bytes()).map_err(|e| e.code()), Err("malformed"), "{bad:?}");
    }
    assert!(Note::parse(b"te\xffxt\n\n").is_err());
    let many = format!("text\n\n{}", line.repeat(65));
    assert_eq!(Note::parse(many.as_bytes()).map_err(|e| e.code()), Err("input_too_large"));
    assert!(Note::parse(&vec![b'\n'; limits::NOTE_BYTES + 1]).is_err());
}

#[test]
fn what_is_no_key() {
    let good = VerifierKey::parse(VKEY).unwrap();
    for bad in [
        "",
        "a",
        "a+b",
        "a+530d903a+",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3Q==",
    ] {
        assert_eq!(VerifierKey::parse(bad).map_err(|e| e.code()), Err("key_invalid"), "{bad}");
    }
    let cosigner = VerifierKey::new("example.com/foo", KeyKind::CosignatureV1, *good.public()).unwrap();
    assert_ne!(cosigner.id(), good.id());
    assert!(VerifierKey::new("a b", KeyKind::Ed25519, [0; 32]).is_err());
}
