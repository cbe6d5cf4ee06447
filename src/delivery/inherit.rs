//! Deliveries to this target that an older ledger recorded.

use super::postings::Postings;
use super::rows::row_of;
use super::{Class, Error, Status, documents, register};
use crate::base::Timestamp;
use crate::endpoint::Identity;
use crate::journal;
use crate::store::WriteTx;

/// An event that the target has according to an older ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inherited {
    /// The journal row.
    pub(crate) seq: i64,
    /// The target answered that it already had it.
    pub(crate) was_duplicate: bool,
    /// Time of that answer, if known.
    pub(crate) settled_at: Option<Timestamp>,
}

/// Records that the target has these events, and returns how many of them were still to be tried.
/// Events that were tried or requeued here, superseded or given up are unchanged. The journal is
/// sealed through the last of them, since they were already sent.
pub(crate) fn inherit(
    tx: &WriteTx<'_>,
    identity: &Identity,
    events: &[Inherited],
    now: Timestamp,
) -> Result<u64, Error> {
    if events.is_empty() {
        return Ok(0);
    }
    let target = register::register(tx, identity, now)?;
    let (mut postings, mut taken, mut last) = (Postings::default(), 0, 0);
    for event in events {
        if row_of(tx, target.id, event.seq)?.is_some() {
            continue;
        }
        let marks = tx.first(
            "SELECT superseded_by IS NULL AND discarded IS NULL AND gone IS NULL, held IS NOT NULL
                 FROM journal_feed WHERE seq = ?1 AND kind = 0",
            [event.seq],
            |r| Ok((r.get::<_, bool>(0)?, r.get::<_, bool>(1)?)),
        )?;
        let Some((true, is_held)) = marks else {
            continue;
        };
        let status = if event.was_duplicate {
            Status::Duplicate
        } else {
            Status::Success
        };
        tx.prepare(
            "INSERT INTO delivery_rows (target, seq, status, settled_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(rusqlite::params![
            target.id,
            event.seq,
            status.word(),
            event.settled_at.unwrap_or(now).as_micros()
        ])?;
        documents::announce(tx, target.id, event.seq)?;
        postings.moved(
            if is_held {
                Class::Blocked
            } else {
                Class::Untried
            },
            Class::Delivered,
        );
        taken += 1;
        last = last.max(event.seq);
    }
    postings.post(tx, target.id)?;
    journal::seal(tx, last)?;
    Ok(taken)
}

/// Moves a target's cursor over the events that all have a row there, as far as there are any
/// without a gap. O(rows).
pub(crate) fn advance(tx: &WriteTx<'_>, target: i64) -> Result<(), Error> {
    tx.prepare(
        "UPDATE delivery_targets AS t SET cursor_seq = MAX(cursor_seq, COALESCE(
           (SELECT MIN(f.seq) - 1 FROM journal_feed AS f WHERE f.seq > t.cursor_seq AND f.kind = 0 AND NOT EXISTS (
              SELECT 1 FROM delivery_rows AS d WHERE d.target = t.id AND d.seq = f.seq)),
           (SELECT MAX(seq) FROM journal_feed), 0))
         WHERE id = ?1",
    )?
    .execute([target])?;
    Ok(())
}
