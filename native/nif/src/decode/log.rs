//! What the log library takes.

use std::collections::BTreeMap;

use provenance_log::chain::Head;
use provenance_log::entry;
use provenance_log::keys::Trust;
use provenance_log::leaf::{EventLeaf, KeyChange, Leaf, Link};
use provenance_log::monitor::{self, Blob, Monitor};
use provenance_log::policy::Freshness;
use provenance_log::purl::Package;
use provenance_log::tile::{Kind, Tile, TileReader};
use provenance_log::tree::leaf_hash;
use provenance_log::{Chain, Fault, Hash, answer, limits};
use provenance_sigstore::Time;
use rustler::{Binary, ResourceArc, Term};

use super::{binary, file_name, invalid, items, members, read_file, tagged, unknown, utf8};
use crate::atoms;
use crate::log::Result;
use crate::resource::{LogMonitor, LogTrust};

const PREFIX: &str = "https://hex.pm/attestation";
const TEXT: &str = "a UTF-8 binary";

/// By what something is judged.
pub(crate) struct Options {
    trust: Option<ResourceArc<LogTrust>>,
    pub(crate) prefix: String,
    pub(crate) freshness: Option<Freshness>,
    pub(crate) package: Option<Package>,
    pub(crate) refuse_withheld: bool,
}

impl Options {
    pub(crate) fn trust(&self) -> Result<&Trust> {
        Ok(&self.trust.as_ref().ok_or_else(|| invalid("trust", "whom to trust: see hex_provenance_log:trust/1"))?.0)
    }
}

pub(crate) fn options(term: Term<'_>) -> Result<Options> {
    let mut options =
        Options { trust: None, prefix: PREFIX.to_owned(), freshness: None, package: None, refuse_withheld: true };
    let (mut max_age, mut now) = (None, None);
    for (name, value) in members("options", term)? {
        match name {
            n if atoms::trust() == n => options.trust = Some(trust(value)?),
            n if atoms::prefix() == n => options.prefix = text("prefix", value)?,
            n if atoms::max_age() == n => max_age = Some(number("max_age", value)?),
            n if atoms::now() == n => now = Some(number("now", value)?),
            n if atoms::package() == n => options.package = Some(package(value)?),
            n if atoms::withheld() == n && atoms::refuse() == value => options.refuse_withheld = true,
            n if atoms::withheld() == n && atoms::report() == value => options.refuse_withheld = false,
            n if atoms::withheld() == n => return Err(invalid("withheld", "refuse or report").into()),
            n => return Err(unknown("", n, "trust, prefix, max_age, now, package or withheld").into()),
        }
    }
    options.freshness = freshness(max_age, now);
    Ok(options)
}

fn freshness(max_age: Option<u64>, now: Option<u64>) -> Option<Freshness> {
    let clock = || u64::try_from(Time::now().seconds).unwrap_or_default();
    max_age.map(|max_age| Freshness { now: now.unwrap_or_else(clock), max_age })
}

pub(crate) fn trust(term: Term<'_>) -> Result<ResourceArc<LogTrust>> {
    Ok(term.decode().map_err(|_| invalid("trust", "what hex_provenance_log:trust/1 gave"))?)
}

pub(crate) fn trust_file(term: Term<'_>) -> Result<Trust> {
    match tagged(term) {
        Some((tag, json)) if atoms::json() == tag => Ok(Trust::parse(&binary("trust", json)?)?),
        Some((tag, path)) if atoms::file() == tag => {
            let limit = u64::try_from(limits::TRUST_FILE_BYTES).unwrap_or(u64::MAX);
            Ok(Trust::parse(&read_file(&file_name("trust", path)?, limit)?)?)
        }
        _ => Err(invalid("trust", "{json, Binary} or {file, Path}").into()),
    }
}

/// Something in the log, as a service hands it out.
pub(crate) struct Item<'a> {
    pub(crate) index: u64,
    pub(crate) leaf: Binary<'a>,
    pub(crate) path: Vec<Hash>,
    pub(crate) origin: Option<String>,
    checkpoint: Option<Binary<'a>>,
    bundle: Option<Binary<'a>>,
    envelope: Option<Binary<'a>>,
}

impl<'a> Item<'a> {
    pub(crate) fn checkpoint(&self) -> Result<Binary<'a>> {
        Ok(self.checkpoint.ok_or_else(|| invalid("checkpoint", "the checkpoint's note in a binary"))?)
    }

    /// The canonical envelope.
    pub(crate) fn envelope(&self) -> Result<Vec<u8>> {
        match (&self.bundle, &self.envelope) {
            (Some(bundle), None) => Ok(answer::envelope_of(bundle)?.write()),
            (None, Some(envelope)) => Ok(envelope.to_vec()),
            _ => Err(invalid("bundle", "exactly one of bundle and envelope").into()),
        }
    }
}

