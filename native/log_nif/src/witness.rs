//! Checkpoints as others take them: proofs as text, notes taken apart, witnesses asked, quorums counted.

use provenance_log::note::{Signature, VerifierKey};
use provenance_log::policy::{Freshness, Party, Policy};
use provenance_log::tlog_proof::TlogProof;
use provenance_log::witness::{AddCheckpoint, Answer, read_answer};
use provenance_log::{Result, SignedCheckpoint};
use provenance_nif_base::decode::{binary, invalid, items};
use provenance_nif_base::encode::{bytes, list, map, optional, text};
use rustler::types::tuple::get_tuple;
use rustler::{Encoder, Env, Resource, ResourceArc, Term};

use crate::{atoms, decode, guard};

/// Witnesses that are asked at once at most.
const MOST_KEYS: usize = 256;

/// A policy, read.
struct ReadPolicy(Policy);

#[rustler::resource_impl]
impl Resource for ReadPolicy {}

#[rustler::nif]
fn log_tlog_proof<'a>(env: Env<'a>, index: Term<'a>, hashes: Term<'a>, note: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let proof = TlogProof {
            extra: None,
            index: decode::number("index", index)?,
            path: decode::hashes("hashes", hashes)?,
            checkpoint: checkpoint(note)?,
        };
        Ok(text(env, &proof.to_string()))
    })
}

#[rustler::nif]
fn log_note<'a>(env: Env<'a>, note: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let signed = checkpoint(note)?;
        let says = signed.checkpoint();
        Ok(map(
            env,
            [
                (atoms::origin(), text(env, says.origin())),
                (atoms::size(), says.size().encode(env)),
                (atoms::root(), bytes(env, says.root())),
                (atoms::signatures(), list(env, signed.note().signatures(), signature)),
            ],
        ))
    })
}

fn signature<'a>(env: Env<'a>, signature: &Signature) -> Term<'a> {
    map(env, [(atoms::name(), text(env, signature.name())), (atoms::key_id(), bytes(env, &signature.key_id()))])
}

#[rustler::nif]
fn log_witness_request<'a>(env: Env<'a>, old: Term<'a>, hashes: Term<'a>, note: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let (old, hashes) = (decode::number("old", old)?, decode::hashes("hashes", hashes)?);
        Ok(text(env, &AddCheckpoint::new(old, hashes, checkpoint(note)?)?.to_string()))
    })
}

/// Verifies up to 64 signatures.
#[rustler::nif(schedule = "DirtyCpu")]
fn log_witness_answer<'a>(
    env: Env<'a>,
    status: Term<'a>,
    content_type: Term<'a>,
    body: Term<'a>,
    note: Term<'a>,
    vkeys: Term<'a>,
) -> Term<'a> {
    guard::dirty(env, || {
        let status = status.decode().map_err(|_| invalid("status", "an HTTP status"))?;
        let content_type = decode::text("content_type", content_type)?;
        let (body, mut signed) = (binary("body", body)?, checkpoint(note)?);
        let keys = items("vkeys", vkeys)?.take(MOST_KEYS).map(|vkey| VerifierKey::parse(decode::text("vkeys", vkey)?));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        Ok(match read_answer(status, content_type, &body, &mut signed, &keys)? {
            Answer::Cosigned(_) => (atoms::cosigned(), text(env, &signed.to_string())).encode(env),
            Answer::Conflict(size) => (atoms::conflict(), size).encode(env),
        })
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_policy<'a>(env: Env<'a>, file: Term<'a>) -> Term<'a> {
    guard::dirty(env, || Ok(ResourceArc::new(ReadPolicy(Policy::parse(&binary("policy", file)?)?)).encode(env)))
}

/// Whom a policy names.
#[rustler::nif]
fn log_policy_info<'a>(env: Env<'a>, policy: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let policy = policy_option(policy)?;
        Ok(map(
            env,
            [
                (atoms::logs(), list(env, policy.0.logs(), party)),
                (atoms::witnesses(), list(env, policy.0.witnesses(), party)),
            ],
        ))
    })
}

fn party<'a>(env: Env<'a>, party: &Party) -> Term<'a> {
    map(
        env,
        [
            (atoms::name(), text(env, party.key.name())),
            (atoms::vkey(), text(env, &party.key.to_string())),
            (atoms::url(), optional(env, party.url.as_ref(), |env, url| text(env, url))),
        ],
    )
}

/// Verifies up to 64 signatures.
#[rustler::nif(schedule = "DirtyCpu")]
fn log_policy_check<'a>(env: Env<'a>, policy: Term<'a>, note: Term<'a>, fresh: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let witnessed = policy_option(policy)?.0.check(&checkpoint(note)?, freshness(fresh)?)?;
        let cosignature = |env, one: &provenance_log::checkpoint::Cosignature| {
            map(env, [(atoms::name(), text(env, one.key.name())), (atoms::time(), one.time.encode(env))])
        };
        Ok(map(
            env,
            [
                (atoms::quorum(), witnessed.quorum.encode(env)),
                (atoms::witnesses(), list(env, &witnessed.cosignatures, cosignature)),
            ],
        ))
    })
}

fn policy_option(term: Term<'_>) -> Result<ResourceArc<ReadPolicy>> {
    decode::resource("policy", term, "what log_policy returned")
}

/// `undefined` for any age, or `{Now, MaxAge}`.
fn freshness(term: Term<'_>) -> Result<Option<Freshness>> {
    match get_tuple(term).unwrap_or_default().as_slice() {
        [] if atoms::undefined() == term => Ok(None),
        [now, max_age] => {
            Ok(Some(Freshness { now: decode::number("fresh", *now)?, max_age: decode::number("fresh", *max_age)? }))
        }
        _ => Err(invalid("fresh", "undefined or {Now, MaxAge}"))?,
    }
}

fn checkpoint(term: Term<'_>) -> Result<SignedCheckpoint> {
    SignedCheckpoint::parse(&binary("note", term)?)
}
