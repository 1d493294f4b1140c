//! Refreshing a trust root through TUF, with a cache on disk.
//!
//! [`refresh`] asks a [`Repository`] for the newest `trusted_root.json` that its keys vouch for. Everything, whether
//! it comes from the network or from the cache, is verified from the repository's pinned root; the cache adds only
//! memory: how new the newest metadata was that this machine has seen, so that nobody can present older metadata later.
//!
//! - **Online** every role must be signed, unexpired and no older than what the cache knows.
//! - **Offline** the last completed refresh is verified again from the cache, however old it is: its age is reported
//!   ([`Refreshed::as_of`], [`Refreshed::expires`]) and is the caller's to judge.
//! - The cache is one file that is replaced as a whole, so a crash leaves the old state or the new one. Any number of
//!   processes may share it; one that comes late never puts older metadata over newer.
//! - A refresh that fails halfway leaves the last completed one usable offline, and still remembers every root and
//!   timestamp that it verified.

mod cache;
mod http;
mod state;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use sigstore_tuf::metadata::Role;
use sigstore_tuf::{TrustedMetadataSet, Updater, UpdaterConfig};

use crate::encoding::hex_encode;
use crate::error::{Error, Fault, Result, quote};
use crate::net::{Network, describe, redacted};
use crate::time::Time;
use cache::{Cache, Lock};
use http::Http;
use state::{Archive, Recorder, State};

/// The newest trusted root that `repository` vouches for.
///
/// Runs on a tokio runtime with its I/O and time drivers enabled. Dropping the future cancels the refresh at any point;
/// the cache then holds its old state or its new one.
///
/// # Errors
/// - `trust_root_expired`: what was served online is validly signed but has expired.
/// - `trust_refresh_failed`: metadata was refused: signatures, rollback, hashes; or the cached copy does not verify.
/// - `transport_failed`, `input_too_large`, `budget_exhausted`: the repository or the way to it.
/// - `storage_failed`: the cache cannot be used, or holds nothing when offline.
/// - `option_invalid`, `trust_root_invalid`: what the caller gave, or a target that is not text.
pub async fn refresh(repository: &Repository, options: &RefreshOptions) -> Result<Refreshed> {
    if options.offline { offline(repository, options).await } else { online(repository, options).await }
}

/// Where a trust root comes from, and the TUF root that vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    name: String,
    url: reqwest::Url,
    root: Vec<u8>,
    cache_key: String,
}

impl Repository {
    /// Sigstore's public good instance.
    ///
    /// # Errors
    /// None in a correctly built library.
    pub fn public_good() -> Result<Self> {
        Self::known("public_good", "https://tuf-repo-cdn.sigstore.dev", include_bytes!("tuf/roots/public_good.json"))
    }

    /// Sigstore's staging instance.
    ///
    /// # Errors
    /// None in a correctly built library.
    pub fn staging() -> Result<Self> {
        Self::known("staging", "https://tuf-repo-cdn.sigstage.dev", include_bytes!("tuf/roots/staging.json"))
    }

    /// GitHub's own instance.
    ///
    /// # Errors
    /// None in a correctly built library.
    pub fn github() -> Result<Self> {
        Self::known("github", "https://tuf-repo.github.com", include_bytes!("tuf/roots/github.json"))
    }

    /// Another repository: metadata under `url`, targets under `url/targets`, trusted through `root` (a TUF
    /// `root.json`, which may have expired, but must carry enough signatures of its own keys).
    ///
    /// # Errors
    /// `option_invalid` for the URL, `trust_root_invalid` for the root.
    pub fn custom(url: &str, root: &[u8]) -> Result<Self> {
        let url = http::base_url(url)?;
        let name = redacted(&url);
        // Another root is another anchor of trust, which knows nothing of what this one has seen.
        let anchor = digest::digest(&digest::SHA256, &[name.as_bytes(), b"\0", root].concat());
        let cache_key = format!("custom-{}", hex_encode(anchor.as_ref()));
        Self::new(name, url, root, cache_key)
    }

