//! A hook is fast, silent, and never fails.

use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Hooked;
use crate::support::programs::skip;
use crate::support::{Sandbox, pause};

const SPEC: &str = "kitty-specs/001-harbour-tide-table/spec.md";

/// System calls of a traced hook.
#[derive(Debug, PartialEq)]
struct Traced {
    syncs: usize,
    sockets: usize,
    /// Other programs that were started.
    children: usize,
    opens_store: bool,
}

impl Traced {
    /// A hook that found nothing to do.
    const IDLE: Self = Self {
        syncs: 0,
        sockets: 0,
        children: 0,
        opens_store: false,
    };

    fn of(sandbox: &Sandbox, args: &[&str]) -> Option<Self> {
        let trace = sandbox.path("trace");
        let program = sandbox.command(args);
        let mut command = Command::new("strace");
        command.args([
            "-f",
            "-e",
            "trace=network,fsync,fdatasync,sync,syncfs,sync_file_range,execve,openat",
            "-o",
        ]);
        command
            .arg(&trace)
            .arg(program.get_program())
            .args(program.get_args());
        command.current_dir(sandbox.repo()).env_clear();
        for (name, value) in program.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let Ok(output) = command.output() else {
            skip("there is no strace: what a hook asks of the system is not counted");
            return None;
        };
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = std::fs::read_to_string(trace).unwrap();
        let begun = |names: &[&str]| {
            text.lines()
                .filter(|line| names.iter().any(|name| line.contains(&format!(" {name}("))))
                .count()
        };
        // A search on the path fails until the program is found; the final call may be in another
        // thread's line.
        let failed = text
            .lines()
            .filter(|line| line.contains("execve") && line.contains("= -1 "))
            .count();
        Some(Self {
            syncs: begun(&["fsync", "fdatasync", "sync", "syncfs", "sync_file_range"]),
            sockets: begun(&["socket", "connect", "socketpair"]),
            // The first one is the hook itself.
            children: begun(&["execve"]) - failed - 1,
            opens_store: text
                .lines()
                .any(|line| line.contains("openat(") && line.contains("store.db")),
        })
    }
}

#[test]
fn d48_a_change_costs_one_commit_and_no_change_costs_nothing() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.git(&[
        "remote",
        "add",
        "origin",
        "https://example.org/harbour/tides.git",
    ]);
    sandbox.set("SK_SYNC_HOOK__DRAIN", "none");
    sandbox.set("SK_SYNC_HOOK__BUDGET", "30s");
    let hook = ["hook", "run", "post-commit"];
    let _first = sandbox.sk_sync(hook).success();
    for text in ["# New\n", "# Newer\n"] {
        sandbox.write(SPEC, text);
        let Some(changed) = Traced::of(&sandbox, &hook) else {
            return;
        };
        assert!(
            (1..=3).contains(&changed.syncs) && changed.sockets == 0 && changed.children == 0,
            "{changed:?}"
        );
        assert!(changed.opens_store, "{changed:?}");
    }
    // Files that changed just now are checked again.
    pause(Duration::from_millis(40));
    let _settled = sandbox.sk_sync(hook).success();
    assert_eq!(Traced::of(&sandbox, &hook), Some(Traced::IDLE));
    // Other files do not count.
    sandbox.write("src/main.rs", "fn main() {}\n");
    assert_eq!(Traced::of(&sandbox, &hook), Some(Traced::IDLE));
    sandbox.git(&["checkout", "--quiet", "-b", "other"]);
    assert_eq!(
        Traced::of(&sandbox, &["hook", "run", "post-checkout", "1", "2", "1"]),
        Some(Traced::IDLE)
    );
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
    assert_eq!(
        (sandbox.listing() == with_spec, with_spec == before),
        (true, false)
    );
}

