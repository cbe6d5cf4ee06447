//! Limits that a server states: kept, remembered, bounded, and never widened.

use serde_json::json;

use super::new_fact;
use crate::support::Sandbox;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{honest, ids, is_events, open};

/// The limits that a server states are kept exactly, with as few requests as they allow.
#[test]
fn d13_what_the_server_takes_at_most_is_kept_to_with_as_few_requests_as_that_allows() {
    let server = Server::honest();
    server.healthy(Reply::json(
        200,
        &json!({"sync_ingress": {"limits": {"max_events_per_batch": 7}}}),
    ));
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let captured = report["capture"]["captured"].as_u64().unwrap();
    assert_eq!(
        report["drain"]["requests"].as_u64(),
        Some(captured.div_ceil(7))
    );
    let sizes: Vec<_> = server
        .requests()
        .iter()
        .filter(|r| is_events(r))
        .map(|r| ids(r).len())
        .collect();
    assert!(
        sizes.split_last().unwrap().1.iter().all(|n| *n == 7),
        "{sizes:?}"
    );
    // The same by bytes, of another target.
    let server = Server::honest();
    server.healthy(Reply::json(
        200,
        &json!({"sync_ingress": {"limits": {"max_decompressed_bytes_per_batch": 4000}}}),
    ));
    let sandbox = Sandbox::aimed_at(&server);
    let _run = sandbox.sk_sync(["run"]).success();
    let sent: Vec<_> = server.requests().into_iter().filter(is_events).collect();
    assert!(sent.len() > 3, "{}", sent.len());
    assert_filled(&sent, 4000);
}

/// Counts the bytes: each request keeps to the limit, and would break it with the event that the
/// next one begins with.
fn assert_filled(sent: &[Request], limit: usize) {
    #[derive(serde::Deserialize)]
    struct Batch<'a> {
        #[serde(borrow)]
        events: Vec<&'a serde_json::value::RawValue>,
    }
    let bodies: Vec<_> = sent.iter().map(Request::body).collect();
    for (n, body) in bodies.iter().enumerate() {
        assert!(body.len() <= limit, "request {n} has {} bytes", body.len());
        let Some(next) = bodies.get(n + 1) else {
            continue;
        };
        let next: Batch<'_> = serde_json::from_slice(next).unwrap();
        assert!(
            body.len() + 1 + next.events[0].get().len() > limit,
            "request {n} has room for another event"
        );
    }
}

/// Stated limits apply until the server states others, even while it cannot be asked.
#[test]
fn what_the_server_takes_at_most_is_remembered() {
    let server = Server::honest();
    server.healthy(Reply::json(
        200,
        &json!({"sync_ingress": {"limits": {"max_events_per_batch": 1}}}),
    ));
    let sandbox = Sandbox::aimed_at(&server);
    let _first = sandbox.sk_sync(["run"]).success();
    let most = |server: &Server| {
        let sizes = server
            .requests()
            .into_iter()
            .filter(is_events)
            .map(|r| ids(&r).len());
        sizes.rev().take(2).max().unwrap()
    };
    for (news, reply, expected) in [
        ("one", Reply::status(500), 1),
        ("two", Reply::json(200, &json!({"git_sha": "1"})), 1),
        (
            "three",
            Reply::json(
                200,
                &json!({"sync_ingress": {"limits": {"max_events_per_batch": 900}}}),
            ),
            2,
        ),
    ] {
        server.healthy(reply);
        new_fact(&sandbox, news);
        let _run = sandbox.sk_sync(["run"]).success();
        assert_eq!(most(&server), expected, "{news}");
    }
}

/// A refusal that names the limit costs one request, in this run and in all to come.
#[test]
fn a_refusal_that_names_its_limits_is_enough() {
    for (limits, most) in [
        (json!({"max_events_per_batch": 5}), 5),
        (
            json!({"max_decompressed_bytes_per_batch": 3000, "max_events_per_batch": 900}),
            900,
        ),
    ] {
        let named = limits.clone();
        let bytes = limits["max_decompressed_bytes_per_batch"]
            .as_u64()
            .map_or(usize::MAX, |n| n.try_into().unwrap());
        let server = Server::answering(move |request| {
            if ids(request).len() > most || (is_events(request) && request.body().len() > bytes) {
                return Reply::json(
                    413,
                    &json!({"error": "sync_batch_too_large", "limits": named}),
                );
            }
            honest(request, "success")
        });
        let sandbox = Sandbox::aimed_at(&server);
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(report["drain"]["success"], report["capture"]["captured"]);
        let sent: Vec<_> = server.requests().into_iter().filter(is_events).collect();
        if bytes == usize::MAX {
            let captured = report["capture"]["captured"].as_u64().unwrap();
            assert_eq!(sent.len() as u64, 1 + captured.div_ceil(5));
        } else {
            assert_filled(&sent[1..], bytes);
        }
        new_fact(&sandbox, "news");
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            report["drain"]["requests"], 1,
            "nothing has to be learned again"
        );
    }
}

/// Wrong limits of a server do not cause an endless loop.
#[test]
fn a_server_that_refuses_what_it_says_it_takes_is_searched_like_any_other() {
    let server = Server::answering(|request| {
        if ids(request).len() > 2 {
            return Reply::json(413, &json!({"limits": {"max_events_per_batch": 900}}));
        }
        honest(request, "success")
    });
    let report = Sandbox::aimed_at(&server)
        .sk_sync(["run", "--json"])
        .success()
        .json();
    assert_eq!(report["drain"]["success"], report["capture"]["captured"]);
}

/// The server determines the length of a pause, also in its health response.
#[test]
fn the_server_bounds_the_wait_it_asks_for() {
    for (limits, least, most) in [
        (json!({"retry_after_min_seconds": 600}), 600, 690),
        (
            json!({"retry_after_min_seconds": 600, "retry_after_max_seconds": 900}),
            600,
            690,
        ),
        (json!({}), 0, 90),
    ] {
        let server = Server::answering(|_| Reply::status(429));
        server.healthy(Reply::json(
            200,
            &json!({"sync_ingress": {"limits": limits}}),
        ));
        let sandbox = Sandbox::aimed_at(&server);
        let _run = sandbox.sk_sync(["run", "--max-time", "1s"]).code(3);
        let sql = "SELECT (not_before - last_seen_at) / 1000000 FROM delivery_targets";
        let wait: i64 = open(&sandbox.store())
            .query_row(sql, [], |r| r.get(0))
            .unwrap();
        assert!((least..=most).contains(&wait), "{limits}: {wait} s");
    }
}

/// The configured bounds hold also where a server takes more.
#[test]
fn a_generous_server_does_not_widen_what_is_configured() {
    let server = Server::honest();
    server.healthy(Reply::json(
        200,
        &json!({"sync_ingress": {"limits": {"max_events_per_batch": 100_000}}}),
    ));
    let mut sandbox = Sandbox::aimed_at(&server);
    sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "5");
    let _run = sandbox.sk_sync(["run"]).success();
    assert!(
        server
            .requests()
            .iter()
            .filter(|r| is_events(r))
            .all(|r| ids(r).len() <= 5)
    );
}