    /// What errors call this repository.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pinned TUF root.
    #[must_use]
    pub fn root(&self) -> &[u8] {
        &self.root
    }

    /// Where its metadata is, without credentials.
    #[must_use]
    pub fn url(&self) -> String {
        redacted(&self.url)
    }

    // The roots are those of the crate sigstore-trust-root 0.15.1, which hands them out only along with a client and a
    // cache of its own. They need not be renewed: the repositories keep the chain from each root to the newest.
    fn known(name: &str, url: &str, root: &[u8]) -> Result<Self> {
        Self::new(name.to_owned(), http::base_url(url)?, root, name.to_owned())
    }

    fn new(name: String, url: reqwest::Url, root: &[u8], cache_key: String) -> Result<Self> {
        TrustedMetadataSet::from_root(root)
            .map_err(|e| Fault::TrustRootInvalid { at: "the pinned TUF root".to_owned(), reason: describe(&e) })?;
        Ok(Self { name, url, root: root.to_vec(), cache_key })
    }
}

/// How to refresh.
#[derive(Debug, Clone)]
pub struct RefreshOptions {
    /// Where the cache lives; created when online. None: nothing is remembered, and offline is impossible.
    pub cache_dir: Option<PathBuf>,
    /// Use the cache alone; it is read but never written.
    pub offline: bool,
    /// The present.
    pub now: Time,
    /// The most that all requests together may take.
    pub total_timeout: Duration,
    /// The most that is read of each file.
    pub sizes: Sizes,
    /// How to reach the repository.
    pub network: Network,
}

impl RefreshOptions {
    /// The defaults: online, without a cache, 60 seconds in all, 20 a request, proxies from the environment.
    #[must_use]
    pub fn new(now: Time) -> Self {
        Self {
            cache_dir: None,
            offline: false,
            now,
            total_timeout: Duration::from_secs(60),
            sizes: Sizes::default(),
            network: Network::default(),
        }
    }
}

/// The most bytes that are accepted of each kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// A version of the root role.
    pub root: u64,
    /// The timestamp role.
    pub timestamp: u64,
    /// The snapshot role.
    pub snapshot: u64,
    /// A targets role.
    pub targets: u64,
    /// The trusted root itself, and the signing config.
    pub trusted_root: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { root: 512_000, timestamp: 16_384, snapshot: 2_000_000, targets: 5_000_000, trusted_root: 1 << 20 }
    }
}

/// A trusted root that its repository vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// The bytes of `trusted_root.json`.
    pub trusted_root: Vec<u8>,
    /// The bytes of `signing_config.v0.2.json`, where there is one: what the instance offers to signers.
    pub signing_config: Option<Vec<u8>>,
    /// When the timestamp role was last verified online to be fresh (Unix seconds). Offline this comes from the cache
    /// and is never later than the timestamp's expiry or the present.
    pub as_of: i64,
    /// When the first of the four top-level roles expires, or did (Unix seconds).
    pub expires: i64,
    /// The version of the root role.
    pub root_version: u64,
    /// The version of the timestamp role.
    pub timestamp_version: u64,
    /// The version of the snapshot role.
    pub snapshot_version: u64,
    /// The version of the top-level targets role.
    pub targets_version: u64,
}

/// Where `application` keeps its cache: the directory that `<APPLICATION>_CACHE` names, or else
/// `${XDG_CACHE_HOME:-~/.cache}/<application>/tuf`. None without a home directory.
///
/// This reads the process's environment; nothing else in this module does, but for [`Proxy::Environment`](crate::net::Proxy::Environment).
#[must_use]
pub fn default_cache_dir(application: &str) -> Option<PathBuf> {
    cache_dir_from(application, |name| std::env::var_os(name), std::env::home_dir())
}

