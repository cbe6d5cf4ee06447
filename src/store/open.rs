//! Opening a store for writing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::cache::Cache;
use super::{Error, MissingFeature, ReadTx, Schema, WriteTx};
use crate::base::files;

/// Prepared statements kept ready; more than any command uses.
const STATEMENTS: usize = 128;

/// Length of a WAL in bytes up to which its checkpoint may be deferred. Each process that opens the
/// store reads it: about 0.3 ms at this length.
const SHORT_WAL: u64 = 512 << 10;

/// A store file open for writing. Dropping it checkpoints the WAL, unless another process has the
/// file open.
#[derive(Debug)]
pub(crate) struct Store {
    conn: Connection,
    path: PathBuf,
    counters: Cache,
}

impl Store {
    /// Opens the store at `path`, creating it and its directory for the owner only, and migrates it
    /// to the newest version. Waits at most `patience` for another writer, here and in every
    /// transaction.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that opens a store for writing"
    )]
    pub(crate) fn open(path: &Path, schema: &Schema, patience: Duration) -> Result<Self, Error> {
        if let Some(dir) = path.parent() {
            files::create_private_dir(dir)?;
        }
        files::create_private_file(path)?;
        if !path.is_file() {
            let error = std::io::Error::other("not a regular file");
            return Err(files::named(&error, "cannot open the store", path).into());
        }
        make_private(path);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags).map_err(|e| Error::at(path, e))?;
        #[cfg(test)]
        super::trace::watch(&mut conn);
        // No wait on a file system without locks: to SQLite it looks like a lock held by another
        // process.
        conn.busy_timeout(Duration::ZERO)
            .map_err(|e| Error::at(path, e))?;
        if let Err(e) = conn.query_row("PRAGMA schema_version", [], |_| Ok(()))
            && let Some(missing) = MissingFeature::shown_by(&e, path)
        {
            return Err(Error::FileSystem {
                path: crate::base::text::path(path),
                missing,
            });
        }
        prepare(&conn, patience).map_err(|e| Error::at(path, e))?;
        schema.migrate(&mut conn, path)?;
        Ok(Self {
            conn,
            path: path.to_owned(),
            counters: Cache::default(),
        })
    }

    /// An empty store in memory, for the life of this handle.
    pub(crate) fn in_memory(schema: &Schema) -> Result<Self, Error> {
        let path = Path::new(":memory:");
        let mut conn = Connection::open_in_memory().map_err(|e| Error::at(path, e))?;
        #[cfg(test)]
        super::trace::watch(&mut conn);
        prepare(&conn, Duration::ZERO).map_err(|e| Error::at(path, e))?;
        schema.migrate(&mut conn, path)?;
        Ok(Self {
            conn,
            path: path.to_owned(),
            counters: Cache::default(),
        })
    }

    /// Defers the checkpoint of a short WAL to another process: for a writer that others wait for.
    pub(crate) fn leave_checkpoint(&self) -> Result<(), Error> {
        let wal = self.path.with_file_name(format!(
            "{}-wal",
            self.path
                .file_name()
                .map(|name| name.to_string_lossy())
                .unwrap_or_default()
        ));
        if std::fs::metadata(wal).map_or(0, |meta| meta.len()) > SHORT_WAL {
            return Ok(());
        }
        let leave = || {
            self.conn.pragma_update(None, "wal_autocheckpoint", 0)?;
            self.conn
                .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
                .map(drop)
        };
        leave().map_err(|e| Error::at(&self.path, e))
    }

    /// Runs `work` in one transaction that holds the write lock from its start; commits if it
    /// returns `Ok`, else rolls back.
    pub(crate) fn write<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let path = &self.path;
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| E::from(Error::at(path, e)))?;
        let tx = WriteTx::new(tx, &self.counters);
        let value = work(&tx)?;
        tx.commit().map_err(|e| E::from(e.placed(path)))?;
        Ok(value)
    }

    /// Runs `work` on one unchanging state of the file.
    pub(crate) fn read<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&ReadTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let tx = self
            .conn
            .unchecked_transaction()
            .map_err(|e| E::from(Error::at(&self.path, e)))?;
        work(&ReadTx::new(tx, &self.counters))
    }

    /// Keeps fewer pages in memory than a command does: for a process that stays.
    pub(crate) fn keep_pages(&self, kib: u16) -> Result<(), Error> {
        self.conn
            .pragma_update(None, "cache_size", -i32::from(kib))
            .map_err(|e| Error::at(&self.path, e))
    }

    pub(super) fn conn(&self) -> &Connection {
        &self.conn
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Takes a file back from others that a copy or an unpacked archive left open to them. Its
/// directory shuts them out anyway.
fn make_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let is_open = path
            .metadata()
            .is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0);
        if is_open
            && let Err(error) =
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        {
            log::debug!("cannot make {} private: {error}", path.display());
        }
    }
}

