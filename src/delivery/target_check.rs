//! What a target is said to have, to compare with its own answer; and the result of the last
//! comparison.

use serde::{Deserialize, Serialize};

use super::{Error, Target};
use crate::base::Timestamp;
use crate::event::WireForm;
use crate::journal::Document;
use crate::store::{ReadTx, WriteTx};

/// An event that a target acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AcknowledgedEvent {
    pub(crate) seq: i64,
    pub(crate) event_id: String,
    /// `None` where the payload has left the journal.
    pub(crate) envelope: Option<Vec<u8>>,
    pub(crate) wire: WireForm,
}

/// How a comparison ended, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckCounts {
    /// Acknowledged, and there.
    pub(crate) same: u64,
    /// Acknowledged, and not there.
    pub(crate) lost_there: u64,
    /// There with another content.
    pub(crate) different: u64,
    /// There, and not known here.
    pub(crate) unknown_here: u64,
}

/// The last comparison with a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TargetCheck {
    pub(crate) events: CheckCounts,
    pub(crate) documents: CheckCounts,
}

/// At most `limit` events above `after` that a target acknowledged, in journal order.
pub(crate) fn acknowledged_events(
    tx: &ReadTx<'_>,
    target: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<AcknowledgedEvent>, Error> {
    let mut statement = tx.prepare(
        "SELECT f.seq, f.event_id, f.envelope, f.wire FROM delivery_rows AS d JOIN journal_feed AS f ON f.seq = d.seq
         WHERE d.target = ?1 AND d.kind = 0 AND d.status IN ('success', 'duplicate') AND d.seq > ?2
         ORDER BY d.seq LIMIT ?3",
    )?;
    let rows = statement.query_map((target, after, limit), |r| {
        let (seq, event_id, envelope) = (r.get(0)?, r.get(1)?, r.get(2)?);
        Ok(AcknowledgedEvent {
            seq,
            event_id,
            envelope,
            wire: WireForm::from_code(r.get(3)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Every version of a document that a target acknowledged and that the journal still describes.
pub(crate) fn acknowledged_documents(tx: &ReadTx<'_>, target: i64) -> Result<Vec<Document>, Error> {
    let mut statement = tx.prepare(
        "SELECT f.envelope FROM delivery_rows AS d JOIN journal_feed AS f ON f.seq = d.seq
         WHERE d.target = ?1 AND d.kind = 1 AND d.status IN ('success', 'duplicate') AND f.envelope IS NOT NULL",
    )?;
    let rows = statement.query_map([target], |r| r.get::<_, Vec<u8>>(0))?;
    let mut all = Vec::new();
    for row in rows {
        all.extend(Document::from_bytes(&row?));
    }
    Ok(all)
}

/// Stores the result of a comparison.
pub(crate) fn keep_check(
    tx: &WriteTx<'_>,
    target: &Target,
    check: TargetCheck,
    now: Timestamp,
) -> Result<(), Error> {
    let text = serde_json::to_string(&check).map_err(|e| Error::Damaged(e.to_string()))?;
    tx.prepare("UPDATE delivery_targets SET checked_at = ?2, checked = ?3 WHERE id = ?1")?
        .execute((target.id, now.as_micros(), text))?;
    Ok(())
}

/// The last comparison with a target, and when that was.
pub(crate) fn last_check(
    tx: &ReadTx<'_>,
    target: i64,
) -> Result<Option<(Timestamp, TargetCheck)>, Error> {
    let sql =
        "SELECT checked_at, checked FROM delivery_targets WHERE id = ?1 AND checked_at IS NOT NULL";
    let found: Option<(i64, String)> = tx.first(sql, [target], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let read = |(at, text): (i64, String)| {
        Some((
            Timestamp::from_micros(at),
            serde_json::from_str(&text).ok()?,
        ))
    };
    Ok(found.and_then(read))
}
