//! The journal's numbers: totals, the seal, the Lamport clock.

use super::{Error, Kind, Totals};
use crate::store::{self, Counter, ReadTx, WriteTx, all_counters};

/// Names of the journal's counters.
pub(super) mod name {
    pub(in crate::journal) const CAPTURED: &str = "captured";
    pub(in crate::journal) const LIVE: &str = "live";
    pub(in crate::journal) const HELD: &str = "held";
    pub(in crate::journal) const SUPERSEDED: &str = "superseded";
    pub(in crate::journal) const DISCARDED: &str = "discarded";
    pub(in crate::journal) const GONE: &str = "gone";
    pub(in crate::journal) const LIVE_BYTES: &str = "live_bytes";
    pub(in crate::journal) const ARCHIVED: &str = "archived";
    pub(in crate::journal) const CONFLICTS: &str = "conflicts";
}

pub(super) fn counter(name: &str) -> Counter<'_> {
    counter_of(Kind::Event, name)
}

pub(super) fn counter_of(kind: Kind, name: &str) -> Counter<'_> {
    Counter {
        scope: kind.scope(),
        name,
    }
}

/// Number of live events: captured, minus superseded, discarded, and deleted ones. O(1), also for a
/// new handle.
pub(crate) fn size(tx: &ReadTx<'_>) -> Result<i64, Error> {
    Ok(store::counter(tx, counter(name::LIVE))?)
}

/// The same number counted from the rows; O(rows).
#[cfg(test)]
pub(crate) fn size_from_disk(tx: &ReadTx<'_>) -> Result<i64, Error> {
    let sql = "SELECT COUNT(*)
                - COUNT(*) FILTER (WHERE superseded_by IS NOT NULL)
                - COUNT(*) FILTER (WHERE superseded_by IS NULL AND discarded IS NOT NULL)
                - COUNT(*) FILTER (WHERE superseded_by IS NULL AND discarded IS NULL AND gone IS NOT NULL)
               FROM journal_events WHERE kind = 0";
    Ok(tx.conn().query_row(sql, [], |r| r.get(0))?)
}

/// The journal's totals of events, O(1).
pub(crate) fn totals(tx: &ReadTx<'_>) -> Result<Totals, Error> {
    totals_of(tx, Kind::Event)
}

/// The journal's totals of one kind, O(1).
pub(crate) fn totals_of(tx: &ReadTx<'_>, kind: Kind) -> Result<Totals, Error> {
    let all = all_counters(tx, kind.scope())?;
    let get = |name: &str| all.get(name).copied().unwrap_or(0);
    Ok(Totals {
        captured: get(name::CAPTURED),
        live: get(name::LIVE),
        held: get(name::HELD),
        superseded: get(name::SUPERSEDED),
        discarded: get(name::DISCARDED),
        gone: get(name::GONE),
        live_bytes: get(name::LIVE_BYTES),
        archived: get(name::ARCHIVED),
        conflicts: get(name::CONFLICTS),
    })
}

/// The same totals counted from the rows: for `verify` and tests, O(rows).
pub(crate) fn recount(tx: &ReadTx<'_>) -> Result<Totals, Error> {
    recount_of(tx, Kind::Event)
}

/// The totals of one kind counted from the rows, O(rows).
pub(crate) fn recount_of(tx: &ReadTx<'_>, kind: Kind) -> Result<Totals, Error> {
    let sql = "
        SELECT COUNT(*),
               COUNT(*) FILTER (WHERE superseded_by IS NULL AND discarded IS NULL AND gone IS NULL),
               COUNT(*) FILTER (WHERE superseded_by IS NULL AND discarded IS NULL AND gone IS NULL AND held IS NOT NULL),
               COUNT(*) FILTER (WHERE superseded_by IS NOT NULL),
               COUNT(*) FILTER (WHERE superseded_by IS NULL AND discarded IS NOT NULL),
               COUNT(*) FILTER (WHERE superseded_by IS NULL AND discarded IS NULL AND gone IS NOT NULL),
               COALESCE(SUM(size) FILTER (WHERE superseded_by IS NULL AND discarded IS NULL AND gone IS NULL), 0),
               COUNT(*) FILTER (WHERE superseded_by IS NULL AND discarded IS NULL AND gone IS NULL
                                  AND archived_at IS NOT NULL),
               (SELECT COUNT(*) FROM journal_conflicts WHERE resolved_at IS NULL AND ?1 = 0)
        FROM journal_events WHERE kind = ?1";
    Ok(tx.conn().query_row(sql, [kind.code()], |r| {
        Ok(Totals {
            captured: r.get(0)?,
            live: r.get(1)?,
            held: r.get(2)?,
            superseded: r.get(3)?,
            discarded: r.get(4)?,
            gone: r.get(5)?,
            live_bytes: r.get(6)?,
            archived: r.get(7)?,
            conflicts: r.get(8)?,
        })
    })?)
}

