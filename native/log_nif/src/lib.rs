//! The BEAM's door to running a log: each function decodes its terms, makes one call, and encodes what it answers.
//!
//! Nothing here raises. The Erlang module `hex_provenance_log_nif` has the documented types. What may take longer than a
//! millisecond, for some input that the limits let pass, runs on dirty schedulers; what waits for files, on those for input
//! and output.

mod atoms;
mod decode;
mod encode;
mod guard;
mod heads;
mod key;
mod prover;
mod sequence;
mod sqlite;
#[cfg(feature = "test-hooks")]
mod test_hook;
mod tile;
mod witness;

use rustler::{Env, Term};

fn load(env: Env<'_>, _: Term<'_>) -> bool {
    provenance_nif_base::guard::install();
    atoms::install(env);
    true
}

rustler::init!("hex_provenance_log_nif", load = load);
