//! Git, as started by sk-sync, runs no program and no option of a repository, whatever its
//! configuration, index, objects and logs contain.
#![cfg(unix)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Sandbox;
use crate::support::programs::{newer_git, prefer};

/// Commands that a user may run in an untrusted repository.
const COMMANDS: [&[&str]; 11] = [
    &["status"],
    &["run"],
    &["run", "--dry-run"],
    &["index"],
    &["preflight"],
    &["config", "show"],
    &["verify"],
    &["target", "show"],
    &["migrate", "--dry-run"],
    &["hook", "status"],
    &["hook", "run", "post-commit"],
];

const IDENTITY: &str = "[project]\nuuid = \"7e57ab1e-0000-4000-8000-000000000001\"\nslug = \"s\"\n";

/// A script that leaves a trace.
fn trap(sandbox: &Sandbox, name: &str) -> std::path::PathBuf {
    let script = sandbox.path(name);
    std::fs::write(
        &script,
        format!(
            "#!/bin/sh\ntouch '{}'\nexit 1\n",
            sandbox.path("ran").display()
        ),
    )
    .unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script
}

fn commit(sandbox: &Sandbox) {
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--message=x"]);
}

/// Gives every command, and names those after which the trap has left its trace.
fn ran(sandbox: &Sandbox, dir: &Path) -> String {
    let trace = sandbox.path("ran");
    let mut found = String::new();
    for words in COMMANDS {
        let output = sandbox.command(words).current_dir(dir).output().unwrap();
        assert!(output.status.code().is_some(), "{words:?}: {output:?}");
        if std::fs::remove_file(&trace).is_ok() {
            let _infallible = writeln!(found, "{words:?}");
        }
    }
    found
}

/// Configuration of a clone that lacks objects and lets a program fetch them.
fn fetching(trap: &Path) -> String {
    format!(
        "[core]\n\trepositoryformatversion = 1\n\tbare = false\n[extensions]\n\tpartialClone = origin\n\
         [remote \"origin\"]\n\turl = .\n\tpromisor = true\n\tuploadpack = {}\n[index]\n\tsparse = true\n",
        trap.display()
    )
}

/// An index with one directory in place of its files, whose tree is not there.
fn sparse_index() -> Vec<u8> {
    let mut index = b"DIRC\0\0\0\x03\0\0\0\x01".to_vec();
    index.extend([0; 24]);
    index.extend([0, 0, 0o100, 0]); // mode 040000
    index.extend([0; 12]);
    index.extend([0x11; 20]);
    index.extend([0x40, 2, 0x40, 0]); // extended, two bytes of name; skip-worktree
    index.extend(b"d/\0\0\0\0\0\0");
    index.extend(b"sdir\0\0\0\0");
    let mut sum = Command::new("sha1sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    sum.stdin.take().unwrap().write_all(&index).unwrap();
    let hex = String::from_utf8(sum.wait_with_output().unwrap().stdout).unwrap();
    index.extend((0..20).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()));
    index
}

#[test]
fn a_missing_object_is_not_fetched() {
    let sandbox = Sandbox::new();
    let trap = trap(&sandbox, "upload-pack");
    sandbox.git(&["init", "--quiet"]);
    sandbox.write("kitty-specs/001-x/spec.md", "# s\n");
    sandbox.write("event-sync.toml", "preset = \"stub\"\n");
    commit(&sandbox);
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let (first, rest) = head.trim().split_at(2);
    std::fs::remove_file(sandbox.repo().join(".git/objects").join(first).join(rest)).unwrap();
    sandbox.write(".git/config", fetching(&trap));
    assert_eq!(ran(&sandbox, &sandbox.repo()), "");
}

