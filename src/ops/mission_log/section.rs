//! Report section about mission logs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::decide::Decision;
use crate::base::text::printable;
use crate::dossier::MISSION_LOG;
use crate::event::{LogEvent, NO_CONTRACT_TYPE, Skip};

/// Maximum number of listed lines: a log may have millions.
const MAX_LISTED: usize = 100_000;

/// Maximum number of work packages named in one warning.
const MAX_NAMED: usize = 8;

/// The section `mission_log`. Of the lines read, `lines = captured + unchanged + rewritten +
/// skipped`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct MissionLogs {
    /// Missions with a log.
    pub(crate) files: u64,
    /// Logs that were opened; the others have not changed since they were captured.
    pub(crate) read: u64,
    /// Their lines that are not blank.
    pub(crate) lines: u64,
    /// New events, those on hold included.
    pub(crate) captured: u64,
    /// New events that are on hold.
    pub(crate) held: u64,
    /// Events that were in the journal before, including those of logs that were not opened.
    pub(crate) unchanged: u64,
    /// Lines whose event is in the journal with other content, which stays.
    pub(crate) rewritten: u64,
    /// Approvals in the read logs that name no reviewer or no repository.
    pub(crate) evidence_unknown: u64,
    /// Lines that are not events, by reason.
    pub(crate) skipped: BTreeMap<&'static str, u64>,
    /// Work packages whose last lane change is on hold; a receiver shows them in an earlier lane.
    pub(crate) lanes_on_hold: Vec<LaneOnHold>,
}

/// A work package whose last lane change is on hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LaneOnHold {
    pub(crate) mission_slug: String,
    pub(crate) wp_id: String,
    /// The lane according to its log.
    pub(crate) lane: String,
    /// Id of the lane change, for `events release`.
    pub(crate) event_id: String,
}

/// One line of a log, in `mission_log_lines`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LogLine {
    /// Slug of the mission whose directory contains the log.
    pub(crate) mission_slug: String,
    /// Its number, from 1.
    pub(crate) line: u64,
    pub(crate) event_id: Option<String>,
    /// `captured`, `unchanged`, `rewritten` or `skipped`.
    pub(crate) decision: &'static str,
    /// Why it was skipped or is on hold; empty otherwise.
    pub(crate) reason: String,
    pub(crate) event_type: Option<String>,
}

/// Totals while logs are read.
#[derive(Debug, Default)]
pub(crate) struct LogTally {
    pub(crate) section: MissionLogs,
    /// Each line, if a list was requested.
    pub(crate) listed: Option<Vec<LogLine>>,
    /// At most one for each file and kind of problem.
    pub(crate) warnings: Vec<String>,
    /// Logs that could not be read.
    pub(crate) unreadable: u64,
    /// Events that the preset drops.
    pub(crate) dropped: u64,
}

impl LogTally {
    pub(super) fn new(lists_lines: bool) -> Self {
        Self {
            listed: lists_lines.then(Vec::new),
            ..Self::default()
        }
    }

    /// Counts a log that has not changed since its events were captured.
    pub(super) fn unopened(&mut self, events: u64) {
        self.section.files += 1;
        self.section.unchanged += events;
    }

    /// Counts a log that cannot be read.
    pub(super) fn unreadable(&mut self, slug: &str, why: &str) {
        self.section.files += 1;
        self.unreadable += 1;
        self.warnings.push(format!(
            "{}/{MISSION_LOG} cannot be read: {}",
            printable(slug),
            printable(why)
        ));
    }

    /// Adds a line to the list, if one was requested.
    pub(super) fn list(&mut self, line: LogLine) {
        if let Some(listed) = self
            .listed
            .as_mut()
            .filter(|listed| listed.len() < MAX_LISTED)
        {
            listed.push(line);
        }
    }

    /// Adds a warning with the work packages that a receiver shows in an earlier lane.
    pub(crate) fn name_lanes_on_hold(&mut self) {
        let held = &self.section.lanes_on_hold;
        if held.is_empty() {
            return;
        }
        let name = |lane: &LaneOnHold| {
            format!(
                "{} {} ({})",
                printable(&lane.mission_slug),
                printable(&lane.wp_id),
                lane.lane
            )
        };
        let names: Vec<_> = held.iter().take(MAX_NAMED).map(name).collect();
        let more = held.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let what = "the last lane change is on hold because the contract refuses it, so a receiver shows an earlier lane";
        self.warnings.push(format!(
            "{what}: {}{more}; `sk-sync events release --reason transition` sends them all the same",
            names.join(", ")
        ));
    }

    /// Counts the decision about a line that maps to an envelope.
    pub(super) fn count(&mut self, event: &LogEvent, decision: &Decision) {
        self.section.evidence_unknown += u64::from(event.has_unknown_evidence);
        match decision {
            Decision::New { held } => {
                self.section.captured += 1;
                self.section.held += u64::from(held.is_some());
            }
            Decision::Unchanged { .. } => self.section.unchanged += 1,
            Decision::Rewritten => self.section.rewritten += 1,
            Decision::Dropped { .. } => {
                self.dropped += 1;
                self.skip("opted_out", 1);
            }
            Decision::Skipped(skip) => self.skip(skip.code, 1),
        }
    }

    pub(super) fn skip(&mut self, code: &'static str, lines: u64) {
        *self.section.skipped.entry(code).or_default() += lines;
    }
}

/// Number of log lines whose events were already in the journal.
pub(crate) fn unchanged_lines(logs: Option<&LogTally>) -> i64 {
    logs.map_or(0, |logs| {
        i64::try_from(logs.section.unchanged).unwrap_or(i64::MAX)
    })
}

/// True for a skipped line that the user should check.
pub(super) fn is_flaw(skip: &Skip) -> bool {
    skip.code != NO_CONTRACT_TYPE
}
