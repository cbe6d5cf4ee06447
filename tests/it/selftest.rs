//! `selftest`: passes here, touches nothing of the user, and fails where a file system does not
//! keep what it promised.

use std::process::Command;

use serde_json::Value;

use crate::support::rights::with_mounts;
use crate::support::server::{Reply, Server};
use crate::support::{Run, Sandbox};
#[cfg(target_os = "linux")]
use crate::traced::changed;

/// Every check, in order.
const CHECKS: [&str; 10] = [
    "directory",
    "capture",
    "private",
    "locks",
    "kill",
    "resend",
    "replay",
    "lost_answer",
    "verify",
    "balance",
];

/// A sandbox with an empty directory for the self-test; the path of that directory.
fn sandbox() -> (Sandbox, String) {
    let sandbox = Sandbox::with_repo();
    let dir = sandbox.path("tried");
    std::fs::create_dir(&dir).unwrap();
    let dir = dir.to_str().unwrap().to_owned();
    (sandbox, dir)
}

fn checks(document: &Value) -> Vec<(&str, &Value)> {
    let checks = document["checks"].as_array().unwrap().iter();
    checks
        .map(|check| (check["name"].as_str().unwrap(), &check["ok"]))
        .collect()
}

#[test]
fn every_promise_holds_here_and_nothing_of_the_user_is_touched() {
    let server = Server::answering(|_| Reply::status(204));
    let (mut sandbox, dir) = sandbox();
    // The user's own target, token and proxy are not used.
    sandbox.target(&server.url());
    sandbox.set("SK_SYNC_PROXY", &server.url());
    let before = sandbox.listing();
    let document = sandbox
        .sk_sync(["selftest", "--json", "--dir", &dir])
        .success()
        .json();
    assert_eq!(
        checks(&document),
        CHECKS.map(|name| (name, &Value::Bool(true))),
        "{document}"
    );
    for kind in ["balance", "documents"] {
        let (books, left) = (
            &document[kind],
            [
                "in_flight",
                "retryable",
                "undeliverable",
                "untried",
                "discarded",
            ],
        );
        assert!(
            books["captured"].as_u64().unwrap() >= 5 && books["captured"] == books["delivered"],
            "{document}"
        );
        assert!(
            books["holds"] == true && left.iter().all(|class| books[class] == 0),
            "{document}"
        );
    }
    assert_eq!(document["kept"], false);
    assert_eq!(
        (sandbox.listing(), server.connections()),
        (before, 0),
        "something of the user's was touched"
    );
}

#[test]
fn each_check_is_a_line_and_the_books_are_equations() {
    let (sandbox, dir) = sandbox();
    let run = sandbox.sk_sync(["selftest", "--dir", &dir]).success();
    let lines: Vec<_> = run.stdout.lines().collect();
    for (name, line) in CHECKS.iter().zip(&lines) {
        assert!(
            line.starts_with(&format!("pass  {name} ")),
            "{}",
            run.stdout
        );
    }
    assert!(
        lines[10].starts_with("Events    ") && lines[10].contains(" captured = "),
        "{}",
        run.stdout
    );
    assert!(
        lines[11].starts_with("Documents 6 captured = 6 delivered"),
        "{}",
        run.stdout
    );
    assert_eq!(lines[12..], ["Passed: 10 checks hold here"]);
    let quiet = sandbox
        .sk_sync(["selftest", "--quiet", "--dir", &dir])
        .success();
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let run = sandbox
        .sk_sync(["selftest", "--dir", "no/such/place"])
        .code(2);
    assert!(
        run.stderr.contains("--dir: ") && run.stderr.contains("is not a directory"),
        "{}",
        run.stderr
    );
}

