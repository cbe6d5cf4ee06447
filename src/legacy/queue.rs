//! Queues of every version and the journals of 3.2.x: their tables, columns and rows.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::queue_tables::{JOURNAL, QUEUE};
use super::source_rows::{BodyRest, BodyRow, BodyTable, EventRow, Looked, Stop};
use super::{Found, Kind, tables};
use crate::base::{Interrupt, Timestamp, text};
use crate::store::{Foreign, ForeignError, LONGEST_CELL, Stamp};

/// A database of an older version.
pub(super) struct QueueFile {
    foreign: Foreign,
    /// The select list that reads its events, and their table.
    events: Option<(String, &'static str)>,
    bodies: Option<String>,
    failures: Option<String>,
    note: Option<String>,
}

impl QueueFile {
    pub(super) fn open(
        found: &Found,
        scratch: &std::path::Path,
        interrupt: &Interrupt,
    ) -> Result<Self, ForeignError> {
        let foreign = Foreign::open(&found.path, scratch, interrupt)?;
        let known = if found.kind == Kind::Journal {
            JOURNAL
        } else {
            QUEUE
        };
        let mut tables = Vec::new();
        for (table, _) in known {
            tables.extend(tables::columns(&foreign, table)?.map(|columns| (*table, columns)));
        }
        let lists: Vec<_> = tables
            .iter()
            .map(|(table, columns)| (*table, columns.as_slice()))
            .collect();
        let note = tables::unknown_parts(&foreign, known, &lists)?;
        if let (true, Some(note)) = (tables.is_empty(), &note) {
            let parts = note
                .rsplit_once(": ")
                .map_or(note.as_str(), |(_, parts)| parts);
            return Err(ForeignError::Sqlite(format!(
                "it holds other tables than a queue has: {parts}"
            )));
        }
        let columns = |name: &str| {
            tables
                .iter()
                .find(|(table, _)| *table == name)
                .map(|(_, columns)| columns.as_slice())
        };
        let events = match (columns("queue"), columns("event_journal")) {
            (Some(columns), _) => Some((event_list(columns, "data", "timestamp")?, "queue")),
            (None, Some(columns)) => Some((
                event_list(columns, "payload", "created_at")?,
                "event_journal",
            )),
            (None, None) => None,
        };
        let bodies = columns("body_upload_queue").map(body_list).transpose()?;
        let failures = columns("body_upload_failure_log")
            .map(failure_list)
            .transpose()?;
        Ok(Self {
            foreign,
            events,
            bodies,
            failures,
            note,
        })
    }

    pub(super) const fn stamp(&self) -> &Stamp {
        self.foreign.stamp()
    }

    pub(super) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// See [`super::source::Source::survey`]. No index is used: it may not contain every row.
    pub(super) fn survey<E>(
        &self,
        visit: &mut dyn FnMut(i64, i64, Looked<'_>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        let Some((list, table)) = &self.events else {
            return Ok(());
        };
        self.foreign.begin();
        let sql = format!("SELECT rowid, {list} FROM {table} NOT INDEXED");
        let sorted = |e| Stop::Source(self.foreign.sorted(e));
        let mut statement = self.foreign.conn().prepare(&sql).map_err(sorted)?;
        let mut rows = statement.query([]).map_err(sorted)?;
        while let Some(row) = rows.next().map_err(sorted)? {
            let key = row.get(0).map_err(sorted)?;
            let order = place(row.get_ref(5).map_err(sorted)?);
            visit(key, order, event(row).map_err(sorted)?).map_err(Stop::Callback)?;
        }
        Ok(())
    }

    /// See [`super::source::Source::events`].
    pub(super) fn events<E>(
        &self,
        keys: &[i64],
        visit: &mut dyn FnMut(Looked<'_>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        let Some((list, table)) = &self.events else {
            return Ok(());
        };
        self.foreign.begin();
        let sql = format!("SELECT rowid, {list} FROM {table} WHERE rowid = ?1");
        let sorted = |e| Stop::Source(self.foreign.sorted(e));
        let mut statement = self.foreign.conn().prepare(&sql).map_err(sorted)?;
        for key in keys {
            let mut rows = statement.query([key]).map_err(sorted)?;
            match rows.next().map_err(sorted)? {
                Some(row) => visit(event(row).map_err(sorted)?),
                None => visit(Err("it is gone".to_owned())),
            }
            .map_err(Stop::Callback)?;
        }
        Ok(())
    }

