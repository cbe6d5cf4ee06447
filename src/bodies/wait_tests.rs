//! What a drain tries again, and what ends it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::drain;
use super::drain_tests::{NOW, POLICY, push, run_at, run_for, run_now};
use super::test_server::{Reply, Server};
use super::test_world::{World, second};
use crate::base::clock::{FixedClock, SystemClock};
use crate::base::{Clock, Interrupt, Timestamp};
use crate::delivery::{Means, Stop};

/// A clock that is five seconds later at each reading.
#[derive(Debug)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        second(self.0.fetch_add(5, Ordering::SeqCst))
    }
}

#[test]
fn a_body_whose_event_is_still_worked_on_is_tried_again_in_the_same_run() {
    let mut world = World::new();
    world.put("a.md", "x", 1);
    world.put("b.md", "x", 2);
    let server = Server::start(|n, request| match n {
        0 | 2 => Reply::of(404, r#"{"error":"index_entry_not_found"}"#),
        _ => Reply::echo(201, "stored", request),
    });
    let clock = Ticking(AtomicI64::new(NOW));
    let (report, told) = run_for(
        &mut world,
        &push(&server.origin, 1),
        &clock,
        Duration::from_hours(1),
    );
    assert_eq!(
        (report.uploaded, report.retryable, report.requests),
        (2, 0, 4)
    );
    assert_eq!(
        told.iter().map(|o| &*o.path).collect::<Vec<_>>(),
        ["a.md", "b.md"],
        "each told once"
    );
}

/// A document that the server never settles delays neither the end of the run nor the other
/// documents.
#[test]
fn a_document_is_tried_three_times_in_a_run() {
    for (answer, unknown, stops) in [
        (
            Reply::of(404, r#"{"error":"index_entry_not_found"}"#),
            3,
            false,
        ),
        (Reply::of(500, ""), 0, true),
        (Reply::of(423, ""), 0, false),
    ] {
        let mut world = World::new();
        world.put("a.md", "x", 1);
        let Reply::Answer { status, body, .. } = answer else {
            unreachable!()
        };
        let server = Server::start(move |_, _| Reply::of(status, body.clone()));
        let clock = Ticking(AtomicI64::new(NOW));
        let (report, _) = run_for(
            &mut world,
            &push(&server.origin, 1),
            &clock,
            Duration::from_hours(1),
        );
        assert_eq!(
            (report.requests, report.retryable, report.unknown_events),
            (3, 1, unknown),
            "{status}"
        );
        assert_eq!(
            matches!(report.stopped, Some(Stop::Unknown(_))),
            stops,
            "{status}"
        );
        assert_eq!(world.rows()[0].retry_count, 3, "{status}");
    }
}

/// Three documents in a row end with an unknown answer: the server itself fails, and the others are
/// not tried.
#[test]
fn a_server_that_fails_gets_three_requests() {
    let mut world = World::new();
    for n in 0..30 {
        world.put(&format!("{n}.md"), "x", n);
    }
    let server = Server::start(|_, _| Reply::of(500, ""));
    let (report, _) = run_now(&mut world, &server.origin, 4);
    assert_eq!(
        (report.requests, report.retryable, report.remaining),
        (3, 3, 30)
    );
    assert!(
        matches!(report.stopped, Some(Stop::Unknown(_))),
        "{report:?}"
    );
}

/// Equal refusals of one document after the other, and nothing accepted: the server refuses
/// everything, and no document is given up. With different reasons, or after an accepted one, the
/// refusals concern the documents.
#[test]
fn equal_refusals_of_all_documents_are_one_halt() {
    type Answer = fn(usize, &Value) -> Reply;
    let table: [(&str, Answer, bool); 4] = [
        (
            "alike",
            |_, _| Reply::of(400, r#"{"detail":"no gzip"}"#),
            true,
        ),
        (
            "too large, each",
            |_, _| Reply::of(413, r#"{"detail":"no"}"#),
            false,
        ),
        (
            "one is accepted",
            |n, r| {
                if n == 2 {
                    Reply::echo(201, "stored", r)
                } else {
                    Reply::of(400, "no")
                }
            },
            false,
        ),
        (
            "each for its own reason",
            |n, _| Reply::of(400, ["no header", "no line", "no end"][n % 3]),
            false,
        ),
    ];
    for (name, answer, is_halt) in table {
        let mut world = World::new();
        for n in 0..6 {
            world.put(&format!("{n}.md"), "x", n);
        }
        let before = world.rows();
        let server = Server::start(answer);
        let (report, told) = run_now(&mut world, &server.origin, 1);
        if is_halt {
            assert_eq!(
                (report.requests, report.failed, world.rows()),
                (3, 0, before),
                "{name}"
            );
            assert!(
                report.halted().is_some_and(|said| said.contains("no gzip")),
                "{name}: {report:?}"
            );
            assert!(
                told.iter().all(|told| told.retryable) && told.len() == 3,
                "{name}: {told:?}"
            );
        } else {
            assert_eq!(
                (
                    report.requests,
                    report.failed + report.uploaded,
                    report.stopped
                ),
                (6, 6, None),
                "{name}"
            );
        }
    }
}

#[test]
fn waiting_ends_with_the_time_or_a_wish() {
    let mut world = World::new();
    let server = Server::start(|_, _| Reply::of(404, r#"{"error":"index_entry_not_found"}"#));
    world.put("a.md", "x", 1);
    let (report, _) = run_now(&mut world, &server.origin, 1);
    assert_eq!(
        (report.requests, report.retryable, report.stopped),
        (1, 1, None)
    );
    world.clear();
    world.put("b.md", "x", 1);
    let (push, interrupt, clock) = (
        push(&server.origin, 1),
        Interrupt::default(),
        FixedClock(second(NOW)),
    );
    let random = || {
        interrupt.request();
        1.0
    };
    let means = Means {
        clock: &clock,
        random: &random,
        interrupt: &interrupt,
        deadline: second(NOW + 3600),
    };
    let report = drain(&mut world.store, &push, &POLICY, means, &mut |_| ()).unwrap();
    assert_eq!(
        (report.requests, report.stopped),
        (1, Some(Stop::Interrupted))
    );
}

#[test]
fn a_silent_server_is_left_when_the_runs_time_is_up() {
    let mut world = World::new();
    world.put("a.md", "x", 1);
    let server = Server::start(|_, _| Reply::Silence);
    let (report, told) = run_for(
        &mut world,
        &push(&server.origin, 1),
        &SystemClock,
        Duration::from_millis(300),
    );
    assert_eq!(
        (report.requests, report.retryable, report.remaining),
        (1, 1, 1)
    );
    assert!(told[0].reason.starts_with("timeout: "), "{told:?}");
    assert_eq!(world.rows()[0].retry_count, 1);
}

#[test]
fn nothing_begins_when_time_is_up_or_a_stop_was_asked_for() {
    let mut world = World::new();
    world.put("a.md", "x", 1);
    let server = Server::storing();
    let push = push(&server.origin, 2);
    let (report, _) = run_for(&mut world, &push, &FixedClock(second(NOW)), Duration::ZERO);
    assert_eq!(
        (report.requests, report.remaining, report.stopped),
        (0, 1, Some(Stop::Deadline))
    );
    let interrupt = Interrupt::default();
    interrupt.request();
    let clock = FixedClock(second(NOW));
    let means = Means {
        clock: &clock,
        random: &|| 0.0,
        interrupt: &interrupt,
        deadline: second(NOW + 9),
    };
    let report = drain(&mut world.store, &push, &POLICY, means, &mut |_| ()).unwrap();
    assert_eq!(
        (report.requests, report.stopped),
        (0, Some(Stop::Interrupted))
    );
    assert_eq!(server.seen().connections, 0);
}

/// The server closes a kept connection as the next document is sent on it: it is sent again at once
/// on a new one.
#[test]
fn a_kept_connection_that_is_closed_costs_no_try() {
    let mut world = World::new();
    for n in 0..3 {
        world.put(&format!("{n}.md"), "x", n);
    }
    let server = Server::start(|n, request| {
        if n == 1 {
            Reply::Hangup
        } else {
            Reply::echo(201, "stored", request)
        }
    });
    let (report, _) = run_now(&mut world, &server.origin, 1);
    assert_eq!(
        (report.uploaded, report.retryable, report.requests),
        (3, 0, 3)
    );
    let seen = server.seen();
    assert_eq!((seen.requests.len(), seen.connections), (4, 2));
}

/// An older version that is due soon goes before a newer one; one that waits for longer is
/// superseded.
#[test]
fn a_newer_version_waits_for_an_older_one_that_is_due_soon() {
    for (reply, waits) in [
        (Reply::of(500, ""), true),
        (Reply::of(202, r#"{"retry_after":90}"#), false),
    ] {
        let mut world = World::new();
        world.put("a.md", "old", 1);
        let Reply::Answer { status, body, .. } = reply else {
            unreachable!()
        };
        let server = Server::start(move |_, _| Reply::of(status, body.clone()));
        assert_eq!(run_now(&mut world, &server.origin, 1).0.requests, 1);
        world.put("a.md", "new", 2);
        let server = Server::storing();
        let (report, _) = run_now(&mut world, &server.origin, 1);
        assert_eq!(report.requests, u64::from(!waits), "{status}");
        let (report, _) = run_at(&mut world, &push(&server.origin, 1), NOW + 2);
        assert_eq!(
            (report.uploaded, report.remaining),
            (if waits { 2 } else { 0 }, 0),
            "{status}"
        );
        let sent: Vec<_> = server
            .seen()
            .requests
            .iter()
            .map(|r| r["content_body"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            sent,
            if waits {
                vec!["old", "new"]
            } else {
                vec!["new"]
            },
            "{status}"
        );
    }
}
