//! A point in the journal's history, by which a later look tells whether what was stated then still is.

use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};

use super::state::{counter_of, name};
use super::{Error, Kind, chain};
use crate::base::Sha256;
use crate::store::{self, ReadTx};

/// The journal as it was at a moment: its last row, by the hash that links all rows up to it, and what was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Point {
    seq: i64,
    chain: String,
    discarded: i64,
    audited: i64,
}

impl Point {
    /// How many rows came since an earlier point of the same history.
    pub(crate) fn rows_since(&self, earlier: &Self) -> i64 {
        self.seq - earlier.seq
    }
}

/// The point where the journal is.
pub(crate) fn point(tx: &ReadTx<'_>) -> Result<Point, Error> {
    let last = tx
        .prepare("SELECT seq, chain FROM journal_events WHERE seq = (SELECT MAX(seq) FROM journal_events)")?
        .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let (seq, link): (i64, [u8; 32]) = last.unwrap_or((0, chain::START));
    let mut discarded = 0;
    for kind in Kind::ALL {
        discarded += store::counter(tx, counter_of(kind, name::DISCARDED))?;
    }
    let audited = tx.prepare("SELECT COALESCE(MAX(id), 0) FROM journal_audit")?.query_row([], |r| r.get(0))?;
    let chain = Sha256::from_slice(&link).map(|digest| digest.to_string()).unwrap_or_default();
    Ok(Point { seq, chain, discarded, audited })
}

/// True when this is the history that `then` is a point of, and no event of it was given up since.
pub(crate) fn is_same_history(tx: &ReadTx<'_>, then: &Point) -> Result<bool, Error> {
    let now = point(tx)?;
    Ok((now.discarded, now.audited) == (then.discarded, then.audited) && continues(tx, then)?)
}

/// True when this is the history that `then` is a point of, whatever was given up since.
pub(crate) fn continues(tx: &ReadTx<'_>, then: &Point) -> Result<bool, Error> {
    let link: Option<[u8; 32]> = tx
        .prepare("SELECT chain FROM journal_events WHERE seq = ?1")?
        .query_row([then.seq], |r| r.get(0))
        .optional()?;
    Ok(link.as_ref().and_then(|link| Sha256::from_slice(link)).is_some_and(|link| link.to_string() == then.chain))
}

/// True when every key whose newest event stated something at `then` states the same now: the same history, and no event
/// with a key since. Costs as much as there are new rows.
pub(crate) fn states_the_same(tx: &ReadTx<'_>, then: &Point) -> Result<bool, Error> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM journal_events WHERE seq > ?1 AND coalesce_key IS NOT NULL)";
    Ok(is_same_history(tx, then)? && tx.prepare(sql)?.query_row([then.seq], |r| r.get(0))?)
}
