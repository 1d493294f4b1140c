//! Verification, from a parsed bundle to evidence (<https://github.com/sigstore/architecture-docs/blob/main/client-spec.md>,
//! section 4).
//!
//! Each stage looks at one thing and says what it found; what several stages find wrong is reported together, the most
//! useful first. Nothing of a bundle with a fault in it is ever returned as evidence.

use std::sync::Arc;

use crate::artifact::{Artifact, Digests, HashAlgorithm, sha256};
use crate::authority::{Issuer, Purpose, Refusal};
use crate::bundle::{Bundle, Content, Envelope, LogEntry, Material, MessageSignature, Version};
use crate::certificate::Certificate;
use crate::checkpoint::Checkpoint;
use crate::encoding::{base64_encode, base64_encode_unpadded, hex_encode};
use crate::entry::{Body, Verifier, unavailable};
use crate::error::{Error, Fault, Result, quote};
use crate::evidence::{
    self, CertificateSigner, Evidence, KeySigner, Signer, TrustUsed, VerifiedBundle, VerifiedCheckpoint,
    VerifiedLogEntry, VerifiedTime,
};
use crate::identity::Identity;
use crate::key::PublicKey;
use crate::limits::Limits;
use crate::statement::{PAYLOAD_TYPE, Statement};
use crate::time::{Time, Validity};
use crate::trust_root::{Thresholds, TrustRoot};
use crate::x509::Parts;
use crate::{log, sct, timestamp};

/// What the caller expects.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The trust roots. With several, the one whose authority issued the certificate is used, and only that.
    /// For a key: at most one.
    pub trust: Vec<Arc<TrustRoot>>,
    /// Who may have signed.
    pub signer: SignerPolicy,
    /// How much proof is needed; `None` for what the trust root asks for.
    pub thresholds: Option<Thresholds>,
    /// Whether a key's signature may be accepted although nothing dates it.
    pub untimed: bool,
    /// The limits.
    pub limits: Limits,
}

/// Who may have signed.
#[derive(Debug, Clone)]
pub enum SignerPolicy {
    /// Somebody with a certificate that fits one of these.
    AnyOf(Vec<Identity>),
    /// Anybody with a certificate: asked for by name, never a default.
    Unchecked,
    /// One of these keys.
    Keys(Vec<Arc<ManagedKey>>),
}

/// A key the caller trusts.
#[derive(Debug)]
pub struct ManagedKey {
    /// The key.
    pub key: PublicKey,
    /// The hint by which bundles name it; by default the base64 or hexadecimal form of the SHA-256 of its
    /// SubjectPublicKeyInfo, or npm's `SHA256:` and the unpadded base64 of it.
    pub hint: Option<String>,
    /// When signatures by it count.
    pub validity: Option<Validity>,
}

/// Verifies `bundle` for `artifact`.
///
/// # Errors
/// Any code of the catalogue's stages from input to policy; `storage_failed` when a file cannot be read.
pub fn verify(bundle: &Bundle, artifact: &Artifact<'_>, policy: &Policy) -> Result<VerifiedBundle> {
    match (&bundle.material, &policy.signer) {
        (Material::Certificate { leaf, others }, SignerPolicy::AnyOf(identities)) => {
            if identities.is_empty() || identities.iter().any(Identity::is_empty) {
                return Err(Fault::IdentityUnstated {}.into());
            }
            verify_keyless(bundle, artifact, policy, leaf, others, identities)
        }
        (Material::Certificate { leaf, others }, SignerPolicy::Unchecked) => {
            verify_keyless(bundle, artifact, policy, leaf, others, &[])
        }
        (Material::Key { hint }, SignerPolicy::Keys(keys)) => verify_key(bundle, artifact, policy, hint, keys),
        (Material::Certificate { .. }, SignerPolicy::Keys(_)) => Err(kind_refused("key", "certificate")),
        (Material::Key { .. }, _) => Err(kind_refused("certificate", "key")),
    }
}

