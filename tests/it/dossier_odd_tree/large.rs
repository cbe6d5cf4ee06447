//! Very large files, and very many.

use std::process::Command;

use serde_json::json;

use super::{Odd, table};
use crate::support::rights::ended;
use crate::support::{Run, Sandbox};

/// Ten gigabytes that take no space on disk: rejected without being read, whatever their name
/// requires.
#[test]
fn an_enormous_file_is_not_read() {
    let odd = Odd::new();
    for name in ["spec.md", "huge.md"] {
        std::fs::File::create(odd.path(name))
            .unwrap()
            .set_len(10_000_000_000)
            .unwrap();
    }
    // Large files next to it that are read in chunks.
    std::fs::File::create(odd.path("large.bin"))
        .unwrap()
        .set_len(100_000_000)
        .unwrap();
    let report = within_mib(&odd.sandbox, 64, &["index", "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(report["index"]["bytes"].as_u64().unwrap() / 1000, 100_000);
    std::fs::remove_file(odd.path("large.bin")).unwrap();
    let report = odd.dry_run();
    let wanted = [
        ("huge.md", "not_present: oversized"),
        ("meta.json", "unsupported_surface"),
        ("spec.md", "not_present: oversized"),
    ];
    assert_eq!(Odd::artifacts(&report), table(&wanted));
    assert_eq!(report["index"]["not_present"], 2);
    assert!(
        report["index"]["bytes"].as_u64().unwrap() < 1000,
        "{report}"
    );
    odd.assert_it_runs();
    let events = odd
        .sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines();
    let missing = events
        .iter()
        .find(|e| e["event_type"] == "MissionDossierArtifactMissing")
        .unwrap();
    assert_eq!(
        missing["envelope"]["payload"]["context_diagnostics"]["reason_code"],
        "oversized"
    );
    assert_eq!(odd.sandbox.sk_sync(["run", "--strict"]).code, Some(5));
}

/// Very many files in one mission: all of them are there, in order, in memory that does not grow
/// with their bytes.
#[test]
fn very_many_files() {
    let odd = Odd::new();
    let count = if is_long() { 100_000 } else { 5_000 };
    for n in 0..count / 500 {
        std::fs::create_dir_all(odd.path(&format!("research/{n:03}"))).unwrap();
        for m in 0..500 {
            std::fs::write(
                odd.path(&format!("research/{n:03}/{m:03}.md")),
                format!("{n} {m}"),
            )
            .unwrap();
        }
    }
    let report = odd.sandbox.sk_sync(["index", "--json"]).success().json();
    assert_eq!(report["index"]["artifacts"], count + 4);
    assert_eq!(report["capture"]["captured"], count + 4 + 2);
    let bounded = within_mib(&odd.sandbox, 256, &["index", "--json", "--no-cache"])
        .success()
        .json();
    assert_eq!(bounded["index"]["hashed"], count + 4);
    let again = odd.sandbox.sk_sync(["index", "--json"]).success().json();
    assert_eq!(
        (
            &again["capture"]["captured"],
            &again["capture"]["unchanged"]
        ),
        (&json!(0), &json!(count + 4 + 2))
    );
}

/// Runs the program with at most this much memory.
fn within_mib(sandbox: &Sandbox, mib: u64, words: &[&str]) -> Run {
    let known = sandbox.command([""; 0]);
    let mut command = Command::new("sh");
    let script = format!("ulimit -d {} && exec \"$0\" \"$@\"", mib * 1024);
    command
        .args(["-c", &script])
        .arg(assert_cmd::cargo::cargo_bin!("sk-sync"))
        .args(words);
    command.env_clear().envs(
        known
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    ended(command.current_dir(sandbox.repo()).output().unwrap())
}

/// The long form of a test was asked for.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may be asked for more than usual"
)]
fn is_long() -> bool {
    std::env::var_os("SK_SYNC_LONG_TESTS").is_some_and(|value| value == "1")
}
