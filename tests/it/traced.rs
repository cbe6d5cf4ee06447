//! A hostile clone, through every command: no socket is opened, and nothing is written outside of
//! the state directory and `$GIT_COMMON_DIR/sk-sync`, as the system's own calls show.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Sandbox;
use crate::support::help::commands;
use crate::support::server::{Reply, Server};

/// A clone whose file contains every hostile setting, and whose files are links out of it.
fn hostile(url: &str) -> Sandbox {
    let mut sandbox = Sandbox::with_repo();
    let text = format!(
        "preset = 'teamspace'\nretention = 'off'\n[teamspace]\nserver_url = '{url}'\nteam_slug = 'theirs'\n\
         [external_receiver]\nurl = '{url}'\nheaders = {{ X = {{ env = 'SK_SYNC_SECRET_KEY' }} }}\n\
         [artifacts]\nsurfaces = ['**']\nformats = ['md', 'pem', 'env']\nmax_bytes = '64 MiB'\n[journal]\ncapacity = 1\n\
         [hook]\ndrain = 'detached'\nbudget = '60s'\n[opt_out]\nteamspace_bound = 'audit'\n\
         [families]\nlocal_only = ['MissionDossierArtifactIndexed']\n"
    );
    sandbox.write("event-sync.toml", text);
    let elsewhere = sandbox.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("secret.md"), "secret").unwrap();
    for (link, to) in [
        (
            "kitty-specs/storm-surge-alerts-01KQX7M2/research/out.md",
            elsewhere.join("secret.md"),
        ),
        ("kitty-specs/linked", elsewhere.clone()),
        (
            "kitty-specs/storm-surge-alerts-01KQX7M2/contracts",
            elsewhere,
        ),
    ] {
        let link = sandbox.repo().join(link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, link).unwrap();
    }
    for (name, value) in [
        ("SK_SYNC_TOKEN", "topsecret"),
        ("SK_SYNC_SECRET_KEY", "topsecret"),
    ] {
        sandbox.set(name, value);
    }
    sandbox
}

/// Every command, plain and with the arguments that make it act. `EVENT` is the id of one, and `->`
/// precedes the file that the user names for output.
const COMMANDS: [&str; 74] = [
    "index --dry-run",
    "run --dry-run",
    "config show --origin",
    "config get preset",
    "config set drain.max_time 30s",
    "config unset drain.max_time",
    "config path",
    "log --all",
    "open",
    "log --jsonl --mission x",
    "preflight",
    "target show",
    "target list",
    "mode",
    "allow",
    "allow --list",
    "allow --dry-run --json",
    "hook status",
    "hook install --dry-run",
    "init --dry-run",
    "index",
    "run",
    "run --all --json",
    "run --changed",
    "run --strict",
    "drain",
    "drain --report -> report.json",
    "capture",
    "hook run post-commit",
    "hook run post-checkout 0 1 1",
    "hook deliver --index",
    "status",
    "status --all",
    "status --missions",
    "status --check --json",
    "status --html -> status.html",
    "events list --jsonl --envelope",
    "events show EVENT",
    "events explain",
    "events release --all",
    "events retry --all",
    "events waive --all",
    "bodies list",
    "bodies retry",
    "migrate",
    "migrate adopt",
    "migrate release",
    "migrate conflicts",
    "migrate conflicts resolve --keep journal --all",
    "migrate cleanup",
    "verify",
    "verify --repair counters",
    "gc",
    "gc --explicit",
    "archive --output -> archive.gz",
    "restore ../archive.gz",
    "purge --queue",
    "purge --project",
    "replay --to current --dry-run",
    "replay --to current",
    "hook install",
    "hook uninstall",
    "init",
    "completions bash",
    "man",
    "--help",
    "--version --json",
    "allow https://elsewhere.example --dry-run",
    "allow --revoke https://elsewhere.example",
    "target set --receiver external-receiver --url http://127.0.0.1:9 --dry-run",
    "target set --receiver external-receiver --url http://127.0.0.1:9",
    "target forget stub",
    "mode --default",
    "mode local-retention",
];

