//! The effects of single transactions.

use super::event::Event;
use super::ops::Removal;
use crate::base::Timestamp;
use crate::books;
use crate::books::Obstacle;
use crate::books::removal::{self, Removed};
use crate::event::inspect;
use crate::journal::{self, Entry};
use crate::store::{Store, WriteTx};

/// Events to be captured in one transaction.
pub(super) struct Appending<'a> {
    pub(super) store: &'a mut Store,
    pub(super) now: Timestamp,
    pub(super) events: Vec<Event>,
    pub(super) capacity: Option<i64>,
}

/// The result, and the seal before it.
#[derive(Debug)]
pub(super) struct Appended {
    pub(super) sealed: i64,
    pub(super) capacity: Option<i64>,
    pub(super) results: Vec<(Event, journal::Appended)>,
    pub(super) receipt: journal::Receipt,
}

impl Appending<'_> {
    pub(super) fn run(self) -> Appended {
        let Self {
            store,
            now,
            events,
            capacity,
        } = self;
        let outcome: Result<_, books::Error> = store.write(|tx| {
            let sealed = journal::sealed_through(tx)?;
            let (results, receipt) = append(tx, now, events, capacity)?;
            Ok(Appended {
                sealed,
                capacity,
                results,
                receipt,
            })
        });
        outcome.unwrap()
    }
}

type Results = (Vec<(Event, journal::Appended)>, journal::Receipt);

/// Captures events, within the capacity if there is one.
pub(super) fn append(
    tx: &WriteTx<'_>,
    now: Timestamp,
    events: Vec<Event>,
    capacity: Option<i64>,
) -> Result<Results, books::Error> {
    books::append(tx, now, |appending| {
        if let Some(capacity) = capacity {
            appending.refuse_beyond(capacity)?;
        }
        let results = events.into_iter().map(|event| {
            let inspected = inspect(&event.envelope).unwrap();
            assert_eq!(inspected.coalesce.is_some(), event.key.is_some());
            let entry = Entry {
                event_id: &event.id,
                event_type: &inspected.event_type,
                occurred_at: None,
                envelope: &event.envelope,
                wire: inspected.wire,
                coalesce: inspected.coalesce,
                held: event.is_held.then_some("opted_out"),
                origin: "capture",
            };
            let appended = appending.append(&entry)?;
            Ok((event, appended))
        });
        results.collect()
    })
}

/// Replaces the content of the event with the same id; returns the seal before it.
pub(super) fn replace(
    tx: &WriteTx<'_>,
    now: Timestamp,
    event: &Event,
) -> Result<(i64, Result<i64, Obstacle>), books::Error> {
    let inspected = inspect(&event.envelope).unwrap();
    let entry = Entry {
        event_id: &event.id,
        event_type: &inspected.event_type,
        occurred_at: None,
        envelope: &event.envelope,
        wire: inspected.wire,
        coalesce: None,
        held: event.is_held.then_some("opted_out"),
        origin: "import:x",
    };
    let sealed = journal::sealed_through(tx)?;
    let obstacle = books::obstacle(tx, &event.id)?;
    let replaced = books::replace(tx, now, &entry)?;
    assert_eq!(replaced.err(), obstacle, "what was said before");
    Ok((sealed, replaced))
}

/// One step of a removal.
pub(super) fn remove(
    tx: &WriteTx<'_>,
    now: Timestamp,
    removal: Removal,
    after: i64,
    all: &[i64],
) -> Result<Removed, books::Error> {
    match removal {
        Removal::Clear => removal::clear(tx, now, after),
        Removal::Project => removal::remove_project(tx, now, after),
        Removal::ToFile { .. } => Ok(Removed {
            last: None,
            ..removal::drain_to_file(tx, now, all)?
        }),
    }
}
