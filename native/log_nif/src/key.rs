//! The log's key, and what it signs.

use aws_lc_rs::rand;
use provenance_log::encoding::base64_decode;
use provenance_log::leaf::{KeyChange, Leaf, Purpose};
use provenance_log::note::{KeyKind, SigningKey};
use provenance_log::public_key::PublicKey;
use provenance_log::{Checkpoint, Error, Fault, Hash, Result};
use provenance_nif_base::decode::{binary, invalid, members, unknown};
use provenance_nif_base::encode::{bytes, text};
use rustler::types::tuple::get_tuple;
use rustler::{Encoder, Env, Resource, ResourceArc, Term};
use zeroize::Zeroizing;

use crate::{atoms, decode, guard};

/// A log's private key: wiped when nobody holds it, and never shown.
struct LogKey(SigningKey);

#[rustler::resource_impl]
impl Resource for LogKey {}

#[rustler::nif]
fn log_key<'a>(env: Env<'a>, source: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let (mut seed, mut pem, mut origin) = (None, None, None);
        for (name, value) in members("key", source)? {
            match name {
                n if atoms::seed() == n => seed = Some(Zeroizing::new(decode::hash("key.seed", value)?)),
                n if atoms::pem() == n => pem = Some(binary("key.pem", value)?),
                n if atoms::origin() == n => origin = Some(decode::text("key.origin", value)?),
                n => Err(unknown("key.", n, "seed, pem or origin"))?,
            }
        }
        let seed = match (seed, pem) {
            (Some(seed), None) => seed,
            (None, Some(pem)) => seed_of(&pem)?,
            _ => Err(invalid("key", "exactly one of seed and pem"))?,
        };
        let origin = origin.ok_or_else(|| invalid("key.origin", "the log's origin"))?;
        Ok(ResourceArc::new(LogKey(SigningKey::from_seed(origin, KeyKind::Ed25519, &seed)?)).encode(env))
    })
}

/// What `openssl genpkey -algorithm ed25519` writes: PKCS#8 (RFC 8410), unencrypted.
fn seed_of(pem: &[u8]) -> Result<Zeroizing<Hash>> {
    const PREFIX: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let body = std::str::from_utf8(pem)
        .ok()
        .map(str::trim)
        .and_then(|text| text.strip_prefix("-----BEGIN PRIVATE KEY-----")?.strip_suffix("-----END PRIVATE KEY-----"));
    let der = body.filter(|body| body.len() < 256).and_then(|body| base64_decode(body.trim())).map(Zeroizing::new);
    let seed = der.as_ref().and_then(|der| der.strip_prefix(PREFIX)).and_then(|seed| seed.try_into().ok());
    seed.map(Zeroizing::new).ok_or_else(|| key_invalid("it is not an unencrypted Ed25519 key in PKCS#8 and PEM"))
}

fn key_invalid(reason: &str) -> Error {
    Fault::KeyInvalid { what: "log key", reason: reason.to_owned() }.into()
}

#[rustler::nif]
fn log_new_seed(env: Env<'_>) -> Term<'_> {
    guard::short(env, || {
        let mut seed = Zeroizing::new([0; 32]);
        rand::fill(&mut *seed).map_err(|_| Fault::Internal { at: "the system's random numbers".to_owned() })?;
        Ok(bytes(env, &*seed))
    })
}

#[rustler::nif]
fn log_vkey<'a>(env: Env<'a>, key: Term<'a>) -> Term<'a> {
    guard::short(env, || Ok(text(env, &log_key_option(key)?.0.verifier().to_string())))
}

#[rustler::nif]
fn log_spki<'a>(env: Env<'a>, key: Term<'a>) -> Term<'a> {
    guard::short(env, || Ok(bytes(env, public(&log_key_option(key)?.0).spki())))
}

fn log_key_option(term: Term<'_>) -> Result<ResourceArc<LogKey>> {
    decode::resource("key", term, "what log_key returned")
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from_ed25519(key.verifier().public())
}

#[rustler::nif]
fn log_checkpoint<'a>(env: Env<'a>, key: Term<'a>, size: Term<'a>, root: Term<'a>, last: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let key = log_key_option(key)?;
        let (size, root) = (decode::number("size", size)?, decode::hash("root", root)?);
        let checkpoint = Checkpoint::new(key.0.verifier().name(), size, root)?;
        let signed = match get_tuple(last).unwrap_or_default().as_slice() {
            [] if atoms::undefined() == last => checkpoint.sign(&key.0)?,
            [size, root, hashes] => {
                let (size, root) = (decode::number("last", *size)?, decode::hash("last", *root)?);
                checkpoint.sign_after((size, &root), &decode::hashes("last", *hashes)?, &key.0)?
            }
            _ => Err(invalid("last", "undefined or {Size, Root, Hashes}"))?,
        };
        Ok(text(env, &signed.to_string()))
    })
}

/// What both keys of a change sign.
#[rustler::nif]
fn log_key_change_message<'a>(
    env: Env<'a>,
    origin: Term<'a>,
    purpose: Term<'a>,
    old: Term<'a>,
    new: Term<'a>,
) -> Term<'a> {
    guard::short(env, || {
        let key = |term| PublicKey::from_spki(&binary("key", term)?);
        let origin = decode::text("origin", origin)?;
        Ok(bytes(env, &KeyChange::message(origin, self::purpose(purpose)?, &key(old)?, &key(new)?)))
    })
}

/// The leaf of a change, once both signatures verify.
#[rustler::nif]
fn log_key_change<'a>(env: Env<'a>, origin: Term<'a>, purpose: Term<'a>, old: Term<'a>, new: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let (origin, purpose) = (decode::text("origin", origin)?, self::purpose(purpose)?);
        let (old, new) = (Party::read(old)?, Party::read(new)?);
        let message = KeyChange::message(origin, purpose, &old.public()?, &new.public()?);
        let change = KeyChange {
            new: new.public()?,
            new_signature: new.signature(&message),
            old: old.public()?,
            old_signature: old.signature(&message),
            purpose,
        };
        change.verify(origin)?;
        Ok(bytes(env, &Leaf::KeyChange(change).write()?))
    })
}

fn purpose(term: Term<'_>) -> Result<Purpose> {
    let purpose = term.atom_to_string().ok().and_then(|word| Purpose::parse(&word));
    Ok(purpose.ok_or_else(|| invalid("purpose", "registry or log"))?)
}

/// A key of a change: one that is held here, or one elsewhere with the signature it made.
enum Party {
    Held(ResourceArc<LogKey>),
    Elsewhere(Vec<u8>, Vec<u8>),
}

impl Party {
    fn read(term: Term<'_>) -> Result<Self> {
        match get_tuple(term).unwrap_or_default().as_slice() {
            [spki, signature] => {
                Ok(Self::Elsewhere(binary("key", *spki)?.to_vec(), binary("key", *signature)?.to_vec()))
            }
            _ => Ok(Self::Held(decode::resource("key", term, "what log_key returned, or {Spki, Signature}")?)),
        }
    }

    fn public(&self) -> Result<PublicKey> {
        match self {
            Self::Held(key) => Ok(public(&key.0)),
            Self::Elsewhere(spki, _) => PublicKey::from_spki(spki),
        }
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Held(key) => key.0.sign_message(message),
            Self::Elsewhere(_, signature) => signature.clone(),
        }
    }
}
