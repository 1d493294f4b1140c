//! Structure-aware mutations of valid bundles. Every mutant gets a clean error, or evidence in which all that was signed
//! is unchanged; and every mutant that still verifies is explained by a closed list of classes.
//!
//! `HEX_PROVENANCE_MUTATIONS` is how many (20,000); half of them come from a fixed seed, half from a fresh one that is
//! printed, unless `HEX_PROVENANCE_SEED` names the seed of all. A mutant depends on seed and index only:
//! `HEX_PROVENANCE_SEED=S HEX_PROVENANCE_MUTANT=N` makes one of them again and prints it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "tests"
)]

#[path = "mutation/clean.rs"]
mod clean;
#[path = "mutation/der.rs"]
#[allow(dead_code, reason = "shared with the other suites")]
mod der;
#[path = "mutation/explain.rs"]
mod explain;
#[path = "mutation/forge.rs"]
mod forge;
#[path = "mutation/mutate.rs"]
mod mutate;
#[path = "mutation/operators.rs"]
mod operators;
#[path = "mutation/report.rs"]
mod report;
#[path = "mutation/rng.rs"]
mod rng;
#[path = "mutation/second_form.rs"]
mod second_form;
#[path = "mutation/seeds.rs"]
mod seeds;
#[path = "mutation/signed.rs"]
mod signed;
#[path = "mutation/spelling.rs"]
mod spelling;
#[path = "mutation/tree.rs"]
mod tree;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use provenance_fixtures::Recipe;
use provenance_sigstore::{Artifact, Bundle, Error, Evidence, Limits, Policy, Source, TrustRoot, verify};

use crate::clean::clean;
use crate::explain::explain;
use crate::forge::{Draft, Forge};
use crate::mutate::{Mutant, Sweep};
use crate::report::Report;
use crate::rng::Rng;
use crate::seeds::Seed;
use crate::signed::KINDS;
use crate::tree::Node;

/// Seed of the mutants that are the same in every run.
const FIXED: u64 = 0x5eed_0f51_6570_2e00;

/// No mutant may take longer, however busy the machine: the slowest seed takes a few milliseconds.
const TIME_LIMIT: Duration = Duration::from_millis(500);

#[test]
fn mutants_of_fixtures() {
    let seeds = seeds::fixtures();
    let report = run(&seeds, count());
    report.print("fixtures");
    report.assert_sound();
    if count() >= 20_000 && number("HEX_PROVENANCE_MUTANT").is_none() {
        report.assert_every_class_occurs();
    }
}

#[test]
fn mutants_of_real_bundles() {
    let Some(shared) = shared() else {
        eprintln!("SKIPPED: no ../shared: real bundles were not mutated");
        return;
    };
    let seeds = seeds::corpus(&shared.join("corpus"));
    assert!(seeds.len() > 100, "only {} seeds", seeds.len());
    let report = run(&seeds, count() / 4);
    report.print("real bundles");
    report.assert_sound();
}

/// Every byte of every decoded string of a bundle of each log version, and of one without a log.
#[test]
fn every_byte() {
    let seeds = seeds::fixtures();
    let mut report = Report::default();
    for name in ["v1-message", "v2-dsse", "unlogged-dsse"] {
        let seed = seeds.iter().find(|s| s.name == name).unwrap();
        let mut rng = Rng::new(FIXED, 0);
        for (how, bytes) in mutate::every_byte(seed, &mut rng) {
            judge(seed, &seeds, &Mutant { bytes, how: vec![("flip a bit", how.clone())] }, &how, &mut report);
        }
    }
    report.print("every byte");
    report.assert_sound();
}

/// What rightful signers, authorities and logs sign may be hostile too.
#[test]
fn hostile_content_rightly_signed() {
    let forge = Forge::new();
    for kind in KINDS {
        let base = kind.base(&forge);
        let same = forge.verify(&base.recipe, &kind.same(&forge, &base), Limits::default());
        assert!(same.is_ok(), "{}: {same:?}", kind.name);
        let mut report = Report::default();
        for (number, count) in series(count() / 40) {
            for index in 0..count as u64 {
                if let Some(bytes) = kind.hostile(&forge, &base, &mut Rng::new(number, index)) {
                    let mutant = Mutant { bytes, how: vec![(kind.name, format!("seed {number}, index {index}"))] };
                    judge_signed(&forge, &base.recipe, &mutant, &mut report);
                }
            }
        }
        report.print_briefly(kind.name);
        report.assert_sound();
    }
}

