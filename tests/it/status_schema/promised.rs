//! Members of the schema that are promised, and older ones that are not.

use serde_json::{Value, json};

use super::schema;
use crate::support::Sandbox;

/// Every object of the schema lists its members, and promises each of them.
fn unpromised(schema: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    let types = schema["type"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![schema["type"].clone()]);
    let is_map = schema.get("additionalProperties").is_some();
    if types.contains(&json!("object")) && !is_map {
        let names: Vec<_> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        let mut required: Vec<_> = schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect();
        required.sort();
        let sorted = std::collections::BTreeSet::from_iter(names);
        if sorted.iter().cloned().collect::<Vec<_>>() != required {
            found.push(format!(
                "{place}: {sorted:?} are listed, {required:?} promised"
            ));
        }
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        found.extend(unpromised(member, &format!("{place}.{name}")));
    }
    if let Some(items) = schema.get("items") {
        found.extend(unpromised(items, &format!("{place}[]")));
    }
    found
}

/// The members that Spec Kitty's own `sync status --json` had, with their types there; a count that
/// is not known without opening an older queue may be null.
const OLDER: [(&str, &str); 56] = [
    ("ok", "boolean"),
    ("exit_code", "integer"),
    ("target_authority.configured_server_url", "string null"),
    ("target_authority.env_server_url", "string null"),
    ("target_authority.override_mode", "enum"),
    ("target_authority.resolved_server_url", "string null"),
    ("target_authority.user_id", "string null"),
    ("target_authority.team_slug", "string null"),
    ("target_authority.derived_queue_scope", "string"),
    ("target_authority.queue_db_path", "string"),
    ("target_authority.active_queue_scope_status", "string"),
    ("event_journal.retained_event_count", "integer"),
    ("event_journal.archived_event_count", "integer"),
    ("event_journal.oldest_retained_event_at", "string null"),
    ("event_journal.journal_size_bytes", "integer"),
    ("event_journal.gc_suggested", "boolean"),
    ("event_journal.gc_suggestion", "object null"),
    ("event_journal.gc_suggestion.reason", "string"),
    (
        "event_journal.gc_suggestion.retained_event_count",
        "integer",
    ),
    ("event_journal.gc_suggestion.journal_size_bytes", "integer"),
    ("delivery_targets.current", "object null"),
    ("delivery_targets.current.target_id", "string null"),
    ("delivery_targets.current.canonical_url", "string"),
    ("delivery_targets.current.team_slug", "string"),
    ("delivery_targets.current.user_email", "string"),
    ("delivery_targets.previous", "array"),
    ("delivery_targets.previous[].delivered_count", "integer"),
    ("delivery_ledger.delivered_current_target", "integer"),
    ("delivery_ledger.delivered_previous_target", "integer"),
    ("delivery_ledger.pending", "integer"),
    ("delivery_ledger.rejected", "integer"),
    ("delivery_ledger.transient", "integer"),
    ("migration_conflicts.count", "integer"),
    ("migration_conflicts.cleanup_blocked", "boolean"),
    ("migration_conflicts.conflicts[].event_id", "string"),
    ("migration_conflicts.conflicts[].source_digest", "string"),
    ("migration_conflicts.conflicts[].existing_sha", "string"),
    ("migration_conflicts.conflicts[].incoming_sha", "string"),
    ("migration_conflicts.conflicts[].detail", "string"),
    ("terminal_failures.count", "integer"),
    ("terminal_failures.events[].event_id", "string"),
    ("terminal_failures.events[].target_id", "string"),
    ("terminal_failures.events[].last_error", "string null"),
    (
        "body_upload_compatibility.body_upload_queue_count",
        "integer",
    ),
    (
        "body_upload_compatibility.body_upload_failure_log_count",
        "integer",
    ),
    ("active_queue.path", "string"),
    ("active_queue.event_count", "integer"),
    ("legacy_queue.rows_in_scope", "integer null"),
    ("auth_required", "boolean"),
    ("auth_present", "boolean"),
    ("mismatches", "array"),
    ("orphan_records", "array"),
    ("foreground", "object"),
    ("daemon_owner_record", "object"),
    ("remote_sync.remote_project_state", "string"),
    ("remote_sync.materialized_at", "string null"),
];

#[test]
fn the_schema_promises_every_member_and_the_older_ones_by_name_and_type() {
    let sandbox = Sandbox::with_repo();
    let schema = schema(&sandbox);
    assert_eq!(unpromised(&schema, "$"), Vec::<String>::new());
    for (path, types) in OLDER {
        let mut at = &schema;
        for name in path.split('.') {
            let (name, is_list) = name
                .strip_suffix("[]")
                .map_or((name, false), |name| (name, true));
            at = &at["properties"][name];
            at = if is_list { &at["items"] } else { at };
        }
        let told = match &at["type"] {
            Value::String(word) => word.clone(),
            Value::Array(words) => words
                .iter()
                .map(|w| w.as_str().unwrap())
                .collect::<Vec<_>>()
                .join(" "),
            _ if at["enum"].is_array() => "enum".to_owned(),
            other => panic!("{path}: {other}"),
        };
        assert_eq!(told, types, "{path}");
    }
}
