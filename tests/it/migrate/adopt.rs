//! Owners of older rows: the id of a project is a claim that any clone can make.

use serde_json::json;

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, OTHER, envelope, id, put, put_body};
use crate::support::stores::places;

const DIGEST: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

/// A sandbox whose older queue holds two events and a document of its project.
fn with_queue() -> Sandbox {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    for n in [1, 2] {
        put(
            &queue,
            &id(n),
            envelope(&id(n), Some(HARBOUR), "private"),
            1,
        );
    }
    put_body(&queue, Era::Last, HARBOUR, "spec.md", "a", DIGEST);
    drop(queue);
    sandbox.at_rest();
    sandbox
}

/// A repository that claims the project gets its older rows only by the command that shows them.
#[test]
#[expect(clippy::cognitive_complexity, reason = "one story, told in order")]
fn older_rows_stay_where_they_are_until_a_person_says_whose_they_are() {
    let sandbox = with_queue();
    for words in [
        &["run", "--json"][..],
        &["migrate", "--json"],
        &["run", "--json"],
    ] {
        let report = sandbox.sk_sync(words).success().json();
        assert_eq!(report["migrate"]["imported"], 0, "{report}");
        assert!(
            report["warnings"]
                .to_string()
                .contains("have 2 events and 1 documents of this project"),
            "{report}"
        );
    }
    assert!(!sandbox.ids_of(HARBOUR).contains(&id(1)));
    let status = sandbox.sk_sync(["status", "--json"]).json();
    assert_eq!(
        (
            &status["legacy_stores"][0]["waiting"],
            &status["legacy_stores"][0]["imported"]
        ),
        (&json!(3), &json!(false))
    );
    assert!(
        status["next_steps"]
            .to_string()
            .contains("sk-sync migrate adopt"),
        "{status}"
    );
    // It shows the count, the file and the target; without a terminal an option must confirm it.
    let unasked = sandbox.sk_sync(["migrate", "adopt"]).code(2);
    for words in ["2 events and 1 document", "queue.db", "Goes to"] {
        assert!(
            unasked.stdout.contains(words),
            "{words}: {}",
            unasked.stdout
        );
    }
    assert!(
        unasked.stderr.contains("sk-sync migrate adopt --yes"),
        "{}",
        unasked.stderr
    );
    assert!(!sandbox.ids_of(HARBOUR).contains(&id(1)));
    let dry = sandbox
        .sk_sync(["migrate", "adopt", "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(
        (
            &dry["migrate"]["imported"],
            &dry["migrate"]["bodies_imported"]
        ),
        (&json!(2), &json!(1))
    );
    assert!(!sandbox.ids_of(HARBOUR).contains(&id(1)));
    let done = sandbox
        .sk_sync(["migrate", "adopt", "--yes", "--json"])
        .success()
        .json();
    assert_eq!(
        (
            &done["migrate"]["imported"],
            &done["migrate"]["bodies_imported"]
        ),
        (&json!(2), &json!(1)),
        "{done}"
    );
    assert_eq!(
        done["migrate"]["waiting"],
        json!(null),
        "nothing waits any more"
    );
    // From now on every run imports new rows.
    put(
        &crate::support::older::database(sandbox.kitty("queue.db")),
        &id(3),
        envelope(&id(3), Some(HARBOUR), "new"),
        1,
    );
    assert_eq!(
        sandbox.sk_sync(["run", "--json"]).json()["migrate"]["imported"],
        1
    );
    sandbox.verified();
}

/// The consent dialog shows what older stores hold for the project, and the user's consent assigns
/// it to this repository.
#[test]
fn an_agreement_names_and_releases_older_rows() {
    let mut sandbox = with_queue();
    let served = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    sandbox.target(&served.url());
    let origin = served.url();
    let file = sandbox.kitty("queue.db");
    let older = json!({"events": 2, "bodies": 1, "failures": 0, "files": [file]});
    let dry = sandbox
        .sk_sync(["allow", &origin, "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(dry["older"], older, "{dry}");
    let words = sandbox
        .sk_sync(["allow", &origin, "--dry-run"])
        .success()
        .stdout;
    assert!(
        words.contains("2 events and 1 documents of harbour-tides in older stores"),
        "{words}"
    );
    assert!(
        words.contains(&format!("from {}", file.display())),
        "{words}"
    );
    // Neither an agreement to the file alone, nor one that leaves them out, nor a question without
    // an answer gives them.
    let _local = sandbox.sk_sync(["allow", "local"]).success();
    let without = sandbox
        .sk_sync(["allow", &origin, "--without-older", "--json"])
        .success()
        .json();
    assert_eq!(without["older"]["events"], 0, "{without}");
    let _unasked = sandbox.sk_sync(["allow"]).code(2);
    assert_eq!(
        sandbox.sk_sync(["run", "--json"]).success().json()["migrate"]["imported"],
        0
    );
    let agreed = sandbox.sk_sync(["allow", &origin]).success();
    assert!(
        agreed.stderr.contains("imports what older stores have"),
        "{agreed:?}"
    );
    // The document is of a mission that the server knows nothing of yet.
    let run = sandbox.sk_sync(["run", "--json"]).code(3).json();
    assert_eq!(
        (
            &run["migrate"]["imported"],
            &run["migrate"]["bodies_imported"]
        ),
        (&json!(2), &json!(1)),
        "{run}"
    );
    // From then on there is nothing to name.
    let again = sandbox
        .sk_sync(["allow", &origin, "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(again["older"]["events"], 0, "{again}");
}

/// Another repository with the same project id adopts for itself only, and the first keeps its
/// events.
#[test]
fn one_repository_adopts_for_no_other() {
    let sandbox = with_queue();
    sandbox.git(&["clone", "--quiet", ".", "../clone"]);
    assert_eq!(sandbox.migrated(0)["imported"], 2);
    let there = sandbox
        .sk_sync(["--repo", "../clone", "run", "--json"])
        .success()
        .json();
    assert_eq!(there["migrate"]["imported"], 0, "{there}");
    assert!(
        there["warnings"]
            .to_string()
            .contains("sk-sync migrate adopt"),
        "{there}"
    );
    assert_eq!(places(&sandbox.state()).len(), 2);
}

/// Overflow files of a clone: thousands of forged events of other projects, and of its own.
#[test]
fn overflow_files_of_a_clone_feed_no_store() {
    let sandbox = Sandbox::with_repo();
    let stranger = |n: u32| format!("{n:08x}-0000-4000-8000-000000000000");
    let mut lines: Vec<_> = (0..3000)
        .map(|n| envelope(&id(n + 100), Some(&stranger(n)), "forged"))
        .collect();
    lines.extend([
        envelope(&id(1), Some(OTHER), "forged"),
        envelope(&id(2), None, "forged"),
        envelope(&id(3), Some(HARBOUR), "own"),
    ]);
    sandbox.write(".kittify/sync/overflow-1.jsonl", lines.join("\n"));
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--message=brought"]);
    let _run = sandbox.sk_sync(["run"]).success();
    assert_eq!(
        (
            places(&sandbox.state()).len(),
            sandbox.state().join("unassigned").exists()
        ),
        (1, false)
    );
    let adopted = sandbox
        .sk_sync(["migrate", "adopt", "--yes", "--json"])
        .success()
        .json();
    assert_eq!(
        (
            &adopted["migrate"]["imported"],
            &adopted["migrate"]["source_errors"]
        ),
        (&json!(0), &json!(1)),
        "{adopted}"
    );
    assert!(
        adopted["warnings"].to_string().contains("git tracks it"),
        "{adopted}"
    );
    // The same file without git tracking it: only its own project's rows, and only once adopted.
    sandbox.git(&[
        "rm",
        "--quiet",
        "--cached",
        ".kittify/sync/overflow-1.jsonl",
    ]);
    let mine = sandbox.migrated(0);
    assert_eq!(
        (&mine["imported"], &mine["refused"]),
        (&json!(1), &json!(3002)),
        "{mine}"
    );
    assert_eq!(
        (
            places(&sandbox.state()).len(),
            sandbox.state().join("unassigned").exists()
        ),
        (1, false)
    );
}
