//! Named points at which the program ends at once, as a power cut would end it, when a test says so.
//!
//! Only with the feature `failpoints`, which no build for people has; without it a point is no code at all. With it,
//! `SK_SYNC_FAILPOINT=NAME` aborts at the first passing of the point, `NAME:3` at the third.

/// An attempt is on disk, and nothing of it was sent.
pub(crate) const ATTEMPT_WRITTEN: &str = "attempt_written";
/// The server has a whole request, and of its answer only the head was read.
pub(crate) const POST_SENT: &str = "post_sent";
/// An answer to a batch was read, and nothing of it was recorded.
pub(crate) const ANSWER_READ: &str = "answer_read";
/// Answers to documents were read, and nothing of them was recorded.
pub(crate) const DOCUMENTS_ANSWERED: &str = "documents_answered";
/// What an answer said is on disk.
pub(crate) const LEDGER_COMMITTED: &str = "ledger_committed";
/// What one older store has for one of ours is on disk, with its mark.
pub(crate) const IMPORTED: &str = "imported";
/// Events that name no project are in the store of one, and still where they were.
pub(crate) const ADOPTED: &str = "adopted";
/// An archive has its name and is proved, and no row says so yet.
pub(crate) const ARCHIVED: &str = "archived";

/// The program is at the point `name`.
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

    /// The point where the program ends, and at which passing.
    static ARMED: OnceLock<(String, u64)> = OnceLock::new();
    static PASSINGS: AtomicU64 = AtomicU64::new(0);

    /// Reads where the program is to end.
    pub(crate) fn arm(env: &Env) {
        if let Some(text) = env.text("SK_SYNC_FAILPOINT") {
            let (name, passing) = text.split_once(':').unwrap_or((text, "1"));
            // Armed once: the process has one environment.
            let _set = ARMED.set((name.to_owned(), passing.parse().unwrap_or(1)));
        }
    }

    /// The program is at the point `name`.
    pub(crate) fn at(name: &'static str) {
        if let Some((armed, passing)) = ARMED.get()
            && armed == name
            && PASSINGS.fetch_add(1, Ordering::SeqCst) + 1 == *passing
        {
            std::process::abort();
        }
    }
}
