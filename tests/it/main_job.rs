//! The main job on a real repository: index, capture, deliver, upload, balance.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::wire::{assert_mirrored, journal, received};

/// The expected decision for each artifact of the fixture, by mission and path.
fn expected() -> BTreeMap<(String, String), Value> {
    let text = include_str!("../fixtures/expected.jsonl");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let name = |line: &Value, member: &str| line[member].as_str().unwrap().to_owned();
    lines
        .map(|line| ((name(&line, "mission_slug"), name(&line, "path")), line))
        .collect()
}

#[test]
fn the_index_decides_as_expected() {
    let sandbox = Sandbox::with_repo();
    let document = sandbox
        .sk_sync(["index", "--dry-run", "--json"])
        .success()
        .json();
    let artifacts = document["artifacts"].as_array().unwrap();
    let expected = expected();
    assert_eq!(artifacts.len(), expected.len());
    for artifact in artifacts {
        let key = (
            artifact["mission_slug"].as_str().unwrap().to_owned(),
            artifact["path"].as_str().unwrap().to_owned(),
        );
        for member in ["sha256", "size", "decision", "reason"] {
            assert_eq!(artifact[member], expected[&key][member], "{key:?} {member}");
        }
    }
}

#[test]
fn a_first_run_delivers_everything_and_a_second_finds_nothing_new() {
    let sandbox = Sandbox::with_repo();
    let queued = expected()
        .values()
        .filter(|e| e["decision"] == "queued")
        .count();
    let first = sandbox.sk_sync(["run", "--json"]).success().json();
    let captured = first["capture"]["captured"].as_u64().unwrap();
    assert!(captured > 0);
    assert_eq!(first["drain"]["success"], captured);
    assert_eq!(
        (&first["bodies"]["queued"], &first["bodies"]["uploaded"]),
        (&json!(queued), &json!(queued))
    );
    assert_eq!(
        (&first["balance"]["delivered"], &first["balance"]["holds"]),
        (&json!(captured), &json!(true))
    );
    let second = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        second["capture"],
        json!({"captured": 0, "unchanged": captured, "superseded": 0, "conflicts": 0})
    );
    assert_eq!(
        (
            &second["bodies"]["uploaded"],
            &second["bodies"]["already_exists"]
        ),
        (&json!(0), &json!(queued))
    );
    assert_eq!(second["drain"]["requests"], 0);
    sandbox.verified();
}

#[test]
fn an_edit_captures_its_artifact_and_a_snapshot() {
    let sandbox = Sandbox::with_repo();
    let _first = sandbox.sk_sync(["run"]).success();
    let before = sandbox
        .sk_sync(["events", "list", "--jsonl"])
        .success()
        .json_lines()
        .len();
    let (mission, path) = expected()
        .into_iter()
        .find(|(_, e)| e["decision"] == "queued")
        .unwrap()
        .0;
    let file = format!("kitty-specs/{mission}/{path}");
    sandbox.write(&file, sandbox.read(&file) + "\nOne more line.\n");
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (
            &report["capture"]["captured"],
            &report["bodies"]["uploaded"]
        ),
        (&json!(2), &json!(1))
    );
    let events = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines();
    let new: Vec<_> = events[before..].iter().collect();
    assert_eq!(new[0]["event_type"], "MissionDossierArtifactIndexed");
    assert_eq!(
        new[0]["envelope"]["payload"]["artifact_id"]["path"],
        json!(path)
    );
    assert_eq!(new[1]["event_type"], "MissionDossierSnapshotComputed");
    assert_eq!(
        new[1]["envelope"]["payload"]["namespace"]["mission_slug"],
        json!(mission)
    );
    assert!(events.iter().all(|e| e["status"] == "success"));
    sandbox.verified();
}

