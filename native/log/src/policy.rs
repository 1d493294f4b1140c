//! Which logs and witnesses count (<https://c2sp.org/tlog-policy>), and whether a checkpoint has the quorum.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint::{Checkpoint, Cosignature, SignedCheckpoint};
use crate::encoding::decimal;
use crate::error::{Error, Fault, Result, quote};
use crate::limits::{self, within};
use crate::note::{KeyKind, VerifierKey};

/// Seconds by which a witness's clock may be ahead.
const SKEW: u64 = 300;

/// A policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Party>,
    witnesses: Vec<Party>,
    groups: Vec<Group>,
    quorum: Quorum,
}

/// A log or a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Its key.
    pub key: VerifierKey,
    /// Where it is, if the file says so.
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Quorum {
    None,
    Of(Vec<u8>, Member),
}

/// How old a cosignature may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The present (Unix seconds).
    pub now: u64,
    /// Seconds.
    pub max_age: u64,
}

/// What was found of a checkpoint that is as the policy wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// The cosignatures by known witnesses that counted.
    pub cosignatures: Vec<Cosignature>,
    /// Whether a quorum of witnesses was demanded. Without one, the log's word stands alone: unwitnessed.
    pub quorum: bool,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// `malformed` with the number of the line, `input_too_large`.
    pub fn parse(file: &[u8]) -> Result<Self> {
        within("policy file", limits::POLICY_BYTES, file.len())?;
        let mut reader = Reader::default();
        for (i, line) in file.split(|b| *b == b'\n').enumerate() {
            reader.line(line).map_err(|reason| {
                Fault::malformed("witness policy", &format!("line {}", i.saturating_add(1)), &reason)
            })?;
        }
        let quorum = reader.quorum.ok_or_else(|| Fault::malformed("witness policy", "quorum", "there is none"))?;
        Ok(Self { logs: reader.logs, witnesses: reader.witnesses, groups: reader.groups, quorum })
    }

    /// The logs it lists.
    #[must_use]
    pub fn logs(&self) -> &[Party] {
        &self.logs
    }

    /// The witnesses it lists.
    #[must_use]
    pub fn witnesses(&self) -> &[Party] {
        &self.witnesses
    }

    /// The witnesses' keys.
    #[must_use]
    pub fn witness_keys(&self) -> Vec<VerifierKey> {
        self.witnesses.iter().map(|w| w.key.clone()).collect()
    }

    /// Checks that one of the listed logs signed `checkpoint`, and a quorum of witnesses cosigned it; with `freshness`,
    /// recently.
    ///
    /// # Errors
    /// `checkpoint_untrusted`, `quorum_missing`.
    pub fn check(&self, checkpoint: &SignedCheckpoint, freshness: Option<Freshness>) -> Result<Witnessed> {
        let keys: Vec<_> = self.logs.iter().map(|log| log.key.clone()).collect();
        checkpoint.verify(&keys)?;
        self.witnessed(checkpoint, freshness)
    }

    /// As [`check`](Self::check), for a checkpoint whose log is known from elsewhere and was verified.
    pub(crate) fn witnessed(&self, signed: &SignedCheckpoint, freshness: Option<Freshness>) -> Result<Witnessed> {
        let all = signed.cosignatures(&self.witness_keys())?;
        let known = all.len();
        let fresh: Vec<_> = all.into_iter().filter(|c| freshness.is_none_or(|f| f.holds(c.time))).collect();
        let cosigned: BTreeSet<usize> = fresh.iter().filter_map(|c| self.number_of(&c.key)).collect();
        if !self.quorum_of(&cosigned) {
            let stale = limits::wide(known.saturating_sub(fresh.len()));
            return Err(self.missing(signed.checkpoint(), limits::wide(known), stale));
        }
        Ok(Witnessed { cosignatures: fresh, quorum: self.quorum != Quorum::None })
    }

    fn number_of(&self, key: &VerifierKey) -> Option<usize> {
        self.witnesses.iter().position(|w| w.key == *key)
    }

    /// Groups only name what stands before them, so one pass decides them all.
    fn quorum_of(&self, cosigned: &BTreeSet<usize>) -> bool {
        let mut groups = Vec::with_capacity(self.groups.len());
        let holds = |member: Member, groups: &[bool]| match member {
            Member::Witness(i) => cosigned.contains(&i),
            Member::Group(i) => groups.get(i).copied().unwrap_or(false),
        };
        for group in &self.groups {
            let count = group.members.iter().filter(|m| holds(**m, &groups)).count();
            groups.push(count >= group.threshold);
        }
        match &self.quorum {
            Quorum::None => true,
            Quorum::Of(_, member) => holds(*member, &groups),
        }
    }

    fn missing(&self, checkpoint: &Checkpoint, cosigned: u64, stale: u64) -> Error {
        let name: &[u8] = match &self.quorum {
            Quorum::None => b"none",
            Quorum::Of(name, _) => name,
        };
        let quorum = quote(&String::from_utf8_lossy(name));
        Fault::QuorumMissing { origin: quote(checkpoint.origin()), quorum, cosigned, stale }.into()
    }
}

