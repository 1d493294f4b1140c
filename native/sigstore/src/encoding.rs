//! Base64, and JSON the way protobuf writes it (<https://protobuf.dev/programming-guides/json/>).

use std::fmt;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use memchr::{memchr, memmem};
use provenance_base::json::{self, BadJson};
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde_json::Value;

use crate::error::{Error, Fault, Result};
use crate::limits::Limits;

pub use provenance_base::hex::{hex_decode, hex_encode};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

// The engine that uses the processor's vector instructions, where the crate has one.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod engines {
    use super::LENIENT;
    use base64::engine::Simd;
    use std::sync::LazyLock;

    pub(super) static STD: LazyLock<Simd> = LazyLock::new(|| Simd::standard(LENIENT));
    pub(super) static URL: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(LENIENT));
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod engines {
    use super::LENIENT;
    use base64::alphabet::{STANDARD, URL_SAFE};
    use base64::engine::GeneralPurpose;

    pub(super) static STD: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
    pub(super) static URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);
}

use engines::{STD, URL};

/// Either alphabet, padded or not: what protobuf's JSON mapping tells parsers to accept.
pub(crate) fn base64_decode(text: &str) -> Option<Vec<u8>> {
    padded_or_bare(text).then(|| STD.decode(text).or_else(|_| URL.decode(text)).ok()).flatten()
}

/// The engines take a part of the padding as well; nobody writes that.
fn padded_or_bare(text: &str) -> bool {
    !text.ends_with('=') || text.len().is_multiple_of(4)
}

/// Standard alphabet, padded.
pub(crate) fn base64_encode(bytes: &[u8]) -> String {
    STD.encode(bytes)
}

/// Standard alphabet, unpadded.
pub(crate) fn base64_encode_unpadded(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}

/// Reads a JSON document of a known shape; what is wrong is told with its path.
pub(crate) fn from_json<T: DeserializeOwned>(format: &'static str, bytes: &[u8], limits: &Limits) -> Result<T> {
    json::parse_as(bytes, limits.json()).map_err(|bad| bad_json(format, bad))
}

/// Reads any JSON document in which no object has a key twice.
pub(crate) fn parse_strict(format: &'static str, bytes: &[u8], limits: &Limits) -> Result<Value> {
    json::parse_strict(bytes, limits.json()).map_err(|bad| bad_json(format, bad))
}

fn bad_json(format: &'static str, bad: BadJson) -> Error {
    let (nesting, values) = match format {
        "bundle" => ("bundle nesting", "bundle values"),
        "in-toto statement" => ("statement nesting", "statement values"),
        "trusted root" => ("trusted root nesting", "trusted root values"),
        _ => ("JSON nesting", "JSON values"),
    };
    let too_large = |what, limit, actual| Fault::InputTooLarge { what, limit, actual };
    match bad {
        BadJson::Nesting { limit, actual } => too_large(nesting, limit, actual),
        BadJson::Values { limit, actual } => too_large(values, limit, actual),
        BadJson::Malformed { at, reason } => Fault::Malformed { format, at, reason },
    }
    .into()
}

/// Bytes written as base64; never empty.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl<'de> serde::Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64 of at least one byte")
            }
            fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Bytes, E> {
                match base64_decode(v) {
                    Some(bytes) if !bytes.is_empty() => Ok(Bytes(bytes)),
                    _ => Err(E::custom("not base64 of at least one byte")),
                }
            }
        }
        d.deserialize_str(V)
    }
}

/// A SHA-256 value written as base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hash(pub(crate) [u8; 32]);

impl<'de> serde::Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Hash;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64 of 32 bytes")
            }
            fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Hash, E> {
                // A proof has dozens: no allocation for each.
                let mut bytes = [0; 48];
                let length = STD.decode_slice(v, &mut bytes).or_else(|_| URL.decode_slice(v, &mut bytes));
                match (length, bytes.first_chunk::<32>()) {
                    (Ok(32), Some(hash)) if padded_or_bare(v) => Ok(Hash(*hash)),
                    _ => Err(E::custom("not base64 of 32 bytes")),
                }
            }
        }
        d.deserialize_str(V)
    }
}