fn cache_dir_from(
    application: &str,
    variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    home: Option<PathBuf>,
) -> Option<PathBuf> {
    let named = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(directory) = named(&format!("{}_CACHE", application.to_uppercase())) {
        return Some(directory);
    }
    // A relative XDG_CACHE_HOME is to be ignored, says its specification.
    let caches = named("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| home.filter(|path| !path.as_os_str().is_empty()).map(|path| path.join(".cache")))?;
    Some(caches.join(application).join("tuf"))
}

const TARGET: &str = "trusted_root.json";
const SIGNING_CONFIG: &str = "signing_config.v0.2.json";
const MAX_ROOT_ROTATIONS: u32 = 256;
const MAX_DELEGATIONS: u32 = 32;
/// What the cache may take when the network has used up the time.
const CACHE_GRACE: Duration = Duration::from_secs(2);

async fn online(repository: &Repository, options: &RefreshOptions) -> Result<Refreshed> {
    let started = Instant::now();
    let now = Moment::now(options)?;
    let cache = open_cache(repository, options).await?;
    let known = match &cache {
        Some(cache) => cache.read().await?,
        None => State::default(),
    };
    let http = Http::open(repository, options).await?;
    let recorder = Arc::new(Recorder::new(known.clone()));
    let attempt = update(repository, http, &recorder, &options.sizes, now);
    let outcome = tokio::time::timeout(options.total_timeout, attempt).await.unwrap_or_else(|_| {
        let limit = u64::try_from(options.total_timeout.as_millis()).unwrap_or(u64::MAX);
        Err(Fault::BudgetExhausted { what: "milliseconds for refreshing a trust root", limit }.into())
    });
    let Some(cache) = cache else { return outcome };
    match outcome {
        Ok(refreshed) => {
            let patience = options.total_timeout.saturating_sub(started.elapsed()).max(CACHE_GRACE);
            let lock = cache.lock(patience).await?;
            let completed = recorder.completed(&refreshed)?;
            let disk = cache.read().await?;
            if disk != known {
                return settle(repository, options, &cache, lock, &disk, &completed).await;
            }
            cache.write(lock, completed).await?;
            Ok(refreshed)
        }
        Err(error) => Err(match keep(repository, &cache, &known, &recorder.progress()).await {
            Ok(()) => error,
            Err(also) => error.and(also),
        }),
    }
}

async fn offline(repository: &Repository, options: &RefreshOptions) -> Result<Refreshed> {
    let Some(directory) = &options.cache_dir else {
        return Err(Fault::OptionInvalid {
            option: "cache_dir".to_owned(),
            expected: "a directory: offline, the cache is all there is",
        }
        .into());
    };
    let cache = Cache::new(directory, &repository.cache_key);
    let state = cache.read().await?;
    if state.verified_at().is_none() {
        return Err(cache.fault("it holds no trust root that was verified here; refresh once while online"));
    }
    standing(repository, options, &state, jiff::Timestamp::MIN).await
}

/// Settles what a `completed` refresh means to a cache that another process has changed meanwhile. If that one got
/// further, what it found stands, and is the answer.
async fn settle(
    repository: &Repository,
    options: &RefreshOptions,
    cache: &Cache,
    lock: Lock,
    disk: &State,
    completed: &State,
) -> Result<Refreshed> {
    // Seen from what is on disk now, is ours still an update? The same rules decide as for a server's metadata.
    let now = Moment::now(options)?;
    let recorder = Arc::new(Recorder::new(disk.without_latest()));
    match update(repository, Archive::new(completed.clone()), &recorder, &options.sizes, now).await {
        Ok(refreshed) => {
            let merged = recorder.completed(&refreshed)?.with_latest_of(repository, disk)?;
            cache.write(lock, merged).await?;
            Ok(refreshed)
        }
        Err(refused) => {
            let merged = disk.with_roots_of(completed);
            let answer = standing(repository, options, &merged, now.expiry).await.map_err(|_| refused)?;
            if merged != *disk {
                cache.write(lock, merged).await?;
            }
            Ok(answer)
        }
    }
}

/// Remembers what a failed refresh verified before it failed.
async fn keep(repository: &Repository, cache: &Cache, known: &State, progress: &State) -> Result<()> {
    if progress == known {
        return Ok(());
    }
    let lock = cache.lock(CACHE_GRACE).await?;
    let disk = cache.read().await?;
    let merged = disk.with_roots_of(progress).with_latest_of(repository, progress)?;
    if merged == disk {
        return Ok(());
    }
    cache.write(lock, merged).await
}

/// What the completed refresh in `state` says, verified anew; what has expired before `expiry` is refused.
async fn standing(
    repository: &Repository,
    options: &RefreshOptions,
    state: &State,
    expiry: jiff::Timestamp,
) -> Result<Refreshed> {
    let state = state.without_latest();
    let recorder = Arc::new(Recorder::new(state.clone()));
    let as_of = state.verified_at().unwrap_or(i64::MIN).min(options.now.seconds);
    let newest_root = state.newest_root();
    let moment = Moment { expiry, as_of };
    let refreshed = update(repository, Archive::new(state), &recorder, &options.sizes, moment).await?;
    // A damaged root must not make an older one, whose keys may have been withdrawn, the newest.
    if refreshed.root_version < newest_root {
        return Err(refused(repository, &format!("the cached root version {newest_root} does not verify")));
    }
    Ok(refreshed)
}

/// One TUF update from `source`, over what `recorder` knows. It records what was verified, even when this fails.
async fn update(
    repository: &Repository,
    source: impl sigstore_tuf::Repository + 'static,
    recorder: &Arc<Recorder>,
    sizes: &Sizes,
    now: Moment,
) -> Result<Refreshed> {
    let refused = |error| fault(repository, error);
    let mut updater = Updater::new(source, &repository.root)
        .map_err(refused)?
        .with_config(config(sizes))
        .with_store(Arc::clone(recorder));
    updater.refresh(now.expiry).await.map_err(refused)?;
    recorder.check_root(updater.trusted()).map_err(refused)?;
    recorder.check_latest(updater.trusted()).map_err(refused)?;
    let root = target(&mut updater, TARGET, sizes, now).await.map_err(|error| error.told(repository))?;
    let root = root.ok_or_else(|| refused(sigstore_tuf::Error::TargetNotFound(TARGET.to_owned())))?;
    let config = target(&mut updater, SIGNING_CONFIG, sizes, now).await.map_err(|error| error.told(repository))?;
    vouched(root, config, updater.trusted(), now.as_of).ok_or_else(|| refused(sigstore_tuf::Error::NotRefreshed))
}

/// Why a target cannot be had.
enum Unavailable {
    Refused(sigstore_tuf::Error),
    TooLarge(Fault),
}

impl Unavailable {
    fn told(self, repository: &Repository) -> Error {
        match self {
            Self::Refused(error) => fault(repository, error),
            Self::TooLarge(fault) => fault.into(),
        }
    }
}

/// A target, from the cache if it is there still; none if no role lists it.
async fn target(
    updater: &mut Updater,
    name: &'static str,
    sizes: &Sizes,
    now: Moment,
) -> Result<Option<Vec<u8>>, Unavailable> {
    let Some(info) = updater.get_target_info(name, now.expiry).await.map_err(Unavailable::Refused)? else {
        return Ok(None);
    };
    if info.length > sizes.trusted_root {
        let (limit, actual) = (sizes.trusted_root, info.length);
        return Err(Unavailable::TooLarge(Fault::InputTooLarge { what: name, limit, actual }));
    }
    match updater.find_cached_target(&info, name) {
        Some(bytes) => Ok(Some(bytes)),
        None => updater.download_target(&info, name).await.map(Some).map_err(Unavailable::Refused),
    }
}

/// When an update takes place.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// What expired before this is refused.
    expiry: jiff::Timestamp,
    /// When the timestamp was, or is now, found to be fresh.
    as_of: i64,
}

