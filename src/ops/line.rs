//! The result for one captured line.

use serde::Serialize;

use super::intake::Candidate;
use crate::journal::Appended;

/// Result for one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// Its number, from 1.
    #[serde(rename = "line")]
    pub(crate) number: u64,
    /// The event's id, if the line has one.
    pub(crate) event_id: Option<String>,
    /// Its journal row, or the row of the event that states the same.
    pub(crate) seq: Option<i64>,
    /// `captured`, `unchanged`, `conflict`, `refused`, `discarded` or `spooled`.
    pub(crate) result: &'static str,
    /// The reason, or how it breaks the contract.
    pub(crate) reason: Option<String>,
    /// Why it is on hold.
    pub(crate) blocked: Option<String>,
    /// True if the line is not an envelope.
    #[serde(skip)]
    pub(crate) is_broken: bool,
    /// True if the envelope breaks the contract.
    #[serde(skip)]
    pub(crate) is_odd: bool,
}

impl Line {
    /// A line that is not captured.
    pub(super) fn refused(
        number: u64,
        event_id: Option<String>,
        reason: String,
        is_broken: bool,
    ) -> Self {
        Self {
            number,
            event_id,
            seq: None,
            result: "refused",
            reason: Some(reason),
            blocked: None,
            is_broken,
            is_odd: true,
        }
    }

    /// Marks the line's event as evicted at once: the lines exceed the capacity of the queue.
    pub(super) fn give_way(&mut self) {
        let reason = "the queue is at journal.capacity, and newer lines came with it".to_owned();
        (self.result, self.reason) = ("discarded", Some(reason));
    }
}

impl Candidate {
    /// The result of appending it to the journal.
    pub(super) fn appended(&self, appended: Appended, held: Option<&str>) -> Line {
        match appended {
            Appended::Captured { seq, .. } => {
                self.became("captured", Some(seq), self.oddity.clone(), held)
            }
            Appended::Unchanged { seq } => self.became("unchanged", Some(seq), None, None),
            Appended::Conflict { seq } => {
                let reason =
                    "the id is in the journal with another content; this one is kept apart"
                        .to_owned();
                self.became("conflict", Some(seq), Some(reason), None)
            }
            Appended::Purged { seq } => {
                let reason = "the event was purged here, and stays so".to_owned();
                self.became("discarded", Some(seq), Some(reason), None)
            }
            Appended::Full { capacity, live } => {
                let reason =
                    format!("the journal is full: capacity {capacity}, {live} live events");
                self.became("refused", None, Some(reason), None)
            }
        }
    }

    /// The result for an event that opting out drops.
    pub(super) fn dropped(&self) -> Line {
        self.became("discarded", None, Some("opted out".to_owned()), None)
    }

    pub(super) fn became(
        &self,
        result: &'static str,
        seq: Option<i64>,
        reason: Option<String>,
        held: Option<&str>,
    ) -> Line {
        Line {
            number: self.line,
            event_id: Some(self.inspection.event_id.clone()),
            seq,
            result,
            reason,
            blocked: held.map(str::to_owned),
            is_broken: false,
            is_odd: self.oddity.is_some(),
        }
    }
}
