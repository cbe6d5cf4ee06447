//! Delivery to a server that follows a script: nothing lost, nothing recorded that the server did
//! not say.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::server::{Reply, Server};
use crate::support::wire::{honest, ids, is_events};
use crate::support::{Sandbox, let_waits_pass};

#[test]
fn requests_carry_what_the_contract_says() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let requests = server.requests();
    let (events, bodies): (Vec<_>, Vec<_>) = requests.iter().partition(|r| is_events(r));
    assert_eq!(
        (events.len(), json!(bodies.len())),
        (1, report["bodies"]["uploaded"].clone())
    );
    assert_eq!(events[0].header("content-encoding"), Some("gzip"));
    assert!(
        events[0]
            .header("idempotency-key")
            .is_some_and(|key| key.len() == 36)
    );
    for request in &requests {
        assert_eq!(
            (request.method.as_str(), request.header("authorization")),
            ("POST", Some("Bearer correct-horse"))
        );
        assert_eq!(request.header("content-type"), Some("application/json"));
    }
    let body = bodies[0].json();
    let mut members: Vec<_> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    let contract = [
        "artifact_path",
        "content_body",
        "content_hash",
        "hash_algorithm",
        "manifest_version",
        "mission_slug",
        "mission_type",
        "project_uuid",
        "target_branch",
    ];
    assert_eq!(members, contract);
    // Every upload came after the events, over a few kept connections.
    assert!(is_events(&requests[0]));
    let connections: BTreeSet<_> = bodies.iter().map(|r| r.connection).collect();
    assert!(connections.len() <= 8, "{connections:?}");
    // The team is filled on the wire, not in the journal.
    assert_eq!(events[0].json()["events"][0]["team_slug"], "harbour");
    sandbox.verified();
}

/// The server stored the batch and the answer was lost: the same bytes under the same key are sent
/// first next time.
#[test]
fn d20_a_lost_answer_is_resent_exactly_and_closed_by_duplicate() {
    let mut seen = 0;
    let server = Server::answering(move |request| {
        if !is_events(request) {
            return honest(request, "success");
        }
        seen += 1;
        if seen == 1 {
            Reply::Silence
        } else {
            honest(request, "duplicate")
        }
    });
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&report["drain"]["success"], &report["drain"]["duplicate"]),
        (&json!(0), &report["capture"]["captured"])
    );
    let requests: Vec<_> = server.requests().into_iter().filter(is_events).collect();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].raw, requests[1].raw);
    assert_eq!(
        requests[0].header("idempotency-key"),
        requests[1].header("idempotency-key")
    );
    sandbox.verified();
}

/// An id that the answer does not contain is not delivered.
#[test]
fn d19_only_what_the_answer_names_is_delivered() {
    let server = Server::answering(|request| {
        if !is_events(request) {
            return honest(request, "success");
        }
        let named: Vec<Value> = ids(request)
            .iter()
            .skip(1)
            .map(|id| json!({"event_id": id, "status": "success"}))
            .collect();
        Reply::json(200, &json!({ "results": named }))
    });
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).code(3).json();
    assert_eq!(
        (
            &report["drain"]["transient"],
            &report["balance"]["retryable"]
        ),
        (&json!(1), &json!(1))
    );
    sandbox.verified();
}

/// A general refusal stops after one request, changes no event, and shows the server's message.
#[test]
fn d14_a_halt_stops_after_one_request() {
    for status in [401, 403, 412, 426] {
        let server = Server::answering(move |_| {
            Reply::json(status, &json!({"error": "upgrade to 9.1 first"}))
        });
        let sandbox = Sandbox::aimed_at(&server);
        let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
        assert_eq!(server.requests().len(), 1, "{status}");
        assert_eq!(
            report["balance"]["blocked"], report["capture"]["captured"],
            "{status}"
        );
        let words = report["drain"]["halted"].as_str().unwrap();
        assert!(
            words.contains("upgrade to 9.1 first") && words.contains(&status.to_string()),
            "{words}"
        );
        sandbox.verified();
    }
}

/// A redirect is not followed: the other host sees no connection.
#[test]
fn redirects_are_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("http://{}/steal", elsewhere.local_addr().unwrap());
    for status in [301, 302, 307, 308] {
        let location = location.clone();
        let server =
            Server::answering(move |_| Reply::status(status).header("Location", &location));
        let sandbox = Sandbox::aimed_at(&server);
        let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
        assert_eq!(server.requests().len(), 1, "{status}");
        assert_eq!(
            report["balance"]["blocked"], report["capture"]["captured"],
            "{status}"
        );
        assert!(elsewhere.accept().is_err(), "{status}: somebody connected");
        sandbox.verified();
    }
}

/// One bad event among many: the others are delivered in one run.
#[test]
fn d11_a_poison_event_holds_up_nobody() {
    let poison: Arc<Mutex<Option<String>>> = Arc::default();
    let known = Arc::clone(&poison);
    let server = Server::answering(move |request| {
        let all = ids(request);
        if !is_events(request) {
            return honest(request, "success");
        }
        let bad = known
            .lock()
            .unwrap()
            .get_or_insert_with(|| all[7].clone())
            .clone();
        if all.contains(&bad) {
            Reply::json(400, &json!({"error": "batch validation failed"}))
        } else {
            honest(request, "success")
        }
    });
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).code(3).json();
    let captured = report["capture"]["captured"].as_u64().unwrap();
    assert_eq!(
        (
            report["drain"]["success"].as_u64(),
            report["drain"]["rejected"].as_u64()
        ),
        (Some(captured - 1), Some(1))
    );
    // About 2 log2(n) requests: 1 for the whole, then two for each halving.
    assert!(
        report["drain"]["requests"].as_u64().unwrap() <= 2 * 5 + 1,
        "{}",
        report["drain"]
    );
    let rejected = sandbox
        .sk_sync(["events", "list", "--jsonl", "--status", "rejected"])
        .success()
        .json_lines();
    assert_eq!(
        Some(rejected[0]["event_id"].as_str().unwrap()),
        poison.lock().unwrap().as_deref()
    );
    sandbox.verified();
}

