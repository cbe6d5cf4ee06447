//! One mission and its counts.

use std::path::PathBuf;

use super::artifact::{Artifact, Required, missing};
use super::manifest::Manifest;
use super::parity::{Drift, ParityForm, parity};
use super::reason::Reason;
use crate::base::Sha256;
use crate::event::NamespaceRef;

/// The log's name in a feature directory.
pub(crate) const MISSION_LOG: &str = "status.events.jsonl";

/// Whether all required artifacts are present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// No required artifact is missing.
    Complete,
    /// At least one required artifact is missing.
    Incomplete,
    /// The mission type has no manifest, so requirements are unknown.
    Unknown,
}

impl Completeness {
    /// The word on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Unknown => "unknown",
        }
    }
}

/// Number of artifacts by kind, including missing ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// All.
    pub(crate) total: usize,
    /// Artifacts that a step names.
    pub(crate) required: usize,
    /// Required artifacts that are present.
    pub(crate) required_present: usize,
    /// Required artifacts that are missing.
    pub(crate) required_missing: usize,
    /// Artifacts that no step names.
    pub(crate) optional: usize,
    /// Optional artifacts that are present.
    pub(crate) optional_present: usize,
}

/// A unit of work (a feature directory), or a list of documents, and its artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_field_names,
    reason = "`mission_type` is the public name"
)]
pub(crate) struct Mission {
    /// Its name; unique in a project.
    pub(crate) slug: String,
    /// The directory that artifact paths are relative to; absolute, without links.
    pub(crate) dir: PathBuf,
    /// The same from the top of the project; empty for a list of documents.
    pub(crate) place: String,
    /// Number of its source in [`Sources`](super::Sources).
    pub(crate) source: usize,
    /// From `meta.json`, or the default.
    pub(crate) mission_type: String,
    /// From `meta.json`: the id by which the mission's log may refer to it.
    pub(crate) mission_id: Option<String>,
    /// From `meta.json`, or the default branch.
    pub(crate) target_branch: String,
    /// Version of the mission type's manifest.
    pub(crate) manifest_version: &'static str,
    /// The requested step.
    pub(crate) step: Option<String>,
    /// Ordered by path bytes.
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) completeness: Completeness,
    /// The parity hash, with the prefix `sha256:` in the form that has it.
    pub(crate) parity: String,
    /// Difference from its baseline; `None` without one.
    pub(crate) drift: Option<Drift>,
    /// Why default values replace fields of `meta.json`; `None` if they do not.
    pub(crate) oddity: Option<Reason>,
}

impl Mission {
    /// The scope of this mission's events and bodies in the project `project_uuid`.
    pub(crate) fn namespace(&self, project_uuid: &str) -> NamespaceRef {
        NamespaceRef {
            project_uuid: project_uuid.to_owned(),
            mission_slug: self.slug.clone(),
            target_branch: self.target_branch.clone(),
            mission_type: self.mission_type.clone(),
            manifest_version: self.manifest_version.to_owned(),
        }
    }

    /// Counts the artifacts.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts {
            total: self.artifacts.len(),
            ..Counts::default()
        };
        for artifact in &self.artifacts {
            let present = usize::from(artifact.is_present);
            match artifact.required {
                Required::Required => {
                    counts.required += 1;
                    counts.required_present += present;
                    counts.required_missing += 1 - present;
                }
                Required::Optional => {
                    counts.optional += 1;
                    counts.optional_present += present;
                }
            }
        }
        counts
    }

    /// The digest of the mission's log; `None` without a readable log.
    pub(crate) fn log_sha256(&self) -> Option<Sha256> {
        self.log().and_then(|log| log.sha256)
    }

    /// Size of that log in bytes; 0 without one.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.log().map_or(0, |log| log.size)
    }

    fn log(&self) -> Option<&Artifact> {
        self.artifacts
            .iter()
            .find(|artifact| artifact.path == MISSION_LOG)
    }

    /// A digest of everything that facts, log and documents of this mission in the project
    /// `project_uuid` are derived from: if it is unchanged, they are unchanged.
    pub(crate) fn digest(&self, project_uuid: &str) -> Sha256 {
        let mut said = Vec::with_capacity(128 * (self.artifacts.len() + 4));
        let mut put = |part: &[u8]| {
            // The length before each part keeps parts separate.
            said.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            said.extend_from_slice(part);
        };
        let step = self.step.as_deref().unwrap_or_default();
        put(self.mission_id.as_deref().unwrap_or_default().as_bytes());
        let namespace = [
            project_uuid,
            &self.slug,
            &self.target_branch,
            &self.mission_type,
            self.manifest_version,
        ];
        for text in namespace
            .into_iter()
            .chain([step, self.completeness.as_str(), &self.parity])
        {
            put(text.as_bytes());
        }
        for text in self
            .drift
            .iter()
            .flat_map(|drift| [&drift.expected, &drift.actual])
        {
            put(text.as_bytes());
        }
        for a in &self.artifacts {
            put(a.path.as_bytes());
            put(a.sha256.as_ref().map_or(&[], |sha256| sha256.as_bytes()));
            put(&a.size.to_le_bytes());
            put(a.key.as_bytes());
            put(&[u8::from(a.is_present)]);
            for word in [
                a.class.as_str(),
                a.required.as_str(),
                a.error_reason.unwrap_or_default(),
            ] {
                put(word.as_bytes());
            }
        }
        Sha256::of(&said)
    }

    /// Adds artifacts that `step` requires and that are missing; sorts the artifacts; computes
    /// derived fields.
    pub(super) fn settle(&mut self, manifest: Option<&Manifest>, form: ParityForm) {
        if let (Some(manifest), Some(step)) = (manifest, &self.step) {
            for spec in manifest.of_step(step) {
                // A pattern that equals the name of a file is not missing either.
                if !self
                    .artifacts
                    .iter()
                    .any(|a| a.key == spec.key || a.path == spec.pattern)
                {
                    self.artifacts.push(missing(spec));
                }
            }
        }
        self.artifacts.sort_by(|a, b| a.path.cmp(&b.path));
        self.parity = parity(form, &self.artifacts);
        self.completeness = match manifest {
            None => Completeness::Unknown,
            Some(_) if self.counts().required_missing == 0 => Completeness::Complete,
            Some(_) => Completeness::Incomplete,
        };
    }
}

#[cfg(test)]
#[path = "mission_tests.rs"]
mod tests;
