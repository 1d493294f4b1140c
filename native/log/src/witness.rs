//! Asking witnesses to cosign (<https://c2sp.org/tlog-witness>): the requests' and answers' texts, without the network.

use std::fmt;

use crate::checkpoint::SignedCheckpoint;
use crate::encoding::{base64_encode, base64_hash, decimal};
use crate::error::{Error, Fault, Result, quote};
use crate::limits::{self, within};
use crate::note::{Signature, VerifierKey};
use crate::tree::Hash;

/// Hashes that a request may carry.
const PROOF_LINES: usize = 63;
/// The media type of a conflict's answer.
const SIZE_TYPE: &str = "text/x.tlog.size";

/// The body of `POST SUBMISSION-PREFIX/add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the witness cosigned last; zero when it is not known.
    pub old: u64,
    /// The consistency proof from there; empty from zero.
    pub proof: Vec<Hash>,
    /// What is to be cosigned.
    pub checkpoint: SignedCheckpoint,
}

/// What a witness answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It cosigned; the checkpoint carries that many of its signatures now.
    Cosigned(usize),
    /// It cosigned last at another size: to be asked again with a proof from there.
    Conflict(u64),
}

impl AddCheckpoint {
    /// A request.
    ///
    /// # Errors
    /// `malformed` when the proof or the old size cannot be; `input_too_large`.
    pub fn new(old: u64, proof: Vec<Hash>, checkpoint: SignedCheckpoint) -> Result<Self> {
        within("consistency proof", PROOF_LINES, proof.len())?;
        if old > checkpoint.checkpoint().size() {
            return Err(malformed("old", "it is above the checkpoint's size"));
        }
        if old == 0 && !proof.is_empty() {
            return Err(malformed("proof", "from nothing there is nothing to prove"));
        }
        Ok(Self { old, proof, checkpoint })
    }

