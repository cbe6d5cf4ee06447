//! Reading leaves no trace, and machine-readable output is nothing but that.

use crate::support::Sandbox;

const READING: [&[&str]; 8] = [
    &["status"],
    &["status", "--check"],
    &["status", "--json"],
    &["verify"],
    &["events", "list"],
    &["config", "show"],
    &["run", "--dry-run"],
    &["index", "--dry-run"],
];

/// D42: reads never write: without a store, none of them makes one.
#[test]
fn d42_reading_creates_nothing() {
    let sandbox = Sandbox::with_repo();
    let before = sandbox.listing();
    for command in READING {
        let _run = sandbox.sk_sync(command).success();
        assert_eq!(sandbox.listing(), before, "{command:?}");
    }
}

/// D42: with a store, no file appears, goes or changes its size; nor does a byte of the store.
#[test]
fn d42_reading_changes_nothing() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    let (before, bytes) = (sandbox.listing(), std::fs::read(sandbox.store()).unwrap());
    for command in READING {
        let _run = sandbox.sk_sync(command).success();
        assert_eq!(sandbox.listing(), before, "{command:?}");
        assert_eq!(std::fs::read(sandbox.store()).unwrap(), bytes, "{command:?}");
    }
}

/// D52: with `--json`, stdout is one document and stderr is empty.
#[test]
fn d52_one_json_document_and_silence() {
    let sandbox = Sandbox::with_repo();
    // A mission that warns.
    sandbox.write("kitty-specs/broken/meta.json", "{");
    for command in [
        &["run", "--json"][..],
        &["index", "--json"],
        &["index", "--dry-run", "--json"],
        &["drain", "--json"],
        &["status", "--json"],
        &["verify", "--json"],
        &["config", "show", "--origin", "--json"],
    ] {
        let run = sandbox.sk_sync(command).success();
        assert_eq!(run.stderr, "", "{command:?}");
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(document["schema_version"], 1, "{command:?}");
    }
}

/// D52: a command that fails has a document, too.
#[test]
fn d52_a_failure_is_a_document() {
    let sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", "preset = \"stub\"\n[drain]\nmax_event = 3\n");
    let run = sandbox.sk_sync(["run", "--json"]).code(2);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&document["ok"], &document["exit_code"]), (&false.into(), &2.into()));
    let message = document["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("event-sync.toml") && message.contains('3') && message.contains("max_events"),
        "{message}"
    );
}

/// D53: off is off.
#[test]
fn d53_switched_off_nothing_happens() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC", "0");
    let before = sandbox.listing();
    for command in [&["run"][..], &["status", "--json"], &["no-such-command"]] {
        let run = sandbox.sk_sync(command).success();
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{command:?}");
    }
    let run = sandbox.sk_sync_with(["capture"], b"{}").code(4);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    assert_eq!(sandbox.listing(), before);
}
