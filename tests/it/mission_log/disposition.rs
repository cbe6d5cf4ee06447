//! Effect of the configuration on the events of a log, and events of logs in older stores.

use serde_json::json;

use super::{LOG, id, index, lane, log_of, log_with, logged};
use crate::support::Sandbox;
use crate::support::older::{Era, put};
use crate::support::wire::audit;

#[test]
fn a_key_turns_logs_off() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.write(LOG, log_of(&log_with(1)));
    sandbox.set("SK_SYNC_MISSION_LOG__CAPTURE", "false");
    let report = index(&sandbox);
    assert_eq!(
        (report.get("mission_log"), logged(&sandbox).len()),
        (None, 0)
    );
    sandbox.change("SK_SYNC_MISSION_LOG__CAPTURE", "true");
    assert_eq!(
        index(&sandbox)["mission_log"]["captured"],
        3,
        "turned on again, the log is read although it did not change"
    );
}

#[test]
fn opting_out_holds_lines_or_audits_each_once() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_PRESET", "opt-out");
    sandbox.write(
        LOG,
        log_of(&log_with(1)) + &log_of(&[lane(50, "WP07", "claimed", "done")]),
    );
    let report = index(&sandbox);
    assert_eq!(
        (
            &report["mission_log"]["captured"],
            &report["mission_log"]["held"]
        ),
        (&json!(4), &json!(4))
    );
    sandbox.set("SK_SYNC_OPT_OUT__TEAMSPACE_BOUND", "audit");
    sandbox.write(LOG, log_of(&log_with(3)));
    for _ in 0..2 {
        let report = index(&sandbox);
        assert_eq!(report["mission_log"]["captured"], 0);
        sandbox.write(LOG, sandbox.read(LOG) + "\n");
    }
    let of_log = |(act, event_type): &&(String, String)| {
        act == "discarded" && event_type == "WPStatusChanged"
    };
    let audited = audit(&sandbox.store()).iter().filter(of_log).count();
    assert_eq!(audited, 6, "an id is audited once");
    assert_eq!(logged(&sandbox).len(), 4);
}

/// Events that Spec Kitty's emitter sent from a log have separate ids; if they were imported, their
/// lines are not sent again.
#[test]
fn lines_whose_live_copy_was_imported_are_skipped() {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    let copy = |n: u32, event_type: &str, aggregate: &str, cause: Option<String>, at: &str| {
        let id = crate::support::older::id(n);
        let envelope = json!({"event_id": id, "event_type": event_type, "aggregate_id": aggregate,
            "aggregate_type": "WorkPackage", "schema_version": "3.0.0", "build_id": "b", "node_id": "b805cd5cee74",
            "lamport_clock": 1, "causation_id": cause, "correlation_id": id, "timestamp": at, "team_slug": "t",
            "project_uuid": "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60", "payload": {"wp_id": "WP00"}});
        put(&queue, &id, envelope.to_string(), 1);
    };
    copy(
        1,
        "WPStatusChanged",
        "WP00",
        Some(id(0)),
        "2026-01-01T00:00:00Z",
    );
    copy(2, "WPCreated", "WP00", None, "2026-05-07T10:00:40Z");
    sandbox.at_rest();
    sandbox.adopting();
    let _migrated = sandbox.sk_sync(["migrate", "--json"]).success();
    let created = json!({"event_id": id(40), "event_type": "WPCreated", "aggregate_id": "WP00",
        "aggregate_type": "WorkPackage", "timestamp": "2026-05-07T10:00:40.000000+00:00",
        "payload": {"mission_slug": "m", "wp_id": "WP00", "wp_title": "t", "actor": "a"}});
    sandbox.write(LOG, log_of(&log_with(1)) + &log_of(&[created]));
    let report = index(&sandbox);
    assert_eq!(
        report["mission_log"]["skipped"],
        json!({"already_emitted": 2}),
        "{report}"
    );
    assert_eq!(report["mission_log"]["captured"], 2);
}
