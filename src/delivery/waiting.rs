//! Documents that wait at a target and those that it refused, for lists and totals; and requeueing
//! them.
//!
//! The index is named in these statements: without it SQLite would take the primary key, and read
//! every row that the target ever had.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension as _;

use super::documents::{close, read};
use super::postings::Postings;
use super::{Class, Error, end_pause};
use crate::base::{Timestamp, retry};
use crate::journal::{Document, Kind};
use crate::store::{ReadTx, WriteTx};

/// Number of documents that a target lacks although it has their events: those that a drain sends
/// now or later.
pub(crate) fn sendable(tx: &ReadTx<'_>, target: i64) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM delivery_rows INDEXED BY delivery_due_documents
               WHERE target = ?1 AND kind = 1 AND due_at IS NOT NULL";
    let count: i64 = tx.prepare(sql)?.query_row([target], |r| r.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Number of due documents that wait for another try, and number of documents by failures.
pub(crate) fn document_retries(
    tx: &ReadTx<'_>,
    target: i64,
    now: Timestamp,
) -> Result<(u64, BTreeMap<u32, u64>), Error> {
    let waiting = "SELECT COUNT(*) FROM delivery_rows INDEXED BY delivery_due_documents
                   WHERE target = ?1 AND kind = 1 AND due_at > ?2 AND due_at <= ?3";
    let latest = now.after(retry::LONGEST).as_micros();
    let in_backoff: i64 = tx
        .prepare(waiting)?
        .query_row((target, now.as_micros(), latest), |r| r.get(0))?;
    let mut statement = tx.prepare(
        "SELECT failures, COUNT(*) FROM delivery_rows INDEXED BY delivery_due_documents
         WHERE target = ?1 AND kind = 1 AND due_at IS NOT NULL AND failures > 0 GROUP BY failures",
    )?;
    let count =
        |r: &rusqlite::Row<'_>| Ok((r.get(0)?, u64::try_from(r.get::<_, i64>(1)?).unwrap_or(0)));
    let histogram = statement
        .query_map([target], count)?
        .collect::<rusqlite::Result<_>>()?;
    Ok((u64::try_from(in_backoff).unwrap_or(0), histogram))
}

/// Capture time of the oldest document that is left to send to a target that has its event; `None`
/// if there is none.
pub(crate) fn oldest_document(tx: &ReadTx<'_>, target: i64) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT f.captured_at FROM journal_feed AS f WHERE f.seq =
               (SELECT MIN(seq) FROM delivery_rows INDEXED BY delivery_due_documents
                WHERE target = ?1 AND kind = 1 AND due_at IS NOT NULL)";
    let at: Option<i64> = tx
        .prepare(sql)?
        .query_row([target], |r| r.get(0))
        .optional()?;
    Ok(at.map(Timestamp::from_micros))
}

/// A refused document, for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedDocument {
    /// Its journal row.
    pub(crate) seq: i64,
    /// Which document, which text.
    pub(crate) document: Document,
    /// Why.
    pub(crate) reason: String,
    /// Number of answers with a result for it.
    pub(crate) attempts: i64,
    /// Time of the first of them.
    pub(crate) first_at: Timestamp,
    /// Time of the last of them.
    pub(crate) last_at: Timestamp,
}

/// The documents that a target refused for good, the latest first.
pub(crate) fn refused_documents(
    tx: &ReadTx<'_>,
    target: i64,
) -> Result<Vec<RefusedDocument>, Error> {
    let mut statement = tx.prepare(
        "SELECT d.seq, f.envelope, COALESCE(d.error, ''), d.attempts, COALESCE(d.first_attempted_at, d.settled_at, 0),
                COALESCE(d.settled_at, 0)
         FROM delivery_rows AS d INDEXED BY delivery_failed_documents JOIN journal_feed AS f ON f.seq = d.seq
         WHERE d.target = ?1 AND d.kind = 1 AND d.status = 'terminal_failed' ORDER BY d.settled_at DESC, d.seq DESC",
    )?;
    let mut rows = statement.query([target])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let payload: Option<Vec<u8>> = row.get(1)?;
        let Some(document) = payload.as_deref().and_then(Document::from_bytes) else {
            continue;
        };
        all.push(RefusedDocument {
            seq: row.get(0)?,
            document,
            reason: row.get(2)?,
            attempts: row.get(3)?,
            first_at: Timestamp::from_micros(row.get(4)?),
            last_at: Timestamp::from_micros(row.get(5)?),
        });
    }
    Ok(all)
}

/// Queues waiting and refused documents for which `is_meant` is true, due at once. Returns how many
/// of each. The refusal of a version that is not sent any more, or is on hold, is only forgotten.
pub(crate) fn retry_documents(
    tx: &WriteTx<'_>,
    target: i64,
    is_meant: &dyn Fn(&Document) -> bool,
) -> Result<(u64, u64), Error> {
    end_pause(tx, target, Kind::Document)?;
    let mut postings = Postings::default();
    let (mut due_now, mut reopened) = (0, 0);
    let mut again = tx.prepare(
        "UPDATE delivery_rows SET status = 'queued', due_at = 0 WHERE target = ?1 AND seq = ?2",
    )?;
    for refused in refused_documents(tx, target)?
        .iter()
        .filter(|refused| is_meant(&refused.document))
    {
        let class = close(tx, target, refused.seq)?;
        if class == Class::Untried {
            again.execute([target, refused.seq])?;
            reopened += 1;
        }
        postings.moved_of(Kind::Document, Class::Undeliverable, class);
    }
    let mut sooner =
        tx.prepare("UPDATE delivery_rows SET due_at = 1 WHERE target = ?1 AND seq = ?2")?;
    let mut statement = tx.prepare(
        "SELECT d.seq, f.envelope, d.failures, d.due_at, f.captured_at, d.error
         FROM delivery_rows AS d JOIN journal_feed AS f ON f.seq = d.seq
         WHERE d.target = ?1 AND d.kind = 1 AND d.due_at > 1",
    )?;
    for owed in read(statement.query([target])?)?
        .iter()
        .filter(|owed| is_meant(&owed.document))
    {
        sooner.execute([target, owed.seq])?;
        due_now += 1;
    }
    postings.post(tx, target)?;
    Ok((due_now, reopened))
}
