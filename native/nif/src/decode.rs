//! Every term this library takes, judged here and nowhere else: what does not fit is `option_invalid`.

pub(crate) mod json;
#[cfg(feature = "log")]
pub(crate) mod log;
#[cfg(feature = "registry")]
pub(crate) mod registry;
#[cfg(feature = "sign")]
mod sign;
#[cfg(feature = "slsa")]
pub(crate) mod slsa;

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(feature = "network")]
use std::time::Duration;

use provenance_nif_base::decode;
pub(crate) use provenance_nif_base::decode::tagged;
use provenance_sigstore::error::quote;
#[cfg(feature = "network")]
use provenance_sigstore::net::{Network, Proxy};
use provenance_sigstore::{
    Artifact, Error, Fault, HashAlgorithm, Identity, Instance, Limits, ManagedKey, Matcher, Policy, PublicKey, Result,
    SignerPolicy, Source, Thresholds, Time, TrustRoot, Validity, claims,
};
use rustler::types::tuple::get_tuple;
use rustler::{Atom, Binary, ListIterator, MapIterator, ResourceArc, Term};

#[cfg(feature = "sign")]
pub(crate) use self::sign::{payload, sign_options, signature, signing_key};
use crate::atoms;
use crate::resource::{Root, Verifier, embedded};

/// The policy of a call: its own, or one prepared before.
pub(crate) enum PolicyOption {
    Own(Box<Policy>),
    Prepared(ResourceArc<Verifier>),
}

impl Deref for PolicyOption {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        match self {
            Self::Own(policy) => policy,
            Self::Prepared(verifier) => &verifier.0,
        }
    }
}

pub(crate) fn policy_option(term: Term<'_>) -> Result<PolicyOption> {
    match term.decode() {
        Ok(verifier) => Ok(PolicyOption::Prepared(verifier)),
        Err(_) => Ok(PolicyOption::Own(Box::new(policy(term)?))),
    }
}

pub(crate) fn policy(term: Term<'_>) -> Result<Policy> {
    let given = Given::read(term)?;
    let limits = given.limits.map_or_else(|| Ok(Limits::default()), limits)?;
    Ok(Policy {
        trust: given.trust.map_or_else(|| Ok(vec![embedded(Instance::PublicGood)?]), |term| trust(term, &limits))?,
        signer: signer(given.identity, given.keys)?,
        thresholds: given.thresholds.map(thresholds).transpose()?,
        untimed: given.untimed.map_or(Ok(false), |term| term.decode().map_err(|_| invalid("untimed", "a boolean")))?,
        limits,
    })
}

/// The options by name, not looked at yet: how some are read depends on others.
#[derive(Default)]
struct Given<'a> {
    trust: Option<Term<'a>>,
    identity: Option<Term<'a>>,
    keys: Option<Term<'a>>,
    untimed: Option<Term<'a>>,
    thresholds: Option<Term<'a>>,
    limits: Option<Term<'a>>,
}

impl<'a> Given<'a> {
    fn read(term: Term<'a>) -> Result<Self> {
        let mut given = Self::default();
        for (name, value) in members("options", term)? {
            let slot = match name {
                n if atoms::trust() == n => &mut given.trust,
                n if atoms::identity() == n => &mut given.identity,
                n if atoms::keys() == n => &mut given.keys,
                n if atoms::untimed() == n => &mut given.untimed,
                n if atoms::thresholds() == n => &mut given.thresholds,
                n if atoms::limits() == n => &mut given.limits,
                n => return Err(unknown("", n, "trust, identity, keys, untimed, thresholds or limits")),
            };
            *slot = Some(value);
        }
        Ok(given)
    }
}

fn trust(term: Term<'_>, limits: &Limits) -> Result<Vec<Arc<TrustRoot>>> {
    if atoms::none() == term {
        return Ok(Vec::new());
    }
    if !term.is_list() && !term.is_empty_list() {
        return Ok(vec![trust_root(term, limits)?]);
    }
    let roots: Vec<_> = items("trust", term)?.map(|term| trust_root(term, limits)).collect::<Result<_>>()?;
    if roots.is_empty() { Err(invalid("trust", "at least one trust root, or none by that name")) } else { Ok(roots) }
}

