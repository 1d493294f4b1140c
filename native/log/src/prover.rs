//! Proofs made from tiles, with the inner nodes of recent tiles kept.
//!
//! A tile lists the lowest of its eight levels only (<https://c2sp.org/tlog-tiles>); a proof also needs the levels
//! between, which cost up to 255 hashes a tile. So tiles that were read are kept with them.

use std::collections::{BTreeSet, HashMap};

use crate::error::{Fault, Result};
use crate::limits;
use crate::proof::{Span, consistency_spans, inclusion_spans};
use crate::tile::{Kind, Tile, TileReader, parse_hashes};
use crate::tree::{Hash, empty_root, fold, internal, node_hash};

/// Makes proofs from the tiles that a [`TileReader`] gives.
///
/// The tiles are believed: a client that got them from somebody else verifies each proof against a root it trusts.
#[derive(Debug)]
pub struct Prover<R> {
    reader: R,
    cache: Cache,
}

impl<R: TileReader> Prover<R> {
    /// A prover that keeps up to `tiles` tiles (16 KiB each) with their inner nodes, and never fewer than one proof needs.
    pub fn new(reader: R, tiles: usize) -> Self {
        let half = tiles.div_ceil(2).max(8);
        Self { reader, cache: Cache { half, young: HashMap::new(), old: HashMap::new() } }
    }

    /// The path from entry `index` to the root of the tree of `size`: RFC 6962, section 2.1.1.
    ///
    /// # Errors
    /// `inclusion_mismatch` when the tree has no such entry, else whatever the reader or a malformed tile causes.
    pub fn inclusion(&mut self, index: u64, size: u64) -> Result<Vec<Hash>> {
        within_tree(index, size)?;
        inclusion_spans(index, size).into_iter().map(|span| self.span(span, size)).collect()
    }

    /// The proof that the tree of `new` extends the one of `old`: RFC 6962, section 2.1.2. Empty when there is nothing
    /// to prove (`old` zero or equal to `new`).
    ///
    /// # Errors
    /// `consistency_broken` when `new` is smaller, else whatever the reader or a malformed tile causes.
    pub fn consistency(&mut self, old: u64, new: u64) -> Result<Vec<Hash>> {
        if growing(old, new)? { consistency_spans(old, new) } else { Vec::new() }
            .into_iter()
            .map(|span| self.span(span, new))
            .collect()
    }

    /// The root of the tree of `size`.
    ///
    /// # Errors
    /// Whatever the reader or a malformed tile causes.
    pub fn root(&mut self, size: u64) -> Result<Hash> {
        limits::tree_size(size)?;
        if size == 0 { Ok(empty_root()) } else { self.span(Span { begin: 0, end: size }, size) }
    }

    /// The edge of the tree of `size`, as [`Edge`](crate::tree::Edge) takes it.
    ///
    /// # Errors
    /// Whatever the reader or a malformed tile causes.
    pub fn edge(&mut self, size: u64) -> Result<Vec<Hash>> {
        limits::tree_size(size)?;
        Span { begin: 0, end: size }.perfect().map(|(height, place)| self.node(height, place, size)).collect()
    }

    /// The leaf hash of entry `index` in the tree of `size`.
    ///
    /// # Errors
    /// `inclusion_mismatch` when the tree has no such entry, else whatever the reader or a malformed tile causes.
    pub fn leaf(&mut self, index: u64, size: u64) -> Result<Hash> {
        within_tree(index, size)?;
        self.node(0, index, size)
    }

    /// Keeps a tile that was read elsewhere.
    pub fn keep(&mut self, tile: ReadTile) {
        self.cache.insert(tile.0, tile.1);
    }

    /// Those of `tiles` that are not kept: what the reader will be asked for.
    pub fn lacking(&self, tiles: impl IntoIterator<Item = Tile>) -> Vec<Tile> {
        tiles.into_iter().filter(|tile| !self.cache.holds(*tile)).collect()
    }

