//! What a run did: the document of `run --json`, `index --json`, `drain --json` and `migrate --json`.
//!
//! Names, order and nesting are a public contract: fields may be added, none renamed. A section that does not apply
//! to a command is left out.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

pub(crate) use crate::books::Balance;
use crate::endpoint::Identity;
use crate::legacy::{Given, SourceReport, Waiting};

pub(crate) use super::mission_log::{LogLine, MissionLogs};

/// The version of the document.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// What one command did.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// The command's name.
    #[serde(skip)]
    pub(crate) command: &'static str,
    /// True when nothing was written and nothing sent.
    pub(crate) dry_run: bool,
    /// Whose events these are, and where they are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) project: Option<Project>,
    /// Where they go; left out with delivery `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<Identity>,
    /// What was taken over from older stores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) migrate: Option<Migrate>,
    /// What an earlier `capture` had to leave beside the store and is in it now; left out when that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spool: Option<Spool>,
    /// What the feature directories hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<Index>,
    /// What was written to the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) capture: Option<Capture>,
    /// What the logs of the missions gave; part of `capture`. Left out where they are not captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mission_log: Option<MissionLogs>,
    /// What became of the bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bodies: Option<Bodies>,
    /// Where every captured version of a document is now, for the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) documents: Option<Documents>,
    /// What was sent, and what the target said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drain: Option<Drain>,
    /// Where every captured event is now, for the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) balance: Option<Balance>,
    /// The conditions this command depended on; one that is shut means exit 4.
    pub(crate) gates: Vec<Gate>,
    /// What a person should know and no count shows; plain sentences.
    pub(crate) warnings: Vec<String>,
    /// Each artifact, with `index --dry-run`; ordered by mission, then path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifacts: Option<Vec<Artifact>>,
    /// Each line of the logs that were read, with `-v` or `--dry-run`; ordered by mission, then line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mission_log_lines: Option<Vec<LogLine>>,
    /// What decides the exit code and is no part of the document.
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

/// Facts of the run that decide how it ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    /// A stop was asked for before the work was done.
    pub(crate) was_interrupted: bool,
    /// No unit and no document was found.
    pub(crate) is_empty: bool,
    /// Another drain held the lock past the bound.
    pub(crate) is_locked_out: bool,
    /// Events that a later drain would send: untried and not blocked, retryable, or in flight under an open attempt.
    /// Not those the server called `pending`, and 0 when this command was not asked to drain.
    pub(crate) owed_events: u64,
    /// Documents that a later drain would send: the target has their events. 0 when this command was not asked to drain.
    pub(crate) owed_documents: u64,
    /// Unreadable artifacts, unreadable older sources, events that break the contract: an error only with `--strict`.
    pub(crate) strict_findings: u64,
    /// Stores of ours that could not take what was to be taken over.
    pub(crate) store_errors: u64,
}

/// Whose events, and where they are kept.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are a contract")]
pub(crate) struct Project {
    /// The project's id; `None` when it has none yet.
    pub(crate) project_uuid: Option<String>,
    /// The project's readable name.
    pub(crate) project_slug: Option<String>,
    /// The work tree's root.
    pub(crate) repo: String,
    /// The store file.
    pub(crate) store: String,
}

/// What was taken over from older stores.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Migrate {
    /// Older stores that are there.
    pub(crate) sources: u64,
    /// Events that were new here.
    pub(crate) imported: u64,
    /// Events that were here already.
    pub(crate) deduplicated: u64,
    /// Ids with two different contents.
    pub(crate) conflicts: u64,
    /// Older stores that could not be read.
    pub(crate) source_errors: u64,
    /// Bodies that were new here.
    pub(crate) bodies_imported: u64,
    /// Entries of the failure log that were new here.
    pub(crate) failures_imported: u64,
    /// New events that are held.
    pub(crate) held: u64,
    /// Rows that could not be taken over; they stay where they are.
    pub(crate) refused: u64,
    /// Events that the target has, by the older ledger, and that need not be sent.
    pub(crate) delivered_before: u64,
    /// Ids with two contents that nobody has decided on, in every store; only `migrate` counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_conflicts: Option<u64>,
    /// What waits until `migrate adopt`; left out where nothing does.
    #[serde(skip_serializing_if = "Waiting::is_empty")]
    pub(crate) waiting: Waiting,
    /// What `migrate adopt --unassigned` did with events that name no project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unassigned: Option<Given>,
    /// Conflicts of this run that are this project's own: they decide the exit code.
    #[serde(skip)]
    pub(crate) own_conflicts: u64,
    /// Each older store; `run` lists those that it read.
    pub(crate) stores: Vec<SourceReport>,
}

/// What was taken over from the spool, in lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Spool {
    /// New events.
    pub(crate) captured: u64,
    /// Events that were here already.
    pub(crate) unchanged: u64,
    /// Ids with two different contents.
    pub(crate) conflicts: u64,
    /// Not kept: opted out, or purged here before.
    pub(crate) discarded: u64,
    /// Torn or damaged; kept in a file of their own.
    pub(crate) unreadable: u64,
}

/// What the feature directories hold.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Index {
    /// Feature directories.
    pub(crate) missions: u64,
    /// Files in them, and required ones that are missing.
    pub(crate) artifacts: u64,
    /// Bytes of the files.
    pub(crate) bytes: u64,
    /// Files read and hashed.
    pub(crate) hashed: u64,
    /// Files known to be unchanged without reading them.
    pub(crate) cached: u64,
    /// Artifacts that are missing or cannot be read.
    pub(crate) not_present: u64,
    /// Each layout that is configured, in order.
    pub(crate) layouts: Vec<LayoutCount>,
    /// Layouts that are there and not configured.
    pub(crate) found: Vec<FoundLayout>,
    /// Files beside units that no source takes, from the top of the project; `layouts` counts them.
    #[serde(skip)]
    pub(crate) loose: Vec<String>,
    /// Time taken.
    pub(crate) seconds: f64,
}

