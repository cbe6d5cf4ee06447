//! What a run would send, by unit: shown before consent and by `init`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::project::{workspace_as_allowed, world};
use crate::cli::receiver::start_stub;
use crate::cli::render::listing::listing;
use crate::cli::render::plural;
use crate::cli::table::size;
use crate::cli::{Context, Failure};
use crate::ops::report::Artifact;
use crate::ops::{self, CapturedDocument, Request, Scope};

/// The artifacts of a project, with the decision about each.
#[derive(Debug)]
pub(crate) struct UnitList {
    artifacts: Vec<Artifact>,
    missions: u64,
    pub(crate) warnings: Vec<String>,
}

/// A unit, in a document.
#[derive(Debug, Serialize)]
pub(crate) struct UnitSummary {
    mission_slug: String,
    layout: String,
    dir: String,
    /// Number of documents that are sent, and their bytes.
    documents: u64,
    bytes: u64,
    /// Files whose text is not sent, by reason.
    not_sent: BTreeMap<String, u64>,
}

impl UnitList {
    /// What would be sent if the repository's file were allowed as it is. Writes nothing.
    pub(crate) fn of(context: &Context) -> Result<Self, Failure> {
        let workspace = workspace_as_allowed(context)?;
        let scope = Scope {
            command: "index",
            migrates: false,
            indexes: true,
            offers_bodies: false,
            drains: false,
        };
        let request = Request {
            uses_memory: false,
            dry_run: true,
            ..Request::of(scope)
        };
        let report = ops::run(&world(context), &workspace, &request, &start_stub, &|_| ())?;
        Ok(Self {
            artifacts: report.artifacts.unwrap_or_default(),
            missions: report.index.map_or(0, |index| index.missions),
            warnings: report.warnings,
        })
    }

    /// A line per unit, then per reason for files that are not sent; with `is_verbose` every path.
    pub(crate) fn lines(&self, is_verbose: bool) -> Vec<String> {
        listing(&self.artifacts, is_verbose)
    }

    /// True when the document is among those that are sent.
    pub(crate) fn sends(&self, document: &CapturedDocument) -> bool {
        let is_it = |artifact: &Artifact| {
            (&artifact.mission_slug, &artifact.path) == (&document.mission_slug, &document.path)
                && artifact.decision == "queued"
        };
        self.artifacts.iter().any(is_it)
    }

    /// The totals, for people.
    pub(crate) fn total(&self) -> String {
        let sent = self
            .artifacts
            .iter()
            .filter(|artifact| artifact.decision == "queued");
        let (documents, bytes) = sent.fold((0, 0), |(n, bytes), artifact| {
            (n + 1, bytes + artifact.size)
        });
        format!(
            "{}, {} ({})",
            plural(self.missions, "unit"),
            plural(documents, "document"),
            size(bytes)
        )
    }

    /// The units, for a document.
    pub(crate) fn summaries(&self) -> Vec<UnitSummary> {
        let units = self
            .artifacts
            .chunk_by(|a, b| a.mission_slug == b.mission_slug);
        units.filter_map(summary).collect()
    }
}

fn summary(unit: &[Artifact]) -> Option<UnitSummary> {
    let first = unit.first()?;
    let mut summary = UnitSummary {
        mission_slug: first.mission_slug.clone(),
        layout: first.layout.clone(),
        dir: first.dir.clone(),
        documents: 0,
        bytes: 0,
        not_sent: BTreeMap::new(),
    };
    for artifact in unit {
        if artifact.decision == "queued" {
            summary.documents += 1;
            summary.bytes += artifact.size;
        } else {
            let code = artifact.reason.split(':').next().unwrap_or_default();
            *summary.not_sent.entry(code.to_owned()).or_default() += 1;
        }
    }
    Some(summary)
}
