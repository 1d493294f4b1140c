//! On the JSON tree.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use provenance_fixtures::Recipe;
use provenance_sigstore::HashAlgorithm;

use super::{OPERATORS, Operator, donor};
use crate::rng::Rng;
use crate::tree::{Node, Place};

/// Those that take a place of the tree.
pub(crate) const ALL: &[Operator] = &[
    Operator::Tree("drop", drop_it),
    Operator::Tree("member stands twice", stand_twice),
    Operator::Tree("repeat element", repeat_element),
    Operator::Tree("repeat element, changed", repeat_changed),
    Operator::Tree("multiply list", multiply),
    Operator::Tree("swap between bundles", from_donor),
    Operator::Tree("append from another bundle", append_from_donor),
    Operator::Tree("replace by another part", from_elsewhere),
    Operator::Tree("exchange siblings", exchange),
    Operator::Tree("wrong type", wrong_type),
    Operator::Tree("fields without names", unnamed),
    Operator::Tree("huge number", huge_number),
    Operator::Tree("deep nesting", deep_nesting),
    Operator::Tree("cut text", cut_text),
    Operator::Tree("long text", long_text),
    Operator::Tree("hostile text", hostile_text),
    Operator::Tree("unknown member", unknown_member),
    Operator::Tree("rename member", rename_member),
    Operator::Tree("other spelling", respell),
    Operator::Tree("other media type", other_media_type),
    Operator::Tree("right digest by another algorithm", other_digest),
];

fn parent<'a>(tree: &'a mut Node, place: &Place) -> Option<(&'a mut Node, usize)> {
    let (last, above) = place.steps.split_last()?;
    Some((tree.at_mut(above)?, *last))
}

fn drop_it(tree: &mut Node, place: &Place, _: &[&Node], _: &mut Rng) -> Option<()> {
    match parent(tree, place)? {
        (Node::Object(members), i) if i < members.len() => drop(members.remove(i)),
        (Node::List(list), i) if i < list.len() => drop(list.remove(i)),
        _ => return None,
    }
    Some(())
}

fn stand_twice(tree: &mut Node, place: &Place, donors: &[&Node], rng: &mut Rng) -> Option<()> {
    let other = donor(place, donors, rng);
    let (Node::Object(members), i) = parent(tree, place)? else { return None };
    let (key, value) = members.get(i)?.clone();
    let value = if rng.percent(50) { other.unwrap_or(value) } else { value };
    let at = rng.below(members.len() + 1);
    members.insert(at, (key, value));
    Some(())
}

fn repeat_element(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    let (Node::List(list), i) = parent(tree, place)? else { return None };
    let element = list.get(i)?.clone();
    let at = rng.below(list.len() + 1);
    list.insert(at, element);
    Some(())
}

/// The element once more, and then one of the two changed somewhere inside of a text.
fn repeat_changed(tree: &mut Node, place: &Place, donors: &[&Node], rng: &mut Rng) -> Option<()> {
    repeat_element(tree, place, donors, rng)?;
    let within: Vec<_> = tree.places().into_iter().filter(|p| p.steps.starts_with(&place.steps)).collect();
    let inside: Vec<_> = OPERATORS.iter().filter(|operator| !matches!(operator, Operator::Tree(..))).collect();
    (0..20).find_map(|_| {
        let (operator, place) = (*rng.pick(&inside), rng.any(&within)?);
        operator.apply(tree, place, donors, rng)
    })
}

fn multiply(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    let Node::List(list) = tree.at_mut(&place.steps)? else { return None };
    let times = *rng.pick(&[2, 17, 33, 65, 300]);
    *list = std::iter::repeat_n(list.clone(), times).flatten().collect();
    Some(())
}

fn from_donor(tree: &mut Node, place: &Place, donors: &[&Node], rng: &mut Rng) -> Option<()> {
    let other = donor(place, donors, rng)?;
    let node = tree.at_mut(&place.steps)?;
    (*node != other).then(|| *node = other)
}

