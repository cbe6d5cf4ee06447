//! Settles an answer in one transaction.

use super::attempt::{self, End};
use super::batch::Batch;
use super::postings::Postings;
use super::running_drain::PATIENCE;
use super::split::{grown, learn_limit, split};
use super::step::{Settling, Step, Tried, next};
use super::{
    Class, Error, Outcome, Status, Target, Verdict, advertised, documents, limits, parking, rows,
};
use crate::base::{Timestamp, retry};
use crate::journal::Kind;
use crate::store::WriteTx;

/// Number of clean batches after which a learned limit doubles.
const CLEAN: i64 = 10;

/// Counts of what was settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) success: u64,
    pub(super) duplicate: u64,
    pub(super) pending: u64,
    pub(super) rejected: u64,
    pub(super) transient: u64,
    pub(super) terminal_failed: u64,
}

/// Settles a verdict on a batch. Only rows that this attempt still has in flight change.
pub(super) fn record(
    tx: &WriteTx<'_>,
    target: &Target,
    batch: &Batch,
    verdict: &Verdict,
    settling: &Settling<'_>,
) -> Result<Settled, Error> {
    let now = settling.now;
    if !attempt::is_open(tx, batch.attempt)? {
        // Another process has recorded its end; a later answer changes nothing.
        return Ok(Settled::default());
    }
    let end = |result, error| End {
        result,
        http_status: settling.http_status,
        error,
    };
    let halve = |end, is_in_doubt, due| {
        split(
            tx,
            target,
            batch,
            end,
            is_in_doubt,
            settling.ids,
            (now, due),
        )?;
        Ok(Settled::default())
    };
    match verdict {
        Verdict::Settled(outcomes) => {
            attempt::close(tx, batch.attempt, end("answered", None), now)?;
            let settled = settle_each(tx, target.id, batch, outcomes, settling)?;
            let is_clean = settled.success + settled.duplicate > 0;
            note_contact(tx, target, settling, is_clean)?;
            Ok(settled)
        }
        Verdict::TooLarge(reason) => {
            learn_limit(tx, target.id, batch, settling.form)?;
            halve(end("too_large", Some(reason)), batch.is_in_doubt, now)
        }
        Verdict::Limited { reason, told } => {
            advertised::note(tx, target.id, told.over(limits::believed(target, now)), now)?;
            let end = end("too_large", Some(reason));
            if told.are_broken_by(batch) && !batch.is_in_doubt {
                // Closed; the next selection builds a batch within the stated limits.
                return step_back(tx, target.id, batch, end, now);
            }
            learn_limit(tx, target.id, batch, settling.form)?;
            halve(end, batch.is_in_doubt, now)
        }
        Verdict::Bisect(reason) => halve(end("refused", Some(reason)), batch.is_in_doubt, now),
        Verdict::Halt(reason) => step_back(tx, target.id, batch, end("halted", Some(reason)), now),
        Verdict::Unreachable(reason) => {
            step_back(tx, target.id, batch, end("unreachable", Some(reason)), now)
        }
        Verdict::Throttled { reason, wait } => {
            leave_alone(
                tx,
                target.id,
                Kind::Event,
                limits::pause(target, *wait, settling.random, now),
            )?;
            step_back(tx, target.id, batch, end("throttled", Some(reason)), now)
        }
        Verdict::Unknown {
            reason,
            wait,
            is_halved,
        } => {
            let due = now.after(retry::backoff(batch.unknown_ends, *wait, settling.random));
            if wait.is_some_and(|wait| !wait.is_zero()) {
                // The pause applies to every request, not only to this batch.
                leave_alone(tx, target.id, Kind::Event, due)?;
            }
            let end = end("unknown", Some(reason));
            if batch.items.len() > 1 && (*is_halved || batch.unknown_ends + 1 >= PATIENCE) {
                return halve(end, true, due);
            }
            attempt::keep_open(tx, batch.attempt, end, due)?;
            if batch.unknown_ends + 1 >= PATIENCE && parking::park(tx, target.id, batch)? {
                let mut postings = Postings::default();
                give_back_untouched(tx, target.id, now, &mut postings)?;
                postings.post(tx, target.id)?;
            }
            Ok(Settled::default())
        }
    }
}