/// Whether `root` vouches for a certificate that names one of `identities`: what a signer checks before it makes a
/// signature public.
#[cfg(feature = "sign")]
pub(crate) fn check_issued(
    certificate: &Certificate,
    root: &Arc<TrustRoot>,
    identities: &[Identity],
    scts: u64,
    limits: &Limits,
) -> Result<()> {
    let (root, issuer) = choose_root(certificate, std::slice::from_ref(root))?;
    let mut faults = Faults::default();
    faults.keep(sct::verify(certificate, &issuer.key_hash, &root.certificate_logs, scts, limits));
    faults.keep(check_identity(identities, certificate));
    faults.settle()
}

fn kind_refused(expected: &'static str, actual: &'static str) -> Error {
    Fault::SignerKindRefused { expected, actual }.into()
}

fn verify_keyless(
    bundle: &Bundle,
    artifact: &Artifact<'_>,
    policy: &Policy,
    leaf: &[u8],
    others: &[Vec<u8>],
    identities: &[Identity],
) -> Result<VerifiedBundle> {
    let certificate = Certificate::parse(leaf, &policy.limits)?;
    check_chain_order(bundle.version, &certificate, others)?;
    let (root, issuer) = choose_root(&certificate, &policy.trust)?;
    let thresholds = root.thresholds(policy.thresholds, true)?;
    let verifier = Verifier::Certificate(&certificate);

    let mut faults = Faults::default();
    let content = faults.take(SignedContent::read(bundle, verifier, artifact, &policy.limits));
    let sct_times = faults.keep(sct::verify(
        &certificate,
        &issuer.key_hash,
        &root.certificate_logs,
        thresholds.scts,
        &policy.limits,
    ));
    let mut proofs = faults.take(Proofs::verify(bundle, Some(root), content.as_ref(), verifier, &policy.limits));
    if let Some(proofs) = &mut proofs {
        faults.extend(proofs.unmet(&thresholds, true));
        faults.keep(check_times(&certificate, issuer, &proofs.times));
    }
    faults.keep(check_identity(identities, &certificate));
    faults.settle()?;
    let (Some(content), Some(proofs), Some(sct_times)) = (content, proofs, sct_times) else {
        return Err(internal("verify_keyless"));
    };

    let mut checked = vec!["signature", "artifact", "certificate_chain", "certificate_validity"];
    let mut unchecked = Vec::new();
    note(!sct_times.is_empty(), "sct", &mut checked, &mut unchecked);
    let stated = |f: fn(&Identity) -> bool| !identities.is_empty() && identities.iter().all(f);
    note(stated(|i| i.san.is_some()), "identity", &mut checked, &mut unchecked);
    note(stated(|i| i.issuer.is_some()), "issuer", &mut checked, &mut unchecked);
    note(stated(|i| !i.claims.is_empty()), "claims", &mut checked, &mut unchecked);
    let used = root.used_for(&issuer.key_hash);
    let signer = Signer::Certificate(Box::new(certificate_signer(certificate, sct_times)));
    Ok(evidence(bundle, signer, used, content, proofs, checked, unchecked))
}

