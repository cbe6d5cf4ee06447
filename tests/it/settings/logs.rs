//! Keys of mission logs, and of imports from older queues.

use serde_json::{Value, json};

use super::{EVENTS, configured, external, run, to};
use crate::support::older::{Era, put};
use crate::support::server::Server;

/// One line of a mission's log.
const LINE: &str = r#"{"event_id":"01KQXA0Q7W3M5D8F1GZ2H4J6K8","wp_id":"WP01","from_lane":"planned","to_lane":"claimed","actor":"a","at":"2026-05-06T10:02:51Z"}"#;

#[test]
fn mission_log_capture() {
    for (text, captured) in [("", json!(1)), ("mission_log.capture = false", Value::Null)] {
        let sandbox = configured(text);
        sandbox.write(
            "kitty-specs/001-harbour-tide-table/status.events.jsonl",
            LINE,
        );
        let report = run(&sandbox);
        assert_eq!(report["mission_log"]["captured"], captured, "{text}");
    }
}

#[test]
fn migrate_personal_data() {
    for (text, has_name) in [("", false), ("migrate.personal_data = 'send'", true)] {
        let server = Server::honest();
        let sandbox = external(&server, text);
        let queue = sandbox.queue("queue.db", Era::Missions);
        let envelope = json!({"event_id": "01JMBY7K8N3QRVX2DPF0000002", "event_type": "BuildRegistered",
            "aggregate_id": "b", "aggregate_type": "Build", "schema_version": "3.0.0", "build_id": "b",
            "payload": {"build_id": "b", "developer_name": "Dev"}, "node_id": "b805cd5cee74", "lamport_clock": 1,
            "timestamp": "2026-02-12T10:00:00+00:00", "project_uuid": "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60"});
        put(
            &queue,
            "01JMBY7K8N3QRVX2DPF0000002",
            envelope.to_string(),
            1,
        );
        sandbox.at_rest();
        sandbox.adopting();
        let report = run(&sandbox);
        assert_eq!(report["migrate"]["imported"], 1, "{report}");
        let sent: String = to(&server.requests(), EVENTS)
            .iter()
            .map(|request| request.json().to_string())
            .collect();
        assert!(sent.contains("BuildRegistered"), "{sent}");
        assert_eq!(sent.contains("developer_name"), has_name, "{text}");
    }
}
