//! On the lines of a checkpoint.
#![allow(clippy::ptr_arg, reason = "all of one type")]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

use super::{Operator, bytes};
use crate::rng::Rng;
use crate::second_form::second_form;

/// Those that take lines.
pub(crate) const ALL: &[Operator] = &[
    Operator::Note("drop line", drop_it),
    Operator::Note("line stands twice", twice),
    Operator::Note("exchange lines", exchange),
    Operator::Note("change a line", change),
    Operator::Note("other line endings", endings),
    Operator::Note("blank line", blank),
    Operator::Note("foreign signature", foreign),
    Operator::Note("signature under the log's name", impostor),
    Operator::Note("other spelling of a signature", respell),
    Operator::Note("no last newline", unfinished),
];

/// The lines of a note behind its blank line.
fn signature_lines(lines: &[Vec<u8>]) -> Vec<usize> {
    (0..lines.len()).filter(|i| lines[*i].starts_with("\u{2014} ".as_bytes())).collect()
}

fn any_signature_line(lines: &[Vec<u8>], rng: &mut Rng) -> Option<usize> {
    let all = signature_lines(lines);
    rng.any(&all).copied()
}

fn drop_it(lines: &mut Vec<Vec<u8>>, rng: &mut Rng) -> Option<()> {
    lines.remove(rng.below(lines.len()));
    Some(())
}

fn twice(lines: &mut Vec<Vec<u8>>, rng: &mut Rng) -> Option<()> {
    let copy = rng.pick(lines).clone();
    lines.insert(rng.below(lines.len() + 1), copy);
    Some(())
}

fn exchange(lines: &mut Vec<Vec<u8>>, rng: &mut Rng) -> Option<()> {
    let (i, j) = (rng.below(lines.len()), rng.below(lines.len()));
    (i != j).then(|| lines.swap(i, j))
}

fn change(lines: &mut Vec<Vec<u8>>, rng: &mut Rng) -> Option<()> {
    let i = rng.below(lines.len());
    if lines[i].is_empty() {
        return None;
    }
    match rng.below(4) {
        0 => bytes::flip_bit(&mut lines[i], &[], rng)?,
        1 => lines[i].push(b' '),
        2 => lines[i].insert(0, b'0'),
        _ => lines[i].extend("\u{2028}".as_bytes()),
    }
    Some(())
}

fn endings(lines: &mut Vec<Vec<u8>>, rng: &mut Rng) -> Option<()> {
    let from = if rng.percent(50) { signature_lines(lines).first().copied()? } else { rng.below(lines.len()) };
    let to = if rng.percent(50) { lines.len() } else { from + 1 };
    lines.get_mut(from..to)?.iter_mut().for_each(|line| line.push(b'\r'));
    Some(())
}

fn blank(lines: &mut Vec<Vec<u8>>, rng: &mut Rng) -> Option<()> {
    lines.insert(rng.below(lines.len() + 1), Vec::new());
    Some(())
}

fn foreign(lines: &mut Vec<Vec<u8>>, rng: &mut Rng) -> Option<()> {
    let at = any_signature_line(lines, rng)? + rng.below(2);
    let count = *rng.pick(&[1, 1, 63, 64]);
    let line = format!("\u{2014} witness.example {}", STANDARD.encode(rng.bytes(68))).into_bytes();
    lines.splice(at..at, std::iter::repeat_n(line, count));
    Some(())
}

/// A signature line that begins like one of those there, with other signature bytes or another key's id.
fn impostor(lines: &mut Vec<Vec<u8>>, rng: &mut Rng) -> Option<()> {
    let i = any_signature_line(lines, rng)?;
    let (name, mut bytes) = signature_line(&lines[i])?;
    let from = if rng.percent(50) { 4 } else { 0 };
    let n = bytes.len();
    bytes.get_mut(from..)?.copy_from_slice(&rng.bytes(n - from));
    let line = [name, STANDARD.encode(bytes).into_bytes()].concat();
    lines.insert(i + rng.below(2), line);
    Some(())
}

fn respell(lines: &mut Vec<Vec<u8>>, rng: &mut Rng) -> Option<()> {
    let i = any_signature_line(lines, rng)?;
    let (name, bytes) = signature_line(&lines[i])?;
    let spelled = match rng.below(3) {
        0 => STANDARD_NO_PAD.encode(bytes),
        1 => URL_SAFE.encode(bytes),
        _ => format!("{}\n", STANDARD.encode(bytes)),
    };
    lines[i] = [name, spelled.into_bytes()].concat();
    Some(())
}

fn unfinished(lines: &mut Vec<Vec<u8>>, _: &mut Rng) -> Option<()> {
    (lines.last()?.is_empty()).then(|| lines.pop())?;
    Some(())
}

/// A signature line's name, with the space behind it, and what is encoded there.
fn signature_line(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let space = line.iter().rposition(|b| *b == b' ')?;
    let (name, encoded) = line.split_at(space + 1);
    Some((name.to_vec(), STANDARD.decode(encoded).ok()?))
}

pub(crate) fn second_form_of_one(note: &[u8], rng: &mut Rng) -> Option<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = note.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    let i = any_signature_line(&lines, rng)?;
    let (name, bytes) = signature_line(&lines[i])?;
    let other = second_form(bytes.get(4..)?)?;
    lines[i] = [name, STANDARD.encode([&bytes[..4], &other].concat()).into_bytes()].concat();
    Some(lines.join(&b'\n'))
}