/// Sends nothing of this kind to the target before `until`.
pub(crate) fn leave_alone(
    tx: &WriteTx<'_>,
    target: i64,
    kind: Kind,
    until: Timestamp,
) -> Result<(), Error> {
    tx.prepare(&format!(
        "UPDATE delivery_targets SET {} = ?2, throttled = throttled + 1 WHERE id = ?1",
        pause_of(kind)
    ))?
    .execute([target, until.as_micros()])?;
    Ok(())
}

/// The target accepts requests again: ends its pause.
pub(crate) fn end_pause(tx: &WriteTx<'_>, target: i64, kind: Kind) -> Result<(), Error> {
    let column = pause_of(kind);
    tx.prepare(&format!(
        "UPDATE delivery_targets SET {column} = NULL, throttled = 0
         WHERE id = ?1 AND ({column} IS NOT NULL OR throttled > 0)"
    ))?
    .execute([target])?;
    Ok(())
}

const fn pause_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Event => "not_before",
        Kind::Document => "documents_not_before",
    }
}

/// Restores the state before this drain of events that were refused: the server refused everything.
pub(super) fn take_back(tx: &WriteTx<'_>, target: i64, seqs: &[i64]) -> Result<Settled, Error> {
    let (mut taken_back, mut postings) = (Settled::default(), Postings::default());
    for seq in seqs {
        let sql = "SELECT status FROM delivery_rows
                   WHERE target = ?1 AND seq = ?2 AND status IN ('rejected', 'terminal_failed')";
        let word: Option<String> = tx.first(sql, [target, *seq], |r| r.get(0))?;
        let Some(from) = word.as_deref().map(rows::status).transpose()? else {
            continue;
        };
        tx.prepare(
            "UPDATE delivery_rows SET status = 'queued', due_at = 0, settled_at = NULL, error = NULL, alone = 0,
               failures = MAX(failures - 1, 0), rejections = MAX(rejections - 1, 0), attempts = MAX(attempts - 1, 0)
             WHERE target = ?1 AND seq = ?2",
        )?
        .execute([target, *seq])?;
        postings.moved(from.class(), Class::Untried);
        *if from == Status::Rejected {
            &mut taken_back.rejected
        } else {
            &mut taken_back.terminal_failed
        } += 1;
    }
    postings.post(tx, target)?;
    Ok(taken_back)
}

/// The target answered properly: resets its count of pauses, and raises a learned limit after
/// enough clean batches.
fn note_contact(
    tx: &WriteTx<'_>,
    target: &Target,
    settling: &Settling<'_>,
    is_clean: bool,
) -> Result<(), Error> {
    let Settling { policy, now, .. } = *settling;
    let is_limited = (target.limit_events, target.limit_bytes) != (None, None);
    let (clean, events, bytes) = if is_limited && is_clean && target.clean_batches + 1 >= CLEAN {
        let bounds = limits::bounds(target, policy, now);
        (
            0,
            grown(target.limit_events, bounds.events),
            grown(target.limit_bytes, bounds.bytes),
        )
    } else {
        (
            target.clean_batches + i64::from(is_clean && is_limited),
            target.limit_events,
            target.limit_bytes,
        )
    };
    tx.prepare("UPDATE delivery_targets SET clean_batches = ?2, limit_events = ?3, limit_bytes = ?4 WHERE id = ?1")?
        .execute(rusqlite::params![target.id, clean, events, bytes])?;
    end_pause(tx, target.id, Kind::Event)
}

/// Restores the state before this sending. An attempt that the receiver may have from an earlier
/// sending stays open, to be sent again with the same bytes and key; any other is closed, its rows
/// are left to send, and no try is counted.
fn step_back(
    tx: &WriteTx<'_>,
    target: i64,
    batch: &Batch,
    end: End<'_>,
    now: Timestamp,
) -> Result<Settled, Error> {
    if batch.is_in_doubt {
        attempt::leave_open(tx, batch.attempt, end)?;
        return Ok(Settled::default());
    }
    attempt::close(tx, batch.attempt, end, now)?;
    let mut postings = Postings::default();
    for item in &batch.items {
        back_to_queue(tx, target, batch.attempt, item.seq, &mut postings)?;
    }
    // They would now overtake these rows.
    give_back_untouched(tx, target, now, &mut postings)?;
    postings.post(tx, target)?;
    Ok(Settled::default())
}