fn judge_signed(forge: &Forge, recipe: &Recipe, mutant: &Mutant, report: &mut Report) {
    let _told = ToldIfItPanics(mutant);
    let began = Instant::now();
    let answer = forge.verify(recipe, &mutant.bytes, Limits::default());
    let time = began.elapsed();
    let judged = match &answer {
        _ if time > 8 * TIME_LIMIT => Err(format!("it took {time:?}")),
        Ok(evidence) => signed::faithful(&mutant.bytes, evidence).map(|()| Ok(BTreeSet::new())),
        Err(error) => clean(error).map(|()| Err(error.code())),
    };
    let complaint = judged.as_ref().err().map(|why| format!("{why}: {:?}, in {}", mutant.how, keep(mutant).display()));
    report.count(mutant, judged.ok(), complaint, time);
}

/// A trust root is the caller's to choose; but whatever it is, nothing gives way, and who signed stays who signed.
#[test]
fn mutants_of_trust_roots() {
    let forge = Forge::new();
    let root = Node::parse(forge.world.trusted_root_json().as_bytes()).unwrap();
    let drafts: Vec<_> = [Recipe::default(), Recipe::rekor_v2()].map(|recipe| forge.draft(recipe)).into();
    let mut report = Report::default();
    for (number, count) in series(count() / 20) {
        for index in 0..count as u64 {
            let mutant = mutate::of_tree(&root, &mut Rng::new(number, index));
            judge_root(&forge, &drafts, &mutant, &mut report);
        }
    }
    report.print_briefly("trust root");
    report.assert_sound();
}

fn judge_root(forge: &Forge, drafts: &[Draft], mutant: &Mutant, report: &mut Report) {
    let _told = ToldIfItPanics(mutant);
    let limits = Limits::default();
    let began = Instant::now();
    let root = TrustRoot::parse(&mutant.bytes, Source::File, &limits).map(Arc::new);
    let time = began.elapsed();
    let told = |draft: &Draft, trust: &Arc<TrustRoot>| -> Result<(), String> {
        let policy = Policy { trust: vec![trust.clone()], ..forge.policy(&draft.recipe, limits) };
        let bundle = Bundle::parse(&draft.encode(), &limits).unwrap();
        match verify(&bundle, &Artifact::Bytes(&draft.recipe.artifact), &policy) {
            Ok(verified) => signed::faithful(&draft.encode(), verified.evidence()),
            Err(error) => clean(&error),
        }
    };
    let judged = match &root {
        _ if time > 8 * TIME_LIMIT => Err(format!("it took {time:?}")),
        Ok(root) => drafts.iter().try_for_each(|draft| told(draft, root)).map(|()| Ok(BTreeSet::new())),
        Err(error) => clean(error).map(|()| Err(error.code())),
    };
    let complaint = judged.as_ref().err().map(|why| format!("{why}: {:?}, in {}", mutant.how, keep(mutant).display()));
    report.count(mutant, judged.ok(), complaint, time);
}

fn run(seeds: &[Seed], count: usize) -> Report {
    if let (Some(number), Some(index)) = (number("HEX_PROVENANCE_SEED"), number("HEX_PROVENANCE_MUTANT")) {
        return again(seeds, number, index);
    }
    let mut report = Report::default();
    for (number, count) in series(count) {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let share = |worker: usize| {
                move || {
                    let mut report = Report::default();
                    let sweep = Sweep::new(seeds, &mut Rng::new(number, u64::MAX));
                    for index in (worker..count).step_by(workers) {
                        one(seeds, &sweep, number, index, &mut report);
                    }
                    report
                }
            };
            let all: Vec<_> = (0..workers).map(|worker| scope.spawn(share(worker))).collect();
            all.into_iter().for_each(|worker| report.add(worker.join().unwrap()));
        });
    }
    report
}

