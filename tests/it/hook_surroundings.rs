//! Environments of hooks: GUI clients, linked work trees, other hook directories, jj next to git.

use serde_json::json;

use crate::hook_install::{changes, states, write_hook};
use crate::support::Sandbox;
use crate::support::programs::{newer_git, prefer};

/// A git client with a graphical surface starts hooks with a PATH that does not lead to the
/// program.
#[test]
fn a_hook_finds_the_program_where_the_path_is_short() {
    let newer = newer_git();
    for method in ["files", "config"] {
        let mut sandbox = Sandbox::with_repo();
        if method == "config" {
            let Some(git) = &newer else { continue };
            prefer(&mut sandbox, &[git]);
        }
        let _run = sandbox
            .sk_sync(["hook", "install", "--method", method])
            .success();
        let git = newer.clone().filter(|_| method == "config");
        let git = git.map_or_else(|| "git".to_owned(), |git| git.display().to_string());
        sandbox.change("PATH", "/usr/bin:/bin");
        sandbox.write("kitty-specs/002-tide-gauge-survey/plan.md", "# Changed\n");
        sandbox.shell(&format!("{git} commit --quiet --all --message=second"));
        let events = sandbox
            .sk_sync(["events", "list", "--jsonl"])
            .success()
            .json_lines();
        assert!(!events.is_empty(), "{method}: the hook captured");
        let status = sandbox
            .sk_sync(["hook", "status", "--json"])
            .success()
            .json();
        assert_eq!(
            (&status["not_captured"], &status["on_path"]),
            (&json!(0), &json!(false)),
            "{status}"
        );
    }
}

#[test]
fn a_hook_of_another_place_is_outdated_and_brought_up_to_date() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox
        .sk_sync(["hook", "install", "--method", "files"])
        .success();
    let file = sandbox.repo().join(".git/hooks/post-commit");
    let text = std::fs::read_to_string(&file).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("program="))
        .unwrap();
    std::fs::write(&file, text.replace(line, "program='/opt/old/sk-sync'")).unwrap();
    let example =
        std::fs::read(format!("{}/hooks/post-merge", env!("CARGO_MANIFEST_DIR"))).unwrap();
    std::fs::write(sandbox.repo().join(".git/hooks/post-merge"), example).unwrap();
    assert_eq!(states(&sandbox), ["outdated", "outdated", "file", "file"]);
    let run = sandbox
        .sk_sync(["hook", "install", "--method", "files", "--json"])
        .success()
        .json();
    assert_eq!(changes(&run), 4, "each is removed and written: {run}");
    assert_eq!(
        (states(&sandbox), std::fs::read_to_string(&file).unwrap()),
        (vec!["file".to_owned(); 4], text)
    );
}

/// If something prevents hooks from running, `hook status` reports commits without a capture.
#[test]
fn commits_that_no_hook_captured_are_told() {
    let mut sandbox = Sandbox::with_repo();
    let _run = sandbox
        .sk_sync(["hook", "install", "--method", "files"])
        .success();
    let _run = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    let later = "2098-01-01T00:00:00Z";
    sandbox.set("GIT_COMMITTER_DATE", later);
    sandbox.write("README.md", "no mission");
    sandbox
        .shell("git add --all && git -c core.hooksPath=/dev/null commit --quiet --message=other");
    let told = |sandbox: &Sandbox| {
        sandbox
            .sk_sync(["hook", "status", "--json"])
            .success()
            .json()["not_captured"]
            .clone()
    };
    assert_eq!(told(&sandbox), 0, "no mission was changed");
    for n in 0..2 {
        sandbox.write(
            "kitty-specs/002-tide-gauge-survey/plan.md",
            format!("# {n}\n"),
        );
        sandbox.shell("git -c core.hooksPath=/dev/null commit --quiet --all --message=unseen");
    }
    assert_eq!(told(&sandbox), 2);
    let said = sandbox.sk_sync(["hook", "status"]).success().stderr;
    assert!(
        said.contains("2 commits changed missions after a hook last looked"),
        "{said}"
    );
    assert!(said.contains("Next: `sk-sync run`"), "{said}");
}

