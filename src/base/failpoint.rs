//! Named points at which the program aborts on request of a test, like a power cut.
//!
//! Exists only with the feature `failpoints`, which no release build has; without it a point
//! compiles to nothing. With it, `SK_SYNC_FAILPOINT=NAME` aborts at the first pass of the point,
//! `NAME:3` at the third.

/// An attempt is on disk, but not sent.
pub(crate) const ATTEMPT_WRITTEN: &str = "attempt_written";
/// What the target has is known, but not on disk.
pub(crate) const TARGET_ASKED: &str = "target_asked";
/// The server has a whole request; only the head of its response was read.
pub(crate) const POST_SENT: &str = "post_sent";
/// The response to a batch was read, but not recorded.
pub(crate) const ANSWER_READ: &str = "answer_read";
/// Responses to documents were read, but not recorded.
pub(crate) const DOCUMENTS_ANSWERED: &str = "documents_answered";
/// The result of a response is on disk.
pub(crate) const LEDGER_COMMITTED: &str = "ledger_committed";
/// The rows of one older store are imported for one project, and the store is marked.
pub(crate) const IMPORTED: &str = "imported";
/// Events without a project are in the store of one project, and still in their old place.
pub(crate) const ADOPTED: &str = "adopted";
/// An archive has its final name and is verified, but no row says so yet.
pub(crate) const ARCHIVED: &str = "archived";

/// Aborts if `name` is the armed point; compiled to nothing here.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) const fn at(_name: &'static str) {}

#[cfg(feature = "failpoints")]
pub(crate) use armed::{arm, at};

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use crate::base::Env;

    /// The armed point, and at which pass it aborts.
    static ARMED: OnceLock<(String, u64)> = OnceLock::new();
    static PASSINGS: AtomicU64 = AtomicU64::new(0);

    /// Reads the armed point from `SK_SYNC_FAILPOINT`.
    pub(crate) fn arm(env: &Env) {
        if let Some(text) = env.text("SK_SYNC_FAILPOINT") {
            let (name, passing) = text.split_once(':').unwrap_or((text, "1"));
            // Armed once: a process has one environment.
            let _set = ARMED.set((name.to_owned(), passing.parse().unwrap_or(1)));
        }
    }

    /// Aborts if `name` is the armed point and this is the armed pass.
    pub(crate) fn at(name: &'static str) {
        if let Some((armed, passing)) = ARMED.get()
            && armed == name
            && PASSINGS.fetch_add(1, Ordering::SeqCst) + 1 == *passing
        {
            std::process::abort();
        }
    }
}
