//! Every operation of git, each in a new repository: what was captured, git's own exit code, and
//! that `git … 2>&1 | cat` ends while the receiver of the background drain still holds its answer.
//! Each prints a row: operation, how the hook was called, artifacts and events captured, background
//! drains.

use super::{Hooked, ways};
use crate::support::Sandbox;

const SPEC: &str = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";
const PLAN: &str = "kitty-specs/storm-surge-alerts-01KQX7M2/plan.md";
const SPEC_ID: &str = "storm-surge-alerts-01KQX7M2/spec.md";
const PLAN_ID: &str = "storm-surge-alerts-01KQX7M2/plan.md";

/// Every artifact of the fixture: the result of the first capture in a separate repository.
const ALL: [&str; 20] = [
    "001-harbour-tide-table/data-model.md",
    "001-harbour-tide-table/meta.json",
    "001-harbour-tide-table/plan.md",
    "001-harbour-tide-table/spec.md",
    "001-harbour-tide-table/tasks.md",
    "001-harbour-tide-table/tasks/WP01-import-predictions.md",
    "002-tide-gauge-survey/checklists/survey.md",
    "002-tide-gauge-survey/contracts/gauge-reading.yaml",
    "002-tide-gauge-survey/meta.json",
    "002-tide-gauge-survey/plan.md",
    "002-tide-gauge-survey/research.md",
    "002-tide-gauge-survey/research/evidence-log.csv",
    "002-tide-gauge-survey/research/fit_harmonics.py",
    "002-tide-gauge-survey/spec.md",
    "002-tide-gauge-survey/tasks/WP01-collect-readings.md",
    "storm-surge-alerts-01KQX7M2/meta.json",
    PLAN_ID,
    SPEC_ID,
    "storm-surge-alerts-01KQX7M2/status.events.jsonl",
    "storm-surge-alerts-01KQX7M2/tasks/WP01-threshold-rules.md",
];

/// Tests an operation with every available method: `act` returns what must have been captured. With
/// `drains`, that many background processes were started, and none of them had delivered anything
/// when git ended.
#[expect(
    clippy::print_stderr,
    reason = "the table of what each operation captured is for people"
)]
fn check(name: &str, drains: usize, prepare: fn(&Sandbox), act: fn(&Hooked) -> Vec<&'static str>) {
    for way in ways() {
        let mut hooked = Hooked::new(way.as_deref(), prepare);
        let expected = act(&hooked);
        assert_eq!(hooked.delivered(), 0, "the receiver has not answered yet");
        assert_eq!(hooked.drains(), 0, "{}", hooked.log());
        let before = hooked.known.len();
        assert_eq!(hooked.captured(), expected, "{way:?}: {}", hooked.log());
        let (events, called) = (
            hooked.known.len() - before,
            if way.is_some() { "config" } else { "file" },
        );
        eprintln!(
            "| {name:<52} | {called:<6} | {:<2} | {events:<2} | {drains} |",
            expected.len()
        );
        hooked.let_go(drains);
        if drains == 0 {
            assert_eq!(hooked.server.requests().len(), 0, "{}", hooked.log());
        }
        // Events captured during an operation are sent after the next commit.
        if drains == 0 && !expected.is_empty() {
            hooked.git(&["commit", "--allow-empty", "--message=next"], 0);
            hooked.let_go(1);
        }
        assert_eq!(
            hooked.delivered() > 0,
            !expected.is_empty(),
            "{}",
            hooked.log()
        );
    }
}

fn nothing(_: &Sandbox) {}

/// `topic` changes the specification, then `main` the plan; `main` is checked out.
fn two_branches(sandbox: &Sandbox) {
    sandbox.git(&["switch", "--quiet", "--create", "topic"]);
    commit(sandbox, SPEC, "# From topic\n");
    sandbox.git(&["switch", "--quiet", "main"]);
    commit(sandbox, PLAN, "# From main\n");
}

fn on_topic(sandbox: &Sandbox) {
    two_branches(sandbox);
    sandbox.git(&["switch", "--quiet", "topic"]);
}

fn commit(sandbox: &Sandbox, file: &str, text: &str) {
    sandbox.write(file, text);
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--message=x"]);
}

