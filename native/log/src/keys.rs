//! Keys over time (`attestations.md`, "Keys over time"): the trust file, its rotation by logged key changes, revocation.
//!
//! ```json
//! {"version": 1, "origin": "log.example",
//!  "keys": [{"purpose": "registry", "key": "BASE64 SPKI", "firstIndex": 0, "lastIndex": 70000, "revokedFromIndex": 69000},
//!           {"purpose": "log", "key": "BASE64 SPKI", "firstIndex": 0}],
//!  "policy": ["witness W1 VKEY", "quorum W1"],
//!  "earlierLogs": [{"origin": "old.example", "size": 70001, "root": "BASE64"}]}
//! ```
//!
//! Places are log indices, not times: the log orders what it holds, a clock does not. The policy's own `log` lines play
//! no part: log keys are those of purpose `log`, under the pinned origin.

use serde::Serialize;

use crate::checkpoint::SignedCheckpoint;
use crate::encoding::{base64_encode, base64_hash, hex_encode};
use crate::error::{Error, Fault, Result};
use crate::json::{self, Bad, Fields, bad_trust_file};
use crate::leaf::{KeyChange, Purpose};
use crate::limits::{self, within};
use crate::note::{KeyKind, VerifierKey};
use crate::policy::{Freshness, Policy, Witnessed};
use crate::proof::verify_inclusion;
use crate::public_key::PublicKey;
use crate::statement::Envelope;
use crate::tree::Hash;

/// Whom to believe about one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    origin: String,
    keys: Vec<TrustedKey>,
    policy: Policy,
    policy_lines: Vec<String>,
    earlier: Vec<EarlierLog>,
}

/// A key and the entries for which it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// What it signs.
    pub purpose: Purpose,
    /// The key.
    pub key: PublicKey,
    /// The first entry it counts for. A log key counts for the checkpoints whose last entry it counts for.
    pub first: u64,
    /// The last entry it counts for; open when there is none.
    pub last: Option<u64>,
    /// Since when it may be in other hands: from there on it counts for nothing, and before that only for entries that
    /// witnesses saw in their place.
    pub revoked_from: Option<u64>,
}

/// A log that was given up, up to where it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierLog {
    /// Its origin.
    pub origin: String,
    /// Its size when it was given up.
    pub size: u64,
    /// Its root at that size.
    pub root: Hash,
}

impl Trust {
    /// Reads a trust file.
    ///
    /// # Errors
    /// `trust_file_invalid` with where, `malformed`, `input_too_large`.
    pub fn parse(file: &[u8]) -> Result<Self> {
        within("trust file", limits::TRUST_FILE_BYTES, file.len())?;
        let mut fields = json::parse("trust file", file)?.object("").map_err(bad_trust_file)?;
        let trust = Self::read(&mut fields).map_err(bad_trust_file)?;
        fields.done().map_err(bad_trust_file)?;
        Ok(trust)
    }

    fn read(fields: &mut Fields) -> Result<Self, Bad> {
        if fields.number("version")? != 1 {
            return Err(Bad::new("version", "it is not 1"));
        }
        let origin = fields.text("origin")?;
        let mut keys: Vec<TrustedKey> = Vec::new();
        for (at, key) in fields.list("keys", limits::TRUST_KEYS)? {
            let key = TrustedKey::read(key.object(&at)?, &at)?;
            if key.purpose == Purpose::Log && key.vkey(&origin).is_none() {
                return Err(Bad::new(&at, "a log's key is an Ed25519 key, and its origin a name that a key can have"));
            }
            if keys.iter().any(|other| other.purpose == key.purpose && other.key == key.key) {
                return Err(Bad::new(&at, "the key stands twice"));
            }
            keys.push(key);
        }
        let policy_lines = fields.list("policy", limits::POLICY_BYTES)?.into_iter().map(|(at, line)| line.text(&at));
        let policy_lines = policy_lines.collect::<Result<Vec<_>, _>>()?;
        let policy =
            Policy::parse(policy_lines.join("\n").as_bytes()).map_err(|e| Bad::new("policy", &e.to_string()))?;
        let earlier = fields.list("earlierLogs", limits::TRUST_KEYS)?.into_iter();
        let earlier = earlier.map(|(at, log)| EarlierLog::read(log.object(&at)?)).collect::<Result<Vec<_>, _>>()?;
        if earlier.iter().any(|log| log.origin == origin) {
            return Err(Bad::new("earlierLogs", "the present log's origin is among them"));
        }
        Ok(Self { origin, keys, policy, policy_lines, earlier })
    }

