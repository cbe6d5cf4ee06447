//! The state of one event at one target, as one word. Pure; the classes are those of the balance.

use crate::base::text::nearest;
use crate::delivery::{Class, Status};
use crate::journal::Record;

/// State of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// The word shown: the delivery's state if it is more precise, else the class.
    pub(super) word: &'static str,
    /// The class it is counted in.
    pub(super) class: Class,
}

/// The state of an event with these marks at a target where its delivery has this state. `is_shut`:
/// a check of the target fails, so events that were never tried are blocked.
pub(super) fn stand(record: &Record, status: Option<Status>, is_shut: bool) -> Standing {
    if let Some(status) = status.filter(|status| status.class() != Class::Untried) {
        return Standing {
            word: status.word(),
            class: status.class(),
        };
    }
    let marks = [
        (record.superseded_by.is_some(), Class::Superseded),
        (record.discarded.is_some(), Class::Discarded),
        (record.gone.is_some(), Class::Purged),
        (record.held.is_some() || is_shut, Class::Blocked),
    ];
    match marks.into_iter().find(|(applies, _)| *applies) {
        Some((_, class)) => Standing {
            word: class.name(),
            class,
        },
        None => Standing {
            word: status.map_or(Class::Untried.name(), Status::word),
            class: Class::Untried,
        },
    }
}

/// A filter by class or by state of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Every event that the balance counts in this class.
    Class(Class),
    /// Every event whose delivery has this state.
    Status(Status),
}

impl Wanted {
    /// Parses a filter. If a class and a state have the same name, the class is meant, which is
    /// wider. The error is a message about the word.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let class = Class::ALL.into_iter().find(|class| class.name() == word);
        if let Some(wanted) = class
            .map(Self::Class)
            .or_else(|| Status::from_word(word).map(Self::Status))
        {
            return Ok(wanted);
        }
        let words = Self::words();
        let hint =
            nearest(word, words.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
        Err(format!(
            "no such status{}\nStatuses: {}",
            hint.unwrap_or_default(),
            words.join(", ")
        ))
    }

    /// The words that can be filtered by.
    pub(crate) fn words() -> Vec<&'static str> {
        let statuses = Status::ALL.into_iter().map(Status::word);
        let others = statuses.filter(|word| *word != Class::InFlight.name());
        Class::ALL
            .into_iter()
            .map(Class::name)
            .chain(others)
            .collect()
    }

    /// True if the filter matches.
    pub(super) fn takes(self, standing: Standing) -> bool {
        match self {
            Self::Class(class) => standing.class == class,
            Self::Status(status) => standing.word == status.word(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::Sha256;

    /// A row without marks.
    pub(in crate::upkeep) fn record() -> Record {
        Record {
            seq: 1,
            event_id: "a".to_owned(),
            event_type: "T".to_owned(),
            occurred_at: None,
            captured_at: 0,
            origin: "capture".to_owned(),
            payload_sha256: Sha256::of(b""),
            size: 0,
            chain: Sha256::of(b""),
            held: None,
            superseded_by: None,
            follows: None,
            discarded: None,
            gone: None,
            left_at: None,
            archived_at: None,
        }
    }

    #[test]
    fn what_a_delivery_reached_comes_before_marks_and_marks_before_gates() {
        let plain = record();
        let held = Record {
            held: Some("opted_out".into()),
            ..record()
        };
        let gone = Record {
            gone: Some("acknowledged".into()),
            ..record()
        };
        let evicted = Record {
            discarded: Some("evicted".into()),
            gone: Some("evicted".into()),
            ..record()
        };
        let superseded = Record {
            superseded_by: Some(2),
            gone: Some("gc".into()),
            ..record()
        };
        for (record, status, is_shut, word, class) in [
            (&plain, None, false, "untried", Class::Untried),
            (&plain, None, true, "blocked", Class::Blocked),
            (
                &plain,
                Some(Status::Queued),
                false,
                "queued",
                Class::Untried,
            ),
            (
                &plain,
                Some(Status::Queued),
                true,
                "blocked",
                Class::Blocked,
            ),
            (
                &plain,
                Some(Status::Pending),
                true,
                "pending",
                Class::InFlight,
            ),
            (
                &plain,
                Some(Status::Rejected),
                true,
                "rejected",
                Class::Retryable,
            ),
            (&held, None, false, "blocked", Class::Blocked),
            (
                &gone,
                Some(Status::Success),
                false,
                "success",
                Class::Delivered,
            ),
            (&gone, Some(Status::Closed), true, "purged", Class::Purged),
            (
                &evicted,
                Some(Status::Closed),
                false,
                "discarded",
                Class::Discarded,
            ),
            (&superseded, None, true, "superseded", Class::Superseded),
        ] {
            assert_eq!(
                stand(record, status, is_shut),
                Standing { word, class },
                "{status:?} {is_shut} {record:?}"
            );
        }
    }

    #[test]
    fn a_word_is_a_class_or_a_state() {
        let pending = Standing {
            word: "pending",
            class: Class::InFlight,
        };
        let success = Standing {
            word: "success",
            class: Class::Delivered,
        };
        for (word, standing, is_taken) in [
            ("in_flight", pending, true),
            ("pending", pending, true),
            ("delivered", success, true),
            ("success", success, true),
            ("duplicate", success, false),
            ("untried", success, false),
        ] {
            assert_eq!(
                Wanted::parse(word).unwrap().takes(standing),
                is_taken,
                "{word}"
            );
        }
        let words = Wanted::parse("delivred").unwrap_err();
        assert!(
            words.contains("did you mean `delivered`?") && words.contains("terminal_failed"),
            "{words}"
        );
    }
}
