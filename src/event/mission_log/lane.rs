//! A lane change as the payload of `WPStatusChanged`: closed, so it has exactly ten members.

use serde_json::{Value, json};

use super::clock::time_of;
use super::evidence::{Evidence, evidence};
use super::transition::{Change, lane};
use super::{Log, Object, Said, Skip, forbidden_key, non_empty};

impl Log<'_> {
    /// Checked in the order of the payload's members; the first error is the reason.
    pub(super) fn lane_change(&self, mut row: Object) -> Result<Said, Skip> {
        let wp_id = non_empty(row.get("wp_id"))
            .ok_or_else(|| missing("wp_id"))?
            .to_owned();
        let to_lane = row
            .get("to_lane")
            .filter(|to| !to.is_null())
            .ok_or_else(|| missing("to_lane"))?;
        let from_lane = row.get("from_lane").filter(|from| !from.is_null());
        let from = from_lane
            .map(|from| known_lane(from, "from_lane"))
            .transpose()?;
        let to = known_lane(to_lane, "to_lane")?;
        let is_forced = match row.get("force") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(force)) => *force,
            Some(_) => return Err(Skip::about("invalid_field", "force")),
        };
        let change = Change {
            from,
            to,
            is_forced,
        };
        let reason = text_or_null(&row, "reason")?;
        let review_ref = review_ref(&row, change)?;
        let actor = actor(&mut row)?;
        if is_forced && reason.as_deref().is_none_or(is_blank) {
            return Err(Skip::about("force_without_reason", &change.words()));
        }
        let mission_slug = self.mission_of_row(&row);
        let mode = row
            .get("execution_mode")
            .and_then(Value::as_str)
            .filter(|mode| *mode == "worktree");
        let Evidence {
            value: evidence,
            has_unknown,
        } = evidence(&row, to, review_ref.as_deref());
        let time = time_of(&row, "at")?;
        let broken = change.broken_rule(
            review_ref
                .as_deref()
                .is_some_and(|reference| !is_blank(reference)),
        );
        let payload = json!({
            "mission_slug": mission_slug,
            "wp_id": wp_id,
            "from_lane": from,
            "to_lane": to,
            "actor": actor,
            "force": is_forced,
            "reason": reason,
            "execution_mode": mode.unwrap_or("direct_repo"),
            "review_ref": review_ref,
            "evidence": evidence,
        });
        let Value::Object(payload) = payload else {
            return Err(Skip::bare("not_an_object"));
        };
        Ok(Said {
            event_type: "WPStatusChanged".to_owned(),
            aggregate_type: "WorkPackage".to_owned(),
            aggregate_id: wp_id,
            mission_slug,
            payload,
            time,
            lane: Some(to),
            transition: broken.map(|rule| format!("{rule}: {}", change.words())),
            has_unknown_evidence: has_unknown,
        })
    }
}

fn missing(member: &str) -> Skip {
    Skip::about("missing_field", member)
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn known_lane(value: &Value, member: &str) -> Result<&'static str, Skip> {
    let word = value
        .as_str()
        .ok_or_else(|| Skip::about("unknown_lane", member))?;
    lane(word).ok_or_else(|| Skip::about("unknown_lane", word))
}

fn text_or_null(row: &Object, member: &str) -> Result<Option<String>, Skip> {
    match row.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Skip::about("invalid_field", member)),
    }
}

/// The review that sent the work back; if it is required and missing, that of
/// `review_result.reference`.
fn review_ref(row: &Object, change: Change<'_>) -> Result<Option<String>, Skip> {
    let written = text_or_null(row, "review_ref")?;
    if !change.needs_review_ref()
        || written
            .as_deref()
            .is_some_and(|reference| !is_blank(reference))
    {
        return Ok(written);
    }
    let beside = row
        .get("review_result")
        .and_then(|result| result.get("reference"))
        .and_then(Value::as_str);
    Ok(beside
        .filter(|reference| !is_blank(reference))
        .map(str::to_owned)
        .or(written))
}

/// The actor: verbatim, or the object in `policy_metadata` that a repair had replaced by a word.
fn actor(row: &mut Object) -> Result<Value, Skip> {
    let is_actor = |actor: &Value| match actor {
        Value::String(name) => !is_blank(name),
        Value::Object(members) => !members.is_empty(),
        _ => false,
    };
    let actor = row
        .remove("actor")
        .filter(is_actor)
        .ok_or_else(|| missing("actor"))?;
    let original = row
        .get_mut("policy_metadata")
        .and_then(|metadata| metadata.get_mut("migration_original_actor"));
    let original = original.filter(|original| original.is_object() && is_actor(original));
    let actor = match (&actor, original) {
        (Value::String(_), Some(original)) => original.take(),
        _ => actor,
    };
    match forbidden_key(&actor) {
        Some(key) => Err(Skip::about("forbidden_key", key)),
        None => Ok(actor),
    }
}
