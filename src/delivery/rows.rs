//! Reading delivery rows.

use std::collections::BTreeMap;

use super::{Error, Status};
use crate::base::{Timestamp, retry};
use crate::store::ReadTx;

/// One event at one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its state.
    pub(crate) status: Status,
    /// Number of answers with a result for it.
    pub(crate) attempts: i64,
    /// The last reason given.
    pub(crate) error: Option<String>,
    /// The last HTTP status.
    pub(crate) http_status: Option<i64>,
    /// Earliest time of the next try.
    pub(crate) due_at: Option<Timestamp>,
    /// When the first attempt with it was opened.
    pub(crate) first_attempted_at: Option<Timestamp>,
    /// When the last attempt with it was opened.
    pub(crate) last_attempted_at: Option<Timestamp>,
    /// When its last state was reached, if that state is final.
    pub(crate) settled_at: Option<Timestamp>,
    /// Delivered according to the status of the whole request, without a result for the event.
    pub(crate) is_by_status: bool,
}

const COLUMNS: &str = "status, attempts, error, http_status, due_at, first_attempted_at, last_attempted_at, settled_at,
     by_status";

/// The row of an event at a target; `None` when it was never selected for it.
pub(crate) fn row_of(tx: &ReadTx<'_>, target: i64, seq: i64) -> Result<Option<Row>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM delivery_rows WHERE target = ?1 AND seq = ?2");
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query([target, seq])?;
    rows.next()?.map(read).transpose()
}

