"""Bench driver for PyPI's sigstore: one command a line in, `ok ...` or `error ...` out."""

import functools
import importlib.metadata
import json
import pathlib
import platform
import sys
import time

from sigstore.hashes import Hashed
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy
from sigstore_models.common.v1 import HashAlgorithm


def main(folder: str) -> None:
    for line in sys.stdin:
        try:
            print("ok", answer(pathlib.Path(folder), *line.split()), flush=True)
        except Exception as error:
            print("error", type(error).__name__, *str(error).split(), flush=True)


def answer(folder: pathlib.Path, command: str, name: str = "", n: str = "0") -> str:
    if command == "versions":
        version = importlib.metadata.version("sigstore")
        return f"python={platform.python_version()} sigstore={version}"
    case = Case(folder / name)
    if command == "parsed":
        return samples(int(n), functools.partial(case.verify, case.bundle))
    if command == "parse":
        return samples(int(n), case.parse_and_verify)
    raise ValueError(f"unknown command: {command}")


@functools.cache
class Case:
    def __init__(self, folder: pathlib.Path) -> None:
        about = json.loads((folder / "case.json").read_text())
        self.verifier = Verifier(trusted_root=TrustedRoot.from_file(str(folder / "root.json")))
        self.policy = policy.Identity(identity=about["identity"], issuer=about["issuer"])
        self.text = (folder / "bundle.json").read_bytes()
        self.bundle = Bundle.from_json(self.text)
        digest = bytes.fromhex(about["sha256"])
        self.artifact = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=digest)

    def parse_and_verify(self) -> None:
        self.verify(Bundle.from_json(self.text))

    def verify(self, bundle: Bundle) -> None:
        if bundle._dsse_envelope:
            self.verifier.verify_dsse(bundle, self.policy)
        else:
            self.verifier.verify_artifact(self.artifact, bundle, self.policy)


def samples(n: int, once) -> str:
    # Two untimed calls first: whoever measured before has filled the caches with something else.
    once()
    once()
    nanos = []
    for _ in range(n):
        start = time.perf_counter_ns()
        once()
        nanos.append(time.perf_counter_ns() - start)
    return " ".join(map(str, nanos))


if __name__ == "__main__":
    main(sys.argv[1])
