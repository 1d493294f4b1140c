//! Inclusion and consistency proofs: verified from their hashes alone, made by a [`Prover`](crate::prover::Prover).
//!
//! RFC 6962, sections 2.1.1 and 2.1.2; the algorithms that verify are those of RFC 9162, sections 2.1.3.2 and 2.1.4.2.

use provenance_base::merkle::{above_left_turns, root_from_path};

use crate::error::{Fault, Result};
use crate::limits;
use crate::tree::{Hash, empty_root, node_hash};

/// The leaves from `begin` to before `end`: a proof is the roots over some of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) begin: u64,
    pub(crate) end: u64,
}

/// Checks that the entry with the hash `leaf` is number `index` of the tree of `size` leaves under `root`.
///
/// # Errors
/// `inclusion_mismatch` when it is not, or when `path` has another length than its place in the tree needs.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<()> {
    let mismatch = |reason: &str| Fault::InclusionMismatch { index, reason: reason.to_owned() };
    limits::tree_size(size)?;
    if index >= size {
        return Err(mismatch("its index is not within the tree").into());
    }
    let found = root_from_path(*leaf, index, size, path, node_hash)
        .ok_or_else(|| mismatch("it does not have as many hashes as its place in the tree needs"))?;
    if found == *root { Ok(()) } else { Err(mismatch("its hashes lead to another root").into()) }
}

/// Checks that the tree of `new` leaves under `new_root` begins with the tree of `old` leaves under `old_root`.
///
/// # Errors
/// `consistency_broken` when it does not, or when `path` has another length than the two sizes need.
pub fn verify_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, path: &[Hash]) -> Result<()> {
    limits::tree_size(new)?;
    consistency(old, old_root, new, new_root, path)
        .map_err(|reason| Fault::ConsistencyBroken { old, new, reason: reason.to_owned() }.into())
}

fn consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, path: &[Hash]) -> Result<(), &'static str> {
    const LENGTH: &str = "it does not have as many hashes as the two sizes need";
    if old > new {
        return Err("the newer tree is smaller");
    }
    if [(old, old_root), (new, new_root)].iter().any(|(size, root)| *size == 0 && **root != empty_root()) {
        return Err("the empty tree has another root");
    }
    if old == 0 || old == new {
        return match path {
            [] if old == 0 || old_root == new_root => Ok(()),
            [] => Err("two roots for one size"),
            _ => Err(LENGTH),
        };
    }
    let (found_old, found_new) = roots_from_path(old, old_root, new, path).ok_or(LENGTH)?;
    match (found_old == *old_root, found_new == *new_root) {
        (true, true) => Ok(()),
        (false, _) => Err("its hashes lead to another old root"),
        (true, false) => Err("its hashes lead to another new root"),
    }
}

