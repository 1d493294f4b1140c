//! Signing: from something to sign to a bundle that verifies
//! (<https://github.com/sigstore/architecture-docs/blob/main/client-spec.md>, section 4).
//!
//! [`sign`] makes a bundle of version 0.3 and verifies it, under the identity that the token claims or with the key that
//! signed, before anybody sees it. It runs on a tokio runtime with its I/O and time drivers; dropping the future gives up.

mod fulcio;
mod http;
mod key;
mod rekor;
mod services;
mod timestamp;
mod token;
mod write;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Url};
use serde_json::Value;
use zeroize::Zeroizing;

pub use key::{Answer, ExternalKey, Request, SigningKey};
pub use services::SigningConfig;
pub use token::{AUDIENCE, IdentityToken};

use crate::artifact::{Artifact, HashAlgorithm};
use crate::bundle::Bundle;
use crate::certificate::Certificate;
use crate::encoding::{base64_encode, from_json, hex_decode};
use crate::error::{Error, Fault, Result};
use crate::evidence::Evidence;
use crate::identity::Identity;
use crate::key::{KeyAlgorithm, PublicKey};
use crate::limits::Limits;
use crate::net::{Network, blocking};
use crate::statement::Statement;
use crate::time::Time;
use crate::trust_root::{Thresholds, TrustRoot};
use crate::verify::{ManagedKey, Policy, SignerPolicy, check_issued, verify};
use http::Http;
use services::{Choice, Service};

/// Signs `payload`.
///
/// # Errors
/// - `token_unavailable`, `token_invalid`: there is no token, or none that Fulcio would take.
/// - `transport_failed`, `budget_exhausted`, `malformed`, `input_too_large`: the services or the way to them.
/// - `service_missing`: the signing config does not offer what is needed.
/// - `option_invalid`, `digest_unavailable`, `statement_invalid`, `storage_failed`: what the caller gave.
/// - `signer_failed`: an external key did not sign.
/// - Any code of a verification: what came back does not verify, and is not returned.
pub async fn sign(payload: Payload, options: &Options) -> Result<Signed> {
    let limit = u64::try_from(options.total_timeout.as_millis()).unwrap_or(u64::MAX);
    let out_of_time = Fault::BudgetExhausted { what: "milliseconds for signing", limit };
    // The core of it is boxed: the future of a whole signing is large.
    let work = Box::pin(run(payload, options));
    tokio::time::timeout(options.total_timeout, work).await.unwrap_or_else(|_| Err(out_of_time.into()))
}

/// What is to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// An artifact.
    Bytes(Vec<u8>),
    /// A file, read in chunks.
    File(PathBuf),
    /// An artifact of which only the digest is known, by the algorithm that the key signs with.
    Digest(HashAlgorithm, Vec<u8>),
    /// An in-toto statement, signed byte for byte as it is.
    Statement(Vec<u8>),
}

/// Who signs.
pub enum Signer {
    /// Somebody with an identity token, by a certificate for a key made for this one signature.
    Keyless(TokenSource),
    /// A key in this process's memory.
    Key(Arc<SigningKey>),
    /// A key elsewhere, of which only the public part is here.
    External(Arc<PublicKey>, Arc<dyn ExternalKey>),
}

/// Where an identity token comes from.
pub enum TokenSource {
    /// The caller.
    Given(IdentityToken),
    /// GitHub Actions: what a job's environment calls `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    GitHub {
        /// Where to ask.
        url: String,
        /// What shows that this is the job.
        bearer: Zeroizing<String>,
    },
}

/// Which transparency logs a signature is entered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Logging {
    /// Those that the signing config chooses.
    #[default]
    Chosen,
    /// Those of this major version.
    Version(u64),
    /// None.
    Off,
}

