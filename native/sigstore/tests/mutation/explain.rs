//! Why a changed bundle still verifies. The classes are a closed list: what fits none of them is a finding.
//!
//! Nothing here asks what the mutation was. The evidence of the mutant is compared with that of authentic bundles, and
//! every difference between the bundles must be in something that nobody signs.

use std::collections::BTreeSet;

use provenance_sigstore::evidence::{self, CertificateSigner, Signer, VerifiedLogEntry, VerifiedTime};
use provenance_sigstore::{Bundle, Content, Evidence, InclusionProof, LogEntry, Material, SignerPolicy};

use crate::der::Tlv;
use crate::second_form::{second_form, second_forms};
use crate::seeds::Seed;
use crate::spelling;

macro_rules! classes {
    ($( $name:ident: $why:literal; )*) => {
        /// Why a mutant may verify.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Class { $( $name, )* }

        impl Class {
            pub(crate) const ALL: &'static [Self] = &[ $( Self::$name, )* ];

            /// What makes it harmless.
            pub(crate) const fn why(self) -> &'static str {
                match self { $( Self::$name => $why, )* }
            }
        }
    };
}

classes! {
    Nothing: "the mutation changed nothing";
    JsonText: "space, escapes and the order of members mean nothing in JSON";
    UnknownField: "protobuf's JSON mapping ignores fields that a reader does not know; nothing is read from them";
    FieldSpelling: "protobuf's JSON mapping has several spellings of names, integers, base64 and absence for one value";
    CertificateForm: "a certificate and a chain of that certificate alone are two forms of one thing";
    MediaType: "nobody signs the format's version; it only says which parts must be there, and evidence repeats it";
    ChainTail: "certificates behind the first are never used to build trust";
    KeyHint: "a hint chooses among the caller's keys, and the signature decides";
    KeyId: "DSSE's key id is a hint, compared with the bundle's when both are there";
    MessageDigest: "a hint: it agrees with the artifact by its own algorithm, and nothing rests on it";
    OtherCertificate: "another certificate, issued by a trusted authority to the same signer for the same key: without a log \
                       entry nothing says which of them was meant";
    OtherContent: "all that was signed and its signature moved here together from another bundle of the same signer";
    EntryDropped: "evidence says what is left; the policy says whether that is enough";
    EntryAdded: "an authentic entry about the same signature, from another bundle";
    EntryOrder: "each entry is proven by itself";
    EntryIndex: "without a promise nobody signs a version 1 entry's index in all of its log's shards";
    EntryTime: "without a promise an entry's time counts for nothing and is not in the evidence";
    PromiseDropped: "evidence no longer has the time it vouched for; the policy says whether that is enough";
    PromiseAdded: "an authentic promise for the same entry, from another bundle";
    ProofDropped: "bundles of version 0.1 may do with a promise; evidence no longer has a checkpoint";
    ProofOfOtherSize: "an authentic proof of the same entry in the same log at another size, or a checkpoint of the same tree \
                       signed at another time, from another bundle";
    CheckpointSignatures: "signatures by others than the log are not verified, and evidence says only whose they claim to be";
    CheckpointSpelling: "base64 has several spellings, and the lines of a checkpoint's signatures are not signed";
    TimestampDropped: "evidence says what is left; the policy says whether that is enough";
    TimestampAdded: "an authentic timestamp of the same signature, from another bundle";
    TimestampOrder: "each timestamp is verified by itself";
    TimestampIgnored: "a timestamp that does not verify counts for nothing, and evidence counts those";
    TimestampEnvelope: "what surrounds a timestamp's signed parts: status, embedded certificates, unsigned attributes";
    SecondFormOfPromise: "whoever sees an ECDSA signature can write a second one of the same; nothing is told apart by it";
    SecondFormOfCheckpoint: "as with promises";
    SecondFormOfTimestamp: "as with promises; the same timestamp does not count twice";
    SecondFormOfCertificate: "as with promises, where no log entry holds the certificate: all that is signed of it is the same";
    SecondFormOfSignature: "as with promises, where neither log entry nor timestamp holds the signature";
    NoTrustRoot: "without a trust root entries and timestamps are not looked at, and evidence says so";
}

