//! The secret keys of a fixture world: valid bundles whose contents can be changed and signed again by whoever signs them.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provenance_fixtures::{Hash, Key, KeyKind, LogEntry, Recipe, Scheme, World};
use provenance_sigstore::{
    Artifact, Bundle, Error, Evidence, HashAlgorithm, Limits, ManagedKey, Policy, PublicKey, SignerPolicy, Source,
    Thresholds, TrustRoot, hex_encode, verify,
};
use serde_json::{Value, json};

use crate::der::{Tlv, tlv};

pub(crate) struct Forge {
    pub(crate) world: World,
    pub(crate) root: Arc<TrustRoot>,
    certificate_authority: Key,
    timestamp_authority: Key,
    first_log: Key,
    second_log: Key,
}

/// A valid bundle, decoded.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) recipe: Recipe,
    pub(crate) json: Value,
}

impl Draft {
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&self.json).unwrap()
    }

    pub(crate) fn entry(&mut self) -> &mut Value {
        &mut self.json["verificationMaterial"]["tlogEntries"][0]
    }
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

impl Forge {
    pub(crate) fn new() -> Self {
        let world = World::default();
        let root = TrustRoot::parse(world.trusted_root_json().as_bytes(), Source::File, &Limits::default()).unwrap();
        Self {
            root: Arc::new(root),
            certificate_authority: world.key(KeyKind::P384, "ca current intermediate"),
            timestamp_authority: world.key(KeyKind::P256, "tsa current leaf"),
            first_log: world.key(KeyKind::P256, "rekor current"),
            second_log: world.key(KeyKind::Ed25519, "log2025 current"),
            world,
        }
    }

    pub(crate) fn draft(&self, recipe: Recipe) -> Draft {
        Draft { json: serde_json::from_slice(&self.world.bundle(&recipe)).unwrap(), recipe }
    }

    /// A statement signed with a managed key, and nothing else.
    pub(crate) fn keyed(&self) -> Draft {
        self.draft(Recipe { entries: Vec::new(), ..Recipe::default().managed(KeyKind::P256) })
    }

    /// A statement signed with a certificate, dated by a timestamp, in no log.
    pub(crate) fn stamped(&self) -> Draft {
        self.draft(Recipe { entries: Vec::new(), ..Recipe::rekor_v2() })
    }

    /// The only entry of a version 2 log.
    pub(crate) fn logged(&self) -> Draft {
        self.draft(Recipe {
            entries: vec![LogEntry { tree_size: 1, index: 0, ..LogEntry::v2() }],
            ..Recipe::rekor_v2()
        })
    }

    /// As many log entries and timestamps are needed as the recipe has; any signer will do.
    pub(crate) fn policy(&self, recipe: &Recipe, limits: Limits) -> Policy {
        let signer = match recipe.leaf() {
            Some(_) => SignerPolicy::Unchecked,
            None => SignerPolicy::Keys(vec![Arc::new(ManagedKey {
                key: PublicKey::from_spki("key", &self.world.signing_key(recipe).spki()).unwrap(),
                hint: None,
                validity: None,
            })]),
        };
        let thresholds = Some(Thresholds { log_entries: recipe.entries.len() as u64, timestamps: 0, scts: 0 });
        Policy { trust: vec![self.root.clone()], signer, thresholds, untimed: true, limits }
    }

    pub(crate) fn verify(&self, recipe: &Recipe, json: &[u8], limits: Limits) -> Result<Evidence, Error> {
        let bundle = Bundle::parse(json, &limits)?;
        let answer = verify(&bundle, &Artifact::Bytes(&recipe.artifact), &self.policy(recipe, limits))?;
        Ok(answer.into_evidence())
    }

