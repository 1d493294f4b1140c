//! What each target does.
//!
//! Parsers that are private to the core are reached through bundles: what is fuzzed is put into a bundle that is valid
//! but for it, once as it is and once under the signature of whoever signs such things.

use std::sync::{Arc, LazyLock};

use provenance_fixtures::{Hash, Key, KeyKind, Leaf, LogEntry, LogVersion, Recipe, Scheme, Signer, Which, shapes};
use provenance_sigstore::sign::{self, AUDIENCE, IdentityToken, Logging, Options, Payload, SigningConfig, TokenSource};
use provenance_sigstore::{
    Artifact, Bundle, Certificate, Error, Evidence, InclusionProof, Limits, Material, Policy, Source, Statement, Time,
    TrustRoot, verify,
};
use serde_json::{Value, json};

use crate::clean::clean;
use crate::der::Tlv;
use crate::forge::{Draft, Forge, bytes};
use crate::operators::{self, OPERATORS};
use crate::tree::Node;
use crate::{Rng, Target, signed};

/// All of them.
pub static TARGETS: &[Target] = &[
    Target { name: "bundle", run: bundle, seeds: bundle_seeds, change: change_json },
    Target { name: "certificate", run: certificate, seeds: certificate_seeds, change: change_der },
    Target { name: "checkpoint", run: checkpoint, seeds: checkpoint_seeds, change: operators::change_note },
    Target { name: "signing_config", run: signing_config, seeds: signing_config_seeds, change: operators::change_json },
    Target { name: "statement", run: statement, seeds: statement_seeds, change: operators::change_json },
    Target { name: "timestamp", run: timestamp, seeds: timestamp_seeds, change: change_der },
    Target { name: "token", run: token, seeds: token_seeds, change: operators::change_json },
    Target { name: "trust_root", run: trust_root, seeds: trust_root_seeds, change: change_json },
    Target { name: "verify", run: verify_bundle, seeds: bundle_seeds, change: change_json },
];

static FORGE: LazyLock<Forge> = LazyLock::new(Forge::new);
static LIMITS: LazyLock<Limits> = LazyLock::new(Limits::default);

fn change_json(bytes: &mut Vec<u8>, rng: &mut Rng) -> Option<()> {
    static DONORS: LazyLock<Vec<Node>> =
        LazyLock::new(|| bundle_seeds().iter().filter_map(|json| Node::parse(json)).collect());
    let mut tree = Node::parse(bytes)?;
    let places = tree.places();
    let place = rng.any(&places)?;
    let donors = [&DONORS[rng.below(DONORS.len())]];
    (0..20).find_map(|_| rng.pick(&OPERATORS).apply(&mut tree, place, &donors, rng))?;
    *bytes = tree.encode();
    Some(())
}

fn change_der(bytes: &mut Vec<u8>, rng: &mut Rng) -> Option<()> {
    let mut tree = Tlv::parse(bytes)?;
    operators::change_der(&mut tree, &[], rng)?;
    *bytes = tree.encode();
    Some(())
}

/// An error must be a clean one.
fn checked<T>(result: Result<T, Error>) -> Option<T> {
    result.map_err(|error| clean(&error).expect("a clean error")).ok()
}

fn parse(draft: &Draft) -> Bundle {
    Bundle::parse(&draft.encode(), &LIMITS).expect("a bundle")
}

// --- Whole bundles.

fn bundle(data: &[u8]) {
    checked(Bundle::parse(data, &LIMITS));
}

fn bundle_seeds() -> Vec<Vec<u8>> {
    shapes().iter().map(|shape| FORGE.world.bundle(&shape.recipe)).collect()
}

/// Whatever verifies must be told as it was signed.
fn verify_bundle(data: &[u8]) {
    let Some(bundle) = checked(Bundle::parse(data, &LIMITS)) else { return };
    let recipe = match &bundle.material {
        Material::Certificate { .. } => Recipe { entries: Vec::new(), ..Recipe::default() },
        Material::Key { .. } => Recipe { entries: Vec::new(), ..Recipe::default().managed(KeyKind::P256) },
    };
    let policy = FORGE.policy(&recipe, *LIMITS);
    if let Some(verified) = checked(verify(&bundle, &Artifact::Bytes(&recipe.artifact), &policy)) {
        signed::faithful(data, verified.evidence()).expect("faithful evidence");
    }
}

// --- Certificates.

fn certificate(data: &[u8]) {
    checked(Certificate::parse(data, &LIMITS));
    let Some(mut tree) = Tlv::parse(data).filter(|tree| tree.items().len() == 3) else { return };
    issue(&mut tree);
    let leaf = tree.encode();
    if let Some(evidence) = verify_leaf(data).or_else(|| verify_leaf(&leaf)) {
        assert!(!evidence.times.is_empty(), "a certificate that nothing dates");
    }
}

