//! Reading rows.

use rusqlite::Row;

use super::{Error, Kind, Record};
use crate::base::{Sha256, Timestamp};
use crate::store::ReadTx;

const COLUMNS: &str =
    "e.seq, e.event_id, e.event_type, e.occurred_at, e.captured_at, e.origin, e.payload_sha256, e.size,
  e.chain, e.held, e.superseded_by, e.follows, e.discarded, e.gone, e.left_at, e.archived_at";

/// Filter for rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Only this event type.
    pub(crate) event_type: Option<String>,
    /// Only rows after this one.
    pub(crate) after: i64,
}

/// A row as listed, with its payload if that was requested and is still stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The row.
    pub(crate) record: Record,
    /// The envelope bytes; `None` if not requested or deleted.
    pub(crate) envelope: Option<Vec<u8>>,
}

/// Calls `visit` for each row in journal order, one at a time, until it returns false: memory does
/// not grow with the journal.
pub(crate) fn list<E: From<Error>>(
    tx: &ReadTx<'_>,
    filter: &Filter,
    with_envelope: bool,
    visit: &mut dyn FnMut(Listed) -> Result<bool, E>,
) -> Result<(), E> {
    let sql = format!(
        "SELECT {COLUMNS}, p.envelope
         FROM journal_events AS e LEFT JOIN journal_payloads AS p ON ?3 AND p.seq = e.seq
         WHERE e.seq > ?2 AND e.kind = 0 AND (?1 IS NULL OR e.event_type = ?1) ORDER BY e.seq"
    );
    let mut statement = tx.prepare(&sql).map_err(Error::from)?;
    let mut rows = statement
        .query((&filter.event_type, filter.after, with_envelope))
        .map_err(Error::from)?;
    while let Some(row) = rows.next().map_err(Error::from)? {
        let record = record(row)?;
        let envelope = row.get("envelope").map_err(Error::from)?;
        if !visit(Listed { record, envelope })? {
            break;
        }
    }
    Ok(())
}

/// Rows of both kinds between `after` and `before` (both excluded), the newest first, at most
/// `limit`, with their payloads.
pub(crate) fn newest_first(
    tx: &ReadTx<'_>,
    (after, before): (i64, i64),
    limit: usize,
) -> Result<Vec<(Kind, Listed)>, Error> {
    let sql = format!(
        "SELECT {COLUMNS}, p.envelope, e.kind
         FROM journal_events AS e LEFT JOIN journal_payloads AS p ON p.seq = e.seq
         WHERE e.seq > ?1 AND e.seq < ?2 ORDER BY e.seq DESC LIMIT ?3"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query((after, before, i64::try_from(limit).unwrap_or(i64::MAX)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let listed = Listed {
            record: record(row)?,
            envelope: row.get("envelope")?,
        };
        found.push((Kind::from_code(row.get("kind")?), listed));
    }
    Ok(found)
}

/// The IDs of events that begin with `prefix` in any case, at most two.
pub(crate) fn ids_beginning(tx: &ReadTx<'_>, prefix: &str) -> Result<Vec<String>, Error> {
    // The index on event IDs ignores case, and no ID sorts after one that continues with the last
    // character.
    let sql = "SELECT event_id FROM journal_events
               WHERE event_id >= ?1 AND event_id < ?1 || char(1114111) AND kind = 0 AND discarded IS NOT 'replaced' LIMIT 2";
    let mut statement = tx.prepare(sql)?;
    let found = statement
        .query_map([prefix], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

/// The row of an event id, with its payload; `None` if no event has the id.
pub(crate) fn show(tx: &ReadTx<'_>, event_id: &str) -> Result<Option<Listed>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM journal_events AS e WHERE e.event_id = ?1 AND e.discarded IS NOT 'replaced'"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query([event_id])?;
    match rows.next()? {
        Some(row) => {
            let record = record(row)?;
            let envelope = payload(tx, record.seq)?;
            Ok(Some(Listed { record, envelope }))
        }
        None => Ok(None),
    }
}

/// A row of either kind, with its payload; `None` if it does not exist.
pub(crate) fn show_row(tx: &ReadTx<'_>, seq: i64) -> Result<Option<Listed>, Error> {
    let mut statement = tx.prepare(&format!(
        "SELECT {COLUMNS} FROM journal_events AS e WHERE e.seq = ?1"
    ))?;
    let mut rows = statement.query([seq])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Listed {
        record: record(row)?,
        envelope: payload(tx, seq)?,
    }))
}

