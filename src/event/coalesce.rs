//! Decides whether a newer event makes an older one unnecessary: same key, and the facts that it
//! states.
//!
//! Only dossier events have a key: event type, all five namespace fields and the path (the shorter
//! key of the reference would let two branches supersede each other). The field names of older flat
//! payloads are fallbacks.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value};

use super::NamespaceRef;
use crate::base::Sha256;

/// Times in a payload: when something was examined is not a fact about it.
pub(super) const TIMES: [&str; 4] = ["indexed_at", "checked_at", "computed_at", "detected_at"];

/// Key and facts of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coalesce {
    /// Digest of the key: event type, namespace, path.
    pub(crate) key: [u8; 16],
    /// Digest of the facts: the payload without ids, times, clocks and git facts.
    pub(crate) facts: Sha256,
    /// The key of events that contradict it: an artifact that is present is not missing, and vice
    /// versa; a drift ends with a newer snapshot. After a newer event with the rival key, the same
    /// facts are new again.
    pub(crate) rival: Option<[u8; 16]>,
}

/// Key and facts of an event; `None` for families that never coalesce, and if a field of the key is
/// missing. Fields missing in the payload are read from the `envelope`, where older writers put
/// them.
pub(crate) fn coalesce(
    event_type: &str,
    payload: &Value,
    envelope: Option<&Map<String, Value>>,
) -> Option<Coalesce> {
    let (payload, empty) = (payload.as_object()?, Map::new());
    let [key, rival] = keys(event_type, payload, envelope.unwrap_or(&empty), &empty).ok()??;
    Some(Coalesce {
        key: key?,
        facts: facts(event_type, payload)?,
        rival,
    })
}

/// The key alone.
pub(crate) fn coalescing_key(event_type: &str, payload: &Value) -> Option<[u8; 16]> {
    let empty = Map::new();
    let [key, _] = keys(event_type, payload.as_object()?, &empty, &empty).ok()??;
    key
}

type Object = Map<String, Value>;

/// An artifact is present.
const INDEXED: &str = "MissionDossierArtifactIndexed";
/// An artifact is missing.
const MISSING: &str = "MissionDossierArtifactMissing";
/// Summary of a mission.
const SNAPSHOT: &str = "MissionDossierSnapshotComputed";
/// A mission differs from its baseline.
const DRIFT: &str = "MissionDossierParityDriftDetected";

/// The key of an event and that of its rival; `None` if a required field is missing.
fn keys(
    event_type: &str,
    payload: &Object,
    envelope: &Object,
    empty: &Object,
) -> Result<Option<[Option<[u8; 16]>; 2]>, NotText> {
    let path = match event_type {
        INDEXED => first(&[
            (within(payload, "artifact_id", empty), "path"),
            (payload, "relative_path"),
            (payload, "artifact_key"),
            (envelope, "artifact_key"),
        ])?,
        MISSING => first(&[
            (within(payload, "expected_identity", empty), "path"),
            (payload, "expected_path_pattern"),
            (payload, "artifact_key"),
            (envelope, "artifact_key"),
        ])?,
        SNAPSHOT | DRIFT => Some(""),
        _ => return Ok(None),
    };
    let spaces = [
        within(payload, "namespace", empty),
        within(envelope, "namespace", empty),
        payload,
        envelope,
    ];
    let field = |name| first(&spaces.map(|space| (space, name)));
    let slug = match field("mission_slug")? {
        None => first(&[(payload, "feature_slug"), (envelope, "feature_slug")])?,
        slug => slug,
    };
    let (Some(path), Some(slug)) = (path, slug) else {
        return Ok(None);
    };
    // A flat payload does not contain the target branch; the branch on which it was made
    // distinguishes two of them.
    let branch = match field("target_branch")? {
        None => first(&[(envelope, "git_branch")])?,
        branch => branch,
    };
    let project = field("project_uuid")?.unwrap_or_default();
    let mission_type = field("mission_type")?.unwrap_or_default();
    let version = field("manifest_version")?.unwrap_or_default();
    let about = [
        project,
        slug,
        branch.unwrap_or_default(),
        mission_type,
        version,
        path,
    ];
    let rival = match event_type {
        INDEXED => Some(MISSING),
        MISSING => Some(INDEXED),
        // A newer snapshot found no drift, or a different one.
        DRIFT => Some(SNAPSHOT),
        _ => None,
    };
    Ok(Some(
        [Some(event_type), rival].map(|event_type| Some(digest(event_type?, about))),
    ))
}

/// Key that all versions of a document share.
pub(crate) fn document_key(namespace: &NamespaceRef, path: &str) -> [u8; 16] {
    digest("document", about(namespace, path))
}

/// Key of the event that states that an artifact is present.
pub(crate) fn indexed_key(namespace: &NamespaceRef, path: &str) -> [u8; 16] {
    digest(INDEXED, about(namespace, path))
}

fn about<'a>(n: &'a NamespaceRef, path: &'a str) -> [&'a str; 6] {
    [
        &n.project_uuid,
        &n.mission_slug,
        &n.target_branch,
        &n.mission_type,
        &n.manifest_version,
        path,
    ]
}

/// Key of an event of this type with these fields.
fn digest(event_type: &str, about: [&str; 6]) -> [u8; 16] {
    // Each part is preceded by its length, so that separators inside values cannot make two keys
    // equal.
    let mut joined = Vec::with_capacity(256);
    for part in [event_type].into_iter().chain(about) {
        joined.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        joined.extend_from_slice(part.as_bytes());
    }
    let mut key = [0; 16];
    key.copy_from_slice(&Sha256::of(&joined).as_bytes()[..16]);
    key
}

/// A field that should be a text has another type, so the subject of the event is unknown.
struct NotText;

/// The object in a field; `empty` if it is not one.
fn within<'a>(object: &'a Object, name: &str, empty: &'a Object) -> &'a Object {
    object.get(name).and_then(Value::as_object).unwrap_or(empty)
}

/// The first of these fields that is a text; `None` if none exists.
fn first<'a>(fields: &[(&'a Object, &str)]) -> Result<Option<&'a str>, NotText> {
    match fields
        .iter()
        .filter_map(|(object, name)| object.get(*name))
        .find(|value| !value.is_null())
    {
        Some(value) => value.as_str().map(Some).ok_or(NotText),
        None => Ok(None),
    }
}

fn facts(event_type: &str, payload: &Map<String, Value>) -> Option<Sha256> {
    // serde_json's map is sorted by key, so equal facts give equal bytes.
    let bytes = serde_json::to_vec(&(event_type, Said(payload))).ok()?;
    Some(Sha256::of(&bytes))
}

/// A payload without its non-factual members, serialised as an object.
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

/// Diagnostics without the id that differs in each snapshot.
struct Diagnostics<'a>(&'a Map<String, Value>);

impl Serialize for Diagnostics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .filter(|(name, _)| name.as_str() != "snapshot_id"),
        )
    }
}

#[cfg(test)]
#[path = "coalesce_tests.rs"]
mod tests;
