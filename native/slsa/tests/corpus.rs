//! Every SLSA entry of the corpus of real attestations, when it is beside the project (`../shared`, or the folder that
//! `HEX_PROVENANCE_SHARED` names): verified with the Sigstore crate, judged with this one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use provenance_sigstore::evidence::Signer;
use provenance_sigstore::{
    Artifact, Bundle, HashAlgorithm, Identity, Limits, Matcher, Policy, SignerPolicy, Source, Thresholds, TrustRoot,
    hex_decode, verify,
};
use provenance_slsa::{Claims, DigestSet, Judgement, Level, Rules, judge_bytes};
use serde_json::Value;

/// Real bundles whose provenance was never about the build that signed it: Sigstore's conformance suite signs any statement
/// with its own identity. As bundles they are genuine, as provenance they are not.
const BORROWED: [&str; 1] = ["229-sigstore-conformance-happy-path-intoto-in-dsse-v3-bundle.sigstore.json"];

struct Entry {
    id: String,
    root: PathBuf,
    fields: BTreeMap<String, String>,
}

impl Entry {
    fn get(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.get(key).map(|path| self.root.join(path))
    }
}

#[test]
fn every_accepted_entry_yields_what_the_index_says() {
    let Some(entries) = entries() else { return };
    let mut wrong = Vec::new();
    let mut levels = BTreeMap::new();
    let accepted: Vec<_> = entries.iter().filter(|e| e.get("expect") == Some("accept") && is_slsa(e)).collect();
    assert!(accepted.len() >= 60, "only {} entries", accepted.len());
    for entry in accepted {
        match judged(entry, true) {
            Ok(judgement) => {
                let borrowed = BORROWED.contains(&entry.id.as_str());
                wrong.extend(differences(entry, &judgement, borrowed));
                let key = (judgement.level(), judgement.assessment.builder_row.clone().unwrap_or_default());
                *levels.entry(key).or_insert(0) += 1;
            }
            Err(e) => wrong.push(format!("{}: {e}", entry.id)),
        }
    }
    println!("{levels:#?}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_wrong_signer_is_refused() {
    let Some(entries) = entries() else { return };
    let entry = entries.iter().find(|e| e.id.starts_with("001-")).unwrap();
    // Whoever signed it signed it: only what the signer's certificate says tells them apart.
    let judgement = judged(entry, false).unwrap();
    let codes: Vec<_> = judgement.refusals.iter().map(provenance_slsa::Fault::code).collect();
    assert!(codes.contains(&"claim_mismatch"), "{codes:?}");
    assert_eq!(judgement.level(), Level::L0);
    assert_eq!(judgement.source.as_deref(), Some("https://github.com/loosebazooka/aa-test"));
}

/// Whatever the Sigstore library calls a claim has its place here.
#[test]
fn every_claim_has_a_field() {
    for claim in provenance_sigstore::claims::CLAIMS {
        assert!(Claims::default().set(claim.name, "x"), "{}", claim.name);
    }
}

/// Faces render both libraries' faults into one catalogue: a code that both use has one meaning.
#[test]
fn codes_in_both_libraries_mean_the_same() {
    let theirs: BTreeMap<_, _> = provenance_sigstore::error::CATALOGUE.iter().map(|e| (e.code, e)).collect();
    let mut shared = Vec::new();
    for entry in provenance_slsa::error::CATALOGUE {
        if let Some(other) = theirs.get(entry.code) {
            assert_eq!(entry.stage.as_str(), other.stage.as_str(), "{}", entry.code);
            assert_eq!(entry.details, other.details, "{}", entry.code);
            shared.push(entry.code);
        }
    }
    assert_eq!(
        shared,
        ["input_too_large", "malformed", "option_invalid", "statement_invalid", "subject_absent", "internal"]
    );
}

/// Payloads of any kind: what is no provenance is an error, and nothing panics.
#[test]
fn every_payload_is_judged_or_an_error() {
    let Some(entries) = entries() else { return };
    let mut judged = 0;
    for entry in &entries {
        let Some(payload) = payload(entry) else { continue };
        match judge_bytes(&payload, Some(&Claims::default()), None, &Rules::well_known()) {
            Ok(judgement) => {
                judged += 1;
                assert!(judgement.level() <= Level::L1, "{}: no claims, no level", entry.id);
            }
            Err(e) if is_slsa(entry) => panic!("{}: {e}", entry.id),
            Err(e) => assert!(
                ["predicate_unsupported", "statement_invalid", "malformed"].contains(&e.code()),
                "{}: {e}",
                entry.id
            ),
        }
    }
    assert!(judged > 80, "only {judged}");
}

/// Any change of a field that the certificate states too is refused.
#[test]
fn changed_payloads_are_refused() {
    let Some(entries) = entries() else { return };
    let mut changed = 0;
    for entry in entries.iter().filter(|e| e.get("expect") == Some("accept") && is_slsa(e)) {
        if BORROWED.contains(&entry.id.as_str()) || entry.get("source_uri").is_none() {
            continue;
        }
        let Ok((claims, bytes)) = verified(entry, true) else { continue };
        let text = String::from_utf8(bytes).unwrap();
        let source = claims.repository().unwrap().into_owned();
        let commit = claims.commit().unwrap().to_owned();
        for (from, to) in [(source, "https://github.com/evil/fork".to_owned()), (commit, "e".repeat(40))] {
            let forged = text.replace(&from, &to);
            if forged == text {
                continue;
            }
            changed += 1;
            let judgement = judge_bytes(forged.as_bytes(), Some(&claims), None, &Rules::well_known()).unwrap();
            assert!(!judgement.accepted() && judgement.level() == Level::L0, "{}: {from} -> {to}", entry.id);
        }
    }
    assert!(changed > 100, "only {changed}");
}

/// What can be changed in a genuine provenance without anybody noticing, when its signature is not looked at: fields that no
/// claim states. Each is listed; whatever else is changed is refused or costs the level.
#[test]
fn only_what_no_claim_states_can_be_changed() {
    let Some(entries) = entries() else { return };
    let mut survivors = BTreeSet::new();
    for entry in entries.iter().filter(|e| e.get("expect") == Some("accept") && is_slsa(e)) {
        let (claims, bytes) = verified(entry, true).unwrap();
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        let rules = Rules::well_known();
        let before = judge_bytes(&bytes, Some(&claims), None, &rules).unwrap();
        if before.level() < Level::L2 {
            continue;
        }
        let mut leaves = Vec::new();
        collect_leaves(&document["predicate"], "/predicate".to_owned(), &mut leaves);
        for leaf in leaves {
            let mut changed = document.clone();
            let at = changed.pointer_mut(&leaf).unwrap();
            *at = match at {
                Value::String(text) => Value::from(format!("{text}x")),
                Value::Number(_) => Value::from(7),
                Value::Bool(flag) => Value::from(!*flag),
                _ => Value::from("x"),
            };
            match judge_bytes(changed.to_string().as_bytes(), Some(&claims), None, &rules) {
                Ok(after) if after.accepted() && after.level() == before.level() => {
                    survivors.insert(format!("{} {}", before.dialect.unwrap(), family(&leaf)));
                }
                _ => {}
            }
            let mut fewer = document.clone();
            let (parent, key) = leaf.rsplit_once('/').unwrap();
            if let Some(object) = fewer.pointer_mut(parent).and_then(Value::as_object_mut) {
                object.remove(&key.replace("~1", "/").replace("~0", "~"));
                assert!(is_less(&fewer, &claims, &before), "{}: {leaf}", entry.id);
            }
        }
    }
    let listed: BTreeSet<String> = UNVERIFIED.iter().map(|s| (*s).to_owned()).collect();
    assert_eq!(survivors, listed);
}

/// Leaving something out never makes more of a provenance.
fn is_less(document: &Value, claims: &Claims, before: &Judgement) -> bool {
    match judge_bytes(document.to_string().as_bytes(), Some(claims), None, &Rules::well_known()) {
        Err(e) => e.code() == "predicate_invalid",
        Ok(judged) => {
            judged.level() <= before.level() && judged.source == before.source && judged.commit == before.commit
        }
    }
}

const UNVERIFIED: &[&str] = &[
    "container_based /predicate/buildDefinition/externalParameters/buildConfig",
    "container_based /predicate/buildDefinition/externalParameters/builderImage",
    "container_based /predicate/buildDefinition/externalParameters/configPath",
    "container_based /predicate/buildDefinition/internalParameters/GITHUB_ACTOR_ID",
    "container_based /predicate/buildDefinition/internalParameters/GITHUB_BASE_REF",
    "container_based /predicate/buildDefinition/internalParameters/GITHUB_RUN_NUMBER",
    "container_based /predicate/buildDefinition/internalParameters/GITHUB_TRIGGERING_ACTOR_ID",
    "container_based /predicate/buildDefinition/internalParameters/GITHUB_WORKFLOW",
    "container_based /predicate/buildDefinition/resolvedDependencies/1/digest/sha256",
    "container_based /predicate/buildDefinition/resolvedDependencies/1/uri",
    "delegator /predicate/buildDefinition/externalParameters/inputs",
    "delegator /predicate/buildDefinition/internalParameters/GITHUB_ACTOR_ID",
    "delegator /predicate/buildDefinition/internalParameters/GITHUB_BASE_REF",
    "delegator /predicate/buildDefinition/internalParameters/GITHUB_RUN_NUMBER",
    "delegator /predicate/buildDefinition/internalParameters/GITHUB_TRIGGERING_ACTOR_ID",
    "generator /predicate/buildConfig",
    "generator /predicate/invocation/environment/arch",
    "generator /predicate/invocation/environment/github_actor",
    "generator /predicate/invocation/environment/github_actor_id",
    "generator /predicate/invocation/environment/github_base_ref",
    "generator /predicate/invocation/environment/github_head_ref",
    "generator /predicate/invocation/environment/github_run_number",
    "generator /predicate/invocation/environment/os",
    "generator /predicate/materials/1/uri",
    "generator /predicate/metadata/completeness/environment",
    "generator /predicate/metadata/completeness/materials",
    "generator /predicate/metadata/reproducible",
    "npm_github /predicate/metadata/completeness/environment",
    "npm_github /predicate/metadata/completeness/materials",
    "npm_github /predicate/metadata/completeness/parameters",
    "npm_github /predicate/metadata/reproducible",
];

/// Every leaf but those of the event that started the workflow, of which only the inputs are read.
fn collect_leaves(value: &Value, at: String, leaves: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object.iter().filter(|(key, _)| !key.eq_ignore_ascii_case("github_event_payload")) {
                collect_leaves(inner, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), leaves);
            }
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, inner)| collect_leaves(inner, format!("{at}/{i}"), leaves));
        }
        _ => leaves.push(at),
    }
}

