//! Forgetting a target, and using a forgotten one again.
//!
//! A forgotten target's balance is frozen: later captures are not posted to it, and it keeps no
//! payload from being deleted. Events in flight there will never have a known end, so they are
//! queued again in case the target is used again; a receiver that honours event ids then answers
//! `duplicate` for those it stored.

use super::postings::Postings;
use super::registry::Target;
use super::{Class, Error, balance, documents};
use crate::base::Timestamp;
use crate::store::{Counter, WriteTx, set_counter};

/// Forgets a target; returns how many events were in flight there. No drain to it may be running.
pub(crate) fn forget(tx: &WriteTx<'_>, target: &Target, now: Timestamp) -> Result<i64, Error> {
    if !target.is_live {
        return Ok(0);
    }
    tx.prepare(
        "UPDATE delivery_attempts SET closed_at = ?2, result = 'forgotten' WHERE target = ?1 AND closed_at IS NULL",
    )?
    .execute([target.id, now.as_micros()])?;
    // Events that waited behind an event in flight wait no longer.
    tx.prepare("UPDATE delivery_rows SET due_at = 0, behind = NULL WHERE target = ?1 AND behind IS NOT NULL")?
        .execute([target.id])?;
    let in_flight = tx
        .prepare(
            "UPDATE delivery_rows SET status = 'queued', attempt = NULL, due_at = 0
             WHERE target = ?1 AND kind = 0 AND status IN ('in_flight', 'pending')",
        )?
        .execute([target.id])?;
    let mut postings = Postings::default();
    (0..in_flight).for_each(|_| postings.moved(Class::InFlight, Class::Untried));
    postings.post(tx, target.id)?;
    tx.prepare("UPDATE delivery_targets SET live = 0 WHERE id = ?1")?
        .execute([target.id])?;
    Ok(i64::try_from(in_flight).unwrap_or(i64::MAX))
}

/// Restores a forgotten target: its counters are counted once from the rows, and events that its
/// cursor passed and that became left to send since then get a row. O(rows).
pub(super) fn remember(tx: &WriteTx<'_>, target: &Target) -> Result<(), Error> {
    tx.prepare(
        "INSERT INTO delivery_rows (target, seq, status, due_at)
         SELECT ?1, f.seq, 'queued', 0 FROM journal_feed AS f
         WHERE f.kind = 0 AND f.seq <= ?2 AND f.superseded_by IS NULL AND f.held IS NULL AND f.discarded IS NULL AND f.gone IS NULL
         ON CONFLICT (target, seq) DO UPDATE SET status = 'queued', due_at = 0 WHERE status = 'closed'",
    )?
    .execute([target.id, target.cursor_seq])?;
    documents::enter_all(tx, target.id)?;
    for (scope, name, value) in balance::counters_by_rows(tx, target)? {
        set_counter(
            tx,
            Counter {
                scope: &scope,
                name,
            },
            value,
        )?;
    }
    tx.prepare("UPDATE delivery_targets SET live = 1 WHERE id = ?1")?
        .execute([target.id])?;
    Ok(())
}
