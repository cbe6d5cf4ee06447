//! The upload: in parallel over a few connections, again within a run, and after an interruption.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::receiver::{Deed, Gate, Receiver, Upload, honest};
use super::{aim, aim_with, events, mission, project, rows, texts};
use crate::support::Sandbox;

/// Three missions with ten bodies each.
fn thirty(sandbox: &Sandbox) {
    for slug in ["001-lamp", "002-lens", "003-fog"] {
        let names: Vec<_> = (0..10)
            .map(|n| (format!("research/{n}.md"), format!("{slug} {n}\n")))
            .collect();
        let files: Vec<_> = names
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        mission(sandbox, slug, "main", &files);
    }
}

fn paths(uploads: &[Upload]) -> BTreeSet<(String, String)> {
    uploads
        .iter()
        .map(|u| {
            (
                u.text("mission_slug").to_owned(),
                u.text("artifact_path").to_owned(),
            )
        })
        .collect()
}

/// The first document is sent alone; then `bodies.parallel` uploads run at once, over as many
/// connections.
#[test]
fn uploads_overlap() {
    for (more, most) in [
        ("", 8),
        ("bodies.parallel = 7", 7),
        ("bodies.parallel = 1", 1),
    ] {
        let (gate, number) = (Gate::default(), AtomicUsize::new(0));
        let receiver = Receiver::doing(move |upload| {
            if number.fetch_add(1, Ordering::SeqCst) > 0 {
                gate.pass(most);
            }
            Deed::echo(201, "stored", upload)
        });
        let (sandbox, server) = (project(), events());
        aim_with(&sandbox, &server, &receiver, more);
        thirty(&sandbox);
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        let seen = receiver.seen();
        let connections: BTreeSet<_> = seen
            .uploads
            .iter()
            .map(|upload| upload.connection)
            .collect();
        assert_eq!((seen.together, connections.len()), (most, most), "{more}");
        assert_eq!(
            (
                &report["bodies"]["uploaded"],
                seen.uploads.len(),
                paths(&seen.uploads).len()
            ),
            (&json!(30), 30, 30)
        );
    }
}

/// A refusal that concerns every document costs one request, however many could run at once.
#[test]
fn a_refusal_of_everyone_costs_one_request() {
    let receiver = Receiver::doing(|_| Deed::answer(401, "", r#"{"detail":"expired"}"#));
    let (sandbox, server) = (project(), events());
    aim(&sandbox, &server, &receiver);
    thirty(&sandbox);
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(
        (
            receiver.seen().uploads.len(),
            &report["bodies"]["retryable"]
        ),
        (1, &json!(30))
    );
    assert!(
        rows(&sandbox.store())
            .iter()
            .all(|row| (row.tries, row.due_at) == (0, 0))
    );
    assert!(
        report["warnings"]
            .to_string()
            .contains("uploads stopped: unauthorized: HTTP 401: expired"),
        "{report}"
    );
}

/// The server has not processed the event yet, asks for a moment, or its answer is lost: if time is
/// left, the document is sent again in the same run.
#[test]
fn what_is_not_ready_yet_goes_in_the_same_run() {
    let not_ready: fn() -> Deed = || Deed::answer(404, "", r#"{"error":"index_entry_not_found"}"#);
    let too_fast: fn() -> Deed = || Deed::answer(429, "", "");
    let busy: fn() -> Deed = || Deed::answer(409, "", "");
    let failing: fn() -> Deed = || Deed::answer(500, "", "");
    let lost: fn() -> Deed = || Deed::Reset;
    for first in [not_ready, too_fast, busy, failing, lost] {
        let number = AtomicUsize::new(0);
        let receiver = Receiver::doing(move |upload| match number.fetch_add(1, Ordering::SeqCst) {
            0 => first(),
            _ => Deed::echo(201, "stored", upload),
        });
        let (sandbox, server) = (project(), events());
        aim(&sandbox, &server, &receiver);
        thirty(&sandbox);
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            (&report["bodies"]["uploaded"], receiver.seen().uploads.len()),
            (&json!(30), 31)
        );
    }
}

/// A receiver that closes the connection after each answer without announcing it.
#[test]
fn connections_that_end_cost_nothing() {
    let receiver = Receiver::doing(|upload| match Deed::echo(201, "stored", upload) {
        Deed::Say(bytes) => Deed::SayAndClose(bytes),
        other => other,
    });
    let (sandbox, server) = (project(), events());
    aim(&sandbox, &server, &receiver);
    thirty(&sandbox);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["bodies"]["uploaded"], 30);
}

/// A wait that the server asks for in general applies to the next run too, and to new documents,
/// until the user retries.
#[test]
fn a_rate_limit_outlasts_the_run() {
    let number = AtomicUsize::new(0);
    let receiver = Receiver::doing(move |upload| match number.fetch_add(1, Ordering::SeqCst) {
        0 => Deed::answer(429, "Retry-After: 600\r\n", ""),
        _ => Deed::echo(201, "stored", upload),
    });
    let (sandbox, server) = (project(), events());
    aim(&sandbox, &server, &receiver);
    thirty(&sandbox);
    let _first = sandbox.sk_sync(["run"]).code(3);
    mission(&sandbox, "004-bell", "main", &[("spec.md", "A bell.\n")]);
    let report = sandbox.sk_sync(["run", "--json"]).code(3).json();
    assert!(
        report["warnings"]
            .to_string()
            .contains("uploads stopped: rate_limited"),
        "{report}"
    );
    assert_eq!(
        (
            receiver.seen().uploads.len(),
            &report["bodies"]["retryable"]
        ),
        (1, &json!(31))
    );
    let _retry = sandbox.sk_sync(["bodies", "retry"]).success();
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["bodies"]["uploaded"], 31);
}

