//! Valid events for tests.

use serde_json::{Value, json};

pub(super) const PROJECT: &str = "8a4a7da6-a97c-4bb4-893a-b31664abfee4";

pub(super) fn envelope(
    event_type: &str,
    aggregate_type: &str,
    aggregate_id: &str,
    payload: &Value,
) -> Value {
    json!({
        "event_id": "01JMBY7K8N3QRVX2DPFG5HWT4E", "event_type": event_type,
        "aggregate_id": aggregate_id, "aggregate_type": aggregate_type, "payload": payload,
        "schema_version": "3.0.0", "build_id": "262bb566-443d-51a9-8b0c-f82f7d341017", "node_id": "b805cd5cee74",
        "lamport_clock": 7, "causation_id": null, "correlation_id": "01JMBY7K8N3QRVX2DPFG5HWT4E",
        "timestamp": "2026-02-12T10:00:00.000000+00:00", "team_slug": null, "project_uuid": PROJECT,
        "project_slug": "demo", "git_branch": "main", "head_commit_sha": null, "repo_slug": null,
        "drain_blocked_reason": null,
    })
}

pub(super) fn dossier(event_type: &str, mut payload: Value) -> Value {
    payload["namespace"] = json!({"project_uuid": PROJECT, "mission_slug": "foo-01KRC4HN", "target_branch": "main",
        "mission_type": "software-dev", "manifest_version": "1"});
    envelope(
        event_type,
        "MissionDossier",
        "foo-01KRC4HN:spec.md",
        &payload,
    )
}

pub(super) fn artifact() -> Value {
    json!({"mission_type": "software-dev", "path": "spec.md", "artifact_class": "input"})
}

pub(super) fn indexed() -> Value {
    dossier(
        "MissionDossierArtifactIndexed",
        json!({
            "artifact_id": artifact(), "indexed_at": "2026-02-12T10:00:00+00:00",
            "content_ref": {"hash": "a".repeat(64), "algorithm": "sha256", "size_bytes": 2, "encoding": null},
            "context_diagnostics": {"artifact_key": "input.spec.main", "required_status": "required"},
            "provenance": {"source_event_ids": ["01JMBY7K8N3QRVX2DPFG5HWT4E"], "actor_kind": "llm"},
            "supersedes": artifact(), "step_id": null,
        }),
    )
}

pub(super) fn missing() -> Value {
    dossier(
        "MissionDossierArtifactMissing",
        json!({"expected_identity": artifact(), "manifest_step": "default", "checked_at": "2026-02-12T10:00:00+00:00",
               "last_known_ref": {"git_sha": "abc"}, "remediation_hint": "write it"}),
    )
}

pub(super) fn snapshot() -> Value {
    dossier(
        "MissionDossierSnapshotComputed",
        json!({"snapshot_hash": format!("sha256:{}", "b".repeat(64)), "artifact_count": 3, "anomaly_count": 0,
               "computed_at": "2026-02-12T10:00:00+00:00", "algorithm": "sha256",
               "context_diagnostics": {"snapshot_id": "x", "required_artifacts": "2"}}),
    )
}

pub(super) fn drift() -> Value {
    dossier(
        "MissionDossierParityDriftDetected",
        json!({"expected_hash": "c".repeat(64), "actual_hash": "d".repeat(64), "drift_kind": "anomaly_introduced",
               "detected_at": "2026-02-12T10:00:00+00:00", "artifact_ids_changed": [artifact()]}),
    )
}

pub(super) fn status_changed() -> Value {
    envelope(
        "WPStatusChanged",
        "WorkPackage",
        "WP01",
        &json!({"wp_id": "WP01", "mission_slug": "foo-01KRC4HN", "from_lane": "planned", "to_lane": "claimed",
               "actor": "claude", "execution_mode": "worktree", "force": false, "reason": null, "evidence": null}),
    )
}
