//! The same for the receiver with a SQLite file: what it acknowledged is there, once and as sent.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::disk::{Disk, Op};
use super::record::{heard, tracer};
use super::states::{self, Plan};
use crate::storm::receiver::Client;
use crate::support::older::{HARBOUR, envelope, id};
use crate::support::wire::open;
use crate::support::{Sandbox, pause, tell};

/// What is recorded and restored.
const TRACKED: [&str; 1] = ["hub"];
/// Requests of one recording, with this many events each.
const REQUESTS: u32 = 12;
const EVENTS: u32 = 3;

fn batch(n: u32) -> Vec<Value> {
    let event =
        |n| -> Value { serde_json::from_str(&envelope(&id(n), Some(HARBOUR), "a")).unwrap() };
    (n * EVENTS..(n + 1) * EVENTS).map(event).collect()
}

/// Sends the batches; each event's status must be one of `expected`.
fn send(address: &str, batches: std::ops::Range<u32>, expected: &[&str]) {
    let mut client = Client::connect(address).unwrap();
    for n in batches {
        let results = client.post(&batch(n)).unwrap();
        assert_eq!(results.len(), EVENTS as usize);
        assert!(
            results
                .iter()
                .all(|(_, status)| expected.contains(&status.as_str())),
            "{results:?}"
        );
    }
}

/// Starts the receiver under the tracer; its port. `None`, with a notice, where processes cannot be
/// traced.
fn start(sandbox: &Sandbox, file: &Path) -> Option<(std::process::Child, u16)> {
    let port_file = sandbox.path("port");
    let words = [
        "serve",
        "--store",
        file.to_str().unwrap(),
        "--port-file",
        port_file.to_str().unwrap(),
    ];
    let mut strace = tracer(sandbox, &words);
    let Ok(mut child) = strace
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
    else {
        tell("SKIPPED: there is no strace here");
        return None;
    };
    let begun = Instant::now();
    loop {
        if let Some(port) = std::fs::read_to_string(&port_file)
            .ok()
            .and_then(|text| text.trim().parse().ok())
        {
            return Some((child, port));
        }
        if let Some(status) = child.try_wait().unwrap() {
            tell(&format!("SKIPPED: cannot trace processes here: {status}"));
            return None;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "it does not listen"
        );
        pause(Duration::from_millis(5));
    }
}

#[test]
fn a_receiver() {
    let sandbox = Sandbox::new();
    let file = sandbox.path("hub/received.db");
    std::fs::create_dir(sandbox.path("hub")).unwrap();
    let base = Disk::load(&sandbox.path(""), &TRACKED);
    let Some((mut strace, port)) = start(&sandbox, &file) else {
        return;
    };
    send(&format!("127.0.0.1:{port}"), 0..REQUESTS, &["success"]);
    let children = format!("/proc/{0}/task/{0}/children", strace.id());
    let child = std::fs::read_to_string(children).unwrap();
    assert!(
        Command::new("kill")
            .args(["-TERM", child.trim()])
            .status()
            .unwrap()
            .success()
    );
    strace.wait().unwrap();
    let recording = heard(&sandbox, &TRACKED, base);
    let ops = &recording.ops;
    let answers = |count: usize| {
        ops[..count]
            .iter()
            .filter(|op| matches!(op, Op::Sent))
            .count()
    };
    assert_eq!(
        answers(ops.len()),
        REQUESTS as usize,
        "answers in the recording"
    );
    states::each(
        "receiver",
        &recording,
        &Plan::ONE,
        |_| 0..=0,
        |mut left| {
            let words = &left.words;
            left.disk
                .restore(&recording.root, &TRACKED, &mut left.chance);
            let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
            let acknowledged = u32::try_from(answers(left.count)).unwrap();
            let rows = rows(&file);
            assert_eq!(
                served.report()["events"],
                rows.len(),
                "{words}: counted and stored"
            );
            for n in 0..acknowledged {
                for event in batch(n) {
                    let kept = rows.get(event["event_id"].as_str().unwrap());
                    assert_eq!(kept, Some(&event), "{words}: acknowledged and lost");
                }
            }
            let address = served.url().trim_start_matches("http://").to_owned();
            send(&address, 0..acknowledged, &["duplicate"]);
            send(&address, acknowledged..REQUESTS, &["duplicate", "success"]);
            assert_eq!(
                served.report()["events"],
                REQUESTS * EVENTS,
                "{words}: stored twice"
            );
            drop(served);
            let check: String = open(&file)
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                .unwrap();
            assert_eq!(check, "ok", "{words}");
        },
    );
}

/// The events in the file.
fn rows(file: &Path) -> BTreeMap<String, Value> {
    let conn = open(file);
    let mut statement = conn
        .prepare("SELECT event_id, envelope FROM serve_events")
        .unwrap();
    let rows = statement
        .query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .unwrap();
    let rows: Vec<_> = rows.map(Result::unwrap).collect();
    let number = rows.len();
    let rows: BTreeMap<_, _> = rows
        .into_iter()
        .map(|(id, envelope)| (id, serde_json::from_slice(&envelope).unwrap()))
        .collect();
    assert_eq!(rows.len(), number, "an event is stored twice");
    rows
}
