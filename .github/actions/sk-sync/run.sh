#!/usr/bin/env bash
# Runs sk-sync, and shows the result in the workflow's own terms.
set -uo pipefail

work=$(mktemp -d "$RUNNER_TEMP/sk-sync-run.XXXXXX")
report="$work/report.json"
status="$work/status.json"
packed="${CACHE_PATH:-$work}/journal.tar.gz"
# Not for the programs that are started from here.
secret=${CACHE_SECRET:-}
unset CACHE_SECRET
cd "${INPUT_DIRECTORY:-.}" || exit 1

has_journal() {
    compgen -G "$SK_SYNC_HOME/projects/*/store.db" >/dev/null || compgen -G "$SK_SYNC_HOME/projects/*/*/store.db" >/dev/null
}

# Encrypts or decrypts stdin; the passphrase is in no argument.
cipher() {
    CACHE_SECRET=$secret openssl enc "$@" -aes-256-cbc -pbkdf2 -iter 200000 -pass env:CACHE_SECRET
}

# 64 bytes of the key of the seal, each mixed with the byte $1: the two blocks that HMAC (RFC 2104) needs.
block() {
    local at byte out=
    for ((at = 0; at < 128; at += 2)); do
        byte=${seal_key:at:2}
        printf -v byte '\\x%02x' $((0x${byte:-00} ^ $1))
        out+=$byte
    done
    printf '%b' "$out"
}

# HMAC-SHA256 over a whole encrypted file. The key comes from passphrase and salt by another derivation than the cipher's.
seal() {
    local salt seal_key
    salt=$(head -c 16 "$1" | tail -c 8 | od -An -tx1 | tr -d ' \n') && [[ ${#salt} == 16 ]] || return 1
    seal_key=$(printf '%048d' 0 | CACHE_SECRET="seal $secret" openssl enc -aes-256-cbc -pbkdf2 -iter 200000 -S "$salt" \
        -pass env:CACHE_SECRET | tail -c 32 | od -An -tx1 | tr -d ' \n') && [[ ${#seal_key} == 64 ]] || return 1
    { block 0x5c && { block 0x36 && cat "$1"; } | openssl dgst -sha256 -binary; } | openssl dgst -sha256 | sed 's/.*[= ]//'
}

# Unpacks a whole archive of plain files and directories, or nothing of it.
unpack() {
    local into="$work/unpacked"
    local is_whole=0
    if mkdir "$into" && tar -xzf - -C "$into" 2>/dev/null && [[ -z $(find "$into" ! -type f ! -type d) ]] &&
        chmod -R go-rwx "$into" && cp -R "$into/." "$SK_SYNC_HOME/"; then
        is_whole=1
    fi
    rm -rf "$into"
    ((is_whole))
}

anew() {
    printf '::notice title=sk-sync::%s: begun anew\n' "$1"
}

# What the cache brought. A journal that is there already is newer: this job's. With a secret, only what it sealed counts.
if ! has_journal; then
    if [[ -n $secret && -f $packed.sealed ]]; then
        found=$(seal "$packed.sealed") || found=''
        if [[ -z $found || $found != "$(head -c 64 "$packed.seal" 2>/dev/null)" ]]; then
            anew 'the cached journal was encrypted with another secret, or changed since'
        elif ! cipher -d <"$packed.sealed" | unpack; then
            anew 'the cached journal cannot be unpacked'
        fi
    elif [[ -z $secret && -f $packed ]]; then
        unpack <"$packed" || anew 'the cached journal cannot be unpacked'
    fi
fi
rm -f "$packed" "$packed.sealed" "$packed.seal"

restored=()
if has_journal; then restored=(--restored); fi

args=(--json --max-time "${INPUT_MAX_TIME:-5m}")
if [[ -n ${INPUT_PRESET:-} ]]; then args+=(--preset "$INPUT_PRESET"); fi
if [[ -n ${INPUT_TARGET_URL:-} ]]; then args+=(--target-url "$INPUT_TARGET_URL"); fi
if [[ -n ${INPUT_ALLOW_ORIGIN:-} ]]; then args+=(--allow-origin "$INPUT_ALLOW_ORIGIN"); fi
while IFS= read -r mission; do
    if [[ -n $mission ]]; then args+=("--mission=$mission"); fi
done <<<"${INPUT_MISSIONS:-}"

# An empty token is none.
if [[ -z ${SK_SYNC_TOKEN:-} ]]; then unset SK_SYNC_TOKEN; fi

sk-sync run "${args[@]}" >"$report"
code=$?
sk-sync status --json >"$status" 2>/dev/null

result=failure
if [[ $code == 0 ]]; then
    result=success
elif [[ ${INPUT_STRICT:-} != true ]]; then
    if [[ $code == 3 ]] || [[ $code == 4 && ${IS_FORK:-} == true && -z ${SK_SYNC_TOKEN:-} ]]; then result=notice; fi
fi

# Artifacts of a public repository are there for everybody.
artifacts=
refused=()
case "${INPUT_UPLOAD:-false}" in
    force) artifacts="$work/artifacts" ;;
    true) if [[ ${IS_PRIVATE:-} == true ]]; then artifacts="$work/artifacts"; else refused=(--refused); fi ;;
esac
if [[ -n $artifacts ]]; then
    mkdir -p "$artifacts"
    if ! { sk-sync archive --output "$artifacts/journal.jsonl.gz" && sk-sync status --html "$artifacts/status.html"; } >&2; then
        echo '::warning title=sk-sync::the bundle or the status page could not be made, see the log of this step'
    fi
fi

# `"${empty[@]}"` is an error in the bash of macOS.
show() {
    sk-sync action "$1" --report "$report" --status "$status" --code "$code" --result "$result" \
        ${restored[@]+"${restored[@]}"} ${refused[@]+"${refused[@]}"} --scope "${SCOPE:-}" \
        --commit "$(git rev-parse HEAD 2>/dev/null)"
}
show annotations
show summary >>"$GITHUB_STEP_SUMMARY"
show comment >"$work/comment.md"
show outputs >>"$GITHUB_OUTPUT"

saved=false
if [[ ${SAVES:-} == true ]] && has_journal; then
    mkdir -p "$(dirname "$packed")"
    if [[ -n $secret ]]; then
        tar -czf - -C "$SK_SYNC_HOME" . | cipher -salt >"$packed.sealed" && seal "$packed.sealed" >"$packed.seal" && saved=true
    else
        tar -czf "$packed" -C "$SK_SYNC_HOME" . && saved=true
    fi
fi
{
    echo "report=$report"
    echo "comment=$work/comment.md"
    echo "artifacts=$artifacts"
    if has_journal; then echo "has-journal=true"; fi
    echo "saved=$saved"
} >>"$GITHUB_OUTPUT"

if [[ $result == failure ]]; then exit "$code"; fi
