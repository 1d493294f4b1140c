//! Hostile content under signatures that are right: what only a signer, an authority or a log could make. It may be
//! accepted or refused; whatever is accepted is told as it was signed.

use provenance_fixtures::Recipe;
use provenance_sigstore::evidence::{Content, Signer};
use provenance_sigstore::{Bundle, Evidence, HashAlgorithm, Limits, hex_encode};
use serde_json::Value;

use crate::der::Tlv;
use crate::forge::{Draft, Forge, bytes};
use crate::operators;
use crate::rng::Rng;

/// One kind of hostile content, and a valid bundle to put it into.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    base: fn(&Forge) -> Draft,
    make: fn(&Forge, &mut Draft, Change<'_>) -> Option<()>,
}

pub(crate) const KINDS: &[Kind] = &[
    Kind { name: "statement", base: Forge::keyed, make: statement },
    Kind { name: "certificate", base: Forge::stamped, make: certificate },
    Kind { name: "timestamp information", base: Forge::stamped, make: timestamp_information },
    Kind { name: "timestamp attributes", base: Forge::stamped, make: timestamp_attributes },
    Kind { name: "checkpoint", base: Forge::logged, make: checkpoint },
    Kind { name: "entry", base: Forge::logged, make: entry },
    Kind { name: "promise", base: |forge| forge.draft(Recipe::default()), make: promise },
];

