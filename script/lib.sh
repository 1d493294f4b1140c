# Shared by the scripts beside it; sourced, with `root` set to the project's folder. POSIX sh.

say() { printf '\n== %s\n' "$*"; }

# Debian packages that are missing are installed when this runs as root; else the command is printed.
need_packages() {
  missing=
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "These Debian packages are missing. Install them, then run this again:" >&2
    echo "  sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  echo "installing Debian packages:$missing"
  apt-get update -qq
  # shellcheck disable=SC2086  # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

BUILD_PACKAGES="build-essential git curl ca-certificates erlang-base erlang-dev erlang-crypto erlang-asn1
  erlang-public-key erlang-ssl erlang-inets erlang-parsetools erlang-syntax-tools erlang-xmerl erlang-runtime-tools
  erlang-tools elixir rebar3"

TEST_PACKAGES="erlang-eunit erlang-common-test erlang-edoc erlang-dialyzer erlang-p1-pgsql erlang-proper erlang-proper-dev postgresql python3
  python3-venv chromium"

need_rust() {
  command -v cargo >/dev/null 2>&1 || {
    echo "Rust is missing: install it from https://rustup.rs, then run this again." >&2
    exit 1
  }
}

need_build() {
  need_rust
  # shellcheck disable=SC2086
  need_packages $BUILD_PACKAGES
}

# Real attestations that a published crate ships as its test data: fetched by name from the registry, kept out of git.
fetch_samples() {
  samples=$root/.tools/samples
  [ ! -e "$samples/bundle.sigstore.json" ] || return 0
  echo "fetching the crate sigstore-verify 0.15.1 for a real attestation"
  rm -rf "$samples.new" && mkdir -p "$samples.new/crate/src"
  cat >"$samples.new/crate/Cargo.toml" <<'MANIFEST'
[package]
name = "samples"
version = "0.0.0"
edition = "2021"
[workspace]
[dependencies]
sigstore-verify = "=0.15.1"
MANIFEST
  : >"$samples.new/crate/src/lib.rs"
  manifest=$(cargo metadata --quiet --format-version 1 --manifest-path "$samples.new/crate/Cargo.toml" |
    sed -n 's/.*"manifest_path":"\([^"]*sigstore-verify-0\.15\.1\/Cargo\.toml\)".*/\1/p')
  data=$(dirname "$manifest")/test_data/bundles
  cp "$data/signed-package-2.1.0-hb0f4dca_0.conda" "$samples.new/package.conda"
  cp "$data/conda-attestation.sigstore.json" "$samples.new/bundle.sigstore.json"
  rm -rf "$samples.new/crate" "$samples"
  mv "$samples.new" "$samples"
}
