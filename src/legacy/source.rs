//! An opened older store: its events and documents as rows, for any kind of file.

use rusqlite::types::{Value, ValueRef};

use super::entries::Entries;
use super::lines::Lines;
use super::queue::QueueFile;
use super::{Found, Kind};
use crate::base::Interrupt;
use crate::store::{ForeignError, Stamp};

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

/// An older store that was opened.
pub(super) enum Source {
    /// A queue, or a journal of 3.2.x.
    Database(QueueFile),
    /// The store of a project, of 3.2.7.
    Entries(Entries),
    /// A file of lines.
    Lines(Lines),
}

impl Source {
    /// Opens a found store, on a private copy in `scratch`.
    pub(super) fn open(
        found: &Found,
        scratch: &std::path::Path,
        interrupt: &Interrupt,
    ) -> Result<Self, ForeignError> {
        match found.kind {
            Kind::ProjectStore => Entries::open(found, scratch, interrupt).map(Self::Entries),
            Kind::Queue | Kind::ScopedQueue | Kind::Journal | Kind::Audit => {
                QueueFile::open(found, scratch, interrupt).map(Self::Database)
            }
            Kind::Overflow | Kind::Jsonl => {
                Lines::open(&found.path, scratch, interrupt).map(Self::Lines)
            }
        }
    }

    /// File state of the source.
    pub(super) fn stamp(&self) -> &Stamp {
        match self {
            Self::Database(file) => file.stamp(),
            Self::Entries(entries) => entries.stamp(),
            Self::Lines(lines) => lines.stamp(),
        }
    }

    /// A note about the file as a whole, for people; `None` without one.
    pub(super) fn note(&self) -> Option<&str> {
        match self {
            Self::Database(file) => file.note(),
            Self::Entries(_) | Self::Lines(_) => None,
        }
    }

    /// Visits every event row with its key and its rank in the order; unordered.
    pub(super) fn survey<E>(
        &self,
        visit: &mut dyn FnMut(i64, i64, Looked<'_>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        match self {
            Self::Database(file) => file.survey(visit),
            Self::Entries(entries) => entries.survey(visit),
            Self::Lines(lines) => lines.each(visit),
        }
    }

    /// Visits the event rows with these keys, in this order.
    pub(super) fn events<E>(
        &self,
        keys: &[i64],
        visit: &mut dyn FnMut(Looked<'_>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        match self {
            Self::Database(file) => file.events(keys, visit),
            Self::Entries(entries) => entries.events(keys, visit),
            Self::Lines(lines) => lines.events(keys, visit),
        }
    }

    /// The keys of a table of bodies, each with the project it names.
    pub(super) fn body_keys(
        &self,
        table: BodyTable,
    ) -> Result<Vec<(i64, Option<String>)>, ForeignError> {
        match self {
            Self::Database(file) => file.body_keys(table),
            Self::Entries(_) | Self::Lines(_) => Ok(Vec::new()),
        }
    }

    /// The document row with this key, or why it is invalid.
    pub(super) fn body(
        &self,
        table: BodyTable,
        key: i64,
    ) -> Result<Result<BodyRow, String>, ForeignError> {
        match self {
            Self::Database(file) => file.body(table, key),
            Self::Entries(_) | Self::Lines(_) => Ok(Err("it is gone".to_owned())),
        }
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