/// No server, then a run that is killed, then a working server: the receiver has every document
/// once.
#[test]
fn offline_killed_and_online_again_delivers_every_body_once() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (sandbox, server) = (project(), events());
    let more = format!(
        "external_receiver.url = '{}'\nexternal_receiver.bodies_url = 'http://{free}/api/'",
        server.url()
    );
    sandbox.own(format!("preset = 'external-receiver'\n{more}"));
    thirty(&sandbox);
    for _ in 0..2 {
        let report = sandbox.sk_sync(["run", "--json"]).code(3).json();
        assert_eq!(report["bodies"]["retryable"], 30);
    }
    assert_eq!(
        (rows(&sandbox.store()).len(), texts(&sandbox.store())),
        (30, 30)
    );

    // The receiver stores every request; from the twelfth on it answers only after the client is
    // dead.
    let (known, gate) = (
        Arc::new(Mutex::<Vec<Value>>::default()),
        Arc::new(Gate::default()),
    );
    let (stored, waits) = (Arc::clone(&known), Arc::clone(&gate));
    let receiver = Receiver::at(free, move |upload| {
        let deed = honest(&stored, upload);
        if stored.lock().unwrap().len() >= 12 {
            waits.pass(1000);
        }
        deed
    });
    let mut command = sandbox.command(["run"]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    receiver.wait_until(|seen| seen.uploads.len() >= 15);
    child.kill().unwrap();
    child.wait().unwrap();
    gate.open();

    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let count = |member: &str| report["bodies"][member].as_u64().unwrap();
    assert_eq!(
        (
            count("uploaded") + count("already_exists"),
            count("retryable")
        ),
        (30, 0),
        "{report}"
    );
    let known = known.lock().unwrap().clone();
    let texts: BTreeSet<_> = known
        .iter()
        .map(|body| body["content_body"].as_str().unwrap())
        .collect();
    assert_eq!((known.len(), texts.len()), (30, 30), "each body once");
    assert!(
        count("already_exists") >= 4,
        "what was stored and not heard of is known: {report}"
    );
    assert!(rows(&sandbox.store()).is_empty());
}

/// Result of each artifact: in the document, in lines with `-v`, and not at all without.
#[test]
fn each_artifact_has_its_line() {
    let (sandbox, server) = (project(), events());
    let receiver = Receiver::doing(|upload| match upload.text("artifact_path") {
        "plan.md" => Deed::answer(400, "", r#"{"detail":"no"}"#),
        "tasks.md" => Deed::answer(423, "Retry-After: 600\r\n", ""),
        "spec.md" => Deed::echo(200, "already_exists", upload),
        _ => Deed::echo(201, "stored", upload),
    });
    aim(&sandbox, &server, &receiver);
    let files = [
        ("spec.md", "s"),
        ("plan.md", "p"),
        ("tasks.md", "t"),
        ("research.md", "r"),
        ("quickstart.md", ""),
    ];
    mission(&sandbox, "001-lamp", "main", &files);
    let run = sandbox.sk_sync(["run", "-v"]).code(5);
    for line in [
        "already_exists 001-lamp/spec.md",
        "failed 001-lamp/plan.md (bad_request: no)",
        "queued 001-lamp/tasks.md (busy: HTTP 423)",
        "uploaded 001-lamp/research.md (stored)",
        "skipped 001-lamp/quickstart.md (empty_content)",
        "skipped 001-lamp/meta.json (unsupported_surface)",
    ] {
        assert_eq!(
            run.stderr.matches(line).count(),
            1,
            "{line} in {}",
            run.stderr
        );
        assert!(!run.stdout.contains(line), "{}", run.stdout);
    }
    let quiet = sandbox.sk_sync(["run"]).code(3);
    assert!(!quiet.stderr.contains("001-lamp"), "{}", quiet.stderr);
    let statuses = |words: &[&str]| -> BTreeSet<String> {
        let report = sandbox
            .sk_sync(["run", "--json"].iter().chain(words))
            .code(3)
            .json();
        let outcomes = report["bodies"]["outcomes"].as_array().unwrap();
        outcomes
            .iter()
            .map(|outcome| outcome["status"].as_str().unwrap().to_owned())
            .collect()
    };
    let few = ["failed", "queued", "skipped"].map(str::to_owned);
    let all = statuses(&["-v"]);
    assert!(
        few.iter().all(|word| all.contains(word)) && all.contains("already_exists"),
        "{all:?}"
    );
    assert!(!statuses(&[]).contains("already_exists"));
}
