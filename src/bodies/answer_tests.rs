//! Every answer to an upload, and its effect on the row.

use serde_json::{Value, json};

use super::drain_tests::{NOW, run_now};
use super::test_server::{Reply, Server};
use super::test_world::World;
use super::{Report, Row, refusals};
use crate::base::Timestamp;
use crate::delivery;

/// Expected state of a document's row.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// Settled: the server has the document.
    Delivered,
    /// Settled with an entry in the failure log.
    Logged,
    /// Waits this many milliseconds, with one failure more.
    Waits(i64),
    /// Unchanged, and the drain stopped.
    Untouched,
}

#[test]
#[expect(clippy::too_many_lines, reason = "the table of answers")]
fn every_answer_has_its_effect_on_the_row() {
    use Fate::{Delivered, Logged, Untouched, Waits};
    type Answer = fn(&Value) -> Reply;
    let table: &[(&str, Answer, Fate)] = &[
        ("stored", |r| Reply::echo(201, "stored", r), Delivered),
        (
            "already_exists",
            |r| Reply::echo(200, "already_exists", r),
            Delivered,
        ),
        (
            "uncorrelated_response: no artifact_path",
            |_| Reply::of(201, r#"{"status":"stored"}"#),
            Waits(500),
        ),
        (
            "uncorrelated_response: another content_hash",
            |r| {
                Reply::echo(
                    201,
                    "stored",
                    &json!({"artifact_path": r["artifact_path"], "content_hash": "00"}),
                )
            },
            Waits(500),
        ),
        (
            "uncorrelated_response: the answer is too long",
            |_| Reply::of(201, "x".repeat(100_000)),
            Waits(500),
        ),
        (
            "uncorrelated_response: the answer is not a JSON object",
            |_| Reply::of(200, "ok"),
            Waits(500),
        ),
        (
            "uncorrelated_response: HTTP 200, but the answer is a web page",
            |_| Reply::of(200, "<html>"),
            Waits(500),
        ),
        ("accepted_pending", |_| Reply::of(202, ""), Waits(500)),
        ("bad_request: unknown", |_| Reply::of(400, ""), Logged),
        (
            "bad_request: no",
            |_| Reply::of(400, r#"{"detail":"no"}"#),
            Logged,
        ),
        ("unauthorized: HTTP 401", |_| Reply::of(401, ""), Untouched),
        (
            "unauthorized: HTTP 403: who?",
            |_| Reply::of(403, "who?"),
            Untouched,
        ),
        (
            "index_entry_not_found",
            |_| Reply::of(404, r#"{"error":"index_entry_not_found"}"#),
            Waits(500),
        ),
        (
            "namespace_not_found",
            |_| Reply::of(404, r#"{"error":"namespace_not_found"}"#),
            Logged,
        ),
        (
            "not_found: unknown (error=missing)",
            |_| Reply::of(404, "<html>"),
            Waits(500),
        ),
        ("unexpected_status: 407", |_| Reply::of(407, ""), Untouched),
        ("busy: HTTP 409", |_| Reply::of(409, ""), Waits(500)),
        ("unprocessable", |_| Reply::of(422, ""), Logged),
        (
            "unexpected_redirect: 308",
            |_| Reply::of(308, ""),
            Untouched,
        ),
        (
            "precondition_failed: HTTP 412",
            |_| Reply::of(412, ""),
            Untouched,
        ),
        (
            "oversized: refused by the server",
            |_| Reply::of(413, ""),
            Logged,
        ),
        (
            "upgrade_required: HTTP 426",
            |_| Reply::of(426, ""),
            Untouched,
        ),
        (
            "rate_limited",
            |_| Reply::of(429, r#"{"retry_after":9}"#),
            Waits(9000),
        ),
        (
            "rate_limited",
            |_| Reply::Answer {
                status: 429,
                header: Some(("Retry-After", "999999")),
                body: String::new(),
            },
            Waits(3_600_000),
        ),
        ("server_error: 500", |_| Reply::of(500, "{"), Waits(500)),
        (
            "server_error: 503",
            |_| Reply::Answer {
                status: 503,
                header: Some(("Retry-After", "7")),
                body: String::new(),
            },
            Waits(7000),
        ),
        ("connection_error", |_| Reply::Hangup, Waits(500)),
    ];
    let mut world = World::new();
    for &(reason, answer, fate) in table {
        let server = Server::start(move |_, request| answer(request));
        world.put("spec.md", "a\n", 1);
        let before = world.rows();
        let (report, told) = run_now(&mut world, &server.origin, 1);
        assert_eq!(server.seen().requests.len(), 1, "{reason}");
        assert_fate(&world, fate, reason, &report, &before);
        match told.as_slice() {
            [told] => {
                assert!(told.reason.starts_with(reason), "{reason}: {told:?}");
                assert_eq!(
                    told.retryable,
                    matches!(fate, Waits(_) | Untouched),
                    "{reason}"
                );
            }
            _ => panic!("{reason}: not told once: {told:?}"),
        }
        world.write(|tx| Ok(delivery::retry_documents(tx, 1, &|_| true)?));
        world.clear();
    }
}

fn assert_fate(world: &World, fate: Fate, reason: &str, report: &Report, before: &[Row]) {
    let (rows, failed) = (world.rows(), world.counts().failures);
    assert_eq!(
        (report.remaining, report.failed),
        (rows.len() as u64, failed),
        "{reason}"
    );
    match fate {
        Fate::Delivered => assert_eq!(
            (rows.len(), report.uploaded + report.already_exists, failed),
            (0, 1, 0)
        ),
        Fate::Logged => {
            let logged = world
                .store
                .read(|tx| refusals(tx, Some(1), None, false, 1))
                .unwrap()
                .remove(0);
            assert_eq!((rows.len(), report.failed, &*logged.reason), (0, 1, reason));
        }
        Fate::Waits(millis) => {
            assert_eq!((rows[0].retry_count, report.retryable), (1, 1), "{reason}");
            assert_eq!(
                rows[0].due_at,
                Timestamp::from_micros(NOW * 1_000_000 + millis * 1000),
                "{reason}"
            );
            assert!(
                rows[0].last_error.as_deref().unwrap().starts_with(reason),
                "{reason}: {rows:?}"
            );
        }
        Fate::Untouched => assert_eq!((rows.as_slice(), report.halted()), (before, Some(reason))),
    }
}
