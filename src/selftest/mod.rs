//! The self-test: the promises, tried on one file system with the real program, in a directory that
//! is deleted afterwards.
//!
//! * `site` is the directory: a repository, a state directory, a home, and the children that run in
//!   them
//! * `relay` stands between the children and the receiver: it records requests and can keep an
//!   answer back
//! * `trial` is one self-test in progress, `steps` are its checks, one promise after another
//!
//! **Invariant:** nothing outside of the directory is written, and no connection leaves loopback:
//! children get an environment in which home, state, configuration and temporary files are in the
//! directory, and no variable of the user. **Invariant:** each check compares what a child said
//! with what another child, or the receiver, says.

mod relay;
mod site;
mod steps;
mod trial;

use std::path::{Path, PathBuf};

use serde::Serialize;

use self::steps::STEPS;
use self::trial::Trial;
use crate::base::ids::Ids;
use crate::base::{Clock, Env, Interrupt, text};
use crate::books::Balance;
use crate::ops::Stub;

/// How a self-test is to run.
pub(crate) struct Setup<'a> {
    /// This program.
    pub(crate) program: PathBuf,
    /// Where its directory is made; `None` for the system's temporary directory.
    pub(crate) dir: Option<&'a Path>,
    /// The environment of this process, for `PATH` and the like.
    pub(crate) env: &'a Env,
    /// The time of events.
    pub(crate) clock: &'a dyn Clock,
    /// The ids of events.
    pub(crate) ids: &'a dyn Ids,
    /// Starts the embedded receiver on a store file.
    pub(crate) start_receiver: &'a dyn Fn(&Path) -> Result<Stub, String>,
    /// Ends it between two checks.
    pub(crate) interrupt: &'a Interrupt,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    /// A stable word.
    pub(crate) name: &'static str,
    /// Null if it was not tried, because an earlier check failed.
    pub(crate) ok: Option<bool>,
    /// The finding, with its numbers; or why it failed.
    pub(crate) what: String,
    /// What to do about a failure; null otherwise.
    pub(crate) fix: Option<&'static str>,
}

/// Result of a self-test.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The directory that was used; it is kept after a failure.
    pub(crate) directory: Option<String>,
    /// True if the directory was kept.
    pub(crate) kept: bool,
    /// The checks, in order.
    pub(crate) checks: Vec<Check>,
    /// The balance of events in the end; null if it was not reached.
    pub(crate) balance: Option<Balance>,
    /// The balance of documents in the end; null if it was not reached.
    pub(crate) documents: Option<Balance>,
}

impl Report {
    /// True if every check passed.
    pub(crate) fn is_passed(&self) -> bool {
        self.checks.iter().all(|check| check.ok == Some(true))
    }
}

/// Why a check failed, for people.
#[derive(Debug)]
struct Fault(String);

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// A check: its word, what to do when it fails, and the work, which returns its finding.
struct Step {
    name: &'static str,
    fix: &'static str,
    work: fn(&mut Trial<'_>) -> Result<String, Fault>,
}

/// What to do where the directory is the likely cause.
const ELSEWHERE: &str = "set SK_SYNC_HOME to a directory on a local disk, after `sk-sync selftest --dir THERE` passed on it";
/// What to do where a program between two processes of this machine is the likely cause.
const LOOPBACK: &str = "follow the reason, or look for a firewall that changes connections to 127.0.0.1, then try again";

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
