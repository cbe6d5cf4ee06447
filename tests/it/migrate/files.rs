//! The files themselves: in any state they are unchanged, and an unreadable one does not affect the
//! others.

use std::io::Write as _;

use serde_json::json;

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, OTHER, by_label, database, envelope, id, put};

/// The results by label.
fn results(sandbox: &Sandbox, code: i32) -> Vec<(String, String)> {
    by_label(&sandbox.migrated(code))
        .into_iter()
        .map(|(label, result, _)| (label, result))
        .collect()
}

fn strings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(label, result)| ((*label).to_owned(), (*result).to_owned()))
        .collect()
}

#[test]
fn live_writers_neither_wait_nor_are_waited_for_and_no_file_changes() {
    let sandbox = Sandbox::with_repo();
    let locked = sandbox.queue("queue.db", Era::Last);
    put(&locked, &id(1), envelope(&id(1), Some(HARBOUR), "a"), 1);
    let wal = sandbox.queue("queues/queue-0a.db", Era::Last);
    wal.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .unwrap();
    put(
        &wal,
        &id(2),
        envelope(&id(2), Some(HARBOUR), "only in the wal"),
        2,
    );
    locked
        .execute_batch("PRAGMA cache_size = 1; BEGIN EXCLUSIVE")
        .unwrap();
    for n in 100..300 {
        put(
            &locked,
            &id(n),
            envelope(&id(n), Some(HARBOUR), &"not committed".repeat(50)),
            3,
        );
    }
    wal.execute_batch("BEGIN IMMEDIATE").unwrap();
    put(
        &wal,
        &id(300),
        envelope(&id(300), Some(HARBOUR), "not committed"),
        4,
    );
    let before = sandbox.kitty_bytes();
    assert!(
        before
            .iter()
            .any(|(file, bytes)| file.ends_with("queue.db-journal") && !bytes.is_empty()),
        "a hot journal"
    );
    let migrated = sandbox.migrated(0);
    assert_eq!(
        (&migrated["imported"], &migrated["source_errors"]),
        (&json!(2), &json!(0)),
        "{migrated}"
    );
    assert_eq!(sandbox.ids_of(HARBOUR), [1, 2].map(id));
    let is_kept =
        |(file, _): &&(std::path::PathBuf, Vec<u8>)| !file.to_string_lossy().ends_with("-shm");
    let kept = |all: &[(std::path::PathBuf, Vec<u8>)]| {
        all.iter().filter(is_kept).cloned().collect::<Vec<_>>()
    };
    assert_eq!(kept(&sandbox.kitty_bytes()), kept(&before));
    // Later commits are imported by the next run.
    locked.execute_batch("ROLLBACK").unwrap();
    wal.execute_batch("COMMIT").unwrap();
    assert_eq!(sandbox.migrated(0)["imported"], 1);
    assert_eq!(sandbox.ids_of(HARBOUR), [1, 2, 300].map(id));
}