    /// Reads a request, as a witness does.
    ///
    /// # Errors
    /// `malformed`, `input_too_large`.
    pub fn parse(body: &[u8]) -> Result<Self> {
        within("add-checkpoint request", limits::TLOG_PROOF_BYTES, body.len())?;
        let body = std::str::from_utf8(body).map_err(|_| malformed("body", "it is not UTF-8"))?;
        let (head, note) = body.split_once("\n\n").ok_or_else(|| malformed("body", "there is no empty line"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| decimal(line.strip_prefix("old ")?));
        let old = old.ok_or_else(|| malformed("old", "it is not a decimal number"))?;
        let proof = lines.take(PROOF_LINES.saturating_add(1)).map(base64_hash).collect::<Option<Vec<_>>>();
        let proof = proof.ok_or_else(|| malformed("proof", "a line is not a hash in base64"))?;
        Self::new(old, proof, SignedCheckpoint::parse(note.as_bytes())?)
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", base64_encode(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Reads what a witness answered, and adds to `checkpoint` what a key of `witnesses` signed of it.
///
/// # Errors
/// `witness_refused` with the status, also when it answered 200 without a cosignature by a known key;
/// `signature_mismatch` when one in such a key's name does not verify; `malformed`, `input_too_large`. The checkpoint
/// then stays as it was.
pub fn read_answer(
    status: u16,
    content_type: &str,
    body: &[u8],
    checkpoint: &mut SignedCheckpoint,
    witnesses: &[VerifierKey],
) -> Result<Answer> {
    within("witness answer", limits::NOTE_BYTES, body.len())?;
    let body = std::str::from_utf8(body).map_err(|_| malformed("answer", "it is not UTF-8"))?;
    match status {
        200 => cosigned(body, checkpoint, witnesses),
        409 => conflict(content_type, body),
        404 => Err(refused(status, "it does not know this log")),
        403 => Err(refused(status, "it trusts none of the checkpoint's signatures")),
        422 => Err(refused(status, "the checkpoint does not extend the one it cosigned last")),
        _ => Err(refused(status, &quote(body))),
    }
}

fn cosigned(body: &str, checkpoint: &mut SignedCheckpoint, witnesses: &[VerifierKey]) -> Result<Answer> {
    let signatures = Signature::parse_lines(body)?;
    let mut adopted = checkpoint.clone();
    match adopted.adopt(&signatures, witnesses)? {
        0 => Err(refused(200, "its answer has no cosignature by a known key")),
        count => {
            *checkpoint = adopted;
            Ok(Answer::Cosigned(count))
        }
    }
}

fn conflict(content_type: &str, body: &str) -> Result<Answer> {
    let size = body.strip_suffix('\n').and_then(decimal).filter(|_| content_type == SIZE_TYPE);
    size.map(Answer::Conflict).ok_or_else(|| malformed("conflict", "its answer is not a tree size"))
}

fn refused(status: u16, reason: &str) -> Error {
    Fault::WitnessRefused { status: u64::from(status), reason: reason.to_owned() }.into()
}

fn malformed(at: &str, reason: &str) -> Error {
    Fault::malformed("witness request", at, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::checkpoint::tests::{log_key, witness};
    use crate::proof::verify_consistency;
    use crate::prover::Prover;
    use crate::tile::MemoryTiles;
    use crate::tree::Edge;
    use crate::tree::tests::{numbered, reference_root};

    const ORIGIN: &str = "log.example";

    /// A witness as the specification has it, written for this test: what it remembers, and its answers.
    struct Witness {
        size: u64,
        root: Hash,
    }

    impl Witness {
        fn answer(&mut self, body: &[u8]) -> (u16, &'static str, String) {
            let Ok(request) = AddCheckpoint::parse(body) else { return (400, "", String::new()) };
            let Ok(new) = request.checkpoint.verify(&[log_key(ORIGIN).verifier().clone()]) else {
                return (403, "", String::new());
            };
            if request.old != self.size {
                return (409, SIZE_TYPE, format!("{}\n", self.size));
            }
            if verify_consistency(self.size, &self.root, new.size(), new.root(), &request.proof).is_err() {
                return (422, "", String::new());
            }
            (self.size, self.root) = (new.size(), *new.root());
            let mut signed = request.checkpoint.clone();
            signed.cosign(&witness("w", 5), 1_700_000_000).unwrap();
            (200, "", format!("{}\n", signed.to_string().lines().last().unwrap()))
        }
    }

    fn signed(leaves: &[Hash]) -> SignedCheckpoint {
        let checkpoint = Checkpoint::new(ORIGIN, leaves.len() as u64, reference_root(leaves)).unwrap();
        checkpoint.sign(&log_key(ORIGIN)).unwrap()
    }

    #[test]
    fn submitted_refused_for_its_size_and_cosigned() {
        let leaves = numbered(500);
        let mut tiles = MemoryTiles::default();
        tiles.apply(&Edge::new().extend(&leaves).unwrap().1).unwrap();
        let mut prover = Prover::new(tiles, 9);
        let mut far = Witness { size: 300, root: reference_root(&leaves[..300]) };
        let keys = [witness("w", 5).verifier().clone()];
        let mut checkpoint = signed(&leaves);
        let mut ask = |old: u64, proof: Vec<Hash>| {
            let request = AddCheckpoint::new(old, proof, checkpoint.clone()).unwrap();
            assert_eq!(AddCheckpoint::parse(request.to_string().as_bytes()), Ok(request.clone()));
            let (status, content_type, body) = far.answer(request.to_string().as_bytes());
            read_answer(status, content_type, body.as_bytes(), &mut checkpoint, &keys)
        };
        assert_eq!(ask(0, vec![]), Ok(Answer::Conflict(300)));
        assert_eq!(ask(300, vec![[0; 32]; 3]).map_err(|e| e.code()), Err("witness_refused"));
        assert_eq!(ask(300, prover.consistency(300, 500).unwrap()), Ok(Answer::Cosigned(1)));
        assert_eq!(ask(500, vec![]), Ok(Answer::Cosigned(1)), "cosigned again, in the place of the first");
        assert_eq!(checkpoint.note().signatures().len(), 2);
        assert_eq!(checkpoint.cosignatures(&keys).unwrap()[0].time, 1_700_000_000);
    }

    #[test]
    fn answers_that_are_none() {
        let leaves = numbered(3);
        let keys = [witness("w", 5).verifier().clone()];
        let mut checkpoint = signed(&leaves);
        let before = checkpoint.clone();
        let mut other = signed(&numbered(2));
        other.cosign(&witness("w", 5), 1).unwrap();
        let forged = format!("{}\n", other.to_string().lines().last().unwrap());
        let mut stranger = checkpoint.clone();
        stranger.cosign(&witness("s", 6), 1).unwrap();
        let stranger = format!("{}\n", stranger.to_string().lines().last().unwrap());
        let mut read = |status, kind, body: &str| read_answer(status, kind, body.as_bytes(), &mut checkpoint, &keys);
        for (status, kind, body, code) in [
            (200, "", forged.as_str(), "signature_mismatch"),
            (200, "", stranger.as_str(), "witness_refused"),
            (200, "", "", "malformed"),
            (200, "", "noise\n", "malformed"),
            (409, SIZE_TYPE, "07\n", "malformed"),
            (409, SIZE_TYPE, "7", "malformed"),
            (409, "text/plain", "7\n", "malformed"),
            (404, "", "", "witness_refused"),
            (403, "", "", "witness_refused"),
            (422, "", "", "witness_refused"),
            (500, "", "down", "witness_refused"),
        ] {
            assert_eq!(read(status, kind, body).map_err(|e| e.code()), Err(code), "{status} {body}");
        }
        assert_eq!(checkpoint, before);
        assert!(AddCheckpoint::new(4, vec![], before.clone()).is_err());
        assert!(AddCheckpoint::new(0, vec![[0; 32]], before.clone()).is_err());
        assert!(AddCheckpoint::new(1, vec![[0; 32]; 64], before).is_err());
        for bad in ["", "old 1\n", "old 01\n\n", "new 1\n\n", "old 1\nAAAA\n\n"] {
            assert!(AddCheckpoint::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