/// Seeds of chance, and how many mutants to make of each.
fn series(count: usize) -> Vec<(u64, usize)> {
    let fresh = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let all = match number("HEX_PROVENANCE_SEED") {
        Some(given) => vec![(given, count)],
        None => vec![(FIXED, count / 2), (fresh(), count.div_ceil(2))],
    };
    all.iter().for_each(|(number, count)| eprintln!("{count} with HEX_PROVENANCE_SEED={number}"));
    all
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|n| n.parse().unwrap_or_else(|_| panic!("{name}")))
}

fn one(seeds: &[Seed], sweep: &Sweep, number: u64, index: usize, report: &mut Report) {
    let (at, mutant) = make(seeds, sweep, number, index);
    judge(&seeds[at], seeds, &mutant, &format!("HEX_PROVENANCE_SEED={number} HEX_PROVENANCE_MUTANT={index}"), report);
}

fn make(seeds: &[Seed], sweep: &Sweep, number: u64, index: usize) -> (usize, Mutant) {
    let mut rng = Rng::new(number, index as u64);
    let swept = if index < sweep.len() { sweep.mutant(index, seeds, &mut rng) } else { None };
    swept.unwrap_or_else(|| mutate::mutant(seeds, &mut rng))
}

fn again(seeds: &[Seed], number: u64, index: u64) -> Report {
    let sweep = Sweep::new(seeds, &mut Rng::new(number, u64::MAX));
    let (at, mutant) = make(seeds, &sweep, number, usize::try_from(index).unwrap());
    let path = keep(&mutant);
    eprintln!("mutant of {}: {:?}, in {}", seeds[at].name, mutant.how, path.display());
    let mut report = Report::default();
    judge(&seeds[at], seeds, &mutant, "again", &mut report);
    report
}

/// Verifies a mutant and says what is wrong with the answer.
fn judge(seed: &Seed, seeds: &[Seed], mutant: &Mutant, name: &str, report: &mut Report) {
    let _told = ToldIfItPanics(mutant);
    let (mut time, answer) = timed(seed, &mutant.bytes);
    // A slow answer may be the machine's fault, but not three times.
    for _ in 0..3 {
        if time > TIME_LIMIT {
            time = time.min(timed(seed, &mutant.bytes).0);
        }
    }
    let judged = match &answer {
        _ if time > TIME_LIMIT => Err(format!("it took {time:?}")),
        Ok((bundle, evidence)) => explain(seed, seeds, &mutant.bytes, bundle, evidence).map(Ok),
        Err(error) => clean(error).map(|()| Err(error.code())),
    };
    let complaint = judged.as_ref().err().map(|why| {
        let how: Vec<_> = mutant.how.iter().map(|(operator, place)| format!("{operator} at {place}")).collect();
        format!("{why}\n    {} of {}, {}\n    {}", how.join(", "), seed.name, name, keep(mutant).display())
    });
    report.count(mutant, judged.ok(), complaint, time);
}

fn timed(seed: &Seed, json: &[u8]) -> (Duration, Result<(Bundle, Evidence), Error>) {
    let began = Instant::now();
    let answer = Bundle::parse(json, &seed.policy.limits)
        .and_then(|bundle| Ok((verify(&bundle, &seed.held.artifact(), &seed.policy)?.into_evidence(), bundle)))
        .map(|(evidence, bundle)| (bundle, evidence));
    (began.elapsed(), answer)
}

/// Says on the way out of a panic which mutant caused it.
struct ToldIfItPanics<'a>(&'a Mutant);

impl Drop for ToldIfItPanics<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("a mutant caused a panic: {:?}, in {}", self.0.how, keep(self.0).display());
        }
    }
}

/// Writes a mutant where it can be found.
fn keep(mutant: &Mutant) -> PathBuf {
    let mut hash = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(&mutant.bytes, &mut hash);
    let name = format!("mutant-{:016x}.json", std::hash::Hasher::finish(&hash));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, &mutant.bytes).unwrap();
    path
}

fn count() -> usize {
    std::env::var("HEX_PROVENANCE_MUTATIONS").map_or(20_000, |n| n.parse().expect("HEX_PROVENANCE_MUTATIONS"))
}

fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = std::env::var_os("HEX_PROVENANCE_SHARED").map_or(beside, PathBuf::from);
    path.join("corpus").exists().then_some(path)
}