/// The live event with this id; `None` if there is none.
pub(crate) fn live_event(tx: &ReadTx<'_>, event_id: &str) -> Result<Option<i64>, Error> {
    let sql =
        "SELECT seq FROM journal_events WHERE event_id = ?1 AND kind = 0 AND superseded_by IS NULL
               AND discarded IS NULL AND gone IS NULL";
    Ok(tx.first(sql, [event_id], |r| r.get(0))?)
}

/// The id of the event in a row; `None` if the row does not exist.
pub(crate) fn id_of(tx: &ReadTx<'_>, seq: i64) -> Result<Option<String>, Error> {
    let sql = "SELECT event_id FROM journal_events WHERE seq = ?1";
    Ok(tx.first(sql, [seq], |r| r.get(0))?)
}

/// True when an event has this id.
pub(crate) fn is_known(tx: &ReadTx<'_>, event_id: &str) -> Result<bool, Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM journal_events WHERE event_id = ?1 AND discarded IS NOT 'replaced')";
    Ok(tx.one(sql, [event_id], |r| r.get(0))?)
}

/// Why a row is on hold; `None` if it is not.
pub(crate) fn held(tx: &ReadTx<'_>, seq: i64) -> Result<Option<String>, Error> {
    let sql = "SELECT held FROM journal_events WHERE seq = ?1";
    Ok(tx.first(sql, [seq], |r| r.get(0))?.flatten())
}

/// True when an imported event is the live copy of a mission log line; see
/// [`LogEvent::copy_key`](crate::event::LogEvent::copy_key).
pub(crate) fn is_copied(tx: &ReadTx<'_>, line: &[u8; 16]) -> Result<bool, Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM journal_copies WHERE line = ?1)";
    Ok(tx.one(sql, [&line[..]], |r| r.get(0))?)
}

/// The envelope bytes of a row; `None` if deleted.
pub(crate) fn payload(tx: &ReadTx<'_>, seq: i64) -> Result<Option<Vec<u8>>, Error> {
    Ok(tx.first(
        "SELECT envelope FROM journal_payloads WHERE seq = ?1",
        [seq],
        |r| r.get(0),
    )?)
}

fn record(row: &Row<'_>) -> Result<Record, Error> {
    let seq = row.get(0)?;
    let digest = |index: usize| -> Result<Sha256, Error> {
        let blob = row.get_ref(index)?.as_blob().ok();
        blob.and_then(Sha256::from_slice).ok_or(Error::Damaged {
            seq,
            what: "a digest does not have 32 bytes",
        })
    };
    Ok(Record {
        seq,
        event_id: row.get(1)?,
        event_type: row.get(2)?,
        occurred_at: row.get(3)?,
        captured_at: row.get(4)?,
        origin: row.get(5)?,
        payload_sha256: digest(6)?,
        size: row.get(7)?,
        chain: digest(8)?,
        held: row.get(9)?,
        superseded_by: row.get(10)?,
        follows: row.get(11)?,
        discarded: row.get(12)?,
        gone: row.get(13)?,
        left_at: row.get(14)?,
        archived_at: row.get(15)?,
    })
}

/// A live row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Live {
    /// Its row.
    pub(crate) seq: i64,
    /// It is on hold.
    pub(crate) is_held: bool,
    /// Its kind.
    pub(crate) kind: Kind,
}

