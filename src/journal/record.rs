//! Value types of the journal.

/// The journal's totals; `captured = live + superseded + discarded + gone`, and `held` is a part of
/// `live`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Events ever captured.
    pub(crate) captured: i64,
    /// Events neither superseded nor discarded whose payload is stored.
    pub(crate) live: i64,
    /// Live events that are on hold.
    pub(crate) held: i64,
    /// Events that a newer one of their key replaced before they were selected.
    pub(crate) superseded: i64,
    /// Events given up, each with an audit row.
    pub(crate) discarded: i64,
    /// Events whose payload was deleted for another reason.
    pub(crate) gone: i64,
    /// Payload bytes of the live events.
    pub(crate) live_bytes: i64,
    /// Live events that are in a verified archive.
    pub(crate) archived: i64,
    /// Unresolved conflicts.
    pub(crate) conflicts: i64,
}

/// One journal row without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Place in commit order, from 1.
    pub(crate) seq: i64,
    /// The id, verbatim.
    pub(crate) event_id: String,
    /// The type.
    pub(crate) event_type: String,
    /// The envelope's time, verbatim.
    pub(crate) occurred_at: Option<String>,
    /// Capture time, microseconds since the epoch.
    pub(crate) captured_at: i64,
    /// Producer.
    pub(crate) origin: String,
    /// Digest of the payload bytes.
    pub(crate) payload_sha256: crate::base::Sha256,
    /// Payload bytes.
    pub(crate) size: i64,
    /// Chain value of this row.
    pub(crate) chain: crate::base::Sha256,
    /// Why it is on hold; `None` if it is not.
    pub(crate) held: Option<String>,
    /// The newer event that superseded it.
    pub(crate) superseded_by: Option<i64>,
    /// The older event of its key, if that one must be sent before it.
    pub(crate) follows: Option<i64>,
    /// Why it was given up; `None` if it was not.
    pub(crate) discarded: Option<String>,
    /// Why its payload was deleted; `None` if it was not.
    pub(crate) gone: Option<String>,
    /// When its payload was deleted, microseconds since the epoch.
    pub(crate) left_at: Option<i64>,
    /// When it was written to a verified archive.
    pub(crate) archived_at: Option<i64>,
}
