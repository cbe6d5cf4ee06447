//! Attempts: what is about to be on the wire, written down first.

use rusqlite::{OptionalExtension as _, Row};

use super::Error;
use super::batch::{Batch, Item, Packer, parse_ranges, ranges};
use crate::base::{Sha256, Timestamp, retry};
use crate::event::{WireContext, WireForm, for_wire};
use crate::store::WriteTx;

/// From this many unknown ends a batch is halved, and a single event no longer holds up the others.
pub(super) const PATIENCE: u32 = 3;

/// An attempt without an end.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) id: i64,
    key: String,
    seqs: Vec<i64>,
    due_at: Timestamp,
    body_sha256: Option<Vec<u8>>,
    unknown_ends: u32,
}

impl Open {
    /// A single event whose end stays unknown waits by itself and holds up nobody.
    fn is_parked(&self) -> bool {
        self.seqs.len() == 1 && self.unknown_ends >= PATIENCE
    }
}

/// What the open attempts of a target ask for.
#[derive(Debug)]
pub(super) enum Pending {
    /// This one is sent again now.
    Due(Open),
    /// One is not due yet, and everything else waits for it.
    Wait,
    /// None, or none that holds up others.
    Clear,
}

/// Looks through the open attempts, oldest first, so that a left half precedes its right half.
pub(super) fn pending(tx: &WriteTx<'_>, target: i64, now: Timestamp) -> Result<Pending, Error> {
    let mut statement = tx.prepare(
        "SELECT id, idempotency_key, seqs, due_at, body_sha256, unknown_ends FROM delivery_attempts
         WHERE target = ?1 AND closed_at IS NULL ORDER BY id",
    )?;
    let mut rows = statement.query([target])?;
    while let Some(row) = rows.next()? {
        let open = open(row)?;
        if retry::is_due(open.due_at, now) {
            return Ok(Pending::Due(open));
        }
        if !open.is_parked() {
            return Ok(Pending::Wait);
        }
    }
    Ok(Pending::Clear)
}

fn open(row: &Row<'_>) -> Result<Open, Error> {
    let id: i64 = row.get(0)?;
    let seqs: String = row.get(2)?;
    Ok(Open {
        id,
        key: row.get(1)?,
        seqs: parse_ranges(&seqs).ok_or_else(|| Error::Damaged(format!("attempt {id} lists rows as {seqs:?}")))?,
        due_at: Timestamp::from_micros(row.get(3)?),
        body_sha256: row.get(4)?,
        unknown_ends: row.get(5)?,
    })
}

/// Writes a new attempt for rows that are in flight under it from now on.
pub(super) fn begin(
    tx: &WriteTx<'_>,
    target: i64,
    key: &str,
    seqs: &[i64],
    parent: Option<i64>,
    now: Timestamp,
) -> Result<i64, Error> {
    let id = tx
        .prepare(
            "INSERT INTO delivery_attempts (target, parent, idempotency_key, seqs, events, opened_at, due_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) RETURNING id",
        )?
        .query_row(
            rusqlite::params![
                target,
                parent,
                key,
                ranges(seqs.iter().copied()),
                i64::try_from(seqs.len()).unwrap_or(i64::MAX),
                now.as_micros()
            ],
            |r| r.get(0),
        )?;
    Ok(id)
}

/// Marks an attempt as about to be sent, with what is sent.
pub(super) fn sending(tx: &WriteTx<'_>, id: i64, body_bytes: usize, digest: &Sha256) -> Result<(), Error> {
    tx.prepare("UPDATE delivery_attempts SET sent = sent + 1, body_bytes = ?2, body_sha256 = ?3 WHERE id = ?1")?
        .execute(rusqlite::params![id, i64::try_from(body_bytes).unwrap_or(i64::MAX), &digest.as_bytes()[..]])?;
    Ok(())
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) result: &'a str,
    pub(super) http_status: Option<u16>,
    pub(super) error: Option<&'a str>,
}

/// Closes an attempt.
pub(super) fn close(tx: &WriteTx<'_>, id: i64, end: End<'_>, now: Timestamp) -> Result<(), Error> {
    tx.prepare(
        "UPDATE delivery_attempts SET closed_at = ?2, result = ?3, http_status = ?4, error = ?5
         WHERE id = ?1 AND closed_at IS NULL",
    )?
    .execute(rusqlite::params![id, now.as_micros(), end.result, end.http_status, end.error])?;
    Ok(())
}

/// Keeps an attempt open after an end that nobody knows, to be sent again at `due`.
pub(super) fn keep_open(tx: &WriteTx<'_>, id: i64, end: End<'_>, due: Timestamp) -> Result<(), Error> {
    tx.prepare(
        "UPDATE delivery_attempts SET unknown_ends = unknown_ends + 1, due_at = ?2, http_status = ?3, error = ?4
         WHERE id = ?1",
    )?
    .execute(rusqlite::params![id, due.as_micros(), end.http_status, end.error])?;
    Ok(())
}

/// The batch of an open attempt, built again from the journal: the same events in the same order give the same bytes.
pub(super) fn rebuild(tx: &WriteTx<'_>, open: Open, context: WireContext<'_>) -> Result<Batch, Error> {
    let everything = super::batch::Limits { events: usize::MAX, bytes: usize::MAX };
    let mut packer = Packer::new(everything);
    let mut items = Vec::with_capacity(open.seqs.len());
    let mut statement = tx.prepare("SELECT event_id, wire, envelope FROM journal_feed WHERE seq = ?1")?;
    for &seq in &open.seqs {
        let row: Option<(String, i64, Option<Vec<u8>>)> =
            statement.query_row([seq], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional()?;
        let Some((event_id, wire, Some(envelope))) = row else {
            return Err(Error::Damaged(format!("attempt {} has row {seq} in flight, whose payload is gone", open.id)));
        };
        let rewritten = for_wire(&envelope, WireForm::from_code(wire), context)
            .map_err(|e| Error::Damaged(format!("attempt {} has row {seq} in flight, which is {e}", open.id)))?;
        packer.push(rewritten.as_deref().unwrap_or(&envelope));
        items.push(Item { seq, event_id });
    }
    let (body, digest) = packer.finish();
    if let Some(before) = &open.body_sha256
        && before != digest.as_bytes()
    {
        return Err(Error::Damaged(format!(
            "attempt {} cannot be sent again: its bytes differ from those sent",
            open.id
        )));
    }
    sending(tx, open.id, body.len(), &digest)?;
    Ok(Batch { attempt: open.id, idempotency_key: open.key, items, body, unknown_ends: open.unknown_ends })
}