fn verify_key(
    bundle: &Bundle,
    artifact: &Artifact<'_>,
    policy: &Policy,
    hint: &str,
    keys: &[Arc<ManagedKey>],
) -> Result<VerifiedBundle> {
    let root = match policy.trust.as_slice() {
        [] => None,
        [one] => Some(one.as_ref()),
        _ => return Err(option_invalid("trust", "at most one trust root for a key")),
    };
    let managed = choose_key(hint, keys)?;
    check_keyid(bundle, hint)?;
    let thresholds = match root {
        _ if policy.untimed => policy.thresholds.unwrap_or(Thresholds { log_entries: 0, timestamps: 0, scts: 0 }),
        Some(root) => root.thresholds(policy.thresholds, false)?,
        None => policy.thresholds.unwrap_or(Thresholds { log_entries: 1, timestamps: 0, scts: 0 }),
    };
    let verifier = Verifier::Key(&managed.key);

    let mut faults = Faults::default();
    let content = faults.take(SignedContent::read(bundle, verifier, artifact, &policy.limits));
    let mut proofs = faults.take(Proofs::verify(bundle, root, content.as_ref(), verifier, &policy.limits));
    if let Some(proofs) = &mut proofs {
        faults.extend(proofs.unmet(&thresholds, false));
        faults.keep(check_key_dating(managed, proofs, policy.untimed));
    }
    faults.settle()?;
    let (Some(content), Some(proofs)) = (content, proofs) else { return Err(internal("verify_key")) };

    let (mut checked, mut unchecked) = (vec!["signature", "artifact", "identity"], Vec::new());
    note(managed.validity.is_some() && !proofs.times.is_empty(), "key_validity", &mut checked, &mut unchecked);
    let signer = Signer::Key(KeySigner {
        hint: hint.to_owned(),
        key_id: managed.key.id(),
        key_algorithm: managed.key.algorithm().name(),
        validity: managed.validity,
    });
    let used = root.map_or_else(no_trust, |root| root.used.clone());
    Ok(evidence(bundle, signer, used, content, proofs, checked, unchecked))
}

/// What follows the signing certificate is never used to build trust, but must be what the format says: issuers in
/// order, and since version 0.2 without a root.
fn check_chain_order(version: Version, leaf: &Certificate, others: &[Vec<u8>]) -> Result<()> {
    let malformed = |reason: &str| Fault::Malformed {
        format: "bundle",
        at: "verificationMaterial.x509CertificateChain".to_owned(),
        reason: reason.to_owned(),
    };
    let mut issuer = leaf.issuer_name.as_slice();
    for der in others {
        let certificate = Parts::read(der, "a certificate of the chain")?;
        if certificate.subject != issuer {
            return Err(malformed("a certificate is not followed by its issuer's").into());
        }
        if certificate.subject == certificate.issuer && version > Version::V0_1 {
            return Err(malformed("it holds a root certificate").into());
        }
        issuer = certificate.issuer;
    }
    Ok(())
}

/// The trust root one of whose authorities issued the certificate.
fn choose_root<'a>(certificate: &Certificate, roots: &'a [Arc<TrustRoot>]) -> Result<(&'a TrustRoot, &'a Issuer)> {
    let mut refusal = Refusal::Untrusted("no authority of the trust root issued it".to_owned());
    let mut outside = None;
    let issuer_key_id = certificate.issuer_key_id.as_deref();
    for root in roots {
        for authority in root.certificate_authorities.iter().filter(|a| a.may_have_issued(issuer_key_id)) {
            match authority.issuer_of(&certificate.der, &certificate.validity, Purpose::CodeSigning) {
                // Several authorities may share a name and key; the one that was valid when it issued is meant.
                Ok(issuer) if overlaps(issuer, &certificate.validity) => return Ok((root, issuer)),
                Ok(issuer) => outside = outside.or(Some((root.as_ref(), issuer))),
                Err(why) => refusal = why,
            }
        }
    }
    let subject = certificate.subject();
    outside.ok_or_else(|| match refusal {
        Refusal::Untrusted(reason) => Fault::CertificateUntrusted { subject, reason }.into(),
        Refusal::Unfit(reason) => Fault::CertificateInvalid { subject, reason }.into(),
    })
}

fn overlaps(issuer: &Issuer, validity: &Validity) -> bool {
    issuer.validity.is_some_and(|v| v.intersect(validity).is_some())
}

/// Every verified time must fall in the validity of the certificate and of what issued it.
fn check_times(certificate: &Certificate, issuer: &Issuer, times: &[VerifiedTime]) -> Result<(), Fault> {
    for verified in times {
        within_validity("the certificate", certificate.validity, verified.time)?;
        match issuer.validity {
            Some(validity) => within_validity("the authority that issued the certificate", validity, verified.time)?,
            None => within_validity("an authority that was never valid", NEVER, verified.time)?,
        }
    }
    Ok(())
}