/// `bench` creates a separate project and receiver; `serve` and the hidden `selftest` have separate
/// tests.
const APART: [&str; 3] = ["bench", "serve", "selftest"];

/// Parts of a hook that git itself owns.
fn is_of_git(words: &str, path: &Path) -> bool {
    let file = path.to_string_lossy();
    words.starts_with("hook ") && (file.contains("/.git/hooks") || file.contains("/.git/config"))
}

/// The system calls of a command and its children that open sockets or change files, with the paths
/// of descriptors.
#[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
fn traced(sandbox: &Sandbox, words: &[&str]) -> Option<Vec<String>> {
    let log = sandbox.path("strace.log");
    let program = sandbox.command(words);
    let mut strace = Command::new("strace");
    strace
        .args([
            "-f",
            "-y",
            "-qq",
            "-s",
            "4000",
            "-e",
            "trace=%file,%network",
            "-o",
        ])
        .arg(&log);
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
    strace.stdin(std::process::Stdio::null());
    match strace.output() {
        Ok(output) if log.exists() && output.status.code().is_some() => {
            let calls = std::fs::read(&log).unwrap();
            std::fs::remove_file(&log).unwrap();
            Some(
                String::from_utf8_lossy(&calls)
                    .lines()
                    .map(str::to_owned)
                    .collect(),
            )
        }
        other => {
            eprintln!("SKIPPED: cannot trace system calls here: {other:?}");
            None
        }
    }
}

/// Paths that a call would change, made absolute. `None` for a call that changes nothing.
pub(crate) fn changed(call: &str, cwd: &Path) -> Option<Vec<PathBuf>> {
    let call = call.split_once(' ')?.1.trim_start();
    let (name, arguments) = call.split_once('(')?;
    let writes = match name {
        "open" | "openat" | "openat2" => ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"]
            .iter()
            .any(|flag| arguments.contains(flag)),
        "creat" | "truncate" | "chmod" | "fchmodat" | "utimensat" | "chown" | "lchown"
        | "fchownat" => true,
        other => [
            "mkdir", "rename", "unlink", "link", "symlink", "rmdir", "mknod",
        ]
        .iter()
        .any(|w| other.starts_with(w)),
    };
    // A directory that was there already was not made.
    if !writes || (name.starts_with("mkdir") && call.contains("EEXIST")) {
        return None;
    }
    // With `-y` a descriptor is followed by its path: `7</state/x>, "name"`.
    let mut paths = Vec::new();
    let mut base = cwd.to_owned();
    for part in arguments.split(", ") {
        if let Some((_, dir)) = part.split_once('<') {
            base = PathBuf::from(dir.split('>').next().unwrap_or_default());
        } else if let Some(path) = part.strip_prefix('"') {
            paths.push(base.join(path.split('"').next().unwrap_or_default()));
        }
    }
    Some(paths)
}

