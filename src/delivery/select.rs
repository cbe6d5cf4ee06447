//! Selects the next batch and records its attempt in one transaction.

use rusqlite::Row;

use super::attempt::{self, Pending};
use super::batch::{Batch, Item, Limits, Packer};
use super::limits::{self, Policy};
use super::parking::Order;
use super::postings::Postings;
use super::{Class, Error, Status, Target};
use crate::base::ids::Ids;
use crate::base::{Timestamp, retry};
use crate::event::{WireContext, WireForm, for_wire};
use crate::journal;
use crate::store::WriteTx;

/// Journal rows that one transaction examines at most, in multiples of a batch.
const WINDOW: usize = 4;

/// The next step of a drain.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Send this.
    pub(super) batch: Option<Batch>,
    /// Number of events that no request can carry; they were given up here.
    pub(super) not_sendable: usize,
    /// Without a batch: the examined rows held nothing to send, but there may be more.
    pub(super) has_more: bool,
}

/// A journal row as a candidate.
struct Candidate {
    item: Item,
    envelope: Vec<u8>,
    wire: WireForm,
    from: Class,
    is_alone: bool,
}

/// Rows that are due, the longest waiting first.
pub(super) const DUE: &str = "SELECT d.seq, f.event_id, f.envelope, f.wire, d.status, d.alone
     FROM delivery_rows AS d JOIN journal_feed AS f ON f.seq = d.seq
     WHERE d.target = ?1 AND d.kind = 0 AND d.due_at > ?2 AND d.due_at <= ?3
     ORDER BY d.due_at, d.seq LIMIT ?4";
/// Journal rows above the cursor, and whether each is left to send.
pub(super) const ABOVE: &str = "SELECT f.seq, f.event_id, f.envelope, f.wire,
       f.kind = 0 AND f.superseded_by IS NULL AND f.held IS NULL AND f.discarded IS NULL AND f.gone IS NULL
       AND NOT EXISTS (SELECT 1 FROM delivery_rows AS d WHERE d.target = ?1 AND d.seq = f.seq)
     FROM journal_feed AS f WHERE f.seq > ?2 ORDER BY f.seq LIMIT ?3";
/// The due times of rows that wait for their first sending: never selected, or part of a batch that
/// was not accepted.
const UNSENT: (i64, i64) = (-1, 0);
/// True if there are rows above the cursor.
pub(super) const HAS_NEW: &str = "SELECT EXISTS (SELECT 1 FROM journal_feed WHERE seq > ?1)";

/// Chooses the next batch for `target` and opens its attempt: an open attempt first, with the same
/// bytes; else new work in journal order together with retries, at most half of the batch while
/// there is new work; if there is neither, a parked attempt. `begun` is when the drain began: an
/// event that was answered since then is not tried again, or a long drain would use up the tries of
/// every event.
pub(super) fn select(
    tx: &WriteTx<'_>,
    target: &Target,
    policy: &Policy,
    context: WireContext<'_>,
    ids: &dyn Ids,
    (begun, now): (Timestamp, Timestamp),
) -> Result<Selection, Error> {
    if target
        .not_before
        .is_some_and(|until| !retry::is_due(until, now))
    {
        return Ok(Selection::default());
    }
    let again = |open| {
        let batch = attempt::rebuild(tx, target.id, open, context, ids, now)?;
        Ok(Selection {
            batch: Some(batch),
            ..Selection::default()
        })
    };
    match attempt::pending(tx, target.id, now)? {
        Pending::Due(open) => return again(open),
        Pending::Wait => return Ok(Selection::default()),
        Pending::Clear => {}
    }
    let selection = fresh(tx, target, policy, context, ids, (begun, now))?;
    if selection.batch.is_none()
        && !selection.has_more
        && let Some(open) = attempt::parked(tx, target.id, now)?
    {
        return again(open);
    }
    Ok(selection)
}

/// A batch of events that are left to send and not in flight.
fn fresh(
    tx: &WriteTx<'_>,
    target: &Target,
    policy: &Policy,
    context: WireContext<'_>,
    ids: &dyn Ids,
    (begun, now): (Timestamp, Timestamp),
) -> Result<Selection, Error> {
    let limits = limits::in_force(target, policy, now);
    let mut packing = Packing::new(limits, context);
    let mut order = Order::new(tx, target.id)?;
    let (due, mut is_full) = due(tx, target, limits, &mut order, (begun, now))?;
    for candidate in due {
        let is_alone = candidate.is_alone;
        if !packing.offer(tx, target.id, candidate, now)? || is_alone {
            // Events after the first one that does not fit wait too: the order is kept.
            is_full = true;
            break;
        }
    }
    let cursor = if is_full {
        target.cursor_seq
    } else {
        window(tx, target, limits, &mut packing, &mut order, now)?
    };
    if cursor > target.cursor_seq {
        tx.prepare("UPDATE delivery_targets SET cursor_seq = ?2 WHERE id = ?1")?
            .execute([target.id, cursor])?;
        journal::seal(tx, cursor)?;
    }
    packing.finish(
        tx,
        target.id,
        cursor > target.cursor_seq || order.has_waiting,
        ids,
        now,
    )
}

