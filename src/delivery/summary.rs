//! Totals of the deliveries to a target, for a report. Each is O(rows of the target).

use std::collections::BTreeMap;

use super::Error;
use crate::store::ReadTx;

/// How many events the target confirmed in each span of `width` microseconds, counted from the
/// epoch.
pub(crate) fn delivered_per(
    tx: &ReadTx<'_>,
    target: i64,
    width: i64,
) -> Result<Vec<(i64, i64)>, Error> {
    let mut statement = tx.prepare(
        "SELECT settled_at / ?2, COUNT(*) FROM delivery_rows
         WHERE target = ?1 AND kind = 0 AND status IN ('success', 'duplicate') AND settled_at IS NOT NULL GROUP BY 1",
    )?;
    Ok(statement
        .query_map([target, width], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?)
}

/// Number of waiting events by their number of answers.
pub(crate) fn retries(tx: &ReadTx<'_>, target: i64) -> Result<BTreeMap<i64, i64>, Error> {
    let mut statement = tx.prepare(
        "SELECT attempts, COUNT(*) FROM delivery_rows
         WHERE target = ?1 AND kind = 0 AND status IN ('rejected', 'transient') GROUP BY attempts",
    )?;
    Ok(statement
        .query_map([target], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?)
}

/// Reasons why events were refused, for now or for good, with the number of events for each.
pub(crate) fn reasons(tx: &ReadTx<'_>, target: i64) -> Result<Vec<(String, i64)>, Error> {
    let mut statement = tx.prepare(
        "SELECT COALESCE(error, 'no reason given'), COUNT(*) FROM delivery_rows
         WHERE target = ?1 AND kind = 0 AND status IN ('rejected', 'transient', 'terminal_failed') GROUP BY 1",
    )?;
    Ok(statement
        .query_map([target], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?)
}
