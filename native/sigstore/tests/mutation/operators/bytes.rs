//! On what a text is when decoded; the second parameter is what another bundle has there.
#![allow(clippy::ptr_arg, reason = "all of one type")]

use super::Operator;
use crate::rng::Rng;

/// Those that take bytes.
pub(crate) const ALL: &[Operator] = &[
    Operator::Bytes("flip a bit", flip_bit),
    Operator::Bytes("set a byte", set_byte),
    Operator::Bytes("truncate", truncate),
    Operator::Bytes("append", append),
    Operator::Bytes("delete bytes", delete_bytes),
    Operator::Bytes("insert bytes", insert_bytes),
    Operator::Bytes("repeat a part", repeat_part),
    Operator::Bytes("blank a part", blank_part),
    Operator::Bytes("splice with another bundle", splice),
];

pub(super) fn flip_bit(bytes: &mut Vec<u8>, _: &[u8], rng: &mut Rng) -> Option<()> {
    let at = rng.below(bytes.len());
    *bytes.get_mut(at)? ^= 1 << rng.below(8);
    Some(())
}

fn set_byte(bytes: &mut Vec<u8>, _: &[u8], rng: &mut Rng) -> Option<()> {
    let at = rng.below(bytes.len());
    *bytes.get_mut(at)? = *rng.pick(&[0, 1, 0x7f, 0x80, 0xff, b'"', b'\n', 0x30]);
    Some(())
}

pub(super) fn truncate(bytes: &mut Vec<u8>, _: &[u8], rng: &mut Rng) -> Option<()> {
    bytes.truncate(rng.below(bytes.len()));
    Some(())
}

pub(super) fn append(bytes: &mut Vec<u8>, _: &[u8], rng: &mut Rng) -> Option<()> {
    let n = *rng.pick(&[1, 2, 16, 1000]);
    let more = if rng.percent(50) { vec![0; n] } else { rng.bytes(n) };
    bytes.extend(more);
    Some(())
}

fn part(bytes: &[u8], rng: &mut Rng) -> std::ops::Range<usize> {
    let from = rng.below(bytes.len());
    let most = *rng.pick(&[1, 4, 64]);
    let n = 1 + rng.below(most);
    from..(from + n).min(bytes.len())
}

fn delete_bytes(bytes: &mut Vec<u8>, _: &[u8], rng: &mut Rng) -> Option<()> {
    let part = part(bytes, rng);
    bytes.drain(part);
    Some(())
}

fn insert_bytes(bytes: &mut Vec<u8>, _: &[u8], rng: &mut Rng) -> Option<()> {
    let at = rng.below(bytes.len() + 1);
    let n = 1 + rng.below(8);
    bytes.splice(at..at, rng.bytes(n));
    Some(())
}

fn repeat_part(bytes: &mut Vec<u8>, _: &[u8], rng: &mut Rng) -> Option<()> {
    let part = part(bytes, rng);
    let copy = bytes.get(part.clone())?.to_vec();
    bytes.splice(part.end..part.end, copy);
    Some(())
}

fn blank_part(bytes: &mut Vec<u8>, _: &[u8], rng: &mut Rng) -> Option<()> {
    let part = part(bytes, rng);
    bytes.get_mut(part)?.fill(0);
    Some(())
}

fn splice(bytes: &mut Vec<u8>, donor: &[u8], rng: &mut Rng) -> Option<()> {
    let at = rng.below(bytes.len().min(donor.len()));
    let end = if rng.percent(50) { donor.len() } else { (at + 1 + rng.below(64)).min(donor.len()) };
    let piece = donor.get(at..end).filter(|p| !p.is_empty())?;
    let to = (at + piece.len()).min(bytes.len());
    bytes.splice(at..to, piece.iter().copied());
    Some(())
}