    /// The file again, in a stable form for people to review.
    #[must_use]
    pub fn write(&self) -> String {
        let file = FileWire {
            version: 1,
            origin: &self.origin,
            keys: self.keys.iter().map(KeyWire::from).collect(),
            policy: &self.policy_lines,
            earlier_logs: self.earlier.iter().map(EarlierWire::from).collect(),
        };
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }

    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// All keys, whatever they count for.
    #[must_use]
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// The witness quorum.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The witness quorum as the file has it.
    #[must_use]
    pub fn policy_lines(&self) -> &[String] {
        &self.policy_lines
    }

    /// The logs that were given up.
    #[must_use]
    pub fn earlier_logs(&self) -> &[EarlierLog] {
        &self.earlier
    }

    /// The given-up log of that origin.
    #[must_use]
    pub fn earlier(&self, origin: &str) -> Option<&EarlierLog> {
        self.earlier.iter().find(|log| log.origin == origin)
    }

    /// Checks a checkpoint: the pinned origin, a log key that counts at its size, the quorum of witnesses.
    ///
    /// # Errors
    /// `checkpoint_untrusted`, `quorum_missing`.
    pub fn check(&self, signed: &SignedCheckpoint, freshness: Option<Freshness>) -> Result<Witnessed> {
        let origin = signed.checkpoint().origin();
        if origin != self.origin {
            let reason = "its origin is not the pinned one".to_owned();
            return Err(Fault::CheckpointUntrusted { origin: crate::error::quote(origin), reason }.into());
        }
        let last = signed.checkpoint().size().saturating_sub(1);
        let counting = self.keys.iter().filter(|k| k.purpose == Purpose::Log && k.counts(last));
        let keys: Vec<_> = counting.clone().filter_map(|k| k.vkey(origin)).collect();
        signed.verify(&keys)?;
        let found = self.policy.witnessed(signed, freshness)?;
        // A key that may be in other hands counts where witnesses keep whoever has it from telling two stories.
        let sound = counting.filter(|k| k.revoked_from.is_none()).filter_map(|k| k.vkey(origin)).collect::<Vec<_>>();
        if !found.quorum && signed.verify(&sound).is_err() {
            let reason = "its key is revoked later on, and no quorum of witnesses is demanded".to_owned();
            return Err(Fault::CheckpointUntrusted { origin: origin.to_owned(), reason }.into());
        }
        Ok(found)
    }

    /// Verifies that a registry key that counts for entry `index` signed its envelope. `witnessed`: whether the entry's
    /// place was proven under a checkpoint with a quorum of witnesses.
    ///
    /// # Errors
    /// `signature_mismatch` when no known key signed it, `key_unknown` when one did that does not count there,
    /// `key_revoked` when it is revoked there, or later on and the entry is not witnessed.
    pub fn verify_envelope(&self, index: u64, envelope: &Envelope, witnessed: bool) -> Result<&TrustedKey> {
        let signer = self.signer(envelope)?;
        let key_id = hex_encode(&signer.key.fingerprint());
        match signer.revoked_from {
            Some(revoked_from) if index >= revoked_from || !witnessed => {
                Err(Fault::KeyRevoked { key_id, index, revoked_from }.into())
            }
            _ if !signer.counts(index) => Err(Fault::KeyUnknown { what: "registry key for this entry", key_id }.into()),
            _ => Ok(signer),
        }
    }

    /// The registry key that signed an envelope, whatever it counts for.
    pub(crate) fn signer(&self, envelope: &Envelope) -> Result<&TrustedKey> {
        let message = envelope.message();
        let mut registry = self.keys.iter().filter(|k| k.purpose == Purpose::Registry);
        let signer = registry.find(|k| k.key.verify(&message, &envelope.signature).is_ok());
        signer.ok_or_else(|| Fault::SignatureMismatch { algorithm: "DSSE" }.into())
    }

