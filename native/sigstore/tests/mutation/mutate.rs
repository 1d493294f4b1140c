//! Mutants: a seed, changed in one to a few places.

use std::collections::BTreeMap;

use crate::operators::{self, OPERATORS, Operator};
use crate::rng::Rng;
use crate::seeds::Seed;
use crate::tree::{Node, Place};

pub(crate) struct Mutant {
    pub(crate) bytes: Vec<u8>,
    /// What was done, operator and place.
    pub(crate) how: Vec<(&'static str, String)>,
}

/// The first mutants of every run: every operator at every field that any seed has; the second form of every signature
/// of every seed; and at all elements of its lists and many other places what may leave a bundle valid.
pub(crate) struct Sweep(Vec<(usize, Place, Operator)>);

/// What chance would seldom find: a part of one seed with that of another, or without it when none is named, which
/// leaves the bundle valid.
const GRAFTS: &[[(&str, &str); 2]] = &[
    [("key-other-statement-untimed", "dsseEnvelope"), ("key-p256", "dsseEnvelope")],
    [("unlogged-dsse", "verificationMaterial.certificate"), ("v1-dsse", "verificationMaterial.certificate")],
    [("v01-intoto", "verificationMaterial"), ("v1-intoto", "verificationMaterial")],
    [("key-unpromised", ENTRIES), ("key-p256", ENTRIES)],
    [("key-unpromised", "verificationMaterial.tlogEntries[].integratedTime"), ("key-p256", TREE_SIZE)],
    [("key-unpromised", "verificationMaterial.tlogEntries[].logIndex"), ("key-p256", TREE_SIZE)],
    [("key-untimed without a root", ENTRIES), ("key-p256", ENTRIES)],
    [("v01-intoto", "verificationMaterial.tlogEntries[].inclusionProof"), ("", "")],
];
const ENTRIES: &str = "verificationMaterial.tlogEntries";
const TREE_SIZE: &str = "verificationMaterial.tlogEntries[].inclusionProof.treeSize";

impl Sweep {
    pub(crate) fn new(seeds: &[Seed], rng: &mut Rng) -> Self {
        let mut fields: BTreeMap<String, Vec<(usize, Place)>> = BTreeMap::new();
        for (i, seed) in seeds.iter().enumerate() {
            for place in seed.tree.places() {
                fields.entry(place.name.clone()).or_default().push((i, place));
            }
        }
        let mut all = Vec::new();
        for places in fields.values() {
            for operator in OPERATORS.iter() {
                let (seed, place) = rng.pick(places).clone();
                all.push((seed, place, *operator));
            }
        }
        let meaningful: Vec<_> = OPERATORS.iter().filter(|operator| operator.may_leave_it_valid()).collect();
        for (i, seed) in seeds.iter().enumerate() {
            for place in seed.tree.places() {
                let is_text = matches!(seed.tree.at(&place.steps), Some(Node::Text(_)));
                let fit = meaningful.iter().filter(|operator| is_text == matches!(operator, Operator::SecondForm));
                let chosen = fit.filter(|_| is_text || place.name.ends_with("[]") || rng.percent(25));
                all.extend(chosen.map(|operator| (i, place.clone(), **operator)));
            }
        }
        Self(all)
    }

    pub(crate) fn len(&self) -> usize {
        GRAFTS.len() + self.0.len()
    }

    /// Mutant `index`, and the seed it comes from; `None` when its operator does not fit its field.
    pub(crate) fn mutant(&self, index: usize, seeds: &[Seed], rng: &mut Rng) -> Option<(usize, Mutant)> {
        if let Some(graft) = GRAFTS.get(index) {
            return grafted(seeds, graft);
        }
        let (at, place, operator) = self.0.get(index - GRAFTS.len())?;
        let mut tree = seeds[*at].tree.clone();
        operator.apply(&mut tree, place, &donors(&seeds[*at], seeds, rng), rng)?;
        let mutant = Mutant { bytes: tree.encode(), how: vec![(operator.name(), place.name.clone())] };
        Some((*at, mutant))
    }
}

fn grafted(seeds: &[Seed], [(onto, field), (from, part)]: &[(&str, &str); 2]) -> Option<(usize, Mutant)> {
    let named = |name: &str| seeds.iter().position(|seed| seed.name == name);
    let at = named(onto)?;
    let mut tree = seeds[at].tree.clone();
    let place = tree.named(field)?;
    *tree.at_mut(&place.steps)? = match named(from).map(|from| &seeds[from].tree) {
        Some(from) => from.at(&from.named(part)?.steps)?.clone(),
        None => Node::raw("null"),
    };
    Some((at, Mutant { bytes: tree.encode(), how: vec![("graft", place.name)] }))
}

/// A mutant of any seed, in one place more often than in several, in its text once in a while.
pub(crate) fn mutant(seeds: &[Seed], rng: &mut Rng) -> (usize, Mutant) {
    let at = rng.below(seeds.len());
    let mut tree = seeds[at].tree.clone();
    let mut how = Vec::new();
    let in_text = rng.percent(12);
    let changes = if in_text && rng.percent(70) { 0 } else { *rng.pick(&[1, 1, 1, 1, 1, 1, 2, 2, 3, 6]) };
    while how.len() < changes {
        let places = tree.places();
        if places.is_empty() {
            break;
        }
        let place = rng.pick(&places).clone();
        let operator = rng.pick(&OPERATORS);
        if operator.is_crude() && rng.percent(70) {
            continue;
        }
        if operator.apply(&mut tree, &place, &donors(&seeds[at], seeds, rng), rng).is_some() {
            how.push((operator.name(), place.name));
        }
    }
    let mut bytes = tree.encode();
    if in_text {
        let (name, change) = rng.pick(TEXT);
        change(&mut bytes, &tree, rng);
        how.push((name, "text".to_owned()));
    }
    (at, Mutant { bytes, how })
}

/// A mutant of any JSON.
pub(crate) fn of_tree(original: &Node, rng: &mut Rng) -> Mutant {
    let mut tree = original.clone();
    let mut how = Vec::new();
    for _ in 0..50 {
        let places = tree.places();
        let Some(place) = rng.any(&places).cloned() else { break };
        let operator = rng.pick(&OPERATORS);
        if operator.apply(&mut tree, &place, &[original], rng).is_some() {
            how.push((operator.name(), place.name));
        }
        if !how.is_empty() && rng.percent(60) {
            break;
        }
    }
    Mutant { bytes: tree.encode(), how }
}

/// Other bundles to take from: any one, one by the same signer, and two with the same signature.
fn donors<'a>(seed: &Seed, seeds: &'a [Seed], rng: &mut Rng) -> Vec<&'a Node> {
    let kin: Vec<_> = seeds.iter().filter(|other| other.has_key_of(seed)).collect();
    let twins: Vec<_> = kin.iter().copied().filter(|other| other.has_signature_of(seed)).collect();
    [&seeds.iter().collect(), &kin, &twins, &twins].map(|from: &Vec<&'a Seed>| &rng.pick(from).tree).into()
}