/// After an edit exactly the captured rows are sent: two events, one document.
#[test]
fn an_edit_reaches_the_receiver_as_two_events_and_one_body() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    let _first = sandbox.sk_sync(["run"]).success();
    let before = served.report();
    let path = "kitty-specs/storm-surge-alerts-01KQX7M2/plan.md";
    sandbox.write(path, sandbox.read(path) + "One more thing.\n");
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let after = served.report();
    let grown = |count: &str| after[count].as_u64().unwrap() - before[count].as_u64().unwrap();
    assert_eq!(
        (grown("events"), grown("bodies"), grown("event_requests")),
        (2, 1, 1)
    );
    assert_eq!(
        (grown("duplicates"), grown("conflicts"), grown("rejected")),
        (0, 0, 0)
    );
    assert_eq!(
        (
            grown("bodies_already_exists"),
            &report["bodies"]["uploaded"]
        ),
        (0, &json!(1))
    );
    drop(served);
    assert_mirrored(&sandbox, &file);
}

/// A deleted file changes its mission's snapshot; a missing required artifact is reported once.
#[test]
fn a_deleted_artifact_is_noticed() {
    let sandbox = Sandbox::with_repo();
    let mission = sandbox
        .repo()
        .join("kitty-specs/storm-surge-alerts-01KQX7M2");
    let captured = |words: &[&str]| {
        let before = sandbox
            .sk_sync(["events", "list", "--jsonl"])
            .success()
            .json_lines()
            .len();
        let report = sandbox.sk_sync(words).success().json();
        let events = sandbox
            .sk_sync(["events", "list", "--jsonl", "--envelope"])
            .success()
            .json_lines();
        assert_eq!(report["capture"]["captured"], json!(events.len() - before));
        events[before..].to_vec()
    };
    let index = &["index", "--json"][..];
    let at_step = &[
        "index",
        "--json",
        "--step",
        "specify",
        "--mission",
        "storm-surge-alerts-01KQX7M2",
    ][..];
    let _all = captured(index);
    std::fs::remove_file(mission.join("tasks/WP01-threshold-rules.md")).unwrap();
    let new = captured(index);
    assert_eq!(new.len(), 1, "{new:?}");
    assert_eq!(new[0]["event_type"], "MissionDossierSnapshotComputed");
    let _with_step = captured(at_step);
    std::fs::remove_file(mission.join("spec.md")).unwrap();
    let new = captured(at_step);
    let types: Vec<_> = new
        .iter()
        .map(|e| e["event_type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "MissionDossierArtifactMissing",
            "MissionDossierSnapshotComputed"
        ]
    );
    let missing = &new[0]["envelope"]["payload"];
    assert_eq!(missing["expected_identity"]["path"], "spec.md");
    assert_eq!(missing["context_diagnostics"]["reason_code"], "not_found");
    assert_eq!(new[1]["envelope"]["payload"]["anomaly_count"], 1);
    assert!(captured(at_step).is_empty(), "it is said once");
}

#[test]
fn changes_before_a_delivery_supersede_and_after_it_follow() {
    let sandbox = Sandbox::with_repo();
    let file = "kitty-specs/001-tide-table-feed/spec.md";
    let file = if sandbox.repo().join(file).exists() {
        file.to_owned()
    } else {
        any_spec(&sandbox)
    };
    let edit = |n: u32| sandbox.write(&file, sandbox.read(&file) + &format!("line {n}\n"));
    let _first = sandbox.sk_sync(["run", "--no-drain"]).success();
    edit(1);
    let report = sandbox
        .sk_sync(["run", "--no-drain", "--json"])
        .success()
        .json();
    assert_eq!(
        (
            &report["capture"]["captured"],
            &report["capture"]["superseded"]
        ),
        (&json!(2), &json!(2))
    );
    let delivered = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(delivered["balance"]["superseded"], 2);
    edit(2);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (
            &report["capture"]["captured"],
            &report["capture"]["superseded"]
        ),
        (&json!(2), &json!(0))
    );
    sandbox.verified();
}

