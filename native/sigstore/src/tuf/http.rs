//! A TUF repository behind HTTP: bounded in time and bytes, and with faults that say what went wrong.

use reqwest::{Client, StatusCode, Url};
use sigstore_tuf::transport::FetchFuture;

use super::state::root_version;
use super::{RefreshOptions, Repository};
use crate::error::{Error, Fault, Result};
use crate::net::{self, Network, blocking, redacted, transport};

/// A connection to one repository.
pub(super) struct Http {
    base: Url,
    client: Client,
    network: Network,
}

impl Http {
    /// Prepares requests to `repository`, without making one.
    pub(super) async fn open(repository: &Repository, options: &RefreshOptions) -> Result<Self> {
        let (base, network) = (repository.url.clone(), options.network.clone());
        // The platform's and the caller's authorities are read from files.
        blocking(move || {
            let client = net::client(&network, &net::read_ca_files(&network)?)?
                .build()
                .map_err(|error| transport(&base, &error))?;
            Ok(Self { base, client, network })
        })
        .await
    }

    /// The file at `path` under the repository's URL; none if it may be absent and is.
    async fn get(&self, path: &str, wanted: Wanted, limit: u64) -> Result<Option<Vec<u8>>> {
        let url = self.base.join(path).map_err(|error| transport(&self.base, &error))?;
        let failed = |error: reqwest::Error| self.fault(&url, error);
        let response = self.client.get(url.clone()).send().await.map_err(failed)?;
        match response.status() {
            StatusCode::OK => {}
            // Object stores answer 403 for what they do not have.
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN if wanted == Wanted::NextRoot => return Ok(None),
            status if status.is_redirection() => return Err(unexpected(&url, status, "redirected to another place")),
            status => return Err(unexpected(&url, status, "the repository did not serve this file")),
        }
        net::body(response, wanted.as_str(), limit, failed).await.map(Some)
    }

    fn fault(&self, url: &Url, error: reqwest::Error) -> Error {
        if error.is_timeout() { net::timed_out(&self.network) } else { transport(url, &error.without_url()) }
    }
}

impl sigstore_tuf::Repository for Http {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move { self.get(name, Wanted::of(name), max_length).await.map_err(wrapped) })
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move {
            let fetched = self.get(&format!("targets/{path}"), Wanted::Target, max_length).await;
            fetched.map_err(|error| match error.fault() {
                // The limit here is the length that signed metadata states.
                Fault::InputTooLarge { .. } => mismatch(),
                _ => wrapped(error),
            })
        })
    }
}

/// What a file is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    NextRoot,
    Timestamp,
    Snapshot,
    Targets,
    Target,
}

impl Wanted {
    fn of(name: &str) -> Self {
        match name {
            name if root_version(name).is_some() => Self::NextRoot,
            "timestamp.json" => Self::Timestamp,
            name if name.ends_with("snapshot.json") => Self::Snapshot,
            _ => Self::Targets,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::NextRoot => "TUF root",
            Self::Timestamp => "TUF timestamp",
            Self::Snapshot => "TUF snapshot",
            Self::Targets => "TUF targets",
            Self::Target => "trusted_root.json",
        }
    }
}

/// `url` as the folder of a repository.
pub(super) fn base_url(url: &str) -> Result<Url> {
    let mut url = net::service_url("url", url)?;
    if !url.path().ends_with('/') {
        let folder = format!("{}/", url.path());
        url.set_path(&folder);
    }
    Ok(url)
}

fn wrapped(error: Error) -> sigstore_tuf::Error {
    sigstore_tuf::Error::transport_with_source("fetching", error)
}

fn mismatch() -> sigstore_tuf::Error {
    sigstore_tuf::Error::IntegrityMismatch("the target is longer than its metadata says".to_owned())
}

fn unexpected(url: &Url, status: StatusCode, reason: &str) -> Error {
    Fault::TransportFailed { url: redacted(url), status: i64::from(status.as_u16()), reason: reason.to_owned() }.into()
}
