//! Older rows without a project: visible to every project, assigned to one or deleted, and only on
//! a user's confirmation.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, database, envelope, id, put};
use crate::support::server::{Reply, Server};
use crate::support::wire::honest;

/// A sandbox whose older queue holds an event of the project and two that name none; a run has read
/// it.
fn with_nameless() -> Sandbox {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    for (n, project) in [(1, Some(HARBOUR)), (2, None), (3, None)] {
        put(&queue, &id(n), envelope(&id(n), project, "first"), 1);
    }
    drop(queue);
    sandbox.at_rest();
    let _run = sandbox.sk_sync(["run"]).success();
    sandbox
}

/// The shell lines that `status` advises and that speak of such rows.
fn advised(status: &Value) -> Vec<&str> {
    let steps = status["next_steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["run"].as_str().unwrap());
    steps.filter(|run| run.contains("--unassigned")).collect()
}

#[test]
fn every_project_sees_them_and_none_gets_them_unasked() {
    let sandbox = with_nameless();
    let seen = sandbox.status();
    let file = sandbox.kitty("queue.db");
    assert_eq!(
        (&seen["unassigned"]["events"], &seen["unassigned"]["files"]),
        (&json!(2), &json!([file]))
    );
    assert_eq!(
        advised(&seen),
        [
            "sk-sync migrate adopt --unassigned --yes",
            "sk-sync purge --unassigned"
        ]
    );
    let words = sandbox.sk_sync(["status"]).success().stdout;
    assert!(
        words.contains("Unassigned 2 events of older stores name no project (from "),
        "{words}"
    );
    // Adopting only the project's rows leaves the others there, and reports them.
    let own = sandbox.sk_sync(["migrate", "adopt", "--yes"]).success();
    assert!(
        own.stderr
            .contains("2 events of older stores name no project"),
        "{own:?}"
    );
    assert_eq!(sandbox.ids_of("unassigned"), [id(2), id(3)]);
    assert_eq!(sandbox.status()["unassigned"]["events"], 2);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one act after another")]
fn a_person_gives_them_to_one_project() {
    let server = Server::answering(|request| {
        if request.path.contains("/events/") {
            honest(request, "success")
        } else {
            Reply::status(404)
        }
    });
    let mut sandbox = with_nameless();
    let unasked = sandbox
        .sk_sync(["migrate", "adopt", "--unassigned"])
        .code(2);
    for words in [
        "1 event and 0 documents of this project",
        "2 events that name no project",
        "queue.db",
        "Goes to",
    ] {
        assert!(
            unasked.stdout.contains(words),
            "{words}: {}",
            unasked.stdout
        );
    }
    assert!(
        unasked
            .stderr
            .contains("sk-sync migrate adopt --unassigned --yes"),
        "{}",
        unasked.stderr
    );
    let _dry = sandbox
        .sk_sync(["migrate", "adopt", "--unassigned", "--dry-run"])
        .success();
    assert_eq!(sandbox.ids_of("unassigned"), [id(2), id(3)]);
    let bytes = sandbox.events_of("unassigned");
    let done = sandbox
        .sk_sync(["migrate", "adopt", "--unassigned", "--yes", "--json"])
        .success()
        .json();
    let given = json!({"adopted": 2, "held": 0, "known": 0, "conflicts": 0, "undecided": 0});
    assert_eq!(
        (&done["migrate"]["unassigned"], &done["migrate"]["imported"]),
        (&given, &json!(1)),
        "{done}"
    );
    // The bytes are as they were, and know where they are from.
    assert!(
        bytes
            .iter()
            .all(|event| sandbox.events_of(HARBOUR).contains(event))
    );
    let from: i64 = database(sandbox.place_of(HARBOUR).join("store.db"))
        .query_row(
            "SELECT COUNT(*) FROM legacy_provenance JOIN legacy_sources ON id = source WHERE label = 'legacy'",
            [],
            |r| r.get(0),
        )
        .unwrap();
    assert_eq!(from, 3);
    let seen = sandbox.status();
    assert_eq!(
        (&seen["unassigned"]["events"], advised(&seen)),
        (&json!(0), vec![])
    );
    // The receiver gets them under the project that they were assigned to.
    sandbox.target(&server.url());
    let _run = sandbox.sk_sync(["run", "--json"]);
    let events =
        |request: &crate::support::server::Request| request.json()["events"].as_array().cloned();
    let sent: Vec<Value> = server
        .requests()
        .iter()
        .filter_map(events)
        .flatten()
        .collect();
    let nameless: Vec<_> = sent
        .iter()
        .filter(|event| [id(2), id(3)].iter().any(|id| event["event_id"] == **id))
        .collect();
    assert_eq!(nameless.len(), 2);
    assert!(
        nameless
            .iter()
            .all(|event| event["project_uuid"] == HARBOUR),
        "{nameless:?}"
    );
    // The file may be deleted; repeated rows are known, and new ones are stored separately as
    // before.
    put(
        &database(sandbox.kitty("queue.db")),
        &id(4),
        envelope(&id(4), None, "later"),
        1,
    );
    assert_eq!(sandbox.migrated(0)["imported"], 1);
    sandbox.at_rest();
    assert_eq!(sandbox.migrated(0)["imported"], 0);
    assert_eq!(sandbox.status()["unassigned"]["events"], 1);
    let cleaned = sandbox
        .sk_sync(["migrate", "cleanup", "--json"])
        .success()
        .json();
    assert_eq!(
        cleaned["files"][0]["kept_because"],
        json!(null),
        "{cleaned}"
    );
    sandbox.verified();
}

#[test]
fn they_are_deleted_by_a_phrase_and_stay_away() {
    let sandbox = with_nameless();
    let plan = sandbox
        .sk_sync(["purge", "--unassigned", "--json"])
        .success()
        .json();
    assert_eq!(
        (&plan["events"], &plan["scope"], &plan["purged"]),
        (&json!(2), &json!("unassigned"), &json!(null))
    );
    let phrase = plan["confirm"].as_str().unwrap();
    let _wrong = sandbox
        .sk_sync([
            "purge",
            "--unassigned",
            "--confirm",
            "purge project harbour-tides",
        ])
        .code(2);
    let kept = sandbox.ids_of(HARBOUR);
    assert_eq!(sandbox.ids_of("unassigned").len(), 2);
    let done = sandbox
        .sk_sync(["purge", "--unassigned", "--confirm", phrase, "--json"])
        .success()
        .json();
    assert_eq!(done["purged"]["events"], 2);
    assert_eq!(
        (sandbox.ids_of("unassigned"), sandbox.ids_of(HARBOUR)),
        (vec![], kept)
    );
    assert_eq!(sandbox.status()["unassigned"]["events"], 0);
    // Read again, the file does not bring them back.
    std::fs::remove_file(sandbox.state().join("older-stores.json")).unwrap();
    put(
        &database(sandbox.kitty("queue.db")),
        &id(5),
        envelope(&id(5), None, "later"),
        1,
    );
    let _migrated = sandbox.migrated(0);
    assert_eq!(sandbox.ids_of("unassigned"), [id(5)]);
    assert_eq!(
        sandbox.status()["unassigned"]["files"],
        json!([sandbox.kitty("queue.db")])
    );
}

/// Two contents of an id without a project do not concern this project, and are not sent before
/// they are decided.
#[test]
fn their_conflicts_are_not_this_projects() {
    let sandbox = with_nameless();
    let scoped = sandbox.queue("queues/queue-0a.db", Era::Last);
    put(&scoped, &id(2), envelope(&id(2), None, "second"), 1);
    drop(scoped);
    sandbox.at_rest();
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(run["migrate"]["conflicts"], 1, "it is counted: {run}");
    let _checked = sandbox.sk_sync(["status", "--check"]).success();
    let seen = sandbox.status();
    assert_eq!(
        (
            &seen["unassigned"]["undecided"],
            &seen["migration_conflicts"]["count"]
        ),
        (&json!(1), &json!(0))
    );
    let adopt = || {
        sandbox
            .sk_sync(["migrate", "adopt", "--unassigned", "--yes", "--json"])
            .success()
            .json()
    };
    let first = adopt();
    assert_eq!(
        (
            &first["migrate"]["unassigned"]["adopted"],
            &first["migrate"]["unassigned"]["undecided"]
        ),
        (&json!(1), &json!(1))
    );
    assert!(
        first["warnings"]
            .to_string()
            .contains("sk-sync migrate conflicts"),
        "{first}"
    );
    let _decided = sandbox
        .sk_sync([
            "migrate",
            "conflicts",
            "resolve",
            "--keep",
            "source",
            "--all",
        ])
        .success();
    assert_eq!(adopt()["migrate"]["unassigned"]["adopted"], 1);
    assert!(
        sandbox
            .events_of(HARBOUR)
            .contains(&(id(2), envelope(&id(2), None, "second").into_bytes()))
    );
    // One that the project has with another content is a conflict of the project.
    let _captured = sandbox
        .sk_sync_with(["capture"], envelope(&id(6), Some(HARBOUR), "own") + "\n")
        .success();
    put(
        &database(sandbox.kitty("queue.db")),
        &id(6),
        envelope(&id(6), None, "other"),
        1,
    );
    let clash = sandbox
        .sk_sync(["migrate", "adopt", "--unassigned", "--yes", "--json"])
        .code(5)
        .json();
    assert_eq!(clash["migrate"]["unassigned"]["conflicts"], 1, "{clash}");
    sandbox.verified();
}

#[test]
fn what_is_held_on_import_is_held_here_as_well() {
    let mut sandbox = with_nameless();
    sandbox.set("SK_SYNC_MIGRATE__IMPORTED", "held");
    let done = sandbox
        .sk_sync(["migrate", "adopt", "--unassigned", "--yes", "--json"])
        .success()
        .json();
    assert_eq!(done["migrate"]["unassigned"]["held"], 2, "{done}");
    assert_eq!(sandbox.status()["event_journal"]["on_hold"]["imported"], 3);
    let _released = sandbox
        .sk_sync(["migrate", "release", "queue.db"])
        .success();
    assert_eq!(sandbox.status()["event_journal"]["on_hold"], json!({}));
    sandbox.verified();
}
