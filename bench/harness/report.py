"""The result file and the table."""

import json
import pathlib

from harness.build import BENCH

RESULTS = BENCH / "results"

OURS = ("floor", "nif", "nif_erlang", "core")

NAMES = {
    "floor": "cryptographic floor (aws-lc-rs, raw)",
    "nif": "hex_provenance from Elixir, parse to term",
    "nif_erlang": "  its Erlang face, without Elixir's structs",
    "core": "  its Rust core alone, parse and verify",
    "crate_parsed": "sigstore-verify crate, bundle already parsed",
    "crate": "sigstore-verify crate, parse and verify",
    "npm_parsed": "npm @sigstore/verify, bundle already parsed",
    "npm": "npm @sigstore/verify, parse and verify",
    "pypi_parsed": "PyPI sigstore, bundle already parsed",
    "pypi": "PyPI sigstore, parse and verify",
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
    return rows


def target(name: str, value: float, relation: str, bound: float) -> dict:
    met = {"<=": value <= bound, "<": value < bound, ">=": value >= bound}[relation]
    return {"name": name, "value": value, "target": f"{relation} {bound}", "met": met}


def table(document: dict) -> str:
    results = document["results"]
    parts = [heading(document)]
    parts += [floor_table(case, checks) for case, checks in results["floor_checks"].items()]
    parts += [call_table(case, rows) for case, rows in results["per_call"].items()]
    parts += [load_table(case, rows) for case, rows in results["load"].items()]
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
        *(f"NOT VALID FOR EVERYBODY: {line}" for line in document["disagreements"]),
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


def target_table(rows: list[dict]) -> str:
    lines = [f"{'target':<48} {'value':>8}  {'bound':<9}"]
    for row in rows:
        verdict = "met" if row["met"] else "MISSED"
        lines.append(f"  {row['name']:<46} {row['value']:>8}  {row['target']:<9} {verdict}")
    return "\n".join(lines)


def megabytes(size: int) -> float:
    return round(size / 1e6, 2)
