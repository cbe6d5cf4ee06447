//! The report of a run: the document of `run --json`, `index --json`, `drain --json` and `migrate
//! --json`.
//!
//! Names, order and nesting are a public contract: fields may be added, but not renamed. Sections
//! that do not apply to a command are omitted.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

pub(crate) use crate::books::Balance;
use crate::endpoint::Identity;
use crate::legacy::{Given, SourceReport, Waiting};

pub(crate) use super::mission_log::{LogLine, MissionLogs};

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

/// Lines absorbed from the spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Spool {
    /// New events.
    pub(crate) captured: u64,
    /// Events that were here already.
    pub(crate) unchanged: u64,
    /// Ids with two different contents.
    pub(crate) conflicts: u64,
    /// Discarded: opted out, or purged here before.
    pub(crate) discarded: u64,
    /// Truncated or damaged; kept in a separate file.
    pub(crate) unreadable: u64,
}

/// Content of the feature directories.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Index {
    /// Feature directories.
    pub(crate) missions: u64,
    /// Files in them, and missing required ones.
    pub(crate) artifacts: u64,
    /// Bytes of the files.
    pub(crate) bytes: u64,
    /// Files read and hashed.
    pub(crate) hashed: u64,
    /// Files known to be unchanged, and not read.
    pub(crate) cached: u64,
    /// Artifacts that are missing or cannot be read.
    pub(crate) not_present: u64,
    /// Each configured layout, in order.
    pub(crate) layouts: Vec<LayoutCount>,
    /// Layouts that exist and are not configured.
    pub(crate) found: Vec<FoundLayout>,
    /// Files next to units that no source covers, relative to the top of the project; `layouts`
    /// counts them.
    #[serde(skip)]
    pub(crate) loose: Vec<String>,
    /// Time taken.
    pub(crate) seconds: f64,
}

/// A layout that exists in the project and is not configured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct FoundLayout {
    /// The layout.
    pub(crate) layout: String,
    /// Its directory, relative to the top of the project.
    pub(crate) place: String,
    /// Number of its units and lists of documents.
    pub(crate) units: u64,
}

impl FoundLayout {
    /// One line for people, with the command that changes it.
    pub(crate) fn words(&self) -> String {
        let units = if self.units == 1 {
            "1 unit".to_owned()
        } else {
            format!("{} units", self.units)
        };
        format!(
            "{}: {units} in {}/, not indexed: sk-sync init",
            self.layout, self.place
        )
    }
}

/// Counts of one layout, or of one configured source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LayoutCount {
    /// The layout, or the source's name.
    pub(crate) name: String,
    /// Units of work, and lists of documents.
    pub(crate) units: u64,
    /// Files in them, and missing required ones.
    pub(crate) artifacts: u64,
    /// Files next to units that belong to none.
    pub(crate) no_unit: u64,
}

/// Rows written to the journal.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Capture {
    /// Events appended.
    pub(crate) captured: u64,
    /// Facts that were already in the journal.
    pub(crate) unchanged: u64,
    /// Earlier events that a new one superseded before they were sent.
    pub(crate) superseded: u64,
    /// Ids with other content than before.
    pub(crate) conflicts: u64,
}

/// Results for documents.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Bodies {
    /// Documents captured by this run.
    pub(crate) queued: u64,
    /// Documents captured before, and not at the target when the run began.
    pub(crate) already_in_queue: u64,
    /// Files that are not documents, by reason (the part before a colon).
    pub(crate) skipped: BTreeMap<String, u64>,
    /// Stored by the server.
    pub(crate) uploaded: u64,
    /// Already stored by the server: according to its answer now, or acknowledged earlier.
    pub(crate) already_exists: u64,
    /// To be sent again later.
    pub(crate) retryable: u64,
    /// Refused for good in this run.
    pub(crate) failed: u64,
    /// Refused for good earlier.
    pub(crate) refused: u64,
    /// Each document; without `-v` all except those with status `already_exists`.
    pub(crate) outcomes: Vec<BodyOutcome>,
}

/// Documents and their balance.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Documents {
    /// Class totals; the first number is the sum of the others.
    pub(crate) balance: Balance,
    /// Number of uploads.
    pub(crate) selected: u64,
    /// Files that are not documents, by reason.
    pub(crate) not_sent: BTreeMap<String, u64>,
}

/// Result for one document.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BodyOutcome {
    /// Its mission.
    pub(crate) mission_slug: String,
    /// Its path in the feature directory.
    pub(crate) path: String,
    /// `uploaded`, `already_exists`, `queued`, `skipped` or `failed`.
    pub(crate) status: &'static str,
    /// The reason, in the words of the public contract; empty if there is none.
    pub(crate) reason: String,
    /// True if a later run tries again.
    pub(crate) retryable: bool,
}

/// Requests and their results.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Drain {
    /// Number of requests with events.
    pub(crate) requests: u64,
    /// Number of health requests.
    pub(crate) health_requests: u64,
    /// Number of events in the requests.
    pub(crate) selected: u64,
    /// Accepted.
    pub(crate) success: u64,
    /// Already stored by the target.
    pub(crate) duplicate: u64,
    /// Accepted, not stored yet.
    pub(crate) pending: u64,
    /// Refused for now.
    pub(crate) rejected: u64,
    /// Without a usable answer.
    pub(crate) transient: u64,
    /// Refused for good.
    pub(crate) terminal_failed: u64,
    /// Why the drain stopped after a request, in the server's words; `None` if it did not.
    pub(crate) halted: Option<String>,
    /// The same as one word (`tls`, `bad_gateway`, …), if an exchange with the server was the
    /// reason.
    pub(crate) cause: Option<&'static str>,
    /// The shell command that sends to another target, if the server seems to be gone.
    pub(crate) fix: Option<String>,
    /// Time taken.
    pub(crate) seconds: f64,
}

/// A check for sending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Gate {
    /// Its name (`missing_auth`, …).
    pub(crate) name: String,
    /// True if it passes, or nothing is known against it.
    pub(crate) open: bool,
    /// False if the check would have needed a request, and there was nothing to send.
    pub(crate) known: bool,
    /// Why it fails or is unknown; empty if it passes.
    pub(crate) reason: String,
    /// The shell command that fixes it; empty if it passes.
    pub(crate) fix: String,
}

/// One artifact, and what would happen to its text.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are a contract")]
pub(crate) struct Artifact {
    /// Its mission.
    pub(crate) mission_slug: String,
    /// The mission's layout, or the name of its source.
    pub(crate) layout: String,
    /// The mission's directory, relative to the top of the project; empty for a list of documents.
    pub(crate) dir: String,
    /// Its path in that directory.
    pub(crate) path: String,
    /// Digest of the bytes read; empty if nothing could be read.
    pub(crate) sha256: String,
    /// Number of bytes read.
    pub(crate) size: u64,
    /// Its stable key.
    pub(crate) artifact_key: String,
    /// `input`, `workflow`, `output`, `evidence`, `policy` or `runtime`.
    pub(crate) artifact_class: String,
    /// `required` or `optional`.
    pub(crate) required_status: String,
    /// True when it was read and is text.
    pub(crate) present: bool,
    /// `queued` or `skipped`.
    pub(crate) decision: String,
    /// The reason, in full (`not_present: invalid_utf8`).
    pub(crate) reason: String,
}

/// A duration in seconds, rounded to milliseconds, as in the document.
pub(crate) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
