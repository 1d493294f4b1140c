//! What is trusted: trusted_root.json
//! (<https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto>), prepared once for many
//! verifications. A trust root is one Sigstore instance; authorities of several are never pooled.

use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;
use sigstore_trust_root::{
    SIGSTORE_GITHUB_TRUSTED_ROOT, SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT,
};

use crate::artifact::sha256;
use crate::authority::Authority;
use crate::encoding::{Bytes, from_json};
use crate::error::{Fault, Result, quote};
use crate::evidence::TrustUsed;
use crate::key::PublicKey;
use crate::limits::{Limits, within};
use crate::time::{Time, Validity};

/// The instances whose trust roots are embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instance {
    /// Sigstore's public-good instance.
    PublicGood,
    /// Its staging instance.
    Staging,
    /// GitHub's own instance, for private repositories.
    GitHub,
}

impl Instance {
    /// Its name in options and evidence.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublicGood => "public_good",
            Self::Staging => "staging",
            Self::GitHub => "github",
        }
    }

    /// The instance whose embedded trust root holds an authority of that key (SHA-256 of its SubjectPublicKeyInfo). An
    /// instance is who issues: a caller's file that holds the same authority is about the same instance.
    pub(crate) fn of_authority(key_hash: &[u8; 32]) -> Option<Self> {
        static KNOWN: LazyLock<Vec<(Instance, TrustRoot)>> = LazyLock::new(|| {
            let all = [Instance::PublicGood, Instance::Staging, Instance::GitHub];
            all.into_iter().filter_map(|instance| Some((instance, TrustRoot::embedded(instance).ok()?))).collect()
        });
        let issues = |root: &TrustRoot| root.certificate_authorities.iter().any(|a| a.has_issuer(key_hash));
        KNOWN.iter().find(|(_, root)| issues(root)).map(|(instance, _)| *instance)
    }

    const fn json(self) -> &'static str {
        match self {
            Self::PublicGood => SIGSTORE_PRODUCTION_TRUSTED_ROOT,
            Self::Staging => SIGSTORE_STAGING_TRUSTED_ROOT,
            Self::GitHub => SIGSTORE_GITHUB_TRUSTED_ROOT,
        }
    }
}

/// When the embedded trust roots were taken from their TUF repositories: the day sigstore-trust-root 0.15.1, whose
/// change is just that, was released (2026-10-23).
pub const EMBEDDED_AS_OF: i64 = 1_792_713_600;

/// How much proof a verification needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Different transparency logs with a verified entry.
    pub log_entries: u64,
    /// Different authorities with a verified RFC 3161 timestamp. Whatever this says, a certificate's signature needs a verified time.
    pub timestamps: u64,
    /// Certificate transparency logs that promised the certificate.
    pub scts: u64,
}

/// Where a trust root came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// This library.
    Embedded(Instance),
    /// A TUF repository of a known instance, or of another one, current as of Unix seconds.
    Tuf(Option<Instance>, i64),
    /// The caller.
    File,
}

/// A trust root, prepared.
#[derive(Debug)]
pub struct TrustRoot {
    pub(crate) used: TrustUsed,
    pub(crate) logs: Vec<Log>,
    pub(crate) certificate_logs: Vec<Log>,
    pub(crate) certificate_authorities: Vec<Authority>,
    pub(crate) timestamp_authorities: Vec<Authority>,
    /// Only GitHub's own instance has rules without logs.
    thresholds: Option<Thresholds>,
}

/// A log's key.
pub(crate) struct Log {
    pub(crate) base_url: String,
    pub(crate) id: Vec<u8>,
    /// Begins with the key id on the log's signature lines.
    pub(crate) note_id: Vec<u8>,
    pub(crate) key: PublicKey,
    pub(crate) validity: Validity,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log({})", self.base_url)
    }
}

impl TrustRoot {
    /// The embedded trust root of `instance`.
    ///
    /// # Errors
    /// `trust_root_invalid`, which would be a defect of this library.
    pub fn embedded(instance: Instance) -> Result<Self> {
        Self::parse(instance.json().as_bytes(), Source::Embedded(instance), &Limits::default())
    }

