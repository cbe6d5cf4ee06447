//! The process ends at a named point, like in a power cut, and the next run recovers: nothing lost,
//! nothing stored twice, and what may have been received is sent again first, byte for byte.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, envelope, id, put};
use crate::support::server::{Request, Server};
use crate::support::wire::{honest, ids, is_events, journal};

/// What the server received and the store's state after a run that ended at `point`; then a
/// complete run.
struct Cut {
    server: Server,
    sandbox: Sandbox,
    /// The balance that the store was left with.
    left: Value,
    /// The report of the run that followed.
    then: Value,
}

impl Cut {
    fn at(point: &str) -> Self {
        let mut known = BTreeSet::new();
        let server = Server::answering(move |request| {
            let is_known = ids(request).iter().all(|id| known.contains(id));
            known.extend(ids(request));
            honest(request, if is_known { "duplicate" } else { "success" })
        });
        let mut sandbox = Sandbox::aimed_at(&server);
        sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "10");
        sandbox.set("SK_SYNC_FAILPOINT", point);
        let run = sandbox.sk_sync(["run", "--json"]);
        assert!(
            run.code.is_none() && run.stdout.is_empty(),
            "{point}: it did not end there; {run:#?}"
        );
        sandbox.unset("SK_SYNC_FAILPOINT");
        let left = sandbox.status()["balance"].clone();
        assert_eq!(left["holds"], true, "{point}");
        let _sound = sandbox.sk_sync(["verify"]).success();
        let then = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            (&then["balance"]["delivered"], &then["balance"]["holds"]),
            (&json!(23), &json!(true)),
            "{point}"
        );
        Self {
            server,
            sandbox,
            left,
            then,
        }
    }

    /// The event requests; together they hold every event of the journal as it was captured.
    fn requests(&self) -> Vec<Request> {
        let requests: Vec<_> = self
            .server
            .requests()
            .into_iter()
            .filter(is_events)
            .collect();
        let sent: BTreeSet<String> = requests.iter().flat_map(ids).collect();
        assert_eq!(sent, journal(&self.sandbox.store()).into_keys().collect());
        requests
    }
}

/// The same batch went out again: bytes and key.
fn assert_again(first: &Request, again: &Request) {
    assert_eq!(first.raw, again.raw);
    assert_eq!(
        first.header("idempotency-key"),
        again.header("idempotency-key")
    );
}

#[test]
fn an_attempt_that_was_written_and_not_sent_goes_first() {
    let cut = Cut::at("attempt_written");
    assert_eq!(
        (&cut.left["in_flight"], &cut.left["untried"]),
        (&json!(10), &json!(13))
    );
    assert_eq!(
        (
            &cut.then["drain"]["success"],
            &cut.then["drain"]["requests"]
        ),
        (&json!(23), &json!(3))
    );
    assert_eq!(cut.requests().len(), 3, "nothing was on the wire before");
}

#[test]
fn a_batch_whose_answer_was_not_read_goes_again() {
    for point in ["post_sent", "answer_read"] {
        let cut = Cut::at(point);
        assert_eq!(
            (&cut.left["in_flight"], &cut.left["delivered"]),
            (&json!(10), &json!(0)),
            "{point}"
        );
        assert_eq!(
            (
                &cut.then["drain"]["duplicate"],
                &cut.then["drain"]["success"]
            ),
            (&json!(10), &json!(13)),
            "{point}"
        );
        let requests = cut.requests();
        assert_eq!(requests.len(), 4, "{point}");
        assert_again(&requests[0], &requests[1]);
    }
}

/// In the middle of a drain: events answered before are not sent again.
#[test]
fn the_second_answer_is_cut_off_and_the_first_stays() {
    let cut = Cut::at("answer_read:2");
    assert_eq!(
        (&cut.left["delivered"], &cut.left["in_flight"]),
        (&json!(10), &json!(10))
    );
    let requests = cut.requests();
    assert_eq!(
        (requests.len(), &cut.then["drain"]["duplicate"]),
        (4, &json!(10))
    );
    assert_again(&requests[1], &requests[2]);
}

