//! What the Action separates and rejects: caches, artifacts, secrets, foreign checkouts.

use super::{runner, step};
use crate::support::server::Server;

/// With the secrets of the repository, files of a pull request are not worked on.
#[test]
fn a_pull_request_target_with_a_checkout_of_the_head_is_refused() {
    let Some(sandbox) = runner() else { return };
    let head = sandbox.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let other = "0".repeat(40);
    for (event, name, sha, is_refused) in [
        ("pull_request_target", "BASE_SHA", &head, false),
        ("pull_request_target", "GITHUB_SHA", &head, false),
        ("pull_request_target", "BASE_SHA", &other, true),
        ("pull_request", "BASE_SHA", &other, false),
        ("push", "BASE_SHA", &other, false),
    ] {
        let run = step(
            &sandbox,
            "prepare.sh",
            &[("EVENT_NAME", event), (name, sha)],
        );
        assert_eq!(
            run.code,
            Some(i32::from(is_refused)),
            "{event}: {}",
            run.log
        );
        assert_eq!(
            run.log
                .contains("::error title=sk-sync::pull_request_target"),
            is_refused,
            "{}",
            run.log
        );
    }
    for event in [
        "issue_comment",
        "issues",
        "discussion",
        "discussion_comment",
        "check_run",
        "check_suite",
    ] {
        for (sha, code) in [(&head, 0), (&other, 1)] {
            let run = step(
                &sandbox,
                "prepare.sh",
                &[
                    ("EVENT_NAME", event),
                    ("GITHUB_SHA", sha),
                    ("BASE_SHA", &head),
                ],
            );
            assert_eq!(run.code, Some(code), "{event}: {}", run.log);
        }
    }
    for (id, sha, code) in [("1", &other, 0), ("2", &head, 0), ("2", &other, 1)] {
        let inputs = [
            ("EVENT_NAME", "workflow_run"),
            ("REPOSITORY_ID", "1"),
            ("RUN_REPOSITORY_ID", id),
            ("GITHUB_SHA", sha),
        ];
        assert_eq!(
            step(&sandbox, "prepare.sh", &inputs).code,
            Some(code),
            "{id}"
        );
    }
}

/// The base's commit with a pull request's files over it, or next to it, is not the base.
#[test]
fn files_laid_over_the_base_are_refused() {
    let spec = "kitty-specs/001-harbour-tide-table/spec.md";
    for (file, is_refused) in [
        (spec, true),
        ("event-sync.toml", true),
        ("kitty-specs/new/spec.md", true),
        ("built/x.o", false),
    ] {
        let Some(sandbox) = runner() else { return };
        sandbox.write(".gitignore", "built/\n");
        sandbox.git(&["add", ".gitignore"]);
        sandbox.git(&["commit", "--quiet", "--message=ignore"]);
        let head = sandbox.git(&["rev-parse", "HEAD"]).trim().to_owned();
        sandbox.git(&["checkout", "--quiet", "-b", "fork"]);
        sandbox.write(file, "theirs\n");
        sandbox.git(&["add", "--force", file]);
        sandbox.git(&["commit", "--quiet", "--message=theirs"]);
        sandbox.git(&["checkout", "--quiet", "main"]);
        for event in ["pull_request_target", "issue_comment"] {
            let inputs = [
                ("EVENT_NAME", event),
                ("BASE_SHA", &*head),
                ("GITHUB_SHA", &head),
            ];
            assert_eq!(
                step(&sandbox, "prepare.sh", &inputs).code,
                Some(0),
                "{event}"
            );
            sandbox.git(&["checkout", "fork", "--", "."]);
            if !is_refused {
                sandbox.git(&["reset", "--quiet"]);
            }
            let run = step(&sandbox, "prepare.sh", &inputs);
            assert_eq!(
                run.code,
                Some(i32::from(is_refused)),
                "{event} {file}: {}",
                run.log
            );
            // Untracked files are rejected as well.
            sandbox.git(&["reset", "--quiet"]);
            assert_eq!(
                step(&sandbox, "prepare.sh", &inputs).code,
                Some(i32::from(is_refused)),
                "{event} {file}"
            );
            sandbox.git(&["reset", "--quiet", "--hard"]);
            sandbox.git(&["clean", "-fdq"]);
        }
    }
}

/// The comment states what a server acknowledged, and nothing if none did.
#[test]
fn a_comment_tells_how_many_documents_are_on_the_server() {
    let Some(mut sandbox) = runner() else { return };
    let server = Server::honest();
    let hub = sandbox.serve(&[]);
    sandbox.target(&hub.url());
    let run = step(&sandbox, "run.sh", &[("SCOPE", "0a-1")]);
    let comment = std::fs::read_to_string(run.output("comment")).unwrap();
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let sentence = format!(
        "**14 documents are on the server as of `{}`**",
        &head.trim()[..12]
    );
    assert!(
        comment.starts_with("<!-- sk-sync:0a-1 -->\n") && comment.contains(&sentence),
        "{comment}"
    );
    assert!(
        run.summary.contains(&sentence) && run.output("documents") == "14",
        "{}",
        run.summary
    );
    let link = format!("\n[The project on the server]({}/projects/", hub.url());
    assert!(run.summary.contains(&link), "{}", run.summary);
    drop((server, hub));
    let failed = step(&sandbox, "run.sh", &[("INPUT_PRESET", "stub")]);
    let comment = std::fs::read_to_string(failed.output("comment")).unwrap();
    assert!(!comment.contains("on the server as of"), "{comment}");
}
