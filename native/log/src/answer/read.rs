//! An answer as it is written.

use std::collections::BTreeMap;

use provenance_base::json::{BadJson, Bounds, parse_strict, write_canonical};
use serde_json::{Map, Value};

use super::{Answer, Base, Item, List};
use crate::chain::Head;
use crate::checkpoint::SignedCheckpoint;
use crate::encoding::{base64_decode, base64_hash, digest_parse, hex_decode};
use crate::error::{Fault, Result};
use crate::heads::{HeadProof, Place, Tail};
use crate::json::{Bad, Fields, Json, bad_answer};
use crate::leaf::{HeadsLeaf, Leaf, Link};
use crate::limits::{self, within};
use crate::purl::Package;
use crate::statement::{Envelope, PAYLOAD_TYPE};
use crate::tree::{Edge, Hash, sha256};

const FORMAT: &str = "answer of a log's service";
const BOUNDS: Bounds = Bounds { depth: limits::ANSWER_DEPTH, values: limits::ANSWER_VALUES };

pub(super) fn answer(json: &[u8]) -> Result<Answer> {
    within("answer", limits::ANSWER_BYTES, json.len())?;
    let mut members = object(json, FORMAT)?;
    // Their digests are over all of them, so they are kept as they are.
    let linked = linked(members.remove("linked").unwrap_or_default()).map_err(bad_answer)?;
    let mut fields = Json::from(Value::Object(members)).object("").map_err(bad_answer)?;
    let checkpoint = SignedCheckpoint::parse(fields.text("checkpoint").map_err(bad_answer)?.as_bytes())?;
    read(&mut fields, checkpoint, linked).map_err(bad_answer)
}

pub(super) fn envelope_of(bundle: &[u8]) -> Result<Envelope> {
    within("bundle", limits::ENVELOPE_BYTES, bundle.len())?;
    let bundle = Json::from(Value::Object(object(bundle, "Sigstore bundle")?));
    bundle.object("").and_then(|mut bundle| envelope(&mut bundle)).map_err(bad_answer)
}

fn object(json: &[u8], format: &'static str) -> Result<Map<String, Value>> {
    match parse_strict(json, BOUNDS) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Fault::malformed(format, ".", "it is not an object")),
        Err(BadJson::Malformed { at, reason }) => Err(Fault::malformed(format, &at, &reason)),
        Err(BadJson::Nesting { limit, actual }) => {
            Err(Fault::InputTooLarge { what: "JSON nesting", limit, actual }.into())
        }
        Err(BadJson::Values { limit, actual }) => {
            Err(Fault::InputTooLarge { what: "JSON values", limit, actual }.into())
        }
    }
}

fn read(fields: &mut Fields, checkpoint: SignedCheckpoint, linked: BTreeMap<Hash, Vec<u8>>) -> Result<Answer, Bad> {
    if fields.number("size")? != checkpoint.checkpoint().size() {
        return Err(Bad::new("size", "it is not the checkpoint's"));
    }
    let next_after = fields.optional_number("next_after")?;
    let (lists, base) = if fields.has("releases") { releases_of(fields)? } else { list_of(fields)? };
    Ok(Answer { checkpoint, lists, base, linked, next_after })
}

type Lists = (Vec<List>, Option<Base>);

fn list_of(fields: &mut Fields) -> Result<Lists, Bad> {
    let items = items(fields)?;
    let empty = List { package: None, version: None, digest: None, items, head: None };
    let Some(head) = fields.optional("head") else { return Ok((vec![empty], None)) };
    let mut head = head.object("head")?;
    let package = package(&mut head)?;
    let proof = head.optional("proof").map(|proof| proof_of(proof.object("head.proof")?)).transpose()?;
    Ok((vec![List { package: Some(package), head: Some(proof), ..empty }], Some(base(&mut head)?)))
}

fn releases_of(fields: &mut Fields) -> Result<Lists, Bad> {
    let base = fields.optional("heads").map(|heads| base(&mut heads.object("heads")?)).transpose()?;
    let with_map = base.as_ref().is_some_and(|base| base.map.is_some());
    let mut lists = Vec::new();
    for (at, release) in fields.list("releases", limits::ANSWER_ITEMS)? {
        let mut release = release.object(&at)?;
        let digest = match release.optional_text("digest")? {
            Some(text) => {
                Some(digest_parse(&text).ok_or_else(|| Bad::new(&release.path("digest"), "it is no digest"))?)
            }
            None => None,
        };
        let at = release.path("head");
        let proof = release.optional("head").map(|proof| proof_of(proof.object(&at)?)).transpose()?;
        lists.push(List {
            package: Some(package(&mut release)?),
            version: release.optional_text("version")?,
            digest,
            items: items(&mut release)?,
            // Where there is a map, only what it proves is known; without one the tail is the whole log.
            head: if with_map { proof.map(Some) } else { Some(None) },
        });
    }
    Ok((lists, base))
}

/// A package's purl, or the name of one in the public repository.
fn package(fields: &mut Fields) -> Result<Package, Bad> {
    let (at, text) = (fields.path("package"), fields.text("package")?);
    let purl = if text.starts_with("pkg:") { text } else { format!("pkg:hex/{text}") };
    Package::parse(&purl).map_err(|e| Bad::new(&at, &e.to_string()))
}

