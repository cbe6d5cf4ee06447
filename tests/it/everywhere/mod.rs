//! `status --all`: every store of the machine; and adopting the store of a repository that no
//! longer exists.
#![cfg(unix)]

mod adopting;

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
