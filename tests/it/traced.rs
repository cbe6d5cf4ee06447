//! A hostile clone, through every command: no socket is opened, and nothing is written outside of the state directory and
//! `$GIT_COMMON_DIR/sk-sync`, as the system's own calls show.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};

/// A clone whose file says everything that a stranger might want, and whose files lead elsewhere.
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
        ("kitty-specs/storm-surge-alerts-01KQX7M2/research/out.md", elsewhere.join("secret.md")),
        ("kitty-specs/linked", elsewhere.clone()),
        ("kitty-specs/storm-surge-alerts-01KQX7M2/contracts", elsewhere),
    ] {
        let link = sandbox.repo().join(link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, link).unwrap();
    }
    for (name, value) in [("SK_SYNC_TOKEN", "topsecret"), ("SK_SYNC_SECRET_KEY", "topsecret")] {
        sandbox.set(name, value);
    }
    sandbox
}

/// Every command that works on a project, by itself and with what makes it act.
const COMMANDS: [&[&str]; 34] = [
    &["index", "--dry-run"],
    &["run", "--dry-run"],
    &["config", "show", "--origin"],
    &["preflight"],
    &["target", "show"],
    &["target", "list"],
    &["mode"],
    &["allow"],
    &["allow", "--list"],
    &["allow", "--dry-run", "--json"],
    &["hook", "status"],
    &["hook", "install", "--dry-run"],
    &["index"],
    &["run"],
    &["run", "--all", "--json"],
    &["run", "--changed"],
    &["run", "--strict"],
    &["drain"],
    &["capture"],
    &["hook", "run", "post-commit"],
    &["hook", "run", "post-checkout", "0", "1", "1"],
    &["hook", "deliver", "--index"],
    &["status"],
    &["status", "--check", "--json"],
    &["events", "list", "--jsonl", "--envelope"],
    &["events", "explain"],
    &["bodies", "list"],
    &["bodies", "retry"],
    &["migrate"],
    &["migrate", "conflicts"],
    &["verify"],
    &["gc"],
    &["purge", "--queue", "--dry-run"],
    &["replay", "--to", "current", "--dry-run"],
];

/// The system calls of a command and its children that open sockets or change files, with the paths of descriptors.
#[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
fn traced(sandbox: &Sandbox, words: &[&str]) -> Option<Vec<String>> {
    let log = sandbox.path("strace.log");
    let program = sandbox.command(words);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-s", "4000", "-e", "trace=%file,%network", "-o"]).arg(&log);
    strace.arg(program.get_program()).args(words).env_clear().current_dir(sandbox.repo());
    strace.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace.stdin(std::process::Stdio::null());
    match strace.output() {
        Ok(output) if log.exists() && output.status.code().is_some() => {
            let calls = std::fs::read(&log).unwrap();
            std::fs::remove_file(&log).unwrap();
            Some(String::from_utf8_lossy(&calls).lines().map(str::to_owned).collect())
        }
        other => {
            eprintln!("SKIPPED: cannot trace system calls here: {other:?}");
            None
        }
    }
}

/// What a call would change: its paths, made whole. `None` for a call that changes nothing.
fn changed(call: &str, cwd: &Path) -> Option<Vec<PathBuf>> {
    let call = call.split_once(' ')?.1.trim_start();
    let (name, arguments) = call.split_once('(')?;
    let writes = match name {
        "open" | "openat" | "openat2" => {
            ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| arguments.contains(flag))
        }
        "creat" | "truncate" | "chmod" | "fchmodat" | "utimensat" | "chown" | "lchown" | "fchownat" => true,
        other => {
            ["mkdir", "rename", "unlink", "link", "symlink", "rmdir", "mknod"].iter().any(|w| other.starts_with(w))
        }
    };
    if !writes {
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
    let own = [sandbox.state(), sandbox.repo().join(".git/sk-sync")];
    let may = |path: &PathBuf| own.iter().any(|dir| path.starts_with(dir)) || path.starts_with("/dev/null");
    for words in COMMANDS {
        let Some(calls) = traced(&sandbox, words) else { return };
        assert!(calls.len() > 10, "nothing was heard: {words:?}");
        for call in &calls {
            assert!(!call.contains(" socket(") && !call.contains(" connect("), "{words:?}: {call}");
            let strays: Vec<_> =
                changed(call, &sandbox.repo()).into_iter().flatten().filter(|path| !may(path)).collect();
            assert!(strays.is_empty(), "{words:?} writes to {strays:?}: {call}");
        }
    }
    assert_eq!(server.connections(), 0);
    // The trace hears a socket, so that silence means something.
    let target = server.url();
    let words = ["run", "--preset", "external-receiver", "--target-url", &target, "--allow-origin", &target];
    let calls = traced(&sandbox, &words).unwrap();
    assert!(calls.iter().any(|call| call.contains(" socket(")), "no socket was heard");
}
