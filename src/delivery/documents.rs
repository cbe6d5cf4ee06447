//! Documents in the ledger: when a version must be sent to a target, and which are due.
//!
//! **Invariant:** a version has a row at a target only once the event that announces it is
//! delivered there (at once, where none does). Until then it is neither sent nor examined.
//! **Invariant:** no attempt is written before a document is sent. Sending it again does no harm:
//! same path, same digest.

use rusqlite::OptionalExtension as _;

use super::postings::Postings;
use super::registry;
use super::rows::{row_of, status};
use super::{Class, Error, Status};
use crate::base::{Sha256, Timestamp, retry};
use crate::journal::{self, Document, Kind};
use crate::store::{ReadTx, WriteTx};

/// Condition for a document that may be sent.
macro_rules! owed {
    ($feed:literal) => {
        concat!(
            $feed,
            ".kind = 1 AND ",
            $feed,
            ".superseded_by IS NULL AND ",
            $feed,
            ".held IS NULL AND ",
            $feed,
            ".discarded IS NULL AND ",
            $feed,
            ".gone IS NULL"
        )
    };
}

/// Inserts a row as queued, or queues an existing row again.
const ENTER: &str =
    "ON CONFLICT (target, seq) DO UPDATE SET status = 'queued', due_at = 0 WHERE status = 'closed'";

/// The target now has this event: queues the documents that it announces.
pub(super) fn announce(tx: &WriteTx<'_>, target: i64, event: i64) -> Result<(), Error> {
    tx.prepare(&format!(
        "INSERT INTO delivery_rows (target, seq, kind, status, due_at)
         SELECT ?1, f.seq, 1, 'queued', 0 FROM journal_feed AS f WHERE f.announced_by = ?2 AND {} {ENTER}",
        owed!("f")
    ))?
    .execute([target, event])?;
    Ok(())
}

/// Queues a document for a target that has its event, or if no event announces it.
pub(super) fn enter(tx: &WriteTx<'_>, target: i64, seq: i64) -> Result<(), Error> {
    tx.prepare(&format!(
        "INSERT INTO delivery_rows (target, seq, kind, status, due_at)
         SELECT ?1, f.seq, 1, 'queued', 0 FROM journal_feed AS f WHERE f.seq = ?2 AND {}
           AND (f.announced_by IS NULL OR EXISTS (SELECT 1 FROM delivery_rows AS e WHERE e.target = ?1
                AND e.seq = f.announced_by AND e.status IN ('success', 'duplicate'))) {ENTER}",
        owed!("f")
    ))?
    .execute([target, seq])?;
    Ok(())
}

/// Queues every document for a target that has its event, or that no event announces. O(documents).
pub(super) fn enter_all(tx: &WriteTx<'_>, target: i64) -> Result<(), Error> {
    tx.prepare(&format!(
        "INSERT INTO delivery_rows (target, seq, kind, status, due_at)
         SELECT ?1, f.seq, 1, 'queued', 0 FROM journal_feed AS f WHERE {}
           AND (f.announced_by IS NULL OR EXISTS (SELECT 1 FROM delivery_rows AS e WHERE e.target = ?1
                AND e.seq = f.announced_by AND e.status IN ('success', 'duplicate'))) {ENTER}",
        owed!("f")
    ))?
    .execute([target])?;
    Ok(())
}

/// Queues a newly captured document for every live target that has its event.
pub(crate) fn enter_everywhere(tx: &WriteTx<'_>, seq: i64) -> Result<(), Error> {
    for target in registry::live(tx)? {
        enter(tx, target.id, seq)?;
    }
    Ok(())
}

/// The event is requeued, so the documents that it announces wait for it again, even those that the
/// target has or has refused.
pub(super) fn withdraw(tx: &WriteTx<'_>, target: i64, event: i64) -> Result<(), Error> {
    let mut postings = Postings::default();
    for seq in journal::announced(tx, event)? {
        let sql = "SELECT status FROM delivery_rows WHERE target = ?1 AND seq = ?2";
        let word: Option<String> = tx
            .prepare(sql)?
            .query_row([target, seq], |r| r.get(0))
            .optional()?;
        let Some(from) = word.as_deref().map(status).transpose()? else {
            continue;
        };
        if matches!(from, Status::Closed) {
            continue;
        }
        let to = close(tx, target, seq)?;
        postings.moved_of(Kind::Document, from.class(), to);
    }
    postings.post(tx, target)
}

/// Closes the row of a document and clears its earlier tries; returns its class from then on.
pub(super) fn close(tx: &WriteTx<'_>, target: i64, seq: i64) -> Result<Class, Error> {
    tx.prepare(
        "UPDATE delivery_rows SET status = 'closed', due_at = NULL, settled_at = NULL, failures = 0, error = NULL,
           http_status = NULL
         WHERE target = ?1 AND seq = ?2",
    )?
    .execute([target, seq])?;
    unsent_class(tx, seq)
}

/// The class of a document where it is neither stored nor refused.
fn unsent_class(tx: &ReadTx<'_>, seq: i64) -> Result<Class, Error> {
    let sql = "SELECT superseded_by IS NOT NULL, discarded IS NOT NULL, gone IS NOT NULL, held IS NOT NULL
               FROM journal_feed WHERE seq = ?1";
    let marks = tx
        .prepare(sql)?
        .query_row([seq], |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?]))?;
    Ok(Class::unsent(marks))
}

