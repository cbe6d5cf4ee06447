//! Settling what an answer said, in one transaction (design section 6, "record").

use std::time::Duration;

use rusqlite::OptionalExtension as _;

use super::attempt::{self, End};
use super::batch::{Batch, Item};
use super::postings::Postings;
use super::select::Policy;
use super::{Class, Error, Outcome, Status, Target, Verdict};
use crate::base::ids::Ids;
use crate::base::{Timestamp, retry};
use crate::store::WriteTx;

/// The first wait for an event the receiver accepted but has not stored; it doubles.
const PENDING_WAIT: Duration = Duration::from_mins(1);
/// Clean batches after which a learned limit doubles.
const CLEAN: i64 = 10;

/// What settling needs besides the verdict.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settling<'a> {
    pub(super) policy: &'a Policy,
    pub(super) http_status: Option<u16>,
    pub(super) ids: &'a dyn Ids,
    /// In 0..1, for the waits.
    pub(super) random: f64,
    pub(super) now: Timestamp,
}

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
    let end = |result, error| End { result, http_status: settling.http_status, error };
    match verdict {
        Verdict::Settled(outcomes) => {
            attempt::close(tx, batch.attempt, end("answered", None), now)?;
            let settled = settle_each(tx, target.id, batch, outcomes, settling)?;
            let is_clean = settled.success + settled.duplicate > 0;
            note_contact(tx, target, is_clean)?;
            Ok(settled)
        }
        Verdict::TooLarge(reason) => {
            learn_limit(tx, target.id, batch)?;
            split(tx, target.id, batch, end("too_large", Some(reason)), settling)
        }
        Verdict::Bisect(reason) => split(tx, target.id, batch, end("refused", Some(reason)), settling),
        Verdict::Halt(reason) => requeue(tx, target.id, batch, end("halted", Some(reason)), now),
        Verdict::Unreachable(reason) => requeue(tx, target.id, batch, end("unreachable", Some(reason)), now),
        Verdict::Throttled { reason, wait } => {
            let until = now.after(retry::backoff(target.throttled, *wait, settling.random));
            tx.prepare("UPDATE delivery_targets SET not_before = ?2, throttled = throttled + 1 WHERE id = ?1")?
                .execute([target.id, until.as_micros()])?;
            requeue(tx, target.id, batch, end("throttled", Some(reason)), now)
        }
        Verdict::Unknown(reason) => {
            let ends = batch.unknown_ends + 1;
            if ends >= attempt::PATIENCE && batch.items.len() > 1 {
                return split(tx, target.id, batch, end("unknown", Some(reason)), settling);
            }
            let due = now.after(retry::backoff(batch.unknown_ends, None, settling.random));
            attempt::keep_open(tx, batch.attempt, end("unknown", Some(reason)), due)?;
            Ok(Settled::default())
        }
    }
}

/// The target answered properly: forget that it throttled, and let a learned limit grow after enough clean batches.
fn note_contact(tx: &WriteTx<'_>, target: &Target, is_clean: bool) -> Result<(), Error> {
    let grows =
        is_clean && target.clean_batches + 1 >= CLEAN && (target.limit_events, target.limit_bytes) != (None, None);
    tx.prepare(
        "UPDATE delivery_targets SET not_before = NULL, throttled = 0,
           clean_batches = CASE WHEN ?3 THEN 0 ELSE clean_batches + ?2 END,
           limit_events = CASE WHEN ?3 THEN limit_events * 2 ELSE limit_events END,
           limit_bytes = CASE WHEN ?3 THEN limit_bytes * 2 ELSE limit_bytes END
         WHERE id = ?1",
    )?
    .execute(rusqlite::params![target.id, is_clean, grows])?;
    Ok(())
}

fn learn_limit(tx: &WriteTx<'_>, target: i64, batch: &Batch) -> Result<(), Error> {
    let half = |n: usize| i64::try_from(n / 2).unwrap_or(i64::MAX).max(1);
    tx.prepare("UPDATE delivery_targets SET limit_events = ?2, limit_bytes = ?3, clean_batches = 0 WHERE id = ?1")?
        .execute([target, half(batch.items.len()), half(batch.body.len())])?;
    Ok(())
}