    fn span(&mut self, span: Span, size: u64) -> Result<Hash> {
        let nodes = span.perfect().map(|(height, place)| self.node(height, place, size)).collect::<Result<Vec<_>>>()?;
        fold(&nodes).ok_or_else(|| internal("empty span"))
    }

    fn node(&mut self, height: u32, place: u64, size: u64) -> Result<Hash> {
        let (tile, within) = tile_of(height, place, size).ok_or_else(|| internal("node outside the tree"))?;
        if let Some(hash) = self.cache.node(tile, height & 7, within) {
            return Ok(hash);
        }
        let hashes = parse_hashes(tile, &self.reader.read(tile)?)?;
        let expanded = Expanded::new(hashes);
        let hash = expanded.node(height & 7, within).ok_or_else(|| internal("node outside its tile"))?;
        self.cache.insert(tile, expanded);
        Ok(hash)
    }
}

/// A tile with its inner nodes, which took up to 255 hashes: for whoever must not keep others waiting meanwhile.
#[derive(Debug)]
pub struct ReadTile(Tile, Expanded);

impl ReadTile {
    /// Reads a tile of hashes.
    ///
    /// # Errors
    /// `malformed` when the bytes are not as many hashes as its path says.
    pub fn read(tile: Tile, bytes: &[u8]) -> Result<Self> {
        Ok(Self(tile, Expanded::new(parse_hashes(tile, bytes)?)))
    }
}

/// The tiles from which the path of entry `index` in the tree of `size` is made, for whoever must fetch them first.
///
/// # Errors
/// `inclusion_mismatch` when the tree has no such entry.
pub fn inclusion_tiles(index: u64, size: u64) -> Result<BTreeSet<Tile>> {
    within_tree(index, size)?;
    Ok(tiles_of(inclusion_spans(index, size), size))
}

/// The tiles from which the proof that `new` extends `old` is made.
///
/// # Errors
/// `consistency_broken` when `new` is smaller.
pub fn consistency_tiles(old: u64, new: u64) -> Result<BTreeSet<Tile>> {
    Ok(tiles_of(if growing(old, new)? { consistency_spans(old, new) } else { Vec::new() }, new))
}

/// The tiles from which the root of the tree of `size` is made, and its edge.
///
/// # Errors
/// `input_too_large`.
pub fn edge_tiles(size: u64) -> Result<BTreeSet<Tile>> {
    limits::tree_size(size)?;
    Ok(tiles_of(vec![Span { begin: 0, end: size }], size))
}

fn tiles_of(spans: Vec<Span>, size: u64) -> BTreeSet<Tile> {
    let nodes = spans.into_iter().flat_map(Span::perfect);
    nodes.filter_map(|(height, place)| tile_of(height, place, size)).map(|(tile, _)| tile).collect()
}

fn within_tree(index: u64, size: u64) -> Result<()> {
    limits::tree_size(size)?;
    if index < size {
        return Ok(());
    }
    Err(Fault::InclusionMismatch { index, reason: "its index is not within the tree".to_owned() }.into())
}

fn growing(old: u64, new: u64) -> Result<bool> {
    limits::tree_size(new)?;
    if old > new {
        return Err(Fault::ConsistencyBroken { old, new, reason: "the newer tree is smaller".to_owned() }.into());
    }
    Ok(old != 0 && old != new)
}

/// The tile that a node is in or above, and its place among the tile's nodes of its height.
fn tile_of(height: u32, place: u64, size: u64) -> Option<(Tile, usize)> {
    let (level, inner) = (height >> 3, height & 7);
    let per_tile = 8u32.checked_sub(inner)?;
    let tile = Tile::in_tree(Kind::Hashes(u8::try_from(level).ok()?), place >> per_tile, size)?;
    let within = place & 1u64.checked_shl(per_tile)?.checked_sub(1)?;
    Some((tile, usize::try_from(within).ok()?))
}

