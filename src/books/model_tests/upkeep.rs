//! Archives, collections, restores and forgotten targets, in the store and in the model.

use super::event::Event;
use super::ops::{Rule, Spec, has};
use super::surroundings::identity;
use super::world::World;
use crate::base::Clock as _;
use crate::books::{self, Collected, GcRule, Restorable, Tally};
use crate::{delivery, journal};

impl World {
    pub(super) fn archive(&mut self, handle: usize, missing: i64) {
        let now = self.clock.now();
        let listed: Vec<i64> = self
            .model
            .events
            .keys()
            .copied()
            .filter(|seq| has(missing, *seq))
            .collect();
        let store = &mut self.stores.as_mut().unwrap()[handle];
        let marked = store
            .write(|tx| books::mark_archived(tx, now, &listed))
            .unwrap();
        self.model.archived(missing, marked);
    }

    pub(super) fn collect(&mut self, handle: usize, rule: Rule) {
        let now = self.clock.now();
        let named = rule
            .named
            .and_then(|pick| self.model.pick(pick))
            .map(|event| event.seq);
        let configured = rule.configured.map(identity);
        let real = GcRule {
            configured: configured.clone(),
            with_archived: rule.with_archived,
            named: named.into_iter().collect(),
            captured_before: None,
        };
        let stores = self.stores.as_mut().unwrap();
        // One process makes the plan, another carries it out.
        let plan = stores[1 - handle]
            .read(|tx| books::plan_collection(tx, real.clone()))
            .unwrap();
        let (mut gone, mut next) = (Tally::default(), Some(0));
        while let Some(after) = next {
            let Collected { gone: part, last } = stores[handle]
                .write(|tx| books::collect(tx, now, &plan, after))
                .unwrap();
            gone = Tally::sum(part.values().chain([&gone]));
            next = last;
        }
        assert_eq!(
            gone,
            Tally::sum(plan.going.values()),
            "what was planned went"
        );
        self.model.collected(
            rule,
            configured.as_ref().map(|i| i.target_id.as_str()),
            gone,
        );
    }

    pub(super) fn restore(&mut self, handle: usize, missing: i64, entries: Vec<Spec>) {
        let now = self.clock.now();
        let mut events: Vec<Event> = self
            .model
            .events
            .values()
            .filter(|e| has(missing, e.seq))
            .cloned()
            .collect();
        events.extend(entries.into_iter().map(|spec| self.mint(spec)));
        let from_archive = |event: &Event| Restorable {
            event_id: event.id.clone(),
            event_type: "T".to_owned(),
            occurred_at: None,
            captured_at: now,
            origin: "capture".to_owned(),
            held: event.is_held.then(|| "opted_out".to_owned()),
            envelope: event.envelope.clone(),
        };
        let archive: Vec<Restorable> = events.iter().map(from_archive).collect();
        let store = &mut self.stores.as_mut().unwrap()[handle];
        let (sealed, restored) = store
            .write(|tx| {
                Ok::<_, books::Error>((
                    journal::sealed_through(tx)?,
                    books::restore(tx, now, &archive, 0)?,
                ))
            })
            .unwrap();
        self.model.restored(events, sealed, restored);
    }

    pub(super) fn forget(&mut self, handle: usize, target_id: &str) {
        let now = self.clock.now();
        let store = &mut self.stores.as_mut().unwrap()[handle];
        let in_flight = store.write(|tx| match delivery::current(tx, target_id)? {
            Some(target) => delivery::forget(tx, &target, now),
            None => Ok(0),
        });
        self.model.forgotten(target_id, in_flight.unwrap());
    }
}
