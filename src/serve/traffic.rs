//! Numbers that one receiver counts, from its start.

use std::sync::atomic::{AtomicI64, Ordering};

use super::engine::Outcome;
use super::engine::count::{Count, Counts};

/// What is known without the storage. Cheap to count, and shared by every part of a receiver.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Everything since the start.
    total: [AtomicI64; Count::ALL.len()],
    /// The part that a local engine has still to store with its next step.
    unsaved: [AtomicI64; Count::ALL.len()],
}

impl Traffic {
    /// Counts one thing that no step of an engine counts.
    pub(super) fn count(&self, count: Count) {
        self.total[count as usize].fetch_add(1, Ordering::Relaxed);
        self.unsaved[count as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a body that was there, and was answered without a step.
    pub(super) fn count_unsaved(&self, count: Count) {
        self.unsaved[count as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the result of a request; the engine has counted it too.
    pub(super) fn count_outcome(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Events(results) => results
                .tally
                .iter()
                .for_each(|(count, by)| self.add(*count, *by)),
            Outcome::Stored => self.add(Count::Bodies, 1),
            Outcome::AlreadyExists => self.add(Count::BodiesAlreadyExist, 1),
            Outcome::NotAnnounced => self.add(Count::BodiesNotIndexed, 1),
            Outcome::TextNeeded | Outcome::Forgotten => {}
            Outcome::Bodies(outcomes) => outcomes
                .iter()
                .for_each(|outcome| self.count_outcome(outcome)),
        }
    }

    fn add(&self, count: Count, by: i64) {
        self.total[count as usize].fetch_add(by, Ordering::Relaxed);
    }

    /// Everything since the start.
    pub(super) fn total(&self) -> Counts {
        Count::ALL
            .iter()
            .map(|count| (*count, self.total[*count as usize].load(Ordering::Relaxed)))
            .collect()
    }

    /// What has still to be stored, without zeros.
    pub(super) fn unsaved(&self) -> Counts {
        let numbers = Count::ALL.iter().map(|count| {
            (
                *count,
                self.unsaved[*count as usize].load(Ordering::Relaxed),
            )
        });
        numbers.filter(|(_, number)| *number != 0).collect()
    }

    /// Takes off what was stored.
    pub(super) fn saved(&self, stored: &Counts) {
        for (count, number) in stored {
            self.unsaved[*count as usize].fetch_sub(*number, Ordering::Relaxed);
        }
    }
}
