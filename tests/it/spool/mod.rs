//! The spool: what `capture` keeps while the store cannot be opened, and how it enters the journal.
#![cfg(unix)]

mod accepted;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::rights::mode_of;
use crate::support::wire::{journal, open};
use crate::support::{Run, Sandbox, pause};

const PROJECT: &str = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";

fn event(id: &str) -> String {
    json!({
        "event_id": id, "event_type": "WPStatusChanged", "aggregate_id": "WP01", "aggregate_type": "WorkPackage",
        "schema_version": "3.0.0", "build_id": "b", "node_id": "b805cd5cee74", "lamport_clock": 1, "causation_id": null,
        "correlation_id": id, "timestamp": "2026-02-12T10:00:00+00:00", "project_uuid": PROJECT,
        "payload": {"wp_id": "WP01", "mission_slug": "m", "from_lane": "planned", "to_lane": "claimed", "actor": "a",
                    "execution_mode": "worktree"}
    })
    .to_string()
}

fn id(n: u32) -> String {
    format!("01JMBY7K8N3QRVX2DPFG5{n:05}")
}

fn lines(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|n| event(&id(n)) + "\n").collect()
}

fn capture(sandbox: &Sandbox, args: &[&str], input: impl AsRef<[u8]> + Send) -> Run {
    sandbox.sk_sync_with(["capture", "--json"].iter().chain(args).copied(), input)
}

fn results(run: &Run) -> Vec<String> {
    run.json_lines()
        .iter()
        .map(|line| line["result"].as_str().unwrap().to_owned())
        .collect()
}

/// The files next to the store whose names begin with `spool`.
fn spool_files(store: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(store.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("spool")
        })
        .collect();
    found.sort();
    found
}

fn store(sandbox: &Sandbox) -> PathBuf {
    sandbox.place_ahead(PROJECT).join("store.db")
}

