//! Rows of older stores, in one form for every kind of file.

use rusqlite::types::{Value, ValueRef};

use crate::store::ForeignError;

/// An event row of an older store.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventRow<'r> {
    /// The id under which it was queued.
    pub(super) event_id: &'r str,
    /// The type with which it was queued.
    pub(super) event_type: &'r str,
    /// The envelope, byte for byte.
    pub(super) data: &'r [u8],
    /// When it was queued, as stored.
    pub(super) queued_at: ValueRef<'r>,
    /// How often it failed, as stored.
    pub(super) retry_count: ValueRef<'r>,
}

/// A row, or why it is not an event.
pub(super) type Looked<'r> = Result<EventRow<'r>, String>;

/// A row of an older document queue, or of its failure log.
#[derive(Debug, Clone)]
pub(super) struct BodyRow {
    /// `project_uuid`, `mission_slug`, `target_branch`, `mission_type`, `manifest_version`,
    /// `artifact_path`.
    pub(super) names: [String; 6],
    /// The digest stated by the queue.
    pub(super) content_hash: String,
    /// The other fields.
    pub(super) rest: BodyRest,
}

/// The fields specific to one of the two tables.
#[derive(Debug, Clone)]
pub(super) enum BodyRest {
    /// A row of the queue.
    Queued { content: Vec<u8>, created_at: i64 },
    /// A row of the failure log.
    Failed {
        size_bytes: u64,
        reason: String,
        count: u32,
        first_at: i64,
        last_at: i64,
    },
}

/// Table of a document row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyTable {
    /// Documents that wait for upload.
    Queue,
    /// Documents that were refused for good.
    Failures,
}

/// Why reading rows ended early.
pub(super) enum Stop<E> {
    /// The source is not readable any further.
    Source(ForeignError),
    /// The visitor stopped.
    Callback(E),
}

impl<E> From<ForeignError> for Stop<E> {
    fn from(error: ForeignError) -> Self {
        Self::Source(error)
    }
}

/// A cell in the form in which it is stored.
pub(super) fn kept(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) if bytes.len() > 256 => Value::Null,
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Blob(bytes.to_owned()),
        },
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_owned()),
    }
}
