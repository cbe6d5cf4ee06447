//! The newest event of a coalescing key.

use rusqlite::OptionalExtension as _;

use super::Error;
use crate::base::Sha256;
use crate::event::Coalesce;
use crate::store::ReadTx;

/// The newest event of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newest {
    pub(super) seq: i64,
    pub(super) facts: Sha256,
    pub(super) size: i64,
}

/// The row that already states these facts, if one does.
pub(crate) fn stated(tx: &ReadTx<'_>, c: Coalesce) -> Result<Option<i64>, Error> {
    match newest(tx, c.key)? {
        Some(newest) if newest.facts == c.facts && !is_discarded(tx, newest.seq)? => Ok(Some(newest.seq)),
        _ => Ok(None),
    }
}

/// The newest event of a key, without its marks.
pub(super) fn newest(tx: &ReadTx<'_>, key: [u8; 16]) -> Result<Option<Newest>, Error> {
    let mut statement = tx.prepare("SELECT seq, facts_hash, size FROM journal_keys WHERE coalesce_key = ?1")?;
    let mut rows = statement.query([&key[..]])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let seq = row.get(0)?;
    let facts = row.get_ref(1)?.as_blob().ok().and_then(Sha256::from_slice);
    let facts = facts.ok_or(Error::Damaged { seq, what: "its facts hash is no digest" })?;
    Ok(Some(Newest { seq, facts, size: row.get(2)? }))
}

/// True when the event was given up: then it states nothing any more.
pub(super) fn is_discarded(tx: &ReadTx<'_>, seq: i64) -> Result<bool, Error> {
    let sql = "SELECT discarded IS NOT NULL FROM journal_events WHERE seq = ?1";
    Ok(tx.prepare(sql)?.query_row([seq], |r| r.get(0)).optional()?.unwrap_or(false))
}

/// True when the event has no mark that keeps it from being superseded: not held, not given up, payload here.
pub(super) fn is_plain(tx: &ReadTx<'_>, seq: i64) -> Result<bool, Error> {
    let sql = "SELECT held IS NULL AND discarded IS NULL AND gone IS NULL FROM journal_events WHERE seq = ?1";
    Ok(tx.prepare(sql)?.query_row([seq], |r| r.get(0)).optional()?.unwrap_or(false))
}
