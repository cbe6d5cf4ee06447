//! Gathers the results of uploads and writes them together.
//!
//! Each transaction is a sync to disk, so one per answer would cost more than the uploads. If the
//! process dies, gathered results are lost: those documents are uploaded again, and the server
//! answers that it has them.

use std::time::Duration;

use super::Status;
use super::{Error, Row, failures};
use crate::base::{Timestamp, failpoint};
use crate::delivery::{self, Answered};
use crate::journal::Kind;
use crate::store::Store;

/// Number of answers written at once.
const AT_ONCE: usize = 64;

/// The longest time that an answer waits for others.
const LONGEST: Duration = Duration::from_millis(100);

/// Change of a row after its upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// The server has it.
    Settle(Status, &'static str),
    /// The row waits for another try.
    Postpone {
        /// Why.
        reason: String,
        /// When it is due.
        due_at: Timestamp,
    },
    /// It was refused for good.
    Fail {
        /// Why.
        reason: String,
    },
}

impl Act {
    /// The status word and the reason of the public contract, and whether the document is tried
    /// again.
    pub(super) fn told(self) -> (Status, String, bool) {
        match self {
            Self::Settle(status, reason) => (status, reason.to_owned(), false),
            Self::Postpone { reason, .. } => (Status::Queued, reason, true),
            Self::Fail { reason } => (Status::Failed, reason, false),
        }
    }
}

/// Answers in memory.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    acts: Vec<(Row, Act)>,
    /// Arrival of the oldest of them.
    since: Option<Timestamp>,
    /// Time before which the server wants no requests, if it asked for a pause.
    pause: Option<Timestamp>,
}

impl Gathered {
    /// Adds an answer that came at `now`.
    pub(super) fn add(&mut self, row: Row, act: Act, now: Timestamp) {
        self.acts.push((row, act));
        self.since.get_or_insert(now);
    }

    /// Adds a pause: no request before `until`.
    pub(super) fn add_pause(&mut self, until: Timestamp) {
        self.pause = self.pause.max(Some(until));
    }

    /// How long the oldest answer may still wait for others; `None` without any.
    pub(super) fn time_left(&self, now: Timestamp) -> Option<Duration> {
        Some(LONGEST.saturating_sub(now.since(self.since?)))
    }

    /// True if there are enough answers, or the oldest has waited long enough.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.acts.len() >= AT_ONCE || self.time_left(now).is_some_and(|left| left.is_zero())
    }

    /// Writes everything in one transaction and returns it for the report. A text is deleted with
    /// the last target that lacked it, unless it is to be kept.
    pub(super) fn write(
        &mut self,
        store: &mut Store,
        target: i64,
        keeps_texts: bool,
        now: Timestamp,
    ) -> Result<Vec<(Row, Act)>, Error> {
        let Self { acts, pause, .. } = std::mem::take(self);
        let is_accepted = acts.iter().any(|(_, act)| matches!(act, Act::Settle(..)));
        if acts.is_empty() && pause.is_none() {
            return Ok(acts);
        }
        failpoint::at(failpoint::DOCUMENTS_ANSWERED);
        store.write(|tx| {
            for (row, act) in &acts {
                let answered = match act {
                    Act::Settle(status, _) => Answered::Stored {
                        before: *status == Status::AlreadyExists,
                    },
                    Act::Postpone { reason, due_at } => Answered::Again {
                        reason,
                        due_at: *due_at,
                    },
                    Act::Fail { reason } => Answered::Refused { reason },
                };
                delivery::settle_document(
                    tx,
                    target,
                    (row.id, row.sha256),
                    &answered,
                    keeps_texts,
                    now,
                )?;
                if matches!(act, Act::Settle(..)) {
                    failures::close_for_artifact(tx, row, now)?;
                }
            }
            if is_accepted {
                delivery::end_pause(tx, target, Kind::Document)?;
            }
            pause.map_or(Ok(()), |until| {
                Ok::<_, Error>(delivery::leave_alone(tx, target, Kind::Document, until)?)
            })
        })?;
        Ok(acts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_world::{World, second};
    use super::*;

    #[test]
    fn answers_are_written_when_many_or_old() {
        let mut world = World::new();
        world.put("spec.md", "a\n", 1);
        let row = world.rows().remove(0);
        let mut gathered = Gathered::default();
        let after = |millis| second(10).after(Duration::from_millis(millis));
        assert_eq!(
            (gathered.time_left(after(0)), gathered.is_due(after(0))),
            (None, false)
        );
        for _ in 0..AT_ONCE {
            assert!(!gathered.is_due(after(0)));
            gathered.add(
                row.clone(),
                Act::Settle(Status::Uploaded, "stored"),
                after(0),
            );
        }
        assert!(gathered.is_due(after(0)), "many");
        assert_eq!(
            gathered
                .write(&mut world.store, 1, false, after(0))
                .unwrap()
                .len(),
            AT_ONCE
        );
        assert_eq!(
            (world.counts().rows, gathered.time_left(after(0))),
            (0, None)
        );
        gathered.add(
            row.clone(),
            Act::Settle(Status::Uploaded, "stored"),
            after(0),
        );
        gathered.add(row, Act::Settle(Status::Uploaded, "stored"), after(90));
        assert_eq!(
            gathered.time_left(after(90)),
            Some(Duration::from_millis(10)),
            "counted from the oldest"
        );
        assert!(
            !gathered.is_due(after(99)) && gathered.is_due(after(100)),
            "old"
        );
    }
}