/// Connection settings of a writer. `auto_vacuum` must be set before the first table exists.
fn prepare(conn: &Connection, patience: Duration) -> rusqlite::Result<()> {
    conn.busy_timeout(patience)?;
    // A query plan that depends on bound values would be prepared again at every binding: one parse
    // for each execution of a join.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    let fresh: bool = conn
        .query_row("PRAGMA page_count", [], |r| r.get::<_, i64>(0))
        .map(|pages| pages == 0)?;
    if fresh {
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        // Without a sync of the directory, the rollback journal of the change to WAL could come back
        // next to the WAL after a power loss, and no reader could open the file.
        conn.pragma_update(None, "synchronous", "EXTRA")?;
    }
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "journal_size_limit", 4 << 20)?;
    conn.pragma_update(None, "cache_size", -4_096)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Schema = Schema {
        application_id: 7,
        steps: &[&["CREATE TABLE a (x INTEGER);"]],
    };
    const TWO: Schema = Schema {
        application_id: 7,
        steps: &[
            &["CREATE TABLE a (x INTEGER);"],
            &["ALTER TABLE a ADD COLUMN y;"],
        ],
    };
    const WAIT: Duration = Duration::from_secs(5);

    fn columns(store: &Store) -> i64 {
        store
            .conn
            .query_row("SELECT COUNT(*) FROM pragma_table_info('a')", [], |r| {
                r.get(0)
            })
            .unwrap()
    }

    #[test]
    fn steps_are_applied_once_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p/s.db");
        assert_eq!(columns(&Store::open(&path, &ONE, WAIT).unwrap()), 1);
        assert_eq!(columns(&Store::open(&path, &TWO, WAIT).unwrap()), 2);
        assert_eq!(columns(&Store::open(&path, &TWO, WAIT).unwrap()), 2);
    }

    #[test]
    fn a_newer_file_is_refused_and_unchanged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.db");
        drop(Store::open(&path, &TWO, WAIT).unwrap());
        let before = std::fs::read(&path).unwrap();
        let error = Store::open(&path, &ONE, WAIT).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Newer {
                    found: 2,
                    known: 1,
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn foreign_and_damaged_files_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.db");
        drop(Store::open(&path, &ONE, WAIT).unwrap());
        let other = Schema {
            application_id: 8,
            ..ONE
        };
        assert!(matches!(
            Store::open(&path, &other, WAIT),
            Err(Error::Foreign { found: 7, .. })
        ));
        std::fs::write(&path, "no database at all, but some text").unwrap();
        assert!(matches!(
            Store::open(&path, &ONE, WAIT),
            Err(Error::Damaged { .. })
        ));
    }

    #[test]
    fn what_is_no_file_is_no_store() {
        let dir = tempfile::tempdir().unwrap();
        let error = Store::open(dir.path(), &ONE, WAIT).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot open the store ") && error.ends_with("not a regular file"),
            "{error}"
        );
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&dir.path().join("s.db"), &ONE, WAIT).unwrap();
        let failed: Result<(), Error> = store.write(|tx| {
            tx.conn().execute("INSERT INTO a VALUES (1)", [])?;
            Err(Error::Io(std::io::Error::other("no")))
        });
        assert!(failed.is_err());
        let rows: i64 = store
            .conn
            .query_row("SELECT COUNT(*) FROM a", [], |r| r.get(0))
            .unwrap();
        assert_eq!(rows, 0);
    }

    #[test]
    fn a_locked_store_is_reported_after_the_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.db");
        let mut first = Store::open(&path, &ONE, WAIT).unwrap();
        let mut second = Store::open(&path, &ONE, Duration::from_millis(20)).unwrap();
        let outcome: Result<(), Error> = first.write(|_| {
            let error = second.write(|_| Ok::<(), Error>(())).unwrap_err();
            assert!(matches!(error, Error::Locked { .. }), "{error}");
            Ok(())
        });
        outcome.unwrap();
    }
}