    /// This trust after the key change that is entry `index`: the old key ends there, the new one begins.
    ///
    /// # Errors
    /// `signature_mismatch`, `key_invalid`; `key_unknown` when the old key does not count there, `key_revoked` when it
    /// is revoked at all: a key that may be in other hands does not name its successor.
    pub fn rotate(&self, index: u64, change: &KeyChange) -> Result<Self> {
        change.verify(&self.origin)?;
        let same = |k: &TrustedKey, key: &PublicKey| k.purpose == change.purpose && k.key == *key;
        let key_id = hex_encode(&change.old.fingerprint());
        let mut next = self.clone();
        let old = next.keys.iter_mut().find(|k| same(k, &change.old));
        let old = old.filter(|k| k.first <= index && k.last.is_none_or(|last| index <= last));
        let Some(old) = old else { return Err(Fault::KeyUnknown { what: "old key", key_id }.into()) };
        if let Some(revoked_from) = old.revoked_from {
            return Err(Fault::KeyRevoked { key_id, index, revoked_from }.into());
        }
        old.last = Some(index);
        if let Some(new) = self.keys.iter().find(|k| same(k, &change.new)) {
            // A trust file written after the change has both already.
            let known = new.first == index && self.keys.iter().any(|k| same(k, &change.old) && k.last == Some(index));
            return if known { Ok(next) } else { Err(invalid("it is trusted already, from another entry on")) };
        }
        let new = TrustedKey {
            purpose: change.purpose,
            key: change.new.clone(),
            first: index,
            last: None,
            revoked_from: None,
        };
        if new.purpose == Purpose::Log && new.vkey(&self.origin).is_none() {
            return Err(invalid("a log's key is an Ed25519 key"));
        }
        within("trusted keys", limits::TRUST_KEYS, next.keys.len().saturating_add(1))?;
        next.keys.push(new);
        Ok(next)
    }
}

impl TrustedKey {
    fn read(mut fields: Fields, at: &str) -> Result<Self, Bad> {
        let purpose =
            Purpose::parse(&fields.text("purpose")?).ok_or_else(|| Bad::new(at, "its purpose is not known"))?;
        let key = PublicKey::from_base64(&fields.text("key")?).map_err(|e| Bad::new(at, &e.to_string()))?;
        let first = fields.number("firstIndex")?;
        let (last, revoked_from) = (fields.optional_number("lastIndex")?, fields.optional_number("revokedFromIndex")?);
        fields.done()?;
        if last.is_some_and(|last| last < first) {
            return Err(Bad::new(at, "its lastIndex is before its firstIndex"));
        }
        Ok(Self { purpose, key, first, last, revoked_from })
    }

    /// Whether it counts for entry `index`.
    #[must_use]
    pub fn counts(&self, index: u64) -> bool {
        self.first <= index && self.last.is_none_or(|last| index <= last) && self.revoked_from.is_none_or(|r| index < r)
    }

    /// A log key as it is in notes.
    #[must_use]
    pub fn vkey(&self, origin: &str) -> Option<VerifierKey> {
        VerifierKey::new(origin, KeyKind::Ed25519, *self.key.as_ed25519()?).ok()
    }
}

impl EarlierLog {
    fn read(mut fields: Fields) -> Result<Self, Bad> {
        let (origin, size) = (fields.text("origin")?, fields.number("size")?);
        let at = fields.path("root");
        let root = base64_hash(&fields.text("root")?).ok_or_else(|| Bad::new(&at, "it is not a hash in base64"))?;
        fields.done()?;
        Ok(Self { origin, size, root })
    }

    /// Verifies that an entry was in this log when it was given up.
    ///
    /// # Errors
    /// `inclusion_mismatch`.
    pub fn verify(&self, leaf: &Hash, index: u64, path: &[Hash]) -> Result<()> {
        verify_inclusion(leaf, index, self.size, path, &self.root)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileWire<'a> {
    version: u64,
    origin: &'a str,
    keys: Vec<KeyWire>,
    policy: &'a [String],
    earlier_logs: Vec<EarlierWire<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyWire {
    purpose: &'static str,
    key: String,
    first_index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_from_index: Option<u64>,
}

#[derive(Serialize)]
struct EarlierWire<'a> {
    origin: &'a str,
    size: u64,
    root: String,
}

impl From<&TrustedKey> for KeyWire {
    fn from(key: &TrustedKey) -> Self {
        Self {
            purpose: key.purpose.as_str(),
            key: key.key.to_string(),
            first_index: key.first,
            last_index: key.last,
            revoked_from_index: key.revoked_from,
        }
    }
}

impl<'a> From<&'a EarlierLog> for EarlierWire<'a> {
    fn from(log: &'a EarlierLog) -> Self {
        Self { origin: &log.origin, size: log.size, root: base64_encode(&log.root) }
    }
}

fn invalid(reason: &str) -> Error {
    Fault::KeyInvalid { what: "new key", reason: reason.to_owned() }.into()
}

#[cfg(test)]
mod tests;
