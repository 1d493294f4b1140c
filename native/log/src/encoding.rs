//! Base64, hexadecimal, decimal numbers and times, each in its one canonical spelling.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use provenance_base::hex::hex_encode;
pub(crate) use provenance_base::hex::push_hex;

/// RFC 4648, section 4: standard alphabet, padded.
#[must_use]
pub fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The inverse of [`base64_encode`]; every other spelling is refused.
#[must_use]
pub fn base64_decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A hash in base64.
pub(crate) fn base64_hash(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 48];
    let length = STANDARD.decode_slice(text, &mut bytes).ok()?;
    bytes.first_chunk::<32>().copied().filter(|_| length == 32)
}

/// Exactly `N` bytes in lowercase hexadecimal.
#[must_use]
pub fn hex_decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.len() != N {
        return None;
    }
    let mut out = [0; N];
    for (to, [high, low]) in out.iter_mut().zip(pairs) {
        *to = (nibble(*high)? << 4) | nibble(*low)?;
    }
    Some(out)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => digit.checked_sub(b'0'),
        b'a'..=b'f' => digit.checked_sub(b'a')?.checked_add(10),
        _ => None,
    }
}

/// `sha256:HEX`.
pub(crate) fn digest_text(hash: &[u8; 32]) -> String {
    format!("sha256:{}", hex_encode(hash))
}

/// The inverse of [`digest_text`].
pub(crate) fn digest_parse(text: &str) -> Option<[u8; 32]> {
    hex_decode(text.strip_prefix("sha256:")?)
}

/// ASCII decimal without sign or leading zeroes.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// RFC 3339, in UTC and written with a Z, as Unix seconds rounded down; none before 1970.
#[must_use]
pub fn time_parse(text: &str) -> Option<u64> {
    let shape = |(i, b): (usize, u8)| match i {
        4 | 7 => b == b'-',
        10 => b == b'T',
        13 | 16 => b == b':',
        19 => b == b'.',
        _ => b.is_ascii_digit(),
    };
    let digits = text
        .strip_suffix('Z')
        .filter(|t| (t.len() == 19 || (21..=29).contains(&t.len())) && t.bytes().enumerate().all(shape));
    let time: jiff::Timestamp = digits.and(text.parse().ok())?;
    u64::try_from(time.as_second()).ok()
}

/// Unix seconds as [`time_parse`] reads them; none after the year 9999.
#[must_use]
pub fn time_text(seconds: u64) -> Option<String> {
    let time = jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    Some(time.to_string()).filter(|text| time_parse(text) == Some(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_each() {
        assert_eq!(base64_decode("+/8=").as_deref(), Some(&[0xfb, 0xff][..]));
        for text in ["+/8", "-_8=", "+/9=", "+/8=\n", "+/8= "] {
            assert_eq!(base64_decode(text), None, "{text:?}");
        }
        assert_eq!(hex_decode(&hex_encode(&[0, 255, 16])), Some([0, 255, 16]));
        for text in ["00FF10", "00ff1", "00ff1000", "+0ff10", ""] {
            assert_eq!(hex_decode::<3>(text), None, "{text:?}");
        }
        for (text, number) in [("0", Some(0)), ("10", Some(10)), ("01", None), ("+1", None), ("", None), ("1 ", None)] {
            assert_eq!(decimal(text), number, "{text:?}");
        }
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal("18446744073709551616"), None);
    }

    #[test]
    fn hashes_are_of_one_length() {
        for length in [0, 31, 33, 36] {
            assert_eq!(base64_hash(&base64_encode(&vec![7; length])), None, "{length}");
        }
        assert_eq!(base64_hash(&base64_encode(&[7; 32])), Some([7; 32]));
        assert_eq!(base64_hash(&"A".repeat(1000)), None);
    }

    #[test]
    fn times() {
        assert_eq!(time_text(1_769_860_800).as_deref(), Some("2026-01-31T12:00:00Z"));
        assert_eq!(time_parse("2026-01-31T12:00:00.9Z"), Some(1_769_860_800));
        assert_eq!(time_text(0).and_then(|t| time_parse(&t)), Some(0));
        assert_eq!(time_text(u64::MAX), None);
        assert_eq!(time_parse("1969-12-31T23:59:59Z"), None);
    }
}
