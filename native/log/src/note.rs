//! Signed notes (<https://c2sp.org/signed-note>) with Ed25519 (type 0x01) and cosignature/v1 (type 0x04, from
//! <https://c2sp.org/tlog-cosignature>) keys.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::encoding::{base64_decode, base64_encode, hex_decode, hex_encode};
use crate::error::{Fault, Result, quote};
use crate::limits::{self, within};
use crate::tree::sha256;

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// The text itself: type 0x01.
    Ed25519,
    /// The text behind a header and a time: type 0x04.
    CosignatureV1,
}

/// A key that verifies, written as a vkey: `NAME+ID+BASE64`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    kind: KeyKind,
    public: [u8; 32],
}

/// A key that signs, held in memory. Keys held elsewhere sign what [`signed_message`] gives, and their signatures enter
/// by [`Note::add`].
pub struct SigningKey {
    verifier: VerifierKey,
    pair: Ed25519KeyPair,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

/// A text and the signatures under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// A signature that a known key made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The key.
    pub key: &'a VerifierKey,
    /// When it signed, by its own word (Unix seconds); only cosignatures say.
    pub time: Option<u64>,
}

impl VerifierKey {
    /// The key `public` under `name`.
    ///
    /// # Errors
    /// `key_invalid` when no key can have that name.
    pub fn new(name: &str, kind: KeyKind, public: [u8; 32]) -> Result<Self> {
        if !valid_name(name) {
            return Err(invalid_key("its name is empty, too long, or has a space, plus or control character"));
        }
        let key_bytes = [&[kind.byte()], &public[..]].concat();
        let hash = sha256(&[name.as_bytes(), b"\n", &key_bytes].concat());
        let id = hash.first_chunk::<4>().copied().unwrap_or_default();
        Ok(Self { name: name.to_owned(), id, kind, public })
    }

    /// Reads a vkey.
    ///
    /// # Errors
    /// `key_invalid` when it is not one, is of another kind, or its id is not the one of name and key.
    pub fn parse(vkey: &str) -> Result<Self> {
        within("vkey", limits::NAME_BYTES.saturating_add(64), vkey.len())?;
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(invalid_key("it is not a name, an id and a key"));
        };
        let bytes = base64_decode(key).ok_or_else(|| invalid_key("its key is not base64"))?;
        let (kind, public) = bytes.split_first().ok_or_else(|| invalid_key("its key is empty"))?;
        let kind = KeyKind::of(*kind).ok_or_else(|| invalid_key("its type is neither 0x01 nor 0x04"))?;
        let public = public.try_into().map_err(|_| invalid_key("its key is not of 32 bytes"))?;
        let key = Self::new(name, kind, public)?;
        if hex_decode(id) == Some(key.id) { Ok(key) } else { Err(invalid_key("its id is not the one of name and key")) }
    }

    /// The key's name: a log's origin, a witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What, beside the name, tells it apart.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// What it signs.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public key itself.
    #[must_use]
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Whether `signature` claims to be by this key.
    #[must_use]
    pub fn made(&self, signature: &Signature) -> bool {
        self.name == signature.name && self.id == signature.id
    }

    /// Verifies a signature over `text`; a cosignature's time comes back.
    fn verify(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        let (time, signature) = match self.kind {
            KeyKind::Ed25519 => (None, signature),
            KeyKind::CosignatureV1 => {
                let (time, signature) = signature.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                (Some(time).filter(|t| i64::try_from(*t).is_ok()).map(Some)?, signature)
            }
        };
        let message = signed_message(text, time);
        UnparsedPublicKey::new(&ED25519, &self.public).verify(message.as_bytes(), signature).ok()?;
        Some(time)
    }
}

/// What is signed for `text`: the text itself, or with a time the message of cosignature/v1.
#[must_use]
pub fn signed_message(text: &str, time: Option<u64>) -> String {
    match time {
        None => text.to_owned(),
        Some(time) => format!("cosignature/v1\ntime {time}\n{text}"),
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.byte()], &self.public[..]].concat();
        write!(f, "{}+{}+{}", self.name, hex_encode(&self.id), base64_encode(&key))
    }
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::CosignatureV1 => 4,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Ed25519),
            4 => Some(Self::CosignatureV1),
            _ => None,
        }
    }
}

impl SigningKey {
    /// The key of a 32-byte Ed25519 seed, under `name`.
    ///
    /// # Errors
    /// `key_invalid` when no key can have that name.
    pub fn from_seed(name: &str, kind: KeyKind, seed: &[u8; 32]) -> Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| invalid_key("its seed is not one"))?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| invalid_key("its seed is not one"))?;
        Ok(Self { verifier: VerifierKey::new(name, kind, public)?, pair })
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs bytes that are no note's text: the message of a key change.
    #[must_use]
    pub fn sign_message(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    fn sign(&self, text: &str, time: Option<u64>) -> Vec<u8> {
        let signature = self.sign_message(signed_message(text, time).as_bytes());
        let stamp = time.map(u64::to_be_bytes);
        [stamp.as_ref().map_or(&[][..], |t| &t[..]), &signature].concat()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier)
    }
}

impl Signature {
    /// Whose name it is under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key that it claims.
    #[must_use]
    pub fn key_id(&self) -> [u8; 4] {
        self.id
    }

    /// Reads one line, without its newline.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let decoded = base64_decode(encoded)?;
        let (id, bytes) = decoded.split_first_chunk::<4>()?;
        let valid = valid_name(name) && !bytes.is_empty();
        valid.then(|| Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
    }

