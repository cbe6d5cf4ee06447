//! Versioned schema: an ordered list of steps, of which `user_version` counts the applied ones in
//! its lower half.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::Error;

/// The bits of `user_version` that count the applied steps.
const COUNT: i64 = 0xffff;

/// A kind of store file. Step `n` (counted from 1) takes a file from version `n - 1` to `n`; a step
/// is a list of SQL scripts, one for each domain that has tables in the file. Steps are only ever
/// appended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema {
    /// SQLite's `application_id` of this kind of file.
    pub(crate) application_id: i32,
    /// The migration steps, oldest first.
    pub(crate) steps: &'static [&'static [&'static str]],
}

impl Schema {
    /// The version of a file with every step applied.
    pub(crate) fn version(&self) -> i64 {
        i64::try_from(self.steps.len()).unwrap_or(i64::MAX)
    }

    /// Checks the header of the file at `path`: empty files are version 0; files of other programs
    /// and newer ones are rejected.
    pub(super) fn check(&self, conn: &Connection, path: &Path) -> Result<i64, Error> {
        let place = |e| Error::at(path, e);
        // One snapshot for the three reads: a first writer may commit its schema between two of
        // them.
        let _snapshot = if conn.is_autocommit() {
            Some(conn.unchecked_transaction().map_err(place)?)
        } else {
            None
        };
        let id: i64 = conn
            .query_row("PRAGMA application_id", [], |r| r.get(0))
            .map_err(place)?;
        let version: i64 = conn
            .query_row("PRAGMA user_version", [], |r| r.get(0))
            .map_err(place)?;
        let is_empty = || {
            conn.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |r| {
                r.get::<_, bool>(0)
            })
            .map_err(place)
        };
        let name = || crate::base::text::path(path);
        if id != i64::from(self.application_id) && !(id == 0 && version == 0 && is_empty()?) {
            return Err(Error::Foreign {
                path: name(),
                found: id,
            });
        }
        let (stamp, version) = (version, version & COUNT);
        if version > self.version() {
            return Err(Error::Newer {
                path: name(),
                found: version,
                known: self.version(),
            });
        }
        if version == self.version() && stamp != self.stamp() {
            return Err(Error::OtherBuild { path: name() });
        }
        Ok(version)
    }

    /// The `user_version` of a file with every step applied: their number, and above it bits of the
    /// digest (FNV-1a) of their text, so that a build with different steps is detected.
    fn stamp(&self) -> i64 {
        let bytes = self
            .steps
            .iter()
            .flat_map(|step| step.iter())
            .flat_map(|script| script.bytes());
        let digest = bytes.fold(0x811c_9dc5_u32, |digest, byte| {
            (digest ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        (i64::from(digest >> 17) << 16) | self.version()
    }

    /// Applies the missing steps, all in one transaction, so that a file is never between versions.
    pub(super) fn migrate(&self, conn: &mut Connection, path: &Path) -> Result<(), Error> {
        if self.check(conn, path)? == self.version() {
            return Ok(());
        }
        let tx = conn
            .transaction_with_behavior(TransactionBehavior::Exclusive)
            .map_err(|e| Error::at(path, e))?;
        // Another process may have migrated while this one waited for the lock.
        let from = self.check(&tx, path)?;
        let missing = self
            .steps
            .iter()
            .skip(usize::try_from(from).unwrap_or(usize::MAX));
        let script: String = missing
            .flat_map(|step| step.iter().copied())
            .collect::<Vec<_>>()
            .join("\n");
        let first = if from == 0 {
            super::counters::SCHEMA
        } else {
            ""
        };
        tx.execute_batch(&format!(
            "{first}\n{script}\nPRAGMA application_id = {}; PRAGMA user_version = {};",
            self.application_id,
            self.stamp()
        ))
        .and_then(|()| tx.commit())
        .map_err(|e| Error::at(path, e))
    }
}
