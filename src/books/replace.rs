//! Replaces an event by other content with the same id, because a user decided that it is the right
//! one.
//!
//! No byte is rewritten: the present event is given up (`discarded: replaced`), its bytes are kept
//! apart, and the other content becomes a new event at the end of the journal. That is correct only
//! while no target can have received the first: a receiver keeps the first content under an id.

use super::append::leave;
use super::{Error, append};
use crate::base::{Sha256, Timestamp};
use crate::delivery::{self, Class};
use crate::journal::{self, Appended, Aside, Audit, Entry, Listed, Mark};
use crate::store::{ReadTx, WriteTx};

/// Why an event cannot be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// A target may have the first content already.
    MayBeSent,
    /// The event is not live, so it is not left to send anywhere.
    NotLive,
}

/// Checks whether the event with this id can be replaced; `None` if it can.
pub(crate) fn obstacle(tx: &ReadTx<'_>, event_id: &str) -> Result<Option<Obstacle>, Error> {
    let Some(listed) = journal::show(tx, event_id)? else {
        return Ok(Some(Obstacle::NotLive));
    };
    let record = listed.record;
    let is_live =
        record.superseded_by.is_none() && record.discarded.is_none() && record.gone.is_none();
    if !is_live || listed.envelope.is_none() {
        return Ok(Some(Obstacle::NotLive));
    }
    // An event on hold, or above the seal, was never selected. A row at a target overrides that: an
    // older ledger may have recorded a delivery.
    let is_unseen = record.held.is_some() || record.seq > journal::sealed_through(tx)?;
    let is_free = is_unseen && !delivery::is_known_anywhere(tx, record.seq)?;
    Ok((!is_free).then_some(Obstacle::MayBeSent))
}

/// Gives up the event with the entry's id, and adds the entry; returns its row. Changes nothing if
/// there is an [`obstacle`].
pub(crate) fn replace(
    tx: &WriteTx<'_>,
    now: Timestamp,
    entry: &Entry<'_>,
) -> Result<Result<i64, Obstacle>, Error> {
    if let Some(obstacle) = obstacle(tx, entry.event_id)? {
        return Ok(Err(obstacle));
    }
    let Some(Listed {
        record,
        envelope: Some(envelope),
    }) = journal::show(tx, entry.event_id)?
    else {
        return Ok(Err(Obstacle::NotLive));
    };
    let Some(left) = leave(
        tx,
        now,
        record.seq,
        Mark::Discarded(journal::REPLACED),
        Class::Discarded,
    )?
    else {
        return Ok(Err(Obstacle::NotLive));
    };
    let aside = Aside {
        event_id: &left.event_id,
        existing_sha256: Sha256::of(entry.envelope),
        envelope: &envelope,
        origin: &record.origin,
        resolution: "source",
    };
    journal::set_aside(tx, &aside, now)?;
    let audit = Audit {
        act: journal::REPLACED,
        event_id: &left.event_id,
        event_type: &left.event_type,
        sha256: left.sha256,
        reason: "another content of its id was decided to be the right one; these bytes are kept apart",
    };
    journal::audit(tx, now, &audit)?;
    let (appended, _) = append(tx, now, |appending| appending.append(entry))?;
    match appended {
        Appended::Captured { seq, .. } => Ok(Ok(seq)),
        _ => Err(Error::Journal(journal::Error::Damaged {
            seq: record.seq,
            what: "its id is free and taken at once",
        })),
    }
}
