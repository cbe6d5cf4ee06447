#!/usr/bin/env bash
# Runs sk-sync, and shows in the workflow's own terms what came of it.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "$RUNNER_TEMP/sk-sync-run.XXXXXX")
report="$work/report.json"
status="$work/status.json"
cd "${INPUT_DIRECTORY:-.}" || exit 1

# The checkout is made anew each time: its journal is found by the repository's name.
if [[ -n ${GITHUB_REPOSITORY:-} ]]; then
    export SK_SYNC_REPOSITORY="${SK_SYNC_REPOSITORY:-${GITHUB_SERVER_URL:-https://github.com}/$GITHUB_REPOSITORY}"
fi

has_journal() {
    compgen -G "$SK_SYNC_HOME/projects/*/*/store.db" >/dev/null
}

restored=false
if has_journal; then restored=true; fi

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
jq --exit-status . "$report" >/dev/null 2>&1 || echo '{}' >"$report"
sk-sync status --json >"$status" 2>/dev/null
jq --exit-status . "$status" >/dev/null 2>&1 || echo '{}' >"$status"

result=failure
if [[ $code == 0 ]]; then
    result=success
elif [[ ${INPUT_STRICT:-} != true ]]; then
    if [[ $code == 3 ]] || [[ $code == 4 && ${IS_FORK:-} == true && -z ${SK_SYNC_TOKEN:-} ]]; then result=notice; fi
fi

# Artifacts of a public repository are there for everybody.
artifacts=
refused=false
case "${INPUT_UPLOAD:-false}" in
    force) artifacts="$work/artifacts" ;;
    true) if [[ ${IS_PRIVATE:-} == true ]]; then artifacts="$work/artifacts"; else refused=true; fi ;;
esac
if [[ -n $artifacts ]]; then
    mkdir -p "$artifacts"
    if ! { sk-sync archive --output "$artifacts/journal.jsonl.gz" && sk-sync status --html "$artifacts/status.html"; } >&2; then
        echo '::warning title=sk-sync::the bundle or the status page could not be made, see the log of this step'
    fi
fi

show() {
    jq --raw-output --null-input --slurpfile report "$report" --slurpfile status "$status" --arg code "$code" \
        --arg result "$result" --arg restored "$restored" --arg refused "$refused" -f "$here/$1"
}
show annotations.jq
show summary.jq >>"$GITHUB_STEP_SUMMARY"
show outputs.jq >>"$GITHUB_OUTPUT"
{
    echo "report=$report"
    echo "artifacts=$artifacts"
    if has_journal; then echo "has-journal=true"; fi
} >>"$GITHUB_OUTPUT"

if [[ $result == failure ]]; then exit "$code"; fi