/// Settled events stay settled; the batch chosen in the same commit is sent first, and had not been
/// sent.
#[test]
fn a_recorded_answer_is_not_asked_for_again() {
    let cut = Cut::at("ledger_committed");
    assert_eq!(
        (&cut.left["delivered"], &cut.left["in_flight"]),
        (&json!(10), &json!(10))
    );
    assert_eq!(
        (
            &cut.then["drain"]["duplicate"],
            &cut.then["drain"]["success"]
        ),
        (&json!(0), &json!(13))
    );
    assert_eq!(cut.requests().len(), 3);
}

/// Name of the store for events without a project.
const UNASSIGNED: &str = "unassigned";

/// The end comes between two stores that one queue feeds: the next run completes the second, and
/// does nothing twice.
#[test]
fn an_import_that_ended_between_two_stores_is_completed() {
    for (point, done) in [
        ("imported", [0, 2]),
        ("imported:2", [1, 2]),
        ("imported:3", [1, 2]),
    ] {
        let mut sandbox = Sandbox::with_repo();
        let queue = sandbox.queue("queue.db", Era::Last);
        for (n, project) in [(1, None), (2, Some(HARBOUR)), (3, Some(HARBOUR))] {
            put(&queue, &id(n), envelope(&id(n), project, "a"), 1);
        }
        let second = sandbox.queue("queues/queue-0a.db", Era::Last);
        put(&second, &id(4), envelope(&id(4), None, "a"), 1);
        drop((queue, second));
        sandbox.at_rest();
        sandbox.adopting();
        sandbox.set("SK_SYNC_FAILPOINT", point);
        let run = sandbox.sk_sync(["migrate", "--json"]);
        assert!(
            run.code.is_none() && run.stdout.is_empty(),
            "{point}: it did not end there; {run:#?}"
        );
        sandbox.unset("SK_SYNC_FAILPOINT");
        let rows = |project: &str| {
            let own = sandbox.place_of(project).join("store.db");
            let is_there = own.exists()
                || project == UNASSIGNED && sandbox.state().join("unassigned").exists();
            if is_there {
                sandbox.ids_of(project).len()
            } else {
                0
            }
        };
        let more = usize::from(point == "imported:3");
        assert_eq!(
            [rows(UNASSIGNED), rows(HARBOUR)],
            [done[0] + more, done[1]],
            "{point}"
        );
        let migrated = sandbox.migrated(0);
        let left = 4 - done[0] - done[1] - more;
        assert_eq!(
            (&migrated["imported"], &migrated["deduplicated"]),
            (&json!(left), &json!(0)),
            "{point} {migrated}"
        );
        assert_eq!(
            (sandbox.ids_of(UNASSIGNED), sandbox.ids_of(HARBOUR)),
            (vec![id(1), id(4)], vec![id(2), id(3)])
        );
        assert!(
            !sandbox.state().join("migrate").exists(),
            "private copies are gone"
        );
        sandbox.verified();
    }
}

/// The process ends when events without a project are in the store of one and still in their old
/// place: the next call finds them there already, and no event is in two places.
#[test]
fn giving_events_to_a_project_is_completed() {
    let mut sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    for n in 0..700 {
        put(&queue, &id(n), envelope(&id(n), None, "a"), 1);
    }
    drop(queue);
    sandbox.at_rest();
    let _read = sandbox.sk_sync(["migrate"]).success();
    let adopt = ["migrate", "adopt", "--unassigned", "--yes", "--json"];
    for (point, left) in [("adopted", 700), ("adopted:2", 200)] {
        sandbox.set("SK_SYNC_FAILPOINT", point);
        let run = sandbox.sk_sync(adopt);
        assert!(
            run.code.is_none() && run.stdout.is_empty(),
            "{point}: it did not end there; {run:#?}"
        );
        sandbox.unset("SK_SYNC_FAILPOINT");
        assert_eq!(sandbox.ids_of(UNASSIGNED).len(), left, "{point}");
    }
    let done = sandbox.sk_sync(adopt).success().json();
    assert_eq!(
        (
            &done["migrate"]["unassigned"]["known"],
            &done["migrate"]["unassigned"]["adopted"]
        ),
        (&json!(200), &json!(0))
    );
    assert_eq!(
        (
            sandbox.ids_of(UNASSIGNED).len(),
            sandbox.ids_of(HARBOUR).len()
        ),
        (0, 700)
    );
    sandbox.verified();
}