/// What is changed before it is signed.
enum Part<'a> {
    Json(&'a mut Vec<u8>),
    Der(&'a mut Tlv, &'a [usize]),
    Note(&'a mut Vec<u8>),
    Number(&'a mut i64),
}

type Change<'a> = &'a mut dyn FnMut(Part<'_>) -> Option<()>;

impl Kind {
    pub(crate) fn base(&self, forge: &Forge) -> Draft {
        (self.base)(forge)
    }

    /// `base` with hostile content; none when chance found nothing to change.
    pub(crate) fn hostile(&self, forge: &Forge, base: &Draft, rng: &mut Rng) -> Option<Vec<u8>> {
        self.made(forge, base, &mut |part| change(part, rng))
    }

    /// `base` signed again with nothing changed.
    pub(crate) fn same(&self, forge: &Forge, base: &Draft) -> Vec<u8> {
        self.made(forge, base, &mut |_| Some(())).unwrap()
    }

    fn made(&self, forge: &Forge, base: &Draft, change: Change<'_>) -> Option<Vec<u8>> {
        let mut draft = base.clone();
        (self.make)(forge, &mut draft, change)?;
        Some(draft.encode())
    }
}

fn change(part: Part<'_>, rng: &mut Rng) -> Option<()> {
    const NUMBERS: [i64; 9] = [0, 1, -1, i64::MAX, i64::MIN, 1 << 53, 1_748_779_204, 253_402_300_800, -62_135_596_801];
    match part {
        Part::Json(bytes) => operators::change_json(bytes, rng),
        Part::Der(tree, place) => operators::change_der(tree, place, rng),
        Part::Note(bytes) => operators::change_note(bytes, rng),
        Part::Number(number) => {
            *number = *rng.pick(&NUMBERS);
            Some(())
        }
    }
}

fn statement(forge: &Forge, draft: &mut Draft, change: Change<'_>) -> Option<()> {
    let mut payload = bytes(&draft.json["dsseEnvelope"]["payload"]);
    change(Part::Json(&mut payload))?;
    forge.set_payload(draft, &payload);
    Some(())
}

fn certificate(forge: &Forge, draft: &mut Draft, change: Change<'_>) -> Option<()> {
    let mut certificate = forge.leaf(draft);
    change(Part::Der(&mut certificate, &[0]))?;
    forge.set_leaf(draft, certificate);
    Some(())
}

fn timestamp_information(forge: &Forge, draft: &mut Draft, change: Change<'_>) -> Option<()> {
    forge.set_timestamp(draft, |tree, signer| {
        change(Part::Der(tree, &TIMESTAMP_INFORMATION))?;
        digest_again(tree, signer)
    })
}

const TIMESTAMP_INFORMATION: [usize; 6] = [1, 1, 0, 2, 1, 0];

/// Has the attributes of a timestamp's signer, whose place is `signer`, state the right digest.
pub(crate) fn digest_again(tree: &mut Tlv, signer: &[usize]) -> Option<()> {
    const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
    let digest = HashAlgorithm::Sha256.digest(&tree.at(&TIMESTAMP_INFORMATION)?.content());
    let is_digest = |tlv: &Tlv| tlv.at(&[0]).is_some_and(|oid| oid.content() == MESSAGE_DIGEST);
    let places: Vec<_> = tree.at(signer)?.places();
    let found = places.into_iter().find(|place| tree.at(signer).and_then(|s| s.at(place)).is_some_and(is_digest))?;
    *tree.at_mut(&[signer, &found, &[1, 0]].concat())? = Tlv::value(0x04, &digest);
    Some(())
}

fn timestamp_attributes(forge: &Forge, draft: &mut Draft, change: Change<'_>) -> Option<()> {
    forge.set_timestamp(draft, |tree, signer| {
        let at = tree.at(signer)?.items().iter().position(|item| item.tag() == 0xa0)?;
        change(Part::Der(tree, &[signer, &[at]].concat()))
    })
}

fn checkpoint(forge: &Forge, draft: &mut Draft, change: Change<'_>) -> Option<()> {
    forge.set_checkpoint(draft, |text| {
        let mut bytes = text.clone().into_bytes();
        let _ = change(Part::Note(&mut bytes));
        String::from_utf8(bytes).unwrap_or(text)
    });
    Some(())
}

fn entry(forge: &Forge, draft: &mut Draft, change: Change<'_>) -> Option<()> {
    let mut body = bytes(&draft.entry()["canonicalizedBody"]);
    change(Part::Json(&mut body))?;
    forge.set_body(draft, &body);
    Some(())
}

fn promise(forge: &Forge, draft: &mut Draft, change: Change<'_>) -> Option<()> {
    let number = |value: &Value| value.as_str().unwrap().parse::<i64>().unwrap();
    let entry = draft.entry();
    let (mut index, mut time) = (number(&entry["logIndex"]), number(&entry["integratedTime"]));
    change(Part::Number(&mut index))?;
    change(Part::Number(&mut time))?;
    forge.set_promise(draft, index, time);
    Some(())
}

/// What is accepted is told as it was signed.
pub(crate) fn faithful(json: &[u8], evidence: &Evidence) -> Result<(), String> {
    let bundle = Bundle::parse(json, &Limits::default()).map_err(|e| e.to_string())?;
    if let (Content::Statement { bytes, statement, subject, .. }, provenance_sigstore::Content::Envelope(envelope)) =
        (&evidence.content, &bundle.content)
    {
        let document: Value = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let named = &statement.subjects[*subject].digests;
        let right = |(name, digest): &(String, String)| {
            let known = evidence.artifact.iter().find(|(algorithm, _)| algorithm == name);
            known.is_some_and(|(_, bytes)| digest.eq_ignore_ascii_case(&hex_encode(bytes)))
        };
        if *bytes != envelope.payload || document != statement.document || !named.iter().any(right) {
            return Err("the statement is not what was signed".to_owned());
        }
    }
    if let Signer::Certificate(signer) = &evidence.signer {
        if evidence.times.is_empty() || !evidence.times.iter().all(|t| signer.validity.contains(t.time)) {
            return Err("a time outside of the certificate's validity".to_owned());
        }
        if signer.sans.is_empty() {
            return Err("a signer without a name".to_owned());
        }
    }
    let entries = bundle.log_entries.iter().zip(&evidence.log_entries);
    let same = entries.into_iter().all(|(entry, verified)| {
        let time = verified.integrated_time.is_none_or(|time| entry.integrated_time == Some(time));
        time && entry.body == verified.body && entry.index == verified.index
    });
    if same { Ok(()) } else { Err("an entry is not what was signed".to_owned()) }
}