/// The oldest live rows above `after`. O(payloads).
pub(crate) fn live_after(tx: &ReadTx<'_>, after: i64, limit: i64) -> Result<Vec<Live>, Error> {
    // CROSS JOIN makes SQLite start with the payloads: there may be few of them and many rows.
    let mut statement = tx.prepare(
        "SELECT p.seq, e.held IS NOT NULL, e.kind
         FROM journal_payloads AS p CROSS JOIN journal_events AS e ON e.seq = p.seq
         WHERE p.seq > ?1 AND e.superseded_by IS NULL AND e.discarded IS NULL ORDER BY p.seq LIMIT ?2",
    )?;
    let live = |r: &Row<'_>| {
        Ok(Live {
            seq: r.get(0)?,
            is_held: r.get(1)?,
            kind: Kind::from_code(r.get(2)?),
        })
    };
    Ok(statement
        .query_map([after, limit], live)?
        .collect::<rusqlite::Result<_>>()?)
}

/// Number of live events above `after`. O(payloads above it).
pub(crate) fn live_events_after(tx: &ReadTx<'_>, after: i64) -> Result<i64, Error> {
    let sql =
        "SELECT COUNT(*) FROM journal_payloads AS p CROSS JOIN journal_events AS e ON e.seq = p.seq
               WHERE p.seq > ?1 AND e.kind = 0 AND e.superseded_by IS NULL AND e.discarded IS NULL";
    Ok(tx.one(sql, [after], |r| r.get(0))?)
}

/// The newest row; 0 if there is none.
pub(crate) fn last_seq(tx: &ReadTx<'_>) -> Result<i64, Error> {
    Ok(tx.one(
        "SELECT COALESCE(MAX(seq), 0) FROM journal_events",
        [],
        |r| r.get(0),
    )?)
}

/// The next rows after `after`, with any marks.
pub(crate) fn rows_after(tx: &ReadTx<'_>, after: i64, limit: i64) -> Result<Vec<i64>, Error> {
    let mut statement =
        tx.prepare("SELECT seq FROM journal_events WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    Ok(statement
        .query_map([after, limit], |r| r.get(0))?
        .collect::<rusqlite::Result<_>>()?)
}

/// Capture time of the oldest stored payload; `None` without any.
pub(crate) fn oldest_kept_at(tx: &ReadTx<'_>) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT captured_at FROM journal_events WHERE seq = (SELECT MIN(seq) FROM journal_payloads)";
    let at: Option<i64> = tx.first(sql, [], |r| r.get(0))?;
    Ok(at.map(Timestamp::from_micros))
}

/// An open conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// The id of both.
    pub(crate) event_id: String,
    /// Digest of the event that stays.
    pub(crate) existing_sha256: Sha256,
    /// Digest of the content that is kept apart.
    pub(crate) incoming_sha256: Sha256,
    /// Origin of the content that is kept apart.
    pub(crate) origin: String,
}

/// The first open conflicts.
pub(crate) fn conflicts(tx: &ReadTx<'_>, limit: i64) -> Result<Vec<Conflict>, Error> {
    let mut statement = tx.prepare(
        "SELECT event_id, existing_sha256, incoming_sha256, origin FROM journal_conflicts
         WHERE resolved_at IS NULL ORDER BY id LIMIT ?1",
    )?;
    let mut rows = statement.query([limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let digest = |index: usize| {
            row.get_ref(index)
                .ok()
                .and_then(|v| Sha256::from_slice(v.as_blob().ok()?))
        };
        let (Some(existing_sha256), Some(incoming_sha256)) = (digest(1), digest(2)) else {
            return Err(Error::Damaged {
                seq: 0,
                what: "a conflict's digest does not have 32 bytes",
            });
        };
        found.push(Conflict {
            event_id: row.get(0)?,
            existing_sha256,
            incoming_sha256,
            origin: row.get(3)?,
        });
    }
    Ok(found)
}
