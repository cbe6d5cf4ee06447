//! Exit codes: a public contract. Scripts rely on the numbers, and they never depend on the
//! environment.

use std::process::ExitCode;

use crate::ops::report::Report;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing is left to retry. Events that the server called `pending` do not count, and without
    /// a delivery nothing is left to send.
    Success,
    /// An internal error, an I/O error, or a full disk.
    Internal,
    /// The command line or a configuration file is wrong.
    Usage,
    /// A later run will retry some work.
    Retryable,
    /// A check fails: consent, credentials, identity, a disagreement about the target, or the
    /// switch.
    Gate,
    /// This run gave up an event, a document was refused, or a conflict was opened.
    Undeliverable,
    /// Something stored is damaged, or the balance does not hold.
    Damage,
    /// Another drain holds the lock. Captured rows stay.
    Busy,
    /// Ended by Ctrl-C or a termination signal, after the current step.
    Interrupted,
}

impl Exit {
    /// Every exit, in the order of the codes.
    pub(crate) const ALL: [Self; 9] = [
        Self::Success,
        Self::Internal,
        Self::Usage,
        Self::Retryable,
        Self::Gate,
        Self::Undeliverable,
        Self::Damage,
        Self::Busy,
        Self::Interrupted,
    ];

    /// Order of precedence when several apply.
    const ORDER: [Self; 9] = [
        Self::Interrupted,
        Self::Internal,
        Self::Usage,
        Self::Damage,
        Self::Undeliverable,
        Self::Gate,
        Self::Busy,
        Self::Retryable,
        Self::Success,
    ];

    /// The exit code of the process.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Retryable => 3,
            Self::Gate => 4,
            Self::Undeliverable => 5,
            Self::Damage => 6,
            Self::Busy => 75,
            Self::Interrupted => 130,
        }
    }

    /// Its meaning, as one line of help text.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "success: nothing is left to send",
            Self::Internal => "internal or I/O error, disk full",
            Self::Usage => "usage or configuration error",
            Self::Retryable => "something is left to send; run again",
            Self::Gate => "delivery is blocked; the output names the check that fails",
            Self::Undeliverable => {
                "an event or document failed for good, or an event ID has two contents"
            }
            Self::Damage => "damage, or the balance does not hold",
            Self::Busy => "another process is delivering; what was captured is kept",
            Self::Interrupted => "interrupted",
        }
    }

    /// The one to report if several apply; success if none does.
    pub(crate) fn worst(exits: impl IntoIterator<Item = Self>) -> Self {
        let rank = |exit: &Self| Self::ORDER.iter().position(|other| other == exit);
        exits.into_iter().min_by_key(rank).unwrap_or(Self::Success)
    }

    /// Exit of a run with this report. `strict` counts findings that are otherwise only warnings.
    pub(crate) fn of_report(report: &Report, strict: bool) -> Self {
        let standing = &report.standing;
        let conflicts = report.capture.map_or(0, |c| c.conflicts)
            + report
                .migrate
                .as_ref()
                .map_or(0, |m| m.open_conflicts.unwrap_or(m.own_conflicts))
            + report.spool.map_or(0, |s| s.conflicts);
        let failed = report.drain.as_ref().map_or(0, |d| d.terminal_failed)
            + report.bodies.as_ref().map_or(0, |b| b.failed)
            + if strict { standing.strict_findings } else { 0 };
        let owed = standing.owed_events + standing.owed_documents;
        let facts = [
            (standing.was_interrupted, Self::Interrupted),
            (standing.store_errors > 0, Self::Internal),
            (report.balance.is_some_and(|b| !b.holds), Self::Damage),
            (
                report.documents.as_ref().is_some_and(|d| !d.balance.holds),
                Self::Damage,
            ),
            (conflicts + failed > 0, Self::Undeliverable),
            (report.gates.iter().any(|gate| !gate.open), Self::Gate),
            (standing.is_locked_out, Self::Busy),
            (owed > 0, Self::Retryable),
        ];
        Self::worst(
            facts
                .into_iter()
                .filter_map(|(applies, exit)| applies.then_some(exit)),
        )
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::report::{Balance, Capture, Drain, Gate, Standing};

    #[test]
    fn the_numbers_are_the_contract() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5, 6, 75, 130]);
    }

    #[test]
    fn the_worst_is_taken_in_the_documented_order() {
        assert_eq!(Exit::ORDER.map(Exit::code), [130, 1, 2, 6, 5, 4, 75, 3, 0]);
        assert_eq!(Exit::worst([]), Exit::Success);
        for (i, worse) in Exit::ORDER.iter().enumerate() {
            for better in &Exit::ORDER[i..] {
                assert_eq!(Exit::worst([*better, *worse]), *worse);
            }
        }
    }

    #[test]
    fn a_report_decides_the_exit() {
        let report = |change: fn(&mut Report)| {
            let mut report = Report::new("run");
            change(&mut report);
            report
        };
        let shut = || Gate {
            name: "missing_auth".to_owned(),
            ..Gate::default()
        };
        for (name, report, exit) in [
            ("nothing", report(|_| ()), Exit::Success),
            (
                "owed",
                report(|r| r.standing.owed_events = 1),
                Exit::Retryable,
            ),
            (
                "document",
                report(|r| r.standing.owed_documents = 1),
                Exit::Retryable,
            ),
            (
                "pending alone",
                report(|r| {
                    r.drain = Some(Drain {
                        pending: 3,
                        ..Drain::default()
                    });
                }),
                Exit::Success,
            ),
            (
                "refused",
                report(|r| {
                    r.drain = Some(Drain {
                        terminal_failed: 1,
                        ..Drain::default()
                    });
                }),
                Exit::Undeliverable,
            ),
            (
                "conflict",
                report(|r| {
                    r.capture = Some(Capture {
                        conflicts: 1,
                        ..Capture::default()
                    });
                }),
                Exit::Undeliverable,
            ),
            (
                "uneven",
                report(|r| {
                    r.balance = Some(Balance {
                        holds: false,
                        ..Balance::default()
                    });
                }),
                Exit::Damage,
            ),
            (
                "locked",
                report(|r| {
                    r.standing = Standing {
                        is_locked_out: true,
                        owed_events: 1,
                        ..Standing::default()
                    }
                }),
                Exit::Busy,
            ),
            (
                "strict",
                report(|r| r.standing.strict_findings = 1),
                Exit::Undeliverable,
            ),
        ] {
            assert_eq!(Exit::of_report(&report, true), exit, "{name}");
        }
        let gated = Report {
            gates: vec![shut()],
            ..report(|r| r.standing.owed_events = 1)
        };
        assert_eq!(Exit::of_report(&gated, false), Exit::Gate);
        assert_eq!(
            Exit::of_report(&report(|r| r.standing.strict_findings = 1), false),
            Exit::Success
        );
    }
}
