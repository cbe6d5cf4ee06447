//! Input and result of adding to the journal.

use crate::event::{Coalesce, WireForm};

/// One event to add.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// The id, verbatim.
    pub(crate) event_id: &'a str,
    /// The type.
    pub(crate) event_type: &'a str,
    /// The envelope's time, verbatim.
    pub(crate) occurred_at: Option<&'a str>,
    /// The bytes to store.
    pub(crate) envelope: &'a [u8],
    /// How it must be changed for sending.
    pub(crate) wire: WireForm,
    /// Key and facts, for the families that coalesce.
    pub(crate) coalesce: Option<Coalesce>,
    /// Why it is on hold; `None` if it is not.
    pub(crate) held: Option<&'a str>,
    /// Producer.
    pub(crate) origin: &'a str,
}

/// Result for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is a new row.
    Captured {
        /// Its row.
        seq: i64,
        /// The older event of its key that it superseded.
        superseded: Option<i64>,
    },
    /// It states nothing new: the id is known with an equal payload, or the newest event of its key
    /// states the same facts.
    Unchanged {
        /// The row that already states it.
        seq: i64,
    },
    /// The id is known with other content. The known one stays; this one is kept apart as a
    /// conflict and audited.
    Conflict {
        /// The row that has the id.
        seq: i64,
    },
    /// The event was removed with its project: it is not captured again, and nothing of this entry
    /// is stored.
    Purged {
        /// The row that has the id.
        seq: i64,
    },
    /// The limit of live events is reached.
    Full {
        /// The limit.
        capacity: i64,
        /// Live events now.
        live: i64,
    },
}

/// Numbers of one kind added by one transaction, for the postings of each target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Added {
    /// New rows, held ones included.
    pub(crate) captured: i64,
    /// New rows that are on hold.
    pub(crate) held: i64,
    /// Rows that were superseded; each was live, not on hold, and never selected.
    pub(crate) superseded: i64,
    /// Entries that stated nothing new.
    pub(crate) unchanged: i64,
    pub(super) bytes: i64,
    pub(super) superseded_bytes: i64,
    /// Superseded rows that are in a verified archive.
    pub(super) superseded_archived: i64,
}

/// Numbers added by one transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// New events, including those on hold.
    pub(crate) captured: i64,
    /// New events that are on hold.
    pub(crate) held: i64,
    /// Events that were superseded.
    pub(crate) superseded: i64,
    /// Entries that stated nothing new.
    pub(crate) unchanged: i64,
    /// Entries whose id is known with other content.
    pub(crate) conflicts: i64,
    /// Entries whose id was purged.
    pub(crate) purged: i64,
    /// The same numbers for documents.
    pub(crate) documents: Added,
}
