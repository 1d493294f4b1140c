//! Misbehaves when told to, for the boundary tests. Not in any library that is shipped.

use std::time::Duration;

use provenance_nif_base::decode::{binary, invalid};
use rustler::{Encoder, Env, Term};

use crate::{atoms, guard};

#[allow(clippy::panic)]
#[rustler::nif(schedule = "DirtyCpu")]
fn test_hook<'a>(env: Env<'a>, what: Term<'a>) -> Term<'a> {
    guard::dirty(env, || match binary("what", what)?.as_slice() {
        b"panic" => panic!("told to"),
        b"sleep" => {
            std::thread::sleep(Duration::from_millis(200));
            Ok(atoms::undefined().encode(env))
        }
        _ => Err(invalid("what", "panic or sleep"))?,
    })
}