/// How to sign.
pub struct Options {
    /// Who signs.
    pub signer: Signer,
    /// The services of an instance; `None` for a key that signs without any.
    pub services: Option<SigningConfig>,
    /// What the result is verified against; needed with `services`.
    pub trust: Option<Arc<TrustRoot>>,
    /// Which logs.
    pub log: Logging,
    /// Whether to ask timestamp authorities, if there are any.
    pub timestamps: bool,
    /// Whom the certificate must name, instead of what the token claims; empty for that.
    pub identities: Vec<Identity>,
    /// Whom the token must be for.
    pub audience: String,
    /// How a bundle names a key; `None` for the base64 form of the SHA-256 of its SubjectPublicKeyInfo.
    pub hint: Option<String>,
    /// The present.
    pub now: Time,
    /// The most that all of it may take.
    pub total_timeout: Duration,
    /// How to reach the services.
    pub network: Network,
    /// The limits.
    pub limits: Limits,
}

impl Options {
    /// The defaults for `signer`: no services, 60 seconds in all.
    #[must_use]
    pub fn new(signer: Signer, now: Time) -> Self {
        Self {
            signer,
            services: None,
            trust: None,
            log: Logging::Chosen,
            timestamps: true,
            identities: Vec::new(),
            audience: AUDIENCE.to_owned(),
            hint: None,
            now,
            total_timeout: Duration::from_secs(60),
            network: Network::default(),
            limits: Limits::default(),
        }
    }
}

/// A bundle, and what its verification found.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The bundle, JSON.
    pub bundle: String,
    /// What is in it.
    pub evidence: Evidence,
}

async fn run(payload: Payload, options: &Options) -> Result<Signed> {
    let plan = Plan::make(options)?;
    let now = tokio::time::Instant::now();
    let deadline = now.checked_add(options.total_timeout).unwrap_or(now);
    // Without services nothing of the network's setting up, such as reading certificate authorities, may get in the way.
    let mut http = if plan.is_online() { Some(Http::open(&options.network, deadline).await?) } else { None };
    let holder = Holder::find(options, &plan, http.as_mut()).await?;
    let (content, request) = prepare(payload, &holder.public, &plan, options).await?;
    let bytes = holder.sign(request, options).await?;
    let signature =
        Signature { key: holder.public, certificate: holder.certificate, hint: options.hint.clone(), content, bytes };
    let (stamps, entries) = match &http {
        Some(http) => {
            let made = tokio::join!(plan.stamp(http, &signature, options), plan.enter(http, &signature, options));
            both(made.0, made.1)?
        }
        None => (Vec::new(), Vec::new()),
    };
    finish(&signature, &stamps, entries, holder.identities, &plan, options)
}

/// Both, or what is wrong with either.
fn both<A, B>(a: Result<A>, b: Result<B>) -> Result<(A, B)> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(a), Err(b)) => Err(a.and(b)),
    }
}

/// Which services do what, decided before any is asked.
struct Plan {
    certificate: Option<Choice>,
    log: Option<Choice>,
    timestamp: Option<Choice>,
    trust: Option<Arc<TrustRoot>>,
}

impl Plan {
    fn make(options: &Options) -> Result<Self> {
        let keyless = matches!(options.signer, Signer::Keyless(_));
        let Some(services) = &options.services else {
            if keyless {
                return Err(option_invalid("services", "the services of an instance, to sign without a key"));
            }
            return Ok(Self { certificate: None, log: None, timestamp: None, trust: None });
        };
        let now = options.now;
        let log = match options.log {
            Logging::Chosen => Some(services.logs(None, now)?),
            Logging::Version(version) => Some(services.logs(Some(version), now)?),
            Logging::Off => None,
        };
        let stamped = options.timestamps && services.has_timestamp_authorities();
        let plan = Self {
            certificate: if keyless { Some(services.certificate_authorities(now)?) } else { None },
            timestamp: if stamped { Some(services.timestamp_authorities(now)?) } else { None },
            log,
            trust: options.trust.clone(),
        };
        if plan.trust.is_none() && (keyless || plan.log.is_some() || plan.timestamp.is_some()) {
            return Err(option_invalid("trust", "the trust root of the instance that signs, to verify the result"));
        }
        if keyless && plan.timestamp.is_none() && !plan.is_dated_by_log() {
            return Err(option_invalid("timestamps", "true: nothing else would date the signature"));
        }
        Ok(plan)
    }