    /// Has the signer sign another payload.
    pub(crate) fn set_payload(&self, draft: &mut Draft, payload: &[u8]) {
        let kind = "application/vnd.in-toto+json";
        let encoding = [format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).as_bytes(), payload].concat();
        let signature = self.world.signing_key(&draft.recipe).sign(draft.recipe.scheme(), &encoding);
        draft.json["dsseEnvelope"]["payload"] = STANDARD.encode(payload).into();
        draft.json["dsseEnvelope"]["signatures"][0]["sig"] = STANDARD.encode(signature).into();
    }

    pub(crate) fn leaf(&self, draft: &Draft) -> Tlv {
        Tlv::parse(&bytes(&draft.json["verificationMaterial"]["certificate"]["rawBytes"])).unwrap()
    }

    /// Has the authority sign another certificate.
    pub(crate) fn set_leaf(&self, draft: &mut Draft, mut certificate: Tlv) {
        let signature = self.certificate_authority.sign(Scheme::Ecdsa(Hash::Sha384), &certificate.items()[0].encode());
        *certificate.at_mut(&[2]).unwrap() = Tlv::value(0x03, &[&[0], signature.as_slice()].concat());
        draft.json["verificationMaterial"]["certificate"]["rawBytes"] = STANDARD.encode(certificate.encode()).into();
    }

    /// Changes the first timestamp, given with the place of its SignerInfo, and has its authority sign it.
    pub(crate) fn set_timestamp(
        &self,
        draft: &mut Draft,
        change: impl FnOnce(&mut Tlv, &[usize]) -> Option<()>,
    ) -> Option<()> {
        let list = &mut draft.json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"];
        let value = &mut list[0]["signedTimestamp"];
        let mut tree = Tlv::parse(&bytes(value))?;
        let signer = [1, 1, 0, tree.at(&[1, 1, 0])?.items().len().checked_sub(1)?, 0];
        change(&mut tree, &signer)?;
        let place = |tree: &Tlv, tag: u8| tree.at(&signer).and_then(|s| s.items().iter().position(|i| i.tag() == tag));
        let attributes = tree.at(&[&signer[..], &[place(&tree, 0xa0)?]].concat())?;
        let mut sorted: Vec<Vec<u8>> = attributes.items().iter().map(Tlv::encode).collect();
        sorted.sort();
        let signature = self.timestamp_authority.sign(Scheme::Ecdsa(Hash::Sha256), &tlv(0x31, &sorted.concat()));
        let at = [&signer[..], &[place(&tree, 0x04)?]].concat();
        *tree.at_mut(&at)? = Tlv::value(0x04, &signature);
        *value = STANDARD.encode(tree.encode()).into();
        Some(())
    }

    /// Has the version 2 log sign another checkpoint for the first entry.
    pub(crate) fn set_checkpoint(&self, draft: &mut Draft, change: impl FnOnce(String) -> String) {
        let envelope = &mut draft.entry()["inclusionProof"]["checkpoint"]["envelope"];
        let (text, line) = envelope.as_str().unwrap().rsplit_once("\n\n").unwrap();
        let (name, encoded) = line.trim_end().rsplit_once(' ').unwrap();
        let text = change(format!("{text}\n"));
        let signature = self.second_log.sign(Scheme::Ed25519, text.as_bytes());
        let bytes = [&STANDARD.decode(encoded).unwrap()[..4], &signature].concat();
        *envelope = format!("{text}\n{name} {}\n", STANDARD.encode(bytes)).into();
    }

    /// Has the version 2 log enter another body, as its only entry.
    pub(crate) fn set_body(&self, draft: &mut Draft, body: &[u8]) {
        let root = STANDARD.encode(HashAlgorithm::Sha256.digest(&[&[0], body].concat()));
        let entry = draft.entry();
        entry["canonicalizedBody"] = STANDARD.encode(body).into();
        entry["inclusionProof"]["rootHash"] = root.clone().into();
        self.set_checkpoint(draft, |text| {
            let mut lines: Vec<&str> = text.split('\n').collect();
            lines[2] = &root;
            lines.join("\n")
        });
    }

    /// Has the version 1 log promise another index and time.
    pub(crate) fn set_promise(&self, draft: &mut Draft, index: i64, time: i64) {
        let entry = draft.entry();
        let signed = json!({
            "body": entry["canonicalizedBody"],
            "integratedTime": time,
            "logID": hex_encode(&bytes(&entry["logId"]["keyId"])),
            "logIndex": index,
        });
        let signature = self.first_log.sign(Scheme::Ecdsa(Hash::Sha256), signed.to_string().as_bytes());
        entry["logIndex"] = index.to_string().into();
        entry["integratedTime"] = time.to_string().into();
        entry["inclusionPromise"]["signedEntryTimestamp"] = STANDARD.encode(signature).into();
    }
}
