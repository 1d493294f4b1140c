"""The machine, and whether it was ours alone while we measured."""

import os
import pathlib
import platform
import resource
import subprocess
import time
import tomllib

from harness.build import BENCH, ROOT
from harness.driver import Drivers
from harness.processor import TICKS, processor_time
from harness.services import Services

# Above this share of the machine taken by others, a run is not quiet.
QUIET = 0.05


def facts(drivers: Drivers) -> dict:
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "system": platform.platform(),
        "virtual": any("hypervisor" in line for line in cpu_lines()),
        "rustc": output("rustc", "--version"),
        "commit": output("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "versions": crates() | {driver.name: driver.ask("versions") for driver in drivers.that_know_versions()},
    }


def crates() -> dict[str, str]:
    """What the floor program was built with, and what the library was: the floor must not be of another release."""
    return {
        "floor": versions_in(BENCH / "floor" / "Cargo.lock", ("aws-lc-rs", "aws-lc-sys", "sigstore-verify")),
        "library": versions_in(ROOT / "Cargo.lock", ("aws-lc-rs", "aws-lc-sys")),
    }


def versions_in(lock: pathlib.Path, names: tuple[str, ...]) -> str:
    packages = tomllib.loads(lock.read_text())["package"]
    return " ".join(f"{p['name']}={p['version']}" for p in packages if p["name"] in names)


def wait_until_quiet() -> None:
    """Until ten seconds in a row belong to nobody."""
    print("==> waiting for a quiet machine", flush=True)
    while busy_share(10) > QUIET:
        pass


def busy_share(seconds: int) -> float:
    begin, _ = machine_time()
    time.sleep(seconds)
    end, _ = machine_time()
    return (end - begin) / seconds / os.cpu_count()


def machine_time() -> tuple[float, float]:
    """Seconds of all cores spent at work, and stolen by the hypervisor."""
    words = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _wait, irq, softirq, stolen = (int(word) / TICKS for word in words)
    return user + nice + system + irq + softirq, stolen


class Watch:
    """Processor time of the whole machine against that of the drivers, of the services and of this process."""

    def __init__(self, drivers: Drivers, services: Services):
        self.drivers = drivers
        self.services = services
        self.begin = self.sample()

    def verdict(self) -> dict:
        time_, busy, stolen, ours = (now - then for now, then in zip(self.sample(), self.begin))
        machine = time_ * os.cpu_count()
        others = max(0.0, busy - ours) / machine
        return {
            "quiet": others < QUIET and stolen / machine < QUIET,
            "taken_by_others": round(others, 4),
            "stolen_by_hypervisor": round(stolen / machine, 4),
            "seconds": round(time_),
        }

    def sample(self) -> tuple[float, float, float, float]:
        return time.monotonic(), *machine_time(), self.own_time()

    def own_time(self) -> float:
        """Of this process, of the drivers that live, and of those that have ended."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        living = [os.getpid()] + [driver.process.pid for driver in self.drivers.all()]
        drivers = ended.ru_utime + ended.ru_stime + sum(map(processor_time, living))
        return drivers + self.services.processor_time()


def cpu_model() -> str:
    names = [line for line in cpu_lines() if line.startswith("model name")]
    return names[0].split(":", 1)[1].strip() if names else platform.processor()


def cpu_lines() -> list[str]:
    return pathlib.Path("/proc/cpuinfo").read_text().splitlines()


def output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.strip()