    fn is_online(&self) -> bool {
        self.certificate.is_some() || self.log.is_some() || self.timestamp.is_some()
    }

    /// Version 1 promises a time.
    fn is_dated_by_log(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.groups.iter().flatten().all(|service| service.version == 1))
    }

    fn is_logged_in(&self, version: u64) -> bool {
        self.log.as_ref().is_some_and(|log| log.groups.iter().flatten().any(|service| service.version == version))
    }

    /// Version 1 hashes what ECDSA keys sign.
    fn is_hashed_by_log(&self, algorithm: KeyAlgorithm) -> bool {
        algorithm != KeyAlgorithm::Ed25519 && self.is_logged_in(1)
    }

    async fn stamp(&self, http: &Http, signature: &Signature, options: &Options) -> Result<Vec<Vec<u8>>> {
        let (Some(choice), Some(trust)) = (&self.timestamp, &self.trust) else { return Ok(Vec::new()) };
        each(choice, |service| {
            Box::pin(async move {
                let token = timestamp::stamp(http, service, &signature.bytes).await?;
                crate::limits::within("timestamp", options.limits.timestamp_bytes, token.len())?;
                crate::timestamp::verify(0, &token, &signature.bytes, &trust.timestamp_authorities)?;
                Ok(token)
            })
        })
        .await
    }

    async fn enter(&self, http: &Http, signature: &Signature, options: &Options) -> Result<Vec<Value>> {
        let Some(choice) = &self.log else { return Ok(Vec::new()) };
        each(choice, |service| Box::pin(rekor::enter(http, service, signature, &options.limits))).await
    }
}

/// Work in progress at a service.
type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Has as many operators as are wanted do their part, others standing in for those that cannot for now.
async fn each<'a, T>(choice: &'a Choice, ask: impl Fn(&'a Service) -> Pending<'a, T>) -> Result<Vec<T>> {
    let (mut done, mut faults) = (Vec::new(), Vec::new());
    for group in &choice.groups {
        if done.len() == choice.wanted {
            break;
        }
        for service in group {
            match ask(service).await {
                Ok(part) => {
                    done.push(part);
                    break;
                }
                Err(error) if another_may_do(&error) => faults.extend(error.into_faults()),
                Err(error) => return Err(error),
            }
        }
    }
    if done.len() == choice.wanted {
        return Ok(done);
    }
    Err(Error::from_faults(faults).unwrap_or_else(|| internal("asking services")))
}

/// Whether the fault is the service's own, or of the way to it: not one of what it was asked.
fn another_may_do(error: &Error) -> bool {
    match error.fault() {
        Fault::TransportFailed { status, .. } => matches!(status, 0 | 429 | 500..),
        Fault::BudgetExhausted { .. } | Fault::Malformed { .. } | Fault::InputTooLarge { .. } => true,
        _ => false,
    }
}

/// Who has the key, with what shows whose it is.
struct Holder<'a> {
    key: HolderKey<'a>,
    public: Arc<PublicKey>,
    /// Only keyless: the certificate.
    certificate: Option<Vec<u8>>,
    identities: Vec<Identity>,
}

enum HolderKey<'a> {
    Here(Arc<SigningKey>),
    Elsewhere(&'a Arc<dyn ExternalKey>),
}

impl<'a> Holder<'a> {
    async fn find(options: &'a Options, plan: &Plan, http: Option<&mut Http>) -> Result<Self> {
        let offline = || internal("keyless signing");
        match &options.signer {
            Signer::Key(key) => Ok(Self {
                key: HolderKey::Here(key.clone()),
                public: key.public().clone(),
                certificate: None,
                identities: Vec::new(),
            }),
            Signer::External(public, key) => Ok(Self {
                key: HolderKey::Elsewhere(key),
                public: public.clone(),
                certificate: None,
                identities: Vec::new(),
            }),
            Signer::Keyless(TokenSource::Given(token)) => {
                Self::keyless(token, options, plan, http.ok_or_else(offline)?).await
            }
            Signer::Keyless(TokenSource::GitHub { url, bearer }) => {
                let http = http.ok_or_else(offline)?;
                http.keep_secret(bearer);
                let token = github_token(http, url, bearer, options).await?;
                Self::keyless(&token, options, plan, http).await
            }
        }
    }