impl Freshness {
    fn holds(&self, time: u64) -> bool {
        time <= self.now.saturating_add(SKEW) && self.now.saturating_sub(time) <= self.max_age
    }
}

/// What was read so far. Names are octets: the format gives them no encoding.
#[derive(Default)]
struct Reader {
    logs: Vec<Party>,
    witnesses: Vec<Party>,
    groups: Vec<Group>,
    quorum: Option<Quorum>,
    names: BTreeMap<Vec<u8>, Member>,
    taken: BTreeSet<Vec<u8>>,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        if line.iter().any(|b| (*b < 0x20 && *b != b'\t') || *b == 0x7f) {
            return Err("it has a control character".to_owned());
        }
        let words: Vec<_> = line.split(|b| matches!(b, b' ' | b'\t')).filter(|w| !w.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", key, url @ ..] if url.len() <= 1 => self.log(key, url.first().copied()),
            [b"witness", name, key, url @ ..] if url.len() <= 1 => self.witness(name, key, url.first().copied()),
            [b"group", name, threshold, members @ ..] if !members.is_empty() => self.group(name, threshold, members),
            [b"quorum", name] => self.quorum(name),
            _ => Err("it is no line of a policy".to_owned()),
        }
    }

    fn log(&mut self, key: &[u8], url: Option<&[u8]>) -> Result<(), String> {
        let party = Party::read(key, url, KeyKind::Ed25519)?;
        party.add_to(&mut self.logs)
    }

    fn witness(&mut self, name: &[u8], key: &[u8], url: Option<&[u8]>) -> Result<(), String> {
        let party = Party::read(key, url, KeyKind::CosignatureV1)?;
        party.add_to(&mut self.witnesses)?;
        self.define(name, Member::Witness(self.witnesses.len().saturating_sub(1)))
    }

    fn group(&mut self, name: &[u8], threshold: &[u8], names: &[&[u8]]) -> Result<(), String> {
        let mut members = Vec::with_capacity(names.len());
        for name in names {
            let member = self.names.get(*name).ok_or_else(|| format!("{} is not defined before it", lossy(name)))?;
            members.push(*member);
            if !self.taken.insert(name.to_vec()) {
                return Err(format!("{} is a member twice", lossy(name)));
            }
        }
        let threshold = match threshold {
            b"all" => members.len(),
            b"any" => 1,
            number => {
                std::str::from_utf8(number).ok().and_then(decimal).and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
            }
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err("its threshold is neither all, any, nor from 1 to the number of members".to_owned());
        }
        bounded(&self.groups)?;
        self.groups.push(Group { threshold, members });
        self.define(name, Member::Group(self.groups.len().saturating_sub(1)))
    }

    fn quorum(&mut self, name: &[u8]) -> Result<(), String> {
        let quorum = match self.names.get(name) {
            _ if name == b"none" => Quorum::None,
            Some(member) => Quorum::Of(name.to_vec(), *member),
            None => return Err(format!("{} is not defined before it", lossy(name))),
        };
        if self.quorum.replace(quorum).is_some() { Err("there is a second quorum".to_owned()) } else { Ok(()) }
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<(), String> {
        if name == b"none" || self.names.insert(name.to_vec(), member).is_some() {
            return Err(format!("the name {} is taken", lossy(name)));
        }
        Ok(())
    }
}

impl Party {
    fn read(key: &[u8], url: Option<&[u8]>, kind: KeyKind) -> Result<Self, String> {
        let key = std::str::from_utf8(key).map_err(|_| "the key is not UTF-8".to_owned())?;
        let key = VerifierKey::parse(key).map_err(|e| e.to_string())?;
        if key.kind() != kind {
            return Err("the key's type is that of another role".to_owned());
        }
        Ok(Self { key, url: url.map(lossy) })
    }

    /// Two names for one public key would let one party count twice.
    fn add_to(self, parties: &mut Vec<Self>) -> Result<(), String> {
        bounded(parties)?;
        if parties.iter().any(|p| p.key.public() == self.key.public()) {
            return Err("the same public key stands before it".to_owned());
        }
        parties.push(self);
        Ok(())
    }
}

fn bounded<T>(list: &[T]) -> Result<(), String> {
    if list.len() < limits::POLICY_NAMES {
        Ok(())
    } else {
        Err(format!("there are more than {}", limits::POLICY_NAMES))
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests;
