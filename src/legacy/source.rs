//! An older store, opened: its events and bodies as rows, whatever kind of file it is.

use rusqlite::types::{Value, ValueRef};

use super::entries::Entries;
use super::lines::Lines;
use super::queue::QueueFile;
use super::{Found, Kind};
use crate::base::Interrupt;
use crate::store::{ForeignError, Stamp};

/// An event as an older store has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventRow<'r> {
    /// The id it was queued under.
    pub(super) event_id: &'r str,
    /// The type it was queued with.
    pub(super) event_type: &'r str,
    /// The envelope, byte for byte.
    pub(super) data: &'r [u8],
    /// When it was queued, as the store says it.
    pub(super) queued_at: ValueRef<'r>,
    /// How often it failed, as the store says it.
    pub(super) retry_count: ValueRef<'r>,
}

/// A row, or why it is no event.
pub(super) type Looked<'r> = Result<EventRow<'r>, String>;

/// A body as an older queue has it, or an entry of its failure log.
#[derive(Debug, Clone)]
pub(super) struct BodyRow {
    /// `project_uuid`, `mission_slug`, `target_branch`, `mission_type`, `manifest_version`, `artifact_path`.
    pub(super) names: [String; 6],
    /// The digest that the queue states.
    pub(super) content_hash: String,
    /// What else the row says.
    pub(super) rest: BodyRest,
}

/// What is particular to the two tables of bodies.
#[derive(Debug, Clone)]
pub(super) enum BodyRest {
    /// A row of the queue.
    Queued { content: Vec<u8>, created_at: i64 },
    /// A row of the failure log.
    Failed { size_bytes: u64, reason: String, count: u32, first_at: i64, last_at: i64 },
}

/// Which table a body row is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyTable {
    /// What waits for upload.
    Queue,
    /// What was refused for good.
    Failures,
}

/// Why reading rows ended early.
pub(super) enum Stop<E> {
    /// The source cannot be read any further.
    Source(ForeignError),
    /// Whoever reads does not want more.
    Visitor(E),
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
    /// Opens what was found, on a private copy in `scratch`.
    pub(super) fn open(found: &Found, scratch: &std::path::Path, interrupt: &Interrupt) -> Result<Self, ForeignError> {
        match found.kind {
            Kind::ProjectStore => Entries::open(found, scratch, interrupt).map(Self::Entries),
            Kind::Queue | Kind::ScopedQueue | Kind::Journal | Kind::Audit => {
                QueueFile::open(found, scratch, interrupt).map(Self::Database)
            }
            Kind::Overflow | Kind::Jsonl => Lines::open(&found.path, scratch, interrupt).map(Self::Lines),
        }
    }

    /// What the directory said of it.
    pub(super) fn stamp(&self) -> &Stamp {
        match self {
            Self::Database(file) => file.stamp(),
            Self::Entries(entries) => entries.stamp(),
            Self::Lines(lines) => lines.stamp(),
        }
    }

    /// What a person should know of the file as a whole.
    pub(super) fn note(&self) -> Option<&str> {
        match self {
            Self::Database(file) => file.note(),
            Self::Entries(_) | Self::Lines(_) => None,
        }
    }

    /// Shows every event row with its key and its place in the order; in no particular order.
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

    /// Shows the event rows of these keys, in this order.
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
    pub(super) fn body_keys(&self, table: BodyTable) -> Result<Vec<(i64, Option<String>)>, ForeignError> {
        match self {
            Self::Database(file) => file.body_keys(table),
            Self::Entries(_) | Self::Lines(_) => Ok(Vec::new()),
        }
    }

    /// The body row of this key, or why it is none.
    pub(super) fn body(&self, table: BodyTable, key: i64) -> Result<Result<BodyRow, String>, ForeignError> {
        match self {
            Self::Database(file) => file.body(table, key),
            Self::Entries(_) | Self::Lines(_) => Ok(Err("it is gone".to_owned())),
        }
    }
}

/// A cell kept as it stands.
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
