//! The user's decisions after an import: conflicts, and fully imported files.

use serde_json::json;

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, database, diverging, envelope, id, put};

#[test]
fn d35_conflicts_are_shown_with_what_differs_and_decided_on() {
    let sandbox = Sandbox::with_repo();
    let (queue, scoped) = (
        sandbox.queue("queue.db", Era::Last),
        sandbox.queue("queues/queue-0a.db", Era::Last),
    );
    for (n, project) in [(1, HARBOUR), (2, HARBOUR), (3, HARBOUR)] {
        put(&queue, &id(n), envelope(&id(n), Some(project), "first"), 1);
        let other = if n == 3 {
            diverging(&id(n), project)
        } else {
            envelope(&id(n), Some(project), "second")
        };
        put(&scoped, &id(n), other, 1);
    }
    drop((queue, scoped));
    assert_eq!(sandbox.migrated(5)["conflicts"], 3);
    // They block no other command.
    for words in [
        &["run", "--no-drain"][..],
        &["index"],
        &["verify"],
        &["status"],
    ] {
        let _works = sandbox.sk_sync(words).success();
    }
    let list = || sandbox.sk_sync(["migrate", "conflicts", "--json"]);
    let listed = list().code(5).json();
    let conflicts = listed["conflicts"].as_array().unwrap();
    let mine = conflicts
        .iter()
        .find(|conflict| conflict["event_id"] == id(1))
        .unwrap();
    assert_eq!(
        (&mine["store"], &mine["source"]),
        (&json!(HARBOUR), &json!("import:0a"))
    );
    let expected = json!([{"at": "/payload/actor", "journal": "first", "source": "second"}]);
    assert_eq!(mine["differences"], expected);
    let _unknown = sandbox
        .sk_sync([
            "migrate",
            "conflicts",
            "resolve",
            "--keep",
            "journal",
            &id(9),
        ])
        .code(2);
    let _one = sandbox
        .sk_sync([
            "migrate",
            "conflicts",
            "resolve",
            "--keep",
            "journal",
            &id(1),
        ])
        .success();
    assert_eq!(
        list().code(5).json()["conflicts"].as_array().unwrap().len(),
        2
    );
    let all = sandbox
        .sk_sync([
            "migrate",
            "conflicts",
            "resolve",
            "--keep",
            "journal",
            "--all",
            "--json",
        ])
        .success();
    assert_eq!(all.json()["resolved"], 2);
    assert_eq!(list().success().json()["conflicts"], json!([]));
    // Decided once, it is not opened again, and the bytes of both are still there.
    assert_eq!(sandbox.migrated(0)["open_conflicts"], 0);
    let store = database(sandbox.place_of(HARBOUR).join("store.db"));
    let apart: i64 = store
        .query_row(
            "SELECT COUNT(*) FROM journal_conflicts WHERE resolution = 'journal'",
            [],
            |r| r.get(0),
        )
        .unwrap();
    let audited: i64 = store
        .query_row(
            "SELECT COUNT(*) FROM journal_audit WHERE act = 'conflict_decided'",
            [],
            |r| r.get(0),
        )
        .unwrap();
    assert_eq!((apart, audited), (3, 3));
    sandbox.verified();
}

#[test]
fn only_files_whose_every_row_is_accounted_for_are_set_away() {
    let sandbox = Sandbox::with_repo();
    let (queue, scoped) = (
        sandbox.queue("queue.db", Era::Last),
        sandbox.queue("queues/queue-0a.db", Era::Last),
    );
    put(&queue, &id(1), envelope(&id(1), Some(HARBOUR), "first"), 1);
    put(&scoped, &id(1), diverging(&id(1), HARBOUR), 1);
    drop((queue, scoped));
    std::fs::write(sandbox.kitty("queues/queue-0b.db"), "no database").unwrap();
    sandbox.at_rest();
    let cleanup = |args: &[&str]| {
        let words = ["migrate", "cleanup", "--json"].iter().chain(args).copied();
        let files = sandbox.sk_sync(words).success().json()["files"].clone();
        let why =
            |file: &serde_json::Value| file["kept_because"].as_str().unwrap_or_default().to_owned();
        files
            .as_array()
            .unwrap()
            .iter()
            .map(why)
            .collect::<Vec<_>>()
    };
    assert!(
        cleanup(&[])
            .iter()
            .all(|why| why == "it was not imported yet")
    );
    let _conflict = sandbox.migrated(5);
    let before = sandbox.kitty_bytes();
    let dry = cleanup(&["--dry-run"]);
    assert_eq!(dry[0], "", "{dry:?}");
    assert!(
        dry[1].contains("1 of its rows are in conflict")
            && dry[2].contains("not a SQLite database"),
        "{dry:?}"
    );
    assert_eq!(sandbox.kitty_bytes(), before);
    assert_eq!(cleanup(&[]), dry);
    let names = |sandbox: &Sandbox| {
        let files = sandbox.kitty_bytes().into_iter();
        files
            .map(|(file, _)| file.file_name().unwrap().to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let renamed = names(&sandbox);
    assert!(
        renamed[0].starts_with("queue.db.imported-2") && renamed[1] == "queue-0a.db",
        "{renamed:?}"
    );
    let _decided = sandbox
        .sk_sync([
            "migrate",
            "conflicts",
            "resolve",
            "--keep",
            "journal",
            "--all",
        ])
        .success();
    assert_eq!(cleanup(&[])[0], "");
    assert!(
        names(&sandbox)[1].starts_with("queue-0a.db.imported-"),
        "{:?}",
        names(&sandbox)
    );
    // A file that changes afterwards is not renamed before it is imported again.
    let late = sandbox.queue("queue.db", Era::Last);
    put(&late, &id(2), envelope(&id(2), Some(HARBOUR), "late"), 1);
    drop(late);
    assert!(cleanup(&[])[0].contains("run `sk-sync migrate`"));
    assert_eq!(sandbox.migrated(0)["imported"], 1);
}
