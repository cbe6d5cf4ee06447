//! File systems without the features that SQLite needs, such as network mounts: the reason is
//! shown, with a fix, and is not mistaken for another process's lock. A tracer injects the system's
//! answers of such a mount.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use crate::support::rights::ended;
use crate::support::{Run, Sandbox};

/// Runs a command whose system calls get this answer, on the file at `only` if one is named;
/// `None`, with a notice, if processes cannot be traced.
#[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
fn with_answers(
    sandbox: &Sandbox,
    injected: &[&str],
    only: Option<&Path>,
    words: &[&str],
) -> Option<Run> {
    let program = sandbox.command(words);
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o"]).arg(sandbox.path("strace.log"));
    for inject in injected {
        strace.args(["-e", &format!("inject={inject}")]);
    }
    if let Some(path) = only {
        strace.arg("-P").arg(path);
    }
    strace
        .arg(program.get_program())
        .args(words)
        .env_clear()
        .current_dir(sandbox.repo());
    strace.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    match strace
        .stdin(std::process::Stdio::null())
        .output()
        .map(ended)
    {
        Ok(run) if !run.stderr.contains("strace:") => Some(run),
        other => {
            eprintln!("SKIPPED: cannot answer system calls here: {other:?}");
            None
        }
    }
}

/// Locks of files: `fcntl` by SQLite, `flock` by sk-sync itself.
#[test]
fn a_file_system_without_locks_is_named_at_once() {
    let sandbox = Sandbox::with_repo();
    let _begun = sandbox.sk_sync(["index"]).success();
    // Where nothing is new, nothing is written.
    sandbox.write(
        "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md",
        "# changed\n",
    );
    for injected in [
        &["fcntl:error=ENOLCK"][..],
        &["fcntl:error=ENOLCK", "flock:error=ENOLCK"],
    ] {
        for words in [["index"], ["run"]] {
            let Some(run) = with_answers(&sandbox, injected, None, &words) else {
                return;
            };
            let said = run.code(1).stderr;
            assert!(
                said.contains("its file system has no file locks"),
                "{words:?}: {said}"
            );
            assert!(
                said.contains("set SK_SYNC_HOME to a directory on a local disk"),
                "{words:?}: {said}"
            );
            assert!(
                !said.contains("locked by another process"),
                "{words:?}: {said}"
            );
        }
    }
    let Some(run) = with_answers(
        &sandbox,
        &["flock:error=ENOLCK"],
        None,
        &["run", "--preset", "stub"],
    ) else {
        return;
    };
    let said = run.code(1).stderr;
    assert!(
        said.contains("its file system has no locks") && said.contains("SK_SYNC_HOME"),
        "{said}"
    );
    let document = with_answers(
        &sandbox,
        &["fcntl:error=ENOLCK"],
        None,
        &["index", "--json"],
    )
    .unwrap()
    .code(1)
    .json();
    assert_eq!(document["error"]["kind"], "file_system", "{document}");
    // The named fix works.
    let mut sandbox = sandbox;
    sandbox.change("SK_SYNC_HOME", sandbox.path("elsewhere").to_str().unwrap());
    let _works = sandbox.sk_sync(["run", "--preset", "stub"]).success();
}

/// Memory that is shared by way of a file: a mount of 9p or CIFS refuses to map it.
#[test]
fn a_file_system_without_shared_memory_is_named() {
    let sandbox = Sandbox::with_repo();
    let _begun = sandbox.sk_sync(["index"]).success();
    sandbox.write(
        "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md",
        "# changed\n",
    );
    let shm = sandbox.store().with_file_name("store.db-shm");
    let Some(run) = with_answers(&sandbox, &["mmap:error=ENODEV"], Some(&shm), &["index"]) else {
        return;
    };
    let said = run.code(1).stderr;
    assert!(
        said.contains("has no shared memory for files") && said.contains("SK_SYNC_HOME"),
        "{said}"
    );
}
