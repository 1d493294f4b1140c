//! JSON for those VMs that have none.

use provenance_base::json::{BadJson, Bounds, parse_strict, write_canonical};
use provenance_sigstore::{Error, Fault, Result};
use rustler::{Env, Term};
use serde_json::Value;

use crate::{decode, encode, guard};

const MOST_BYTES: usize = 16 << 20;
const BOUNDS: Bounds = Bounds { depth: 64, values: 1 << 18 };

#[rustler::nif(schedule = "DirtyCpu")]
fn json_encode<'a>(env: Env<'a>, term: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let value = decode::json::value("json", term)?;
        Ok(encode::text(env, &write_canonical(&value)))
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn json_decode<'a>(env: Env<'a>, text: Term<'a>) -> Term<'a> {
    guard::dirty(env, || Ok(encode::json(env, &read(&decode::binary("json", text)?)?)))
}

fn read(text: &[u8]) -> Result<Value> {
    let wide = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    if text.len() > MOST_BYTES {
        return Err(too_large("JSON bytes", wide(MOST_BYTES), wide(text.len())));
    }
    parse_strict(text, BOUNDS).map_err(|bad| match bad {
        BadJson::Nesting { limit, actual } => too_large("JSON nesting", limit, actual),
        BadJson::Values { limit, actual } => too_large("JSON values", limit, actual),
        BadJson::Malformed { at, reason } => Fault::Malformed { format: "JSON document", at, reason }.into(),
    })
}

fn too_large(what: &'static str, limit: u64, actual: u64) -> Error {
    Fault::InputTooLarge { what, limit, actual }.into()
}
