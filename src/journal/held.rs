//! Events on hold.

use super::Error;
use crate::base::Timestamp;
use crate::store::ReadTx;

/// Which events on hold. What is empty or `None` names any.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldFilter {
    /// With these ids.
    pub(crate) ids: Vec<String>,
    /// Of these types.
    pub(crate) types: Vec<String>,
    /// On hold for this reason.
    pub(crate) reason: Option<String>,
    /// Captured then or later.
    pub(crate) since: Option<Timestamp>,
}

/// An event on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeldRow {
    pub(crate) seq: i64,
    /// Neither superseded nor given up meanwhile.
    pub(crate) is_live: bool,
}

/// The next events on hold above `after` that the filter names, at most `limit`.
pub(crate) fn held_rows(tx: &ReadTx<'_>, filter: &HeldFilter, after: i64, limit: i64) -> Result<Vec<HeldRow>, Error> {
    let sql = "SELECT seq, superseded_by IS NULL AND discarded IS NULL AND gone IS NULL FROM journal_events
               WHERE held IS NOT NULL AND discarded IS NOT 'replaced' AND seq > ?1
                 AND (?2 IS NULL OR lower(event_id) IN (SELECT lower(value) FROM json_each(?2)))
                 AND (?3 IS NULL OR event_type IN (SELECT value FROM json_each(?3)))
                 AND (?4 IS NULL OR held = ?4) AND (?5 IS NULL OR captured_at >= ?5)
               ORDER BY seq LIMIT ?6";
    let list = |words: &[String]| (!words.is_empty()).then(|| serde_json::Value::from(words).to_string());
    let since = filter.since.map(Timestamp::as_micros);
    let mut statement = tx.prepare(sql)?;
    let parameters = rusqlite::params![after, list(&filter.ids), list(&filter.types), filter.reason, since, limit];
    let read = |r: &rusqlite::Row<'_>| Ok(HeldRow { seq: r.get(0)?, is_live: r.get(1)? });
    Ok(statement.query_map(parameters, read)?.collect::<rusqlite::Result<_>>()?)
}

/// Live events on hold, by reason. Costs as much as there are events on hold.
pub(crate) fn held_reasons(tx: &ReadTx<'_>) -> Result<Vec<(String, u64)>, Error> {
    let sql = "SELECT held, COUNT(*) FROM journal_events
               WHERE held IS NOT NULL AND superseded_by IS NULL AND discarded IS NULL AND gone IS NULL
               GROUP BY held ORDER BY held";
    let mut statement = tx.prepare(sql)?;
    let read = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, u64::try_from(r.get::<_, i64>(1)?).unwrap_or(0)));
    Ok(statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?)
}
