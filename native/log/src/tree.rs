//! The Merkle tree of RFC 6962, section 2.1, and its compact right [`Edge`].

use aws_lc_rs::digest::{Context, SHA256, digest};

use crate::error::{Error, Fault, Result};
use crate::limits;

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// The roots of the perfect subtrees that a tree of some size consists of: all that is needed to append to it.
///
/// One hash for each bit that is set in the size, the largest subtree first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edge {
    size: u64,
    nodes: Vec<Hash>,
}

/// Hashes to append to the tile `index` of `level`, behind the `offset` hashes it already has.
///
/// Applying the rows of an [`Edge::extend`] in order to what a store holds gives the tiles of the new size; a store
/// that finds another number of hashes than `offset` must stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileRow {
    /// The tile's level.
    pub level: u8,
    /// The tile's index within the level.
    pub index: u64,
    /// How many hashes the tile has so far.
    pub offset: u16,
    /// What is appended: at most 256 in all.
    pub hashes: Vec<Hash>,
}

impl Edge {
    /// The edge of the empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An edge as it was stored.
    ///
    /// # Errors
    /// `malformed` when a tree of that size has another number of nodes on its edge.
    pub fn from_parts(size: u64, nodes: Vec<Hash>) -> Result<Self> {
        limits::tree_size(size)?;
        if limits::wide(nodes.len()) != u64::from(size.count_ones()) {
            return Err(Fault::malformed("tree edge", "nodes", "not one node for each bit of the size"));
        }
        Ok(Self { size, nodes })
    }

    /// How many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of its perfect subtrees, the largest first.
    #[must_use]
    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(&self.nodes).unwrap_or_else(empty_root)
    }

    /// This edge after `leaves` (leaf hashes), and the rows that its tiles gain.
    ///
    /// # Errors
    /// `input_too_large` when the tree would be larger than any tree may be.
    pub fn extend(&self, leaves: &[Hash]) -> Result<(Self, Vec<TileRow>)> {
        let size = self.size.saturating_add(limits::wide(leaves.len()));
        limits::tree_size(size)?;
        let mut edge = self.clone();
        let mut rows = Rows::default();
        for leaf in leaves {
            edge.push(*leaf, &mut |level, at, hash| rows.push(level, at, hash))?;
        }
        Ok((edge, rows.done()))
    }

    /// Appends one leaf hash; for whoever only follows a log and keeps no tiles.
    ///
    /// # Errors
    /// `input_too_large` when the tree would be larger than any tree may be.
    pub fn append(&mut self, leaf: Hash) -> Result<()> {
        self.push(leaf, &mut |_, _, _| {})
    }

    /// Appends a leaf and tells `tile` each hash (level, place within the level) that tiles hold.
    fn push(&mut self, leaf: Hash, tile: &mut impl FnMut(u8, u64, Hash)) -> Result<()> {
        let grown = self.size.saturating_add(1);
        limits::tree_size(grown)?;
        tile(0, self.size, leaf);
        let (mut node, mut at, mut height) = (leaf, self.size, 0u8);
        while at & 1 == 1 {
            let left = self.nodes.pop().ok_or_else(|| internal("edge"))?;
            node = node_hash(&left, &node);
            at >>= 1;
            height = height.saturating_add(1);
            if height.is_multiple_of(8) {
                tile(height >> 3, at, node);
            }
        }
        self.nodes.push(node);
        self.size = grown;
        Ok(())
    }
}

/// Rows being gathered: one open row a level, since places within a level only rise.
#[derive(Default)]
struct Rows {
    done: Vec<TileRow>,
    open: Vec<TileRow>,
}

impl Rows {
    fn push(&mut self, level: u8, at: u64, hash: Hash) {
        let index = at >> 8;
        match self.open.iter_mut().find(|row| row.level == level) {
            Some(row) if row.index == index => row.hashes.push(hash),
            Some(row) => self.done.push(std::mem::replace(row, TileRow::starting(level, at, hash))),
            None => self.open.push(TileRow::starting(level, at, hash)),
        }
    }

    fn done(mut self) -> Vec<TileRow> {
        self.done.append(&mut self.open);
        self.done.sort_by_key(|row| (row.level, row.index));
        self.done
    }
}

