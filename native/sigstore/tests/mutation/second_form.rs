//! Whoever sees an ECDSA signature (r, s) can write (r, n - s), which verifies as well; and for a careless verifier of
//! Ed25519, S plus the order of the group.

use crate::der::Tlv;
use crate::rng::Rng;

const P256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P384: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
const P521: &str = "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa\
                    51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409";
const ED25519: &str = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";

/// The other signature of what `signature` signs.
pub(crate) fn second_form(signature: &[u8]) -> Option<Vec<u8>> {
    if let Ok(parts) = <[u8; 64]>::try_from(signature) {
        let (r, s) = parts.split_at(32);
        let s: Vec<u8> = s.iter().rev().copied().collect();
        let sum: Vec<u8> = add(&s, &hex(ED25519)).into_iter().rev().collect();
        return Some([r, &sum].concat());
    }
    let mut tree = Tlv::parse(signature)?;
    negate(&mut tree)?;
    Some(tree.encode())
}

/// `bytes` with the other form of one signature that is in them, whichever.
pub(crate) fn with_second_form(bytes: &[u8], rng: &mut Rng) -> Option<Vec<u8>> {
    let forms = second_forms(bytes);
    if forms.is_empty() { second_form(bytes) } else { Some(rng.pick(&forms).clone()) }
}

/// `bytes` with the other form of each ECDSA signature that is in them, one at a time.
pub(crate) fn second_forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let Some(root) = Tlv::parse(bytes) else { return Vec::new() };
    let negated = |place: &Vec<usize>| {
        let mut other = root.clone();
        negate(other.at_mut(place)?)?;
        Some(other.encode())
    };
    root.places().iter().filter_map(negated).collect()
}

fn is_signature(tlv: &Tlv) -> bool {
    let number = |tlv: &Tlv| matches!(tlv, Tlv::Value { tag: 2, bytes } if bytes.len() > 24);
    matches!(tlv, Tlv::List { tag: 0x30, items, .. } if items.len() == 2 && items.iter().all(number))
}

fn negate(tlv: &mut Tlv) -> Option<()> {
    if !is_signature(tlv) {
        return None;
    }
    let Tlv::List { items, .. } = tlv else { return None };
    let magnitude = |tlv: &Tlv| tlv.content().into_iter().skip_while(|b| *b == 0).collect::<Vec<u8>>();
    let (r, s) = (magnitude(&items[0]), magnitude(&items[1]));
    let order = hex(match r.len().max(s.len()) {
        0..=32 => P256,
        33..=48 => P384,
        _ => P521,
    });
    let mut negated: Vec<u8> = subtract(&order, &s).into_iter().skip_while(|b| *b == 0).collect();
    if negated.first().is_none_or(|b| b & 0x80 != 0) {
        negated.insert(0, 0);
    }
    items[1] = Tlv::value(2, &negated);
    Some(())
}

/// `a - b`, big-endian, modulo the width of `a`.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let b = [vec![0; a.len().saturating_sub(b.len())], b.to_vec()].concat();
    let mut borrow = 0;
    let mut out: Vec<u8> = (a.iter().zip(&b).rev())
        .map(|(a, b)| {
            let difference = i16::from(*a) - i16::from(*b) - borrow;
            borrow = i16::from(difference < 0);
            difference.rem_euclid(256) as u8
        })
        .collect();
    out.reverse();
    out
}

/// `a + b`, big-endian, modulo their common width.
fn add(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut out: Vec<u8> = (a.iter().zip(b).rev())
        .map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(*b) + carry;
            carry = sum >> 8;
            sum as u8
        })
        .collect();
    out.reverse();
    out
}

fn hex(text: &str) -> Vec<u8> {
    provenance_sigstore::hex_decode(text).unwrap()
}