/// Ids of the journal in order, with the time of their capture.
fn rows(store: &Path) -> Vec<(String, i64)> {
    let conn = open(store);
    let mut statement = conn
        .prepare("SELECT event_id, captured_at FROM journal_events ORDER BY seq")
        .unwrap();
    let rows = statement
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// A store locked by another process: reported once, spooled, counted, and in the journal with the
/// next run.
#[test]
fn what_a_locked_store_cannot_take_is_spooled() {
    let mut sandbox = Sandbox::with_repo();
    let _first = capture(&sandbox, &[], lines(0..1)).success();
    let store = store(&sandbox);
    let other = open(&store);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let run = capture(&sandbox, &["--batch", "2"], lines(1..6)).success();
    assert_eq!(results(&run), ["spooled"; 5]);
    assert!(
        run.json_lines().iter().all(|line| line["seq"].is_null()),
        "{run:?}"
    );
    assert!(
        run.json_lines()
            .iter()
            .all(|line| line["reason"].as_str().unwrap().contains("stayed locked")),
        "{run:?}"
    );
    assert_eq!(run.stderr, "", "the answers say it");
    assert_eq!(mode_of(store.with_file_name("spool.lines")), 0o600);
    assert_the_spool_shows(&sandbox, 5);
    let before: i64 = other
        .query_row(
            "SELECT CAST(unixepoch('subsec') * 1e6 AS INTEGER)",
            [],
            |r| r.get(0),
        )
        .unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    sandbox.change("SK_SYNC_PRESET", "stub");
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    let taken =
        json!({"captured": 5, "unchanged": 0, "conflicts": 0, "discarded": 0, "unreadable": 0});
    assert_eq!(
        (&report["spool"], &report["balance"]["delivered"]),
        (&taken, &json!(6))
    );
    let kept = rows(&store);
    assert_eq!(
        kept.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(),
        (0..6).map(id).collect::<Vec<_>>()
    );
    assert!(
        kept.iter().all(|(_, at)| *at < before),
        "captured when it was captured"
    );
    assert_eq!(journal(&store)[&id(3)], event(&id(3)).into_bytes());
    assert_eq!(spool_files(&store), [store.with_file_name("spool.lock")]);
    assert!(sandbox.sk_sync(["drain", "--json"]).success().json()["spool"].is_null());
}

/// Read-only commands show what waits next to a store with one event.
fn assert_the_spool_shows(sandbox: &Sandbox, count: u64) {
    let status = sandbox.status();
    let shown = (
        &status["spool"]["lines"],
        &status["event_journal"]["retained_event_count"],
    );
    assert_eq!(shown, (&json!(count), &json!(1)));
    assert!(
        status["spool"]["bytes"].as_u64() > Some(2000)
            && status["next_steps"].to_string().contains("spooled")
    );
    let words = sandbox.sk_sync(["status", "--check"]).code(3).stdout;
    assert!(
        words.contains(&format!("Spool      {count} lines (")),
        "{words}"
    );
    assert_eq!(
        sandbox.sk_sync(["verify", "--json"]).success().json()["checked"]["spooled"],
        count
    );
}

/// Makes a store unusable in a way that has a name.
fn spoil(store: &Path, way: &str) {
    match way {
        "garbage" => fs::write(store, "garbage, and no database").unwrap(),
        "truncated" => fs::File::options()
            .write(true)
            .open(store)
            .unwrap()
            .set_len(5000)
            .unwrap(),
        "no file" => fs::remove_file(store)
            .and_then(|()| fs::create_dir(store))
            .unwrap(),
        pragma => raise(store, pragma, 1),
    }
}

/// Reverts [`spoil`], or makes room for a new store.
fn mend(store: &Path, way: &str) {
    match way {
        "garbage" | "truncated" => begin_again(store),
        "no file" => fs::remove_dir(store)
            .and_then(|()| fs::remove_file(store.with_file_name("store.made")))
            .unwrap(),
        pragma => raise(store, pragma, -1),
    }
}

fn raise(store: &Path, pragma: &str, by: i64) {
    let conn = open(store);
    let value: i64 = conn
        .query_row(&format!("PRAGMA {pragma}"), [], |r| r.get(0))
        .unwrap();
    conn.pragma_update(None, pragma, value + by).unwrap();
}

/// Whatever the problem of the store, the lines are kept, and are absorbed before anything newer.
#[test]
fn d03_what_is_wrong_with_the_store_makes_no_difference() {
    for (name, words) in [
        ("garbage", "is damaged"),
        ("truncated", "is damaged"),
        ("no file", "not a regular file"),
        ("user_version", "schema version"),
        ("application_id", "is not a sk-sync store"),
    ] {
        let sandbox = Sandbox::with_repo();
        let _first = capture(&sandbox, &[], lines(0..1)).success();
        let store = store(&sandbox);
        spoil(&store, name);
        let run = capture(&sandbox, &["--each"], lines(1..4)).success();
        assert_eq!(results(&run), ["spooled"; 3], "{name}");
        assert!(
            run.json_lines()
                .iter()
                .all(|line| line["reason"].as_str().unwrap().contains(words)),
            "{run:?}"
        );
        assert_eq!(run.stderr, "", "the answers say it");
        let again = sandbox
            .sk_sync_with(["capture", "--each"], lines(2..3))
            .success();
        assert!(
            again.stderr.contains(words) && again.stderr.matches("warning:").count() == 1,
            "{name}: {}",
            again.stderr
        );
        assert!(
            again.stderr.contains("Spooled") && again.stderr.contains("1 spooled"),
            "{}",
            again.stderr
        );
        let status = sandbox.sk_sync(["status"]);
        assert!(
            status.code == Some(1) || status.code == Some(6),
            "{name}: {status:?}"
        );
        assert!(
            status.stderr.contains("4 spooled lines"),
            "{name}: {}",
            status.stderr
        );
        mend(&store, name);
        let run = sandbox.sk_sync_with(["capture"], lines(4..5)).success();
        assert!(
            run.stderr.contains("Imported 4 lines"),
            "{name}: {}",
            run.stderr
        );
        let ids: Vec<_> = rows(&store)
            .into_iter()
            .map(|(id, _)| id)
            .filter(|known| *known != id(0))
            .collect();
        assert_eq!(ids, (1..5).map(id).collect::<Vec<_>>(), "{name}");
    }
}

/// Two writers that found the store damaged continue while it is repaired and drains absorb: each
/// line is in the journal once, and each writer's lines are in order.
#[test]
fn writers_race_with_absorbers() {
    const LINES: u32 = 300;
    let sandbox = Sandbox::with_repo();
    let store = store(&sandbox);
    fs::create_dir_all(store.parent().unwrap()).unwrap();
    fs::write(&store, "garbage").unwrap();
    let answers: Vec<Vec<Value>> = std::thread::scope(|scope| {
        let sandbox = &sandbox;
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                scope.spawn(move || {
                    let mut command = sandbox.command(["capture", "--json", "--each"]);
                    let mut child = command
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped())
                        .stderr(Stdio::null())
                        .spawn()
                        .unwrap();
                    let mut input = child.stdin.take().unwrap();
                    let feed = std::thread::spawn(move || {
                        for n in 0..LINES {
                            writeln!(input, "{}", event(&id(writer * 1000 + n))).unwrap();
                            pause(Duration::from_millis(5));
                        }
                    });
                    let output = BufReader::new(child.stdout.take().unwrap()).lines();
                    let answers = output
                        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
                        .collect();
                    feed.join().unwrap();
                    assert_eq!(child.wait().unwrap().code(), Some(0));
                    answers
                })
            })
            .collect();
        // Both have found out before there is a store again.
        while fs::read_to_string(store.with_file_name("spool.lines"))
            .map_or(0, |text| text.matches("spool-1 ").count())
            < 20
        {
            pause(Duration::from_millis(5));
        }
        begin_again(&store);
        while writers.iter().any(|writer| !writer.is_finished()) {
            let run = sandbox.sk_sync(["drain", "--json"]);
            assert!(
                matches!(run.code, Some(0 | 3)),
                "3: captured after it had looked; {run:?}"
            );
        }
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });
    let _last = sandbox.sk_sync(["drain"]).success();
    assert_eq!(spool_files(&store), [store.with_file_name("spool.lock")]);
    let kept = rows(&store);
    for (writer, answers) in answers.iter().enumerate() {
        let of_writer = |id: &String| id[21..].parse::<usize>().unwrap() / 1000 == writer;
        let acknowledged: Vec<_> = answers
            .iter()
            .map(|a| a["event_id"].as_str().unwrap().to_owned())
            .collect();
        let ids: Vec<_> = kept
            .iter()
            .map(|(id, _)| id.clone())
            .filter(of_writer)
            .collect();
        assert_eq!(ids, acknowledged, "writer {writer}");
        assert!(answers.iter().any(|a| a["result"] == "spooled"));
    }
    assert_eq!(kept.len(), 2 * LINES as usize);
}

