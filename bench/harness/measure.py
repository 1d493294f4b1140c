"""The measurements. Implementations take turns, so that the machine's drift falls on all of them alike."""

import dataclasses
import json
import pathlib
import statistics

from harness.driver import Driver, DriverError, Drivers

GIBIBYTE = 1 << 30
# As the library reads files.
CHUNK = 256 << 10


@dataclasses.dataclass
class SigningPlan:
    lives: int
    rounds: int
    calls: int
    alone_calls: int
    at_once_rounds: int
    at_once_each: int


@dataclasses.dataclass
class Plan:
    lives: int
    warm_up: int
    rounds: int
    calls: int
    slow_calls: int
    load_rounds: int
    load_milliseconds: int
    file_rounds: int
    file_bytes: int
    memory_calls: int
    signing: SigningPlan


FULL = Plan(5, 100, 16, 40, 8, 5, 4000, 7, GIBIBYTE, 100_000, SigningPlan(5, 4, 64, 3, 3, 5))
QUICK = Plan(2, 20, 5, 20, 4, 1, 1500, 3, GIBIBYTE // 8, 10_000, SigningPlan(2, 2, 32, 2, 2, 2))


@dataclasses.dataclass
class Contender:
    """One row of the per-call table: who is asked what, and how often in a turn."""

    key: str
    driver: Driver
    command: str
    slow: bool = False
    verifies: bool = True

    def turn(self, case: str, plan: Plan) -> list[int]:
        return self.driver.numbers(self.command, case, plan.slow_calls if self.slow else plan.calls)


def contenders(drivers: Drivers) -> list[Contender]:
    return [
        Contender("floor", drivers.rust, "floor"),
        Contender("nif", drivers.beam, "verify"),
        Contender("nif_erlang", drivers.beam, "verify_erlang"),
        Contender("judge", drivers.beam, "judge", verifies=False),
        Contender("core", drivers.rust, "core"),
        Contender("crate_parsed", drivers.rust, "crate"),
        Contender("crate", drivers.rust, "crate_parse"),
        Contender("npm_parsed", drivers.npm, "parsed", slow=True),
        Contender("npm", drivers.npm, "parse", slow=True),
        Contender("pypi_parsed", drivers.pypi, "parsed", slow=True),
        Contender("pypi", drivers.pypi, "parse", slow=True),
    ]


def disagreements(drivers: Drivers, cases: list) -> list[str]:
    """Everybody must call every bundle valid; a contender that does not is no comparison."""
    refused = []
    for case in cases:
        for contender in filter(lambda one: one.verifies, contenders(drivers)):
            try:
                contender.driver.ask(contender.command, case.name, 1)
            except DriverError as error:
                refused.append(f"{case.name} {contender.key}: {error}")
    for line in refused:
        print(f"!!! NOT VALID FOR EVERYBODY: {line}", flush=True)
    return refused


def run(drivers: Drivers, cases: list[str], plan: Plan, work: pathlib.Path) -> dict:
    return {
        "floor_checks": {case: floor_checks(drivers, case, plan) for case in cases},
        "per_call": {case: per_call(drivers, case, plan) for case in cases},
        "load": {case: load(drivers, case, plan) for case in cases},
        "file": file_hashing(drivers, plan, work),
        "memory": {case: memory(drivers, case, plan) for case in cases},
    }


def floor_checks(drivers: Drivers, case: str, plan: Plan) -> list[dict]:
    """The floor's list, with what each check costs by each way aws-lc-rs offers (nanoseconds)."""
    described = json.loads(drivers.rust.ask("list", case))
    variants = json.loads(drivers.rust.ask("variants", case, plan.calls * 10))
    return [check | times for check, times in zip(described, variants)]


def per_call(drivers: Drivers, case: str, plan: Plan) -> dict:
    samples = {contender.key: [] for contender in contenders(drivers) if answers(contender, case)}
    for _ in range(plan.lives):
        drivers.restart()
        living = [contender for contender in contenders(drivers) if answers(contender, case, plan.warm_up)]
        for turn in range(plan.rounds):
            for contender in order(living, turn):
                samples[contender.key].append(contender.turn(case, plan))
    return {key: summary(rounds, samples["floor"]) for key, rounds in samples.items()}


def order(contenders: list, turn: int) -> list:
    """Another one first each time, and every second time backwards: nobody always follows the same one."""
    first = turn % len(contenders)
    turned = contenders[first:] + contenders[:first]
    return turned if turn % 2 == 0 else turned[::-1]


def answers(contender: Contender, case: str, calls: int = 1) -> bool:
    try:
        contender.driver.ask(contender.command, case, calls)
    except DriverError:
        return False
    return True


def summary(rounds: list[list[int]], floor: list[list[int]]) -> dict:
    calls = sorted(nanos for turn in rounds for nanos in turn)
    ratios = sorted(
        statistics.median(mine) / statistics.median(theirs) for mine, theirs in zip(rounds, floor)
    )
    return {
        "calls": len(calls),
        "median_us": microseconds(statistics.median(calls)),
        "p99_us": microseconds(percentile(calls, 99)),
        "of_floor": round(statistics.median(ratios), 3),
        "of_floor_quartiles": [round(percentile(ratios, 25), 3), round(percentile(ratios, 75), 3)],
    }


def load(drivers: Drivers, case: str, plan: Plan) -> dict:
    """Throughput, and what a process that sleeps a millisecond in a loop sees meanwhile."""
    time_ = plan.load_milliseconds
    shapes = {
        "idle": (drivers.beam, "idle", time_),
        "one_caller": (drivers.beam, "callers", case, 1, time_),
        "callers_64": (drivers.beam, "callers", case, 64, time_),
        "verify_many": (drivers.beam, "many", case, 256, time_),
        "callers_64_on_one_core": (drivers.one_core, "callers", case, 64, time_),
    }
    rounds = {name: [] for name in shapes}
    for turn in range(plan.load_rounds):
        for name in order(list(shapes), turn):
            driver, *words = shapes[name]
            rounds[name].append(loaded(driver.numbers(*words)))
    return {name: load_summary(turns, rounds["one_caller"]) for name, turns in rounds.items()}


def loaded(answer: list[int]) -> dict:
    calls, nanos, *delays = answer
    return {"per_second": calls * 1e9 / nanos, "sleeper": delays}


def load_summary(turns: list[dict], one_caller: list[dict]) -> dict:
    times = [mine["per_second"] / one["per_second"] for mine, one in zip(turns, one_caller)]
    p50, p99, longest = zip(*(turn["sleeper"] for turn in turns))
    return {
        "per_second": round(statistics.median(turn["per_second"] for turn in turns)),
        "of_one_caller": round(statistics.median(times), 3),
        "sleeper_p50_ms": milliseconds(statistics.median(p50)),
        "sleeper_p99_ms": milliseconds(statistics.median(p99)),
        "sleeper_worst_p99_ms": milliseconds(max(p99)),
        "sleeper_max_ms": milliseconds(max(longest)),
    }


def file_hashing(drivers: Drivers, plan: Plan, work: pathlib.Path) -> dict:
    """A large file through the library against SHA-256 alone over the same file, both from the page cache."""
    path = work / "large.bin"
    if not path.exists() or path.stat().st_size != plan.file_bytes:
        drivers.rust.ask("make_file", path, plan.file_bytes)
    drivers.rust.ask("sign_file", path, work)
    raw, memory_only, ours, extra = [], [], [], []
    for _ in range(plan.file_rounds):
        raw += drivers.rust.numbers("hash_file", path, CHUNK)
        memory_only += drivers.rust.numbers("hash_memory", plan.file_bytes, CHUNK)
        nanos, kibibytes = drivers.beam.numbers("file", path, work / "file.sigstore.json", work / "file.pem")
        ours.append(nanos)
        extra.append(kibibytes)
    return {
        "bytes": plan.file_bytes,
        "raw_mib_per_second": speed(plan.file_bytes, raw),
        "without_reading_mib_per_second": speed(plan.file_bytes, memory_only),
        "nif_mib_per_second": speed(plan.file_bytes, ours),
        "of_raw": round(statistics.median(there / here for there, here in zip(raw, ours)), 3),
        "extra_memory_mib": round(max(extra) / 1024, 2),
    }


def memory(drivers: Drivers, case: str, plan: Plan) -> dict:
    """Resident memory of the VM before, half way and after many verifications."""
    before, half, after = drivers.beam.numbers("memory", case, plan.memory_calls)
    return {
        "calls": plan.memory_calls,
        "before_mib": round(before / 1024, 1),
        "half_way_mib": round(half / 1024, 1),
        "after_mib": round(after / 1024, 1),
        "second_half_growth_bytes_per_call": round((after - half) * 1024 / (plan.memory_calls / 2), 2),
    }


def percentile(ordered: list, percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def microseconds(nanos: float) -> float:
    return round(nanos / 1e3, 1)


def milliseconds(nanos: float) -> float:
    return round(nanos / 1e6, 2)


def speed(total: int, nanos: list[int]) -> int:
    return round(total / statistics.median(nanos) * 1e9 / (1 << 20))
