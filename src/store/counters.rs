//! Counters: rows changed in the same transaction as what they count, so that reading a count is
//! O(1).

use std::sync::Arc;

use super::cache::{Counter, Scope};
use super::{Error, ReadTx, WriteTx};

pub(super) const SCHEMA: &str = "
CREATE TABLE store_counters (
  scope TEXT NOT NULL,              -- the domain, or the domain and what within it
  name  TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (scope, name)
) WITHOUT ROWID;
";

/// Adds `by` (which may be negative) to a counter; a counter that does not exist yet counts as 0.
pub(crate) fn add(tx: &WriteTx<'_>, counter: Counter<'_>, by: i64) -> Result<(), Error> {
    if by != 0 {
        tx.prepare(
            "INSERT INTO store_counters (scope, name, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (scope, name) DO UPDATE SET value = value + excluded.value",
        )?
        .execute((counter.scope, counter.name, by))?;
        tx.counters()
            .changed(counter, |value| *value = value.saturating_add(by));
    }
    Ok(())
}

/// Sets a counter: for a recount, never for normal work.
pub(crate) fn set(tx: &WriteTx<'_>, counter: Counter<'_>, to: i64) -> Result<(), Error> {
    tx.prepare("INSERT OR REPLACE INTO store_counters (scope, name, value) VALUES (?1, ?2, ?3)")?
        .execute((counter.scope, counter.name, to))?;
    tx.counters().changed(counter, |value| *value = to);
    Ok(())
}

/// The value of one counter; 0 if it does not exist.
pub(crate) fn get(tx: &ReadTx<'_>, counter: Counter<'_>) -> Result<i64, Error> {
    Ok(all(tx, counter.scope)?
        .get(counter.name)
        .copied()
        .unwrap_or(0))
}

/// Every counter of a scope. Read from the file once per handle and per commit of another process.
pub(crate) fn all(tx: &ReadTx<'_>, scope: &str) -> Result<Arc<Scope>, Error> {
    tx.counters().scope(tx.conn(), scope, || {
        let mut statement =
            tx.prepare("SELECT name, value FROM store_counters WHERE scope = ?1")?;
        let rows = statement.query_map([scope], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::store::{ReadStore, Schema, Store, traced};

    const SCHEMA: Schema = Schema {
        application_id: 7,
        steps: &[&[""]],
    };
    const A: Counter<'_> = Counter {
        scope: "s",
        name: "a",
    };
    const B: Counter<'_> = Counter {
        scope: "s",
        name: "b",
    };
    const FAR: Counter<'_> = Counter {
        scope: "far",
        name: "a",
    };

    fn open(dir: &Path) -> Store {
        Store::open(&dir.join("s.db"), &SCHEMA, Duration::from_secs(5)).unwrap()
    }

    fn bump(store: &mut Store, counter: Counter<'_>, by: i64) {
        store.write(|tx| add(tx, counter, by)).unwrap();
    }

    fn value(store: &Store, counter: Counter<'_>) -> i64 {
        store.read(|tx| get(tx, counter)).unwrap()
    }

    /// The values read by a new handle.
    fn cold(dir: &Path) -> [i64; 3] {
        let store = ReadStore::at(&dir.join("s.db"), &SCHEMA).unwrap().unwrap();
        [A, B, FAR].map(|counter| store.read(|tx| get(tx, counter)).unwrap())
    }

    /// Number of statements that read counters from the file while `work` runs.
    fn loads(work: impl FnOnce()) -> usize {
        traced(work)
            .1
            .iter()
            .filter(|sql| sql.starts_with("SELECT name, value FROM store_counters"))
            .count()
    }

    #[test]
    fn a_handle_reads_a_scope_once_and_follows_its_own_commits() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        bump(&mut store, A, 2);
        let read = loads(|| {
            assert_eq!((value(&store, A), value(&store, B)), (2, 0));
            bump(&mut store, B, 3);
            store.write(|tx| set(tx, A, 7)).unwrap();
            assert_eq!((value(&store, A), value(&store, B)), (7, 3));
        });
        assert_eq!(read, 1);
        assert_eq!(
            loads(|| assert_eq!(value(&store, FAR), 0)),
            1,
            "another scope"
        );
        assert_eq!(cold(dir.path()), [7, 3, 0]);
    }

    #[test]
    fn a_transaction_sees_what_it_changed_itself() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        let seen = store.write(|tx| {
            add(tx, A, 1)?;
            let first = get(tx, A)?;
            add(tx, A, 1)?;
            Ok::<_, Error>((first, get(tx, A)?))
        });
        assert_eq!(seen.unwrap(), (1, 2));
    }

    #[test]
    fn what_another_handle_commits_is_read_anew_and_only_then() {
        let dir = tempfile::tempdir().unwrap();
        let (mut one, mut two) = (open(dir.path()), open(dir.path()));
        bump(&mut one, A, 1);
        assert_eq!((value(&one, A), value(&two, A)), (1, 1));
        bump(&mut two, A, 10);
        // This handle changes its copy before it ever compares versions.
        bump(&mut one, B, 5);
        let read = loads(|| assert_eq!((value(&one, A), value(&one, B)), (11, 5)));
        assert_eq!(read, 1);
        assert_eq!(
            loads(|| assert_eq!((value(&one, A), value(&one, B)), (11, 5))),
            0
        );
        assert_eq!((value(&two, A), value(&two, B)), (11, 5));
        assert_eq!(cold(dir.path()), [11, 5, 0]);
    }

    #[test]
    fn what_did_not_commit_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        bump(&mut store, A, 1);
        assert_eq!(value(&store, A), 1);
        let failed: Result<(), Error> = store.write(|tx| {
            add(tx, A, 5)?;
            assert_eq!(get(tx, A)?, 6);
            Err(Error::Io(std::io::Error::other("no")))
        });
        assert!(failed.is_err());
        assert_eq!(value(&store, A), 1);
        let mut fresh = open(dir.path());
        let failed: Result<(), Error> = fresh.write(|tx| {
            add(tx, A, 5)?;
            assert_eq!(get(tx, A)?, 6, "read first after it was changed");
            Err(Error::Io(std::io::Error::other("no")))
        });
        assert!(failed.is_err());
        assert_eq!(value(&fresh, A), 1);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            store.write(|tx| {
                add(tx, A, 5)?;
                assert_eq!(get(tx, A)?, 0, "the process goes here");
                Ok::<_, Error>(())
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(value(&store, A), 1);
        bump(&mut store, A, 1);
        assert_eq!((value(&store, A), cold(dir.path())), (2, [2, 0, 0]));
    }
}
