//! The network of a keyless signing without its cryptography: the same requests to the same services, in the same order
//! and through the same HTTP library as the core's, but written beforehand, and with answers that nobody looks into.
//!
//! Every one is prepared with a key and a certificate of its own, since a log may refuse what it has already.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::case::{base64, json as parse, text};
use crate::ephemeral::Ephemeral;
use crate::{Outcome, during};

pub(crate) struct Exchanges {
    client: Client,
    services: Services,
    artifact: Vec<u8>,
    prepared: VecDeque<Exchange>,
}

#[derive(Clone)]
struct Services {
    authority: Url,
    timestamps: Url,
    log: Url,
    log_version: u64,
}

/// The bodies of one signing's requests.
struct Exchange {
    certificate: Vec<u8>,
    timestamp: Vec<u8>,
    entry: Vec<u8>,
}

const JSON: (&str, &str) = ("application/json", "application/json");
const TIMESTAMP: (&str, &str) = ("application/timestamp-query", "application/timestamp-reply");

impl Exchanges {
    pub(crate) fn load(folder: &Path) -> Outcome<Self> {
        let config = parse(&during("services", std::fs::read_to_string(folder.join("services.json")))?)?;
        Ok(Self {
            client: client()?,
            services: Services::read(&config)?,
            artifact: during("artifact", std::fs::read(folder.join("artifact")))?,
            prepared: VecDeque::new(),
        })
    }

    /// Makes everything that the next `n` exchanges will send.
    pub(crate) fn prepare(&mut self, runtime: &Runtime, token: &str, n: usize) -> Outcome<String> {
        self.prepared.clear();
        for _ in 0..n {
            self.prepared.push_back(runtime.block_on(self.prepare_one(token))?);
        }
        Ok(String::new())
    }

    /// What sends one of the prepared, once it is polled.
    pub(crate) fn start(&mut self) -> Outcome<impl Future<Output = Outcome<()>> + Send + use<>> {
        let exchange = self.prepared.pop_front().ok_or("nothing is prepared")?;
        Ok(exchange.send(self.client.clone(), self.services.clone()))
    }

    async fn prepare_one(&self, token: &str) -> Outcome<Exchange> {
        let key = Ephemeral::generate()?;
        let request = pem("CERTIFICATE REQUEST", &key.request()?);
        let certificate = json!({
            "credentials": { "oidcIdentityToken": token },
            "certificateSigningRequest": STANDARD.encode(request),
        });
        let certificate = certificate.to_string().into_bytes();
        let answer = post(&self.client, &self.services.authority, JSON, &certificate).await?;
        let answer = parse(&during("certificate", String::from_utf8(answer))?)?;
        let leaf = text(&answer, "/signedCertificateEmbeddedSct/chain/certificates/0")?;
        let signature = key.sign(&self.artifact)?;
        let entry = self.services.entry(leaf, &self.artifact, &signature)?.to_string().into_bytes();
        Ok(Exchange { certificate, timestamp: timestamp_query(&signature), entry })
    }
}

impl Services {
    /// The first of each kind: the config of a bench's own services has no other.
    fn read(config: &Value) -> Outcome<Self> {
        let version = config.pointer("/rekorTlogUrls/0/majorApiVersion").and_then(Value::as_u64);
        let log_version = version.ok_or("log without a version")?;
        Ok(Self {
            authority: url(text(config, "/caUrls/0/url")?, "/api/v2/signingCert")?,
            timestamps: url(text(config, "/tsaUrls/0/url")?, "")?,
            log: url(text(config, "/rekorTlogUrls/0/url")?, &format!("/api/v{log_version}/log/entries"))?,
            log_version,
        })
    }

    /// What proposes an entry to the log.
    fn entry(&self, leaf: &str, artifact: &[u8], signature: &[u8]) -> Outcome<Value> {
        let (digest, signature) = (digest(&SHA256, artifact), STANDARD.encode(signature));
        if self.log_version == 1 {
            let value: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            let spec = json!({
                "data": { "hash": { "algorithm": "sha256", "value": value } },
                "signature": { "content": signature, "publicKey": { "content": STANDARD.encode(leaf) } },
            });
            return Ok(json!({ "apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec }));
        }
        let der: String = leaf.lines().filter(|line| !line.starts_with('-')).collect();
        let certificate = json!({ "rawBytes": STANDARD.encode(base64(&der)?) });
        let verifier = json!({ "x509Certificate": certificate, "keyDetails": "PKIX_ECDSA_P256_SHA_256" });
        let content = json!({ "content": signature, "verifier": verifier });
        let digest = STANDARD.encode(digest.as_ref());
        Ok(json!({ "hashedRekordRequestV002": { "digest": digest, "signature": content } }))
    }
}

impl Exchange {
    async fn send(self, client: Client, services: Services) -> Outcome<()> {
        post(&client, &services.authority, JSON, &self.certificate).await?;
        let timestamp = post(&client, &services.timestamps, TIMESTAMP, &self.timestamp);
        let (timestamp, entry) = tokio::join!(timestamp, post(&client, &services.log, JSON, &self.entry));
        timestamp.and(entry).map(drop)
    }
}

/// Set up as the core's (native/sigstore/src/net.rs, sign/http.rs).
fn client() -> Outcome<Client> {
    let builder = Client::builder()
        .user_agent("provenance-sigstore/0.1.0")
        .timeout(Duration::from_secs(20))
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .pool_idle_timeout(Duration::from_millis(500))
        .referer(false);
    during("HTTP client", builder.build())
}

/// The body of the answer, read as the core reads it.
async fn post(client: &Client, url: &Url, (kind, accept): (&str, &str), body: &[u8]) -> Outcome<Vec<u8>> {
    let request = client.post(url.clone()).header("content-type", kind).body(body.to_vec()).header("accept", accept);
    let mut response = during("request", request.send().await)?;
    let (status, _headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = during("answer", response.chunk().await)? {
        body.extend_from_slice(&chunk);
    }
    if status.is_success() { Ok(body) } else { Err(format!("{url}: {status} {}", String::from_utf8_lossy(&body))) }
}

/// RFC 3161, section 2.4.1: TimeStampReq over the SHA-256 of the signature, with a nonce of 16 bytes, asking for the
/// certificate.
fn timestamp_query(signature: &[u8]) -> Vec<u8> {
    const BEFORE_DIGEST: [u8; 24] = [
        0x30, 0x4b, 0x02, 0x01, 0x01, // version 1
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
        0x20,
    ];
    let digest = digest(&SHA256, signature);
    let (hashed, nonce) = (digest.as_ref(), digest.as_ref().get(..15).unwrap_or_default());
    [&BEFORE_DIGEST, hashed, &[0x02, 0x10, 0x40], nonce, &[0x01, 0x01, 0xff]].concat()
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let lines: Vec<_> = encoded.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn url(base: &str, path: &str) -> Outcome<Url> {
    during("service", Url::parse(&format!("{base}{path}")))
}
