//! A hook is a guest: quick, quiet, never fatal.

use std::process::Command;
use std::time::Duration;

use super::Hooked;
use crate::hook_install::skip;
use crate::support::{Sandbox, pause};

const SPEC: &str = "kitty-specs/001-harbour-tide-table/spec.md";

/// What a traced hook did: syncs, sockets, children of git, and whether the store was opened.
fn traced(sandbox: &Sandbox, args: &[&str]) -> Option<(usize, usize, usize, bool)> {
    let trace = sandbox.path("trace");
    let program = sandbox.command(args);
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=network,fsync,fdatasync,execve,openat", "-o"]).arg(&trace);
    command.arg(program.get_program()).args(program.get_args()).current_dir(sandbox.repo()).env_clear();
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let Ok(output) = command.output() else {
        skip("there is no strace: what a hook asks of the system is not counted");
        return None;
    };
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = std::fs::read_to_string(trace).unwrap();
    let begun = |name: &str| text.lines().filter(|line| line.contains(&format!(" {name}("))).count();
    let children =
        text.lines().filter(|line| line.contains("execve(") && line.contains("/git\"") && line.ends_with("= 0"));
    let store = text.lines().any(|line| line.contains("openat(") && line.contains("store.db"));
    Some((begun("fsync") + begun("fdatasync"), begun("socket"), children.count(), store))
}

#[test]
fn a_change_costs_one_commit_and_one_child_and_no_change_costs_nothing() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_HOOK__DRAIN", "none");
    sandbox.set("SK_SYNC_HOOK__BUDGET", "30s");
    let hook = ["hook", "run", "post-commit"];
    let _first = sandbox.sk_sync(hook).success();
    sandbox.write(SPEC, "# New\n");
    let Some(changed) = traced(&sandbox, &hook) else { return };
    assert!(changed.0 <= 3 && changed.1 == 0 && changed.2 <= 1 && changed.3, "{changed:?}");
    // What changed just now is looked at once more.
    pause(Duration::from_millis(40));
    let _settled = sandbox.sk_sync(hook).success();
    assert_eq!(traced(&sandbox, &hook), Some((0, 0, 0, false)));
    // Other files do not count.
    sandbox.write("src/main.rs", "fn main() {}\n");
    assert_eq!(traced(&sandbox, &hook), Some((0, 0, 0, false)));
}

#[test]
fn where_there_is_nothing_to_do_nothing_appears() {
    let mut sandbox = Sandbox::with_empty_repo();
    let before = sandbox.listing();
    for hook in ["post-commit", "post-merge", "post-rewrite", "post-checkout"] {
        let run = sandbox.sk_sync(["hook", "run", hook]).success();
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    }
    sandbox.set("SK_SYNC", "0");
    sandbox.write(SPEC, "# New\n");
    let with_spec = sandbox.listing();
    let _off = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    assert_eq!((sandbox.listing() == with_spec, with_spec == before), (true, false));
}

/// Whatever is wrong, git goes on; what is wrong is said once, on stderr.
#[test]
fn a_hook_never_fails() {
    let sandbox = Sandbox::with_repo();
    for args in [&["hook", "run"][..], &["hook", "run", "pre-push"], &["hook", "run", "post-commit", "--strange"]] {
        let _odd = sandbox.sk_sync(args).success();
    }
    sandbox.write("event-sync.toml", "drain.max_event = 1\n");
    let run = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    assert!(run.stdout.is_empty() && run.stderr.contains("not captured yet"), "{run:?}");
    sandbox.write("event-sync.toml", "");
    std::fs::remove_dir_all(sandbox.repo().join(".kittify")).ok();
    let bare = Sandbox::new();
    bare.git(&["init", "--quiet", "--bare", "."]);
    let _bare = bare.sk_sync(["hook", "run", "post-commit"]).success();
}

/// A store that cannot be written is not waited for beyond the budget, and the next hook makes up for it.
#[test]
fn a_locked_store_is_waited_for_within_the_budget() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_HOOK__DRAIN", "none");
    sandbox.set("SK_SYNC_HOOK__BUDGET", "30s");
    let _first = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    sandbox.change("SK_SYNC_HOOK__BUDGET", "250ms");
    sandbox.write(SPEC, "# New\n");
    let other = crate::support::wire::open(&sandbox.store());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let _late = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    let log = std::fs::read_to_string(sandbox.store().with_file_name("hook.log")).unwrap();
    assert!(log.ends_with("(hook.budget); the next hook or run captures what changed\n"), "{log}");
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    sandbox.change("SK_SYNC_HOOK__BUDGET", "30s");
    let _next = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    let log = std::fs::read_to_string(sandbox.store().with_file_name("hook.log")).unwrap();
    assert!(log.trim_end().ends_with("post-commit: captured 2"), "{log}");
}

/// One drain at a time: the second one leaves at once, and the first one takes what came in meanwhile.
#[test]
fn a_drain_is_skipped_while_another_one_runs() {
    let mut hooked = Hooked::new(None, |_| ());
    for text in ["# One\n", "# Two\n"] {
        hooked.sandbox.write(SPEC, text);
        hooked.git(&["commit", "--all", "--message=x"], 0);
        let begun = std::time::Instant::now();
        while hooked.log().matches("captured").count() + hooked.drains() < usize::from(text == "# Two\n") * 2 + 1 {
            assert!(begun.elapsed() < super::PATIENCE, "{}", hooked.log());
            pause(Duration::from_millis(5));
        }
    }
    assert!(hooked.log().contains("drain: skipped, another drain is running"), "{}", hooked.log());
    hooked.let_go(2);
    assert_eq!(hooked.captured().len(), 2);
    let status = hooked.sandbox.sk_sync(["status", "--json"]).json();
    assert_eq!(status["balance"]["untried"], 0, "{status}");
}
