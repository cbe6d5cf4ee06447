//! Receivers on a shared PostgreSQL while receivers and the database are killed: acknowledged data
//! is stored, once.
#![expect(
    clippy::print_stderr,
    reason = "counts and skipped tests, with --no-capture"
)]

mod object_store;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::postgres::Postgres;
use crate::support::{Sandbox, Served, is_long, pause};

/// The project of the fixture.
const PROJECT: &str = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";

fn id(n: usize) -> String {
    format!("01JMBY7K8N3QRVX2DP{n:08}")
}

fn event(n: usize) -> Value {
    let id = id(n);
    json!({
        "event_id": id, "event_type": "WPStatusChanged", "aggregate_id": format!("WP{:02}", n % 40),
        "aggregate_type": "WorkPackage", "schema_version": "3.0.0", "build_id": "b", "node_id": "b805cd5cee74",
        "lamport_clock": n, "causation_id": null, "correlation_id": id, "timestamp": "2026-02-12T10:00:00+00:00",
        "team_slug": "harbour", "project_uuid": PROJECT,
        "payload": {"wp_id": "WP01", "mission_slug": "m", "from_lane": "planned", "to_lane": "claimed",
                    "actor": "a", "execution_mode": "worktree"}
    })
}

/// A receiver on `database`, at a free port or at a given one.
fn receiver(sandbox: &Sandbox, listen: &str) -> Served {
    sandbox.serve(&[
        "--store-env",
        "DATABASE_URL",
        "--migrate",
        "--listen",
        listen,
    ])
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..2400 {
        if is_so() {
            return;
        }
        pause(Duration::from_millis(50));
    }
    panic!("{what}: not within two minutes");
}

/// Many clients with the same events, two receivers, one database. A receiver and then the database
/// are killed on the way.
#[test]
fn many_drainers_deliver_each_event_once_while_receiver_and_database_are_killed() {
    let Some(mut database) = Postgres::start(&[]) else {
        return;
    };
    let (drainers, events) = if is_long() { (16, 10_847) } else { (4, 1_500) };
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("DATABASE_URL", &database.url());
    let mut receivers = [
        receiver(&sandbox, "127.0.0.1:0"),
        receiver(&sandbox, "127.0.0.1:0"),
    ];
    let lines: Vec<String> = (0..events).map(|n| event(n).to_string() + "\n").collect();
    let lines = lines.concat();
    let clients: Vec<Sandbox> = (0..drainers)
        .map(|n| {
            let mut client = Sandbox::with_repo();
            client.target(&receivers[n % 2].url());
            client.set("SK_SYNC_DRAIN__MAX_EVENTS", "100");
            let _captured = client.sk_sync_with(["capture"], &lines).success();
            client
        })
        .collect();
    let is_done = AtomicUsize::new(0);
    let told = Mutex::new([0_u64; 2]);
    std::thread::scope(|scope| {
        for client in &clients {
            let (is_done, told) = (&is_done, &told);
            scope.spawn(move || {
                until("a client has delivered everything", || {
                    let run = client.sk_sync(["drain", "--json"]);
                    let report = run.json();
                    let mut told = told.lock().unwrap();
                    told[0] += report["drain"]["success"].as_u64().unwrap();
                    told[1] += report["drain"]["duplicate"].as_u64().unwrap();
                    assert!(matches!(run.code, Some(0 | 3)), "{run:?}");
                    run.code == Some(0)
                });
                is_done.fetch_add(1, Ordering::SeqCst);
            });
        }
        let stored = || {
            database
                .query("SELECT count(*) FROM sk_events")
                .parse::<usize>()
                .unwrap()
        };
        until("the first events are stored", || stored() > 0);
        let listen = receivers[0].url().replace("http://", "");
        receivers[0].child.kill().unwrap();
        receivers[0].child.wait().unwrap();
        receivers[0] = receiver(&sandbox, &listen);
        let before = stored();
        until("it goes on", || {
            stored() > before || is_done.load(Ordering::SeqCst) == drainers
        });
        database.kill();
        database.restart();
    });
    let rows = database.query("SELECT count(*), count(DISTINCT event_id) FROM sk_events");
    assert_eq!(rows, format!("{events}|{events}"));
    for client in &clients {
        let status = client.sk_sync(["status", "--json"]).json();
        assert_eq!(status["balance"]["delivered"], events, "{status}");
        assert_eq!(status["balance"]["holds"], true, "{status}");
    }
    let [success, duplicate] = *told.lock().unwrap();
    eprintln!(
        "{drainers} drainers x {events} events: {success} success, {duplicate} duplicate, {rows} rows"
    );
    assert_eq!(success + duplicate, (drainers * events) as u64);
    assert!(
        success <= events as u64,
        "each event is new once at most: an answer that was lost is a duplicate later"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "a load without the client under test"
)]
fn post(address: &str, batch: &Value) -> Option<Value> {
    let body = batch.to_string();
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let head = "POST /api/v1/events/batch/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Content-Type: application/json\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if !head.starts_with("HTTP/1.1 200") {
        assert!(
            ["HTTP/1.1 429", "HTTP/1.1 503"]
                .iter()
                .any(|status| head.starts_with(status)),
            "{answer}"
        );
        return None;
    }
    serde_json::from_str(body).ok()
}