/// SIGKILL at random moments of absorbing, until nothing is left: each line is in the journal once.
#[test]
fn a_killed_absorber_loses_nothing_and_doubles_nothing() {
    let sandbox = Sandbox::with_repo();
    let store = store(&sandbox);
    fs::create_dir_all(store.parent().unwrap()).unwrap();
    for round in 0..2 {
        fs::write(&store, "garbage").unwrap();
        let _run = capture(&sandbox, &[], lines(round * 4000..(round + 1) * 4000)).success();
        begin_again(&store);
        if round > 0 {
            fs::rename(store.with_extension("kept"), &store).unwrap();
        }
        for wait in [15, 40, 80, 120, 30, 200, 60, 160] {
            let mut command = sandbox.command(["index"]);
            let mut child = command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            pause(Duration::from_millis(wait));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let _whole = sandbox.sk_sync(["drain"]).success();
        assert_eq!(spool_files(&store), [store.with_file_name("spool.lock")]);
        let ids: Vec<_> = rows(&store)
            .into_iter()
            .map(|(id, _)| id)
            .filter(|id| id.starts_with("01JMBY7K8N3QRVX2DPFG5"))
            .collect();
        assert_eq!(
            ids,
            (0..(round + 1) * 4000).map(id).collect::<Vec<_>>(),
            "round {round}"
        );
        sandbox.verified();
        // With its content, for the next steps.
        open(&store)
            .pragma_update(None, "wal_checkpoint", "TRUNCATE")
            .unwrap();
        fs::rename(&store, store.with_extension("kept")).unwrap();
        for side in ["-wal", "-shm"] {
            let _absent = fs::remove_file(format!("{}{side}", store.display()));
        }
    }
    fs::rename(store.with_extension("kept"), &store).unwrap();
}

/// Removes a store, and the mark that it existed.
fn begin_again(store: &Path) {
    fs::remove_file(store).unwrap();
    let _mark = fs::remove_file(store.with_file_name("store.made"));
}
