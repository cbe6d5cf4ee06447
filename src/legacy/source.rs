//! An opened older store: its events and documents as rows, for any kind of file.

use super::entries::Entries;
use super::lines::Lines;
use super::queue::QueueFile;
use super::source_rows::{BodyRow, BodyTable, Looked, Stop};
use super::{Found, Kind};
use crate::base::Interrupt;
use crate::store::{ForeignError, Stamp};

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
