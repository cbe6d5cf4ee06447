//! Delivery of imported events: this project's, once, and only to its target.

use serde_json::json;

use crate::support::Sandbox;
use crate::support::older::{
    Era, HARBOUR, OTHER, capture, envelope, id, journal, ledger, put, put_body,
};
use crate::support::wire::received;

/// A served receiver with its file, and the sandbox pointed at it.
fn served(sandbox: &mut Sandbox) -> (crate::support::Served, std::path::PathBuf) {
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    (served, file)
}

/// The bytes of these events at the receiver.
fn at_receiver(file: &std::path::Path, ids: &[String]) -> Vec<Option<Vec<u8>>> {
    let events = received(file).events;
    ids.iter().map(|id| events.get(id).cloned()).collect()
}

#[test]
fn one_run_takes_over_and_delivers_this_project_alone() {
    let mut sandbox = Sandbox::with_repo();
    let (_served, file) = served(&mut sandbox);
    sandbox.adopting();
    let queue = sandbox.queue("queue.db", Era::Last);
    put(&queue, &id(1), envelope(&id(1), Some(HARBOUR), "mine"), 1);
    put(&queue, &id(2), envelope(&id(2), Some(OTHER), "theirs"), 2);
    put(&queue, &id(3), envelope(&id(3), None, "nobody's"), 3);
    put(
        &queue,
        "WITHOUT-ID",
        format!("{{\"project_uuid\": \"{HARBOUR}\"}}"),
        4,
    );
    // Events that cannot be sent are kept, and given up without a request.
    let report = sandbox.sk_sync(["run", "--json"]).code(5).json();
    assert_eq!(
        (
            &report["migrate"]["imported"],
            &report["balance"]["undeliverable"]
        ),
        (&json!(3), &json!(1)),
        "{report}"
    );
    let ids = [id(1), id(2), id(3), "WITHOUT-ID".to_owned()];
    let mine = envelope(&id(1), Some(HARBOUR), "mine").into_bytes();
    assert_eq!(at_receiver(&file, &ids), [Some(mine), None, None, None]);
    let failed = sandbox
        .sk_sync(["events", "list", "--jsonl", "--status", "undeliverable"])
        .success()
        .json_lines();
    assert!(
        failed[0]["error"]
            .as_str()
            .unwrap()
            .starts_with("not_sendable: "),
        "{failed:?}"
    );
}

#[test]
fn d37_held_events_wait_for_their_release_and_then_go_as_they_are() {
    let mut sandbox = Sandbox::with_repo();
    let (_served, file) = served(&mut sandbox);
    sandbox.adopting();
    sandbox.set("SK_SYNC_MIGRATE__IMPORTED", "held");
    for (n, queue) in [(1, "queues/queue-0a.db"), (2, "queues/queue-0b.db")] {
        put(
            &sandbox.queue(queue, Era::Last),
            &id(n),
            envelope(&id(n), Some(HARBOUR), "held"),
            1,
        );
    }
    let ids = [id(1), id(2)];
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&report["migrate"]["held"], &report["balance"]["blocked"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(at_receiver(&file, &ids), [None, None]);
    let listed = sandbox
        .sk_sync(["events", "list", "--jsonl", "--status", "blocked"])
        .success()
        .json_lines();
    assert!(
        listed.iter().all(|event| event["error"] == "imported") && listed.len() == 2,
        "{listed:?}"
    );
    let dry = sandbox
        .sk_sync(["migrate", "release", "0b", "--dry-run", "--json"])
        .success()
        .json();
    let done = sandbox
        .sk_sync(["migrate", "release", "0b", "--json"])
        .success()
        .json();
    assert_eq!(
        (&dry["released"], &done["released"]),
        (&json!(1), &json!(1))
    );
    let unknown = sandbox.sk_sync(["migrate", "release", "0c"]).code(2);
    assert!(unknown.stderr.contains("0a, 0b"), "{}", unknown.stderr);
    let _run = sandbox.sk_sync(["run"]).success();
    assert_eq!(
        at_receiver(&file, &ids),
        [
            None,
            Some(envelope(&id(2), Some(HARBOUR), "held").into_bytes())
        ]
    );
    let all = sandbox.sk_sync(["migrate", "release"]).success();
    assert!(all.stdout.contains("1 imported event"), "{}", all.stdout);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["balance"]["blocked"], 0);
    assert!(at_receiver(&file, &ids).iter().all(Option::is_some));
    sandbox.verified();
}