/// Inputs are the tools' own, and so are the steps of Go's: one entry for all of them.
fn family(leaf: &str) -> String {
    let end = ["/inputs/", "/buildConfig/", "/builderImage/", "/vars/"]
        .iter()
        .find_map(|part| leaf.find(part).map(|i| i.saturating_add(part.len()).saturating_sub(1)));
    end.and_then(|end| leaf.get(..end)).unwrap_or(leaf).to_owned()
}

/// Judging costs at most a tenth of verifying, for every entry. Verifying is what the caller did before; the root is
/// prepared once and the artifact is given by its digest, so nothing is counted that judging does not need.
#[test]
#[ignore = "measures: cargo nextest run --release -p provenance-slsa --test corpus --run-ignored only"]
fn judging_costs_a_tenth_of_verifying() {
    let Some(entries) = entries() else { return };
    let rules = Rules::well_known();
    let mut worst = (0.0, String::new());
    for entry in entries.iter().filter(|e| e.get("expect") == Some("accept") && is_slsa(e)) {
        let case = Case::prepare(entry, true).unwrap();
        let (claims, payload) = case.run().unwrap();
        let verifying = fastest(|| drop(case.run().unwrap()));
        let judging = fastest(|| drop(judge_bytes(&payload, Some(&claims), None, &rules).unwrap()));
        let ratio = judging / verifying;
        println!(
            "{ratio:.3} {:.0} us of {:.0} us, {} bytes: {}",
            judging * 1e6,
            verifying * 1e6,
            payload.len(),
            entry.id
        );
        if ratio > worst.0 {
            worst = (ratio, entry.id.clone());
        }
    }
    assert!(worst.0 <= 0.1, "{worst:?}");
}

