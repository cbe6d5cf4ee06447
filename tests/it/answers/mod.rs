//! Invalid and missing answers of a server, for events and for documents.

mod uploads;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{honest, ids, is_events};
use crate::support::{Sandbox, let_waits_pass, pause};

/// A server that answers the first request for which `is_hit` with `reply`, and other requests
/// correctly; events that arrive again are duplicates.
fn stumbling(is_hit: fn(&Request) -> bool, reply: Reply) -> Server {
    stumbling_often(1, is_hit, reply)
}

/// The same, for the first `times` such requests.
fn stumbling_often(mut times: usize, is_hit: fn(&Request) -> bool, reply: Reply) -> Server {
    let mut known = BTreeSet::new();
    Server::answering(move |request| {
        let is_known = ids(request).iter().all(|id| known.contains(id));
        known.extend(ids(request));
        if is_hit(request) && times > 0 {
            times -= 1;
            return reply.clone();
        }
        honest(request, if is_known { "duplicate" } else { "success" })
    })
}

/// After an answer that leaves the result unknown nothing is recorded as delivered, and the same
/// bytes are sent again, in the same run if time is left.
#[test]
fn d20_an_unknown_end_leaves_the_batch_in_flight() {
    // Side by side, because each waits.
    std::thread::scope(|scope| {
        for (name, reply) in [
            ("nothing", Reply::Silence),
            ("half an answer", Reply::Half(200)),
            ("500", Reply::status(500)),
            (
                "503 with words",
                Reply::json(503, &json!({"error": "down for a moment"})),
            ),
            (
                "a page",
                Reply::Answer {
                    status: 200,
                    headers: vec![],
                    body: b"<html>hello</html>".to_vec(),
                },
            ),
            ("no results", Reply::json(200, &json!({"ok": true}))),
            ("204", Reply::status(204)),
        ] {
            scope.spawn(move || an_unknown_end(name, &reply));
        }
    });
}

fn an_unknown_end(name: &str, reply: &Reply) {
    for max_time in ["400ms", "60s"] {
        // A kept connection that is closed without an answer is replaced at once.
        let extra = usize::from(name == "nothing");
        let server = stumbling_often(1 + extra, is_events, reply.clone());
        let sandbox = Sandbox::aimed_at(&server);
        let has_time = max_time == "60s";
        let first = sandbox.sk_sync(["run", "--json", "--max-time", max_time]);
        let first = first.code(if has_time { 0 } else { 3 }).json();
        let captured = &first["capture"]["captured"];
        if !has_time {
            assert_eq!(&first["balance"]["in_flight"], captured, "{name}");
            assert!(
                server.requests().len() <= 1 + extra,
                "{name}: documents wait for the events"
            );
            let_waits_pass();
            let second = sandbox.sk_sync(["run", "--json"]).success().json();
            assert_eq!(&second["drain"]["duplicate"], captured, "{name}");
        }
        let sent: Vec<_> = server.requests().into_iter().filter(is_events).collect();
        let is_same = |r: &Request| {
            r.raw == sent[0].raw && r.header("idempotency-key") == sent[0].header("idempotency-key")
        };
        assert!(
            sent.len() == 2 + extra && sent.iter().all(is_same),
            "{name}: the same bytes under the same key"
        );
    }
}

/// A server that is slower than the time budget of a run does not delay the end of the run.
#[test]
fn d49_a_server_that_never_ends_its_answer_does_not_hold_a_run() {
    let server = stumbling(
        is_events,
        Reply::Drip(vec![b' '; 100_000], Duration::from_millis(50)),
    );
    let sandbox = Sandbox::aimed_at(&server);
    let first = sandbox
        .sk_sync(["run", "--json", "--max-time", "1s"])
        .code(3)
        .json();
    assert_eq!(first["balance"]["in_flight"], first["capture"]["captured"]);
    let_waits_pass();
    let second = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(second["drain"]["duplicate"], first["capture"]["captured"]);
}

