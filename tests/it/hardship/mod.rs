//! Difficult environments: pipes instead of files, missing permissions, a full disk, damaged bytes,
//! hostile names.
#![cfg(unix)]

mod names;
mod read_only;

use std::process::Command;

use serde_json::Value;

use crate::support::rights::with_mounts;
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