/// The rows that these events have at a target, by journal row.
pub(crate) fn rows_of(
    tx: &ReadTx<'_>,
    target: i64,
    seqs: &[i64],
) -> Result<BTreeMap<i64, Row>, Error> {
    let sql = format!(
        "SELECT {COLUMNS}, seq FROM delivery_rows WHERE target = ?1 AND seq IN (SELECT value FROM json_each(?2))"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query((target, serde_json::Value::from(seqs).to_string()))?;
    let mut found = BTreeMap::new();
    while let Some(row) = rows.next()? {
        found.insert(row.get("seq")?, read(row)?);
    }
    Ok(found)
}

fn read(row: &rusqlite::Row<'_>) -> Result<Row, Error> {
    let word: String = row.get(0)?;
    let time = |index: usize| {
        Ok::<_, Error>(
            row.get::<_, Option<i64>>(index)?
                .map(Timestamp::from_micros),
        )
    };
    Ok(Row {
        status: status(&word)?,
        attempts: row.get(1)?,
        error: row.get(2)?,
        http_status: row.get(3)?,
        due_at: time(4)?,
        first_attempted_at: time(5)?,
        last_attempted_at: time(6)?,
        settled_at: time(7)?,
        is_by_status: row.get(8)?,
    })
}

/// When the next row is due.
pub(super) const NEXT_ROW: &str = "SELECT due_at FROM delivery_rows WHERE target = ?1 AND kind = 0 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1";
/// When the open attempt that goes first is due: the others wait for it.
pub(super) const NEXT_ATTEMPT: &str = "SELECT due_at FROM delivery_attempts
     WHERE target = ?1 AND closed_at IS NULL AND parked = 0 ORDER BY first_seq LIMIT 1";
/// When the next parked attempt is due.
pub(super) const NEXT_PARKED: &str = "SELECT due_at FROM delivery_attempts
     WHERE target = ?1 AND closed_at IS NULL AND parked = 1 ORDER BY due_at LIMIT 1";
/// True if there is anything to do.
pub(super) const OWED: &str =
    "SELECT EXISTS (SELECT 1 FROM delivery_attempts WHERE target = ?1 AND closed_at IS NULL)
     OR EXISTS (SELECT 1 FROM delivery_rows WHERE target = ?1 AND kind = 0 AND due_at IS NOT NULL)
     OR EXISTS (SELECT 1 FROM journal_feed WHERE seq > ?2)";

/// Due time of the open attempt that goes first.
pub(super) fn next_attempt(tx: &ReadTx<'_>, target: i64) -> Result<Option<Timestamp>, Error> {
    let due: Option<i64> = tx.first(NEXT_ATTEMPT, [target], |r| r.get(0))?;
    Ok(due.map(Timestamp::from_micros))
}

/// Earliest due time at a target: a row, or an open attempt.
pub(crate) fn next_due(tx: &ReadTx<'_>, target: i64) -> Result<Option<Timestamp>, Error> {
    let mut next: Option<i64> = None;
    for sql in [NEXT_ROW, NEXT_ATTEMPT, NEXT_PARKED] {
        let due: Option<i64> = tx.first(sql, [target], |r| r.get(0))?;
        next = next.into_iter().chain(due).min();
    }
    Ok(next.map(Timestamp::from_micros))
}

/// True when there is anything to do for a target: an open attempt, a waiting row, or a journal row
/// above its cursor. O(1): the cost of a drain with nothing to send.
pub(crate) fn owed(tx: &ReadTx<'_>, target: &super::Target) -> Result<bool, Error> {
    Ok(tx.one(OWED, [target.id, target.cursor_seq], |r| r.get(0))?)
}

/// True if something may be sent to a target now: no pause is running, no open attempt delays
/// everything, and something is due.
pub(super) fn is_due(
    tx: &ReadTx<'_>,
    target: &super::Target,
    now: Timestamp,
) -> Result<bool, Error> {
    let due = |sql| {
        let due: Option<i64> = tx.first(sql, [target.id], |r| r.get(0))?;
        Ok::<_, Error>(due.map(|due| retry::is_due(Timestamp::from_micros(due), now)))
    };
    if target
        .not_before
        .is_some_and(|until| !retry::is_due(until, now))
    {
        return Ok(false);
    }
    if let Some(is_due) = due(NEXT_ATTEMPT)? {
        return Ok(is_due);
    }
    Ok(has_new(tx, target)? || due(NEXT_ROW)? == Some(true) || due(NEXT_PARKED)? == Some(true))
}

/// Events in open attempts: sent or about to be, and to be sent again.
pub(crate) fn in_open_attempts(tx: &ReadTx<'_>, target: i64) -> Result<i64, Error> {
    let sql = "SELECT COALESCE(SUM(events), 0) FROM delivery_attempts WHERE target = ?1 AND closed_at IS NULL";
    Ok(tx.one(sql, [target], |r| r.get(0))?)
}

/// How many events are in flight or pending at some target. O(rows).
pub(crate) fn in_flight_anywhere(tx: &ReadTx<'_>) -> Result<i64, Error> {
    let sql =
        "SELECT COUNT(DISTINCT seq) FROM delivery_rows WHERE status IN ('in_flight', 'pending')";
    Ok(tx.one(sql, [], |r| r.get(0))?)
}

/// True when the journal has rows that the target's cursor has not passed.
pub(crate) fn has_new(tx: &ReadTx<'_>, target: &super::Target) -> Result<bool, Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM journal_feed WHERE seq > ?1)";
    Ok(tx.one(sql, [target.cursor_seq], |r| r.get(0))?)
}

/// Number of events that are refused for now.
pub(super) const REJECTED: &str =
    "SELECT COUNT(*) FROM delivery_rows WHERE target = ?1 AND kind = 0 AND status = 'rejected'";
/// The first events that were given up and not waived. Without the index hint SQLite would use the
/// primary key and examine every row.
pub(super) const UNSEEN: &str = "SELECT f.event_id, d.error FROM delivery_rows AS d INDEXED BY delivery_unseen
     JOIN journal_feed AS f ON f.seq = d.seq
     WHERE d.target = ?1 AND d.kind = 0 AND d.status = 'terminal_failed' AND d.waiver IS NULL ORDER BY d.seq LIMIT ?2";

/// Number of events that a target refused for now; costs as much as there are such events.
pub(crate) fn rejected(tx: &ReadTx<'_>, target: i64) -> Result<i64, Error> {
    Ok(tx.one(REJECTED, [target], |r| r.get(0))?)
}

/// The first events that were given up at a target and not waived, with the last reason.
pub(crate) fn unseen(
    tx: &ReadTx<'_>,
    target: i64,
    limit: i64,
) -> Result<Vec<(String, Option<String>)>, Error> {
    let mut statement = tx.prepare(UNSEEN)?;
    Ok(statement
        .query_map([target, limit], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?)
}

pub(super) fn status(word: &str) -> Result<Status, Error> {
    Status::from_word(word).ok_or_else(|| Error::Damaged(format!("unknown status {word:?}")))
}
