//! Requests to the services of an instance: bounded in time, bytes and tries.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use crate::artifact::sha256;
use crate::encoding::from_json;
use crate::error::{Error, Fault, Result, quote};
use crate::limits::Limits;
use crate::net::{self, Network, blocking, redacted, transport};

/// The most bytes of one answer.
const MOST_BYTES: u64 = 1 << 20;
/// The most tries of one request.
const MOST_TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const WITHHELD: &str = "its answer repeats a secret, and is withheld";

/// A way to all services of one signing.
pub(super) struct Http {
    client: Client,
    network: Network,
    /// When all must be done.
    deadline: Instant,
    /// What no error may repeat.
    secrets: Vec<zeroize::Zeroizing<String>>,
}

/// A request, which may be sent again.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) content_type: &'static str,
    pub(super) accept: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) bearer: Option<&'a str>,
    /// What its answer is called in errors.
    pub(super) what: &'static str,
}

/// An answer that is not a failure of the service: what else its status means is for the caller to say.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    pub(super) location: Option<String>,
}

impl Http {
    /// Prepares requests, without making one.
    pub(super) async fn open(network: &Network, deadline: Instant) -> Result<Self> {
        let last = if network.ca_files.is_empty() { Last::client(network, &[]) } else { None };
        let client = match last {
            Some(client) => client,
            None => {
                let network = network.clone();
                blocking(move || client(network)).await?
            }
        };
        Ok(Self { client, network: network.clone(), deadline, secrets: Vec::new() })
    }

    /// Has no error repeat `secret`.
    pub(super) fn keep_secret(&mut self, secret: &str) {
        self.secrets.push(zeroize::Zeroizing::new(secret.to_owned()));
    }

    /// The body of the answer to a request that succeeds.
    pub(super) async fn ask(&self, request: &Request<'_>) -> Result<Vec<u8>> {
        let answer = self.send(request).await?;
        self.accepted(&request.url, answer)
    }

    /// As [`Http::ask`], read as JSON of a known shape.
    pub(super) async fn ask_json<T: DeserializeOwned>(&self, request: &Request<'_>, limits: &Limits) -> Result<T> {
        self.read(request.what, &self.ask(request).await?, limits)
    }

    /// An answer's JSON. What a parser says of it may repeat it, and the answer may repeat a secret.
    pub(super) fn read<T: DeserializeOwned>(&self, what: &'static str, body: &[u8], limits: &Limits) -> Result<T> {
        from_json(what, body, limits).map_err(|error| {
            if !self.tells(&error.to_string()) {
                return error;
            }
            Fault::Malformed { format: what, at: ".".to_owned(), reason: WITHHELD.to_owned() }.into()
        })
    }

    /// Sends a request, again when the way to the service fails, or the service says that it does for now.
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Answer> {
        let mut tries = 0u32;
        loop {
            tries = tries.saturating_add(1);
            let (error, asked) = match self.once(request).await {
                Ok((answer, _)) if !is_for_now(answer.status) => return Ok(answer),
                Ok((answer, asked)) => (self.refused(&request.url, &answer), asked),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Connection(error)) => (error, None),
            };
            let pause = asked.unwrap_or_else(|| jittered(tries));
            let in_time = Instant::now().checked_add(pause).is_some_and(|then| then < self.deadline);
            if tries >= MOST_TRIES || !in_time {
                return Err(error);
            }
            sleep(pause).await;
        }
    }

    async fn once(&self, request: &Request<'_>) -> Result<(Answer, Option<Duration>), Failure> {
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                Failure::Final(net::timed_out(&self.network))
            } else {
                Failure::Connection(transport(&request.url, &error.without_url()))
            }
        };
        let mut builder = self.client.request(request.method.clone(), request.url.clone());
        if !request.body.is_empty() {
            builder = builder.header("content-type", request.content_type).body(request.body.clone());
        }
        if let Some(token) = request.bearer {
            builder = builder.bearer_auth(token);
        }
        let response = builder.header("accept", request.accept).send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = net::body(response, request.what, MOST_BYTES, |error| failed(error).into()).await;
        let body = body.map_err(|error| match error.code() {
            "transport_failed" => Failure::Connection(error),
            _ => Failure::Final(error),
        })?;
        Ok((Answer { status, body, location: header(&headers, LOCATION.as_str()) }, retry_after(&headers)))
    }

    /// The body of an answer, unless the service refuses.
    pub(super) fn accepted(&self, url: &Url, answer: Answer) -> Result<Vec<u8>> {
        if answer.status.is_success() { Ok(answer.body) } else { Err(self.refused(url, &answer)) }
    }

    /// Whether a text has the beginning of a secret's part in it: what is cut off would be one as well.
    fn tells(&self, text: &str) -> bool {
        let begins =
            |part: &str| part.get(..part.len().min(16)).is_some_and(|part| part.len() > 8 && text.contains(part));
        self.secrets.iter().any(|secret| secret.split('.').any(begins))
    }

    /// What a service said instead of doing what it was asked, without secrets.
    fn refused(&self, url: &Url, answer: &Answer) -> Error {
        let said = message(&answer.body);
        let reason = if self.tells(&said) { WITHHELD.to_owned() } else { quote(&said) };
        Fault::TransportFailed { url: redacted(url), status: i64::from(answer.status.as_u16()), reason }.into()
    }
}