/// The value that each counter of the journal must have according to the rows. O(rows).
pub(crate) fn counters_by_rows(tx: &ReadTx<'_>) -> Result<Vec<(Counter<'static>, i64)>, Error> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        all.extend(
            named(recount_of(tx, kind)?).map(|(name, value)| (counter_of(kind, name), value)),
        );
    }
    Ok(all)
}

/// Totals with the names of their counters.
fn named(t: Totals) -> [(&'static str, i64); 9] {
    [
        (name::CAPTURED, t.captured),
        (name::LIVE, t.live),
        (name::HELD, t.held),
        (name::SUPERSEDED, t.superseded),
        (name::DISCARDED, t.discarded),
        (name::GONE, t.gone),
        (name::LIVE_BYTES, t.live_bytes),
        (name::ARCHIVED, t.archived),
        (name::CONFLICTS, t.conflicts),
    ]
}

/// The highest row ever selected for any target.
pub(crate) fn sealed_through(tx: &ReadTx<'_>) -> Result<i64, Error> {
    Ok(tx.one(
        "SELECT sealed_through FROM journal_state WHERE id = 1",
        [],
        |r| r.get(0),
    )?)
}

/// Raises the seal to `seq`; never lowers it. Delivery calls this in the transaction that selects.
pub(crate) fn seal(tx: &WriteTx<'_>, seq: i64) -> Result<(), Error> {
    tx.prepare(
        "UPDATE journal_state SET sealed_through = ?1 WHERE id = 1 AND sealed_through < ?1",
    )?
    .execute([seq])?;
    Ok(())
}

/// The value of the Lamport clock.
pub(crate) fn lamport(tx: &ReadTx<'_>) -> Result<i64, Error> {
    Ok(
        tx.one("SELECT lamport FROM journal_state WHERE id = 1", [], |r| {
            r.get(0)
        })?,
    )
}

/// The highest Lamport clock: the largest number that every reader of JSON keeps exactly. A clock
/// beyond it was forged.
pub(crate) const HIGHEST_CLOCK: i64 = (1 << 53) - 1;

/// Raises the Lamport clock to `at_least`, limited to the highest; never lowers it.
pub(crate) fn raise_lamport(tx: &WriteTx<'_>, at_least: i64) -> Result<(), Error> {
    let at_least = at_least.min(HIGHEST_CLOCK);
    tx.prepare("UPDATE journal_state SET lamport = ?1 WHERE id = 1 AND lamport < ?1")?
        .execute([at_least])?;
    Ok(())
}

/// Advances the Lamport clock by `by` and returns its first new value.
pub(crate) fn next_lamport(tx: &WriteTx<'_>, by: i64) -> Result<i64, Error> {
    let last: i64 = tx.one(
        "UPDATE journal_state SET lamport = MIN(MAX(lamport, 0), ?2) + ?1 WHERE id = 1 RETURNING lamport",
        [by, HIGHEST_CLOCK],
        |r| r.get(0),
    )?;
    Ok(last - by + 1)
}

/// Number of bytes of the spool file `id` that are in the journal.
pub(crate) fn spooled_through(tx: &ReadTx<'_>, id: &str) -> Result<u64, Error> {
    let sql = "SELECT CASE WHEN spool IS ?1 THEN spool_through ELSE 0 END FROM journal_state WHERE id = 1";
    let through: i64 = tx.one(sql, [id], |r| r.get(0))?;
    Ok(u64::try_from(through).unwrap_or(0))
}

/// Records that the journal has the first `through` bytes of the spool file `id`, in the
/// transaction that appends them. Only one file is recorded: the next one is begun after this one
/// is finished and removed.
pub(crate) fn note_spooled(tx: &WriteTx<'_>, id: &str, through: u64) -> Result<(), Error> {
    let through = i64::try_from(through).unwrap_or(i64::MAX);
    tx.prepare("UPDATE journal_state SET spool = ?1, spool_through = ?2 WHERE id = 1")?
        .execute(rusqlite::params![id, through])?;
    Ok(())
}
