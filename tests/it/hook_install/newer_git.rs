//! Hooks in the configuration of a git that knows them.

use serde_json::json;

use super::{changes, states, surroundings, write_hook};
use crate::support::Sandbox;
use crate::support::programs::{newer_git, prefer};

#[test]
fn an_older_git_is_told_apart() {
    let sandbox = Sandbox::with_repo();
    let status = sandbox
        .sk_sync(["hook", "status", "--json"])
        .success()
        .json();
    if status["config_hooks"] == true {
        return;
    }
    let run = sandbox
        .sk_sync(["hook", "install", "--method", "config", "--json"])
        .code(4)
        .json();
    assert_eq!(run["refusals"][0]["reason"], "git_too_old", "{run}");
}

#[test]
fn a_newer_git_gets_sections_beside_the_hooks_there_are() {
    let Some(git) = newer_git() else { return };
    let mut sandbox = Sandbox::with_repo();
    prefer(&mut sandbox, &[&git]);
    write_hook(
        &sandbox,
        ".git/hooks/post-commit",
        "#!/bin/sh\ntouch foreign-ran\n",
    );
    sandbox.git(&["config", "alias.x", "status"]);
    let before = surroundings(&sandbox);
    let run = sandbox
        .sk_sync(["hook", "install", "--json"])
        .success()
        .json();
    assert_eq!(
        (&run["method"], changes(&run)),
        (&json!("config"), 8),
        "{run}"
    );
    assert_eq!(states(&sandbox), ["config"; 4]);
    let listed = sandbox.git(&["hook", "list", "post-commit"]);
    assert!(listed.contains("sk-sync-post-commit"), "{listed}");
    assert_eq!(
        changes(
            &sandbox
                .sk_sync(["hook", "install", "--json"])
                .success()
                .json()
        ),
        0
    );
    // A section of another version is brought up to date.
    sandbox.git(&["config", "hook.sk-sync-post-merge.command", "sk-sync old"]);
    assert_eq!(states(&sandbox), ["config", "outdated", "config", "config"]);
    assert_eq!(
        changes(
            &sandbox
                .sk_sync(["hook", "install", "--json"])
                .success()
                .json()
        ),
        3
    );
    assert_eq!(states(&sandbox), ["config"; 4]);
    sandbox
        .sk_sync(["hook", "uninstall"])
        .success()
        .stdout
        .clear();
    assert_eq!(surroundings(&sandbox), before);
}

#[test]
fn a_newer_git_takes_over_from_files() {
    let Some(git) = newer_git() else { return };
    let mut sandbox = Sandbox::with_repo();
    let before = surroundings(&sandbox);
    sandbox
        .sk_sync(["hook", "install", "--method", "files"])
        .success()
        .stdout
        .clear();
    prefer(&mut sandbox, &[&git]);
    sandbox
        .sk_sync(["hook", "install"])
        .success()
        .stdout
        .clear();
    assert_eq!(states(&sandbox), ["config"; 4]);
    assert!(!sandbox.repo().join(".git/hooks/post-commit").exists());
    sandbox
        .sk_sync(["hook", "install", "--method", "files"])
        .success()
        .stdout
        .clear();
    assert_eq!(states(&sandbox), ["file"; 4]);
    sandbox
        .sk_sync(["hook", "uninstall"])
        .success()
        .stdout
        .clear();
    assert_eq!(surroundings(&sandbox), before);
}
