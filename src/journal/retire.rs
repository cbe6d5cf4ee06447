//! Marks on rows that exist, and the audit trail.

use rusqlite::OptionalExtension as _;

use super::Error;
use super::state::{counter, name};
use crate::base::{Sha256, Timestamp};
use crate::store::{WriteTx, add_to_counter};

/// One audited act.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Audit<'a> {
    /// What was done.
    pub(crate) act: &'a str,
    /// To which event.
    pub(crate) event_id: &'a str,
    /// Of which type.
    pub(crate) event_type: &'a str,
    /// Digest of its payload.
    pub(crate) sha256: Sha256,
    /// Why.
    pub(crate) reason: &'a str,
}

/// Writes an audit row, durable with the transaction.
pub(crate) fn audit(tx: &WriteTx<'_>, now: Timestamp, audit: &Audit<'_>) -> Result<(), Error> {
    tx.prepare(
        "INSERT INTO journal_audit (at, act, event_id, event_type, sha256, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(rusqlite::params![
        now.as_micros(),
        audit.act,
        audit.event_id,
        audit.event_type,
        &audit.sha256.as_bytes()[..],
        audit.reason
    ])?;
    Ok(())
}

/// What lifting a hold did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// The event is owed now.
    Released,
    /// The hold is lifted, but the event had been given up or superseded meanwhile: nothing is owed.
    NotOwed,
    /// It was not held.
    NotHeld,
}

/// Lifts the hold of an event, with an audit row.
pub(crate) fn release(tx: &WriteTx<'_>, now: Timestamp, seq: i64) -> Result<Release, Error> {
    let row = tx
        .prepare("UPDATE journal_events SET held = NULL WHERE seq = ?1 AND held IS NOT NULL RETURNING event_id, event_type, payload_sha256, superseded_by IS NULL AND discarded IS NULL AND gone IS NULL")?
        .query_row([seq], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get::<_, Vec<u8>>(2)?, r.get::<_, bool>(3)?)))
        .optional()?;
    let Some((event_id, event_type, digest, is_live)) = row else { return Ok(Release::NotHeld) };
    let sha256 = Sha256::from_slice(&digest).ok_or(Error::Damaged { seq, what: "its payload digest is no digest" })?;
    if is_live {
        add_to_counter(tx, counter(name::HELD), -1)?;
    }
    let entry = Audit {
        act: "released",
        event_id: &event_id,
        event_type: &event_type,
        sha256,
        reason: "released by the operator",
    };
    audit(tx, now, &entry)?;
    Ok(if is_live { Release::Released } else { Release::NotOwed })
}
