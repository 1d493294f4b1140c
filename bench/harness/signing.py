"""Signing: what the core computes for it, who else signs, and many at once. All of it with services on this machine."""

import dataclasses
import json
import pathlib
import statistics
import subprocess
import time
from concurrent import futures

from harness import build, cases, processor
from harness.driver import Driver, DriverError, Drivers
from harness.measure import SigningPlan, disagreements, microseconds, milliseconds, order, percentile
from harness.services import COSIGN, Services, ServicesError

# Both ask the timestamp authority too.
CASES = {"keyless_v1": "_v1", "keyless_v2": ""}
ARTIFACT = b"What all of them sign.\n" * 64

# One signing at a time mostly waits, and then computes with caches that others have filled: a log of version 2 answers
# twice a second. With that many under way there is always one to go on with.
ABREAST = 16
AT_ONCE = 200
WARM_UP = 2


def run(drivers: Drivers, services: Services, plan: SigningPlan, folder: pathlib.Path) -> dict:
    """What was measured, or why nothing was."""
    try:
        with services.running():
            return measured(drivers, services, plan, folder)
    except (ServicesError, DriverError) as error:
        print(f"!!! SIGNING IS NOT MEASURED: {error}", flush=True)
        return {"not_measured": str(error)}


def measured(drivers: Drivers, services: Services, plan: SigningPlan, folder: pathlib.Path) -> dict:
    signed = [prepare(drivers, services, folder / name, files) for name, files in CASES.items()]
    refused = disagreements(drivers, signed)
    refused += strangers(drivers, services, folder)
    return {
        "cases": [case.about() for case in signed],
        "disagreements": refused,
        "cosign": cosign_version(),
        "floor_parts": {name: json.loads(drivers.rust.ask("sign_floor_parts", name, 200)) for name in CASES},
        "core": {name: core(drivers, services, name, plan) for name in CASES},
        "alone": {name: alone(drivers, services, folder / name, plan) for name in CASES},
        "at_once": {name: at_once(drivers, services, name, plan) for name in CASES},
    }


def prepare(drivers: Drivers, services: Services, folder: pathlib.Path, files: str) -> cases.Case:
    """A case whose bundle the library signs: the floor takes its checks from it, and every verifier judges it."""
    sources = {
        "root.json": services.folder / "trusted_root.json",
        "services.json": services.folder / f"signing_config{files}.json",
        "client_trust_config.json": services.folder / f"client_trust_config{files}.json",
    }
    cases.to_sign(folder, sources, ARTIFACT, {"identity": services.identity, "issuer": services.issuer})
    drivers.rust.ask("leave_bundle", folder.name, services.token())
    return cases.describe(folder, "signed for this run")


@dataclasses.dataclass
class Turn:
    """Of one signer: how long each signing took, and the processor time of all its threads for one."""

    wall: list[int]
    processor: float


def turn(driver: Driver, *words: object) -> Turn:
    begin = processor.nanoseconds(driver.process.pid)
    wall = driver.numbers(*words)
    return Turn(wall, (processor.nanoseconds(driver.process.pid) - begin) / len(wall))


def core(drivers: Drivers, services: Services, name: str, plan: SigningPlan) -> dict:
    """The core's processor time without what the same exchanges cost that involve no cryptography, by the floor's."""
    rounds = {"signing": [], "network": [], "floor": []}
    build.step(f"{name}: the core against its floor")
    for _ in range(plan.lives):
        drivers.restart()
        shapes = core_shapes(drivers.rust, services, name)
        for shape in shapes.values():
            shape(ABREAST)
        for number in range(plan.rounds):
            for key in order(list(shapes), number):
                rounds[key].append(shapes[key](plan.calls).processor)
    ratios = sorted((all_ - network) / floor for all_, network, floor in zip(*rounds.values()))
    return {
        "signings": plan.calls * len(ratios),
        "abreast": ABREAST,
        **{f"{key}_us": microseconds(statistics.median(times)) for key, times in rounds.items()},
        "of_floor": round(statistics.median(ratios), 3),
        "of_floor_quartiles": [round(percentile(ratios, 25), 3), round(percentile(ratios, 75), 3)],
    }


def core_shapes(rust: Driver, services: Services, name: str) -> dict:
    return {
        "signing": lambda n: turn(rust, "sign", name, services.token(), n, ABREAST),
        "network": lambda n: exchanges(rust, services, name, n, ABREAST),
        "floor": lambda n: turn(rust, "sign_floor", name, n),
    }


def exchanges(rust: Driver, services: Services, name: str, n: int, at_once: int) -> Turn:
    """Everything that will be sent is made before the clock is read."""
    rust.ask("prepare_exchanges", name, services.token(), n)
    return turn(rust, "exchange", name, n, at_once)


def alone(drivers: Drivers, services: Services, folder: pathlib.Path, plan: SigningPlan) -> dict:
    """One signing after the other, of everybody in turn."""
    build.step(f"{folder.name}: one at a time")
    rounds = {}
    for _ in range(plan.lives):
        drivers.restart()
        living = signers(drivers, services, folder)
        living = {key: sign for key, sign in living.items() if signs(sign)}
        for number in range(plan.rounds):
            for key in order(list(living), number):
                rounds.setdefault(key, []).append(living[key](plan.alone_calls))
    return {key: alone_summary(turns, rounds["nif"]) for key, turns in rounds.items()}