/// Requeues a document that a target has; one that is not sent any more, or on hold, is unchanged.
pub(crate) fn offer_again(tx: &WriteTx<'_>, target: i64, seq: i64) -> Result<(), Error> {
    if unsent_class(tx, seq)? != Class::Untried {
        return Ok(());
    }
    let changed = tx
        .prepare(
            "UPDATE delivery_rows SET status = 'queued', due_at = 0, settled_at = NULL, failures = 0
             WHERE target = ?1 AND seq = ?2 AND kind = 1 AND status IN ('success', 'duplicate')",
        )?
        .execute([target, seq])?;
    let mut postings = Postings::default();
    (0..changed).for_each(|_| postings.moved_of(Kind::Document, Class::Delivered, Class::Untried));
    postings.post(tx, target)
}

/// A version of a document that is left to send to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owed {
    /// Its journal row.
    pub(crate) seq: i64,
    /// Which document, which text.
    pub(crate) document: Document,
    /// Number of uploads without a final result.
    pub(crate) failures: u32,
    /// Earliest time of the next upload.
    pub(crate) due_at: Timestamp,
    /// When it was captured.
    pub(crate) captured_at: Timestamp,
    /// Why the last upload had no final result.
    pub(crate) last_error: Option<String>,
}

/// At most `limit` documents above row `after` that may be sent at `now`, in journal order: an
/// older version of a document goes before a newer one.
pub(crate) fn due(
    tx: &ReadTx<'_>,
    target: i64,
    now: Timestamp,
    after: i64,
    limit: i64,
) -> Result<Vec<Owed>, Error> {
    let mut statement = tx.prepare(
        "SELECT d.seq, f.envelope, d.failures, d.due_at, f.captured_at, d.error
         FROM delivery_rows AS d INDEXED BY delivery_due_documents JOIN journal_feed AS f ON f.seq = d.seq
         WHERE d.target = ?1 AND d.kind = 1 AND d.due_at IS NOT NULL AND d.seq > ?2
           AND (d.due_at <= ?3 OR d.due_at > ?4)
         ORDER BY d.seq LIMIT ?5",
    )?;
    let too_far = now.after(retry::LONGEST).as_micros();
    read(statement.query((target, after, now.as_micros(), too_far, limit))?)
}

/// At most `limit` documents that a target lacks and that may be sent, whether their event is there
/// or not, in journal order after `after`.
pub(crate) fn waiting(
    tx: &ReadTx<'_>,
    target: Option<i64>,
    after: i64,
    limit: i64,
) -> Result<Vec<Owed>, Error> {
    let mut statement = tx.prepare(&format!(
        "SELECT f.seq, f.envelope, COALESCE(d.failures, 0), COALESCE(d.due_at, 0), f.captured_at, d.error
         FROM journal_feed AS f LEFT JOIN delivery_rows AS d ON d.target = ?1 AND d.seq = f.seq
         WHERE f.seq > ?2 AND {}
           AND (d.status IS NULL OR d.status NOT IN ('success', 'duplicate', 'terminal_failed'))
         ORDER BY f.seq LIMIT ?3",
        owed!("f")
    ))?;
    read(statement.query((target, after, limit))?)
}

pub(super) fn read(mut rows: rusqlite::Rows<'_>) -> Result<Vec<Owed>, Error> {
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let payload: Option<Vec<u8>> = row.get(1)?;
        let document = payload.as_deref().and_then(Document::from_bytes);
        let damaged = || {
            Error::Damaged(format!(
                "journal row {seq} is left to send, but does not say which document it is"
            ))
        };
        all.push(Owed {
            seq,
            document: document.ok_or_else(damaged)?,
            failures: row.get(2)?,
            due_at: Timestamp::from_micros(row.get(3)?),
            captured_at: Timestamp::from_micros(row.get(4)?),
            last_error: row.get(5)?,
        });
    }
    Ok(all)
}

/// Due time of an older version of the document that waits for another try at a target; `None` if
/// there is none.
pub(crate) fn older_due(
    tx: &ReadTx<'_>,
    target: i64,
    seq: i64,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let mut version = journal::version_before(tx, seq)?;
    while let Some(older) = version {
        match row_of(tx, target, older)? {
            Some(row) if row.status.class() == Class::Delivered => return Ok(None),
            Some(row) if row.due_at.is_some_and(|due| !retry::is_due(due, now)) => {
                return Ok(row.due_at);
            }
            _ => version = journal::version_before(tx, older)?,
        }
    }
    Ok(None)
}

/// True while some live target lacks a live version that has this text, or if there is no live
/// target.
pub(crate) fn is_text_needed(tx: &ReadTx<'_>, sha256: Sha256) -> Result<bool, Error> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM journal_feed AS f WHERE f.facts_hash = ?1 AND {}
           AND (NOT EXISTS (SELECT 1 FROM delivery_targets WHERE live = 1)
                OR EXISTS (SELECT 1 FROM delivery_targets AS t WHERE t.live = 1
                   AND NOT EXISTS (SELECT 1 FROM delivery_rows AS d WHERE d.target = t.id AND d.seq = f.seq
                                   AND d.status IN ('success', 'duplicate')))))",
        owed!("f")
    );
    Ok(tx
        .prepare(&sql)?
        .query_row([sha256.as_bytes()], |r| r.get(0))?)
}
