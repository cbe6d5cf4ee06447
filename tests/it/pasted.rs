//! Every printed command can be pasted into a shell, whatever untrusted text it contains: nothing
//! else is run.
#![cfg(unix)]

use std::path::Path;

use serde_json::Value;

use crate::support::advice::shell;
use crate::support::{Run, Sandbox};

/// Names of members that hold a command.
const COMMANDS: [&str; 5] = ["fix", "hint", "command_line", "run", "dismiss"];

/// Every command in a document.
fn commands(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().filter(|_| COMMANDS.contains(&name.as_str())) {
                    Some(line) => found.push(line.to_owned()),
                    None => commands(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| commands(item, found)),
        _ => {}
    }
}

/// Commands that a user might copy from a text: the line, and the text after a word that announces
/// a command.
fn copied(text: &str) -> Vec<String> {
    let after = |line: &str, word: &str| {
        line.split_once(word)
            .map(|(_, rest)| rest.trim_matches('`').to_owned())
    };
    let marks = [
        "fix: ",
        "hint: ",
        "with: ",
        "use them: ",
        "agree: ",
        "there: ",
        "had: ",
    ];
    let parts = text.lines().flat_map(|line| {
        marks
            .iter()
            .filter_map(move |mark| after(line, mark))
            .chain([line.trim().to_owned()])
    });
    parts
        .filter(|line| {
            ["sk-sync ", "chmod ", "unset ", "export ", "git "]
                .iter()
                .any(|word| line.starts_with(word))
        })
        .collect()
}

/// True when a command of a stranger's ran.
fn has_run(dir: &Path) -> bool {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries.into_iter().any(|entry| {
        let is_dir = entry.file_type().unwrap().is_dir();
        entry.file_name() == "pwned"
            || (is_dir && entry.file_name() != ".git" && has_run(&entry.path()))
    })
}

/// Pastes the commands in the output of `run`; returns their number.
fn paste(sandbox: &Sandbox, run: &Run) -> usize {
    let mut lines = [copied(&run.stdout), copied(&run.stderr)].concat();
    if let Ok(document) = serde_json::from_str(&run.stdout) {
        commands(&document, &mut lines);
    }
    for line in &lines {
        // The commands really run, so everything they write must be inside the sandbox.
        let settings = sandbox.path("home/own-gitconfig");
        let place = format!(
            "export GIT_CONFIG_GLOBAL='{}'\ncd '{}'",
            settings.display(),
            sandbox.path("stand").display()
        );
        let _whatever_it_ended_with = shell(sandbox, &format!("{place}\n{line}"));
        assert!(
            !has_run(&sandbox.path(".")),
            "this ran a stranger's command: {line}"
        );
    }
    lines.len()
}

const LOOKS: [&[&str]; 12] = [
    &["run", "--json"],
    &["run"],
    &["index"],
    &["preflight", "--json"],
    &["preflight"],
    &["status", "--json"],
    &["status"],
    &["target", "show"],
    &["allow"],
    &["allow", "--json"],
    &["drain"],
    &["hook", "status"],
];

fn paste_all(sandbox: &Sandbox) -> usize {
    std::fs::create_dir_all(sandbox.path("stand")).unwrap();
    LOOKS
        .iter()
        .map(|words| paste(sandbox, &sandbox.sk_sync(*words)))
        .sum()
}