    /// Reads a trusted_root.json.
    ///
    /// # Errors
    /// `input_too_large`, `malformed`, `trust_root_invalid`.
    pub fn parse(json: &[u8], source: Source, limits: &Limits) -> Result<Self> {
        within("trusted root", limits.trust_root_bytes, json.len())?;
        let wire: WireRoot = from_json("trusted root", json, limits)?;
        if !MEDIA_TYPES.contains(&wire.media_type.as_str()) {
            let reason = format!("media type \"{}\" is not supported", quote(&wire.media_type));
            return Err(invalid("mediaType", &reason));
        }
        let instance = match source {
            Source::Embedded(instance) | Source::Tuf(Some(instance), _) => Some(instance),
            Source::Tuf(None, _) | Source::File => None,
        };
        Ok(Self {
            used: used(json, source, instance),
            logs: logs("tlogs", wire.tlogs)?,
            certificate_logs: logs("ctlogs", wire.ctlogs)?,
            certificate_authorities: authorities("certificateAuthorities", wire.certificate_authorities, limits)?,
            timestamp_authorities: authorities("timestampAuthorities", wire.timestamp_authorities, limits)?,
            thresholds: (instance == Some(Instance::GitHub)).then_some(GITHUB_THRESHOLDS),
        })
    }

    /// Which instance this is, where it came from, and as of when.
    #[must_use]
    pub fn info(&self) -> &TrustUsed {
        &self.used
    }

    /// How many of each it holds: transparency logs, certificate transparency logs, certificate authorities,
    /// timestamp authorities.
    #[must_use]
    pub fn counts(&self) -> [usize; 4] {
        [
            self.logs.len(),
            self.certificate_logs.len(),
            self.certificate_authorities.len(),
            self.timestamp_authorities.len(),
        ]
    }

    /// The thresholds to apply: those stated, else this root's own. A root without logs has none of its own.
    pub(crate) fn thresholds(&self, stated: Option<Thresholds>, keyless: bool) -> Result<Thresholds> {
        if let Some(thresholds) = stated.or(self.thresholds) {
            return Ok(thresholds);
        }
        let unstated = |missing| Fault::ThresholdsUnstated { instance: self.used.instance.clone(), missing };
        if self.logs.is_empty() {
            return Err(unstated("transparency logs").into());
        }
        if keyless && self.certificate_logs.is_empty() {
            return Err(unstated("certificate transparency logs").into());
        }
        Ok(Thresholds { log_entries: 1, timestamps: 0, scts: 1 })
    }

    /// What was used of it for a certificate that the authority of that key issued.
    pub(crate) fn used_for(&self, authority_key_hash: &[u8; 32]) -> TrustUsed {
        let known = (self.used.instance == CUSTOM).then(|| Instance::of_authority(authority_key_hash)).flatten();
        let instance = known.map_or_else(|| self.used.instance.clone(), |instance| instance.name().to_owned());
        TrustUsed { instance, ..self.used.clone() }
    }

    /// The transparency log of that id.
    pub(crate) fn log(&self, id: &[u8]) -> Option<&Log> {
        self.logs.iter().find(|log| log.id == id)
    }
}

/// What an instance is called that is none of the embedded ones.
const CUSTOM: &str = "custom";

const GITHUB_THRESHOLDS: Thresholds = Thresholds { log_entries: 0, timestamps: 1, scts: 0 };

const MEDIA_TYPES: [&str; 3] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

fn used(json: &[u8], source: Source, instance: Option<Instance>) -> TrustUsed {
    TrustUsed {
        instance: instance.map_or(CUSTOM, Instance::name).to_owned(),
        source: match source {
            Source::Embedded(_) => "embedded",
            Source::Tuf(..) => "tuf",
            Source::File => "file",
        },
        sha256: Some(sha256(json)),
        as_of: match source {
            Source::Embedded(_) => Some(EMBEDDED_AS_OF),
            Source::Tuf(_, as_of) => Some(as_of),
            Source::File => None,
        },
    }
}

