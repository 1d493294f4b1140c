//! What every request has in common: time limits, proxies, certificate authorities, and errors without secrets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, NoProxy, Url};

use crate::error::{Error, Fault, Result, quote};

/// How to reach services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The most that one request may take, from connecting to the last byte.
    pub request_timeout: Duration,
    /// PEM files of certificate authorities that are trusted for TLS besides the platform's.
    pub ca_files: Vec<PathBuf>,
    /// Which proxy to use.
    pub proxy: Proxy,
}

impl Default for Network {
    /// 20 seconds a request, proxies from the environment.
    fn default() -> Self {
        Self { request_timeout: Duration::from_secs(20), ca_files: Vec::new(), proxy: Proxy::Environment }
    }
}

/// Which proxy requests go through.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Proxy {
    /// What the environment says: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case.
    #[default]
    Environment,
    /// None, whatever the environment says.
    Direct,
    /// This one, but for hosts that `NO_PROXY` names; credentials in its URL are used and never repeated in an error.
    Url(String),
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Environment => "Environment",
            Self::Direct => "Direct",
            // It may hold a password.
            Self::Url(_) => "Url(..)",
        })
    }
}

/// What is in the files of certificate authorities now.
pub(crate) fn read_ca_files(network: &Network) -> Result<Vec<Vec<u8>>> {
    network.ca_files.iter().map(|path| std::fs::read(path).map_err(|error| storage_fault(path, error))).collect()
}

/// A client that keeps to `network`, whose `ca_files` hold `pems`. Reads the platform's files.
pub(crate) fn client(network: &Network, pems: &[Vec<u8>]) -> Result<ClientBuilder> {
    let mut authorities = Vec::new();
    for (path, pem) in network.ca_files.iter().zip(pems) {
        authorities.extend(parse_authorities(path, pem)?);
    }
    let builder = Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .timeout(network.request_timeout)
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .tls_certs_merge(authorities)
        .redirect(within_origin())
        .referer(false);
    Ok(match &network.proxy {
        Proxy::Environment => builder,
        Proxy::Direct => builder.no_proxy(),
        Proxy::Url(url) => builder.proxy(stated(url)?),
    })
}

fn stated(url: &str) -> Result<reqwest::Proxy> {
    let invalid = |_| Fault::OptionInvalid { option: "proxy".to_owned(), expected: "an http or https URL" };
    Ok(reqwest::Proxy::all(url).map_err(invalid)?.no_proxy(NoProxy::from_env()))
}

fn parse_authorities(path: &Path, pem: &[u8]) -> Result<Vec<Certificate>> {
    let found = Certificate::from_pem_bundle(pem).map_err(|error| storage_fault(path, describe(&error)))?;
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

/// An http or https URL of a service, without query and fragment.
pub(crate) fn service_url(option: &str, url: &str) -> Result<Url> {
    let invalid = || Fault::OptionInvalid {
        option: option.to_owned(),
        expected: "an http or https URL without a query or a fragment",
    };
    let url = Url::parse(url).map_err(|_| invalid())?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.has_host();
    if plain && matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(invalid().into()) }
}

/// The whole body of a response, at most `limit` bytes of it.
pub(crate) async fn body(
    mut response: reqwest::Response,
    what: &'static str,
    limit: u64,
    failed: impl Fn(reqwest::Error) -> Error,
) -> Result<Vec<u8>> {
    let too_large = |actual| Fault::InputTooLarge { what, limit, actual };
    if let Some(announced) = response.content_length().filter(|announced| *announced > limit) {
        return Err(too_large(announced).into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(&failed)? {
        let length = body.len().saturating_add(chunk.len()) as u64;
        if length > limit {
            return Err(too_large(length).into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// `url` without what may be secret.
pub(crate) fn redacted(url: &Url) -> String {
    let mut url = url.clone();
    // These fail only for URLs without a host, which have no credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    quote(url.as_str())
}

/// A request that failed before there was a whole answer.
pub(crate) fn transport(url: &Url, error: &dyn std::error::Error) -> Error {
    Fault::TransportFailed { url: redacted(url), status: 0, reason: describe(error) }.into()
}

/// A request that took longer than one may.
pub(crate) fn timed_out(network: &Network) -> Error {
    let limit = u64::try_from(network.request_timeout.as_millis()).unwrap_or(u64::MAX);
    Fault::BudgetExhausted { what: "milliseconds for one request", limit }.into()
}

/// `error` and what caused it, as hostile text.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    quote(&text)
}

/// Runs what may block away from the runtime's workers.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(Fault::Internal { at: "work away from the runtime".to_owned() }.into()))
}

pub(crate) fn storage_fault(path: &Path, reason: impl ToString) -> Error {
    Fault::StorageFailed { path: quote(&path.to_string_lossy()), reason: quote(&reason.to_string()) }.into()
}
