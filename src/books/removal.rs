//! The operator's ways to empty the queue: clear, remove the project, hand over, drain to a file.
//!
//! Each removes events from the live ones, with an audit row and both postings, a bounded number of
//! rows in a transaction. An event in flight at some target may have arrived, so it stays and is
//! counted for the report; once its end is known it can be removed as well. Events on hold are
//! removed too, because an operator asked for it.
//!
//! * clear: `discarded: cleared`. Recaptured ids stay known.
//! * remove project: `discarded: purged`; of rows that were not live, the remaining bytes too. The
//!   ids stay known, so that the events are never captured again.
//! * hand over: `discarded: adopted`. Another store has the event now.
//! * drain to file: `discarded: archived`. The bytes stay until `gc` deletes them.

use super::Error;
use super::append::leave;
use crate::base::Timestamp;
use crate::delivery::{self, Class};
use crate::journal::{self, Audit, Kind, Mark};
use crate::store::WriteTx;

/// Rows examined in one transaction.
const CHUNK: i64 = 1000;

/// Result of one transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    /// Events that are no longer live.
    pub(crate) events: i64,
    /// Events that stay because they are in flight.
    pub(crate) in_flight: i64,
    /// The last row examined; `None` at the end.
    pub(crate) last: Option<i64>,
}

/// Clears the next live events above `after`.
pub(crate) fn clear(tx: &WriteTx<'_>, now: Timestamp, after: i64) -> Result<Removed, Error> {
    let rows = journal::live_after(tx, after, CHUNK)?;
    let mut removed = Removed {
        last: rows.last().map(|row| row.seq),
        ..Removed::default()
    };
    for row in rows {
        removed.take(tx, now, row.seq, &CLEAR)?;
    }
    Ok(removed)
}

/// Removes the next events of the project above `after`, live or not, and the conflicting content
/// kept under their ids.
pub(crate) fn remove_project(
    tx: &WriteTx<'_>,
    now: Timestamp,
    after: i64,
) -> Result<Removed, Error> {
    let rows = journal::rows_after(tx, after, CHUNK)?;
    let mut removed = Removed {
        last: rows.last().copied(),
        ..Removed::default()
    };
    for seq in rows {
        if removed.take(tx, now, seq, &PURGE)? {
            journal::bury(tx, now, seq)?;
        }
    }
    Ok(removed)
}

/// Discards those of these events that are live: a verified archive contains them.
pub(crate) fn drain_to_file(
    tx: &WriteTx<'_>,
    now: Timestamp,
    archived: &[i64],
) -> Result<Removed, Error> {
    let mut removed = Removed {
        last: archived.last().copied(),
        ..Removed::default()
    };
    for seq in archived {
        removed.take(tx, now, *seq, &ARCHIVE)?;
    }
    Ok(removed)
}

/// Discards those of these events that are live: the store of another project has them.
pub(crate) fn hand_over(
    tx: &WriteTx<'_>,
    now: Timestamp,
    adopted: &[i64],
) -> Result<Removed, Error> {
    let mut removed = Removed {
        last: adopted.last().copied(),
        ..Removed::default()
    };
    for seq in adopted {
        removed.take(tx, now, *seq, &ADOPTED)?;
    }
    Ok(removed)
}

/// Mark of a removed event, and text of its audit row.
struct Way {
    mark: Mark<'static>,
    act: &'static str,
    reason: &'static str,
}

const CLEAR: Way = Way {
    mark: Mark::Discarded("cleared"),
    act: "cleared",
    reason: "the operator cleared the queue",
};
const PURGE: Way = Way {
    mark: Mark::Discarded(journal::PURGED),
    act: journal::PURGED,
    reason: "removed with its project",
};
const ADOPTED: Way = Way {
    mark: Mark::Discarded("adopted"),
    act: "adopted",
    reason: "imported into the store of a project",
};
const ARCHIVE: Way = Way {
    mark: Mark::Archived,
    act: "archived",
    reason: "released to a verified archive",
};

impl Removed {
    /// Removes one event from the live ones, if it is live; false if it stays because it is in
    /// flight.
    fn take(
        &mut self,
        tx: &WriteTx<'_>,
        now: Timestamp,
        seq: i64,
        way: &Way,
    ) -> Result<bool, Error> {
        if delivery::is_in_flight(tx, seq)? {
            self.in_flight += 1;
            return Ok(false);
        }
        let Some(left) = leave(tx, now, seq, way.mark, Class::Discarded)? else {
            return Ok(true);
        };
        let (event_id, event_type) = (&left.event_id, &left.event_type);
        let audit = Audit {
            act: way.act,
            event_id,
            event_type,
            sha256: left.sha256,
            reason: way.reason,
        };
        journal::audit(tx, now, &audit)?;
        self.events += i64::from(left.kind == Kind::Event);
        Ok(true)
    }
}
