#!/usr/bin/env bash
# Puts sk-sync on the PATH of the steps that follow, and says where they find its journal.
set -euo pipefail

fail() {
    printf '::error title=sk-sync::%s\n' "$1"
    exit 1
}

target() {
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64) echo x86_64-unknown-linux-musl ;;
        Linux-aarch64) echo aarch64-unknown-linux-musl ;;
        Darwin-x86_64) echo x86_64-apple-darwin ;;
        Darwin-arm64) echo aarch64-apple-darwin ;;
        MINGW*-x86_64 | MSYS*-x86_64) echo x86_64-pc-windows-msvc ;;
        *) fail "no release for this kind of runner; use install: build" ;;
    esac
}

checksum() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

download() {
    local version=${INPUT_VERSION:-${ACTION_REF:-}}
    version=${version#v}
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*$ ]] ||
        fail "which release? Use this action by a version's tag, or set its input version (as 1.2.3)"
    local name base
    name="sk-sync-$version-$(target).tar.gz"
    base="$GITHUB_SERVER_URL/$ACTION_REPOSITORY/releases/download/v$version"
    curl --fail --silent --show-error --location --retry 3 --output "$1/$name" "$base/$name" ||
        fail "there is no $name to download"
    curl --fail --silent --show-error --location --retry 3 --output "$1/$name.sha256" "$base/$name.sha256" ||
        fail "there is no checksum of $name"
    local wanted
    read -r wanted _ <"$1/$name.sha256"
    [[ "$(checksum "$1/$name")" == "$wanted" ]] || fail "$name does not have the checksum of its release"
    tar -xzf "$1/$name" -C "$1" --strip-components=1
}

bin="$RUNNER_TEMP/sk-sync-bin"
mkdir -p "$bin"
case "${INPUT_INSTALL:-release}" in
    release) download "$bin" ;;
    build)
        cargo install --locked --quiet --path "$GITHUB_ACTION_PATH/../../.." --root "$RUNNER_TEMP/sk-sync-built"
        cp "$RUNNER_TEMP"/sk-sync-built/bin/sk-sync* "$bin/"
        ;;
    path) ;;
    *) fail "install must be release, build or path" ;;
esac
echo "$bin" >>"$GITHUB_PATH"
echo "SK_SYNC_HOME=${SK_SYNC_HOME:-$RUNNER_TEMP/sk-sync-state}" >>"$GITHUB_ENV"
PATH="$bin:$PATH" sk-sync --version
