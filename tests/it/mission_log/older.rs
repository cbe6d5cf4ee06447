//! Events of older producers, sent in the form that receivers take today.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::older::{Era, put};
use crate::support::server::{Reply, Server};
use crate::support::wire::honest;

/// As 3.1.10 wrote them: no correlation, members of the payload repeated at the root, a developer's
/// name.
fn envelopes() -> [Value; 2] {
    let envelope = |id: &str, event_type: &str, payload: Value| {
        json!({"event_id": id, "event_type": event_type, "aggregate_id": "WP01", "aggregate_type": "WorkPackage",
            "schema_version": "3.0.0", "build_id": "b", "payload": payload, "node_id": "b805cd5cee74",
            "lamport_clock": 1, "causation_id": null, "timestamp": "2026-02-12T10:00:00+00:00", "team_slug": "t",
            "project_uuid": "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60", "project_slug": "p"})
    };
    let mut changed = envelope(
        "01JMBY7K8N3QRVX2DPF0000001",
        "WPStatusChanged",
        json!({"wp_id": "WP01", "from_lane": "planned", "to_lane": "claimed", "actor": "user"}),
    );
    for name in ["from_lane", "to_lane", "actor"] {
        changed[name] = changed["payload"][name].clone();
    }
    let build = json!({"build_id": "b", "developer_name": "Dev", "machine": {"workspace_path": "/home/dev"}});
    [
        changed,
        envelope("01JMBY7K8N3QRVX2DPF0000002", "BuildRegistered", build),
    ]
}

fn migrated(sandbox: &Sandbox) {
    let queue = sandbox.queue("queue.db", Era::Missions);
    for envelope in envelopes() {
        put(
            &queue,
            envelope["event_id"].as_str().unwrap(),
            envelope.to_string(),
            1,
        );
    }
    sandbox.at_rest();
    sandbox.adopting();
    let _migrated = sandbox.sk_sync(["migrate", "--json"]).success();
}

#[test]
fn imported_events_arrive_whole_at_a_receiver_of_today() {
    let mut sandbox = Sandbox::with_repo();
    migrated(&sandbox);
    let served = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    sandbox.target(&served.url());
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&run["drain"]["rejected"], &run["drain"]["terminal_failed"]),
        (&json!(0), &json!(0)),
        "{}",
        run["drain"]
    );
    assert_eq!(run["balance"]["delivered"], run["balance"]["captured"]);
    // The same event with diagnostics of a producer's queue is the same event.
    let shown = sandbox
        .sk_sync(["events", "show", "01JMBY7K8N3QRVX2DPF0000001", "--json"])
        .success()
        .json();
    assert!(
        shown.to_string().contains("user"),
        "the journal keeps what was imported"
    );
}

#[test]
fn names_of_people_and_machines_are_sent_only_where_a_person_wants_it() {
    let server = Server::answering(|request| {
        if request.path.contains("/events/") {
            honest(request, "success")
        } else {
            Reply::status(404)
        }
    });
    for (choice, has_names) in [("strip", false), ("send", true)] {
        let mut sandbox = Sandbox::with_repo();
        migrated(&sandbox);
        sandbox.target(&server.url());
        sandbox.set("SK_SYNC_MIGRATE__PERSONAL_DATA", choice);
        let offer = sandbox
            .sk_sync(["allow", "--dry-run", "--json"])
            .success()
            .json();
        assert_eq!(
            (&offer["personal_events"], &offer["personal_data"]),
            (&json!(1), &json!(choice)),
            "{offer}"
        );
        let _drain = sandbox.sk_sync(["drain", "--json"]).success();
        let sent: String = server
            .requests()
            .iter()
            .rev()
            .take(1)
            .map(|request| request.json().to_string())
            .collect();
        assert_eq!(
            (sent.contains("Dev"), sent.contains("/home/dev")),
            (has_names, has_names),
            "{sent}"
        );
        assert!(
            sent.contains("correlation_id") && sent.contains("BuildRegistered"),
            "{sent}"
        );
        let kept = sandbox.events_of("5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60");
        assert!(
            kept.iter()
                .any(|(_, bytes)| String::from_utf8_lossy(bytes).contains("developer_name"))
        );
    }
}