/// The archive is complete, and no row says so: nothing was discarded, and archiving again only
/// needs another name.
#[test]
fn an_archive_that_no_row_knows_of_gave_nothing_up() {
    let mut sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    let kept = journal(&sandbox.store());
    let file = sandbox.path("one.jsonl.gz");
    sandbox.set("SK_SYNC_FAILPOINT", "archived");
    let run = sandbox.sk_sync(["archive", "--release", "--output", file.to_str().unwrap()]);
    assert!(run.code.is_none(), "it did not end there; {run:#?}");
    sandbox.unset("SK_SYNC_FAILPOINT");
    let status = sandbox.status();
    assert_eq!(
        (
            &status["event_journal"]["archived_event_count"],
            &status["balance"]["discarded"]
        ),
        (&json!(0), &json!(0))
    );
    assert_eq!(journal(&sandbox.store()), kept);
    // The file that it left is a whole archive.
    let restored = sandbox
        .sk_sync(["restore", file.to_str().unwrap(), "--json"])
        .success()
        .json();
    assert_eq!(restored["exit_code"], 0, "{restored}");
    let again = sandbox.path("two.jsonl.gz");
    let done = sandbox
        .sk_sync([
            "archive",
            "--release",
            "--json",
            "--output",
            again.to_str().unwrap(),
        ])
        .success()
        .json();
    assert_eq!(done["released"], json!(kept.len()), "{done}");
    assert!(std::fs::read(&file).unwrap().len() > 100);
    sandbox.verified();
}

/// Documents that the server has and whose answers were not recorded are sent again, and it answers
/// that it has them.
#[test]
fn documents_whose_answer_was_not_noted_go_again() {
    let cut = Cut::at("documents_answered");
    let counts = ["delivered", "untried"]
        .map(|class| cut.then["documents"]["balance"][class].as_u64().unwrap());
    let sent = cut
        .server
        .requests()
        .into_iter()
        .filter(|request| !is_events(request))
        .count() as u64;
    assert_eq!(counts[1], 0);
    assert!(sent > counts[0], "some went twice: {sent} {counts:?}");
    cut.sandbox.verified();
}

/// The end comes when the target has said what it has and nothing of that is captured: the next run
/// asks again, takes all of it once, and sends nothing.
#[test]
fn what_a_target_said_is_asked_for_again() {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&[]);
    sandbox.target(&served.url());
    let _delivered = sandbox.sk_sync(["run"]).success();
    std::fs::remove_dir_all(sandbox.state()).unwrap();
    std::fs::create_dir(sandbox.state()).unwrap();
    let counts = || {
        let report = served.report();
        [
            "events",
            "duplicates",
            "bodies",
            "event_requests",
            "body_requests",
        ]
        .map(|name| report[name].clone())
    };
    let before = counts();
    for _ in 0..2 {
        sandbox.set("SK_SYNC_FAILPOINT", "target_asked");
        let run = sandbox.sk_sync(["run", "--json"]);
        assert!(
            run.code.is_none() && run.stdout.is_empty(),
            "it did not end there; {run:#?}"
        );
        sandbox.unset("SK_SYNC_FAILPOINT");
        let left = sandbox.status()["balance"].clone();
        assert_eq!(
            (&left["captured"], &left["holds"]),
            (&json!(0), &json!(true))
        );
    }
    let then = sandbox.sk_sync(["run", "--json"]).success().json();
    let [events, documents] = [&then["balance"], &then["documents"]["balance"]];
    for (balance, number) in [(events, 23), (documents, 14)] {
        let seen = ["captured", "delivered", "holds"].map(|name| &balance[name]);
        assert_eq!(
            seen,
            [&json!(number), &json!(number), &json!(true)],
            "{then}"
        );
    }
    assert_eq!(counts(), before, "nothing was sent again: {then}");
    sandbox.verified();
}
