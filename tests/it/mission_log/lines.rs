//! What is captured from a log, and when the log is opened.

use serde_json::json;

use super::{LOG, SLUG, events, id, index, lane, log_of, log_with, logged};
use crate::support::Sandbox;
use crate::support::wire::audit;

#[test]
fn each_line_is_captured_once() {
    let sandbox = Sandbox::with_repo();
    let mut log = log_of(&log_with(2));
    log.push_str(
        "{\"kind\":\"annotation\",\"event_id\":\"01KQXA1C2E4R6T8Y0V1B3N5M7P\"}\r\n\n<<<<<<< HEAD\n",
    );
    log.push_str(&log_of(&[lane(7, "WP09", "claimed", "done")]));
    log.push_str("{\"event_id\": \"01KQ");
    sandbox.write(LOG, &log);
    let before = sandbox.listing();
    let dry = sandbox
        .sk_sync(["index", "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(sandbox.listing(), before, "a dry run writes nothing");
    let first = index(&sandbox);
    let expected = json!({"files": 1, "read": 1, "lines": 10, "captured": 7, "held": 1, "unchanged": 0, "rewritten": 0,
        "evidence_unknown": 1, "skipped": {"incomplete_line": 1, "merge_marker": 1, "no_contract_type": 1},
        "lanes_on_hold": [{"mission_slug": SLUG, "wp_id": "WP09", "lane": "done", "event_id": id(7)}]});
    assert_eq!(first["mission_log"], expected);
    assert_eq!(
        (&dry["mission_log"], &dry["capture"]),
        (&first["mission_log"], &first["capture"]),
        "the same numbers"
    );
    let lines = dry["mission_log_lines"].as_array().unwrap();
    assert_eq!(lines.len(), 10);
    assert_eq!(
        lines[8],
        json!({"mission_slug": SLUG, "line": 10, "event_id": id(7), "decision": "captured",
            "reason": "held: transition: transition_not_allowed: claimed -> done", "event_type": "WPStatusChanged"})
    );
    assert_eq!(lines[7]["reason"], "merge_marker");
    let warnings = first["warnings"].to_string();
    assert!(
        warnings.contains(&format!(
            "{LOG}:9",
            LOG = LOG.trim_start_matches("kitty-specs/")
        )),
        "{warnings}"
    );
    assert!(
        warnings.contains("(and 1 more)") && warnings.contains("WP09 (done)"),
        "{warnings}"
    );
    assert!(!warnings.contains("no_contract_type"), "{warnings}");
}

#[test]
fn an_unchanged_log_is_not_opened() {
    let sandbox = Sandbox::with_repo();
    let log = log_of(&log_with(2))
        + &log_of(&[lane(7, "WP09", "claimed", "done")])
        + "{\"event_id\": \"01KQ";
    sandbox.write(LOG, &log);
    let _first = index(&sandbox);
    // Nothing changed: the log is not opened, and the totals stay. Another file of the mission
    // changed: the same.
    for file in [None, Some(format!("kitty-specs/{SLUG}/spec.md"))] {
        if let Some(file) = file {
            sandbox.write(&file, "# changed\n");
        }
        let again = index(&sandbox)["mission_log"].clone();
        assert_eq!(
            (&again["files"], &again["read"], &again["unchanged"]),
            (&json!(1), &json!(0), &json!(7))
        );
        assert_eq!(
            (&again["lines"], &again["captured"]),
            (&json!(0), &json!(0))
        );
    }
    // The line that was in the making is whole: only it is new.
    let whole = log.replace(
        "{\"event_id\": \"01KQ",
        &log_of(&[lane(8, "WP09", "done", "blocked")]),
    );
    sandbox.write(LOG, whole);
    let grown = index(&sandbox)["mission_log"].clone();
    assert_eq!(
        (&grown["captured"], &grown["unchanged"], &grown["read"]),
        (&json!(1), &json!(7), &json!(1))
    );
    // A deleted log removes nothing.
    std::fs::remove_file(sandbox.repo().join(LOG)).unwrap();
    assert_eq!(index(&sandbox)["mission_log"]["files"], 0);
    assert_eq!(logged(&sandbox).len(), 8);
}

#[test]
fn lines_stand_in_the_order_of_their_clocks_before_the_artifacts_of_their_mission() {
    let sandbox = Sandbox::with_repo();
    let mut rows = log_with(2);
    let in_order: Vec<_> = (0..6).map(id).collect();
    rows.reverse();
    rows.swap(1, 4);
    sandbox.write(LOG, log_of(&rows));
    let _report = index(&sandbox);
    let ids: Vec<_> = logged(&sandbox).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, in_order);
    let all = events(&sandbox);
    let first_artifact = all
        .iter()
        .position(|event| event["envelope"]["payload"]["namespace"]["mission_slug"] == SLUG);
    let last_line = all
        .iter()
        .rposition(|event| event["envelope"]["build_id"] == "mission-log");
    assert!(last_line.unwrap() < first_artifact.unwrap());
}

#[test]
fn a_repair_that_rewrites_every_line_opens_no_conflict() {
    let sandbox = Sandbox::with_repo();
    let rows = log_with(40);
    sandbox.write(LOG, log_of(&rows));
    let _report = index(&sandbox);
    let before = logged(&sandbox);
    let repaired: Vec<_> = rows
        .into_iter()
        .map(|mut row| {
            row["actor"] = json!("repaired");
            row
        })
        .collect();
    sandbox.write(LOG, log_of(&repaired));
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (
            &report["mission_log"]["rewritten"],
            &report["mission_log"]["captured"]
        ),
        (&json!(120), &json!(0))
    );
    assert_eq!(
        (&report["capture"]["conflicts"], logged(&sandbox)),
        (&json!(0), before)
    );
    let rewritten = |sandbox: &Sandbox| {
        audit(&sandbox.store())
            .iter()
            .filter(|(act, _)| act == "rewritten")
            .count()
    };
    assert_eq!(rewritten(&sandbox), 120);
    // Each content is audited once; the first run that reads it under --strict reports it.
    sandbox.write(LOG, log_of(&repaired) + "\n");
    let strict = sandbox
        .sk_sync(["run", "--strict", "--json"])
        .code(5)
        .json();
    assert_eq!(
        (&strict["mission_log"]["rewritten"], rewritten(&sandbox)),
        (&json!(120), 120)
    );
    assert_eq!(sandbox.status()["migration_conflicts"]["count"], 0);
    // Members that no envelope has may change at will.
    let mut same = log_with(40);
    for row in &mut same {
        row["policy_metadata"] = json!({"repaired": true});
    }
    sandbox.write(LOG, log_of(&same));
    assert_eq!(index(&sandbox)["mission_log"]["unchanged"], 120);
}

