//! Artifact bodies: which are uploaded, the queue they wait in, the upload, and what each answer means.
//!
//! **Invariant:** knows neither events nor the ledger. A body leaves the queue only when a server echoed its path and
//! digest, or with an entry in the failure log written in the same transaction. Two missions, branches, manifest
//! versions or projects never share a row, and no namespace field is ever blank or substituted.
//!
//! **Invariant:** what a server has is never presumed. Every run submits every eligible body; an upload whose answer or
//! whose record was lost is repeated, and the server says `already_exists`.

mod body;
mod drain;
#[cfg(test)]
mod drain_tests;
mod failures;
mod filter;
mod inherit;
mod outcome;
mod pause;
mod pool;
mod purge;
mod push;
mod queue;
#[cfg(test)]
mod queue_tests;
mod report;
mod select;
mod settle;
mod stats;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod test_world;

pub(crate) use body::Body;
pub(crate) use drain::{DrainPolicy, drain};
pub(crate) use failures::{Failure, close_failures, failures};
pub(crate) use filter::{Candidate, Decision, FilterPolicy, decide};
pub(crate) use inherit::{Inherited, InheritedFailure, inherit, inherit_failure};
pub(crate) use purge::purge;
pub(crate) use push::Push;
pub(crate) use queue::{Enqueued, Entry, Limits, enqueue, retry_now};
pub(crate) use report::{ArtifactOutcome, Report, Status, Stop};
pub(crate) use select::{Row, list};
pub(crate) use stats::{
    Counts, MissionStats, by_mission, counters_by_rows, counts, damaged_texts, recount, stats, unreferenced_blobs,
};

/// The tables of this domain.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");

/// Why bodies could not be queued or drained.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A namespace field is blank; nothing is put in its place.
    #[error("cannot queue the body of {path} of mission {mission_slug}: its namespace has no {field}")]
    BlankNamespace {
        /// The artifact.
        path: String,
        /// The mission, possibly blank itself.
        mission_slug: String,
        /// The blank field.
        field: &'static str,
    },
    /// A surface is no glob.
    #[error("artifacts.surfaces: `{glob}` is not a glob: {reason}")]
    Surface {
        /// The offending text.
        glob: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
