//! The terms that signing takes.

use std::sync::Arc;

use provenance_sigstore::sign::{
    IdentityToken, Logging, Options, Payload, Signer, SigningConfig, SigningKey, TokenSource,
};
use provenance_sigstore::{Fault, Instance, Limits, PublicKey, Result, Time};
use rustler::types::tuple::get_tuple;
use rustler::{ResourceArc, Term};
use zeroize::Zeroizing;

use super::{
    Content, binary, content, file_name, identities, instance, invalid, limits, members, network_option, read_file,
    tagged, trust_root, unknown, utf8,
};
use crate::atoms;
use crate::resource::embedded;
use crate::sign::{PrivateKey, Who};

pub(crate) fn payload(term: Term<'_>) -> Result<Payload> {
    const EXPECTED: &str =
        "{bytes, Binary}, {file, Path}, {digest, sha256 | sha384 | sha512, Binary} or {statement, Binary}";
    if let Some((_, statement)) = tagged(term).filter(|(tag, _)| *tag == atoms::statement()) {
        return Ok(Payload::Statement(binary("payload", statement)?.to_vec()));
    }
    Ok(match content("payload", term, EXPECTED)? {
        Content::Bytes(bytes) => Payload::Bytes(bytes.to_vec()),
        Content::File(path) => Payload::File(path),
        Content::Digest(algorithm, digest) => Payload::Digest(algorithm, digest),
    })
}

pub(crate) fn sign_options(term: Term<'_>) -> Result<(Who, Options)> {
    let given = Given::read(term)?;
    let who = given.who()?;
    let mut options = Options::new(Time::now());
    if let Some(term) = given.limits {
        options.limits = limits(term)?;
    }
    let instance = match given.services {
        None if matches!(who, Who::Signer(Signer::Keyless(_))) => Some(Instance::PublicGood),
        None => None,
        Some(term) => instance(term),
    };
    options.services = match (given.services, instance) {
        (_, Some(instance)) => Some(SigningConfig::embedded(instance)?),
        (None, None) => None,
        (Some(term), None) => services(term, &options.limits)?,
    };
    options.trust = match given.trust {
        Some(term) if atoms::none() == term => None,
        Some(term) => Some(trust_root(term, &options.limits)?),
        None => instance.map(embedded).transpose()?,
    };
    options.log = given.log.map_or(Ok(Logging::Chosen), log)?;
    if let Some(term) = given.timestamps {
        options.timestamps = term.decode().map_err(|_| invalid("timestamps", "a boolean"))?;
    }
    if let Some(term) = given.identity {
        options.identities = identities(term)?;
    }
    if let Some(term) = given.audience {
        options.audience = utf8("audience", term, "a UTF-8 binary")?;
    }
    options.hint = given.hint.map(|term| utf8("hint", term, "a UTF-8 binary")).transpose()?;
    for (name, value) in given.network {
        network_option(name, value, &mut options.network, &mut options.total_timeout)?;
    }
    Ok((who, options))
}

/// The options by name, not looked at yet: how some are read depends on others.
#[derive(Default)]
struct Given<'a> {
    token: Option<Term<'a>>,
    key: Option<Term<'a>>,
    external: Option<Term<'a>>,
    services: Option<Term<'a>>,
    trust: Option<Term<'a>>,
    log: Option<Term<'a>>,
    timestamps: Option<Term<'a>>,
    identity: Option<Term<'a>>,
    audience: Option<Term<'a>>,
    hint: Option<Term<'a>>,
    limits: Option<Term<'a>>,
    network: Vec<(Term<'a>, Term<'a>)>,
}

impl<'a> Given<'a> {
    fn read(term: Term<'a>) -> Result<Self> {
        const EXPECTED: &str = "token, key, external_key, services, trust, log, timestamps, identity, audience, hint, \
                                limits, timeout, ca_files or proxy";
        let mut given = Self::default();
        for (name, value) in members("options", term)? {
            let slot = match name {
                n if atoms::token() == n => &mut given.token,
                n if atoms::key() == n => &mut given.key,
                n if atoms::external_key() == n => &mut given.external,
                n if atoms::services() == n => &mut given.services,
                n if atoms::trust() == n => &mut given.trust,
                n if atoms::log() == n => &mut given.log,
                n if atoms::timestamps() == n => &mut given.timestamps,
                n if atoms::identity() == n => &mut given.identity,
                n if atoms::audience() == n => &mut given.audience,
                n if atoms::hint() == n => &mut given.hint,
                n if atoms::limits() == n => &mut given.limits,
                n if [atoms::timeout(), atoms::ca_files(), atoms::proxy()].iter().any(|known| *known == n) => {
                    given.network.push((n, value));
                    continue;
                }
                n => return Err(unknown("", n, EXPECTED)),
            };
            *slot = Some(value);
        }
        Ok(given)
    }

