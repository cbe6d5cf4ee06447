//! Every state of a migration can be resolved, and no other command is blocked meanwhile.

use serde_json::json;

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, diverging, envelope, id, put, respelled};

/// Commands that have nothing to do with older stores.
fn everything_else_works(sandbox: &Sandbox, n: u32) {
    for words in [
        &["status"][..],
        &["verify"],
        &["index"],
        &["preflight"],
        &["events", "list", "--jsonl"],
    ] {
        let _works = sandbox.sk_sync(words).success();
    }
    let line = envelope(&id(n), Some(HARBOUR), "captured meanwhile") + "\n";
    let captured = sandbox.sk_sync_with(["capture", "--json"], line).success();
    assert_eq!(captured.json_lines()[0]["result"], "captured");
}

/// A journal that has the same events already (in another spelling, or with other content), a
/// directory in place of a store, a file that is not a database: each run does what is possible,
/// and without the obstacle everything is settled.
#[test]
fn d36_no_state_of_a_migration_is_a_dead_end() {
    let sandbox = Sandbox::with_repo();
    let lines = [
        respelled(&envelope(&id(1), Some(HARBOUR), "known")),
        diverging(&id(2), HARBOUR),
        envelope(&id(3), Some(HARBOUR), "only here"),
    ];
    let _captured = sandbox
        .sk_sync_with(["capture"], lines.join("\n") + "\n")
        .success();
    let queue = sandbox.queue("queue.db", Era::Last);
    for (n, project) in [
        (1, Some(HARBOUR)),
        (2, Some(HARBOUR)),
        (4, Some(HARBOUR)),
        (5, None),
    ] {
        put(&queue, &id(n), envelope(&id(n), project, "known"), 1);
    }
    drop(queue);
    std::fs::write(sandbox.kitty("queues/queue-0a.db"), "no database").unwrap();
    sandbox.at_rest();
    let obstacle = sandbox.state().join("unassigned/older/store.db");
    std::fs::create_dir_all(&obstacle).unwrap();
    let first = sandbox.migrated(1);
    assert_eq!(
        (
            &first["imported"],
            &first["deduplicated"],
            &first["conflicts"]
        ),
        (&json!(1), &json!(1), &json!(1))
    );
    everything_else_works(&sandbox, 100);
    let run = sandbox
        .sk_sync(["run", "--no-drain", "--json"])
        .success()
        .json();
    assert!(
        run["warnings"].to_string().contains("unassigned"),
        "it says what waits: {run}"
    );
    // Events without a project wait for their store, and finished work is not repeated.
    std::fs::remove_dir(&obstacle).unwrap();
    let second = sandbox.migrated(5);
    let counts = ["imported", "deduplicated", "conflicts", "open_conflicts"]
        .map(|name| second[name].clone());
    assert_eq!(counts, [1, 0, 0, 1].map(|n| json!(n)), "{second}");
    everything_else_works(&sandbox, 101);
    // A person decides, either way; the row that was never sent may still be replaced.
    let _decided = sandbox
        .sk_sync([
            "migrate",
            "conflicts",
            "resolve",
            "--keep",
            "source",
            "--all",
        ])
        .success();
    let third = sandbox.migrated(0);
    assert_eq!(
        (&third["open_conflicts"], &third["source_errors"]),
        (&json!(0), &json!(1)),
        "{third}"
    );
    let _away = sandbox.sk_sync(["migrate", "cleanup"]).success();
    // The file that is not a queue is listed while it exists, and blocks nothing.
    let left = sandbox.migrated(0);
    assert_eq!(
        (&left["sources"], &left["source_errors"], &left["imported"]),
        (&json!(1), &json!(1), &json!(0))
    );
    std::fs::remove_file(sandbox.kitty("queues/queue-0a.db")).unwrap();
    assert_eq!(sandbox.migrated(0)["sources"], 0);
    let known = |n: u32| envelope(&id(n), Some(HARBOUR), "known").into_bytes();
    let kept = sandbox.events_of(HARBOUR);
    assert!(
        [2, 4].iter().all(|n| kept.contains(&(id(*n), known(*n))))
            && sandbox.ids_of("unassigned") == [id(5)]
    );
    assert!(
        kept.contains(&(id(1), lines[0].clone().into_bytes())),
        "the first spelling stays"
    );
    everything_else_works(&sandbox, 102);
    sandbox.verified();
}
