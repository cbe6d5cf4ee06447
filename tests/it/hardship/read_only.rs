//! Reading where nothing can be written, and stores that cannot be read.

use crate::support::Sandbox;
use crate::support::rights::{as_nobody, mode};

const READING: [&[&str]; 7] = [
    &["status", "--json"],
    &["verify", "--json"],
    &["events", "list", "--jsonl", "--envelope"],
    &["bodies", "list"],
    &["run", "--dry-run"],
    &["index", "--dry-run"],
    &["config", "show"],
];

/// Removes parts of a text that differ between runs: the time of an index, and git's message to a
/// user who does not own the repository.
fn steady(text: &str) -> String {
    let words = text
        .lines()
        .filter(|line| !line.contains("git refuses this repository"))
        .map(|line| line.split(" in 0.").next().unwrap_or_default());
    let lines: Vec<_> = words
        .map(|line| {
            line.split("\"seconds\":")
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    lines.join("\n")
}

/// On a read-only copy every reading command shows the same as on the original, even if a killed
/// writer left its side files.
#[test]
fn d42_reading_works_on_a_read_only_copy() {
    for has_side_files in [false, true] {
        let mut sandbox = Sandbox::with_repo();
        sandbox.change("SK_SYNC_PRESET", "stub");
        let _run = sandbox.sk_sync(["run"]).success();
        let store = sandbox.store();
        if has_side_files {
            // Remains of a killed writer: a copy made while the store is open for writing.
            let conn = crate::support::wire::open(&store);
            conn.execute_batch(
                "PRAGMA journal_mode = WAL; BEGIN; CREATE TABLE t (x); DROP TABLE t; COMMIT;",
            )
            .unwrap();
            for suffix in ["-wal", "-shm"] {
                let from = format!("{}{suffix}", store.display());
                std::fs::copy(&from, format!("{from}.copy")).unwrap();
            }
            drop(conn);
            for suffix in ["-wal", "-shm"] {
                let to = format!("{}{suffix}", store.display());
                std::fs::rename(format!("{to}.copy"), &to).unwrap();
            }
        }
        let expected: Vec<_> = READING
            .iter()
            .map(|words| steady(&sandbox.sk_sync(*words).success().stdout))
            .collect();
        let before = sandbox.listing();
        let dir = store.parent().unwrap().to_owned();
        for file in std::fs::read_dir(&dir).unwrap() {
            mode(file.unwrap().path(), 0o444);
        }
        for closed in [
            dir.clone(),
            dir.parent().unwrap().to_owned(),
            sandbox.state(),
        ] {
            mode(closed, 0o555);
        }
        for (words, expected) in READING.iter().zip(&expected) {
            let Some(run) = as_nobody(&sandbox, words) else {
                break;
            };
            assert_eq!(
                &steady(&run.success().stdout),
                expected,
                "{words:?} with side files: {has_side_files}"
            );
        }
        let after: Vec<_> = sandbox
            .listing()
            .into_iter()
            .filter(|(path, _)| *path != sandbox.path("sk-sync"))
            .collect();
        assert_eq!(after, before);
        for open in [sandbox.state(), dir.parent().unwrap().to_owned(), dir] {
            mode(open, 0o755);
        }
    }
}

/// A store that cannot be read is not taken for an empty one.
#[test]
fn d29_a_closed_store_is_not_an_empty_one() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    let store = sandbox.store();
    let dir = store.parent().unwrap();
    for path in [
        sandbox.state(),
        dir.parent().unwrap().to_owned(),
        dir.to_owned(),
    ] {
        mode(path, 0o755);
    }
    for (name, closed) in [("the file", store.as_path()), ("its directory", dir)] {
        mode(closed, 0o000);
        for words in [
            &["status"][..],
            &["status", "--check"],
            &["verify"],
            &["events", "list"],
            &["run"],
            &["drain"],
        ] {
            let Some(run) = as_nobody(&sandbox, words) else {
                break;
            };
            let run = run.code(1);
            assert!(
                run.stderr.contains("store.db") && run.stderr.matches("error:").count() == 1,
                "{name} {run:#?}"
            );
            assert!(!run.stdout.contains("0 events"), "{name} {run:#?}");
        }
        mode(closed, 0o700);
    }
}
