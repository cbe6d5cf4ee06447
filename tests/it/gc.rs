//! `gc` and `target forget` through the program: what is deleted, what is kept, and nothing else
//! changes.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Served;
use crate::support::server::{Reply, Server};
use crate::support::{Sandbox, pause};

/// A sandbox with `count` captured events of about a kilobyte, and a receiver that has them all.
fn delivered(count: usize) -> (Sandbox, Served) {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&[]);
    sandbox.target(&served.url());
    capture(&sandbox, 0..count);
    let _run = sandbox.sk_sync(["drain"]).success();
    (sandbox, served)
}

fn capture(sandbox: &Sandbox, ids: std::ops::Range<usize>) {
    let lines: String = ids.map(|n| envelope(n).to_string() + "\n").collect();
    let _run = sandbox.sk_sync_with(["capture", "-q"], lines).success();
}

fn id(n: usize) -> String {
    format!("01JMBY7K8N3QRVX2DPFG{n:06}")
}

/// An envelope of about a kilobyte that a receiver takes.
fn envelope(n: usize) -> Value {
    json!({
        "event_id": id(n), "event_type": "WPStatusChanged", "aggregate_id": format!("WP{n}"),
        "aggregate_type": "WorkPackage", "payload": {"filler": "x".repeat(500)}, "node_id": "0123456789ab",
        "lamport_clock": n, "causation_id": null, "timestamp": "2026-02-12T10:00:00.000000+00:00",
        "correlation_id": id(n), "schema_version": "3.0.0", "data_tier": 0, "team_slug": "harbour",
        "project_uuid": "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60", "project_slug": "harbour-tides",
        "build_id": "b", "git_branch": "main", "head_commit_sha": null, "repo_slug": null,
    })
}

fn gc(sandbox: &Sandbox, more: &[&str]) -> Value {
    sandbox
        .sk_sync([&["gc", "--json"], more].concat())
        .success()
        .json()
}

