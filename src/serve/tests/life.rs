//! Starting, stopping, and what is there after a restart.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::client::{BODIES, HEALTH, Talk, file, memory, options};
use super::sample::{id, indexed, push, status_changed};
use crate::base::Interrupt;
use crate::http::{Failure, Method};
use crate::serve::{Deployment, Error, Options, Server, Storage};

/// The files as a power cut would leave them: copied next to a running receiver, without its shared
/// memory.
fn copy_as_after_a_crash(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
    let wal = |path: &Path| path.with_extension("db-wal");
    std::fs::copy(wal(from), wal(to)).unwrap();
}

#[test]
fn what_was_answered_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("serve.db"), dir.path().join("copy.db"));
    let server = file(&path);
    let talk = Talk::to(&server).with("Idempotency-Key", "k");
    talk.batch(&[
        indexed(&id(1), "spec.md", "text"),
        status_changed(&id(2)),
        status_changed(&id(2)),
    ]);
    assert_eq!(talk.post(BODIES, &push("spec.md", "text")).0, 201);
    copy_as_after_a_crash(&path, &copy);

    let other = file(&copy);
    let again = Talk::to(&other);
    assert_eq!(
        again.counts([
            "events",
            "duplicates",
            "bodies",
            "event_requests",
            "body_requests"
        ]),
        [2, 1, 1, 1, 1]
    );
    assert_eq!(
        again.get(HEALTH).1["server_instance_id"],
        talk.get(HEALTH).1["server_instance_id"]
    );
    let mut changed = status_changed(&id(2));
    changed["lamport_clock"] = 99.into();
    assert_eq!(
        again.batch(&[indexed(&id(1), "spec.md", "text"), changed]),
        ["duplicate", "rejected"]
    );
    assert_eq!(again.post(BODIES, &push("spec.md", "text")).0, 200);
    assert_eq!(
        talk.counts(["events", "duplicates"]),
        [2, 1],
        "the first one is another file now"
    );
}

#[test]
fn a_stop_keeps_everything_and_frees_the_port() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("serve.db");
    let server = file(&path);
    let talk = Talk::to(&server);
    talk.batch(&[status_changed(&id(1))]);
    assert_eq!(talk.get("/nowhere").0, 404);
    // A request that was refused is counted as well, with the last commit.
    assert_eq!(talk.send(Method::Post, BODIES, b"").0, 400);
    let address: SocketAddr = server
        .origin()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    server.stop();
    assert!(matches!(
        talk.try_send(Method::Get, HEALTH, b""),
        Err(Failure::Unreachable(_) | Failure::Unknown(_))
    ));
    let again = Server::start(Options {
        listen: address,
        ..options(Storage::File(path))
    })
    .unwrap();
    assert_eq!(again.origin(), format!("http://{address}"));
    assert_eq!(Talk::to(&again).counts(["events", "body_requests"]), [1, 1]);
}

#[test]
fn waiting_ends_with_the_interruption() {
    let server = memory();
    let interrupt = Interrupt::default();
    std::thread::scope(|scope| {
        let asking = interrupt.clone();
        scope.spawn(move || asking.request());
        server.wait(&interrupt);
    });
    assert!(interrupt.is_requested());
    assert_eq!(
        Talk::to(&server).get("/healthz").0,
        200,
        "waiting does not stop it"
    );
}

#[test]
fn health_tells_who_answers() {
    let server = memory();
    let (status, health) = Talk::to(&server).get(HEALTH);
    assert_eq!(status, 200);
    assert!(
        health["server_instance_id"]
            .as_str()
            .is_some_and(|id| uuid::Uuid::parse_str(id).is_ok())
    );
    for name in ["environment_name", "deployment_id", "git_sha"] {
        assert_eq!(health[name], Value::Null);
    }
    let deployment = Deployment {
        environment_name: Some("test".to_owned()),
        ..Deployment::default()
    };
    let server = Server::start(Options {
        deployment,
        ..options(Storage::Memory)
    })
    .unwrap();
    assert_eq!(
        Talk::to(&server).get(HEALTH).1["environment_name"],
        json!("test")
    );
}

#[test]
fn readiness_asks_the_storage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("serve.db");
    let server = file(&path);
    let talk = Talk::to(&server).with("Host", "name.of.a.balancer");
    assert_eq!(talk.get("/readyz"), (200, json!({"status": "ready"})));
    let breaker = rusqlite::Connection::open_in_memory().unwrap();
    breaker
        .execute("ATTACH ?1 AS other", [path.to_str().unwrap()])
        .unwrap();
    breaker
        .execute("ALTER TABLE other.store_counters RENAME TO hidden", [])
        .unwrap();
    let (status, answer) = talk.get("/readyz");
    assert_eq!(
        (status, &answer["status"]),
        (503, &json!("not_ready")),
        "{answer}"
    );
    assert_eq!(talk.get("/healthz").0, 200, "it is alive");
}

#[test]
fn what_prevents_a_start_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let error = Server::start(Options {
        listen,
        ..options(Storage::Memory)
    })
    .unwrap_err();
    assert!(
        matches!(error, Error::AddressInUse(address) if address == listen),
        "{error}"
    );
    assert!(
        error.to_string().contains(&listen.to_string()) && error.to_string().contains("port 0"),
        "{error}"
    );

    let listen = SocketAddr::from(([192, 0, 2, 1], 0));
    let error = Server::start(Options {
        listen,
        ..options(Storage::Memory)
    })
    .unwrap_err();
    assert!(matches!(error, Error::AddressNotAvailable(_)), "{error}");

    let blank = Some(SecretString::from(" "));
    let error = Server::start(Options {
        token: blank,
        ..options(Storage::Memory)
    })
    .unwrap_err();
    assert!(matches!(error, Error::EmptyToken), "{error}");

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("serve.db");
    std::fs::write(&path, "this is a text and no database").unwrap();
    let error = Server::start(options(Storage::File(path))).unwrap_err();
    assert!(
        matches!(error, Error::Store(crate::store::Error::Damaged { .. })),
        "{error}"
    );
}

#[test]
fn a_storage_that_fails_is_503_and_works_again_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("serve.db");
    let server = file(&path);
    let talk = Talk::to(&server);
    let breaker = rusqlite::Connection::open_in_memory().unwrap();
    breaker
        .execute("ATTACH ?1 AS other", [path.to_str().unwrap()])
        .unwrap();
    breaker
        .execute("ALTER TABLE other.serve_events RENAME TO serve_hidden", [])
        .unwrap();
    let batch = json!({"events": [status_changed(&id(1))]});
    let (status, answer) = talk.post(super::client::EVENTS, &batch);
    assert_eq!(
        (status, &answer["error"]),
        (503, &json!("storage_unavailable"))
    );
    let again = talk
        .try_send(
            Method::Post,
            super::client::EVENTS,
            batch.to_string().as_bytes(),
        )
        .unwrap()
        .retry_after;
    let seconds: u64 = again.expect("says when to come back").parse().unwrap();
    assert!((1..=5).contains(&seconds), "{seconds}");
    breaker
        .execute("ALTER TABLE other.serve_hidden RENAME TO serve_events", [])
        .unwrap();
    assert_eq!(talk.batch(&[status_changed(&id(1))]), ["success"]);
    assert_eq!(talk.counts(["events", "event_requests"]), [1, 3]);
}
