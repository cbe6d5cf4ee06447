//! Difficult environments: pipes instead of files, missing permissions, a full disk, damaged bytes,
//! hostile names.
#![cfg(unix)]

use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use serde_json::Value;

use crate::support::rights::{as_nobody, ended, mode, with_mounts};
use crate::support::wire::assert_mirrored;
use crate::support::{Run, Sandbox};

/// Replaces `file` with a pipe that has no writer.
fn pipe(sandbox: &Sandbox, file: &str) {
    let path = sandbox.repo().join(file);
    let _gone = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
}

/// A pipe under any name that is read never blocks a command (the sandbox kills a blocked one).
#[test]
fn a_pipe_never_makes_a_command_wait() {
    for (file, code, words) in [
        ("event-sync.toml", 2, "event-sync.toml: not a regular file"),
        (".kittify/config.yaml", 2, "config.yaml: not a regular file"),
        ("kitty-specs", 2, "kitty-specs"),
        ("kitty-specs/002-tide-gauge-survey", 0, "2 missions"),
        (
            "kitty-specs/002-tide-gauge-survey/meta.json",
            0,
            "meta_unreadable",
        ),
        (
            "kitty-specs/002-tide-gauge-survey/research/pipe.md",
            0,
            "special_file",
        ),
    ] {
        let sandbox = Sandbox::with_repo();
        pipe(&sandbox, file);
        let run = sandbox.sk_sync(["run"]).code(code);
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(told.contains(words), "{file}: {told}");
        if code == 0 {
            sandbox.verified();
        }
    }
}

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

