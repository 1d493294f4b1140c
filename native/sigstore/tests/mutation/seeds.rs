//! Valid bundles, everything that is said to verify them, and what verification finds.

use std::path::Path;
use std::sync::Arc;

use provenance_fixtures::{Content, KeyKind, LogEntry, Recipe, San, Shape, Statement, World, shapes};
use provenance_sigstore::evidence::Signer;
use provenance_sigstore::{
    Artifact, Bundle, Evidence, HashAlgorithm, Identity, Limits, ManagedKey, Matcher, Policy, PublicKey, SignerPolicy,
    Source, Thresholds, TrustRoot, hex_decode, verify,
};
use serde_json::Value;

use crate::explain::{certificate_key, signature};
use crate::tree::Node;

pub(crate) struct Seed {
    pub(crate) name: String,
    pub(crate) json: Vec<u8>,
    pub(crate) tree: Node,
    pub(crate) held: Held,
    pub(crate) policy: Policy,
    pub(crate) bundle: Bundle,
    pub(crate) evidence: Evidence,
    /// Of each timestamp, whether it counts.
    pub(crate) stamped: Vec<bool>,
    /// The signer's key: SHA-256 of its SubjectPublicKeyInfo.
    key: Vec<u8>,
}

/// What the verifier has of the artifact.
#[derive(Clone)]
pub(crate) enum Held {
    Bytes(Vec<u8>),
    Digest(HashAlgorithm, Vec<u8>),
}

impl Held {
    pub(crate) fn artifact(&self) -> Artifact<'_> {
        match self {
            Self::Bytes(bytes) => Artifact::Bytes(bytes),
            Self::Digest(algorithm, digest) => Artifact::Digest(*algorithm, digest.clone()),
        }
    }

    /// Its digest, where it can be known.
    pub(crate) fn digest(&self, algorithm: HashAlgorithm) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(algorithm.digest(bytes)),
            Self::Digest(known, digest) => (*known == algorithm).then(|| digest.clone()),
        }
    }
}

impl Seed {
    fn new(name: &str, json: Vec<u8>, held: Held, policy: Policy) -> Result<Self, provenance_sigstore::Error> {
        let bundle = Bundle::parse(&json, &policy.limits)?;
        let evidence = verify(&bundle, &held.artifact(), &policy)?.into_evidence();
        let mut seed = Self {
            name: name.to_owned(),
            tree: Node::parse(&json).unwrap(),
            json,
            held,
            policy,
            stamped: Vec::new(),
            key: match &evidence.signer {
                Signer::Key(key) => key.key_id.to_vec(),
                Signer::Certificate(c) => HashAlgorithm::Sha256.digest(&certificate_key(&c.der).unwrap()),
            },
            bundle,
            evidence,
        };
        seed.stamped = seed.bundle.timestamps.iter().map(|t| seed.counts(&seed.bundle, t)).collect();
        Ok(seed)
    }

    /// Whether `timestamp` alone dates the signature of `bundle`.
    pub(crate) fn counts(&self, bundle: &Bundle, timestamp: &[u8]) -> bool {
        let alone = Bundle { log_entries: Vec::new(), timestamps: vec![timestamp.to_vec()], ..bundle.clone() };
        let thresholds = Some(Thresholds { log_entries: 0, timestamps: 1, scts: 0 });
        let policy = Policy { thresholds, untimed: true, ..self.policy.clone() };
        verify(&alone, &self.held.artifact(), &policy).is_ok()
    }

    /// Whether both are judged by the same trust root.
    pub(crate) fn is_of_world(&self, other: &Self) -> bool {
        self.evidence.trust == other.evidence.trust
    }

    /// Whether both hold one signature.
    pub(crate) fn has_signature_of(&self, other: &Self) -> bool {
        signature(&self.bundle) == signature(&other.bundle)
    }