/// Queues the events of halves that were never sent.
fn give_back_untouched(
    tx: &WriteTx<'_>,
    target: i64,
    now: Timestamp,
    postings: &mut Postings,
) -> Result<(), Error> {
    for (untouched, seqs) in attempt::untouched(tx, target)? {
        attempt::close(
            tx,
            untouched,
            End {
                result: "not_sent",
                http_status: None,
                error: None,
            },
            now,
        )?;
        for seq in seqs {
            back_to_queue(tx, target, untouched, seq, postings)?;
        }
    }
    Ok(())
}

fn back_to_queue(
    tx: &WriteTx<'_>,
    target: i64,
    attempt: i64,
    seq: i64,
    postings: &mut Postings,
) -> Result<(), Error> {
    let changed = tx
        .prepare(
            "UPDATE delivery_rows SET status = 'queued', due_at = 0, attempt = NULL
             WHERE target = ?1 AND seq = ?2 AND attempt = ?3 AND status = 'in_flight'",
        )?
        .execute([target, seq, attempt])?;
    if changed > 0 {
        postings.moved(Class::InFlight, Class::Untried);
    }
    Ok(())
}

fn settle_each(
    tx: &WriteTx<'_>,
    target: i64,
    batch: &Batch,
    outcomes: &[Outcome],
    s: &Settling<'_>,
) -> Result<Settled, Error> {
    let mut settled = Settled::default();
    let mut postings = Postings::default();
    for (item, outcome) in batch.items.iter().zip(outcomes) {
        if *outcome == Outcome::Requeue {
            back_to_queue(tx, target, batch.attempt, item.seq, &mut postings)?;
            continue;
        }
        let Some(tried) = tried(tx, target, batch.attempt, item.seq)? else {
            continue;
        };
        let step = next(outcome, tried, batch.items.len() == 1, s);
        write(tx, target, item.seq, &step, s)?;
        postings.moved(Class::InFlight, step.status.class());
        if step.status.class() == Class::Delivered {
            documents::announce(tx, target, item.seq)?;
        }
        match step.status {
            Status::Success => settled.success += 1,
            Status::Duplicate => settled.duplicate += 1,
            Status::Pending => settled.pending += 1,
            Status::Rejected => settled.rejected += 1,
            Status::TerminalFailed => settled.terminal_failed += 1,
            _ => settled.transient += 1,
        }
    }
    postings.post(tx, target)?;
    Ok(settled)
}

/// The history of a row, if this attempt still has it in flight.
fn tried(tx: &WriteTx<'_>, target: i64, attempt: i64, seq: i64) -> Result<Option<Tried>, Error> {
    let sql = "SELECT failures, rejections, alone FROM delivery_rows
               WHERE target = ?1 AND seq = ?2 AND attempt = ?3 AND status = 'in_flight'";
    Ok(tx.first(sql, [target, seq, attempt], |r| {
        let failures = r.get::<_, i64>(0)?.try_into().unwrap_or(u32::MAX);
        Ok(Tried {
            failures,
            rejections: r.get(1)?,
            is_alone: r.get(2)?,
        })
    })?)
}

fn write(
    tx: &WriteTx<'_>,
    target: i64,
    seq: i64,
    step: &Step<'_>,
    s: &Settling<'_>,
) -> Result<(), Error> {
    let settled_at = step.due.is_none().then_some(s.now.as_micros());
    tx.prepare(
        "UPDATE delivery_rows SET status = ?3, due_at = ?4, error = ?5, failures = ?6, rejections = ?7, alone = ?8,
           attempts = attempts + 1, attempt = NULL, http_status = ?9, last_attempted_at = ?10, settled_at = ?11,
           by_status = ?12
         WHERE target = ?1 AND seq = ?2",
    )?
    .execute(rusqlite::params![
        target,
        seq,
        step.status.word(),
        step.due.map(Timestamp::as_micros),
        step.error,
        step.failures,
        step.rejections,
        step.is_alone,
        s.http_status,
        s.now.as_micros(),
        settled_at,
        step.is_by_status
    ])?;
    Ok(())
}
