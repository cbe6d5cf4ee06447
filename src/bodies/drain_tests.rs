//! Effect of each answer on the queue, over a real socket.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;

use super::test_server::{Reply, Server, store};
use super::test_world::{World, namespace, put, second};
use super::{ArtifactOutcome, Body, DrainPolicy, Push, Report, Row, Status, drain};
use crate::base::clock::FixedClock;
use crate::base::{Clock, Interrupt, Sha256};
use crate::config::WireNames;
use crate::delivery::{Means, Stop};
use crate::endpoint::Link;
use crate::store::traced;

/// The time in most tests.
pub(super) const NOW: i64 = 1000;

/// Texts are in the store only.
pub(super) const POLICY: DrainPolicy<'_> = DrainPolicy {
    target: 1,
    keeps_texts: false,
    is_again: false,
    on_disk: &nowhere,
};
/// Shorter than any wait.
const SHORT: Duration = Duration::from_millis(400);

fn nowhere(_: &Row) -> Option<Body> {
    None
}

pub(super) fn push(origin: &str, parallel: usize) -> Push {
    Push::new(&Link::for_tests(origin), WireNames::Current, parallel).unwrap()
}

/// Drains for at most `time`; returns the report and the outcomes, sorted by path.
pub(super) fn run_for(
    world: &mut World,
    push: &Push,
    clock: &dyn Clock,
    time: Duration,
) -> (Report, Vec<ArtifactOutcome>) {
    let (mut told, interrupt) = (Vec::new(), Interrupt::default());
    let means = Means {
        clock,
        random: &|| 0.0,
        interrupt: &interrupt,
        deadline: clock.now().after(time),
    };
    let report = drain(&mut world.store, push, &POLICY, means, &mut |o| {
        told.push(o.clone());
    });
    told.sort_by(|a, b| a.path.cmp(&b.path));
    (report.unwrap(), told)
}

/// Drains without a wait.
pub(super) fn run_at(world: &mut World, push: &Push, at: i64) -> (Report, Vec<ArtifactOutcome>) {
    run_for(world, push, &FixedClock(second(at)), SHORT)
}

pub(super) fn run_now(
    world: &mut World,
    origin: &str,
    parallel: usize,
) -> (Report, Vec<ArtifactOutcome>) {
    run_at(world, &push(origin, parallel), NOW)
}

#[test]
fn the_request_is_the_contracts() {
    let mut world = World::new();
    let server = Server::storing();
    for (names, slug, kind) in [
        (WireNames::Current, "mission_slug", "mission_type"),
        (WireNames::March2026, "feature_slug", "mission_key"),
    ] {
        world.put("research/é \"x\".md", "\u{feff}a\r\n\u{1}", 1);
        let push = Push::new(&Link::for_tests(&server.origin), names, 1).unwrap();
        run_at(&mut world, &push, NOW);
        let seen = server.seen();
        let expected = json!({
            "project_uuid": "8a4a7da6-a97c-4bb4-893a-b31664abfee4", slug: "m", "target_branch": "main",
            kind: "software-dev", "manifest_version": "1", "artifact_path": "research/é \"x\".md",
            "content_hash": Sha256::of("\u{feff}a\r\n\u{1}".as_bytes()).to_string(), "hash_algorithm": "sha256",
            "content_body": "\u{feff}a\r\n\u{1}",
        });
        assert_eq!(seen.requests, [expected]);
        assert!(
            seen.head.starts_with("post /api/dossier/push-content/ "),
            "{}",
            seen.head
        );
        for header in [
            "authorization: bearer test",
            "content-type: application/json",
        ] {
            assert!(
                seen.head.contains(&format!("{header}\r\n")),
                "{}",
                seen.head
            );
        }
        assert!(!seen.head.contains("content-encoding"), "{}", seen.head);
    }
}

