//! Keys that bound the journal and a drain.

use std::time::Duration;

use super::{EVENTS, configured, external, run, to};
use crate::support::pause;
use crate::support::server::Server;
use crate::support::wire::{honest, ids};

/// The journal is bounded where nothing is retained, and by a strict capture.
#[test]
fn journal_capacity() {
    let server = Server::honest();
    let text = "retention = 'off'\njournal.capacity = 20";
    let report = external(&server, text)
        .sk_sync(["index", "--json"])
        .success()
        .json();
    let over = report["capture"]["captured"].as_u64().unwrap() - 20;
    assert_eq!(report["balance"]["discarded"], over);
    assert!(
        report["warnings"].to_string().contains("journal.capacity"),
        "{report}"
    );
    let kept = external(&server, "retention = 'on'\njournal.capacity = 20");
    assert_eq!(
        kept.sk_sync(["index", "--json"]).success().json()["balance"]["discarded"],
        0,
        "retained: no bound"
    );
}

/// Retained events are never refused; `status` warns above this number.
#[test]
fn journal_warn_rows() {
    let sandbox = configured("journal.warn_rows = 3");
    let input = "{\"event_id\":\"e1\",\"event_type\":\"X\"}\n{\"event_id\":\"e2\",\"event_type\":\"X\"}\n{\"event_id\":\"e3\",\"event_type\":\"X\"}\n";
    let _three = sandbox
        .sk_sync_with(["capture"], input.as_bytes())
        .success();
    let warnings = || sandbox.status()["warnings"].to_string();
    assert!(!warnings().contains("warn_rows"), "{}", warnings());
    let _four = sandbox
        .sk_sync_with(["capture"], b"{\"event_id\":\"e4\",\"event_type\":\"X\"}\n")
        .success();
    assert!(
        warnings().contains("4 events are retained, more than journal.warn_rows (3)"),
        "{}",
        warnings()
    );
    let shown = sandbox.sk_sync(["status"]).success();
    assert!(
        shown.stdout.contains("journal.warn_rows (3)"),
        "{}",
        shown.stdout
    );
    sandbox.own("journal.warn_rows = 4");
    assert!(!warnings().contains("warn_rows"), "{}", warnings());
}

#[test]
fn drain_max_events() {
    let server = Server::honest();
    let report = run(&external(&server, "drain.max_events = 5"));
    let requests = server.requests();
    let sizes: Vec<_> = to(&requests, EVENTS).iter().map(|r| ids(r).len()).collect();
    assert!(
        sizes.len() > 3 && sizes.iter().all(|size| *size <= 5),
        "{sizes:?}"
    );
    assert_eq!(
        report["balance"]["delivered"],
        report["capture"]["captured"]
    );
}

#[test]
fn drain_max_bytes() {
    let server = Server::honest();
    let report = run(&external(&server, "drain.max_bytes = '4 KiB'"));
    let requests = server.requests();
    let sizes: Vec<_> = to(&requests, EVENTS)
        .iter()
        .map(|r| r.body().len())
        .collect();
    assert!(
        sizes.len() > 3 && sizes.iter().all(|size| *size <= 4096),
        "{sizes:?}"
    );
    assert_eq!(
        report["balance"]["delivered"],
        report["capture"]["captured"]
    );
}

#[test]
fn drain_max_time() {
    let server = Server::honest();
    let sandbox = external(&server, "drain.max_time = '1ms'\ndrain.max_events = 1");
    let report = sandbox.sk_sync(["run", "--json"]).code(3).json();
    assert!(
        report["drain"]["halted"]
            .as_str()
            .unwrap()
            .contains("max_time"),
        "{report}"
    );
    assert!(report["balance"]["untried"].as_u64().unwrap() > 0);
    let _all = sandbox.sk_sync(["run", "--max-time", "5m"]).success();
}

#[test]
fn drain_max_rejections() {
    for (most, code, class) in [(1, 5, "undeliverable"), (2, 3, "retryable")] {
        let server = Server::answering(|request| honest(request, "rejected"));
        let sandbox = external(&server, &format!("drain.max_rejections = {most}"));
        let report = sandbox.sk_sync(["run", "--json"]).code(code).json();
        assert_eq!(
            report["balance"][class], report["capture"]["captured"],
            "{most}"
        );
    }
}

#[test]
fn drain_lock_wait() {
    let sandbox = configured("preset = 'stub'\ndrain.lock_wait = '0s'");
    let _first = sandbox.sk_sync(["run"]).success();
    let lock = std::fs::File::create(sandbox.store().with_file_name("drain.lock")).unwrap();
    lock.lock().unwrap();
    let _busy = sandbox.sk_sync(["drain"]).code(75);
    sandbox.own("preset = 'stub'\ndrain.lock_wait = '50s'");
    let waiting = sandbox
        .command(["drain"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    pause(Duration::from_millis(100));
    lock.unlock().unwrap();
    assert!(
        waiting.wait_with_output().unwrap().status.success(),
        "it waited until the lock was free"
    );
}
