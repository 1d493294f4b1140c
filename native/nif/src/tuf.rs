//! Refreshing a trust root.

use std::sync::Arc;
use std::time::Duration;

use provenance_sigstore::tuf::{RefreshOptions, Repository, refresh};
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

async fn run(from: From, options: RefreshOptions) -> Result<Arc<TrustRoot>> {
    // The core bounds its requests and its waiting for the cache; this bounds a disk that does not answer.
    let patience = options.total_timeout.saturating_add(Duration::from_secs(5));
    let refreshed = tokio::time::timeout(patience, refresh(&from.repository, &options)).await.map_err(|_| {
        let limit = u64::try_from(options.total_timeout.as_millis()).unwrap_or(u64::MAX);
        Fault::BudgetExhausted { what: "milliseconds for refreshing a trust root", limit }
    })??;
    let source = Source::Tuf(from.instance, refreshed.as_of);
    TrustRoot::parse(&refreshed.trusted_root, source, &Limits::default()).map(Arc::new)
}