/// A signal ends a run cleanly: exit 130, nothing lost, and the next run finishes the work.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_run_in_good_order() {
    for signal in ["-INT", "-TERM"] {
        let server = Server::answering(|request| {
            if is_events(request) {
                pause(Duration::from_millis(150));
            }
            honest(request, "success")
        });
        let mut sandbox = Sandbox::aimed_at(&server);
        sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "2");
        let mut command = sandbox.command(["run", "--json"]);
        let child = command
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        while server.requests().is_empty() {
            pause(Duration::from_millis(5));
        }
        let sent = std::process::Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let output = child.wait_with_output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (output.status.code(), &report["exit_code"]),
            (Some(130), &json!(130)),
            "{signal}: {report}"
        );
        assert!(
            report["balance"]["holds"] == true && report["balance"]["in_flight"] == 0,
            "{report}"
        );
        assert!(
            report["balance"]["untried"].as_u64().unwrap() > 0,
            "{signal}: it went on"
        );
        sandbox.unset("SK_SYNC_DRAIN__MAX_EVENTS");
        let _rest = sandbox.sk_sync(["run"]).success();
        let mut seen: Vec<_> = server.requests().iter().flat_map(ids).collect();
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all, "{signal}: something was sent twice");
    }
}

/// A short wait that the server asks for is waited within the run, for events and documents, in
/// every form that a server can use; no request is made meanwhile.
#[test]
fn a_wait_that_the_server_asks_for_is_waited_within_the_run() {
    let asks = |status: u16, header: Option<&str>, body: Value| {
        let reply = Reply::json(status, &body);
        header.map_or(reply.clone(), |value| reply.header("Retry-After", value))
    };
    std::thread::scope(|scope| {
        for reply in [
            asks(429, Some("1"), json!({})),
            asks(503, Some("1"), json!({"error": "full"})),
            asks(429, None, json!({"retry_after": "1"})),
        ] {
            scope.spawn(move || {
                for is_hit in [is_events as fn(&Request) -> bool, |request| {
                    !is_events(request)
                }] {
                    let server = stumbling(is_hit, reply.clone());
                    let report = Sandbox::aimed_at(&server)
                        .sk_sync(["run", "--json"])
                        .success()
                        .json();
                    assert_eq!(
                        report["balance"]["delivered"], report["capture"]["captured"],
                        "{report}"
                    );
                    assert_eq!(report["drain"]["halted"], Value::Null, "{report}");
                }
            });
        }
    });
}

/// A wait that ends after the run's time is left to a later run.
#[test]
fn a_wait_longer_than_the_run_is_left_to_a_later_one() {
    let server = stumbling(is_events, Reply::status(429).header("Retry-After", "2"));
    let sandbox = Sandbox::aimed_at(&server);
    let first = sandbox
        .sk_sync(["run", "--json", "--max-time", "1s"])
        .code(3)
        .json();
    assert_eq!(
        (&first["balance"]["untried"], server.requests().len()),
        (&first["capture"]["captured"], 1)
    );
    assert!(
        first["drain"]["halted"].as_str().unwrap().contains("429"),
        "{first}"
    );
    let second = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        second["balance"]["delivered"], first["capture"]["captured"],
        "it waits for what an earlier run was told"
    );
}

/// `pending` is neither success nor failure, and a run with nothing else to do succeeds.
#[test]
fn d18_pending_is_in_flight_and_no_failure() {
    let server = Server::answering(|request| honest(request, "pending"));
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&report["drain"]["pending"], &report["drain"]["success"]),
        (&report["capture"]["captured"], &json!(0))
    );
    assert_eq!(
        report["balance"]["in_flight"],
        report["capture"]["captured"]
    );
    assert_eq!(report["drain"]["rejected"], 0);
}

/// One poison event among fifty: the other forty-nine are delivered in the same run.
#[test]
fn d11_one_poison_among_fifty() {
    let server = Server::answering(|request| {
        if request.body().windows(7).any(|bytes| bytes == b"poison-") && is_events(request) {
            return Reply::status(400);
        }
        honest(request, "success")
    });
    for position in [0, 23, 49] {
        let sandbox = Sandbox::aimed_at(&server);
        let name = |n: usize| if n == position { "poison" } else { "event" };
        let lines: Vec<_> = (0..50)
            .map(|n| json!({"event_id": format!("{}-{n}", name(n)), "event_type": "T"}))
            .collect();
        let input = lines
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
            + "\n";
        let _captured = sandbox.sk_sync_with(["capture"], input).success();
        let report = sandbox.sk_sync(["drain", "--json"]).code(3).json();
        assert_eq!(
            (&report["drain"]["success"], &report["drain"]["rejected"]),
            (&json!(49), &json!(1)),
            "{position}"
        );
        let only = ["events", "list", "--jsonl", "--status", "rejected"];
        let rejected = sandbox.sk_sync(only).success().json_lines();
        assert_eq!(rejected[0]["event_id"], format!("poison-{position}"));
    }
}
