//! The transparency log's functions, for everybody who checks one.

use provenance_log::answer::{Answer, Demands, envelope_of};
use provenance_log::entry::{self, Handed, Signed};
use provenance_log::error::{CATALOGUE, quote};
use provenance_log::leaf::{Event, Leaf, Purpose};
use provenance_log::monitor::{KINDS, Monitor};
use provenance_log::proof::{verify_consistency, verify_inclusion};
use provenance_log::statement::{Envelope, Facts};
use provenance_log::tile::{self, Tile};
use provenance_log::tlog_proof::TlogProof;
use provenance_log::tree::leaf_hash;
use provenance_log::{Fault, SignedCheckpoint};
use rustler::{Encoder, Env, ResourceArc, Term};

use crate::decode::log::{Item, Options};
use crate::encode::log::Shown;
use crate::guard;
use crate::resource::{LogMonitor, LogTrust};
use crate::{atoms, decode, encode};

// What a function here can meet: options are the first's to judge, everything else the second's.
guard::failed!(provenance_log::Error);

pub(crate) type Result<T> = std::result::Result<T, Failed>;

fn short<'a>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>>) -> Term<'a> {
    guard::short_or(env, body)
}

fn dirty<'a>(env: Env<'a>, body: impl FnOnce() -> Result<Term<'a>>) -> Term<'a> {
    guard::dirty_or(env, body)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_trust<'a>(env: Env<'a>, source: Term<'a>) -> Term<'a> {
    dirty(env, || Ok(ResourceArc::new(LogTrust(decode::log::trust_file(source)?)).encode(env)))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_trust_info<'a>(env: Env<'a>, trust: Term<'a>) -> Term<'a> {
    dirty(env, || Ok(encode::log::trust(env, &decode::log::trust(trust)?.0)))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_trust_json<'a>(env: Env<'a>, trust: Term<'a>) -> Term<'a> {
    dirty(env, || Ok(encode::text(env, &decode::log::trust(trust)?.0.write())))
}

/// Trust after a key change. The change may be that of the very key that signs the checkpoint above it, so trust is
/// changed first: both keys signed the change.
#[rustler::nif(schedule = "DirtyCpu")]
fn log_rotate<'a>(env: Env<'a>, change: Term<'a>, options: Term<'a>) -> Term<'a> {
    dirty(env, || {
        let options = decode::log::options(options)?;
        let item = decode::log::item(change)?;
        let Leaf::KeyChange(change) = Leaf::parse(&item.leaf)? else {
            return Err(decode::invalid("leaf", "the leaf of a key change").into());
        };
        let trust = options.trust()?.rotate(item.index, &change)?;
        let signed = SignedCheckpoint::parse(&item.checkpoint()?)?;
        trust.check(&signed, options.freshness)?;
        let tree = signed.checkpoint();
        verify_inclusion(&leaf_hash(&item.leaf), item.index, tree.size(), &item.path, tree.root())?;
        Ok(ResourceArc::new(LogTrust(trust)).encode(env))
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_verify_checkpoint<'a>(env: Env<'a>, note: Term<'a>, options: Term<'a>) -> Term<'a> {
    dirty(env, || {
        let options = decode::log::options(options)?;
        let signed = SignedCheckpoint::parse(&decode::binary("checkpoint", note)?)?;
        let witnessed = options.trust()?.check(&signed, options.freshness)?;
        Ok(encode::log::checkpoint(env, &signed, &witnessed))
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_verify_entry<'a>(env: Env<'a>, item: Term<'a>, options: Term<'a>) -> Term<'a> {
    dirty(env, || {
        let options = decode::log::options(options)?;
        let item = decode::log::item(item)?;
        if let Some(origin) = &item.origin {
            return earlier_entry(env, &options, &item, origin);
        }
        let checkpoint = SignedCheckpoint::parse(&item.checkpoint()?)?;
        let handed = Handed {
            index: item.index,
            leaf: &item.leaf,
            path: &item.path,
            envelope: &item.envelope()?,
            checkpoint: &checkpoint,
        };
        let event = handed.verify(options.trust()?, &options.prefix, options.freshness)?;
        Ok(encode::log::verified_event(env, &event, &item.leaf))
    })
}

/// An entry of a log that was given up: it counts under the root that the trust file pins.
fn earlier_entry<'a>(env: Env<'a>, options: &Options, item: &Item<'_>, origin: &str) -> Result<Term<'a>> {
    let trust = options.trust()?;
    let Some(log) = trust.earlier(origin) else {
        let (origin, reason) = (quote(origin), "the trust file has no earlier log of that origin".to_owned());
        return Err(provenance_log::Error::from(Fault::CheckpointUntrusted { origin, reason }).into());
    };
    let hash = leaf_hash(&item.leaf);
    log.verify(&hash, item.index, &item.path)?;
    let leaf = entry::event(&item.leaf)?;
    let signed = Signed::verify_earlier(trust, &options.prefix, (item.index, &leaf), &item.envelope()?)?;
    Ok(encode::log::event(
        env,
        &Shown { index: item.index, hash, bytes: &item.leaf, leaf: &leaf, signed: Some(&signed) },
    ))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_verify_answer<'a>(env: Env<'a>, json: Term<'a>, options: Term<'a>) -> Term<'a> {
    dirty(env, || {
        let options = decode::log::options(options)?;
        let demands = Demands {
            trust: options.trust()?,
            prefix: &options.prefix,
            freshness: options.freshness,
            package: options.package.as_ref(),
        };
        let verified = Answer::parse(&decode::binary("answer", json)?)?.verify(&demands)?;
        if let (true, Some((index, digest))) = (options.refuse_withheld, verified.withheld.first()) {
            let digest = format!("sha256:{}", provenance_log::encoding::hex_encode(digest));
            return Err(provenance_log::Error::from(Fault::AttestationWithheld { index: *index, digest }).into());
        }
        Ok(encode::log::answer(env, &verified))
    })
}

/// A textual proof that an entry is in the log.
#[rustler::nif(schedule = "DirtyCpu")]
fn log_verify_proof<'a>(env: Env<'a>, text: Term<'a>, leaf: Term<'a>, options: Term<'a>) -> Term<'a> {
    dirty(env, || {
        let options = decode::log::options(options)?;
        let proof = TlogProof::parse(&decode::binary("proof", text)?)?;
        let witnessed = options.trust()?.check(&proof.checkpoint, options.freshness)?;
        let (leaf, tree) = (decode::binary("leaf", leaf)?, proof.checkpoint.checkpoint());
        verify_inclusion(&leaf_hash(&leaf), proof.index, tree.size(), &proof.path, tree.root())?;
        Ok(encode::log::proof(env, &proof, &witnessed))
    })
}

#[rustler::nif]
fn log_verify_inclusion<'a>(env: Env<'a>, leaf: Term<'a>, index: Term<'a>, path: Term<'a>, tree: Term<'a>) -> Term<'a> {
    short(env, || {
        let leaf = decode::log::leaf_bytes(leaf)?;
        let (size, root) = decode::log::tree("tree", tree)?;
        let (index, path) = (decode::log::number("index", index)?, decode::log::hashes("path", path)?);
        verify_inclusion(&leaf_hash(&leaf), index, size, &path, &root)?;
        Ok(atoms::undefined().encode(env))
    })
}