fn any_spec(sandbox: &Sandbox) -> String {
    let mut missions: Vec<_> = std::fs::read_dir(sandbox.repo().join("kitty-specs"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    missions.sort_by_key(std::fs::DirEntry::file_name);
    let with_spec = missions
        .iter()
        .find(|m| m.path().join("spec.md").exists())
        .unwrap();
    format!(
        "kitty-specs/{}/spec.md",
        with_spec.file_name().to_str().unwrap()
    )
}

/// A run changes neither the work tree nor git's index.
#[test]
fn d51_the_work_tree_is_never_touched() {
    let sandbox = Sandbox::with_repo();
    sandbox.git(&["status", "--porcelain"]);
    let index = std::fs::read(sandbox.repo().join(".git/index")).unwrap();
    for command in [
        &["run"][..],
        &["index"],
        &["drain"],
        &["status"],
        &["verify"],
        &["events", "list"],
        &["run", "--dry-run"],
    ] {
        let _run = sandbox.sk_sync(command).success();
        assert_eq!(
            std::fs::read(sandbox.repo().join(".git/index")).unwrap(),
            index,
            "{command:?}"
        );
    }
    assert_eq!(sandbox.git(&["status", "--porcelain", "--ignored"]), "");
}

/// Facts are captured before any check and delivered when a target is chosen later.
#[test]
fn d05_with_nothing_configured_everything_is_kept_and_delivered_later() {
    let sandbox = Sandbox::with_repo();
    std::fs::remove_file(sandbox.repo().join("event-sync.toml")).unwrap();
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let captured = report["capture"]["captured"].clone();
    assert_eq!(report["target"], Value::Null);
    assert_eq!(
        (&report["balance"]["untried"], &report["drain"]),
        (&captured, &Value::Null)
    );
    assert!(
        report["bodies"]["skipped"]["no_target"].as_u64().unwrap() > 0,
        "{report}"
    );
    assert!(!sandbox.store().with_file_name("stub.db").exists());
    let report = sandbox
        .sk_sync(["run", "--preset", "stub", "--json"])
        .success()
        .json();
    assert_eq!(
        (&report["capture"]["captured"], &report["drain"]["success"]),
        (&json!(0), &captured)
    );
    assert!(report["bodies"]["uploaded"].as_u64().unwrap() > 0);
    sandbox.verified();
}

/// The receiver's bytes equal the journal's.
#[test]
fn the_receiver_holds_the_captured_bytes() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    sandbox.set("RECEIVER_TOKEN", "correct-horse");
    let served = sandbox.serve(&[
        "--token-env",
        "RECEIVER_TOKEN",
        "--store",
        file.to_str().unwrap(),
    ]);
    sandbox.target(&served.url());
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    drop(served);
    let received = received(&file);
    assert_eq!(received.events, journal(&sandbox.store()));
    assert_eq!(json!(received.bodies.len()), report["bodies"]["uploaded"]);
    assert_mirrored(&sandbox, &file);
    sandbox.verified();
}

#[test]
fn serve_says_where_it_listens_and_what_it_got() {
    let mut sandbox = Sandbox::with_repo();
    let mut served = sandbox.serve(&[]);
    assert_eq!(served.line(), format!("listening on {}", served.url()));
    sandbox.target(&served.url());
    let _run = sandbox.sk_sync(["run"]).success();
}

/// Another target gets everything that is retained; returning to the first sends nothing.
#[test]
fn d10_a_second_target_gets_everything_and_the_first_nothing_twice() {
    let mut sandbox = Sandbox::with_repo();
    let (a, b) = (sandbox.serve(&[]), sandbox.serve(&[]));
    sandbox.target(&a.url());
    let first = sandbox.sk_sync(["run", "--json"]).success().json();
    sandbox.target(&b.url());
    let second = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(first["drain"]["success"], second["drain"]["success"]);
    assert_eq!(second["capture"]["captured"], 0);
    sandbox.target(&a.url());
    let third = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&third["drain"]["requests"], &third["balance"]["delivered"]),
        (&json!(0), &first["drain"]["success"])
    );
    sandbox.verified();
}

/// A plain directory with missions is indexed; its git facts are null.
#[test]
fn a_plain_directory_is_indexed() {
    let sandbox = Sandbox::with_repo();
    std::fs::remove_dir_all(sandbox.repo().join(".git")).unwrap();
    let _report = sandbox.sk_sync(["run", "--json"]).success().json();
    let events = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines();
    for fact in ["git_branch", "head_commit_sha", "repo_slug"] {
        assert_eq!(events[0]["envelope"][fact], Value::Null, "{fact}");
    }
    sandbox.verified();
}
