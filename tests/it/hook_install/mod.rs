//! `hook install`, `uninstall`, `status` with a real git: existing hooks are never changed, and
//! uninstalling leaves nothing.

mod newer_git;
mod places;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::programs::skip;

const HOOKS: [&str; 4] = ["post-commit", "post-merge", "post-rewrite", "post-checkout"];

/// Every file of the repository's git directory that hooks concern, with its bytes and mode.
fn surroundings(sandbox: &Sandbox) -> Vec<(PathBuf, Vec<u8>, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let git_dir = sandbox.repo().join(".git");
    let hooks = std::fs::read_dir(git_dir.join("hooks"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = hooks
        .chain([git_dir.join("config"), git_dir.join("hooks")])
        .collect();
    paths.sort();
    let look = |path: PathBuf| {
        let mode = std::fs::symlink_metadata(&path).ok()?.permissions().mode();
        Some((path.clone(), std::fs::read(&path).unwrap_or_default(), mode))
    };
    paths.into_iter().filter_map(look).collect()
}

pub(crate) fn write_hook(sandbox: &Sandbox, file: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    sandbox.write(file, text);
    std::fs::set_permissions(
        sandbox.repo().join(file),
        std::fs::Permissions::from_mode(0o755),
    )
    .unwrap();
}

pub(crate) fn states(sandbox: &Sandbox) -> Vec<String> {
    let status = sandbox
        .sk_sync(["hook", "status", "--json"])
        .success()
        .json();
    let hooks = status["hooks"].as_array().unwrap();
    hooks
        .iter()
        .map(|hook| hook["state"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn changes(document: &Value) -> usize {
    document["changes"].as_array().unwrap().len()
}

#[test]
fn files_come_once_and_go_without_a_trace() {
    for with_samples in [true, false] {
        let sandbox = Sandbox::with_repo();
        let hooks = sandbox.repo().join(".git/hooks");
        if with_samples {
            sandbox.write(".git/hooks/pre-push.sample", "#!/bin/sh\n");
        } else {
            std::fs::remove_dir_all(&hooks).unwrap();
        }
        let before = surroundings(&sandbox);
        let planned = sandbox
            .sk_sync([
                "hook",
                "install",
                "--method",
                "files",
                "--dry-run",
                "--json",
            ])
            .success()
            .json();
        assert_eq!(
            (changes(&planned), surroundings(&sandbox)),
            (4, before.clone())
        );
        let done = sandbox
            .sk_sync(["hook", "install", "--method", "files", "--json"])
            .success()
            .json();
        assert_eq!(
            (&done["method"], changes(&done)),
            (&json!("files"), 4),
            "{done}"
        );
        assert_eq!(states(&sandbox), ["file"; 4]);
        for hook in HOOKS {
            let shipped =
                std::fs::read_to_string(format!("{}/hooks/{hook}", env!("CARGO_MANIFEST_DIR")))
                    .unwrap();
            let written = std::fs::read_to_string(hooks.join(hook)).unwrap();
            let head = shipped.split_once("\ncommand").unwrap().0;
            assert!(
                written.starts_with(head) && written.contains("\nprogram='/"),
                "{written}"
            );
        }
        let installed = surroundings(&sandbox);
        let again = sandbox
            .sk_sync(["hook", "install", "--method", "files", "--json"])
            .success()
            .json();
        assert_eq!(
            (changes(&again), surroundings(&sandbox)),
            (0, installed.clone())
        );
        let planned = sandbox
            .sk_sync(["hook", "uninstall", "--dry-run", "--json"])
            .success()
            .json();
        assert_eq!((changes(&planned), surroundings(&sandbox)), (5, installed));
        let gone = sandbox
            .sk_sync(["hook", "uninstall", "--json"])
            .success()
            .json();
        assert_eq!(
            (changes(&gone), surroundings(&sandbox)),
            (5, before.clone())
        );
        assert_eq!(states(&sandbox), ["absent"; 4]);
        let again = sandbox
            .sk_sync(["hook", "uninstall", "--json"])
            .success()
            .json();
        assert_eq!((changes(&again), surroundings(&sandbox)), (0, before));
    }
}

#[test]
fn d55_a_foreign_hook_stays_byte_for_byte_and_stops_the_installation() {
    let sandbox = Sandbox::with_repo();
    write_hook(
        &sandbox,
        ".git/hooks/post-merge",
        "#!/bin/sh\nmake tags # sk-sync hook run post-commit\n",
    );
    let before = surroundings(&sandbox);
    let run = sandbox
        .sk_sync(["hook", "install", "--method", "files", "--json"])
        .code(4);
    let refused = run.json()["refusals"][0].clone();
    assert_eq!(refused["reason"], "foreign_hook", "{refused}");
    assert!(
        refused["fix"]
            .as_str()
            .unwrap()
            .ends_with("sk-sync hook run post-merge \"$@\" || :"),
        "{refused}"
    );
    assert_eq!(
        surroundings(&sandbox),
        before,
        "none of the others was installed either"
    );
    assert_eq!(states(&sandbox), ["absent", "foreign", "absent", "absent"]);
    let said = sandbox
        .sk_sync(["hook", "install", "--method", "files"])
        .code(4)
        .stderr;
    assert!(
        said.contains("post-merge is not from sk-sync") && said.contains("add this line"),
        "{said}"
    );

    // A person follows the advice: then the rest is installed, and theirs is still theirs.
    write_hook(
        &sandbox,
        ".git/hooks/post-merge",
        "#!/bin/sh\nmake tags\nsk-sync hook run post-merge \"$@\" || :\n",
    );
    let own = std::fs::read(sandbox.repo().join(".git/hooks/post-merge")).unwrap();
    sandbox
        .sk_sync(["hook", "install", "--method", "files"])
        .success()
        .stdout
        .lines()
        .for_each(|line| {
            assert!(!line.contains("post-merge"), "{line}");
        });
    assert_eq!(states(&sandbox), ["file", "by_hand", "file", "file"]);
    let taken = sandbox
        .sk_sync(["hook", "uninstall", "--json"])
        .success()
        .json();
    assert_eq!(taken["refusals"][0]["reason"], "by_hand", "{taken}");
    assert_eq!(
        std::fs::read(sandbox.repo().join(".git/hooks/post-merge")).unwrap(),
        own
    );
}

#[test]
fn links_and_edited_hooks_of_ours_are_foreign_too() {
    let sandbox = Sandbox::with_repo();
    sandbox
        .sk_sync(["hook", "install", "--method", "files"])
        .success()
        .stdout
        .clear();
    let path = sandbox.repo().join(".git/hooks/post-rewrite");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    write_hook(
        &sandbox,
        ".git/hooks/post-commit",
        "#!/bin/sh\n# once from sk-sync\nexit 0\n",
    );
    let before = surroundings(&sandbox);
    let run = sandbox
        .sk_sync(["hook", "install", "--method", "files", "--json"])
        .code(4)
        .json();
    assert_eq!(run["refusals"].as_array().unwrap().len(), 2, "{run}");
    assert_eq!(surroundings(&sandbox), before);
    sandbox
        .sk_sync(["hook", "uninstall"])
        .success()
        .stdout
        .clear();
    assert_eq!(states(&sandbox), ["foreign", "absent", "foreign", "absent"]);
    assert!(path.symlink_metadata().is_ok());
}

#[test]
fn a_hook_manager_keeps_its_hooks_and_gets_a_stanza() {
    for (file, text, manager) in [
        ("lefthook.yml", "pre-commit:\n  commands: {}\n", "lefthook"),
        (".pre-commit-config.yaml", "repos: []\n", "pre-commit"),
        (".husky/pre-commit", "npm test\n", "husky"),
    ] {
        let sandbox = Sandbox::with_repo();
        sandbox.write(file, text);
        let before = sandbox.listing();
        let run = sandbox
            .sk_sync(["hook", "install", "--json"])
            .success()
            .json();
        if run["method"] == "config" {
            // The git of this machine is new enough to need no manager.
            continue;
        }
        assert_eq!(
            (&run["manager"]["name"], changes(&run)),
            (&json!(manager), 0),
            "{run}"
        );
        assert_eq!(sandbox.listing(), before);
        let shown = sandbox.sk_sync(["hook", "install"]).success();
        assert!(
            HOOKS
                .iter()
                .all(|hook| shown.stdout.contains(&format!("sk-sync hook run {hook}"))),
            "{shown:?}"
        );
        assert!(shown.stderr.contains(manager), "{shown:?}");
        assert_eq!(states(&sandbox), ["absent"; 4]);
        if manager == "husky" {
            for hook in HOOKS {
                sandbox.write(
                    &format!(".husky/{hook}"),
                    format!("sk-sync hook run {hook} \"$@\" || :\n"),
                );
            }
        } else {
            sandbox.write(file, format!("{text}{}", shown.stdout));
        }
        assert_eq!(states(&sandbox), ["manager"; 4]);
        let done = sandbox
            .sk_sync(["hook", "install", "--json"])
            .success()
            .json();
        assert_eq!(
            (&done["manager"], changes(&done)),
            (&Value::Null, 0),
            "{done}"
        );
    }
}

/// The examples for copying equal what the program prints and writes, and are valid in every shell.
#[test]
fn the_shipped_examples_and_scripts_hold() {
    let shipped = |name: &str| {
        std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    for (file, example) in [
        ("lefthook.yml", "hooks/lefthook.yml"),
        (".pre-commit-config.yaml", "hooks/pre-commit-config.yaml"),
    ] {
        let sandbox = Sandbox::with_repo();
        sandbox.write(file, "");
        let shown = sandbox.sk_sync(["hook", "install"]).success().stdout;
        if !shown.contains("git's configuration") && !shown.contains("hook.sk-sync") {
            assert_eq!(shown, shipped(example), "{example}");
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let hooks = HOOKS.map(|hook| root.join("hooks").join(hook));
    let scripts = ["packaging/assets.sh", "packaging/archive.sh"].map(|script| root.join(script));
    let action =
        ["install.sh", "run.sh"].map(|script| root.join(".github/actions/sk-sync").join(script));
    let Ok(checked) = std::process::Command::new("shellcheck")
        .args(hooks)
        .args(scripts)
        .args(action)
        .output()
    else {
        skip("there is no shellcheck: the scripts are not checked");
        return;
    };
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stdout)
    );
}
