//! Directories of hooks: configured, linked, shared by work trees, or absent.

use super::{HOOKS, changes, states, surroundings, write_hook};
use crate::support::Sandbox;

#[test]
fn d55_a_hooks_path_and_a_linked_directory_are_respected() {
    for linked in [false, true] {
        let sandbox = Sandbox::with_repo();
        sandbox.write("tools/hooks/pre-commit", "#!/bin/sh\n");
        if linked {
            let hooks = sandbox.repo().join(".git/hooks");
            std::fs::remove_dir_all(&hooks).unwrap();
            std::os::unix::fs::symlink("../tools/hooks", &hooks).unwrap();
        } else {
            sandbox.git(&["config", "core.hooksPath", "tools/hooks"]);
        }
        let before = (surroundings(&sandbox), sandbox.listing());
        let run = sandbox
            .sk_sync(["hook", "install", "--method", "files", "--json"])
            .code(4)
            .json();
        let reason = if linked {
            "linked_directory"
        } else {
            "hooks_path"
        };
        assert_eq!(run["refusals"][0]["reason"], reason, "{run}");
        assert_eq!((surroundings(&sandbox), sandbox.listing()), before);
        for hook in HOOKS {
            write_hook(
                &sandbox,
                &format!("tools/hooks/{hook}"),
                &format!("#!/bin/sh\nsk-sync hook run {hook} \"$@\"\n"),
            );
        }
        assert_eq!(states(&sandbox), ["by_hand"; 4]);
        let run = sandbox
            .sk_sync(["hook", "install", "--method", "files", "--json"])
            .success()
            .json();
        assert_eq!(changes(&run), 0, "{run}");
    }
    // A path to the repository's own directory is not an obstacle.
    let sandbox = Sandbox::with_repo();
    sandbox.git(&["config", "core.hooksPath", ".git/hooks"]);
    assert_eq!(
        changes(
            &sandbox
                .sk_sync(["hook", "install", "--method", "files", "--json"])
                .success()
                .json()
        ),
        4
    );
}

/// Every work tree of a repository shares its hooks; a submodule has its own.
#[test]
fn work_trees_share_hooks_and_submodules_do_not() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("GIT_ALLOW_PROTOCOL", "file");
    let library = Sandbox::with_repo();
    sandbox.git(&["worktree", "add", "--quiet", "../side"]);
    let url = library.repo().display().to_string();
    sandbox.git(&["submodule", "--quiet", "add", &url, "sub module"]);
    let side = sandbox.path("side").display().to_string();
    let run = sandbox
        .sk_sync([
            "--repo", &side, "hook", "install", "--method", "files", "--json",
        ])
        .success()
        .json();
    assert_eq!(changes(&run), 4, "{run}");
    assert_eq!(states(&sandbox), ["file"; 4]);
    let sub = ["--repo", "sub module", "hook", "status", "--json"];
    let status = sandbox.sk_sync(sub).success().json();
    assert_eq!(status["installed"], false, "{status}");
    let run = sandbox
        .sk_sync([
            "--repo",
            "sub module",
            "hook",
            "install",
            "--method",
            "files",
            "--json",
        ])
        .success()
        .json();
    assert_eq!(changes(&run), 4, "{run}");
    assert!(
        sandbox
            .repo()
            .join(".git/modules/sub module/hooks/post-commit")
            .is_file()
    );
}

#[test]
fn where_there_is_no_work_tree_there_is_nothing_to_hook_into() {
    let sandbox = Sandbox::new();
    let plain = sandbox.sk_sync(["hook", "install"]).code(2);
    assert!(plain.stderr.contains("no git repository"), "{plain:?}");
    sandbox.git(&["init", "--quiet", "--bare", "bare.git"]);
    let bare = sandbox
        .sk_sync(["--repo", "bare.git", "hook", "install"])
        .code(2);
    assert!(bare.stderr.contains("no work tree"), "{bare:?}");
}