type TextOperator = fn(&mut Vec<u8>, &Node, &mut Rng);

/// What may be done to the bytes of the whole.
const TEXT: &[(&str, TextOperator)] = &[
    ("space", |bytes, tree, _| *bytes = pretty(tree)),
    ("order of members", |bytes, tree, rng| *bytes = shuffled(tree, rng).encode()),
    ("escapes", |bytes, tree, _| *bytes = escaped(tree)),
    ("byte order mark", |bytes, _, _| drop(bytes.splice(0..0, *b"\xef\xbb\xbf"))),
    ("trailing space", |bytes, _, _| bytes.extend(b" \n\t\r")),
    ("trailing data", |bytes, _, rng| bytes.extend(*rng.pick(&[b"{}".as_slice(), b"\0", b"x", b",", b"\xff"]))),
    ("truncate", |bytes, _, rng| bytes.truncate(rng.below(bytes.len()))),
    ("flip a bit", |bytes, _, rng| {
        let at = rng.below(bytes.len());
        bytes[at] ^= 1 << rng.below(8);
    }),
    ("delete a byte", |bytes, _, rng| {
        let at = rng.below(bytes.len());
        bytes.drain(at..=at);
    }),
    ("insert bytes", |bytes, _, rng| {
        let at = rng.below(bytes.len());
        const WHAT: [&[u8]; 11] = [b"\"", b"\\", b"\0", b"{", b"]", b"\xff", b"/**/", b"\n", b":", b",", b"e9"];
        bytes.splice(at..at, rng.pick(&WHAT).iter().copied());
    }),
    ("repeat a part", |bytes, _, rng| {
        let from = rng.below(bytes.len());
        let part = bytes[from..(from + rng.below(2000)).min(bytes.len())].to_vec();
        bytes.splice(from..from, part);
    }),
    ("UTF-16", |bytes, _, _| *bytes = bytes.iter().flat_map(|b| [*b, 0]).collect()),
];

fn pretty(tree: &Node) -> Vec<u8> {
    let separated =
        |parts: Vec<Vec<u8>>, open: &[u8], close: &[u8]| [open, &parts.join(&b"\r\n\t, "[..]), close].concat();
    match tree {
        Node::Object(members) => {
            let member = |(key, value): &(Vec<u8>, Node)| [b"\"", key.as_slice(), b"\" : ", &pretty(value)].concat();
            separated(members.iter().map(member).collect(), b"{ ", b" }")
        }
        Node::List(list) => separated(list.iter().map(pretty).collect(), b"[\t", b"\n]"),
        other => other.encode(),
    }
}

fn shuffled(tree: &Node, rng: &mut Rng) -> Node {
    match tree {
        Node::Object(members) => {
            let mut members: Vec<_> = members.iter().map(|(key, value)| (key.clone(), shuffled(value, rng))).collect();
            for i in (1..members.len()).rev() {
                members.swap(i, rng.below(i + 1));
            }
            Node::Object(members)
        }
        Node::List(list) => Node::List(list.iter().map(|node| shuffled(node, rng)).collect()),
        other => other.clone(),
    }
}

fn escaped(tree: &Node) -> Vec<u8> {
    let escape = |text: &str| text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<String>();
    let list = |parts: Vec<Vec<u8>>| parts.join(&b","[..]);
    match tree {
        Node::Text(text) => format!("\"{}\"", escape(text)).into_bytes(),
        Node::Object(members) => {
            let member = |(key, value): &(Vec<u8>, Node)| {
                [b"\"", escape(&String::from_utf8_lossy(key)).as_bytes(), b"\":", &escaped(value)].concat()
            };
            [b"{", list(members.iter().map(member).collect()).as_slice(), b"}"].concat()
        }
        Node::List(items) => [b"[", list(items.iter().map(escaped).collect()).as_slice(), b"]"].concat(),
        Node::Raw(bytes) => bytes.clone(),
    }
}

/// One bit flipped in every byte of every text's decoded form, one at a time, and where.
pub(crate) fn every_byte(seed: &Seed, rng: &mut Rng) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for place in seed.tree.places() {
        for at in 0..operators::decoded_length(&seed.tree, &place) {
            let mut tree = seed.tree.clone();
            operators::flip(&mut tree, &place, at, 1 << rng.below(8));
            all.push((format!("{}, byte {at}", place.name), tree.encode()));
        }
    }
    all
}
