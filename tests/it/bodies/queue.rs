//! The queue for users: what fits, what waits, what failed, and how to retry.

use serde_json::{Value, json};

use super::receiver::{Deed, Receiver, storing};
use super::{aim, aim_with, events, failures, mission, project, rows, texts};
use crate::support::Sandbox;
use crate::support::server::Server;

/// Two missions with three bodies each.
fn two_missions(sandbox: &Sandbox) {
    let files = [
        ("spec.md", "one\n"),
        ("plan.md", "two\n"),
        ("tasks.md", "three\n"),
    ];
    mission(sandbox, "001-lamp", "main", &files);
    mission(sandbox, "002-lens", "2.x", &files);
}

/// Texts beyond the limit stay in their files; this is reported, and nothing is lost.
#[test]
fn a_full_store_of_texts_says_so() {
    let (sandbox, server, receiver) = (project(), events(), storing());
    aim_with(&sandbox, &server, &receiver, "bodies.max_queue_bytes = 9");
    two_missions(&sandbox);
    let report = sandbox
        .sk_sync(["run", "--no-drain", "--json"])
        .success()
        .json();
    assert_eq!(
        (&report["bodies"]["queued"], texts(&sandbox.store())),
        (&json!(6), 2),
        "{report}"
    );
    let warning = report["warnings"].to_string();
    assert!(
        warning.contains("queue_full: 1 texts") && warning.contains("bodies.max_queue_bytes"),
        "{warning}"
    );
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&report["bodies"]["uploaded"], receiver.seen().stored.len()),
        (&json!(6), 6),
        "{report}"
    );
}

