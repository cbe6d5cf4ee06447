//! Choosing the later content: only if no target can have received the first, and without changing
//! a byte.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, database, envelope, id, put};
use crate::support::wire::received;

/// Queues with these contents of one id, the first in `queue.db`, the others in
/// `queues/queue-0a.db` and so on.
fn queued(sandbox: &Sandbox, n: u32, contents: &[&str]) {
    for (file, content) in ["queue.db", "queues/queue-0a.db", "queues/queue-0b.db"]
        .iter()
        .zip(contents)
    {
        let queue = if sandbox.kitty(file).exists() {
            database(sandbox.kitty(file))
        } else {
            sandbox.queue(file, Era::Last)
        };
        put(&queue, &id(n), envelope(&id(n), Some(HARBOUR), content), 1);
    }
}

fn resolve(sandbox: &Sandbox, words: &[&str], code: i32) -> Value {
    let all = ["migrate", "conflicts", "resolve", "--json"]
        .iter()
        .chain(words)
        .copied();
    sandbox.sk_sync(all).code(code).json()
}

/// The content of this event at the receiver.
fn at_receiver(file: &Path, n: u32) -> Option<Vec<u8>> {
    received(file).events.get(&id(n)).cloned()
}

fn content(n: u32, text: &str) -> Vec<u8> {
    envelope(&id(n), Some(HARBOUR), text).into_bytes()
}

/// Both contents of the first id are stored; the journal's row keeps its number and digest, and the
/// other is a separate row.
fn assert_both_are_kept(sandbox: &Sandbox) {
    let store = database(sandbox.store());
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = store.prepare(sql).unwrap();
        statement
            .query_map([id(1)], |r| r.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    let rows = texts(
        "SELECT e.seq || ' ' || COALESCE(e.discarded, 'live') || ' ' || (p.seq IS NOT NULL) FROM journal_events AS e
         LEFT JOIN journal_payloads AS p USING (seq) WHERE e.event_id = ?1 ORDER BY e.seq",
    );
    assert_eq!(rows, ["1 replaced 0", "3 live 1"]);
    let apart = "SELECT CAST(envelope AS TEXT) FROM journal_conflicts WHERE event_id = ?1 AND origin = 'import:legacy'";
    assert_eq!(texts(apart), [envelope(&id(1), Some(HARBOUR), "first")]);
    let acts = texts("SELECT act FROM journal_audit WHERE event_id = ?1 ORDER BY id");
    assert_eq!(acts, ["conflict", "replaced", "conflict_decided"]);
    let sources = "SELECT s.label FROM legacy_provenance AS p JOIN legacy_sources AS s ON s.id = p.source
                   JOIN journal_events AS e USING (seq) WHERE e.event_id = ?1 AND e.discarded IS NULL AND NOT differs";
    assert_eq!(
        texts(sources),
        ["0a"],
        "the new row came from the second queue"
    );
}

#[test]
fn the_source_wins_where_nobody_saw_the_journals() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    for n in [1, 2] {
        queued(&sandbox, n, &["first", "second"]);
    }
    assert_eq!(sandbox.migrated(5)["conflicts"], 2);
    let before = sandbox.listing();
    let dry = resolve(&sandbox, &["--keep", "source", &id(1), "--dry-run"], 0);
    assert_eq!(
        (&dry["resolved"], &dry["dry_run"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(sandbox.listing(), before, "a dry run changes nothing");
    assert_eq!(
        resolve(&sandbox, &["--keep", "source", &id(1)], 0)["resolved"],
        1
    );
    sandbox.verified();
    assert_both_are_kept(&sandbox);
    // Neither queue opens it again, read anew or not.
    sandbox.at_rest();
    assert_eq!(sandbox.migrated(5)["open_conflicts"], 1);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&report["balance"]["holds"], &report["balance"]["discarded"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(
        (at_receiver(&file, 1), at_receiver(&file, 2)),
        (Some(content(1, "second")), Some(content(2, "first")))
    );
    // The other one was sent, so it stays in any case, and the hint works.
    let refused = resolve(&sandbox, &["--keep", "source", "--all"], 5);
    assert_eq!(
        (&refused["resolved"], &refused["refused"][0]["event_id"]),
        (&json!(0), &json!(id(2)))
    );
    assert!(
        refused["refused"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("may be at a target already"),
        "{refused}"
    );
    assert_eq!(
        resolve(&sandbox, &["--keep", "journal", "--all"], 0)["resolved"],
        1
    );
    assert_eq!(sandbox.migrated(0)["open_conflicts"], 0);
    sandbox.verified();
}

/// An event on hold was never selected, whatever was sent meanwhile; it stays on hold.
#[test]
fn a_held_event_is_replaced_by_a_held_one() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    sandbox.set("SK_SYNC_MIGRATE__IMPORTED", "held");
    queued(&sandbox, 1, &["first", "second"]);
    sandbox.adopting();
    let _opened = sandbox.sk_sync(["run"]).code(5);
    assert_eq!(
        resolve(&sandbox, &["--keep", "source", "--all"], 0)["resolved"],
        1
    );
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&report["balance"]["blocked"], at_receiver(&file, 1)),
        (&json!(1), None)
    );
    let released = sandbox
        .sk_sync(["migrate", "release", "0a", "--json"])
        .success()
        .json();
    assert_eq!(released["released"], 1, "it came from there");
    let _run = sandbox.sk_sync(["run"]).success();
    assert_eq!(at_receiver(&file, 1), Some(content(1, "second")));
    sandbox.verified();
}

#[test]
fn of_several_contents_one_must_be_named() {
    let sandbox = Sandbox::with_repo();
    queued(&sandbox, 1, &["first", "second", "third"]);
    assert_eq!(sandbox.migrated(5)["conflicts"], 2);
    let refused = resolve(&sandbox, &["--keep", "source", &id(1)], 5);
    assert_eq!(refused["refused"].as_array().unwrap().len(), 2);
    assert!(
        refused["refused"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("--from"),
        "{refused}"
    );
    assert_eq!(
        resolve(&sandbox, &["--keep", "source", "--all", "--from", "0b"], 0)["resolved"],
        1
    );
    let listed = sandbox
        .sk_sync(["migrate", "conflicts", "--json"])
        .code(5)
        .json();
    let differs = json!([{"at": "/payload/actor", "journal": "third", "source": "second"}]);
    assert_eq!(
        listed["conflicts"][0]["differences"], differs,
        "the journal's is another now"
    );
    let digest = listed["conflicts"][0]["source_sha256"].as_str().unwrap();
    assert_eq!(
        resolve(
            &sandbox,
            &["--keep", "source", "--all", "--from", digest],
            0
        )["resolved"],
        1
    );
    assert_eq!(
        sandbox
            .events_of(HARBOUR)
            .into_iter()
            .find(|(_, bytes)| *bytes == content(1, "second"))
            .unwrap()
            .0,
        id(1)
    );
    sandbox.at_rest();
    assert_eq!(sandbox.migrated(0)["open_conflicts"], 0);
    sandbox.verified();
}
