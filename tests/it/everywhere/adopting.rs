//! Adopting the store of a repository that no longer exists, or whose ID was lost.

use serde_json::json;

use super::{all, store, with_clone};
use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, OTHER, envelope, id, put};

#[test]
fn the_store_of_a_repository_that_is_gone_becomes_that_of_a_new_clone() {
    let (sandbox, id) = with_clone();
    let adopt = |args: &[&str]| {
        let words = [
            "--repo",
            "../fresh",
            "migrate",
            "adopt",
            "--store",
            &id[..12],
        ];
        sandbox.sk_sync(words.iter().chain(args))
    };
    sandbox.git(&["clone", "--quiet", ".", "../fresh"]);
    let alive = adopt(&["--yes"]).code(2);
    assert!(
        alive.stderr.contains("still there") && alive.stderr.contains("status --all"),
        "{alive:?}"
    );
    let _agreed = sandbox
        .sk_sync(["--repo", "../clone", "allow", "https://sync.example.org"])
        .success();
    std::fs::remove_dir_all(sandbox.path("clone")).unwrap();
    let unasked = adopt(&[]).code(2);
    for part in [
        "/clone/.git",
        "24 events that the target here does not have",
        "Agreed    https://sync.example.org",
    ] {
        assert!(unasked.stdout.contains(part), "{part}: {unasked:?}");
    }
    assert!(
        unasked.stderr.contains(&format!(
            "sk-sync migrate adopt --store {} --yes",
            &id[..12]
        )),
        "{unasked:?}"
    );
    let _dry = adopt(&["--dry-run"]).success();
    assert_eq!(store(&all(&sandbox), &id)["presence"], "gone");
    let done = adopt(&["--yes", "--json"]).success().json();
    assert_eq!(
        (&done["result"], &done["command"], &done["ok"]),
        (&json!("moved"), &json!("migrate adopt"), &json!(true))
    );
    // Ledger, agreements and captures are the new clone's: nothing is captured twice.
    let run = sandbox
        .sk_sync(["--repo", "../fresh", "run", "--no-drain", "--json"])
        .success()
        .json();
    assert_eq!(
        (&run["capture"]["captured"], &run["balance"]["captured"]),
        (&json!(0), &json!(24)),
        "{run}"
    );
    let grants = sandbox
        .sk_sync(["--repo", "../fresh", "allow", "--list"])
        .success()
        .stdout;
    assert!(grants.contains("https://sync.example.org"), "{grants}");
    let own = sandbox
        .read("../fresh/.git/sk-sync/id")
        .trim_end()
        .to_owned();
    let listed = all(&sandbox);
    assert_eq!(
        (
            &store(&listed, &own)["presence"],
            listed["stores"].as_array().unwrap().len()
        ),
        (&json!("present"), 2)
    );
    assert_eq!(
        store(&listed, &own)["repository"],
        sandbox.path("fresh/.git").to_str().unwrap()
    );
    let _verified = sandbox.sk_sync(["--repo", "../fresh", "verify"]).success();
    let unknown = adopt(&["--yes"]).code(2);
    assert!(
        unknown.stderr.contains("no store of this project"),
        "{unknown:?}"
    );
}

#[test]
fn beside_a_store_of_its_own_what_was_not_delivered_is_copied() {
    let (mut sandbox, gone) = with_clone();
    std::fs::remove_dir_all(sandbox.path("clone")).unwrap();
    let before = sandbox.ids_in(&gone);
    let adopt = |sandbox: &Sandbox| {
        sandbox
            .sk_sync(["migrate", "adopt", "--store", &gone, "--yes", "--json"])
            .success()
            .json()
    };
    let done = adopt(&sandbox);
    assert_eq!(
        (&done["result"], &done["restored"]["added"]),
        (&json!("copied"), &json!(24)),
        "{done}"
    );
    let own = sandbox.read(".git/sk-sync/id").trim_end().to_owned();
    assert!(sandbox.ids_in(&own).contains(&id(1)));
    assert_eq!(
        sandbox.ids_in(&gone),
        before,
        "the other store keeps everything"
    );
    let listed = all(&sandbox);
    assert_eq!(store(&listed, &gone)["adopted_by"], json!(own));
    assert!(
        sandbox
            .sk_sync(["status", "--all"])
            .success()
            .stdout
            .contains(&format!("imported by the repository {own}"))
    );
    assert_eq!(
        adopt(&sandbox)["restored"]["added"],
        0,
        "a second time adds nothing"
    );
    let served = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    sandbox.target(&served.url());
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        run["balance"]["delivered"], run["balance"]["captured"],
        "{run}"
    );
    assert_eq!(served.report()["events"], run["balance"]["captured"]);
    // A store of another project is not ours.
    let queue = sandbox.queue("queue.db", Era::Last);
    put(&queue, &id(2), envelope(&id(2), Some(OTHER), "a"), 1);
    drop(queue);
    sandbox.at_rest();
    let _theirs = sandbox.other_migrated(0);
    let theirs = sandbox
        .read("../other/.git/sk-sync/id")
        .trim_end()
        .to_owned();
    let refused = sandbox
        .sk_sync(["migrate", "adopt", "--store", &theirs, "--yes"])
        .code(2);
    assert!(
        refused
            .stderr
            .contains(&format!("it holds the project {OTHER}")),
        "{refused:?}"
    );
}

/// Events captured before the project had an id are assigned to it as soon as it has one.
#[test]
fn captures_from_before_the_id_are_sent_with_it() {
    let mut sandbox = Sandbox::with_empty_repo();
    let piped: String = (0..3)
        .map(|n| envelope(&id(n), None, "early") + "\n")
        .collect();
    let _captured = sandbox.sk_sync_with(["capture"], piped).success();
    // An id that is only derived, for a first try, does not get them.
    let _tried = sandbox.sk_sync(["run", "--preset", "stub"]).success();
    sandbox.write(
        ".kittify/config.yaml",
        format!("project:\n  uuid: {HARBOUR}\n  slug: harbour-tides\n"),
    );
    let served = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    sandbox.target(&served.url());
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&run["balance"]["delivered"], &run["drain"]["rejected"]),
        (&json!(3), &json!(0)),
        "{run}"
    );
    assert!(
        run["warnings"]
            .to_string()
            .contains("3 events that were captured before this project had an id"),
        "{run}"
    );
    let again = sandbox.sk_sync(["run", "--json"]).success().json();
    assert!(
        !again["warnings"]
            .to_string()
            .contains("before this project had an id"),
        "{again}"
    );
    sandbox.verified();
}

/// An invalid file with an id loses no store: the hint restores access.
#[test]
fn a_lost_id_leads_back_to_its_store() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    let id = sandbox.read(".git/sk-sync/id").trim_end().to_owned();
    sandbox.write(".git/sk-sync/id", "garbage");
    let refused = sandbox.sk_sync(["run"]).code(2);
    assert!(
        refused.stderr.contains("sk-sync migrate adopt --store ID"),
        "{refused:?}"
    );
    std::fs::remove_file(sandbox.repo().join(".git/sk-sync/id")).unwrap();
    assert_eq!(store(&all(&sandbox), &id)["presence"], "replaced");
    let adopted = sandbox
        .sk_sync(["migrate", "adopt", "--store", &id[..8], "--yes", "--json"])
        .success()
        .json();
    assert_eq!(adopted["result"], "moved");
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&run["capture"]["captured"], &run["drain"]["requests"]),
        (&json!(0), &json!(0)),
        "{run}"
    );
    sandbox.verified();
}
