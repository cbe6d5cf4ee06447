//! One valid event of each shape, and one mutation for each rule.

use serde_json::{Value, json};

use super::sample_events::{drift, envelope, indexed, missing, snapshot, status_changed};
use super::violations;

#[test]
fn good_events_break_no_rule() {
    let mut uuid_ids = status_changed();
    uuid_ids["event_id"] = json!("550E8400-E29B-41D4-A716-446655440000");
    uuid_ids["correlation_id"] = json!("550e8400e29b41d4a716446655440000");
    uuid_ids["causation_id"] = json!("01jmby7k8n3qrvx2dpfg5hwt4e");
    uuid_ids["data_tier"] = json!(4);
    uuid_ids["timestamp"] = json!("2026-02-12T11:00:00+01:00");
    let mut unknown = envelope("SomethingNew", "Build", "b", &json!({}));
    unknown["admission_generation"] = json!(3);
    unknown["note"] = json!("feature_slug");
    for event in [
        indexed(),
        missing(),
        snapshot(),
        drift(),
        status_changed(),
        uuid_ids,
        unknown,
    ] {
        assert_eq!(violations(&event), [], "{event}");
    }
}

/// Replaces the member at a JSON pointer or adds it; `None` removes it.
fn set(event: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let members = event
        .pointer_mut(parent)
        .and_then(Value::as_object_mut)
        .unwrap_or_else(|| panic!("{pointer}"));
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
}

/// A valid event, a member of it, its new value, and the beginning of the resulting violation.
type Mutation = (fn() -> Value, &'static str, Option<Value>, &'static str);

