//! Returns free pages to the file system.

use super::{Error, Store};

/// Pages returned in one step: short enough for another writer to work in between.
const STEP_PAGES: i64 = 2000;

/// State after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reclaimed {
    /// Free pages are left.
    Some,
    /// No free pages are left.
    All,
}

impl Store {
    /// From now on overwrites deleted data with zeros, so that it cannot be found in the file.
    pub(crate) fn erase_securely(&mut self) -> Result<(), Error> {
        self.pragma("secure_delete = ON")
    }

    /// Rewrites the whole file: deleted data is in no page any more, not even next to a live row.
    /// Costs as much as the remaining data.
    pub(crate) fn rewrite(&mut self) -> Result<(), Error> {
        self.step_through("VACUUM")?;
        self.settle()
    }

    /// Moves the next free pages to the end of the file and cuts them off
    /// (`auto_vacuum=INCREMENTAL`). Each step is a separate transaction, so it can be interrupted
    /// after any.
    pub(crate) fn reclaim(&mut self) -> Result<Reclaimed, Error> {
        if self.free_pages()? == 0 {
            return Ok(Reclaimed::All);
        }
        self.pragma(&format!("incremental_vacuum({STEP_PAGES})"))?;
        Ok(if self.free_pages()? == 0 {
            Reclaimed::All
        } else {
            Reclaimed::Some
        })
    }

    /// Writes the WAL into the file and empties it, as far as readers allow: only then the file is
    /// shorter.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        self.pragma("wal_checkpoint(TRUNCATE)")
    }

    fn free_pages(&self) -> Result<i64, Error> {
        let pages = self
            .conn()
            .query_row("PRAGMA freelist_count", [], |r| r.get(0));
        pages.map_err(|e| Error::at(self.path(), e))
    }

    fn pragma(&mut self, words: &str) -> Result<(), Error> {
        self.step_through(&format!("PRAGMA {words}"))
    }

    /// Runs a statement to its end; some work row by row.
    fn step_through(&mut self, sql: &str) -> Result<(), Error> {
        let run = || {
            let mut statement = self.conn().prepare(sql)?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        };
        run().map_err(|e| Error::at(self.path(), e))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::Schema;

    const SCHEMA: Schema = Schema {
        application_id: 7,
        steps: &[&["CREATE TABLE a (x BLOB);"]],
    };

    #[test]
    fn removed_bytes_leave_the_file_step_by_step() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.db");
        let mut store = Store::open(&path, &SCHEMA, Duration::from_secs(5)).unwrap();
        store.erase_securely().unwrap();
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
                    INSERT INTO a SELECT CAST(replace(hex(zeroblob(1500)), '0', 'x') AS BLOB) FROM n";
        for sql in [fill, "DELETE FROM a WHERE rowid > 10"] {
            store
                .write(|tx| Ok::<_, Error>(tx.conn().execute(sql, []).map(drop)?))
                .unwrap();
        }
        store.settle().unwrap();
        let before = std::fs::metadata(&path).unwrap().len();
        assert_eq!(
            store.reclaim().unwrap(),
            Reclaimed::Some,
            "the first step leaves some"
        );
        while store.reclaim().unwrap() == Reclaimed::Some {}
        assert_eq!(store.reclaim().unwrap(), Reclaimed::All);
        store.settle().unwrap();
        let after = std::fs::metadata(&path).unwrap().len();
        assert!(before > 18_000_000 && after < 100_000, "{before} {after}");
        let rows: i64 = store
            .read(|tx| {
                Ok::<_, Error>(
                    tx.conn()
                        .query_row("SELECT COUNT(*) FROM a", [], |r| r.get(0))?,
                )
            })
            .unwrap();
        assert_eq!(rows, 10);
    }
}
