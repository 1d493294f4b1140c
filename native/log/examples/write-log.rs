//! Writes a log as C2SP tiles into a folder, with proofs, for other implementations to check: `write-log DIR [SIZE]`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a tool for tests"
)]

use std::fs;
use std::path::Path;

use provenance_log::chain::Head;
use provenance_log::encoding::base64_encode;
use provenance_log::leaf::{Event, EventLeaf, Leaf, Link, Subjects};
use provenance_log::note::{KeyKind, SigningKey};
use provenance_log::purl::Package;
use provenance_log::tile::{FULL, Kind, MemoryTiles, Tile, TileReader, write_entries};
use provenance_log::tlog_proof::TlogProof;
use provenance_log::tree::{leaf_hash, sha256};
use provenance_log::{Checkpoint, Edge, Hash, Prover, SignedCheckpoint};

const ORIGIN: &str = "log.example/hex";
const PACKAGES: u64 = 997;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder");
    let size = arguments.next().map_or(70_000, |size| size.parse().expect("a number"));
    let folder = Path::new(&folder);
    let entries = entries(size);
    let tiles = write_tiles(folder, &entries);
    write_proofs(folder, &entries, Prover::new(tiles, 1024));
    println!("{size} entries in {}", folder.display());
}

/// Events of many packages, each with a chain of its own.
fn entries(size: u64) -> Vec<Vec<u8>> {
    let mut heads: Vec<Option<Head>> = vec![None; PACKAGES as usize];
    let entry = |index: u64| {
        let head = &mut heads[(index % PACKAGES) as usize];
        let seq = head.map_or(0, |h| h.seq + 1);
        let leaf = EventLeaf {
            envelope: sha256(&index.to_be_bytes()),
            event: Event::Publish,
            id: format!("event-{index}"),
            package: Package::parse(&format!("pkg:hex/package_{}", index % PACKAGES)).unwrap(),
            previous: head.map(|h| h.link),
            seq,
            subjects: Subjects::Listed(vec![sha256(format!("tarball {index}").as_bytes())]),
            time: 1_770_000_000 + index,
            version: Some(format!("1.{seq}.0")),
        };
        let bytes = Leaf::Event(leaf).write().unwrap();
        *head = Some(Head { seq, link: Link { index, leaf: leaf_hash(&bytes) } });
        bytes
    };
    (0..size).map(entry).collect()
}

/// The tree as a sequencer makes it: in batches of up to 256.
fn write_tiles(folder: &Path, entries: &[Vec<u8>]) -> MemoryTiles {
    let (mut edge, mut tiles) = (Edge::new(), MemoryTiles::default());
    for batch in entries.chunks(usize::from(FULL)) {
        let leaves: Vec<Hash> = batch.iter().map(|e| leaf_hash(e)).collect();
        let (next, rows) = edge.extend(&leaves).unwrap();
        tiles.apply(&rows).unwrap();
        edge = next;
    }
    for tile in Tile::of_growth(0, edge.size()) {
        let bytes = match tile.kind() {
            Kind::Hashes(_) => tiles.read(tile).unwrap(),
            Kind::Entries => {
                let begin = tile.index() as usize * usize::from(FULL);
                write_entries(&entries[begin..begin + usize::from(tile.width())]).unwrap()
            }
        };
        write(folder, &tile.to_string(), &bytes);
    }
    tiles
}

fn write_proofs(folder: &Path, entries: &[Vec<u8>], mut prover: Prover<MemoryTiles>) {
    let size = entries.len() as u64;
    let log = SigningKey::from_seed(ORIGIN, KeyKind::Ed25519, &[11; 32]).unwrap();
    let witness = SigningKey::from_seed("witness.example/w1", KeyKind::CosignatureV1, &[12; 32]).unwrap();
    let signed = |prover: &mut Prover<MemoryTiles>, size: u64| -> SignedCheckpoint {
        let checkpoint = Checkpoint::new(ORIGIN, size, prover.root(size).unwrap()).unwrap();
        let mut signed = checkpoint.sign(&log).unwrap();
        signed.cosign(&witness, 1_770_100_000).unwrap();
        signed
    };
    write(folder, "vkey", log.verifier().to_string().as_bytes());
    write(folder, "witness-vkey", witness.verifier().to_string().as_bytes());
    let checkpoint = signed(&mut prover, size);
    write(folder, "checkpoint", checkpoint.to_string().as_bytes());
    for index in (0..size).step_by(37).chain([size - 1]) {
        let path = prover.inclusion(index, size).unwrap();
        let proof = TlogProof { extra: None, index, path, checkpoint: checkpoint.clone() };
        write(folder, &format!("inclusion/{index}"), proof.to_string().as_bytes());
    }
    let odd = (1..size).step_by(1009);
    for old in
        odd.chain([1, 2, 255, 256, 257, 65_535, 65_536, 65_537, size - 1, size]).filter(|old| (1..=size).contains(old))
    {
        let proof = prover.consistency(old, size).unwrap();
        let text: String = proof.iter().map(|hash| base64_encode(hash) + "\n").collect();
        write(folder, &format!("consistency/{old}.proof"), text.as_bytes());
        let older = signed(&mut prover, old).to_string();
        write(folder, &format!("consistency/{old}.checkpoint"), older.as_bytes());
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}
