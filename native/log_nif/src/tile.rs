//! Tiles and entry bundles as they are served.

use provenance_log::tile::{FULL, Kind, Tile, cut, write_entries};
use provenance_log::{Fault, Result};
use provenance_nif_base::decode::{binary, invalid, items};
use provenance_nif_base::encode::bytes;
use rustler::types::tuple::get_tuple;
use rustler::{Encoder, Env, Term};

use crate::{atoms, decode, guard};

#[rustler::nif]
fn log_tile<'a>(env: Env<'a>, path: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let tile = Tile::parse(decode::text("path", path)?);
        let tile = tile.ok_or_else(|| Fault::Malformed {
            format: "tile path",
            at: "path".to_owned(),
            reason: "it is not one of c2sp.org/tlog-tiles".to_owned(),
        })?;
        let kind = match tile.kind() {
            Kind::Hashes(level) => level.encode(env),
            Kind::Entries => atoms::entries().encode(env),
        };
        Ok((kind, tile.index(), tile.width()).encode(env))
    })
}

#[rustler::nif]
fn log_tile_cut<'a>(env: Env<'a>, tile: Term<'a>, stored: Term<'a>) -> Term<'a> {
    guard::short(env, || Ok(bytes(env, &cut(tile_option(tile)?, &binary("bytes", stored)?)?)))
}

#[rustler::nif]
fn log_entry_bundle<'a>(env: Env<'a>, leaves: Term<'a>) -> Term<'a> {
    guard::short(env, || {
        let most = usize::from(FULL).saturating_add(1);
        let leaves = items("leaves", leaves)?.take(most).map(|leaf| binary("leaves", leaf));
        let leaves = leaves.collect::<std::result::Result<Vec<_>, _>>()?;
        let leaves: Vec<_> = leaves.iter().map(|leaf| leaf.as_slice()).collect();
        Ok(bytes(env, &write_entries(&leaves)?))
    })
}

/// `{Level | entries, Index, Width}`.
fn tile_option(term: Term<'_>) -> Result<Tile> {
    let read = |kind: Term<'_>, index: Term<'_>, width: Term<'_>| {
        let kind = if atoms::entries() == kind { Kind::Entries } else { Kind::Hashes(kind.decode().ok()?) };
        Tile::new(kind, index.decode().ok()?, width.decode().ok()?)
    };
    let tile = match get_tuple(term).unwrap_or_default().as_slice() {
        [kind, index, width] => read(*kind, *index, *width),
        _ => None,
    };
    Ok(tile.ok_or_else(|| invalid("tile", "{Level | entries, Index, Width}"))?)
}