fn certificate_seeds() -> Vec<Vec<u8>> {
    let with = |leaf| {
        let draft = FORGE.draft(Recipe { signer: Signer::Certificate(leaf), entries: Vec::new(), ..Recipe::default() });
        let mut tree = FORGE.leaf(&draft);
        issue(&mut tree);
        tree.encode()
    };
    let below = |leaf| Leaf { authority: Which::Second, ..leaf };
    vec![with(below(Leaf::default())), with(below(Leaf::person())), authority()]
}

/// A valid bundle without a certificate, and a trust root whose only certificate authority has a key that signs fast.
struct Issuing {
    bundle: Bundle,
    policy: Policy,
    artifact: Vec<u8>,
}

static ISSUING: LazyLock<Issuing> = LazyLock::new(|| {
    let leaf = Leaf { authority: Which::Second, ..Leaf::default() };
    let draft = FORGE.draft(Recipe { signer: Signer::Certificate(leaf), entries: Vec::new(), ..Recipe::rekor_v2() });
    let mut root: Value = serde_json::from_str(&FORGE.world.trusted_root_json()).expect("JSON");
    let mut second = root["certificateAuthorities"][1].clone();
    second["certChain"]["certificates"] = json!([{ "rawBytes": encode(&authority()) }]);
    root["certificateAuthorities"] = json!([second]);
    let root = TrustRoot::parse(root.to_string().as_bytes(), Source::File, &LIMITS).expect("a trust root");
    let issuing = Issuing {
        bundle: parse(&draft),
        policy: Policy { trust: vec![Arc::new(root)], ..FORGE.policy(&draft.recipe, *LIMITS) },
        artifact: draft.recipe.artifact.clone(),
    };
    let mut leaf = FORGE.leaf(&draft);
    issue(&mut leaf);
    let bundle = Bundle { material: certified(&leaf.encode()), ..issuing.bundle.clone() };
    verify(&bundle, &Artifact::Bytes(&issuing.artifact), &issuing.policy)
        .expect("a certificate of the fuzzer's authority");
    issuing
});

static AUTHORITY: LazyLock<Key> = LazyLock::new(|| FORGE.world.key(KeyKind::P256, "fuzzer's authority"));

fn certified(leaf: &[u8]) -> Material {
    Material::Certificate { leaf: leaf.to_vec(), others: Vec::new() }
}

fn verify_leaf(leaf: &[u8]) -> Option<Evidence> {
    let bundle = Bundle { material: certified(leaf), ..ISSUING.bundle.clone() };
    let verified = verify(&bundle, &Artifact::Bytes(&ISSUING.artifact), &ISSUING.policy);
    checked(verified).map(|verified| verified.into_evidence())
}

/// The second authority's root, with a P-256 key.
fn authority() -> Vec<u8> {
    const KEY: [usize; 2] = [0, 6];
    let root: Value = serde_json::from_str(&FORGE.world.trusted_root_json()).expect("JSON");
    let certificate = bytes(&root["certificateAuthorities"][1]["certChain"]["certificates"][0]["rawBytes"]);
    let mut tree = Tlv::parse(&certificate).expect("DER");
    *tree.at_mut(&KEY).expect("a key") = Tlv::parse(&AUTHORITY.spki()).expect("DER");
    issue(&mut tree);
    tree.encode()
}

