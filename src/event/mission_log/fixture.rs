//! Lines of logs, and what they become, for tests.

use serde_json::{Value, json};

use super::{LogEvent, LogMission, LogProject, LogRow, read_log};

pub(super) const PROJECT: LogProject<'_> = LogProject {
    project_uuid: "8a4a7da6-a97c-4bb4-893a-b31664abfee4",
    project_slug: Some("spec-kitty"),
    repo_slug: None,
};

pub(super) const MISSION: LogMission<'_> = LogMission {
    directory: "004-modular-code-refactoring",
    mission_id: None,
};

pub(super) const ID: &str = "01KJ5V38JT00JPNCGNRNVWXV12";

/// The first line of a real log.
pub(super) fn lane() -> Value {
    json!({"actor": "migration", "at": "2026-02-23T18:10:00.410438+00:00", "event_id": ID, "evidence": null,
        "execution_mode": "direct_repo", "force": true, "from_lane": "planned", "mission_id": "01KN2371WVTZTM5FD5NT2YSGJ0",
        "mission_slug": "004-modular-code-refactoring", "policy_metadata": null,
        "reason": "historical_frontmatter_to_jsonl:v1", "review_ref": null, "to_lane": "done", "wp_id": "WP01"})
}

pub(super) fn wp_created() -> Value {
    json!({"aggregate_id": "WP06", "aggregate_type": "WorkPackage", "event_id": ID, "event_type": "WPCreated",
        "payload": {"actor": "a", "created_at": "2026-07-20T16:29:30.253480Z", "depends_on": ["WP02"],
            "mission_number": null, "mission_slug": "m", "wp_id": "WP06", "wp_title": "t", "extra": 1},
        "project_slug": null, "project_uuid": null, "schema_version": "5.0.0",
        "timestamp": "2026-07-20T16:29:30.253609+00:00"})
}

pub(super) fn decision_point() -> Value {
    json!({"at": "2026-07-20T15:33:31Z", "event_id": ID, "event_type": "DecisionPointOpened", "payload": {"x": 1.5}})
}

/// A row with changed members; `null` as text removes one.
pub(super) fn with(mut row: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = row.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if *value == json!("(absent)") {
            parent.remove(name);
        } else {
            parent.insert(name.to_owned(), value.clone());
        }
    }
    row
}

pub(super) fn row_in(mission: LogMission<'_>, row: &Value) -> LogRow {
    read_log(row.to_string().as_bytes(), PROJECT, mission)
        .next()
        .unwrap()
}

pub(super) fn event(row: &Value) -> LogEvent {
    row_in(MISSION, row).becomes.unwrap()
}

pub(super) fn envelope(row: &Value) -> Value {
    serde_json::from_slice(&event(row).envelope).unwrap()
}

/// The result for a row, as one word or with the reason.
pub(super) fn decided(row: &Value) -> String {
    match row_in(MISSION, row).becomes {
        Ok(LogEvent {
            transition: Some(rule),
            ..
        }) => rule,
        Ok(event) => event.event_type,
        Err(skip) => skip.to_string(),
    }
}