/// A prepared trust root, or something to prepare one from.
pub(crate) fn trust_root(term: Term<'_>, limits: &Limits) -> Result<Arc<TrustRoot>> {
    const EXPECTED: &str = "a trust root, public_good, staging, github, {json, Binary} or {file, Path}";
    if let Ok(root) = term.decode::<ResourceArc<Root>>() {
        return Ok(root.0.clone());
    }
    if let Some(instance) = instance(term) {
        return embedded(instance);
    }
    match tagged(term) {
        Some((tag, json)) if atoms::json() == tag => parse_root(&binary("trust", json)?, limits),
        Some((tag, path)) if atoms::file() == tag => {
            parse_root(&read_file(&file_name("trust", path)?, limits.trust_root_bytes)?, limits)
        }
        _ => Err(invalid("trust", EXPECTED)),
    }
}

pub(crate) fn instance(term: Term<'_>) -> Option<Instance> {
    match term {
        t if atoms::public_good() == t => Some(Instance::PublicGood),
        t if atoms::staging() == t => Some(Instance::Staging),
        t if atoms::github() == t => Some(Instance::GitHub),
        _ => None,
    }
}

fn parse_root(json: &[u8], limits: &Limits) -> Result<Arc<TrustRoot>> {
    TrustRoot::parse(json, Source::File, limits).map(Arc::new)
}

/// At most one byte more than `limit`, which whoever parses it then refuses.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let storage =
        |e: std::io::Error| Fault::StorageFailed { path: quote(&path.to_string_lossy()), reason: e.to_string() };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(storage)?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(storage)?;
    Ok(bytes)
}

/// With neither the core answers that no identity was stated.
fn signer(identity: Option<Term<'_>>, keys: Option<Term<'_>>) -> Result<SignerPolicy> {
    match (identity, keys) {
        (Some(_), Some(_)) => Err(invalid("keys", "either identity or keys, not both")),
        (None, Some(term)) => managed_keys(term).map(SignerPolicy::Keys),
        (Some(term), None) if atoms::unchecked() == term => Ok(SignerPolicy::Unchecked),
        (Some(term), None) => identities(term).map(SignerPolicy::AnyOf),
        (None, None) => Ok(SignerPolicy::AnyOf(Vec::new())),
    }
}

/// One identity, or a list of them.
fn identities(term: Term<'_>) -> Result<Vec<Identity>> {
    if term.is_map() {
        return Ok(vec![identity(term)?]);
    }
    items("identity", term)?.map(identity).collect()
}

fn identity(term: Term<'_>) -> Result<Identity> {
    let mut identity = Identity::default();
    for (name, value) in members("identity", term)? {
        match name {
            n if atoms::san() == n => identity.san = Some(matcher("identity.san", value)?),
            n if atoms::issuer() == n => identity.issuer = Some(matcher("identity.issuer", value)?),
            n if atoms::claims() == n => identity.claims = stated_claims(value)?,
            n => return Err(unknown("identity.", n, "san, issuer or claims")),
        }
    }
    Ok(identity)
}

fn stated_claims(term: Term<'_>) -> Result<Vec<(&'static str, Matcher)>> {
    let known = |name: Term<'_>| name.atom_to_string().ok().and_then(|name| claims::by_name(&name));
    members("identity.claims", term)?
        .map(|(name, value)| {
            let claim = known(name).ok_or_else(|| unknown("identity.claims.", name, "the name of a Fulcio claim"))?;
            Ok((claim.name, matcher("identity.claims", value)?))
        })
        .collect()
}

fn matcher(option: &str, term: Term<'_>) -> Result<Matcher> {
    const EXPECTED: &str = "a UTF-8 binary, or {pattern, Binary}";
    let text = |term| utf8(option, term, EXPECTED);
    match tagged(term) {
        Some((tag, pattern)) if atoms::pattern() == tag => Matcher::pattern(&text(pattern)?),
        _ => Matcher::exact(&text(term)?),
    }
    .map_err(|bad| invalid(option, bad.expected))
}

fn managed_keys(term: Term<'_>) -> Result<Vec<Arc<ManagedKey>>> {
    let keys: Vec<_> = items("keys", term)?.map(managed_key).collect::<Result<_>>()?;
    if keys.is_empty() { Err(invalid("keys", "at least one key")) } else { Ok(keys) }
}

fn managed_key(term: Term<'_>) -> Result<Arc<ManagedKey>> {
    let (mut pem, mut der, mut hint, mut from, mut to) = (None, None, None, None, None);
    for (name, value) in members("keys", term)? {
        match name {
            n if atoms::pem() == n => pem = Some(binary("keys.pem", value)?),
            n if atoms::der() == n => der = Some(binary("keys.der", value)?),
            n if atoms::hint() == n => hint = Some(utf8("keys.hint", value, "a UTF-8 binary")?),
            n if atoms::valid_from() == n => from = Some(seconds("keys.valid_from", value)?),
            n if atoms::valid_to() == n => to = Some(seconds("keys.valid_to", value)?),
            n => return Err(unknown("keys.", n, "pem, der, hint, valid_from or valid_to")),
        }
    }
    let key = spki(pem, der, "keys")?;
    let validity = (from.is_some() || to.is_some()).then_some(Validity { start: from, end: to });
    Ok(Arc::new(ManagedKey { key, hint, validity }))
}

