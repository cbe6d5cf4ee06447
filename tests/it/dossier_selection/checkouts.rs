//! Other checkouts: linked work trees, submodules, nested repositories and clones.

use std::path::Path;

use serde_json::{Value, json};

use super::{SURGE, captured, covered};
use crate::support::{Run, Sandbox};

fn run_in(sandbox: &Sandbox, dir: &Path, words: &[&str]) -> Run {
    let repo = dir.to_str().unwrap();
    sandbox.sk_sync(["--repo", repo].iter().chain(words))
}

/// In a linked work tree its own files are indexed, and the main one describes the missions.
#[test]
fn a_linked_work_tree() {
    let sandbox = Sandbox::with_repo();
    let other = sandbox.repo().join(".worktrees/side");
    sandbox.git(&[
        "worktree",
        "add",
        "--quiet",
        "-b",
        "side",
        other.to_str().unwrap(),
    ]);
    let meta =
        |branch: &str| format!(r#"{{"mission_type": "research", "target_branch": "{branch}"}}"#);
    sandbox.write(&format!("kitty-specs/{SURGE}/meta.json"), meta("from-main"));
    sandbox.write(
        &format!(".worktrees/side/kitty-specs/{SURGE}/meta.json"),
        meta("from-side"),
    );
    sandbox.write(
        &format!(".worktrees/side/kitty-specs/{SURGE}/spec.md"),
        "of the side",
    );
    sandbox.write(
        ".worktrees/side/kitty-specs/only-side/meta.json",
        meta("own"),
    );
    let namespaces = |sandbox: &Sandbox| -> Vec<Value> {
        let events = sandbox
            .sk_sync(["events", "list", "--jsonl", "--envelope"])
            .success()
            .json_lines();
        let snapshots = events
            .iter()
            .filter(|e| e["event_type"] == "MissionDossierSnapshotComputed");
        snapshots
            .map(|e| {
                json!([
                    e["envelope"]["payload"]["namespace"]["mission_slug"],
                    e["envelope"]["payload"]["namespace"]["target_branch"]
                ])
            })
            .collect()
    };
    let report = run_in(&sandbox, &other, &["index", "--json"])
        .success()
        .json();
    assert_eq!(report["index"]["missions"], 4);
    assert_eq!(
        report["project"]["repo"],
        json!(other.canonicalize().unwrap())
    );
    let told = namespaces(&sandbox);
    assert!(
        told.contains(&json!([SURGE, "from-main"])) && told.contains(&json!(["only-side", "own"])),
        "{told:?}"
    );
    assert!(!told.contains(&json!([SURGE, "from-side"])), "{told:?}");
    // The main work tree has three missions; nothing below .worktrees/ is one of them.
    let report = sandbox.sk_sync(["index", "--json"]).success().json();
    assert_eq!(report["index"]["missions"], 3);
    assert_eq!(
        report["project"]["project_uuid"],
        "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60"
    );
    // A change of the description in the main work tree is noticed at once, with or without the
    // cache.
    crate::support::pause(std::time::Duration::from_millis(2100));
    for _ in 0..2 {
        let _remembered = run_in(&sandbox, &other, &["index"]).success();
    }
    sandbox.write(&format!("kitty-specs/{SURGE}/meta.json"), meta("from-moon"));
    let _news = run_in(&sandbox, &other, &["index"]).success();
    assert!(namespaces(&sandbox).contains(&json!([SURGE, "from-moon"])));
    std::fs::remove_file(
        sandbox
            .repo()
            .join(format!("kitty-specs/{SURGE}/meta.json")),
    )
    .unwrap();
    let _news = run_in(&sandbox, &other, &["index"]).success();
    assert!(
        namespaces(&sandbox).contains(&json!([SURGE, "from-side"])),
        "a mission that main does not have yet"
    );
    // Each checkout has its own memory.
    let checkouts = std::fs::read_dir(sandbox.store().with_file_name("checkouts"))
        .unwrap()
        .count();
    assert_eq!(checkouts, 2);
}

/// `.worktrees/` is not indexed either where the artifact root is the top of the tree.
#[test]
fn copies_below_worktrees_are_never_missions() {
    let sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", "preset = 'stub'\nartifacts.root = '.'\n");
    sandbox.agree();
    sandbox.write(".worktrees/lane/kitty-specs/copy/spec.md", "copy");
    sandbox.write(".worktrees/spec.md", "copy");
    assert_eq!(covered(&sandbox, &[]), ["kitty-specs"]);
    let report = sandbox
        .sk_sync(["index", "--dry-run", "--json"])
        .success()
        .json();
    assert!(
        !report["artifacts"].to_string().contains("copy"),
        "{report}"
    );
    sandbox.write(
        "event-sync.toml",
        "preset = 'stub'\nartifacts.root = '.worktrees/lane/kitty-specs'\n",
    );
    sandbox.agree();
    let _refused = sandbox.sk_sync(["index", "--json"]).code(2);
}

/// Submodules and nested repositories are skipped everywhere; the rest of the mission is indexed.
#[test]
fn submodules_and_nested_repositories_are_skipped() {
    let mut sandbox = Sandbox::with_repo();
    for (name, value) in [
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "protocol.file.allow"),
        ("GIT_CONFIG_VALUE_0", "always"),
    ] {
        sandbox.set(name, value);
    }
    let library = sandbox.path("library");
    let url = library.to_str().unwrap().to_owned();
    sandbox.git(&["init", "--quiet", "--initial-branch=main", &url]);
    std::fs::write(library.join("spec.md"), "of the library").unwrap();
    sandbox.git(&["-C", &url, "add", "--all"]);
    sandbox.git(&["-C", &url, "commit", "--quiet", "--message=library"]);
    for place in [
        format!("kitty-specs/{SURGE}/research/library"),
        "kitty-specs/whole-module".to_owned(),
    ] {
        sandbox.git(&["submodule", "--quiet", "add", &url, &place]);
    }
    let nested = sandbox.repo().join(format!("kitty-specs/{SURGE}/nested"));
    sandbox.git(&["init", "--quiet", nested.to_str().unwrap()]);
    std::fs::write(nested.join("spec.md"), "nested").unwrap();
    sandbox.write(&format!("kitty-specs/{SURGE}/research/own.md"), "own");
    let report = sandbox
        .sk_sync(["index", "--dry-run", "--json"])
        .success()
        .json();
    let paths: Vec<_> = report["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["path"].as_str().unwrap())
        .collect();
    assert!(paths.contains(&"research/own.md"), "{paths:?}");
    assert!(
        !paths
            .iter()
            .any(|path| path.contains("library") || path.contains("nested")),
        "{paths:?}"
    );
    assert_eq!(report["index"]["missions"], 3);
    let warnings = report["warnings"].to_string();
    for place in [
        format!("{SURGE}/research/library"),
        format!("{SURGE}/nested"),
        "whole-module".to_owned(),
    ] {
        assert!(
            warnings.contains(&format!("{place} left out: another repository")),
            "{place}: {warnings}"
        );
    }
    // Started in the submodule, it is a separate project: without an identity, so nothing is
    // captured for ours.
    let inside = sandbox.repo().join("kitty-specs/whole-module");
    let _blocked = run_in(&sandbox, &inside, &["index", "--json"]).code(4);
}

/// Two clones of a project share its store. Where they differ, the stated facts alternate: no fact
/// is lost or mixed up.
#[test]
fn two_clones_of_one_name_share_a_store_and_neither_rewinds_the_other() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_REPOSITORY", "example.org/harbour/tides");
    let clone = sandbox.path("clone");
    sandbox.git(&[
        "clone",
        "--quiet",
        sandbox.repo().to_str().unwrap(),
        clone.to_str().unwrap(),
    ]);
    let spec = clone.join(format!("kitty-specs/{SURGE}/spec.md"));
    let here = |words: &[&str]| sandbox.sk_sync(words).success().json();
    let there = |words: &[&str]| run_in(&sandbox, &clone, words).success().json();
    let run = &["run", "--json"][..];
    assert!(captured(&here(run)) > 20);
    assert_eq!(
        captured(&there(run)),
        0,
        "a clone that is the same has nothing to say"
    );
    std::fs::write(&spec, "the clone's").unwrap();
    assert_eq!(
        captured(&there(run)),
        2,
        "the clone's spec and its snapshot"
    );
    for _ in 0..3 {
        assert_eq!(captured(&there(run)), 0, "it is said once");
        assert_eq!(
            captured(&here(run)),
            0,
            "nothing changed here: an older state is no news"
        );
    }
    sandbox.write(&format!("kitty-specs/{SURGE}/spec.md"), "ours");
    assert_eq!(captured(&here(run)), 2, "what changes here is told");
    assert_eq!((captured(&there(run)), captured(&here(run))), (0, 0));
}
