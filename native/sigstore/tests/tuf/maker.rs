//! Makes TUF repositories, right or wrong in one way.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

/// When all of these tests take place.
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const DAY: i64 = 86_400;

/// A repository and the keys that sign it.
pub(crate) struct Maker {
    pub(crate) root: Role,
    pub(crate) timestamp: Role,
    pub(crate) snapshot: Role,
    pub(crate) targets: Role,
    pub(crate) consistent: bool,
    /// The content of trusted_root.json.
    pub(crate) content: Vec<u8>,
    /// What is put into targets metadata instead of the content's hash.
    pub(crate) wrong_hash: Option<String>,
    /// Move the target into a delegated role.
    pub(crate) delegate: Option<Role>,
    files: BTreeMap<String, Vec<u8>>,
}

/// A role: its keys, how many must sign, its version and expiry.
pub(crate) struct Role {
    pub(crate) keys: Vec<Key>,
    pub(crate) threshold: usize,
    pub(crate) signers: usize,
    pub(crate) version: u64,
    pub(crate) expires: i64,
}

/// A signing key.
pub(crate) struct Key {
    pair: Pair,
    id: String,
    public: Value,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Maker {
    /// A published repository whose every role is at version 1.
    pub(crate) fn new() -> Self {
        let mut maker = Self {
            root: Role { threshold: 2, signers: 3, ..Role::new([Key::p256(), Key::ed25519(), Key::p256()]) },
            timestamp: Role { expires: NOW + 7 * DAY, ..Role::new([Key::p256()]) },
            snapshot: Role { expires: NOW + 21 * DAY, ..Role::new([Key::ed25519()]) },
            targets: Role { threshold: 2, signers: 2, ..Role::new([Key::ed25519(), Key::p256()]) },
            consistent: true,
            content: br#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","n":1}"#.to_vec(),
            wrong_hash: None,
            delegate: None,
            files: BTreeMap::new(),
        };
        maker.sign_root(&[]);
        maker.sign_targets();
        maker
    }

    /// What the server has.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.files.clone()
    }

    /// The root of this version.
    pub(crate) fn root_file(&self, version: u64) -> Vec<u8> {
        self.files[&format!("{version}.root.json")].clone()
    }

    /// Another trusted root, and new versions of all that leads to it.
    pub(crate) fn publish(&mut self, content: &str) {
        self.content = content.as_bytes().to_vec();
        self.targets.version += 1;
        self.snapshot.version += 1;
        self.timestamp.version += 1;
        self.sign_targets();
    }

    /// A newer timestamp for the same snapshot.
    pub(crate) fn touch(&mut self) {
        self.timestamp.version += 1;
        self.sign_timestamp();
    }

    /// The next root; `change` may give it other keys.
    pub(crate) fn rotate(&mut self, change: impl FnOnce(&mut Self)) {
        let old = std::mem::take(&mut self.root.keys);
        self.root.keys = old.iter().map(Key::copy).collect();
        self.root.version += 1;
        change(self);
        self.sign_root(&old);
    }

    /// Signs everything below the root anew, at its present versions.
    pub(crate) fn sign_targets(&mut self) {
        let hash = self.wrong_hash.clone().unwrap_or_else(|| hex(digest(&SHA256, &self.content).as_ref()));
        let entry = json!({ "trusted_root.json": { "length": self.content.len(), "hashes": { "sha256": hash } } });
        let mut signed = json!({ "_type": "targets", "spec_version": "1.0.31", "version": self.targets.version,
            "expires": rfc3339(self.targets.expires), "targets": entry.clone() });
        let mut delegated = None;
        if let Some(role) = &self.delegate {
            signed["targets"] = json!({});
            signed["delegations"] = json!({
                "keys": { role.keys[0].id.clone(): role.keys[0].public.clone() },
                "roles": [{ "name": "sigstore", "keyids": [role.keys[0].id.clone()], "threshold": 1,
                            "terminating": true, "paths": ["trusted_*.json"] }],
            });
            delegated = Some(role.sign(&json!({ "_type": "targets", "spec_version": "1.0.31",
                "version": role.version, "expires": rfc3339(role.expires), "targets": entry })));
        }
        let targets = self.targets.sign(&signed);
        let mut meta = json!({ "targets.json": reference(&targets, self.targets.version) });
        self.put_versioned("targets.json", self.targets.version, targets);
        if let (Some(bytes), Some(role)) = (delegated, &self.delegate) {
            meta["sigstore.json"] = reference(&bytes, role.version);
            self.put_versioned("sigstore.json", role.version, bytes);
        }
        let prefix = if self.consistent { format!("{hash}.") } else { String::new() };
        self.files.insert(format!("targets/{prefix}trusted_root.json"), self.content.clone());
        let snapshot = self.snapshot.sign(&json!({ "_type": "snapshot", "spec_version": "1.0.31",
            "version": self.snapshot.version, "expires": rfc3339(self.snapshot.expires), "meta": meta }));
        self.put_versioned("snapshot.json", self.snapshot.version, snapshot);
        self.sign_timestamp();
    }