#[test]
fn everything_goes_once_over_a_few_connections() {
    let mut world = World::new();
    let fill = |world: &mut World, mission: &str, numbers: std::ops::Range<i64>| {
        world.write(|tx| {
            for n in numbers {
                put(
                    tx,
                    &namespace(mission),
                    &format!("{n:03}.md"),
                    &format!("text {n}"),
                    n,
                )?;
            }
            Ok(())
        });
    };
    fill(&mut world, "n", 0..100);
    let server = Server::storing();
    let push = push(&server.origin, 3);
    let (report, told) = run_at(&mut world, &push, NOW);
    assert_eq!(
        (report.uploaded, report.remaining, told.len()),
        (100, 0, 100)
    );
    fill(&mut world, "m", 100..200);
    let (report, _) = run_at(&mut world, &push, NOW);
    assert_eq!(
        (
            report.uploaded,
            report.requests,
            report.remaining,
            report.stopped
        ),
        (100, 100, 0, None)
    );
    let seen = server.seen();
    let paths: BTreeSet<_> = seen
        .requests
        .iter()
        .map(|r| r["artifact_path"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((seen.requests.len(), paths.len()), (200, 200));
    assert!(
        (1..=3).contains(&seen.connections),
        "two drains over the same connections: {}",
        seen.connections
    );
    assert_eq!(world.counts().rows, 0);
}

/// Each commit is a sync to disk.
#[test]
fn answers_share_commits() {
    let mut world = World::new();
    world.write(|tx| {
        (0..200).try_for_each(|n| {
            put(
                tx,
                &namespace("m"),
                &format!("{n:03}.md"),
                &format!("text {n}"),
                n,
            )
            .map(drop)
        })
    });
    let server = Server::storing();
    let (report, heard) = traced(|| run_now(&mut world, &server.origin, 4).0);
    assert_eq!((report.uploaded, report.remaining), (200, 0));
    let commits = heard
        .iter()
        .filter(|sql| sql.starts_with("BEGIN IMMEDIATE"))
        .count();
    assert!(
        (1..=4).contains(&commits),
        "three times 64, and the rest, or fewer: {commits}"
    );
}

#[test]
fn one_connection_carries_bodies_in_order() {
    let mut world = World::new();
    for n in 0..70 {
        world.put(&format!("{n:03}.md"), "same text", n);
    }
    let server = Server::storing();
    run_now(&mut world, &server.origin, 1);
    let seen = server.seen();
    assert_eq!((seen.requests.len(), seen.connections), (70, 1));
    assert!(
        seen.requests
            .is_sorted_by_key(|r| r["artifact_path"].as_str().unwrap().to_owned())
    );
}

#[test]
fn a_halt_ends_the_phase_after_one_request() {
    let mut world = World::new();
    for n in 0..5 {
        world.put(&format!("{n}.md"), "x", n);
    }
    let before = world.rows();
    let server = Server::start(|_, _| Reply::of(401, r#"{"detail":"expired"}"#));
    let (report, told) = run_now(&mut world, &server.origin, 4);
    assert_eq!(
        (report.requests, report.retryable, report.remaining),
        (1, 0, 5)
    );
    assert_eq!(report.halted(), Some("unauthorized: HTTP 401: expired"));
    assert_eq!(
        (told.len(), &*told[0].reason, told[0].retryable),
        (1, "unauthorized: HTTP 401: expired", true)
    );
    assert_eq!((world.rows(), server.seen().requests.len()), (before, 1));
}

#[test]
fn a_lost_answer_is_followed_by_another_try_which_succeeds() {
    let mut world = World::new();
    world.put("spec.md", "a", 1);
    let stored = Mutex::new(Vec::new());
    let server =
        Server::start(
            move |n, request| match (store(&mut stored.lock().unwrap(), request), n) {
                (_, 0) => Reply::Hangup,
                (reply, _) => reply,
            },
        );
    assert_eq!(run_now(&mut world, &server.origin, 1).0.retryable, 1);
    assert_eq!(
        run_now(&mut world, &server.origin, 1).0.requests,
        0,
        "not due yet"
    );
    let (report, told) = run_at(&mut world, &push(&server.origin, 1), NOW + 1);
    assert_eq!(
        (report.already_exists, told[0].status, &*told[0].reason),
        (1, Status::AlreadyExists, "already_exists")
    );
    assert_eq!(world.counts().rows, 0);
}

#[test]
fn a_dead_server_is_tried_once_and_everything_goes_when_it_is_back() {
    let mut world = World::new();
    for n in 0..20 {
        world.put(&format!("{n}.md"), "x", n);
    }
    let before = world.rows();
    let address: SocketAddr = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (report, _) = run_now(&mut world, &format!("http://{address}"), 4);
    assert!(
        matches!(&report.stopped, Some(Stop::Unreachable(r)) if r.starts_with("connection_error: ")),
        "{report:?}"
    );
    assert_eq!(
        (report.requests, report.halted(), world.rows()),
        (1, None, before)
    );
    let stored = Mutex::new(Vec::new());
    let server = Server::start_at(address, move |_, request| {
        store(&mut stored.lock().unwrap(), request)
    });
    assert_eq!(run_now(&mut world, &server.origin, 4).0.uploaded, 20);
    assert_eq!((server.seen().requests.len(), world.counts().rows), (20, 0));
}

#[test]
fn a_rate_limit_holds_back_everything_else() {
    let mut world = World::new();
    for n in 0..5 {
        world.put(&format!("{n}.md"), "x", n);
    }
    let server = Server::start(|n, request| match n {
        0 => Reply::of(429, r#"{"retry_after":60}"#),
        _ => Reply::echo(201, "stored", request),
    });
    let (report, told) = run_now(&mut world, &server.origin, 4);
    let stopped = report.stopped;
    assert_eq!((report.requests, report.retryable), (1, 1));
    assert_eq!(
        stopped,
        Some(Stop::Throttled("rate_limited: HTTP 429".to_owned()))
    );
    assert_eq!(
        (told.len(), &*told[0].reason),
        (1, "rate_limited: HTTP 429")
    );
    let retries: Vec<u32> = world.rows().iter().map(|r| r.retry_count).collect();
    assert_eq!(retries, [1, 0, 0, 0, 0]);
    world.put("new.md", "x", 9);
    let (report, told) = run_at(&mut world, &push(&server.origin, 4), NOW + 59);
    assert!(
        matches!(report.stopped, Some(Stop::Throttled(_))),
        "in a later run as well: {report:?}"
    );
    assert_eq!((report.requests, told.len()), (0, 0));
    let (report, _) = run_at(&mut world, &push(&server.origin, 4), NOW + 60);
    assert_eq!((report.uploaded, report.remaining), (6, 0));
}

/// The next upload is with the worker when the answer comes, and must not follow it.
#[test]
fn an_upload_that_was_handed_out_does_not_follow_a_rate_limit() {
    let mut world = World::new();
    for n in 0..4 {
        world.put(&format!("{n}.md"), "x", n);
    }
    let server = Server::start(|n, request| match n {
        0 => Reply::echo(201, "stored", request),
        _ => Reply::of(429, ""),
    });
    let (report, _) = run_now(&mut world, &server.origin, 1);
    assert_eq!((report.uploaded, report.requests), (1, 2), "{report:?}");
    assert_eq!(server.seen().requests.len(), 2);
}

/// Eight answers to requests that ran at the same time are one request to pause, not eight in a
/// row.
#[test]
fn answers_that_were_on_their_way_raise_the_pause_once() {
    let mut world = World::new();
    for n in 0..9 {
        world.put(&format!("{n}.md"), &format!("x{n}"), n);
    }
    // All of them are sent before the first is answered.
    let together = std::sync::Barrier::new(8);
    let server = Server::start(move |n, request| match n {
        1..=8 => {
            together.wait();
            Reply::of(429, "")
        }
        _ => Reply::echo(201, "stored", request),
    });
    let (report, _) = run_now(&mut world, &server.origin, 8);
    assert_eq!(
        (report.uploaded, report.requests, report.retryable),
        (1, 9, 8),
        "{report:?}"
    );
    let (report, _) = run_at(&mut world, &push(&server.origin, 8), NOW + 3);
    assert_eq!((report.uploaded, report.remaining), (8, 0), "{report:?}");
}

#[test]
fn a_text_damaged_in_the_store_is_never_sent() {
    let mut world = World::new();
    world.put("a.md", "x", 1);
    world.put("b.md", "y", 2);
    world.write(|tx| {
        let hash = Sha256::of(b"x");
        tx.conn().execute(
            "UPDATE journal_texts SET text = x'00' WHERE sha256 = ?1",
            [hash.as_bytes()],
        )?;
        Ok(())
    });
    let server = Server::storing();
    let (report, told) = run_now(&mut world, &server.origin, 2);
    assert_eq!(
        (report.failed, report.uploaded, report.requests, told.len()),
        (0, 1, 1, 1)
    );
    assert_eq!(
        report
            .textless
            .iter()
            .map(|row| &*row.path)
            .collect::<Vec<_>>(),
        ["a.md"]
    );
    assert_eq!(
        (world.counts().rows, world.counts().failures),
        (1, 0),
        "it is as it was"
    );
}
