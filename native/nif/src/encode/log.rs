//! What the log library answers.

use provenance_log::answer::{Verified, VerifiedList};
use provenance_log::chain::{Chain, Head, VersionState};
use provenance_log::entry::{Signed, VerifiedEvent};
use provenance_log::error::CATALOGUE;
use provenance_log::keys::{EarlierLog, Trust, TrustedKey};
use provenance_log::leaf::{EventLeaf, HeadsLeaf, KeyChange, Leaf, Link, Subjects};
use provenance_log::monitor::{Finding, KINDS, Misbehaviour, Monitor};
use provenance_log::policy::Witnessed;
use provenance_log::public_key::PublicKey;
use provenance_log::tlog_proof::TlogProof;
use provenance_log::tree::leaf_hash;
use provenance_log::{Error, Hash, SignedCheckpoint};
use rustler::{Encoder, Env, Term};

use super::{bytes, catalogue_entry, error, list, map, names, optional, term_map, text};
use crate::atoms;

pub(crate) fn trust<'a>(env: Env<'a>, trust: &Trust) -> Term<'a> {
    map(
        env,
        [
            (atoms::origin(), text(env, trust.origin())),
            (atoms::keys(), list(env, trust.keys(), |env, key| trusted_key(env, trust.origin(), key))),
            (atoms::policy(), list(env, trust.policy_lines(), |env, line| text(env, line))),
            (atoms::earlier_logs(), list(env, trust.earlier_logs(), earlier_log)),
        ],
    )
}

fn trusted_key<'a>(env: Env<'a>, origin: &str, key: &TrustedKey) -> Term<'a> {
    let vkey = match key.purpose {
        provenance_log::leaf::Purpose::Log => key.vkey(origin).map(|vkey| vkey.to_string()),
        provenance_log::leaf::Purpose::Registry => None,
    };
    map(
        env,
        [
            (atoms::purpose(), atoms::known(env, key.purpose.as_str())),
            (atoms::der(), bytes(env, key.key.spki())),
            (atoms::key_id(), bytes(env, &key.key.fingerprint())),
            (atoms::vkey(), optional(env, vkey.as_ref(), |env, vkey| text(env, vkey))),
            (atoms::first_index(), key.first.encode(env)),
            (atoms::last_index(), number(env, key.last)),
            (atoms::revoked_from_index(), number(env, key.revoked_from)),
        ],
    )
}

fn earlier_log<'a>(env: Env<'a>, log: &EarlierLog) -> Term<'a> {
    map(
        env,
        [
            (atoms::origin(), text(env, &log.origin)),
            (atoms::size(), log.size.encode(env)),
            (atoms::root(), bytes(env, &log.root)),
        ],
    )
}

pub(crate) fn checkpoint<'a>(env: Env<'a>, signed: &SignedCheckpoint, witnessed: &Witnessed) -> Term<'a> {
    let checkpoint = signed.checkpoint();
    map(
        env,
        [
            (atoms::origin(), text(env, checkpoint.origin())),
            (atoms::size(), checkpoint.size().encode(env)),
            (atoms::root(), bytes(env, checkpoint.root())),
            (atoms::witnessed(), witnessed.quorum.encode(env)),
            (
                atoms::cosignatures(),
                list(env, &witnessed.cosignatures, |env, one| {
                    map(env, [(atoms::name(), text(env, one.key.name())), (atoms::time(), one.time.encode(env))])
                }),
            ),
            (atoms::note(), text(env, &signed.to_string())),
        ],
    )
}

/// An event that is in a log, and the statement behind it, if that is still there.
pub(crate) struct Shown<'l> {
    pub(crate) index: u64,
    pub(crate) hash: Hash,
    pub(crate) bytes: &'l [u8],
    pub(crate) leaf: &'l EventLeaf,
    pub(crate) signed: Option<&'l Signed>,
}

pub(crate) fn event<'a>(env: Env<'a>, shown: &Shown<'_>) -> Term<'a> {
    let leaf = shown.leaf;
    map(
        env,
        [
            (atoms::index(), shown.index.encode(env)),
            (atoms::hash(), bytes(env, &shown.hash)),
            (atoms::leaf(), bytes(env, shown.bytes)),
            (atoms::event(), atoms::known(env, leaf.event.as_str())),
            (atoms::id(), text(env, &leaf.id)),
            (atoms::package(), text(env, leaf.package.as_str())),
            (atoms::version(), optional(env, leaf.version.as_ref(), |env, version| text(env, version))),
            (atoms::seq(), leaf.seq.encode(env)),
            (atoms::previous(), optional(env, leaf.previous.as_ref(), link)),
            (atoms::subjects(), subjects(env, &leaf.subjects)),
            (atoms::time(), leaf.time.encode(env)),
            (atoms::envelope(), bytes(env, &leaf.envelope)),
            (atoms::statement(), optional(env, shown.signed, |env, signed| bytes(env, &signed.statement))),
            (atoms::links(), optional(env, shown.signed, |env, signed| hashes(env, &signed.facts.linked))),
            (atoms::key_id(), optional(env, shown.signed, |env, signed| bytes(env, &signed.key.key.fingerprint()))),
        ],
    )
}

