//! Compares envelopes by meaning, independent of spelling.

use serde_json::Value;

use super::LOCAL_MEMBERS;
use crate::base::{Sha256, ids, json};

/// True if two envelopes have the same meaning: as JSON, with ids in normal form, whether or not a
/// sender filled in team or correlation, and without diagnostics of its queue.
pub(crate) fn is_same_event(a: &[u8], b: &[u8]) -> bool {
    json::same_meaning(a, b)
        || matches!((plain(a), plain(b)), (Some(a), Some(b)) if json::same_meaning(&a, &b))
}

/// The envelope with ids in normal form and a correlation, without team and members local to a
/// sender.
fn plain(envelope: &[u8]) -> Option<Vec<u8>> {
    let mut envelope: Value = serde_json::from_slice(envelope).ok()?;
    let members = envelope.as_object_mut()?;
    for local in LOCAL_MEMBERS.into_iter().chain(["team_slug"]) {
        members.remove(local);
    }
    if members.get("correlation_id").is_none_or(Value::is_null) {
        // Newer producers fill in what older ones omit.
        let cause = members
            .get("causation_id")
            .filter(|cause| !cause.is_null())
            .or_else(|| members.get("event_id"));
        let cause = cause.cloned();
        members.extend(cause.map(|cause| ("correlation_id".to_owned(), cause)));
    }
    for name in ["event_id", "correlation_id", "causation_id"] {
        if let Some(Value::String(id)) = envelope.get_mut(name)
            && let Some(normal) = ids::normalize(id)
        {
            *id = normal;
        }
    }
    if let Some(Value::String(project)) = envelope.get_mut("project_uuid")
        && let Ok(uuid) = uuid::Uuid::parse_str(project)
    {
        *project = uuid.to_string();
    }
    serde_json::to_vec(&envelope).ok()
}

/// A digest that is equal for envelopes with the same meaning, and only for them.
pub(crate) fn meaning_digest(envelope: &[u8]) -> Sha256 {
    let plain = plain(envelope);
    let said = plain.as_deref().unwrap_or(envelope);
    Sha256::of(json::canonical(said).as_deref().unwrap_or(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "8a4a7da6-a97c-4bb4-893a-b31664abfee4";

    fn status_changed(id: &str) -> Value {
        serde_json::json!({
            "event_id": id, "event_type": "WPStatusChanged", "project_uuid": PROJECT, "correlation_id": id,
            "causation_id": null, "team_slug": null, "lamport_clock": 7, "payload": {"wp_id": "WP01"},
        })
    }

    #[test]
    fn sameness_ignores_spelling_and_nothing_else() {
        let id = "01JMBY7K8N3QRVX2DPFG5HWT4E";
        let event = status_changed(id);
        let spelled = event.to_string();
        let mut other = event.clone();
        other["event_id"] = id.to_lowercase().into();
        other["project_uuid"] = PROJECT.replace('-', "").into();
        assert!(is_same_event(
            spelled.as_bytes(),
            serde_json::to_string_pretty(&other).unwrap().as_bytes()
        ));
        let pretty = serde_json::to_string_pretty(&other).unwrap();
        assert_eq!(
            meaning_digest(pretty.as_bytes()),
            meaning_digest(spelled.as_bytes())
        );
        other["drain_blocked_reason"] = "no_auth".into();
        assert!(is_same_event(
            spelled.as_bytes(),
            other.to_string().as_bytes()
        ));
        let mut older = event.clone();
        older.as_object_mut().unwrap().remove("correlation_id");
        let mut filled = older.clone();
        filled["correlation_id"] = id.into();
        assert!(is_same_event(
            older.to_string().as_bytes(),
            filled.to_string().as_bytes()
        ));
        other["lamport_clock"] = 8.into();
        assert!(!is_same_event(
            spelled.as_bytes(),
            other.to_string().as_bytes()
        ));
        assert_ne!(
            meaning_digest(spelled.as_bytes()),
            meaning_digest(other.to_string().as_bytes())
        );
    }
}