/// Sends batches from several threads while the database is killed `kills` times; returns the
/// numbers of the acknowledged events, and of those among them that are missing afterwards.
fn acknowledged_and_lost(database: &mut Postgres, served: &Served, kills: usize) -> (usize, usize) {
    let address = served.url().replace("http://", "");
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let acknowledged = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let first = next.fetch_add(20, Ordering::SeqCst);
                    let batch =
                        json!({"events": (first..first + 20).map(event).collect::<Vec<_>>()});
                    let Some(answer) = post(&address, &batch) else {
                        continue;
                    };
                    let accepted = answer["results"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .filter(|result| {
                            result["status"] == "success" || result["status"] == "duplicate"
                        });
                    let ids =
                        accepted.map(|result| result["event_id"].as_str().unwrap().to_owned());
                    acknowledged.lock().unwrap().extend(ids);
                }
            });
        }
        for _ in 0..kills {
            let before = acknowledged.lock().unwrap().len();
            until("events are acknowledged", || {
                acknowledged.lock().unwrap().len() > before + 400
            });
            database.kill();
            database.restart();
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let stored: BTreeSet<String> = database
        .query("SELECT event_id FROM sk_events")
        .lines()
        .map(str::to_owned)
        .collect();
    let acknowledged = acknowledged.into_inner().unwrap();
    (acknowledged.len(), acknowledged.difference(&stored).count())
}

#[test]
fn nothing_acknowledged_is_lost_when_the_database_is_killed() {
    // Commits that do not wait for the disk would be lost for seconds.
    let Some(mut database) = Postgres::start(&["wal_writer_delay=10s"]) else {
        return;
    };
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("DATABASE_URL", &database.url());
    let served = receiver(&sandbox, "127.0.0.1:0");
    let kills = if is_long() { 12 } else { 3 };
    let (acknowledged, lost) = acknowledged_and_lost(&mut database, &served, kills);
    eprintln!("{kills} kills of the database: {acknowledged} acknowledged, {lost} lost");
    assert_eq!(lost, 0, "of {acknowledged}");
}

/// Proof that the test above can fail: with commits that do not wait for the disk, it does.
#[test]
fn control_without_durable_commits_acknowledged_events_are_lost() {
    let Some(mut database) = Postgres::start(&["wal_writer_delay=10s"]) else {
        return;
    };
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("DATABASE_URL", &database.url());
    let served = receiver(&sandbox, "127.0.0.1:0");
    database.query(
        "CREATE FUNCTION hasty() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM set_config('synchronous_commit', 'off', true); RETURN NEW; END $$; \
         CREATE TRIGGER hasty BEFORE INSERT OR UPDATE ON sk_projects FOR EACH ROW EXECUTE FUNCTION hasty()",
    );
    let (acknowledged, lost) = acknowledged_and_lost(&mut database, &served, 3);
    eprintln!("control: {acknowledged} acknowledged, {lost} lost");
    assert!(
        lost > 0,
        "of {acknowledged}: the kills are too gentle to prove anything"
    );
}

/// The database is unavailable for a while: requests are deferred with a time to retry, and
/// accepted afterwards.
#[test]
fn a_database_that_is_away_is_told_and_found_again() {
    let Some(mut database) = Postgres::start(&[]) else {
        return;
    };
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("DATABASE_URL", &database.url());
    let served = receiver(&sandbox, "127.0.0.1:0");
    let address = served.url().replace("http://", "");
    let batch = json!({"events": [event(1)]});
    assert_eq!(
        post(&address, &batch).unwrap()["results"][0]["status"],
        "success"
    );
    database.kill();
    assert!(post(&address, &batch).is_none());
    let mut client = Sandbox::with_repo();
    client.target(&served.url());
    let _captured = client
        .sk_sync_with(["capture"], format!("{}\n", event(2)))
        .success();
    let waits = client
        .sk_sync(["drain", "--max-time", "2s", "--json"])
        .code(3)
        .json();
    assert_eq!(waits["balance"]["delivered"], 0, "{waits}");
    database.restart();
    until("the client gets through", || {
        client.sk_sync(["drain", "--json"]).code == Some(0)
    });
    assert_eq!(database.query("SELECT count(*) FROM sk_events"), "2");
}