/// A run in which one mission was refused for good, and one body of the other has to wait.
fn refused_and_waiting() -> (Sandbox, Server, Receiver) {
    let (sandbox, server) = (project(), events());
    let receiver = Receiver::doing(|upload| match upload.text("mission_slug") {
        // Each for its own reason: one for all would be the receiver's refusal of everything.
        "001-lamp" => match upload.text("artifact_path") {
            "tasks.md" => Deed::answer(400, "", r#"{"detail":"no\u001b[31m"}"#),
            path => Deed::answer(
                400,
                "",
                json!({"detail": format!("not {path}")}).to_string(),
            ),
        },
        _ if upload.text("artifact_path") == "spec.md" => {
            Deed::answer(423, "Retry-After: 600\r\n", "")
        }
        _ => Deed::echo(201, "stored", upload),
    });
    aim(&sandbox, &server, &receiver);
    two_missions(&sandbox);
    let report = sandbox.sk_sync(["run", "--json"]).code(5).json();
    assert_eq!(
        (&report["bodies"]["failed"], &report["bodies"]["retryable"]),
        (&json!(3), &json!(1))
    );
    (sandbox, server, receiver)
}

fn list(sandbox: &Sandbox, words: &[&str]) -> Value {
    sandbox
        .sk_sync(["bodies", "list", "--json"].iter().chain(words))
        .success()
        .json()
}

#[test]
fn list_and_status_agree() {
    let (sandbox, _server, _receiver) = refused_and_waiting();
    let status = sandbox.status();
    let bodies = &status["bodies"];
    let numbers = ["queued", "ready", "in_backoff", "failures"]
        .map(|member| bodies[member].as_u64().unwrap());
    assert_eq!(
        (numbers, &bodies["retry_histogram"]),
        ([1, 0, 1, 3], &json!({"1": 1})),
        "{bodies}"
    );
    assert!(bodies["oldest_age_seconds"].is_u64());
    let steps = status["next_steps"].to_string();
    assert!(
        steps.contains("sk-sync bodies list") && steps.contains("sk-sync drain"),
        "{steps}"
    );
    let _check = sandbox.sk_sync(["status", "--check"]).code(5);

    let listed = list(&sandbox, &[]);
    assert_eq!(
        (&listed["command"], &listed["ok"], &listed["exit_code"]),
        (&json!("bodies list"), &json!(true), &json!(0))
    );
    let line =
        |slug: &str, branch: &str, [queued, ready, in_backoff, failures, bytes]: [u64; 5]| {
            json!({"mission_slug": slug, "target_branch": branch, "queued": queued, "ready": ready,
               "in_backoff": in_backoff, "failures": failures, "bytes": bytes})
        };
    let (lamp, lens) = (
        line("001-lamp", "main", [0, 0, 0, 3, 0]),
        line("002-lens", "2.x", [1, 0, 1, 0, 4]),
    );
    assert_eq!(listed["missions"], json!([lamp, lens]));
    let waiting = &listed["queued"][0];
    assert_eq!(
        (&waiting["path"], &waiting["retry_count"]),
        (&json!("spec.md"), &json!(1))
    );
    assert_eq!(
        (&waiting["last_error"], &waiting["is_ready"]),
        (&json!("busy: HTTP 423"), &json!(false))
    );
    assert_eq!(listed["failed"].as_array().unwrap().len(), 3);
    assert_eq!(
        listed["failed"][0]["reason"], "bad_request: no\\u{1b}[31m",
        "a server's words cannot steer a terminal"
    );
    assert_eq!(
        list(&sandbox, &["--mission", "002-lens"])["failed"],
        json!([])
    );
    let words = sandbox.sk_sync(["bodies", "list"]).success().stdout;
    for word in ["001-lamp", "busy: HTTP 423", "bad_request: no", "2.x"] {
        assert!(words.contains(word), "{words}");
    }
}

#[test]
fn both_ways_to_try_again() {
    let (sandbox, _server, _receiver) = refused_and_waiting();
    let before = rows(&sandbox.store());
    let _dry = sandbox.sk_sync(["bodies", "retry", "--dry-run"]).success();
    assert_eq!(
        (rows(&sandbox.store()), failures(&sandbox.store()).len()),
        (before, 3)
    );
    let retry = |words: &[&str]| -> Value {
        let report = sandbox
            .sk_sync(["bodies", "retry", "--json"].iter().chain(words))
            .success()
            .json();
        json!([report["due_now"], report["reopened"]])
    };
    assert_eq!(retry(&["--mission", "001-lamp"]), json!([0, 3]));
    assert_eq!((retry(&[]), retry(&[])), (json!([1, 0]), json!([0, 0])));
    let row = &rows(&sandbox.store())[0];
    assert_eq!(row.due_at, 0, "at once");
    assert_eq!(
        list(&sandbox, &[])["failed"],
        json!([]),
        "they are owed again"
    );
    let _check = sandbox.sk_sync(["status", "--check"]).code(3);
    // Refused again: the same three entries, opened again.
    let _run = sandbox.sk_sync(["run"]).code(5);
    let log = failures(&sandbox.store());
    assert!(
        log.len() == 3 && log.iter().all(|(_, count)| *count == 2),
        "{log:?}"
    );
}

/// An older version waits when the present one is accepted: it must not follow it, and is
/// superseded.
#[test]
fn an_older_text_gives_way_to_the_present_one() {
    let (sandbox, server) = (project(), events());
    let receiver = Receiver::doing(|upload| match upload.text("content_body") {
        "old\n" => Deed::answer(423, "Retry-After: 600\r\n", ""),
        _ => Deed::echo(201, "stored", upload),
    });
    aim(&sandbox, &server, &receiver);
    mission(&sandbox, "001-lamp", "main", &[("spec.md", "old\n")]);
    let _first = sandbox.sk_sync(["run"]).code(3);
    mission(&sandbox, "001-lamp", "main", &[("spec.md", "new\n")]);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (
            &report["bodies"]["uploaded"],
            &report["bodies"]["retryable"]
        ),
        (&json!(1), &json!(0))
    );
    let balance = &report["documents"]["balance"];
    assert_eq!(
        (
            &balance["captured"],
            &balance["delivered"],
            &balance["superseded"]
        ),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(receiver.seen().stored.len(), 1);
}

/// Another version of a refused artifact is accepted: the failure is settled.
#[test]
fn a_better_text_ends_a_failure() {
    let (sandbox, server) = (project(), events());
    let receiver = Receiver::doing(|upload| match upload.text("content_body") {
        "bad\n" => Deed::answer(413, "", ""),
        _ => Deed::echo(201, "stored", upload),
    });
    aim(&sandbox, &server, &receiver);
    mission(&sandbox, "001-lamp", "main", &[("spec.md", "bad\n")]);
    let _run = sandbox.sk_sync(["run"]).code(5);
    assert_eq!(
        failures(&sandbox.store()),
        [("oversized: refused by the server".to_owned(), 1)]
    );
    mission(&sandbox, "001-lamp", "main", &[("spec.md", "good\n")]);
    let _run = sandbox.sk_sync(["run"]).success();
    assert_eq!(failures(&sandbox.store()), []);
    assert_eq!(
        sandbox
            .sk_sync(["status", "--check", "--json"])
            .success()
            .json()["bodies"]["failures"],
        0
    );
}