/// Signs a certificate again, with ECDSA over P-256 and SHA-256.
fn issue(tree: &mut Tlv) {
    let ecdsa_with_sha256 = || Tlv::list(0x30, vec![Tlv::value(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]);
    for place in [[0, 2].as_slice(), &[1]] {
        if let Some(algorithm) = tree.at_mut(place) {
            *algorithm = ecdsa_with_sha256();
        }
    }
    let signature = AUTHORITY.sign(Scheme::Ecdsa(Hash::Sha256), &tree.items()[0].encode());
    if let Some(last) = tree.at_mut(&[2]) {
        *last = Tlv::value(3, &[&[0], signature.as_slice()].concat());
    }
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

// --- Checkpoints.

static LOGGED: LazyLock<(Bundle, Policy, Draft)> = LazyLock::new(|| {
    let recipe = Recipe {
        entries: vec![LogEntry { version: LogVersion::V2, promise: false, ..LogEntry::v2() }],
        ..Recipe::default()
    };
    let draft = FORGE.draft(recipe.managed(KeyKind::P256));
    (parse(&draft), FORGE.policy(&draft.recipe, *LIMITS), draft)
});

fn checkpoint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    verify_checkpoint(text);
    let mut draft = LOGGED.2.clone();
    let signed = text.rsplit_once("\n\n").map_or(text, |(text, _)| text);
    FORGE.set_checkpoint(&mut draft, |_| format!("{signed}\n"));
    let envelope = draft.entry()["inclusionProof"]["checkpoint"]["envelope"].take();
    verify_checkpoint(envelope.as_str().expect("a text"));
}

fn verify_checkpoint(text: &str) {
    let (bundle, policy, draft) = &*LOGGED;
    let mut bundle = bundle.clone();
    let proof = bundle.log_entries[0].proof.take().expect("a proof");
    bundle.log_entries[0].proof = Some(InclusionProof { checkpoint: text.to_owned(), ..proof.clone() });
    if let Some(verified) = checked(verify(&bundle, &Artifact::Bytes(&draft.recipe.artifact), policy)) {
        let checkpoint = verified.evidence().log_entries[0].checkpoint.as_ref().expect("a checkpoint");
        assert_eq!((checkpoint.size, checkpoint.root_hash), (proof.tree_size, proof.root_hash));
    }
}

fn checkpoint_seeds() -> Vec<Vec<u8>> {
    let with = |entry| {
        let mut draft = FORGE.draft(Recipe { entries: vec![entry], ..Recipe::rekor_v2() });
        draft.entry()["inclusionProof"]["checkpoint"]["envelope"].as_str().expect("a text").as_bytes().to_vec()
    };
    let witnessed = LogEntry { witnesses: 2, second_signature: true, ..LogEntry::v2() };
    [LogEntry::v1(), LogEntry::v2(), witnessed].map(with).into()
}

// --- Statements.

fn statement(data: &[u8]) {
    if let Some(statement) = checked(Statement::parse(data, &LIMITS)) {
        let read: Value = serde_json::from_slice(data).expect("JSON");
        assert_eq!(statement.document, read, "a statement that reads differently elsewhere");
        let subjects = read["subject"].as_array().map_or(0, Vec::len);
        assert_eq!(statement.subjects.len(), subjects);
    }
}

fn statement_seeds() -> Vec<Vec<u8>> {
    let drafts =
        shapes().into_iter().filter(|shape| shape.name.starts_with("statement")).map(|shape| FORGE.draft(shape.recipe));
    drafts.map(|draft| bytes(&draft.json["dsseEnvelope"]["payload"])).collect()
}

// --- Timestamps.

static STAMPED: LazyLock<(Bundle, Policy, Draft)> = LazyLock::new(|| {
    let draft = FORGE.stamped();
    (parse(&draft), FORGE.policy(&draft.recipe, *LIMITS), draft)
});

fn timestamp(data: &[u8]) {
    verify_timestamp(data);
    let mut draft = STAMPED.2.clone();
    let stamp = |draft: &mut Draft| -> Option<String> {
        let list = &mut draft.json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"];
        list[0]["signedTimestamp"] = encode(data).into();
        FORGE.set_timestamp(draft, signed::digest_again)?;
        let list = &draft.json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"];
        list[0]["signedTimestamp"].as_str().map(str::to_owned)
    };
    if let Some(token) = stamp(&mut draft) {
        verify_timestamp(&bytes(&Value::String(token)));
    }
}

fn verify_timestamp(token: &[u8]) {
    let (bundle, policy, draft) = &*STAMPED;
    let bundle = Bundle { timestamps: vec![token.to_vec()], ..bundle.clone() };
    if let Some(verified) = checked(verify(&bundle, &Artifact::Bytes(&draft.recipe.artifact), policy)) {
        assert_eq!(verified.evidence().times.len(), 1);
    }
}

fn timestamp_seeds() -> Vec<Vec<u8>> {
    let shapes = shapes().into_iter().filter(|shape| shape.name.starts_with("timestamp"));
    let drafts = shapes.map(|shape| FORGE.draft(shape.recipe)).chain([STAMPED.2.clone()]);
    let of = |draft: Draft| {
        bytes(
            &draft.json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"],
        )
    };
    drafts.map(of).collect()
}

// --- Trust roots.

fn trust_root(data: &[u8]) {
    let Some(root) = checked(TrustRoot::parse(data, Source::File, &LIMITS)) else { return };
    let (bundle, policy, draft) = &*STAMPED;
    let policy = Policy { trust: vec![Arc::new(root)], ..policy.clone() };
    checked(verify(bundle, &Artifact::Bytes(&draft.recipe.artifact), &policy));
}

fn trust_root_seeds() -> Vec<Vec<u8>> {
    vec![FORGE.world.trusted_root_json().into_bytes()]
}

// --- Identity tokens.

/// When these targets sign.
const NOW: i64 = 1_780_000_000;
const SECRET: &str = "c2VjcmV0LXNpZ25hdHVyZQ";

/// The input is a token, and the claims of one: none is told, and what it passes for is what others read in it.
fn token(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        judge(text);
    }
    if let Some(token) = judge(&claiming(data)) {
        let passes = checked(token.check(AUDIENCE, Time::from_seconds(NOW))).is_some();
        let read: Value = serde_json::from_slice(data).expect("JSON");
        let named = match &read["aud"] {
            Value::Array(several) => several.iter().any(|one| one == AUDIENCE),
            one => one == AUDIENCE,
        };
        let valid = read["exp"].as_f64().is_some_and(|expiry| expiry > NOW as f64);
        assert!(named && valid || !passes, "a token that others would not take");
    }
}