/// The rows that are due, in journal order; and whether more rows that were never sent remain,
/// which rows above the cursor must not overtake.
fn due(
    tx: &WriteTx<'_>,
    target: &Target,
    limits: Limits,
    order: &mut Order,
    (begun, now): (Timestamp, Timestamp),
) -> Result<(Vec<Candidate>, bool), Error> {
    let (mut unsent, mut is_cut) = due_between(tx, target.id, limits, UNSENT)?;
    let has_unsent = !unsent.is_empty();
    let mut waits = Vec::with_capacity(unsent.len());
    for candidate in &unsent {
        waits.push(order.holds_up(tx, candidate.item.seq, &candidate.envelope)?);
    }
    let mut waits = waits.into_iter();
    unsent.retain(|_| !waits.next().unwrap_or(false));
    let has_new = has_unsent
        || tx
            .prepare(HAS_NEW)?
            .query_row([target.cursor_seq], |r| r.get(0))?;
    let share = if has_new {
        Limits {
            events: (limits.events / 2).max(1),
            bytes: limits.bytes / 2,
        }
    } else {
        limits
    };
    let (mut again, _) = due_between(tx, target.id, share, (0, begun.min(now).as_micros()))?;
    if again.is_empty() && unsent.is_empty() {
        // Due times beyond the longest back-off mean the clock moved backwards; treat them as due.
        (again, _) = due_between(
            tx,
            target.id,
            share,
            (now.after(retry::LONGEST).as_micros(), i64::MAX),
        )?;
    }
    // An event that was refused alone is sent alone: it goes first or not at all.
    if again.first().is_some_and(|c| c.is_alone) {
        again.truncate(1);
        return Ok((again, true));
    }
    again.retain(|c| !c.is_alone);
    let room = limits.events.saturating_sub(again.len());
    is_cut |= unsent.len() > room;
    unsent.truncate(room);
    unsent.append(&mut again);
    unsent.sort_by_key(|c| c.item.seq);
    Ok((unsent, is_cut))
}

/// Rows due between two times, the longest waiting first, within the limits; and whether there are
/// more.
fn due_between(
    tx: &WriteTx<'_>,
    target: i64,
    limits: Limits,
    (after, until): (i64, i64),
) -> Result<(Vec<Candidate>, bool), Error> {
    let count = i64::try_from(limits.events).unwrap_or(i64::MAX);
    let mut statement = tx.prepare(DUE)?;
    let mut rows = statement.query([target, after, until, count.saturating_add(1)])?;
    let (mut all, mut used) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let word: String = row.get(4)?;
        let status = Status::from_word(&word)
            .ok_or_else(|| Error::Damaged(format!("unknown status {word:?}")))?;
        let candidate = candidate(row, status.class(), row.get(5)?)?;
        used += candidate.envelope.len();
        if !all.is_empty() && (used > limits.bytes || all.len() >= limits.events) {
            return Ok((all, true));
        }
        all.push(candidate);
    }
    Ok((all, false))
}

/// Offers new work above the cursor to the batch; returns the last row examined.
fn window(
    tx: &WriteTx<'_>,
    target: &Target,
    limits: Limits,
    packing: &mut Packing<'_>,
    order: &mut Order,
    now: Timestamp,
) -> Result<i64, Error> {
    let mut statement = tx.prepare(ABOVE)?;
    let rows = i64::try_from(limits.events.saturating_mul(WINDOW)).unwrap_or(i64::MAX);
    let mut rows = statement.query([target.id, target.cursor_seq, rows])?;
    let mut cursor = target.cursor_seq;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        if row.get(4)? {
            let candidate = candidate(row, Class::Untried, false)?;
            if !order.holds_up(tx, seq, &candidate.envelope)?
                && !packing.offer(tx, target.id, candidate, now)?
            {
                break;
            }
        }
        cursor = seq;
    }
    Ok(cursor)
}

