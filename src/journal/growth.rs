//! How the journal grew, for a report. O(rows).

use rusqlite::OptionalExtension as _;

use super::Error;
use crate::base::Timestamp;
use crate::store::ReadTx;

/// When the first event became durable.
pub(crate) fn first_captured_at(tx: &ReadTx<'_>) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT captured_at FROM journal_events WHERE kind = 0 ORDER BY seq LIMIT 1";
    let at: Option<i64> = tx.prepare(sql)?.query_row([], |r| r.get(0)).optional()?;
    Ok(at.map(Timestamp::from_micros))
}

/// Events captured in each span of `width` microseconds, counted from the epoch, and their bytes.
pub(crate) fn captured_per(tx: &ReadTx<'_>, width: i64) -> Result<Vec<(i64, i64, i64)>, Error> {
    let mut statement = tx.prepare(
        "SELECT captured_at / ?1, COUNT(*), SUM(size) FROM journal_events WHERE kind = 0 GROUP BY 1 ORDER BY 1",
    )?;
    let rows = statement.query_map([width], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