impl Moment {
    fn now(options: &RefreshOptions) -> Result<Self> {
        let Time { seconds, nanos } = options.now;
        let expiry = i32::try_from(nanos).ok().and_then(|nanos| jiff::Timestamp::new(seconds, nanos).ok());
        let invalid = || Fault::OptionInvalid { option: "now".to_owned(), expected: "a time in the years 1 to 9999" };
        Ok(Self { expiry: expiry.ok_or_else(invalid)?, as_of: seconds })
    }
}

fn vouched(
    trusted_root: Vec<u8>,
    signing_config: Option<Vec<u8>>,
    trusted: &TrustedMetadataSet,
    as_of: i64,
) -> Option<Refreshed> {
    let (root, timestamp, snapshot) = (trusted.root(), trusted.timestamp()?, trusted.snapshot()?);
    let targets = trusted.targets_role("targets")?;
    let expires = root.expires().min(timestamp.expires()).min(snapshot.expires()).min(targets.expires());
    Some(Refreshed {
        trusted_root,
        signing_config,
        // The cache's word on its own age is not signed, but nothing was fresh after it had expired.
        as_of: as_of.min(timestamp.expires().as_second()),
        expires: expires.as_second(),
        root_version: root.version,
        timestamp_version: timestamp.version,
        snapshot_version: snapshot.version,
        targets_version: targets.version,
    })
}

