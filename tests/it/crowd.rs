//! Many at once: runs, captures and readers on one store, and a work tree that changes under a run.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::wire::{assert_mirrored, journal, received};
use crate::support::{Sandbox, pause};

/// No internal message is shown to the user.
fn assert_no_lock_shows(told: &str) {
    for word in [
        "database is locked",
        "store_locked",
        "stayed locked",
        "panicked",
        "SQLITE",
    ] {
        assert!(!told.contains(word), "{told}");
    }
}

/// Two runs at once, five times, each time with something new: each event is stored once.
#[test]
fn d57_two_runs_at_once_with_something_new_each_time() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    let spec = "kitty-specs/001-harbour-tide-table/spec.md";
    for round in 0..5 {
        sandbox.write(spec, sandbox.read(spec) + &format!("round {round}\n"));
        let start = || {
            sandbox
                .command(["run", "--json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let mut captured = 0;
        for child in [start(), start()] {
            let output = child.wait_with_output().unwrap();
            assert_no_lock_shows(
                &(String::from_utf8_lossy(&output.stdout)
                    + String::from_utf8_lossy(&output.stderr)),
            );
            assert!(matches!(output.status.code(), Some(0 | 75)), "{output:?}");
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            captured += report["capture"]["captured"].as_u64().unwrap();
        }
        assert_eq!(
            captured,
            if round == 0 { 23 } else { 2 },
            "round {round}: a fact is captured once"
        );
    }
    let _last = sandbox.sk_sync(["run"]).success();
    let seen = served.report();
    assert_eq!(
        (
            &seen["duplicates"],
            &seen["conflicts"],
            &seen["repeated_requests"]
        ),
        (&json!(0), &json!(0), &json!(0))
    );
    drop(served);
    assert_mirrored(&sandbox, &file);
}

/// Captures from four producers while runs drain and readers look: every line is stored once and
/// delivered once.
#[test]
fn producers_drains_and_readers_do_not_disturb_each_other() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    let line = |producer: u32, n: u32| {
        let id = format!("01JMBY7K8N3QRVX2DPF{producer:01}{n:06}");
        let envelope = json!({
            "event_id": id, "event_type": "WPStatusChanged", "aggregate_id": format!("WP{producer}"),
            "aggregate_type": "WorkPackage", "schema_version": "3.0.0", "build_id": "b", "node_id": "b805cd5cee74",
            "lamport_clock": n, "causation_id": null, "correlation_id": id, "timestamp": "2026-02-12T10:00:00+00:00",
            "team_slug": "harbour", "project_uuid": "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60",
            "payload": {"wp_id": "WP01", "mission_slug": "m", "from_lane": "planned", "to_lane": "claimed",
                        "actor": "a", "execution_mode": "worktree"}
        });
        format!("{envelope}\n")
    };
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (sandbox, is_over) = (&sandbox, &is_over);
        let readers = scope.spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                for words in [
                    &["status", "--json"][..],
                    &["verify", "--json"],
                    &["events", "list", "--jsonl"],
                ] {
                    let run = sandbox.sk_sync(words);
                    // Before the first capture there is no store, which is not an error either.
                    assert_no_lock_shows(&(run.success().stdout));
                }
            }
        });
        let drains = scope.spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                let run = sandbox.sk_sync(["drain", "--json"]);
                // Events captured after the last selection are left to the next drain, and
                // reported.
                let is_later = run.code == Some(3) && run.json()["drain"]["halted"].is_null();
                assert_no_lock_shows(&(if is_later { run } else { run.success() }).stdout);
            }
        });
        let producers: Vec<_> = (0..4)
            .map(|producer| {
                scope.spawn(move || {
                    for part in 0..4 {
                        let lines = (0..40)
                            .map(|n| line(producer, part * 40 + n))
                            .collect::<String>();
                        let run = sandbox
                            .sk_sync_with(["capture", "--json", "--batch", "7"], lines)
                            .success();
                        assert_eq!(
                            run.json_lines()
                                .iter()
                                .filter(|l| l["result"] == "captured")
                                .count(),
                            40
                        );
                    }
                })
            })
            .collect();
        let ended: Vec<_> = producers
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        is_over.store(true, Ordering::SeqCst);
        assert!(
            ended
                .into_iter()
                .chain([readers.join(), drains.join()])
                .all(|end| end.is_ok())
        );
    });
    let _last = sandbox.sk_sync(["drain"]).success();
    drop(served);
    let (held, owed) = (received(&file).events, journal(&sandbox.store()));
    assert_eq!(owed.len(), 640);
    assert_eq!(held, owed);
}

/// Files are written, replaced and deleted during runs: nothing fails, and a last run brings the
/// receiver up to date.
#[test]
fn a_work_tree_that_changes_under_a_run() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (sandbox, is_over) = (&sandbox, &is_over);
        let editor = scope.spawn(move || {
            let mut n = 0;
            while !is_over.load(Ordering::SeqCst) {
                n += 1;
                let mission = ["001-harbour-tide-table", "002-tide-gauge-survey"][n % 2];
                sandbox.write(
                    &format!("kitty-specs/{mission}/plan.md"),
                    "plan ".repeat(n % 97 + 1),
                );
                sandbox.write(
                    &format!("kitty-specs/{mission}/research/note-{}.md", n % 5),
                    format!("note {n}"),
                );
                let gone = sandbox.repo().join(format!(
                    "kitty-specs/{mission}/research/note-{}.md",
                    (n + 2) % 5
                ));
                let _missing = std::fs::remove_file(gone);
                let moving = sandbox
                    .repo()
                    .join("kitty-specs/storm-surge-alerts-01KQX7M2/tasks");
                let away = moving.with_file_name("away");
                if std::fs::rename(&moving, &away).is_ok() {
                    std::fs::rename(&away, &moving).unwrap();
                }
                pause(Duration::from_millis(1));
            }
        });
        for _ in 0..8 {
            // A body that changed between index and reading waits for the next run.
            let run = sandbox.sk_sync(["run", "--json"]);
            assert!(matches!(run.code, Some(0 | 3)), "{run:#?}");
            assert_eq!(run.json()["balance"]["holds"], true);
        }
        is_over.store(true, Ordering::SeqCst);
        editor.join().unwrap();
    });
    let _last = sandbox.sk_sync(["run"]).success();
    drop(served);
    assert_mirrored(&sandbox, &file);
}
