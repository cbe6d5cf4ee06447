//! The model of archives, deletions, restores and forgotten targets.

use super::event::Event;
use super::ledger::Ledger;
use super::model::{Appending, Model};
use super::ops::{Rule, has};
use crate::books::{Restored, Tally};
use crate::delivery::Class;
use crate::journal;

impl Model {
    /// An archive contains all live events except some.
    pub(super) fn archived(&mut self, missing: i64, marked: i64) {
        let live = self
            .events
            .values_mut()
            .filter(|e| e.is_live() && has(missing, e.seq) && !e.is_archived);
        assert_eq!(
            marked,
            live.map(|event| event.is_archived = true)
                .fold(0, |count, ()| count + 1)
        );
    }

    /// The payloads that are no longer needed were deleted.
    pub(super) fn collected(&mut self, rule: Rule, configured: Option<&str>, gone: Tally) {
        let going: Vec<i64> = self
            .events
            .values()
            .filter(|e| self.is_needless(e, rule, configured))
            .map(|e| e.seq)
            .collect();
        let bytes: usize = going
            .iter()
            .map(|seq| self.events[seq].envelope.len())
            .sum();
        assert_eq!(
            (gone.payloads, gone.bytes),
            (going.len() as u64, bytes as u64),
            "{going:?}"
        );
        let (live, others): (Vec<i64>, Vec<i64>) =
            going.iter().partition(|seq| self.events[seq].is_live());
        self.leave(&live, Class::Purged);
        for seq in others {
            self.events.get_mut(&seq).unwrap().has_bytes = false;
        }
    }

    fn is_needless(&self, event: &Event, rule: Rule, configured: Option<&str>) -> bool {
        let is_disputed = self.conflicts.iter().any(|(id, _)| *id == event.id);
        let is_waiting = event.is_held && event.is_live();
        if !event.has_bytes || self.is_in_flight(event.seq) || is_disputed || is_waiting {
            return false;
        }
        let is_archived = rule.with_archived && event.is_archived;
        if event.superseded_by.is_some() {
            return true;
        }
        if event.left.is_some() {
            return is_archived;
        }
        if event.key.is_some_and(|key| self.is_newest(key, event.seq)) {
            return false;
        }
        let counting = |(id, ledger): &(&String, &Ledger)| {
            !ledger.is_forgotten || configured == Some(id.as_str())
        };
        let class = |(_, ledger): (&String, &Ledger)| {
            ledger.lines.get(&event.seq).and_then(|line| line.class)
        };
        let mut classes: Vec<_> = self.ledgers.iter().filter(counting).map(class).collect();
        if configured.is_some_and(|id| !self.is_registered(id)) {
            classes.push(None);
        }
        let count = |class| classes.iter().filter(|c| **c == Some(class)).count();
        let (delivered, refused) = (count(Class::Delivered), count(Class::Undeliverable));
        let is_named = rule
            .named
            .and_then(|pick| self.pick(pick))
            .is_some_and(|named| named.seq == event.seq);
        match classes.len() {
            0 => false,
            all if delivered == all => true,
            _ if refused > 0 && !is_named => false,
            all => delivered + refused == all || (is_archived && delivered > 0),
        }
    }

    /// These events were restored from an archive: those that were not live are live again, unknown
    /// ones are new.
    pub(super) fn restored(&mut self, events: Vec<Event>, sealed: i64, restored: Restored) {
        let mut expected = Restored::default();
        for event in events {
            match self
                .events
                .values_mut()
                .find(|known| known.id == event.id && !known.is_replaced)
            {
                Some(known) if known.is_purged => expected.purged += 1,
                Some(known) if known.envelope != event.envelope => {
                    expected.conflicts += 1;
                    self.dispute((event.id, event.envelope));
                }
                Some(known) if known.left.is_some() => {
                    (known.left, known.has_bytes) = (None, true);
                    expected.returned += 1;
                }
                Some(_) => expected.unchanged += 1,
                None => {
                    let how = Appending {
                        sealed,
                        capacity: None,
                        is_verbatim: true,
                    };
                    let appended = self.append(event, &how);
                    assert!(
                        matches!(
                            appended,
                            journal::Appended::Captured {
                                superseded: None,
                                ..
                            }
                        ),
                        "{appended:?}"
                    );
                    expected.added += 1;
                }
            }
        }
        assert_eq!(restored, expected);
    }

    /// A target was forgotten, with this many events in flight.
    pub(super) fn forgotten(&mut self, target: &str, in_flight: i64) {
        assert_eq!(
            in_flight,
            self.ledgers.get_mut(target).map_or(0, Ledger::forget)
        );
    }
}
