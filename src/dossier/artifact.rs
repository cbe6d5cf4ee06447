//! One artifact: a file of a mission, or the gap where one should be.

use super::class::{self, Class};
use super::digest::Reading;
use super::key;
use super::manifest::{Manifest, Spec};
use crate::base::Sha256;

/// Whether a mission needs an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Required {
    /// A step of its manifest names it.
    Required,
    /// None does.
    Optional,
}

impl Required {
    /// The word on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
        }
    }
}

/// An artifact as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// Relative to the feature directory, with `/`; the manifest's pattern when nothing was found.
    pub(crate) path: String,
    /// Of the raw bytes, also when they are not UTF-8; `None` when nothing could be read.
    pub(crate) sha256: Option<Sha256>,
    /// How many bytes were read.
    pub(crate) size: u64,
    /// Not unique in a mission.
    pub(crate) key: String,
    /// What it is to the mission.
    pub(crate) class: Class,
    /// Whether the mission needs it.
    pub(crate) required: Required,
    /// It is there, and text.
    pub(crate) is_present: bool,
    /// `not_found`, `unreadable`, `oversized` or `invalid_utf8` when it is not present.
    pub(crate) error_reason: Option<&'static str>,
}

/// The artifact at `path`, or `None` when there was no file after all.
pub(super) fn from_reading(manifest: Option<&Manifest>, path: String, reading: Reading) -> Option<Artifact> {
    let (sha256, size, error_reason) = match reading {
        Reading::Read { sha256, size, is_utf8 } => (Some(sha256), size, (!is_utf8).then_some("invalid_utf8")),
        Reading::Oversized => (None, 0, Some("oversized")),
        Reading::Unreadable => (None, 0, Some("unreadable")),
        Reading::Vanished | Reading::NotAFile => return None,
    };
    let key = key::of_name(manifest, path.rsplit('/').next().unwrap_or(&path));
    let is_required = manifest.is_some_and(|m| m.requires(&key));
    let required = if is_required { Required::Required } else { Required::Optional };
    let class = class::of_path(manifest, &path);
    Some(Artifact { path, sha256, size, key, class, required, is_present: error_reason.is_none(), error_reason })
}

/// The artifact that `spec` asks for and no file answers to.
pub(super) fn missing(spec: &Spec) -> Artifact {
    Artifact {
        path: spec.pattern.to_owned(),
        sha256: None,
        size: 0,
        key: spec.key.to_owned(),
        class: spec.class,
        required: if spec.is_blocking { Required::Required } else { Required::Optional },
        is_present: false,
        error_reason: Some("not_found"),
    }
}
