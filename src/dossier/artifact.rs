//! One artifact: a file of a mission, or an expected file that is missing.

use super::class::Class;
use super::digest::Reading;
use super::key;
use super::manifest::{Manifest, Spec, class_of};
use crate::base::Sha256;

/// Whether an artifact is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Required {
    /// A step of its manifest names it.
    Required,
    /// No step of its manifest names it.
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

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// Relative to the feature directory, with `/`; the manifest's pattern if the file is missing.
    pub(crate) path: String,
    /// Digest of the raw bytes, also if they are not UTF-8; `None` if nothing could be read.
    pub(crate) sha256: Option<Sha256>,
    /// Number of bytes read.
    pub(crate) size: u64,
    /// Artifact key; not unique in a mission.
    pub(crate) key: String,
    /// Class by manifest or name.
    pub(crate) class: Class,
    pub(crate) required: Required,
    /// True if the file exists and is UTF-8.
    pub(crate) is_present: bool,
    /// `not_found`, `unreadable`, `oversized` or `invalid_utf8` if it is not present.
    pub(crate) error_reason: Option<&'static str>,
}

/// The artifact at `path`, or `None` if there is no regular file.
pub(super) fn from_reading(
    manifest: Option<&Manifest>,
    path: String,
    reading: Reading,
) -> Option<Artifact> {
    let (sha256, size, error_reason) = match reading {
        Reading::Read {
            sha256,
            size,
            is_utf8,
        } => (Some(sha256), size, (!is_utf8).then_some("invalid_utf8")),
        Reading::Oversized => (None, 0, Some("oversized")),
        Reading::Unreadable => (None, 0, Some("unreadable")),
        Reading::Vanished | Reading::NotAFile => return None,
    };
    let key = key::of_name(manifest, path.rsplit('/').next().unwrap_or(&path));
    let is_required = manifest.is_some_and(|m| m.requires(&key));
    let required = if is_required {
        Required::Required
    } else {
        Required::Optional
    };
    let class = class_of(manifest, &path);
    Some(Artifact {
        path,
        sha256,
        size,
        key,
        class,
        required,
        is_present: error_reason.is_none(),
        error_reason,
    })
}

/// The missing artifact that `spec` expects.
pub(super) fn missing(spec: &Spec) -> Artifact {
    Artifact {
        path: spec.pattern.to_owned(),
        sha256: None,
        size: 0,
        key: spec.key.to_owned(),
        class: spec.class,
        required: if spec.is_blocking {
            Required::Required
        } else {
            Required::Optional
        },
        is_present: false,
        error_reason: Some("not_found"),
    }
}
