//! Parked events: in flight alone, with an unknown end. They delay only later events of their
//! aggregate that were never sent. Those wait behind them: their rows name the attempt and have no
//! due time.

use super::Error;
use super::attempt;
use super::batch::Batch;
use crate::event::aggregate;
use crate::store::{ReadTx, WriteTx};

/// True if any event is parked at a target.
pub(super) const ANY: &str = "SELECT EXISTS
     (SELECT 1 FROM delivery_attempts WHERE target = ?1 AND closed_at IS NULL AND parked = 1)";
/// The parked attempt with an earlier event of an aggregate.
pub(super) const AHEAD: &str = "SELECT id FROM delivery_attempts
     WHERE target = ?1 AND aggregate = ?2 AND first_seq < ?3 AND closed_at IS NULL AND parked = 1 LIMIT 1";

/// Parks the attempt of a single event. Returns whether an attempt that was never sent contains an
/// event that must now wait: the halves of a batch that was refused as a whole.
pub(super) fn park(tx: &WriteTx<'_>, target: i64, batch: &Batch) -> Result<bool, Error> {
    let Some(item) = batch.items.first() else {
        return Ok(false);
    };
    let subject = subject(tx, item.seq)?;
    tx.prepare("UPDATE delivery_attempts SET parked = 1, aggregate = ?2 WHERE id = ?1")?
        .execute((batch.attempt, &subject))?;
    if subject.is_none() {
        return Ok(false);
    }
    for (_, seqs) in attempt::untouched(tx, target)? {
        for seq in seqs.into_iter().filter(|seq| *seq > item.seq) {
            if self::subject(tx, seq)? == subject {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The aggregate of a journal row; `None` if it names none.
pub(super) fn subject(tx: &ReadTx<'_>, seq: i64) -> Result<Option<String>, Error> {
    let envelope: Option<Option<Vec<u8>>> = tx.first(
        "SELECT envelope FROM journal_feed WHERE seq = ?1",
        [seq],
        |r| r.get(0),
    )?;
    Ok(envelope.flatten().and_then(|bytes| aggregate(&bytes)))
}

/// Decides which events wait behind a parked one at a target.
#[derive(Debug)]
pub(super) struct Order {
    target: i64,
    /// False if nothing is parked, the usual case: then envelopes are not read for this.
    is_any: bool,
    /// True once a row was made to wait.
    pub(super) has_waiting: bool,
}

impl Order {
    pub(super) fn new(tx: &ReadTx<'_>, target: i64) -> Result<Self, Error> {
        Ok(Self {
            target,
            is_any: tx.one(ANY, [target], |r| r.get(0))?,
            has_waiting: false,
        })
    }

    /// Makes an event that was never sent wait if an earlier one of its aggregate is parked;
    /// returns true then.
    pub(super) fn holds_up(
        &mut self,
        tx: &WriteTx<'_>,
        seq: i64,
        envelope: &[u8],
    ) -> Result<bool, Error> {
        let subject = if self.is_any {
            aggregate(envelope)
        } else {
            None
        };
        let Some(subject) = subject else {
            return Ok(false);
        };
        let ahead: Option<i64> = tx.first(AHEAD, (self.target, subject, seq), |r| r.get(0))?;
        let Some(attempt) = ahead else {
            return Ok(false);
        };
        tx.prepare(
            "INSERT INTO delivery_rows (target, seq, status, behind) VALUES (?1, ?2, 'queued', ?3)
             ON CONFLICT (target, seq) DO UPDATE SET due_at = NULL, behind = ?3",
        )?
        .execute([self.target, seq, attempt])?;
        self.has_waiting = true;
        Ok(true)
    }
}
