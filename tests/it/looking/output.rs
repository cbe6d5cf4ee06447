//! Output of read-only commands: complete lines, and readers that leave early.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use serde_json::json;

use super::lines;
use crate::support::Sandbox;
use crate::support::server::Server;
use crate::support::wire::honest;

/// Every listing, closed after one line by its reader: no error, no message.
#[test]
fn a_reader_may_leave_early() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox
        .sk_sync_with(["capture", "-q"], lines(0..5000))
        .success();
    for words in [
        &["events", "list"][..],
        &["events", "list", "--jsonl", "--envelope"],
        &["events", "show", "id-1"],
        &["status"],
        &["status", "--json"],
        &["status", "--schema"],
        &["verify"],
        &["bodies", "list"],
        &["events", "explain"],
    ] {
        let mut child = sandbox
            .command(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::with_capacity(1, child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{words:?}");
        assert!(
            said.is_empty() || words[1] == "explain",
            "{words:?}: {said}"
        );
    }
}

/// Each line has exactly the members of the contract, in order, and each filter selects what it
/// names.
#[test]
fn a_line_is_complete() {
    let server = Server::answering(|request| honest(request, "rejected"));
    let mut sandbox = Sandbox::with_repo();
    let _run = sandbox
        .sk_sync_with(["capture", "-q"], lines(0..3))
        .success();
    sandbox.target(&server.url());
    let _run = sandbox.sk_sync(["drain"]).code(3);
    let members = [
        "seq",
        "event_id",
        "event_type",
        "occurred_at",
        "captured_at",
        "size",
        "payload_sha256",
        "status",
        "attempts",
        "error",
        "superseded_by",
        "archived_at",
        "purged_at",
    ];
    let run = sandbox.sk_sync(["events", "list", "--jsonl"]).success();
    for (n, (line, text)) in run.json_lines().iter().zip(run.stdout.lines()).enumerate() {
        let has: Vec<_> = line
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert!(
            members.iter().all(|member| has.contains(member)) && has.len() == members.len(),
            "{has:?}"
        );
        let places: Vec<_> = members
            .iter()
            .map(|member| text.find(&format!("\"{member}\":")).unwrap())
            .collect();
        assert!(places.is_sorted(), "{text}");
        assert_eq!(
            (&line["seq"], &line["status"], &line["attempts"]),
            (&json!(n + 1), &json!("rejected"), &json!(1))
        );
    }
    let with = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines();
    assert_eq!(
        with[0]["envelope"],
        json!({"event_id": "id-0", "event_type": "T"})
    );
    let id = sandbox
        .sk_sync(["target", "list", "--json"])
        .success()
        .json()["targets"][0]["target_id"]
        .clone();
    for (filter, expected) in [
        (&["--status", "retryable"][..], 3),
        (&["--status", "rejected", "--type", "T"], 3),
        (&["--type", "t"], 0),
        (&["--status", "untried"], 0),
        (
            &["--target", id.as_str().unwrap(), "--status", "rejected"],
            3,
        ),
    ] {
        let words = [&["events", "list", "--jsonl"], filter].concat();
        assert_eq!(
            sandbox.sk_sync(words).success().json_lines().len(),
            expected,
            "{filter:?}"
        );
    }
    for (wrong, told) in [
        (
            &["list", "--status", "rejectd"][..],
            &["did you mean `rejected`", "Statuses: delivered, in_flight,"][..],
        ),
        (
            &["list", "--target", "tgt_nobody"],
            &["no target tgt_nobody", id.as_str().unwrap()],
        ),
        (
            &["explain", "--target", "tgt_nobody"],
            &["no target tgt_nobody", id.as_str().unwrap()],
        ),
    ] {
        let run = sandbox.sk_sync([&["events"], wrong].concat()).code(2);
        assert!(
            told.iter().all(|words| run.stderr.contains(words)) && run.stdout.is_empty(),
            "{wrong:?}: {run:?}"
        );
    }
}
