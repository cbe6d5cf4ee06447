//! The report of a run, made of what its steps returned: the one place that fills it, in the order
//! of the steps.

use std::time::Duration;

use super::capture::Captured;
use super::deliver::Delivered;
use super::documents::DocumentsNow;
use super::drain;
use super::foresight::Foreseen;
use super::index::Indexed;
use super::plan::{Plan, is_shut};
use super::preview::Preview;
use super::unchanged::Unchanged;
use crate::delivery;
use crate::journal::Receipt;
use crate::ops::balances::EventBalance;
use crate::ops::imported::Imported;
use crate::ops::mission_log::LogTally;
use crate::ops::opening::Absorbed;
use crate::ops::origin;
use crate::ops::report::{Balance, Capture, Project, Report, Spool};
use crate::ops::rule::{dropped_words, evicted_words};

/// The report in the making.
pub(super) struct Summary<'a> {
    plan: &'a Plan<'a>,
    report: Report,
}

impl<'a> Summary<'a> {
    /// With what is known at the beginning.
    pub(super) fn begin(plan: &'a Plan<'a>) -> Self {
        let (workspace, resolved) = (plan.workspace, plan.resolved);
        let mut report = Report::new(plan.request.scope.command);
        report.dry_run = plan.request.dry_run;
        report.project = Some(Project::of(workspace));
        report.target.clone_from(&resolved.identity);
        let warnings = &mut report.warnings;
        warnings.extend(workspace.loaded.warnings.iter().cloned());
        warnings.extend(resolved.warnings.iter().cloned());
        // If something is sent, a check reports it.
        if !plan.request.scope.drains || !resolved.is_server() {
            warnings.extend(resolved.not_used());
        }
        if workspace.identity.is_derived {
            warnings.push(
                "this project has no ID; for the stub it is made from the first commit; `sk-sync init` gives it one"
                    .to_owned(),
            );
        }
        report.gates.clone_from(&plan.gates);
        Self { plan, report }
    }

    /// Ends the report.
    pub(super) fn end(self) -> Report {
        self.report
    }

    /// Adds what is on disk.
    pub(super) fn indexed(&mut self, indexed: &Indexed) {
        let report = &mut self.report;
        if let Some(project) = &mut report.project {
            project.project_slug = Some(origin::project_slug(self.plan.workspace, &indexed.git));
        }
        report.index = Some(indexed.report.clone());
        report.warnings.extend(indexed.warnings.iter().cloned());
        report.standing.strict_findings += indexed.unreadable;
        report.standing.is_empty = indexed.is_empty;
    }

    /// Adds what would be done.
    pub(super) fn foreseen(&mut self, preview: Preview) {
        if let Some(Foreseen { receipt, logs }) = preview.capture {
            self.capture(&receipt);
            self.logs(logs);
        }
        let is_shut = is_shut(&self.plan.gates);
        let report = &mut self.report;
        report.bodies = preview.bodies;
        report.artifacts = preview.artifacts;
        report.balance = preview
            .balance
            .map(|balance| Balance::of(&balance, is_shut));
    }

    /// Adds lines of the spool that are in the store now.
    pub(super) fn absorbed(&mut self, absorbed: Absorbed) {
        if absorbed == Absorbed::default() {
            return;
        }
        let Absorbed {
            captured,
            unchanged,
            conflicts,
            discarded,
            unreadable,
            evicted,
            warnings,
        } = absorbed;
        self.warn_of_evicted(evicted);
        self.report.spool = Some(Spool {
            captured,
            unchanged,
            conflicts,
            discarded,
            unreadable,
        });
        self.report.warnings.extend(warnings);
    }

    /// Adds what older stores gave.
    pub(super) fn imported(&mut self, imported: Imported) {
        let standing = &mut self.report.standing;
        let mut section = imported.section;
        standing.was_interrupted |= imported.was_interrupted;
        standing.strict_findings += section.source_errors + section.refused;
        section
            .stores
            .retain(|source| !matches!(source.result, "unchanged" | "waiting"));
        self.report.warnings.extend(imported.warnings);
        self.report.migrate = Some(section);
    }

    /// Adds that everything was done before.
    pub(super) fn unchanged(&mut self, unchanged: Unchanged) {
        if let Some(documents) = unchanged.documents {
            self.documents(documents);
        }
        if self.plan.delivers() {
            let nothing = delivery::Report::default();
            self.report.drain = Some(drain::section(&nothing, Duration::ZERO));
        }
        self.capture(&unchanged.capture.receipt);
        self.logs(unchanged.capture.logs);
        self.balance(&unchanged.balance);
    }

    /// Adds what entered the journal.
    pub(super) fn captured(&mut self, captured: Captured) {
        self.warn_of_evicted(captured.evicted);
        if captured.dropped > 0 {
            self.report.warnings.push(dropped_words(captured.dropped));
        }
        self.capture(&captured.receipt);
        self.logs(captured.logs);
    }

    /// Adds what was delivered.
    pub(super) fn delivered(&mut self, delivered: Delivered) {
        let sent = delivered.sent;
        let report = &mut self.report;
        report.gates = sent.gates;
        report.drain = sent.drain;
        report.warnings.extend(sent.warnings);
        report.standing.was_interrupted |= sent.was_interrupted;
        report.standing.is_locked_out = delivered.is_locked_out;
        if let Some(documents) = delivered.documents {
            self.documents(documents);
        }
    }

    /// Adds the balance, read again from the counters.
    pub(super) fn balance(&mut self, events: &EventBalance) {
        let is_shut = is_shut(&self.report.gates);
        self.report.balance = Some(Balance::of(&events.balance, is_shut));
        if self.plan.delivers() && !is_shut {
            self.report.standing.owed_events = events.left_to_send();
        }
    }

    fn documents(&mut self, now: DocumentsNow) {
        self.report.standing.owed_documents = now.left_to_send;
        self.report.documents = Some(now.documents);
        self.report.bodies = Some(now.bodies);
    }

    fn capture(&mut self, receipt: &Receipt) {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        self.report.capture = Some(Capture {
            captured: count(receipt.captured),
            unchanged: count(receipt.unchanged),
            superseded: count(receipt.superseded),
            conflicts: count(receipt.conflicts),
        });
    }

    /// Adds the totals of mission logs.
    fn logs(&mut self, logs: Option<LogTally>) {
        let Some(mut logs) = logs else { return };
        logs.name_lanes_on_hold();
        let LogTally {
            section,
            listed,
            warnings,
            unreadable,
            ..
        } = logs;
        self.report.standing.strict_findings += section.rewritten + unreadable;
        self.report.warnings.extend(warnings);
        self.report.mission_log = Some(section);
        self.report.mission_log_lines = listed;
    }

    fn warn_of_evicted(&mut self, evicted: i64) {
        if evicted > 0 {
            self.report.warnings.push(evicted_words(evicted));
        }
    }
}
