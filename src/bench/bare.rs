//! SQLite alone: the cost of adding the same rows to the same tables, and the cost of the old way
//! of adding them.
//!
//! The tables are those of a project's store, created by the same schema. Nothing is parsed, looked
//! up, chained or counted; all values of a row are computed before.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::error::Error;
use crate::base::Sha256;
use crate::event::{Coalesce, inspect};

/// One row to write.
#[derive(Debug)]
pub(super) struct Row {
    event_id: String,
    event_type: String,
    occurred_at: Option<String>,
    envelope: Vec<u8>,
    digest: Sha256,
    wire: i64,
    coalesce: Option<Coalesce>,
    /// How many rows earlier the superseded row is; `None` if none is superseded.
    supersedes: Option<i64>,
}

/// The rows for the events in `lines`.
pub(super) fn rows(lines: &[u8]) -> Result<Vec<Row>, Error> {
    let mut newest = HashMap::new();
    let row = |(at, line): (usize, &[u8])| {
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        let seen = inspect(line).map_err(|e| Error::Work(e.to_string()))?;
        Ok(Row {
            event_id: seen.event_id,
            event_type: seen.event_type,
            occurred_at: seen.occurred_at,
            envelope: line.to_vec(),
            digest: Sha256::of(line),
            wire: seen.wire.code(),
            supersedes: seen
                .coalesce
                .and_then(|c| newest.insert(c.key, at))
                .map(|older| at - older),
            coalesce: seen.coalesce,
        })
    };
    lines
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .enumerate()
        .map(row)
        .collect()
}

/// Adds `rows`, `batch` per transaction, over one connection and its prepared statements.
pub(super) fn insert(store: &Path, rows: &[Row], batch: usize) -> Result<Duration, Error> {
    let clock = Instant::now();
    let conn = open(store)?;
    let mut seq: i64 = conn.query_row(
        "SELECT COALESCE(MAX(seq), 0) FROM journal_events",
        [],
        |r| r.get(0),
    )?;
    {
        let mut begin = conn.prepare("BEGIN IMMEDIATE")?;
        let mut commit = conn.prepare("COMMIT")?;
        let mut event = conn.prepare(
            "INSERT INTO journal_events (seq, event_id, event_type, occurred_at, captured_at, origin, coalesce_key,
               facts_hash, payload_sha256, size, chain, wire) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?;
        let mut payload =
            conn.prepare("INSERT INTO journal_payloads (seq, envelope) VALUES (?1, ?2)")?;
        let mut key = conn.prepare(
            "INSERT OR REPLACE INTO journal_keys (coalesce_key, seq, facts_hash, size) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let mut supersede =
            conn.prepare("UPDATE journal_events SET superseded_by = ?2 WHERE seq = ?1")?;
        for batch in rows.chunks(batch.max(1)) {
            begin.execute([])?;
            for row in batch {
                seq += 1;
                let digest = &row.digest.as_bytes()[..];
                let size = i64::try_from(row.envelope.len()).unwrap_or(i64::MAX);
                let (about, facts) = (
                    row.coalesce.map(|c| c.key),
                    row.coalesce.map(|c| *c.facts.as_bytes()),
                );
                event.execute(params![
                    seq,
                    row.event_id,
                    row.event_type,
                    row.occurred_at,
                    1_770_890_400_000_000_i64,
                    "capture",
                    about,
                    facts,
                    digest,
                    size,
                    digest,
                    row.wire
                ])?;
                payload.execute(params![seq, row.envelope])?;
                if row.coalesce.is_some() {
                    key.execute(params![about, seq, facts, size])?;
                }
                if let Some(back) = row.supersedes {
                    supersede.execute([seq - back, seq])?;
                }
            }
            commit.execute([])?;
        }
    }
    conn.close().map_err(|(_, error)| error)?;
    Ok(clock.elapsed())
}

/// A connection with the same durability, cache and checkpoints as a store.
#[expect(
    clippy::disallowed_methods,
    reason = "the limit is SQLite with nothing around it"
)]
fn open(store: &Path) -> Result<Connection, Error> {
    let conn = Connection::open(store)?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "journal_size_limit", 4 << 20)?;
    conn.pragma_update(None, "cache_size", -16_384)?;
    Ok(conn)
}

