//! The append-only journal of envelopes, each stored once and in order.
//!
//! * `append` adds events inside one transaction, coalescing by key (`newest`) and recognising ids
//!   (`known`); `read` reads rows; `chain` links each row to the one before; `retire` marks rows
//!   whose payload is deleted or which are released, one at a time; `collect` deletes many payloads
//!   at once; `point` detects whether anything was stated or given up since an earlier time.
//!
//! **Invariant:** a row is written once; afterwards only its marks (`held`, `superseded_by`,
//! `discarded`, `gone`, `archived_at`) change. Payload bytes never change. **Invariant:** the
//! journal does not depend on delivery or targets. An event above `sealed_through` was never
//! selected for any target, so it may be superseded unsent; delivery raises the seal, through
//! [`seal`], in the transaction that selects. **Invariant:** a version of a document is a row like
//! any other; it is sent to a target only after the event that announces it, so it is superseded
//! and deleted with that event. **Invariant:** an id belongs to one row; a row marked `replaced`
//! had it before, and is found only by its number. **Invariant:** the counters of scope `journal`
//! change in the transaction that changes what they count.

mod append;
#[cfg(test)]
mod append_tests;
mod archive;
mod chain;
#[cfg(test)]
mod chain_tests;
mod claims;
mod collect;
mod document;
mod entry;
#[cfg(test)]
mod fixture;
mod growth;
mod held;
mod inherit;
mod insert;
mod kind;
mod known;
mod newest;
mod point;
mod read;
mod record;
mod retire;
mod state;

pub(crate) use append::Appender;
pub(crate) use archive::{Return, bring_back, mark_archived};
pub(crate) use chain::check_chain;
pub(crate) use claims::false_claims;
pub(crate) use collect::{Kept, collect, kept_after};
pub(crate) use document::{
    DOCUMENT_TYPE, Document, announced, damaged_texts, drop_text, has_text, keep_text,
    kept_digests, kept_texts, last_version, newest_event, newest_version, supersede_document, text,
    version_before,
};
pub(crate) use entry::{Appended, Entry, Receipt};
pub(crate) use growth::{Sensitive, sensitive};
pub(crate) use growth::{captured_per, first_captured_at};
pub(crate) use held::{
    BEFORE_CONSENT, HeldFilter, HeldRow, held_of, held_reasons, held_rows, hold, newer,
    supersede_held,
};
pub(crate) use inherit::{Aside, contents, decide, held_after, holder, is_set_aside, set_aside};
pub(crate) use kind::Kind;
pub(crate) use known::{Seen, seen};
pub(crate) use newest::{ever_stated, has_word, short, stated};
pub(crate) use point::{Point, continues, is_same_history, point, states_the_same};
pub(crate) use read::{
    Conflict, Filter, Listed, Live, conflicts, held, id_of, ids_beginning, is_copied, is_known,
    last_seq, list, live_after, live_event, live_events_after, newest_first, oldest_kept_at,
    payload, rows_after, show, show_row,
};
pub(crate) use record::{Record, Totals};
pub(crate) use retire::{
    Audit, Left, Mark, Notice, PURGED, REPLACED, Release, audit, audit_once, bury, let_go, notice,
    release,
};
#[cfg(test)]
pub(crate) use state::size_from_disk;
pub(crate) use state::{
    HIGHEST_CLOCK, counters_by_rows, lamport, next_lamport, note_spooled, raise_lamport, recount,
    recount_of, seal, sealed_through, size, spooled_through, totals, totals_of,
};

/// The journal's tables.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");

/// Origin of events from mission logs.
pub(crate) const MISSION_LOG_ORIGIN: &str = "mission-log";

/// Why reading or writing the journal failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The store underneath failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// A row contains data that no version of this program writes.
    #[error("journal row {seq} is damaged: {what}")]
    Damaged {
        /// The row.
        seq: i64,
        /// Description.
        what: &'static str,
    },
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
