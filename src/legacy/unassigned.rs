//! Imported events that name no project. They are in a separate store, belong to no repository, and
//! are not sent until a user assigns them to the current project, or purges them. Events captured
//! in a repository before it had an id are assigned in the same way.

use std::path::Path;

use serde::Serialize;

use super::import::wire_form;
use super::marks::{self, Noted};
use super::{Error, Policy};
use crate::base::{Clock, Interrupt, failpoint};
use crate::books::{self, Appending};
use crate::event::inspect;
use crate::journal::{self, Appended, Entry, Filter, Record};
use crate::store::{ReadTx, WriteTx};

/// Events per transaction, and the bytes after which one ends.
const CHUNK: usize = 500;
const CHUNK_BYTES: i64 = 8 << 20;

/// The unassigned events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Unassigned {
    /// Events.
    pub(crate) events: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Number of ids with an open conflict: those stay until it is decided.
    pub(crate) undecided: u64,
    /// The older stores that they came from.
    pub(crate) files: Vec<String>,
    /// Why it cannot be read; null if it can.
    pub(crate) error: Option<String>,
}

/// Result of assigning events to a project, in events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Given {
    /// New in the project's store.
    pub(crate) adopted: u64,
    /// Those that are on hold there.
    pub(crate) held: u64,
    /// Already there with the same meaning, or purged there.
    pub(crate) known: u64,
    /// Already there with other content; set aside as a conflict.
    pub(crate) conflicts: u64,
    /// Not moved: their ids have two contents.
    pub(crate) undecided: u64,
    /// A stop was requested before the end.
    #[serde(skip)]
    pub(crate) was_interrupted: bool,
}

/// Reads the store of unassigned events. O(1); creates nothing.
pub(crate) fn unassigned(store: &Path) -> Unassigned {
    let read = || match books::open_read(store)? {
        Some(store) => store.read(look),
        None => Ok(Unassigned::default()),
    };
    read().unwrap_or_else(|error: Error| Unassigned {
        error: Some(error.to_string()),
        ..Unassigned::default()
    })
}

fn look(tx: &ReadTx<'_>) -> Result<Unassigned, Error> {
    let totals = journal::totals(tx)?;
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    let givers = if totals.live > 0 {
        marks::givers_of_rows(tx)?
    } else {
        Vec::new()
    };
    Ok(Unassigned {
        events: unsigned(totals.live),
        bytes: unsigned(totals.live_bytes),
        undecided: unsigned(totals.conflicts),
        files: givers.into_iter().map(|giver| giver.path).collect(),
        error: None,
    })
}

/// Moves every event without a project from the store `from` to the store `to` of a project. Each
/// is stored there before it is removed here, so an event that was moved twice is found to be there
/// already.
pub(crate) fn give(
    (from, to): (&Path, &Path),
    policy: &Policy,
    clock: &dyn Clock,
    interrupt: &Interrupt,
) -> Result<Given, Error> {
    let mut given = Given::default();
    if books::open_read(from)?.is_none() {
        return Ok(given);
    }
    let (mut from, mut to, mut after) = (books::open(from)?, books::open(to)?, 0);
    loop {
        let chunk = from.read(|tx| chunk(tx, after))?;
        given.undecided += chunk.undecided;
        let now = clock.now();
        to.write(|tx| {
            let taken = books::append(tx, now, |appending| {
                chunk
                    .rows
                    .iter()
                    .map(|row| take(appending, row, policy))
                    .collect::<Result<Vec<_>, Error>>()
            })?;
            for (row, appended) in chunk.rows.iter().zip(taken.0) {
                let seq = given.count(&appended, row.hold(policy).is_some());
                for noted in seq.iter().flat_map(|_| &row.noted) {
                    marks::note_again(tx, now, seq.unwrap_or_default(), noted)?;
                }
            }
            Ok::<_, Error>(())
        })?;
        failpoint::at(failpoint::ADOPTED);
        let seqs: Vec<_> = chunk.rows.iter().map(|row| row.record.seq).collect();
        from.write(|tx: &WriteTx<'_>| {
            books::hand_over(tx, now, &seqs)?;
            seqs.iter().try_for_each(|seq| marks::forget(tx, *seq))
        })?;
        let Some(last) = chunk.last else {
            return Ok(given);
        };
        after = last;
        if interrupt.is_requested() {
            given.was_interrupted = true;
            return Ok(given);
        }
    }
}

impl Given {
    /// Counts the result for an event; returns its row if it has one.
    fn count(&mut self, appended: &Appended, is_held: bool) -> Option<i64> {
        match *appended {
            Appended::Captured { seq, .. } => {
                self.adopted += 1;
                self.held += u64::from(is_held);
                Some(seq)
            }
            Appended::Unchanged { seq } => {
                self.known += 1;
                Some(seq)
            }
            Appended::Purged { .. } | Appended::Full { .. } => {
                self.known += 1;
                None
            }
            Appended::Conflict { seq } => {
                self.conflicts += 1;
                Some(seq)
            }
        }
    }
}

/// An event being moved.
struct Row {
    record: Record,
    envelope: Vec<u8>,
    noted: Vec<Noted>,
}

impl Row {
    /// Why it is on hold: by the project's policy, or since its capture; `None` if it is not.
    fn hold(&self, policy: &Policy) -> Option<&str> {
        policy
            .hold(&self.record.event_type)
            .or(self.record.held.as_deref())
    }
}

/// The next events.
#[derive(Default)]
struct Chunk {
    rows: Vec<Row>,
    /// Number of events that were skipped.
    undecided: u64,
    /// The last row examined; `None` at the end.
    last: Option<i64>,
}

fn chunk(tx: &ReadTx<'_>, after: i64) -> Result<Chunk, Error> {
    let open: std::collections::BTreeSet<String> = journal::conflicts(tx, i64::MAX)?
        .into_iter()
        .map(|conflict| conflict.event_id.to_ascii_lowercase())
        .collect();
    let (mut chunk, mut bytes) = (Chunk::default(), 0);
    let filter = Filter {
        after,
        ..Filter::default()
    };
    journal::list(tx, &filter, true, &mut |listed| {
        let (record, envelope) = (listed.record, listed.envelope);
        chunk.last = Some(record.seq);
        let is_live =
            record.superseded_by.is_none() && record.discarded.is_none() && record.gone.is_none();
        let Some(envelope) = envelope.filter(|_| is_live) else {
            return Ok::<_, Error>(true);
        };
        if open.contains(&record.event_id.to_ascii_lowercase()) {
            chunk.undecided += 1;
            return Ok(true);
        }
        bytes += record.size;
        let noted = marks::noted(tx, record.seq)?;
        chunk.rows.push(Row {
            record,
            envelope,
            noted,
        });
        Ok(chunk.rows.len() < CHUNK && bytes < CHUNK_BYTES)
    })?;
    Ok(chunk)
}

fn take(appending: &mut Appending<'_>, row: &Row, policy: &Policy) -> Result<Appended, Error> {
    let Record {
        event_id,
        event_type,
        occurred_at,
        origin,
        ..
    } = &row.record;
    let entry = Entry {
        event_id,
        event_type,
        occurred_at: occurred_at.as_deref(),
        envelope: &row.envelope,
        wire: wire_form(event_id, &inspect(&row.envelope)),
        coalesce: None,
        held: row.hold(policy),
        origin,
    };
    Ok(appending.append(&entry)?)
}
