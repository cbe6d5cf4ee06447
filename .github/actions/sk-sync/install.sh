#!/usr/bin/env bash
# Puts sk-sync on the PATH of the steps that follow.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)

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

# Whose file this is: the checksum that the workflow pins, or else the attestation of the release's own workflow. The
# checksum beside the release alone proves nothing, because whoever can replace one can replace the other.
verify() {
    local found
    found=$(checksum "$1")
    if [[ -n ${INPUT_CHECKSUM:-} ]]; then
        [[ $found == "$INPUT_CHECKSUM" ]] || fail "the download has the checksum $found, not the one in the input checksum"
    elif command -v gh >/dev/null; then
        # The signer is the release workflow at the tag of this very version: an older release has another one.
        gh attestation verify "$1" --repo "$2" \
            --cert-identity "$GITHUB_SERVER_URL/$2/.github/workflows/release.yml@refs/tags/v$3" >&2 ||
            fail "the download has no valid attestation of $2 for v$3; nothing of it was run"
    else
        fail "there is no gh here to verify the attestation with: install it, or set the input checksum to $found after checking it"
    fi
}

download() {
    # A commit or a moving tag names a release as well: the one that its Cargo.toml says.
    local version=${INPUT_VERSION:-} repository=${ACTION_REPOSITORY:-$GITHUB_REPOSITORY}
    if [[ -z $version ]]; then version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1); fi
    version=${version#v}
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*$ ]] || fail "the input version must be like 1.2.3"
    local name base
    name="sk-sync-$version-$(target).tar.gz"
    base="$GITHUB_SERVER_URL/$repository/releases/download/v$version"
    curl --fail --silent --show-error --location --retry 3 --output "$1/$name" "$base/$name" ||
        fail "there is no $name to download"
    curl --fail --silent --show-error --location --retry 3 --output "$1/$name.sha256" "$base/$name.sha256" ||
        fail "there is no checksum of $name"
    local wanted
    read -r wanted _ <"$1/$name.sha256"
    [[ "$(checksum "$1/$name")" == "$wanted" ]] || fail "$name does not have the checksum of its release"
    verify "$1/$name" "$repository" "$version"
    tar -xzf "$1/$name" -C "$1" --strip-components=1
    local said
    said=$("$1/sk-sync" --version | head -n 1)
    [[ $said == "sk-sync $version" || $said == "sk-sync $version "* ]] || fail "$name holds another version"
}

bin="$RUNNER_TEMP/sk-sync-bin"
mkdir -p "$bin"
case "${INPUT_INSTALL:-release}" in
    release) download "$bin" ;;
    build)
        cargo install --locked --quiet --path "$root" --root "$RUNNER_TEMP/sk-sync-built"
        cp "$RUNNER_TEMP"/sk-sync-built/bin/sk-sync* "$bin/"
        ;;
    path) ;;
    *) fail "install must be release, build or path" ;;
esac
echo "$bin" >>"$GITHUB_PATH"
PATH="$bin:$PATH" sk-sync --version