/// The classes that `bundle`, a mutant of `seed` written as `json`, belongs to; or what is wrong about its `evidence`.
pub(crate) fn explain(
    seed: &Seed,
    all: &[Seed],
    json: &[u8],
    bundle: &Bundle,
    evidence: &Evidence,
) -> Result<BTreeSet<Class>, String> {
    // Without a trust root nothing but the key tells worlds apart.
    let rootless = seed.policy.trust.is_empty();
    let world: Vec<_> = all.iter().filter(|other| rootless || other.is_of_world(seed)).collect();
    let mut judge =
        Judge { seed, world, bundle, evidence, origin: seed, authentic: Vec::new(), found: BTreeSet::new() };
    judge.content()?;
    judge.signer()?;
    judge.labels()?;
    if judge.seed.policy.trust.is_empty() {
        judge.without_root()?;
    } else {
        judge.entries()?;
        judge.timestamps()?;
    }
    judge.checks()?;
    if judge.found.is_empty() {
        judge.found.insert(spelled(seed, json)?);
    }
    Ok(judge.found)
}

struct Judge<'a> {
    seed: &'a Seed,
    /// Seeds of the same trust root.
    world: Vec<&'a Seed>,
    bundle: &'a Bundle,
    evidence: &'a Evidence,
    /// The seed whose signed content this is.
    origin: &'a Seed,
    /// Seeds with the same signature, by the same key.
    authentic: Vec<&'a Seed>,
    found: BTreeSet<Class>,
}

type Judged = Result<(), String>;