    /// See [`super::source::Source::body_keys`].
    pub(super) fn body_keys(
        &self,
        table: BodyTable,
    ) -> Result<Vec<(i64, Option<String>)>, ForeignError> {
        let (Some(_), name) = self.table(table) else {
            return Ok(Vec::new());
        };
        let sorted = |e| self.foreign.sorted(e);
        let sql = format!("SELECT rowid, project_uuid FROM {name} NOT INDEXED ORDER BY rowid");
        let mut statement = self.foreign.conn().prepare(&sql).map_err(sorted)?;
        let mut rows = statement.query([]).map_err(sorted)?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next().map_err(sorted)? {
            let project = row
                .get_ref(1)
                .ok()
                .and_then(|cell| tables::text(cell).ok().map(str::to_owned));
            keys.push((row.get(0).map_err(sorted)?, project));
        }
        Ok(keys)
    }

    /// See [`super::source::Source::body`].
    pub(super) fn body(
        &self,
        table: BodyTable,
        key: i64,
    ) -> Result<Result<BodyRow, String>, ForeignError> {
        let sorted = |e| self.foreign.sorted(e);
        let (Some(list), name) = self.table(table) else {
            return Ok(Err("it is gone".to_owned()));
        };
        let sql = format!("SELECT rowid, {list} FROM {name} WHERE rowid = ?1");
        let mut statement = self.foreign.conn().prepare_cached(&sql).map_err(sorted)?;
        let mut rows = statement.query([key]).map_err(sorted)?;
        match rows.next().map_err(sorted)? {
            Some(row) => body(row, table).map_err(sorted),
            None => Ok(Err("it is gone".to_owned())),
        }
    }

    fn table(&self, table: BodyTable) -> (Option<&str>, &'static str) {
        match table {
            BodyTable::Queue => (self.bodies.as_deref(), "body_upload_queue"),
            BodyTable::Failures => (self.failures.as_deref(), "body_upload_failure_log"),
        }
    }
}

fn require(columns: &[String], table: &str, names: &[&str]) -> Result<(), ForeignError> {
    match names
        .iter()
        .find(|name| !columns.iter().any(|column| column == *name))
    {
        None => Ok(()),
        Some(name) => Err(ForeignError::Sqlite(format!(
            "its table {table} has no column {name}: an unknown version"
        ))),
    }
}

/// Columns 1 to 6: id, type, envelope (NULL if it is too long), its length, time, failures.
fn event_list(columns: &[String], data: &str, time: &str) -> Result<String, ForeignError> {
    require(
        columns,
        if data == "data" {
            "queue"
        } else {
            "event_journal"
        },
        &["event_id", data],
    )?;
    let column = |name: &str| tables::expression(columns, name);
    let (kind, time, retries) = (column("event_type"), column(time), column("retry_count"));
    Ok(format!(
        "event_id, {kind}, CASE WHEN octet_length({data}) <= {LONGEST_CELL} THEN {data} END, octet_length({data}), \
         {time}, {retries}"
    ))
}

pub(super) fn event<'r>(row: &'r Row<'_>) -> rusqlite::Result<Looked<'r>> {
    let event_id = match tables::event_id(row.get_ref(1)?) {
        Ok(event_id) => event_id,
        Err(flaw) => return Ok(Err(flaw)),
    };
    let named = |flaw: String| format!("{}: {flaw}", text::printable(event_id));
    let data = match (row.get_ref(3)?, row.get_ref(4)?) {
        (ValueRef::Null, ValueRef::Integer(length)) => {
            Err(format!("its envelope has {length} bytes"))
        }
        (cell, _) => tables::bytes(cell).map_err(|flaw| format!("its envelope {flaw}")),
    };
    Ok(data.map_err(named).and_then(|data| {
        let (queued_at, retry_count) = (row.get_ref(5), row.get_ref(6));
        let (Ok(queued_at), Ok(retry_count)) = (queued_at, retry_count) else {
            return Err("it is cut short".to_owned());
        };
        let event_type = row
            .get_ref(2)
            .ok()
            .and_then(|cell| tables::text(cell).ok())
            .unwrap_or_default();
        Ok(EventRow {
            event_id,
            event_type,
            data,
            queued_at,
            retry_count,
        })
    }))
}

/// The rank of a row by its time, as SQLite orders values of different types.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float beyond the range saturates"
)]
fn place(time: ValueRef<'_>) -> i64 {
    match time {
        ValueRef::Null => i64::MIN,
        ValueRef::Integer(time) => time,
        ValueRef::Real(time) => time as i64,
        ValueRef::Text(_) => tables::text(time)
            .ok()
            .and_then(Timestamp::parse)
            .map_or(i64::MAX - 1, Timestamp::as_micros),
        ValueRef::Blob(_) => i64::MAX,
    }
}

