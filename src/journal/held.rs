//! Events on hold.

use super::state::{counter_of, name};
use super::{Error, Kind};
use crate::base::Timestamp;
use crate::store::{ReadTx, WriteTx, add_to_counter};

/// Reason of the hold on rows captured before a user consented to send only later ones.
pub(crate) const BEFORE_CONSENT: &str = "before_consent";

/// Filter for events on hold; an empty or `None` member matches all.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldFilter {
    /// With these ids.
    pub(crate) ids: Vec<String>,
    /// Of these types.
    pub(crate) types: Vec<String>,
    /// On hold for this reason.
    pub(crate) reason: Option<String>,
    /// Captured at this time or later.
    pub(crate) since: Option<Timestamp>,
}

/// An event on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeldRow {
    pub(crate) seq: i64,
    /// Neither superseded nor given up since.
    pub(crate) is_live: bool,
}

/// The next events on hold above `after` that match the filter, at most `limit`.
pub(crate) fn held_rows(
    tx: &ReadTx<'_>,
    filter: &HeldFilter,
    after: i64,
    limit: i64,
) -> Result<Vec<HeldRow>, Error> {
    let sql = "SELECT seq, superseded_by IS NULL AND discarded IS NULL AND gone IS NULL FROM journal_events
               WHERE held IS NOT NULL AND discarded IS NOT 'replaced' AND seq > ?1
                 AND (?2 IS NULL OR lower(event_id) IN (SELECT lower(value) FROM json_each(?2)))
                 AND (?3 IS NULL OR event_type IN (SELECT value FROM json_each(?3)))
                 AND (?4 IS NULL OR held = ?4) AND (?5 IS NULL OR captured_at >= ?5)
               ORDER BY seq LIMIT ?6";
    let list =
        |words: &[String]| (!words.is_empty()).then(|| serde_json::Value::from(words).to_string());
    let since = filter.since.map(Timestamp::as_micros);
    let mut statement = tx.prepare(sql)?;
    let (ids, types) = (list(&filter.ids), list(&filter.types));
    let parameters = rusqlite::params![after, ids, types, filter.reason, since, limit];
    let read = |r: &rusqlite::Row<'_>| {
        Ok(HeldRow {
            seq: r.get(0)?,
            is_live: r.get(1)?,
        })
    };
    Ok(statement
        .query_map(parameters, read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// Live events on hold, by reason. O(events on hold).
pub(crate) fn held_reasons(tx: &ReadTx<'_>) -> Result<Vec<(String, u64)>, Error> {
    let sql = "SELECT held, COUNT(*) FROM journal_events
               WHERE held IS NOT NULL AND superseded_by IS NULL AND discarded IS NULL AND gone IS NULL AND kind = 0
               GROUP BY held ORDER BY held";
    let mut statement = tx.prepare(sql)?;
    let read =
        |r: &rusqlite::Row<'_>| Ok((r.get(0)?, u64::try_from(r.get::<_, i64>(1)?).unwrap_or(0)));
    Ok(statement
        .query_map([], read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// Number of live events and documents on hold for this reason. O(rows on hold).
pub(crate) fn held_of(tx: &ReadTx<'_>, reason: &str) -> Result<(u64, u64), Error> {
    let sql = "SELECT COUNT(*) FILTER (WHERE kind = 0), COUNT(*) FILTER (WHERE kind = 1) FROM journal_events
               WHERE held = ?1 AND superseded_by IS NULL AND discarded IS NULL AND gone IS NULL";
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(tx.one(sql, [reason], |r| Ok((count(r.get(0)?), count(r.get(1)?))))?)
}

/// Puts a row on hold and returns its kind; `None` if it is not live or already on hold.
pub(crate) fn hold(tx: &WriteTx<'_>, seq: i64, reason: &str) -> Result<Option<Kind>, Error> {
    let sql = "UPDATE journal_events SET held = ?2 WHERE seq = ?1 AND held IS NULL AND superseded_by IS NULL
                 AND discarded IS NULL AND gone IS NULL RETURNING kind";
    let kind: Option<i64> = tx.first(sql, (seq, reason), |r| r.get(0))?;
    let Some(kind) = kind.map(Kind::from_code) else {
        return Ok(None);
    };
    add_to_counter(tx, counter_of(kind, name::HELD), 1)?;
    Ok(Some(kind))
}

/// The newest row of the same key, if it is newer than this one, not given up, and not on hold
/// itself; else `None`.
pub(crate) fn newer(tx: &ReadTx<'_>, seq: i64) -> Result<Option<i64>, Error> {
    let sql = "SELECT n.seq FROM journal_events AS e JOIN journal_keys AS k ON k.coalesce_key = e.coalesce_key
               JOIN journal_events AS n ON n.seq = k.seq
               WHERE e.seq = ?1 AND n.seq > ?1 AND n.held IS NULL AND n.discarded IS NULL AND n.superseded_by IS NULL";
    Ok(tx.first(sql, [seq], |r| r.get(0))?)
}

/// Marks a live row on hold as superseded by the row `by`, and returns its kind; `None` if it is
/// not such a row.
pub(crate) fn supersede_held(tx: &WriteTx<'_>, seq: i64, by: i64) -> Result<Option<Kind>, Error> {
    let sql = "UPDATE journal_events SET held = NULL, superseded_by = ?2
               WHERE seq = ?1 AND held IS NOT NULL AND superseded_by IS NULL AND discarded IS NULL AND gone IS NULL
               RETURNING kind, size, archived_at IS NOT NULL";
    let read = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get::<_, i64>(1)?, r.get::<_, bool>(2)?));
    let row = tx.first(sql, [seq, by], read)?;
    let Some((kind, size, was_archived)) = row else {
        return Ok(None);
    };
    let kind = Kind::from_code(kind);
    let posts = [
        (name::HELD, -1),
        (name::LIVE, -1),
        (name::SUPERSEDED, 1),
        (name::LIVE_BYTES, -size),
    ];
    for (name, by) in posts
        .into_iter()
        .chain([(name::ARCHIVED, -i64::from(was_archived))])
    {
        add_to_counter(tx, counter_of(kind, name), by)?;
    }
    Ok(Some(kind))
}
