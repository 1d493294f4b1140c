//! Which services do what, and how they are asked.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use super::http::Http;
use super::prepare::Signature;
use super::services::{Choice, Service};
use super::{Logging, Options, internal, option_invalid, rekor, timestamp};
use crate::error::{Error, Fault, Result};
use crate::key::KeyAlgorithm;
use crate::trust_root::TrustRoot;

/// Which services do what, decided before any is asked.
pub(super) struct Plan {
    pub(super) certificate: Option<Choice>,
    pub(super) log: Option<Choice>,
    timestamp: Option<Choice>,
    pub(super) trust: Option<Arc<TrustRoot>>,
}

impl Plan {
    pub(super) fn make(keyless: bool, options: &Options) -> Result<Self> {
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

    pub(super) fn is_online(&self) -> bool {
        self.certificate.is_some() || self.log.is_some() || self.timestamp.is_some()
    }

    /// Version 1 promises a time.
    fn is_dated_by_log(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.groups.iter().flatten().all(|service| service.version == 1))
    }

    pub(super) fn is_logged_in(&self, version: u64) -> bool {
        self.log.as_ref().is_some_and(|log| log.groups.iter().flatten().any(|service| service.version == version))
    }

    /// Version 1 hashes what ECDSA keys sign.
    pub(super) fn is_hashed_by_log(&self, algorithm: KeyAlgorithm) -> bool {
        algorithm != KeyAlgorithm::Ed25519 && self.is_logged_in(1)
    }

    /// Has timestamp authorities and logs say that there is a signature.
    pub(super) async fn vouch(&self, http: &Http, signature: &Signature, options: &Options) -> Result<Vouched> {
        match tokio::join!(self.stamp(http, signature, options), self.enter(http, signature, options)) {
            (Ok(stamps), Ok(entries)) => Ok(Vouched { stamps, entries }),
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
            (Err(a), Err(b)) => Err(a.and(b)),
        }
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

/// What says that there is a signature: timestamps, DER, and log entries as a bundle has them.
#[derive(Default)]
pub(super) struct Vouched {
    pub(super) stamps: Vec<Vec<u8>>,
    pub(super) entries: Vec<Value>,
}

/// Work in progress at a service.
pub(super) type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Has as many operators as are wanted do their part, others standing in for those that cannot for now.
pub(super) async fn each<'a, T>(choice: &'a Choice, ask: impl Fn(&'a Service) -> Pending<'a, T>) -> Result<Vec<T>> {
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
