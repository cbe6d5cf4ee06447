//! Which artifacts are documents, and their texts on disk.

use std::collections::HashMap;
use std::path::{Component, Path};

use super::tally::{Tally, Which};
use super::{Error, Workspace};
use crate::bodies::{self, Body, Candidate, Decision, FilterPolicy, Status};
use crate::dossier::{self, Artifact, Mission, Source};
use crate::event;

/// Why no document is sent at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoUpload {
    /// Delivery is turned off.
    NoTarget,
    /// The target accepts no documents.
    NoEndpoint,
}

impl NoUpload {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::NoTarget => "no_target",
            Self::NoEndpoint => "no_bodies_endpoint",
        }
    }
}

/// Size in bytes of a file that may be a Git LFS pointer; only such files are read to check.
const POINTER: std::ops::RangeInclusive<u64> = 120..=1024;
/// First bytes of a pointer, in the present form and in two older ones. Lines of extensions may
/// follow.
const POINTER_STARTS: [&[u8]; 3] = [
    b"version https://git-lfs.github.com/spec/v1\n",
    b"version https://hawser.github.com/spec/v1\n",
    b"version http://git-media.io/v/2\n",
];

/// Which documents of which source are sent, one filter per source.
pub(super) struct Filters(Vec<FilterPolicy>);

impl Filters {
    /// The filters of the workspace's sources.
    pub(super) fn of(workspace: &Workspace) -> Result<Self, Error> {
        let max_bytes = workspace.loaded.config.artifacts.max_bytes;
        let sources = workspace.sources()?;
        let filter =
            |source: &Source| FilterPolicy::new(&source.surfaces, &source.formats, max_bytes);
        Ok(Self(
            sources.all().iter().map(filter).collect::<Result<_, _>>()?,
        ))
    }

    /// Whether an artifact of `mission` is a document, with the reason if not. A Git LFS pointer is
    /// not: it stands for the text.
    pub(super) fn decide(&self, mission: &Mission, artifact: &Artifact) -> Decision {
        let candidate = Candidate {
            path: &artifact.path,
            size_bytes: artifact.size,
            is_present: artifact.is_present,
            error_reason: artifact.error_reason,
        };
        let decision = match self.0.get(mission.source) {
            Some(filter) => bodies::decide(&candidate, filter),
            None => Decision::skipped("unsupported_surface"),
        };
        if decision.status == Status::Queued
            && POINTER.contains(&artifact.size)
            && is_pointer(mission, artifact)
        {
            return Decision::skipped("lfs_pointer");
        }
        decision
    }
}

fn is_pointer(mission: &Mission, artifact: &Artifact) -> bool {
    let text = dossier::read_body(&mission.dir, &artifact.path, *POINTER.end());
    text.is_ok_and(|text| POINTER_STARTS.iter().any(|start| text.starts_with(start)))
}

/// An artifact's text, read again and checked against the index; `None` if it has changed or is
/// missing.
pub(super) fn text(mission: &Mission, artifact: &Artifact) -> Option<Body> {
    let bytes = dossier::read_body(&mission.dir, &artifact.path, artifact.size).ok()?;
    Body::verify(bytes, artifact.sha256?).ok()
}

/// The text of a version that was not indexed in this run, if its file below the work tree `root`
/// still has that digest.
pub(super) fn text_below(root: &Path, row: &bodies::Row) -> Option<Body> {
    let place = Path::new(row.place.as_deref()?);
    let is_below = place
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let bytes = is_below
        .then(|| dossier::read_body(&root.join(place), &row.path, row.size_bytes).ok())??;
    Body::verify(bytes, row.sha256).ok()
}

/// The documents of a checkout, as indexed.
pub(super) struct Disk<'a>(HashMap<[u8; 16], (&'a Mission, &'a Artifact)>);

impl<'a> Disk<'a> {
    /// The documents of these missions.
    pub(super) fn of(missions: &'a [Mission], project_uuid: &str, filters: &Filters) -> Self {
        let mut all = HashMap::new();
        for mission in missions {
            let namespace = mission.namespace(project_uuid);
            for artifact in &mission.artifacts {
                if filters.decide(mission, artifact).status == Status::Queued {
                    all.insert(
                        event::document_key(&namespace, &artifact.path),
                        (mission, artifact),
                    );
                }
            }
        }
        Self(all)
    }

    /// The keys of the documents.
    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8; 16]> {
        self.0.keys()
    }

    /// The text of a version, if the file on disk has that digest.
    pub(super) fn text(&self, row: &bodies::Row) -> Option<Body> {
        let (mission, artifact) = self
            .0
            .get(&event::document_key(&row.namespace, &row.path))?;
        if artifact.sha256 == Some(row.sha256) {
            text(mission, artifact)
        } else {
            None
        }
    }
}

/// Identification of an artifact in a report.
pub(super) fn which(mission: &Mission, artifact: &Artifact) -> Which {
    Which {
        mission_slug: mission.slug.clone(),
        path: artifact.path.clone(),
        target_branch: mission.target_branch.clone(),
        sha256: artifact.sha256,
    }
}

/// Counts the documents that would be sent; captures nothing.
pub(super) fn preview(
    mission: &Mission,
    filters: &Filters,
    no_upload: Option<NoUpload>,
    tally: &mut Tally,
) {
    for artifact in &mission.artifacts {
        let mut decision = filters.decide(mission, artifact);
        if let (Status::Queued, Some(why)) = (decision.status, no_upload) {
            decision = Decision::skipped(why.reason());
        }
        tally.decided(which(mission, artifact), decision);
    }
}
