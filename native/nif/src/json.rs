//! JSON for those VMs that have none.

use provenance_base::json::write_canonical;
use rustler::{Env, Term};

use crate::{decode, encode, guard};

#[rustler::nif(schedule = "DirtyCpu")]
fn json_encode<'a>(env: Env<'a>, term: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let value = decode::json::value("json", term)?;
        Ok(encode::text(env, &write_canonical(&value)))
    })
}
