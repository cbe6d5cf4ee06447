//! What the deliveries of a target come to, for a report. Each costs as much as the target has rows.

use std::collections::BTreeMap;

use super::Error;
use crate::store::ReadTx;

/// How many events the target confirmed in each span of `width` microseconds, counted from the epoch.
pub(crate) fn delivered_per(tx: &ReadTx<'_>, target: i64, width: i64) -> Result<Vec<(i64, i64)>, Error> {
    let mut statement = tx.prepare(
        "SELECT settled_at / ?2, COUNT(*) FROM delivery_rows
         WHERE target = ?1 AND kind = 0 AND status IN ('success', 'duplicate') AND settled_at IS NOT NULL GROUP BY 1",
    )?;
    Ok(statement.query_map([target, width], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
}

/// How many waiting events got how many answers.
pub(crate) fn retries(tx: &ReadTx<'_>, target: i64) -> Result<BTreeMap<i64, i64>, Error> {
    let mut statement = tx.prepare(
        "SELECT attempts, COUNT(*) FROM delivery_rows
         WHERE target = ?1 AND kind = 0 AND status IN ('rejected', 'transient') GROUP BY attempts",
    )?;
    Ok(statement.query_map([target], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
}

/// Why events were refused, for now or for good, and how many for each reason.
pub(crate) fn reasons(tx: &ReadTx<'_>, target: i64) -> Result<Vec<(String, i64)>, Error> {
    let mut statement = tx.prepare(
        "SELECT COALESCE(error, 'no reason given'), COUNT(*) FROM delivery_rows
         WHERE target = ?1 AND kind = 0 AND status IN ('rejected', 'transient', 'terminal_failed') GROUP BY 1",
    )?;
    Ok(statement.query_map([target], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
}