fn fastest(mut run: impl FnMut()) -> f64 {
    let once = |run: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..30).map(|_| once(&mut run)).fold(f64::INFINITY, f64::min)
}

fn differences(entry: &Entry, judgement: &Judgement, borrowed: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |what: &str, expected: Option<&str>, actual: Option<&str>| {
        if expected.is_some() && expected != actual {
            wrong.push(format!("{}: {what}: {expected:?} != {actual:?}", entry.id));
        }
    };
    compare("source", entry.get("source_uri"), judgement.source.as_deref());
    compare("ref", entry.get("ref"), judgement.reference.as_deref());
    compare("builder", entry.get("builderId"), Some(&judgement.builder));
    compare("build type", entry.get("buildType"), Some(&judgement.build_type));
    if borrowed {
        if judgement.accepted() || judgement.level() > Level::L0 {
            wrong.push(format!("{}: accepted although it describes another build", entry.id));
        }
    } else {
        if judgement.level() < Level::L1 {
            wrong.push(format!("{}: {}", entry.id, judgement.level()));
        }
        wrong.extend(judgement.refusals.iter().map(|fault| format!("{}: {fault}", entry.id)));
    }
    wrong
}

fn judged(entry: &Entry, as_expected: bool) -> Result<Judgement, String> {
    let (claims, payload) = verified(entry, as_expected)?;
    let digest: Option<DigestSet> = entry
        .get("digest")
        .filter(|_| entry.get("artifact").is_none())
        .map(|digest| [(entry.get("digest_alg").unwrap().to_owned(), digest.to_owned())].into());
    judge_bytes(&payload, Some(&claims), digest.as_ref(), &Rules::well_known()).map_err(|e| e.to_string())
}