/// A public key from exactly one of two forms.
fn spki(pem: Option<Binary<'_>>, der: Option<Binary<'_>>, option: &str) -> Result<PublicKey> {
    match (pem, der) {
        (Some(pem), None) => PublicKey::from_pem("key", &pem),
        (None, Some(der)) => PublicKey::from_spki("key", &der),
        _ => Err(invalid(option, "exactly one of pem and der in each key")),
    }
}

fn seconds(option: &str, term: Term<'_>) -> Result<Time> {
    term.decode().map(Time::from_seconds).map_err(|_| invalid(option, "Unix seconds"))
}

/// What is not stated is as for a root with logs.
fn thresholds(term: Term<'_>) -> Result<Thresholds> {
    let mut thresholds = Thresholds { log_entries: 1, timestamps: 0, scts: 1 };
    for (name, value) in members("thresholds", term)? {
        let slot = match name {
            n if atoms::log_entries() == n => &mut thresholds.log_entries,
            n if atoms::timestamps() == n => &mut thresholds.timestamps,
            n if atoms::scts() == n => &mut thresholds.scts,
            n => return Err(unknown("thresholds.", n, "log_entries, timestamps or scts")),
        };
        *slot =
            value.decode().ok().filter(|n| *n <= 16).ok_or_else(|| invalid("thresholds", "integers from 0 to 16"))?;
    }
    Ok(thresholds)
}

fn limits(term: Term<'_>) -> Result<Limits> {
    let mut limits = Limits::default();
    read_limits(term, &mut limits, Limits::by_name)?;
    Ok(limits)
}

/// Sets what a map of limits states, whoever's limits they are.
fn read_limits<L>(
    term: Term<'_>,
    limits: &mut L,
    by_name: for<'l> fn(&'l mut L, &str) -> Option<&'l mut u64>,
) -> Result<()> {
    for (name, value) in members("limits", term)? {
        let named = name.atom_to_string().unwrap_or_default();
        let Some(limit) = by_name(limits, &named) else {
            return Err(unknown("limits.", name, "the name of a limit"));
        };
        *limit = value.decode().ok().filter(|n| *n > 0).ok_or_else(|| invalid("limits", "positive integers"))?;
    }
    Ok(())
}

#[cfg(feature = "tuf")]
pub(crate) fn repository(term: Term<'_>) -> Result<crate::tuf::From> {
    use provenance_sigstore::tuf::Repository;
    const EXPECTED: &str = "public_good, staging, github or {custom, #{url => Binary, root => Binary}}";
    let instance = instance(term);
    let repository = match (instance, tagged(term)) {
        (Some(Instance::PublicGood), _) => Repository::public_good()?,
        (Some(Instance::Staging), _) => Repository::staging()?,
        (Some(Instance::GitHub), _) => Repository::github()?,
        (None, Some((tag, custom))) if atoms::custom() == tag => {
            let (mut url, mut root) = (None, None);
            for (name, value) in members("repository", custom)? {
                match name {
                    n if atoms::url() == n => url = Some(utf8("repository.url", value, "a URL in a UTF-8 binary")?),
                    n if atoms::root() == n => root = Some(binary("repository.root", value)?),
                    n => return Err(unknown("repository.", n, "url or root")),
                }
            }
            let (Some(url), Some(root)) = (url, root) else { return Err(invalid("repository", EXPECTED)) };
            Repository::custom(&url, &root)?
        }
        _ => return Err(invalid("repository", EXPECTED)),
    };
    Ok(crate::tuf::From { repository, instance })
}

#[cfg(feature = "tuf")]
pub(crate) fn refresh_options(term: Term<'_>) -> Result<provenance_sigstore::tuf::RefreshOptions> {
    use provenance_sigstore::tuf::{RefreshOptions, default_cache_dir};
    let mut options = RefreshOptions::new(Time::now());
    options.cache_dir = default_cache_dir("hex_provenance");
    for (name, value) in members("options", term)? {
        if network_option(name, value, &mut options.network, &mut options.total_timeout)? {
            continue;
        }
        match name {
            n if atoms::cache() == n && atoms::none() == value => options.cache_dir = None,
            n if atoms::cache() == n => options.cache_dir = Some(file_name("cache", value)?),
            n if atoms::offline() == n => {
                options.offline = value.decode().map_err(|_| invalid("offline", "a boolean"))?;
            }
            n => return Err(unknown("", n, "timeout, cache, offline, ca_files or proxy")),
        }
    }
    Ok(options)
}

