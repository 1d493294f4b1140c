//! What other crates make and publish, beside ours: `tlog_tiles` (a port of Go's), and the test vectors of
//! transparency-dev/merkle that `sigstore-merkle` ships.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "tests"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use provenance_log::encoding::base64_decode;
use provenance_log::proof::{verify_consistency, verify_inclusion};
use provenance_log::tile::{Kind, MemoryTiles, Tile, TileReader};
use provenance_log::tree::leaf_hash;
use provenance_log::{Checkpoint, Edge, Hash, Prover};
use tlog_tiles::{Error, HashReader, Tile as TheirTile};

/// All hashes in the order in which Go stores them.
struct Stored(Vec<tlog_tiles::Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, Error> {
        Ok(indexes.iter().map(|i| self.0[*i as usize]).collect())
    }
}

fn entry(i: u64) -> Vec<u8> {
    format!("entry {i}").into_bytes()
}

fn both(size: u64) -> (Stored, Prover<MemoryTiles>, Vec<Hash>) {
    let (mut stored, mut tiles) = (Stored(vec![]), MemoryTiles::default());
    for i in 0..size {
        let more = tlog_tiles::stored_hashes(i, &entry(i), &stored).unwrap();
        stored.0.extend(more);
    }
    let leaves: Vec<_> = (0..size).map(|i| leaf_hash(&entry(i))).collect();
    tiles.apply(&Edge::new().extend(&leaves).unwrap().1).unwrap();
    (stored, Prover::new(tiles, 64), leaves)
}

fn bare(hashes: &[tlog_tiles::Hash]) -> Vec<Hash> {
    hashes.iter().map(|h| h.0).collect()
}

#[test]
fn the_same_proofs_as_tlog_tiles() {
    let (stored, mut ours, leaves) = both(600);
    for size in 1..=600u64 {
        let root = tlog_tiles::tree_hash(size, &stored).unwrap();
        assert_eq!(ours.root(size).unwrap(), root.0, "{size}");
        for index in [0, 1, size / 3, size / 2, size - 1].into_iter().filter(|i| *i < size) {
            let theirs = bare(&tlog_tiles::prove_record(size, index, &stored).unwrap());
            assert_eq!(ours.inclusion(index, size).unwrap(), theirs, "{index} of {size}");
            verify_inclusion(&leaves[index as usize], index, size, &theirs, &root.0).unwrap();
        }
        for old in [1, 2, size / 3, size / 2, size - 1, size].into_iter().filter(|old| (1..=size).contains(old)) {
            let theirs = bare(&tlog_tiles::prove_tree(size, old, &stored).unwrap());
            assert_eq!(ours.consistency(old, size).unwrap(), theirs, "{old} to {size}");
            let old_root = tlog_tiles::tree_hash(old, &stored).unwrap();
            verify_consistency(old, &old_root.0, size, &root.0, &theirs).unwrap();
        }
    }
}

#[test]
fn the_same_tiles_and_paths_as_tlog_tiles() {
    let (stored, _, leaves) = both(70_000);
    let mut tiles = MemoryTiles::default();
    tiles.apply(&Edge::new().extend(&leaves).unwrap().1).unwrap();
    let mut seen = 0;
    for tile in Tile::of_growth(0, 70_000) {
        let Kind::Hashes(level) = tile.kind() else { continue };
        let theirs = TheirTile::new(8, level, tile.index(), u32::from(tile.width()), false);
        assert_eq!(theirs.path().replacen("tile/8/", "tile/", 1), tile.to_string());
        assert_eq!(theirs.read_data(&stored).unwrap(), tiles.read(tile).unwrap(), "{tile}");
        seen += 1;
    }
    assert_eq!(seen, 277);
}

#[test]
fn checkpoints_as_tlog_tiles_reads_them() {
    let ours = Checkpoint::new("log.example", 20_852_163, [7; 32]).unwrap().to_string();
    let theirs = tlog_tiles::Checkpoint::from_bytes(ours.as_bytes()).unwrap();
    assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), ("log.example", 20_852_163, [7; 32]));
    assert_eq!(theirs.to_bytes(), ours.as_bytes());
}

/// Where cargo put `sigstore-merkle`'s sources.
fn vectors(kind: &str) -> Vec<(PathBuf, serde_json::Value)> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|p| p["name"] == "sigstore-merkle").unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let mut folders = vec![manifest.parent().unwrap().join("test-data/merkle/testdata").join(kind)];
    let mut found = vec![];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()) {
            match path.extension() {
                Some(_) => found.push((path.clone(), serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())),
                None => folders.push(path),
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn hash(value: &serde_json::Value) -> Option<Hash> {
    base64_decode(value.as_str().unwrap_or_default())?.try_into().ok()
}

/// Both roots, or leaf and root, and the proof; `None` when one of them is no hash.
fn hashes(case: &serde_json::Value, names: [&str; 2]) -> Option<(Hash, Hash, Vec<Hash>)> {
    let proof = case["proof"].as_array().cloned().unwrap_or_default();
    Some((hash(&case[names[0]])?, hash(&case[names[1]])?, proof.iter().map(hash).collect::<Option<_>>()?))
}

/// Runs the vectors of one kind. Those that have texts in the place of hashes are about arguments no caller of ours can
/// pass on.
fn run(kind: &str, names: [&str; 2], verify: impl Fn(&serde_json::Value, Hash, Hash, &[Hash]) -> bool) {
    let (mut run, mut skipped) = (0, 0);
    for (path, case) in vectors(kind) {
        let Some((a, b, proof)) = hashes(&case, names) else {
            skipped += 1;
            continue;
        };
        assert_eq!(verify(&case, a, b, &proof), case["wantErr"] == false, "{}", path.display());
        run += 1;
    }
    println!("{kind}: {run} vectors, {skipped} without hashes");
    assert!(run > 50 && skipped < 30, "{kind}: {run} run, {skipped} skipped");
}

#[test]
fn inclusion_vectors() {
    run("inclusion", ["leafHash", "root"], |case, leaf, root, proof| {
        let number = |name: &str| case[name].as_u64().unwrap();
        verify_inclusion(&leaf, number("leafIdx"), number("treeSize"), proof, &root).is_ok()
    });
}

#[test]
fn consistency_vectors() {
    run("consistency", ["root1", "root2"], |case, old, new, proof| {
        let number = |name: &str| case[name].as_u64().unwrap();
        verify_consistency(number("size1"), &old, number("size2"), &new, proof).is_ok()
    });
}
