//! Laws of trees, tiles, notes and texts, on random and on all small inputs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "tests"
)]

use proptest::collection::vec;
use proptest::prelude::*;
use provenance_log::keys::Trust;
use provenance_log::leaf::{Event, EventLeaf, Leaf, Link, Subjects};
use provenance_log::note::{KeyKind, Note, SigningKey, VerifierKey};
use provenance_log::policy::Policy;
use provenance_log::proof::{verify_consistency, verify_inclusion};
use provenance_log::prover::{consistency_tiles, inclusion_tiles};
use provenance_log::purl::{self, Package};
use provenance_log::statement::{Envelope, Facts};
use provenance_log::tile::{Kind, MemoryTiles, Tile, TileReader, parse_entries, write_entries};
use provenance_log::tlog_proof::TlogProof;
use provenance_log::tree::leaf_hash;
use provenance_log::witness::AddCheckpoint;
use provenance_log::{Checkpoint, Edge, Hash, Prover, SignedCheckpoint};

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn tiles(leaves: &[Hash]) -> MemoryTiles {
    let mut tiles = MemoryTiles::default();
    tiles.apply(&Edge::new().extend(leaves).unwrap().1).unwrap();
    tiles
}

fn roots(leaves: &[Hash]) -> Vec<Hash> {
    let mut edge = Edge::new();
    let mut roots = vec![edge.root()];
    for leaf in leaves {
        edge.append(*leaf).unwrap();
        roots.push(edge.root());
    }
    roots
}

#[test]
fn every_inclusion_proof_of_every_size_up_to_300_and_no_changed_one() {
    let leaves = leaves(300);
    let (roots, mut prover) = (roots(&leaves), Prover::new(tiles(&leaves), 8));
    for size in 1..=300u64 {
        let root = &roots[size as usize];
        for index in 0..size {
            let path = prover.inclusion(index, size).unwrap();
            let leaf = &leaves[index as usize];
            let holds = |leaf: &Hash, index, size, path: &[Hash], root: &Hash| {
                verify_inclusion(leaf, index, size, path, root).is_ok()
            };
            assert!(holds(leaf, index, size, &path, root), "{index} of {size}");
            assert!(!holds(leaf, (index + 1) % size, size, &path, root) || size == 1);
            assert!(!holds(leaf, index, size + 1, &path, &roots[(size as usize + 1) % 301]));
            assert!(!holds(&[0; 32], index, size, &path, root) && !holds(leaf, index, size, &path, &[0; 32]));
            for at in 0..path.len() {
                let mut changed = path.clone();
                changed[at][(index % 32) as usize] ^= 1 << (size % 8);
                assert!(!holds(leaf, index, size, &changed, root), "hash {at} of {index} of {size}");
            }
        }
    }
}

