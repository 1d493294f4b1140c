"""The result file and the table."""

import json
import operator
import pathlib
import statistics

from harness import signing as signing_cases
from harness.build import BENCH

RESULTS = BENCH / "results"

# With 200 signings under way, above what the VM had before.
MOST_MEMORY = 64

OURS = ("floor", "nif", "nif_erlang", "judge", "core")

NAMES = {
    "floor": "cryptographic floor (aws-lc-rs, raw)",
    "nif": "hex_provenance from Elixir, parse to term",
    "nif_erlang": "  its Erlang face, without Elixir's structs",
    "judge": "  judging the provenance that was verified",
    "core": "  its Rust core alone, parse and verify",
    "crate_parsed": "sigstore-verify crate, bundle already parsed",
    "crate": "sigstore-verify crate, parse and verify",
    "npm_parsed": "npm @sigstore/verify, bundle already parsed",
    "npm": "npm @sigstore/verify, parse and verify",
    "pypi_parsed": "PyPI sigstore, bundle already parsed",
    "pypi": "PyPI sigstore, parse and verify",
}

SIGNERS = {
    "nif": "hex_provenance from Elixir (the VM's whole time)",
    "core": "  its Rust core alone",
    "network": "  the same exchanges without cryptography",
    "pypi": "PyPI sigstore, in a process that stays",
    "cosign": "cosign, a process for each",
}


def write(document: dict, date: str) -> pathlib.Path:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{date}.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path


def targets(document: dict) -> list[dict]:
    results = document["results"]
    rows = [target("every peer agrees on every bundle", len(document["disagreements"]), "<=", 0)]
    for case, calls in results["per_call"].items():
        rows.append(target(f"{case}: NIF call / floor", calls["nif"]["of_floor"], "<=", 1.2))
        if "judge" in calls:
            share = calls["judge"]["of_floor"] / calls["nif"]["of_floor"]
            rows.append(target(f"{case}: judging / verifying", round(share, 3), "<=", 0.1))
        fastest = min(row["of_floor"] for key, row in calls.items() if key not in OURS)
        rows.append(target(f"{case}: NIF call / fastest peer", round(calls["nif"]["of_floor"] / fastest, 3), "<", 1))
    for case, load in results["load"].items():
        for shape in ("callers_64", "verify_many"):
            row = load[shape]
            rows.append(target(f"{case}: {shape} / one caller", row["of_one_caller"], ">=", 1.85))
            rows.append(target(f"{case}: {shape}, 1 ms sleeper p99 in ms", row["sleeper_p99_ms"], "<", 5))
    rows.append(target("file hashing / raw SHA-256", results["file"]["of_raw"], ">=", 0.9))
    rows.append(target("file hashing, extra memory in MiB", results["file"]["extra_memory_mib"], "<", 16))
    for case, row in results["memory"].items():
        growth = row["second_half_growth_bytes_per_call"]
        rows.append(target(f"{case}: memory growth in bytes a call", growth, "<", 16))
    rows.append(target("library size, verify only, in MB", megabytes(results["sizes"]["verify"]), "<=", 5))
    rows.append(target("library size, with TUF, in MB", megabytes(results["sizes"]["tuf"]), "<=", 7.5))
    rows.append(target("library size, with TUF and signing, in MB", megabytes(results["sizes"]["everything"]), "<=", 9))
    return rows + signing_targets(results["signing"])


def signing_targets(signing: dict) -> list[dict]:
    """What was not measured is not met."""
    rows = []
    for case in signing_cases.CASES:
        core = signing.get("core", {}).get(case, {})
        rows.append(target(f"{case}: core without network / floor", core.get("of_floor"), "<=", 3))
        rounds = signing.get("at_once", {}).get(case)
        failures, slept, grown = many_at_once(rounds) if rounds else (None, None, None)
        rows.append(target(f"{case}: at once, failures", failures, "<=", 0))
        rows.append(target(f"{case}: at once, 1 ms sleeper p99 in ms", slept, "<", 5))
        rows.append(target(f"{case}: at once, peak memory in MiB more", grown, "<=", MOST_MEMORY))
    return rows


def many_at_once(rounds: list[dict]) -> tuple[int, float, float]:
    """Failures of all rounds, the sleeper of the median one, and the memory of the worst."""
    failures = sum(len(row["failures"]) for row in rounds)
    grown = max(row["peak_mib"] for row in rounds) - rounds[0]["before_mib"]
    slept = statistics.median(row["sleeper_p99_ms"] for row in rounds)
    return failures, round(slept, 2), round(grown, 1)


def target(name: str, value: float | None, relation: str, bound: float) -> dict:
    """A value of None was not measured."""
    comparisons = {"<=": operator.le, "<": operator.lt, ">=": operator.ge}
    met = value is not None and comparisons[relation](value, bound)
    return {"name": name, "value": value, "target": f"{relation} {bound}", "met": met}


def table(document: dict) -> str:
    results = document["results"]
    parts = [heading(document)]
    parts += [floor_table(case, checks) for case, checks in results["floor_checks"].items()]
    parts += [call_table(case, rows) for case, rows in results["per_call"].items()]
    parts += [load_table(case, rows) for case, rows in results["load"].items()]
    parts += signing_tables(results["signing"])
    parts.append(target_table(document["targets"]))
    return "\n\n".join(parts)


def heading(document: dict) -> str:
    machine = document["machine"]
    quiet = machine["quiet"]
    share = f"{quiet['taken_by_others']:.1%} of the machine taken by others"
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['rustc']}, commit {machine['commit']}",
        *(f"{name}: {versions}" for name, versions in machine["versions"].items()),
        f"quiet: {share}" if quiet["quiet"] else f"NOT QUIET: {share}: not a claim",
        *(f"NOT FOR EVERYBODY: {line}" for line in document["disagreements"]),
    ]
    return "\n".join(lines)


