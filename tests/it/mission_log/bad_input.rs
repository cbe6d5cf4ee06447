//! Findings from real logs, and worse: each line affects only itself.

use serde_json::json;

use super::{LOG, id, index, lane, log_of, logged};
use crate::support::server::{Reply, Server};
use crate::support::wire::{honest, ids, open};
use crate::support::{Sandbox, is_long};

#[test]
fn odd_lines_are_read_or_named() {
    let sandbox = Sandbox::with_repo();
    let mut heavy = lane(1, "WP01", "claimed", "in_progress");
    heavy["policy_metadata"] = json!({"trace": "x".repeat(600 << 10)});
    let twice = lane(2, "WP02", "planned", "claimed").to_string().replacen(
        '{',
        "{\"actor\": \"first\", \"wp_id\": \"WP77\", ",
        1,
    );
    let mut forbidden = lane(3, "WP03", "planned", "claimed");
    forbidden["actor"] = json!({"role": "r", "feature_slug": "x"});
    let not_a_number = lane(4, "WP04", "planned", "claimed")
        .to_string()
        .replace("null", "NaN");
    let surrogate = lane(5, "WP05", "planned", "claimed")
        .to_string()
        .replace("joris", "\\ud800");
    let [plain, heavy] = [lane(0, "WP01", "planned", "claimed"), heavy].map(|row| row.to_string());
    let lines = [
        plain,
        heavy,
        twice,
        forbidden.to_string(),
        not_a_number,
        surrogate,
        "[1]".to_owned(),
        "\"x\"".to_owned(),
    ];
    let mut log = "\u{feff}".to_owned().into_bytes();
    for line in &lines {
        log.extend(format!("{line}\r\n").bytes());
    }
    log.extend(b"{\"event_id\": \"\xff\"}\r\n<<<<<<< HEAD\r\n=======\r\n>>>>>>> other\r\n");
    log.extend(lane(6, "WP06", "planned", "claimed").to_string().bytes());
    sandbox.write(LOG, log);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let expected = json!({"forbidden_key": 1, "merge_marker": 3, "not_an_object": 2, "not_json": 2, "not_utf8": 1});
    assert_eq!(
        (
            &report["mission_log"]["skipped"],
            &report["mission_log"]["captured"]
        ),
        (&expected, &json!(4)),
        "{report}"
    );
    let captured = logged(&sandbox);
    assert_eq!(
        captured
            .iter()
            .map(|(id, _)| id.clone())
            .collect::<Vec<_>>(),
        [0, 1, 2, 6].map(id)
    );
    // The last of two members with one name is used, and members of no event are dropped.
    assert!(
        captured[2].1.contains("\"actor\":\"joris\"") && captured[2].1.contains("WP02"),
        "{}",
        captured[2].1
    );
    assert!(captured[1].1.len() < 2000, "{} bytes", captured[1].1.len());
    sandbox.verified();
}

/// As the migrations of the tool did it: every line of a long log is another one.
#[test]
fn a_rewritten_log_of_thousands_of_lines_opens_no_conflict() {
    let count = if is_long() { 16_000 } else { 3000 };
    let sandbox = Sandbox::with_repo();
    let rows = |actor: &str| -> String {
        let row = |n: usize| {
            let line = lane(n % 3600, &format!("WP{:02}", n % 90), "planned", "claimed");
            line.to_string()
                .replace(&id(n % 3600), &id(n))
                .replace("joris", actor)
                + "\n"
        };
        (0..count).map(row).collect()
    };
    sandbox.write(LOG, rows("before"));
    assert_eq!(index(&sandbox)["mission_log"]["captured"], count);
    sandbox.write(LOG, rows("after"));
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    let logs = &run["mission_log"];
    assert_eq!(
        (
            &logs["rewritten"],
            &logs["captured"],
            &run["capture"]["conflicts"]
        ),
        (&json!(count), &json!(0), &json!(0))
    );
    assert!(
        run["warnings"].as_array().unwrap().len() < 10,
        "{}",
        run["warnings"]
    );
    let _well = sandbox.sk_sync(["status", "--check"]).success();
    let conflicts: i64 = open(&sandbox.store())
        .query_row("SELECT COUNT(*) FROM journal_conflicts", [], |r| r.get(0))
        .unwrap();
    assert_eq!(conflicts, 0);
}

/// A hook captures log lines like a run.
#[test]
fn a_hook_captures_the_lines_of_a_commit() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_HOOK__DRAIN", "none");
    sandbox.set("SK_SYNC_HOOK__BUDGET", "30s");
    let _first = index(&sandbox);
    sandbox.write(
        LOG,
        log_of(&[
            lane(0, "WP01", "planned", "claimed"),
            lane(1, "WP01", "claimed", "in_progress"),
        ]),
    );
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--message=claim"]);
    let _hook = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    assert_eq!(
        logged(&sandbox)
            .iter()
            .map(|(id, _)| id.clone())
            .collect::<Vec<_>>(),
        [0, 1].map(id)
    );
    assert_eq!(
        index(&sandbox)["mission_log"]["read"],
        0,
        "and remembers that it did"
    );
}

/// A document is not sent while the fact that announces it is on hold.
#[test]
fn documents_of_facts_on_hold_wait_with_them() {
    let server = Server::answering(|request| {
        if request.path.contains("/events/") {
            honest(request, "success")
        } else {
            Reply::status(404)
        }
    });
    let sandbox = Sandbox::with_repo();
    sandbox.own("families.local_only = ['MissionDossierArtifactIndexed']");
    let flags = [
        "--preset",
        "external-receiver",
        "--target-url",
        &server.url(),
    ]
    .map(str::to_owned);
    let run = |sandbox: &Sandbox| {
        let words = [&["run".to_owned(), "--json".to_owned()][..], &flags].concat();
        sandbox.sk_sync(words)
    };
    let held = run(&sandbox).success().json();
    let documents = |of: &serde_json::Value| of["documents"]["balance"].clone();
    assert_eq!(
        (&documents(&held)["blocked"], &documents(&held)["holds"]),
        (&json!(14), &json!(true)),
        "{held}"
    );
    let uploads = || {
        server
            .requests()
            .iter()
            .filter(|request| !request.path.contains("/events/"))
            .count()
    };
    assert_eq!(uploads(), 0, "no document was offered");
    sandbox.own("");
    let _released = sandbox
        .sk_sync(["events", "release", "--reason", "local_only"])
        .success();
    let _rest = run(&sandbox);
    assert!(uploads() > 0, "each is offered once its fact is there");
    assert!(server.requests().iter().flat_map(ids).count() > 20);
}
