//! Opens a store for reading without leaving a trace.
//!
//! SQLite's ordinary read-only mode may create a `-shm` file next to a WAL database. So a file
//! without WAL content is opened as immutable and checked afterwards: if a WAL appeared or the file
//! changed meanwhile, the read is repeated. A file with WAL content is read with its existing side
//! files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::cache::Cache;
use super::stamp::beside;
use super::{Error, ReadTx, Schema};
use crate::base::files;

/// How often a read is repeated because of a concurrent writer.
const TRIES: usize = 20;

/// A store file opened read-only: no file is created or removed, no byte changes, and no writer is
/// delayed.
#[derive(Debug)]
pub(crate) struct ReadStore {
    path: PathBuf,
    schema: Schema,
}

impl ReadStore {
    /// The store at `path`; `None` if it does not exist. An existing but unreadable file is an
    /// error: a reader must not take it for an empty store.
    pub(crate) fn at(path: &Path, schema: &Schema) -> Result<Option<Self>, Error> {
        let failed = |e: &std::io::Error| Error::Io(files::named(e, "cannot read the store", path));
        match std::fs::metadata(path) {
            Ok(meta) if !meta.is_file() => {
                Err(failed(&std::io::Error::other("not a regular file")))
            }
            Ok(meta) => Ok((meta.len() > 0).then(|| Self {
                path: path.to_owned(),
                schema: *schema,
            })),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(&e)),
        }
    }

    /// Runs `work` on one unchanging state of the file. It may run several times, so it must only
    /// read.
    pub(crate) fn read<T, E: From<Error>>(
        &self,
        work: impl Fn(&ReadTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut last = None;
        for _ in 0..TRIES {
            let before = Look::at(&self.path);
            let outcome = self.read_once(&before, &work);
            // A read with a WAL is one snapshot in any case; it fails if the last writer removes
            // the WAL.
            if (before.has_wal && outcome.is_ok()) || Look::at(&self.path) == before {
                return outcome;
            }
            last = Some(outcome);
        }
        last.unwrap_or_else(|| {
            Err(E::from(Error::Locked {
                path: crate::base::text::path(&self.path),
            }))
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that opens a store for reading"
    )]
    fn read_once<T, E: From<Error>>(
        &self,
        look: &Look,
        work: &impl Fn(&ReadTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let place = |e| E::from(Error::at(&self.path, e));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let uri = uri(
            &self.path,
            if look.has_wal {
                "mode=ro"
            } else {
                "mode=ro&immutable=1"
            },
        );
        #[cfg_attr(not(test), expect(unused_mut, reason = "tests listen to it"))]
        let mut conn = Connection::open_with_flags(uri, flags).map_err(place)?;
        #[cfg(test)]
        super::trace::watch(&mut conn);
        conn.busy_timeout(Duration::from_secs(5)).map_err(place)?;
        conn.pragma_update(None, "trusted_schema", false)
            .map_err(place)?;
        if self.schema.check(&conn, &self.path)? == 0 {
            return self.read_unfilled(work);
        }
        let tx = conn.unchecked_transaction().map_err(place)?;
        work(&ReadTx::new(tx, &Cache::default()))
    }

    /// Runs `work` on an empty store. The file exists without tables: its first writer is just
    /// creating it, or was killed meanwhile.
    fn read_unfilled<T, E: From<Error>>(
        &self,
        work: &impl Fn(&ReadTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let place = |e| E::from(Error::at(&self.path, e));
        let mut empty = Connection::open_in_memory().map_err(place)?;
        self.schema.migrate(&mut empty, &self.path)?;
        let tx = empty.unchecked_transaction().map_err(place)?;
        work(&ReadTx::new(tx, &Cache::default()))
    }
}

/// File state of a store, to detect a concurrent writer.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    has_wal: bool,
    size: u64,
    modified: Option<std::time::SystemTime>,
}

impl Look {
    fn at(path: &Path) -> Self {
        let meta = std::fs::metadata(path).ok();
        Self {
            has_wal: std::fs::metadata(beside(path, "-wal")).is_ok_and(|m| m.len() > 0),
            size: meta.as_ref().map_or(0, std::fs::Metadata::len),
            modified: meta.and_then(|m| m.modified().ok()),
        }
    }
}

/// SQLite's `file:` form of a path, with special bytes escaped.
pub(super) fn uri(path: &Path, query: &str) -> OsString {
    let mut out = OsString::from("file:");
    let text = path.to_string_lossy();
    let escaped = text
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    // A path that is not UTF-8 cannot be escaped as text; it is passed unchanged.
    if matches!(text, std::borrow::Cow::Borrowed(_)) {
        out.push(escaped);
    } else {
        out.push(path);
    }
    out.push("?");
    out.push(query);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = Schema {
        application_id: 7,
        steps: &[&["CREATE TABLE a (x INTEGER);"]],
    };

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test stops where a first writer may be killed"
    )]
    fn nothing_there_and_nothing_readable_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.db");
        assert!(ReadStore::at(&path, &SCHEMA).unwrap().is_none());
        assert!(
            ReadStore::at(&dir.path().join("absent/s.db"), &SCHEMA)
                .unwrap()
                .is_none()
        );
        std::fs::write(&path, "").unwrap();
        assert!(
            ReadStore::at(&path, &SCHEMA).unwrap().is_none(),
            "made, and never filled"
        );
        let conn = Connection::open(&path).unwrap();
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
            .unwrap();
        assert!(
            std::fs::metadata(&path).unwrap().len() > 0,
            "the header alone, as a first writer leaves it"
        );
        let rows = |store: &ReadStore| {
            store.read::<i64, Error>(|tx| {
                Ok(tx
                    .conn()
                    .query_row("SELECT COUNT(*) FROM a", [], |r| r.get(0))?)
            })
        };
        let store = ReadStore::at(&path, &SCHEMA).unwrap().unwrap();
        assert_eq!(
            rows(&store).unwrap(),
            0,
            "made by a writer that has not come to its schema"
        );
        drop(conn);
        assert_eq!(rows(&store).unwrap(), 0);
        for odd in [dir.path().to_owned(), path.join("below-a-file")] {
            let error = ReadStore::at(&odd, &SCHEMA).unwrap_err().to_string();
            assert!(error.starts_with("cannot read the store "), "{error}");
        }
    }
}
