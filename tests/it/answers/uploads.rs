//! Answers to documents: lost, refused for everyone, refused for good, or ahead of their event.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::stumbling;
use crate::support::Sandbox;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{honest, is_events};

/// A document whose answer was lost is sent again, in the same run if time is left; if the server
/// then answers that it has it, that settles it.
#[test]
fn a_body_whose_answer_was_lost_goes_again() {
    for reply in [
        Reply::Silence,
        Reply::status(502),
        Reply::json(201, &json!({"status": "stored"})),
    ] {
        let server = stumbling(|request| !is_events(request), reply);
        let sandbox = Sandbox::aimed_at(&server);
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        let bodies = report["bodies"]["queued"].as_u64().unwrap();
        assert_eq!(
            (
                &report["bodies"]["uploaded"],
                &report["bodies"]["retryable"]
            ),
            (&json!(bodies), &json!(0))
        );
        let sent: Vec<_> = server
            .requests()
            .into_iter()
            .filter(|request| !is_events(request))
            .collect();
        assert_eq!(sent.len() as u64, bodies + 1);
        assert_eq!(
            sent.iter()
                .filter(|request| request.raw == sent[0].raw)
                .count(),
            2,
            "the same bytes"
        );
    }
}

/// A refusal of everyone stops the uploads with their rows unchanged; events stay delivered.
#[test]
fn a_refusal_of_everyone_stops_the_uploads() {
    for status in [302, 401, 403, 412, 426] {
        let server = Server::answering(move |request| {
            if is_events(request) {
                honest(request, "success")
            } else {
                Reply::status(status)
            }
        });
        let mut sandbox = Sandbox::aimed_at(&server);
        sandbox.set("SK_SYNC_BODIES__PARALLEL", "1");
        let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
        assert_eq!(server.requests().len(), 2, "{status}");
        assert_eq!(
            report["balance"]["delivered"],
            report["capture"]["captured"]
        );
        assert_eq!(
            report["bodies"]["retryable"], report["bodies"]["queued"],
            "{status}"
        );
        assert!(
            report["warnings"].to_string().contains("uploads stopped"),
            "{report}"
        );
    }
}

/// A document that the server will never accept is given up, reported, and kept in the failure log;
/// the others are delivered.
#[test]
fn a_body_that_is_refused_for_good_fails_alone() {
    let server = Server::answering(|request| {
        let is_bad = request.json()["artifact_path"] == "data-model.md";
        if is_bad {
            Reply::json(400, &json!({"detail": "not today"}))
        } else {
            honest(request, "success")
        }
    });
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).code(5).json();
    let bodies = report["bodies"]["queued"].as_u64().unwrap();
    assert_eq!(
        (&report["bodies"]["failed"], &report["bodies"]["uploaded"]),
        (&json!(1), &json!(bodies - 1))
    );
    assert!(
        report["bodies"]["outcomes"]
            .to_string()
            .contains("bad_request: not today"),
        "{report}"
    );
    let status = sandbox.status();
    assert_eq!(status["bodies"]["failures"], 1, "{status}");
}

/// The server has not processed the events yet: the upload waits within the run.
#[test]
fn a_body_that_comes_before_its_event_waits_within_the_run() {
    let tries = AtomicUsize::new(0);
    let server = Server::answering(move |request| {
        if is_events(request) || tries.fetch_add(1, Ordering::SeqCst) > 5 {
            return honest(request, "success");
        }
        Reply::json(404, &json!({"error": "index_entry_not_found"}))
    });
    let report = Sandbox::aimed_at(&server)
        .sk_sync(["run", "--json"])
        .success()
        .json();
    assert_eq!(report["bodies"]["uploaded"], report["bodies"]["queued"]);
}

/// Each artifact is sent as a whole in one request, or listed with the reason why it is not; no
/// request precedes it.
#[test]
fn d60_an_artifact_is_sent_whole_or_named_with_its_reason() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let mission = "storm-surge-alerts-01KQX7M2";
    let limit = "é".repeat(262_144);
    for (name, text, reason) in [
        ("research/limit.md", limit.as_bytes(), None),
        (
            "research/large.md",
            "x".repeat(524_289).as_bytes(),
            Some("oversized: 524289 bytes > 524288 limit"),
        ),
        (
            "research/binary.md",
            b"\xff\xfe\0",
            Some("not_present: invalid_utf8"),
        ),
        (
            "research/chart.png",
            b"no picture",
            Some("unsupported_format: .png"),
        ),
        ("research/empty.md", b"", Some("empty_content")),
    ] {
        sandbox.write(&format!("kitty-specs/{mission}/{name}"), text);
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        let outcomes = report["bodies"]["outcomes"].as_array().unwrap();
        let told = outcomes
            .iter()
            .find(|o| o["mission_slug"] == mission && o["path"] == name)
            .unwrap();
        let expected = reason.map_or(("uploaded", "stored"), |reason| ("skipped", reason));
        assert_eq!(
            (
                told["status"].as_str().unwrap(),
                told["reason"].as_str().unwrap()
            ),
            expected,
            "{name}"
        );
        let known = report["bodies"]["already_exists"].as_u64().unwrap();
        assert_eq!(
            report["index"]["artifacts"].as_u64(),
            Some(outcomes.len() as u64 + known),
            "every artifact has its line"
        );
    }
    let requests = server.requests();
    assert!(
        requests.iter().all(|r| r.method == "POST"),
        "nobody asks whether it is there"
    );
    let sent: Vec<_> = requests
        .iter()
        .map(Request::json)
        .filter(|b| b["artifact_path"] == "research/limit.md")
        .collect();
    assert!(
        !sent.is_empty() && sent.iter().all(|b| b["content_body"] == limit),
        "whole, in one request each time"
    );
}