#[test]
fn a_plan_says_what_may_go_and_changes_nothing() {
    let (sandbox, _served) = delivered(1000);
    capture(&sandbox, 1000..1010);
    let before = sandbox.listing();
    let plan = gc(&sandbox, &[]);
    assert_eq!(
        (&plan["dry_run"], &plan["collected"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(plan["eligible"]["reasons"]["delivered"]["payloads"], 1000);
    assert_eq!(
        plan["kept"]["reasons"],
        json!({"not_everywhere": {"payloads": 10, "bytes": plan["kept"]["bytes"]}})
    );
    assert_eq!(
        gc(&sandbox, &["--explicit", "--dry-run"])["collected"],
        Value::Null
    );
    let words = sandbox.sk_sync(["gc"]).success().stdout;
    assert!(
        words.contains("Deletable: 1,000 payloads") && words.contains("sk-sync gc --explicit"),
        "{words}"
    );
    assert_eq!(sandbox.listing(), before, "a plan changes nothing");
}

#[test]
fn payloads_go_and_everything_else_stays() {
    let (sandbox, served) = delivered(1000);
    capture(&sandbox, 1000..1010);
    let plan = gc(&sandbox, &[]);
    let chain = sandbox
        .sk_sync(["events", "list", "--jsonl"])
        .success()
        .json_lines();
    let done = gc(&sandbox, &["--explicit"]);
    let collected = &done["collected"];
    assert_eq!(
        (&collected["payloads"], &collected["bytes"]),
        (&json!(1000), &plan["eligible"]["bytes"])
    );
    let (was, is) = (
        collected["file_bytes_before"].as_u64().unwrap(),
        collected["file_bytes_after"].as_u64().unwrap(),
    );
    assert!(is < was / 2, "the disk gets the space back: {was} {is}");
    assert_eq!(std::fs::metadata(sandbox.store()).unwrap().len(), is);
    let after = sandbox
        .sk_sync(["events", "list", "--jsonl"])
        .success()
        .json_lines();
    for (then, now) in chain.iter().zip(&after) {
        for member in [
            "seq",
            "event_id",
            "payload_sha256",
            "size",
            "status",
            "attempts",
        ] {
            assert_eq!(then[member], now[member], "{member}");
        }
        assert_eq!(now["purged_at"].is_null(), now["seq"].as_u64() > Some(1000));
    }
    let status = sandbox.status();
    assert_eq!(
        (
            &status["balance"]["delivered"],
            &status["balance"]["captured"]
        ),
        (&json!(1000), &json!(1010))
    );
    // Known events stay known: nothing is captured or sent again.
    capture(&sandbox, 0..5);
    let _run = sandbox.sk_sync(["drain"]).success();
    assert_eq!(
        (&served.report()["events"], &served.report()["duplicates"]),
        (&json!(1010), &json!(0))
    );
    assert_eq!(gc(&sandbox, &["--explicit"])["collected"]["payloads"], 10);
    assert_eq!(
        gc(&sandbox, &["--explicit"])["collected"],
        Value::Null,
        "nothing is left"
    );
}

#[test]
fn nothing_goes_that_somebody_lacks() {
    let (mut sandbox, _served) = delivered(20);
    assert_eq!(
        gc(&sandbox, &["--older-than", "1d"])["kept"]["reasons"]["too_young"]["payloads"],
        20
    );
    // The configured target counts before it was ever contacted, the stub and no target at all
    // never do.
    let second = sandbox.serve(&[]);
    sandbox.target(&second.url());
    assert_eq!(gc(&sandbox, &["--explicit"])["eligible"]["payloads"], 0);
    assert_eq!(
        gc(&sandbox, &["--preset", "stub"])["eligible"]["payloads"],
        20
    );
    let _run = sandbox.sk_sync(["drain"]).success();
    assert_eq!(gc(&sandbox, &[])["eligible"]["payloads"], 20);
    let fresh = Sandbox::with_repo();
    let _run = fresh.sk_sync(["run", "--preset", "stub"]).success();
    let plan = gc(&fresh, &["--preset", "stub"]);
    assert_eq!(
        (
            &plan["eligible"]["payloads"],
            plan["kept"]["reasons"]["no_target"].is_null()
        ),
        (&json!(0), false)
    );
}

#[test]
fn undeliverable_events_go_by_name_alone() {
    let server = Server::answering(|request| {
        let batch = request.json();
        let refusal =
            |e: &Value| json!({"event_id": e["event_id"], "status": "rejected", "error": "no"});
        let results: Vec<_> = batch["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(refusal)
            .collect();
        Reply::json(200, &json!({"results": results}))
    });
    let mut sandbox = Sandbox::aimed_at(&server);
    sandbox.set("SK_SYNC_DRAIN__MAX_REJECTIONS", "1");
    capture(&sandbox, 0..2);
    let _run = sandbox.sk_sync(["drain"]).code(5);
    assert_eq!(
        gc(&sandbox, &["--explicit"])["kept"]["reasons"]["undeliverable"]["payloads"],
        2
    );
    let unknown = sandbox
        .sk_sync(["gc", "--explicit", "--undeliverable", "nobody"])
        .code(2);
    assert!(unknown.stderr.contains("no event nobody"), "{unknown:?}");
    let done = gc(&sandbox, &["--explicit", "--undeliverable", &id(1)]);
    assert_eq!(done["collected"]["payloads"], 1);
    let status = sandbox.status();
    assert_eq!(status["balance"]["undeliverable"], 2, "it is not forgotten");
}

#[test]
fn a_dead_target_is_forgotten_and_holds_nothing_back() {
    let (mut sandbox, served) = delivered(10);
    drop(served);
    capture(&sandbox, 10..12);
    let _run = sandbox.sk_sync(["drain"]).code(3);
    let second = sandbox.serve(&[]);
    sandbox.target(&second.url());
    let _run = sandbox.sk_sync(["drain"]).success();
    let known = sandbox
        .sk_sync(["target", "list", "--json"])
        .success()
        .json()["targets"]
        .clone();
    assert_eq!(
        (&known[0]["is_current"], &known[1]["is_current"]),
        (&json!(false), &json!(true))
    );
    let (dead, alive) = (
        known[0]["target_id"].as_str().unwrap(),
        known[1]["target_id"].as_str().unwrap(),
    );
    assert_eq!(gc(&sandbox, &[])["eligible"]["payloads"], 10);
    assert!(
        sandbox
            .sk_sync(["target", "forget", alive])
            .code(2)
            .stderr
            .contains("is the configured target")
    );
    assert!(
        sandbox
            .sk_sync(["target", "forget", "tgt_x"])
            .code(2)
            .stderr
            .contains("no target tgt_x")
    );
    let before = sandbox.listing();
    assert!(
        sandbox
            .sk_sync(["target", "forget", dead, "--dry-run"])
            .success()
            .stdout
            .contains("would be forgotten")
    );
    assert_eq!(sandbox.listing(), before);
    let done = sandbox
        .sk_sync(["target", "forget", dead, "--json"])
        .success()
        .json();
    assert_eq!(
        (&done["forgotten"], &done["target_id"]),
        (&json!(true), &json!(dead))
    );
    assert!(
        sandbox
            .sk_sync(["target", "list"])
            .success()
            .stdout
            .contains(", forgotten")
    );
    assert_eq!(gc(&sandbox, &["--explicit"])["collected"]["payloads"], 12);
    let shown = sandbox
        .sk_sync(["target", "show", "--json"])
        .success()
        .json();
    assert_eq!(shown["target"]["target_id"], alive);
    assert!(
        shown["sources"][0]["origin"]
            .as_str()
            .unwrap()
            .contains("SK_SYNC_TARGET_URL"),
        "{shown}"
    );
}

/// A collection that is killed after its last transaction leaves free pages: the next one gives
/// them back, although nothing is left to collect.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "leaves free pages, as a killed collection does"
)]
fn space_that_an_interrupted_collection_left_is_given_back() {
    let (sandbox, _served) = delivered(10);
    let _all = gc(&sandbox, &["--explicit"]);
    let length = || std::fs::metadata(sandbox.store()).unwrap().len();
    let before = length();
    let conn = rusqlite::Connection::open(sandbox.store()).unwrap();
    conn.execute_batch("CREATE TABLE filler (x); INSERT INTO filler VALUES (zeroblob(4000000)); DROP TABLE filler;")
        .unwrap();
    drop(conn);
    assert!(length() > before + 3_000_000);
    assert_eq!(gc(&sandbox, &["--explicit"])["kept"]["payloads"], 0);
    assert!(length() <= before);
}

/// SIGKILL and SIGINT at many moments: deleted payloads stay deleted, kept ones are intact, and the
/// next run finishes.
#[test]
#[cfg(unix)]
fn an_interrupted_collection_leaves_a_whole_store() {
    let (sandbox, _served) = delivered(10_000);
    for (round, signal) in ["-9", "-INT", "-9", "-TERM", "-9", "-INT"]
        .into_iter()
        .enumerate()
    {
        let mut child = sandbox
            .command(["gc", "--explicit"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        pause(Duration::from_millis(15 + 12 * round as u64));
        let _gone = std::process::Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        let code = child.wait().unwrap().code();
        assert!(matches!(code, None | Some(0 | 130)), "{code:?}");
        sandbox.verified();
    }
    let last = gc(&sandbox, &["--explicit"]);
    assert_eq!(last["kept"]["payloads"], 0);
    let status = sandbox.status();
    assert_eq!(
        (
            &status["event_journal"]["retained_event_count"],
            &status["balance"]["delivered"]
        ),
        (&json!(0), &json!(10_000))
    );
    assert!(std::fs::metadata(sandbox.store()).unwrap().len() < 9 << 20);
}