const NEVER: Validity = Validity::between(Time::from_seconds(i64::MAX), Time::from_seconds(i64::MIN));

fn within_validity(what: &str, validity: Validity, time: Time) -> Result<(), Fault> {
    if validity.contains(time) {
        return Ok(());
    }
    Err(Fault::CertificateOutsideValidity {
        what: what.to_owned(),
        time: time.seconds,
        not_before: validity.start.map_or(i64::MIN, |t| t.seconds),
        not_after: validity.end.map_or(i64::MAX, |t| t.seconds),
    })
}

fn check_identity(identities: &[Identity], certificate: &Certificate) -> Result<(), Fault> {
    let mut refusal = None;
    for identity in identities {
        match identity.check(certificate) {
            Ok(()) => return Ok(()),
            Err(fault) => refusal = refusal.or(Some(fault)),
        }
    }
    refusal.map_or(Ok(()), Err)
}

fn choose_key<'a>(hint: &str, keys: &'a [Arc<ManagedKey>]) -> Result<&'a ManagedKey> {
    let unknown = || Fault::KeyUnknown { what: "managed key", key_id: quote(hint) };
    if keys.is_empty() {
        return Err(option_invalid("keys", "at least one key"));
    }
    let named = |key: &&Arc<ManagedKey>| match &key.hint {
        Some(expected) => expected == hint,
        None => is_hint_of(hint, &key.key),
    };
    match (keys.iter().find(named), keys) {
        (Some(key), _) => Ok(key),
        // A single key without a stated hint is tried whatever the bundle calls it: hints are not authenticated.
        (None, [only]) if only.hint.is_none() => Ok(only),
        (None, _) => Err(unknown().into()),
    }
}

fn is_hint_of(hint: &str, key: &PublicKey) -> bool {
    let id = key.id();
    hint == base64_encode(&id)
        || hint == hex_encode(&id)
        || hint.strip_prefix("SHA256:") == Some(&base64_encode_unpadded(&id))
}

/// DSSE's key id, where there is one, names the same key as the bundle.
fn check_keyid(bundle: &Bundle, hint: &str) -> Result<()> {
    match &bundle.content {
        Content::Envelope(envelope) if !envelope.keyid.is_empty() && envelope.keyid != hint => {
            Err(Fault::KeyHintMismatch { hint: quote(hint), keyid: quote(&envelope.keyid) }.into())
        }
        _ => Ok(()),
    }
}

/// A log entry makes a key's signature public; a timestamp dates it, which says something only about a key that is
/// valid for a time. Without either it is accepted only when the caller says so.
fn check_key_dating(managed: &ManagedKey, proofs: &Proofs, untimed: bool) -> Result<(), Fault> {
    if let Some(validity) = managed.validity {
        proofs.times.iter().try_for_each(|t| within_validity("the key", validity, t.time))?;
        if proofs.times.is_empty() && !untimed {
            return Err(Fault::TimestampMissing { required: 1, found: 0 });
        }
        return Ok(());
    }
    if proofs.entries.is_empty() && !untimed {
        return Err(Fault::LogEntryMissing { required: 1, found: 0 });
    }
    Ok(())
}

/// What was signed, its signature verified and bound to the artifact.
struct SignedContent {
    digests: Digests,
    statement: Option<(Statement, usize)>,
    bodies: Vec<Body>,
}