pub(crate) fn item(term: Term<'_>) -> Result<Item<'_>> {
    let (mut index, mut leaf, mut path, mut origin) = (None, None, None, None);
    let (mut checkpoint, mut bundle, mut envelope) = (None, None, None);
    for (name, value) in members("item", term)? {
        match name {
            n if atoms::index() == n => index = Some(number("item.index", value)?),
            n if atoms::leaf() == n => leaf = Some(binary("item.leaf", value)?),
            n if atoms::inclusion() == n => path = Some(hashes("item.inclusion", value)?),
            n if atoms::origin() == n => origin = Some(text("item.origin", value)?),
            n if atoms::checkpoint() == n => checkpoint = Some(binary("item.checkpoint", value)?),
            n if atoms::bundle() == n => bundle = Some(binary("item.bundle", value)?),
            n if atoms::envelope() == n => envelope = Some(binary("item.envelope", value)?),
            n => {
                return Err(
                    unknown("item.", n, "index, leaf, inclusion, checkpoint, bundle, envelope or origin").into()
                );
            }
        }
    }
    let (Some(index), Some(leaf), Some(path)) = (index, leaf, path) else {
        return Err(invalid("item", "index, leaf and inclusion").into());
    };
    Ok(Item { index, leaf, path, origin, checkpoint, bundle, envelope })
}

/// A version of a package, and what is known of where the package's entries end.
pub(crate) struct Asked {
    package: Package,
    version: String,
    locked: Option<Hash>,
    end: End,
}

enum End {
    /// Proven.
    Head(Option<Head>),
    /// Nobody knows: what was handed out is all there is.
    HandedOut,
}

/// An entry that was verified before.
pub(crate) struct Replayed {
    index: u64,
    hash: Hash,
    leaf: EventLeaf,
    redacted: bool,
}

pub(crate) fn asked(term: Term<'_>) -> Result<Asked> {
    let (mut package, mut version, mut locked, mut end) = (None, None, None, None);
    for (name, value) in members("asked", term)? {
        match name {
            n if atoms::package() == n => package = Some(self::package(value)?),
            n if atoms::version() == n => version = Some(text("version", value)?),
            n if atoms::locked() == n && atoms::undefined() == value => locked = None,
            n if atoms::locked() == n => locked = Some(hash("locked", value)?),
            n if atoms::head() == n && atoms::handed_out() == value => end = Some(End::HandedOut),
            n if atoms::head() == n && atoms::absent() == value => end = Some(End::Head(None)),
            n if atoms::head() == n => end = Some(End::Head(Some(head(value)?))),
            n => return Err(unknown("", n, "package, version, locked or head").into()),
        }
    }
    match (package, version, end) {
        (Some(package), Some(version), Some(end)) => Ok(Asked { package, version, locked, end }),
        _ => Err(invalid("asked", "package, version and head").into()),
    }
}

fn head(term: Term<'_>) -> Result<Head> {
    let (mut seq, mut index, mut leaf) = (None, None, None);
    for (name, value) in members("head", term)? {
        match name {
            n if atoms::seq() == n => seq = Some(number("head.seq", value)?),
            n if atoms::index() == n => index = Some(number("head.index", value)?),
            n if atoms::hash() == n => leaf = Some(hash("head.hash", value)?),
            n => return Err(unknown("head.", n, "seq, index or hash").into()),
        }
    }
    match (seq, index, leaf) {
        (Some(seq), Some(index), Some(leaf)) => Ok(Head { seq, link: Link { index, leaf } }),
        _ => Err(invalid("head", "seq, index and hash").into()),
    }
}

pub(crate) fn replayed(term: Term<'_>) -> Result<Vec<Replayed>> {
    items("items", term)?.map(one_replayed).collect()
}

fn one_replayed(term: Term<'_>) -> Result<Replayed> {
    let field = |name: rustler::Atom| term.map_get(name).map_err(|_| invalid("items", "verified entries"));
    let bytes = binary("items.leaf", field(atoms::leaf())?)?;
    Ok(Replayed {
        index: number("items.index", field(atoms::index())?)?,
        hash: leaf_hash(&bytes),
        leaf: entry::event(&bytes)?,
        redacted: atoms::undefined() == field(atoms::statement())?,
    })
}

impl Asked {
    /// The package's chain, which must be whole where its end is known.
    pub(crate) fn replay(&self, items: &[Replayed]) -> Result<Chain> {
        let mut chain = Chain::new(self.package.clone());
        let End::Head(head) = &self.end else {
            items.iter().try_for_each(|item| chain.gather(item.index, &item.leaf))?;
            return self.not_redacted(chain, items);
        };
        items.iter().try_for_each(|item| chain.push(item.index, item.hash, &item.leaf))?;
        if chain.head() != head.as_ref() {
            let index = head.map_or_else(|| chain.head().map_or(0, |h| h.link.index), |h| h.link.index);
            let (package, reason) = (self.package.to_string(), "the entries do not end there".to_owned());
            return Err(provenance_log::Error::from(Fault::ChainBroken { package, index, reason }).into());
        }
        self.not_redacted(chain, items)
    }

    /// What publishes the version must be known to be signed.
    fn not_redacted(&self, chain: Chain, items: &[Replayed]) -> Result<Chain> {
        let published = chain.versions().get(&self.version).and_then(|state| state.published);
        let redacted = items.iter().find(|item| item.redacted && published.is_some_and(|(at, _)| at == item.index));
        match redacted {
            None => Ok(chain),
            Some(item) => {
                let digest = format!("sha256:{}", provenance_log::encoding::hex_encode(&item.leaf.envelope));
                Err(provenance_log::Error::from(Fault::AttestationWithheld { index: item.index, digest }).into())
            }
        }
    }

    pub(crate) fn state_of<'c>(&self, chain: &'c Chain) -> Result<&'c provenance_log::chain::VersionState> {
        let published = chain.versions().get(&self.version).and_then(|state| state.published);
        let locked = self.locked.or(published.map(|(_, digest)| digest)).unwrap_or_default();
        Ok(chain.check(&self.version, &locked)?)
    }
}