/// A 64-bit integer, written as a JSON number or as a string of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Int(pub(crate) i64);

impl<'de> serde::Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Int;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a 64-bit integer")
            }
            fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Int, E> {
                Ok(Int(v))
            }
            fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Int, E> {
                i64::try_from(v).map(Int).map_err(|_| E::custom("integer out of range"))
            }
            fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Int, E> {
                let plain = v.bytes().all(|b| b.is_ascii_digit() || b == b'-');
                v.parse().ok().filter(|_| plain).map(Int).ok_or_else(|| E::custom("not a 64-bit integer"))
            }
        }
        d.deserialize_any(V)
    }
}

/// The DER inside one PEM block labelled `label`, ignoring text around it. The block must be the only one.
pub(crate) fn pem_decode(text: &[u8], label: &str) -> Option<Vec<u8>> {
    let begin = format!("-----BEGIN {label}-----");
    let body = match text.strip_prefix(begin.as_bytes()) {
        Some(body) => body,
        None => text.get(memmem::find(text, begin.as_bytes())?.checked_add(begin.len())?..)?,
    };
    let (body, after) = body.split_at_checked(memchr(b'-', body)?)?;
    let end = format!("-----END {label}-----");
    let after = after.strip_prefix(end.as_bytes())?;
    if memmem::find(after, b"-----BEGIN").is_some() {
        return None;
    }
    let mut compact = Vec::with_capacity(body.len());
    for line in body.split(|b| *b == b'\n') {
        compact.extend_from_slice(line.trim_ascii());
    }
    base64_decode(std::str::from_utf8(&compact).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_in_every_spelling() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(base64_decode(text), Some(vec![0xfb, 0xff]), "{text}");
        }
        assert_eq!(base64_decode("+_8="), None);
        assert_eq!(base64_decode("a"), None);
        assert_eq!(base64_decode("+/9="), None, "bits beyond the last byte must be zero");
        assert_eq!(base64_decode("AA==").as_deref(), Some(&[0][..]));
        for text in ["AA=", "AA===", "AAA==", "AAAA=", "AAAA====", "===="] {
            assert_eq!(base64_decode(text), None, "{text}");
        }
    }

    #[test]
    fn hashes_are_of_one_length() {
        let read =
            |bytes: &[u8]| serde_json::from_str::<Hash>(&format!("\"{}\"", base64_encode(bytes))).map(|h| h.0).ok();
        assert_eq!(read(&[0xfe; 32]), Some([0xfe; 32]));
        for length in [0, 31, 33, 48, 1000] {
            assert_eq!(read(&vec![0xfe; length]), None, "{length}");
        }
        assert!(serde_json::from_str::<Hash>(&format!("\"{}\"", "_".repeat(43))).is_err());
        assert!(serde_json::from_str::<Hash>(&format!("\"{}\"", "_-_4".repeat(10) + "_-8")).is_ok());
    }

    #[test]
    fn integers_as_protobuf_writes_them() {
        let read = |s: &str| serde_json::from_str::<Int>(s).map(|i| i.0).ok();
        assert_eq!(read("\"12\""), Some(12));
        assert_eq!(read("12"), Some(12));
        assert_eq!(read("\"-1\""), Some(-1));
        assert_eq!(read("\"+1\""), None);
        assert_eq!(read("1.5"), None);
        assert_eq!(read("18446744073709551615"), None);
    }

    #[test]
    fn pem_is_one_block() {
        let pem = "text\n-----BEGIN X-----\nAAEC\n-----END X-----\n";
        assert_eq!(pem_decode(pem.as_bytes(), "X"), Some(vec![0, 1, 2]));
        assert_eq!(pem_decode(format!("{pem}{pem}").as_bytes(), "X"), None);
        assert_eq!(pem_decode(b"AAEC", "X"), None);
    }
}
