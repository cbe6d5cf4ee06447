//! A repository that is copied with its git directory, and one that is moved: whose store it is.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Run, Sandbox};

fn copy(from: &Path, to: &Path) {
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(from)
            .arg(to)
            .status()
            .unwrap()
            .success()
    );
}

fn at(sandbox: &Sandbox, dir: &Path, words: &[&str]) -> Run {
    sandbox.sk_sync([words, &["--repo", dir.to_str().unwrap()]].concat())
}

fn status(sandbox: &Sandbox, dir: &Path) -> Value {
    at(sandbox, dir, &["status", "--json"]).success().json()
}

/// A copy, as an archive of a private directory brings it back: it has nothing of the store,
/// agreements included.
#[test]
fn a_copy_has_a_store_of_its_own() {
    let sandbox = Sandbox::with_repo();
    let _captured = sandbox.sk_sync(["run"]).success();
    let _agreed = sandbox.sk_sync(["allow", "https://h.example"]).success();
    let copied = sandbox.path("copied");
    copy(&sandbox.repo(), &copied);
    let owner = sandbox.place().join("repository.json");
    let before = std::fs::read(&owner).unwrap();
    for _ in 0..2 {
        let seen = status(&sandbox, &copied);
        let said = seen["warnings"].to_string();
        assert!(
            said.contains("is a copy of ") && said.contains("/repo/.git, which has the store"),
            "{said}"
        );
        let shown = at(&sandbox, &copied, &["allow", "--list", "--json"])
            .success()
            .json();
        assert_eq!(shown["grants"], json!([]), "{shown}");
        let report = at(&sandbox, &copied, &["run", "--json"]).success().json();
        assert_eq!(
            report["balance"]["captured"],
            json!(23),
            "its own: {report}"
        );
    }
    assert_eq!(std::fs::read(&owner).unwrap(), before, "the note stays");
    let first = sandbox.status();
    assert_eq!(first["balance"]["captured"], json!(23));
    assert!(
        !first["warnings"].to_string().contains("is a copy"),
        "{first}"
    );
    // What was captured in the copy stays its own, whatever comes of the other.
    std::fs::remove_dir_all(sandbox.repo()).unwrap();
    std::fs::create_dir(sandbox.repo()).unwrap();
    let shown = at(&sandbox, &copied, &["allow", "--list", "--json"])
        .success()
        .json();
    assert_eq!(shown["grants"], json!([]), "{shown}");
}

/// A moved directory has its store, also by another name of the same directory.
#[test]
fn a_moved_repository_keeps_its_store() {
    let sandbox = Sandbox::with_repo();
    let _captured = sandbox.sk_sync(["run"]).success();
    let _agreed = sandbox.sk_sync(["allow", "https://h.example"]).success();
    let linked = sandbox.path("linked");
    std::os::unix::fs::symlink(sandbox.repo(), &linked).unwrap();
    let moved = sandbox.path("moved");
    for dir in [&linked, &moved] {
        if *dir == moved {
            std::fs::rename(sandbox.repo(), &moved).unwrap();
            std::fs::create_dir(sandbox.repo()).unwrap();
        }
        let report = at(&sandbox, dir, &["run", "--json"]).success().json();
        assert_eq!(report["capture"]["captured"], json!(0), "{report}");
        let shown = at(&sandbox, dir, &["allow", "--list", "--json"])
            .success()
            .json();
        assert_eq!(shown["grants"].as_array().unwrap().len(), 1, "{shown}");
        assert!(
            !status(&sandbox, dir)["warnings"]
                .to_string()
                .contains("is a copy")
        );
    }
}