/// The names that identify a document, in either spelling.
fn identity(columns: &[String], table: &str) -> Result<String, ForeignError> {
    let either = |new: &'static str, old: &'static str| {
        if columns.iter().any(|column| column == old) && !columns.iter().any(|column| column == new)
        {
            old
        } else {
            new
        }
    };
    let names = [
        "project_uuid",
        either("mission_slug", "feature_slug"),
        "target_branch",
        either("mission_type", "mission_key"),
        "manifest_version",
        "artifact_path",
        "content_hash",
    ];
    require(columns, table, &names)?;
    Ok(names.join(", "))
}

/// Columns 1 to 7 identify; then hash algorithm, text (NULL if too long), time.
fn body_list(columns: &[String]) -> Result<String, ForeignError> {
    let names = identity(columns, "body_upload_queue")?;
    require(columns, "body_upload_queue", &["content_body"])?;
    let column = |name: &str| tables::expression(columns, name);
    let rest = column("created_at");
    let algorithm = column("hash_algorithm");
    Ok(format!(
        "{names}, {algorithm}, CASE WHEN octet_length(content_body) <= {LONGEST_CELL} THEN content_body END, {rest}"
    ))
}

fn failure_list(columns: &[String]) -> Result<String, ForeignError> {
    let table = "body_upload_failure_log";
    let names = identity(columns, table)?;
    require(columns, table, &["failure_reason"])?;
    let column = |name: &str| tables::expression(columns, name);
    let rest = [
        "hash_algorithm",
        "size_bytes",
        "failure_reason",
        "failure_count",
        "first_failed_at",
        "last_failed_at",
    ];
    Ok(format!("{names}, {}", rest.map(column).join(", ")))
}

pub(super) fn body(row: &Row<'_>, table: BodyTable) -> rusqlite::Result<Result<BodyRow, String>> {
    let mut names: [String; 6] = Default::default();
    for (at, name) in names.iter_mut().enumerate() {
        match tables::text(row.get_ref(at + 1)?) {
            Ok(text) => text.clone_into(name),
            Err(flaw) => return Ok(Err(format!("one of its names {flaw}"))),
        }
    }
    let text_of = |at: usize, what: &str| {
        row.get_ref(at).map(|cell| {
            tables::text(cell)
                .map(str::to_owned)
                .map_err(|flaw| format!("its {what} {flaw}"))
        })
    };
    let content_hash = match text_of(7, "content_hash")? {
        Ok(text) => text,
        Err(flaw) => return Ok(Err(flaw)),
    };
    if let Ok(algorithm) = text_of(8, "hash_algorithm")?
        && algorithm != "sha256"
    {
        return Ok(Err(format!(
            "its hash_algorithm is {}",
            text::printable(&algorithm)
        )));
    }
    let rest = match table {
        BodyTable::Queue => match tables::bytes(row.get_ref(9)?) {
            Ok(content) => BodyRest::Queued {
                content: content.to_owned(),
                created_at: tables::micros(row.get_ref(10)?),
            },
            Err(flaw) => return Ok(Err(format!("its text {flaw}"))),
        },
        BodyTable::Failures => BodyRest::Failed {
            size_bytes: row
                .get_ref(9)?
                .as_i64()
                .ok()
                .and_then(|size| u64::try_from(size).ok())
                .unwrap_or(0),
            reason: match text_of(10, "failure_reason")? {
                Ok(reason) => reason,
                Err(flaw) => return Ok(Err(flaw)),
            },
            count: tables::count(row.get_ref(11)?).max(1),
            first_at: tables::micros(row.get_ref(12)?),
            last_at: tables::micros(row.get_ref(13)?),
        },
    };
    Ok(Ok(BodyRow {
        names,
        content_hash,
        rest,
    }))
}
