//! Delivering captured events to a receiver that stores them in a file, beside a loop that posts the same events there
//! in requests of the same size. And a drain that finds nothing owed.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to measure")]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const EVENTS: usize = 10_000;
const PROJECT: &str = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";
/// As `drain.max_bytes`.
const REQUEST_BYTES: usize = 512 << 10;

fn events() -> String {
    let mut lines = String::new();
    for n in 0..EVENTS {
        let note = "x".repeat(250);
        writeln!(
            lines,
            "{{\"event_id\":\"01JMBY7K8N3QRVX2DPFG{n:06}\",\"event_type\":\"WPStatusChanged\",\"aggregate_id\":\"WP01\",\
             \"aggregate_type\":\"WorkPackage\",\"schema_version\":\"3.0.0\",\"build_id\":\"b\",\
             \"node_id\":\"b805cd5cee74\",\"lamport_clock\":{n},\"causation_id\":null,\
             \"correlation_id\":\"01JMBY7K8N3QRVX2DPFG{n:06}\",\"timestamp\":\"2026-02-12T10:00:00+00:00\",\
             \"team_slug\":\"t\",\"project_uuid\":\"{PROJECT}\",\"payload\":{{\"wp_id\":\"WP01\",\"note\":\"{note}\"}}}}"
        )
        .unwrap();
    }
    lines
}

fn sk_sync(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sk-sync"));
    command.args(args).current_dir(home.join("repo")).env("SK_SYNC_HOME", home.join("state")).stdout(Stdio::null());
    command
}

/// A home with a project in which `events` are captured.
fn captured(events: &str) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(temp.path().join("repo/.kittify")).unwrap();
    let identity = format!("project:\n  uuid: {PROJECT}\n");
    std::fs::write(temp.path().join("repo/.kittify/config.yaml"), identity).unwrap();
    let mut child = sk_sync(temp.path(), &["capture", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(events.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    temp
}

/// A running `sk-sync serve --store`; killed when dropped.
struct Receiver {
    child: Child,
    url: String,
}

impl Receiver {
    fn start(home: &Path) -> Self {
        let mut command = sk_sync(home, &["serve", "--store", "../received.db"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, url }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn deliver(home: &Path, receiver: &Receiver) {
    let args = ["drain", "--quiet", "--preset", "external-receiver", "--target-url", &receiver.url];
    assert!(sk_sync(home, &args).status().unwrap().success());
}

/// Posts the lines as they are, as many in a request as fit.
#[expect(clippy::disallowed_methods, reason = "the limit is posting with nothing around it")]
fn post(events: &str, receiver: &Receiver) {
    let agent = ureq::agent();
    let url = format!("{}/api/v1/events/batch/", receiver.url);
    let mut lines = events.lines().peekable();
    while lines.peek().is_some() {
        let mut body = "{\"events\":[".to_owned();
        while let Some(line) = lines.next_if(|line| body.len() + line.len() + 2 < REQUEST_BYTES) {
            body.push_str(line);
            body.push(',');
        }
        body.pop();
        body.push_str("]}");
        let mut answer = agent.post(&url).content_type("application/json").send(body).unwrap();
        let _words = answer.body_mut().with_config().limit(8 << 20).read_to_vec().unwrap();
    }
}

fn drain(c: &mut Criterion) {
    let events = events();
    let stage = || {
        let temp = captured(&events);
        let receiver = Receiver::start(temp.path());
        (receiver, temp)
    };
    let mut group = c.benchmark_group("drain 10,000 events");
    group.sample_size(10);
    group.bench_function("sk-sync drain", |b| {
        let run = |(receiver, temp): (Receiver, tempfile::TempDir)| {
            deliver(temp.path(), &receiver);
            (receiver, temp)
        };
        b.iter_batched(stage, run, BatchSize::PerIteration);
    });
    group.bench_function("limit: post the same", |b| {
        let run = |(receiver, temp): (Receiver, tempfile::TempDir)| {
            post(&events, &receiver);
            (receiver, temp)
        };
        b.iter_batched(stage, run, BatchSize::PerIteration);
    });
    let (receiver, temp) = stage();
    deliver(temp.path(), &receiver);
    group.bench_function("sk-sync drain, nothing owed", |b| b.iter(|| deliver(temp.path(), &receiver)));
    group.finish();
}

criterion_group!(benches, drain);
criterion_main!(benches);
