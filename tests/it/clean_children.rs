//! What other programs receive from this one: children get no secret, a terminal gets no character
//! that hides or reverses text.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::Sandbox;
use crate::support::help::commands;
use crate::support::server::Server;

/// A script that writes its environment to a file and continues with `then`.
fn noting(path: &Path, into: &Path, then: &str) {
    let text = format!("#!/bin/sh\nenv >>'{}'\n{then}\n", into.display());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test looks for the machine's git"
)]
fn search_path() -> String {
    std::env::var("PATH").unwrap()
}

fn real_git() -> PathBuf {
    let found = search_path()
        .split(':')
        .map(|dir| Path::new(dir).join("git"))
        .find(|file| file.is_file());
    found.unwrap()
}

/// Git and the token program start, work, and get no secret that was meant for sk-sync.
#[test]
fn children_see_no_secret() {
    let server = Server::honest();
    let mut sandbox = Sandbox::with_repo();
    let (by_git, by_token) = (sandbox.path("seen-by-git"), sandbox.path("seen-by-token"));
    noting(
        &sandbox.path("bin/git"),
        &by_git,
        &format!("exec '{}' \"$@\"", real_git().display()),
    );
    noting(
        &sandbox.path("bin/token"),
        &by_token,
        "echo given-by-a-program",
    );
    let search = format!("{}:{}", sandbox.path("bin").display(), search_path());
    sandbox.change("PATH", &search);
    sandbox.target(&server.url());
    sandbox.unset("SK_SYNC_TOKEN");
    let program = sandbox.path("bin/token");
    sandbox.own(format!(
        "teamspace.token_command = ['{}']\n",
        program.display()
    ));
    for name in [
        "SK_SYNC_SECRET_KEY",
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "SPEC_KITTY_API_KEY",
    ] {
        sandbox.set(name, "topsecret");
    }
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["balance"]["delivered"], 23, "{report}");
    let asked = server.requests();
    assert!(
        asked
            .iter()
            .any(|request| request.header("authorization") == Some("Bearer given-by-a-program"))
    );
    for words in [
        &["status"][..],
        &["allow", "--dry-run"],
        &["hook", "install"],
        &["hook", "status"],
        &["preflight"],
    ] {
        let _run = sandbox.sk_sync(words);
    }
    let git = std::fs::read_to_string(&by_git).unwrap();
    assert!(
        git.lines().filter(|line| line.starts_with("PATH=")).count() > 3,
        "git was not asked: {git}"
    );
    assert!(
        !git.contains("topsecret") && !git.contains("given-by-a-program"),
        "{git}"
    );
    let token = std::fs::read_to_string(&by_token).unwrap();
    for (child, seen) in [("git", git), ("token", token)] {
        let own = seen
            .lines()
            .find(|line| line.starts_with("SK_SYNC_") || line.starts_with("SPEC_KITTY_"));
        assert_eq!(own, None, "{child} sees it");
    }
}

/// Characters that control a terminal, or change the order of text.
fn is_hostile(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Untrusted names and words are escaped in JSON and text output of every command.
#[test]
fn no_command_prints_what_steers_a_terminal() {
    const ODD: &str = "a\u{9b}31m\u{202e}b\u{2066}c\u{200f}\u{1b}]0;x\u{7}";
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let name: String = ODD.chars().filter(|c| *c != '/').collect();
    sandbox.write(
        &format!("kitty-specs/001-harbour-tide-table/research/{name}.md"),
        "# odd\n",
    );
    let meta = serde_json::json!({"target_branch": ODD}).to_string();
    sandbox.write("kitty-specs/001-harbour-tide-table/meta.json", meta);
    let event = serde_json::json!({"event_id": "01K00000000000000000000077", "event_type": ODD, "payload": {ODD: ODD}});
    let captured = sandbox
        .sk_sync_with(["capture", "--json"], format!("{event}\n"))
        .success();
    assert!(captured.stdout.contains("captured"), "{captured:?}");
    let _index = sandbox.sk_sync(["run"]);
    let file = sandbox.path("archive.gz").to_str().unwrap().to_owned();
    let mut tried = 0;
    for command in commands(&sandbox) {
        let more: &[&str] = match command.name().as_str() {
            // Text for a terminal, a server, minutes of work, and commands that need input.
            "completions" | "man" | "serve" | "open" | "bench" | "capture" | "restore" => continue,
            "events show" => &["01K00000000000000000000077"],
            "archive" => &["--output", &file],
            "replay" => &["--to", "current", "--dry-run"],
            "target forget" => &["stub", "--dry-run"],
            "target set" => &["--receiver", "stub", "--dry-run"],
            "migrate conflicts resolve" => &["--keep", "journal", "--all"],
            "events release" | "events retry" | "events waive" => &["--all"],
            "purge" => &["--queue"],
            _ => &[],
        };
        for form in [&[][..], &["--json"], &["-v"]] {
            if form.contains(&"--json") && !command.has("--json") {
                continue;
            }
            let words = command
                .words
                .iter()
                .map(String::as_str)
                .chain(more.iter().copied())
                .chain(form.iter().copied());
            let run = sandbox.sk_sync(words);
            let hostile = run
                .stdout
                .chars()
                .chain(run.stderr.chars())
                .find(|c| is_hostile(*c));
            assert_eq!(hostile, None, "{} {form:?}: {run:?}", command.name());
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
    let listed = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success();
    assert_eq!(listed.stdout.chars().find(|c| is_hostile(*c)), None);
    let line = listed
        .json_lines()
        .into_iter()
        .find(|line| line["event_id"] == "01K00000000000000000000077")
        .unwrap();
    assert_eq!(
        (&line["event_type"], &line["envelope"]["payload"][ODD]),
        (&ODD.into(), &ODD.into()),
        "the same words"
    );
}