/// A tile's hashes and, level by level, the complete nodes above them.
#[derive(Debug)]
struct Expanded {
    width: u16,
    levels: [Vec<Hash>; 8],
}

impl Expanded {
    fn new(hashes: Vec<Hash>) -> Self {
        let width = u16::try_from(hashes.len()).unwrap_or_default();
        let mut levels: [Vec<Hash>; 8] = Default::default();
        let mut below = hashes;
        for level in &mut levels {
            let above = below.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
            *level = std::mem::replace(&mut below, above);
        }
        Self { width, levels }
    }

    fn node(&self, height: u32, within: usize) -> Option<Hash> {
        self.levels.get(usize::try_from(height).ok()?)?.get(within).copied()
    }
}

/// Two generations: what was used since the young one filled up survives, the rest is forgotten.
#[derive(Debug)]
struct Cache {
    half: usize,
    young: HashMap<(Kind, u64), Expanded>,
    old: HashMap<(Kind, u64), Expanded>,
}

impl Cache {
    fn node(&mut self, tile: Tile, height: u32, within: usize) -> Option<Hash> {
        let key = (tile.kind(), tile.index());
        if let Some(expanded) = self.old.remove(&key) {
            self.insert(tile, expanded);
        }
        // A narrower tile of an older size is a part of the wider one.
        self.young.get(&key).filter(|e| e.width >= tile.width())?.node(height, within)
    }

    fn holds(&self, tile: Tile) -> bool {
        let key = (tile.kind(), tile.index());
        self.young.get(&key).or_else(|| self.old.get(&key)).is_some_and(|e| e.width >= tile.width())
    }