fn items(fields: &mut Fields) -> Result<Vec<Item>, Bad> {
    let items = fields.list("items", limits::ANSWER_ITEMS)?;
    items.into_iter().map(|(at, item)| read_item(item.object(&at)?)).collect()
}

fn read_item(mut item: Fields) -> Result<Item, Bad> {
    let at = item.path("bundle");
    let bundle = item.optional("bundle").map(|bundle| envelope(&mut bundle.object(&at)?)).transpose()?;
    Ok(Item {
        index: item.number("index")?,
        leaf: bytes(&mut item, "leaf")?,
        path: hashes(&mut item, "inclusion")?,
        envelope: bundle.map(|envelope| envelope.write()),
    })
}

/// Whatever else a bundle holds, proofs for instance, is for those who verify it as one.
fn envelope(bundle: &mut Fields) -> Result<Envelope, Bad> {
    let mut envelope = bundle.object("dsseEnvelope")?;
    if envelope.text("payloadType")? != PAYLOAD_TYPE {
        return Err(Bad::new(&envelope.path("payloadType"), "it is not an in-toto statement's"));
    }
    let payload = bytes(&mut envelope, "payload")?;
    let at = envelope.path("signatures");
    let mut signatures = envelope.list("signatures", 1)?;
    let (at, signature) = signatures.pop().ok_or_else(|| Bad::new(&at, "there is none"))?;
    let signature = bytes(&mut signature.object(&at)?, "sig")?;
    Ok(Envelope { payload, signature })
}

/// What is handed out, by the digest of its canonical form: under whatever digest it is announced.
fn linked(linked: Value) -> Result<BTreeMap<Hash, Vec<u8>>, Bad> {
    let Value::Array(list) = linked else {
        return if linked.is_null() { Ok(BTreeMap::new()) } else { Err(Bad::new("linked", "it is not a list")) };
    };
    let bundles = list.into_iter().filter_map(|mut one| match one.get_mut("bundle").map(Value::take) {
        Some(bundle @ Value::Object(_)) => Some(write_canonical(&bundle).into_bytes()),
        _ => None,
    });
    Ok(bundles.map(|bytes| (sha256(&bytes), bytes)).collect())
}

fn base(fields: &mut Fields) -> Result<Base, Bad> {
    let at = fields.path("map");
    let map = fields.optional("map").map(|map| map_of(&mut map.object(&at)?)).transpose()?;
    let mut tail = fields.object("tail")?;
    let at = tail.path("edge");
    let edge = Edge::from_parts(map.map_or(0, |m| m.covers), hashes(&mut tail, "edge")?);
    let edge = edge.map_err(|e| Bad::new(&at, &e.to_string()))?;
    let most = usize::try_from(limits::HEADS_TAIL).unwrap_or(usize::MAX);
    let entries = tail.list("entries", most)?.into_iter();
    let entries = entries.map(|(at, entry)| decoded(&at, entry.text(&at)?)).collect::<Result<_, _>>()?;
    Ok(Base { map, tail: Tail { edge, entries } })
}

fn map_of(fields: &mut Fields) -> Result<HeadsLeaf, Bad> {
    let (at, leaf) = (fields.path("leaf"), bytes(fields, "leaf")?);
    match Leaf::parse(&leaf) {
        Ok(Leaf::Heads(map)) => Ok(map),
        Ok(_) => Err(Bad::new(&at, "it is no heads map")),
        Err(error) => Err(Bad::new(&at, &error.to_string())),
    }
}

fn proof_of(mut proof: Fields) -> Result<HeadProof, Bad> {
    let at = proof.path("present");
    let Some(present) = proof.optional("present") else {
        let mut absent = proof.object("absent")?;
        let mut place = |name: &str| {
            let at = absent.path(name);
            absent.optional(name).map(|place| place_of(place.object(&at)?)).transpose()
        };
        return Ok(HeadProof::Absent { before: place("before")?, after: place("after")? });
    };
    place_of(present.object(&at)?).map(HeadProof::Present)
}

fn place_of(mut place: Fields) -> Result<Place, Bad> {
    let (at, leaf) = (place.path("leaf"), place.text("leaf")?);
    let leaf = hex_decode(&leaf).ok_or_else(|| Bad::new(&at, "it is not a hash in hexadecimal"))?;
    let link = Link { index: place.number("index")?, leaf };
    Ok(Place {
        position: place.number("position")?,
        package: package(&mut place)?,
        head: Head { seq: place.number("seq")?, link },
        path: hashes(&mut place, "path")?,
    })
}

fn bytes(fields: &mut Fields, name: &str) -> Result<Vec<u8>, Bad> {
    decoded(&fields.path(name), fields.text(name)?)
}

fn decoded(at: &str, text: String) -> Result<Vec<u8>, Bad> {
    base64_decode(&text).ok_or_else(|| Bad::new(at, "it is not base64"))
}

fn hashes(fields: &mut Fields, name: &str) -> Result<Vec<Hash>, Bad> {
    let hash = |(at, hash): (String, Json)| {
        base64_hash(&hash.text(&at)?).ok_or_else(|| Bad::new(&at, "it is not a hash in base64"))
    };
    fields.list(name, limits::PROOF_HASHES)?.into_iter().map(hash).collect()
}
