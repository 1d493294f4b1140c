//! Every atom that crosses the boundary.

// The macro's functions are as public as their module.
#![allow(missing_docs, unreachable_pub)]

use provenance_log::error::CATALOGUE;
use provenance_log::leaf::{Event, Purpose};
pub(crate) use provenance_nif_base::atoms::{known, undefined};
use rustler::Env;

rustler::atoms! {
    // Keys.
    seed, pem, origin,
    // Batches.
    size, edge, root, entries, heads, tiles, event, leaf, index, hash, id, package, version, seq, subjects, linked, envelope,
    time,
    // Proofs.
    hashes, missing, present, before, after = "after", position, path,
    // Notes, witnesses.
    signatures, name, key_id, cosigned, conflict, quorum, witnesses, logs, vkey, url, key,
    // The database.
    create, busy_timeout, max_pages, max_rows, max_bytes, text, blob, null, many, any, closed,
}

/// Makes the atoms of all names in the core's closed tables, when the library is loaded.
pub(crate) fn install(env: Env<'_>) {
    let errors = CATALOGUE
        .iter()
        .flat_map(|entry| [entry.code, entry.stage.as_str()].into_iter().chain(entry.details.iter().copied()));
    let words =
        Event::ALL.iter().map(|event| event.as_str()).chain(Purpose::ALL.iter().map(|purpose| purpose.as_str()));
    provenance_nif_base::atoms::install(env, errors.chain(words));
}