#[test]
fn an_id_belongs_to_the_mission_that_had_it_first() {
    let sandbox = Sandbox::with_repo();
    let other = "kitty-specs/002-tide-gauge-survey/status.events.jsonl";
    sandbox.write(LOG, log_of(&log_with(1)));
    sandbox.write(
        other,
        log_of(&log_with(1)).replace(SLUG, "002-tide-gauge-survey"),
    );
    let report = index(&sandbox);
    assert_eq!(
        report["mission_log"]["skipped"],
        json!({"id_in_other_mission": 3})
    );
    let named = "id_in_other_mission: 002-tide-gauge-survey";
    assert!(report["warnings"].to_string().contains(named), "{report}");
    // The same is reported if the first of them is not opened again.
    sandbox.write(LOG, log_of(&log_with(1)) + "\n");
    assert_eq!(
        index(&sandbox)["mission_log"]["skipped"],
        json!({"id_in_other_mission": 3})
    );
}

#[test]
fn a_selection_reads_the_logs_of_its_missions() {
    let sandbox = Sandbox::with_repo();
    let one = sandbox
        .sk_sync(["index", "--mission", "001-harbour-tide-table", "--json"])
        .success()
        .json();
    assert_eq!(one["mission_log"]["files"], 0);
    let _first = index(&sandbox);
    sandbox.write(LOG, sandbox.read(LOG) + &log_of(&log_with(1)));
    let changed = sandbox
        .sk_sync(["index", "--changed", "--json"])
        .success()
        .json();
    assert_eq!(
        (
            &changed["index"]["missions"],
            &changed["mission_log"]["captured"]
        ),
        (&json!(1), &json!(3))
    );
}

#[cfg(unix)]
#[test]
fn a_log_is_read_by_the_rules_of_artifacts() {
    let sandbox = Sandbox::with_repo();
    let path = sandbox.repo().join(LOG);
    std::fs::write(sandbox.path("outside"), log_of(&log_with(1))).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(sandbox.path("outside"), &path).unwrap();
    assert_eq!(
        index(&sandbox)["mission_log"]["files"],
        0,
        "a link out of the mission is not followed"
    );
    std::fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    assert_eq!(
        index(&sandbox)["mission_log"]["files"],
        0,
        "a pipe is not waited for"
    );
    std::fs::remove_file(&path).unwrap();
    // A huge line costs no other, and millions of broken ones cost no memory.
    let huge = format!(
        "{{\"event_id\":\"{}\",\"kind\":\"annotation\",\"x\":\"{}\"}}\n",
        id(9),
        "y".repeat(700_000)
    );
    sandbox.write(LOG, huge + &log_of(&log_with(1)) + &"1\n".repeat(300_000));
    let report = index(&sandbox);
    assert_eq!(report["mission_log"]["captured"], 3);
    assert_eq!(
        report["mission_log"]["skipped"],
        json!({"no_contract_type": 1, "not_an_object": 300_000})
    );
}
