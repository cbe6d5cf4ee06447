//! Brings spooled lines into the journal, as if they had been captured at their time.

use super::Error;
use crate::base::Timestamp;
use crate::event;
use crate::journal::{self, Audit, Entry};
use crate::spool::{Fate, Part, Spooled, decode};
use crate::store::WriteTx;

/// Result of one transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Absorbed {
    /// Lines that were new.
    pub(crate) captured: u64,
    /// Lines that the journal already had.
    pub(crate) unchanged: u64,
    /// Lines whose id the journal has with other content; kept apart as conflicts.
    pub(crate) conflicts: u64,
    /// Lines that are not kept: discarded because the project opted out, with an audit row, or
    /// purged here before.
    pub(crate) discarded: u64,
}

/// Appends a part of the spool file `id`; `reason` is written to the audit row of discarded events.
/// `None`, and no change, if the journal is not at the beginning of the part: another process has
/// absorbed it.
///
/// The capacity does not apply to these lines, because they were acknowledged.
pub(crate) fn absorb(
    tx: &WriteTx<'_>,
    now: Timestamp,
    id: &str,
    part: &Part,
    reason: &str,
) -> Result<Option<Absorbed>, Error> {
    if journal::spooled_through(tx, id)? != part.from {
        return Ok(None);
    }
    let mut absorbed = Absorbed::default();
    let ((), receipt) = super::append(tx, now, |appending| {
        // Unreadable lines were set aside before.
        for line in part.lines.iter().filter_map(|line| decode(line).ok()) {
            if let Some((dropped, sha256)) = line.dropped().filter(|_| line.fate == Fate::Audit) {
                let (event_id, event_type) = (&dropped.event_id, &dropped.event_type);
                journal::audit(
                    tx,
                    line.captured_at,
                    &Audit {
                        act: "discarded",
                        event_id,
                        event_type,
                        sha256,
                        reason,
                    },
                )?;
                absorbed.discarded += 1;
            } else if let Ok(inspection) = event::inspect(line.envelope) {
                appending.captured_at(line.captured_at);
                appending.append(&entry(&line, &inspection))?;
            }
        }
        Ok::<_, Error>(())
    })?;
    journal::note_spooled(tx, id, part.through)?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    absorbed.captured = count(receipt.captured);
    absorbed.unchanged = count(receipt.unchanged);
    absorbed.conflicts = count(receipt.conflicts);
    absorbed.discarded += count(receipt.purged);
    Ok(Some(absorbed))
}

fn entry<'a>(line: &Spooled<'a>, inspection: &'a event::Inspection) -> Entry<'a> {
    Entry {
        event_id: &inspection.event_id,
        event_type: &inspection.event_type,
        occurred_at: inspection.occurred_at.as_deref(),
        envelope: line.envelope,
        wire: inspection.wire,
        coalesce: inspection.coalesce,
        held: match line.fate {
            Fate::Hold(reason) => Some(reason),
            Fate::Keep | Fate::Audit => None,
        },
        origin: line.origin,
    }
}
