//! A request to keep something, and its outcome.

use serde_json::{Value, json};

use super::content::{Entry, Upload};
use super::count::Count;

/// What a request asks to keep.
#[derive(Debug)]
pub(in crate::serve) struct Request {
    /// Whose it is: the first part of every key.
    pub(in crate::serve) team: i32,
    pub(in crate::serve) content: Content,
    /// The request's `Idempotency-Key`: counted, never trusted.
    pub(in crate::serve) key: Option<String>,
}

/// The readable content of a request.
#[derive(Debug)]
pub(in crate::serve) enum Content {
    /// A batch of events.
    Events(Vec<Entry>),
    /// One body.
    Body(Upload),
    /// Several bodies.
    Bodies(Vec<Upload>),
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::serve) enum Outcome {
    /// A batch, each entry with its own verdict.
    Events(Results),
    /// The body is new.
    Stored,
    /// The same body was there.
    AlreadyExists,
    /// No event has announced the body.
    NotAnnounced,
    /// The body came without its text, which is not here.
    TextNeeded,
    /// The body was deleted here by the operator, and is not accepted again.
    Forgotten,
    /// Several bodies, each with its own outcome, in order.
    Bodies(Vec<Self>),
}

/// The decision on one event that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Verdict {
    /// It is stored now.
    New,
    /// The same event was there.
    Duplicate,
    /// Another event with its id was there, and stays.
    Conflict,
    /// It is about something that the operator had deleted, and is not accepted again.
    Forgotten,
}

/// The verdicts on a batch.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::serve) struct Results {
    /// One result for each entry, in order, in the words of the wire.
    pub(in crate::serve) wire: Vec<Value>,
    /// How many entries count as what.
    pub(in crate::serve) tally: [(Count, i64); 4],
}

/// Why something is refused that was deleted here.
pub(in crate::serve) const FORGOTTEN: &str =
    "forgotten: the operator of this receiver deleted it, and does not accept it again";

impl Results {
    /// The results of `entries`, of which each one that can be read has its verdict.
    pub(in crate::serve) fn of<'a>(
        entries: impl ExactSizeIterator<Item = (&'a Entry, Option<Verdict>)>,
    ) -> Self {
        let mut tally = [
            (Count::Events, 0),
            (Count::Duplicates, 0),
            (Count::Conflicts, 0),
            (Count::Rejected, 0),
        ];
        let mut wire = Vec::with_capacity(entries.len());
        for (entry, verdict) in entries {
            let (at, status, error) = match (verdict, &entry.event) {
                (Some(Verdict::New), _) => (0, "success", None),
                (Some(Verdict::Duplicate), _) => (1, "duplicate", None),
                (Some(Verdict::Conflict), _) => (
                    2,
                    "rejected",
                    Some("conflict: an event with this id and other content is stored"),
                ),
                (Some(Verdict::Forgotten), _) => (3, "rejected", Some(FORGOTTEN)),
                (None, Err(reason)) => (3, "rejected", Some(reason.as_str())),
                (None, Ok(_)) => (3, "rejected", Some("the event was not looked at")),
            };
            tally[at].1 += 1;
            wire.push(json!({"event_id": entry.sent_id, "status": status, "error": error}));
        }
        Self { wire, tally }
    }
}
