//! Attempts: each request is recorded before it is sent.

use rusqlite::{OptionalExtension as _, Row};

use super::Error;
use super::batch::{Batch, Item, Limits, Packer, parse_ranges, ranges};
use crate::base::ids::Ids;
use crate::base::{Sha256, Timestamp, retry};
use crate::event::{BatchForm, WireContext, WireForm, for_wire};
use crate::store::{ReadTx, WriteTx};

/// The open attempt that goes first: a left half precedes its right half, however often they were
/// halved.
pub(super) const FIRST: &str =
    "SELECT id, idempotency_key, seqs, due_at, body_sha256, unknown_ends, in_doubt OR sent > 0 FROM delivery_attempts
     WHERE target = ?1 AND closed_at IS NULL AND parked = 0 ORDER BY first_seq LIMIT 1";
/// The parked attempts that are due, the longest waiting first.
pub(super) const PARKED: &str =
    "SELECT id, idempotency_key, seqs, due_at, body_sha256, unknown_ends, 1 FROM delivery_attempts
     WHERE target = ?1 AND closed_at IS NULL AND parked = 1 AND due_at > ?2 AND due_at <= ?3 ORDER BY due_at LIMIT 1";

/// An attempt without an end.
#[derive(Debug, Clone)]
pub(super) struct Open {
    id: i64,
    key: String,
    seqs: Vec<i64>,
    due_at: Timestamp,
    body_sha256: Option<Vec<u8>>,
    unknown_ends: u32,
    is_in_doubt: bool,
}

/// The open attempt of a target that decides what is sent next.
#[derive(Debug)]
pub(super) enum Pending {
    /// Send this attempt again now.
    Due(Open),
    /// An attempt is not due yet, and everything else waits for it.
    Wait,
    /// No open attempt, or only parked ones, which do not delay others.
    Clear,
}

/// Reads the open attempt that goes first.
pub(super) fn pending(tx: &WriteTx<'_>, target: i64, now: Timestamp) -> Result<Pending, Error> {
    let mut statement = tx.prepare(FIRST)?;
    let mut rows = statement.query([target])?;
    let Some(row) = rows.next()? else {
        return Ok(Pending::Clear);
    };
    let open = open(row)?;
    Ok(if retry::is_due(open.due_at, now) {
        Pending::Due(open)
    } else {
        Pending::Wait
    })
}

/// A parked attempt that is due; `None` if there is none. Parked attempts are sent only when
/// nothing else can be: each may cost a full timeout.
pub(super) fn parked(tx: &WriteTx<'_>, target: i64, now: Timestamp) -> Result<Option<Open>, Error> {
    // Due times beyond the longest back-off mean the clock moved backwards; treat them as due.
    for (after, until) in [
        (i64::MIN, now.as_micros()),
        (now.after(retry::LONGEST).as_micros(), i64::MAX),
    ] {
        let mut statement = tx.prepare(PARKED)?;
        let mut rows = statement.query([target, after, until])?;
        if let Some(row) = rows.next()? {
            return Ok(Some(open(row)?));
        }
    }
    Ok(None)
}

fn open(row: &Row<'_>) -> Result<Open, Error> {
    let id: i64 = row.get(0)?;
    let seqs: String = row.get(2)?;
    Ok(Open {
        id,
        key: row.get(1)?,
        seqs: parse_ranges(&seqs)
            .ok_or_else(|| Error::Damaged(format!("attempt {id} lists rows as {seqs:?}")))?,
        due_at: Timestamp::from_micros(row.get(3)?),
        body_sha256: row.get(4)?,
        unknown_ends: row.get(5)?,
        is_in_doubt: row.get(6)?,
    })
}

/// True while no end of the attempt is recorded.
pub(super) fn is_open(tx: &ReadTx<'_>, id: i64) -> Result<bool, Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM delivery_attempts WHERE id = ?1 AND closed_at IS NULL)";
    Ok(tx.one(sql, [id], |r| r.get(0))?)
}

/// The open attempts that were never sent, and whose events were never sent under another attempt:
/// halves that wait for their turn.
pub(super) fn untouched(tx: &ReadTx<'_>, target: i64) -> Result<Vec<(i64, Vec<i64>)>, Error> {
    let mut statement = tx.prepare(
        "SELECT id, idempotency_key, seqs, due_at, body_sha256, unknown_ends, in_doubt FROM delivery_attempts
         WHERE target = ?1 AND closed_at IS NULL AND parked = 0 AND sent = 0 AND in_doubt = 0",
    )?;
    let mut rows = statement.query([target])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let open = open(row)?;
        all.push((open.id, open.seqs));
    }
    Ok(all)
}