#[test]
fn commit_and_amend() {
    check("commit", 1, nothing, |hooked| {
        hooked.sandbox.write(SPEC, "# New\n");
        hooked.git(&["commit", "--all", "--message=x"], 0);
        vec![SPEC_ID]
    });
    check("commit --amend", 1, nothing, |hooked| {
        hooked.sandbox.write(PLAN, "# New\n");
        hooked.git(&["commit", "--all", "--amend", "--no-edit"], 0);
        vec![PLAN_ID]
    });
}

#[test]
fn rebase_with_both_backends() {
    check("rebase --merge", 1, on_topic, |hooked| {
        hooked.git(&["rebase", "--merge", "main"], 0);
        vec![PLAN_ID]
    });
    check("rebase --apply", 1, on_topic, |hooked| {
        hooked.git(&["rebase", "--apply", "main"], 0);
        vec![PLAN_ID]
    });
}

/// In the middle of a rebase a commit is captured, and nothing is delivered before the end.
#[test]
fn a_commit_within_a_rebase_is_captured_only() {
    check(
        "commit within a rebase, then --continue",
        1,
        on_topic,
        |hooked| {
            hooked.git(
                &[
                    "rebase",
                    "--exec",
                    "test -e kitty-specs/storm-surge-alerts-01KQX7M2/extra.md",
                    "main",
                ],
                1,
            );
            hooked.sandbox.write(
                "kitty-specs/storm-surge-alerts-01KQX7M2/extra.md",
                "# Extra\n",
            );
            hooked.git(&["add", "--all"], 0);
            hooked.git(&["commit", "--message=in between"], 0);
            assert!(
                hooked.log().contains("post-commit: captured"),
                "{}",
                hooked.log()
            );
            assert_eq!(hooked.server.requests().len(), 0);
            hooked.sandbox.write(
                "kitty-specs/storm-surge-alerts-01KQX7M2/late.md",
                "# Late\n",
            );
            hooked.git(&["rebase", "--continue"], 0);
            vec![
                "storm-surge-alerts-01KQX7M2/extra.md",
                "storm-surge-alerts-01KQX7M2/late.md",
                PLAN_ID,
            ]
        },
    );
}

#[test]
fn cherry_pick_and_revert() {
    check("cherry-pick", 0, two_branches, |hooked| {
        hooked.git(&["cherry-pick", "topic"], 0);
        vec![SPEC_ID]
    });
    check("revert", 1, two_branches, |hooked| {
        hooked.git(&["revert", "--no-edit", "HEAD"], 0);
        vec![PLAN_ID]
    });
}

#[test]
fn merge_and_fast_forward() {
    check("merge", 1, two_branches, |hooked| {
        hooked.git(&["merge", "--no-edit", "topic"], 0);
        vec![SPEC_ID]
    });
    let behind = |sandbox: &Sandbox| {
        two_branches(sandbox);
        sandbox.git(&["switch", "--quiet", "--detach", "topic~1"]);
    };
    check("merge --ff-only", 1, behind, |hooked| {
        let said = hooked.git(&["merge", "--ff-only", "topic"], 0);
        assert!(said.contains("Fast-forward"), "{said}");
        vec![SPEC_ID]
    });
}

#[test]
fn a_merge_with_conflicts_is_captured_when_it_is_concluded() {
    let both = |sandbox: &Sandbox| {
        two_branches(sandbox);
        commit(sandbox, SPEC, "# From main\n");
    };
    check("merge with a conflict, concluded", 1, both, |hooked| {
        hooked.git(&["merge", "topic"], 1);
        assert_eq!(hooked.log(), "");
        hooked.sandbox.write(SPEC, "# From both\n");
        hooked.git(&["commit", "--all", "--message=x"], 0);
        vec![SPEC_ID]
    });
}

#[test]
fn a_stash_and_a_checkout_are_left_alone() {
    check("stash push, pop", 0, nothing, |hooked| {
        hooked.sandbox.write(SPEC, "# New\n");
        hooked.git(&["stash", "push"], 0);
        hooked.git(&["stash", "pop"], 0);
        vec![]
    });
    check("switch, checkout -- .", 0, two_branches, |hooked| {
        hooked.git(&["switch", "topic"], 0);
        hooked.git(&["checkout", "main", "--", "."], 0);
        vec![]
    });
}

