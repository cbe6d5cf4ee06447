//! Stores and state directories that cannot be used.

use super::complaint;
use crate::support::Sandbox;

#[cfg(unix)]
#[test]
fn a_state_directory_that_cannot_be_written() {
    use crate::support::rights::{as_nobody, mode};
    let sandbox = Sandbox::with_repo();
    std::fs::create_dir(sandbox.state().join("projects")).unwrap();
    mode(sandbox.state().join("projects"), 0o555);
    let Some(run) = as_nobody(&sandbox, &["run"]) else {
        return;
    };
    let words = run.code(1).stderr;
    assert!(
        words.contains("cannot create") && words.contains("projects"),
        "{words}"
    );
}

/// On a full disk the message names the fix.
#[cfg(target_os = "linux")]
#[test]
fn d01_a_full_state_directory() {
    let mut sandbox = Sandbox::with_repo();
    let full = sandbox.path("full");
    std::fs::create_dir(&full).unwrap();
    sandbox.set("SK_SYNC_HOME", full.to_str().unwrap());
    let script = "mount -t tmpfs -o mode=700,size=200k tmpfs $SK_SYNC_HOME || exit; $SK run";
    let Some(run) = crate::support::rights::with_mounts(&sandbox, script) else {
        return;
    };
    let words = run.code(1).stderr;
    assert!(
        words.contains("no space left") && words.contains("free some space"),
        "{words}"
    );
}

#[test]
fn a_store_of_a_later_version_is_refused_and_untouched() {
    let sandbox = Sandbox::with_repo();
    sandbox.spoilt();
    let _run = sandbox.sk_sync(["run"]).success();
    let store = sandbox.store();
    crate::support::wire::open(&store)
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let bytes = std::fs::read(&store).unwrap();
    let words = complaint(&sandbox, &["run"], 1);
    assert!(
        words.contains("99") && words.contains("update sk-sync"),
        "{words}"
    );
    assert_eq!(std::fs::read(&store).unwrap(), bytes);
}

/// A store with the tables of another build is reported and unchanged, and the hint works.
#[test]
fn a_store_of_another_build_is_named_with_the_way_out() {
    let sandbox = Sandbox::with_repo();
    sandbox.spoilt();
    let captured =
        sandbox.sk_sync(["run", "--json"]).success().json()["capture"]["captured"].clone();
    let store = crate::support::wire::open(&sandbox.store());
    let stamp: i64 = store
        .query_row("PRAGMA user_version", [], |r| r.get(0))
        .unwrap();
    store
        .pragma_update(None, "user_version", stamp ^ (1 << 20))
        .unwrap();
    drop(store);
    for command in [&["run"][..], &["status"], &["drain"]] {
        let words = complaint(&sandbox, command, 1);
        assert!(
            words.contains("written by another build") && words.contains("verify --repair store"),
            "{words}"
        );
    }
    let words = complaint(&sandbox, &["run"], 1);
    let hint = words
        .lines()
        .find_map(|line| line.trim().strip_prefix("hint: "))
        .unwrap();
    let _out = crate::support::advice::shell(&sandbox, hint);
    let report = sandbox.status();
    assert_eq!(report["balance"]["captured"], captured, "{report}");
}

#[test]
fn a_damaged_store_is_named() {
    let sandbox = Sandbox::with_repo();
    sandbox.spoilt();
    let _run = sandbox.sk_sync(["run"]).success();
    std::fs::write(sandbox.store(), "garbage, and not a database at all").unwrap();
    for command in [&["run"][..], &["status"], &["verify"]] {
        let words = complaint(&sandbox, command, 6);
        assert!(words.contains("store.db"), "{words}");
    }
}

/// A receiver's store is checked like any other store.
#[test]
fn a_damaged_store_of_a_receiver_is_named() {
    let sandbox = Sandbox::new();
    let file = sandbox.path("received.db");
    std::fs::write(&file, "garbage, and not a database at all").unwrap();
    let words = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--store",
        file.to_str().unwrap(),
    ];
    let run = sandbox.sk_sync(words).code(6);
    assert!(
        run.stdout.is_empty() && run.stderr.contains("received.db"),
        "{run:?}"
    );
    assert_eq!(
        std::fs::read(&file).unwrap(),
        b"garbage, and not a database at all"
    );
}
