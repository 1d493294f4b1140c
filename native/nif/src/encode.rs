//! Every term this library makes: one function a type.

#[cfg(feature = "log")]
pub(crate) mod log;
#[cfg(feature = "registry")]
pub(crate) mod registry;
#[cfg(feature = "slsa")]
pub(crate) mod slsa;

#[cfg(feature = "sign")]
use provenance_sigstore::PublicKey;
use provenance_sigstore::claims::CLAIMS;
use provenance_sigstore::error::{CATALOGUE, Result};
use provenance_sigstore::evidence::{
    CHECKS, CertificateSigner, Content, Evidence, KeySigner, Signer, TrustUsed, VerifiedCheckpoint, VerifiedLogEntry,
    VerifiedTime,
};
use provenance_sigstore::limits::{Limits, NAMES};
#[cfg(feature = "sign")]
use provenance_sigstore::sign::{Request, Signed};
use provenance_sigstore::statement::{Statement, Subject};
use provenance_sigstore::{Bundle, Certificate, LogEntry, Material, Time, TrustRoot};
use rustler::{Encoder, Env, Term};
use serde_json::{Map, Value};

#[allow(unused_imports, reason = "smaller builds need fewer")]
pub(crate) use provenance_nif_base::encode::{bytes, error, fault, list, map, names, optional, text};
use provenance_nif_base::encode::{catalogue_entry, known_map, limits, term_map};

use crate::atoms;

pub(crate) fn evidence<'a>(env: Env<'a>, evidence: &Evidence) -> Term<'a> {
    let transparency = if evidence.log_entries.is_empty() { atoms::none() } else { atoms::log() };
    map(
        env,
        [
            (atoms::media_type(), text(env, &evidence.media_type)),
            (atoms::signer(), signer(env, &evidence.signer)),
            (atoms::trust(), trust_used(env, &evidence.trust)),
            (atoms::transparency(), transparency.encode(env)),
            (atoms::times(), list(env, &evidence.times, time)),
            (atoms::ignored_timestamps(), evidence.ignored_timestamps.encode(env)),
            (atoms::log_entries(), list(env, &evidence.log_entries, log_entry)),
            (atoms::content(), content(env, &evidence.content)),
            (atoms::artifact(), known_map(env, &evidence.artifact, |env, digest| bytes(env, digest))),
            (atoms::checked(), names(env, &evidence.checked)),
            (atoms::unchecked(), names(env, &evidence.unchecked)),
        ],
    )
}

fn signer<'a>(env: Env<'a>, signer: &Signer) -> Term<'a> {
    match signer {
        Signer::Certificate(signer) => certificate_signer(env, signer),
        Signer::Key(signer) => key_signer(env, signer),
    }
}

fn certificate_signer<'a>(env: Env<'a>, signer: &CertificateSigner) -> Term<'a> {
    let identity = signer.sans.first().map_or("", |(_, value)| value);
    map(
        env,
        [
            (atoms::kind(), atoms::certificate().encode(env)),
            (atoms::sans(), list(env, &signer.sans, san)),
            (atoms::identity(), text(env, identity)),
            (atoms::issuer(), optional(env, signer.issuer.as_ref(), |env, issuer| text(env, issuer))),
            (atoms::claims(), known_map(env, &signer.claims, |env, claim| text(env, claim))),
            (atoms::unknown_extensions(), list(env, &signer.unknown_extensions, |env, oid| text(env, oid))),
            (atoms::certificate(), certificate(env, signer)),
        ],
    )
}

fn san<'a>(env: Env<'a>, (kind, value): &(&'static str, String)) -> Term<'a> {
    (atoms::known(env, kind), text(env, value)).encode(env)
}

fn certificate<'a>(env: Env<'a>, signer: &CertificateSigner) -> Term<'a> {
    map(
        env,
        [
            (atoms::der(), bytes(env, &signer.der)),
            (atoms::sha256(), bytes(env, &signer.sha256)),
            (atoms::serial(), bytes(env, &signer.serial)),
            (atoms::not_before(), seconds(env, signer.validity.start)),
            (atoms::not_after(), seconds(env, signer.validity.end)),
            (atoms::key_algorithm(), text(env, signer.key_algorithm)),
            (atoms::sct_times(), signer.sct_times.encode(env)),
        ],
    )
}

fn key_signer<'a>(env: Env<'a>, signer: &KeySigner) -> Term<'a> {
    let validity = signer.validity.unwrap_or_default();
    map(
        env,
        [
            (atoms::kind(), atoms::key().encode(env)),
            (atoms::hint(), text(env, &signer.hint)),
            (atoms::key_id(), bytes(env, &signer.key_id)),
            (atoms::key_algorithm(), text(env, signer.key_algorithm)),
            (atoms::valid_from(), seconds(env, validity.start)),
            (atoms::valid_to(), seconds(env, validity.end)),
        ],
    )
}

