//! `status`, `events` and `verify` after real runs: they agree, and the exit code reports problems.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{honest, ids, open};

/// Answers every event of a batch by its position, and every document correctly.
fn by_place(words: &'static [&'static str]) -> Server {
    Server::answering(move |request: &Request| {
        if request.path != "/api/v1/events/batch/" {
            return honest(request, "success");
        }
        let all = ids(request);
        let word = |n: usize| words[n % words.len()];
        let results: Vec<_> = all
            .iter()
            .enumerate()
            .map(|(n, id)| json!({"event_id": id, "status": word(n), "error": "why"}))
            .collect();
        Reply::json(200, &json!({ "results": results }))
    })
}

fn listed(sandbox: &Sandbox, status: &str) -> usize {
    sandbox
        .sk_sync(["events", "list", "--jsonl", "--status", status])
        .success()
        .json_lines()
        .len()
}

/// There is one truth. Each class of the balance has as many events as the list of that class has
/// lines, and the states add up to it.
#[test]
fn d28_the_list_counts_as_the_balance_does() {
    let server = by_place(&["success", "rejected", "no_such_word", "pending"]);
    let sandbox = Sandbox::aimed_at(&server);
    let _run = sandbox.sk_sync(["run"]).code(3);
    let status = sandbox
        .sk_sync(["status", "--check", "--json"])
        .code(3)
        .json();
    let balance = &status["balance"];
    for class in [
        "delivered",
        "in_flight",
        "retryable",
        "undeliverable",
        "blocked",
        "untried",
        "superseded",
        "discarded",
        "purged",
    ] {
        assert_eq!(balance[class], listed(&sandbox, class), "{class}");
    }
    let ledger = &status["delivery_ledger"];
    for (member, word) in [
        ("rejected", "rejected"),
        ("transient", "transient"),
        ("pending", "pending"),
    ] {
        assert!(ledger[member].as_u64() > Some(0), "{ledger}");
        assert_eq!(ledger[member], listed(&sandbox, word), "{word}");
    }
    let owed = ledger["rejected"].as_u64().unwrap() + ledger["transient"].as_u64().unwrap();
    assert_eq!(
        status["active_queue"]["event_count"], owed,
        "what is pending there is not owed"
    );
    let words = sandbox.sk_sync(["status", "-v"]).success().stdout;
    assert!(
        words.contains("rejected for now") && words.contains("accepted and not stored yet"),
        "{words}"
    );
    sandbox.verified();
}