/// A URL in a clone's file. Hosts with characters other than letters, digits, `.` and `-` are
/// rejected; no other character of a URL reaches a shell unquoted.
#[test]
fn addresses_of_a_stranger_are_words() {
    for (url, is_refused) in [
        ("https://sync.example.com&&{touch,pwned}&&{echo,ok}", true),
        ("https://$(touch${IFS}pwned).example", true),
        ("https://`touch${IFS}pwned`.example", true),
        ("https://a;touch${IFS}pwned;.example", true),
        ("https://127.0.0.1:9/$(touch${IFS}pwned)", false),
        ("https://127.0.0.1:9/a';touch${IFS}pwned;'", false),
        (
            "https://127.0.0.1:9/a&&{touch,pwned}&x=$(touch${IFS}pwned)",
            false,
        ),
    ] {
        let mut sandbox = Sandbox::with_repo();
        let text = format!(
            "preset = \"teamspace\"\nteamspace = {{ server_url = \"{url}\", team_slug = \"$(touch pwned)\" }}\n"
        );
        sandbox.write("event-sync.toml", text);
        let refused = sandbox.sk_sync(["run"]);
        assert_eq!(
            refused
                .stderr
                .contains("a host has only letters, digits, `.` and `-`"),
            is_refused,
            "{url}: {refused:?}"
        );
        assert!(is_refused || paste_all(&sandbox) > 5, "{url}");
        // Against another source, with the person's own tools, and once it was agreed to.
        for (name, value) in [
            ("SK_SYNC_TARGET_URL", "https://127.0.0.1:8"),
            ("SK_SYNC_TOKEN", "t"),
            ("SK_SYNC_PRESET", "teamspace"),
        ] {
            sandbox.set(name, value);
            paste_all(&sandbox);
        }
        let _agreed = sandbox.sk_sync(["allow", "https://127.0.0.1:9", "local"]);
        paste_all(&sandbox);
        sandbox.unset("SK_SYNC_TARGET_URL");
        let own = sandbox.path("own.toml");
        std::fs::write(&own, "teamspace.server_url = 'https://127.0.0.1:9/b'\n").unwrap();
        sandbox.set("SK_SYNC_CONFIG", own.to_str().unwrap());
        paste_all(&sandbox);
    }
}

/// Names of files, directories and missions.
#[test]
fn paths_of_a_stranger_are_words() {
    use std::os::unix::fs::PermissionsExt as _;
    let odd = "a'; touch pwned; '$(touch pwned)`touch pwned`\n touch pwned #";
    let mut sandbox = Sandbox::with_repo();
    sandbox.write(&format!("kitty-specs/{odd}/spec.md"), "text");
    let token = sandbox.path(odd);
    std::fs::write(&token, "t\n").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    sandbox.target("http://127.0.0.1:9");
    sandbox.unset("SK_SYNC_TOKEN");
    sandbox.set("SK_SYNC_TOKEN_FILE", token.to_str().unwrap());
    assert!(paste_all(&sandbox) > 3);
    assert_eq!(
        std::fs::metadata(&token).unwrap().permissions().mode() & 0o777,
        0o600,
        "and the command does its work"
    );
    let _delivered = sandbox.sk_sync(["run", "--preset", "stub"]).success();
    for words in [
        &["events", "explain", odd][..],
        &["events", "show", odd],
        &["events", "list", "--target", odd],
        &["target", "forget", odd],
        &["replay", "--to", odd],
        &["allow", odd],
        &["run", "--mission", odd],
        &["--repo", odd, "run"],
        &["--config", odd, "run"],
        &["run", "--target-url", odd],
        &["migrate", "conflicts", "resolve", odd],
        &["restore", odd],
    ] {
        paste(&sandbox, &sandbox.sk_sync(words));
    }
}

/// Another user's repository, in a directory with a malicious name.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
fn the_line_that_trusts_a_directory_names_that_directory() {
    let sandbox = Sandbox::with_repo();
    let odd = sandbox.path("clone'; touch pwned; '$(touch pwned)");
    sandbox.git(&["clone", "--quiet", ".", odd.to_str().unwrap()]);
    let given = std::process::Command::new("chown")
        .args(["-R", "65534"])
        .arg(&odd)
        .output()
        .unwrap();
    if !given.status.success() {
        return eprintln!("SKIPPED: only root can give a directory to another user");
    }
    std::fs::create_dir_all(sandbox.path("stand")).unwrap();
    let words = ["--repo", odd.to_str().unwrap(), "index"];
    let refused = sandbox.sk_sync(words).code(2);
    assert!(refused.stderr.contains("safe.directory"), "{refused:?}");
    assert_eq!(paste(&sandbox, &refused), 1);
    let settings = std::fs::read_to_string(sandbox.path("home/own-gitconfig")).unwrap();
    assert!(
        settings.contains("clone'; touch pwned; '$(touch pwned)"),
        "{settings}"
    );
}