fn trust_used<'a>(env: Env<'a>, trust: &TrustUsed) -> Term<'a> {
    map(
        env,
        [
            (atoms::instance(), text(env, &trust.instance)),
            (atoms::source(), atoms::known(env, trust.source)),
            (atoms::sha256(), optional(env, trust.sha256.as_ref(), |env, hash| bytes(env, hash))),
            (atoms::as_of(), optional(env, trust.as_of.as_ref(), |env, at| at.encode(env))),
        ],
    )
}

fn time<'a>(env: Env<'a>, time: &VerifiedTime) -> Term<'a> {
    map(
        env,
        [
            (atoms::time(), time.time.seconds.encode(env)),
            (atoms::nanos(), time.time.nanos.encode(env)),
            (atoms::source(), atoms::known(env, time.source)),
            (atoms::by(), text(env, &time.by)),
        ],
    )
}

fn log_entry<'a>(env: Env<'a>, entry: &VerifiedLogEntry) -> Term<'a> {
    map(
        env,
        [
            (atoms::log(), text(env, &entry.log)),
            (atoms::log_id(), bytes(env, &entry.log_id)),
            (atoms::index(), entry.index.encode(env)),
            (atoms::kind(), text(env, &entry.kind)),
            (atoms::version(), text(env, &entry.version)),
            (atoms::integrated_time(), optional(env, entry.integrated_time.as_ref(), |env, at| at.encode(env))),
            (atoms::inclusion_promise(), entry.inclusion_promise.encode(env)),
            (atoms::checkpoint(), optional(env, entry.checkpoint.as_ref(), checkpoint)),
            (atoms::body(), bytes(env, &entry.body)),
        ],
    )
}

fn checkpoint<'a>(env: Env<'a>, checkpoint: &VerifiedCheckpoint) -> Term<'a> {
    map(
        env,
        [
            (atoms::origin(), text(env, &checkpoint.origin)),
            (atoms::size(), checkpoint.size.encode(env)),
            (atoms::root_hash(), bytes(env, &checkpoint.root_hash)),
            (atoms::other_signatures(), list(env, &checkpoint.other_signatures, |env, name| text(env, name))),
        ],
    )
}

fn content<'a>(env: Env<'a>, content: &Content) -> Term<'a> {
    match content {
        Content::Message => atoms::message().encode(env),
        Content::Statement { payload_type, bytes: signed, statement, subject: index } => map(
            env,
            [
                (atoms::payload_type(), text(env, payload_type)),
                (atoms::statement_bytes(), bytes(env, signed)),
                (atoms::statement(), json(env, &statement.document)),
                (atoms::subject(), subject(env, statement, *index)),
            ],
        ),
    }
}

fn subject<'a>(env: Env<'a>, statement: &Statement, index: usize) -> Term<'a> {
    let nothing = Subject { name: None, digests: Vec::new() };
    let subject = statement.subjects.get(index).unwrap_or(&nothing);
    let digests = subject.digests.iter().map(|(name, value)| (text(env, name), text(env, value)));
    map(
        env,
        [
            (atoms::index(), index.encode(env)),
            (atoms::name(), optional(env, subject.name.as_ref(), |env, name| text(env, name))),
            (atoms::digests(), term_map(env, digests)),
        ],
    )
}

/// A JSON document with binaries for texts and keys and `null` for null.
pub(crate) fn json<'a>(env: Env<'a>, value: &Value) -> Term<'a> {
    match value {
        Value::Null => atoms::null().encode(env),
        Value::Bool(value) => value.encode(env),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => value.encode(env),
            (_, Some(value)) => value.encode(env),
            _ => number.as_f64().unwrap_or_default().encode(env),
        },
        Value::String(value) => text(env, value),
        Value::Array(values) => list(env, values, json),
        Value::Object(members) => json_object(env, members),
    }
}

fn json_object<'a>(env: Env<'a>, members: &Map<String, Value>) -> Term<'a> {
    term_map(env, members.iter().map(|(name, value)| (text(env, name), json(env, value))))
}

pub(crate) fn trust_root_info<'a>(env: Env<'a>, root: &TrustRoot) -> Term<'a> {
    let info = root.info();
    let [logs, certificate_logs, certificate_authorities, timestamp_authorities] = root.counts();
    map(
        env,
        [
            (atoms::instance(), text(env, &info.instance)),
            (atoms::source(), atoms::known(env, info.source)),
            (atoms::sha256(), optional(env, info.sha256.as_ref(), |env, hash| bytes(env, hash))),
            (atoms::as_of(), optional(env, info.as_of.as_ref(), |env, at| at.encode(env))),
            (atoms::transparency_logs(), logs.encode(env)),
            (atoms::certificate_logs(), certificate_logs.encode(env)),
            (atoms::certificate_authorities(), certificate_authorities.encode(env)),
            (atoms::timestamp_authorities(), timestamp_authorities.encode(env)),
        ],
    )
}