    fn insert(&mut self, tile: Tile, expanded: Expanded) {
        if self.young.get(&(tile.kind(), tile.index())).is_some_and(|e| e.width > expanded.width) {
            return;
        }
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert((tile.kind(), tile.index()), expanded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{verify_consistency, verify_inclusion};
    use crate::tile::MemoryTiles;
    use crate::tree::Edge;
    use crate::tree::tests::{numbered, reference_root};

    struct Counting(MemoryTiles, usize);

    impl TileReader for Counting {
        fn read(&mut self, tile: Tile) -> Result<Vec<u8>> {
            self.1 += 1;
            self.0.read(tile)
        }
    }

    fn tiles(leaves: &[Hash]) -> MemoryTiles {
        let mut tiles = MemoryTiles::default();
        tiles.apply(&Edge::new().extend(leaves).unwrap().1).unwrap();
        tiles
    }

    #[test]
    fn proofs_at_old_and_new_sizes_from_the_tiles_of_the_newest() {
        let leaves = numbered(66_000);
        let mut prover = Prover::new(tiles(&leaves), 1000);
        let sizes = [1u64, 2, 255, 256, 257, 511, 513, 65_535, 65_536, 65_537, 65_999, 66_000];
        for size in sizes {
            let root = reference_root(&leaves[..size as usize]);
            assert_eq!(prover.root(size), Ok(root));
            assert_eq!(Edge::from_parts(size, prover.edge(size).unwrap()).unwrap().root(), root);
            for index in [0, 1, 254, 255, 256, 65_535, size - 1].into_iter().filter(|i| *i < size) {
                let path = prover.inclusion(index, size).unwrap();
                verify_inclusion(&leaves[index as usize], index, size, &path, &root).unwrap();
                assert_eq!(prover.leaf(index, size), Ok(leaves[index as usize]));
            }
            for old in sizes.into_iter().filter(|old| *old <= size) {
                let path = prover.consistency(old, size).unwrap();
                verify_consistency(old, &reference_root(&leaves[..old as usize]), size, &root, &path).unwrap();
            }
        }
        assert_eq!(prover.inclusion(5, 5).map_err(|e| e.code()), Err("inclusion_mismatch"));
        assert_eq!(prover.consistency(6, 5).map_err(|e| e.code()), Err("consistency_broken"));
        assert_eq!(prover.root(70_000).map_err(|e| e.code()), Err("malformed"));
        let mut empty = Prover::new(MemoryTiles::default(), 9);
        assert_eq!(empty.root(1).map_err(|e| e.code()), Err("storage_failed"));
    }

    #[test]
    fn named_tiles_suffice() {
        let leaves = numbered(3000);
        let mut all = tiles(&leaves);
        for (index, size) in [(0, 1), (5, 300), (2999, 3000), (1000, 2049)] {
            let mut some = MemoryTiles::default();
            for tile in inclusion_tiles(index, size).unwrap() {
                some.insert(tile, all.read(tile).unwrap());
            }
            assert_eq!(Prover::new(some, 9).inclusion(index, size), Prover::new(&mut all, 9).inclusion(index, size));
        }
        for (old, new) in [(1, 2), (300, 3000), (2048, 2049), (7, 7), (0, 9)] {
            let mut some = MemoryTiles::default();
            for tile in consistency_tiles(old, new).unwrap() {
                some.insert(tile, all.read(tile).unwrap());
            }
            assert_eq!(Prover::new(some, 9).consistency(old, new), Prover::new(&mut all, 9).consistency(old, new));
        }
    }

    #[test]
    fn a_prover_without_a_reader_is_given_what_it_lacks() {
        let leaves = numbered(3000);
        let mut all = tiles(&leaves);
        let mut prover = Prover::new(MemoryTiles::default(), 9);
        for (index, size) in [(0, 1), (5, 300), (2999, 3000), (1000, 2049), (5, 300)] {
            let lacking = prover.lacking(inclusion_tiles(index, size).unwrap());
            assert_eq!(prover.inclusion(index, size).is_err(), !lacking.is_empty());
            for tile in lacking {
                prover.keep(ReadTile::read(tile, &all.read(tile).unwrap()).unwrap());
            }
            assert_eq!(prover.inclusion(index, size), Prover::new(&mut all, 9).inclusion(index, size));
            assert!(prover.lacking(inclusion_tiles(index, size).unwrap()).is_empty());
        }
        for size in [0, 1, 300, 3000] {
            for tile in prover.lacking(edge_tiles(size).unwrap()) {
                prover.keep(ReadTile::read(tile, &all.read(tile).unwrap()).unwrap());
            }
            assert_eq!(prover.root(size), Ok(reference_root(&leaves[..size as usize])));
            assert!(prover.edge(size).is_ok());
        }
        assert!(ReadTile::read(Tile::new(Kind::Hashes(0), 0, 2).unwrap(), &[0; 63]).is_err());
    }

    #[test]
    fn a_wider_tile_is_not_given_up_for_a_narrower_one() {
        let leaves = numbered(300);
        let mut all = tiles(&leaves);
        let wide = Tile::new(Kind::Hashes(0), 0, 256).unwrap();
        let bytes = all.read(wide).unwrap();
        let mut prover = Prover::new(MemoryTiles::default(), 9);
        prover.keep(ReadTile::read(wide, &bytes).unwrap());
        prover.keep(ReadTile::read(Tile::new(Kind::Hashes(0), 0, 5).unwrap(), &bytes).unwrap());
        assert!(prover.lacking([wide]).is_empty());
    }

    #[test]
    fn the_cache_spares_reads_and_is_bounded() {
        let leaves = numbered(20_000);
        let mut prover = Prover::new(Counting(tiles(&leaves), 0), 20);
        for _ in 0..3 {
            prover.inclusion(77, 20_000).unwrap();
        }
        let warm = prover.reader.1;
        assert!(warm <= 4, "{warm}");
        for index in (0..20_000).step_by(256) {
            prover.inclusion(index, 20_000).unwrap();
            assert!(prover.cache.young.len() + prover.cache.old.len() <= 20);
        }
        assert_eq!(Prover::new(tiles(&leaves), 0).inclusion(9, 20_000), prover.inclusion(9, 20_000));
    }
}
