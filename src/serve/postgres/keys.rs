//! The keys of documents and subjects: digests, because their texts can be longer than an index holds.

use crate::base::Sha256;
use crate::event::NamespaceRef;
use crate::serve::engine::content::Subject;

/// The key of an artifact.
pub(super) fn artifact_key(namespace: &NamespaceRef, path: &str) -> Sha256 {
    let NamespaceRef {
        project_uuid: _,
        mission_slug,
        target_branch,
        mission_type,
        manifest_version,
    } = namespace;
    let texts = serde_json::json!([
        mission_slug,
        target_branch,
        mission_type,
        manifest_version,
        path
    ]);
    Sha256::of(texts.to_string().as_bytes())
}

/// The key of a subject.
pub(super) fn subject_key(subject: &Subject) -> Sha256 {
    let NamespaceRef {
        project_uuid: _,
        mission_slug,
        target_branch,
        mission_type,
        manifest_version,
    } = &subject.namespace;
    let texts = serde_json::json!([
        subject.key,
        mission_slug,
        target_branch,
        mission_type,
        manifest_version
    ]);
    Sha256::of(texts.to_string().as_bytes())
}
