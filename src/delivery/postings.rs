//! Double entry: an event that changes class is subtracted from one counter of a target and added
//! to another.

use std::collections::BTreeMap;

use super::{Class, Error};
use crate::journal::Kind;
use crate::store::{Counter, WriteTx, add_to_counter};

/// The scope of one target's counters of events.
pub(crate) fn scope(target: i64) -> String {
    scope_of(target, Kind::Event)
}

/// The scope of one target's counters of one kind.
pub(crate) fn scope_of(target: i64, kind: Kind) -> String {
    match kind {
        Kind::Event => format!("delivery/{target}"),
        Kind::Document => format!("delivery/{target}/documents"),
    }
}

/// Moves collected over one transaction and posted together.
#[derive(Debug, Default)]
pub(super) struct Postings(BTreeMap<(Kind, Class), i64>);

impl Postings {
    /// Moves one event from class `from` to class `to`.
    pub(super) fn moved(&mut self, from: Class, to: Class) {
        self.moved_of(Kind::Event, from, to);
    }

    /// Moves one row of this kind from class `from` to class `to`.
    pub(super) fn moved_of(&mut self, kind: Kind, from: Class, to: Class) {
        *self.0.entry((kind, from)).or_default() -= 1;
        *self.0.entry((kind, to)).or_default() += 1;
    }

    /// Posts everything to the target's counters.
    pub(super) fn post(self, tx: &WriteTx<'_>, target: i64) -> Result<(), Error> {
        let scopes = Kind::ALL.map(|kind| scope_of(target, kind));
        for ((kind, class), by) in self.0 {
            let [events, documents] = &scopes;
            let scope = if kind == Kind::Event {
                events
            } else {
                documents
            };
            add_to_counter(
                tx,
                Counter {
                    scope,
                    name: class.name(),
                },
                by,
            )?;
        }
        Ok(())
    }
}
