//! Proofs that verify offline (<https://c2sp.org/tlog-proof>, v1): an entry's place, its path and a checkpoint, as text.

use std::fmt;

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::encoding::{base64_decode, base64_encode, base64_hash, decimal};
use crate::error::{Error, Fault, Result};
use crate::limits::{self, within};
use crate::note::VerifierKey;
use crate::proof::verify_inclusion;
use crate::tree::Hash;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// A proof that some entry is in a log; nothing in it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Data that nothing protects, for the application.
    pub extra: Option<Vec<u8>>,
    /// The entry's index.
    pub index: u64,
    /// Its path, from the leaf's sibling up.
    pub path: Vec<Hash>,
    /// The checkpoint whose root the path leads to.
    pub checkpoint: SignedCheckpoint,
}

impl TlogProof {
    /// Reads the text.
    ///
    /// # Errors
    /// `malformed`, `input_too_large`.
    pub fn parse(text: &[u8]) -> Result<Self> {
        within("tlog-proof", limits::TLOG_PROOF_BYTES, text.len())?;
        let text = std::str::from_utf8(text).map_err(|_| malformed("text", "it is not UTF-8"))?;
        let rest = text.strip_prefix(FIRST_LINE).and_then(|t| t.strip_prefix('\n'));
        let rest = rest.ok_or_else(|| malformed("first line", "it is not c2sp.org/tlog-proof@v1"))?;
        let (proof, note) = rest.split_once("\n\n").ok_or_else(|| malformed("text", "there is no empty line"))?;
        let mut lines = proof.split('\n').peekable();
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(read_extra).transpose()?;
        let index = lines.next().and_then(|line| decimal(line.strip_prefix("index ")?));
        let index = index.ok_or_else(|| malformed("index", "it is not a decimal number"))?;
        let path = lines.take(limits::PROOF_HASHES.saturating_add(1)).map(base64_hash).collect::<Option<Vec<_>>>();
        let path = path.ok_or_else(|| malformed("path", "a line is not a hash in base64"))?;
        within("proof hashes", limits::PROOF_HASHES, path.len())?;
        Ok(Self { extra, index, path, checkpoint: SignedCheckpoint::parse(note.as_bytes())? })
    }

    /// Verifies that the log of one of `log_keys` holds the entry with the hash `leaf`. Whether enough witnesses saw
    /// the checkpoint is for a [`Policy`](crate::policy::Policy) or [`Trust`](crate::keys::Trust).
    ///
    /// # Errors
    /// `checkpoint_untrusted`, `inclusion_mismatch`.
    pub fn verify(&self, leaf: &Hash, log_keys: &[VerifierKey]) -> Result<&Checkpoint> {
        let checkpoint = self.checkpoint.verify(log_keys)?;
        verify_inclusion(leaf, self.index, checkpoint.size(), &self.path, checkpoint.root())?;
        Ok(checkpoint)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = self.extra.as_ref().filter(|e| !e.is_empty()) {
            writeln!(f, "extra {}", base64_encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", base64_encode(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

fn read_extra(line: &str) -> Result<Vec<u8>> {
    let extra = line.strip_prefix("extra ").and_then(base64_decode).filter(|e| !e.is_empty());
    let extra = extra.ok_or_else(|| malformed("extra", "it is not base64 of at least one byte"))?;
    within("extra data", limits::EXTRA_BYTES, extra.len())?;
    Ok(extra)
}

fn malformed(at: &str, reason: &str) -> Error {
    Fault::malformed("tlog-proof", at, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::log_key;
    use crate::prover::Prover;
    use crate::tile::MemoryTiles;
    use crate::tree::Edge;
    use crate::tree::tests::numbered;

    fn proof(extra: Option<Vec<u8>>) -> (TlogProof, Hash) {
        let leaves = numbered(1000);
        let (edge, rows) = Edge::new().extend(&leaves).unwrap();
        let mut tiles = MemoryTiles::default();
        tiles.apply(&rows).unwrap();
        let checkpoint = Checkpoint::new("log.example", 1000, edge.root()).unwrap();
        let checkpoint = checkpoint.sign(&log_key("log.example")).unwrap();
        let path = Prover::new(tiles, 8).inclusion(7, 1000).unwrap();
        (TlogProof { extra, index: 7, path, checkpoint }, leaves[7])
    }

    #[test]
    fn written_read_and_verified() {
        let keys = [log_key("log.example").verifier().clone()];
        for extra in [None, Some(b"out of band".to_vec())] {
            let (proof, leaf) = proof(extra);
            let text = proof.to_string();
            let read = TlogProof::parse(text.as_bytes()).unwrap();
            assert_eq!(read, proof);
            assert_eq!(read.to_string(), text);
            assert_eq!(read.verify(&leaf, &keys).unwrap().size(), 1000);
            assert_eq!(read.verify(&[0; 32], &keys).map_err(|e| e.code()), Err("inclusion_mismatch"));
            assert_eq!(read.verify(&leaf, &[]).map_err(|e| e.code()), Err("checkpoint_untrusted"));
            let elsewhere = TlogProof { index: 8, ..read };
            assert!(elsewhere.verify(&leaf, &keys).is_err());
        }
    }

    #[test]
    fn what_is_no_proof() {
        let good = proof(Some(vec![1])).0.to_string();
        for (from, to) in [
            ("tlog-proof@v1", "tlog-proof@v2"),
            ("extra AQ==", "extra "),
            ("extra AQ==", "extra A"),
            ("extra AQ==\n", "extra AQ==\nextra AQ==\n"),
            ("index 7", "index 07"),
            ("index 7\n", ""),
            ("index 7\n", "index 7\nAAAA\n"),
            ("\n\n", "\n"),
            ("\n", "\r\n"),
        ] {
            assert!(TlogProof::parse(good.replacen(from, to, 1).as_bytes()).is_err(), "{from:?} -> {to:?}");
        }
        let hash = base64_encode(&[0; 32]);
        let long = good.replace("index 7\n", &format!("index 7\n{}", format!("{hash}\n").repeat(60)));
        assert_eq!(TlogProof::parse(long.as_bytes()).map_err(|e| e.code()), Err("input_too_large"));
        assert!(TlogProof::parse(&vec![b'\n'; limits::TLOG_PROOF_BYTES + 1]).is_err());
    }
}