/// A disk that fills up during a capture: every acknowledged line is stored, and with space again
/// everything continues.
#[test]
fn d01_a_disk_that_fills_up_loses_nothing_acknowledged() {
    let mut sandbox = Sandbox::with_repo();
    let small = sandbox.path("small");
    std::fs::create_dir(&small).unwrap();
    sandbox.set("SK_SYNC_HOME", small.to_str().unwrap());
    let event = |n: u32| {
        format!(
            "{{\"event_id\":\"e{n}\",\"event_type\":\"T\",\"payload\":\"{}\"}}\n",
            "x".repeat(2000)
        )
    };
    std::fs::write(
        sandbox.path("input"),
        (0..2000).map(event).collect::<String>(),
    )
    .unwrap();
    let script = "mount -t tmpfs -o mode=700,size=6m tmpfs $SK_SYNC_HOME || exit
        $SK capture --json --each < ../input > ../answers; echo full $?
        $SK run > ../said 2>&1; echo run $?
        mount -o remount,size=64m tmpfs $SK_SYNC_HOME
        $SK verify --json > ../proof; echo verify $?
        $SK events list --jsonl > ../kept; echo list $?
        $SK run --no-drain --json > ../report; echo later $?
        $SK capture --json --each < ../input > ../again; echo again $?
        mkdir ../narrow; mount -t tmpfs -o mode=700,size=8k tmpfs ../narrow
        $SK archive --output ../narrow/all.gz 2> ../refused; echo archive $?; ls ../narrow";
    let Some(run) = with_mounts(&sandbox, script) else {
        return;
    };
    assert_eq!(
        run.stdout, "full 1\nrun 1\nverify 0\nlist 0\nlater 0\nagain 0\narchive 1\n",
        "{}",
        run.stderr
    );
    let refused = std::fs::read_to_string(sandbox.path("refused")).unwrap();
    assert!(
        refused.contains("all.gz") && refused.contains("free some space"),
        "{refused}"
    );
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    let lines = |file: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(sandbox.path(file)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let answers = lines("answers");
    let (last, acknowledged) = answers.split_last().unwrap();
    assert_eq!(last["error"]["kind"], "disk_full", "{last}");
    assert!(
        last["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("free some space"),
        "{last}"
    );
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    let ids: Vec<_> = lines("kept")
        .into_iter()
        .map(|e| e["event_id"].clone())
        .collect();
    let missing: Vec<_> = acknowledged
        .iter()
        .filter(|answer| !ids.contains(&answer["event_id"]))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(
        lines("again")
            .iter()
            .filter(|a| a["result"] == "captured")
            .count(),
        2000 - ids.len()
    );
    let said = std::fs::read_to_string(sandbox.path("said")).unwrap();
    assert!(
        said.contains("space") && !said.contains("panicked"),
        "{said}"
    );
}

/// A disk of 2 MiB, filled line by line and in batches: every acknowledged line is stored and
/// proved, other lines are reported with a fix, and none of them was spooled.
#[test]
fn a_small_disk_keeps_what_it_answered_for() {
    let mut sandbox = Sandbox::with_repo();
    let small = sandbox.path("small");
    std::fs::create_dir(&small).unwrap();
    sandbox.set("SK_SYNC_HOME", small.to_str().unwrap());
    let event = |n: u32| {
        format!(
            "{{\"event_id\":\"e{n}\",\"event_type\":\"T\",\"payload\":\"{}\"}}\n",
            "x".repeat(600)
        )
    };
    std::fs::write(
        sandbox.path("input"),
        (0..6000).map(event).collect::<String>(),
    )
    .unwrap();
    for args in ["--each", "--batch 40"] {
        let script = format!(
            "mount -t tmpfs -o mode=700,size=2m tmpfs $SK_SYNC_HOME || exit
            $SK capture --json {args} < ../input > ../answers 2> ../said; echo full $?
            ls $SK_SYNC_HOME/projects/*/*
            mount -o remount,size=64m tmpfs $SK_SYNC_HOME
            $SK verify --json > ../proof; echo verify $?
            $SK events list --jsonl > ../kept; echo list $?"
        );
        let Some(run) = with_mounts(&sandbox, &script) else {
            return;
        };
        assert!(
            run.stdout.starts_with("full 1\n") && run.stdout.ends_with("verify 0\nlist 0\n"),
            "{args}: {run:#?}"
        );
        assert!(!run.stdout.contains("spool"), "{args}: {}", run.stdout);
        let lines = |file: &str| -> Vec<Value> {
            let text = std::fs::read_to_string(sandbox.path(file)).unwrap();
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        };
        let answers = lines("answers");
        let (last, acknowledged) = answers.split_last().unwrap();
        assert_eq!(last["error"]["kind"], "disk_full", "{args}: {last}");
        assert!(
            last["error"]["hint"]
                .as_str()
                .unwrap()
                .contains("free some space"),
            "{args}: {last}"
        );
        let ids = |lines: &[Value]| {
            lines
                .iter()
                .map(|line| line["event_id"].clone())
                .collect::<Vec<_>>()
        };
        assert!(
            acknowledged.len() > 30 && acknowledged.iter().all(|a| a["result"] == "captured"),
            "{args}"
        );
        assert_eq!(
            ids(&lines("kept"))[..acknowledged.len()],
            ids(acknowledged),
            "{args}"
        );
    }
}

/// Random changes of the store's bytes: never a panic, never a hang, and `verify` never reports
/// success if a payload differs from what was captured.
#[test]
fn a_damaged_store_never_panics() {
    let sandbox = Sandbox::with_repo();
    sandbox.spoilt();
    let _run = sandbox.sk_sync(["run", "--no-drain"]).success();
    let whole = std::fs::read(sandbox.store()).unwrap();
    let list = ["events", "list", "--jsonl", "--envelope"];
    let proved = |run: &Run| {
        let events = run.json_lines().into_iter();
        events
            .map(|e| {
                (
                    e["seq"].clone(),
                    e["event_id"].clone(),
                    e["envelope"].clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    let captured = proved(&sandbox.sk_sync(list).success());
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for round in 0..12 {
        let mut bytes = whole.clone();
        for _ in 0..=(round * 4) {
            let at = random(bytes.len());
            bytes[at] ^= 1 << random(8);
        }
        if round % 4 == 3 {
            bytes.truncate(random(bytes.len()));
        }
        std::fs::write(sandbox.store(), &bytes).unwrap();
        if sandbox.sk_sync(["verify"]).code == Some(0) {
            assert_eq!(
                proved(&sandbox.sk_sync(list).success()),
                captured,
                "round {round}: verify did not see it"
            );
        }
        for words in [&["verify"][..], &["status"], &list, &["run"]] {
            let run = sandbox.sk_sync(words);
            assert!(!run.stderr.contains("panicked"), "round {round}: {run:#?}");
            assert!(
                run.code.is_some_and(|code| [0, 3, 5, 6].contains(&code)),
                "round {round} {words:?}: {run:#?}"
            );
        }
        for side in ["-wal", "-shm"] {
            let _gone = std::fs::remove_file(format!("{}{side}", sandbox.store().display()));
        }
    }
}

/// A repository below a path with blanks, quotes and bytes that are not UTF-8.
#[test]
fn any_path_leads_to_a_repository() {
    for name in [
        &b"a b"[..],
        b"it's \"quoted\" $HOME",
        b"caf\xc3\xa9",
        b"bad-\xff-bytes",
        b"-dash",
        b"line\nbreak",
    ] {
        let sandbox = Sandbox::with_repo();
        let odd = sandbox.path("odd").join(std::ffi::OsStr::from_bytes(name));
        std::fs::create_dir(sandbox.path("odd")).unwrap();
        std::fs::rename(sandbox.repo(), &odd).unwrap();
        let mut command = sandbox.command(["run", "--json"]);
        let run = ended(command.current_dir(&odd).output().unwrap()).success();
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(
            report["balance"]["delivered"], report["capture"]["captured"],
            "{name:?}"
        );
        std::fs::create_dir(sandbox.repo()).unwrap();
        let mut command = sandbox.command(["run", "--json", "--repo"]);
        let again = ended(command.arg(&odd).output().unwrap()).success();
        let report: Value = serde_json::from_str(&again.stdout).unwrap();
        assert_eq!(
            report["capture"]["captured"], 0,
            "{name:?}: the same project, by --repo"
        );
    }
}

/// Names of files and words of servers reach neither the terminal nor the next line as they are.
#[test]
fn hostile_names_are_shown_escaped() {
    use crate::support::server::{Reply, Server};
    let words = serde_json::json!({"error": "\u{1b}[2Jerased\n::error::forged"});
    let server = Server::answering(move |_| Reply::json(403, &words));
    let mut sandbox = Sandbox::with_repo();
    sandbox.target(&server.url());
    let mission = "kitty-specs/storm-surge-alerts-01KQX7M2";
    sandbox.write(
        &format!("{mission}/research/\u{1b}[31mred\n::error::x.md"),
        "x",
    );
    sandbox.write(&format!("{mission}/research/\u{1b}[31mempty.md"), "");
    sandbox.write("kitty-specs/\u{1b}[31mmission\n::error::x/spec.md", "x");
    for words in [
        &["run"][..],
        &["run", "--json"],
        &["status"],
        &["events", "list"],
        &["drain", "-vvv"],
    ] {
        let run = sandbox.sk_sync(words);
        for text in [&run.stdout, &run.stderr] {
            assert!(
                !text.contains('\u{1b}') && !text.contains("\n::error"),
                "{words:?}: {text}"
            );
        }
    }
    assert!(
        sandbox.sk_sync(["run"]).code(4).stdout.contains("erased"),
        "the server's words are shown"
    );
}

/// Nothing but the fixture's project lies around after all of this, and its bodies are where they
/// belong.
#[test]
fn odd_files_beside_good_ones_cost_the_good_ones_nothing() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    let mission = "kitty-specs/storm-surge-alerts-01KQX7M2";
    sandbox.write(&format!("{mission}/research/utf16.md"), b"\xff\xfea\0");
    sandbox.write(&format!("{mission}/research/nul.md"), b"a\0b");
    sandbox.write(
        &format!("{mission}/research/bom.md"),
        b"\xef\xbb\xbftext\r\n",
    );
    sandbox.write(&format!("{mission}/research/large.md"), "x".repeat(524_289));
    sandbox.write(
        &format!("{mission}/research/deep/{}/x.md", "d/".repeat(60)),
        "deep",
    );
    std::fs::write(
        sandbox
            .repo()
            .join(mission)
            .join("research")
            .join(std::ffi::OsStr::from_bytes(b"\xfe.md")),
        "x",
    )
    .unwrap();
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    for reason in [
        "not_present: invalid_utf8",
        "oversized: 524289 bytes > 524288 limit",
    ] {
        assert!(
            report["bodies"]["outcomes"].to_string().contains(reason),
            "{reason}"
        );
    }
    drop(served);
    assert_mirrored(&sandbox, &file);
    sandbox.verified();
}
