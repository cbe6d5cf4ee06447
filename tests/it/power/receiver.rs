//! The same for the receiver with a SQLite file: what it acknowledged is there, once and as sent.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::disk::{Disk, Op};
use super::messages::{Kept, Message, of_a_run};
use super::record::{Recording, heard, tracer};
use super::states::{self, Left, Plan, number};
use crate::storm::receiver::Client;
use crate::support::older::{HARBOUR, envelope, id};
use crate::support::wire::open;
use crate::support::{Sandbox, pause, tell};

/// What is recorded and restored.
const TRACKED: [&str; 1] = ["hub"];
/// Events of a request.
const EVENTS: u32 = 3;

/// A receiver's file, and what is sent to it.
struct Receiver {
    sandbox: Sandbox,
    file: PathBuf,
    messages: Vec<Message>,
}

impl Receiver {
    fn new(messages: Vec<Message>) -> Self {
        let sandbox = Sandbox::new();
        let file = sandbox.path("hub/received.db");
        std::fs::create_dir(sandbox.path("hub")).unwrap();
        Self {
            sandbox,
            file,
            messages,
        }
    }

    /// Records a receiver from its start to its end, which gets the first messages. `None`, with a
    /// notice, where processes cannot be traced.
    fn record(&self, messages: usize) -> Option<Recording> {
        let base = Disk::load(&self.sandbox.path(""), &TRACKED);
        let (mut strace, port) = self.start()?;
        let mut client = Client::connect(&format!("127.0.0.1:{port}")).unwrap();
        for message in &self.messages[..messages] {
            message.send(&mut client, Some(true), "recording");
        }
        let children = format!("/proc/{0}/task/{0}/children", strace.id());
        let child = std::fs::read_to_string(children).unwrap();
        let mut kill = Command::new("kill");
        let killed = kill.args(["-TERM", child.trim()]).status().unwrap();
        assert!(killed.success());
        strace.wait().unwrap();
        let recording = heard(&self.sandbox, &TRACKED, base);
        assert_eq!(
            answers(&recording.ops),
            messages,
            "answers in the recording"
        );
        Some(recording)
    }

    /// Starts the receiver under the tracer; its port.
    fn start(&self) -> Option<(std::process::Child, u16)> {
        let port_file = self.sandbox.path("port");
        // That of an earlier receiver.
        let _absent = std::fs::remove_file(&port_file);
        let [file, port] = [&self.file, &port_file].map(|path| path.to_str().unwrap());
        let words = ["serve", "--store", file, "--port-file", port];
        let mut strace = tracer(&self.sandbox, &words);
        strace.stdin(Stdio::null()).stdout(Stdio::null());
        let Ok(mut child) = strace.stderr(Stdio::null()).spawn() else {
            tell("SKIPPED: there is no strace here");
            return None;
        };
        let begun = Instant::now();
        loop {
            let text = std::fs::read_to_string(&port_file).unwrap_or_default();
            if let Ok(port) = text.trim().parse() {
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

    fn restore(&self, left: &mut Left) {
        let root = self.sandbox.path("");
        left.disk.restore(&root, &TRACKED, &mut left.chance);
    }

    /// A receiver with this file has the first messages, which were acknowledged; after all were
    /// sent it has each once.
    fn recovers(&self, acknowledged: usize, words: &str) {
        let served = self
            .sandbox
            .serve(&["--store", self.file.to_str().unwrap()]);
        let kept = Kept::read(&self.file, words);
        let (first, others) = self.messages.split_at(acknowledged);
        for message in first {
            message.assert_kept(&kept, words);
        }
        assert_counted(&served.report(), &kept, words);
        let address = served.url().trim_start_matches("http://").to_owned();
        let mut client = Client::connect(&address).unwrap();
        for message in first {
            message.send(&mut client, Some(false), words);
        }
        for message in others {
            message.send(&mut client, None, words);
        }
        let kept = Kept::read(&self.file, words);
        for message in &self.messages {
            message.assert_kept(&kept, words);
        }
        assert_counted(&served.report(), &kept, words);
        drop(served);
        let check: String = open(&self.file)
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok", "{words}");
    }

    /// Looks at each state of a recording.
    fn each(
        &self,
        name: &str,
        recording: &Recording,
        plan: &Plan,
        mut look: impl FnMut(usize, &str),
    ) {
        let open = |mut left: Left| {
            self.restore(&mut left);
            look(answers(&recording.ops[..left.count]), &left.words);
        };
        states::each(name, recording, plan, |_| 0..=0, open);
    }
}

/// The receiver counts what is in its file.
fn assert_counted(report: &Value, kept: &Kept, words: &str) {
    let counted = ["events", "bodies"].map(|name| report[name].as_u64().unwrap());
    let (events, documents) = kept.numbers();
    assert_eq!(
        counted,
        [events as u64, documents as u64],
        "{words}: counted and stored"
    );
}

/// Answers that left.
fn answers(ops: &[Op]) -> usize {
    ops.iter().filter(|op| matches!(op, Op::Sent)).count()
}

/// Requests with a few events each.
fn batches() -> Vec<Message> {
    let number = u32::try_from(number(12)).unwrap();
    let event = |n| serde_json::from_str(&envelope(&id(n), Some(HARBOUR), "a")).unwrap();
    let batch = |n| (n * EVENTS..(n + 1) * EVENTS).map(event).collect();
    (0..number).map(|n| Message::Events(batch(n))).collect()
}

#[test]
fn a_receiver() {
    let receiver = Receiver::new(batches());
    let Some(recording) = receiver.record(receiver.messages.len()) else {
        return;
    };
    receiver.each("receiver", &recording, &Plan::ONE, |acknowledged, words| {
        receiver.recovers(acknowledged, words);
    });
}

#[test]
fn a_receiver_of_documents() {
    let receiver = Receiver::new(of_a_run());
    let Some(recording) = receiver.record(receiver.messages.len()) else {
        return;
    };
    let name = "receiver of documents";
    receiver.each(name, &recording, &Plan::ONE, |acknowledged, words| {
        receiver.recovers(acknowledged, words);
    });
}

/// A receiver starts on what a first loss left, and the power is cut again.
#[test]
fn a_receiver_that_recovers() {
    let receiver = Receiver::new(batches());
    let Some(recording) = receiver.record(receiver.messages.len()) else {
        return;
    };
    receiver.each(
        "receiver",
        &recording,
        &Plan::FIRST,
        |acknowledged, words| {
            let Some(second) = receiver.record(0) else {
                return;
            };
            let name = format!("{words}; then the receiver that recovers");
            receiver.each(&name, &second, &Plan::SECOND, |_, words| {
                receiver.recovers(acknowledged, words);
            });
        },
    );
}