/// Verifies the signature; what it finds becomes this crate's claims.
fn verified(entry: &Entry, as_expected: bool) -> Result<(Claims, Vec<u8>), String> {
    Case::prepare(entry, as_expected)?.run()
}

struct Case<'a> {
    entry: &'a Entry,
    policy: Policy,
    bytes: Vec<u8>,
    artifact: Artifact<'static>,
}

impl<'a> Case<'a> {
    fn prepare(entry: &'a Entry, as_expected: bool) -> Result<Self, String> {
        let limits = Limits::default();
        let name = entry.get("trusted_root").unwrap();
        let file = if name.contains('/') { name.to_owned() } else { format!("roots/{name}.json") };
        let json = std::fs::read(entry.root.join(file)).unwrap();
        let root = TrustRoot::parse(&json, Source::File, &limits).map_err(|e| e.to_string())?;
        let [logs, certificate_logs, ..] = root.counts();
        let thresholds = (logs == 0 || certificate_logs == 0).then_some(Thresholds {
            log_entries: u64::from(logs > 0),
            timestamps: u64::from(logs == 0),
            scts: u64::from(certificate_logs > 0),
        });
        let san = as_expected.then(|| Matcher::exact(entry.get("identity").unwrap()).unwrap());
        let issuer = Some(Matcher::exact(entry.get("issuer").unwrap()).unwrap());
        let signer = SignerPolicy::AnyOf(vec![Identity { san, issuer, claims: Vec::new() }]);
        let policy = Policy { trust: vec![Arc::new(root)], signer, thresholds, untimed: false, limits };
        let bytes = std::fs::read(entry.path("bundle").unwrap()).unwrap();
        Ok(Self { entry, policy, bytes, artifact: artifact(entry) })
    }

    fn run(&self) -> Result<(Claims, Vec<u8>), String> {
        let bundle = Bundle::parse(&self.bytes, &self.policy.limits).map_err(|e| e.to_string())?;
        let evidence = verify(&bundle, &self.artifact, &self.policy).map_err(|e| e.to_string())?.into_evidence();
        let Signer::Certificate(certificate) = evidence.signer else { return Err("signed by a key".to_owned()) };
        let mut claims = Claims::from_named(certificate.claims.iter().map(|(name, value)| (*name, value.as_str())));
        claims.sans = certificate.sans.into_iter().map(|(_, san)| san).collect();
        claims.instance = self.entry.get("trusted_root").map(|name| name.replace("public-good", "public_good"));
        let provenance_sigstore::evidence::Content::Statement { bytes, .. } = evidence.content else {
            return Err("no statement".to_owned());
        };
        Ok((claims, bytes))
    }
}

fn artifact(entry: &Entry) -> Artifact<'static> {
    if let Some(path) = entry.path("artifact") {
        return Artifact::File(path);
    }
    let algorithm = HashAlgorithm::from_name(entry.get("digest_alg").unwrap()).unwrap();
    Artifact::from_digest(algorithm, hex_decode(entry.get("digest").unwrap()).unwrap()).unwrap()
}

fn is_slsa(entry: &Entry) -> bool {
    entry.get("predicateType").is_some_and(|t| t.starts_with("https://slsa.dev/provenance/"))
}

fn payload(entry: &Entry) -> Option<Vec<u8>> {
    use base64::Engine;
    let bundle: Value = serde_json::from_slice(&std::fs::read(entry.path("bundle")?).ok()?).ok()?;
    base64::engine::general_purpose::STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str()?).ok()
}

fn entries() -> Option<Vec<Entry>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("HEX_PROVENANCE_SHARED").map_or(beside, PathBuf::from).join("corpus");
    let Ok(index) = std::fs::read(root.join("index.json")) else {
        eprintln!("SKIPPED: no ../shared: the corpus was not judged");
        return None;
    };
    let index: Vec<BTreeMap<String, Value>> = serde_json::from_slice(&index).unwrap();
    let entry = |fields: BTreeMap<String, Value>| {
        let fields: BTreeMap<_, _> =
            fields.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect();
        Entry { id: fields["id"].clone(), root: root.clone(), fields }
    };
    Some(index.into_iter().map(entry).collect())
}
