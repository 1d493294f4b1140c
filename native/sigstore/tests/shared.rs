//! Every case of sigstore-conformance and of the corpus of real attestations, when they are beside the project
//! (`../shared`, or the folder that `HEX_PROVENANCE_SHARED` names).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use provenance_sigstore::{
    Artifact, Bundle, Content, HashAlgorithm, Identity, Instance, Limits, ManagedKey, Matcher, Policy, PublicKey,
    SignerPolicy, Source, Thresholds, TrustRoot, hex_decode, hex_encode, verify,
};
use serde_json::Value;

const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const GITHUB: &str = "https://token.actions.githubusercontent.com";

struct Case {
    name: String,
    accept: bool,
    bundle: PathBuf,
    signer: Result<(String, String), PathBuf>,
    root: Option<PathBuf>,
    inputs: Vec<Input>,
}

enum Input {
    File(PathBuf),
    Digest(HashAlgorithm, Vec<u8>),
}

#[test]
fn conformance_and_corpus() {
    let Some(shared) = shared() else {
        eprintln!("SKIPPED: no ../shared: conformance and corpus were not run");
        return;
    };
    let mut cases = conformance(&shared.join("conformance/bundle-verify"));
    cases.extend(corpus(&shared.join("corpus")));
    assert!(cases.len() > 200, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        for input in &case.inputs {
            match (run(case, input), case.accept) {
                (Ok(()), true) | (Err(_), false) => {}
                (Err(e), true) if undecidable(case, input) && e.code() == "digest_unavailable" => {}
                (result, _) => {
                    wrong.push(format!("{}: {:?}", case.name, result.map_err(|e| (e.to_string(), e.also().to_vec()))))
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Entries of the corpus that want a bundle accepted for a SHA-256 digest although its only subject states a SHA-512 and
/// nothing signed contains that SHA-256: no verifier can know that they belong together. (With the artifact's path the
/// same entries are verified.)
fn undecidable(case: &Case, input: &Input) -> bool {
    let Input::Digest(algorithm, digest) = input else { return false };
    let bundle = Bundle::parse(&std::fs::read(&case.bundle).unwrap(), &Limits::default()).unwrap();
    let Content::Envelope(envelope) = &bundle.content else { return false };
    let payload = String::from_utf8_lossy(&envelope.payload);
    !payload.contains(&hex_encode(digest)) && !payload.contains(&format!("\"{}\"", algorithm.name()))
}

fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = std::env::var_os("HEX_PROVENANCE_SHARED").map_or(beside, PathBuf::from);
    path.join("conformance").exists().then_some(path)
}

fn run(case: &Case, input: &Input) -> provenance_sigstore::Result<()> {
    let limits = Limits::default();
    let root = match &case.root {
        None => TrustRoot::embedded(Instance::PublicGood)?,
        Some(path) => TrustRoot::parse(&std::fs::read(path).unwrap(), Source::File, &limits)?,
    };
    let [logs, certificate_logs, ..] = root.counts();
    let thresholds = (logs == 0 || certificate_logs == 0).then_some(Thresholds {
        log_entries: u64::from(logs > 0),
        timestamps: u64::from(logs == 0),
        scts: u64::from(certificate_logs > 0),
    });
    let signer = match &case.signer {
        Ok((san, issuer)) => SignerPolicy::AnyOf(vec![Identity {
            san: Some(Matcher::exact(san)?),
            issuer: Some(Matcher::exact(issuer)?),
            claims: Vec::new(),
        }]),
        Err(key) => SignerPolicy::Keys(vec![Arc::new(ManagedKey {
            key: PublicKey::from_pem("key", &std::fs::read(key).unwrap())?,
            hint: None,
            validity: None,
        })]),
    };
    let policy = Policy { trust: vec![Arc::new(root)], signer, thresholds, untimed: false, limits };
    let bundle = Bundle::parse(&std::fs::read(&case.bundle).unwrap(), &limits)?;
    let artifact = match input {
        Input::File(path) => Artifact::File(path.clone()),
        Input::Digest(algorithm, digest) => Artifact::from_digest(*algorithm, digest.clone())?,
    };
    verify(&bundle, &artifact, &policy).map(|_| ())
}

fn conformance(root: &Path) -> Vec<Case> {
    let mut folders: Vec<_> =
        std::fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    folders
        .into_iter()
        .map(|folder| {
            let text = |name: &str, other: &str| {
                std::fs::read_to_string(folder.join(name)).map_or_else(|_| other.to_owned(), |t| t.trim().to_owned())
            };
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            let own = folder.join("artifact");
            let artifact = if own.exists() { own } else { root.join("a.txt") };
            let trusted = folder.join("trusted_root.json");
            let key = folder.join("key.pub");
            let digest = HashAlgorithm::Sha256.digest(&std::fs::read(&artifact).unwrap());
            Case {
                accept: !name.ends_with("fail"),
                bundle: folder.join("bundle.sigstore.json"),
                signer: if key.exists() { Err(key) } else { Ok((text("identity", BEACON), text("issuer", GITHUB))) },
                root: trusted.exists().then_some(trusted),
                inputs: vec![Input::File(artifact), Input::Digest(HashAlgorithm::Sha256, digest)],
                name,
            }
        })
        .collect()
}

fn corpus(root: &Path) -> Vec<Case> {
    let index: Value = serde_json::from_slice(&std::fs::read(root.join("index.json")).unwrap()).unwrap();
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    index
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let mut inputs: Vec<_> = text(entry, "artifact").map(|a| Input::File(root.join(a))).into_iter().collect();
            if let Some(digest) = text(entry, "digest") {
                let algorithm = HashAlgorithm::from_name(&text(entry, "digest_alg").unwrap()).unwrap();
                inputs.push(Input::Digest(algorithm, hex_decode(&digest).unwrap()));
            }
            if inputs.is_empty() {
                inputs.push(Input::Digest(HashAlgorithm::Sha256, vec![0; 32]));
            }
            let trust = text(entry, "trusted_root").unwrap_or_else(|| "public-good".to_owned());
            let trust = if trust.contains('/') { trust } else { format!("roots/{trust}.json") };
            Case {
                name: text(entry, "id").unwrap(),
                accept: text(entry, "expect").as_deref() == Some("accept"),
                bundle: root.join(text(entry, "bundle").unwrap()),
                signer: text(entry, "key").map_or_else(
                    || Ok((text(entry, "identity").unwrap_or_default(), text(entry, "issuer").unwrap_or_default())),
                    |key| Err(root.join(key)),
                ),
                root: Some(root.join(trust)),
                inputs,
            }
        })
        .collect()
}