#[test]
fn d38_what_cannot_be_read_is_named_and_the_rest_goes_on() {
    let sandbox = Sandbox::with_repo();
    let whole = sandbox.queue("queues/queue-04.db", Era::Last);
    for n in 0..200 {
        put(&whole, &id(n), envelope(&id(n), Some(HARBOUR), "a"), 1);
    }
    drop(whole);
    let bytes = std::fs::read(sandbox.kitty("queues/queue-04.db")).unwrap();
    std::fs::write(sandbox.kitty("queues/queue-01.db"), "a text file\n").unwrap();
    std::fs::write(
        sandbox.kitty("queues/queue-02.db"),
        &bytes[..bytes.len() / 2 + 100],
    )
    .unwrap();
    let mut noise = bytes.clone();
    noise[8192..12000].fill(0xa5);
    std::fs::write(sandbox.kitty("queues/queue-03.db"), noise).unwrap();
    std::fs::write(sandbox.kitty("queues/queue-05.db"), "").unwrap();
    let foreign = database(sandbox.kitty("queues/queue-06.db"));
    foreign
        .execute_batch("CREATE TABLE recipes (title TEXT)")
        .unwrap();
    let newer = database(sandbox.kitty("queues/queue-07.db"));
    newer
        .execute_batch("CREATE TABLE queue (uid TEXT, blob BLOB)")
        .unwrap();
    let later = sandbox.queue("queues/queue-08.db", Era::Last);
    put(
        &later,
        &id(900),
        envelope(&id(900), Some(HARBOUR), "later"),
        1,
    );
    later
        .execute_batch("ALTER TABLE queue ADD COLUMN lease TEXT; CREATE TABLE leases (x); PRAGMA user_version = 42;")
        .unwrap();
    std::fs::create_dir(sandbox.kitty("queues/queue-09.db")).unwrap();
    std::fs::write(sandbox.kitty("queues/queue-NOTHEX.db"), "not ours").unwrap();
    sandbox.adopting();
    let run = sandbox.sk_sync(["migrate", "--json"]).success().json();
    let migrated = &run["migrate"];
    assert_eq!(
        (&migrated["imported"], &migrated["source_errors"]),
        (&json!(201), &json!(6)),
        "{migrated}"
    );
    let told = |label: &str| {
        let stores = migrated["stores"].as_array().unwrap();
        stores
            .iter()
            .find(|store| store["label"] == label)
            .unwrap_or_else(|| panic!("{label}: {migrated}"))
    };
    for (label, words) in [
        ("01", "not a SQLite database"),
        ("02", "damaged"),
        ("03", "damaged"),
        ("06", "other tables"),
        ("07", "no column event_id"),
        ("09", "not a regular file"),
    ] {
        let error = told(label)["error"].as_str().unwrap();
        assert!(
            error.contains(words) && run["warnings"].to_string().contains(error),
            "{label}: {error}"
        );
    }
    assert_eq!(
        told("04")["provenance"],
        "unknown:04",
        "a digest cannot be turned back, and nothing is made up"
    );
    assert_eq!(told("05")["error"], json!(null));
    let notes = told("08")["notes"].to_string();
    for words in ["column queue.lease", "table leases", "schema version 42"] {
        assert!(notes.contains(words), "{notes}");
    }
    // Not a failure without `--strict`, a failure with it, even if nothing is read again.
    sandbox.at_rest();
    for _ in 0..2 {
        let _run = sandbox.sk_sync(["run", "--no-drain"]).success();
    }
    let _strict = sandbox.sk_sync(["run", "--no-drain", "--strict"]).code(5);
}

#[test]
fn an_unchanged_file_is_not_even_read() {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queues/queue-0a.db", Era::Last);
    put(&queue, &id(1), envelope(&id(1), Some(HARBOUR), "a"), 1);
    drop(queue);
    sandbox.at_rest();
    assert_eq!(sandbox.migrated(0)["imported"], 1);
    // Other content that the file state does not distinguish.
    let file = sandbox.kitty("queues/queue-0a.db");
    let size = std::fs::metadata(&file).unwrap().len();
    let mut opened = std::fs::File::options().write(true).open(&file).unwrap();
    opened
        .write_all(&vec![b'x'; usize::try_from(size).unwrap()])
        .unwrap();
    drop(opened);
    sandbox.at_rest();
    let migrated = sandbox.migrated(0);
    assert_eq!(
        (&migrated["sources"], &migrated["source_errors"]),
        (&json!(1), &json!(0)),
        "{migrated}"
    );
    assert_eq!(migrated["stores"][0]["result"], "unchanged");
    let told = sandbox
        .sk_sync(["run", "--no-drain", "--json"])
        .success()
        .json();
    assert_eq!(told["migrate"]["stores"], json!([]));
    // If a destination store is missing, the file is read again.
    std::fs::remove_dir_all(sandbox.place_of(HARBOUR)).unwrap();
    assert_eq!(results(&sandbox, 0), strings(&[("0a", "failed")]));
}

#[test]
fn a_source_whose_second_store_was_in_the_way_is_completed_later() {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    put(&queue, &id(1), envelope(&id(1), None, "a"), 1);
    put(&queue, &id(2), envelope(&id(2), Some(HARBOUR), "b"), 2);
    drop(queue);
    sandbox.at_rest();
    let obstacle = sandbox.place_ahead(HARBOUR).join("store.db");
    std::fs::create_dir_all(&obstacle).unwrap();
    assert_eq!(results(&sandbox, 1), strings(&[("legacy", "failed")]));
    assert_eq!(sandbox.ids_of("unassigned"), [id(1)]);
    std::fs::remove_dir(&obstacle).unwrap();
    let migrated = sandbox.migrated(0);
    let counts = ["imported", "deduplicated", "source_errors"].map(|name| migrated[name].clone());
    assert_eq!(
        counts,
        [1, 0, 0].map(|n| json!(n)),
        "what was done is not looked at again: {migrated}"
    );
    assert_eq!(sandbox.ids_of(HARBOUR), [id(2)]);
    assert_eq!(results(&sandbox, 0), strings(&[("legacy", "unchanged")]));
}

