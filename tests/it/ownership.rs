//! Owners of files: a shared directory may contain files of another user, in the repository or in
//! the state directory.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::Sandbox;
use crate::support::rights::{as_stranger, mode, mode_of};
use crate::support::wire::envelope;

/// Gives a file or a directory with all in it to a user.
fn give(path: impl AsRef<Path>, owner: &str) {
    let given = Command::new("chown")
        .args(["-R", "-h", owner])
        .arg(path.as_ref())
        .status();
    assert!(given.unwrap().success());
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
fn skipped() {
    eprintln!("SKIPPED: not root, so nothing can be given to another user");
}

/// A repository of another user is not trusted: no token, no document, no file of ours is used;
/// git's exceptions apply.
#[test]
fn a_repository_of_another_user_is_refused_as_git_does() {
    if !is_root() {
        return skipped();
    }
    for planted in [".git", "event-sync.toml", ".kittify", ""] {
        let mut sandbox = Sandbox::with_repo();
        give(sandbox.repo().join(planted), "65534:65534");
        for words in [
            &["run"][..],
            &["index"],
            &["status"],
            &["target", "show"],
            &["allow", "--list"],
        ] {
            let run = sandbox.sk_sync(words).code(2);
            assert!(
                run.stderr.contains("belongs to another user"),
                "{planted} {words:?}: {}",
                run.stderr
            );
            assert!(
                run.stderr
                    .contains("git config --global --add safe.directory "),
                "{planted}: {}",
                run.stderr
            );
        }
        assert_eq!(
            std::fs::read_dir(sandbox.state()).unwrap().count(),
            0,
            "{planted}"
        );
        assert!(!sandbox.repo().join(".git/sk-sync").exists());
        // The hint works, and so does git's own way under sudo.
        let root = sandbox.repo().canonicalize().unwrap().display().to_string();
        let config = sandbox.path("gitconfig");
        for (value, code) in [(root.as_str(), 0), ("*", 0), ("/elsewhere", 2)] {
            std::fs::write(&config, format!("[safe]\n\tdirectory = {value}\n")).unwrap();
            sandbox.change("GIT_CONFIG_GLOBAL", config.to_str().unwrap());
            let _run = sandbox.sk_sync(["status"]).code(code);
        }
        sandbox.unset("GIT_CONFIG_GLOBAL");
        sandbox.set("SUDO_UID", "65534");
        let _run = sandbox.sk_sync(["run"]).success();
    }
}

/// A file of the repository cannot declare the repository safe.
#[test]
fn a_repository_cannot_call_itself_safe() {
    if !is_root() {
        return skipped();
    }
    let sandbox = Sandbox::with_repo();
    sandbox.git(&["config", "safe.directory", "*"]);
    give(sandbox.repo().join(".git"), "65534:65534");
    let _run = sandbox.sk_sync(["run"]).code(2);
}

/// In a world-writable directory another user's `.git` in a parent directory is not used either.
#[test]
fn a_git_directory_planted_above_is_refused() {
    if !is_root() {
        return skipped();
    }
    let sandbox = Sandbox::with_repo();
    let mine = sandbox.repo().join("mine");
    std::fs::create_dir(&mine).unwrap();
    give(sandbox.repo().join(".git"), "65534:65534");
    let run = sandbox.sk_sync(["--repo", "mine", "run"]).code(2);
    assert!(
        run.stderr.contains("belongs to another user"),
        "{}",
        run.stderr
    );
}

/// A state directory that another user owns or may write to could contain consents in this user's
/// name.
#[test]
fn a_state_directory_that_others_can_change_is_refused() {
    if !is_root() {
        return skipped();
    }
    let sandbox = Sandbox::with_repo();
    let _first = sandbox.sk_sync(["run"]).success();
    for open in [0o777, 0o1777, 0o720] {
        mode(sandbox.state(), open);
        let run = sandbox.sk_sync(["run"]).code(2);
        assert!(
            run.stderr.contains("can be written to by others") && run.stderr.contains("chmod go-w"),
            "{}",
            run.stderr
        );
    }
    mode(sandbox.state(), 0o755);
    mode(sandbox.store(), 0o666);
    let _fixed = sandbox
        .sk_sync_with(["capture"], envelope("event-1", "a1", "x") + "\n")
        .success();
    assert_eq!(mode_of(sandbox.store()) & 0o777, 0o600);
    for theirs in [sandbox.state(), sandbox.place(), sandbox.place().join("..")] {
        let theirs = theirs.canonicalize().unwrap();
        assert!(
            Command::new("chown")
                .arg("65534")
                .arg(&theirs)
                .status()
                .unwrap()
                .success()
        );
        let run = sandbox.sk_sync(["status"]).code(2);
        assert!(
            run.stderr.contains("belongs to another user"),
            "{}: {}",
            theirs.display(),
            run.stderr
        );
        assert!(
            Command::new("chown")
                .arg("0")
                .arg(&theirs)
                .status()
                .unwrap()
                .success()
        );
    }
    mode(sandbox.path(""), 0o755);
    if let Some(run) = as_stranger(&sandbox, &["status"]) {
        assert!(run.code(2).stderr.contains("belongs to another user"));
    }
}

/// A directory on the path to the state directory that another user may rename, checked like ssh
/// does: that user could replace the state directory.
#[test]
fn the_way_to_the_state_directory_is_looked_at() {
    if !is_root() {
        return skipped();
    }
    let mut sandbox = Sandbox::with_repo();
    let way = sandbox.path("way");
    std::fs::create_dir_all(way.join("mine")).unwrap();
    sandbox.change("SK_SYNC_HOME", way.join("mine/state").to_str().unwrap());
    for (open, group, code) in [
        (0o755, 0, 0),
        (0o777, 0, 2),
        (0o1777, 0, 0),
        (0o775, 0, 0),
        (0o775, 65534, 2),
        (0o1775, 65534, 0),
        (0o757, 0, 2),
    ] {
        std::os::unix::fs::chown(&way, None, Some(group)).unwrap();
        mode(&way, open);
        let run = sandbox.sk_sync(["run"]).code(code);
        let is_named =
            run.stderr.contains("can be written to by others") && run.stderr.contains("chmod go-w");
        assert_eq!(is_named, code == 2, "{open:o} {group}: {}", run.stderr);
    }
    mode(&way, 0o777);
    let elsewhere = sandbox.path("elsewhere");
    symlink(way.join("mine"), &elsewhere).unwrap();
    sandbox.change("SK_SYNC_HOME", elsewhere.join("state").to_str().unwrap());
    let _through_a_link = sandbox.sk_sync(["status"]).code(2);
    // Another user's directory, for one who is not root.
    mode(&way, 0o755);
    for dir in [&way.join("mine"), &way.join("mine/state")] {
        give(dir, "65534:65534");
    }
    give(sandbox.repo(), "65534:65534");
    std::os::unix::fs::chown(&way, Some(12345), None).unwrap();
    sandbox.change("SK_SYNC_HOME", way.join("mine/state").to_str().unwrap());
    if let Some(run) = as_stranger(&sandbox, &["status"]) {
        assert!(run.code(2).stderr.contains("way belongs to another user"));
        std::os::unix::fs::chown(&way, Some(0), None).unwrap();
        let _own = as_stranger(&sandbox, &["status"]).unwrap().success();
    }
    give(sandbox.path(""), "0:0");
    sandbox.spoilt();
}

/// Links and pipes in the state directory, as a restored cache may bring them: refused, not
/// followed, not waited for.
#[test]
fn what_is_planted_in_the_state_directory_is_neither_followed_nor_waited_for() {
    let sandbox = Sandbox::with_repo();
    let _first = sandbox.sk_sync(["run"]).success();
    let secret = sandbox.path("secret");
    std::fs::write(&secret, "untouched").unwrap();
    let place = sandbox.place();
    let names = [
        "store.db-wal",
        "grants.json",
        "settings.toml",
        "last-run.json",
        "stub.db",
        "spool.lines",
        "drain.lock",
        "drain.holder",
        "hook.log",
        "hook.owed",
        "repository.json",
        "older-stores.adopted",
        "checkouts",
    ];
    let everywhere = names.iter().map(|name| place.join(name));
    let above = ["older-stores.json", "migrate.lock", "unassigned"]
        .iter()
        .map(|name| sandbox.state().join(name));
    for path in everywhere.chain(above) {
        let aside = path.with_extension("aside");
        let was_there = std::fs::rename(&path, &aside).is_ok();
        for is_pipe in [false, true] {
            if is_pipe {
                assert!(
                    Command::new("mkfifo")
                        .arg(&path)
                        .status()
                        .unwrap()
                        .success()
                );
            } else {
                symlink(&secret, &path).unwrap();
            }
            for words in [
                &["run"][..],
                &["status"],
                &["verify"],
                &["allow", "--list"],
                &["hook", "run", "post-commit"],
            ] {
                let run = sandbox.sk_sync(words);
                let is_hook = words[0] == "hook";
                assert_eq!(
                    run.code,
                    Some(if is_hook { 0 } else { 2 }),
                    "{} {words:?}: {run:?}",
                    path.display()
                );
                assert!(
                    run.stderr.contains("cannot use the state directory"),
                    "{} {words:?}: {run:?}",
                    path.display()
                );
            }
            std::fs::remove_file(&path).unwrap();
        }
        if was_there {
            std::fs::rename(&aside, &path).unwrap();
        }
    }
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "untouched");
    let _last = sandbox.sk_sync(["run"]).success();
}
