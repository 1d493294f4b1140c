"""Driver processes: each measured implementation runs in its own, kept alive, one command a line."""

import contextlib
import pathlib
import subprocess

from harness import build


class DriverError(Exception):
    """What a driver answered instead of a result."""


class Driver:
    def __init__(self, name: str, command: list[str], environment: dict[str, str] | None = None):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, *words: object) -> str:
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        status, _, rest = line.rstrip("\n").partition(" ")
        if status != "ok":
            raise DriverError(f"{self.name}: {rest or 'the driver ended'}")
        return rest

    def numbers(self, *words: object) -> list[int]:
        return [int(word) for word in self.ask(*words).split()]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Drivers(contextlib.ExitStack):
    """rust: floor, core, crate and raw hashing; beam: the library; npm and pypi: the peers."""

    def __init__(self, artefacts: build.Artefacts, folder: pathlib.Path):
        super().__init__()
        self.artefacts = artefacts
        self.folder = folder
        self._start_all()

    def restart(self) -> None:
        """New processes: where memory happens to lie makes a percent or two, for as long as a process lives."""
        self.close()
        self._start_all()

    def all(self) -> list[Driver]:
        return [self.rust, self.beam, self.one_core, self.npm, self.pypi]

    def that_know_versions(self) -> list[Driver]:
        return [self.beam, self.one_core, self.npm, self.pypi]

    def _start_all(self) -> None:
        beam, environment = self.artefacts.beam_command(self.folder), self.artefacts.beam_environment()
        self.rust = self._start("rust", [self.artefacts.floor, self.folder])
        self.beam = self._start("beam", beam, environment)
        self.one_core = self._start("beam on one core", ["taskset", "-c", "0", *beam], environment)
        self.npm = self._start("npm", ["node", self.artefacts.npm / "driver.mjs", self.folder])
        self.pypi = self._start("pypi", [self.artefacts.python, build.BENCH / "pypi" / "driver.py", self.folder])

    def _start(self, name: str, command: list, environment: dict[str, str] | None = None) -> Driver:
        driver = Driver(name, [str(word) for word in command], environment)
        self.callback(driver.close)
        return driver
