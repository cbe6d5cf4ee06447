//! The five fields that identify the mission of an artifact.

use serde::{Deserialize, Serialize};

/// Identifies one mission on one branch under one manifest: the scope of dossier events and
/// documents. No field is ever blank, and none is ever substituted by another project's or
/// mission's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct NamespaceRef {
    /// The project, a lower-case hyphenated UUID.
    pub(crate) project_uuid: String,
    /// The feature directory's name.
    pub(crate) mission_slug: String,
    /// The branch the mission is merged into.
    pub(crate) target_branch: String,
    /// The mission type (`software-dev`, …).
    pub(crate) mission_type: String,
    /// The version of the mission type's manifest of expected artifacts.
    pub(crate) manifest_version: String,
}

impl NamespaceRef {
    /// The name of the first blank field; `None` if none is blank.
    pub(crate) fn blank_field(&self) -> Option<&'static str> {
        [
            ("project_uuid", &self.project_uuid),
            ("mission_slug", &self.mission_slug),
            ("target_branch", &self.target_branch),
            ("mission_type", &self.mission_type),
            ("manifest_version", &self.manifest_version),
        ]
        .into_iter()
        .find(|(_, value)| value.trim().is_empty())
        .map(|(name, _)| name)
    }
}
