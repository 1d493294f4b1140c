//! How fast proofs and heads maps are, in memory: `speed [ENTRIES [PACKAGES]]`, a million each by default.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a tool"
)]

use std::time::{Duration, Instant};

use provenance_log::chain::Head;
use provenance_log::heads::{self, HeadsMap};
use provenance_log::leaf::Link;
use provenance_log::purl::Package;
use provenance_log::tile::MemoryTiles;
use provenance_log::tree::{leaf_hash, sha256};
use provenance_log::{Edge, Hash, Prover};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|n| n.parse::<u64>().expect("a number"));
    let (entries, packages) = (arguments.next().unwrap_or(1_000_000), arguments.next().unwrap_or(1_000_000));
    proofs(entries);
    maps(packages);
}

fn proofs(size: u64) {
    let leaves: Vec<Hash> = (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect();
    let (began, mut edge, mut tiles) = (Instant::now(), Edge::new(), MemoryTiles::default());
    for batch in leaves.chunks(256) {
        let (next, rows) = edge.extend(batch).unwrap();
        tiles.apply(&rows).unwrap();
        edge = next;
    }
    let each = began.elapsed().as_nanos() / u128::from(size.max(1));
    println!("append, batches of 256: {each} ns an entry");
    for (name, cached) in [("warm (all tiles cached)", 1 << 20), ("256 tiles cached", 256), ("16 tiles cached", 16)] {
        let mut prover = Prover::new(&mut tiles, cached);
        let mut random = 0u64;
        let mut next = || {
            random = u64::from_be_bytes(*sha256(&random.to_be_bytes()).first_chunk().unwrap());
            random % size
        };
        if cached > 256 {
            (0..size).step_by(256).for_each(|i| drop(prover.inclusion(i, size).unwrap()));
        }
        let count = if cached < 256 { 2000 } else { 20_000 };
        let inclusion = times(count, || drop(prover.inclusion(next(), size).unwrap()));
        let consistency = times(count, || drop(prover.consistency(1 + next(), size).unwrap()));
        println!("inclusion at {size}, {name}: {}", percentiles(inclusion));
        println!("consistency at {size}, {name}: {}", percentiles(consistency));
    }
}

fn maps(packages: u64) {
    let heads: Vec<(Package, Head)> = (0..packages)
        .map(|i| {
            let package = Package::parse(&format!("pkg:hex/package_number_{i:08}")).unwrap();
            (package, Head { seq: i % 40, link: Link { index: i * 17, leaf: sha256(&i.to_be_bytes()) } })
        })
        .collect();
    let began = Instant::now();
    let leaf = heads::leaf_of(packages, heads.iter().map(|(p, h)| (p, h))).unwrap();
    println!("heads map's root over {packages} packages: {:?}", began.elapsed());
    let began = Instant::now();
    let map = HeadsMap::build(packages, heads).unwrap();
    println!("heads map of {packages} packages, with what its proofs need: {:?}", began.elapsed());
    assert_eq!(map.leaf().unwrap(), leaf);
    let absent = Package::parse("pkg:hex/package_number_00500000x").unwrap();
    println!("proof of absence: {}", percentiles(times(20_000, || drop(map.prove(&absent).unwrap()))));
}

fn times(count: usize, mut run: impl FnMut()) -> Vec<Duration> {
    let one = |_| {
        let began = Instant::now();
        run();
        began.elapsed()
    };
    (0..count).map(one).collect()
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    format!("p50 {:?}, p99 {:?}", at(50), at(99))
}
