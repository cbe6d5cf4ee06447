//! What a drain of events did.

use super::record::Settled;
use super::reset::Change;
use super::running_drain::Stop;
use crate::endpoint::ServerStand;
use crate::http::Cause;

/// Result of a drain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Number of requests, without health requests.
    pub(crate) requests: u64,
    /// Number of health requests.
    pub(crate) health_requests: u64,
    /// Fields that show that another server answers than before.
    pub(crate) changes: Vec<Change>,
    /// Events sent, counted once for each time they were sent.
    pub(crate) selected: u64,
    /// Stored by the receiver now.
    pub(crate) success: u64,
    /// Stored by the receiver earlier.
    pub(crate) duplicate: u64,
    /// Accepted, not yet stored.
    pub(crate) pending: u64,
    /// Refused; sent again later.
    pub(crate) rejected: u64,
    /// Without a usable result; sent again later.
    pub(crate) transient: u64,
    /// Given up.
    pub(crate) terminal_failed: u64,
    /// Why the drain ended early, if it did.
    pub(crate) stop: Option<Stop>,
    /// The exchange that ended the drain, if one did.
    pub(crate) cause: Option<Cause>,
    /// Whether the server accepts requests, or refuses every one.
    pub(crate) server: ServerStand,
}

impl Report {
    /// Adds the result of a later drain of the same command; the end is that of the later one.
    pub(crate) fn add(&mut self, later: &Self) {
        self.requests += later.requests;
        self.health_requests += later.health_requests;
        self.changes.extend(later.changes.iter().cloned());
        self.selected += later.selected;
        self.success += later.success;
        self.duplicate += later.duplicate;
        self.pending += later.pending;
        self.rejected += later.rejected;
        self.transient += later.transient;
        self.terminal_failed += later.terminal_failed;
        self.stop.clone_from(&later.stop);
        self.cause = later.cause;
        self.server = std::mem::take(&mut self.server).then(later.server.clone());
    }

    /// Counts what was settled, less what was taken back.
    pub(super) fn count(&mut self, settled: Settled, taken_back: Settled) {
        self.success += settled.success;
        self.duplicate += settled.duplicate;
        self.pending += settled.pending;
        self.rejected = (self.rejected + settled.rejected).saturating_sub(taken_back.rejected);
        self.transient += settled.transient;
        self.terminal_failed = (self.terminal_failed + settled.terminal_failed)
            .saturating_sub(taken_back.terminal_failed);
    }
}