fn append_from_donor(tree: &mut Node, place: &Place, donors: &[&Node], rng: &mut Rng) -> Option<()> {
    let Some(Node::List(more)) = donor(place, donors, rng) else { return None };
    let Node::List(list) = tree.at_mut(&place.steps)? else { return None };
    let at = rng.below(list.len() + 1);
    list.splice(at..at, more);
    Some(())
}

fn from_elsewhere(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    let places = tree.places();
    let other = tree.at(&rng.any(&places)?.steps)?.clone();
    *tree.at_mut(&place.steps)? = other;
    Some(())
}

fn exchange(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    match parent(tree, place)? {
        (Node::Object(members), i) if members.len() > 1 => {
            let j = (i + 1 + rng.below(members.len() - 1)) % members.len();
            if rng.percent(50) {
                members.swap(i, j);
            } else {
                let value = members[i].1.clone();
                members[i].1 = std::mem::replace(&mut members[j].1, value);
            }
        }
        (Node::List(list), i) if list.len() > 1 => {
            let j = (i + 1 + rng.below(list.len() - 1)) % list.len();
            list.swap(i, j);
        }
        _ => return None,
    }
    Some(())
}

fn wrong_type(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    let node = tree.at_mut(&place.steps)?;
    *node = match rng.below(9) {
        0 => Node::raw("null"),
        1 => Node::raw("true"),
        2 => Node::raw("0"),
        3 => Node::raw("-1.5e3"),
        4 => Node::Text(String::new()),
        5 => Node::List(Vec::new()),
        6 => Node::Object(Vec::new()),
        7 => Node::List(vec![node.clone()]),
        _ => Node::Object(vec![(Vec::new(), node.clone())]),
    };
    Some(())
}

/// A list of a message's fields: some readers take them by their order.
fn unnamed(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    let node = tree.at_mut(&place.steps)?;
    let Node::Object(members) = node else { return None };
    let mut values: Vec<_> = members.iter().map(|(_, value)| value.clone()).collect();
    if rng.percent(30) {
        values.reverse();
    }
    *node = Node::List(values);
    Some(())
}

fn huge_number(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    const NUMBERS: [&str; 20] = [
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "9007199254740993",
        "1e400",
        "-1e400",
        "1e-400",
        "1.0",
        "-0",
        "00",
        "+1",
        "0x10",
        "NaN",
        "4294967296",
        "2147483648",
        "1",
        "0",
    ];
    let number = match rng.below(NUMBERS.len() + 1) {
        20 => "9".repeat(5000),
        i => NUMBERS[i].to_owned(),
    };
    let node = tree.at_mut(&place.steps)?;
    *node = if rng.percent(50) { Node::Raw(number.into_bytes()) } else { Node::Text(number) };
    Some(())
}

fn deep_nesting(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    let depth = *rng.pick(&[60, 64, 65, 127, 128, 129, 5000, 50_000]);
    let (open, close) = *rng.pick(&[("[", "]"), ("{\"a\":", "}")]);
    let node = tree.at_mut(&place.steps)?;
    let end = if rng.percent(80) { close.repeat(depth) } else { String::new() };
    *node = Node::Raw([open.repeat(depth).into_bytes(), node.encode(), end.into_bytes()].concat());
    Some(())
}

fn text<'a>(tree: &'a mut Node, place: &Place) -> Option<&'a mut String> {
    if let Node::Text(text) = tree.at_mut(&place.steps)? { Some(text) } else { None }
}

fn cut_text(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    let text = text(tree, place)?;
    let keep = rng.below(text.chars().count());
    *text = text.chars().take(keep).collect();
    Some(())
}

fn long_text(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    let text = text(tree, place)?;
    let unit = if text.is_empty() { "A".to_owned() } else { text.clone() };
    *text = unit.repeat(*rng.pick(&[2, 4, 40]));
    Some(())
}

fn hostile_text(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    const TEXTS: [&[u8]; 12] = [
        b"\"\\ud800\"",
        b"\"\\u0000\"",
        b"\"\xff\xfe\"",
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"\"a\nb\"",
        b"\"\\x41\"",
        b"\"unfinished",
        b"'AAAA'",
        b"\"\\uD83D\\uDE00\"",
        b"\"\xe2\x80\xae\"",
        b"\"====\"",
    ];
    *tree.at_mut(&place.steps)? = Node::Raw(rng.pick(&TEXTS).to_vec());
    Some(())
}

