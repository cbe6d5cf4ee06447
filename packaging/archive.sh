#!/usr/bin/env bash
# Packs a built program with what belongs to it, and writes the archive's checksum beside it.
# Usage: packaging/archive.sh PROGRAM TARGET DIRECTORY [NAME]
# NAME is that of the archive and of the program in it: sk-sync, or sk-sync-server for a build with the feature postgres.
set -euo pipefail
program=$1
target=$2
out=$3
as=${4:-sk-sync}
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name="$as-$version-$target"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/$name" "$out"
suffix=
if [[ $program == *.exe ]]; then suffix=.exe; fi
cp "$program" "$stage/$name/$as$suffix"
cp README.md LICENSE CHANGELOG.md event-sync.toml.example "$stage/$name/"
cp -R hooks "$stage/$name/hooks"
sh packaging/assets.sh "$program" "$stage/$name"
tar -czf "$out/$name.tar.gz" -C "$stage" "$name"
cd "$out"
if command -v sha256sum >/dev/null; then sha256sum "$name.tar.gz"; else shasum -a 256 "$name.tar.gz"; fi >"$name.tar.gz.sha256"
echo "$out/$name.tar.gz"