/// A hint must not lead back to itself: if an installation refuses, the status shows the
/// installation's hint.
#[test]
fn the_status_advises_what_an_installation_would_need() {
    let sandbox = Sandbox::with_repo();
    if sandbox
        .sk_sync(["hook", "status", "--json"])
        .success()
        .json()["config_hooks"]
        == true
    {
        return;
    }
    let next = |sandbox: &Sandbox| {
        let said = sandbox.sk_sync(["hook", "status"]).success().stderr;
        let next: Vec<_> = said
            .lines()
            .filter_map(|line| line.strip_prefix("Next: "))
            .map(str::to_owned)
            .collect();
        next.join("\n")
    };
    assert_eq!(next(&sandbox), "`sk-sync hook install`");
    sandbox.write("tools/hooks/pre-commit", "#!/bin/sh\n");
    sandbox.git(&["config", "core.hooksPath", "tools/hooks"]);
    let _refused = sandbox.sk_sync(["hook", "install"]).code(4);
    let advice = next(&sandbox);
    assert!(
        advice.contains("sk-sync hook run post-commit") && !advice.contains("hook install"),
        "{advice}"
    );
    sandbox.git(&["config", "--unset", "core.hooksPath"]);
    write_hook(&sandbox, ".git/hooks/post-merge", "#!/bin/sh\nmake tags\n");
    let _refused = sandbox.sk_sync(["hook", "install"]).code(4);
    assert!(
        next(&sandbox).contains("add this line to it"),
        "{}",
        next(&sandbox)
    );
    sandbox.write("lefthook.yml", "pre-commit: {}\n");
    assert!(
        next(&sandbox).contains("lefthook.yml"),
        "{}",
        next(&sandbox)
    );
}

/// Jujutsu shares the repository and calls no hooks; git's commands in the same checkout do.
#[test]
fn a_checkout_shared_with_jj_is_told_and_works() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox
        .sk_sync(["hook", "install", "--method", "files"])
        .success();
    std::fs::create_dir_all(sandbox.repo().join(".jj/repo")).unwrap();
    std::fs::write(sandbox.repo().join(".jj/.gitignore"), "/*\n").unwrap();
    sandbox.git(&["checkout", "--quiet", "--detach"]);
    let status = sandbox
        .sk_sync(["hook", "status", "--json"])
        .success()
        .json();
    assert_eq!(status["jj"], true, "{status}");
    assert!(
        sandbox
            .sk_sync(["hook", "status"])
            .success()
            .stderr
            .contains("jj runs no git hooks")
    );
    let captured = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (
            &captured["index"]["missions"],
            &captured["capture"]["captured"]
        ),
        (&json!(3), &json!(23)),
        "{captured}"
    );
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

/// A commit in a linked work tree runs the shared hook, and its capture is of that tree.
#[test]
fn a_commit_in_a_linked_work_tree_is_captured() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox
        .sk_sync(["hook", "install", "--method", "files"])
        .success();
    sandbox.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let plan = sandbox
        .path("side")
        .join("kitty-specs/002-tide-gauge-survey/plan.md");
    std::fs::write(plan, "# Only here\n").unwrap();
    sandbox.shell("cd ../side && PATH=/usr/bin:/bin git commit --quiet --all --message=aside");
    let side = sandbox.path("side").display().to_string();
    let status = sandbox
        .sk_sync(["--repo", &side, "hook", "status", "--json"])
        .success()
        .json();
    assert_eq!(
        (&status["installed"], &status["not_captured"]),
        (&json!(true), &json!(0)),
        "{status}"
    );
    let again = sandbox
        .sk_sync(["--repo", &side, "index", "--json"])
        .success()
        .json();
    assert_eq!(again["capture"]["captured"], 0, "the hook had it: {again}");
}

/// A project in a larger repository: the hook belongs to the repository, and changes of a commit in
/// the project are captured.
#[test]
fn a_project_below_the_top_of_its_repository_is_captured() {
    let sandbox = Sandbox::with_empty_repo();
    for (file, text) in [
        (
            ".kittify/config.yaml",
            "project:\n  uuid: 7e57ab1e-0000-4000-8000-000000000005\n  slug: one\n",
        ),
        ("kitty-specs/001-demo/spec.md", "# spec\n"),
        (
            "kitty-specs/001-demo/meta.json",
            "{\"mission_type\":\"software-dev\",\"target_branch\":\"main\"}",
        ),
    ] {
        sandbox.write(&format!("apps/one/{file}"), text);
    }
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--message=one"]);
    let one = sandbox.repo().join("apps/one").display().to_string();
    let _run = sandbox
        .sk_sync(["--repo", &one, "hook", "install", "--method", "files"])
        .success();
    let status = || {
        sandbox
            .sk_sync(["--repo", &one, "hook", "status", "--json"])
            .success()
            .json()
    };
    assert_eq!(status()["installed"], true);
    sandbox.write("apps/one/kitty-specs/001-demo/spec.md", "# more\n");
    sandbox.shell("PATH=/usr/bin:/bin git commit --quiet --all --message=more");
    let events = sandbox
        .sk_sync(["--repo", &one, "events", "list", "--jsonl"])
        .success()
        .json_lines();
    assert!(!events.is_empty(), "the hook captured");
    assert_eq!(status()["not_captured"], 0);
}