/// Keys of kinds that are not supported are left out: a root may hold newer ones. What they signed is then refused,
/// as by an unknown log.
fn logs(list: &'static str, wire: Option<Vec<WireLog>>) -> Result<Vec<Log>> {
    let mut logs: Vec<Log> = Vec::new();
    for (i, log) in wire.unwrap_or_default().into_iter().enumerate() {
        let at = format!("{list}[{i}]");
        let validity = log.public_key.valid_for.unwrap_or_default().read(&at)?;
        let Ok(key) = PublicKey::from_spki("log key", &log.public_key.raw_bytes.0) else { continue };
        // A key that does not say since when it is valid was never valid.
        if validity.start.is_none() {
            continue;
        }
        let id = log.log_id.key_id.0;
        if logs.iter().any(|l| l.id == id && l.key.spki() != key.spki()) {
            return Err(invalid(&at, "two keys have the same log id"));
        }
        let note_id = log.checkpoint_key_id.map_or_else(|| id.clone(), |c| c.key_id.0);
        logs.push(Log { base_url: log.base_url.unwrap_or_default(), id, note_id, key, validity });
    }
    Ok(logs)
}

fn authorities(list: &'static str, wire: Option<Vec<WireAuthority>>, limits: &Limits) -> Result<Vec<Authority>> {
    let wire = wire.unwrap_or_default().into_iter().enumerate();
    wire.map(|(i, authority)| {
        let at = format!("{list}[{i}]");
        let certificates = authority.cert_chain.certificates.unwrap_or_default();
        within("authority's chain", limits.chain_certificates, certificates.len())?;
        for certificate in &certificates {
            within("certificate", limits.certificate_bytes, certificate.raw_bytes.0.len())?;
        }
        let validity = authority.valid_for.unwrap_or_default().read(&at)?;
        let chain = certificates.into_iter().map(|c| c.raw_bytes.0).collect();
        Authority::prepare(&at, authority.uri.unwrap_or_default(), validity, chain)
    })
    .collect()
}

pub(crate) fn invalid(at: &str, reason: &str) -> crate::Error {
    Fault::TrustRootInvalid { at: at.to_owned(), reason: reason.to_owned() }.into()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRoot {
    #[serde(alias = "media_type")]
    media_type: String,
    tlogs: Option<Vec<WireLog>>,
    #[serde(alias = "certificate_authorities")]
    certificate_authorities: Option<Vec<WireAuthority>>,
    ctlogs: Option<Vec<WireLog>>,
    #[serde(alias = "timestamp_authorities")]
    timestamp_authorities: Option<Vec<WireAuthority>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLog {
    #[serde(alias = "base_url")]
    base_url: Option<String>,
    #[serde(alias = "public_key")]
    public_key: WireKey,
    #[serde(alias = "log_id")]
    log_id: WireLogId,
    #[serde(alias = "checkpoint_key_id")]
    checkpoint_key_id: Option<WireLogId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLogId {
    #[serde(alias = "key_id")]
    key_id: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireKey {
    #[serde(alias = "raw_bytes")]
    raw_bytes: Bytes,
    #[serde(alias = "valid_for")]
    valid_for: Option<WireValidity>,
}

#[derive(Deserialize, Default)]
struct WireValidity {
    start: Option<String>,
    end: Option<String>,
}

impl WireValidity {
    fn read(&self, at: &str) -> Result<Validity> {
        let time = |text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => {
                Time::parse_rfc3339(text).map(Some).ok_or_else(|| invalid(at, "a validity is not an RFC 3339 time"))
            }
        };
        Ok(Validity { start: time(&self.start)?, end: time(&self.end)? })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAuthority {
    uri: Option<String>,
    #[serde(alias = "cert_chain")]
    cert_chain: WireChain,
    #[serde(alias = "valid_for")]
    valid_for: Option<WireValidity>,
}

#[derive(Deserialize)]
struct WireChain {
    certificates: Option<Vec<WireCertificate>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCertificate {
    #[serde(alias = "raw_bytes")]
    raw_bytes: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_roots_are_whole() {
        for instance in [Instance::PublicGood, Instance::Staging, Instance::GitHub] {
            let root = TrustRoot::embedded(instance).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(root.info().instance, instance.name());
            let [logs, certificate_logs, cas, tsas] = root.counts();
            assert!(cas > 0 && tsas > 0);
            assert_eq!(logs == 0 && certificate_logs == 0, instance == Instance::GitHub);
        }
    }

    #[test]
    fn only_the_embedded_github_root_goes_without_logs() {
        let github = TrustRoot::embedded(Instance::GitHub).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(github.thresholds(None, true), Ok(GITHUB_THRESHOLDS));
        let same = TrustRoot::parse(Instance::GitHub.json().as_bytes(), Source::File, &Limits::default())
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(same.thresholds(None, true).map_err(|e| e.code()), Err("thresholds_unstated"));
    }
}