#[rustler::nif]
fn log_verify_consistency<'a>(env: Env<'a>, old: Term<'a>, new: Term<'a>, path: Term<'a>) -> Term<'a> {
    short(env, || {
        let ((old, old_root), (new, new_root)) = (decode::log::tree("old", old)?, decode::log::tree("new", new)?);
        verify_consistency(old, &old_root, new, &new_root, &decode::log::hashes("path", path)?)?;
        Ok(atoms::undefined().encode(env))
    })
}

/// What entries that were verified before say of a version.
#[rustler::nif(schedule = "DirtyCpu")]
fn log_state<'a>(env: Env<'a>, items: Term<'a>, asked: Term<'a>) -> Term<'a> {
    dirty(env, || {
        let asked = decode::log::asked(asked)?;
        let chain = asked.replay(&decode::log::replayed(items)?)?;
        Ok(encode::log::state(env, asked.state_of(&chain)?, &chain))
    })
}

#[rustler::nif]
fn log_leaf<'a>(env: Env<'a>, leaf: Term<'a>) -> Term<'a> {
    short(env, || {
        let bytes = decode::log::leaf_bytes(leaf)?;
        Ok(encode::log::leaf(env, &bytes, &Leaf::parse(&bytes)?))
    })
}

/// The canonical envelope that a Sigstore bundle holds.
#[rustler::nif(schedule = "DirtyCpu")]
fn log_bundle_envelope<'a>(env: Env<'a>, bundle: Term<'a>) -> Term<'a> {
    dirty(env, || Ok(encode::bytes(env, &envelope_of(&decode::binary("bundle", bundle)?)?.write())))
}

