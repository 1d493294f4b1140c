//! A small registry that signs events and enters them in a log, for tests.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use crate::chain::Head;
use crate::checkpoint::tests::log_key;
use crate::encoding::hex_encode;
use crate::keys::Trust;
use crate::leaf::{Event, EventLeaf, KeyChange, Leaf, Purpose};
use crate::public_key::PublicKey;
use crate::purl::Package;
use crate::statement::{Envelope, Facts};
use crate::tile::MemoryTiles;
use crate::tree::{Edge, Hash, leaf_hash, sha256};

pub(crate) const PREFIX: &str = "https://hex.pm/attestation";
pub(crate) const ORIGIN: &str = "log.example";

pub(crate) fn package(name: &str) -> Package {
    Package::parse(&format!("pkg:hex/{name}")).unwrap()
}

/// A key of the registry.
pub(crate) struct RegistryKey(EcdsaKeyPair);

impl RegistryKey {
    pub(crate) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(crate) fn public(&self) -> PublicKey {
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(self.0.public_key()).unwrap();
        PublicKey::from_spki(spki.as_ref()).unwrap()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    pub(crate) fn envelope(&self, payload: &str) -> Envelope {
        let mut envelope = Envelope { payload: payload.as_bytes().to_vec(), signature: vec![] };
        envelope.signature = self.sign(&envelope.message());
        envelope
    }
}

/// An entry of a key change, signed by both keys.
pub(crate) fn key_change(old: &RegistryKey, new: &RegistryKey) -> KeyChange {
    let message = KeyChange::message(ORIGIN, Purpose::Registry, &old.public(), &new.public());
    KeyChange {
        new: new.public(),
        new_signature: new.sign(&message),
        old: old.public(),
        old_signature: old.sign(&message),
        purpose: Purpose::Registry,
    }
}

/// An Ed25519 key pair's public half and a way to sign with it.
pub(crate) fn ed25519(seed: u8) -> (PublicKey, impl Fn(&[u8]) -> Vec<u8>) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let public = PublicKey::from_ed25519(pair.public_key().as_ref().try_into().unwrap());
    (public, move |message: &[u8]| pair.sign(message).as_ref().to_vec())
}

/// The statement of an event of one release, or of a whole package without `version`.
pub(crate) fn statement(
    event: Event,
    name: &str,
    version: Option<&str>,
    subject: &Hash,
    id: &str,
    linked: &[Hash],
) -> String {
    let at = version.map(|v| format!("@{}", v.replace('+', "%2B"))).unwrap_or_default();
    let version = version.map(|v| format!(r#","version":"{v}""#)).unwrap_or_default();
    let links: Vec<_> = linked.iter().map(|l| format!(r#"{{"bundle":{{"sha256":"{}"}}}}"#, hex_encode(l))).collect();
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"pkg:hex/{name}{at}","digest":{{"sha256":"{}"}}}}],"predicateType":"{PREFIX}/{}/v1","predicate":{{"registry":"https://hex.pm","package":"{name}","eventId":"{id}","occurredAt":"2026-01-31T12:00:00Z","provenance":[{}]{version}}}}}"#,
        hex_encode(subject),
        event.as_str(),
        links.join(",")
    )
}

/// A log being written: its entries, the envelopes and bundles behind them, and each package's head.
pub(crate) struct TestLog {
    pub(crate) key: RegistryKey,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) blobs: BTreeMap<Hash, Vec<u8>>,
    pub(crate) heads: BTreeMap<Package, Head>,
}

impl TestLog {
    pub(crate) fn new() -> Self {
        Self { key: RegistryKey::new(), entries: vec![], blobs: BTreeMap::new(), heads: BTreeMap::new() }
    }

    pub(crate) fn index(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn edge(&self) -> Edge {
        let leaves: Vec<_> = self.entries.iter().map(|e| leaf_hash(e)).collect();
        Edge::new().extend(&leaves).unwrap().0
    }

    pub(crate) fn tiles(&self) -> MemoryTiles {
        let leaves: Vec<_> = self.entries.iter().map(|e| leaf_hash(e)).collect();
        let mut tiles = MemoryTiles::default();
        tiles.apply(&Edge::new().extend(&leaves).unwrap().1).unwrap();
        tiles
    }

    /// Trust in the log's key and in the registry's key of now; no witnesses.
    pub(crate) fn trust(&self) -> Trust {
        let own = PublicKey::from_ed25519(log_key(ORIGIN).verifier().public());
        let file = format!(
            r#"{{"version":1,"origin":"{ORIGIN}","policy":["quorum none"],"earlierLogs":[],"keys":[
                {{"purpose":"log","key":"{own}","firstIndex":0}},
                {{"purpose":"registry","key":"{}","firstIndex":0}}]}}"#,
            self.key.public()
        );
        Trust::parse(file.as_bytes()).unwrap()
    }

    /// Signs an event and gives the leaf it would get next, without entering it.
    pub(crate) fn leaf(
        &mut self,
        event: Event,
        name: &str,
        version: Option<&str>,
        bytes: &[u8],
        linked: &[Hash],
    ) -> EventLeaf {
        let text = statement(event, name, version, &sha256(bytes), &format!("event-{}", self.entries.len()), linked);
        let envelope = self.key.envelope(&text);
        self.blobs.insert(envelope.digest(), envelope.write());
        let facts = Facts::read(text.as_bytes(), PREFIX).unwrap();
        facts.leaf(envelope.digest(), self.heads.get(&facts.package))
    }

    pub(crate) fn enter(&mut self, leaf: Leaf) -> u64 {
        let (index, bytes) = (self.index(), leaf.write().unwrap());
        if let Leaf::Event(event) = &leaf {
            let link = crate::leaf::Link { index, leaf: leaf_hash(&bytes) };
            self.heads.insert(event.package.clone(), Head { seq: event.seq, link });
        }
        self.entries.push(bytes);
        index
    }

    pub(crate) fn event(&mut self, event: Event, name: &str, version: Option<&str>, bytes: &[u8]) -> u64 {
        let leaf = self.leaf(event, name, version, bytes, &[]);
        self.enter(Leaf::Event(leaf))
    }
}
