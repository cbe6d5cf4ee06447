//! Growth and composition of the journal, for a report. O(rows).

use super::Error;
use crate::base::Timestamp;
use crate::event::WireForm;
use crate::store::ReadTx;

/// Capture time of the first event; `None` without events.
pub(crate) fn first_captured_at(tx: &ReadTx<'_>) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT captured_at FROM journal_events WHERE kind = 0 ORDER BY seq LIMIT 1";
    let at: Option<i64> = tx.first(sql, [], |r| r.get(0))?;
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

/// Numbers of live events, not on hold, that contain more personal data than others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sensitive {
    /// Events from mission logs: names, mail addresses, free text.
    pub(crate) log_events: u64,
    /// Imported events that name a person or a machine.
    pub(crate) personal_events: u64,
}

/// Counts them.
pub(crate) fn sensitive(tx: &ReadTx<'_>) -> Result<Sensitive, Error> {
    let sql = "SELECT COUNT(*) FILTER (WHERE origin = ?1), COUNT(*) FILTER (WHERE wire = ?2) FROM journal_events
               WHERE held IS NULL AND superseded_by IS NULL AND discarded IS NULL AND gone IS NULL";
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(tx.one(
        sql,
        (super::MISSION_LOG_ORIGIN, WireForm::Personal.code()),
        |r| {
            Ok(Sensitive {
                log_events: count(r.get(0)?),
                personal_events: count(r.get(1)?),
            })
        },
    )?)
}
