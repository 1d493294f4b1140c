//! Walking a Merkle tree's audit path (RFC 9162, section 2.1.3.2), whatever hashes its nodes.

/// A hash of a tree's.
pub type Hash = [u8; 32];

/// The root that `path` leads to from `leaf`, number `index` of `size`; `None` when the path's length is wrong.
pub fn root_from_path(
    leaf: Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    node_hash: impl Fn(&Hash, &Hash) -> Hash,
) -> Option<Hash> {
    let (mut node, mut last, mut hash) = (index, size.checked_sub(1)?, leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            (node, last) = above_left_turns(node, last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Skips the levels at which the last node has no sibling.
#[must_use]
pub fn above_left_turns(node: u64, last: u64) -> (u64, u64) {
    let levels = if node == 0 { 0 } else { node.trailing_zeros() };
    (node >> levels, last >> levels)
}
