//! A cache that is damaged, torn by a kill, or that knows more than the store.

use std::process::Stdio;
use std::time::Duration;

use super::{
    MISSION, SETTLED, assert_the_cache_does_not_show, captured, index, memory, remembered,
};
use crate::support::{Sandbox, pause};

/// A damaged, newer or foreign cache is ignored and rewritten.
#[test]
fn a_spoilt_memory_is_no_memory() {
    let sandbox = remembered();
    let dir = memory(&sandbox);
    let kept = ["files", "missions"].map(|name| std::fs::read(dir.join(name)).unwrap());
    let damage: [fn(&mut Vec<u8>); 5] = [
        Vec::clear,
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes[7] ^= 0x10,
        |bytes| bytes.extend_from_slice(b"more"),
        |bytes| *bytes = b"\0\xff{".repeat(9),
    ];
    for (number, spoil) in damage.into_iter().enumerate() {
        for (name, bytes) in ["files", "missions"].iter().zip(&kept) {
            let mut bytes = bytes.clone();
            spoil(&mut bytes);
            std::fs::write(dir.join(name), bytes).unwrap();
        }
        std::fs::write(dir.join("files.new"), "what a killed one left").unwrap();
        let run = sandbox.sk_sync(["index", "--json"]).success();
        assert_eq!(
            (run.stderr.as_str(), captured(&run.json())),
            ("", 0),
            "{number}"
        );
        assert_eq!(run.json()["index"]["cached"], 0, "{number}");
        let again = index(&sandbox, &[]);
        assert_eq!(again["index"]["hashed"], 0, "{number}");
        assert!(!dir.join("files.new").exists());
    }
    // Another checkout's files, under this one's name.
    let other = Sandbox::with_repo();
    pause(SETTLED);
    let _first = index(&other, &[]);
    for name in ["files", "missions"] {
        std::fs::copy(memory(&other).join(name), dir.join(name)).unwrap();
    }
    assert_eq!(index(&sandbox, &[])["index"]["cached"], 0);
    // A file where a directory of the state belongs is refused, and the hint removes it.
    std::fs::remove_dir_all(&dir).unwrap();
    std::fs::write(&dir, "in the way").unwrap();
    let refused = sandbox.sk_sync(["index", "--json"]).code(2).json();
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("is not a directory"),
        "{refused}"
    );
    std::fs::remove_file(&dir).unwrap();
    assert_eq!(index(&sandbox, &[])["index"]["cached"], 0);
}

/// An index killed at any moment leaves the old cache or the new one.
#[test]
fn a_killed_index_leaves_a_memory_that_is_right() {
    let sandbox = remembered();
    for round in 0..16_u64 {
        sandbox.write(&format!("{MISSION}/plan.md"), format!("plan {round}"));
        let mut child = sandbox
            .command(["index"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        pause(Duration::from_millis(round * 7 % 60));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_the_cache_does_not_show(&sandbox, &format!("killed in round {round}"));
    }
    let _all = index(&sandbox, &[]);
    assert_eq!(captured(&index(&sandbox, &["--no-cache"])), 0);
    let names = std::fs::read_dir(memory(&sandbox)).unwrap().count();
    assert!(names <= 4, "what is left behind does not grow: {names}");
}

/// A capture into another store, or under another rule, is made again.
#[test]
fn memory_suppresses_nothing_that_the_store_does_not_have() {
    let mut sandbox = remembered();
    let store = sandbox.store();
    let all = captured(&index(&sandbox, &["--no-cache", "--dry-run"]))
        + index(&sandbox, &[])["balance"]["captured"]
            .as_u64()
            .unwrap();
    let backup = std::fs::read(&store).unwrap();
    sandbox.write(&format!("{MISSION}/spec.md"), "changed");
    assert_eq!(captured(&index(&sandbox, &[])), 2);
    std::fs::write(&store, backup).unwrap();
    assert_eq!(
        captured(&index(&sandbox, &[])),
        2,
        "an older store came back"
    );
    std::fs::remove_file(&store).unwrap();
    assert_eq!(
        sandbox.sk_sync(["index"]).code,
        Some(6),
        "a store that is gone beside its files is damage"
    );
    std::fs::remove_dir_all(store.parent().unwrap()).unwrap();
    assert_eq!(
        captured(&index(&sandbox, &[])),
        all,
        "the store and all beside it are gone"
    );
    assert_eq!(captured(&index(&sandbox, &[])), 0);

    std::fs::remove_dir_all(store.parent().unwrap()).unwrap();
    sandbox.set("SK_SYNC_PRESET", "opt-out");
    sandbox.set("SK_SYNC_OPT_OUT__TEAMSPACE_BOUND", "audit");
    assert_eq!(captured(&index(&sandbox, &[])), 0, "opted out");
    sandbox.change("SK_SYNC_PRESET", "local-retention");
    assert_eq!(captured(&index(&sandbox, &[])), all, "and in again");
    sandbox.change("SK_SYNC_DOSSIER__PARITY", "content");
    assert_eq!(
        captured(&index(&sandbox, &[])),
        3,
        "each mission's snapshot is another"
    );
    assert_eq!(captured(&index(&sandbox, &[])), 0);
}

/// If the queue is bounded, evicted events are captured again, with or without the cache.
#[test]
fn what_was_evicted_is_captured_again() {
    let sandbox = Sandbox::with_repo();
    pause(SETTLED);
    sandbox.own("retention = 'off'\ndelivery = 'stub'\njournal.capacity = 5\n");
    let all = index(&sandbox, &[])["balance"]["captured"]
        .as_u64()
        .unwrap();
    let again = index(&sandbox, &[]);
    assert_eq!(captured(&again), all - 5);
    assert_eq!(
        captured(&index(&sandbox, &["--no-cache"])),
        captured(&index(&sandbox, &[]))
    );
}
