//! A self-test from its first check to its report.

use super::fault::{ELSEWHERE, Fault};
use super::report::{Check, Report};
use super::setup::Setup;
use super::steps::{STEPS, Step};
use super::trial::Trial;
use crate::base::text;

/// Tries every promise; after a failure the rest is not tried. `None` if it was interrupted.
pub(crate) fn run(setup: &Setup<'_>) -> Option<Report> {
    let mut checks = Vec::new();
    let mut trial = match Trial::begin(setup) {
        Ok(trial) => {
            checks.push(Check {
                name: "directory",
                ok: Some(true),
                what: trial.site.words(),
                fix: None,
            });
            Some(trial)
        }
        Err(Fault(what)) => {
            checks.push(Check {
                name: "directory",
                ok: Some(false),
                what,
                fix: Some(ELSEWHERE),
            });
            None
        }
    };
    for Step { name, fix, work } in STEPS {
        let is_due = checks.iter().all(|check| check.ok == Some(true));
        checks.push(match trial.as_mut().filter(|_| is_due).map(work) {
            None => Check {
                name,
                ok: None,
                what: "not tried".to_owned(),
                fix: None,
            },
            Some(Ok(what)) => Check {
                name,
                ok: Some(true),
                what,
                fix: None,
            },
            Some(Err(Fault(what))) => Check {
                name,
                ok: Some(false),
                what,
                fix: Some(fix),
            },
        });
        if setup.interrupt.is_requested() {
            return None;
        }
    }
    let mut report = Report {
        directory: None,
        kept: false,
        checks,
        balance: None,
        documents: None,
    };
    if let Some(trial) = trial {
        (report.balance, report.documents) = (trial.balance, trial.documents);
        report.kept = !report.is_passed();
        report.directory = Some(text::path(&trial.end(report.kept)));
    }
    Some(report)
}