def floor_table(case: str, checks: list[dict]) -> str:
    head = f"{case}, the floor's checks{'':<22} {'floor':>8} {'unparsed':>9} {'parsed':>8} {'hash':>6}   us"
    return "\n".join([head, *map(floor_row, checks)])


def floor_row(check: dict) -> str:
    name = f"{check['check']} {check['algorithm']} (key: {check['key_from']})"
    times = [check[key] / 1e3 for key in ("floor", "unparsed", "parsed", "hash_only")]
    return "  {:<44} {:>8.1f} {:>9.1f} {:>8.1f} {:>6.1f}".format(name, *times)


def call_table(case: str, rows: dict) -> str:
    head = f"{case}, per call{'':<35} {'median us':>10} {'p99 us':>10} {'x floor':>8}"
    return "\n".join([head, *(call_row(NAMES[key], rows[key]) for key in NAMES if key in rows)])


def call_row(name: str, row: dict) -> str:
    return f"  {name:<46} {row['median_us']:>9.1f} {row['p99_us']:>10.1f} {row['of_floor']:>8.2f}"


def load_table(case: str, rows: dict) -> str:
    head = f"{case}, under load{'':<13} {'calls/s':>9} {'x one':>7} {'sleeper p50':>12} {'p99':>7} {'max':>7}   ms"
    return "\n".join([head, *(load_row(name, row) for name, row in rows.items())])


def load_row(name: str, row: dict) -> str:
    sleeper = [row["sleeper_p50_ms"], row["sleeper_p99_ms"], row["sleeper_max_ms"]]
    shape = "  {:<26} {:>9} {:>7.2f} {:>12.2f} {:>7.2f} {:>7.2f}"
    return shape.format(name.replace("_", " "), row["per_second"], row["of_one_caller"], *sleeper)


def signing_tables(signing: dict) -> list[str]:
    if "not_measured" in signing:
        return [f"SIGNING IS NOT MEASURED: {signing['not_measured']}"]
    parts = []
    for case in signing_cases.CASES:
        parts.append(parts_table(case, signing["floor_parts"][case]))
        parts.append(core_table(case, signing["core"][case]))
        parts.append(alone_table(case, signing["alone"][case]))
        parts.append(at_once_table(case, signing["at_once"][case]))
    return parts


def parts_table(case: str, parts: list[dict]) -> str:
    head = f"{case}, the floor of a signing{'':<18} {'us':>8}"
    return "\n".join([head, *(f"  {part['part']:<44} {part['nanoseconds'] / 1e3:>8.1f}" for part in parts)])


def core_table(case: str, row: dict) -> str:
    head = f"{case}, {row['abreast']} under way, processor time of one{'':<2} {'us':>8} {'x floor':>8}"
    lines = [
        "  {:<44} {:>8.1f}".format("floor", row["floor_us"]),
        "  {:<44} {:>8.1f}".format("the core", row["signing_us"]),
        "  {:<44} {:>8.1f}".format("the same exchanges without cryptography", row["network_us"]),
        "  {:<44} {:>8.1f} {:>8.2f}".format(
            "the core, network excluded", row["signing_us"] - row["network_us"], row["of_floor"]
        ),
    ]
    return "\n".join([head, *lines])


def alone_table(case: str, rows: dict) -> str:
    head = f"{case}, one at a time{'':<29} {'wall ms':>9} {'x ours':>8} {'processor us':>13} {'x ours':>8}"
    return "\n".join([head, *(alone_row(SIGNERS[key], rows[key]) for key in SIGNERS if key in rows)])


def alone_row(name: str, row: dict) -> str:
    shape = "  {:<48} {:>9.1f} {:>8.2f} {:>13.0f} {:>8.2f}"
    return shape.format(name, row["wall_ms"], row["wall_of_ours"], row["processor_us"], row["processor_of_ours"])


def at_once_table(case: str, rounds: list[dict]) -> str:
    head = (
        f"{case}, {signing_cases.AT_ONCE} at once  {'failed':>7} {'a second':>9} {'sleeper p50':>12} {'p99':>7} "
        f"{'max':>7} {'idle VM p99':>12}   ms {'before':>7} {'peak':>7} {'after':>7}   MiB"
    )
    return "\n".join([head, *(at_once_row(number, row) for number, row in enumerate(rounds, 1))])


def at_once_row(number: int, row: dict) -> str:
    name = f"round {number}, {row['signings']} signings"
    slept = "{sleeper_p50_ms:>12.2f} {sleeper_p99_ms:>7.2f} {sleeper_max_ms:>7.2f}".format(**row)
    memory = "{before_mib:>7.1f} {peak_mib:>7.1f} {after_mib:>7.1f}".format(**row)
    codes = " ".join(sorted(set(row["failures"])))
    numbers = f"{len(row['failures']):>7} {row['per_second']:>9} {slept} {row['idle_sleeper_p99_ms']:>12.2f}"
    return f"  {name:<24} {numbers}      {memory}  {codes}".rstrip()


def target_table(rows: list[dict]) -> str:
    lines = [f"{'target':<48} {'value':>8}  {'bound':<9}"]
    for row in rows:
        measured = row["value"] is not None
        verdict = "met" if row["met"] else "MISSED" if measured else "NOT MEASURED"
        lines.append(f"  {row['name']:<46} {row['value'] if measured else '':>8}  {row['target']:<9} {verdict}")
    return "\n".join(lines)


def megabytes(size: int) -> float:
    return round(size / 1e6, 2)