/// `path` at a service, whose URL may end in a slash or not.
pub(super) fn endpoint(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let folder = format!("{}/{path}", base.path().trim_end_matches('/'));
    url.set_path(&folder);
    url
}

/// The client made last: reading certificate authorities takes longer than all else of a signing.
struct Last {
    network: Network,
    /// SHA-256 of the caller's files, which may change.
    ca_files: Vec<[u8; 32]>,
    client: Client,
}

static LAST: Mutex<Option<Last>> = Mutex::new(None);

impl Last {
    fn client(network: &Network, ca_files: &[[u8; 32]]) -> Option<Client> {
        let last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref()
            .filter(|last| last.network == *network && last.ca_files == ca_files)
            .map(|last| last.client.clone())
    }

    fn keep(self) {
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(self);
    }
}

/// How long a connection waits for another request.
const IDLE: Duration = Duration::from_millis(500);

/// The client for `network` as its files are now. Reads files.
fn client(network: Network) -> Result<Client> {
    let pems = net::read_ca_files(&network)?;
    let ca_files: Vec<_> = pems.iter().map(|pem| sha256(pem)).collect();
    if let Some(client) = Last::client(&network, &ca_files) {
        return Ok(client);
    }
    let failed = |e: reqwest::Error| Fault::Internal { at: format!("an HTTP client: {}", net::describe(&e)) };
    let client = net::client(&network, &pems)?.pool_idle_timeout(IDLE).build().map_err(failed)?;
    Last { network, ca_files, client: client.clone() }.keep();
    Ok(client)
}

/// Why a request has no answer.
enum Failure {
    /// Another try may do better.
    Connection(Error),
    Final(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Connection(error) | Failure::Final(error) => error,
        }
    }
}

fn is_for_now(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// Longer with every try, and never in step with others.
fn jittered(tries: u32) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(1 << tries.min(8)).min(LONGEST_PAUSE);
    let mut random = [0; 2];
    // Without randomness the pause is the longest.
    let share = rand::fill(&mut random).map_or(u16::MAX, |()| u16::from_be_bytes(random));
    let jitter = most.mul_f64(f64::from(share) / f64::from(u16::MAX));
    FIRST_PAUSE.checked_div(2).unwrap_or_default().saturating_add(jitter)
}

/// RFC 9110, section 10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = header(headers, RETRY_AFTER.as_str())?;
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(&text).ok()?.timestamp();
    let wait = date.as_second().saturating_sub(jiff::Timestamp::now().as_second());
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The words of a service that refuses: the message of a JSON answer, else its beginning.
fn message(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let said = json.as_ref().and_then(|json| json.get("message")?.as_str());
    match said {
        Some(text) => text.to_owned(),
        None => String::from_utf8_lossy(body.get(..body.len().min(512)).unwrap_or_default()).trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        for tries in 0..40 {
            let pause = jittered(tries);
            assert!(pause >= FIRST_PAUSE / 2 && pause <= LONGEST_PAUSE + FIRST_PAUSE, "{tries}: {pause:?}");
        }
        assert!((0..20).map(|_| jittered(6)).collect::<std::collections::BTreeSet<_>>().len() > 10);
    }

    #[test]
    fn a_client_is_kept_while_its_files_stay_as_they_are() {
        let path = std::env::temp_dir().join(format!("provenance-ca-{}.pem", std::process::id()));
        let network = Network { ca_files: vec![path.clone()], ..Network::default() };
        let authority = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
        let made = |pem: &str| {
            std::fs::write(&path, pem).unwrap();
            client(network.clone()).map(|_| ()).map_err(|error| error.code())
        };
        let first = authority();
        for pem in [&first, &first, &authority()] {
            assert_eq!(made(pem), Ok(()));
            assert!(Last::client(&network, &[sha256(pem.as_bytes())]).is_some());
        }
        assert!(Last::client(&network, &[sha256(first.as_bytes())]).is_none());
        assert_eq!(made("no certificate"), Err("storage_failed"));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(client(network).unwrap_err().code(), "storage_failed");
    }

    #[test]
    fn what_repeats_a_secret_is_withheld() {
        let (deadline, network) = (Instant::now(), Network::default());
        let mut http = Http { client: Client::new(), network, deadline, secrets: Vec::new() };
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIiwiZXhwIjoxfQ.c2lnbmF0dXJlIG9mIGEgdG9rZW4";
        http.keep_secret(token);
        let url = Url::parse("https://example.com").unwrap();
        let told = |body: String| {
            let answer = Answer { status: StatusCode::BAD_REQUEST, body: body.into_bytes(), location: None };
            http.refused(&url, &answer).to_string()
        };
        assert!(told("no".to_owned()).ends_with("no"));
        // A part that is cut off by the limit on what is told is withheld as well.
        for body in [token.to_owned(), format!("{}{token}", "x".repeat(480)), format!(r#"{{"message":"{token}"}}"#)] {
            let told = told(body);
            assert!(told.ends_with(WITHHELD), "{told}");
        }
        let read = |body: &str| http.read::<Vec<u8>>("x", body.as_bytes(), &Limits::default()).unwrap_err().to_string();
        assert!(!read(&format!("\"{token}\"")).contains("eyJ"));
        assert!(read("{").contains("expected a sequence"), "what is no secret is told");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]));
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(read("Thu, 21 Oct 2100 07:28:00 GMT").is_some_and(|wait| wait > Duration::from_secs(1 << 30)));
        assert_eq!(read("soon"), None);
    }
}
