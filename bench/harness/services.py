"""The services that signing needs: real ones on this machine's loopback, started for a run, stopped whatever happens."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from harness import build
from harness.processor import processor_time

STACK = build.ROOT.parent / "shared" / "sigstore-stack"
TOOLS = pathlib.Path(
    os.environ.get("SIGSTORE_STACK")
    or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "sigstore-stack"
)
COSIGN = TOOLS / "bin" / "cosign"
PORT = os.environ.get("HEX_PROVENANCE_PORT", "3100")

# They share the machine with who is measured: anybody else comes first, and all cores but the last are without them.
NICE = 19
CORE = (os.cpu_count() or 1) - 1


class ServicesError(Exception):
    """Why there are no services."""


class Services:
    """Once running: Fulcio, a certificate log, Rekor 1 and 2, a timestamp authority, an issuer of tokens."""

    identity = "dev@example.com"

    def __init__(self):
        self.folder: pathlib.Path | None = None
        self.pids: list[int] = []
        self.ended = 0.0
        self._ask_directly()

    @contextlib.contextmanager
    def running(self):
        for needed in (STACK, COSIGN):
            if not needed.exists():
                raise ServicesError(f"{needed} is not there")
        with terminated_as_exit(), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            self.folder = pathlib.Path(folder)
            try:
                self._start()
                yield self
            finally:
                self._stop()

    def token(self) -> str:
        """An identity token of a person, good for some minutes."""
        with urllib.request.urlopen(f"{self.base}/oidc/mint?email={self.identity}") as answer:
            return answer.read().decode().strip()

    @property
    def base(self) -> str:
        return json.loads((self.folder / "signing_config.json").read_text())["caUrls"][0]["url"]

    @property
    def issuer(self) -> str:
        return f"{self.base}/oidc"

    def processor_time(self) -> float:
        """Seconds, of those that run and of those that have run."""
        return self.ended + sum(processor_time(pid) for pid in self.pids if lives(pid))

    def _ask_directly(self) -> None:
        """What is installed may come through a proxy; these services do not, whichever process asks them."""
        for name in ("NO_PROXY", "no_proxy"):
            os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1"]))

    def _start(self) -> None:
        build.step(f"Sigstore's services, niceness {NICE}, on core {CORE}")
        started = subprocess.run(
            ["taskset", "-c", str(CORE), "nice", "-n", str(NICE), STACK / "start", self.folder, PORT],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if started.returncode != 0:
            raise ServicesError(f"the services do not start: {started.stderr.strip()}")
        self.pids = [int(file.read_text()) for file in self.folder.glob("*.pid")]
        for pid in self.pids:
            yield_to_other_sessions(pid)

    def _stop(self) -> None:
        self.ended, pids, self.pids = self.processor_time(), self.pids, []
        subprocess.run([STACK / "stop", self.folder], check=True)
        deadline = time.monotonic() + 10
        while any(map(lives, pids)) and time.monotonic() < deadline:
            time.sleep(0.1)


def build_tools() -> None:
    """Does nothing when they are built. Without them all but signing is measured."""
    if STACK.exists():
        build.step("Sigstore's services and cosign, from Debian's packages")
        subprocess.run([STACK / "build"], stdout=subprocess.DEVNULL)


def yield_to_other_sessions(pid: int) -> None:
    """Each service is a session of its own, and where Linux groups sessions, niceness counts only within one."""
    group = pathlib.Path(f"/proc/{pid}/autogroup")
    if group.exists():
        time.sleep(0.2)  # Linux lets users do this ten times a second.
        group.write_text(str(NICE))


def lives(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def terminated_as_exit():
    """A request to end unwinds the stack, so that what was started is stopped."""
    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda number, _: sys.exit(128 + number)) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before):
            signal.signal(number, handler)
