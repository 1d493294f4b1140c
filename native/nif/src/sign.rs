//! Signing.

use std::sync::Arc;

use provenance_sigstore::PublicKey;
use provenance_sigstore::sign::{Answer, ExternalKey, Request, Signer, SigningKey, sign};
use rustler::{Encoder, Env, LocalPid, Resource, ResourceArc, Term};

use crate::job::{Job, job_option};
use crate::{atoms, decode, encode, guard, job};

/// A private key: wiped when nobody holds it.
pub(crate) struct PrivateKey(pub(crate) Arc<SigningKey>);

#[rustler::resource_impl]
impl Resource for PrivateKey {}

#[rustler::nif(schedule = "DirtyCpu")]
fn sigstore_signing_key<'a>(env: Env<'a>, source: Term<'a>) -> Term<'a> {
    guard::dirty(env, || Ok(ResourceArc::new(PrivateKey(decode::signing_key(source)?)).encode(env)))
}

#[rustler::nif]
fn sigstore_public_key<'a>(env: Env<'a>, key: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let key: ResourceArc<PrivateKey> =
            key.decode().map_err(|_| decode::invalid("key", "what signing_key returned"))?;
        Ok(encode::public_key(env, key.0.public()))
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn sigstore_sign<'a>(env: Env<'a>, payload: Term<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let payload = decode::payload(payload)?;
        let (who, options) = decode::sign_options(options)?;
        let caller = env.pid();
        let work = move |job: ResourceArc<Job>| async move {
            let signer = match who {
                Who::Signer(signer) => signer,
                Who::Caller(public) => Signer::External(public, Arc::new(Caller { job, pid: caller })),
            };
            sign(payload, &signer, &options).await
        };
        Ok(job::start(env, work, |env, signed| encode::signed(env, &signed))?.encode(env))
    })
}

#[rustler::nif]
fn sigstore_sign_reply<'a>(env: Env<'a>, job: Term<'a>, reply: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        job_option(job)?.answer(decode::signature(reply)?);
        Ok(atoms::undefined().encode(env))
    })
}

/// Who signs.
pub(crate) enum Who {
    /// Somebody whom the core knows how to have sign.
    Signer(Signer),
    /// The calling process, with the private part of this key.
    Caller(Arc<PublicKey>),
}

/// A key that the calling process can have used.
struct Caller {
    job: ResourceArc<Job>,
    pid: LocalPid,
}

impl ExternalKey for Caller {
    fn sign(&self, request: Request) -> Answer<'_> {
        Box::pin(Job::ask(&self.job, self.pid, move |env| encode::sign_request(env, &request)))
    }
}