fn candidate(row: &Row<'_>, from: Class, is_alone: bool) -> Result<Candidate, Error> {
    let seq = row.get(0)?;
    let envelope: Option<Vec<u8>> = row.get(2)?;
    let envelope = envelope.ok_or_else(|| {
        Error::Damaged(format!(
            "journal row {seq} is left to send, but its payload is gone"
        ))
    })?;
    let wire = WireForm::from_code(row.get(3)?);
    Ok(Candidate {
        item: Item {
            seq,
            event_id: row.get(1)?,
        },
        envelope,
        wire,
        from,
        is_alone,
    })
}

/// A batch under construction.
struct Packing<'a> {
    packer: Packer,
    context: WireContext<'a>,
    items: Vec<Item>,
    postings: Postings,
    not_sendable: usize,
}

impl<'a> Packing<'a> {
    fn new(limits: Limits, context: WireContext<'a>) -> Self {
        let packer = Packer::new(limits, context.form);
        Self {
            packer,
            context,
            items: Vec::new(),
            postings: Postings::default(),
            not_sendable: 0,
        }
    }

    /// Adds a candidate to the batch; false if it does not fit. An event that no request can carry
    /// is given up here.
    fn offer(
        &mut self,
        tx: &WriteTx<'_>,
        target: i64,
        candidate: Candidate,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let wire =
            for_wire(&candidate.envelope, candidate.wire, self.context).and_then(|rewritten| {
                let head = self.context.form.head(
                    rewritten.as_deref().unwrap_or(&candidate.envelope),
                    self.context,
                )?;
                Ok((head, rewritten))
            });
        let (head, rewritten) = match wire {
            Ok(wire) => wire,
            Err(why) => {
                give_up(tx, target, candidate.item.seq, &why.to_string(), now)?;
                self.postings.moved(candidate.from, Class::Undeliverable);
                self.not_sendable += 1;
                return Ok(true);
            }
        };
        if !self
            .packer
            .push(&head, rewritten.as_deref().unwrap_or(&candidate.envelope))
        {
            return Ok(false);
        }
        self.postings.moved(candidate.from, Class::InFlight);
        self.items.push(candidate.item);
        Ok(true)
    }

    /// Writes the attempt and puts the rows in flight under it.
    fn finish(
        mut self,
        tx: &WriteTx<'_>,
        target: i64,
        has_advanced: bool,
        ids: &dyn Ids,
        now: Timestamp,
    ) -> Result<Selection, Error> {
        let not_sendable = self.not_sendable;
        std::mem::take(&mut self.postings).post(tx, target)?;
        if self.items.is_empty() {
            return Ok(Selection {
                batch: None,
                not_sendable,
                has_more: has_advanced || not_sendable > 0,
            });
        }
        let key = ids.uuid();
        let seqs: Vec<i64> = self.items.iter().map(|i| i.seq).collect();
        let attempt = attempt::begin(tx, target, &key, &seqs, now)?;
        let mut statement = tx.prepare(
            "INSERT INTO delivery_rows (target, seq, status, attempt, first_attempted_at, last_attempted_at)
             VALUES (?1, ?2, 'in_flight', ?3, ?4, ?4)
             ON CONFLICT (target, seq) DO UPDATE SET status = 'in_flight', attempt = ?3, due_at = NULL,
               first_attempted_at = COALESCE(first_attempted_at, ?4), last_attempted_at = ?4",
        )?;
        for seq in &seqs {
            statement.execute([target, *seq, attempt, now.as_micros()])?;
        }
        let (body, digest) = self.packer.finish();
        attempt::sending(tx, attempt, body.len(), &digest)?;
        let batch = Batch {
            attempt,
            idempotency_key: key,
            items: self.items,
            body,
            unknown_ends: 0,
            is_in_doubt: false,
        };
        Ok(Selection {
            batch: Some(batch),
            not_sendable,
            has_more: true,
        })
    }
}

/// Gives up an event that no request can carry, without sending anything.
fn give_up(
    tx: &WriteTx<'_>,
    target: i64,
    seq: i64,
    why: &str,
    now: Timestamp,
) -> Result<(), Error> {
    tx.prepare(
        "INSERT INTO delivery_rows (target, seq, status, error, settled_at) VALUES (?1, ?2, 'terminal_failed', ?3, ?4)
         ON CONFLICT (target, seq) DO UPDATE SET status = 'terminal_failed', error = ?3, settled_at = ?4, due_at = NULL",
    )?
    .execute(rusqlite::params![target, seq, why, now.as_micros()])?;
    Ok(())
}