/// Reads an option that everything which uses the network has; `false` when it is another.
#[cfg(feature = "network")]
fn network_option(name: Term<'_>, value: Term<'_>, network: &mut Network, total: &mut Duration) -> Result<bool> {
    const PROXY: &str = "environment, direct or a URL in a UTF-8 binary";
    match name {
        n if atoms::timeout() == n => {
            let milliseconds: Option<u64> = value.decode().ok().filter(|n| (1..=3_600_000).contains(n));
            let milliseconds = milliseconds.ok_or_else(|| invalid("timeout", "1 to 3600000 milliseconds"))?;
            *total = Duration::from_millis(milliseconds);
            network.request_timeout = network.request_timeout.min(*total);
        }
        n if atoms::ca_files() == n => {
            let files = items("ca_files", value)?.map(|file| file_name("ca_files", file));
            network.ca_files = files.collect::<Result<_>>()?;
        }
        n if atoms::proxy() == n => {
            network.proxy = match value {
                v if atoms::environment() == v => Proxy::Environment,
                v if atoms::direct() == v => Proxy::Direct,
                v => Proxy::Url(utf8("proxy", v, PROXY)?),
            };
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The bytes are those of the term: the artifact lives no longer than it.
pub(crate) fn with_artifact<T>(term: Term<'_>, call: impl FnOnce(&Artifact<'_>) -> Result<T>) -> Result<T> {
    const EXPECTED: &str = "{bytes, Binary}, {file, Path} or {digest, sha256 | sha384 | sha512, Binary}";
    match content("artifact", term, EXPECTED)? {
        Content::Bytes(bytes) => call(&Artifact::Bytes(&bytes)),
        Content::File(path) => call(&Artifact::File(path)),
        Content::Digest(algorithm, digest) => call(&Artifact::from_digest(algorithm, digest)?),
    }
}

/// What an artifact is given as.
enum Content<'a> {
    Bytes(Binary<'a>),
    File(PathBuf),
    Digest(HashAlgorithm, Vec<u8>),
}

fn content<'a>(option: &str, term: Term<'a>, expected: &'static str) -> Result<Content<'a>> {
    match get_tuple(term).unwrap_or_default().as_slice() {
        [tag, bytes] if atoms::bytes() == *tag => Ok(Content::Bytes(binary(option, *bytes)?)),
        [tag, path] if atoms::file() == *tag => Ok(Content::File(file_name(option, *path)?)),
        [tag, name, value] if atoms::digest() == *tag => {
            let algorithm = HashAlgorithm::from_name(&name.atom_to_string().unwrap_or_default());
            let algorithm = algorithm.ok_or_else(|| invalid(option, expected))?;
            Ok(Content::Digest(algorithm, binary(option, *value)?.to_vec()))
        }
        _ => Err(invalid(option, expected)),
    }
}

pub(crate) fn binary<'a>(option: &str, term: Term<'a>) -> Result<Binary<'a>> {
    Ok(decode::binary(option, term)?)
}

fn utf8(option: &str, term: Term<'_>, expected: &'static str) -> Result<String> {
    Ok(decode::utf8(option, term, expected)?)
}

pub(crate) fn file_name(option: &str, term: Term<'_>) -> Result<PathBuf> {
    Ok(decode::file_name(option, term)?)
}

pub(crate) fn members<'a>(option: &str, term: Term<'a>) -> Result<MapIterator<'a>> {
    Ok(decode::members(option, term)?)
}

/// What has the shape of a verification's evidence: nothing that was not verified has it.
#[cfg(any(feature = "slsa", feature = "registry"))]
const EVIDENCE: &str = "the evidence of a verified bundle";

#[cfg(any(feature = "slsa", feature = "registry"))]
fn evidence_member(map: Term<'_>, key: Atom) -> Result<Term<'_>> {
    map.map_get(key).map_err(|_| invalid("evidence", EVIDENCE))
}

pub(crate) fn items<'a>(option: &str, term: Term<'a>) -> Result<ListIterator<'a>> {
    Ok(decode::items(option, term)?)
}

pub(crate) fn invalid(option: &str, expected: &'static str) -> Error {
    decode::invalid(option, expected).into()
}

pub(crate) fn unknown(prefix: &str, name: Term<'_>, expected: &'static str) -> Error {
    decode::unknown(prefix, name, expected).into()
}
