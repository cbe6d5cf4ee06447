//! Events that a target has before they are captured here: a journal that starts from what the
//! target has.

use super::acts::{Appended, append};
use super::ops::Spec;
use super::surroundings::identity;
use super::world::World;
use crate::base::Clock as _;
use crate::books;
use crate::delivery::{self, Class, Inherited};
use crate::journal::{self, Appended as Outcome};

impl World {
    /// Captures new events in one transaction, and notes in it that a target has those that are
    /// marked.
    pub(super) fn start_from(&mut self, handle: usize, target: usize, entries: &[(Spec, bool)]) {
        let (identity, now) = (identity(target), self.clock.now());
        let events: Vec<_> = entries.iter().map(|(spec, _)| self.mint(*spec)).collect();
        let store = &mut self.stores.as_mut().unwrap()[handle];
        let done: Result<_, books::Error> = store.write(|tx| {
            let sealed = journal::sealed_through(tx)?;
            let (results, receipt) = append(tx, now, events, None)?;
            let mut has = Vec::new();
            for ((event, appended), (_, is_there)) in results.iter().zip(entries) {
                // What is on hold, or fits no request, was never sent by anybody.
                if let (Outcome::Captured { seq, .. }, true, false, true) =
                    (appended, *is_there, event.is_held, event.wire.is_some())
                {
                    has.push(Inherited {
                        seq: *seq,
                        was_duplicate: true,
                        settled_at: None,
                    });
                }
            }
            delivery::inherit(tx, &identity, &has, now)?;
            if let Some(target) =
                delivery::current(tx, &identity.target_id)?.filter(|_| !has.is_empty())
            {
                delivery::advance(tx, target.id)?;
            }
            Ok((
                Appended {
                    sealed,
                    capacity: None,
                    results,
                    receipt,
                },
                has,
            ))
        });
        let (appended, has) = done.unwrap();
        self.model.appended(appended);
        if has.is_empty() {
            return;
        }
        self.model
            .ledgers
            .entry(identity.target_id.clone())
            .or_default()
            .begin();
        for seq in has.into_iter().map(|event| event.seq) {
            let event = &self.model.events[&seq];
            if event.superseded_by.is_none() {
                self.model.sealed = self.model.sealed.max(seq);
                self.servers[target]
                    .borrow_mut()
                    .insert(event.id.clone(), event.wire.clone().unwrap());
                let ledger = self.model.ledgers.get_mut(&identity.target_id).unwrap();
                ledger.lines.entry(seq).or_default().class = Some(Class::Delivered);
                ledger.receiver_has(seq);
            }
        }
    }
}
