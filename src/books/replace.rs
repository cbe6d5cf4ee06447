//! Another content in the place of an event, because a person decided that it is the right one of two.
//!
//! No byte is rewritten: the event that is there is given up (`discarded: replaced`), its bytes are kept apart, and the
//! other content becomes an event of its own at the end of the journal. That is honest only as long as no target can have
//! seen the first: a receiver keeps what it got first under an id, whatever comes later.

use super::append::leave;
use super::{Error, append};
use crate::base::{Sha256, Timestamp};
use crate::delivery::{self, Class};
use crate::journal::{self, Appended, Aside, Audit, Entry, Listed, Mark};
use crate::store::{ReadTx, WriteTx};

/// Why another content cannot take an event's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// A target may have the first content already.
    MayBeSent,
    /// The event is not live, so nothing of it is owed to anybody.
    NotLive,
}

/// Looks whether another content can take the place of the event that has this id.
pub(crate) fn obstacle(tx: &ReadTx<'_>, event_id: &str) -> Result<Option<Obstacle>, Error> {
    let Some(listed) = journal::show(tx, event_id)? else { return Ok(Some(Obstacle::NotLive)) };
    let record = listed.record;
    let is_live = record.superseded_by.is_none() && record.discarded.is_none() && record.gone.is_none();
    if !is_live || listed.envelope.is_none() {
        return Ok(Some(Obstacle::NotLive));
    }
    // What is held was never selected, and what lies above the seal neither. A row at a target says more: an older ledger
    // may have told that it is there.
    let is_unseen = record.held.is_some() || record.seq > journal::sealed_through(tx)?;
    let is_free = is_unseen && !delivery::is_known_anywhere(tx, record.seq)?;
    Ok((!is_free).then_some(Obstacle::MayBeSent))
}

/// Gives up the event that has the entry's id, and adds the entry; returns its row. Nothing is changed where there is an
/// [`obstacle`].
pub(crate) fn replace(tx: &WriteTx<'_>, now: Timestamp, entry: &Entry<'_>) -> Result<Result<i64, Obstacle>, Error> {
    if let Some(obstacle) = obstacle(tx, entry.event_id)? {
        return Ok(Err(obstacle));
    }
    let Some(Listed { record, envelope: Some(envelope) }) = journal::show(tx, entry.event_id)? else {
        return Ok(Err(Obstacle::NotLive));
    };
    let Some(left) = leave(tx, now, record.seq, Mark::Discarded(journal::REPLACED), Class::Discarded)? else {
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
        _ => Err(Error::Journal(journal::Error::Damaged { seq: record.seq, what: "its id is free and taken at once" })),
    }
}