    async fn keyless(token: &IdentityToken, options: &Options, plan: &Plan, http: &mut Http) -> Result<Self> {
        token.check(&options.audience, options.now)?;
        http.keep_secret(token.secret());
        let identities = if options.identities.is_empty() { token.expected()? } else { options.identities.clone() };
        let (Some(choice), Some(trust)) = (&plan.certificate, &plan.trust) else {
            return Err(internal("keyless signing"));
        };
        let key = Arc::new(SigningKey::ephemeral()?);
        let (http, asked) = (&*http, &*key);
        let issued =
            each(choice, |service| Box::pin(fulcio::certificate(http, service, asked, token, &options.limits)));
        let der = issued.await?.pop().ok_or_else(|| internal("keyless signing"))?;
        let certificate = Certificate::parse(&der, &options.limits)?;
        if certificate.key.spki() != key.public().spki() {
            let reason = "it is for another key than the one it was asked for".to_owned();
            return Err(Fault::CertificateInvalid { subject: certificate.subject(), reason }.into());
        }
        check_issued(&certificate, trust, &identities, scts(trust), &options.limits)?;
        let public = key.public().clone();
        Ok(Self { key: HolderKey::Here(key), public, certificate: Some(der), identities })
    }

    async fn sign(&self, request: Request, options: &Options) -> Result<Vec<u8>> {
        match &self.key {
            HolderKey::Here(key) => key.sign(&request),
            HolderKey::Elsewhere(key) => {
                crate::limits::within("message", options.limits.message_bytes, request.length())?;
                key.sign(request).await
            }
        }
    }
}

impl Request {
    fn length(&self) -> usize {
        match self {
            Self::Digest(_, bytes) | Self::Message(bytes) | Self::Prehashed(bytes) => bytes.len(),
        }
    }
}

/// A root of an instance without certificate transparency has nothing to ask of a certificate there.
fn scts(trust: &TrustRoot) -> u64 {
    u64::from(!trust.certificate_logs.is_empty())
}

/// Asks GitHub for the token of the job this runs in.
async fn github_token(http: &Http, url: &str, bearer: &str, options: &Options) -> Result<IdentityToken> {
    #[derive(serde::Deserialize)]
    struct WireToken {
        value: String,
    }
    let unusable = || option_invalid("token", "what ACTIONS_ID_TOKEN_REQUEST_URL holds: an http or https URL");
    let mut url = Url::parse(url).map_err(|_| unusable())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unusable());
    }
    url.query_pairs_mut().append_pair("audience", &options.audience);
    let request = http::Request {
        method: Method::GET,
        url,
        content_type: "",
        accept: "application/json",
        body: Vec::new(),
        bearer: Some(bearer),
        what: "answer of GitHub's token service",
    };
    let answer = http.ask(&request).await?;
    // What a parser says of an answer may repeat it, and this secret is not known yet.
    let malformed =
        |_| Fault::Malformed { format: request.what, at: "value".to_owned(), reason: "it holds no token".to_owned() };
    let answer: WireToken = from_json(request.what, &answer, &options.limits).map_err(malformed)?;
    IdentityToken::parse(&Zeroizing::new(answer.value))
}

/// A signature with what it is over and by.
pub(crate) struct Signature {
    key: Arc<PublicKey>,
    certificate: Option<Vec<u8>>,
    hint: Option<String>,
    content: SignedContent,
    bytes: Vec<u8>,
}

