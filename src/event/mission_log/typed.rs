//! Lines with an event type.

use serde_json::Value;

use super::clock::time_of;
use super::payload::closed;
use super::{Log, Object, Said, Skip, forbidden_key, non_empty};

/// Types of the vocabulary before 3.0.0.
const FORBIDDEN_TYPES: [&str; 2] = ["FeatureCreated", "FeatureClosed"];
/// Types of aggregates in the contract.
const AGGREGATE_TYPES: [&str; 4] = ["Build", "Mission", "WorkPackage", "MissionDossier"];

impl Log<'_> {
    /// Checked in this order: type, payload, forbidden keys, closed payload, aggregate, time.
    pub(super) fn typed(&self, mut row: Object, type_member: &str) -> Result<Said, Skip> {
        let event_type = non_empty(row.get(type_member))
            .ok_or_else(|| Skip::about("invalid_field", "event_type"))?;
        if FORBIDDEN_TYPES.contains(&event_type) {
            return Err(Skip::about("forbidden_type", event_type));
        }
        let event_type = event_type.to_owned();
        let payload = row
            .remove("payload")
            .filter(Value::is_object)
            .ok_or_else(|| Skip::about("missing_field", "payload"))?;
        if let Some(key) = forbidden_key(&payload) {
            return Err(Skip::about("forbidden_key", key));
        }
        let Value::Object(payload) = payload else {
            return Err(Skip::about("missing_field", "payload"));
        };
        let mut payload = closed(&event_type, payload)?;
        let named = payload
            .get("mission_slug")
            .and_then(Value::as_str)
            .map(|named| self.resolved(Some(named)));
        if let Some(slug) = &named {
            payload.insert("mission_slug".to_owned(), slug.as_str().into());
        }
        let mission_slug = named.unwrap_or_else(|| self.mission_of_row(&row));
        let (aggregate_type, aggregate_id) = aggregate(&row, &payload, &mission_slug)?;
        let time = time_of(
            &row,
            if row.contains_key("timestamp") {
                "timestamp"
            } else {
                "at"
            },
        )?;
        Ok(Said {
            event_type,
            aggregate_type,
            aggregate_id,
            mission_slug,
            payload,
            time,
            transition: None,
            lane: None,
            has_unknown_evidence: false,
        })
    }
}

/// The aggregate of the event: from the line, else its mission.
fn aggregate(row: &Object, payload: &Object, mission_slug: &str) -> Result<(String, String), Skip> {
    let [kind, id] = ["aggregate_type", "aggregate_id"]
        .map(|name| row.get(name).filter(|value| !value.is_null()));
    if kind.is_none() && id.is_none() {
        let mission_id = [payload, row]
            .into_iter()
            .find_map(|object| non_empty(object.get("mission_id")));
        return Ok((
            "Mission".to_owned(),
            mission_id.unwrap_or(mission_slug).to_owned(),
        ));
    }
    let shown = |kind: &Value| {
        kind.as_str()
            .map_or_else(|| kind.to_string(), str::to_owned)
    };
    let kind = kind.map_or_else(|| "None".to_owned(), shown);
    if !AGGREGATE_TYPES.contains(&kind.as_str()) {
        return Err(Skip::about("aggregate_type", &kind));
    }
    let id = non_empty(id).ok_or_else(|| Skip::about("invalid_field", "aggregate_id"))?;
    Ok((kind, id.to_owned()))
}
