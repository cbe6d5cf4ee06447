//! The newest event of a coalescing key.

use std::collections::HashSet;

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

/// The row that already states these facts, if there is one.
pub(crate) fn stated(tx: &ReadTx<'_>, c: Coalesce) -> Result<Option<i64>, Error> {
    still_stated(tx, c, |key| newest(tx, key))
}

/// The newest event of the key, if it states these facts, was not given up, and no event of a rival
/// key came after it.
pub(super) fn still_stated(
    tx: &ReadTx<'_>,
    c: Coalesce,
    newest: impl Fn([u8; 16]) -> Result<Option<Newest>, Error>,
) -> Result<Option<i64>, Error> {
    let Some(own) = newest(c.key)?.filter(|own| own.facts == c.facts) else {
        return Ok(None);
    };
    if is_discarded(tx, own.seq)? {
        return Ok(None);
    }
    match c.rival.map(newest).transpose()?.flatten() {
        Some(rival) if rival.seq > own.seq && !is_discarded(tx, rival.seq)? => Ok(None),
        _ => Ok(Some(own.seq)),
    }
}

/// True if the newest event of a key was not given up.
pub(crate) fn has_word(tx: &ReadTx<'_>, key: [u8; 16]) -> Result<bool, Error> {
    newest(tx, key)?.map_or(Ok(false), |newest| Ok(!is_discarded(tx, newest.seq)?))
}

/// A shortened digest, to keep many in memory.
pub(crate) fn short(facts: &Sha256) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(&facts.as_bytes()[..8]);
    short
}

/// A key, and the first bytes of a facts hash that was stated for it.
pub(crate) type Stated = ([u8; 16], [u8; 8]);

/// Every facts hash that was ever stated, with its key. O(rows).
pub(crate) fn ever_stated(tx: &ReadTx<'_>) -> Result<HashSet<Stated>, Error> {
    let sql = "SELECT coalesce_key, facts_hash FROM journal_events WHERE coalesce_key IS NOT NULL AND kind = 0";
    let mut statement = tx.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut all = HashSet::new();
    while let Some(row) = rows.next()? {
        let (key, facts): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        if let (Ok(key), Some(facts)) = (key.try_into(), Sha256::from_slice(&facts)) {
            all.insert((key, short(&facts)));
        }
    }
    Ok(all)
}

/// The newest event of a key, without its marks; `None` if there is none.
pub(super) fn newest(tx: &ReadTx<'_>, key: [u8; 16]) -> Result<Option<Newest>, Error> {
    let mut statement =
        tx.prepare("SELECT seq, facts_hash, size FROM journal_keys WHERE coalesce_key = ?1")?;
    let mut rows = statement.query([&key[..]])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let seq = row.get(0)?;
    let facts = row.get_ref(1)?.as_blob().ok().and_then(Sha256::from_slice);
    let facts = facts.ok_or(Error::Damaged {
        seq,
        what: "its facts hash is not a SHA-256 digest",
    })?;
    Ok(Some(Newest {
        seq,
        facts,
        size: row.get(2)?,
    }))
}

/// True if the row was given up or will never be sent: then it no longer states anything.
pub(super) fn is_discarded(tx: &ReadTx<'_>, seq: i64) -> Result<bool, Error> {
    let sql = "SELECT discarded IS NOT NULL OR superseded_by IS NOT NULL FROM journal_events WHERE seq = ?1";
    Ok(tx.first(sql, [seq], |r| r.get(0))?.unwrap_or(false))
}

/// True if no mark prevents that the event is superseded: not on hold, not given up, payload
/// stored.
pub(super) fn is_plain(tx: &ReadTx<'_>, seq: i64) -> Result<bool, Error> {
    let sql = "SELECT held IS NULL AND discarded IS NULL AND gone IS NULL AND superseded_by IS NULL
               FROM journal_events WHERE seq = ?1";
    Ok(tx.first(sql, [seq], |r| r.get(0))?.unwrap_or(false))
}