impl SignedContent {
    fn read(bundle: &Bundle, verifier: Verifier<'_>, artifact: &Artifact<'_>, limits: &Limits) -> Result<Self> {
        let numbered = (0u64..).zip(&bundle.log_entries);
        let bodies = numbered.map(|(i, e)| Body::parse(i, e, limits)).collect::<Result<Vec<_>>>()?;
        match &bundle.content {
            Content::Message(message) => {
                let digests = check_message(message, &bodies, verifier.key(), artifact, limits)?;
                Ok(Self { digests, statement: None, bodies })
            }
            Content::Envelope(envelope) => {
                check_envelope(envelope, verifier.key())?;
                let statement = Statement::parse(&envelope.payload, limits)?;
                let digests = artifact.digests(&statement.algorithms())?;
                let subject = statement.find(&digests)?;
                Ok(Self { digests, statement: Some((statement, subject)), bodies })
            }
        }
    }
}

fn check_message(
    message: &MessageSignature,
    bodies: &[Body],
    key: &PublicKey,
    artifact: &Artifact<'_>,
    limits: &Limits,
) -> Result<Digests> {
    let hashes = key.algorithm().artifact_hashes();
    let mut algorithms: Vec<HashAlgorithm> = bodies.iter().flat_map(Body::algorithms).collect();
    algorithms.push(message.algorithm);
    // The digest's algorithm tells which of the key's hashes was used, where there is a choice.
    let hash = hashes.iter().find(|h| **h == message.algorithm).or(hashes.first());
    algorithms.extend(hash);
    algorithms.sort_unstable();
    algorithms.dedup();
    let mismatch = || Fault::SignatureMismatch { algorithm: key.algorithm().name() };
    if let Some(hash) = hash {
        let digests = artifact.digests(&algorithms)?;
        check_digest(message, &digests)?;
        let digest = digests.get(*hash).ok_or_else(|| unavailable(hash.name(), &digests))?;
        key.verify_digest(*hash, digest, &message.signature).map_err(|_| mismatch())?;
        return Ok(digests);
    }
    // Ed25519: over the SHA-512 if the bundle has that, else over the message itself, which is then read once, so that
    // what is hashed is what is verified.
    if message.algorithm == HashAlgorithm::Sha512 {
        let digests = artifact.digests(&algorithms)?;
        check_digest(message, &digests)?;
        if key.verify_prehashed(&message.digest, &message.signature).is_ok() {
            return Ok(digests);
        }
    }
    let bytes = artifact.bytes(limits.message_bytes)?.ok_or_else(|| Fault::DigestUnavailable {
        needed: "own bytes (its signature scheme does not hash first)".to_owned(),
        given: artifact.describe(),
    })?;
    let digests = Artifact::Bytes(&bytes).digests(&algorithms)?;
    check_digest(message, &digests)?;
    key.verify(&bytes, &message.signature).map_err(|_| mismatch())?;
    Ok(digests)
}

/// The digest that a bundle has of its message is a hint, but a wrong one is a sign that something is wrong.
fn check_digest(message: &MessageSignature, digests: &Digests) -> Result<()> {
    match digests.get(message.algorithm) {
        Some(actual) if actual == message.digest => Ok(()),
        Some(actual) => Err(Fault::DigestMismatch {
            algorithm: message.algorithm.name(),
            expected: hex_encode(&message.digest),
            actual: hex_encode(actual),
        }
        .into()),
        None => Err(unavailable(message.algorithm.name(), digests).into()),
    }
}

fn check_envelope(envelope: &Envelope, key: &PublicKey) -> Result<()> {
    if envelope.payload_type != PAYLOAD_TYPE {
        let reason = format!("\"{}\" is not {PAYLOAD_TYPE}", quote(&envelope.payload_type));
        return Err(Fault::StatementInvalid { field: "payloadType".to_owned(), reason }.into());
    }
    let pae = envelope.pae();
    let verified = match key.algorithm().artifact_hashes() {
        [] => key.verify(&pae, &envelope.signature).is_ok(),
        hashes => hashes.iter().any(|hash| key.verify_with(*hash, &pae, &envelope.signature).is_ok()),
    };
    if verified { Ok(()) } else { Err(Fault::SignatureMismatch { algorithm: key.algorithm().name() }.into()) }
}

