"""Bench driver for PyPI's sigstore: one command a line in, `ok ...` or `error ...` out."""

import functools
import importlib.metadata
import json
import pathlib
import platform
import sys
import time

from sigstore.hashes import Hashed
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy
from sigstore_models.common.v1 import HashAlgorithm


def main(folder: str) -> None:
    for line in sys.stdin:
        try:
            print("ok", answer(pathlib.Path(folder), *line.split()), flush=True)
        except Exception as error:
            print("error", type(error).__name__, *str(error).split(), flush=True)


def answer(folder: pathlib.Path, command: str, name: str = "", *words: str) -> str:
    if command == "versions":
        version = importlib.metadata.version("sigstore")
        return f"python={platform.python_version()} sigstore={version}"
    if command == "sign":
        token, n = words
        return timed(int(n), functools.partial(Signing(folder / name).sign, token))
    case = Case(folder / name)
    (n,) = words
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


@functools.cache
class Signing:
    def __init__(self, folder: pathlib.Path) -> None:
        config = ClientTrustConfig.from_json((folder / "client_trust_config.json").read_text())
        self.context = SigningContext.from_trust_config(config)
        self.artifact = (folder / "artifact").read_bytes()

    def sign(self, token: str) -> None:
        # A new signer each time: it keeps its key and certificate.
        with self.context.signer(IdentityToken(token)) as signer:
            signer.sign_artifact(self.artifact)


def samples(n: int, once) -> str:
    # Two untimed calls first: whoever measured before has filled the caches with something else.
    once()
    once()
    return timed(n, once)


def timed(n: int, once) -> str:
    nanos = []
    for _ in range(n):
        start = time.perf_counter_ns()
        once()
        nanos.append(time.perf_counter_ns() - start)
    return " ".join(map(str, nanos))


if __name__ == "__main__":
    main(sys.argv[1])
