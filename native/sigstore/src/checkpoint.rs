//! Signed checkpoints (<https://c2sp.org/signed-note>, <https://c2sp.org/tlog-checkpoint>): a log's word on its
//! size and root.

use crate::encoding::base64_decode;
use crate::error::{Fault, Result, quote};
use crate::evidence::VerifiedCheckpoint;
use crate::key::KeyAlgorithm;
use crate::limits::{Limits, within};
use crate::trust_root::Log;

/// A checkpoint, parsed and not yet trusted.
#[derive(Debug)]
pub(crate) struct Checkpoint<'a> {
    /// The signed text, its last newline included.
    text: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) size: u64,
    pub(crate) root_hash: [u8; 32],
    signatures: Vec<Signature<'a>>,
}

#[derive(Debug)]
struct Signature<'a> {
    name: &'a str,
    key_hint: [u8; 4],
    bytes: Vec<u8>,
}

impl<'a> Checkpoint<'a> {
    pub(crate) fn parse(note: &'a str, limits: &Limits) -> Result<Self> {
        let malformed = |reason: &str| Fault::Malformed {
            format: "checkpoint",
            at: "inclusionProof.checkpoint".to_owned(),
            reason: reason.to_owned(),
        };
        // The text itself may hold blank lines; the signatures are behind the last one.
        let (text, signatures) =
            note.rsplit_once("\n\n").ok_or_else(|| malformed("no blank line before signatures"))?;
        let text = note.get(..text.len().saturating_add(1)).unwrap_or_default();
        let mut lines = text.lines();
        let origin = lines.next().filter(|o| !o.is_empty()).ok_or_else(|| malformed("no origin"))?;
        let size = lines.next().and_then(decimal).ok_or_else(|| malformed("its second line is not a tree size"))?;
        let root_hash = lines.next().and_then(base64_decode).and_then(|b| b.try_into().ok());
        let root_hash = root_hash.ok_or_else(|| malformed("its third line is not a root hash"))?;
        within("checkpoint signatures", limits.checkpoint_signatures, signatures.lines().count())?;
        let signatures = signatures.lines().map(Signature::parse).collect::<Option<Vec<_>>>();
        let signatures =
            signatures.filter(|s| !s.is_empty()).ok_or_else(|| malformed("a signature line is not one"))?;
        Ok(Self { text, origin, size, root_hash, signatures })
    }

    /// Verifies the signature of `log`, under the log's own name. Other signatures (witnesses, other keys) are named
    /// in the result and not verified: the trust root holds no keys for them.
    pub(crate) fn verify(&self, log: &Log) -> Result<VerifiedCheckpoint, Fault> {
        let untrusted =
            |reason: &str| Fault::CheckpointUntrusted { origin: quote(self.origin), reason: reason.to_owned() };
        // Rekor v1 writes its tree's number behind the name, as in "rekor.sigstore.dev - 1193050959916656506".
        let name = self.origin.split(" - ").next().unwrap_or_default();
        let hint = log.note_id.get(..4).unwrap_or_default();
        let ours = |s: &&Signature<'_>| s.name == name && s.key_hint == hint;
        let mut mine = self.signatures.iter().filter(ours);
        let signature = mine.next().ok_or_else(|| untrusted("it carries no signature by the log's key and name"))?;
        if mine.next().is_some() {
            return Err(untrusted("it carries two signatures by the log's key"));
        }
        log.key
            .verify_with(checkpoint_hash(log), self.text.as_bytes(), &signature.bytes)
            .map_err(|_| untrusted("the log's signature does not match it"))?;
        Ok(VerifiedCheckpoint {
            origin: quote(self.origin),
            size: self.size,
            root_hash: self.root_hash,
            other_signatures: self.signatures.iter().filter(|s| !ours(s)).map(|s| quote(s.name)).collect(),
        })
    }
}

/// The hash that goes with the key's curve.
fn checkpoint_hash(log: &Log) -> crate::artifact::HashAlgorithm {
    match log.key.algorithm() {
        KeyAlgorithm::EcdsaP384 => crate::artifact::HashAlgorithm::Sha384,
        KeyAlgorithm::EcdsaP521 => crate::artifact::HashAlgorithm::Sha512,
        _ => crate::artifact::HashAlgorithm::Sha256,
    }
}

impl<'a> Signature<'a> {
    /// `— NAME BASE64(4 bytes of key id, signature)`.
    fn parse(line: &'a str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let decoded = base64_decode(encoded)?;
        let (key_hint, bytes) = decoded.split_first_chunk::<4>()?;
        let plain = !name.is_empty() && !name.contains('+') && !name.contains(char::is_whitespace);
        plain.then(|| Self { name, key_hint: *key_hint, bytes: bytes.to_vec() })
    }
}

fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(note: &str) -> Result<(String, u64, usize), &'static str> {
        let c = Checkpoint::parse(note, &Limits::default()).map_err(|e| e.code())?;
        Ok((c.origin.to_owned(), c.size, c.signatures.len()))
    }

    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn a_note_is_text_blank_line_and_signatures() {
        let note = format!("log.example\n7\n{HASH}\nextension\n\n\u{2014} log.example AAAAAAA=\n\u{2014} w AAAAAAA=\n");
        assert_eq!(parse(&note), Ok(("log.example".to_owned(), 7, 2)));
    }

    #[test]
    fn what_a_note_must_have() {
        let signature = "\u{2014} log.example AAAAAAA=\n";
        for bad in [
            format!("log.example\n7\n{HASH}\n"),
            format!("7\n{HASH}\n\n{signature}"),
            format!("log.example\n{HASH}\n\n{signature}"),
            format!("log.example\n7\n\n{signature}"),
            format!("log.example\n07\n{HASH}\n\n{signature}"),
            format!("log.example\n+7\n{HASH}\n\n{signature}"),
            format!("log.example\n7\n{HASH}\n\n"),
            format!("log.example\n7\n{HASH}\n\n{signature}noise\n"),
            format!("log.example\n7\nAAAA\n\n{signature}"),
        ] {
            assert_eq!(parse(&bad), Err("malformed"), "{bad}");
        }
    }
}