/// Before anything is sent, two commands show it: one what would be imported, one what is left to
/// send then.
#[test]
fn d37_what_would_go_is_said_before_anything_goes() {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    for (n, project) in [
        (1, Some(HARBOUR)),
        (2, Some(OTHER)),
        (3, Some(HARBOUR)),
        (4, None),
    ] {
        put(&queue, &id(n), envelope(&id(n), project, "a"), 1);
    }
    drop(queue);
    let before = sandbox.listing();
    let dry = sandbox
        .sk_sync(["migrate", "--dry-run", "--json"])
        .success()
        .json();
    let share = |store: &str, events: u64| json!({"store": store, "events": events, "bodies": 0, "failures": 0});
    let shares = json!([share(OTHER, 1), share(HARBOUR, 2), share("unassigned", 1)]);
    assert_eq!(
        (
            &dry["migrate"]["imported"],
            &dry["migrate"]["stores"][0]["shares"]
        ),
        (&json!(3), &shares),
        "{dry}"
    );
    let told = sandbox.sk_sync(["migrate", "--dry-run"]).success().stdout;
    assert!(
        told.contains(&format!("; 1 to {OTHER}; 2 to {HARBOUR}; 1 to unassigned")),
        "{told}"
    );
    assert_eq!(sandbox.listing(), before);
    assert_eq!(sandbox.migrated(0)["imported"], 3);
    let offer = sandbox
        .sk_sync(["allow", "https://receiver.example", "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(offer["events"], 2, "this project's: {offer}");
}

/// The body queue holds nothing back, so documents of another team's queue are not even put into
/// it.
#[test]
fn queued_documents_stay_in_the_older_queue_while_imports_are_held() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_MIGRATE__IMPORTED", "held");
    let queue = sandbox.queue("queue.db", Era::Last);
    put(&queue, &id(1), envelope(&id(1), Some(HARBOUR), "held"), 1);
    let digest = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    put_body(&queue, Era::Last, HARBOUR, "spec.md", "a", digest);
    drop(queue);
    sandbox.at_rest();
    for imported in [1, 0] {
        let migrated = sandbox.migrated(0);
        assert_eq!(
            (&migrated["imported"], &migrated["bodies_imported"]),
            (&json!(imported), &json!(0)),
            "{migrated}"
        );
    }
    let status = sandbox.status();
    assert_eq!(status["legacy_stores"][0]["imported"], false);
    sandbox.unset("SK_SYNC_MIGRATE__IMPORTED");
    let migrated = sandbox.migrated(0);
    assert_eq!(
        (&migrated["imported"], &migrated["bodies_imported"]),
        (&json!(0), &json!(1)),
        "{migrated}"
    );
    assert_eq!(sandbox.migrated(0)["stores"][0]["result"], "unchanged");
}

/// The target's id, as a run reports it.
fn target_id(sandbox: &Sandbox) -> String {
    let status = sandbox.sk_sync(["index", "--json"]).success().json();
    let report = sandbox.sk_sync(["drain", "--dry-run", "--json"]).json();
    let target = if report["target"].is_null() {
        &status["target"]
    } else {
        &report["target"]
    };
    target["target_id"].as_str().unwrap().to_owned()
}

#[test]
fn d10_what_an_older_ledger_delivered_to_this_very_target_is_not_sent_again() {
    let mut sandbox = Sandbox::with_repo();
    let (_served, file) = served(&mut sandbox);
    sandbox.adopting();
    let target = target_id(&sandbox);
    let captured = journal(&sandbox.kitty("event_journal/journal-team.db"), false);
    let ids: Vec<_> = (1..6).map(id).collect();
    for (n, id) in ids.iter().enumerate() {
        capture(
            &captured,
            id,
            &envelope(id, Some(HARBOUR), "captured"),
            &format!("2026-07-01T10:00:0{n}+00:00"),
        );
    }
    ledger(
        &sandbox.kitty("delivery/ledger.db"),
        &[
            (&ids[0], &target, "success"),
            (&ids[1], &target, "duplicate"),
            (&ids[2], &target, "terminal_failed"),
            (
                &ids[3],
                "tgt_another_0123456789abcdef0123456789abcdef",
                "success",
            ),
            ("NEVER-HEARD-OF", &target, "success"),
        ],
    );
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (
            &report["migrate"]["imported"],
            &report["migrate"]["delivered_before"]
        ),
        (&json!(5), &json!(2))
    );
    assert_eq!(
        report["balance"]["delivered"],
        report["balance"]["captured"]
    );
    let there: Vec<_> = at_receiver(&file, &ids)
        .iter()
        .map(Option::is_some)
        .collect();
    assert_eq!(there, [false, false, true, true, true]);
    let _again = sandbox.sk_sync(["run"]).success();
    sandbox.verified();
}

#[test]
fn an_older_ledger_of_an_external_receiver_is_not_believed() {
    for config in ["[event_sync]\nmode = \"external_receiver\"\n", "[[ garbled"] {
        let mut sandbox = Sandbox::with_repo();
        let (_served, file) = served(&mut sandbox);
        sandbox.adopting();
        sandbox.adopting();
        let target = target_id(&sandbox);
        std::fs::write(sandbox.kitty("config.toml"), config).unwrap();
        let captured = journal(&sandbox.kitty("event_journal/journal-team.db"), false);
        capture(
            &captured,
            &id(1),
            &envelope(&id(1), Some(HARBOUR), "x"),
            "2026-07-01T10:00:00+00:00",
        );
        ledger(
            &sandbox.kitty("delivery/ledger.db"),
            &[(&id(1), &target, "success")],
        );
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(report["migrate"]["delivered_before"], 0);
        assert!(
            report["warnings"]
                .to_string()
                .contains("ledger is not believed"),
            "{report}"
        );
        assert!(at_receiver(&file, &[id(1)])[0].is_some());
    }
}
