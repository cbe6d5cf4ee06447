//! When a newer event makes an older one unnecessary: same key, and whether it says anything new.
//!
//! Only dossier events have a key: the families of `formats/storage-and-wire` section 2.3, with all five namespace
//! fields and the path (the reference's shorter key would let two branches supersede each other), and the older flat
//! payloads' names as fallbacks.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value};

use crate::base::Sha256;

/// Times in a payload: when something was looked at is not a fact about it.
const TIMES: [&str; 4] = ["indexed_at", "checked_at", "computed_at", "detected_at"];

/// What an event is about and what it says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coalesce {
    /// Digest of the key: event type, namespace, path.
    pub(crate) key: [u8; 16],
    /// Digest of what is said: the payload without ids, times, clocks and git facts.
    pub(crate) facts: Sha256,
}

/// Key and facts of an event; `None` for families that never coalesce. `project_uuid` is the envelope's, for payloads
/// without a namespace.
pub(crate) fn coalesce(event_type: &str, payload: &Value, project_uuid: Option<&str>) -> Option<Coalesce> {
    let payload = payload.as_object()?;
    let empty = Map::new();
    let object = |name: &str| payload.get(name).and_then(Value::as_object).unwrap_or(&empty);
    let path = match event_type {
        "MissionDossierArtifactIndexed" => text(object("artifact_id"), "path")
            .or_else(|| text(payload, "relative_path"))
            .or_else(|| text(payload, "artifact_key"))?,
        "MissionDossierArtifactMissing" => text(object("expected_identity"), "path")
            .or_else(|| text(payload, "expected_path_pattern"))
            .or_else(|| text(payload, "artifact_key"))?,
        "MissionDossierSnapshotComputed" | "MissionDossierParityDriftDetected" => "",
        _ => return None,
    };
    let namespace = object("namespace");
    let field = |name: &str| text(namespace, name).or_else(|| text(payload, name)).unwrap_or_default();
    let project = text(namespace, "project_uuid").or(project_uuid).unwrap_or_default();
    let slug = text(namespace, "mission_slug")
        .or_else(|| text(payload, "mission_slug"))
        .or_else(|| text(payload, "feature_slug"))?;
    let parts =
        [event_type, project, slug, field("target_branch"), field("mission_type"), field("manifest_version"), path];
    // Each part is preceded by its length, so that no separator inside a value can make two keys equal.
    let mut joined = Vec::with_capacity(256);
    for part in parts {
        joined.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        joined.extend_from_slice(part.as_bytes());
    }
    let mut key = [0; 16];
    key.copy_from_slice(&Sha256::of(&joined).as_bytes()[..16]);
    Some(Coalesce { key, facts: facts(event_type, payload)? })
}

fn text<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    map.get(name).and_then(Value::as_str)
}

fn facts(event_type: &str, payload: &Map<String, Value>) -> Option<Sha256> {
    // serde_json's map is sorted by key, so equal facts give equal bytes.
    let bytes = serde_json::to_vec(&(event_type, Said(payload))).ok()?;
    Some(Sha256::of(&bytes))
}

/// A payload without what is no fact, written as the object it would be.
struct Said<'a>(&'a Map<String, Value>);

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let said = self.0.iter().filter(|(name, _)| {
            let name = name.as_str();
            !TIMES.contains(&name) && !matches!(name, "provenance" | "snapshot_id")
        });
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in said {
            match (name.as_str(), value) {
                ("context_diagnostics", Value::Object(diagnostics)) => {
                    map.serialize_entry(name, &Diagnostics(diagnostics))
                }
                _ => map.serialize_entry(name, value),
            }?;
        }
        map.end()
    }
}

/// Diagnostics without the id that each snapshot makes anew.
struct Diagnostics<'a>(&'a Map<String, Value>);

impl Serialize for Diagnostics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(name, _)| name.as_str() != "snapshot_id"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn indexed(branch: &str, path: &str, hash: &str, at: &str) -> Value {
        json!({"namespace": {"project_uuid": "p", "mission_slug": "m", "target_branch": branch, "mission_type": "t",
            "manifest_version": "1"}, "artifact_id": {"path": path}, "content_ref": {"hash": hash}, "indexed_at": at,
            "provenance": {"git_sha": at}})
    }

    fn of(payload: &Value) -> Coalesce {
        coalesce("MissionDossierArtifactIndexed", payload, None).unwrap()
    }

    #[test]
    fn time_and_git_are_no_facts() {
        assert_eq!(of(&indexed("main", "a", "h", "1")), of(&indexed("main", "a", "h", "2")));
    }

    #[test]
    fn another_branch_path_or_type_is_another_key() {
        let one = of(&indexed("main", "a", "h", "1"));
        assert_ne!(one.key, of(&indexed("2.x", "a", "h", "1")).key);
        assert_ne!(one.key, of(&indexed("main", "b", "h", "1")).key);
        let shifted = coalesce("MissionDossierArtifactIndexed", &indexed("maina", "", "h", "1"), None).unwrap();
        assert_ne!(one.key, shifted.key, "a value moved over a field border");
    }

    #[test]
    fn another_hash_is_another_fact_of_the_same_key() {
        let (a, b) = (of(&indexed("main", "a", "h", "1")), of(&indexed("main", "a", "i", "1")));
        assert_eq!(a.key, b.key);
        assert_ne!(a.facts, b.facts);
    }

    #[test]
    fn flat_payloads_fall_back_to_their_own_names() {
        let flat = json!({"feature_slug": "m", "artifact_key": "k", "content_hash_sha256": "h"});
        let by_path = json!({"mission_slug": "m", "relative_path": "k", "content_hash_sha256": "h"});
        let key = |v: &Value| coalesce("MissionDossierArtifactIndexed", v, Some("p")).unwrap().key;
        assert_eq!(key(&flat), key(&by_path));
    }

    #[test]
    fn other_families_never_coalesce() {
        assert_eq!(coalesce("WPStatusChanged", &json!({"mission_slug": "m"}), Some("p")), None);
        assert_eq!(coalesce("MissionDossierSnapshotComputed", &json!({}), Some("p")), None);
        assert_eq!(coalesce("MissionDossierSnapshotComputed", &json!("x"), Some("p")), None);
    }
}
