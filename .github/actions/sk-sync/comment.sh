#!/usr/bin/env bash
# Writes the comment of this job on the pull request, or changes the one of an earlier run. Never fails the job.
set -uo pipefail

warn() {
    printf '::warning title=sk-sync::%s\n' "$1"
    exit 0
}

if ! command -v gh >/dev/null; then warn "comment: there is no gh on this runner"; fi
[[ ${PULL_REQUEST:-} =~ ^[0-9]+$ ]] || exit 0
IFS= read -r mark <"$COMMENT" || warn "comment: there is nothing to say"
[[ $mark =~ ^'<!-- sk-sync:'[0-9a-zA-Z-]*' -->'$ ]] || warn "comment: there is nothing to say"

own=".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$mark\"))) | .id"
list="repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments"
known=$(gh api --paginate "$list" --jq "$own" | head -n 1)
if [[ $known =~ ^[0-9]+$ ]]; then
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$known" --field "body=@$COMMENT"
else
    gh api --silent --method POST "$list" --field "body=@$COMMENT"
fi || warn "comment: it could not be written; the job needs the permission pull-requests: write"
