//! Runs targets where there is no cargo-fuzz: structured changes of valid inputs, without coverage.
//! usage: cargo run --release --no-default-features --example run -- SECONDS [TARGET...]

use std::time::{Duration, Instant};

use hex_provenance_fuzz::{TARGETS, Target};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().and_then(|s| s.parse().ok()).expect("SECONDS [TARGET...]");
    let names: Vec<String> = arguments.collect();
    for target in TARGETS.iter().filter(|t| names.is_empty() || names.iter().any(|name| name == t.name)) {
        run(target, Duration::from_secs(seconds));
    }
}

fn run(target: &Target, duration: Duration) {
    let number = std::time::UNIX_EPOCH.elapsed().map_or(0, |t| t.as_nanos() as u64);
    let (seeds, began, mut count) = ((target.seeds)(), Instant::now(), 0);
    while began.elapsed() < duration {
        let input = target.input(&seeds, number, count);
        let outcome = std::panic::catch_unwind(|| (target.run)(&input));
        if outcome.is_err() {
            let path = std::env::temp_dir().join(format!("{}-{number}-{count}", target.name));
            std::fs::write(&path, &input).expect("a place for the finding");
            panic!("{}: {}", target.name, path.display());
        }
        count += 1;
    }
    println!("{:12} {count} inputs, {} a second", target.name, count / duration.as_secs().max(1));
}
