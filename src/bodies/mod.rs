//! The texts of documents: which artifacts have one that is sent, the upload, and the meaning of
//! each answer.
//!
//! The ledger (`delivery`) decides which version is sent where and settles answers; the journal
//! keeps the versions.
//!
//! **Invariant:** a text is sent only as it was captured: its digest is checked, whether it is read
//! from the store or the disk. A version counts as delivered only when a server echoed its path and
//! digest. No namespace field is ever blank or substituted.

#[cfg(test)]
mod answer_tests;
mod body;
mod decision;
mod drain;
#[cfg(test)]
mod drain_tests;
mod failures;
#[cfg(test)]
mod failures_tests;
mod filter;
mod many;
#[cfg(test)]
mod many_tests;
#[cfg(test)]
mod order_tests;
mod outcome;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod push;
mod report;
mod select;
mod settle;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod test_world;
mod views;
#[cfg(test)]
mod wait_tests;

pub(crate) use body::Body;
pub(crate) use decision::{Decision, Status};
pub(crate) use drain::{DrainPolicy, drain};
pub(crate) use failures::{
    Failure, close_failures, count_failures, counters_by_rows, failures, inherit_failure,
    purge_failures,
};
pub(crate) use filter::{Candidate, FilterPolicy, decide};
pub(crate) use push::Push;
pub(crate) use report::{ArtifactOutcome, Report};
pub(crate) use select::{Row, list};
pub(crate) use views::{MissionStats, Stats, by_mission, refusals, stats};

/// The tables of this domain.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");

/// Why bodies could not be queued or drained.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A namespace field is blank; it is never substituted.
    #[error(
        "cannot queue the document {path} of mission {mission_slug}: its namespace has no {field}"
    )]
    BlankNamespace {
        /// The artifact.
        path: String,
        /// The mission, possibly blank itself.
        mission_slug: String,
        /// The blank field.
        field: &'static str,
    },
    /// A surface is not a valid glob.
    #[error("artifacts.surfaces: `{glob}` is not a glob: {reason}")]
    Surface {
        /// The offending text.
        glob: String,
        /// The reason.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] crate::journal::Error),
    /// The ledger failed.
    #[error(transparent)]
    Delivery(#[from] crate::delivery::Error),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