    fn who(&self) -> Result<Who> {
        match (self.token, self.key, self.external) {
            (Some(token), None, None) => Ok(Who::Signer(Signer::Keyless(token_source(token)?))),
            (None, Some(key), None) => Ok(Who::Signer(Signer::Key(signing_key(key)?))),
            (None, None, Some(key)) => Ok(Who::Caller(public_key(key)?)),
            _ => Err(invalid("token", "exactly one of token, key and external_key")),
        }
    }
}

fn token_source(term: Term<'_>) -> Result<TokenSource> {
    const EXPECTED: &str = "a token in a UTF-8 binary";
    match get_tuple(term).unwrap_or_default().as_slice() {
        // What the Erlang face makes of the environment.
        [tag, url, bearer] if atoms::github() == *tag => Ok(TokenSource::GitHub {
            url: utf8("token", *url, EXPECTED)?,
            bearer: Zeroizing::new(utf8("token", *bearer, EXPECTED)?),
        }),
        [tag, looked_for] if atoms::unavailable() == *tag => {
            Err(Fault::TokenUnavailable { looked_for: utf8("token", *looked_for, EXPECTED)? }.into())
        }
        _ => {
            let token = Zeroizing::new(utf8("token", term, EXPECTED)?);
            Ok(TokenSource::Given(IdentityToken::parse(&token)?))
        }
    }
}

/// A prepared key, or something to prepare one from.
pub(crate) fn signing_key(term: Term<'_>) -> Result<Arc<SigningKey>> {
    if let Ok(key) = term.decode::<ResourceArc<PrivateKey>>() {
        return Ok(key.0.clone());
    }
    let (mut pem, mut der, mut password) = (None, None, None);
    for (name, value) in members("key", term)? {
        match name {
            n if atoms::pem() == n => pem = Some(binary("key.pem", value)?),
            n if atoms::der() == n => der = Some(binary("key.der", value)?),
            n if atoms::password() == n => password = Some(binary("key.password", value)?),
            n => return Err(unknown("key.", n, "pem, der or password")),
        }
    }
    let password = password.as_deref();
    let key = match (pem, der) {
        (Some(pem), None) => SigningKey::from_pem(&pem, password)?,
        (None, Some(der)) => SigningKey::from_der(&der, password)?,
        _ => return Err(invalid("key", "exactly one of pem and der")),
    };
    Ok(Arc::new(key))
}

fn public_key(term: Term<'_>) -> Result<Arc<PublicKey>> {
    let (mut pem, mut der) = (None, None);
    for (name, value) in members("external_key", term)? {
        match name {
            n if atoms::pem() == n => pem = Some(binary("external_key.pem", value)?),
            n if atoms::der() == n => der = Some(binary("external_key.der", value)?),
            n => return Err(unknown("external_key.", n, "pem, der or sign")),
        }
    }
    super::spki(pem, der, "external_key").map(Arc::new)
}

/// The services a signing config names; `None` for none at all.
fn services(term: Term<'_>, limits: &Limits) -> Result<Option<SigningConfig>> {
    const EXPECTED: &str = "public_good, staging, {json, Binary}, {file, Path} or none";
    match tagged(term) {
        _ if atoms::none() == term => Ok(None),
        Some((tag, json)) if atoms::json() == tag => SigningConfig::parse(&binary("services", json)?, limits).map(Some),
        Some((tag, path)) if atoms::file() == tag => {
            let json = read_file(&file_name("services", path)?, limits.trust_root_bytes)?;
            SigningConfig::parse(&json, limits).map(Some)
        }
        _ => Err(invalid("services", EXPECTED)),
    }
}

fn log(term: Term<'_>) -> Result<Logging> {
    if atoms::chosen() == term {
        return Ok(Logging::Chosen);
    }
    if atoms::none() == term {
        return Ok(Logging::Off);
    }
    match tagged(term) {
        Some((tag, version)) if atoms::version() == tag => {
            let version = version.decode().ok().filter(|version| (1..=2).contains(version));
            version.map(Logging::Version).ok_or_else(|| invalid("log", "{version, 1 | 2}"))
        }
        _ => Err(invalid("log", "chosen, none or {version, 1 | 2}")),
    }
}

/// The signature that the caller's key made, or why it made none.
pub(crate) fn signature(term: Term<'_>) -> Result<Result<Vec<u8>>> {
    const EXPECTED: &str = "{ok, Signature} or {error, Reason}, both binaries";
    match tagged(term) {
        Some((tag, bytes)) if atoms::ok() == tag => Ok(Ok(binary("signature", bytes)?.to_vec())),
        Some((tag, reason)) if atoms::error() == tag => {
            let reason = provenance_sigstore::error::quote(&utf8("signature", reason, EXPECTED)?);
            Ok(Err(Fault::SignerFailed { reason }.into()))
        }
        _ => Err(invalid("signature", EXPECTED)),
    }
}