fn must(holds: bool, what: &str) -> Judged {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

impl Judge<'_> {
    fn note(&mut self, class: Class, applies: bool) {
        if applies {
            self.found.insert(class);
        }
    }

    /// What is signed is what was signed.
    fn content(&mut self) -> Judged {
        let own = signature(self.bundle);
        let same = |s: &Seed| s.has_key_of(self.seed) && signed(&s.bundle) == signed(self.bundle);
        if own != signature(&self.seed.bundle) {
            // Of this seed's own signature, or of another's that signs the same with the same key.
            let twin = second_form(own);
            let is_twin = |s: &&&Seed| same(s) && Some(signature(&s.bundle)) == twin.as_deref();
            let other = self.world.iter().find(|s| same(s) && signature(&s.bundle) == own);
            let is_second = other.is_none() && Some(signature(&self.seed.bundle)) != twin.as_deref();
            let other = if is_second { self.world.iter().find(is_twin) } else { other };
            if let Some(other) = other {
                self.origin = other;
                self.found.insert(Class::OtherContent);
            }
            if signature(&self.origin.bundle) != own {
                must(Some(signature(&self.origin.bundle)) == twin.as_deref(), "the signature was changed")?;
                let bound = !self.evidence.log_entries.is_empty() || self.evidence.times.iter().any(is_stamp);
                must(!bound, "a second form of the signature counts with proof of the first")?;
                self.found.insert(Class::SecondFormOfSignature);
            }
        }
        let original = signature(&self.origin.bundle);
        self.authentic = self
            .world
            .iter()
            .filter(|s| s.has_key_of(self.seed) && signature(&s.bundle) == original)
            .copied()
            .collect();
        must(signed(self.bundle) == signed(&self.origin.bundle), "what is signed was changed")?;
        match (&self.evidence.content, &self.origin.evidence.content, &self.bundle.content) {
            (evidence::Content::Message, evidence::Content::Message, Content::Message(message)) => {
                let right = self.seed.held.digest(message.algorithm);
                must(right.is_none_or(|d| d == message.digest), "the message's digest is wrong")?;
                let Content::Message(original) = &self.origin.bundle.content else { return Err("content".to_owned()) };
                let differs = (original.algorithm, &original.digest) != (message.algorithm, &message.digest);
                self.note(Class::MessageDigest, differs);
            }
            (
                evidence::Content::Statement { payload_type, bytes, statement, subject },
                evidence::Content::Statement { payload_type: t, bytes: b, statement: s, subject: i },
                Content::Envelope(_),
            ) => must((payload_type, bytes, statement, subject) == (t, b, s, i), "the statement was changed")?,
            _ => return Err("the content's kind was changed".to_owned()),
        }
        let right = |(name, digest): &(&str, Vec<u8>)| {
            let algorithm = provenance_sigstore::HashAlgorithm::from_name(name);
            algorithm.and_then(|a| self.seed.held.digest(a)).is_some_and(|d| d == *digest)
        };
        must(self.evidence.artifact.iter().all(right), "a digest of the artifact is wrong")
    }

    /// Who signed is who signed.
    fn signer(&mut self) -> Judged {
        match (&self.evidence.signer, &self.bundle.material) {
            (Signer::Certificate(signer), Material::Certificate { leaf, .. }) => self.certificate(signer, leaf),
            (Signer::Key(signer), Material::Key { hint }) => {
                let Signer::Key(original) = &self.seed.evidence.signer else { return Err("another signer".to_owned()) };
                must(signer.hint == *hint, "the evidence has another hint")?;
                let same = (signer.key_id, signer.key_algorithm, signer.validity)
                    == (original.key_id, original.key_algorithm, original.validity);
                self.note(Class::KeyHint, *hint != original.hint);
                must(same, "another key")
            }
            _ => Err("another kind of signer".to_owned()),
        }
    }

    fn certificate(&mut self, signer: &CertificateSigner, leaf: &[u8]) -> Judged {
        must(signer.der == leaf, "the evidence has another certificate")?;
        let certificate = |s: &Seed| match &s.evidence.signer {
            Signer::Certificate(c) => Some((**c).clone()),
            Signer::Key(_) => None,
        };
        let unlogged = self.evidence.log_entries.is_empty();
        let own = certificate(self.seed).ok_or("another kind of signer")?;
        let original = if own.der == leaf || second_forms(&own.der).iter().any(|d| d == leaf) {
            own
        } else {
            let twin = |c: &CertificateSigner| c.der == leaf || second_forms(&c.der).iter().any(|d| d == leaf);
            let others = self.world.iter().filter(|s| s.has_key_of(self.seed)).filter_map(|s| certificate(s));
            let other = others.into_iter().find(twin).ok_or("a certificate that nobody issued")?;
            let bound = self.authentic.iter().any(|s| certificate(s).is_some_and(|c| c.der == other.der));
            must(unlogged || bound, "a certificate that no log entry is about")?;
            self.found.insert(Class::OtherCertificate);
            other
        };
        if original.der != leaf {
            must(unlogged, "a second form of the certificate is in the log")?;
            self.found.insert(Class::SecondFormOfCertificate);
        }
        let said = |c: &CertificateSigner| {
            let names = (c.sans.clone(), c.issuer.clone(), c.claims.clone(), c.unknown_extensions.clone());
            (names, c.serial.clone(), c.validity, c.key_algorithm, c.sct_times.clone())
        };
        must(said(signer) == said(&original), "the evidence of the certificate differs")?;
        must(self.is_expected(signer), "another identity than the policy's")
    }

    fn is_expected(&self, signer: &CertificateSigner) -> bool {
        let SignerPolicy::AnyOf(identities) = &self.seed.policy.signer else { return false };
        identities.iter().any(|identity| {
            let san = identity.san.as_ref().is_none_or(|m| signer.sans.iter().any(|(_, san)| m.source() == san));
            let issuer = identity.issuer.as_ref().is_none_or(|m| signer.issuer.as_deref() == Some(m.source()));
            san && issuer
        })
    }

    /// What only names things.
    fn labels(&mut self) -> Judged {
        must(self.evidence.trust == self.seed.evidence.trust, "another trust root")?;
        must(self.evidence.media_type == self.bundle.media_type, "the evidence has another media type")?;
        self.note(Class::MediaType, self.bundle.media_type != self.seed.bundle.media_type);
        if let (Material::Certificate { others, .. }, Material::Certificate { others: original, .. }) =
            (&self.bundle.material, &self.seed.bundle.material)
        {
            self.note(Class::ChainTail, others != original);
        }
        if let (Content::Envelope(own), Content::Envelope(original)) =
            (&self.bundle.content, &self.origin.bundle.content)
        {
            self.note(Class::KeyId, own.keyid != original.keyid);
            let Material::Key { hint } = &self.bundle.material else { return Ok(()) };
            must(own.keyid.is_empty() || own.keyid == *hint, "key id and hint differ")?;
        }
        Ok(())
    }

    fn without_root(&mut self) -> Judged {
        let (own, original) = (self.bundle, &self.seed.bundle);
        let same = own.timestamps == original.timestamps
            && own.log_entries.len() == original.log_entries.len()
            && own.log_entries.iter().zip(&original.log_entries).all(|(a, b)| fields(a) == fields(b));
        self.note(Class::NoTrustRoot, !same);
        let nothing = self.evidence.log_entries.is_empty() && self.evidence.times.is_empty();
        must(nothing && self.evidence.ignored_timestamps == 0, "proof without a trust root")
    }

    /// Every log entry is one that its log made for this signature, and says nothing else than it did.
    fn entries(&mut self) -> Judged {
        let (own, verified) = (&self.bundle.log_entries, &self.evidence.log_entries);
        must(own.len() == verified.len(), "an entry of the bundle is not in the evidence")?;
        for (i, (entry, verified)) in own.iter().zip(verified).enumerate() {
            must(own.iter().take(i).all(|e| identity(e) != identity(entry)), "one entry counts twice")?;
            self.entry(entry, verified)?;
        }
        let original = &self.origin.bundle.log_entries;
        let bodies = |entries: &[LogEntry]| entries.iter().map(|e| e.body.clone()).collect::<Vec<_>>();
        let (now, before) = (bodies(own), bodies(original));
        self.note(Class::EntryDropped, before.iter().any(|body| !now.contains(body)));
        self.note(Class::EntryAdded, now.iter().any(|body| !before.contains(body)));
        let common: Vec<_> = now.iter().filter(|b| before.contains(b)).collect();
        self.note(Class::EntryOrder, common != before.iter().filter(|b| now.contains(b)).collect::<Vec<_>>());
        Ok(())
    }

    fn entry(&mut self, entry: &LogEntry, verified: &VerifiedLogEntry) -> Judged {
        let made: Vec<_> = self.authentic.iter().flat_map(|s| &s.bundle.log_entries).collect();
        let made: Vec<_> = made.into_iter().filter(|e| identity(e) == identity(entry)).collect();
        let in_own = self.origin.bundle.log_entries.iter().find(|e| identity(e) == identity(entry));
        must(!made.is_empty(), "an entry that no log made for this signature")?;
        let said = (&verified.log_id, &verified.kind, &verified.version, &verified.body, verified.index);
        let stated = (&entry.log_id, &entry.kind, &entry.version, &entry.body, entry.index);
        must(said == stated, "the evidence of an entry differs from the entry")?;
        must(verified.inclusion_promise == entry.promise.is_some(), "a promise without evidence")?;
        must(verified.checkpoint.is_some() == entry.proof.is_some(), "a proof without evidence")?;
        must(entry.promise.is_some() || entry.proof.is_some(), "an entry without proof")?;

        match &entry.promise {
            Some(promise) => {
                let promised = |e: &&&LogEntry| (e.index, e.integrated_time) == (entry.index, entry.integrated_time);
                let kept = made.iter().filter(promised).filter_map(|e| e.promise.as_ref()).collect::<Vec<_>>();
                let twin = second_form(promise);
                let exact = kept.contains(&promise);
                must(exact || twin.is_some_and(|t| kept.contains(&&t)), "a promise that the log did not make")?;
                self.note(Class::SecondFormOfPromise, !exact);
                self.note(Class::PromiseAdded, in_own.is_some_and(|e| e.promise.is_none()));
                must(verified.integrated_time == entry.integrated_time, "another time than promised")?;
            }
            None => {
                must(verified.integrated_time.is_none(), "a time that is not promised")?;
                self.note(Class::PromiseDropped, in_own.is_some_and(|e| e.promise.is_some()));
                self.note(Class::EntryTime, in_own.is_some_and(|e| e.integrated_time != entry.integrated_time));
                let unknown_index = made.iter().all(|e| e.index != entry.index);
                let other_index = in_own.is_some_and(|e| e.index != entry.index);
                self.note(Class::EntryIndex, unknown_index || other_index);
                let one_tree = entry.kind != "intoto" && entry.version == "0.0.2";
                must(!(unknown_index && one_tree), "the index of a version 2 entry was changed")?;
            }
        }
        match (&entry.proof, in_own.map(|e| &e.proof)) {
            (Some(proof), own) => self.proof(proof, own.and_then(Option::as_ref), &made, verified)?,
            (None, Some(None)) => {}
            (None, _) => {
                must(self.bundle.media_type.ends_with("version=0.1"), "a proof is missing")?;
                self.found.insert(Class::ProofDropped);
            }
        }
        Ok(())
    }

    fn proof(
        &mut self,
        proof: &InclusionProof,
        own: Option<&InclusionProof>,
        made: &[&LogEntry],
        verified: &VerifiedLogEntry,
    ) -> Judged {
        let place = |p: &InclusionProof| (p.index, p.tree_size, p.root_hash, p.hashes.clone());
        let (text, lines) = note(&proof.checkpoint).ok_or("a checkpoint that is none")?;
        let mut placed = made.iter().filter_map(|e| e.proof.as_ref());
        must(placed.any(|p| place(p) == place(proof)), "a proof that the log did not make")?;
        // A log signs a tree as often as it is asked.
        let tree = |p: &InclusionProof| (p.tree_size, p.root_hash);
        let proofs = self.world.iter().flat_map(|s| &s.bundle.log_entries).filter_map(|e| e.proof.as_ref());
        let of_tree = proofs.filter(|p| tree(p) == tree(proof)).filter_map(|p| note(&p.checkpoint));
        let notes: Vec<_> = of_tree.filter(|(t, _)| *t == text).collect();
        must(!notes.is_empty(), "a checkpoint that the log did not make")?;
        let is_same = |own: &&InclusionProof| {
            place(own) == place(proof) && note(&own.checkpoint).is_some_and(|(own, _)| own == text)
        };
        let own = own.filter(is_same);
        self.note(Class::ProofOfOtherSize, own.is_none());

        let checkpoint = verified.checkpoint.as_ref().ok_or("no checkpoint in the evidence")?;
        let seen = (checkpoint.size, checkpoint.root_hash, checkpoint.other_signatures.len());
        must(seen == (proof.tree_size, proof.root_hash, lines.len() - 1), "the evidence has another checkpoint")?;
        let origin = text.lines().next().unwrap_or_default();
        must(checkpoint.origin == origin, "the evidence has another origin")?;
        let name = origin.split(" - ").next().unwrap_or_default();
        let logs: Vec<_> = notes.iter().flat_map(|(_, lines)| lines).filter(|(n, _)| n == name).collect();
        let exact = lines.iter().any(|line| logs.contains(&line));
        let twin = |(n, bytes): &(String, Vec<u8>)| {
            let other = bytes.get(4..).and_then(second_form);
            other.is_some_and(|other| logs.contains(&&(n.clone(), [&bytes[..4], &other].concat())))
        };
        must(exact || lines.iter().any(twin), "a checkpoint that the log did not sign")?;
        self.note(Class::SecondFormOfCheckpoint, !exact);
        let same_lines = own.and_then(|own| note(&own.checkpoint)).is_some_and(|(_, other)| other == lines);
        self.note(Class::CheckpointSignatures, exact && own.is_some() && !same_lines);
        self.note(Class::CheckpointSpelling, same_lines && own.is_some_and(|own| own.checkpoint != proof.checkpoint));
        Ok(())
    }

    /// Every time is one that was vouched for, once.
    fn timestamps(&mut self) -> Judged {
        let made: Vec<_> = self.authentic.iter().flat_map(|s| s.bundle.timestamps.iter().zip(&s.stamped)).collect();
        let (own, original) = (&self.bundle.timestamps, &self.origin.bundle.timestamps);
        let mut counted: Vec<Core> = Vec::new();
        let mut ignored = 0;
        for token in own {
            let known = made.iter().find(|(t, _)| *t == token);
            let counts = known.map_or_else(|| self.seed.counts(self.bundle, token), |(_, counts)| **counts);
            if !counts {
                ignored += 1;
                self.note(Class::TimestampIgnored, !original.contains(token));
                continue;
            }
            let core = Core::of(token).ok_or("a timestamp that is none")?;
            if counted.iter().any(|c| c.is_same(&core)) {
                ignored += 1;
                must(self.evidence.ignored_timestamps >= ignored, "one timestamp counts twice")?;
                self.found.insert(Class::TimestampIgnored);
                continue;
            }
            if known.is_none() {
                let cores = made.iter().filter(|(_, counts)| **counts).filter_map(|(t, _)| Core::of(t));
                let same = cores.filter(|c| c.is_same(&core)).collect::<Vec<_>>();
                must(!same.is_empty(), "a timestamp that nobody made")?;
                let exact = same.iter().any(|c| c.signature == core.signature);
                let twin = second_form(&core.signature);
                must(exact || same.iter().any(|c| Some(&c.signature) == twin.as_ref()), "an altered timestamp")?;
                self.note(Class::TimestampEnvelope, exact);
                self.note(Class::SecondFormOfTimestamp, !exact);
            }
            counted.push(core);
        }
        must(self.evidence.ignored_timestamps == ignored, "the count of ignored timestamps is wrong")?;
        let stamps = self.evidence.times.iter().filter(|t| is_stamp(t)).count();
        must(stamps == counted.len(), "the count of verified timestamps is wrong")?;
        self.note(Class::TimestampDropped, own.len() < original.len() && original.iter().any(|t| !own.contains(t)));
        self.note(
            Class::TimestampAdded,
            own.iter().any(|t| !original.contains(t) && made.iter().any(|(m, _)| *m == t)),
        );
        let common: Vec<_> = own.iter().filter(|t| original.contains(t)).collect();
        self.note(Class::TimestampOrder, common != original.iter().filter(|t| own.contains(t)).collect::<Vec<_>>());
        self.times()
    }

    /// The evidence's times are those of the promises and of the timestamps that count, in order.
    fn times(&self) -> Judged {
        let times = &self.evidence.times;
        must(times.is_sorted_by_key(|t| t.time), "times out of order")?;
        let vouched: Vec<_> = self.authentic.iter().flat_map(|s| &s.evidence.times).collect();
        must(times.iter().all(|t| vouched.contains(&t)), "a time that nobody vouched for")?;
        let mut promised: Vec<_> = self.evidence.log_entries.iter().filter_map(|e| e.integrated_time).collect();
        let mut logged: Vec<_> = times.iter().filter(|t| !is_stamp(t)).map(|t| t.time.seconds).collect();
        promised.sort_unstable();
        logged.sort_unstable();
        must(promised == logged, "the logs' times are not those promised")
    }

    /// The names of what was checked fit what is there.
    fn checks(&self) -> Judged {
        let e = self.evidence;
        let entries = &e.log_entries;
        let facts = [
            ("signature", true),
            ("artifact", true),
            ("log_entry", !entries.is_empty()),
            ("inclusion_promise", entries.iter().any(|e| e.inclusion_promise)),
            ("inclusion_proof", entries.iter().any(|e| e.checkpoint.is_some())),
            ("checkpoint", entries.iter().any(|e| e.checkpoint.is_some())),
            ("timestamp", e.times.iter().any(is_stamp)),
            ("sct", matches!(&e.signer, Signer::Certificate(c) if !c.sct_times.is_empty())),
            ("certificate_chain", matches!(e.signer, Signer::Certificate(_))),
        ];
        must(facts.iter().all(|(name, holds)| e.checked.contains(name) == *holds), "what was checked is told wrongly")?;
        must(e.checked.iter().all(|name| !e.unchecked.contains(name)), "a check is told as done and as not done")?;
        must(e.checked.iter().chain(&e.unchecked).all(|n| evidence::CHECKS.contains(n)), "a check without a name")
    }
}