impl TileRow {
    fn starting(level: u8, at: u64, hash: Hash) -> Self {
        let [.., low] = at.to_be_bytes();
        Self { level, index: at >> 8, offset: u16::from(low), hashes: vec![hash] }
    }
}

/// RFC 6962, section 2.1: the root of no leaves.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// RFC 6962, section 2.1: the hash of a leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(leaf);
    copied(context.finish().as_ref())
}

/// RFC 6962, section 2.1: the hash of an inner node.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // One buffer and one call: a streaming context costs as much as the hash itself.
    let mut bytes = [1; 65];
    bytes.iter_mut().skip(1).zip(left.iter().chain(right)).for_each(|(to, from)| *to = *from);
    sha256(&bytes)
}

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Hash {
    copied(digest(&SHA256, bytes).as_ref())
}

/// The root over perfect subtrees, the largest first; `None` when there are none.
pub(crate) fn fold(nodes: &[Hash]) -> Option<Hash> {
    let (last, others) = nodes.split_last()?;
    Some(others.iter().rev().fold(*last, |right, left| node_hash(left, &right)))
}

fn copied(digest: &[u8]) -> Hash {
    let mut out = [0; 32];
    out.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    out
}

pub(crate) fn internal(at: &str) -> Error {
    Fault::Internal { at: at.to_owned() }.into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::encoding::hex_encode;

    /// RFC 6962's definition, straight.
    pub(crate) fn reference_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&reference_root(left), &reference_root(right))
            }
        }
    }

    pub(crate) fn numbered(count: usize) -> Vec<Hash> {
        (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    /// The leaves that Certificate Transparency's reference implementations test with, and their roots.
    pub(crate) const RFC6962_LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    pub(crate) const RFC6962_ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn rfc6962_vectors() {
        let mut edge = Edge::new();
        assert_eq!(hex_encode(&edge.root()), RFC6962_ROOTS[0]);
        for (leaf, root) in RFC6962_LEAVES.iter().zip(&RFC6962_ROOTS[1..]) {
            edge.append(leaf_hash(leaf)).unwrap();
            assert_eq!(hex_encode(&edge.root()), *root, "size {}", edge.size());
        }
    }

    #[test]
    fn every_small_size_in_every_split() {
        let leaves = numbered(70);
        for first in 0..leaves.len() {
            let (edge, _) = Edge::new().extend(&leaves[..first]).unwrap();
            assert_eq!(edge.root(), reference_root(&leaves[..first]));
            assert_eq!(Edge::from_parts(edge.size(), edge.nodes().to_vec()), Ok(edge.clone()));
            let (all, _) = edge.extend(&leaves[first..]).unwrap();
            assert_eq!(all.root(), reference_root(&leaves));
        }
    }

    #[test]
    fn rows_are_the_tiles() {
        let leaves = numbered(70_000);
        let (mut edge, mut tiles) = (Edge::new(), std::collections::BTreeMap::<(u8, u64), Vec<Hash>>::new());
        for batch in leaves.chunks(997) {
            let (next, rows) = edge.extend(batch).unwrap();
            edge = next;
            for row in rows {
                let tile = tiles.entry((row.level, row.index)).or_default();
                assert_eq!(tile.len(), usize::from(row.offset));
                tile.extend(row.hashes);
            }
        }
        // The numbers of c2sp.org/tlog-tiles for a tree of 70,000.
        let count = |level, width| tiles.iter().filter(|(k, t)| k.0 == level && t.len() == width).count();
        assert_eq!((count(0, 256), count(0, 112), count(1, 256), count(1, 17), count(2, 1)), (273, 1, 1, 1, 1));
        assert_eq!(tiles.len(), 277);
        assert_eq!(tiles[&(1, 0)][3], reference_root(&leaves[768..1024]));
        assert_eq!(tiles[&(2, 0)][0], reference_root(&leaves[..65_536]));
    }

    #[test]
    fn wrong_edges_are_refused() {
        assert_eq!(Edge::from_parts(3, vec![[0; 32]]).map_err(|e| e.code()), Err("malformed"));
        assert_eq!(Edge::from_parts(u64::MAX, vec![[0; 32]; 64]).map_err(|e| e.code()), Err("input_too_large"));
        let full = Edge::from_parts(limits::TREE_SIZE, vec![[0; 32]]).unwrap();
        assert_eq!(full.extend(&[[0; 32]]).map_err(|e| e.code()), Err("input_too_large"));
    }
}