/// The two roots that `path` leads to, for 0 < old < new.
fn roots_from_path(old: u64, old_root: &Hash, new: u64, path: &[Hash]) -> Option<(Hash, Hash)> {
    // An old tree that is one perfect subtree is itself the first node, and then left out of the path.
    let (seed, path) =
        if old.is_power_of_two() { (*old_root, path) } else { path.split_first().map(|(s, p)| (*s, p))? };
    // The number of the last old leaf ends with as many ones as `old` does with zeroes.
    let levels = old.trailing_zeros();
    let (mut node, mut last) = (old.checked_sub(1)? >> levels, new.checked_sub(1)? >> levels);
    let (mut low, mut high) = (seed, seed);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            low = node_hash(sibling, &low);
            high = node_hash(sibling, &high);
            (node, last) = above_left_turns(node, last);
        } else {
            high = node_hash(&high, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some((low, high))
}

/// RFC 6962, section 2.1.1: what the path of leaf `index` in a tree of `size` consists of, for index < size.
pub(crate) fn inclusion_spans(index: u64, size: u64) -> Vec<Span> {
    let (mut spans, mut tree) = (Vec::new(), Span { begin: 0, end: size });
    while let Some(middle) = tree.middle() {
        let (left, right) = tree.halves(middle);
        let (inside, beside) = if index < middle { (left, right) } else { (right, left) };
        spans.push(beside);
        tree = inside;
    }
    spans.reverse();
    spans
}

/// RFC 6962, section 2.1.2: what the proof that a tree of `new` extends one of `old` consists of, for 0 < old < new.
pub(crate) fn consistency_spans(old: u64, new: u64) -> Vec<Span> {
    let (mut spans, mut tree, mut known) = (Vec::new(), Span { begin: 0, end: new }, true);
    while let Some(middle) = tree.middle().filter(|_| tree.end != old) {
        let (left, right) = tree.halves(middle);
        if old <= middle {
            spans.push(right);
            tree = left;
        } else {
            spans.push(left);
            tree = right;
            known = false;
        }
    }
    if !known {
        spans.push(tree);
    }
    spans.reverse();
    spans
}

impl Span {
    /// Where RFC 6962 divides it: at the largest power of two below its length.
    fn middle(self) -> Option<u64> {
        let last = self.end.checked_sub(self.begin)?.checked_sub(1)?;
        self.begin.checked_add(1u64.checked_shl(last.checked_ilog2()?)?)
    }

    fn halves(self, middle: u64) -> (Self, Self) {
        (Self { end: middle, ..self }, Self { begin: middle, ..self })
    }

    /// The perfect subtrees it consists of, as (height, place at that height), the largest first.
    pub(crate) fn perfect(self) -> impl Iterator<Item = (u32, u64)> {
        let mut begin = self.begin;
        std::iter::from_fn(move || {
            let height = self.end.checked_sub(begin)?.checked_ilog2()?;
            let place = begin >> height;
            begin = begin.checked_add(1u64.checked_shl(height)?)?;
            Some((height, place))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{hex_decode, hex_encode};
    use crate::tree::tests::{RFC6962_LEAVES, RFC6962_ROOTS, numbered, reference_root};
    use crate::tree::{fold, leaf_hash};

    fn hashes(spans: &[Span], leaves: &[Hash]) -> Vec<Hash> {
        spans.iter().map(|s| reference_root(&leaves[s.begin as usize..s.end as usize])).collect()
    }

    fn inclusion(index: u64, leaves: &[Hash]) -> Vec<Hash> {
        hashes(&inclusion_spans(index, leaves.len() as u64), leaves)
    }

    #[test]
    fn every_place_in_every_small_tree() {
        let leaves = numbered(130);
        for size in 1..=leaves.len() as u64 {
            let tree = &leaves[..size as usize];
            let root = reference_root(tree);
            for index in 0..size {
                let path = inclusion(index, tree);
                let leaf = &tree[index as usize];
                assert_eq!(verify_inclusion(leaf, index, size, &path, &root), Ok(()), "{index} of {size}");
                assert!(verify_inclusion(leaf, size, size, &path, &root).is_err());
                let longer = [&path[..], &[[0; 32]]].concat();
                assert!(verify_inclusion(leaf, index, size, &longer, &root).is_err());
                if let Some((_, shorter)) = path.split_last() {
                    assert!(verify_inclusion(leaf, index, size, shorter, &root).is_err());
                }
            }
        }
    }

    #[test]
    fn every_pair_of_small_sizes() {
        let leaves = numbered(130);
        let roots: Vec<_> = (0..=leaves.len()).map(|n| reference_root(&leaves[..n])).collect();
        for new in 1..leaves.len() {
            for old in 0..=new {
                let path = if old == 0 || old == new {
                    vec![]
                } else {
                    hashes(&consistency_spans(old as u64, new as u64), &leaves)
                };
                let check = |o: usize, n: usize, path: &[Hash]| {
                    verify_consistency(o as u64, &roots[o], n as u64, &roots[n], path).is_ok()
                };
                assert!(check(old, new, &path), "{old} {new}");
                assert!(!check(old, new, &[&path[..], &[[0; 32]]].concat()));
                assert!(old == 0 || verify_consistency(old as u64, &[9; 32], new as u64, &roots[new], &path).is_err());
                assert!(old == 0 || verify_consistency(old as u64, &roots[old], new as u64, &[9; 32], &path).is_err());
                assert!(old == new || !check(new, old, &path));
            }
        }
    }

    #[test]
    fn a_short_path_does_not_do_for_a_large_tree() {
        let leaves = numbered(64);
        let root = |n: usize| reference_root(&leaves[..n]);
        for (old, new) in [(4u64, 8u64), (3, 8), (7, 16), (16, 32)] {
            let path = hashes(&consistency_spans(old, new), &leaves);
            let claim = |size| verify_consistency(old, &root(old as usize), size, &root(new as usize), &path).is_ok();
            assert!(claim(new) && !claim(new * 2) && !claim(new + 1) && !claim(limits::TREE_SIZE), "{old} to {new}");
        }
        for (index, size) in [(0u64, 8u64), (5, 8), (15, 16)] {
            let path = inclusion(index, &leaves[..size as usize]);
            let leaf = &leaves[index as usize];
            let claim = |claimed| verify_inclusion(leaf, index, claimed, &path, &root(size as usize)).is_ok();
            assert!(claim(size) && !claim(size * 2) && !claim(size + 1), "{index} of {size}");
        }
    }

    /// Paths as Certificate Transparency's reference implementations publish them for the leaves of RFC 6962's tests.
    #[test]
    fn rfc6962_vectors() {
        let leaves: Vec<_> = RFC6962_LEAVES.iter().map(|l| leaf_hash(l)).collect();
        let root = |n: usize| hex_decode::<32>(RFC6962_ROOTS[n]).unwrap();
        let path = inclusion(5, &leaves);
        let expected = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(path.iter().map(|h| hex_encode(h)).collect::<Vec<_>>(), expected);
        verify_inclusion(&leaves[5], 5, 8, &path, &root(8)).unwrap();
        let proof = hashes(&consistency_spans(6, 8), &leaves);
        let expected = [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(proof.iter().map(|h| hex_encode(h)).collect::<Vec<_>>(), expected);
        verify_consistency(6, &root(6), 8, &root(8), &proof).unwrap();
    }

    #[test]
    fn perfect_subtrees_fold_to_the_span() {
        let leaves = numbered(100);
        for end in 1..=100u64 {
            let nodes: Vec<_> = Span { begin: 0, end }
                .perfect()
                .map(|(height, place)| {
                    let (begin, count) = ((place << height) as usize, 1usize << height);
                    reference_root(&leaves[begin..begin + count])
                })
                .collect();
            assert_eq!(fold(&nodes), Some(reference_root(&leaves[..end as usize])));
        }
    }

    #[test]
    fn the_largest_trees_end() {
        assert_eq!(root_from_path([0; 32], u64::MAX - 1, u64::MAX, &[[0; 32]; 3], node_hash), None);
        let size = limits::TREE_SIZE;
        assert_eq!(inclusion_spans(size - 1, size).len(), 62);
        assert!(verify_inclusion(&[0; 32], 0, u64::MAX, &[[0; 32]; 64], &[0; 32]).is_err());
        assert!(verify_consistency(1, &[0; 32], u64::MAX, &[0; 32], &[[0; 32]; 64]).is_err());
        assert!(verify_consistency(u64::MAX, &[0; 32], u64::MAX, &[0; 32], &[]).is_err());
    }
}
