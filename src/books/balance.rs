//! The balance as shown in reports and in `status`: a public contract.

use serde::{Deserialize, Serialize};

use crate::delivery::{self, Class};

/// Class totals of all captured events for one target: the first number is the sum of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Balance {
    /// Events ever captured.
    pub(crate) captured: u64,
    /// The target has them.
    pub(crate) delivered: u64,
    /// Sent, without a final answer.
    pub(crate) in_flight: u64,
    /// Waiting for another try.
    pub(crate) retryable: u64,
    /// Refused for good.
    pub(crate) undeliverable: u64,
    /// On hold, or blocked by a failed check.
    pub(crate) blocked: u64,
    /// Not tried yet.
    pub(crate) untried: u64,
    /// Replaced by a newer event before they were sent.
    pub(crate) superseded: u64,
    /// Dropped by the operator's rule, with an audit row.
    pub(crate) discarded: u64,
    /// Payload deleted by the operator's order.
    pub(crate) purged: u64,
    /// True if journal and ledger, counted separately, agree.
    pub(crate) holds: bool,
}

impl Balance {
    /// The balance to show: while a check fails (`is_shut`), events that were never tried count as
    /// blocked.
    pub(crate) fn of(books: &delivery::Balance, is_shut: bool) -> Self {
        let count = |class| u64::try_from(books.of(class)).unwrap_or(0);
        let (untried, blocked) = (count(Class::Untried), count(Class::Blocked));
        Self {
            captured: u64::try_from(books.captured).unwrap_or(0),
            delivered: count(Class::Delivered),
            in_flight: count(Class::InFlight),
            retryable: count(Class::Retryable),
            undeliverable: count(Class::Undeliverable),
            blocked: if is_shut { blocked + untried } else { blocked },
            untried: if is_shut { 0 } else { untried },
            superseded: count(Class::Superseded),
            discarded: count(Class::Discarded),
            purged: count(Class::Purged),
            holds: books.holds(),
        }
    }

    /// The balance of a store that does not exist: all zero, and it holds.
    pub(crate) fn empty() -> Self {
        Self {
            holds: true,
            ..Self::default()
        }
    }

    /// The right side of the equation in the documented order: the JSON member, the word for
    /// people, the count.
    pub(crate) fn terms(&self) -> [(&'static str, &'static str, u64); 9] {
        let counts = [
            (Class::Delivered, self.delivered),
            (Class::InFlight, self.in_flight),
            (Class::Retryable, self.retryable),
            (Class::Undeliverable, self.undeliverable),
            (Class::Blocked, self.blocked),
            (Class::Untried, self.untried),
            (Class::Superseded, self.superseded),
            (Class::Discarded, self.discarded),
            (Class::Purged, self.purged),
        ];
        counts.map(|(class, count)| (class.name(), class.word(), count))
    }
}