/// What differs when all that is read is the same.
fn spelled(seed: &Seed, json: &[u8]) -> Result<Class, String> {
    let same = |view: fn(&[u8]) -> Option<serde_json::Value>| view(json).is_some_and(|v| Some(v) == view(&seed.json));
    if json == seed.json {
        Ok(Class::Nothing)
    } else if same(|json| serde_json::from_slice(json).ok()) {
        Ok(Class::JsonText)
    } else if same(spelling::known) {
        Ok(Class::UnknownField)
    } else if same(spelling::normal) {
        Ok(Class::FieldSpelling)
    } else if same(spelling::with_one_form_of_certificate) {
        Ok(Class::CertificateForm)
    } else {
        Err("it differs from its seed in a way that nothing explains".to_owned())
    }
}

pub(crate) fn signature(bundle: &Bundle) -> &[u8] {
    match &bundle.content {
        Content::Message(message) => &message.signature,
        Content::Envelope(envelope) => &envelope.signature,
    }
}

/// What the signature is over, as far as the bundle holds it.
fn signed(bundle: &Bundle) -> Option<(&str, &[u8])> {
    match &bundle.content {
        Content::Message(_) => None,
        Content::Envelope(envelope) => Some((&envelope.payload_type, &envelope.payload)),
    }
}

