#!/bin/sh
# Writes what belongs beside the program into a directory: man pages and completions, as the program itself prints them.
# Usage: packaging/assets.sh PROGRAM DIRECTORY
set -eu
program=$1
out=$2
mkdir -p "$out/man" "$out/completions"
"$program" man --output "$out/man"
"$program" completions bash >"$out/completions/sk-sync.bash"
"$program" completions zsh >"$out/completions/_sk-sync"
"$program" completions fish >"$out/completions/sk-sync.fish"
"$program" completions powershell >"$out/completions/_sk-sync.ps1"