fn link<'a>(env: Env<'a>, link: &Link) -> Term<'a> {
    map(env, [(atoms::index(), link.index.encode(env)), (atoms::hash(), bytes(env, &link.leaf))])
}

/// The digests, or how many there are with one over the list of them.
fn subjects<'a>(env: Env<'a>, subjects: &Subjects) -> Term<'a> {
    match subjects {
        Subjects::Listed(list) => hashes(env, list),
        Subjects::Counted(count, hash) => {
            map(env, [(atoms::count(), count.encode(env)), (atoms::sha256(), bytes(env, hash))])
        }
    }
}

pub(crate) fn verified_event<'a>(env: Env<'a>, event: &VerifiedEvent, leaf: &[u8]) -> Term<'a> {
    let shown =
        Shown { index: event.index, hash: event.hash, bytes: leaf, leaf: &event.leaf, signed: Some(&event.signed) };
    self::event(env, &shown)
}

pub(crate) fn answer<'a>(env: Env<'a>, verified: &Verified) -> Term<'a> {
    let linked = verified.linked.iter().map(|(digest, bundle)| (bytes(env, digest), bytes(env, bundle)));
    map(
        env,
        [
            (atoms::checkpoint(), checkpoint(env, &verified.checkpoint, &verified.witnessed)),
            (atoms::lists(), list(env, &verified.lists, one_list)),
            (atoms::linked(), term_map(env, linked)),
            (atoms::withheld(), list(env, &verified.withheld, withheld)),
            (atoms::next_after(), number(env, verified.next_after)),
        ],
    )
}

fn withheld<'a>(env: Env<'a>, (index, digest): &(u64, Hash)) -> Term<'a> {
    map(env, [(atoms::index(), index.encode(env)), (atoms::digest(), bytes(env, digest))])
}

fn one_list<'a>(env: Env<'a>, one: &VerifiedList) -> Term<'a> {
    map(
        env,
        [
            (atoms::package(), optional(env, one.package.as_ref(), |env, package| text(env, package.as_str()))),
            (atoms::version(), optional(env, one.version.as_ref(), |env, version| text(env, version))),
            (atoms::digest(), optional(env, one.digest.as_ref(), |env, digest| bytes(env, digest))),
            (
                atoms::items(),
                list(env, &one.items, |env, item| {
                    let (index, hash) = (item.index, item.hash);
                    event(
                        env,
                        &Shown { index, hash, bytes: &item.bytes, leaf: &item.leaf, signed: item.signed.as_ref() },
                    )
                }),
            ),
            (atoms::head(), optional(env, one.head.as_ref(), head)),
            (atoms::whole(), one.whole.encode(env)),
        ],
    )
}

/// Where a chain ends, or that there is none.
fn head<'a>(env: Env<'a>, head: &Option<Head>) -> Term<'a> {
    match head {
        None => atoms::absent().encode(env),
        Some(head) => map(
            env,
            [
                (atoms::seq(), head.seq.encode(env)),
                (atoms::index(), head.link.index.encode(env)),
                (atoms::hash(), bytes(env, &head.link.leaf)),
            ],
        ),
    }
}

pub(crate) fn proof<'a>(env: Env<'a>, proof: &TlogProof, witnessed: &Witnessed) -> Term<'a> {
    map(
        env,
        [
            (atoms::index(), proof.index.encode(env)),
            (atoms::extra(), optional(env, proof.extra.as_ref(), |env, extra| bytes(env, extra))),
            (atoms::checkpoint(), checkpoint(env, &proof.checkpoint, witnessed)),
        ],
    )
}

pub(crate) fn state<'a>(env: Env<'a>, state: &VersionState, chain: &Chain) -> Term<'a> {
    map(
        env,
        [
            (
                atoms::published(),
                optional(env, state.published.as_ref(), |env, (index, digest)| {
                    map(env, [(atoms::index(), index.encode(env)), (atoms::digest(), bytes(env, digest))])
                }),
            ),
            (atoms::retired(), number(env, state.retired)),
            (atoms::provenance(), state.provenance.encode(env)),
            (atoms::advisories(), state.advisories.encode(env)),
            (atoms::of_several_versions(), chain.of_several_versions().encode(env)),
        ],
    )
}

pub(crate) fn leaf<'a>(env: Env<'a>, bytes: &[u8], leaf: &Leaf) -> Term<'a> {
    match leaf {
        Leaf::Event(leaf) => {
            (atoms::event(), event(env, &Shown { index: 0, hash: leaf_hash(bytes), bytes, leaf, signed: None }))
        }
        Leaf::Heads(leaf) => (atoms::heads_map(), heads_map(env, leaf)),
        Leaf::KeyChange(change) => (atoms::key_change(), key_change(env, change)),
    }
    .encode(env)
}

