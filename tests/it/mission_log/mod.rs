//! Mission logs: each line is an event, once, with its own id and the same bytes everywhere.

mod bad_input;
mod clones;
mod disposition;
mod lines;
mod older;
mod release;

use serde_json::{Value, json};

use crate::support::Sandbox;

/// The mission of the fixture that has a log.
const SLUG: &str = "storm-surge-alerts-01KQX7M2";
const LOG: &str = "kitty-specs/storm-surge-alerts-01KQX7M2/status.events.jsonl";

/// The id of the `n`th line that a test makes.
fn id(n: usize) -> String {
    format!("01KQXB{n:020}")
}

/// A lane change at second `n`.
fn lane(n: usize, wp_id: &str, from: &str, to: &str) -> Value {
    json!({"actor": "joris", "at": format!("2026-05-07T10:{:02}:{:02}.000001+00:00", n / 60, n % 60), "event_id": id(n),
        "evidence": null, "execution_mode": "worktree", "force": false, "from_lane": from, "mission_slug": SLUG,
        "policy_metadata": null, "reason": null, "review_ref": null, "to_lane": to, "wp_id": wp_id})
}

/// A log of these rows.
fn log_of(rows: &[Value]) -> String {
    rows.iter()
        .flat_map(|row| [row.to_string(), "\n".to_owned()])
        .collect()
}

/// A log with work packages that pass through lanes: three lines each.
fn log_with(packages: usize) -> Vec<Value> {
    let way = [
        ("planned", "claimed"),
        ("claimed", "in_progress"),
        ("in_progress", "for_review"),
    ];
    (0..packages * 3)
        .map(|n| lane(n, &format!("WP{:02}", n / 3), way[n % 3].0, way[n % 3].1))
        .collect()
}

fn index(sandbox: &Sandbox) -> Value {
    sandbox.sk_sync(["index", "--json"]).success().json()
}

/// Events of the journal in its order, with their envelopes.
fn events(sandbox: &Sandbox) -> Vec<Value> {
    sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines()
}

/// Id and envelope of every event from a log, in the order of the journal.
fn logged(sandbox: &Sandbox) -> Vec<(String, String)> {
    let is_logged = |event: &&Value| event["envelope"]["build_id"] == "mission-log";
    let pair = |event: &Value| {
        (
            event["event_id"].as_str().unwrap().to_owned(),
            event["envelope"].to_string(),
        )
    };
    events(sandbox).iter().filter(is_logged).map(pair).collect()
}