/// What logs and timestamp authorities vouch for.
struct Proofs {
    entries: Vec<VerifiedLogEntry>,
    times: Vec<VerifiedTime>,
    ignored: u64,
    /// Why timestamps were ignored: told when something to date the signature is missing.
    ignored_why: Vec<Fault>,
}

impl Proofs {
    /// Every log entry of a bundle must verify, however many are needed. Timestamps that do not verify, or are by
    /// authorities the trust root does not hold, count for nothing, as in other clients; but none may stand twice.
    fn verify(
        bundle: &Bundle,
        root: Option<&TrustRoot>,
        content: Option<&SignedContent>,
        verifier: Verifier<'_>,
        limits: &Limits,
    ) -> Result<Self> {
        let mut proofs = Self { entries: Vec::new(), times: Vec::new(), ignored: 0, ignored_why: Vec::new() };
        let Some(root) = root else { return Ok(proofs) };
        let mut faults = Faults::default();
        proofs.read_timestamps(bundle, root, &mut faults);
        for (at, entry) in (0u64..).zip(&bundle.log_entries) {
            if let Some(content) = content {
                let body = content.bodies.get(usize::try_from(at).unwrap_or(usize::MAX));
                let about = body.map_or(Ok(()), |b| b.check(at, &bundle.content, verifier, &content.digests));
                faults.keep(about);
            }
            let duplicate = bundle.log_entries.iter().take(usize::try_from(at).unwrap_or(0)).any(|e| same(e, entry));
            if duplicate {
                faults.push(Fault::LogEntryMismatch { index: at, field: "index (it stands twice)" });
            } else if let Some(verified) = faults.take(verify_entry(at, entry, bundle.version, root, &proofs, limits)) {
                let log = verified.log.clone();
                let time = verified.integrated_time;
                proofs.times.extend(time.map(|t| VerifiedTime { time: Time::from_seconds(t), source: "log", by: log }));
                proofs.entries.push(verified);
            }
        }
        proofs.times.sort_by_key(|t| t.time);
        faults.settle()?;
        Ok(proofs)
    }

    fn read_timestamps(&mut self, bundle: &Bundle, root: &TrustRoot, faults: &mut Faults) {
        let mut seen = Vec::new();
        for (at, token) in (0u64..).zip(&bundle.timestamps) {
            let twice = || Fault::TimestampInvalid { index: at, reason: "it stands twice in the bundle".to_owned() };
            let before = bundle.timestamps.iter().take(usize::try_from(at).unwrap_or(0));
            if before.into_iter().any(|t| t == token) {
                faults.push(twice());
                continue;
            }
            match timestamp::verify(at, token, bundle.signature(), &root.timestamp_authorities) {
                Ok((_, signed)) if seen.contains(&signed) => faults.push(twice()),
                Ok((time, signed)) => {
                    seen.push(signed);
                    self.times.push(time);
                }
                Err(why) => {
                    self.ignored = self.ignored.saturating_add(1);
                    self.ignored_why.push(why);
                }
            }
        }
    }

    fn timestamps(&self) -> impl Iterator<Item = &VerifiedTime> {
        self.times.iter().filter(|t| t.source == "timestamp_authority")
    }

    /// What is missing. A certificate lives for minutes: without a verified time nothing says it was alive.
    fn unmet(&mut self, thresholds: &Thresholds, keyless: bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        let logs = different(self.entries.iter().map(|e| e.log.as_str()));
        if logs < thresholds.log_entries {
            faults.push(Fault::LogEntryMissing { required: thresholds.log_entries, found: logs });
        }
        let stamps = different(self.timestamps().map(|t| t.by.as_str()));
        if stamps < thresholds.timestamps {
            faults.push(Fault::TimestampMissing { required: thresholds.timestamps, found: stamps });
        } else if keyless && self.times.is_empty() {
            faults.push(Fault::TimestampMissing { required: 1, found: 0 });
        }
        if faults.iter().any(|f| matches!(f, Fault::TimestampMissing { .. })) {
            faults.append(&mut self.ignored_why);
        }
        faults
    }
}

