//! What is added to the journal, and what came of it.

use crate::event::{Coalesce, WireForm};

/// One event to add.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// The id, verbatim.
    pub(crate) event_id: &'a str,
    /// The type.
    pub(crate) event_type: &'a str,
    /// The envelope's own time, verbatim.
    pub(crate) occurred_at: Option<&'a str>,
    /// The bytes to keep.
    pub(crate) envelope: &'a [u8],
    /// What sending it takes.
    pub(crate) wire: WireForm,
    /// Key and facts, for the families that coalesce.
    pub(crate) coalesce: Option<Coalesce>,
    /// Why it is held, if it is.
    pub(crate) held: Option<&'a str>,
    /// Which producer.
    pub(crate) origin: &'a str,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is a new row.
    Captured {
        /// Its place.
        seq: i64,
        /// The older event of its key that will now never be sent.
        superseded: Option<i64>,
    },
    /// It says nothing new: the id is known with an equal payload, or the newest event of its key states the same.
    Unchanged {
        /// The row that says so already.
        seq: i64,
    },
    /// The id is known with another content. The known one stays; this one is kept apart, whole, and audited.
    Conflict {
        /// The row that has the id.
        seq: i64,
    },
    /// The event was removed with its project: it does not come back, and nothing of this entry is kept.
    Purged {
        /// The row that has the id.
        seq: i64,
    },
    /// One more live event would be one too many.
    Full {
        /// How many there may be.
        capacity: i64,
        /// How many there are.
        live: i64,
    },
}

/// What one transaction added of one kind, for those who keep books of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Added {
    /// New rows, held ones included.
    pub(crate) captured: i64,
    /// New rows that are held.
    pub(crate) held: i64,
    /// Rows that were superseded; each was live, not held, and never selected.
    pub(crate) superseded: i64,
    /// Entries that said nothing new.
    pub(crate) unchanged: i64,
    pub(super) bytes: i64,
    pub(super) superseded_bytes: i64,
    /// Of those that were superseded: a verified archive has them.
    pub(super) superseded_archived: i64,
}

/// What one transaction added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// New events, held ones included.
    pub(crate) captured: i64,
    /// New events that are held.
    pub(crate) held: i64,
    /// Events that were superseded.
    pub(crate) superseded: i64,
    /// Entries that said nothing new.
    pub(crate) unchanged: i64,
    /// Entries whose id is known with another content.
    pub(crate) conflicts: i64,
    /// Entries whose id was purged.
    pub(crate) purged: i64,
    /// The same of documents.
    pub(crate) documents: Added,
}
