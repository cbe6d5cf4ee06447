//! What operators see: numbers, readiness while stopping, a line for each request.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::client::{BODIES, EVENTS, Talk, options};
use super::sample::{id, indexed, push, status_changed};
use crate::http::Method;
use crate::serve::{Options, Server, Storage};

fn with_admin(options: Options) -> (Server, Talk) {
    let server = Server::start(Options {
        admin: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        ..options
    })
    .unwrap();
    let admin = Talk::at(server.admin_origin().unwrap());
    (server, admin)
}

fn page(talk: &Talk) -> String {
    let answer = talk.try_send(Method::Get, "/metrics", b"").unwrap();
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body).unwrap()
}

#[test]
fn numbers_count_what_was_answered() {
    let (server, admin) = with_admin(options(Storage::Memory));
    let talk = Talk::to(&server);
    talk.batch(&[
        indexed(&id(1), "spec.md", "text"),
        status_changed(&id(2)),
        status_changed(&id(2)),
    ]);
    talk.post(BODIES, &push("spec.md", "text"));
    talk.post(BODIES, &push("spec.md", "text"));
    talk.post(BODIES, &push("other.md", "text"));
    for n in 0..20 {
        talk.get(&format!("/stranger/{n}"));
    }
    let text = page(&admin.with("Host", "receiver.monitoring.internal"));
    for line in [
        format!("sk_sync_requests_total{{route=\"{EVENTS}\",status=\"200\"}} 1"),
        format!("sk_sync_requests_total{{route=\"{BODIES}\",status=\"201\"}} 1"),
        format!("sk_sync_requests_total{{route=\"{BODIES}\",status=\"404\"}} 1"),
        "sk_sync_requests_total{route=\"other\",status=\"404\"} 20".to_owned(),
        "sk_sync_events_total{verdict=\"new\"} 2".to_owned(),
        "sk_sync_events_total{verdict=\"duplicate\"} 1".to_owned(),
        "sk_sync_documents_total{outcome=\"already_exists\"} 1".to_owned(),
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is missing in\n{text}"
        );
    }
    assert_eq!(
        admin.post(EVENTS, &json!({"events": []})).0,
        404,
        "the probes' address takes nothing"
    );
}

#[test]
fn numbers_want_the_token_where_everybody_can_ask() {
    let token = Some(SecretString::from("correct-horse"));
    let (server, admin) = with_admin(Options {
        token,
        ..options(Storage::Memory)
    });
    let talk = Talk::to(&server);
    assert_eq!(talk.get("/metrics").0, 401);
    assert_eq!(
        talk.with("Authorization", "Bearer correct-horse")
            .get("/metrics")
            .0,
        200
    );
    assert_eq!(
        (
            admin.get("/metrics").0,
            admin.get("/readyz").0,
            admin.get("/healthz").0
        ),
        (200, 200, 200)
    );
}

/// While it stops it still answers, and tells balancers and clients to go elsewhere.
#[test]
fn a_receiver_that_stops_is_alive_and_not_ready() {
    let (server, admin) = with_admin(options(Storage::Memory));
    let talk = Talk::to(&server);
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| {
            server.drain(Duration::from_millis(1500));
            server
        });
        while admin.get("/readyz").0 == 200 {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        assert_eq!(talk.get("/readyz").1["reason"], "the receiver is stopping");
        assert_eq!(talk.batch(&[status_changed(&id(1))]), ["success"]);
        assert_eq!(talk.get("/healthz").0, 200);
        let server = stopping.join().unwrap();
        let [connections] = talk.counts(["connections"]);
        assert!(
            connections >= 4,
            "each answer ends its connection: {connections}"
        );
        server.stop();
    });
}

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[test]
fn a_line_about_a_request_says_what_became_of_it_and_no_more() {
    let requests: fn(&str) = |line| LINES.lock().unwrap().push(line.to_owned());
    let server = Server::start(Options {
        requests: Some(requests),
        ..options(Storage::Memory)
    })
    .unwrap();
    let talk = Talk::to(&server)
        .with("Idempotency-Key", "key-1")
        .with("Authorization", "Bearer secret-word");
    talk.batch(&[status_changed(&id(1)), status_changed(&id(1))]);
    talk.get("/a/secret/path?token=x");
    let lines = LINES.lock().unwrap();
    let read: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = json!({"time": "2026-02-12T10:00:00.000000+00:00", "method": "POST", "route": EVENTS, "status": 200,
                          "ms": read[0]["ms"], "idempotency_key": "key-1", "events": 1, "duplicates": 1});
    assert_eq!(read[0], expected);
    assert_eq!(
        (&read[1]["route"], &read[1]["status"]),
        (&json!("other"), &json!(404))
    );
    assert!(!lines.concat().contains("secret"), "{lines:?}");
}
