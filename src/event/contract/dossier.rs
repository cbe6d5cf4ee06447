//! The payloads of the four dossier events.

use super::shape::{Field, Kind, optional, required};

const ALGORITHMS: &[&str] = &["sha256", "sha512", "md5"];

/// A mission on a branch under a manifest.
const NAMESPACE: &[Field] = &[
    required("project_uuid", Kind::NonEmpty),
    required("mission_slug", Kind::NonEmpty),
    required("target_branch", Kind::NonEmpty),
    required("mission_type", Kind::NonEmpty),
    required("manifest_version", Kind::NonEmpty),
    optional("step_id", Kind::Text),
];

/// One artifact of it.
const ARTIFACT: &[Field] = &[
    required("mission_type", Kind::NonEmpty),
    required("path", Kind::NonEmpty),
    required(
        "artifact_class",
        Kind::OneOf(&[
            "input", "workflow", "output", "evidence", "policy", "runtime",
        ]),
    ),
    optional("run_id", Kind::Text),
    optional("wp_id", Kind::Text),
];

/// The artifact's content. The events package only requires that a hash is not empty.
const CONTENT: &[Field] = &[
    required("hash", Kind::NonEmpty),
    required("algorithm", Kind::OneOf(ALGORITHMS)),
    optional("size_bytes", Kind::Count),
    optional("encoding", Kind::Text),
];

/// Origin of an artifact.
const PROVENANCE: &[Field] = &[
    optional("source_event_ids", Kind::Texts),
    optional("git_sha", Kind::Text),
    optional("git_ref", Kind::Text),
    optional("actor_id", Kind::Text),
    optional("actor_kind", Kind::OneOf(&["human", "llm", "system"])),
    optional("revised_at", Kind::Text),
];

const INDEXED: &[Field] = &[
    required("namespace", Kind::Object(NAMESPACE)),
    required("artifact_id", Kind::Object(ARTIFACT)),
    required("content_ref", Kind::Object(CONTENT)),
    required("indexed_at", Kind::Text),
    optional("provenance", Kind::Object(PROVENANCE)),
    optional("step_id", Kind::Text),
    optional("supersedes", Kind::Object(ARTIFACT)),
    optional("context_diagnostics", Kind::TextMap),
];

const MISSING: &[Field] = &[
    required("namespace", Kind::Object(NAMESPACE)),
    required("expected_identity", Kind::Object(ARTIFACT)),
    required("manifest_step", Kind::NonEmpty),
    required("checked_at", Kind::Text),
    optional("last_known_ref", Kind::Object(PROVENANCE)),
    optional("remediation_hint", Kind::Text),
    optional("context_diagnostics", Kind::TextMap),
];

const SNAPSHOT: &[Field] = &[
    required("namespace", Kind::Object(NAMESPACE)),
    required("snapshot_hash", Kind::NonEmpty),
    required("artifact_count", Kind::Count),
    required("anomaly_count", Kind::Count),
    required("computed_at", Kind::Text),
    optional("algorithm", Kind::OneOf(ALGORITHMS)),
    optional("context_diagnostics", Kind::TextMap),
];

const DRIFT_KINDS: &[&str] = &[
    "artifact_added",
    "artifact_removed",
    "artifact_mutated",
    "anomaly_introduced",
    "anomaly_resolved",
    "manifest_version_changed",
];

const DRIFT: &[Field] = &[
    required("namespace", Kind::Object(NAMESPACE)),
    required("expected_hash", Kind::NonEmpty),
    required("actual_hash", Kind::NonEmpty),
    required("drift_kind", Kind::OneOf(DRIFT_KINDS)),
    required("detected_at", Kind::Text),
    optional("artifact_ids_changed", Kind::Objects(ARTIFACT)),
    optional("rebuild_hint", Kind::Text),
    optional("context_diagnostics", Kind::TextMap),
];

/// The closed payload of a dossier event type; `None` for any other type.
pub(super) fn payload(event_type: &str) -> Option<&'static [Field]> {
    match event_type {
        "MissionDossierArtifactIndexed" => Some(INDEXED),
        "MissionDossierArtifactMissing" => Some(MISSING),
        "MissionDossierSnapshotComputed" => Some(SNAPSHOT),
        "MissionDossierParityDriftDetected" => Some(DRIFT),
        _ => None,
    }
}