/// The bundles that the statement in a canonical envelope links. What is no statement links nothing: whoever reads it as
/// one will say so.
#[rustler::nif(schedule = "DirtyCpu")]
fn log_links<'a>(env: Env<'a>, envelope: Term<'a>, prefix: Term<'a>) -> Term<'a> {
    dirty(env, || {
        let (bytes, prefix) = (decode::binary("envelope", envelope)?, decode::log::text("prefix", prefix)?);
        let facts = Envelope::parse(&bytes).and_then(|envelope| Facts::read(&envelope.payload, &prefix));
        let linked = facts.map(|facts| facts.linked).unwrap_or_default();
        Ok(encode::log::hashes(env, &linked))
    })
}

/// The path of the tile of hashes (a level) or of entries, as it is in a tree of `size` leaves.
#[rustler::nif]
fn log_tile_path<'a>(env: Env<'a>, kind: Term<'a>, index: Term<'a>, size: Term<'a>) -> Term<'a> {
    short(env, || {
        let kind = decode::log::tile_kind(kind)?;
        let tile = Tile::in_tree(kind, decode::log::number("index", index)?, decode::log::number("size", size)?);
        let tile = tile.ok_or_else(|| decode::invalid("index", "the index of a tile in a tree of that size"))?;
        Ok(encode::text(env, &tile.to_string()))
    })
}

/// The entries in the bundle that was fetched for a path.
#[rustler::nif(schedule = "DirtyCpu")]
fn log_tile_entries<'a>(env: Env<'a>, path: Term<'a>, bytes: Term<'a>) -> Term<'a> {
    dirty(env, || {
        let tile = decode::log::tile(path)?;
        let bytes = decode::binary("tile", bytes)?;
        let entries = tile::parse_entries(tile, &bytes)?;
        Ok(encode::list(env, &entries, |env, entry| encode::bytes(env, entry)))
    })
}