#[test]
#[expect(clippy::too_many_lines, reason = "the table of rules")]
fn each_rule_names_the_member_that_breaks_it() {
    let cases: &[Mutation] = &[
        (
            indexed,
            "/schema_version",
            Some(json!("2.0.0")),
            "is not 3.0.0",
        ),
        (indexed, "/schema_version", None, "is required"),
        (
            indexed,
            "/schema_version",
            Some(json!(3)),
            "is not a string",
        ),
        (
            indexed,
            "/lamport_clock",
            Some(json!("7")),
            "is not an integer of 0 or more",
        ),
        (
            indexed,
            "/lamport_clock",
            Some(json!(-1)),
            "is not an integer of 0 or more",
        ),
        (
            indexed,
            "/lamport_clock",
            Some(json!(1.5)),
            "is not an integer of 0 or more",
        ),
        (
            indexed,
            "/lamport_clock",
            Some(json!(true)),
            "is not an integer of 0 or more",
        ),
        (indexed, "/lamport_clock", None, "is required"),
        (
            indexed,
            "/event_id",
            Some(json!("01JMBY7K8N3QRVX2DPFG5HWT4I")),
            "is neither a ULID",
        ),
        (
            indexed,
            "/correlation_id",
            Some(json!("short")),
            "is neither a ULID",
        ),
        (
            indexed,
            "/correlation_id",
            Some(json!(7)),
            "is not a string",
        ),
        (
            indexed,
            "/causation_id",
            Some(json!("short")),
            "is neither a ULID",
        ),
        (
            indexed,
            "/aggregate_type",
            Some(json!("Feature")),
            "is not one of Build, Mission, WorkPackage",
        ),
        (indexed, "/aggregate_type", None, "is required"),
        (
            indexed,
            "/aggregate_id",
            Some(json!("feature/12")),
            "names an aggregate of the vocabulary before",
        ),
        (
            indexed,
            "/aggregate_id",
            Some(json!("feature_catalog")),
            "names an aggregate of the vocabulary before",
        ),
        (indexed, "/aggregate_id", Some(json!("")), "is empty"),
        (
            indexed,
            "/event_type",
            Some(json!("FeatureCreated")),
            "FeatureCreated belongs to",
        ),
        (indexed, "/event_type", None, "is required"),
        (indexed, "/build_id", Some(json!("")), "is empty"),
        (indexed, "/node_id", None, "is required"),
        (
            indexed,
            "/project_uuid",
            Some(json!("not-a-uuid")),
            "is not a UUID",
        ),
        (
            indexed,
            "/project_uuid",
            Some(Value::Null),
            "is not a string",
        ),
        (
            indexed,
            "/project_slug",
            Some(json!(1)),
            "is neither a string nor null",
        ),
        (
            indexed,
            "/timestamp",
            Some(json!("2026-02-12T10:00:00")),
            "is not an ISO 8601 time",
        ),
        (
            indexed,
            "/timestamp",
            Some(json!(1_770_890_400)),
            "is not a string",
        ),
        (
            indexed,
            "/data_tier",
            Some(json!(5)),
            "is not an integer from 0 to 4",
        ),
        (
            indexed,
            "/feature_slug",
            Some(json!("x")),
            "is a key of the vocabulary before",
        ),
        (
            status_changed,
            "/actor",
            Some(json!("x")),
            "is forbidden at the root",
        ),
        (
            status_changed,
            "/evidence",
            Some(Value::Null),
            "is forbidden at the root",
        ),
        (status_changed, "/payload", None, "is required"),
        (
            status_changed,
            "/payload",
            Some(json!([])),
            "is not an object",
        ),
        (
            status_changed,
            "/payload/mission_key",
            Some(json!(1)),
            "is a key of the vocabulary before",
        ),
        (
            indexed,
            "/payload/artifact_id/artifact_class",
            Some(json!("other")),
            "is not one of input, workflow",
        ),
        (
            indexed,
            "/payload/artifact_id/path",
            Some(json!("")),
            "is empty",
        ),
        (
            indexed,
            "/payload/artifact_id/artifact_key",
            Some(json!("k")),
            "is not a known field here",
        ),
        (
            indexed,
            "/payload/relative_path",
            Some(json!("spec.md")),
            "is not a known field here",
        ),
        (
            indexed,
            "/payload/namespace/mission_slug",
            None,
            "is required",
        ),
        (
            indexed,
            "/payload/namespace/manifest_version",
            Some(json!("")),
            "is empty",
        ),
        (
            indexed,
            "/payload/namespace/step_id",
            Some(json!(1)),
            "is not a string",
        ),
        (
            indexed,
            "/payload/namespace",
            Some(json!("x")),
            "is not an object",
        ),
        (indexed, "/payload/content_ref", None, "is required"),
        (
            indexed,
            "/payload/content_ref/hash",
            Some(json!("")),
            "is empty",
        ),
        (
            indexed,
            "/payload/content_ref/algorithm",
            Some(json!("crc")),
            "is not one of sha256, sha512, md5",
        ),
        (
            indexed,
            "/payload/content_ref/size_bytes",
            Some(json!(-2)),
            "is not an integer of 0 or more",
        ),
        (
            indexed,
            "/payload/context_diagnostics/count",
            Some(json!(2)),
            "is not a string",
        ),
        (
            indexed,
            "/payload/provenance/actor_kind",
            Some(json!("robot")),
            "is not one of human, llm, system",
        ),
        (
            indexed,
            "/payload/provenance/source_event_ids",
            Some(json!("x")),
            "is not a list",
        ),
        (
            indexed,
            "/payload/indexed_at",
            Some(Value::Null),
            "is not a string",
        ),
        (
            missing,
            "/payload/manifest_step",
            Some(json!("")),
            "is empty",
        ),
        (
            missing,
            "/payload/last_known_ref/hash",
            Some(json!("x")),
            "is not a known field here",
        ),
        (
            snapshot,
            "/payload/artifact_count",
            Some(json!("3")),
            "is not an integer of 0 or more",
        ),
        (
            snapshot,
            "/payload/manifest_version",
            Some(json!("1")),
            "is not a known field here",
        ),
        (
            drift,
            "/payload/drift_kind",
            Some(json!("moved")),
            "is not one of artifact_added",
        ),
        (
            drift,
            "/payload/artifact_ids_changed",
            Some(json!({})),
            "is not a list",
        ),
    ];
    for (good, pointer, value, message) in cases {
        let mut event = good();
        set(&mut event, pointer, value.clone());
        let found = violations(&event);
        let path = pointer.trim_start_matches('/').replace('/', ".");
        assert!(
            found.len() == 1 && found[0].path == path && found[0].message.starts_with(message),
            "{path} = {value:?}: {found:?}"
        );
    }
}

#[test]
fn old_keys_are_found_at_any_depth_and_values_are_not() {
    let mut event = status_changed();
    event["payload"]["list"] =
        json!([1, {"deep": [{"feature_number": "feature_slug"}]}, "mission_key"]);
    let found = violations(&event);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path, "payload.list[1].deep[0].feature_number");
}

#[test]
fn what_is_no_object_is_one_violation() {
    for value in [json!(null), json!([1]), json!("x")] {
        assert_eq!(violations(&value).len(), 1, "{value}");
    }
    assert!(
        violations(&json!({})).len() >= 11,
        "every required member is named"
    );
}