/// What is written in a bundle, under a key that says that nothing of it is verified.
pub(crate) fn bundle_info<'a>(env: Env<'a>, bundle: &Bundle, limits: &Limits) -> Result<Term<'a>> {
    Ok(map(
        env,
        [
            (atoms::unverified(), true.encode(env)),
            (atoms::media_type(), text(env, &bundle.media_type)),
            (atoms::signer(), unverified_signer(env, &bundle.material, limits)?),
            (atoms::log_entries(), list(env, &bundle.log_entries, unverified_entry)),
            (atoms::timestamps(), bundle.timestamps.len().encode(env)),
            (atoms::content(), unverified_content(env, &bundle.content, limits)),
        ],
    ))
}

fn unverified_signer<'a>(env: Env<'a>, material: &Material, limits: &Limits) -> Result<Term<'a>> {
    Ok(match material {
        Material::Certificate { leaf, .. } => {
            let certificate = Certificate::parse(leaf, limits)?;
            map(
                env,
                [
                    (atoms::kind(), atoms::certificate().encode(env)),
                    (atoms::der(), bytes(env, leaf)),
                    (atoms::sans(), list(env, certificate.sans(), san)),
                    (atoms::issuer(), optional(env, certificate.issuer().as_ref(), |env, issuer| text(env, issuer))),
                    (atoms::claims(), known_map(env, certificate.claims(), |env, claim| text(env, claim))),
                ],
            )
        }
        Material::Key { hint } => {
            map(env, [(atoms::kind(), atoms::key().encode(env)), (atoms::hint(), text(env, hint))])
        }
    })
}

fn unverified_entry<'a>(env: Env<'a>, entry: &LogEntry) -> Term<'a> {
    map(
        env,
        [
            (atoms::log_id(), bytes(env, &entry.log_id)),
            (atoms::index(), entry.index.encode(env)),
            (atoms::kind(), text(env, &entry.kind)),
            (atoms::version(), text(env, &entry.version)),
            (atoms::integrated_time(), optional(env, entry.integrated_time.as_ref(), |env, at| at.encode(env))),
        ],
    )
}

fn unverified_content<'a>(env: Env<'a>, content: &provenance_sigstore::Content, limits: &Limits) -> Term<'a> {
    match content {
        provenance_sigstore::Content::Message(message) => map(
            env,
            [
                (atoms::kind(), atoms::message().encode(env)),
                (atoms::algorithm(), atoms::known(env, message.algorithm.name())),
                (atoms::digest(), bytes(env, &message.digest)),
            ],
        ),
        provenance_sigstore::Content::Envelope(envelope) => {
            let statement = Statement::parse(&envelope.payload, limits).ok();
            map(
                env,
                [
                    (atoms::kind(), atoms::envelope().encode(env)),
                    (atoms::payload_type(), text(env, &envelope.payload_type)),
                    (atoms::statement_bytes(), bytes(env, &envelope.payload)),
                    (atoms::statement(), optional(env, statement.as_ref(), |env, one| json(env, &one.document))),
                ],
            )
        }
    }
}

/// Every closed table of the core.
pub(crate) fn catalogue(env: Env<'_>) -> Term<'_> {
    let claims: Vec<_> = CLAIMS.iter().map(|claim| claim.name).collect();
    map(
        env,
        [
            (atoms::errors(), list(env, CATALOGUE, catalogue_entry)),
            (atoms::claims(), names(env, &claims)),
            (atoms::checks(), names(env, CHECKS)),
            (atoms::limits(), limits(env, NAMES, Limits::default(), Limits::by_name)),
        ],
    )
}

/// What signing made.
#[cfg(feature = "sign")]
pub(crate) fn signed<'a>(env: Env<'a>, signed: &Signed) -> Term<'a> {
    map(env, [(atoms::bundle(), text(env, &signed.bundle)), (atoms::evidence(), self::evidence(env, &signed.evidence))])
}

/// What a key elsewhere is asked to sign.
#[cfg(feature = "sign")]
pub(crate) fn sign_request<'a>(env: Env<'a>, request: &Request) -> Term<'a> {
    let request = match request {
        Request::Digest(algorithm, digest) => {
            (atoms::digest(), atoms::known(env, algorithm.name()), bytes(env, digest)).encode(env)
        }
        Request::Message(message) | Request::Prehashed(message) => (atoms::message(), bytes(env, message)).encode(env),
    };
    (atoms::sign(), request).encode(env)
}

/// A public key in the form in which others take it.
#[cfg(feature = "sign")]
pub(crate) fn public_key<'a>(env: Env<'a>, key: &PublicKey) -> Term<'a> {
    map(
        env,
        [
            (atoms::der(), bytes(env, key.spki())),
            (atoms::key_id(), bytes(env, &key.id())),
            (atoms::key_algorithm(), text(env, key.algorithm().name())),
        ],
    )
}

fn seconds<'a>(env: Env<'a>, time: Option<Time>) -> Term<'a> {
    optional(env, time.as_ref(), |env, time| time.seconds.encode(env))
}