/// A file system that is full after the first events: the check that fails is named, the rest is
/// not tried, and there is a hint.
#[test]
#[cfg(target_os = "linux")]
fn a_file_system_that_cannot_hold_it_fails() {
    let (sandbox, dir) = sandbox();
    let script = format!(
        "mount -t tmpfs -o size=600k none '{dir}' || echo mount: >&2; exec \"$SK\" selftest --json --dir '{dir}'"
    );
    let Some(run) = with_mounts(&sandbox, &script) else {
        return;
    };
    let document = run.code(6).json();
    let found = checks(&document);
    let failed = found.iter().position(|(_, ok)| **ok == false).unwrap();
    assert!(
        found[..failed].iter().all(|(_, ok)| **ok == true),
        "{document}"
    );
    assert!(
        found[failed + 1..].iter().all(|(_, ok)| ok.is_null()),
        "{document}"
    );
    assert_eq!(
        (
            &document["ok"],
            document["checks"][failed]["fix"].is_string()
        ),
        (&Value::Bool(false), true)
    );
    // In text, with a larger one that is enough.
    let small = script.replace(" --json", "");
    let text = with_mounts(&sandbox, &small).unwrap().code(6).stdout;
    assert!(
        text.contains("FAIL  ") && text.contains("skip  balance") && text.contains("\nhint: "),
        "{text}"
    );
    let large = script.replace("600k", "60m");
    assert_eq!(
        with_mounts(&sandbox, &large).unwrap().code(0).json()["ok"],
        true
    );
}

/// A system without locks for the drain, as some network mounts: the tracer gives the children its
/// answers.
#[test]
#[cfg(target_os = "linux")]
fn a_file_system_without_locks_fails() {
    let (sandbox, dir) = sandbox();
    let Some(run) = traced(
        &sandbox,
        &["-e", "inject=flock:error=ENOLCK"],
        &["selftest", "--dir", &dir],
    ) else {
        return;
    };
    let run = run.code(6);
    let failed = run
        .stdout
        .lines()
        .find(|line| line.starts_with("FAIL  kill"));
    let failed = failed.unwrap_or_else(|| panic!("{}", run.stdout));
    assert!(
        failed.contains("its file system has no locks; set SK_SYNC_HOME to a directory on a local"),
        "{failed}"
    );
    let kept = run
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("Kept for a report: "))
        .unwrap();
    assert!(
        std::path::Path::new(kept).join("state/projects").is_dir() && kept.starts_with(&dir),
        "{kept}"
    );
}

/// Runs the program under a tracer that also follows its children. `None`, with a notice, if that
/// is not possible.
#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
fn traced(sandbox: &Sandbox, options: &[&str], words: &[&str]) -> Option<Run> {
    let program = sandbox.command(words);
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-y", "-qq", "-s", "4000", "-o"])
        .arg(sandbox.path("strace.log"))
        .args(options);
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
        .map(crate::support::rights::ended)
    {
        Ok(run) if !run.stderr.contains("strace:") => Some(run),
        other => {
            eprintln!("SKIPPED: cannot trace system calls here: {other:?}");
            None
        }
    }
}

/// Every system call of it and of its children: connections are to loopback, and changes are in the
/// directory.
#[test]
#[cfg(target_os = "linux")]
fn no_system_call_leaves_the_directory_or_loopback() {
    let (sandbox, dir) = sandbox();
    let options = ["-e", "trace=%file,%network,kill,pidfd_send_signal"];
    let Some(run) = traced(&sandbox, &options, &["selftest", "--json", "--dir", &dir]) else {
        return;
    };
    assert_eq!(run.code(0).json()["ok"], true);
    let calls =
        String::from_utf8_lossy(&std::fs::read(sandbox.path("strace.log")).unwrap()).into_owned();
    let mut connected = 0;
    for call in calls.lines() {
        if [" connect(", " bind(", " sendto("]
            .iter()
            .any(|name| call.contains(name))
            && call.contains("sin_addr")
        {
            assert!(call.contains("inet_addr(\"127.0.0.1\")"), "{call}");
            connected += 1;
        }
        assert!(
            !call.contains("AF_INET6") && !call.contains("AF_UNIX, sun_path"),
            "{call}"
        );
        let strays = changed(call, &sandbox.repo()).into_iter().flatten();
        let strays: Vec<_> = strays
            .filter(|path| !path.starts_with(&dir) && !path.starts_with("/dev/null"))
            .collect();
        assert!(strays.is_empty(), "it writes to {strays:?}: {call}");
    }
    assert!(
        connected > 10 && calls.contains("SIGKILL"),
        "nothing was heard"
    );
}
