//! Corrects envelopes of older producers when they are sent: missing and surplus members. The
//! journal keeps them unchanged.
//!
//! Envelopes of 3.1.10 have no `correlation_id`, repeat members of the payload at the root, where
//! receivers reject them, and name the person and the machine that made them.

use serde_json::{Map, Value};

use super::contract::FORBIDDEN_AT_ROOT;

type Object = Map<String, Value>;

/// Members that are never sent: diagnostics of the queue that held the event.
pub(crate) const LOCAL_MEMBERS: [&str; 5] = [
    "drain_blocked_reason",
    "admission_generation",
    "binding_audience",
    "spec_kitty_delivery_identity",
    "type",
];
/// Members that name a person or a machine.
const PERSONAL: [&str; 3] = ["developer_name", "machine_name", "workspace_path"];
/// Version of the envelopes that have a correlation today.
const VERSION: &str = "3.0.0";

/// True if an envelope must be corrected before it is sent.
pub(super) fn is_older(envelope: &Object) -> bool {
    correlation(envelope).is_some() || root_copies(envelope).next().is_some()
}

/// The correlation to send for an envelope without one: the cause of the event, else the event
/// itself. `None` if it has one, or is of another version.
pub(super) fn correlation(envelope: &Object) -> Option<&str> {
    let text = |name: &str| {
        envelope
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let is_missing = envelope.get("correlation_id").is_none_or(Value::is_null);
    let is_ours = is_missing && text("schema_version") == Some(VERSION);
    if is_ours {
        text("causation_id").or_else(|| text("event_id"))
    } else {
        None
    }
}

/// Members at the root that the payload has as well. Members that the payload lacks are kept: the
/// receiver reports them.
pub(super) fn root_copies(envelope: &Object) -> impl Iterator<Item = &'static str> {
    let payload = envelope.get("payload").and_then(Value::as_object);
    let is_copy = move |name: &&&str| {
        let there = payload.and_then(|payload| payload.get(**name));
        there.is_some() && there == envelope.get(**name)
    };
    FORBIDDEN_AT_ROOT.iter().filter(is_copy).copied()
}

/// True if an envelope may contain a member that names a person or a machine, in any spelling.
pub(crate) fn names_person(envelope: &[u8]) -> bool {
    let has = |part: &[u8]| envelope.windows(part.len()).any(|window| window == part);
    // An escape may stand for any letter of a name.
    let is_spelled_out = || {
        has(b"\\u00")
            && serde_json::from_slice(envelope).is_ok_and(|value: Value| has_personal(&value))
    };
    PERSONAL.iter().any(|name| has(name.as_bytes())) || is_spelled_out()
}

fn has_personal(value: &Value) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| is_personal(name) || has_personal(value)),
        Value::Array(items) => items.iter().any(has_personal),
        _ => false,
    }
}

/// True for the name of a member that names a person or a machine.
pub(super) fn is_personal(name: &str) -> bool {
    PERSONAL.contains(&name)
}

/// Removes members that name a person or a machine, at any depth.
pub(super) fn strip_personal(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !is_personal(name));
            members.values_mut().for_each(strip_personal);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_personal),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_missing_correlation_is_the_cause_or_the_event() {
        for (envelope, expected) in [
            (
                json!({"schema_version": "3.0.0", "event_id": "e", "causation_id": "c"}),
                Some("c"),
            ),
            (
                json!({"schema_version": "3.0.0", "event_id": "e", "causation_id": null}),
                Some("e"),
            ),
            (
                json!({"schema_version": "3.0.0", "event_id": "e", "correlation_id": null}),
                Some("e"),
            ),
            (
                json!({"schema_version": "3.0.0", "event_id": "e", "correlation_id": "x"}),
                None,
            ),
            (json!({"event_id": "e"}), None),
        ] {
            assert_eq!(correlation(&object(&envelope)), expected, "{envelope}");
        }
    }

    #[test]
    fn only_copies_are_taken_from_the_root() {
        let envelope = json!({"actor": "a", "to_lane": "done", "reason": "r", "force": null,
            "payload": {"actor": "a", "to_lane": "planned", "force": null}});
        let envelope = object(&envelope);
        let copies: Vec<_> = root_copies(&envelope).collect();
        assert_eq!(copies, ["actor", "force"]);
        assert_eq!(
            root_copies(&object(&json!({"actor": "a", "payload": []}))).count(),
            0
        );
    }

    #[test]
    fn names_of_people_and_machines_are_found_and_taken_out() {
        let mut value = json!({"payload": {"developer_name": "d", "x": [{"machine_name": "m", "y": 1}]}, "workspace_path": 1});
        assert!(names_person(value.to_string().as_bytes()));
        strip_personal(&mut value);
        assert_eq!(value, json!({"payload": {"x": [{"y": 1}]}}));
        assert!(!names_person(value.to_string().as_bytes()));
        assert!(
            names_person(br#"{"a":[{"develope\u0072_name":"d"}]}"#),
            "an escape in the name"
        );
        assert!(
            !names_person(br#"{"a":"develope\u0072_name"}"#),
            "it is no name of a member"
        );
    }
}
