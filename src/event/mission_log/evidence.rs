//! The evidence of an approval. The contract requires a review and a repository; real logs usually
//! have the first and never the second. `unknown` replaces a missing one, as the reference does for
//! a missing branch or commit.

use serde_json::{Value, json};

use super::{Object, non_empty};

/// Replacement for a value that the log lacks.
const UNKNOWN: &str = "unknown";

/// The evidence to send.
pub(super) struct Evidence {
    pub(super) value: Value,
    /// True if `unknown` replaces a review or a repository.
    pub(super) has_unknown: bool,
}

/// The evidence of a change to the lane `to`: required for `approved` and `done`; for other lanes
/// the complete evidence of the log, else null.
pub(super) fn evidence(row: &Object, to: &str, review_ref: Option<&str>) -> Evidence {
    let written = row.get("evidence").and_then(Value::as_object);
    let review = written
        .and_then(|written| review(written.get("review")))
        .or_else(|| review(row.get("review_result")));
    let repos = entries(written, "repos", repo);
    let has_unknown = review.is_none() || repos.is_empty();
    if !matches!(to, "approved" | "done") && has_unknown {
        return Evidence {
            value: Value::Null,
            has_unknown: false,
        };
    }
    let repos = if repos.is_empty() {
        vec![json!({"repo": UNKNOWN, "branch": UNKNOWN, "commit": UNKNOWN})]
    } else {
        repos
    };
    let no_review = || json!({"reviewer": UNKNOWN, "verdict": UNKNOWN, "reference": review_ref});
    let value = json!({
        "review": review.unwrap_or_else(no_review),
        "repos": repos,
        "verification": entries(written, "verification", verification),
    });
    Evidence { value, has_unknown }
}

fn review(value: Option<&Value>) -> Option<Value> {
    let review = value?.as_object()?;
    let (reviewer, verdict) = (
        non_empty(review.get("reviewer"))?,
        non_empty(review.get("verdict"))?,
    );
    Some(
        json!({"reviewer": reviewer, "verdict": verdict, "reference": text(review.get("reference"))}),
    )
}

fn repo(entry: &Object) -> Option<Value> {
    let [repo, branch, commit] =
        ["repo", "branch", "commit"].map(|name| non_empty(entry.get(name)));
    let mut kept = json!({"repo": repo?, "branch": branch?, "commit": commit?});
    let files = entry
        .get("files_touched")
        .filter(|files| super::payload::is_texts(files));
    if let (Some(kept), Some(files)) = (kept.as_object_mut(), files) {
        kept.insert("files_touched".to_owned(), files.clone());
    }
    Some(kept)
}

fn verification(entry: &Object) -> Option<Value> {
    let (command, result) = (
        non_empty(entry.get("command"))?,
        non_empty(entry.get("result"))?,
    );
    Some(json!({"command": command, "result": result, "summary": text(entry.get("summary"))}))
}

/// The entries of a list for which `keep` returns a value.
fn entries(
    written: Option<&Object>,
    name: &str,
    keep: impl Fn(&Object) -> Option<Value>,
) -> Vec<Value> {
    let list = written
        .and_then(|written| written.get(name))
        .and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter_map(keep)
        .collect()
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}
