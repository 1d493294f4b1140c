//! Refreshing a trust root: on one runtime for all callers, answered by message, given up when the caller is gone.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use provenance_sigstore::tuf::{RefreshOptions, Repository, refresh};
use provenance_sigstore::{Fault, Instance, Limits, Result, Source, TrustRoot};
use rustler::{Encoder, Env, LocalPid, Monitor, OwnedEnv, Resource, ResourceArc, Term};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, JoinHandle};

use crate::resource::Root;
use crate::{decode, guard};

/// What to refresh from.
pub(crate) struct From {
    pub(crate) repository: Repository,
    pub(crate) instance: Option<Instance>,
}

/// A refresh under way. The caller gets exactly one message `{Job, Result}` unless it cancels or ends.
pub(crate) struct Job(AbortHandle);

#[rustler::resource_impl]
impl Resource for Job {
    fn down<'a>(&'a self, _: Env<'a>, _: LocalPid, _: Monitor) {
        self.0.abort();
    }
}

#[rustler::nif(schedule = "DirtyCpu")]
fn sigstore_refresh<'a>(env: Env<'a>, repository: Term<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let from = decode::repository(repository)?;
        Ok(start(env, from, decode::refresh_options(options)?)?.encode(env))
    })
}

#[rustler::nif]
fn sigstore_cancel<'a>(env: Env<'a>, job: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let job: ResourceArc<Job> = job.decode().map_err(|_| decode::invalid("job", "a refresh under way"))?;
        job.0.abort();
        Ok(crate::atoms::undefined().encode(env))
    })
}

fn start(env: Env<'_>, from: From, options: RefreshOptions) -> Result<ResourceArc<Job>> {
    let runtime = runtime()?;
    let caller = env.pid();
    let work = runtime.spawn(run(from, options));
    let job = ResourceArc::new(Job(work.abort_handle()));
    if env.monitor(&job, &caller).is_none() {
        work.abort();
    }
    runtime.spawn(deliver(job.clone(), caller, work));
    Ok(job)
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

async fn deliver(job: ResourceArc<Job>, caller: LocalPid, work: JoinHandle<Result<Arc<TrustRoot>>>) {
    let result = match work.await {
        Ok(result) => result,
        Err(ended) if ended.is_cancelled() => return,
        Err(_) => Err(Fault::Internal { at: "refreshing a trust root".to_owned() }.into()),
    };
    // Nobody to tell is fine: the caller has ended.
    let _ = OwnedEnv::new().send_and_clear(&caller, |env| {
        let answer = guard::answer(env, result.map(|root| ResourceArc::new(Root(root)).encode(env)));
        (job, answer)
    });
}

/// Started at first use; never stopped, so that nothing waits for it when the VM halts.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let started = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(8)
        .thread_name("hex_provenance")
        .enable_all()
        .build()
        .map_err(|e| Fault::Internal { at: format!("starting threads for the network: {e}") })?;
    Ok(RUNTIME.get_or_init(|| started))
}
