//! Refreshing a trust root.

use std::sync::Arc;
use std::time::Duration;

use provenance_sigstore::tuf::{RefreshOptions, Refreshed, Repository, refresh};
use provenance_sigstore::{Fault, Instance, Limits, Result, Source, TrustRoot};
use rustler::{Encoder, Env, ResourceArc, Term};

use crate::resource::Root;
use crate::{decode, guard, job};

/// What to refresh from.
pub(crate) struct From {
    pub(crate) repository: Repository,
    pub(crate) instance: Option<Instance>,
}

#[rustler::nif(schedule = "DirtyCpu")]
fn sigstore_refresh<'a>(env: Env<'a>, repository: Term<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let from = decode::repository(repository)?;
        let options = decode::refresh_options(options)?;
        let work = |_| run(from, options);
        Ok(job::start(env, work, |env, root| ResourceArc::new(Root(root)).encode(env))?.encode(env))
    })
}

/// The services of an instance and the root that belongs to them, in the form of options for signing.
#[cfg(feature = "sign")]
#[rustler::nif(schedule = "DirtyCpu")]
fn sigstore_refresh_services<'a>(env: Env<'a>, repository: Term<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let from = decode::repository(repository)?;
        let options = decode::refresh_options(options)?;
        Ok(job::start(env, |_| services(from, options), services_term)?.encode(env))
    })
}

#[cfg(feature = "sign")]
fn services_term(env: Env<'_>, (config, root): (Vec<u8>, Arc<TrustRoot>)) -> Term<'_> {
    let config = (crate::atoms::json(), crate::encode::bytes(env, &config)).encode(env);
    let root = ResourceArc::new(Root(root)).encode(env);
    crate::encode::map(env, [(crate::atoms::services(), config), (crate::atoms::trust(), root)])
}

#[cfg(feature = "sign")]
async fn services(from: From, options: RefreshOptions) -> Result<(Vec<u8>, Arc<TrustRoot>)> {
    let (refreshed, root) = refreshed(from, options).await?;
    let config =
        refreshed.signing_config.ok_or(Fault::ServiceMissing { kind: "a signing config", wanted: 1, found: 0 })?;
    // Refused now, not when somebody signs.
    provenance_sigstore::sign::SigningConfig::parse(&config, &Limits::default())?;
    Ok((config, root))
}

async fn run(from: From, options: RefreshOptions) -> Result<Arc<TrustRoot>> {
    refreshed(from, options).await.map(|(_, root)| root)
}

async fn refreshed(from: From, options: RefreshOptions) -> Result<(Refreshed, Arc<TrustRoot>)> {
    // The core bounds its requests and its waiting for the cache; this bounds a disk that does not answer.
    let patience = options.total_timeout.saturating_add(Duration::from_secs(5));
    let refreshed = tokio::time::timeout(patience, refresh(&from.repository, &options)).await.map_err(|_| {
        let limit = u64::try_from(options.total_timeout.as_millis()).unwrap_or(u64::MAX);
        Fault::BudgetExhausted { what: "milliseconds for refreshing a trust root", limit }
    })??;
    let source = Source::Tuf(from.instance, refreshed.as_of);
    let root = TrustRoot::parse(&refreshed.trusted_root, source, &Limits::default())?;
    Ok((refreshed, Arc::new(root)))
}
