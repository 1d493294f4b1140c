//! What the cache remembers, and how the TUF crate reads and extends it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{MetadataStore, TrustedMetadataSet};

use super::{Refreshed, Repository};
use crate::error::{Fault, Result};

/// The metadata of a repository as this machine last saw it. Nothing in it is trusted: every use verifies it from the
/// pinned root, and what does not verify counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Versions of the root role.
    roots: BTreeMap<u64, String>,
    /// The last refresh that was completed.
    complete: Option<Complete>,
    /// A newer timestamp, of a refresh that went no further.
    latest_timestamp: Option<String>,
}

/// One completed refresh: these files vouch for each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Complete {
    /// When it was found to be fresh, in Unix seconds.
    verified_at: i64,
    /// The version of the root role that vouched for it.
    root_version: u64,
    timestamp: String,
    snapshot: String,
    targets: String,
    /// Delegated targets roles, by the encoded name of the role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    delegated: BTreeMap<String, String>,
    trusted_root: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signing_config: Option<String>,
}

impl State {
    /// When the completed refresh was found to be fresh.
    pub(super) fn verified_at(&self) -> Option<i64> {
        self.complete.as_ref().map(|complete| complete.verified_at)
    }

    /// The newest version of the root role that was ever verified, whether what is left of it verifies or not.
    pub(super) fn newest_root(&self) -> u64 {
        let vouched = self.complete.as_ref().map(|complete| complete.root_version);
        self.roots.keys().next_back().copied().max(vouched).unwrap_or_default()
    }

    /// This state, with the completed refresh as the newest thing known.
    pub(super) fn without_latest(&self) -> Self {
        Self { latest_timestamp: None, ..self.clone() }
    }

    /// This state, with the roots that `other` knows as well.
    pub(super) fn with_roots_of(&self, other: &Self) -> Self {
        let mut roots = self.roots.clone();
        roots.extend(other.roots.clone());
        Self { roots, ..self.clone() }
    }

    /// This state, remembering the newest timestamp among its own and those of `other`.
    pub(super) fn with_latest_of(&self, repository: &Repository, other: &Self) -> Result<Self> {
        let mut trusted = self.trusted(repository)?;
        let candidates =
            [self.completed_timestamp(), self.latest_timestamp.as_deref(), other.latest_timestamp.as_deref()];
        let mut newest = None;
        for candidate in candidates.into_iter().flatten() {
            // Only a newer one is taken: an equal, older or unverifiable one is an error.
            if trusted.update_timestamp(candidate.as_bytes(), jiff::Timestamp::MIN).is_ok() {
                newest = Some(candidate);
            }
        }
        let latest_timestamp = newest.filter(|newest| Some(*newest) != self.completed_timestamp()).map(str::to_owned);
        Ok(Self { latest_timestamp, ..self.clone() })
    }

    /// The newest root that this state's roots lead to.
    fn trusted(&self, repository: &Repository) -> Result<TrustedMetadataSet> {
        let mut trusted =
            TrustedMetadataSet::from_root(&repository.root).map_err(|error| super::fault(repository, error))?;
        while let Some(next) = trusted.root().version.checked_add(1).and_then(|version| self.roots.get(&version)) {
            if trusted.update_root(next.as_bytes()).is_err() {
                break;
            }
        }
        Ok(trusted)
    }

    fn completed_timestamp(&self) -> Option<&str> {
        self.complete.as_ref().map(|complete| complete.timestamp.as_str())
    }

    /// The file that the TUF crate's cache knows by `name`.
    fn stored(&self, name: &str) -> Option<&str> {
        if let Some(version) = name.strip_prefix(ROOT_HISTORY).and_then(root_version) {
            return self.roots.get(&version).map(String::as_str);
        }
        let complete = self.complete.as_ref()?;
        match name {
            TIMESTAMP => Some(&complete.timestamp),
            SNAPSHOT => Some(&complete.snapshot),
            TARGETS => Some(&complete.targets),
            TRUSTED_ROOT => Some(&complete.trusted_root),
            SIGNING_CONFIG => complete.signing_config.as_deref(),
            _ => complete.delegated.get(name.strip_suffix(".json")?).map(String::as_str),
        }
    }

    /// The file that a repository serves as `name`, whatever version its name asks for.
    fn served(&self, name: &str) -> Option<&str> {
        if let Some(version) = root_version(name) {
            return self.roots.get(&version).map(String::as_str);
        }
        self.stored(name).or_else(|| {
            let (version, rest) = name.split_once('.')?;
            version.bytes().all(|b| b.is_ascii_digit()).then(|| self.stored(rest)).flatten()
        })
    }
}

const ROOT_HISTORY: &str = "root_history/";
const TIMESTAMP: &str = "timestamp.json";
const SNAPSHOT: &str = "snapshot.json";
const TARGETS: &str = "targets.json";
const TRUSTED_ROOT: &str = "targets/trusted_root.json";
const SIGNING_CONFIG: &str = "targets/signing_config.v0.2.json";

/// The version in `<version>.root.json`.
pub(super) fn root_version(name: &str) -> Option<u64> {
    name.strip_suffix(".root.json")?.parse().ok()
}

