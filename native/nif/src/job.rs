//! Work on the network: on one runtime for all callers, answered by message, given up when the caller is gone.

use std::future::{Future, poll_fn};
use std::sync::OnceLock;
#[cfg(feature = "sign")]
use std::sync::{Mutex, PoisonError};

use provenance_sigstore::{Fault, Result};
use rustler::{Encoder, Env, LocalPid, Monitor, OwnedEnv, Resource, ResourceArc, Term};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::{atoms, decode, guard};

/// Work under way. The caller gets exactly one message `{Job, Result}` unless it cancels or ends.
pub(crate) struct Job {
    work: AbortHandle,
    /// Where the answer to a question goes that the caller was asked.
    #[cfg(feature = "sign")]
    reply: Mutex<Option<oneshot::Sender<Result<Vec<u8>>>>>,
}

#[rustler::resource_impl]
impl Resource for Job {
    fn down<'a>(&'a self, _: Env<'a>, _: LocalPid, _: Monitor) {
        self.work.abort();
    }
}

#[rustler::nif]
fn sigstore_cancel<'a>(env: Env<'a>, job: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        job_option(job)?.work.abort();
        Ok(atoms::undefined().encode(env))
    })
}

pub(crate) fn job_option(term: Term<'_>) -> Result<ResourceArc<Job>> {
    term.decode().map_err(|_| decode::invalid("job", "work under way"))
}

/// Starts `work`, which is told of the job it does, for the calling process.
pub(crate) fn start<T, W>(
    env: Env<'_>,
    work: impl FnOnce(ResourceArc<Job>) -> W,
    encode: fn(Env<'_>, T) -> Term<'_>,
) -> Result<ResourceArc<Job>>
where
    T: Send + 'static,
    W: Future<Output = Result<T>> + Send + 'static,
{
    let runtime = runtime()?;
    let caller = env.pid();
    let (begin, begun) = oneshot::channel::<W>();
    let working = runtime.spawn(async move {
        match begun.await {
            Ok(work) => yielding(work).await,
            Err(_) => Err(Fault::Internal { at: "starting work".to_owned() }.into()),
        }
    });
    let job = ResourceArc::new(Job {
        work: working.abort_handle(),
        #[cfg(feature = "sign")]
        reply: Mutex::new(None),
    });
    if env.monitor(&job, &caller).is_none() {
        working.abort();
    }
    // Nobody receives it if the work was aborted just now.
    let _ = begin.send(work(job.clone()));
    runtime.spawn(deliver(job.clone(), caller, working, encode));
    Ok(job)
}

/// Does `work`, and lets others have the processor after each step of it: a verification is long enough for the ordinary
/// schedulers to feel it when cores are few.
async fn yielding<W: Future>(work: W) -> W::Output {
    let mut work = std::pin::pin!(work);
    poll_fn(move |context| {
        let step = work.as_mut().poll(context);
        std::thread::yield_now();
        step
    })
    .await
}

async fn deliver<T>(
    job: ResourceArc<Job>,
    caller: LocalPid,
    working: tokio::task::JoinHandle<Result<T>>,
    encode: fn(Env<'_>, T) -> Term<'_>,
) {
    let result = match working.await {
        Ok(result) => result,
        Err(ended) if ended.is_cancelled() => return,
        Err(_) => Err(Fault::Internal { at: "work on the network".to_owned() }.into()),
    };
    // Nobody to tell is fine: the caller has ended.
    let _ = OwnedEnv::new().send_and_clear(&caller, |env| {
        let answer = guard::answer(env, result.map(|value| encode(env, value)));
        (job, answer)
    });
}

impl Job {
    /// Asks the caller something by a message `{Job, Question}`, and waits for what it answers.
    #[cfg(feature = "sign")]
    pub(crate) async fn ask(
        job: &ResourceArc<Self>,
        caller: LocalPid,
        question: impl FnOnce(Env<'_>) -> Term<'_> + Send,
    ) -> Result<Vec<u8>> {
        let gone = || Fault::SignerFailed { reason: "the process that asked has ended".to_owned() };
        let (reply, replied) = oneshot::channel();
        *job.reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
        OwnedEnv::new().send_and_clear(&caller, |env| (job.clone(), question(env))).map_err(|_| gone())?;
        replied.await.map_err(|_| gone())?
    }

    /// Hands on the caller's answer. A second one, or one nobody waits for, is dropped.
    #[cfg(feature = "sign")]
    pub(crate) fn answer(&self, answer: Result<Vec<u8>>) {
        let waiting = self.reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            let _ = waiting.send(answer);
        }
    }
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
