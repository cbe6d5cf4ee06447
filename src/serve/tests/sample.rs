//! Good events and bodies to start from.

use serde_json::{Value, json};

use crate::base::Sha256;
use crate::event::NamespaceRef;
use crate::serve::engine::content::ArtifactVersion;

pub(in crate::serve) const PROJECT: &str = "8a4a7da6-a97c-4bb4-893a-b31664abfee4";

/// A ULID that tells its number.
pub(in crate::serve) fn id(number: usize) -> String {
    format!("01JMBY7K8N3QRVX2DP{number:08}")
}

fn envelope(event_id: &str, event_type: &str, aggregate: (&str, &str), payload: &Value) -> Value {
    json!({
        "event_id": event_id, "event_type": event_type, "aggregate_id": aggregate.1, "aggregate_type": aggregate.0,
        "payload": payload, "schema_version": "3.0.0", "build_id": "262bb566-443d-51a9-8b0c-f82f7d341017",
        "node_id": "b805cd5cee74", "lamport_clock": 7, "causation_id": null, "correlation_id": event_id,
        "timestamp": "2026-02-12T10:00:00.000000+00:00", "team_slug": null, "project_uuid": PROJECT,
        "project_slug": "demo", "git_branch": "main", "head_commit_sha": null, "repo_slug": null,
    })
}

pub(in crate::serve) fn status_changed(event_id: &str) -> Value {
    let payload = json!({"wp_id": "WP01", "mission_slug": "foo-01KRC4HN", "from_lane": "planned",
                         "to_lane": "claimed", "actor": "x", "execution_mode": "worktree"});
    envelope(
        event_id,
        "WPStatusChanged",
        ("WorkPackage", "WP01"),
        &payload,
    )
}

/// The event that announces `content` at `path`.
pub(in crate::serve) fn indexed(event_id: &str, path: &str, content: &str) -> Value {
    let namespace = version(path, content).namespace;
    let hash = Sha256::of(content.as_bytes()).to_string();
    let payload = json!({
        "namespace": namespace, "indexed_at": "2026-02-12T10:00:00.000000+00:00",
        "artifact_id": {"mission_type": "software-dev", "path": path, "artifact_class": "input"},
        "content_ref": {"hash": hash, "algorithm": "sha256", "size_bytes": content.len()},
    });
    envelope(
        event_id,
        "MissionDossierArtifactIndexed",
        ("MissionDossier", &format!("foo-01KRC4HN:{path}")),
        &payload,
    )
}

pub(in crate::serve) fn version(path: &str, content: &str) -> ArtifactVersion {
    ArtifactVersion {
        namespace: NamespaceRef {
            project_uuid: PROJECT.to_owned(),
            mission_slug: "foo-01KRC4HN".to_owned(),
            target_branch: "main".to_owned(),
            mission_type: "software-dev".to_owned(),
            manifest_version: "1".to_owned(),
        },
        path: path.to_owned(),
        sha256: Sha256::of(content.as_bytes()),
    }
}

/// The request that brings `content` for `path`.
pub(in crate::serve) fn push(path: &str, content: &str) -> Value {
    let mut request = serde_json::to_value(version(path, content).namespace).unwrap();
    request["artifact_path"] = path.into();
    request["content_hash"] = Sha256::of(content.as_bytes()).to_string().into();
    request["hash_algorithm"] = "sha256".into();
    request["content_body"] = content.into();
    request
}