/// What a signature is over.
enum SignedContent {
    /// An artifact of that digest.
    Message { algorithm: HashAlgorithm, digest: Vec<u8>, whole: Option<Vec<u8>> },
    /// A statement, in an envelope whose pre-authentication encoding has that digest.
    Statement { payload: Vec<u8>, algorithm: HashAlgorithm, digest: Vec<u8>, about: (HashAlgorithm, Vec<u8>) },
}

impl Signature {
    fn digest(&self) -> (HashAlgorithm, &[u8]) {
        match &self.content {
            SignedContent::Message { algorithm, digest, .. } | SignedContent::Statement { algorithm, digest, .. } => {
                (*algorithm, digest)
            }
        }
    }

    /// What to verify the bundle for.
    fn artifact(&self) -> Artifact<'_> {
        match &self.content {
            SignedContent::Message { whole: Some(whole), .. } => Artifact::Bytes(whole),
            SignedContent::Message { algorithm, digest, whole: None } => Artifact::Digest(*algorithm, digest.clone()),
            SignedContent::Statement { about: (algorithm, digest), .. } => Artifact::Digest(*algorithm, digest.clone()),
        }
    }
}

/// What will be signed, and how to ask for it.
async fn prepare(
    payload: Payload,
    key: &PublicKey,
    plan: &Plan,
    options: &Options,
) -> Result<(SignedContent, Request)> {
    let external = matches!(options.signer, Signer::External(..));
    let algorithm = key.algorithm();
    if algorithm == KeyAlgorithm::Rsa {
        return Err(Fault::AlgorithmUnsupported { what: "signing", algorithm: algorithm.name().to_owned() }.into());
    }
    match payload {
        Payload::Statement(_) if algorithm == KeyAlgorithm::Ed25519 && plan.is_logged_in(2) => {
            Err(option_invalid("log", "version 1, or none: Rekor 2 takes no Ed25519 signature of a statement"))
        }
        // It verifies envelopes with SHA-256, which is not the registry's for other curves.
        Payload::Statement(_) if usual_hash(algorithm) != HashAlgorithm::Sha256 && plan.is_hashed_by_log(algorithm) => {
            Err(option_invalid("log", "version 2, or none: Rekor 1 takes a statement only signed by P-256 or Ed25519"))
        }
        Payload::Statement(payload) => prepare_statement(payload, algorithm, options),
        artifact if algorithm == KeyAlgorithm::Ed25519 && plan.log.is_none() => whole(artifact, options).await,
        _ if algorithm == KeyAlgorithm::Ed25519 && external => {
            Err(option_invalid("log", "none: an external Ed25519 key cannot sign the digest that logs take"))
        }
        artifact => {
            let hash = usual_hash(algorithm);
            let digest = digest(artifact, hash).await?;
            let request = match algorithm {
                KeyAlgorithm::Ed25519 => Request::Prehashed(digest.clone()),
                _ => Request::Digest(hash, digest.clone()),
            };
            Ok((SignedContent::Message { algorithm: hash, digest, whole: None }, request))
        }
    }
}

fn usual_hash(algorithm: KeyAlgorithm) -> HashAlgorithm {
    algorithm.artifact_hashes().first().copied().unwrap_or(HashAlgorithm::Sha512)
}

/// An artifact for pure Ed25519, which signs the message itself.
async fn whole(artifact: Payload, options: &Options) -> Result<(SignedContent, Request)> {
    let limit = options.limits.message_bytes;
    let bytes = blocking(move || {
        let artifact = borrowed(&artifact)?;
        let bytes = artifact.bytes(limit)?.map(std::borrow::Cow::into_owned);
        bytes.ok_or_else(|| {
            let needed = "own bytes (Ed25519 does not hash first)".to_owned();
            Fault::DigestUnavailable { needed, given: artifact.describe() }.into()
        })
    })
    .await?;
    let algorithm = HashAlgorithm::Sha256;
    let digest = algorithm.digest(&bytes);
    Ok((SignedContent::Message { algorithm, digest, whole: Some(bytes.clone()) }, Request::Message(bytes)))
}

