//! The events that describe a mission.

use serde_json::{Map, Value, json};

use super::artifact::{Artifact, Required};
use super::mission::Mission;
use super::parity::Drift;
use crate::base::{Timestamp, ids::Ids};
use crate::event::NamespaceRef;

/// An artifact is present.
const INDEXED: &str = "MissionDossierArtifactIndexed";
/// A required artifact is missing.
const MISSING: &str = "MissionDossierArtifactMissing";
/// Summary of the mission.
const SNAPSHOT: &str = "MissionDossierSnapshotComputed";

/// The mission differs from its baseline.
const DRIFT: &str = "MissionDossierParityDriftDetected";

/// One statement about a mission: an event without its envelope.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fact {
    /// The event's type.
    pub(crate) event_type: &'static str,
    /// The subject of the event.
    pub(crate) aggregate_id: String,
    /// The payload, a JSON object.
    pub(crate) payload: Value,
}

/// The facts about `mission`, in order: each present artifact, each missing required one, the
/// summary, and the drift from its baseline. Produced one at a time: a mission of 30,000 files
/// never has more than one in memory.
pub(crate) fn facts<'a>(
    mission: &'a Mission,
    namespace: &'a NamespaceRef,
    now: Timestamp,
    ids: &dyn Ids,
) -> impl Iterator<Item = Fact> + use<'a> {
    let at = now.to_string();
    let snapshot = snapshot(mission, namespace, &at, &ids.uuid());
    let drift = mission
        .drift
        .as_ref()
        .map(|found| drift(namespace, found, &at));
    let said = |a: &&Artifact| a.is_present || a.required == Required::Required;
    let (present, absent): (Vec<_>, Vec<_>) = mission
        .artifacts
        .iter()
        .filter(said)
        .partition(|a| a.is_present);
    let of_artifacts = present.into_iter().chain(absent).map(move |artifact| {
        if artifact.is_present {
            indexed(mission, namespace, artifact, &at)
        } else {
            missing(namespace, artifact, &at)
        }
    });
    of_artifacts.chain([snapshot]).chain(drift)
}

/// Number of facts.
pub(crate) fn count(mission: &Mission) -> usize {
    let is_said = |a: &&Artifact| a.is_present || a.required == Required::Required;
    mission.artifacts.iter().filter(is_said).count() + 1 + usize::from(mission.drift.is_some())
}

fn indexed(mission: &Mission, namespace: &NamespaceRef, artifact: &Artifact, now: &str) -> Fact {
    let hash = artifact
        .sha256
        .map(|sha256| sha256.to_string())
        .unwrap_or_default();
    let mut payload = json!({
        "namespace": namespace,
        "artifact_id": identity(namespace, artifact),
        "content_ref": { "hash": hash, "algorithm": "sha256", "size_bytes": artifact.size },
        "context_diagnostics": { "artifact_key": artifact.key, "required_status": artifact.required.as_str() },
    });
    if let Some(step) = &mission.step {
        set(&mut payload, &[], "step_id", step);
        set(&mut payload, &["namespace"], "step_id", step);
    }
    set(&mut payload, &[], "indexed_at", now);
    fact(INDEXED, namespace, &artifact.path, payload)
}

fn missing(namespace: &NamespaceRef, artifact: &Artifact, now: &str) -> Fact {
    let mut payload = json!({
        "namespace": namespace,
        "expected_identity": identity(namespace, artifact),
        // The value that the reference writes for every step.
        "manifest_step": "default",
        "context_diagnostics": {
            "artifact_key": artifact.key,
            "reason_code": artifact.error_reason.unwrap_or("not_found"),
        },
    });
    set(&mut payload, &[], "checked_at", now);
    fact(MISSING, namespace, &artifact.path, payload)
}

fn snapshot(mission: &Mission, namespace: &NamespaceRef, now: &str, snapshot_id: &str) -> Fact {
    let counts = mission.counts();
    let mut payload = json!({
        "namespace": namespace,
        "snapshot_hash": mission.parity,
        "algorithm": "sha256",
        "artifact_count": counts.total,
        "anomaly_count": counts.required_missing,
        // Counts are text here, as the schema requires.
        "context_diagnostics": {
            "completeness_status": mission.completeness.as_str(),
            "required_artifacts": counts.required.to_string(),
            "required_present": counts.required_present.to_string(),
            "optional_artifacts": counts.optional.to_string(),
            "optional_present": counts.optional_present.to_string(),
        },
    });
    set(&mut payload, &[], "computed_at", now);
    set(
        &mut payload,
        &["context_diagnostics"],
        "snapshot_id",
        snapshot_id,
    );
    fact(SNAPSHOT, namespace, snapshot_id, payload)
}

fn drift(namespace: &NamespaceRef, drift: &Drift, now: &str) -> Fact {
    let mut payload = json!({
        "namespace": namespace,
        "expected_hash": drift.expected,
        "actual_hash": drift.actual,
        // The value that the reference writes for every change.
        "drift_kind": "anomaly_introduced",
        "context_diagnostics": { "severity": "warning" },
    });
    set(&mut payload, &[], "detected_at", now);
    fact(DRIFT, namespace, "drift", payload)
}

/// The path is relative to the feature directory, as in document uploads.
fn identity(namespace: &NamespaceRef, artifact: &Artifact) -> Value {
    json!({
        "mission_type": namespace.mission_type,
        "path": artifact.path,
        "artifact_class": artifact.class.as_str(),
    })
}

fn fact(event_type: &'static str, namespace: &NamespaceRef, about: &str, payload: Value) -> Fact {
    Fact {
        event_type,
        aggregate_id: format!("{}:{about}", namespace.mission_slug),
        payload,
    }
}

/// Sets a text in the object at `path`.
fn set(payload: &mut Value, path: &[&str], key: &str, text: &str) {
    let object: Option<&mut Map<String, Value>> = path
        .iter()
        .try_fold(payload, |value, part| value.get_mut(*part))
        .and_then(Value::as_object_mut);
    if let Some(object) = object {
        object.insert(key.to_owned(), text.into());
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
