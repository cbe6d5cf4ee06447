//! What was sent, and what the target answered.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::books::Balance;
use crate::endpoint;

/// Results for documents.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Bodies {
    /// Documents captured by this run.
    pub(crate) queued: u64,
    /// Documents captured before, and not at the target when the run began.
    pub(crate) already_in_queue: u64,
    /// Files that are not documents, by reason (the part before a colon).
    pub(crate) skipped: BTreeMap<String, u64>,
    /// Stored by the server.
    pub(crate) uploaded: u64,
    /// Already stored by the server: according to its answer now, or acknowledged earlier.
    pub(crate) already_exists: u64,
    /// To be sent again later.
    pub(crate) retryable: u64,
    /// Refused for good in this run.
    pub(crate) failed: u64,
    /// Refused for good earlier.
    pub(crate) refused: u64,
    /// Each document; without `-v` all except those with status `already_exists`.
    pub(crate) outcomes: Vec<BodyOutcome>,
}

/// Documents and their balance.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Documents {
    /// Class totals; the first number is the sum of the others.
    pub(crate) balance: Balance,
    /// Number of uploads.
    pub(crate) selected: u64,
    /// Files that are not documents, by reason.
    pub(crate) not_sent: BTreeMap<String, u64>,
}

/// Result for one document.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BodyOutcome {
    /// Its mission.
    pub(crate) mission_slug: String,
    /// Its path in the feature directory.
    pub(crate) path: String,
    /// `uploaded`, `already_exists`, `queued`, `skipped` or `failed`.
    pub(crate) status: &'static str,
    /// The reason, in the words of the public contract; empty if there is none.
    pub(crate) reason: String,
    /// True if a later run tries again.
    pub(crate) retryable: bool,
}

/// Requests and their results.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Drain {
    /// Number of requests with events.
    pub(crate) requests: u64,
    /// Number of health requests.
    pub(crate) health_requests: u64,
    /// Number of events in the requests.
    pub(crate) selected: u64,
    /// Accepted.
    pub(crate) success: u64,
    /// Already stored by the target.
    pub(crate) duplicate: u64,
    /// Accepted, not stored yet.
    pub(crate) pending: u64,
    /// Refused for now.
    pub(crate) rejected: u64,
    /// Without a usable answer.
    pub(crate) transient: u64,
    /// Refused for good.
    pub(crate) terminal_failed: u64,
    /// Why the drain stopped after a request, in the server's words; `None` if it did not.
    pub(crate) halted: Option<String>,
    /// The same as one word (`tls`, `bad_gateway`, …), if an exchange with the server was the
    /// reason.
    pub(crate) cause: Option<&'static str>,
    /// The shell command that sends to another target, if the server seems to be gone.
    pub(crate) fix: Option<String>,
    /// Time taken.
    pub(crate) seconds: f64,
}

/// A check for sending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Gate {
    /// Its name (`missing_auth`, …).
    pub(crate) name: String,
    /// True if it passes, or nothing is known against it.
    pub(crate) open: bool,
    /// False if the check would have needed a request, and there was nothing to send.
    pub(crate) known: bool,
    /// Why it fails or is unknown; empty if it passes.
    pub(crate) reason: String,
    /// The shell command that fixes it; empty if it passes.
    pub(crate) fix: String,
}

impl From<endpoint::Gate> for Gate {
    fn from(gate: endpoint::Gate) -> Self {
        Self {
            name: gate.name.to_owned(),
            open: gate.is_open,
            known: gate.is_known,
            reason: gate.reason,
            fix: gate.fix,
        }
    }
}
