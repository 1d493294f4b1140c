//! One entry, from the signed statement to the witnesses: everything a client checks of what it was handed.

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::encoding::hex_encode;
use crate::error::{Fault, Result};
use crate::keys::{Trust, TrustedKey};
use crate::leaf::{EventLeaf, Leaf};
use crate::policy::{Freshness, Witnessed};
use crate::proof::verify_inclusion;
use crate::statement::{Envelope, Facts};
use crate::tree::{Hash, leaf_hash};

/// What a service hands out for one event; nothing in it is trusted yet.
#[derive(Debug, Clone, Copy)]
pub struct Handed<'a> {
    /// The entry's index.
    pub index: u64,
    /// The entry's bytes.
    pub leaf: &'a [u8],
    /// The path from it to the checkpoint's root.
    pub path: &'a [Hash],
    /// The signed statement, in canonical form.
    pub envelope: &'a [u8],
    /// The checkpoint.
    pub checkpoint: &'a SignedCheckpoint,
}

/// An event that is in the log, as the registry signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEvent {
    /// The entry's index.
    pub index: u64,
    /// The entry's hash, as the chain and the heads map name it.
    pub hash: Hash,
    /// What the entry says.
    pub leaf: EventLeaf,
    /// The statement behind it.
    pub signed: Signed,
    /// Who saw the checkpoint.
    pub witnessed: Witnessed,
}

/// A statement that a key of the registry signed, and that its leaf repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What it says of the fields that the leaf repeats.
    pub facts: Facts,
    /// All of it, as it was signed.
    pub statement: Vec<u8>,
    /// The key.
    pub key: TrustedKey,
}

impl Handed<'_> {
    /// Checks, in this order: the checkpoint's origin, signature and quorum; that it covers the entry; that a registry
    /// key which counts at that index signed the statement; and that the leaf repeats the statement, field by field.
    /// `prefix` is what the registry's predicate types begin with.
    ///
    /// # Errors
    /// `checkpoint_untrusted`, `quorum_missing`, `inclusion_mismatch`, `signature_mismatch`, `key_unknown`,
    /// `key_revoked`, `statement_invalid`, `leaf_mismatch`, `malformed`, `input_too_large`.
    pub fn verify(&self, trust: &Trust, prefix: &str, freshness: Option<Freshness>) -> Result<VerifiedEvent> {
        let witnessed = trust.check(self.checkpoint, freshness)?;
        let (hash, leaf) = included(self.index, self.leaf, self.path, self.checkpoint.checkpoint())?;
        let signed = Signed::verify(trust, prefix, (self.index, &leaf), self.envelope, witnessed.quorum)?;
        Ok(VerifiedEvent { index: self.index, hash, leaf, signed, witnessed })
    }
}

impl Signed {
    /// Checks that a registry key which counts at the leaf's index signed the statement in `envelope`, and that the leaf
    /// repeats it. `witnessed`: whether its place was proven under a checkpoint with a quorum of witnesses.
    ///
    /// # Errors
    /// As [`Handed::verify`], from `signature_mismatch` on.
    pub fn verify(
        trust: &Trust,
        prefix: &str,
        (index, leaf): (u64, &EventLeaf),
        envelope: &[u8],
        witnessed: bool,
    ) -> Result<Self> {
        let envelope = Envelope::parse(envelope)?;
        let key = trust.verify_envelope(index, &envelope, witnessed)?.clone();
        Self::read(prefix, (index, leaf), envelope, key)
    }

    /// As [`verify`](Self::verify), for an entry of a log that was given up: any registry key that was never revoked
    /// counts there, since the indices that bound keys are those of the present log.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_earlier(
        trust: &Trust,
        prefix: &str,
        (index, leaf): (u64, &EventLeaf),
        envelope: &[u8],
    ) -> Result<Self> {
        let envelope = Envelope::parse(envelope)?;
        let key = trust.signer(&envelope)?.clone();
        if let Some(revoked_from) = key.revoked_from {
            let key_id = hex_encode(&key.key.fingerprint());
            return Err(Fault::KeyRevoked { key_id, index, revoked_from }.into());
        }
        Self::read(prefix, (index, leaf), envelope, key)
    }

    fn read(prefix: &str, (index, leaf): (u64, &EventLeaf), envelope: Envelope, key: TrustedKey) -> Result<Self> {
        let facts = Facts::read(&envelope.payload, prefix)?;
        facts.check(index, leaf, &envelope.digest())?;
        Ok(Self { facts, statement: envelope.payload, key })
    }
}

