"""What is measured: built here, or installed by package name."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys

BENCH = pathlib.Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
WORK = pathlib.Path(os.environ.get("HEX_PROVENANCE_BENCH_WORK", BENCH / ".work")).resolve()
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", WORK / "target")).resolve()

# The Debian package that brings each command.
PACKAGES = {
    "cc": "build-essential",
    "elixir": "elixir",
    "erl": "erlang-base",
    "node": "nodejs",
    "npm": "npm",
    "taskset": "util-linux",
}


@dataclasses.dataclass
class Artefacts:
    floor: pathlib.Path
    application: pathlib.Path
    npm: pathlib.Path
    python: pathlib.Path
    sizes: dict[str, int]

    def beam_environment(self) -> dict[str, str]:
        return os.environ | {"ELIXIR_ERL_OPTIONS": "+fnu"}

    def beam_command(self, cases: pathlib.Path) -> list:
        return ["elixir", "-pa", self.application / "ebin", BENCH / "beam.exs", cases]


def require_tools() -> None:
    if shutil.which("cargo") is None:
        sys.exit("bench/run needs Rust: https://rustup.rs")
    missing = sorted({package for tool, package in PACKAGES.items() if shutil.which(tool) is None})
    if not venv_works():
        missing.append("python3-venv")
    if not missing:
        return
    command = ["apt-get", "install", "--yes", *missing]
    if os.geteuid() != 0:
        sys.exit("as root: " + " ".join(command))
    step(" ".join(command))
    subprocess.run(command, check=True)


def everything() -> Artefacts:
    application = WORK / "hex_provenance"
    library = native("everything", [], application / "priv" / "native")
    with_tuf = native("with TUF", ["--features", "tuf"], WORK / "tuf")
    verify_only = native("verify only", ["--features", ""], WORK / "verify-only")
    return Artefacts(
        floor=floor(),
        application=beam(application),
        npm=npm(),
        python=pypi(),
        sizes={
            "verify": verify_only.stat().st_size,
            "tuf": with_tuf.stat().st_size,
            "everything": library.stat().st_size,
        },
    )


def crate_folder(name: str) -> pathlib.Path:
    """Where cargo keeps the sources of a dependency of the floor program."""
    manifest = BENCH / "floor" / "Cargo.toml"
    command = ["cargo", "metadata", "--format-version", "1", "--manifest-path", manifest]
    packages = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["packages"]
    return pathlib.Path(next(p["manifest_path"] for p in packages if p["name"] == name)).parent


def native(name: str, features: list[str], to: pathlib.Path) -> pathlib.Path:
    step(f"native library, fat LTO, {name}")
    command = [ROOT / "script" / "build-nif", "--fat", *features, "--to", to]
    environment = os.environ | {"CARGO_TARGET_DIR": str(TARGET / "nif"), "HEX_PROVENANCE_BUILD": "1"}
    subprocess.run(command, check=True, env=environment)
    return to / "hex_provenance_nif.so"


def floor() -> pathlib.Path:
    step("floor program, with the crates of bench/floor/Cargo.lock from crates.io")
    # Not --locked: what the library's core depends on is in this lock file too and may have changed.
    command = ["cargo", "build", "--quiet", "--release"]
    target = TARGET / "floor"
    environment = os.environ | {"CARGO_TARGET_DIR": str(target)}
    subprocess.run(command, check=True, cwd=BENCH / "floor", env=environment)
    return target / "release" / "provenance-bench-floor"


def beam(application: pathlib.Path) -> pathlib.Path:
    step("Erlang and Elixir modules")
    built = WORK / "mix"
    environment = os.environ | {
        "HEX_PROVENANCE_BUILD": "0",
        "MIX_BUILD_PATH": str(built),
        "MIX_ENV": "prod",
    }
    subprocess.run(["mix", "compile"], check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    shutil.copytree(built / "lib" / "hex_provenance" / "ebin", application / "ebin", dirs_exist_ok=True)
    return application


def npm() -> pathlib.Path:
    step("npm install @sigstore/bundle @sigstore/protobuf-specs @sigstore/verify")
    folder = WORK / "npm"
    shutil.copytree(BENCH / "npm", folder, dirs_exist_ok=True)
    subprocess.run(["npm", "install", "--silent"], check=True, cwd=folder)
    return folder


def pypi() -> pathlib.Path:
    step("pip install sigstore")
    folder = WORK / "pypi"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    requirements = BENCH / "pypi" / "requirements.txt"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
    subprocess.run(pip, check=True)
    return python


def venv_works() -> bool:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def step(text: str) -> None:
    print(f"==> {text}", flush=True)