/// The TUF crate's view of a cache: it reads what was known before, and writes what it verified to memory.
#[derive(Debug)]
pub(super) struct Recorder {
    known: State,
    verified: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Recorder {
    pub(super) fn new(known: State) -> Self {
        Self { known, verified: Mutex::default() }
    }

    /// What is known after a refresh that was completed.
    pub(super) fn completed(&self, refreshed: &Refreshed) -> Result<State> {
        let mut verified = self.verified().clone();
        let mut roots = self.roots(&mut verified);
        // Anything newer would have been used if it could be verified.
        roots.retain(|version, _| *version <= refreshed.root_version);
        let mut newest = |name: &'static str| {
            let bytes = verified.remove(name).or_else(|| self.known.stored(name).map(Into::into)).unwrap_or_default();
            text(name, bytes)
        };
        let (timestamp, snapshot) = (newest(TIMESTAMP)?, newest(SNAPSHOT)?);
        let (targets, trusted_root) = (newest(TARGETS)?, newest(TRUSTED_ROOT)?);
        let signing_config = refreshed.signing_config.clone().map(|bytes| text(SIGNING_CONFIG, bytes)).transpose()?;
        verified.remove(SIGNING_CONFIG);
        let delegated = verified
            .into_iter()
            .filter_map(|(name, bytes)| Some((name.strip_suffix(".json")?.to_owned(), String::from_utf8(bytes).ok()?)))
            .collect();
        let (verified_at, root_version) = (refreshed.as_of, refreshed.root_version);
        let complete = Complete {
            verified_at,
            root_version,
            timestamp,
            snapshot,
            targets,
            delegated,
            trusted_root,
            signing_config,
        };
        Ok(State { roots, complete: Some(complete), latest_timestamp: None })
    }

    /// What is known after a refresh that was not completed.
    pub(super) fn progress(&self) -> State {
        let mut verified = self.verified().clone();
        let latest = verified.remove(TIMESTAMP).and_then(|bytes| String::from_utf8(bytes).ok());
        State {
            roots: self.roots(&mut verified),
            complete: self.known.complete.clone(),
            latest_timestamp: latest.or_else(|| self.known.latest_timestamp.clone()),
        }
    }

    /// Refuses a root that is older than one which was verified before: the TUF crate itself stops at the first cached
    /// root that is damaged, and does not come back for those after it.
    pub(super) fn check_root(&self, trusted: &TrustedMetadataSet) -> sigstore_tuf::Result<()> {
        let version = trusted.root().version;
        let next = version.checked_add(1).and_then(|next| self.known.roots.get(&next));
        match next.map(|next| trusted.clone().update_root(next.as_bytes())) {
            Some(Ok(())) => Err(sigstore_tuf::Error::Rollback {
                role: "root".to_owned(),
                trusted: version.saturating_add(1),
                new: version,
            }),
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Refuses what is older than the newest timestamp of a refresh that went no further: the TUF crate itself is told
    /// of completed refreshes only, since it drops the floors of metadata that do not belong together.
    pub(super) fn check_latest(&self, trusted: &TrustedMetadataSet) -> sigstore_tuf::Result<()> {
        let (Some(latest), Ok(Some(current))) = (&self.known.latest_timestamp, self.newest(TIMESTAMP)) else {
            return Ok(());
        };
        let mut floor = TrustedMetadataSet::from_root(trusted.root_bytes())?;
        if floor.update_timestamp(latest.as_bytes(), jiff::Timestamp::MIN).is_err() {
            return Ok(());
        }
        match floor.update_timestamp(&current, jiff::Timestamp::MIN) {
            Ok(()) | Err(sigstore_tuf::Error::EqualVersion { .. }) => Ok(()),
            Err(rollback) => Err(rollback),
        }
    }

    fn newest(&self, name: &str) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        let verified = self.verified().get(name).cloned();
        Ok(verified.or_else(|| self.known.stored(name).map(Into::into)))
    }

    fn roots(&self, verified: &mut BTreeMap<String, Vec<u8>>) -> BTreeMap<u64, String> {
        let mut roots = self.known.roots.clone();
        verified.retain(|name, bytes| match name.strip_prefix(ROOT_HISTORY).and_then(root_version) {
            Some(version) => {
                roots.extend(String::from_utf8(std::mem::take(bytes)).ok().map(|root| (version, root)));
                false
            }
            None => true,
        });
        roots
    }

    fn verified(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetadataStore for Recorder {
    fn load(&self, name: &str) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        Ok(self.known.stored(name).map(Into::into))
    }

    fn store(&self, name: &str, bytes: &[u8]) -> sigstore_tuf::Result<()> {
        // The TUF crate also stores the newest root and the snapshot under a second name.
        if name != "root.json" && !name.ends_with(".snapshot.json") {
            self.verified().insert(name.to_owned(), bytes.to_vec());
        }
        Ok(())
    }
}

/// A state as a repository: what it holds is verified as if it had been served.
pub(super) struct Archive(Arc<State>);

impl Archive {
    pub(super) fn new(state: State) -> Self {
        Self(Arc::new(state))
    }

    fn serve(&self, found: Option<&str>, max_length: u64) -> FetchFuture<'_> {
        let bytes = found.filter(|text| text.len() as u64 <= max_length).map(|text| text.as_bytes().to_vec());
        Box::pin(std::future::ready(Ok(bytes)))
    }
}

impl sigstore_tuf::Repository for Archive {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.serve(self.0.served(name), max_length)
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        // A hash stands before the name.
        let target = if path.ends_with(super::SIGNING_CONFIG) { SIGNING_CONFIG } else { TRUSTED_ROOT };
        self.serve(self.0.stored(target), max_length)
    }
}

fn text(name: &'static str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| Fault::TrustRootInvalid { at: name.to_owned(), reason: "it is not UTF-8 text".to_owned() }.into())
}
