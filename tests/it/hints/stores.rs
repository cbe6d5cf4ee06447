//! Hints about stores that are absent, damaged, or of another version.

use super::{Case, Hint, succeeds};
use crate::support::Sandbox;
use crate::support::wire::{envelope, open};

/// A project with everything captured, whose store the case changes.
fn captured() -> Sandbox {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["index"]).success();
    sandbox
}

/// Sets a number in the head of the store's file, and returns the one before.
fn stamp(sandbox: &Sandbox, pragma: &str, change: fn(i64) -> i64) -> i64 {
    let store = open(&sandbox.store());
    let before: i64 = store
        .pragma_query_value(None, pragma, |row| row.get(0))
        .unwrap();
    store.pragma_update(None, pragma, change(before)).unwrap();
    before
}

fn newer(hint: &Hint) {
    let sandbox = captured();
    let known = stamp(&sandbox, "user_version", |version| version + 1);
    let before = std::fs::read(sandbox.store()).unwrap();
    let _hint = hint.of(&sandbox.sk_sync(["status"]).code(1));
    assert!(std::fs::read(sandbox.store()).unwrap() == before, "changed");
    // An update knows the version.
    let store = open(&sandbox.store());
    store.pragma_update(None, "user_version", known).unwrap();
    let _status = sandbox.status();
}

fn newer_with_a_spool(hint: &Hint) {
    let sandbox = captured();
    let known = stamp(&sandbox, "user_version", |version| version + 1);
    let line = envelope("spooled", "a", "x") + "\n";
    let _spooled = sandbox.sk_sync_with(["capture"], line).success();
    let _hint = hint.of(&sandbox.sk_sync(["status"]).code(1));
    let store = open(&sandbox.store());
    store.pragma_update(None, "user_version", known).unwrap();
    let _run = sandbox.sk_sync(["run", "--no-drain"]).success();
    let said = succeeds(&sandbox, "sk-sync events show spooled");
    assert!(said.contains("spooled"), "{said}");
}

fn other_build(hint: &Hint) {
    let sandbox = captured();
    let _stamp = stamp(&sandbox, "user_version", |version| version ^ (1 << 20));
    let line = hint.of(&sandbox.sk_sync(["status"]).code(1));
    let output = crate::support::advice::shell(&sandbox, &line);
    assert!(output.status.code().is_some(), "{output:?}");
    assert_eq!(sandbox.status()["balance"]["holds"], true);
}

fn foreign(hint: &Hint) {
    let sandbox = captured();
    let _id = stamp(&sandbox, "application_id", |_| 77);
    let _hint = hint.of(&sandbox.sk_sync(["status"]).code(1));
    let dir = sandbox.store().parent().unwrap().to_owned();
    for file in ["store.db", "store.db-wal", "store.db-shm"] {
        let _absent = std::fs::rename(dir.join(file), sandbox.path(file));
    }
    let _new = succeeds(&sandbox, "sk-sync verify --repair store");
    let _run = sandbox.sk_sync(["run"]).success();
}

fn lost(hint: &Hint) {
    let sandbox = captured();
    let store = sandbox.store();
    std::fs::remove_file(&store).unwrap();
    let run = sandbox.sk_sync(["status"]).code(6);
    let _new = hint.follow(&sandbox, &run, "sk-sync verify --repair store");
    let _run = sandbox.sk_sync(["run"]).success();
    assert!(store.is_file());
}

fn damaged(hint: &Hint) {
    let sandbox = captured();
    sandbox.spoilt();
    std::fs::write(sandbox.store(), [0x5a; 8192]).unwrap();
    let printed = hint.of(&sandbox.sk_sync(["status"]).code(6));
    assert!(printed.contains("`sk-sync verify`"), "{printed}");
    let checked = sandbox.sk_sync(["verify"]).code(6);
    let said = checked.stdout + &checked.stderr;
    assert!(said.contains("store.db"), "{said}");
}

/// A row whose digest is not one.
fn damaged_row(hint: &Hint) {
    let sandbox = captured();
    sandbox.spoilt();
    let sql = "UPDATE journal_events SET payload_sha256 = x'00' WHERE seq = 1";
    let changed = open(&sandbox.store()).execute(sql, []).unwrap();
    assert_eq!(changed, 1);
    let printed = hint.of(&sandbox.sk_sync(["events", "list"]).code(6));
    assert!(printed.contains("`sk-sync verify`"), "{printed}");
    let said = sandbox.sk_sync(["verify"]).code(6).stdout;
    assert!(
        said.contains("damage journal: journal row 1") && said.contains("Safe:"),
        "{said}"
    );
}

fn repository_id(hint: &Hint) {
    let sandbox = captured();
    sandbox.write(".git/sk-sync/id", "not an id\n");
    let run = sandbox.sk_sync(["run"]).code(2);
    let _hint = hint.of(&run);
    std::fs::remove_file(sandbox.repo().join(".git/sk-sync/id")).unwrap();
    let _run = sandbox.sk_sync(["run"]).success();
    let said = succeeds(&sandbox, "sk-sync status --all --json");
    let all: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(all["stores"].as_array().map(Vec::len), Some(2), "{said}");
}

pub(super) const CASES: &[Case] = &[
    ("update sk-sync; the file was not changed", newer),
    (
        "{hint}{lines} next to it are imported once the store can be opened",
        newer_with_a_spool,
    ),
    (
        "{aside} && sk-sync verify --repair store && sk-sync run",
        other_build,
    ),
    (
        "move that file away; it is not from sk-sync and was not changed",
        foreign,
    ),
    (
        "put store.db back from a backup; or begin a new one: sk-sync verify --repair store (documents and facts are captured again from the files, spooled lines are kept; other events that were only in the lost store are not)",
        lost,
    ),
    (
        "keep a copy of the file, then run `sk-sync verify`",
        damaged,
    ),
    (
        "run `sk-sync verify`: it names what is damaged and what is safe",
        damaged_row,
    ),
    (
        "look at the file, then remove it: the next capture makes a new id. `sk-sync status --all` lists the old store, and `sk-sync migrate adopt --store ID` takes it over",
        repository_id,
    ),
];
