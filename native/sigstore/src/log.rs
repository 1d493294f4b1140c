//! Proof that a transparency log holds an entry: RFC 6962 inclusion proofs and Rekor v1's signed entry timestamps.

use aws_lc_rs::digest::{Context, SHA256};
use provenance_base::merkle::root_from_path;

use crate::bundle::{InclusionProof, LogEntry};
use crate::encoding::{base64_encode, hex_encode};
use crate::error::Fault;
use crate::trust_root::Log;

/// Checks that `entry`, number `at` of its bundle, is under the root its inclusion proof states.
pub(crate) fn verify_inclusion(at: u64, entry: &LogEntry, proof: &InclusionProof) -> Result<(), Fault> {
    let mismatch = |reason: &str| Fault::InclusionMismatch { index: at, reason: reason.to_owned() };
    if proof.index >= proof.tree_size {
        return Err(mismatch("its index is not within the tree"));
    }
    let root = root_from_path(leaf_hash(&entry.body), proof.index, proof.tree_size, &proof.hashes, node_hash)
        .ok_or_else(|| mismatch("it does not have as many hashes as its place in the tree needs"))?;
    if root == proof.root_hash { Ok(()) } else { Err(mismatch("its hashes lead to another root")) }
}

/// RFC 6962, section 2.1: the hash of a leaf.
pub(crate) fn leaf_hash(leaf: &[u8]) -> [u8; 32] {
    hash(&[&[0], leaf])
}

fn node_hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    hash(&[&[1], left, right])
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// Checks Rekor v1's promise to include `entry`: a signature over the RFC 8785 form of its four fields.
pub(crate) fn verify_promise(at: u64, entry: &LogEntry, promise: &[u8], log: &Log) -> Result<i64, Fault> {
    let invalid = |reason: &str| Fault::SetInvalid { index: at, reason: reason.to_owned() };
    let time = entry.integrated_time.ok_or_else(|| invalid("the entry has no integrated time"))?;
    let signed = format!(
        r#"{{"body":"{}","integratedTime":{time},"logID":"{}","logIndex":{}}}"#,
        base64_encode(&entry.body),
        hex_encode(&entry.log_id),
        entry.index,
    );
    log.key.verify(signed.as_bytes(), promise).map_err(|_| invalid("its signature does not match the entry"))?;
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962's definition, straight.
    fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
        match leaves {
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len()));
                node_hash(&root(left), &root(right))
            }
        }
    }

    fn path(leaves: &[[u8; 32]], m: usize) -> Vec<[u8; 32]> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        if m < left.len() {
            [path(left, m), vec![root(right)]].concat()
        } else {
            [path(right, m - left.len()), vec![root(left)]].concat()
        }
    }

    fn split(n: usize) -> usize {
        n.next_power_of_two() / 2
    }

    #[test]
    fn every_place_in_every_small_tree() {
        let leaves: Vec<_> = (0u8..40).map(|i| leaf_hash(&[i])).collect();
        for size in 1..=leaves.len() {
            for m in 0..size {
                let (tree, p) = (&leaves[..size], path(&leaves[..size], m));
                assert_eq!(
                    root_from_path(tree[m], m as u64, size as u64, &p, node_hash),
                    Some(root(tree)),
                    "{m} of {size}"
                );
                let mut longer = p.clone();
                longer.push([0; 32]);
                assert_eq!(root_from_path(tree[m], m as u64, size as u64, &longer, node_hash), None);
                if let Some((_, shorter)) = p.split_last() {
                    assert_eq!(root_from_path(tree[m], m as u64, size as u64, shorter, node_hash), None);
                }
            }
        }
    }

    #[test]
    fn the_largest_tree_ends() {
        assert_eq!(root_from_path([0; 32], u64::MAX - 1, u64::MAX, &[[0; 32]; 3], node_hash), None);
    }
}