/// What makes an entry the one it is.
fn identity(entry: &LogEntry) -> (&[u8], &str, &str, &[u8]) {
    (&entry.log_id, &entry.kind, &entry.version, &entry.body)
}

fn fields(entry: &LogEntry) -> impl PartialEq + '_ {
    (identity(entry), entry.index, entry.integrated_time, &entry.promise, &entry.proof)
}

fn is_stamp(time: &VerifiedTime) -> bool {
    time.source == "timestamp_authority"
}

/// The SubjectPublicKeyInfo of a certificate.
pub(crate) fn certificate_key(der: &[u8]) -> Option<Vec<u8>> {
    Some(Tlv::parse(der)?.at(&[0, 6])?.encode())
}

/// The name and the bytes of a signature.
type SignatureLine = (String, Vec<u8>);

/// A checkpoint's text and signatures.
fn note(checkpoint: &str) -> Option<(&str, Vec<SignatureLine>)> {
    let at = checkpoint.rfind("\n\n")?;
    let lines = checkpoint.get(at + 2..)?.lines().map(|line| {
        let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        Some((name.to_owned(), spelling::decode(encoded)?))
    });
    Some((checkpoint.get(..=at)?, lines.collect::<Option<_>>()?))
}

/// What is signed of a timestamp, and the signature.
struct Core {
    content: Vec<u8>,
    attributes: BTreeSet<Vec<u8>>,
    signature: Vec<u8>,
}

impl Core {
    fn of(response: &[u8]) -> Option<Self> {
        const CONTENT: [usize; 6] = [1, 1, 0, 2, 1, 0];
        let tree = Tlv::parse(response)?;
        let signer = tree.at(&[1, 1, 0])?.items().last()?.items().first()?;
        let attributes = signer.items().iter().find(|item| item.tag() == 0xa0)?;
        Some(Self {
            content: tree.at(&CONTENT)?.content(),
            attributes: attributes.items().iter().map(Tlv::encode).collect(),
            signature: signer.items().iter().rfind(|item| item.tag() == 0x04)?.content(),
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.content == other.content && self.attributes == other.attributes
    }
}
