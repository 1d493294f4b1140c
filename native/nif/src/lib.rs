//! The BEAM's door to the core: each function decodes its terms, makes one call, and encodes what it answers.
//!
//! Nothing here raises. The Erlang module `hex_provenance_nif` has the documented types.

mod atoms;
mod decode;
mod encode;
mod guard;
#[cfg(feature = "network")]
mod job;
mod json;
mod light;
#[cfg(feature = "log")]
mod log;
#[cfg(feature = "registry")]
mod registry;
mod resource;
#[cfg(feature = "sign")]
mod sign;
#[cfg(feature = "slsa")]
mod slsa;
#[cfg(feature = "test-hooks")]
mod test_hook;
#[cfg(feature = "tuf")]
mod tuf;

use provenance_sigstore::{Bundle, Error, Limits, Policy, Result, verify};
use rustler::{Encoder, Env, ResourceArc, Term};

use crate::light::Turn;
use crate::resource::{Root, Verifier};

#[rustler::nif(schedule = "DirtyCpu")]
fn sigstore_verify<'a>(env: Env<'a>, bundle: Term<'a>, artifact: Term<'a>, options: Term<'a>) -> Term<'a> {
    let _turn = Turn::among_others();
    guard::dirty(env, || {
        let policy = decode::policy_option(options)?;
        verified(env, &parsed(bundle, &policy)?, artifact, &policy)
    })
}

/// As `sigstore_verify`, on an ordinary scheduler; `elsewhere` when the work is not short, or others verify.
#[rustler::nif]
fn sigstore_verify_here<'a>(env: Env<'a>, bundle: Term<'a>, artifact: Term<'a>, options: Term<'a>) -> Term<'a> {
    if light::others_verify() || !light::short_terms(bundle, artifact, options) {
        return light::elsewhere(env);
    }
    let Some(_turn) = Turn::alone() else { return light::elsewhere(env) };
    light::or_elsewhere(env, light::HALF, || {
        let policy = decode::policy_option(options)?;
        let bundle = parsed(bundle, &policy)?;
        light::short_bundle(&bundle).then(|| verified(env, &bundle, artifact, &policy)).transpose()
    })
}

/// Verifies a few pairs of bundle and artifact in a row; what is no pair fails as one that holds nothing.
#[rustler::nif(schedule = "DirtyCpu")]
fn sigstore_verify_several<'a>(env: Env<'a>, pairs: Term<'a>, verifier: Term<'a>) -> Term<'a> {
    let _turn = Turn::among_others();
    let given = guard::caught(|| Ok((decode::items("items", pairs)?, decode::policy_option(verifier)?)));
    let (pairs, policy) = match given {
        Ok(given) => given,
        Err(error) => return guard::answer::<Error>(env, Err(error)),
    };
    let nothing = || (atoms::undefined().encode(env), atoms::undefined().encode(env));
    let one = |pair: Term<'a>| {
        let (bundle, artifact) = pair.decode().unwrap_or_else(|_| nothing());
        guard::dirty(env, || verified(env, &parsed(bundle, &policy)?, artifact, &policy))
    };
    pairs.map(one).collect::<Vec<_>>().encode(env)
}

fn parsed(bundle: Term<'_>, policy: &Policy) -> Result<Bundle> {
    Bundle::parse(&decode::binary("bundle", bundle)?, &policy.limits)
}

fn verified<'a>(env: Env<'a>, bundle: &Bundle, artifact: Term<'a>, policy: &Policy) -> Result<Term<'a>> {
    let verified = decode::with_artifact(artifact, |artifact| verify(bundle, artifact, policy))?;
    Ok(encode::evidence(env, verified.evidence()))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn sigstore_verifier<'a>(env: Env<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty(env, || Ok(ResourceArc::new(Verifier(decode::policy(options)?)).encode(env)))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn sigstore_bundle_info<'a>(env: Env<'a>, bundle: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let limits = Limits::default();
        let bundle = Bundle::parse(&decode::binary("bundle", bundle)?, &limits)?;
        encode::bundle_info(env, &bundle, &limits)
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn sigstore_trust_root<'a>(env: Env<'a>, source: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let root = decode::trust_root(source, &Limits::default())?;
        Ok(ResourceArc::new(Root(root)).encode(env))
    })
}

#[rustler::nif]
fn sigstore_trust_root_info<'a>(env: Env<'a>, root: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let root: ResourceArc<Root> = root.decode().map_err(|_| decode::invalid("trust_root", "a trust root"))?;
        Ok(encode::trust_root_info(env, &root.0))
    })
}

#[rustler::nif]
fn sigstore_catalogue(env: Env<'_>) -> Term<'_> {
    guard::short(env, || Ok(encode::catalogue(env)))
}

fn load(env: Env<'_>, _: Term<'_>) -> bool {
    guard::install();
    atoms::install(env);
    true
}

rustler::init!("hex_provenance_nif", load = load);