/// Events that the server accepted and has not stored yet need no action.
#[test]
fn pending_alone_is_success() {
    let server = by_place(&["pending"]);
    let sandbox = Sandbox::aimed_at(&server);
    let _run = sandbox.sk_sync(["run"]).success();
    let status = sandbox
        .sk_sync(["status", "--check", "--json"])
        .success()
        .json();
    assert_eq!(
        (&status["ok"], &status["active_queue"]["event_count"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(
        status["delivery_ledger"]["pending"],
        status["balance"]["captured"]
    );
    sandbox.verified();
}

/// The user changes the target: deliveries to the first one stay recorded, and the second one
/// starts without them.
#[test]
fn an_earlier_target_stays_known() {
    let mut sandbox = Sandbox::with_repo();
    let report = sandbox
        .sk_sync(["run", "--preset", "stub", "--json"])
        .success()
        .json();
    let events = &report["balance"]["captured"];
    let server = by_place(&["success"]);
    sandbox.target(&server.url());
    let status = sandbox.status();
    assert_eq!(
        status["delivery_targets"]["current"]["target_id"],
        Value::Null,
        "never contacted"
    );
    assert_eq!(
        (
            &status["delivery_ledger"]["delivered_previous_target"],
            &status["balance"]["untried"]
        ),
        (events, events)
    );
    let stub = status["delivery_targets"]["previous"][0].clone();
    assert_eq!(
        (stub["canonical_url"].as_str(), &stub["delivered_count"]),
        (Some("stub://local"), events)
    );
    let id = stub["target_id"].as_str().unwrap();
    let there = sandbox
        .sk_sync(["events", "list", "--jsonl", "--target", id])
        .success()
        .json_lines();
    assert!(there.iter().all(|event| event["status"] == "success"));
    assert_eq!(listed(&sandbox, "untried"), there.len());
    sandbox.verified();
}

/// While a check fails, every view shows blocked.
#[test]
fn a_shut_gate_is_seen_everywhere() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.target("http://127.0.0.1:9");
    sandbox.unset("SK_SYNC_TOKEN");
    let _run = sandbox.sk_sync(["run"]).code(4);
    let status = sandbox
        .sk_sync(["status", "--check", "--json"])
        .code(4)
        .json();
    assert_eq!(
        (&status["ok"], &status["balance"]["blocked"]),
        (&json!(false), &status["balance"]["captured"])
    );
    assert_eq!(status["balance"]["blocked"], listed(&sandbox, "blocked"));
    let steps = status["next_steps"].as_array().unwrap();
    assert!(
        steps[0]["why"].as_str().unwrap().contains("missing_auth"),
        "{steps:?}"
    );
    assert_eq!(
        sandbox.sk_sync(["-q", "status", "--check"]).code(4).stdout,
        ""
    );
}

#[test]
fn one_event_is_shown_in_any_spelling() {
    let server = by_place(&["rejected"]);
    let sandbox = Sandbox::aimed_at(&server);
    let _run = sandbox.sk_sync(["run"]).code(3);
    let event = &sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines()[0];
    let id = event["event_id"].as_str().unwrap();
    let shown = sandbox
        .sk_sync(["events", "show", &id.to_lowercase(), "--json"])
        .success()
        .json();
    for member in [
        "seq",
        "event_id",
        "status",
        "attempts",
        "error",
        "payload_sha256",
        "envelope",
    ] {
        assert_eq!(shown[member], event[member], "{member}");
    }
    let at = &shown["targets"][0];
    assert_eq!(
        (&at["class"], &at["attempts"], &at["is_current"]),
        (&json!("retryable"), &json!(1), &json!(true))
    );
    assert!(
        at["error"].as_str().unwrap().contains("why") && at["due_at"].is_string(),
        "{at}"
    );
    let words = sandbox.sk_sync(["events", "show", id]).success().stdout;
    assert!(
        words.contains("rejected after 1 answer, HTTP 200") && words.contains("\"event_type\""),
        "{words}"
    );
}

#[test]
fn what_does_not_exist_is_named() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    for (args, words) in [
        (
            &["events", "list", "--status", "delivred"][..],
            "did you mean `delivered`?",
        ),
        (
            &["events", "list", "--target", "tgt_none"],
            "no target tgt_none",
        ),
        (&["events", "show", "nobody"], "no event nobody"),
    ] {
        let run = sandbox.sk_sync(args).code(2);
        assert!(
            run.stderr.contains(words) && run.stdout.is_empty(),
            "{run:?}"
        );
    }
}

/// An envelope that cannot stand in a line of JSON is listed all the same, and can be had byte for
/// byte.
#[test]
fn every_envelope_can_be_read_back() {
    let sandbox = Sandbox::with_repo();
    let odd = br#"{"event_id":"odd-1","event_type":"T","n":NaN}"#;
    let plain = br#"{"event_id":"plain-1", "event_type":"T","n":1.50}"#;
    let input = [&odd[..], b"\n", plain, b"\n"].concat();
    let _run = sandbox.sk_sync_with(["capture"], &input);
    let run = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success();
    let events = run.json_lines();
    assert_eq!(events[0]["envelope"], Value::Null);
    let hex = events[0]["envelope_hex"].as_str().unwrap().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    assert_eq!(hex.chunks(2).map(byte).collect::<Vec<_>>(), odd);
    let spliced = format!("\"envelope\":{}}}", std::str::from_utf8(plain).unwrap());
    assert!(
        run.stdout.lines().nth(1).unwrap().ends_with(&spliced),
        "{}",
        run.stdout
    );
}

/// More events than one read takes: none is left out, none comes twice, and a reader may leave
/// early.
#[test]
fn a_long_listing_is_whole() {
    let sandbox = Sandbox::with_repo();
    let line = |n: u32| format!("{{\"event_id\":\"id-{n}\",\"event_type\":\"T{}\"}}", n % 2);
    let lines = (0..2500).map(line).collect::<Vec<_>>().join("\n");
    let _run = sandbox.sk_sync_with(["capture"], lines.as_bytes());
    let all = sandbox
        .sk_sync(["events", "list", "--jsonl"])
        .success()
        .json_lines();
    let seqs: Vec<_> = all
        .iter()
        .map(|event| event["seq"].as_i64().unwrap())
        .collect();
    assert_eq!(seqs, (1..=2500).collect::<Vec<_>>());
    let odd = sandbox
        .sk_sync(["events", "list", "--jsonl", "--type", "T1"])
        .success()
        .json_lines();
    assert_eq!(odd.len(), 1250);
}

/// A page of the file is overwritten: the rest is still checked, and reported as safe or not.
#[test]
fn verify_says_what_is_safe_in_a_damaged_file() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    let store = sandbox.store();
    sandbox.spoilt();
    let (page, size): (i64, i64) = {
        let conn = open(&store);
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'journal_payloads'";
        let page = conn.query_row(sql, [], |row| row.get(0)).unwrap();
        (
            page,
            conn.query_row("PRAGMA page_size", [], |row| row.get(0))
                .unwrap(),
        )
    };
    let mut bytes = std::fs::read(&store).unwrap();
    let from = usize::try_from((page - 1) * size).unwrap();
    bytes[from..from + 64].fill(0xa5);
    std::fs::write(&store, &bytes).unwrap();
    let proof = sandbox.sk_sync(["verify", "--json"]).code(6).json();
    assert_eq!(
        (&proof["ok"], &proof["is_damaged"]),
        (&json!(false), &json!(true))
    );
    let parts: Vec<_> = proof["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["part"].as_str().unwrap())
        .collect();
    assert!(
        parts.contains(&"file") && parts.contains(&"journal"),
        "{proof}"
    );
    let safe = proof["safe"].to_string();
    assert!(
        safe.contains("every waiting document") && !safe.contains("every event is here"),
        "{proof}"
    );
    assert_eq!(std::fs::read(&store).unwrap(), bytes);
}