/// Tiles that were fetched before, and the first that was not.
pub(crate) struct Tiles {
    fetched: BTreeMap<String, Vec<u8>>,
    pub(crate) missing: Option<Tile>,
}

impl TileReader for Tiles {
    fn read(&mut self, tile: Tile) -> provenance_log::Result<Vec<u8>> {
        let path = tile.to_string();
        if let Some(bytes) = self.fetched.get(&path) {
            return Ok(bytes.clone());
        }
        self.missing.get_or_insert(tile);
        Err(Fault::StorageFailed { path, reason: "it was not fetched".to_owned() }.into())
    }
}

pub(crate) fn tiles(term: Term<'_>) -> Result<Tiles> {
    let mut fetched = BTreeMap::new();
    for (path, bytes) in members("tiles", term)? {
        fetched.insert(text("tiles", path)?, binary("tiles", bytes)?.to_vec());
    }
    Ok(Tiles { fetched, missing: None })
}

pub(crate) fn tile(path: Term<'_>) -> Result<Tile> {
    Ok(Tile::parse(&text("path", path)?).ok_or_else(|| invalid("path", "the path of a tile"))?)
}

/// `entries`, or the level of a tile of hashes.
pub(crate) fn tile_kind(term: Term<'_>) -> Result<Kind> {
    if atoms::entries() == term {
        return Ok(Kind::Entries);
    }
    let level: Option<u8> = term.decode().ok().filter(|level| *level < 8);
    Ok(Kind::Hashes(level.ok_or_else(|| invalid("kind", "entries, or a level from 0 to 7"))?))
}

pub(crate) fn monitor(term: Term<'_>) -> Result<Monitor> {
    let (mut trust, mut saved) = (None, None);
    let mut options = monitor::Options { prefix: PREFIX.to_owned(), watched: Default::default(), all_statements: true };
    for (name, value) in members("options", term)? {
        match name {
            n if atoms::trust() == n => trust = Some(self::trust(value)?),
            n if atoms::prefix() == n => options.prefix = text("prefix", value)?,
            n if atoms::watched() == n => {
                options.watched = items("watched", value)?.map(package).collect::<Result<_>>()?;
            }
            n if atoms::statements() == n && atoms::all() == value => options.all_statements = true,
            n if atoms::statements() == n && atoms::watched() == value => options.all_statements = false,
            n if atoms::statements() == n => return Err(invalid("statements", "all or watched").into()),
            n if atoms::state() == n => saved = Some(text("state", value)?),
            n => return Err(unknown("", n, "trust, prefix, watched, statements or state").into()),
        }
    }
    match (trust, saved) {
        (_, Some(saved)) => Ok(Monitor::restore(&saved, options)?),
        (Some(trust), None) => Ok(Monitor::new(trust.0.clone(), options)),
        (None, None) => Err(invalid("trust", "whom to trust: see hex_provenance_log:trust/1").into()),
    }
}