/// How many different names there are: two proofs by one service prove no more than one.
fn different<'a>(names: impl Iterator<Item = &'a str>) -> u64 {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.dedup();
    u64::try_from(names.len()).unwrap_or(u64::MAX)
}

fn same(a: &LogEntry, b: &LogEntry) -> bool {
    a.log_id == b.log_id && (a.index == b.index || a.body == b.body)
}

fn verify_entry(
    at: u64,
    entry: &LogEntry,
    version: Version,
    root: &TrustRoot,
    proofs: &Proofs,
    limits: &Limits,
) -> Result<VerifiedLogEntry> {
    let log = root.log(&entry.log_id).ok_or_else(|| Fault::KeyUnknown {
        what: "transparency log",
        key_id: base64_encode(entry.log_id.get(..32).unwrap_or(&entry.log_id)),
    })?;
    let promised = entry.promise.as_deref().map(|promise| log::verify_promise(at, entry, promise, log)).transpose()?;
    let checkpoint = match &entry.proof {
        Some(proof) => Some(verify_proof(at, entry, proof, log, limits)?),
        // Version 0.1 did with a promise.
        None if version == Version::V0_1 && promised.is_some() => None,
        None => return Err(Fault::InclusionProofMissing { index: at }.into()),
    };
    let dated = promised.map_or_else(
        || match proofs.times.as_slice() {
            // Nothing dates it: then only a log that is still in use will do.
            [] => log.validity.end.is_none(),
            times => times.iter().any(|t| log.validity.contains(t.time)),
        },
        |time| log.validity.contains(Time::from_seconds(time)),
    );
    if !dated {
        let reason = "the log's key was not valid when the entry was made".to_owned();
        return Err(Fault::CheckpointUntrusted { origin: quote(&log.base_url), reason }.into());
    }
    Ok(VerifiedLogEntry {
        log: log.base_url.clone(),
        log_id: entry.log_id.clone(),
        index: entry.index,
        kind: entry.kind.clone(),
        version: entry.version.clone(),
        integrated_time: promised,
        inclusion_promise: promised.is_some(),
        checkpoint,
        body: entry.body.clone(),
    })
}

fn verify_proof(
    at: u64,
    entry: &LogEntry,
    proof: &crate::bundle::InclusionProof,
    log: &crate::trust_root::Log,
    limits: &Limits,
) -> Result<VerifiedCheckpoint> {
    if proof.checkpoint.is_empty() {
        return Err(Fault::InclusionProofMissing { index: at }.into());
    }
    let checkpoint = Checkpoint::parse(&proof.checkpoint, limits)?;
    let mismatch = |reason: &str| Fault::InclusionMismatch { index: at, reason: reason.to_owned() };
    if checkpoint.size != proof.tree_size {
        return Err(mismatch("its tree is not of the checkpoint's size").into());
    }
    if checkpoint.root_hash != proof.root_hash {
        return Err(mismatch("its root is not the checkpoint's").into());
    }
    // Rekor v2 has one tree: there the two indices are one number, written twice.
    if entry.version == "0.0.2" && entry.kind != "intoto" && entry.index != proof.index {
        return Err(mismatch("its index is not the entry's").into());
    }
    log::verify_inclusion(at, entry, proof)?;
    Ok(checkpoint.verify(log)?)
}

fn certificate_signer(mut certificate: Certificate, sct_times: Vec<u64>) -> CertificateSigner {
    CertificateSigner {
        issuer: certificate.issuer().map(str::to_owned),
        sha256: sha256(&certificate.der),
        validity: certificate.validity,
        key_algorithm: certificate.key.algorithm().name(),
        serial: std::mem::take(&mut certificate.serial),
        sans: std::mem::take(&mut certificate.sans),
        unknown_extensions: std::mem::take(&mut certificate.unknown_extensions),
        der: std::mem::take(&mut certificate.der),
        claims: certificate.into_claims(),
        sct_times,
    }
}