/// Git continues after any error of a hook; the error is shown once, on stderr.
#[test]
fn a_hook_never_fails() {
    let sandbox = Sandbox::with_repo();
    for args in [
        &["hook", "run"][..],
        &["hook", "run", "pre-push"],
        &["hook", "run", "post-commit", "--strange"],
    ] {
        let _odd = sandbox.sk_sync(args).success();
    }
    sandbox.write("event-sync.toml", "drain.max_event = 1\n");
    let run = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    assert!(
        run.stdout.is_empty() && run.stderr.contains("not captured yet"),
        "{run:?}"
    );
    sandbox.write("event-sync.toml", "");
    std::fs::remove_dir_all(sandbox.repo().join(".kittify")).ok();
    let bare = Sandbox::new();
    bare.git(&["init", "--quiet", "--bare", "."]);
    let _bare = bare.sk_sync(["hook", "run", "post-commit"]).success();
}

/// A store that cannot be written is not waited for beyond the budget, and the next hook makes up
/// for it.
#[test]
fn d48_a_locked_store_is_waited_for_within_the_budget() {
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
    assert!(
        log.ends_with("(hook.budget); the next hook or run captures what changed\n"),
        "{log}"
    );
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    sandbox.change("SK_SYNC_HOOK__BUDGET", "30s");
    let _next = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    let log = std::fs::read_to_string(sandbox.store().with_file_name("hook.log")).unwrap();
    assert!(log.trim_end().ends_with("post-commit: captured 2"), "{log}");
}

/// One drain at a time: the second one ends at once, the first one sends events captured meanwhile,
/// and no process remains.
#[test]
fn d50_a_drain_is_skipped_while_another_one_runs_and_none_stays() {
    let mut hooked = Hooked::new(None, |_| ());
    let commit = |hooked: &Hooked, text| {
        hooked.sandbox.write(SPEC, text);
        hooked.git(&["commit", "--all", "--message=x"], 0);
    };
    commit(&hooked, "# One\n");
    // An event in flight is not superseded by the second commit.
    hooked.wait_until("the first drain sends", |hooked| {
        hooked.asked.load(Ordering::SeqCst) > 0
    });
    commit(&hooked, "# Two\n");
    hooked.wait_until("the second drain ends", |hooked| hooked.drains() > 0);
    assert!(
        hooked
            .log()
            .contains("drain: skipped, another drain is running"),
        "{}",
        hooked.log()
    );
    hooked.let_go(2);
    assert_eq!(hooked.captured().len(), 2);
    let status = hooked.sandbox.sk_sync(["status", "--json"]).json();
    assert_eq!(status["balance"]["untried"], 0, "{status}");
    hooked.wait_until("no process stays behind", |hooked| {
        hooked.sandbox.processes() == 0
    });
}

/// Nothing of ours is in the way of `git add --all`, and a work tree within the work tree is not
/// indexed with it.
#[test]
fn d56_the_repository_holds_nothing_of_ours_and_nested_work_trees_stay_apart() {
    let mut hooked = Hooked::new(None, |sandbox| {
        sandbox.git(&["worktree", "add", "--quiet", "--detach", ".worktrees/lane"]);
        std::fs::write(sandbox.repo().join(".git/info/exclude"), ".worktrees/\n").unwrap();
    });
    let before = hooked.sandbox.git(&["status", "--porcelain", "--ignored"]);
    hooked.sandbox.write(SPEC, "# New\n");
    hooked.sandbox.write(
        &format!(".worktrees/lane/{SPEC}"),
        "# Of the other work tree\n",
    );
    hooked.git(&["commit", "--all", "--message=x"], 0);
    hooked.let_go(1);
    assert_eq!(
        hooked.captured(),
        ["001-harbour-tide-table/spec.md"],
        "the one that was committed"
    );
    let listed = hooked
        .sandbox
        .sk_sync(["index", "--dry-run", "--json"])
        .success()
        .json();
    let artifacts = listed["artifacts"].as_array().unwrap();
    assert!(
        artifacts
            .iter()
            .all(|a| !a["path"].as_str().unwrap().contains("worktrees")),
        "{listed}"
    );
    let _run = hooked.sandbox.sk_sync(["run", "--json"]).success();
    hooked.git(&["add", "--all"], 0);
    assert_eq!(
        hooked.sandbox.git(&["status", "--porcelain", "--ignored"]),
        before
    );
}
