//! The report of a run: the document of `run --json`, `index --json`, `drain --json` and `migrate
//! --json`.
//!
//! Names, order and nesting are a public contract: fields may be added, but not renamed. Sections
//! that do not apply to a command are omitted.

mod captured;
mod delivered;

use std::time::Duration;

use serde::Serialize;

pub(crate) use self::captured::{Artifact, Capture, FoundLayout, Index, LayoutCount, Spool};
pub(crate) use self::delivered::{Bodies, BodyOutcome, Documents, Drain, Gate};
use super::Workspace;
pub(crate) use super::mission_log::{LogLine, MissionLogs};
use crate::base::text::path;
pub(crate) use crate::books::Balance;
use crate::endpoint::Identity;
use crate::legacy::{Given, SourceReport, Waiting};

/// The version of the document.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Result of one command.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// The command's name.
    #[serde(skip)]
    pub(crate) command: &'static str,
    /// True when nothing was written and nothing sent.
    pub(crate) dry_run: bool,
    /// The project of the events, and its store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) project: Option<Project>,
    /// The target; omitted with delivery `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<Identity>,
    /// Result of importing older stores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) migrate: Option<Migrate>,
    /// Lines of an earlier `capture` that were spooled and are in the store now; omitted if there
    /// are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spool: Option<Spool>,
    /// Content of the feature directories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<Index>,
    /// Rows written to the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) capture: Option<Capture>,
    /// Totals of the mission logs; part of `capture`. Omitted if logs are not captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mission_log: Option<MissionLogs>,
    /// Results for documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bodies: Option<Bodies>,
    /// Balance of the document versions, for the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) documents: Option<Documents>,
    /// Requests and their results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drain: Option<Drain>,
    /// Balance of the events, for the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) balance: Option<Balance>,
    /// The checks that this command depended on; a failed one means exit 4.
    pub(crate) gates: Vec<Gate>,
    /// Warnings that no count shows; whole sentences.
    pub(crate) warnings: Vec<String>,
    /// Each artifact, with `index --dry-run`; ordered by mission, then path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifacts: Option<Vec<Artifact>>,
    /// Each line of the mission logs that were read, with `-v` or `--dry-run`; ordered by mission,
    /// then line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mission_log_lines: Option<Vec<LogLine>>,
    /// Facts that decide the exit code; not part of the document.
    #[serde(skip)]
    pub(crate) standing: Standing,
}

impl Report {
    /// An empty report of `command`.
    pub(crate) fn new(command: &'static str) -> Self {
        Self {
            command,
            dry_run: false,
            project: None,
            target: None,
            migrate: None,
            spool: None,
            index: None,
            capture: None,
            mission_log: None,
            bodies: None,
            documents: None,
            drain: None,
            balance: None,
            gates: Vec::new(),
            warnings: Vec::new(),
            artifacts: None,
            mission_log_lines: None,
            standing: Standing::default(),
        }
    }
}

/// Facts of the run that decide its exit code.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    /// A stop was requested before the work was done.
    pub(crate) was_interrupted: bool,
    /// No unit and no document was found.
    pub(crate) is_empty: bool,
    /// Another drain held the lock longer than the lock wait.
    pub(crate) is_locked_out: bool,
    /// Events that a later drain would send: untried and not blocked, retryable, or in flight under
    /// an open attempt. Excludes events that the server called `pending`; 0 if this command was not
    /// asked to drain.
    pub(crate) owed_events: u64,
    /// Documents that a later drain would send: the target has their events. 0 if this command was
    /// not asked to drain.
    pub(crate) owed_documents: u64,
    /// Unreadable artifacts, unreadable older sources, events that break the contract: an error
    /// only with `--strict`.
    pub(crate) strict_findings: u64,
    /// Number of our stores that could not be written by the import.
    pub(crate) store_errors: u64,
}

/// The project of the events, and its store.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are a contract")]
pub(crate) struct Project {
    /// The project's id; `None` without one.
    pub(crate) project_uuid: Option<String>,
    /// The project's readable name.
    pub(crate) project_slug: Option<String>,
    /// The work tree's root.
    pub(crate) repo: String,
    /// The store file.
    pub(crate) store: String,
}

impl Project {
    /// The project of a workspace.
    pub(super) fn of(workspace: &Workspace) -> Self {
        Self {
            project_uuid: workspace.identity.project_uuid.clone(),
            project_slug: workspace.identity.project_slug.clone(),
            repo: path(&workspace.root),
            store: path(&workspace.place.store()),
        }
    }
}

/// Result of importing older stores.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Migrate {
    /// Older stores that exist.
    pub(crate) sources: u64,
    /// Events that were new here.
    pub(crate) imported: u64,
    /// Events that were here already.
    pub(crate) deduplicated: u64,
    /// Ids with two different contents.
    pub(crate) conflicts: u64,
    /// Older stores that could not be read.
    pub(crate) source_errors: u64,
    /// Documents that were new here.
    pub(crate) bodies_imported: u64,
    /// Entries of the failure log that were new here.
    pub(crate) failures_imported: u64,
    /// New events that are on hold.
    pub(crate) held: u64,
    /// Rows that could not be imported; they stay in the older store.
    pub(crate) refused: u64,
    /// Events that the target already has according to the older ledger; they are not sent.
    pub(crate) delivered_before: u64,
    /// Open conflicts in every store; only `migrate` counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_conflicts: Option<u64>,
    /// Rows that wait for `migrate adopt`; omitted if there are none.
    #[serde(skip_serializing_if = "Waiting::is_empty")]
    pub(crate) waiting: Waiting,
    /// Result of `migrate adopt --unassigned` for events without a project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unassigned: Option<Given>,
    /// Conflicts of this run in this project: they decide the exit code.
    #[serde(skip)]
    pub(crate) own_conflicts: u64,
    /// Each older store; `run` lists only those that it read.
    pub(crate) stores: Vec<SourceReport>,
}

/// A duration in seconds, rounded to milliseconds, as in the document.
pub(crate) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests;
