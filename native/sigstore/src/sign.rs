//! Signing: from something to sign to a bundle that verifies
//! (<https://github.com/sigstore/architecture-docs/blob/main/client-spec.md>, section 4).
//!
//! [`sign`] makes a bundle of version 0.3 and verifies it, under the identity that the token claims or with the key that
//! signed, before anybody sees it. It runs on a tokio runtime with its I/O and time drivers; dropping the future gives up.

mod fulcio;
mod holder;
mod http;
mod key;
mod plan;
mod prepare;
mod rekor;
mod services;
mod timestamp;
mod token;
mod write;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

pub use key::{Answer, ExternalKey, Request, SigningKey};
pub use services::SigningConfig;
pub use token::{AUDIENCE, IdentityToken};

use crate::artifact::HashAlgorithm;
use crate::bundle::Bundle;
use crate::error::{Error, Fault, Result};
use crate::evidence::Evidence;
use crate::identity::Identity;
use crate::key::PublicKey;
use crate::limits::Limits;
use crate::net::Network;
use crate::time::Time;
use crate::trust_root::{Thresholds, TrustRoot};
use crate::verify::{ManagedKey, Policy, SignerPolicy, verify};
use holder::Holder;
use http::Http;
use plan::{Plan, Vouched};
use prepare::{Signature, prepare};

/// Has `signer` sign `payload`.
///
/// # Errors
/// - `token_unavailable`, `token_invalid`: there is no token, or none that Fulcio would take.
/// - `transport_failed`, `budget_exhausted`, `malformed`, `input_too_large`: the services or the way to them.
/// - `service_missing`: the signing config does not offer what is needed.
/// - `option_invalid`, `digest_unavailable`, `statement_invalid`, `storage_failed`: what the caller gave.
/// - `signer_failed`: an external key did not sign.
/// - Any code of a verification: what came back does not verify, and is not returned.
pub async fn sign(payload: Payload, signer: &Signer, options: &Options) -> Result<Signed> {
    let limit = u64::try_from(options.total_timeout.as_millis()).unwrap_or(u64::MAX);
    let out_of_time = Fault::BudgetExhausted { what: "milliseconds for signing", limit };
    // The core of it is boxed: the future of a whole signing is large.
    let work = Box::pin(run(payload, signer, options));
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
    /// The defaults: no services, 60 seconds in all.
    #[must_use]
    pub fn new(now: Time) -> Self {
        Self {
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

async fn run(payload: Payload, signer: &Signer, options: &Options) -> Result<Signed> {
    let plan = Plan::make(matches!(signer, Signer::Keyless(_)), options)?;
    let now = tokio::time::Instant::now();
    let deadline = now.checked_add(options.total_timeout).unwrap_or(now);
    // Without services nothing of the network's setting up, such as reading certificate authorities, may get in the way.
    let mut http = if plan.is_online() { Some(Http::open(&options.network, deadline).await?) } else { None };
    let holder = Holder::find(signer, options, &plan, http.as_mut()).await?;
    let (content, request) = prepare(payload, &holder, &plan, options).await?;
    // ECDSA signs anew every time.
    let again = matches!(request, Request::Digest(..)).then(|| request.clone());
    let mut signature = Signature {
        key: holder.public.clone(),
        certificate: holder.certificate.clone(),
        hint: options.hint.clone(),
        content,
        bytes: holder.sign(request, options).await?,
    };
    let vouched = match &http {
        Some(http) => match (plan.vouch(http, &signature, options).await, again) {
            // Rekor 2 has it from a try whose answer got lost, and does not hand it out.
            (Err(error), Some(request)) if rekor::is_conflict(&error) => {
                signature.bytes = holder.sign(request, options).await?;
                plan.vouch(http, &signature, options).await?
            }
            (vouched, _) => vouched?,
        },
        None => Vouched::default(),
    };
    finish(&signature, vouched, holder.identities, &plan, options)
}

/// The bundle, if it verifies.
fn finish(
    signature: &Signature,
    vouched: Vouched,
    identities: Vec<Identity>,
    plan: &Plan,
    options: &Options,
) -> Result<Signed> {
    let counted = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let (logged, stamped) = (counted(vouched.entries.len()), counted(vouched.stamps.len()));
    let bundle = write::bundle(signature, vouched);
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

/// A root of an instance without certificate transparency has nothing to ask of a certificate there.
fn scts(trust: &TrustRoot) -> u64 {
    u64::from(!trust.certificate_logs.is_empty())
}

fn option_invalid(option: &str, expected: &'static str) -> Error {
    Fault::OptionInvalid { option: option.to_owned(), expected }.into()
}

fn internal(at: &str) -> Error {
    Fault::Internal { at: at.to_owned() }.into()
}
