//! Every answer of a server to a batch, through the real binary: its effect on the events, the
//! number of requests, and the exit code.

mod table;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{honest, ids, is_events, journal};

/// A project with an empty work tree, aimed at a server, and `count` events in its journal.
fn captured(server: &Server, count: usize) -> Sandbox {
    let sandbox = Sandbox::aimed_at(server);
    capture(&sandbox, count, 0);
    sandbox
}

/// Captures events whose text compresses badly, each of some `size` bytes.
fn capture(sandbox: &Sandbox, count: usize, size: usize) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        format!("{:08x}", state >> 32)
    };
    let line = |n: usize| {
        let said: String = (0..size / 8).map(|_| noise()).collect();
        json!({"event_id": format!("event-{n}"), "event_type": "T", "aggregate_id": format!("a{n}"), "payload": {"said": said}})
    };
    let lines: Vec<String> = (0..count).map(line).map(|line| line.to_string()).collect();
    let _captured = sandbox
        .sk_sync_with(["capture"], lines.join("\n") + "\n")
        .success();
}

/// An answer with this result for each event.
fn each(request: &Request, status: u16, result: impl Fn(usize, &str) -> Vec<Value>) -> Reply {
    let results: Vec<Value> = ids(request)
        .iter()
        .enumerate()
        .flat_map(|(n, id)| result(n, id))
        .collect();
    Reply::json(status, &json!({ "results": results }))
}

/// 400 that names one event: only that is refused, the others are sent again in the same run.
#[test]
fn details_blame_one_and_the_others_go_at_once() {
    let server = Server::answering(|request| {
        if ids(request).contains(&"event-2".to_owned()) {
            let details = json!([{"event_id": "EVENT-2", "detail": "other case"}, {"event_id": "event-2", "detail": "no lane"}]);
            return Reply::json(400, &json!({"error": "bad", "details": details}));
        }
        honest(request, "success")
    });
    let sandbox = captured(&server, 4);
    let report = sandbox.sk_sync(["drain", "--json"]).code(3).json();
    assert_eq!(
        (&report["drain"]["requests"], &report["drain"]["success"]),
        (&json!(2), &json!(3)),
        "{report}"
    );
    let rejected = sandbox
        .sk_sync(["events", "list", "--jsonl", "--status", "rejected"])
        .success()
        .json_lines();
    assert_eq!(
        (&rejected[0]["event_id"], &rejected[0]["error"]),
        (&json!("event-2"), &json!("no lane"))
    );
}

/// An answer of 100 MB: only as much is read as the number of events allows, and the batch is sent
/// again in halves.
#[test]
fn an_answer_without_end_is_cut_and_the_batch_halved() {
    let mut floods = 1;
    let server = Server::answering(move |request| {
        if floods > 0 {
            floods -= 1;
            return Reply::Flood(100 << 20);
        }
        honest(request, "success")
    });
    let sandbox = captured(&server, 4);
    // The halves are due after a wait, within the same drain.
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(
        (&report["drain"]["success"], &report["drain"]["requests"]),
        (&json!(4), &json!(3))
    );
    // Bytes in transit are in the buffers of the system, not read.
    assert!(
        server.flooded() < 50 << 20,
        "{} bytes were taken",
        server.flooded()
    );
}

/// The connection is reset while the request is being sent: the same bytes are sent again.
#[test]
fn a_batch_whose_connection_is_reset_goes_again() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    capture(&sandbox, 200, 2400);
    server.reset(1);
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    // It was a kept connection, used for the health request. The request is sent again at once on
    // another one.
    assert_eq!(
        (
            &report["balance"]["delivered"],
            &report["drain"]["requests"]
        ),
        (&json!(200), &json!(1))
    );
    let sent: Vec<String> = server
        .requests()
        .iter()
        .filter(|r| is_events(r))
        .flat_map(ids)
        .collect();
    assert_eq!(sent.len(), 200, "each was received once");
}

/// A server closes a kept connection as the next batch is sent on it: the same request is sent at
/// once on a new one, and no result is unknown.
#[test]
fn a_kept_connection_that_is_closed_costs_no_wait() {
    let mut posts = 0;
    let server = Server::answering(move |request| {
        posts += usize::from(is_events(request));
        if posts == 2 && is_events(request) {
            Reply::Silence
        } else {
            honest(request, "success")
        }
    });
    let mut sandbox = captured(&server, 3);
    sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "1");
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(
        (
            &report["balance"]["delivered"],
            &report["drain"]["requests"]
        ),
        (&json!(3), &json!(3)),
        "{report}"
    );
    let sent: Vec<_> = server.requests().into_iter().filter(is_events).collect();
    assert_eq!(sent.len(), 4);
    assert_eq!(
        (sent[1].header("idempotency-key"), &sent[1].raw),
        (sent[2].header("idempotency-key"), &sent[2].raw)
    );
    let conn = crate::support::wire::open(&sandbox.store());
    let unknown: i64 = conn
        .query_row("SELECT SUM(unknown_ends) FROM delivery_attempts", [], |r| {
            r.get(0)
        })
        .unwrap();
    assert_eq!(unknown, 0);
}