#[test]
fn every_consistency_proof_between_sizes_up_to_300_and_no_changed_one() {
    let leaves = leaves(300);
    let (roots, mut prover) = (roots(&leaves), Prover::new(tiles(&leaves), 8));
    for new in 1..=300u64 {
        for old in 1..=new {
            let path = prover.consistency(old, new).unwrap();
            let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
            let holds = |old_root: &Hash, new_root: &Hash, path: &[Hash]| {
                verify_consistency(old, old_root, new, new_root, path).is_ok()
            };
            assert!(holds(old_root, new_root, &path), "{old} to {new}");
            assert!(!holds(&[0; 32], new_root, &path) && !holds(old_root, &[0; 32], &path));
            assert!(old == new || !holds(new_root, old_root, &path));
            for at in 0..path.len() {
                let mut changed = path.clone();
                changed[at][(old % 32) as usize] ^= 1 << (new % 8);
                assert!(!holds(old_root, new_root, &changed), "hash {at} of {old} to {new}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batches_of_any_size_make_one_tree(batches in vec(0usize..700, 0..8)) {
        let all = leaves(batches.iter().sum::<usize>() as u64);
        let (mut edge, mut grown, mut at) = (Edge::new(), MemoryTiles::default(), 0);
        for batch in batches {
            let (next, rows) = edge.extend(&all[at..at + batch]).unwrap();
            // A row that is applied twice, or out of turn, is found.
            if let Some(row) = rows.first() {
                let mut twice = grown.clone();
                twice.apply(std::slice::from_ref(row)).unwrap();
                prop_assert!(twice.apply(std::slice::from_ref(row)).is_err());
            }
            grown.apply(&rows).unwrap();
            (edge, at) = (next, at + batch);
        }
        let size = edge.size();
        prop_assert_eq!(edge.root(), *roots(&all).last().unwrap());
        let mut once = tiles(&all);
        for tile in Tile::of_growth(0, size).filter(|t| t.kind() != Kind::Entries) {
            prop_assert_eq!(grown.read(tile).unwrap(), once.read(tile).unwrap());
        }
        prop_assert_eq!(Prover::new(grown, 4).edge(size).unwrap(), edge.nodes());
    }

    #[test]
    fn few_tiles_are_named(size in 1u64..100_000, a in any::<u64>(), b in any::<u64>()) {
        let (index, old) = (a % size, 1 + b % size);
        let sane = |tile: Tile| tile.index() < (1 << 40) && (1..=256).contains(&tile.width());
        prop_assert!(inclusion_tiles(index, size).unwrap().into_iter().all(sane));
        prop_assert!(consistency_tiles(old, size).unwrap().into_iter().all(sane));
        prop_assert!(inclusion_tiles(index, size).unwrap().len() <= 9);
    }

    #[test]
    fn tile_paths_round_trip(level in 0u8..8, index in 0u64..1 << 54, width in 1u16..=256, entries: bool) {
        let kind = if entries { Kind::Entries } else { Kind::Hashes(level) };
        let tile = Tile::new(kind, index, width).unwrap();
        prop_assert_eq!(Tile::parse(&tile.to_string()), Some(tile));
    }

    #[test]
    fn a_path_that_is_read_is_the_one_that_is_written(path in "tile/(entries|[0-9]{1,2})/(x[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Some(tile) = Tile::parse(&path) {
            prop_assert_eq!(tile.to_string(), path);
        }
    }

    #[test]
    fn bundles_round_trip(entries in vec(vec(any::<u8>(), 0..300), 1..=256)) {
        let bytes = write_entries(&entries).unwrap();
        let tile = Tile::new(Kind::Entries, 0, entries.len() as u16).unwrap();
        prop_assert_eq!(parse_entries(tile, &bytes).unwrap(), entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        prop_assert!(parse_entries(tile, &bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn notes_round_trip(text in "([a-z é\u{2014}]{0,20}\n){1,5}", names in vec("[a-z./é]{1,20}", 1..5), seed: [u8; 32], time in 0u64..1 << 60) {
        let mut note = Note::unsigned(text).unwrap();
        let mut keys = vec![];
        for (i, name) in names.iter().enumerate() {
            let kind = if i % 2 == 0 { KeyKind::Ed25519 } else { KeyKind::CosignatureV1 };
            let key = SigningKey::from_seed(name, kind, &seed).unwrap();
            note.sign(&key, (kind == KeyKind::CosignatureV1).then_some(time)).unwrap();
            prop_assert_eq!(&VerifierKey::parse(&key.verifier().to_string()).unwrap(), key.verifier());
            keys.push(key.verifier().clone());
        }
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        prop_assert_eq!(&read, &note);
        prop_assert_eq!(read.verify(&keys).unwrap().len(), names.len());
    }

    #[test]
    fn a_note_with_a_bit_changed_is_refused(at: prop::sample::Index, bit in 0u8..8) {
        let key = SigningKey::from_seed("log.example", KeyKind::Ed25519, &[5; 32]).unwrap();
        let signed = Checkpoint::new("log.example", 77, [8; 32]).unwrap().sign(&key).unwrap().to_string();
        let mut changed = signed.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        let keys = [key.verifier().clone()];
        prop_assert!(SignedCheckpoint::parse(&changed).and_then(|c| c.verify(&keys).map(|_| ())).is_err());
    }

    #[test]
    fn checkpoints_round_trip(origin in "[a-zé./ ]{1,40}", size in 1u64..1 << 62, root: [u8; 32]) {
        let checkpoint = Checkpoint::new(&origin, size, root).unwrap();
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_string()).unwrap(), checkpoint);
    }

    #[test]
    fn proofs_and_requests_round_trip(index in 0u64..1 << 53, path in vec(any::<[u8; 32]>(), 0..63), extra in vec(any::<u8>(), 1..50)) {
        let key = SigningKey::from_seed("log.example", KeyKind::Ed25519, &[5; 32]).unwrap();
        let checkpoint = Checkpoint::new("log.example", 1 << 60, [8; 32]).unwrap().sign(&key).unwrap();
        let proof = TlogProof { extra: Some(extra), index, path: path.clone(), checkpoint: checkpoint.clone() };
        prop_assert_eq!(TlogProof::parse(proof.to_string().as_bytes()).unwrap(), proof);
        let request = AddCheckpoint::new(index + 1, path, checkpoint).unwrap();
        prop_assert_eq!(AddCheckpoint::parse(request.to_string().as_bytes()).unwrap(), request);
    }

    #[test]
    fn leaves_round_trip(
        envelope: [u8; 32], event in prop::sample::select(Event::ALL), id in "[!-~]{1,64}", name in "[a-z0-9_]{1,20}",
        seq in 0u64..1 << 53, index in 0u64..1 << 53, subject: [u8; 32], time in 0u64..1 << 53, version in "[0-9][0-9a-z.+-]{0,20}",
    ) {
        let leaf = Leaf::Event(EventLeaf {
            envelope, event, id, seq, time,
            package: Package::parse(&format!("pkg:hex/{name}")).unwrap(),
            previous: (seq > 0).then_some(Link { index, leaf: subject }),
            subjects: Subjects::Listed(vec![subject]),
            version: (!event.is_of_package()).then_some(version),
        });
        let bytes = leaf.write().unwrap();
        prop_assert_eq!(&Leaf::parse(&bytes).unwrap(), &leaf);
        let canonical: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert!(canonical["type"] == 1);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..600), text in "\\PC{0,200}") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = Leaf::parse(bytes);
            let _ = Note::parse(bytes);
            let _ = SignedCheckpoint::parse(bytes);
            let _ = TlogProof::parse(bytes);
            let _ = AddCheckpoint::parse(bytes);
            let _ = Policy::parse(bytes);
            let _ = Trust::parse(bytes);
            let _ = Envelope::parse(bytes);
            let _ = Facts::read(bytes, "https://hex.pm/attestation");
            let _ = parse_entries(Tile::new(Kind::Entries, 0, 1).unwrap(), bytes);
        }
        let _ = (VerifierKey::parse(&text), Tile::parse(&text), purl::split(&text), Checkpoint::parse(&text));
    }

    #[test]
    fn a_leaf_with_a_bit_changed_is_another_or_none(at: prop::sample::Index, bit in 0u8..8) {
        let leaf = Leaf::Event(EventLeaf {
            envelope: [1; 32], event: Event::Publish, id: "id".to_owned(), seq: 4, time: 1_770_000_000,
            package: Package::parse("pkg:hex/phoenix").unwrap(),
            previous: Some(Link { index: 9, leaf: [2; 32] }),
            subjects: Subjects::Listed(vec![[3; 32]]),
            version: Some("1.8.1".to_owned()),
        });
        let mut bytes = leaf.write().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(other) = Leaf::parse(&bytes) {
            prop_assert!(other != leaf);
            prop_assert_eq!(other.write().unwrap(), bytes);
        }
    }
}