#[test]
fn a_dry_run_says_what_would_come_and_writes_nothing() {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    put(&queue, &id(1), envelope(&id(1), Some(HARBOUR), "a"), 1);
    put(&queue, &id(2), envelope(&id(2), Some(HARBOUR), "b"), 2);
    let scoped = sandbox.queue("queues/queue-0a.db", Era::Last);
    put(&scoped, &id(1), envelope(&id(1), Some(HARBOUR), "a"), 1);
    put(&scoped, &id(2), envelope(&id(2), Some(HARBOUR), "else"), 1);
    drop((queue, scoped));
    let before = sandbox.listing();
    let would = |sandbox: &Sandbox| {
        let report = sandbox.sk_sync(["migrate", "--dry-run", "--json"]).json();
        ["imported", "deduplicated", "conflicts"]
            .map(|name| report["migrate"][name].as_u64().unwrap())
    };
    assert_eq!(would(&sandbox), [2, 1, 1]);
    assert_eq!(sandbox.listing(), before);
    let _done = sandbox.migrated(5);
    assert_eq!(would(&sandbox), [0, 4, 0], "nothing once it is done");
}

#[test]
fn overflow_files_are_taken_over_line_by_line() {
    let sandbox = Sandbox::with_repo();
    let lines = [
        envelope(&id(1), Some(HARBOUR), "a"),
        String::new(),
        "{\"half\": ".to_owned(),
        envelope(&id(2), Some(OTHER), "b"),
        envelope(&id(3), Some(HARBOUR), "torn")[..40].to_owned(),
    ];
    sandbox.write(
        ".kittify/sync/overflow-2026-01-01T00:00:00.jsonl",
        lines.join("\r\n"),
    );
    std::fs::write(
        sandbox.kitty("drained.jsonl"),
        envelope(&id(4), Some(HARBOUR), "c") + "\n",
    )
    .unwrap();
    let migrated = sandbox.migrated(0);
    assert_eq!(
        (&migrated["imported"], &migrated["refused"]),
        (&json!(2), &json!(3)),
        "{migrated}"
    );
    assert_eq!(sandbox.ids_of(HARBOUR), [id(1), id(4)]);
    assert!(
        !sandbox.place_of(OTHER).exists(),
        "a file in a repository speaks of its own project"
    );
    let notes = migrated["stores"].to_string();
    assert!(
        notes.contains("line 3: the line is not JSON") && notes.contains("line 5: "),
        "{notes}"
    );
    // The rest of the line comes later.
    let rest = lines[..4].join("\r\n") + "\r\n" + &envelope(&id(3), Some(HARBOUR), "torn");
    sandbox.write(".kittify/sync/overflow-2026-01-01T00:00:00.jsonl", rest);
    assert_eq!(sandbox.migrated(0)["imported"], 1);
}

#[test]
fn d08_status_lists_every_older_store_with_its_rows() {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    put(&queue, &id(1), envelope(&id(1), Some(HARBOUR), "a"), 1);
    drop(queue);
    std::fs::write(sandbox.kitty("queues/queue-0b.db"), "no database").unwrap();
    sandbox.at_rest();
    let listed = || {
        let status = sandbox.status();
        let of = |store: &serde_json::Value| {
            json!([
                store["kind"],
                store["event_rows"],
                store["body_rows"],
                store["imported"],
                store["error"]
            ])
        };
        let stores: Vec<_> = status["legacy_stores"]
            .as_array()
            .unwrap()
            .iter()
            .map(of)
            .collect();
        (stores, status["legacy_queue"]["event_count"].clone())
    };
    let unknown = |kind: &str| json!([kind, null, null, false, null]);
    assert_eq!(
        listed(),
        (vec![unknown("queue"), unknown("scoped_queue")], json!(null))
    );
    let _migrated = sandbox.migrated(0);
    let error = "it is not a SQLite database";
    let known = vec![
        json!(["queue", 1, 0, true, null]),
        json!(["scoped_queue", null, null, false, error]),
    ];
    assert_eq!(listed(), (known, json!(1)));
}
