//! Many documents in a request, over a real socket.

use std::collections::HashSet;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::Status;
use super::drain_tests::{NOW, POLICY, push, run_at};
use super::test_server::{Reply, Server, each, store};
use super::test_world::{World, second};
use super::{DrainPolicy, drain};
use crate::base::Interrupt;
use crate::base::clock::FixedClock;
use crate::delivery::Means;

/// A world whose target listed these capabilities.
fn world(capabilities: &str, documents: usize) -> World {
    let mut world = World::new();
    let told = (capabilities, second(NOW - 60).as_micros());
    world.write(|tx| {
        let sql = "UPDATE delivery_targets SET told_capabilities = ?1, told_at = ?2";
        Ok(tx.prepare(sql)?.execute(told).map(drop)?)
    });
    for n in 0..documents {
        world.put(&format!("{n:04}.md"), &format!("text {n}\n"), 1);
    }
    world
}

/// A server that stores what it receives, one or many at a time.
fn storing() -> Server {
    let stored = Mutex::new(Vec::new());
    Server::start(move |_, request| {
        let stored = &mut *stored.lock().unwrap();
        match request.as_array() {
            Some(many) => {
                let stored = Mutex::new(stored);
                each(many, |one| store(&mut stored.lock().unwrap(), one))
            }
            None => store(stored, request),
        }
    })
}

#[test]
fn many_go_in_few_requests_where_the_server_says_so() {
    let server = storing();
    let mut all = world("document-batch", 700);
    let (report, told) = run_at(&mut all, &push(&server.origin, 4), NOW);
    assert_eq!(
        (report.uploaded, report.requests, all.counts().rows),
        (700, 4, 0)
    );
    assert!(
        told.len() == 700
            && told
                .iter()
                .all(|outcome| outcome.status == Status::Uploaded)
    );
    let sizes: Vec<_> = server
        .seen()
        .requests
        .iter()
        .map(|r| r.as_array().map_or(1, Vec::len))
        .collect();
    assert_eq!(
        sizes[0], 1,
        "the first goes alone: it may be refused as all would be"
    );
    assert!(
        sizes[1..].iter().all(|size| (199..=250).contains(size)),
        "{sizes:?}"
    );

    for capabilities in ["", "facts", "document-batches"] {
        let mut one_by_one = world(capabilities, 5);
        let (report, _) = run_at(&mut one_by_one, &push(&server.origin, 2), NOW);
        assert_eq!(
            (report.already_exists, report.requests),
            (5, 5),
            "{capabilities:?}: nothing that is not listed"
        );
    }
}

#[test]
fn each_of_many_is_settled_by_its_own_answer() {
    let server = Server::start(|_, request| match request.as_array() {
        None => Reply::echo(201, "stored", request),
        Some(many) => each(many, |one| match one["artifact_path"].as_str().unwrap() {
            "0001.md" => Reply::echo(200, "already_exists", one),
            "0002.md" => Reply::of(404, json!({"error": "index_entry_not_found"}).to_string()),
            "0003.md" => Reply::of(422, json!({"detail": "odd"}).to_string()),
            "0004.md" => Reply::echo(
                201,
                "stored",
                &json!({"artifact_path": "0004.md", "content_hash": "00"}),
            ),
            _ => Reply::echo(201, "stored", one),
        }),
    });
    let mut world = world("document-batch", 6);
    let (report, told) = run_at(&mut world, &push(&server.origin, 1), NOW);
    assert_eq!(
        (
            report.uploaded,
            report.already_exists,
            report.failed,
            report.retryable
        ),
        (2, 1, 1, 2)
    );
    assert_eq!((world.counts().rows, world.counts().failures), (2, 1));
    let reason = |path: &str| told.iter().find(|o| o.path == path).unwrap().reason.clone();
    assert_eq!(reason("0003.md"), "unprocessable: odd");
    assert_eq!(
        reason("0004.md"),
        "uncorrelated_response: another content_hash",
        "an echo is needed here as well"
    );
}

#[test]
fn a_server_that_does_not_understand_gets_them_one_by_one() {
    for status in [404, 405, 413, 500, 501] {
        let stored = Mutex::new(Vec::new());
        let server = Server::start(move |_, request| match request {
            Value::Array(_) => Reply::of(status, "{}"),
            _ => store(&mut stored.lock().unwrap(), request),
        });
        let mut world = world("document-batch", 20);
        let (report, _) = run_at(&mut world, &push(&server.origin, 1), NOW);
        assert_eq!((report.uploaded, world.counts().rows), (20, 0), "{status}");
        let many = server
            .seen()
            .requests
            .iter()
            .filter(|request| request.is_array())
            .count();
        assert_eq!(many, 1, "{status}: tried once in a run");
    }
}

#[test]
fn a_lost_answer_to_many_leaves_all_of_them_owed() {
    for reply in [
        || Reply::Hangup,
        || Reply::of(503, "{}"),
        || Reply::of(401, "{}"),
        || Reply::of(429, "{}"),
    ] {
        let server = Server::start(move |_, request| match request {
            Value::Array(_) => reply(),
            _ => Reply::echo(201, "stored", request),
        });
        let mut all = world("document-batch", 10);
        let (report, _) = run_at(&mut all, &push(&server.origin, 1), NOW);
        assert_eq!(
            (
                report.uploaded,
                report.failed,
                all.counts().rows,
                all.counts().failures
            ),
            (1, 0, 9, 0)
        );
        let again = storing();
        let (report, _) = run_at(&mut all, &push(&again.origin, 1), NOW + 7200);
        assert_eq!((report.uploaded, all.counts().rows), (9, 0));
    }
}

#[test]
fn texts_that_the_server_likely_has_are_left_out_and_sent_where_it_asks() {
    let texts = Mutex::new(HashSet::from(["text 1\n".to_owned()]));
    let server = Server::start(move |_, request| {
        let Some(many) = request.as_array() else {
            return Reply::echo(200, "already_exists", request);
        };
        each(many, |one| match one["content_body"].as_str() {
            Some(text) => {
                texts.lock().unwrap().insert(text.to_owned());
                Reply::echo(201, "stored", one)
            }
            None if one["artifact_path"] == "0001.md" => Reply::echo(200, "already_exists", one),
            None => Reply::echo(200, "need", one),
        })
    });
    let mut world = world("document-batch", 4);
    let (clock, interrupt) = (FixedClock(second(NOW)), Interrupt::default());
    let means = Means {
        clock: &clock,
        random: &|| 0.0,
        interrupt: &interrupt,
        deadline: second(NOW + 9),
    };
    let policy = DrainPolicy {
        is_again: true,
        ..POLICY
    };
    let report = drain(
        &mut world.store,
        &push(&server.origin, 1),
        &policy,
        means,
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(
        (report.already_exists, report.uploaded, world.counts().rows),
        (2, 2, 0)
    );
    let seen = server.seen().requests;
    let with_text = |request: &Value| {
        request.as_array().map(|many| {
            many.iter()
                .filter(|one| one["content_body"].is_string())
                .count()
        })
    };
    assert_eq!(
        seen.iter().map(with_text).collect::<Vec<_>>(),
        [None, Some(0), Some(2)]
    );
}
