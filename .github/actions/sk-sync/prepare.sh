#!/usr/bin/env bash
# Refuses a checkout that must not meet secrets, and names what belongs to this use of the Action: the state directory,
# the cache and the artifact. Two jobs, two legs of a matrix, two directories and two uses in one job share none of them.
set -euo pipefail

fail() {
    printf '::error title=sk-sync::%s\n' "$1"
    exit 1
}

digest() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c 1-16
}

# The checkout's git, which runs nothing that its configuration names.
tree() {
    git -C "${INPUT_DIRECTORY:-.}" -c core.fsmonitor=false -c core.hooksPath=/dev/null "$@"
}

# A commit of this repository's own, and no file beside it: files of a pull request may lie over the base's commit.
own() {
    [[ -n $head ]] && { [[ $head == "${GITHUB_SHA:-}" ]] || [[ -n ${1:-} && $head == "$1" ]]; } &&
        changes=$(tree status --porcelain --untracked-files=normal --ignore-submodules=none 2>/dev/null) && [[ -z $changes ]]
}

# These events run with the secrets of this repository; the head of a pull request is somebody else's code and files.
head=$(tree rev-parse HEAD 2>/dev/null || true)
event=${EVENT_NAME:-}
case "$event" in
    pull_request_target) own "${BASE_SHA:-}" || refused=true ;;
    workflow_run) [[ ${RUN_REPOSITORY_ID:-} == "${REPOSITORY_ID:-}" ]] || own || refused=true ;;
    issue_comment | issues | discussion | discussion_comment | check_run | check_suite | fork | watch | gollum)
        own || refused=true
        ;;
esac
if [[ -n ${refused:-} ]]; then
    fail "$event has this repository's secrets, and the checkout is not its own commit alone: use pull_request"
fi

counter="$RUNNER_TEMP/sk-sync-uses"
use=$(($(cat "$counter" 2>/dev/null || echo 0) + 1))
echo "$use" >"$counter"
scope=$(printf '%s\n' "${REPOSITORY_ID:-}" "${WORKFLOW:-}" "${JOB:-}" "${MATRIX:-}" "${INPUT_DIRECTORY:-.}" | digest)
ref=$(printf '%s' "${REF:-}" | digest)

# A directory that the workflow chose stays; one of an earlier use in this job does not count as chosen.
home=${SK_SYNC_HOME:-}
if [[ -z $home || $home == "${SK_SYNC_ACTION_HOME:-}" ]]; then home="$RUNNER_TEMP/sk-sync-state/$scope"; fi
mkdir -p "$home"
chmod 700 "$home"
{
    echo "SK_SYNC_HOME=$home"
    echo "SK_SYNC_ACTION_HOME=$home"
    # Each run has a clone of its own: the repository's name finds the journal that the cache brings.
    repository=${SK_SYNC_REPOSITORY:-$GITHUB_SERVER_URL/$GITHUB_REPOSITORY}
    echo "SK_SYNC_REPOSITORY=${repository//[$'\r\n']/}"
} >>"$GITHUB_ENV"

# Whoever opens a pull request can read every cache of the base branch, so a journal is kept there only encrypted, as far
# as this run has a secret. Pull requests from forks have none, and keep apart from the others.
cache=false
if [[ ${INPUT_CACHE:-true} == true ]]; then cache=true; fi
if [[ -n ${CACHE_SECRET:-} ]]; then
    kind=sealed
    if ! command -v openssl >/dev/null; then
        echo '::notice title=sk-sync::there is no openssl to encrypt the journal with, so it is not cached'
        cache=false
    fi
elif [[ ${IS_FORK:-} == true ]]; then
    kind=fork
else
    kind=plain
fi
prefix="sk-sync-$kind-${REPOSITORY_ID:-0}-$scope-"
{
    echo "cache=$cache"
    echo "path=$RUNNER_TEMP/sk-sync-cache/$scope"
    echo "key=$prefix$ref-${RUN_ID:-0}-${RUN_ATTEMPT:-0}-$use"
    echo "key-ref=$prefix$ref-"
    echo "key-any=$prefix"
    echo "scope=$scope-$use"
    echo "artifact=sk-sync-$(printf '%s' "${JOB:-job}" | tr -cd '0-9A-Za-z_-')-$scope-$use-${RUN_ATTEMPT:-0}"
} >>"$GITHUB_OUTPUT"
