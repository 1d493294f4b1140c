//! Checkpoints (<https://c2sp.org/tlog-checkpoint>): a log's signed word on its size and root, and the cosignatures
//! (<https://c2sp.org/tlog-cosignature>) of those who saw it.

use std::fmt;

use crate::encoding::{base64_encode, base64_hash, decimal};
use crate::error::{Error, Fault, Result, quote};
use crate::limits::{self, within};
use crate::note::{KeyKind, Note, Signature, SigningKey, VerifierKey};
use crate::proof::verify_consistency;
use crate::tree::{Hash, empty_root};

/// What a log says of its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

/// A checkpoint and the signatures under it, none of them trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

/// That a known witness saw a checkpoint, consistent with all it saw before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// The witness's key.
    pub key: VerifierKey,
    /// When, by its own word (Unix seconds).
    pub time: u64,
}

impl Checkpoint {
    /// The checkpoint of a tree.
    ///
    /// # Errors
    /// `malformed` when `origin` is empty or has control characters, or a root is not that of an empty tree.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self> {
        limits::tree_size(size)?;
        within("checkpoint origin", limits::NAME_BYTES, origin.len())?;
        if origin.is_empty() || origin.chars().any(char::is_control) {
            return Err(malformed("origin", "it is empty or has a control character"));
        }
        if size == 0 && root != empty_root() {
            return Err(malformed("root", "it is not the root of the empty tree"));
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions: Vec::new() })
    }

    /// Reads a note's text.
    ///
    /// # Errors
    /// `malformed`, `input_too_large`.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.strip_suffix('\n').ok_or_else(|| malformed("text", "it has no newline at its end"))?;
        let mut lines = text.split('\n');
        let origin = lines.next().unwrap_or_default();
        let size = lines.next().and_then(decimal).ok_or_else(|| malformed("size", "it is not a decimal number"))?;
        let root = lines.next().and_then(base64_hash).ok_or_else(|| malformed("root", "it is not a hash in base64"))?;
        let extensions: Vec<_> = lines.take(limits::EXTENSIONS.saturating_add(1)).map(str::to_owned).collect();
        within("checkpoint extensions", limits::EXTENSIONS, extensions.len())?;
        if extensions.iter().any(String::is_empty) {
            return Err(malformed("extensions", "one of them is empty"));
        }
        Ok(Self { extensions, ..Self::new(origin, size, root)? })
    }

    /// Which log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many entries it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    #[must_use]
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// Lines that this library gives no meaning.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// This checkpoint, signed by its log.
    ///
    /// # Errors
    /// `checkpoint_untrusted` when the key is not under the origin's name.
    pub fn sign(self, key: &SigningKey) -> Result<SignedCheckpoint> {
        if key.verifier().name() != self.origin {
            return Err(self.untrusted("the key is under another name than its origin"));
        }
        let mut note = Note::unsigned(self.to_string())?;
        note.sign(key, None)?;
        Ok(SignedCheckpoint { checkpoint: self, note })
    }

    /// As [`sign`](Self::sign), once `proof` shows that this tree extends `last`: the size and root that were signed last,
    /// kept where no restored database can take them back. A log that signs by this alone cannot fork.
    ///
    /// # Errors
    /// `consistency_broken`; as [`sign`](Self::sign).
    pub fn sign_after(self, last: (u64, &Hash), proof: &[Hash], key: &SigningKey) -> Result<SignedCheckpoint> {
        verify_consistency(last.0, last.1, self.size, &self.root, proof)?;
        self.sign(key)
    }

    fn untrusted(&self, reason: &str) -> Error {
        Fault::CheckpointUntrusted { origin: quote(&self.origin), reason: reason.to_owned() }.into()
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, base64_encode(&self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl SignedCheckpoint {
    /// Reads a signed checkpoint; nothing in it is trusted yet.
    ///
    /// # Errors
    /// `malformed`, `input_too_large`.
    pub fn parse(note: &[u8]) -> Result<Self> {
        let note = Note::parse(note)?;
        Ok(Self { checkpoint: Checkpoint::parse(note.text())?, note })
    }

    /// What it says. Not to be believed before [`verify`](Self::verify) succeeds.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note it is.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Verifies that one of the keys of its log signed it. Only keys under the origin's name count.
    ///
    /// # Errors
    /// `checkpoint_untrusted` when none did, or a signature by one of them does not verify.
    pub fn verify(&self, log_keys: &[VerifierKey]) -> Result<&Checkpoint> {
        let own = |key: &&VerifierKey| key.name() == self.checkpoint.origin && key.kind() == KeyKind::Ed25519;
        let keys: Vec<_> = log_keys.iter().filter(own).cloned().collect();
        match self.note.verify(&keys) {
            Ok(_) => Ok(&self.checkpoint),
            Err(e) if e.code() == "key_unknown" => {
                Err(self.checkpoint.untrusted("it carries no signature by the log's key and name"))
            }
            Err(_) => Err(self.checkpoint.untrusted("the log's signature does not match it")),
        }
    }

    /// The cosignatures by `witnesses`; others are ignored.
    ///
    /// # Errors
    /// `checkpoint_untrusted` when one in a witness's name does not verify.
    pub fn cosignatures(&self, witnesses: &[VerifierKey]) -> Result<Vec<Cosignature>> {
        let verified = self.note.verify_any(witnesses);
        let verified = verified.map_err(|_| self.checkpoint.untrusted("a witness's signature does not match it"))?;
        let cosignature = |v: crate::note::Verified<'_>| Some(Cosignature { key: v.key.clone(), time: v.time? });
        Ok(verified.into_iter().filter_map(cosignature).collect())
    }

    /// Cosigns as a witness, at `time` (Unix seconds).
    ///
    /// # Errors
    /// `key_invalid` when the key does not cosign; `input_too_large`.
    pub fn cosign(&mut self, key: &SigningKey, time: u64) -> Result<()> {
        self.note.sign(key, Some(time))
    }

    /// Adds a signature that was made elsewhere, once it verifies.
    ///
    /// # Errors
    /// `signature_mismatch`; `input_too_large`.
    pub fn add(&mut self, key: &VerifierKey, bytes: Vec<u8>) -> Result<()> {
        self.note.add(key, bytes)
    }

    /// Takes over what of `signatures` a witness of `witnesses` made for this checkpoint, and says how many that were.
    /// An older cosignature by the same key is replaced.
    pub(crate) fn adopt(&mut self, signatures: &[Signature], witnesses: &[VerifierKey]) -> Result<usize> {
        let mut adopted = 0usize;
        for signature in signatures {
            let Some(key) = witnesses.iter().find(|key| key.made(signature)) else { continue };
            self.note.replace(key, signature)?;
            adopted = adopted.saturating_add(1);
        }
        Ok(adopted)
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

fn malformed(at: &str, reason: &str) -> Error {
    Fault::malformed("checkpoint", at, reason)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::prover::Prover;
    use crate::tile::MemoryTiles;
    use crate::tree::Edge;
    use crate::tree::tests::{numbered, reference_root};

    pub(crate) fn log_key(origin: &str) -> SigningKey {
        SigningKey::from_seed(origin, KeyKind::Ed25519, &[1; 32]).unwrap()
    }

    pub(crate) fn witness(name: &str, seed: u8) -> SigningKey {
        SigningKey::from_seed(name, KeyKind::CosignatureV1, &[seed; 32]).unwrap()
    }

    #[test]
    fn signed_cosigned_and_read_again() {
        let (log, w1, w2) = (log_key("log.example"), witness("w1", 2), witness("w2", 3));
        let mut signed = Checkpoint::new("log.example", 7, [9; 32]).unwrap().sign(&log).unwrap();
        signed.cosign(&w1, 1000).unwrap();
        let read = SignedCheckpoint::parse(signed.to_string().as_bytes()).unwrap();
        assert_eq!(read, signed);
        assert_eq!(read.verify(&[log.verifier().clone()]).unwrap().size(), 7);
        let seen = read.cosignatures(&[w1.verifier().clone(), w2.verifier().clone()]).unwrap();
        assert_eq!(seen.iter().map(|c| (c.key.name(), c.time)).collect::<Vec<_>>(), [("w1", 1000)]);
    }

    #[test]
    fn only_the_logs_own_key_and_name_count() {
        let log = log_key("log.example");
        let signed = Checkpoint::new("log.example", 7, [9; 32]).unwrap().sign(&log).unwrap();
        let refused = |keys: &[VerifierKey]| signed.verify(keys).map_err(|e| e.code()).err();
        assert_eq!(refused(&[]), Some("checkpoint_untrusted"));
        assert_eq!(refused(&[log_key("other.example").verifier().clone()]), Some("checkpoint_untrusted"));
        let other = Checkpoint::new("other.example", 7, [9; 32]).unwrap();
        assert_eq!(other.sign(&log).map_err(|e| e.code()), Err("checkpoint_untrusted"));
        // Signed by a log's key that is known, but under another origin.
        let mut note = Note::unsigned(format!("other.example\n7\n{}\n", base64_encode(&[9; 32]))).unwrap();
        note.sign(&log, None).unwrap();
        let foreign = SignedCheckpoint::parse(note.to_string().as_bytes()).unwrap();
        assert!(foreign.verify(&[log.verifier().clone()]).is_err());
    }

    #[test]
    fn a_changed_checkpoint_fails_log_and_witness() {
        let (log, w) = (log_key("log.example"), witness("w", 2));
        let mut signed = Checkpoint::new("log.example", 7, [9; 32]).unwrap().sign(&log).unwrap();
        signed.cosign(&w, 1000).unwrap();
        let text = signed.to_string().replace("log.example\n7\n", "log.example\n8\n");
        let changed = SignedCheckpoint::parse(text.as_bytes()).unwrap();
        assert!(changed.verify(&[log.verifier().clone()]).is_err());
        assert!(changed.cosignatures(&[w.verifier().clone()]).is_err());
    }

    #[test]
    fn a_log_does_not_fork_itself() {
        let (key, leaves) = (log_key("log.example"), numbered(9));
        let root = |n: usize| reference_root(&leaves[..n]);
        let checkpoint = |n: usize| Checkpoint::new("log.example", n as u64, root(n)).unwrap();
        let mut tiles = MemoryTiles::default();
        tiles.apply(&Edge::new().extend(&leaves).unwrap().1).unwrap();
        let proof = Prover::new(tiles, 2).consistency(5, 9).unwrap();
        let sign = |n: usize, last: (u64, Hash), proof: &[Hash]| {
            checkpoint(n).sign_after((last.0, &last.1), proof, &key).map_or_else(|e| e.code(), |_| "ok")
        };
        assert_eq!(sign(9, (5, root(5)), &proof), "ok");
        assert_eq!(sign(9, (9, root(9)), &[]), "ok", "an idle log signs again");
        assert_eq!(sign(9, (0, empty_root()), &[]), "ok");
        assert_eq!(sign(9, (5, root(4)), &proof), "consistency_broken");
        assert_eq!(sign(9, (9, root(5)), &[]), "consistency_broken");
        assert_eq!(sign(5, (9, root(9)), &proof), "consistency_broken", "a database that was restored");
    }

    #[test]
    fn what_is_no_checkpoint() {
        let hash = base64_encode(&[9; 32]);
        for bad in [
            format!("\n7\n{hash}\n"),
            format!("a\n07\n{hash}\n"),
            format!("a\n+7\n{hash}\n"),
            format!("a\n0\n{hash}\n"),
            format!("a\n7\n{hash}"),
            format!("a\n7\n{hash}\n\n"),
            "a\n7\nAAAA\n".to_owned(),
            "a\n7\n".to_owned(),
        ] {
            assert_eq!(Checkpoint::parse(&bad).map_err(|e| e.code()), Err("malformed"), "{bad:?}");
        }
        assert!(Checkpoint::parse(&format!("a\n18446744073709551615\n{hash}\n")).is_err());
        let extended = format!("a\n7\n{hash}\nextension\n");
        assert_eq!(Checkpoint::parse(&extended).unwrap().to_string(), extended);
        assert!(Checkpoint::parse(&format!("a\n7\n{hash}\n{}", "x\n".repeat(17))).is_err());
    }
}