async fn digest(artifact: Payload, algorithm: HashAlgorithm) -> Result<Vec<u8>> {
    blocking(move || {
        let digests = borrowed(&artifact)?.digests(&[algorithm])?;
        match digests.get(algorithm) {
            Some(digest) => Ok(digest.to_vec()),
            None => Err(crate::entry::unavailable(algorithm.name(), &digests).into()),
        }
    })
    .await
}

fn borrowed(payload: &Payload) -> Result<Artifact<'_>> {
    match payload {
        Payload::Bytes(bytes) => Ok(Artifact::Bytes(bytes)),
        Payload::File(path) => Ok(Artifact::File(path.clone())),
        Payload::Digest(algorithm, digest) => Artifact::from_digest(*algorithm, digest.clone()),
        Payload::Statement(_) => Err(internal("a statement is no artifact")),
    }
}

fn prepare_statement(payload: Vec<u8>, algorithm: KeyAlgorithm, options: &Options) -> Result<(SignedContent, Request)> {
    let about = subject(&Statement::parse(&payload, &options.limits)?)?;
    let pae = write::envelope(payload.clone(), Vec::new()).pae();
    let hash = usual_hash(algorithm);
    let digest = hash.digest(&pae);
    let request = match algorithm {
        KeyAlgorithm::Ed25519 => Request::Message(pae),
        _ => Request::Digest(hash, digest.clone()),
    };
    Ok((SignedContent::Statement { payload, algorithm: hash, digest, about }, request))
}

/// The first digest by which anybody could find that the statement is about something.
fn subject(statement: &Statement) -> Result<(HashAlgorithm, Vec<u8>)> {
    let digests = statement.subjects.iter().flat_map(|subject| &subject.digests);
    let usable = |(name, value): &(String, String)| {
        let algorithm = HashAlgorithm::from_name(name)?;
        let digest = hex_decode(value).filter(|digest| digest.len() == algorithm.length())?;
        Some((algorithm, digest))
    };
    digests.filter_map(usable).next().ok_or_else(|| {
        let reason = "no subject has a sha256, sha384 or sha512 digest: nobody could verify it".to_owned();
        Fault::StatementInvalid { field: "subject".to_owned(), reason }.into()
    })
}

/// The bundle, if it verifies.
fn finish(
    signature: &Signature,
    stamps: &[Vec<u8>],
    entries: Vec<Value>,
    identities: Vec<Identity>,
    plan: &Plan,
    options: &Options,
) -> Result<Signed> {
    let counted = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let (logged, stamped) = (counted(entries.len()), counted(stamps.len()));
    let bundle = write::bundle(signature, stamps, entries);
    let policy = Policy {
        trust: plan.trust.iter().cloned().collect(),
        signer: if signature.certificate.is_some() {
            SignerPolicy::AnyOf(identities)
        } else {
            let key = PublicKey::from_spki("key", signature.key.spki())?;
            SignerPolicy::Keys(vec![Arc::new(ManagedKey { key, hint: Some(signature.hint()), validity: None })])
        },
        thresholds: Some(Thresholds {
            log_entries: logged,
            timestamps: stamped,
            scts: plan.trust.as_deref().map_or(0, scts),
        }),
        untimed: logged == 0,
        limits: options.limits,
    };
    let parsed = Bundle::parse(bundle.as_bytes(), &options.limits)?;
    let evidence = verify(&parsed, &signature.artifact(), &policy)?.into_evidence();
    if evidence.ignored_timestamps > 0 || counted(evidence.log_entries.len()) != logged {
        return Err(internal("verifying what was signed"));
    }
    Ok(Signed { bundle, evidence })
}

/// `path` at a service, whose URL may end in a slash or not.
fn endpoint(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let folder = format!("{}/{path}", base.path().trim_end_matches('/'));
    url.set_path(&folder);
    url
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let encoded = base64_encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

fn option_invalid(option: &str, expected: &'static str) -> Error {
    Fault::OptionInvalid { option: option.to_owned(), expected }.into()
}

fn internal(at: &str) -> Error {
    Fault::Internal { at: at.to_owned() }.into()
}
