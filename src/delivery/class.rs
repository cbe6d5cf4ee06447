//! The states of a delivery and the classes the books are kept in.

use std::fmt;

/// State of one event at one target, if it has a row there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Status {
    /// Left to send again: after a halt, a replay, a release.
    Queued,
    /// In an open attempt.
    InFlight,
    /// Accepted by the receiver, not yet confirmed as stored.
    Pending,
    /// Refused by the receiver; sent again until the limit of refusals is reached.
    Rejected,
    /// The response had no usable result for it.
    Transient,
    /// Stored by the receiver.
    Success,
    /// Stored by the receiver earlier.
    Duplicate,
    /// Given up; an operator can requeue it.
    TerminalFailed,
    /// Was left to send when its payload was deleted.
    Closed,
}

impl Status {
    /// Every state.
    pub(crate) const ALL: [Self; 9] = [
        Self::Queued,
        Self::InFlight,
        Self::Pending,
        Self::Rejected,
        Self::Transient,
        Self::Success,
        Self::Duplicate,
        Self::TerminalFailed,
        Self::Closed,
    ];

    /// The word kept in the store and shown to people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InFlight => "in_flight",
            Self::Pending => "pending",
            Self::Rejected => "rejected",
            Self::Transient => "transient",
            Self::Success => "success",
            Self::Duplicate => "duplicate",
            Self::TerminalFailed => "terminal_failed",
            Self::Closed => "closed",
        }
    }

    /// The state with this word; `None` for any other word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// The class of a row in this state whose event has no marks.
    pub(crate) const fn class(self) -> Class {
        match self {
            Self::Success | Self::Duplicate => Class::Delivered,
            Self::TerminalFailed => Class::Undeliverable,
            Self::InFlight | Self::Pending => Class::InFlight,
            Self::Rejected | Self::Transient => Class::Retryable,
            Self::Queued | Self::Closed => Class::Untried,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Class of an event at a target; each event is in exactly one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// The receiver has it.
    Delivered,
    /// Sent, or about to be; the receiver's final answer is missing.
    InFlight,
    /// Refused or unanswered; tried again when due.
    Retryable,
    /// Given up.
    Undeliverable,
    /// A newer event of its key replaced it before it was sent.
    Superseded,
    /// Given up before it was sent, with an audit row.
    Discarded,
    /// Its payload was deleted for another reason.
    Purged,
    /// On hold.
    Blocked,
    /// Left to send and never tried.
    Untried,
}

impl Class {
    /// The class of a row that its target neither has nor refused, by the marks of the journal:
    /// superseded, discarded, its payload gone, on hold.
    pub(super) const fn unsent(marks: [bool; 4]) -> Self {
        match marks {
            [true, ..] => Self::Superseded,
            [_, true, ..] => Self::Discarded,
            [_, _, true, _] => Self::Purged,
            [.., true] => Self::Blocked,
            [false, false, false, false] => Self::Untried,
        }
    }

    /// Every class, in the order of the balance equation.
    pub(crate) const ALL: [Self; 9] = [
        Self::Delivered,
        Self::InFlight,
        Self::Retryable,
        Self::Undeliverable,
        Self::Blocked,
        Self::Untried,
        Self::Superseded,
        Self::Discarded,
        Self::Purged,
    ];

    /// The name of its counter.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::InFlight => "in_flight",
            Self::Retryable => "retryable",
            Self::Undeliverable => "undeliverable",
            Self::Superseded => "superseded",
            Self::Discarded => "discarded",
            Self::Purged => "purged",
            Self::Blocked => "blocked",
            Self::Untried => "untried",
        }
    }

    /// The word for people; differs from the counter's name for some classes.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::InFlight => "in flight",
            Self::Retryable => "retrying",
            Self::Undeliverable => "failed",
            Self::Untried => "waiting",
            _ => self.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_round_trip() {
        for status in Status::ALL {
            assert_eq!(Status::from_word(status.word()), Some(status));
        }
        assert_eq!(Status::from_word("delivered"), None);
    }
}