fn no_trust() -> TrustUsed {
    TrustUsed { instance: "none".to_owned(), source: "none", sha256: None, as_of: None }
}

fn note(done: bool, name: &'static str, checked: &mut Vec<&'static str>, unchecked: &mut Vec<&'static str>) {
    if done { checked.push(name) } else { unchecked.push(name) }
}

fn evidence(
    bundle: &Bundle,
    signer: Signer,
    trust: TrustUsed,
    content: SignedContent,
    proofs: Proofs,
    mut checked: Vec<&'static str>,
    mut unchecked: Vec<&'static str>,
) -> VerifiedBundle {
    let entries = &proofs.entries;
    note(!entries.is_empty(), "log_entry", &mut checked, &mut unchecked);
    note(entries.iter().any(|e| e.inclusion_promise), "inclusion_promise", &mut checked, &mut unchecked);
    note(entries.iter().any(|e| e.checkpoint.is_some()), "inclusion_proof", &mut checked, &mut unchecked);
    note(entries.iter().any(|e| e.checkpoint.is_some()), "checkpoint", &mut checked, &mut unchecked);
    note(proofs.timestamps().next().is_some(), "timestamp", &mut checked, &mut unchecked);
    let signed = match (&bundle.content, content.statement) {
        (Content::Envelope(envelope), Some((statement, subject))) => evidence::Content::Statement {
            payload_type: envelope.payload_type.clone(),
            bytes: envelope.payload.clone(),
            statement: Box::new(statement),
            subject,
        },
        _ => evidence::Content::Message,
    };
    VerifiedBundle {
        evidence: Evidence {
            media_type: bundle.media_type.clone(),
            signer,
            trust,
            times: proofs.times,
            ignored_timestamps: proofs.ignored,
            log_entries: proofs.entries,
            content: signed,
            artifact: content.digests.0.into_iter().map(|(a, d)| (a.name(), d)).collect(),
            checked,
            unchecked,
        },
    }
}

/// What was found wrong so far.
#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn keep<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.0.push(fault)).ok()
    }

    fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.0.extend(error.into_faults())).ok()
    }

    fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    fn extend(&mut self, faults: Vec<Fault>) {
        self.0.extend(faults);
    }

    /// The first stage that a person would look at leads.
    fn settle(mut self) -> Result<()> {
        self.0.sort_by_key(usefulness);
        self.0.dedup();
        Error::from_faults(self.0).map_or(Ok(()), Err)
    }
}

/// Lower is more useful. What the caller can mend comes first; then what says most about what is wrong: an artifact
/// that is another one makes every other disagreement its consequence.
fn usefulness(fault: &Fault) -> u8 {
    match fault {
        Fault::StorageFailed { .. } | Fault::InputTooLarge { .. } | Fault::DigestUnavailable { .. } => 0,
        Fault::DigestMismatch { .. } | Fault::SubjectAbsent { .. } => 1,
        Fault::SignatureMismatch { .. } | Fault::StatementInvalid { .. } => 2,
        Fault::Malformed { .. } | Fault::AlgorithmUnsupported { .. } | Fault::LogEntryUnsupported { .. } => 3,
        Fault::LogEntryMismatch { .. } => 4,
        Fault::SctInvalid { .. } => 5,
        Fault::IdentityRefused { .. } => 9,
        // Missing proof is often the consequence of proof that did not verify.
        Fault::LogEntryMissing { .. } | Fault::TimestampMissing { .. } => 7,
        Fault::CertificateOutsideValidity { .. } => 8,
        _ => 6,
    }
}

fn option_invalid(option: &str, expected: &'static str) -> Error {
    Fault::OptionInvalid { option: option.to_owned(), expected }.into()
}

fn internal(at: &str) -> Error {
    Fault::Internal { at: at.to_owned() }.into()
}