    /// Whether both are signed with one key.
    pub(crate) fn has_key_of(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// Every shape of bundle that the fixtures make.
pub(crate) fn fixtures() -> Vec<Seed> {
    let world = World::default();
    let root = TrustRoot::parse(world.trusted_root_json().as_bytes(), Source::File, &Limits::default()).unwrap();
    let root = Arc::new(root);
    let mut seeds = Vec::new();
    for shape in shapes().into_iter().chain(more_shapes()) {
        let (json, held) = (world.bundle(&shape.recipe), Held::Bytes(shape.recipe.artifact.clone()));
        let policy = fixture_policy(&world, &shape, vec![root.clone()]);
        if shape.untimed {
            let policy = Policy { trust: Vec::new(), ..policy.clone() };
            seeds.push(
                Seed::new(&format!("{} without a root", shape.name), json.clone(), held.clone(), policy).unwrap(),
            );
        }
        if shape.recipe.entries.len() + shape.recipe.timestamps.len() > 2 {
            let policy = Policy { thresholds: None, ..policy.clone() };
            seeds.push(
                Seed::new(&format!("{} of which one is needed", shape.name), json.clone(), held.clone(), policy)
                    .unwrap(),
            );
        }
        seeds.push(Seed::new(shape.name, json, held, policy).unwrap_or_else(|e| panic!("{}: {e}", shape.name)));
    }
    seeds
}

/// What the classes of [`crate::explain`] need besides: entries without a promise, another statement by the same key.
fn more_shapes() -> Vec<Shape> {
    let shape = |name, recipe| Shape { name, recipe, thresholds: None, untimed: false };
    let unpromised = || vec![LogEntry { promise: false, ..LogEntry::v1() }];
    let other = Content::Dsse(Statement { others: 1, ..Statement::default() });
    let keyed = Recipe::default().managed(KeyKind::P256);
    vec![
        shape("key-unpromised", Recipe { entries: unpromised(), ..keyed.clone() }),
        shape("v1-unpromised", Recipe { entries: unpromised(), ..Recipe::rekor_v2() }),
        shape("key-other-statement", Recipe { content: other.clone(), ..keyed.clone() }),
        Shape {
            untimed: true,
            ..shape("key-other-statement-untimed", Recipe { content: other, entries: Vec::new(), ..keyed })
        },
    ]
}

fn fixture_policy(world: &World, shape: &Shape, trust: Vec<Arc<TrustRoot>>) -> Policy {
    let signer = match shape.recipe.leaf() {
        Some(leaf) => {
            let (San::Uri(san) | San::Email(san) | San::Dns(san) | San::OtherName(san)) = &leaf.sans[0];
            let issuer = leaf.claims.iter().find(|(arc, _)| *arc == 8).map(|(_, issuer)| issuer.as_str()).unwrap();
            identity(san, issuer)
        }
        None => SignerPolicy::Keys(vec![Arc::new(ManagedKey {
            key: PublicKey::from_spki("key", &world.signing_key(&shape.recipe).spki()).unwrap(),
            hint: None,
            validity: None,
        })]),
    };
    let thresholds =
        shape.thresholds.map(|[log_entries, timestamps, scts]| Thresholds { log_entries, timestamps, scts });
    Policy { trust, signer, thresholds, untimed: shape.untimed, limits: Limits::default() }
}

fn identity(san: &str, issuer: &str) -> SignerPolicy {
    SignerPolicy::AnyOf(vec![Identity {
        san: Some(Matcher::exact(san).unwrap()),
        issuer: Some(Matcher::exact(issuer).unwrap()),
        claims: Vec::new(),
    }])
}

/// The corpus's bundles of real projects that are valid.
pub(crate) fn corpus(root: &Path) -> Vec<Seed> {
    let index: Value = serde_json::from_slice(&std::fs::read(root.join("index.json")).unwrap()).unwrap();
    let mut roots = std::collections::BTreeMap::new();
    let entries = index.as_array().unwrap().iter().filter(|entry| text(entry, "expect") == Some("accept"));
    entries.filter_map(|entry| corpus_seed(root, entry, &mut roots)).collect()
}

type Roots = std::collections::BTreeMap<String, Arc<TrustRoot>>;

fn corpus_seed(root: &Path, entry: &Value, roots: &mut Roots) -> Option<Seed> {
    let limits = Limits::default();
    let trust = text(entry, "trusted_root").unwrap_or("public-good");
    let trust = if trust.contains('/') { trust.to_owned() } else { format!("roots/{trust}.json") };
    let read = || TrustRoot::parse(&std::fs::read(root.join(&trust)).unwrap(), Source::File, &limits).unwrap();
    let trust = roots.entry(trust.clone()).or_insert_with(|| Arc::new(read())).clone();
    let [logs, certificate_logs, ..] = trust.counts();
    let thresholds = (logs == 0 || certificate_logs == 0).then_some(Thresholds {
        log_entries: u64::from(logs > 0),
        timestamps: u64::from(logs == 0),
        scts: u64::from(certificate_logs > 0),
    });
    let signer = match text(entry, "key") {
        None => identity(text(entry, "identity")?, text(entry, "issuer")?),
        Some(key) => SignerPolicy::Keys(vec![Arc::new(ManagedKey {
            key: PublicKey::from_pem("key", &std::fs::read(root.join(key)).unwrap()).unwrap(),
            hint: None,
            validity: None,
        })]),
    };
    let held = match (text(entry, "artifact"), text(entry, "digest")) {
        (Some(artifact), _) => Held::Bytes(std::fs::read(root.join(artifact)).ok().filter(|b| b.len() < 1 << 18)?),
        (None, Some(digest)) => {
            Held::Digest(HashAlgorithm::from_name(text(entry, "digest_alg")?)?, hex_decode(digest).unwrap())
        }
        (None, None) => return None,
    };
    let json = std::fs::read(root.join(text(entry, "bundle").unwrap())).unwrap();
    let policy = Policy { trust: vec![trust], signer, thresholds, untimed: false, limits };
    Seed::new(text(entry, "id").unwrap(), json, held, policy).ok()
}

fn text<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    entry.get(key).and_then(Value::as_str)
}