/// The table of the older queues, in their journal mode.
const OLD_QUEUE: &str = "
    CREATE TABLE queue (id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT UNIQUE NOT NULL, event_type TEXT NOT NULL,
      data TEXT NOT NULL, timestamp INTEGER NOT NULL, retry_count INTEGER DEFAULT 0, coalesce_key TEXT);
    CREATE INDEX idx_timestamp ON queue (timestamp);
    CREATE INDEX idx_retry ON queue (retry_count);
    CREATE INDEX idx_coalesce_key ON queue (coalesce_key);";

/// Creates an old queue at `path` that contains `rows`.
pub(super) fn old_queue(path: &Path, rows: &[Row]) -> Result<(), Error> {
    let mut conn = open_old(path)?;
    conn.execute_batch(OLD_QUEUE)?;
    let tx = conn.transaction()?;
    for row in rows {
        insert_old(&tx, row)?;
    }
    Ok(tx.commit()?)
}

/// Adds `rows` the old way: open, count, insert, commit and close for each.
pub(super) fn insert_old_way(queue: &Path, rows: &[Row]) -> Result<Duration, Error> {
    let clock = Instant::now();
    for row in rows {
        let mut conn = open_old(queue)?;
        let tx = conn.transaction()?;
        let _size: i64 = tx.query_row("SELECT COUNT(*) FROM queue", [], |r| r.get(0))?;
        insert_old(&tx, row)?;
        tx.commit()?;
        conn.close().map_err(|(_, error)| error)?;
    }
    Ok(clock.elapsed())
}

fn insert_old(conn: &Connection, row: &Row) -> Result<(), Error> {
    let data = String::from_utf8_lossy(&row.envelope);
    conn.prepare_cached(
        "INSERT INTO queue (event_id, event_type, data, timestamp) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![row.event_id, row.event_type, data, 1_770_890_400])?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the old way is SQLite with nothing around it"
)]
fn open_old(path: &Path) -> Result<Connection, Error> {
    Ok(Connection::open(path)?)
}

#[cfg(test)]
mod tests {
    use super::super::corpus::{Kind, lines};
    use super::*;
    use crate::books;

    type Content = (
        i64,
        String,
        String,
        Vec<u8>,
        Option<i64>,
        Option<Vec<u8>>,
        Vec<u8>,
    );

    /// The content of the tables of a store, without what only our own path computes.
    fn content(store: &Path) -> Vec<Content> {
        let conn = open(store).unwrap();
        let mut statement = conn
            .prepare(
                "SELECT e.seq, e.event_id, e.event_type, e.payload_sha256, e.superseded_by, k.facts_hash,
                   p.envelope FROM journal_events e
                 JOIN journal_payloads p USING (seq) LEFT JOIN journal_keys k USING (coalesce_key) ORDER BY e.seq",
            )
            .unwrap();
        let row = |r: &rusqlite::Row<'_>| {
            Ok((
                r.get(0)?,
                r.get(1)?,
                r.get(2)?,
                r.get(3)?,
                r.get(4)?,
                r.get(5)?,
                r.get(6)?,
            ))
        };
        statement
            .query_map([], row)
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn the_limit_writes_the_rows_that_a_capture_writes() {
        let temp = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let ground = super::super::Ground::within(temp.path()).unwrap();
        let stage = super::super::Stage::of_process(std::path::PathBuf::new());
        for (name, kind) in [("plain", Kind::Plain), ("keyed", Kind::Keyed(7))] {
            let site = super::super::site::Site::new(&stage, &ground, name).unwrap();
            let bytes = lines(kind, 0, 50);
            site.capture(Box::new(std::io::Cursor::new(bytes.clone())), 50, 20)
                .unwrap();
            // A file in the directory marks a created store, so each store has a separate
            // directory.
            let bare = temp.path().join(name).join("store.db");
            std::fs::create_dir(bare.parent().unwrap()).unwrap();
            drop(books::open(&bare).unwrap());
            insert(&bare, &rows(&bytes).unwrap(), 20).unwrap();
            assert_eq!(content(&bare), content(&site.store()), "{name}");
        }
    }

    #[test]
    fn the_old_way_keeps_every_row() {
        let temp = tempfile::tempdir().unwrap();
        let queue = temp.path().join("queue.db");
        let rows = rows(&lines(Kind::Plain, 0, 9)).unwrap();
        old_queue(&queue, &rows[..4]).unwrap();
        insert_old_way(&queue, &rows[4..]).unwrap();
        let count: i64 = open_old(&queue)
            .unwrap()
            .query_row("SELECT COUNT(*) FROM queue", [], |r| r.get(0))
            .unwrap();
        assert_eq!(count, 9);
    }
}