fn heads_map<'a>(env: Env<'a>, leaf: &HeadsLeaf) -> Term<'a> {
    map(
        env,
        [
            (atoms::count(), leaf.count.encode(env)),
            (atoms::covers(), leaf.covers.encode(env)),
            (atoms::root(), bytes(env, &leaf.root)),
        ],
    )
}

fn key_change<'a>(env: Env<'a>, change: &KeyChange) -> Term<'a> {
    let key = |key: &PublicKey| {
        map(env, [(atoms::der(), bytes(env, key.spki())), (atoms::key_id(), bytes(env, &key.fingerprint()))])
    };
    map(
        env,
        [
            (atoms::purpose(), atoms::known(env, change.purpose.as_str())),
            (atoms::old(), key(&change.old)),
            (atoms::new(), key(&change.new)),
        ],
    )
}

pub(crate) fn monitor<'a>(env: Env<'a>, monitor: &Monitor) -> Term<'a> {
    let newest = |env, signed: &SignedCheckpoint| {
        map(
            env,
            [
                (atoms::size(), signed.checkpoint().size().encode(env)),
                (atoms::root(), bytes(env, signed.checkpoint().root())),
                (atoms::note(), text(env, &signed.to_string())),
            ],
        )
    };
    map(
        env,
        [
            (atoms::origin(), text(env, monitor.trust().origin())),
            (atoms::size(), monitor.size().encode(env)),
            (atoms::checkpoint(), optional(env, monitor.newest(), newest)),
            (atoms::packages(), monitor.heads().len().encode(env)),
        ],
    )
}

/// All findings have the same fields; `undefined` where a kind has no such thing to tell.
pub(crate) fn findings<'a>(env: Env<'a>, findings: &[Finding]) -> Term<'a> {
    list(env, findings, finding)
}

fn finding<'a>(env: Env<'a>, finding: &Finding) -> Term<'a> {
    let none = || atoms::undefined().encode(env);
    let nothing = Told {
        kind: "",
        misbehaviour: false,
        index: finding.index(),
        package: none(),
        event: none(),
        change: none(),
        digest: none(),
        error: none(),
        evidence: &[],
    };
    let told = match finding {
        Finding::Event { index, leaf } => Told {
            kind: "event",
            package: text(env, leaf.package.as_str()),
            event: replayed(env, *index, leaf),
            ..nothing
        },
        Finding::KeyChanged { change, .. } => Told { kind: "key_changed", change: key_change(env, change), ..nothing },
        Finding::Redacted { digest, .. } => Told { kind: "redacted", digest: bytes(env, digest), ..nothing },
        Finding::Misbehaviour(Misbehaviour { kind, package, fault, evidence, .. }) => Told {
            kind: kind.as_str(),
            misbehaviour: true,
            package: optional(env, package.as_ref(), |env, package| text(env, package.as_str())),
            error: error(env, &Error::from(fault.clone())),
            evidence,
            ..nothing
        },
    };
    told.encode(env)
}

/// An event that the monitor read from the log: it gives no bytes, so they are written again.
fn replayed<'a>(env: Env<'a>, index: u64, leaf: &EventLeaf) -> Term<'a> {
    let written = Leaf::Event(leaf.clone()).write().unwrap_or_default();
    event(env, &Shown { index, hash: leaf_hash(&written), bytes: &written, leaf, signed: None })
}

struct Told<'a, 'f> {
    kind: &'static str,
    misbehaviour: bool,
    index: Option<u64>,
    package: Term<'a>,
    event: Term<'a>,
    change: Term<'a>,
    digest: Term<'a>,
    error: Term<'a>,
    evidence: &'f [String],
}

impl<'a> Told<'a, '_> {
    fn encode(self, env: Env<'a>) -> Term<'a> {
        map(
            env,
            [
                (atoms::kind(), atoms::known(env, self.kind)),
                (atoms::misbehaviour(), self.misbehaviour.encode(env)),
                (atoms::index(), number(env, self.index)),
                (atoms::package(), self.package),
                (atoms::event(), self.event),
                (atoms::change(), self.change),
                (atoms::digest(), self.digest),
                (atoms::error(), self.error),
                (atoms::evidence(), list(env, self.evidence, |env, note| text(env, note))),
            ],
        )
    }
}

/// Every closed table of the library.
pub(crate) fn catalogue(env: Env<'_>) -> Term<'_> {
    let kinds: Vec<_> = KINDS.iter().map(|kind| kind.as_str()).collect();
    map(env, [(atoms::errors(), list(env, CATALOGUE, catalogue_entry)), (atoms::misbehaviour(), names(env, &kinds))])
}

pub(crate) fn hashes<'a>(env: Env<'a>, hashes: &[Hash]) -> Term<'a> {
    list(env, hashes, |env, hash| bytes(env, hash))
}

fn number<'a>(env: Env<'a>, number: Option<u64>) -> Term<'a> {
    optional(env, number.as_ref(), |env, number| number.encode(env))
}