fn unknown_member(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    const KEYS: [&[u8]; 5] = [b"unknown", b"", b"Payload", b"tlogEntries ", b"\\u0000"];
    const VALUES: [&str; 6] = ["1e999", "\"\\ud800\"", "{\"a\":1,\"a\":2}", "[[[]]]", "18446744073709551616", "null"];
    let Node::Object(members) = tree.at_mut(&place.steps)? else { return None };
    let at = rng.below(members.len() + 1);
    let key = *rng.pick(&KEYS);
    members.insert(at, (key.to_vec(), Node::raw(rng.pick::<&str>(&VALUES))));
    Some(())
}

fn rename_member(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    let (Node::Object(members), i) = parent(tree, place)? else { return None };
    let key = &mut members.get_mut(i)?.0;
    let camel = String::from_utf8_lossy(key).into_owned();
    *key = match rng.below(5) {
        0 | 1 => snake(&camel).into_bytes(),
        2 => camel.to_uppercase().into_bytes(),
        3 => camel.bytes().flat_map(|b| format!("\\u{b:04x}").into_bytes()).collect(),
        _ => format!("{camel}_").into_bytes(),
    };
    Some(())
}

/// protobuf's own name of a field.
pub(crate) fn snake(camel: &str) -> String {
    match camel {
        "x509CertificateChain" => "x509_certificate_chain".to_owned(),
        "rfc3161Timestamps" => "rfc3161_timestamps".to_owned(),
        _ => camel.chars().fold(String::new(), |mut out, c| {
            if c.is_ascii_uppercase() {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
            out
        }),
    }
}

fn respell(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    let node = tree.at_mut(&place.steps)?;
    let Node::Text(text) = node else { return None };
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        *node =
            Node::Raw(if rng.percent(50) { text.clone().into_bytes() } else { format!("\"0{text}\"").into_bytes() });
        return Some(());
    }
    let bytes = STANDARD.decode(&*text).ok()?;
    *text = match rng.below(7) {
        0 => STANDARD_NO_PAD.encode(bytes),
        1 => URL_SAFE.encode(bytes),
        2 => URL_SAFE_NO_PAD.encode(bytes),
        3 => format!("{text}="),
        4 => format!("{text}\n"),
        5 => text.replacen('A', "A\n", 1),
        _ => text.bytes().flat_map(|b| [b' ', b]).map(char::from).collect(),
    };
    Some(())
}

fn other_media_type(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    const KNOWN: [&str; 7] = [
        "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "application/vnd.dev.sigstore.bundle+json;version=0.3",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/vnd.dev.sigstore.bundle.v0.4+json",
        "application/vnd.dev.sigstore.bundle+json; version=0.1",
        "application/json",
    ];
    (place.name == "mediaType").then_some(())?;
    *text(tree, place)? = (*rng.pick(&KNOWN)).to_owned();
    Some(())
}

/// The digest of the fixtures' usual artifact by any algorithm: a hint that is right.
fn other_digest(tree: &mut Node, place: &Place, _: &[&Node], rng: &mut Rng) -> Option<()> {
    const NAMES: [(&str, HashAlgorithm); 3] =
        [("SHA2_256", HashAlgorithm::Sha256), ("SHA2_384", HashAlgorithm::Sha384), ("SHA2_512", HashAlgorithm::Sha512)];
    place.name.ends_with("messageDigest").then_some(())?;
    let (name, algorithm) = *rng.pick(&NAMES);
    let digest = STANDARD.encode(algorithm.digest(&Recipe::default().artifact));
    let members = [("algorithm", name.to_owned()), ("digest", digest)];
    let members = members.map(|(key, value)| (key.as_bytes().to_vec(), Node::Text(value)));
    *tree.at_mut(&place.steps)? = Node::Object(members.into());
    Some(())
}
