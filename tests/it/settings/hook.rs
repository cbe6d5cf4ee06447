//! The keys of `[hook]`.

use std::time::{Duration, Instant};

use super::{EVENTS, external, to};
use crate::support::server::{Reply, Server};
use crate::support::{Sandbox, pause};

/// Runs the hook of a commit and waits until its log contains `words`.
fn logged(sandbox: &Sandbox, words: &str) -> String {
    let run = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let begun = Instant::now();
    loop {
        let log =
            std::fs::read_to_string(sandbox.store().with_file_name("hook.log")).unwrap_or_default();
        if log.contains(words) {
            return log;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{words:?} is not in the log:\n{log}"
        );
        pause(Duration::from_millis(5));
    }
}

#[test]
fn hook_drain() {
    let server = Server::honest();
    let log = logged(
        &external(&server, "hook.drain = 'detached'\nhook.budget = '20s'"),
        "drain: delivered",
    );
    assert!(log.contains("post-commit: captured"), "{log}");
    assert_eq!(to(&server.requests(), EVENTS).len(), 1);
    let other = Server::honest();
    let sandbox = external(&other, "hook.drain = 'none'\nhook.budget = '20s'");
    logged(&sandbox, "post-commit: captured");
    assert_eq!(
        sandbox.sk_sync(["drain", "--json"]).success().json()["drain"]["requests"],
        1,
        "left to this one"
    );
    assert_eq!(to(&other.requests(), EVENTS).len(), 1);
}

/// A hook without time leaves the capture to the process in the background.
#[test]
fn hook_budget() {
    let server = Server::honest();
    let sandbox = external(&server, "hook.budget = '1ms'");
    // A directory to log in: the very first hook may not come as far as making one.
    assert_eq!(sandbox.sk_sync(["capture", "--json"]).success().stdout, "");
    let log = logged(&sandbox, "drain: captured");
    assert!(
        log.contains("the time of this hook is over (hook.budget)"),
        "{log}"
    );
    assert!(to(&server.requests(), EVENTS).len() == 1, "{log}");
    let log = logged(
        &external(&server, "hook.budget = '20s'"),
        "drain: delivered",
    );
    assert!(!log.contains("hook.budget"), "{log}");
}

/// A repository's file cannot make a commit wait: the hook gives up although a minute was
/// configured. (The user's variable applies unchanged.)
#[test]
fn a_repository_does_not_say_how_long_a_commit_hangs() {
    let sandbox = Sandbox::with_repo();
    sandbox.write(
        "event-sync.toml",
        "hook.budget = '60s'\nhook.drain = 'none'\n",
    );
    let _first = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    sandbox.write("kitty-specs/001-harbour-tide-table/spec.md", "# New\n");
    let other = crate::support::wire::open(&sandbox.store());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut hook = sandbox
        .command(["hook", "run", "post-commit"])
        .spawn()
        .unwrap();
    // It ends before the lock is released: it did not wait.
    let is_over = (0..200).any(|_| {
        pause(Duration::from_millis(100));
        hook.try_wait().unwrap().is_some()
    });
    other.execute_batch("ROLLBACK").unwrap();
    assert!(is_over && hook.wait().unwrap().success());
    let log = std::fs::read_to_string(sandbox.store().with_file_name("hook.log")).unwrap();
    assert!(
        log.ends_with("(hook.budget); the next hook or run captures what changed\n"),
        "{log}"
    );
}

#[test]
fn hook_max_time() {
    let busy = || Server::answering(|_| Reply::status(503).header("Retry-After", "1"));
    let server = busy();
    let log = logged(
        &external(&server, "hook.max_time = '1ms'\nhook.budget = '20s'"),
        "drain: ",
    );
    assert!(log.contains("the time of this run is over"), "{log}");
    let honest = Server::honest();
    let log = logged(
        &external(&honest, "hook.max_time = '20s'\nhook.budget = '20s'"),
        "drain: ",
    );
    assert!(log.contains("drain: delivered"), "{log}");
}
