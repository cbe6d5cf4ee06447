//! A point in the journal's history, to detect later whether the facts stated then still hold.

use serde::{Deserialize, Serialize};

use super::state::{counter_of, name};
use super::{Error, Kind, chain};
use crate::base::Sha256;
use crate::store::{self, ReadTx};

/// State of the journal at a time: its last row, the hash that links all rows up to it, and the
/// number of rows given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Point {
    seq: i64,
    chain: String,
    discarded: i64,
    audited: i64,
}

impl Point {
    /// Number of rows added since an earlier point of the same history.
    pub(crate) fn rows_since(&self, earlier: &Self) -> i64 {
        self.seq - earlier.seq
    }
}

/// The present point of the journal.
pub(crate) fn point(tx: &ReadTx<'_>) -> Result<Point, Error> {
    let last = tx.first(
        "SELECT seq, chain FROM journal_events WHERE seq = (SELECT MAX(seq) FROM journal_events)",
        [],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let (seq, link): (i64, [u8; 32]) = last.unwrap_or((0, chain::START));
    let mut discarded = 0;
    for kind in Kind::ALL {
        discarded += store::counter(tx, counter_of(kind, name::DISCARDED))?;
    }
    let audited = tx.one("SELECT COALESCE(MAX(id), 0) FROM journal_audit", [], |r| {
        r.get(0)
    })?;
    let chain = Sha256::from_slice(&link)
        .map(|digest| digest.to_string())
        .unwrap_or_default();
    Ok(Point {
        seq,
        chain,
        discarded,
        audited,
    })
}

/// True if `then` is a point of this history, and no event was given up since.
pub(crate) fn is_same_history(tx: &ReadTx<'_>, then: &Point) -> Result<bool, Error> {
    let now = point(tx)?;
    Ok((now.discarded, now.audited) == (then.discarded, then.audited) && continues(tx, then)?)
}

/// True if `then` is a point of this history; events may have been given up since.
pub(crate) fn continues(tx: &ReadTx<'_>, then: &Point) -> Result<bool, Error> {
    let link: Option<[u8; 32]> = tx.first(
        "SELECT chain FROM journal_events WHERE seq = ?1",
        [then.seq],
        |r| r.get(0),
    )?;
    Ok(link
        .as_ref()
        .and_then(|link| Sha256::from_slice(link))
        .is_some_and(|link| link.to_string() == then.chain))
}

/// True if the newest event of every key is the same as at `then`: the same history, and no event
/// with a key since. O(new rows).
pub(crate) fn states_the_same(tx: &ReadTx<'_>, then: &Point) -> Result<bool, Error> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM journal_events WHERE seq > ?1 AND coalesce_key IS NOT NULL)";
    Ok(is_same_history(tx, then)? && tx.one(sql, [then.seq], |r| r.get(0))?)
}
