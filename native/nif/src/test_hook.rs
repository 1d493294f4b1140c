//! Misbehaves when told to, for the boundary tests. Not in any library that is shipped.

use std::time::Duration;

use rustler::{Encoder, Env, Term};

use crate::{atoms, decode, guard};

#[allow(clippy::panic)]
#[rustler::nif(schedule = "DirtyCpu")]
fn test_hook<'a>(env: Env<'a>, what: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let what = decode::binary("what", what)?;
        match what.as_slice() {
            b"panic" => panic!("told to"),
            b"sleep" => {
                std::thread::sleep(Duration::from_millis(200));
                Ok(atoms::ok().encode(env))
            }
            _ => Err(decode::invalid("what", "panic or sleep")),
        }
    })
}
