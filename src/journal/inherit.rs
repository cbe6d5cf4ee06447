//! Journal functions for the import of older stores.

use super::read::Conflict;
use super::state::{counter, name};
use super::{Error, retire};
use crate::base::{Sha256, Timestamp};
use crate::store::{ReadTx, WriteTx, add_to_counter};

/// An event that has an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its row.
    pub(crate) seq: i64,
    /// The digest of its payload.
    pub(crate) payload_sha256: Sha256,
    /// It was removed with its project, and is not captured again.
    pub(crate) is_purged: bool,
}

/// The event with this id; `None` if there is none.
pub(crate) fn holder(tx: &ReadTx<'_>, event_id: &str) -> Result<Option<Holder>, Error> {
    let sql = "SELECT seq, payload_sha256, discarded IS ?2 OR gone IS ?2 FROM journal_events
               WHERE event_id = ?1 AND discarded IS NOT 'replaced'";
    let row = tx.first(sql, [event_id, retire::PURGED], |r| {
        Ok((r.get(0)?, r.get::<_, Vec<u8>>(1)?, r.get(2)?))
    })?;
    let Some((seq, digest, is_purged)) = row else {
        return Ok(None);
    };
    let payload_sha256 = Sha256::from_slice(&digest).ok_or(Error::Damaged {
        seq,
        what: "its payload digest is not a SHA-256 digest",
    })?;
    Ok(Some(Holder {
        seq,
        payload_sha256,
        is_purged,
    }))
}

/// The next rows above `after`, at most `limit`, that are on hold for this reason.
pub(crate) fn held_after(
    tx: &ReadTx<'_>,
    reason: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<i64>, Error> {
    let sql = "SELECT seq FROM journal_events WHERE seq > ?1 AND held = ?2 AND kind = 0 ORDER BY seq LIMIT ?3";
    let mut statement = tx.prepare(sql)?;
    Ok(statement
        .query_map((after, reason, limit), |r| r.get(0))?
        .collect::<rusqlite::Result<_>>()?)
}

/// True if this content is kept apart from the event with its id.
pub(crate) fn is_set_aside(
    tx: &ReadTx<'_>,
    event_id: &str,
    sha256: &Sha256,
) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM journal_conflicts WHERE event_id = ?1 AND incoming_sha256 = ?2";
    Ok(tx
        .prepare(sql)?
        .exists((event_id, &sha256.as_bytes()[..]))?)
}

/// Content that lost an earlier decision of a conflict.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aside<'a> {
    /// The id of both.
    pub(crate) event_id: &'a str,
    /// Digest of the event that stayed.
    pub(crate) existing_sha256: Sha256,
    /// The other envelope.
    pub(crate) envelope: &'a [u8],
    /// Its origin.
    pub(crate) origin: &'a str,
    /// The decision.
    pub(crate) resolution: &'a str,
}

/// Stores content whose conflict is already decided.
pub(crate) fn set_aside(tx: &WriteTx<'_>, aside: &Aside<'_>, now: Timestamp) -> Result<(), Error> {
    tx.prepare(
        "INSERT INTO journal_conflicts (event_id, existing_sha256, incoming_sha256, envelope, origin, found_at,
           resolved_at, resolution) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7) ON CONFLICT DO NOTHING",
    )?
    .execute(rusqlite::params![
        aside.event_id,
        &aside.existing_sha256.as_bytes()[..],
        &Sha256::of(aside.envelope).as_bytes()[..],
        aside.envelope,
        aside.origin,
        now.as_micros(),
        aside.resolution
    ])?;
    Ok(())
}

/// The two envelopes of a conflict: the journal's, `None` if its payload is deleted, and the other.
pub(crate) fn contents(
    tx: &ReadTx<'_>,
    conflict: &Conflict,
) -> Result<(Option<Vec<u8>>, Vec<u8>), Error> {
    let ours = match holder(tx, &conflict.event_id)? {
        Some(holder) => super::payload(tx, holder.seq)?,
        None => None,
    };
    let sql = "SELECT envelope FROM journal_conflicts WHERE event_id = ?1 AND incoming_sha256 = ?2";
    let theirs = tx.first(
        sql,
        (&conflict.event_id, &conflict.incoming_sha256.as_bytes()[..]),
        |r| r.get(0),
    )?;
    Ok((ours, theirs.unwrap_or_default()))
}

/// Closes an open conflict with this decision.
pub(crate) fn decide(
    tx: &WriteTx<'_>,
    now: Timestamp,
    conflict: &Conflict,
    resolution: &str,
) -> Result<(), Error> {
    let closed = tx
        .prepare(
            "UPDATE journal_conflicts SET resolved_at = ?3, resolution = ?4
             WHERE event_id = ?1 AND incoming_sha256 = ?2 AND resolved_at IS NULL",
        )?
        .execute(rusqlite::params![
            conflict.event_id,
            &conflict.incoming_sha256.as_bytes()[..],
            now.as_micros(),
            resolution
        ])?;
    Ok(add_to_counter(
        tx,
        counter(name::CONFLICTS),
        -i64::try_from(closed).unwrap_or(0),
    )?)
}