/// The consistency proof that tiles make, or the path of a tile that is still needed for it.
#[rustler::nif(schedule = "DirtyCpu")]
fn log_tile_consistency<'a>(env: Env<'a>, old: Term<'a>, new: Term<'a>, tiles: Term<'a>) -> Term<'a> {
    dirty(env, || {
        let mut tiles = decode::log::tiles(tiles)?;
        let sizes = (decode::log::number("old", old)?, decode::log::number("new", new)?);
        let proof = provenance_log::Prover::new(&mut tiles, 64).consistency(sizes.0, sizes.1);
        match (proof, tiles.missing) {
            (Err(_), Some(missing)) => Ok((atoms::missing(), encode::text(env, &missing.to_string())).encode(env)),
            (proof, _) => Ok((atoms::hashes(), encode::log::hashes(env, &proof?)).encode(env)),
        }
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_monitor<'a>(env: Env<'a>, options: Term<'a>) -> Term<'a> {
    dirty(env, || Ok(ResourceArc::new(LogMonitor(decode::log::monitor(options)?.into())).encode(env)))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_monitor_info<'a>(env: Env<'a>, monitor: Term<'a>) -> Term<'a> {
    with_monitor(env, monitor, |monitor| Ok(encode::log::monitor(env, monitor)))
}

/// Takes a checkpoint, and before that key changes that its signature may rest on: all of it or nothing.
#[rustler::nif(schedule = "DirtyCpu")]
fn log_monitor_checkpoint<'a>(
    env: Env<'a>,
    monitor: Term<'a>,
    note: Term<'a>,
    proof: Term<'a>,
    options: Term<'a>,
) -> Term<'a> {
    with_monitor(env, monitor, |monitor| {
        let signed = SignedCheckpoint::parse(&decode::binary("checkpoint", note)?)?;
        let proof = decode::log::hashes("proof", proof)?;
        let (announced, freshness) = decode::log::checkpoint_options(options)?;
        if announced.is_empty() {
            return Ok(encode::log::findings(env, &monitor.checkpoint(&signed, &proof, freshness)?));
        }
        let mut next = monitor.clone();
        for (index, change) in announced {
            next.announce(index, change)?;
        }
        let findings = next.checkpoint(&signed, &proof, freshness)?;
        *monitor = next;
        Ok(encode::log::findings(env, &findings))
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_monitor_wanted<'a>(env: Env<'a>, monitor: Term<'a>, entries: Term<'a>) -> Term<'a> {
    with_monitor(env, monitor, |monitor| Ok(encode::log::hashes(env, &monitor.wanted(&decode::log::entries(entries)?))))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_monitor_page<'a>(
    env: Env<'a>,
    monitor: Term<'a>,
    start: Term<'a>,
    entries: Term<'a>,
    proof: Term<'a>,
    blobs: Term<'a>,
) -> Term<'a> {
    with_monitor(env, monitor, |monitor| {
        let (entries, proof) = (decode::log::entries(entries)?, decode::log::hashes("proof", proof)?);
        let mut blobs = decode::log::blobs(blobs)?;
        let start = decode::log::number("start", start)?;
        Ok(encode::log::findings(env, &monitor.page(start, &entries, &proof, &mut blobs)?))
    })
}

#[rustler::nif(schedule = "DirtyCpu")]
fn log_monitor_save<'a>(env: Env<'a>, monitor: Term<'a>) -> Term<'a> {
    with_monitor(env, monitor, |monitor| Ok(encode::text(env, &monitor.save()?)))
}

/// A monitor that a panic left half-way is not used again.
fn with_monitor<'a>(env: Env<'a>, monitor: Term<'a>, body: impl FnOnce(&mut Monitor) -> Result<Term<'a>>) -> Term<'a> {
    dirty(env, || {
        let monitor = decode::log::monitor_handle(monitor)?;
        let half_way = |_| provenance_log::Error::from(Fault::Internal { at: "a monitor left half-way".to_owned() });
        let mut held = monitor.0.lock().map_err(half_way)?;
        body(&mut held)
    })
}

#[rustler::nif]
fn log_catalogue(env: Env<'_>) -> Term<'_> {
    short(env, || Ok(encode::log::catalogue(env)))
}

/// The names of the library's closed tables.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let errors = CATALOGUE.iter().flat_map(|entry| [entry.code, entry.stage.as_str()]);
    let words = Event::ALL.iter().map(|event| event.as_str()).chain(Purpose::ALL.iter().map(|p| p.as_str()));
    errors.chain(words).chain(KINDS.iter().map(|kind| kind.as_str())).chain(["event", "key_changed", "redacted"])
}