/// Checks that `leaf` is an event and number `index` of the log of `checkpoint`, and gives its hash with what it says.
///
/// # Errors
/// `inclusion_mismatch`, `malformed`, `input_too_large`.
pub fn included(index: u64, leaf: &[u8], path: &[Hash], checkpoint: &Checkpoint) -> Result<(Hash, EventLeaf)> {
    let hash = leaf_hash(leaf);
    verify_inclusion(&hash, index, checkpoint.size(), path, checkpoint.root())?;
    Ok((hash, event(leaf)?))
}

/// The event that `leaf` is.
///
/// # Errors
/// `malformed`, `input_too_large`.
pub fn event(leaf: &[u8]) -> Result<EventLeaf> {
    match Leaf::parse(leaf)? {
        Leaf::Event(event) => Ok(event),
        Leaf::Heads(_) | Leaf::KeyChange(_) => Err(Fault::malformed("leaf", "type", "it is not an event")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::log_key;
    use crate::leaf::{Event, HeadsLeaf};
    use crate::prover::Prover;
    use crate::testing::{ORIGIN, PREFIX, RegistryKey, TestLog};
    use crate::{Chain, testing};

    fn log() -> TestLog {
        let mut log = TestLog::new();
        log.event(Event::Publish, "a", Some("1.0.0"), b"x");
        log.event(Event::Publish, "b", Some("1.0.0"), b"y");
        log.event(Event::Retire, "a", Some("1.0.0"), b"x");
        log
    }

    struct Item {
        index: u64,
        leaf: Vec<u8>,
        path: Vec<Hash>,
        envelope: Vec<u8>,
        checkpoint: SignedCheckpoint,
    }

    fn item(log: &TestLog, index: u64) -> Item {
        let mut prover = Prover::new(log.tiles(), 4);
        let checkpoint = Checkpoint::new(ORIGIN, log.index(), log.edge().root()).unwrap();
        let leaf = log.entries[index as usize].clone();
        let envelope = match Leaf::parse(&leaf).unwrap() {
            Leaf::Event(event) => log.blobs[&event.envelope].clone(),
            _ => vec![],
        };
        let path = prover.inclusion(index, log.index()).unwrap();
        Item { index, leaf, path, envelope, checkpoint: checkpoint.sign(&log_key(ORIGIN)).unwrap() }
    }

    fn verify(log: &TestLog, item: &Item) -> Result<VerifiedEvent> {
        let Item { index, leaf, path, envelope, checkpoint } = item;
        let handed = Handed { index: *index, leaf, path, envelope, checkpoint };
        handed.verify(&log.trust(), PREFIX, None)
    }

    fn code(log: &TestLog, item: &Item) -> &'static str {
        verify(log, item).map_or_else(|e| e.code(), |_| "ok")
    }

    #[test]
    fn from_the_statement_to_the_state_of_a_version() {
        let log = log();
        let mut chain = Chain::new(testing::package("a"));
        for index in [0, 2] {
            let event = verify(&log, &item(&log, index)).unwrap();
            assert!(!event.witnessed.quorum, "nobody but the log signed");
            chain.push(event.index, event.hash, &event.leaf).unwrap();
        }
        let state = chain.check("1.0.0", &crate::tree::sha256(b"x")).unwrap();
        assert_eq!((state.published.map(|p| p.0), state.retired), (Some(0), Some(2)));
    }

    #[test]
    fn each_part_out_of_place() {
        let log = log();
        let good = || item(&log, 2);
        assert_eq!(code(&log, &good()), "ok");
        assert_eq!(code(&log, &Item { index: 1, ..good() }), "inclusion_mismatch");
        assert_eq!(code(&log, &Item { leaf: item(&log, 1).leaf, ..good() }), "inclusion_mismatch");
        assert_eq!(code(&log, &Item { path: vec![[0; 32]], ..good() }), "inclusion_mismatch");
        assert_eq!(code(&log, &Item { envelope: item(&log, 0).envelope, ..good() }), "leaf_mismatch");
        assert_eq!(code(&log, &Item { envelope: b"{}".to_vec(), ..good() }), "malformed");
        let stranger = RegistryKey::new().envelope("{}").write();
        assert_eq!(code(&log, &Item { envelope: stranger, ..good() }), "signature_mismatch");
        let other = Checkpoint::new("other.example", 3, log.edge().root()).unwrap();
        let other = other.sign(&log_key("other.example")).unwrap();
        assert_eq!(code(&log, &Item { checkpoint: other, ..good() }), "checkpoint_untrusted");
    }

    #[test]
    fn an_entry_that_is_no_event() {
        let mut log = log();
        log.enter(Leaf::Heads(HeadsLeaf { count: 2, covers: 3, root: [0; 32] }));
        assert_eq!(code(&log, &item(&log, 3)), "malformed");
    }
}