/// A directory of an ordinary clone that git takes for a repository: files in place of `objects`
/// and `refs` will do.
#[test]
fn a_tracked_directory_is_not_a_repository() {
    let sandbox = Sandbox::new();
    let trap = trap(&sandbox, "upload-pack");
    sandbox.git(&["init", "--quiet"]);
    sandbox.write("sub/kitty-specs/001-x/spec.md", "# s\n");
    sandbox.write("sub/.kittify/sync/overflow-1.jsonl", "{}\n");
    sandbox.write("sub/event-sync.toml", IDENTITY);
    sandbox.write("sub/HEAD", "ref: refs/heads/main\n");
    for name in ["objects", "refs"] {
        sandbox.write(&format!("sub/{name}"), "");
        let path = sandbox.repo().join("sub").join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    sandbox.write(
        "sub/config",
        format!("{}[core]\n\tworktree = .\n", fetching(&trap)),
    );
    std::fs::write(sandbox.repo().join("sub/index"), sparse_index()).unwrap();
    commit(&sandbox);
    assert_eq!(ran(&sandbox, &sandbox.repo().join("sub")), "");
    assert_eq!(ran(&sandbox, &sandbox.repo()), "");
}

#[test]
fn signatures_are_not_checked() {
    let sandbox = Sandbox::new();
    let trap = trap(&sandbox, "gpg");
    sandbox.git(&["init", "--quiet"]);
    sandbox.write("kitty-specs/001-x/spec.md", "# s\n");
    sandbox.write("event-sync.toml", IDENTITY);
    commit(&sandbox);
    assert!(
        sandbox
            .sk_sync(["hook", "install"])
            .success()
            .stdout
            .contains("post-commit")
    );
    let commit = sandbox.git(&["cat-file", "commit", "HEAD"]);
    let signature =
        "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n\n";
    std::fs::write(
        sandbox.path("signed"),
        commit.replacen("\n\n", signature, 1),
    )
    .unwrap();
    let signed = sandbox.path("signed").display().to_string();
    let signed = sandbox.git(&["hash-object", "-t", "commit", "-w", &signed]);
    sandbox.git(&["config", "log.showSignature", "true"]);
    sandbox.git(&["config", "gpg.program", &trap.display().to_string()]);
    let later = "99999999999";
    let log = format!(
        "{:040} {} a <a@example.org> {later} +0000\tcommit: x\n",
        0,
        signed.trim()
    );
    sandbox.write(".git/logs/HEAD", log);
    assert_eq!(ran(&sandbox, &sandbox.repo()), "");
}

#[test]
fn a_log_gives_git_no_option() {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet"]);
    sandbox.write("kitty-specs/001-x/spec.md", "# s\n");
    sandbox.write("event-sync.toml", IDENTITY);
    commit(&sandbox);
    assert!(
        sandbox
            .sk_sync(["hook", "install"])
            .success()
            .stdout
            .contains("post-commit")
    );
    let precious = sandbox.path("precious");
    std::fs::create_dir(sandbox.path("sub")).unwrap();
    std::fs::write(&precious, "mine\n").unwrap();
    let option = format!("--output={}/", sandbox.path("sub").display());
    for (old, new) in [
        (&*option, "/precious"),
        ("0", &*format!("--output={}", precious.display())),
    ] {
        sandbox.write(
            ".git/logs/HEAD",
            format!("{old} {new} a <a@example.org> 99999999999 +0000\tcommit: x\n"),
        );
        assert_eq!(ran(&sandbox, &sandbox.repo()), "");
        assert_eq!(
            std::fs::read_to_string(&precious).unwrap(),
            "mine\n",
            "{old}"
        );
    }
}

/// A pipe in place of the log: nothing waits for a writer.
#[test]
fn a_log_that_is_a_pipe_is_not_waited_for() {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet"]);
    sandbox.write("kitty-specs/001-x/spec.md", "# s\n");
    sandbox.write("event-sync.toml", IDENTITY);
    commit(&sandbox);
    assert!(
        sandbox
            .sk_sync(["hook", "install"])
            .success()
            .stdout
            .contains("post-commit")
    );
    let log = sandbox.repo().join(".git/logs/HEAD");
    std::fs::remove_file(&log).unwrap();
    assert!(Command::new("mkfifo").arg(&log).status().unwrap().success());
    assert_eq!(ran(&sandbox, &sandbox.repo()), "");
}

/// `.git/config` as a link to the user's own configuration: our hooks are not written there.
#[test]
fn hooks_are_not_written_through_a_link() {
    let Some(git) = newer_git() else { return };
    let mut sandbox = Sandbox::with_repo();
    prefer(&mut sandbox, &[&git]);
    let config = sandbox.repo().join(".git/config");
    let own = sandbox.path("own-config");
    std::fs::rename(&config, &own).unwrap();
    std::os::unix::fs::symlink(&own, &config).unwrap();
    let before = std::fs::read(&own).unwrap();
    let run = sandbox
        .sk_sync(["hook", "install", "--method", "config"])
        .code(1);
    assert!(run.stderr.contains("it is a link"), "{run:?}");
    assert_eq!(std::fs::read(&own).unwrap(), before);
}