/// Closes the attempt and opens one for each half of its events, left first. The rows stay in flight.
fn split(tx: &WriteTx<'_>, target: i64, batch: &Batch, end: End<'_>, s: &Settling<'_>) -> Result<Settled, Error> {
    attempt::close(tx, batch.attempt, end, s.now)?;
    let (left, right) = batch.items.split_at(middle(&batch.items));
    for half in [left, right] {
        let seqs: Vec<i64> = half.iter().map(|i| i.seq).collect();
        let child = attempt::begin(tx, target, &s.ids.uuid(), &seqs, Some(batch.attempt), s.now)?;
        let mut statement = tx.prepare(
            "UPDATE delivery_rows SET attempt = ?3
             WHERE target = ?1 AND seq = ?2 AND attempt = ?4 AND status = 'in_flight'",
        )?;
        for seq in seqs {
            statement.execute([target, seq, child, batch.attempt])?;
        }
    }
    Ok(Settled::default())
}

fn middle(items: &[Item]) -> usize {
    (items.len() / 2).clamp(1, items.len().saturating_sub(1).max(1))
}

/// Closes the attempt and gives its rows back as they were before it: owed, no try counted.
fn requeue(tx: &WriteTx<'_>, target: i64, batch: &Batch, end: End<'_>, now: Timestamp) -> Result<Settled, Error> {
    attempt::close(tx, batch.attempt, end, now)?;
    let mut postings = Postings::default();
    for item in &batch.items {
        back_to_queue(tx, target, batch.attempt, item.seq, &mut postings)?;
    }
    postings.post(tx, target)?;
    Ok(Settled::default())
}

fn back_to_queue(tx: &WriteTx<'_>, target: i64, attempt: i64, seq: i64, postings: &mut Postings) -> Result<(), Error> {
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
        let Some(tried) = tried(tx, target, batch.attempt, item.seq)? else { continue };
        let step = next(outcome, tried, batch.items.len() == 1, s);
        write(tx, target, item.seq, &step, s)?;
        postings.moved(Class::InFlight, step.status.class());
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

/// What a row went through so far.
#[derive(Debug, Clone, Copy, Default)]
struct Tried {
    failures: u32,
    rejections: i64,
}

/// The history of a row, if this attempt still has it in flight.
fn tried(tx: &WriteTx<'_>, target: i64, attempt: i64, seq: i64) -> Result<Option<Tried>, Error> {
    let sql = "SELECT failures, rejections FROM delivery_rows
               WHERE target = ?1 AND seq = ?2 AND attempt = ?3 AND status = 'in_flight'";
    let row = tx.prepare(sql)?.query_row([target, seq, attempt], |r| {
        Ok(Tried { failures: r.get::<_, i64>(0)?.try_into().unwrap_or(u32::MAX), rejections: r.get(1)? })
    });
    Ok(row.optional()?)
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step<'a> {
    status: Status,
    due: Option<Timestamp>,
    error: Option<&'a str>,
    failures: u32,
    rejections: i64,
    is_alone: bool,
}

/// Decides it (pure).
fn next<'a>(outcome: &'a Outcome, tried: Tried, was_alone: bool, s: &Settling<'_>) -> Step<'a> {
    let Tried { failures, rejections } = tried;
    let end = |status, error| Step { status, due: None, error, failures, rejections, is_alone: false };
    let wait = |status, error, wait| Step {
        due: Some(s.now.after(wait)),
        failures: failures.saturating_add(1),
        ..end(status, error)
    };
    let backoff = retry::backoff(failures, None, s.random);
    match outcome {
        Outcome::Success => end(Status::Success, None),
        Outcome::Duplicate => end(Status::Duplicate, None),
        Outcome::Terminal(reason) => end(Status::TerminalFailed, Some(reason.as_str())),
        Outcome::Pending => {
            let longer = PENDING_WAIT.saturating_mul(2u32.saturating_pow(failures.min(16))).min(retry::LONGEST);
            wait(Status::Pending, None, longer)
        }
        Outcome::Transient(reason) => wait(Status::Transient, Some(reason.as_str()), backoff),
        Outcome::Rejected(reason) if rejections + 1 >= s.policy.max_rejections => {
            Step { rejections: rejections + 1, ..end(Status::TerminalFailed, Some(reason.as_str())) }
        }
        Outcome::Rejected(reason) => {
            let step = wait(Status::Rejected, Some(reason.as_str()), backoff);
            Step { rejections: rejections + 1, is_alone: was_alone, ..step }
        }
        Outcome::Requeue => end(Status::Queued, None),
    }
}

fn write(tx: &WriteTx<'_>, target: i64, seq: i64, step: &Step<'_>, s: &Settling<'_>) -> Result<(), Error> {
    let settled_at = step.due.is_none().then_some(s.now.as_micros());
    tx.prepare(
        "UPDATE delivery_rows SET status = ?3, due_at = ?4, error = ?5, failures = ?6, rejections = ?7, alone = ?8,
           attempts = attempts + 1, attempt = NULL, http_status = ?9, last_attempted_at = ?10, settled_at = ?11
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
        settled_at
    ])?;
    Ok(())
}
