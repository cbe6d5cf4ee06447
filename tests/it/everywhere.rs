//! `status --all`: every store of the machine; and adopting the store of a repository that no
//! longer exists.
#![cfg(unix)]

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, OTHER, envelope, id, put};
use crate::support::stores::places;

/// A sandbox with a second clone, whose events wait for an unreachable server; and the clone's id.
fn with_clone() -> (Sandbox, String) {
    let sandbox = Sandbox::with_repo();
    let _own = sandbox.sk_sync(["run"]).success();
    sandbox.git(&["clone", "--quiet", ".", "../clone"]);
    let there = ["--repo", "../clone"];
    let piped = envelope(&id(1), Some(HARBOUR), "said there alone") + "\n";
    let _captured = sandbox
        .sk_sync_with(there.iter().chain(&["capture"]), piped)
        .success();
    let target = [
        "run",
        "--preset",
        "external-receiver",
        "--target-url",
        "http://127.0.0.1:9",
    ];
    let _owed = sandbox.sk_sync(there.iter().chain(&target)).code(3);
    let id = sandbox
        .read("../clone/.git/sk-sync/id")
        .trim_end()
        .to_owned();
    (sandbox, id)
}

fn all(sandbox: &Sandbox) -> Value {
    sandbox
        .sk_sync(["status", "--all", "--json"])
        .success()
        .json()
}

fn store<'a>(all: &'a Value, id: &str) -> &'a Value {
    all["stores"]
        .as_array()
        .unwrap()
        .iter()
        .find(|store| store["repository_id"] == id)
        .unwrap()
}

#[test]
fn every_store_is_listed_with_its_repository_and_what_waits() {
    let (sandbox, id) = with_clone();
    let own = sandbox.read(".git/sk-sync/id").trim_end().to_owned();
    let before = sandbox.listing();
    let listed = all(&sandbox);
    let (here, there) = (store(&listed, &own), store(&listed, &id));
    assert_eq!(
        (&here["presence"], &here["is_here"], &here["project_slug"]),
        (&json!("present"), &json!(true), &json!("harbour-tides"))
    );
    assert_eq!(
        here["repository"],
        sandbox.repo().join(".git").to_str().unwrap()
    );
    assert_eq!(
        (&here["waiting"], &here["targets"]),
        (
            &json!({"events": 0, "documents": 0}),
            &json!(["stub://local"])
        )
    );
    assert_eq!(
        (&there["presence"], &there["is_here"]),
        (&json!("present"), &json!(false))
    );
    assert_eq!(there["project_uuid"], HARBOUR);
    assert_eq!(
        (&there["kept"]["events"], &there["waiting"]),
        (&json!(24), &json!({"events": 24, "documents": 14}))
    );
    assert!(
        there["bytes"].as_u64() > Some(4096) && there["changed_at"].is_string(),
        "{there}"
    );
    assert_eq!(sandbox.listing(), before, "looking changes nothing");
    std::fs::remove_dir_all(sandbox.path("clone")).unwrap();
    assert_eq!(store(&all(&sandbox), &id)["presence"], "gone");
    let words = sandbox.sk_sync(["status", "--all"]).success().stdout;
    for part in [
        "harbour-tides (5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60) of",
        ", this repository",
        "/clone/.git, which is gone",
        "24 events and 14 documents waiting for http://127.0.0.1:9",
        &format!("take it over: sk-sync migrate adopt --store {}", &id[..17]),
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    // Another repository at its place is not it, and from anywhere the list is the same.
    sandbox.git(&["clone", "--quiet", ".", "../clone"]);
    let _id = sandbox.sk_sync(["--repo", "../clone", "run"]).success();
    let listed = sandbox
        .sk_sync(["--repo", "../home", "status", "--all", "--json"])
        .success()
        .json();
    assert_eq!(
        (
            &store(&listed, &id)["presence"],
            listed["stores"].as_array().unwrap().len()
        ),
        (&json!("replaced"), 3)
    );
    let _usage = sandbox.sk_sync(["status", "--all", "--check"]).code(2);
}

#[test]
fn older_rows_and_captures_without_a_project_are_listed() {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    for (n, project) in [
        (1, Some(HARBOUR)),
        (2, Some(OTHER)),
        (3, Some(OTHER)),
        (4, None),
    ] {
        put(&queue, &id(n), envelope(&id(n), project, "a"), 1);
    }
    drop(queue);
    sandbox.at_rest();
    let _run = sandbox.sk_sync(["run"]).success();
    sandbox.git(&["init", "--quiet", "../nameless"]);
    for n in [7, 8] {
        let piped = envelope(&id(n), None, "b") + "\n";
        let _captured = sandbox
            .sk_sync_with(["--repo", "../nameless", "capture"], piped)
            .success();
    }
    let listed = all(&sandbox);
    let rows = |uuid: &str, events: u64| json!({"project_uuid": uuid, "events": events, "documents": 0, "failures": 0, "files": [sandbox.kitty("queue.db")]});
    assert_eq!(listed["older"], json!([rows(OTHER, 2), rows(HARBOUR, 1)]));
    assert_eq!(listed["unassigned"]["events"], 1);
    assert_eq!(listed["legacy_stores"].as_array().unwrap().len(), 1);
    let stores = listed["stores"].as_array().unwrap();
    let nameless = stores
        .iter()
        .find(|store| store["project_uuid"].is_null())
        .unwrap();
    assert_eq!(
        (&nameless["kept"]["events"], &nameless["repository"]),
        (&json!(2), &json!(sandbox.path("nameless/.git")))
    );
    let words = sandbox.sk_sync(["status", "--all"]).success().stdout;
    for part in [
        "1 event and 0 documents of this project wait for",
        &format!("of {OTHER} wait, in its repository"),
        "1 event that name no project",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    // The plain status has one line for all older stores.
    let plain = sandbox.sk_sync(["status"]).success().stdout;
    assert_eq!(
        plain
            .lines()
            .filter(|line| line.starts_with("Older "))
            .count(),
        1,
        "{plain}"
    );
    assert!(
        plain.contains("1 older store with 4 events: 1 rows of this project wait"),
        "{plain}"
    );
    let _theirs = sandbox.other_migrated(0);
    assert_eq!(all(&sandbox)["older"], json!([rows(HARBOUR, 1)]));
}

/// Unreadable or planted entries are listed and do not affect the others.
#[test]
fn a_bad_store_is_named_and_the_others_are_listed() {
    let (sandbox, id) = with_clone();
    let place = places(&sandbox.state())
        .into_iter()
        .find(|place| place.ends_with(&id))
        .unwrap();
    std::fs::write(place.join("store.db"), "garbage, and no database").unwrap();
    sandbox.spoilt();
    let listed = all(&sandbox);
    assert!(
        store(&listed, &id)["error"]
            .as_str()
            .unwrap()
            .contains("not a"),
        "{listed}"
    );
    assert_eq!(listed["stores"].as_array().unwrap().len(), 2);
    std::os::unix::fs::symlink("/etc/passwd", place.join("grants.json")).unwrap();
    let listed = all(&sandbox);
    assert!(
        store(&listed, &id)["error"]
            .as_str()
            .unwrap()
            .contains("neither a file nor a directory"),
        "{listed}"
    );
    // Directories with other names are ignored.
    std::fs::create_dir_all(sandbox.state().join("projects/..x/y")).unwrap();
    std::os::unix::fs::symlink("/", place.parent().unwrap().join("2".repeat(32))).unwrap();
    assert_eq!(all(&sandbox)["stores"].as_array().unwrap().len(), 2);
}

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
