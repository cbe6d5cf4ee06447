//! The result of a self-test.

use serde::Serialize;

use crate::books::Balance;

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
