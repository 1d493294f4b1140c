//! What may be done to a bundle: to its JSON, to what its base64 holds, to the DER, notes and JSON in that.

#[path = "operators/bytes.rs"]
mod bytes;
#[path = "operators/der.rs"]
mod der;
#[path = "operators/json.rs"]
mod json;
#[path = "operators/note.rs"]
mod note;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(crate) use self::json::snake;
use crate::der::Tlv;
use crate::rng::Rng;
use crate::second_form::with_second_form;
use crate::tree::{Node, Place};

/// One way of changing something; `None` from it means that it does not fit there.
#[derive(Clone, Copy)]
pub(crate) enum Operator {
    /// On the JSON tree.
    Tree(&'static str, fn(&mut Node, &Place, &[&Node], &mut Rng) -> Option<()>),
    /// On what a text is when decoded.
    Bytes(&'static str, fn(&mut Vec<u8>, &[u8], &mut Rng) -> Option<()>),
    /// On the DER that a text holds.
    Der(&'static str, fn(&mut Tlv, &[usize], &mut Rng) -> Option<()>),
    /// On the lines of a checkpoint.
    Note(&'static str, fn(&mut Vec<Vec<u8>>, &mut Rng) -> Option<()>),
    /// Any of these on the JSON that a text holds.
    Inner,
    /// Another signature that verifies whenever the one that is there does.
    SecondForm,
}

/// All of them.
pub(crate) static OPERATORS: LazyLock<Vec<Operator>> =
    LazyLock::new(|| [json::ALL, bytes::ALL, der::ALL, note::ALL, &[Operator::Inner, Operator::SecondForm]].concat());

impl Operator {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Tree(name, _) | Self::Bytes(name, _) | Self::Der(name, _) | Self::Note(name, _) => name,
            Self::Inner => "inside of JSON",
            Self::SecondForm => "second form of a signature",
        }
    }

    /// Whether what it makes is hardly ever read further than the JSON.
    pub(crate) fn is_crude(&self) -> bool {
        const CRUDE: [&str; 7] = [
            "member stands twice",
            "wrong type",
            "huge number",
            "deep nesting",
            "cut text",
            "long text",
            "hostile text",
        ];
        CRUDE.contains(&self.name())
    }

    /// Whether what it makes is often valid.
    pub(crate) fn may_leave_it_valid(&self) -> bool {
        const MEANINGFUL: [&str; 8] = [
            "fields without names",
            "right digest by another algorithm",
            "drop",
            "exchange siblings",
            "swap between bundles",
            "append from another bundle",
            "repeat element",
            "repeat element, changed",
        ];
        MEANINGFUL.contains(&self.name()) || matches!(self, Self::SecondForm)
    }

    /// Changes what is at `place` of `tree`; `donors` are other bundles.
    pub(crate) fn apply(&self, tree: &mut Node, place: &Place, donors: &[&Node], rng: &mut Rng) -> Option<()> {
        let edit = |tree: &mut Node, change: &mut dyn FnMut(&mut Vec<u8>) -> Option<()>| edit(tree, place, change);
        match self {
            Self::Tree(_, change) => change(tree, place, donors, rng),
            Self::Bytes(_, change) => {
                let donor = donor(place, donors, rng).map(|node| decoded(&node, place).unwrap_or_default());
                edit(tree, &mut |bytes| change(bytes, &donor.clone().unwrap_or_default(), rng))
            }
            Self::Der(_, change) => edit(tree, &mut |bytes| {
                let mut root = Tlv::parse(bytes)?;
                let places = root.places();
                let at = rng.pick(&places).clone();
                change(&mut root, &at, rng)?;
                *bytes = root.encode();
                Some(())
            }),
            Self::Note(_, change) if is_note(place) => edit(tree, &mut |bytes| {
                let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
                change(&mut lines, rng)?;
                *bytes = lines.join(&b'\n');
                Some(())
            }),
            Self::Note(..) => None,
            Self::Inner => edit(tree, &mut |bytes| inner(bytes, rng)),
            Self::SecondForm => edit(tree, &mut |bytes| {
                *bytes =
                    if is_note(place) { note::second_form_of_one(bytes, rng)? } else { with_second_form(bytes, rng)? };
                Some(())
            }),
        }
    }
}

fn is_note(place: &Place) -> bool {
    place.name.ends_with("checkpoint.envelope")
}

/// What the text at `place` stands for.
fn decoded(node: &Node, place: &Place) -> Option<Vec<u8>> {
    match node {
        Node::Text(text) if is_note(place) => Some(text.clone().into_bytes()),
        Node::Text(text) if text.len() > 3 => STANDARD.decode(text).ok(),
        _ => None,
    }
}

fn edit(tree: &mut Node, place: &Place, change: &mut dyn FnMut(&mut Vec<u8>) -> Option<()>) -> Option<()> {
    let node = tree.at_mut(&place.steps)?;
    let mut bytes = decoded(node, place)?;
    change(&mut bytes)?;
    *node = if !is_note(place) {
        Node::Text(STANDARD.encode(bytes))
    } else {
        match String::from_utf8(bytes) {
            Ok(text) => Node::Text(text),
            Err(e) => Node::Raw([b"\"", e.as_bytes(), b"\""].concat()),
        }
    };
    Some(())
}

/// Changes JSON, as tree or as bytes.
pub(crate) fn change_json(bytes: &mut Vec<u8>, rng: &mut Rng) -> Option<()> {
    if rng.percent(80) {
        return inner(bytes, rng);
    }
    for _ in 0..=rng.below(3) {
        let Operator::Bytes(_, change) = rng.pick(&OPERATORS) else { continue };
        change(bytes, &[], rng);
    }
    Some(())
}

/// Changes an element under `place`.
pub(crate) fn change_der(root: &mut Tlv, place: &[usize], rng: &mut Rng) -> Option<()> {
    let places: Vec<_> = root.places().into_iter().filter(|p| p.starts_with(place) && p.len() > place.len()).collect();
    (0..20).find_map(|_| {
        let (Operator::Der(_, change), at) = (*rng.pick(&OPERATORS), rng.any(&places)?) else {
            return None;
        };
        change(root, at, rng)
    })
}

/// Changes lines of a note.
pub(crate) fn change_note(bytes: &mut Vec<u8>, rng: &mut Rng) -> Option<()> {
    let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    (0..50).find_map(|_| {
        let Operator::Note(_, change) = rng.pick(&OPERATORS) else { return None };
        change(&mut lines, rng)
    })?;
    *bytes = lines.join(&b'\n');
    Some(())
}

/// How many bytes the text at `place` stands for; 0 when it is no text.
pub(crate) fn decoded_length(tree: &Node, place: &Place) -> usize {
    tree.at(&place.steps).and_then(|node| decoded(node, place)).map_or(0, |bytes| bytes.len())
}

/// Changes byte `at` of what the text at `place` stands for.
pub(crate) fn flip(tree: &mut Node, place: &Place, at: usize, mask: u8) {
    let _ = edit(tree, place, &mut |bytes| bytes.get_mut(at).map(|byte| *byte ^= mask));
}

/// What another bundle has at that place.
fn donor(place: &Place, donors: &[&Node], rng: &mut Rng) -> Option<Node> {
    let donor = *rng.pick(donors);
    let same: Vec<_> = donor.places().into_iter().filter(|p| p.name == place.name).collect();
    donor.at(&rng.any(&same)?.steps).cloned()
}

fn inner(bytes: &mut Vec<u8>, rng: &mut Rng) -> Option<()> {
    if bytes.first() != Some(&b'{') {
        return None;
    }
    let mut tree = Node::parse(bytes)?;
    let original = tree.clone();
    let places = tree.places();
    let place = rng.any(&places)?.clone();
    let own = [&original];
    (0..20).find_map(|_| rng.pick(&OPERATORS).apply(&mut tree, &place, &own, rng))?;
    *bytes = tree.encode();
    Some(())
}
