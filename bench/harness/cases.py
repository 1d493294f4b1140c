"""The two bundles under measure, laid out so that every driver reads the same files."""

import base64
import dataclasses
import hashlib
import json
import pathlib
import shutil

from harness import build

# From the shared corpus: every peer accepts these. (npm refuses Rekor v2 entries over DSSE, PyPI `intoto` entries.)
CORPUS = {
    "v1": "125-cli-data-reusable-workflow-attestation.sigstore.json",
    "v2": "265-sigstore-conformance-rekor2-happy-path-bundle.sigstore.json",
}

GITHUB = "https://token.actions.githubusercontent.com"
BEACON = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon"

# Without the corpus: real bundles that the sigstore-verify crate carries as test data.
CRATE = {
    "v1": {
        "bundle": "bundles/conda-attestation.sigstore.json",
        "root": "trusted_roots/public-good.json",
        "artifact": "bundles/signed-package-2.1.0-hb0f4dca_0.conda",
        "identity": "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main",
        "sha256": "54303491a8418fbed24344b513546182c29b43bf282ceb433af65e2299f9271f",
    },
    "v2": {
        "bundle": "timestamps/valid_bundle.json",
        "root": "timestamps/valid_trusted_root.json",
        "artifact": "managed-key/artifact.txt",
        "identity": f"{BEACON}/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
        "sha256": "a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf",
    },
}


@dataclasses.dataclass
class Case:
    name: str
    source: str
    media_type: str
    content: str
    entries: list[str]
    timestamps: int
    bundle_bytes: int

    def about(self) -> dict:
        return dataclasses.asdict(self)


def prepare(folder: pathlib.Path) -> list[Case]:
    corpus = build.ROOT.parent / "shared" / "corpus"
    if (corpus / "index.json").exists():
        index = {entry["id"]: entry for entry in json.loads((corpus / "index.json").read_text())}
        return [from_corpus(folder / name, corpus, index[wanted]) for name, wanted in CORPUS.items()]
    print("no shared corpus: measuring bundles from the sigstore-verify crate's test data")
    return [from_crate(folder / name, files) for name, files in CRATE.items()]


def from_corpus(folder: pathlib.Path, corpus: pathlib.Path, entry: dict) -> Case:
    root = entry["trusted_root"]
    root = root if root.startswith("roots/") else f"roots/{root}.json"
    files = {"bundle": entry["bundle"], "root": root, "artifact": entry["artifact"]}
    who = {"identity": entry["identity"], "issuer": entry["issuer"], "sha256": entry["digest"]}
    lay_out(folder, {kind: corpus / path for kind, path in files.items()}, who)
    return describe(folder, f"{entry['source_repo']} {entry['source_path']}")


def from_crate(folder: pathlib.Path, files: dict) -> Case:
    data = build.crate_folder("sigstore-verify") / "test_data"
    who = {"identity": files["identity"], "issuer": GITHUB, "sha256": files["sha256"]}
    lay_out(folder, {kind: data / files[kind] for kind in ("bundle", "root", "artifact")}, who)
    return describe(folder, f"sigstore-verify test_data/{files['bundle']}")


def to_sign(folder: pathlib.Path, sources: dict[str, pathlib.Path], artifact: bytes, who: dict[str, str]) -> None:
    """A case without a bundle, until somebody signs."""
    folder.mkdir(parents=True, exist_ok=True)
    for target, source in sources.items():
        shutil.copyfile(source, folder / target)
    (folder / "artifact").write_bytes(artifact)
    write_facts(folder, who | {"sha256": hashlib.sha256(artifact).hexdigest()})


def lay_out(folder: pathlib.Path, sources: dict[str, pathlib.Path], who: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for kind, target in (("bundle", "bundle.json"), ("root", "root.json"), ("artifact", "artifact")):
        shutil.copyfile(sources[kind], folder / target)
    write_facts(folder, who)


def write_facts(folder: pathlib.Path, who: dict[str, str]) -> None:
    (folder / "case.json").write_text(json.dumps(who))
    # The same facts as lines, for a runtime whose standard library reads no JSON.
    lines = [who["identity"], who["issuer"], who["sha256"]]
    (folder / "case.txt").write_text("\n".join(lines) + "\n")


def describe(folder: pathlib.Path, source: str) -> Case:
    text = (folder / "bundle.json").read_bytes()
    bundle = json.loads(text)
    material = bundle["verificationMaterial"]
    stamps = (material.get("timestampVerificationData") or {}).get("rfc3161Timestamps", [])
    envelope = bundle.get("dsseEnvelope")
    return Case(
        name=folder.name,
        source=source,
        media_type=bundle["mediaType"],
        content=predicate_type(envelope) if envelope else "message signature",
        entries=["{kind} {version}".format(**e["kindVersion"]) for e in material["tlogEntries"]],
        timestamps=len(stamps),
        bundle_bytes=len(text),
    )


def predicate_type(envelope: dict) -> str:
    return json.loads(base64.b64decode(envelope["payload"])).get("predicateType", "statement")
