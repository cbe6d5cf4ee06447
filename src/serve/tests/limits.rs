//! Bounds: size, number, time, tokens.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use secrecy::SecretString;
use serde_json::json;

use super::client::{BODIES, EVENTS, HEALTH, REPORT, Talk, memory, options};
use super::sample::{id, push, status_changed};
use crate::http::{Method, gzip};
use crate::serve::{Server, Storage};

#[expect(
    clippy::disallowed_methods,
    reason = "a client that misbehaves on purpose"
)]
fn raw(server: &Server) -> TcpStream {
    TcpStream::connect(server.origin().strip_prefix("http://").unwrap()).unwrap()
}

#[test]
fn one_event_too_many_is_413_with_the_limits() {
    let server = memory();
    let talk = Talk::to(&server);
    let events: Vec<_> = (0..1001).map(|n| status_changed(&id(n))).collect();
    let (status, answer) = talk.post(EVENTS, &json!({"events": events}));
    assert_eq!(
        (status, &answer["error"]),
        (413, &json!("sync_batch_too_large"))
    );
    let limits = json!({"max_events_per_batch": 1000, "max_decompressed_bytes_per_batch": 1 << 20});
    assert_eq!(answer["limits"], limits);
    let told = &talk.get(HEALTH).1["sync_ingress"]["limits"];
    assert!(
        limits
            .as_object()
            .unwrap()
            .iter()
            .all(|(name, limit)| told[name] == *limit),
        "{told}"
    );
    assert_eq!(talk.counts(["events", "event_requests"]), [0, 1]);
    assert_eq!(talk.batch(&events[..1000]).len(), 1000);
}

#[test]
fn bytes_are_counted_after_decompression_and_the_limit_itself_fits() {
    let event = status_changed(&id(1));
    let text = json!({"events": [event]}).to_string();
    let server = Server::start(crate::serve::Options {
        max_bytes: text.len(),
        ..options(Storage::Memory)
    })
    .unwrap();
    let talk = Talk::to(&server);
    let zipped = talk.with("Content-Encoding", "gzip");
    let longer = format!("{text} ");
    assert_eq!(talk.send(Method::Post, EVENTS, longer.as_bytes()).0, 413);
    assert_eq!(
        zipped
            .send(Method::Post, EVENTS, &gzip(longer.as_bytes()).unwrap())
            .0,
        413
    );
    assert_eq!(talk.send(Method::Post, EVENTS, text.as_bytes()).0, 200);
    assert_eq!(
        zipped
            .send(Method::Post, EVENTS, &gzip(text.as_bytes()).unwrap())
            .0,
        200
    );
}

#[test]
fn a_bomb_is_refused_and_the_receiver_lives_on() {
    let server = memory();
    let talk = Talk::to(&server);
    let bomb = gzip(&vec![b' '; 128 << 20]).unwrap();
    let (status, answer) = talk
        .with("Content-Encoding", "gzip")
        .send(Method::Post, EVENTS, &bomb);
    assert_eq!(
        (status, &answer["error"]),
        (413, &json!("sync_batch_too_large"))
    );
    let (status, _) = talk
        .with("Content-Encoding", "gzip")
        .send(Method::Post, BODIES, &bomb);
    assert_eq!(status, 413);
    assert_eq!(talk.batch(&[status_changed(&id(1))]), ["success"]);
}

#[test]
fn the_sender_of_a_long_body_reads_its_answer() {
    let server = memory();
    let talk = Talk::to(&server);
    let long = vec![b'x'; 8 << 20];
    for (path, status) in [
        (EVENTS, 413),
        (BODIES, 413),
        ("/nowhere", 404),
        (REPORT, 405),
    ] {
        assert_eq!(talk.send(Method::Post, path, &long).0, status, "{path}");
    }
}

#[test]
fn a_token_guards_what_is_under_api() {
    let token = Some(SecretString::from("right-token"));
    let server = Server::start(crate::serve::Options {
        token,
        ..options(Storage::Memory)
    })
    .unwrap();
    let talk = Talk::to(&server);
    let batch = json!({"events": [status_changed(&id(1))]});
    for other in [
        talk.clone(),
        talk.with("Authorization", "Bearer wrong"),
        talk.with("Authorization", "right-token"),
    ] {
        for (status, answer) in [
            other.post(EVENTS, &batch),
            other.post(BODIES, &push("spec.md", "text")),
            other.get(HEALTH),
            other.get(REPORT),
        ] {
            assert_eq!((status, &answer["error"]), (401, &json!("unauthorized")));
        }
    }
    assert_eq!(talk.get("/healthz"), (200, json!({"status": "ok"})));
    let known = talk.with("Authorization", "Bearer right-token");
    assert_eq!(known.counts(["events"]), [0]);
    assert_eq!(known.post(EVENTS, &batch).0, 200);
    assert_eq!(known.get(HEALTH).0, 200);
}

#[test]
fn other_paths_and_methods_are_answered_in_json() {
    let server = memory();
    let talk = Talk::to(&server);
    for path in ["/api/v1", "/api/v1/events/batch", "/api/v2/events/batch/"] {
        let (status, answer) = talk.get(path);
        assert_eq!(
            (status, &answer["error"]),
            (404, &json!("not_found")),
            "{path}"
        );
    }
    for path in [EVENTS, BODIES] {
        let (status, answer) = talk.get(path);
        assert_eq!(
            (status, &answer["error"]),
            (405, &json!("method_not_allowed")),
            "{path}"
        );
    }
    assert_eq!(talk.post(HEALTH, &json!({})).0, 405);
}

#[test]
fn broken_clients_disturb_nobody() {
    let server = memory();
    let talk = Talk::to(&server);
    // Each of these stays open, half-way through a request.
    let mut open = Vec::new();
    for text in [
        String::new(),
        "POST ".to_owned(),
        format!("POST {EVENTS} HTTP/1.1\r\nHost: x\r\n"),
        format!("POST {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{{\"events\""),
        format!(
            "POST {EVENTS} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{{\"ev"
        ),
    ] {
        let mut stream = raw(&server);
        stream.write_all(text.as_bytes()).unwrap();
        open.push(stream);
    }
    // And these go away, or talk nonsense.
    for text in [
        format!("POST {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{{\"events\""),
        "\u{0}\u{1}\u{2}\r\n\r\n".to_owned(),
        format!("POST {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\n"),
    ] {
        raw(&server).write_all(text.as_bytes()).unwrap();
    }
    assert_eq!(talk.batch(&[status_changed(&id(1))]), ["success"]);
    drop(open);
    assert_eq!(talk.counts(["events", "rejected"]), [1, 0]);
}

#[test]
fn a_chunked_body_is_bounded_too() {
    let server = memory();
    let mut stream = raw(&server);
    let head = format!(
        "POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..40 {
        stream.write_all(chunk.as_bytes()).unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}