/// A layout that the project has, and that is not configured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct FoundLayout {
    /// The layout.
    pub(crate) layout: String,
    /// Where it was found, from the top of the project.
    pub(crate) place: String,
    /// Its units, and lists of documents.
    pub(crate) units: u64,
}

impl FoundLayout {
    /// One line for a person, with the command that changes it.
    pub(crate) fn words(&self) -> String {
        let units = if self.units == 1 { "1 unit".to_owned() } else { format!("{} units", self.units) };
        format!("{}: {units} in {}/, not indexed: sk-sync init", self.layout, self.place)
    }
}

/// What one layout, or one source of one's own, came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LayoutCount {
    /// The layout, or the source's name.
    pub(crate) name: String,
    /// Units of work, and lists of documents.
    pub(crate) units: u64,
    /// Files in them, and required ones that are missing.
    pub(crate) artifacts: u64,
    /// Files beside units that belong to none.
    pub(crate) no_unit: u64,
}

/// What was written to the journal.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Capture {
    /// Events appended.
    pub(crate) captured: u64,
    /// Facts that were in the journal already.
    pub(crate) unchanged: u64,
    /// Earlier events that a new one replaces before they were ever sent.
    pub(crate) superseded: u64,
    /// Ids that came with another content than before.
    pub(crate) conflicts: u64,
}

/// What became of the bodies.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Bodies {
    /// Captured by this run.
    pub(crate) queued: u64,
    /// Captured before, and not at the target when the run began.
    pub(crate) already_in_queue: u64,
    /// No documents, by reason (the part before a colon).
    pub(crate) skipped: BTreeMap<String, u64>,
    /// Stored by the server.
    pub(crate) uploaded: u64,
    /// Known to the server: by its word now, or acknowledged by it earlier.
    pub(crate) already_exists: u64,
    /// To be tried again later.
    pub(crate) retryable: u64,
    /// Refused for good by this run's uploads.
    pub(crate) failed: u64,
    /// Refused for good earlier.
    pub(crate) refused: u64,
    /// Each body; without `-v` all but those with status `already_exists`.
    pub(crate) outcomes: Vec<BodyOutcome>,
}

/// The documents and their balance.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Documents {
    /// The first number is the sum of the others.
    pub(crate) balance: Balance,
    /// Uploads made.
    pub(crate) selected: u64,
    /// Files that are no documents, by reason.
    pub(crate) not_sent: BTreeMap<String, u64>,
}

/// What became of one body.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BodyOutcome {
    /// Its mission.
    pub(crate) mission_slug: String,
    /// Its path in the feature directory.
    pub(crate) path: String,
    /// `uploaded`, `already_exists`, `queued`, `skipped` or `failed`.
    pub(crate) status: &'static str,
    /// Why, in the words of `formats` section 8; empty when there is nothing to say.
    pub(crate) reason: String,
    /// True when a later run tries again.
    pub(crate) retryable: bool,
}

/// What was sent, and what the target said.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Drain {
    /// Requests made with events in them.
    pub(crate) requests: u64,
    /// Questions for who answers at the target and what it takes at most.
    pub(crate) health_requests: u64,
    /// Events in them.
    pub(crate) selected: u64,
    /// Accepted.
    pub(crate) success: u64,
    /// Known to the target.
    pub(crate) duplicate: u64,
    /// Taken, not stored yet.
    pub(crate) pending: u64,
    /// Refused for now.
    pub(crate) rejected: u64,
    /// Not answered for.
    pub(crate) transient: u64,
    /// Refused for good.
    pub(crate) terminal_failed: u64,
    /// Why the drain stopped after a request, in the server's words.
    pub(crate) halted: Option<String>,
    /// The same in a word (`tls`, `bad_gateway`, …), where an exchange with the server was the reason.
    pub(crate) cause: Option<&'static str>,
    /// The shell line that sends elsewhere, where the server may be gone.
    pub(crate) fix: Option<String>,
    /// Time taken.
    pub(crate) seconds: f64,
}

/// A condition for sending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Gate {
    /// Its name (`missing_auth`, …).
    pub(crate) name: String,
    /// True when it lets events pass, and while nothing says that it does not.
    pub(crate) open: bool,
    /// False when somebody would have had to be asked, and there was nothing to send.
    pub(crate) known: bool,
    /// Why it is shut, or not known; empty when it is open.
    pub(crate) reason: String,
    /// The shell line that opens it; empty when it is open.
    pub(crate) fix: String,
}

/// One artifact and what would become of its body.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are a contract")]
pub(crate) struct Artifact {
    /// Its mission.
    pub(crate) mission_slug: String,
    /// The mission's layout, or the name of its source.
    pub(crate) layout: String,
    /// The mission's directory from the top of the project; empty for a list of documents.
    pub(crate) dir: String,
    /// Its path in that directory.
    pub(crate) path: String,
    /// Digest of the bytes read; empty when nothing could be read.
    pub(crate) sha256: String,
    /// How many bytes were read.
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
    /// Why, in full (`not_present: invalid_utf8`).
    pub(crate) reason: String,
}

/// A duration as the document's `seconds`, to the millisecond.
pub(crate) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
