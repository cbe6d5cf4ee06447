//! What taking over older stores needs of the journal.

use rusqlite::OptionalExtension as _;

use super::{Error, retire};
use crate::base::Sha256;
use crate::store::ReadTx;

/// An event that has an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its row.
    pub(crate) seq: i64,
    /// The digest of its payload.
    pub(crate) payload_sha256: Sha256,
    /// It was removed with its project, and does not come back.
    pub(crate) is_purged: bool,
}

/// The event that has this id.
pub(crate) fn holder(tx: &ReadTx<'_>, event_id: &str) -> Result<Option<Holder>, Error> {
    let sql = "SELECT seq, payload_sha256, discarded IS ?2 OR gone IS ?2 FROM journal_events WHERE event_id = ?1";
    let row = tx
        .prepare(sql)?
        .query_row([event_id, retire::PURGED], |r| Ok((r.get(0)?, r.get::<_, Vec<u8>>(1)?, r.get(2)?)))
        .optional()?;
    let Some((seq, digest, is_purged)) = row else { return Ok(None) };
    let payload_sha256 =
        Sha256::from_slice(&digest).ok_or(Error::Damaged { seq, what: "its payload digest is no digest" })?;
    Ok(Some(Holder { seq, payload_sha256, is_purged }))
}

/// The next rows above `after`, at most `limit`, that are held for this reason.
pub(crate) fn held_after(tx: &ReadTx<'_>, reason: &str, after: i64, limit: i64) -> Result<Vec<i64>, Error> {
    let sql = "SELECT seq FROM journal_events WHERE seq > ?1 AND held = ?2 ORDER BY seq LIMIT ?3";
    let mut statement = tx.prepare(sql)?;
    Ok(statement.query_map((after, reason, limit), |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
}
