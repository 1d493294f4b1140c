//! Bench driver: the cryptographic floors, the core, the Rust peer and raw hashing behind one line protocol.
//!
//! Reads one command a line, answers one line: `ok ...` or `error ...`. Timings are nanoseconds.

mod case;
mod check;
mod ephemeral;
mod exchange;
mod extract;
mod file;
mod library;
mod peer;
mod signing;
mod signing_floor;

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use check::Variant;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// Anything that stops a driver is told to the person at the bench; nothing is recovered from.
pub(crate) type Outcome<T> = Result<T, String>;

fn main() {
    let cases = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let mut driver = match Driver::new(cases) {
        Ok(driver) => driver,
        Err(reason) => return eprintln!("{reason}"),
    };
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match driver.answer(&words) {
            Ok(text) => format!("ok {text}"),
            Err(reason) => format!("error {}", reason.replace('\n', " ")),
        };
        if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

struct Driver {
    folder: String,
    prepared: HashMap<String, Prepared>,
    signers: HashMap<String, Signers>,
    /// One thread for the network, as in the library.
    runtime: Runtime,
}

struct Prepared {
    floor: Vec<check::Check>,
    library: library::Library,
    crate_: peer::Peer,
}

/// Of a case that names services.
struct Signers {
    core: signing::Signing,
    network: exchange::Exchanges,
    /// There is one once the core has signed.
    floor: Option<signing_floor::SigningFloor>,
}

impl Driver {
    fn new(folder: String) -> Outcome<Self> {
        let runtime = during("runtime", Builder::new_current_thread().enable_all().build())?;
        Ok(Self { folder, prepared: HashMap::new(), signers: HashMap::new(), runtime })
    }

    fn answer(&mut self, words: &[&str]) -> Outcome<String> {
        match words {
            ["list", case] => self.list(case),
            ["floor", case, n] => self.floor(case, count(n)?),
            ["variants", case, n] => self.variants(case, count(n)?),
            ["core", case, n] => self.timed(case, n, |prepared| prepared.library.parse_and_verify()),
            ["crate", case, n] => self.timed(case, n, |prepared| prepared.crate_.verify_parsed()),
            ["crate_parse", case, n] => self.timed(case, n, |prepared| prepared.crate_.parse_and_verify()),
            ["make_file", path, bytes] => file::make(Path::new(path), count(bytes)?),
            ["sign_file", path, folder] => file::sign(Path::new(path), Path::new(folder)),
            ["hash_file", path, chunk] => file::time_hash(Path::new(path), count(chunk)?),
            ["leave_bundle", case, token] => {
                let (runtime, signers) = self.signers(case)?;
                signers.core.leave_bundle(runtime, token)
            }
            ["sign", case, token, n, at_once] => {
                let (runtime, signers) = self.signers(case)?;
                abreast(runtime, count(n)?, count(at_once)?, || Ok(signers.core.start(token)))
            }
            ["sign_floor", case, n] => self.signing_floor(case)?.time(count(n)?),
            ["sign_floor_parts", case, n] => self.signing_floor(case)?.parts(count(n)?),
            ["prepare_exchanges", case, token, n] => {
                let (runtime, signers) = self.signers(case)?;
                signers.network.prepare(runtime, token, count(n)?)
            }
            ["exchange", case, n, at_once] => {
                let (runtime, signers) = self.signers(case)?;
                abreast(runtime, count(n)?, count(at_once)?, || signers.network.start())
            }
            ["hash_memory", bytes, chunk] => Ok(file::time_hash_memory(count(bytes)?, count(chunk)?)),
            _ => Err(format!("unknown command: {}", words.join(" "))),
        }
    }

    fn list(&mut self, name: &str) -> Outcome<String> {
        let checks = &self.case(name)?.floor;
        let list: Vec<_> = checks.iter().map(check::Check::describe).collect();
        Ok(serde_json::Value::Array(list).to_string())
    }

    fn floor(&mut self, name: &str, n: usize) -> Outcome<String> {
        let checks = &self.case(name)?.floor;
        samples(n, || checks.iter().try_for_each(|check| check.verify(Variant::Floor)))
    }

    /// Every check under every variant, interleaved, so that the variants can be compared.
    fn variants(&mut self, name: &str, n: usize) -> Outcome<String> {
        let checks = &self.case(name)?.floor;
        let mut rows = Vec::new();
        for check in checks {
            let mut row = serde_json::Map::new();
            row.insert("check".to_owned(), check.name.into());
            let mut nanos: Vec<Vec<u64>> = vec![Vec::new(); Variant::ALL.len()];
            for _ in 0..n {
                for (variant, times) in Variant::ALL.iter().zip(nanos.iter_mut()) {
                    let start = Instant::now();
                    check.verify(*variant)?;
                    times.push(elapsed(start));
                }
            }
            for (variant, times) in Variant::ALL.iter().zip(nanos) {
                row.insert(variant.name().to_owned(), median(times).into());
            }
            rows.push(serde_json::Value::Object(row));
        }
        Ok(serde_json::Value::Array(rows).to_string())
    }

    fn timed(&mut self, name: &str, n: &str, verify: fn(&Prepared) -> Outcome<()>) -> Outcome<String> {
        let (prepared, n) = (self.case(name)?, count(n)?);
        samples(n, || verify(prepared))
    }

    fn case(&mut self, name: &str) -> Outcome<&Prepared> {
        if !self.prepared.contains_key(name) {
            let case = case::Case::load(&Path::new(&self.folder).join(name))?;
            let prepared = Prepared {
                floor: extract::floor(&case)?,
                library: library::Library::new(&case)?,
                crate_: peer::Peer::new(&case)?,
            };
            self.prepared.insert(name.to_owned(), prepared);
        }
        self.prepared.get(name).ok_or_else(|| format!("no case {name}"))
    }

    fn signers(&mut self, name: &str) -> Outcome<(&Runtime, &mut Signers)> {
        if !self.signers.contains_key(name) {
            let folder = Path::new(&self.folder).join(name);
            let (core, network) = (signing::Signing::load(&folder)?, exchange::Exchanges::load(&folder)?);
            self.signers.insert(name.to_owned(), Signers { core, network, floor: None });
        }
        let signers = self.signers.get_mut(name).ok_or_else(|| format!("no case {name}"))?;
        Ok((&self.runtime, signers))
    }

    fn signing_floor(&mut self, name: &str) -> Outcome<&signing_floor::SigningFloor> {
        let folder = Path::new(&self.folder).join(name);
        let floor = &mut self.signers(name)?.1.floor;
        if floor.is_none() {
            *floor = Some(signing_floor::SigningFloor::load(&folder)?);
        }
        floor.as_ref().ok_or_else(|| format!("no floor of {name}"))
    }
}

/// Two untimed calls first: whoever measured before has filled the caches with something else.
fn samples(n: usize, mut once: impl FnMut() -> Outcome<()>) -> Outcome<String> {
    once()?;
    once()?;
    timed(n, once)
}

/// `n` calls and nothing else: whoever asks also reads the process's clock.
pub(crate) fn timed(n: usize, once: impl FnMut() -> Outcome<()>) -> Outcome<String> {
    let nanos: Vec<_> = nanoseconds(n, once)?.iter().map(u64::to_string).collect();
    Ok(nanos.join(" "))
}

pub(crate) fn nanoseconds(n: usize, mut once: impl FnMut() -> Outcome<()>) -> Outcome<Vec<u64>> {
    let mut nanos = Vec::with_capacity(n);
    for _ in 0..n {
        let start = Instant::now();
        once()?;
        nanos.push(elapsed(start));
    }
    Ok(nanos)
}

pub(crate) fn median(mut nanos: Vec<u64>) -> u64 {
    nanos.sort_unstable();
    nanos.get(nanos.len() / 2).copied().unwrap_or(0)
}

pub(crate) fn elapsed(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// `n` pieces of work, so many at a time, on the runtime's one thread.
fn abreast<T, W>(runtime: &Runtime, n: usize, at_once: usize, mut start: impl FnMut() -> Outcome<W>) -> Outcome<String>
where
    T: 'static,
    W: Future<Output = Outcome<T>> + Send + 'static,
{
    let mut nanos = Vec::with_capacity(n);
    while nanos.len() < n {
        let mut batch = JoinSet::new();
        for _ in 0..at_once.min(n - nanos.len()) {
            let (work, begun) = (start()?, Instant::now());
            batch.spawn_on(async move { work.await.map(|_| elapsed(begun)) }, runtime.handle());
        }
        for done in runtime.block_on(batch.join_all()) {
            nanos.push(done?.to_string());
        }
    }
    Ok(nanos.join(" "))
}

fn count(word: &str) -> Outcome<usize> {
    word.parse().map_err(|_| format!("not a number: {word}"))
}

/// Attaches what was being done to a foreign error.
pub(crate) fn during<T, E: Display>(what: &str, result: Result<T, E>) -> Outcome<T> {
    result.map_err(|error| format!("{what}: {error}"))
}