pub(crate) fn monitor_handle(term: Term<'_>) -> Result<ResourceArc<LogMonitor>> {
    Ok(term.decode().map_err(|_| invalid("monitor", "what hex_provenance_log:monitor/1 gave"))?)
}

type Announced = Vec<(u64, KeyChange)>;

/// Key changes that were announced, and how old cosignatures may be.
pub(crate) fn checkpoint_options(term: Term<'_>) -> Result<(Announced, Option<Freshness>)> {
    let (mut announced, mut max_age, mut now) = (Vec::new(), None, None);
    for (name, value) in members("options", term)? {
        match name {
            n if atoms::announced() == n => {
                announced = items("announced", value)?.map(announced_change).collect::<Result<_>>()?;
            }
            n if atoms::max_age() == n => max_age = Some(number("max_age", value)?),
            n if atoms::now() == n => now = Some(number("now", value)?),
            n => return Err(unknown("", n, "announced, max_age or now").into()),
        }
    }
    Ok((announced, freshness(max_age, now)))
}

fn announced_change(term: Term<'_>) -> Result<(u64, KeyChange)> {
    const EXPECTED: &str = "{Index, Leaf} of a key change each";
    let (index, leaf): (Term<'_>, Term<'_>) = term.decode().map_err(|_| invalid("announced", EXPECTED))?;
    match Leaf::parse(&binary("announced", leaf)?)? {
        Leaf::KeyChange(change) => Ok((number("announced", index)?, change)),
        _ => Err(invalid("announced", EXPECTED).into()),
    }
}

/// What a service said to each digest.
pub(crate) fn blobs(term: Term<'_>) -> Result<BTreeMap<Hash, Blob>> {
    let mut blobs = BTreeMap::new();
    for (digest, blob) in members("blobs", term)? {
        let blob = match blob {
            b if atoms::redacted() == b => Blob::Redacted,
            b if atoms::withheld() == b => Blob::Withheld,
            b => Blob::Bytes(binary("blobs", b)?.to_vec()),
        };
        blobs.insert(hash("blobs", digest)?, blob);
    }
    Ok(blobs)
}

pub(crate) fn entries(term: Term<'_>) -> Result<Vec<Vec<u8>>> {
    items("entries", term)?.map(|entry| Ok(binary("entries", entry)?.to_vec())).collect()
}

/// A leaf for an ordinary scheduler: what cannot be one is not looked at.
pub(crate) fn leaf_bytes(term: Term<'_>) -> Result<Binary<'_>> {
    let bytes = binary("leaf", term)?;
    if bytes.len() > limits::LEAF_BYTES {
        let wide = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        let (limit, actual) = (wide(limits::LEAF_BYTES), wide(bytes.len()));
        return Err(provenance_log::Error::from(Fault::InputTooLarge { what: "leaf", limit, actual }).into());
    }
    Ok(bytes)
}

pub(crate) fn hashes(option: &str, term: Term<'_>) -> Result<Vec<Hash>> {
    let mut hashes = Vec::new();
    for one in items(option, term)? {
        if hashes.len() == limits::PROOF_HASHES {
            return Err(invalid(option, "at most 64 hashes").into());
        }
        hashes.push(hash(option, one)?);
    }
    Ok(hashes)
}

fn hash(option: &str, term: Term<'_>) -> Result<Hash> {
    let bytes = binary(option, term)?;
    Ok(Hash::try_from(bytes.as_slice()).map_err(|_| invalid(option, "a binary of 32 bytes"))?)
}

/// A tree: its size and its root.
pub(crate) fn tree(option: &str, term: Term<'_>) -> Result<(u64, Hash)> {
    let (size, root): (Term<'_>, Term<'_>) = term.decode().map_err(|_| invalid(option, "{Size, Root}"))?;
    Ok((number(option, size)?, hash(option, root)?))
}

pub(crate) fn number(option: &str, term: Term<'_>) -> Result<u64> {
    Ok(term.decode().map_err(|_| invalid(option, "an integer from 0 on"))?)
}

pub(crate) fn text(option: &str, term: Term<'_>) -> Result<String> {
    Ok(utf8(option, term, TEXT)?)
}

fn package(term: Term<'_>) -> Result<Package> {
    Ok(Package::parse(&text("package", term)?)?)
}
