//! Proofs from tiles that are kept here, with their inner nodes: what is not kept is answered as missing, to be given.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use provenance_log::error::Error;
use provenance_log::proof::verify_consistency;
use provenance_log::prover::{ReadTile, consistency_tiles, edge_tiles, inclusion_tiles};
use provenance_log::tile::{Kind, Tile, TileReader};
use provenance_log::{Fault, Hash, Result};
use provenance_nif_base::decode::{binary, invalid, items};
use provenance_nif_base::encode::{bytes, list};
use rustler::types::tuple::get_tuple;
use rustler::{Encoder, Env, Resource, ResourceArc, Term};

use crate::{atoms, decode, encode, guard};

/// Tiles that one prover keeps at most: 1 GiB of them.
const MOST_TILES: u64 = 1 << 16;
/// Tiles that are given at once at most.
const GIVEN: usize = 4096;

/// A prover for all processes. A proof holds it for some microseconds; tiles are read before it is held.
struct Prover(Mutex<provenance_log::Prover<Nothing>>);

#[rustler::resource_impl]
impl Resource for Prover {}

/// Reads no tile: they are all given.
struct Nothing;

impl TileReader for Nothing {
    fn read(&mut self, tile: Tile) -> Result<Vec<u8>> {
        Err(Fault::StorageFailed { path: tile.to_string(), reason: "it was not given".to_owned() }.into())
    }
}

#[rustler::nif]
fn log_prover<'a>(env: Env<'a>, tiles: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let tiles = decode::number("tiles", tiles)?.min(MOST_TILES);
        let prover = provenance_log::Prover::new(Nothing, usize::try_from(tiles).unwrap_or_default());
        Ok(ResourceArc::new(Prover(Mutex::new(prover))).encode(env))
    })
}

#[rustler::nif]
fn log_inclusion<'a>(env: Env<'a>, prover: Term<'a>, index: Term<'a>, size: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let (index, size) = (decode::number("index", index)?, decode::number("size", size)?);
        answer(env, prover, |held| held.inclusion(index, size), || inclusion_tiles(index, size), hashes)
    })
}

#[rustler::nif]
fn log_consistency<'a>(env: Env<'a>, prover: Term<'a>, old: Term<'a>, new: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let (old, new) = (decode::number("old", old)?, decode::number("new", new)?);
        answer(env, prover, |held| held.consistency(old, new), || consistency_tiles(old, new), hashes)
    })
}

#[rustler::nif]
fn log_root<'a>(env: Env<'a>, prover: Term<'a>, size: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let size = decode::number("size", size)?;
        let hash = |env: Env<'a>, root: Hash| (atoms::hash(), bytes(env, &root)).encode(env);
        answer(env, prover, |held| held.root(size), || edge_tiles(size), hash)
    })
}

#[rustler::nif]
fn log_edge<'a>(env: Env<'a>, prover: Term<'a>, size: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let size = decode::number("size", size)?;
        answer(env, prover, |held| held.edge(size), || edge_tiles(size), hashes)
    })
}

/// Each tile costs up to 255 hashes.
#[rustler::nif(schedule = "DirtyCpu")]
fn log_give<'a>(env: Env<'a>, prover: Term<'a>, tiles: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let prover = prover_option(prover)?;
        if tiles.list_length().is_ok_and(|length| length > GIVEN) {
            return Err(invalid("tiles", "at most 4096 tiles").into());
        }
        for term in items("tiles", tiles)? {
            let tile = given(term)?;
            held(&prover).keep(tile);
        }
        Ok(atoms::undefined().encode(env))
    })
}

/// Whether one tree extends the other.
#[rustler::nif]
fn log_consistent<'a>(
    env: Env<'a>,
    old: Term<'a>,
    old_root: Term<'a>,
    new: Term<'a>,
    new_root: Term<'a>,
    hashes: Term<'a>,
) -> Term<'a> {
    guard::short(env, || {
        let (old, new) = (decode::number("old", old)?, decode::number("new", new)?);
        let (old_root, new_root) = (decode::hash("old_root", old_root)?, decode::hash("new_root", new_root)?);
        verify_consistency(old, &old_root, new, &new_root, &decode::hashes("hashes", hashes)?)?;
        Ok(true.encode(env))
    })
}

type Held = provenance_log::Prover<Nothing>;

/// What `prove` makes, or which of the tiles it needs are missing.
fn answer<'a, T>(
    env: Env<'a>,
    prover: Term<'a>,
    prove: impl FnOnce(&mut Held) -> Result<T>,
    tiles: impl FnOnce() -> Result<BTreeSet<Tile>>,
    encode: impl FnOnce(Env<'a>, T) -> Term<'a>,
) -> Result<Term<'a>> {
    let prover = prover_option(prover)?;
    let mut held = held(&prover);
    match prove(&mut held) {
        Ok(proof) => Ok(encode(env, proof)),
        Err(error) if is_missing(&error) => {
            let missing = held.lacking(tiles()?);
            drop(held);
            // Nothing missing would have the caller ask again for ever.
            if missing.is_empty() { Err(error) } else { Ok((atoms::missing(), list(env, &missing, place)).encode(env)) }
        }
        Err(error) => Err(error),
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error.fault(), Fault::StorageFailed { .. })
}

fn hashes<'a>(env: Env<'a>, hashes: Vec<Hash>) -> Term<'a> {
    (atoms::hashes(), encode::hashes(env, &hashes)).encode(env)
}

fn place<'a>(env: Env<'a>, tile: &Tile) -> Term<'a> {
    let level = match tile.kind() {
        Kind::Hashes(level) => level.encode(env),
        Kind::Entries => atoms::entries().encode(env),
    };
    (level, tile.index(), tile.width()).encode(env)
}

fn prover_option(term: Term<'_>) -> Result<ResourceArc<Prover>> {
    decode::resource("prover", term, "what log_prover returned")
}

/// A panic in a proof leaves the tiles as they were: they are whole or not there.
fn held(prover: &Prover) -> MutexGuard<'_, Held> {
    prover.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `{Level, Index, Bytes}`: as wide as its bytes.
fn given(term: Term<'_>) -> Result<ReadTile> {
    const EXPECTED: &str = "{Level, Index, Bytes} with 1 to 256 hashes";
    let read = |level: Term<'_>, index: Term<'_>, bytes: &[u8]| {
        let width = u16::try_from(bytes.len() / 32).ok()?;
        Tile::new(Kind::Hashes(level.decode().ok()?), index.decode().ok()?, width)
    };
    match get_tuple(term).unwrap_or_default().as_slice() {
        [level, index, bytes] => {
            let bytes = binary("tiles", *bytes)?;
            let tile = read(*level, *index, &bytes).ok_or_else(|| invalid("tiles", EXPECTED))?;
            ReadTile::read(tile, &bytes)
        }
        _ => Err(invalid("tiles", EXPECTED))?,
    }
}