    /// Reads signature lines, each with its newline.
    pub(crate) fn parse_lines(lines: &str) -> Result<Vec<Self>> {
        let lines =
            lines.strip_suffix('\n').ok_or_else(|| malformed("signatures", "there is no newline at its end"))?;
        within("note signatures", limits::NOTE_SIGNATURES, lines.split('\n').count())?;
        let signatures = lines.split('\n').map(Self::parse).collect::<Option<Vec<_>>>();
        signatures.ok_or_else(|| malformed("signatures", "a signature line is not one"))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id[..], &self.bytes].concat();
        write!(f, "\u{2014} {} {}", self.name, base64_encode(&bytes))
    }
}

impl Note {
    /// A note that nobody signed yet.
    ///
    /// # Errors
    /// `malformed` when `text` does not end with a newline, or has control characters; `input_too_large`.
    pub fn unsigned(text: String) -> Result<Self> {
        within("note", limits::NOTE_BYTES, text.len())?;
        if !text.ends_with('\n') || text.bytes().any(is_control) {
            return Err(malformed("text", "it has no newline at its end, or a control character"));
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a note; nothing in it is trusted yet.
    ///
    /// # Errors
    /// `malformed`, `input_too_large`.
    pub fn parse(note: &[u8]) -> Result<Self> {
        within("note", limits::NOTE_BYTES, note.len())?;
        let note = std::str::from_utf8(note).map_err(|_| malformed("text", "it is not UTF-8"))?;
        // The text may hold empty lines; the signatures are behind the last one.
        let blank = note.rfind("\n\n").ok_or_else(|| malformed("text", "there is no empty line before signatures"))?;
        let (text, rest) =
            note.split_at_checked(blank.saturating_add(1)).ok_or_else(|| malformed("text", "it has no end"))?;
        let unsigned = Self::unsigned(text.to_owned())?;
        let signatures = Signature::parse_lines(rest.strip_prefix('\n').unwrap_or_default())?;
        Ok(Self { signatures, ..unsigned })
    }

    /// What is signed, its last newline included. Not to be believed before [`verify`](Self::verify) succeeds.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its signatures, verified or not.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Signs with `key`; `time` (Unix seconds) for a cosignature.
    ///
    /// # Errors
    /// `key_invalid` when the key's kind needs a time and none is given, or the reverse; `input_too_large`.
    pub fn sign(&mut self, key: &SigningKey, time: Option<u64>) -> Result<()> {
        if time.is_some() != (key.verifier.kind == KeyKind::CosignatureV1) {
            return Err(invalid_key("cosignatures have a time, other signatures have none"));
        }
        self.add(&key.verifier, key.sign(&self.text, time))
    }

    /// Adds a signature that was made elsewhere (a cosignature with its time in front), once it verifies.
    ///
    /// # Errors
    /// `signature_mismatch` when it does not; `input_too_large`.
    pub fn add(&mut self, key: &VerifierKey, bytes: Vec<u8>) -> Result<()> {
        within("note signatures", limits::NOTE_SIGNATURES, self.signatures.len().saturating_add(1))?;
        key.verify(&self.text, &bytes).ok_or(Fault::SignatureMismatch { algorithm: "Ed25519" })?;
        self.signatures.push(Signature { name: key.name.clone(), id: key.id, bytes });
        Ok(())
    }

    /// Takes over `signature` in the place of any other by `key`, once it verifies.
    pub(crate) fn replace(&mut self, key: &VerifierKey, signature: &Signature) -> Result<()> {
        let mut others = self.clone();
        others.signatures.retain(|s| !key.made(s));
        others.add(key, signature.bytes.clone())?;
        *self = others;
        Ok(())
    }

    /// The signatures by `keys`. Unknown keys are ignored; a signature that a known key did not make refuses the note.
    ///
    /// # Errors
    /// `signature_mismatch`; `key_unknown` when none of `keys` signed.
    pub fn verify<'a>(&self, keys: &'a [VerifierKey]) -> Result<Vec<Verified<'a>>> {
        let verified = self.verify_any(keys)?;
        if verified.is_empty() {
            let signer = self.signatures.first();
            let key_id = signer.map_or_else(String::new, |s| format!("{}+{}", quote(&s.name), hex_encode(&s.id)));
            return Err(Fault::KeyUnknown { what: "note key", key_id }.into());
        }
        Ok(verified)
    }

    /// As [`verify`](Self::verify), but none is no error.
    pub(crate) fn verify_any<'a>(&self, keys: &'a [VerifierKey]) -> Result<Vec<Verified<'a>>> {
        let mut verified = Vec::new();
        for signature in &self.signatures {
            let mut known = keys.iter().filter(|key| key.made(signature)).peekable();
            if known.peek().is_none() {
                continue;
            }
            let found = known.find_map(|key| Some(Verified { key, time: key.verify(&self.text, &signature.bytes)? }));
            verified.push(found.ok_or(Fault::SignatureMismatch { algorithm: "Ed25519" })?);
        }
        Ok(verified)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

fn valid_name(name: &str) -> bool {
    let plain = |c: char| c != '+' && !c.is_whitespace() && !c.is_control();
    !name.is_empty() && name.len() <= limits::NAME_BYTES && name.chars().all(plain)
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && byte != b'\n'
}

fn invalid_key(reason: &str) -> crate::error::Error {
    Fault::KeyInvalid { what: "note key", reason: reason.to_owned() }.into()
}

fn malformed(at: &str, reason: &str) -> crate::error::Error {
    Fault::malformed("signed note", at, reason)
}

#[cfg(test)]
mod tests;