#[test]
fn a_hostile_clone_opens_no_socket_and_writes_nowhere_else() {
    let server = Server::answering(|_| Reply::status(204));
    let sandbox = hostile(&server.url());
    for command in commands(&sandbox) {
        let name = command.name();
        let is_tried = COMMANDS
            .iter()
            .any(|words| *words == name || words.starts_with(&format!("{name} ")));
        assert!(
            is_tried
                || name
                    .split(' ')
                    .next()
                    .is_some_and(|first| APART.contains(&first)),
            "`{name}` is not traced here"
        );
    }
    let own = [sandbox.state(), sandbox.repo().join(".git/sk-sync")];
    let may = |path: &PathBuf| {
        own.iter().any(|dir| path.starts_with(dir)) || path.starts_with("/dev/null")
    };
    let mut event = "none".to_owned();
    for line in COMMANDS {
        let (words, file) = line
            .split_once(" -> ")
            .map_or((line, None), |(words, file)| (words, Some(file)));
        let named = file.map(|file| sandbox.path(file));
        let words = words.replace("EVENT", &event);
        let mut words: Vec<&str> = words.split(' ').collect();
        words.extend(named.iter().map(|path| path.to_str().unwrap()));
        let Some(calls) = traced(&sandbox, &words) else {
            return;
        };
        assert!(calls.len() > 10, "nothing was heard: {line}");
        for call in &calls {
            assert!(
                !call.contains(" socket(") && !call.contains(" connect("),
                "{line}: {call}"
            );
            let strays = changed(call, &sandbox.repo())
                .into_iter()
                .flatten()
                .filter(|path| {
                    // A report is first written to a temporary file next to it.
                    let is_named = named.is_some() && path.parent() == Some(&sandbox.path(""));
                    // The user's `init` writes the repository's file.
                    let is_init = line == "init" && path.parent() == Some(&sandbox.repo());
                    !may(path) && !is_named && !is_init && !is_of_git(line, path)
                });
            let strays: Vec<_> = strays.collect();
            assert!(strays.is_empty(), "{line} writes to {strays:?}: {call}");
        }
        if event == "none" && line.starts_with("events list") {
            let listed = sandbox
                .sk_sync(["events", "list", "--jsonl"])
                .success()
                .json_lines();
            event = listed[0]["event_id"].as_str().unwrap().to_owned();
        }
    }
    assert_eq!(server.connections(), 0);
    // The trace hears a socket, so that silence means something.
    let target = server.url();
    let words = [
        "run",
        "--preset",
        "external-receiver",
        "--target-url",
        &target,
        "--allow-origin",
        &target,
    ];
    let calls = traced(&sandbox, &words).unwrap();
    assert!(
        calls.iter().any(|call| call.contains(" socket(")),
        "no socket was heard"
    );
}

/// A receiver started in a hostile clone listens where the user said, connects nowhere, and writes
/// only the named files.
#[test]
fn a_receiver_in_a_hostile_clone_does_what_its_flags_say() {
    let server = Server::answering(|_| Reply::status(204));
    let sandbox = hostile(&server.url());
    let (log, port, store) = (
        sandbox.path("strace.log"),
        sandbox.path("port"),
        sandbox.path("received.db"),
    );
    let mut words = vec!["serve", "--listen", "127.0.0.1:0", "--port-file"];
    words.extend([port.to_str().unwrap(), "--store", store.to_str().unwrap()]);
    let program = sandbox.command(&words);
    let mut strace = Command::new("strace");
    strace
        .args([
            "-f",
            "-y",
            "-qq",
            "-s",
            "4000",
            "-e",
            "trace=%file,%network",
            "-o",
        ])
        .arg(&log);
    strace
        .arg(program.get_program())
        .args(&words)
        .env_clear()
        .current_dir(sandbox.repo());
    strace.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let Ok(mut tracer) = strace.stdout(std::process::Stdio::null()).spawn() else {
        return;
    };
    let begun = std::time::Instant::now();
    while !port.exists() {
        assert!(
            begun.elapsed() < std::time::Duration::from_mins(1),
            "it does not listen"
        );
        if tracer.try_wait().unwrap().is_some() {
            return;
        }
        crate::support::pause(std::time::Duration::from_millis(5));
    }
    let children = format!("/proc/{0}/task/{0}/children", tracer.id());
    let child = std::fs::read_to_string(children).unwrap();
    assert!(
        Command::new("kill")
            .args(["-TERM", child.trim()])
            .status()
            .unwrap()
            .success()
    );
    tracer.wait().unwrap();
    let calls = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
    assert!(
        calls.contains(" bind(") && calls.contains("inet_addr(\"127.0.0.1\")"),
        "{calls}"
    );
    for call in calls.lines() {
        assert!(!call.contains(" connect("), "{call}");
        let strays = changed(call, &sandbox.repo()).into_iter().flatten();
        let strays: Vec<_> = strays
            .filter(|path| {
                path.parent() != Some(&sandbox.path("")) && !path.starts_with(sandbox.state())
            })
            .filter(|path| !path.starts_with("/dev/null"))
            .collect();
        assert!(strays.is_empty(), "it writes to {strays:?}: {call}");
    }
    assert_eq!(server.connections(), 0);
}
