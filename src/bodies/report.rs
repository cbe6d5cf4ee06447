//! Reports about documents: the outcome of each, and the totals of a drain.

use super::{Row, Status};
use crate::base::Sha256;
use crate::delivery::Stop;
use crate::endpoint::ServerStand;
use crate::event::NamespaceRef;

/// One entry of `bodies.outcomes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArtifactOutcome {
    /// The mission.
    pub(crate) mission_slug: String,
    /// Its branch.
    pub(crate) target_branch: String,
    /// The path below the feature directory.
    pub(crate) path: String,
    /// Digest of the text: an older version may still wait next to the present one.
    pub(crate) sha256: Sha256,
    /// The word.
    pub(crate) status: Status,
    /// The reason, in the words of the public contract.
    pub(crate) reason: String,
    /// True if another try may succeed.
    pub(crate) retryable: bool,
}

impl ArtifactOutcome {
    /// The outcome of a row.
    pub(super) fn of(row: Row, status: Status, reason: String, retryable: bool) -> Self {
        let NamespaceRef {
            mission_slug,
            target_branch,
            ..
        } = row.namespace;
        Self {
            mission_slug,
            target_branch,
            path: row.path,
            sha256: row.sha256,
            status,
            reason,
            retryable,
        }
    }
}

/// Result of one drain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Requests made.
    pub(crate) requests: u64,
    /// Bodies the server stored.
    pub(crate) uploaded: u64,
    /// Bodies the server had.
    pub(crate) already_exists: u64,
    /// Bodies tried and kept for another try.
    pub(crate) retryable: u64,
    /// Bodies refused for good.
    pub(crate) failed: u64,
    /// Documents that the target lacks afterwards.
    pub(crate) remaining: u64,
    /// Due rows whose text is neither stored nor on disk; unchanged.
    pub(crate) textless: Vec<Row>,
    /// Why the drain ended early, if it did.
    pub(crate) stopped: Option<Stop>,
    /// Whether the server accepts uploads, or refuses every one.
    pub(crate) server: ServerStand,
    /// The number of last answers in a row in which the server does not know a document's event,
    /// although the ledger has it as delivered.
    pub(crate) unknown_events: u32,
}

#[cfg(test)]
impl Report {
    /// The reason, if only a change of settings, credentials or server lets the drain continue;
    /// else `None`.
    pub(super) fn halted(&self) -> Option<&str> {
        match &self.stopped {
            Some(Stop::Halted(reason)) => Some(reason),
            _ => None,
        }
    }
}