    /// Signs the timestamp anew, at its present version.
    pub(crate) fn sign_timestamp(&mut self) {
        let name =
            if self.consistent { format!("{}.snapshot.json", self.snapshot.version) } else { "snapshot.json".into() };
        let meta = json!({ "snapshot.json": reference(&self.files[&name], self.snapshot.version) });
        let timestamp = self.timestamp.sign(&json!({ "_type": "timestamp", "spec_version": "1.0.31",
            "version": self.timestamp.version, "expires": rfc3339(self.timestamp.expires), "meta": meta }));
        self.files.insert("timestamp.json".into(), timestamp);
    }

    fn sign_root(&mut self, old: &[Key]) {
        let mut keys = serde_json::Map::new();
        for role in [&self.root, &self.timestamp, &self.snapshot, &self.targets] {
            keys.extend(role.keys.iter().map(|key| (key.id.clone(), key.public.clone())));
        }
        let signed = json!({ "_type": "root", "spec_version": "1.0.31", "version": self.root.version,
            "expires": rfc3339(self.root.expires), "consistent_snapshot": self.consistent, "keys": keys,
            "roles": { "root": self.root.entry(), "timestamp": self.timestamp.entry(),
                       "snapshot": self.snapshot.entry(), "targets": self.targets.entry() } });
        let ours = self.root.keys.iter().take(self.root.signers);
        let earlier = old.iter().filter(|key| !self.root.keys.iter().any(|ours| ours.id == key.id));
        let bytes = envelope(&signed, ours.chain(earlier));
        self.files.insert(format!("{}.root.json", self.root.version), bytes);
    }

    fn put_versioned(&mut self, name: &str, version: u64, bytes: Vec<u8>) {
        let name = if self.consistent { format!("{version}.{name}") } else { name.to_owned() };
        self.files.insert(name, bytes);
    }
}

impl Role {
    pub(crate) fn new<const N: usize>(keys: [Key; N]) -> Self {
        Self { keys: keys.into(), threshold: 1, signers: 1, version: 1, expires: NOW + 180 * DAY }
    }

    fn entry(&self) -> Value {
        let ids: Vec<_> = self.keys.iter().map(|key| key.id.as_str()).collect();
        json!({ "keyids": ids, "threshold": self.threshold })
    }

    fn sign(&self, signed: &Value) -> Vec<u8> {
        envelope(signed, self.keys.iter().take(self.signers))
    }
}

impl Key {
    pub(crate) fn ed25519() -> Self {
        let seed: [u8; 32] = aws_lc_rs::rand::generate(&SystemRandom::new()).unwrap().expose();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let public = json!({ "keytype": "ed25519", "scheme": "ed25519",
            "keyval": { "public": hex(pair.public_key().as_ref()) } });
        Self::with(Pair::Ed25519(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()), public)
    }

    pub(crate) fn p256() -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref()).unwrap();
        let spki = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key());
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, spki.unwrap().as_ref());
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n", &encoded[..64], &encoded[64..]);
        let public = json!({ "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": { "public": pem },
            "x-tuf-on-ci-keyowner": "@somebody" });
        Self::with(Pair::P256(pair), public)
    }

    fn with(pair: Pair, public: Value) -> Self {
        let id = hex(digest(&SHA256, public.to_string().as_bytes()).as_ref());
        Self { pair, id, public }
    }

    fn copy(&self) -> Self {
        let pair = match &self.pair {
            Pair::Ed25519(pair) => {
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8(pair.to_pkcs8().unwrap().as_ref()).unwrap())
            }
            Pair::P256(pair) => Pair::P256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pair.to_pkcs8v1().unwrap().as_ref()).unwrap(),
            ),
        };
        Self { pair, id: self.id.clone(), public: self.public.clone() }
    }

    fn sign(&self, message: &[u8]) -> String {
        match &self.pair {
            Pair::Ed25519(pair) => hex(pair.sign(message).as_ref()),
            Pair::P256(pair) => hex(pair.sign(&SystemRandom::new(), message).unwrap().as_ref()),
        }
    }
}

fn envelope<'a>(signed: &Value, signers: impl Iterator<Item = &'a Key>) -> Vec<u8> {
    let message = canonical(signed);
    let signatures: Vec<_> =
        signers.map(|key| json!({ "keyid": key.id, "sig": key.sign(message.as_bytes()) })).collect();
    serde_json::to_vec_pretty(&json!({ "signatures": signatures, "signed": signed })).unwrap()
}

fn reference(bytes: &[u8], version: u64) -> Value {
    json!({ "version": version, "length": bytes.len(), "hashes": { "sha256": hex(digest(&SHA256, bytes).as_ref()) } })
}

/// OLPC canonical JSON, over which TUF signs.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let fields: Vec<_> = sorted.iter().map(|(k, v)| format!("{}:{}", quoted(k), canonical(v))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}