/// A batch that is too large is halved, and the limit is learned.
#[test]
fn d12_too_large_is_halved_and_learned() {
    let server = Server::answering(|request| {
        if is_events(request) && ids(request).len() > 6 {
            Reply::status(413)
        } else {
            honest(request, "success")
        }
    });
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        report["balance"]["delivered"],
        report["capture"]["captured"]
    );
    let before = server.requests().iter().filter(|r| is_events(r)).count();
    for mission in [
        "001-harbour-tide-table",
        "002-tide-gauge-survey",
        "storm-surge-alerts-01KQX7M2",
    ] {
        sandbox.write(&format!("kitty-specs/{mission}/research/new-a.md"), "a");
        sandbox.write(&format!("kitty-specs/{mission}/research/new-b.md"), "b");
        sandbox.write(&format!("kitty-specs/{mission}/research/new-c.md"), "c");
    }
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert!(report["capture"]["captured"].as_u64().unwrap() >= 12);
    let later: Vec<_> = server
        .requests()
        .into_iter()
        .filter(is_events)
        .skip(before)
        .collect();
    assert!(
        later.iter().all(|r| ids(r).len() <= 6),
        "the limit was forgotten"
    );
    sandbox.verified();
}

#[test]
fn one_event_too_large_ends_alone_and_is_kept() {
    let server = Server::answering(|request| {
        let is_large = ids(request).len() > 1
            || request.json()["events"][0]["payload"]["artifact_id"]["path"] == "plan.md";
        if is_events(request) && is_large {
            Reply::status(413)
        } else {
            honest(request, "success")
        }
    });
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).code(5).json();
    let given_up = report["balance"]["undeliverable"].as_u64().unwrap();
    assert!(
        given_up > 0 && report["balance"]["retryable"] == 0,
        "{}",
        report["balance"]
    );
    let status = sandbox
        .sk_sync(["status", "--check", "--json"])
        .code(5)
        .json();
    assert!(
        status["terminal_failures"]["events"][0]["last_error"]
            .as_str()
            .unwrap()
            .starts_with("oversized")
    );
    let listed = sandbox
        .sk_sync([
            "events",
            "list",
            "--jsonl",
            "--status",
            "undeliverable",
            "--envelope",
        ])
        .success();
    assert!(
        listed
            .json_lines()
            .iter()
            .all(|e| e["envelope"].is_object())
    );
    sandbox.verified();
}

#[test]
fn throttling_is_obeyed() {
    let server = Server::answering(|_| Reply::status(429).header("Retry-After", "3000"));
    let sandbox = Sandbox::aimed_at(&server);
    for _ in 0..3 {
        let report = sandbox.sk_sync(["run", "--json"]).code(3).json();
        assert_eq!(report["balance"]["untried"], report["balance"]["captured"]);
    }
    assert_eq!(
        server.requests().iter().filter(|r| is_events(r)).count(),
        1,
        "it was asked again too early"
    );
    sandbox.verified();
}

/// The server is unreachable; everything is kept and delivered when it is back.
#[test]
fn d01_offline_then_online_delivers_everything_once() {
    let mut sandbox = Sandbox::with_repo();
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    sandbox.target(&format!("http://{gone}"));
    let report = sandbox.sk_sync(["run", "--json"]).code(3).json();
    assert_eq!(report["balance"]["untried"], report["capture"]["captured"]);
    let waiting = report["bodies"]["retryable"].clone();
    assert_eq!(waiting, report["bodies"]["queued"]);
    let _status = sandbox.sk_sync(["status", "--check"]).code(3);
    let served = sandbox.serve(&["--listen", &gone.to_string()]);
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(
        (
            &report["balance"]["delivered"],
            &report["bodies"]["uploaded"]
        ),
        (&report["balance"]["captured"], &waiting)
    );
    drop(served);
    sandbox.verified();
}

/// An event that is refused repeatedly is given up, and reported.
#[test]
fn d15_refused_too_often_is_undeliverable() {
    let server = Server::answering(|request| {
        let all = ids(request);
        let results: Vec<_> = all
            .iter()
            .map(|id| json!({"event_id": id, "status": "rejected", "error": "no such lane"}))
            .collect();
        if is_events(request) {
            Reply::json(200, &json!({ "results": results }))
        } else {
            honest(request, "success")
        }
    });
    let mut sandbox = Sandbox::aimed_at(&server);
    sandbox.set("SK_SYNC_DRAIN__MAX_REJECTIONS", "2");
    let first = sandbox.sk_sync(["run", "--json"]).code(3).json();
    assert_eq!(first["balance"]["retryable"], first["capture"]["captured"]);
    let_waits_pass();
    let second = sandbox.sk_sync(["run", "--json"]).code(5).json();
    assert_eq!(
        second["balance"]["undeliverable"],
        first["capture"]["captured"]
    );
    sandbox.verified();
}

/// Without consent nothing is sent to a foreign origin: no connection, and the check is named.
#[test]
fn a_foreign_origin_is_a_shut_gate() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.target("https://receiver.example");
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    let shut: Vec<_> = report["gates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|g| g["open"] == false)
        .collect();
    assert_eq!(shut[0]["name"], "missing_consent");
    assert_eq!(
        (&report["drain"], &report["balance"]["blocked"]),
        (&Value::Null, &report["capture"]["captured"])
    );
    sandbox.verified();
}
