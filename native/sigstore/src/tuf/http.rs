//! A TUF repository behind HTTP: bounded in time and bytes, and with faults that say what went wrong.

use std::path::Path;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Response, StatusCode, Url};
use sigstore_tuf::transport::FetchFuture;

use super::state::root_version;
use super::{Proxy, RefreshOptions, Repository, blocking, describe, storage_fault};
use crate::error::{Error, Fault, Result};

/// A connection to one repository.
pub(super) struct Http {
    base: Url,
    client: Client,
    request_milliseconds: u64,
}

impl Http {
    /// Prepares requests to `repository`, without making one.
    pub(super) async fn open(repository: &Repository, options: &RefreshOptions) -> Result<Self> {
        let (base, options) = (repository.url.clone(), options.clone());
        // The platform's and the caller's authorities are read from files.
        blocking(move || {
            let request_milliseconds = u64::try_from(options.request_timeout.as_millis()).unwrap_or(u64::MAX);
            let client = client(&options)?.build().map_err(|error| transport(&base, &error))?;
            Ok(Self { base, client, request_milliseconds })
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
        self.body(&url, response, wanted, limit).await.map(Some)
    }

    async fn body(&self, url: &Url, mut response: Response, wanted: Wanted, limit: u64) -> Result<Vec<u8>> {
        let too_large = |actual| Fault::InputTooLarge { what: wanted.as_str(), limit, actual };
        if let Some(announced) = response.content_length().filter(|announced| *announced > limit) {
            return Err(too_large(announced).into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.fault(url, error))? {
            let length = body.len().saturating_add(chunk.len()) as u64;
            if length > limit {
                return Err(too_large(length).into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn fault(&self, url: &Url, error: reqwest::Error) -> Error {
        if error.is_timeout() {
            let limit = self.request_milliseconds;
            return Fault::BudgetExhausted { what: "milliseconds for one request", limit }.into();
        }
        transport(url, &error.without_url())
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
    let invalid = || Fault::OptionInvalid {
        option: "url".to_owned(),
        expected: "an http or https URL without a query or a fragment",
    };
    let mut url = Url::parse(url).map_err(|_| invalid())?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.has_host();
    if !plain || !matches!(url.scheme(), "http" | "https") {
        return Err(invalid().into());
    }
    if !url.path().ends_with('/') {
        let folder = format!("{}/", url.path());
        url.set_path(&folder);
    }
    Ok(url)
}

/// `url` without what may be secret.
pub(super) fn redacted(url: &Url) -> String {
    let mut url = url.clone();
    // These fail only for URLs without a host, which have no credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    crate::error::quote(url.as_str())
}

fn client(options: &RefreshOptions) -> Result<ClientBuilder> {
    let mut authorities = Vec::new();
    for path in &options.ca_files {
        authorities.extend(read_authorities(path)?);
    }
    let builder = Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .timeout(options.request_timeout)
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .tls_certs_merge(authorities)
        .redirect(within_origin())
        .referer(false);
    Ok(match &options.proxy {
        Proxy::Environment => builder,
        Proxy::Direct => builder.no_proxy(),
        Proxy::Url(url) => builder.no_proxy().proxy(
            reqwest::Proxy::all(url)
                .map_err(|_| Fault::OptionInvalid { option: "proxy".to_owned(), expected: "an http or https URL" })?,
        ),
    })
}

fn read_authorities(path: &Path) -> Result<Vec<Certificate>> {
    let pem = std::fs::read(path).map_err(|error| storage_fault(path, error))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| storage_fault(path, describe(&error)))?;
    if found.is_empty() { Err(storage_fault(path, "it holds no PEM certificate")) } else { Ok(found) }
}

/// Redirects stay with the server that the caller named, and are few.
fn within_origin() -> Policy {
    const MOST: usize = 5;
    Policy::custom(|attempt| {
        let asked = attempt.previous().first().map(Url::origin);
        if asked == Some(attempt.url().origin()) && attempt.previous().len() <= MOST {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
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

fn transport(url: &Url, error: &dyn std::error::Error) -> Error {
    Fault::TransportFailed { url: redacted(url), status: 0, reason: describe(error) }.into()
}