/// Writes a new attempt for rows that are in flight under it from now on.
pub(super) fn begin(
    tx: &WriteTx<'_>,
    target: i64,
    key: &str,
    seqs: &[i64],
    now: Timestamp,
) -> Result<i64, Error> {
    insert(tx, target, key, seqs, None, now, now)
}

/// The attempt that the events of a new attempt come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parent {
    /// Its row.
    pub(super) id: i64,
    /// The receiver may have received it.
    pub(super) is_in_doubt: bool,
}

/// Moves the rows of a closed attempt to a new one: in flight, under a new key, due at `due`.
pub(super) fn take_over(
    tx: &WriteTx<'_>,
    target: i64,
    parent: Parent,
    key: &str,
    seqs: &[i64],
    (now, due): (Timestamp, Timestamp),
) -> Result<i64, Error> {
    let id = insert(tx, target, key, seqs, Some(parent), now, due)?;
    let mut statement = tx.prepare(
        "UPDATE delivery_rows SET attempt = ?3 WHERE target = ?1 AND seq = ?2 AND attempt = ?4 AND status = 'in_flight'",
    )?;
    for seq in seqs {
        statement.execute([target, *seq, id, parent.id])?;
    }
    Ok(id)
}

fn insert(
    tx: &WriteTx<'_>,
    target: i64,
    key: &str,
    seqs: &[i64],
    parent: Option<Parent>,
    now: Timestamp,
    due: Timestamp,
) -> Result<i64, Error> {
    let mut statement = tx.prepare(
        "INSERT INTO delivery_attempts
           (target, parent, in_doubt, idempotency_key, seqs, first_seq, events, opened_at, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id",
    )?;
    let values = rusqlite::params![
        target,
        parent.map(|p| p.id),
        parent.is_some_and(|p| p.is_in_doubt),
        key,
        ranges(seqs.iter().copied()),
        seqs.first(),
        i64::try_from(seqs.len()).unwrap_or(i64::MAX),
        now.as_micros(),
        due.as_micros()
    ];
    Ok(statement.query_row(values, |r| r.get(0))?)
}

/// Marks an attempt as about to be sent, with the size and digest of its body.
pub(super) fn sending(
    tx: &WriteTx<'_>,
    id: i64,
    body_bytes: usize,
    digest: &Sha256,
) -> Result<(), Error> {
    tx.prepare(
        "UPDATE delivery_attempts SET sent = sent + 1, body_bytes = ?2, body_sha256 = ?3,
           deployment = (SELECT t.deployment FROM delivery_targets AS t WHERE t.id = target)
         WHERE id = ?1",
    )?
    .execute(rusqlite::params![
        id,
        i64::try_from(body_bytes).unwrap_or(i64::MAX),
        &digest.as_bytes()[..]
    ])?;
    Ok(())
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) result: &'a str,
    pub(super) http_status: Option<u16>,
    pub(super) error: Option<&'a str>,
}

/// The last exchange with a target in which events were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastAnswer {
    /// Time at which its attempt was closed.
    pub(crate) at: Timestamp,
    /// HTTP status; `None` without a response.
    pub(crate) status: Option<u16>,
    /// Error for people; `None` if the response had a result for each event.
    pub(crate) error: Option<String>,
}

/// The last exchange with a target; `None` if there was none.
pub(crate) fn last_answer(tx: &ReadTx<'_>, target: i64) -> Result<Option<LastAnswer>, Error> {
    let sql = "SELECT closed_at, http_status, error FROM delivery_attempts
               WHERE target = ?1 AND closed_at IS NOT NULL AND result <> 'not_sent' ORDER BY id DESC LIMIT 1";
    let row = |r: &Row<'_>| {
        Ok(LastAnswer {
            at: Timestamp::from_micros(r.get(0)?),
            status: r.get(1)?,
            error: r.get(2)?,
        })
    };
    Ok(tx.first(sql, [target], row)?)
}

/// Closes an attempt, and releases the events that waited behind it.
pub(super) fn close(tx: &WriteTx<'_>, id: i64, end: End<'_>, now: Timestamp) -> Result<(), Error> {
    tx.prepare(
        "UPDATE delivery_attempts SET closed_at = ?2, result = ?3, http_status = ?4, error = ?5
         WHERE id = ?1 AND closed_at IS NULL",
    )?
    .execute(rusqlite::params![
        id,
        now.as_micros(),
        end.result,
        end.http_status,
        end.error
    ])?;
    tx.prepare("UPDATE delivery_rows SET due_at = 0, behind = NULL WHERE behind = ?1")?
        .execute([id])?;
    Ok(())
}

