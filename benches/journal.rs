//! Capturing a stream in bulk, beside bare SQLite inserting the same bytes with the same durability in one transaction.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to measure")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const EVENTS: usize = 5_000;
const PROJECT: &str = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";

fn event(n: usize) -> String {
    let mut text = format!(
        "{{\"event_id\":\"01JMBY7K8N3QRVX2DPFG{n:06}\",\"event_type\":\"WPStatusChanged\",\"aggregate_id\":\"WP01\",\
         \"aggregate_type\":\"WorkPackage\",\"schema_version\":\"3.0.0\",\"build_id\":\"b\",\"node_id\":\"b805cd5cee74\",\
         \"lamport_clock\":{n},\"causation_id\":null,\"correlation_id\":\"01JMBY7K8N3QRVX2DPFG{n:06}\",\
         \"timestamp\":\"2026-02-12T10:00:00+00:00\",\"team_slug\":\"t\",\"project_uuid\":\"{PROJECT}\",\"payload\":{{"
    );
    write!(text, "\"wp_id\":\"WP01\",\"note\":\"{}\"}}}}", "x".repeat(250)).unwrap();
    text
}

fn capture(home: &Path, input: &str) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sk-sync"))
        .args(["capture", "--quiet", "--batch", "5000", "--repo"])
        .arg(home.join("repo"))
        .env("SK_SYNC_HOME", home.join("state"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A directory for one sample: a repository's worth of nothing, with an identity.
fn sample() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(temp.path().join("repo/.kittify")).unwrap();
    let identity = format!("project:\n  uuid: {PROJECT}\n");
    std::fs::write(temp.path().join("repo/.kittify/config.yaml"), identity).unwrap();
    temp
}

#[expect(clippy::disallowed_methods, reason = "the limit is SQLite with nothing around it")]
fn bare(file: &Path, events: &[String]) {
    let mut conn = rusqlite::Connection::open(file).unwrap();
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE e (seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, envelope BLOB NOT NULL);",
    )
    .unwrap();
    let tx = conn.transaction().unwrap();
    {
        let mut insert = tx.prepare("INSERT INTO e (event_id, envelope) VALUES (?1, ?2)").unwrap();
        for event in events {
            insert.execute((&event[13..39], event.as_bytes())).unwrap();
        }
    }
    tx.commit().unwrap();
}

fn journal(c: &mut Criterion) {
    let events: Vec<_> = (0..EVENTS).map(event).collect();
    let input = events.join("\n");
    let mut group = c.benchmark_group("capture 5,000 events");
    group.sample_size(20);
    group.bench_function("sk-sync capture", |b| {
        b.iter_batched(sample, |temp| capture(temp.path(), &input), BatchSize::PerIteration);
    });
    group.bench_function("limit: bare SQLite, one transaction", |b| {
        b.iter_batched(sample, |temp| bare(&temp.path().join("e.db"), &events), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, journal);
criterion_main!(benches);