fn judge(text: &str) -> Option<IdentityToken> {
    let told = |error: &Error| assert!(!error.to_string().contains(SECRET), "a token that is told");
    let token = checked(IdentityToken::parse(text).inspect_err(told))?;
    assert_eq!(format!("{token:?}"), "IdentityToken(..)");
    for identity in checked(token.expected().inspect_err(told)).into_iter().flatten() {
        assert!(identity.san.is_some() && identity.issuer.is_some(), "a certificate for anybody");
    }
    Some(token)
}

fn claiming(claims: &[u8]) -> String {
    use base64::Engine;
    format!("e30.{}.{SECRET}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims))
}

fn token_seeds() -> Vec<Vec<u8>> {
    let claims = |mut more: Value| {
        more["iss"] = "https://issuer.example".into();
        more["aud"] = AUDIENCE.into();
        more["exp"] = (NOW + 300).into();
        more
    };
    let person = json!({ "email": "dev@example.com", "email_verified": true, "nbf": NOW, "iat": NOW });
    let dex = json!({ "sub": "x", "federated_claims": { "connector_id": "https://other.example" }, "aud": [AUDIENCE] });
    let workflow = "o/r/.github/workflows/*.yml@refs/heads/main";
    let github = json!({ "iss": "https://token.actions.githubusercontent.com", "job_workflow_ref": workflow });
    let gitlab = json!({ "ci_config_ref_uri": "gitlab.com/o/r//.gitlab-ci.yml@refs/heads/main" });
    [person, dex, github, gitlab].map(|more| claims(more).to_string().into_bytes()).into()
}

// --- Signing configs.

/// Read, or refused; and what is read is chosen from without a request: a signing without a trust root ends there.
fn signing_config(data: &[u8]) {
    let Some(config) = checked(SigningConfig::parse(data, &LIMITS)) else { return };
    for log in [Logging::Chosen, Logging::Version(1), Logging::Version(2), Logging::Off] {
        let mut options = Options::new(Time::from_seconds(NOW));
        (options.services, options.log) = (Some(config.clone()), log);
        let token = IdentityToken::parse(&claiming(br#"{"iss":"https://issuer.example"}"#)).expect("a token");
        let signer = sign::Signer::Keyless(TokenSource::Given(token));
        let signed = RUNTIME.block_on(sign::sign(Payload::Bytes(Vec::new()), &signer, &options));
        let error = signed.expect_err("no signature without a trust root");
        clean(&error).expect("a clean error");
        assert!(matches!(error.code(), "service_missing" | "option_invalid"), "{error}");
    }
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"));

fn signing_config_seeds() -> Vec<Vec<u8>> {
    let service = |host: &str, version: u64, operator: &str| {
        let valid = json!({ "start": "2020-01-01T00:00:00Z", "end": "2030-01-01T00:00:00.5Z" });
        let url = format!("https://{host}.example/path");
        json!({ "url": url, "majorApiVersion": version, "operator": operator, "validFor": valid })
    };
    let config = |selector: Value| {
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service("ca", 1, "a")],
            "oidcUrls": [service("oidc", 1, "a")],
            "rekorTlogUrls": [service("a1", 1, "a"), service("a2", 2, "a"), service("b", 1, "b"), service("x", 2, "")],
            "rekorTlogConfig": selector,
            "tsaUrls": [service("tsa", 1, "a"), service("tsa2", 1, "b")],
            "tsaConfig": { "selector": "ANY" },
        })
    };
    let selectors = [json!({ "selector": "ALL" }), json!({ "selector": "EXACT", "count": 2 }), Value::Null];
    selectors.map(|selector| config(selector).to_string().into_bytes()).into()
}