fn config(sizes: &Sizes) -> UpdaterConfig {
    let mut config = UpdaterConfig::default();
    config.root_max_length = sizes.root;
    config.timestamp_max_length = sizes.timestamp;
    config.snapshot_max_length = sizes.snapshot;
    config.targets_max_length = sizes.targets;
    config.target_max_length = sizes.trusted_root;
    config.max_root_rotations = MAX_ROOT_ROTATIONS;
    config.max_delegations = MAX_DELEGATIONS;
    config
}

async fn open_cache(repository: &Repository, options: &RefreshOptions) -> Result<Option<Cache>> {
    let Some(directory) = &options.cache_dir else { return Ok(None) };
    let cache = Cache::new(directory, &repository.cache_key);
    cache.prepare().await?;
    Ok(Some(cache))
}

/// The fault behind an error of the TUF crate.
fn fault(repository: &Repository, error: sigstore_tuf::Error) -> Error {
    match error {
        // Our own sources wrap our own faults.
        sigstore_tuf::Error::Transport { message, source: Some(source) } => match source.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(source) => refused(repository, &format!("{message}: {source}")),
        },
        sigstore_tuf::Error::Expired { expires, .. } => {
            Fault::TrustRootExpired { instance: repository.name.clone(), expired: expires.as_second() }.into()
        }
        other => refused(repository, &describe(&other)),
    }
}

fn refused(repository: &Repository, reason: &str) -> Error {
    Fault::TrustRefreshFailed { repository: repository.name.clone(), reason: quote(reason) }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_goes_where_the_environment_says() {
        let place = |own: &str, xdg: &str, home: Option<&str>| {
            let variable = |name: &str| match name {
                "SOME_TOOL_CACHE" => Some(own.into()),
                "XDG_CACHE_HOME" => Some(xdg.into()),
                _ => None,
            };
            cache_dir_from("some_tool", variable, home.map(PathBuf::from))
        };
        assert_eq!(place("/own", "/xdg", Some("/home/me")), Some("/own".into()));
        assert_eq!(place("own", "/xdg", Some("/home/me")), Some("own".into()));
        assert_eq!(place("", "/xdg", Some("/home/me")), Some("/xdg/some_tool/tuf".into()));
        assert_eq!(place("", "relative", Some("/home/me")), Some("/home/me/.cache/some_tool/tuf".into()));
        assert_eq!(place("", "", Some("")), None);
        assert_eq!(place("", "", None), None);
    }
}