def signers(drivers: Drivers, services: Services, folder: pathlib.Path) -> dict:
    """By name, what has somebody sign so many times. The stack's Rekor 1 answers less than cosign asks of it."""
    name, rust = folder.name, drivers.rust
    all_ = {
        "nif": lambda n: turn(drivers.beam, "sign", name, services.token(), n),
        "core": lambda n: turn(rust, "sign", name, services.token(), n, 1),
        "network": lambda n: exchanges(rust, services, name, n, 1),
        "pypi": lambda n: turn(drivers.pypi, "sign", name, services.token(), n),
    }
    if name == "keyless_v2":
        all_["cosign"] = lambda n: cosign(services, folder, n)
    return all_


def strangers(drivers: Drivers, services: Services, folder: pathlib.Path) -> list[str]:
    """Who does not sign is no comparison."""
    refused = []
    for name in CASES:
        for key, sign in signers(drivers, services, folder / name).items():
            try:
                sign(1)
            except (DriverError, subprocess.CalledProcessError) as error:
                refused.append(f"{name} {key}: {error}")
    for line in refused:
        print(f"!!! DOES NOT SIGN: {line}", flush=True)
    return refused


def signs(sign) -> bool:
    try:
        sign(WARM_UP)
    except (DriverError, subprocess.CalledProcessError):
        return False
    return True


def cosign(services: Services, folder: pathlib.Path, n: int) -> Turn:
    """A process for each signing: that is what there is."""
    token = services.folder / "token"
    token.write_text(services.token())
    command = [COSIGN, "sign-blob", "--yes", "--signing-config", folder / "services.json"]
    command += ["--trusted-root", folder / "root.json", "--identity-token", token]
    command += ["--bundle", services.folder / "cosign.sigstore.json", folder / "artifact"]
    begin, wall = processor.children_nanoseconds(), []
    for _ in range(n):
        start = time.perf_counter_ns()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall.append(time.perf_counter_ns() - start)
    return Turn(wall, (processor.children_nanoseconds() - begin) / n)


def cosign_version() -> str:
    """What it says of itself: Debian's build knows no more than the compiler."""
    described = subprocess.run([COSIGN, "version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return " ".join(line.strip() for line in described.stdout.splitlines() if "Version" in line)


def alone_summary(turns: list[Turn], ours: list[Turn]) -> dict:
    wall = [nanos for turn in turns for nanos in turn.wall]
    slower = [statistics.median(his.wall) / statistics.median(mine.wall) for his, mine in zip(turns, ours)]
    busier = [his.processor / mine.processor for his, mine in zip(turns, ours)]
    return {
        "signings": len(wall),
        "wall_ms": milliseconds(statistics.median(wall)),
        "processor_us": microseconds(statistics.median(turn.processor for turn in turns)),
        "wall_of_ours": round(statistics.median(slower), 3),
        "processor_of_ours": round(statistics.median(busier), 3),
    }


def at_once(drivers: Drivers, services: Services, name: str, plan: SigningPlan) -> list[dict]:
    """In one VM, round after round: what one leaves behind is there when the next begins."""
    build.step(f"{name}: {AT_ONCE} at once")
    drivers.restart()
    drivers.beam.ask("sign", name, services.token(), WARM_UP)
    return [at_once_round(drivers, services, name, plan.at_once_each) for _ in range(plan.at_once_rounds)]


def at_once_round(drivers: Drivers, services: Services, name: str, each: int) -> dict:
    words = drivers.beam.ask("sign_at_once", name, services.token(), AT_ONCE, each).split()
    nanos, p50, p99, longest, before, peak, after = map(int, words[:7])
    failures = words[7:]
    return {
        "signings": AT_ONCE * each,
        "failures": failures,
        "per_second": round((AT_ONCE * each - len(failures)) * 1e9 / nanos, 1),
        "sleeper_p50_ms": milliseconds(p50),
        "sleeper_p99_ms": milliseconds(p99),
        "sleeper_max_ms": milliseconds(longest),
        "idle_sleeper_p99_ms": milliseconds(idle_sleeper(drivers, services, name, nanos)),
        "before_mib": round(before / 1024, 1),
        "peak_mib": round(peak / 1024, 1),
        "after_mib": round(after / 1024, 1),
    }


def idle_sleeper(drivers: Drivers, services: Services, name: str, nanos: int) -> int:
    """The same sleeper in a VM that does nothing else, while another process keeps the services as busy."""
    drivers.rust.ask("prepare_exchanges", name, services.token(), AT_ONCE)
    with futures.ThreadPoolExecutor() as pool:
        busy = pool.submit(drivers.rust.ask, "exchange", name, AT_ONCE, AT_ONCE)
        _calls, _nanos, _p50, p99, _longest = drivers.beam.numbers("idle", nanos // 1_000_000)
        busy.result()
    return p99