/// A server that speaks no TLS where TLS is expected: a halt that changes nothing.
#[test]
fn a_failed_handshake_changes_nothing() {
    let server = Server::honest();
    let mut sandbox = captured(&server, 4);
    sandbox.target(&server.url().replace("http://", "https://"));
    let report = sandbox.sk_sync(["drain", "--json"]).code(3).json();
    assert_eq!(
        (&report["balance"]["untried"], &report["drain"]["requests"]),
        (&json!(4), &json!(1)),
        "{report}"
    );
    assert!(server.requests().is_empty());
}

/// An older flat dossier payload is sent in its present form; the journal keeps the original bytes.
#[test]
fn an_older_payload_is_upgraded_on_the_wire_and_nowhere_else() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let line = concat!(
        r#"{"event_id": "01JMBY7K8N3QRVX2DPFG5HWT4E", "event_type": "MissionDossierArtifactIndexed", "#,
        r#""project_uuid": "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60", "team_slug": "harbour", "timestamp": "T", "#,
        r#""payload": {"namespace": {"mission_slug": "m", "mission_type": "research"}, "mission_slug": "m", "#,
        r#""artifact_key": "k", "artifact_class": "other", "relative_path": "spec.md", "size_bytes": 3, "#,
        r#""content_hash_sha256": "ab", "step_id": null}}"#
    );
    let _captured = sandbox
        .sk_sync_with(["capture"], line.to_owned() + "\n")
        .success();
    let _drained = sandbox.sk_sync(["drain"]).success();
    let sent = concat!(
        r#"{"events":[{"event_id":"01JMBY7K8N3QRVX2DPFG5HWT4E","event_type":"MissionDossierArtifactIndexed","#,
        r#""payload":{"artifact_id":{"artifact_class":"runtime","mission_type":"research","path":"spec.md"},"#,
        r#""content_ref":{"algorithm":"sha256","hash":"ab","size_bytes":3},"context_diagnostics":{"artifact_key":"k"},"#,
        r#""indexed_at":"T","namespace":{"mission_slug":"m","mission_type":"research"}},"#,
        r#""project_uuid":"5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60","team_slug":"harbour","timestamp":"T"}]}"#
    );
    assert_eq!(
        String::from_utf8(server.requests()[0].body()).unwrap(),
        sent
    );
    let kept = journal(&sandbox.store());
    assert_eq!(kept["01JMBY7K8N3QRVX2DPFG5HWT4E"], line.as_bytes());
}

/// The report file names every failure of this drain and none of an earlier one; `events explain`
/// groups them.
#[test]
fn a_report_names_what_failed_and_explain_says_why() {
    let server = Server::answering(|request| {
        each(request, 200, |n, id| match n % 3 {
            0 => vec![json!({"event_id": id, "status": "success"})],
            1 => vec![
                json!({"event_id": id, "status": "rejected", "error": format!("no lane '{id}' in row {n}")}),
            ],
            _ => Vec::new(),
        })
    });
    let sandbox = captured(&server, 9);
    let file = sandbox.path("report.json");
    let drain = ["drain", "--json", "--report", file.to_str().unwrap()];
    let report = sandbox.sk_sync(drain).code(3).json();
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(
        (
            &written["dispatched"],
            &written["delivered"],
            &written["rejected"]
        ),
        (&json!(true), &json!(3), &json!(3))
    );
    let summary = &written["summary"];
    assert_eq!(
        (
            &summary["total_events"],
            &summary["synced"],
            &summary["failed"]
        ),
        (&json!(9), &json!(3), &json!(6))
    );
    assert_eq!(written["balance"], report["balance"]);
    let failures = written["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 6);
    assert_eq!(
        failures[0],
        json!({"event_id": "event-1", "outcome": "rejected", "http_status": 200,
        "error": "no lane 'event-1' in row 1"})
    );
    let _again = sandbox.sk_sync(drain).code(3);
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(
        written["failures"],
        json!([]),
        "nothing was due, so nothing failed this time"
    );
    let groups = sandbox
        .sk_sync(["events", "explain", "--json"])
        .success()
        .json()["groups"]
        .clone();
    assert_eq!(
        groups[0],
        json!({"status": "rejected", "event_type": "T", "reason": "no lane '…' in row #", "count": 3,
        "example": "event-1", "group": groups[0]["group"], "note": null, "waived": 0, "waived_at": null})
    );
    assert!(
        groups[0]["group"]
            .as_str()
            .is_some_and(|group| group.len() == 10),
        "{groups}"
    );
    assert_eq!(
        (&groups[1]["status"], &groups[1]["count"]),
        (&json!("transient"), &json!(3))
    );
    let told = sandbox.sk_sync(["events", "explain"]).success().stdout;
    assert!(
        told.contains("no lane '…' in row #") && told.contains("event-1"),
        "{told}"
    );
}

/// Without a target, a report says that nothing was sent; a file that cannot be written is an
/// error.
#[test]
fn a_report_of_no_drain_says_so() {
    let sandbox = Sandbox::with_repo();
    let file = sandbox.path("report.json");
    let _drained = sandbox
        .sk_sync([
            "drain",
            "--preset",
            "local-retention",
            "--report",
            file.to_str().unwrap(),
        ])
        .success();
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(
        (&written["dispatched"], &written["failures"]),
        (&json!(false), &json!([]))
    );
    let nowhere = sandbox.path("absent/report.json");
    let failed = sandbox
        .sk_sync(["drain", "--report", nowhere.to_str().unwrap()])
        .code(1);
    assert!(
        failed.stderr.contains("absent/report.json"),
        "{}",
        failed.stderr
    );
}
