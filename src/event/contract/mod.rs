//! The rules that receivers require of an envelope.
//!
//! They are those of the published events package (6.1.0) and of the outbound contract gate.
//! Unknown envelope members are allowed, dossier payloads are closed, payloads of other event types
//! are not checked.
//!
//! **Invariant:** pure; defined for any JSON value; one pass, linear in the size of the envelope.

mod dossier;
mod findings;
mod shape;

#[cfg(test)]
mod sample_events;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use self::findings::Findings;
pub(crate) use self::findings::Violation;
use self::shape::Place;
use crate::base::{Timestamp, ids};

/// The only accepted schema version.
const SCHEMA_VERSION: &str = "3.0.0";
/// Types of aggregates.
const AGGREGATE_TYPES: &[&str] = &["Build", "Mission", "WorkPackage", "MissionDossier"];
/// Members that belong in payloads; at the root they indicate a malformed envelope.
pub(super) const FORBIDDEN_AT_ROOT: &[&str] = &[
    "from_lane",
    "to_lane",
    "actor",
    "force",
    "reason",
    "review_ref",
    "execution_mode",
    "evidence",
];
/// Keys of the vocabulary before 3.0.0, forbidden at any depth.
const FORBIDDEN_ANYWHERE: &[&str] = &[
    "feature_slug",
    "feature_number",
    "mission_key",
    "legacy_aggregate_id",
];
/// Event types of the vocabulary before 3.0.0.
const FORBIDDEN_TYPES: &[&str] = &["FeatureCreated", "FeatureClosed"];
/// Aggregates of the vocabulary before 3.0.0: the part of an aggregate id before the first `/`.
const FORBIDDEN_AGGREGATES: &[&str] = &["feature", "feature_catalog"];

/// Every rule that `envelope` breaks, in a fixed order; empty if it is acceptable.
pub(crate) fn violations(envelope: &Value) -> Vec<Violation> {
    let mut found = Findings::default();
    let Value::Object(members) = envelope else {
        found.add("event", "is not an object");
        return found.0;
    };
    check_names(members, &mut found);
    check_ids(members, &mut found);
    check_numbers_and_times(members, &mut found);
    for key in FORBIDDEN_AT_ROOT
        .iter()
        .filter(|key| members.contains_key(**key))
    {
        found.add(key, "is forbidden at the root of the envelope");
    }
    forbidden_keys(envelope, Place::Root, &mut found);
    match members.get("payload") {
        None => found.add("payload", "is required"),
        Some(payload @ Value::Object(_)) => {
            let event_type = members
                .get("event_type")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if let Some(fields) = dossier::payload(event_type) {
                shape::check(
                    payload,
                    fields,
                    Place::Member(&Place::Root, "payload"),
                    &mut found,
                );
            }
        }
        Some(_) => found.add("payload", "is not an object"),
    }
    found.0
}

/// Version, type, aggregate, and origin.
fn check_names(members: &Map<String, Value>, found: &mut Findings) {
    if let Some(version) = found.text(members, "schema_version")
        && version != SCHEMA_VERSION
    {
        found.add("schema_version", format!("is not {SCHEMA_VERSION}"));
    }
    if let Some(event_type) = found.text(members, "event_type")
        && FORBIDDEN_TYPES.contains(&event_type)
    {
        found.add(
            "event_type",
            format!("{event_type} belongs to the vocabulary before 3.0.0"),
        );
    }
    if let Some(kind) = found.text(members, "aggregate_type")
        && !AGGREGATE_TYPES.contains(&kind)
    {
        found.add("aggregate_type", shape::not_one_of(AGGREGATE_TYPES));
    }
    if let Some(aggregate) = found.text(members, "aggregate_id")
        && FORBIDDEN_AGGREGATES.contains(&aggregate.split('/').next().unwrap_or_default())
    {
        found.add(
            "aggregate_id",
            "names an aggregate of the vocabulary before 3.0.0",
        );
    }
    found.text(members, "build_id");
    found.text(members, "node_id");
    if !matches!(
        members.get("project_slug"),
        None | Some(Value::Null | Value::String(_))
    ) {
        found.add("project_slug", "is neither a string nor null");
    }
}

/// Event, correlation, causation and project.
fn check_ids(members: &Map<String, Value>, found: &mut Findings) {
    const NO_ID: &str = "is neither a ULID (26 characters) nor a UUID";
    // Older producers name no correlation; then it is the cause, or the event itself.
    let is_absent = |name: &str| matches!(members.get(name), None | Some(Value::Null));
    for name in ["event_id", "correlation_id", "causation_id"] {
        if (name == "event_id" || !is_absent(name))
            && let Some(id) = found.text(members, name)
            && ids::normalize(id).is_none()
        {
            found.add(name, NO_ID);
        }
    }
    if let Some(project) = found.text(members, "project_uuid")
        && uuid::Uuid::parse_str(project).is_err()
    {
        found.add("project_uuid", "is not a UUID");
    }
}

/// Clock, time and tier.
fn check_numbers_and_times(members: &Map<String, Value>, found: &mut Findings) {
    match members.get("lamport_clock") {
        None => found.add("lamport_clock", "is required"),
        Some(clock) if !shape::is_count(clock) => found.add("lamport_clock", shape::NO_COUNT),
        Some(_) => {}
    }
    if let Some(time) = found.text(members, "timestamp")
        && Timestamp::parse(time).is_none()
    {
        found.add("timestamp", "is not an ISO 8601 time with an offset");
    }
    if let Some(tier) = members.get("data_tier")
        && !(shape::is_count(tier) && tier.as_f64().is_some_and(|t| t <= 4.0))
    {
        found.add("data_tier", "is not an integer from 0 to 4");
    }
}

/// Keys of the old vocabulary at any depth. Values are not checked.
fn forbidden_keys(value: &Value, place: Place<'_>, found: &mut Findings) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let at = Place::Member(&place, name);
                if FORBIDDEN_ANYWHERE.contains(&name.as_str()) {
                    found.add(
                        at,
                        "is a key of the vocabulary before 3.0.0, forbidden at any depth",
                    );
                }
                if is_container(member) {
                    forbidden_keys(member, at, found);
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items
                .iter()
                .enumerate()
                .filter(|(_, item)| is_container(item))
            {
                forbidden_keys(item, Place::Item(&place, at), found);
            }
        }
        _ => {}
    }
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Array(_))
}