/// Keeps an attempt open after an unknown end; it is sent again at `due`.
pub(super) fn keep_open(
    tx: &WriteTx<'_>,
    id: i64,
    end: End<'_>,
    due: Timestamp,
) -> Result<(), Error> {
    tx.prepare(
        "UPDATE delivery_attempts SET unknown_ends = unknown_ends + 1, due_at = ?2, http_status = ?3, error = ?4
         WHERE id = ?1",
    )?
    .execute(rusqlite::params![id, due.as_micros(), end.http_status, end.error])?;
    Ok(())
}

/// Leaves an attempt open and unchanged, except for the last error.
pub(super) fn leave_open(tx: &WriteTx<'_>, id: i64, end: End<'_>) -> Result<(), Error> {
    tx.prepare("UPDATE delivery_attempts SET http_status = ?2, error = ?3 WHERE id = ?1")?
        .execute(rusqlite::params![id, end.http_status, end.error])?;
    Ok(())
}

/// The batch of an open attempt, built again from the journal: the same events in the same order
/// give the same bytes.
pub(super) fn rebuild(
    tx: &WriteTx<'_>,
    target: i64,
    open: Open,
    context: WireContext<'_>,
    ids: &dyn Ids,
    now: Timestamp,
) -> Result<Batch, Error> {
    let (items, packer, is_rewritten) = pack(tx, &open, context)?;
    let (body, digest) = packer.finish();
    let is_same = open
        .body_sha256
        .as_ref()
        .is_none_or(|before| before == digest.as_bytes());
    let is_rewritten = is_rewritten || !is_same && was_in_another_form(tx, &open, context)?;
    let (attempt, idempotency_key) = match (is_same, is_rewritten) {
        (true, _) => (open.id, open.key),
        // A field that is filled in when sending became known since then, or the target now takes
        // another form. The key belongs to the bytes that were sent, so the new bytes get a new
        // attempt with a new key.
        (false, true) => {
            close(
                tx,
                open.id,
                End {
                    result: "rewritten",
                    http_status: None,
                    error: None,
                },
                now,
            )?;
            let parent = Parent {
                id: open.id,
                is_in_doubt: true,
            };
            let key = ids.uuid();
            (
                take_over(tx, target, parent, &key, &open.seqs, (now, now))?,
                key,
            )
        }
        (false, false) => {
            let what = format!(
                "attempt {} cannot be sent again: its bytes differ from those sent",
                open.id
            );
            return Err(Error::Damaged(what));
        }
    };
    sending(tx, attempt, body.len(), &digest)?;
    let Open {
        unknown_ends,
        is_in_doubt,
        ..
    } = open;
    Ok(Batch {
        attempt,
        idempotency_key,
        items,
        body,
        unknown_ends,
        is_in_doubt,
    })
}

/// Whether the bytes that were sent are those of the same events in the other form.
fn was_in_another_form(
    tx: &WriteTx<'_>,
    open: &Open,
    context: WireContext<'_>,
) -> Result<bool, Error> {
    let form = match context.form {
        BatchForm::Plain => BatchForm::CloudEvents,
        BatchForm::CloudEvents => BatchForm::Plain,
    };
    let (_, packer, _) = pack(tx, open, WireContext { form, ..context })?;
    let (_, digest) = packer.finish();
    Ok(open.body_sha256.as_deref() == Some(&digest.as_bytes()[..]))
}

/// Packs the events of an attempt and returns whether any was rewritten for the wire.
fn pack(
    tx: &WriteTx<'_>,
    open: &Open,
    context: WireContext<'_>,
) -> Result<(Vec<Item>, Packer, bool), Error> {
    let mut packer = Packer::new(
        Limits {
            events: usize::MAX,
            bytes: usize::MAX,
        },
        context.form,
    );
    let mut items = Vec::with_capacity(open.seqs.len());
    let mut is_rewritten = false;
    let mut statement =
        tx.prepare("SELECT event_id, wire, envelope FROM journal_feed WHERE seq = ?1")?;
    for &seq in &open.seqs {
        let row: Option<(String, i64, Option<Vec<u8>>)> = statement
            .query_row([seq], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        let Some((event_id, wire, Some(envelope))) = row else {
            return Err(Error::Damaged(format!(
                "attempt {} has row {seq} in flight, whose payload is gone",
                open.id
            )));
        };
        let damaged = |e| {
            Error::Damaged(format!(
                "attempt {} has row {seq} in flight, which is {e}",
                open.id
            ))
        };
        let rewritten = for_wire(&envelope, WireForm::from_code(wire), context).map_err(damaged)?;
        is_rewritten |= rewritten.is_some();
        let bytes = rewritten.as_deref().unwrap_or(&envelope);
        packer.push(&context.form.head(bytes, context).map_err(damaged)?, bytes);
        items.push(Item { seq, event_id });
    }
    Ok((items, packer, is_rewritten))
}