#[test]
fn work_trees_are_captured_when_added_and_when_committed_to() {
    check("worktree add", 1, two_branches, |hooked| {
        hooked.git(&["worktree", "add", "../side by\nside", "topic"], 0);
        vec![PLAN_ID, SPEC_ID]
    });
    let with_side = |sandbox: &Sandbox| {
        sandbox.git(&["worktree", "add", "--quiet", "--detach", "../side by\nside"]);
    };
    check(
        "commit in a work tree (newline in its name)",
        1,
        with_side,
        |hooked| {
            let side = "../side by\nside";
            hooked
                .sandbox
                .write(&format!("{side}/{SPEC}"), "# Beside\n");
            let ended = hooked.git_in(side, &["commit", "--all", "--message=x"], &[]);
            assert_eq!(ended.code, Some(0), "{}", ended.said);
            vec![SPEC_ID]
        },
    );
}

#[test]
fn a_clone_is_captured_when_its_hooks_come_with_it() {
    check("clone with hooks", 1, two_branches, |hooked| {
        let hooks = hooked.sandbox.path("template/hooks");
        std::fs::create_dir_all(&hooks).unwrap();
        let shipped = format!("{}/hooks/post-checkout", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(shipped, hooks.join("post-checkout")).unwrap();
        hooked.git(
            &[
                "clone",
                "--template=../template",
                "--branch=topic",
                ".",
                "../clone",
            ],
            0,
        );
        ALL.to_vec()
    });
}

#[test]
fn a_submodule_is_a_repository_of_its_own() {
    let with_library = |sandbox: &Sandbox| {
        sandbox.git(&["clone", "--quiet", ".", "../library"]);
        sandbox.git(&["submodule", "--quiet", "add", "../library", "sub module"]);
        sandbox.git(&["commit", "--quiet", "--message=x"]);
    };
    check("commit in a submodule", 1, with_library, |hooked| {
        hooked.install("sub module");
        hooked
            .sandbox
            .write(&format!("sub module/{SPEC}"), "# Below\n");
        let ended = hooked.git_in("sub module", &["commit", "--all", "--message=x"], &[]);
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        ALL.to_vec()
    });
}

#[test]
fn a_push_to_a_bare_repository_captures_nothing() {
    let with_bare = |sandbox: &Sandbox| {
        sandbox.git(&["init", "--quiet", "--bare", "../bare.git"]);
        sandbox.git(&["remote", "add", "origin", "../bare.git"]);
    };
    check("push to a bare repository", 0, with_bare, |hooked| {
        hooked.git(&["push", "origin", "main"], 0);
        vec![]
    });
}

#[test]
fn odd_names_and_the_variables_of_git() {
    check(
        "commit of a name with spaces and a newline",
        1,
        nothing,
        |hooked| {
            hooked.sandbox.write(
                "kitty-specs/storm-surge-alerts-01KQX7M2/research/two words\nand lines.md",
                "# Odd\n",
            );
            hooked.git(&["add", "--all"], 0);
            hooked.git(&["commit", "--message=x"], 0);
            vec!["storm-surge-alerts-01KQX7M2/research/two words\nand lines.md"]
        },
    );
    check(
        "commit with GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE",
        1,
        nothing,
        |hooked| {
            hooked.sandbox.write(SPEC, "# New\n");
            let (tree, index) = (hooked.sandbox.repo(), hooked.sandbox.path("other-index"));
            std::fs::copy(tree.join(".git/index"), &index).unwrap();
            let (git_dir, tree, index) = (
                tree.join(".git").display().to_string(),
                tree.display().to_string(),
                index.display().to_string(),
            );
            let vars = [
                ("GIT_DIR", &*git_dir),
                ("GIT_WORK_TREE", &*tree),
                ("GIT_INDEX_FILE", &*index),
            ];
            let ended = hooked.git_in("kitty-specs", &["commit", "--all", "--message=x"], &vars);
            assert_eq!(ended.code, Some(0), "{}", ended.said);
            vec![SPEC_ID]
        },
    );
}
