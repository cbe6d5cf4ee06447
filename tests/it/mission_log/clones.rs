//! Clones of a repository, each with its own state, send the same bytes.

use serde_json::json;

use super::{LOG, id, index, lane, log_of, log_with, logged};
use crate::support::Sandbox;

#[test]
fn a_second_clone_and_shuffled_lines_are_duplicates_to_the_receiver() {
    let mut rows = log_with(4);
    let (mut one, mut two) = (Sandbox::with_repo(), Sandbox::with_repo());
    let served = one.serve(&["--listen", "127.0.0.1:0"]);
    for sandbox in [&mut one, &mut two] {
        sandbox.target(&served.url());
    }
    one.write(LOG, log_of(&rows));
    rows.reverse();
    rows.push(rows[3].clone());
    two.write(LOG, log_of(&rows).replace(",\"", " , \""));
    let first = one.sk_sync(["run", "--json"]).success().json();
    two.set(
        "SK_SYNC_TEAMSPACE__TEAM_SLUG",
        "another-team-in-the-user-file",
    );
    two.git(&["checkout", "--quiet", "-b", "elsewhere"]);
    two.git(&["commit", "--quiet", "--allow-empty", "--message=second"]);
    let second = two.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (
            &first["mission_log"]["captured"],
            &second["mission_log"]["captured"]
        ),
        (&json!(12), &json!(12))
    );
    assert_eq!(
        second["mission_log"]["skipped"],
        json!({"duplicate_line": 1})
    );
    assert_eq!(
        logged(&one),
        logged(&two),
        "the same ids, the same bytes, in the same order"
    );
    assert_eq!(second["drain"]["duplicate"], 12, "{}", second["drain"]);
    assert_eq!(second["drain"]["rejected"], 0);
}

#[test]
fn a_directory_that_is_renamed_keeps_the_events_of_its_log() {
    let sandbox = Sandbox::with_repo();
    sandbox.write(LOG, log_of(&log_with(1)));
    let _first = index(&sandbox);
    let dir = sandbox.repo().join("kitty-specs");
    std::fs::rename(
        dir.join("storm-surge-alerts-01KQX7M2"),
        dir.join("078-storm-surge-alerts"),
    )
    .unwrap();
    let report = index(&sandbox);
    assert_eq!(
        (
            &report["mission_log"]["unchanged"],
            &report["mission_log"]["rewritten"]
        ),
        (&json!(3), &json!(0))
    );
}

/// One unknown answer holds up the later events of its work package, and not the work packages of
/// other missions that have the same number.
#[test]
fn an_event_whose_end_is_unknown_holds_up_only_its_own_mission() {
    use crate::support::server::{Reply, Server};
    use crate::support::wire::{honest, ids};
    let poisoned = id(0);
    let server = Server::answering(move |request| {
        if request.path.contains("/events/") && ids(request).contains(&poisoned) {
            return Reply::status(503);
        }
        if request.path.contains("/events/") {
            honest(request, "success")
        } else {
            Reply::status(404)
        }
    });
    let sandbox = Sandbox::aimed_at(&server);
    let other = "kitty-specs/002-tide-gauge-survey/status.events.jsonl";
    sandbox.write(
        LOG,
        log_of(&[
            lane(0, "WP01", "planned", "claimed"),
            lane(1, "WP01", "claimed", "in_progress"),
        ]),
    );
    let elsewhere = |n: usize, from: &str, to: &str| {
        let mut row = lane(n, "WP01", from, to);
        row["mission_slug"] = json!("002-tide-gauge-survey");
        row
    };
    sandbox.write(
        other,
        log_of(&[
            elsewhere(20, "planned", "claimed"),
            elsewhere(21, "claimed", "in_progress"),
        ]),
    );
    let mut delivered = Vec::new();
    for _ in 0..12 {
        let _run = sandbox.sk_sync(["run", "--json"]);
        delivered = sandbox
            .sk_sync(["events", "list", "--jsonl", "--status", "delivered"])
            .success()
            .json_lines()
            .iter()
            .map(|event| event["event_id"].as_str().unwrap().to_owned())
            .collect();
        if delivered.contains(&id(21)) {
            break;
        }
        sandbox.pass(std::time::Duration::from_hours(1));
    }
    assert!(
        delivered.contains(&id(20)) && delivered.contains(&id(21)),
        "{delivered:?}"
    );
    assert!(
        !delivered.contains(&id(0)) && !delivered.contains(&id(1)),
        "{delivered:?}"
    );
}
