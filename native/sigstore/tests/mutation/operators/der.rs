//! On DER, as a tree of elements.

use super::{Operator, bytes};
use crate::der::{Tlv, length, tlv};
use crate::rng::Rng;

/// Those that take an element by its place.
pub(crate) const ALL: &[Operator] = &[
    Operator::Der("drop element", drop_it),
    Operator::Der("element stands twice", twice),
    Operator::Der("exchange elements", exchange),
    Operator::Der("reverse elements", reverse),
    Operator::Der("other tag", retag),
    Operator::Der("flip a bit of a value", flip),
    Operator::Der("truncate a value", cut),
    Operator::Der("lengthen a value", grow),
    Operator::Der("hostile value", hostile),
    Operator::Der("replace by another element", take_another),
    Operator::Der("wrap deeply", wrap),
    Operator::Der("wrong length", wrong_length),
    Operator::Der("long form of length", long_length),
    Operator::Der("indefinite length", indefinite),
    Operator::Der("multiply element", multiply),
];

fn parent<'a>(root: &'a mut Tlv, at: &[usize]) -> Option<(&'a mut Vec<Tlv>, usize)> {
    let (last, above) = at.split_last()?;
    if let Tlv::List { items, .. } = root.at_mut(above)? { Some((items, *last)) } else { None }
}

fn drop_it(root: &mut Tlv, at: &[usize], _: &mut Rng) -> Option<()> {
    let (items, i) = parent(root, at)?;
    items.remove(i);
    Some(())
}

fn twice(root: &mut Tlv, at: &[usize], rng: &mut Rng) -> Option<()> {
    let (items, i) = parent(root, at)?;
    let copy = items[i].clone();
    items.insert(rng.below(items.len() + 1), copy);
    Some(())
}

fn exchange(root: &mut Tlv, at: &[usize], rng: &mut Rng) -> Option<()> {
    let (items, i) = parent(root, at)?;
    let j = rng.below(items.len());
    (i != j).then(|| items.swap(i, j))
}

fn reverse(root: &mut Tlv, at: &[usize], _: &mut Rng) -> Option<()> {
    let Tlv::List { items, .. } = root.at_mut(at)? else { return None };
    (items.len() > 1).then(|| items.reverse())
}

fn retag(root: &mut Tlv, at: &[usize], rng: &mut Rng) -> Option<()> {
    const TAGS: [u8; 16] =
        [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x30, 0x31, 0xa0, 0xa3, 0x1f];
    let new = if rng.percent(50) { *rng.pick(&TAGS) } else { rng.byte() };
    match root.at_mut(at)? {
        Tlv::Value { tag, .. } | Tlv::List { tag, .. } => *tag = new,
        Tlv::Raw(_) => return None,
    }
    Some(())
}

fn value<'a>(root: &'a mut Tlv, at: &[usize]) -> Option<(u8, &'a mut Vec<u8>)> {
    if let Tlv::Value { tag, bytes } = root.at_mut(at)? { Some((*tag, bytes)) } else { None }
}

fn flip(root: &mut Tlv, at: &[usize], rng: &mut Rng) -> Option<()> {
    bytes::flip_bit(value(root, at)?.1, &[], rng)
}

fn cut(root: &mut Tlv, at: &[usize], rng: &mut Rng) -> Option<()> {
    bytes::truncate(value(root, at)?.1, &[], rng)
}

fn grow(root: &mut Tlv, at: &[usize], rng: &mut Rng) -> Option<()> {
    let (_, bytes) = value(root, at)?;
    if rng.percent(50) {
        bytes.insert(0, rng.byte() & 0x81)
    } else {
        bytes::append(bytes, &[], rng)?
    }
    Some(())
}

fn hostile(root: &mut Tlv, at: &[usize], rng: &mut Rng) -> Option<()> {
    let (tag, bytes) = value(root, at)?;
    let choices: &[&[u8]] = match tag {
        0x01 => &[b"\x01", b"", b"\x00\x00"],
        0x02 => &[b"", b"\x00", b"\xff", b"\x00\x00", b"\x7f\xff\xff\xff\xff\xff\xff\xff\xff", b"\x02", &[0x7f; 200]],
        0x03 => &[b"", b"\x07", b"\x08\x00", b"\xff\xff"],
        0x06 => &[b"", b"\x80", b"\x2a\x80", b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", &[0x2a; 60]],
        0x17 | 0x18 => &[
            b"20250601120000Z",
            b"99991231235959Z",
            b"00000101000000Z",
            b"20250229000000Z",
            b"20250601120060Z",
            b"20250601120000.999999999Z",
            b"20250601120000.9999999999Z",
            b"500101000000Z",
            b"491231235959Z",
            b"20250601120000+0000",
            b"\xff",
        ],
        _ => &[b"", b"\x00", b"\xff\xfe", &[0x41; 3000]],
    };
    *bytes = rng.pick(choices).to_vec();
    Some(())
}

fn take_another(root: &mut Tlv, at: &[usize], rng: &mut Rng) -> Option<()> {
    let places = root.places();
    let other = root.at(rng.pick(&places).as_slice())?.clone();
    *root.at_mut(at)? = other;
    Some(())
}

fn wrap(root: &mut Tlv, at: &[usize], rng: &mut Rng) -> Option<()> {
    let depth = *rng.pick(&[1, 2, 30, 1000]);
    let tag = *rng.pick(&[0x30, 0x31, 0xa0, 0x24]);
    let node = root.at_mut(at)?;
    let mut bytes = node.encode();
    (0..depth).for_each(|_| bytes = tlv(tag, &bytes));
    *node = Tlv::Raw(bytes);
    Some(())
}

fn wrong_length(root: &mut Tlv, at: &[usize], rng: &mut Rng) -> Option<()> {
    let node = root.at_mut(at)?;
    let content = node.content();
    let wrong = match rng.below(5) {
        0 => content.len() + 1,
        1 => content.len().saturating_sub(1),
        2 => u32::MAX as usize,
        3 => usize::MAX,
        _ => 0,
    };
    *node = Tlv::Raw([vec![node.tag()], length(wrong), content].concat());
    Some(())
}

fn long_length(root: &mut Tlv, at: &[usize], _: &mut Rng) -> Option<()> {
    let node = root.at_mut(at)?;
    let content = node.content();
    let length = u32::try_from(content.len()).ok()?.to_be_bytes();
    *node = Tlv::Raw([vec![node.tag(), 0x84], length.to_vec(), content].concat());
    Some(())
}

fn indefinite(root: &mut Tlv, at: &[usize], _: &mut Rng) -> Option<()> {
    let node = root.at_mut(at)?;
    *node = Tlv::Raw([vec![node.tag() | 0x20, 0x80], node.content(), vec![0, 0]].concat());
    Some(())
}

fn multiply(root: &mut Tlv, at: &[usize], rng: &mut Rng) -> Option<()> {
    let (items, i) = parent(root, at)?;
    let times = *rng.pick(&[2, 5, 40, 400]);
    let copies = vec![items[i].clone(); times];
    items.splice(i..i, copies);
    Some(())
}
