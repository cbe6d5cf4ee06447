//! The model of events that leave the live ones.

use std::collections::BTreeSet;

use super::event::Event;
use super::ledger::{Ledger, Line};
use super::model::Model;
use super::ops::Removal;
use crate::books::Obstacle;
use crate::books::removal::Removed;
use crate::delivery::{Class, Settled};

impl Model {
    /// The oldest events were evicted until `capacity` were left, except those on hold or possibly
    /// sent.
    pub(super) fn evicted(&mut self, capacity: i64, evicted: &BTreeSet<i64>) {
        let over = self.totals().live - capacity;
        let oldest = self
            .events
            .values()
            .filter(|e| e.is_live() && !e.is_held && !self.is_in_flight(e.seq));
        let gone: Vec<i64> = oldest
            .take(usize::try_from(over).unwrap_or(0))
            .map(|e| e.seq)
            .collect();
        assert_eq!(*evicted, gone.iter().copied().collect());
        self.leave(&gone, Class::Discarded);
    }

    /// Payloads that a target has were deleted, except those that may be in flight to another.
    pub(super) fn acknowledged(&mut self, target: &str, gone: i64) {
        let Some(ledger) = self.ledgers.get(target) else {
            return;
        };
        let is_there = |seq: &i64| {
            ledger
                .lines
                .get(seq)
                .is_some_and(|line| line.class == Some(Class::Delivered))
        };
        let live = self.events.values().filter(|e| e.is_live()).map(|e| e.seq);
        let seqs: Vec<i64> = live
            .filter(is_there)
            .filter(|seq| !self.is_in_flight(*seq))
            .collect();
        assert_eq!(gone, i64::try_from(seqs.len()).unwrap());
        self.leave(&seqs, Class::Purged);
    }

    /// The operator removed events, except those that may be in flight.
    pub(super) fn removed(&mut self, removal: Removal, removed: Removed) {
        let concerned: Vec<&Event> = self
            .events
            .values()
            .filter(|e| removal.concerns(e.seq))
            .collect();
        let (in_flight, free): (Vec<&Event>, Vec<&Event>) =
            concerned.iter().partition(|e| self.is_in_flight(e.seq));
        let live: Vec<i64> = free.iter().filter(|e| e.is_live()).map(|e| e.seq).collect();
        let free: Vec<i64> = free.iter().map(|e| e.seq).collect();
        let count = |n: usize| i64::try_from(n).unwrap();
        assert_eq!(
            (removed.events, removed.in_flight),
            (count(live.len()), count(in_flight.len()))
        );
        self.leave(&live, Class::Discarded);
        match removal {
            Removal::Clear => {}
            Removal::ToFile { .. } => live.iter().for_each(|seq| {
                let event = self.events.get_mut(seq).unwrap();
                (event.has_bytes, event.is_archived) = (true, true);
            }),
            Removal::Project => {
                for seq in free {
                    let event = self.events.get_mut(&seq).unwrap();
                    (event.has_bytes, event.is_purged) = (false, true);
                    self.conflicts.retain(|(id, _)| *id != event.id);
                }
            }
        }
    }

    /// Events that a target has, or that were given up there, are requeued if their payload is
    /// still stored.
    pub(super) fn owed_again(&mut self, target: &str, which: Settled, owed: u64) {
        let class = match which {
            Settled::Delivered => Class::Delivered,
            Settled::GivenUp => Class::Undeliverable,
        };
        let Some(ledger) = self.ledgers.get_mut(target) else {
            return;
        };
        let lines = ledger
            .lines
            .iter_mut()
            .filter(|(seq, line)| line.class == Some(class) && self.events[seq].left.is_none());
        let mut count = 0;
        for (_, line) in lines {
            *line = Line::default();
            count += 1;
        }
        assert_eq!(owed, count);
    }

    /// Other content replaced an event, unless a target may have received the first.
    pub(super) fn replaced(
        &mut self,
        mut event: Event,
        sealed: i64,
        replaced: Result<i64, Obstacle>,
    ) {
        let seq = self
            .events
            .values()
            .find(|e| e.id == event.id && !e.is_replaced)
            .unwrap()
            .seq;
        let next = i64::try_from(self.events.len()).unwrap() + 1;
        let before = &self.events[&seq];
        let is_known = self
            .ledgers
            .values()
            .any(|ledger| ledger.lines.contains_key(&seq));
        let expected = match (before.is_live(), before.is_held || seq > sealed) {
            (false, _) => Err(Obstacle::NotLive),
            (true, true) if !is_known => Ok(next),
            (true, _) => Err(Obstacle::MayBeSent),
        };
        assert_eq!(replaced, expected);
        if replaced.is_err() {
            return;
        }
        let content = (before.id.clone(), before.envelope.clone());
        self.leave(&[seq], Class::Discarded);
        self.events.get_mut(&seq).unwrap().is_replaced = true;
        self.set_aside(content);
        (event.seq, event.left, event.superseded_by, event.has_bytes) = (next, None, None, true);
        (event.is_purged, event.is_replaced, event.is_archived) = (false, false, false);
        self.events.insert(next, event);
    }

    pub(super) fn is_in_flight(&self, seq: i64) -> bool {
        let line = |ledger: &Ledger| ledger.lines.get(&seq).and_then(|line| line.class);
        self.ledgers
            .values()
            .any(|ledger| line(ledger) == Some(Class::InFlight))
    }

    pub(super) fn leave(&mut self, seqs: &[i64], class: Class) {
        for seq in seqs {
            let event = self.events.get_mut(seq).unwrap();
            (event.left, event.has_bytes) = (Some(class), false);
            for line in self
                .ledgers
                .values_mut()
                .filter_map(|ledger| ledger.lines.get_mut(seq))
            {
                line.class = line.class.filter(|class| *class != Class::Retryable);
            }
        }
    }
}
