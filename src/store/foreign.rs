//! Another program's database, opened as untrusted input.
//!
//! The file is never opened in place: it is copied with its side files into a private directory,
//! and only the copy is given to SQLite. There a hot journal is rolled back and a `-wal` is folded
//! in, so that all committed data is read, even if the writer died or holds every lock. Then the
//! copy is opened read-only, checked, and read with limits on lengths and work; its schema is
//! untrusted.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::copy::{Bounds, PrivateCopy};
use super::stamp::beside;
use super::{ForeignError, Stamp, read};
use crate::base::Interrupt;

/// The longest value that is read, in bytes.
pub(crate) const LONGEST_CELL: usize = 64 << 20;
/// Virtual-machine instructions of SQLite between two checks of the limits.
const GLANCE: i32 = 10_000;
/// Limit of instructions for reading a file: a constant, and a share for each byte. Ten times what
/// a valid one needs.
const WORK: u64 = 50_000_000;
const WORK_OF_A_BYTE: u64 = 32;
/// Last bytes of a rollback journal that belongs to a transaction over several files.
const SUPER_JOURNAL: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
/// Findings of `quick_check` about single cells: the tables are readable, and each cell is checked
/// when it is read.
const CELL_FINDINGS: [&str; 4] = [
    "NULL value in ",
    "NUMERIC value in ",
    "TEXT value in ",
    "CHECK constraint ",
];

/// A readable private copy of another program's database. Its directory is deleted with it.
#[derive(Debug)]
pub(crate) struct Foreign {
    conn: Connection,
    copy: PrivateCopy,
    bounds: Bounds,
}

impl Foreign {
    /// Copies the database at `source` to a new directory in `scratch`, and opens the copy.
    pub(crate) fn open(
        source: &Path,
        scratch: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self, ForeignError> {
        let size = Stamp::of(source)
            .map_err(ForeignError::Unreadable)?
            .ok_or(ForeignError::Missing)?
            .size();
        Self::open_within(source, scratch, Bounds::for_size(size, interrupt))
    }

    fn open_within(source: &Path, scratch: &Path, bounds: Bounds) -> Result<Self, ForeignError> {
        let copy = PrivateCopy::of_database(source, scratch, &bounds)?;
        if copy.stamp().sides().next().is_some() {
            recover(copy.path(), copy.stamp(), &bounds)?;
        }
        let conn = open(copy.path(), copy.stamp(), &bounds, "mode=ro&immutable=1")?;
        refuse_cut_short(&conn, copy.path())?;
        let foreign = Self { conn, copy, bounds };
        foreign.check()?;
        Ok(foreign)
    }

    /// File state of the source when it was copied.
    pub(crate) const fn stamp(&self) -> &Stamp {
        self.copy.stamp()
    }

    /// Restarts the time limit for the next piece of reading.
    pub(crate) fn begin(&self) {
        self.bounds.restart();
    }

    /// The connection, for a reader's own SQL.
    pub(crate) const fn conn(&self) -> &Connection {
        &self.conn
    }

    /// The same error, or the stop or time limit that caused it, which SQLite reports like too much
    /// work.
    pub(crate) fn sorted(&self, error: rusqlite::Error) -> ForeignError {
        stopped(error.into(), &self.bounds)
    }

    fn check(&self) -> Result<(), ForeignError> {
        let mut statement = self
            .conn
            .prepare("PRAGMA quick_check(100)")
            .map_err(|e| self.sorted(e))?;
        let mut rows = statement.query([]).map_err(|e| self.sorted(e))?;
        while let Some(row) = rows.next().map_err(|e| self.sorted(e))? {
            let line: String = row.get(0).map_err(|e| self.sorted(e))?;
            let is_cell = CELL_FINDINGS.iter().any(|start| line.starts_with(start));
            if line != "ok" && !is_cell {
                let what = line
                    .lines()
                    .find(|line| !line.starts_with("***"))
                    .unwrap_or_default();
                return Err(ForeignError::Damaged(what.to_owned()));
            }
        }
        Ok(())
    }
}

/// SQLite reads the missing end of a last page as zeros.
fn refuse_cut_short(conn: &Connection, copy: &Path) -> Result<(), ForeignError> {
    let number = |sql: &str| conn.query_row(sql, [], |r| r.get::<_, i64>(0));
    let expected = number("PRAGMA page_count")?.saturating_mul(number("PRAGMA page_size")?);
    let found = std::fs::metadata(copy).map_err(ForeignError::NoCopy)?.len();
    if i64::try_from(found).is_ok_and(|found| found < expected) {
        return Err(ForeignError::Damaged(format!(
            "it is cut short: {found} of {expected} bytes"
        )));
    }
    Ok(())
}

fn stopped(error: ForeignError, bounds: &Bounds) -> ForeignError {
    match bounds.check() {
        Err(reached) if matches!(error, ForeignError::TooMuchWork) => reached,
        _ => error,
    }
}

/// Lets SQLite roll back a hot journal and fold in a `-wal`, in the copy.
fn recover(copy: &Path, stamp: &Stamp, bounds: &Bounds) -> Result<(), ForeignError> {
    let journal = beside(copy, "-journal");
    if names_a_super_journal(&journal).map_err(ForeignError::NoCopy)? {
        return Err(ForeignError::SuperJournal);
    }
    let sorted = |error: rusqlite::Error| stopped(error.into(), bounds);
    let conn = open(copy, stamp, bounds, "mode=rw")?;
    conn.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(sorted)?;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(sorted)?;
    conn.close().map_err(|(_, error)| sorted(error))
}

/// True if the journal names a file that SQLite would delete, at any path.
fn names_a_super_journal(journal: &Path) -> io::Result<bool> {
    let mut file = match File::open(journal) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut end = [0; 8];
    if file.metadata()?.len() < 8 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-8))?;
    file.read_exact(&mut end)?;
    Ok(end == SUPER_JOURNAL)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that opens a database of another program"
)]
fn open(
    copy: &Path,
    stamp: &Stamp,
    bounds: &Bounds,
    query: &str,
) -> Result<Connection, ForeignError> {
    let access = if query == "mode=rw" {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    let flags = access | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let path: PathBuf = read::uri(copy, query).into();
    let mut conn = Connection::open_with_flags(path, flags)?;
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
    ] {
        conn.set_db_config(setting, value)?;
    }
    for (limit, value) in [
        (
            Limit::SQLITE_LIMIT_LENGTH,
            i32::try_from(LONGEST_CELL + (1 << 20)).unwrap_or(i32::MAX),
        ),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_COLUMN, 200),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 50),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 3),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
    ] {
        conn.set_limit(limit, value)?;
    }
    let (stop, mut left) = (
        bounds.clone(),
        WORK.saturating_add(stamp.size().saturating_mul(WORK_OF_A_BYTE)),
    );
    let glance = u64::from(GLANCE.unsigned_abs());
    conn.progress_handler(
        GLANCE,
        Some(move || {
            left = left.saturating_sub(glance);
            left == 0 || stop.check().is_err()
        }),
    )?;
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.pragma_update(None, "mmap_size", 0)?;
    Ok(conn)
}

#[cfg(test)]
#[path = "foreign_tests.rs"]
mod tests;
