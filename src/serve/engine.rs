//! What keeps events and texts, whatever it is made of: the trait that every engine implements, and
//! its words.

use std::fmt::Debug;
use std::pin::Pin;

use serde_json::{Value, json};

use super::arrivals::{Arrival, Heads};
use super::batch::Entry;
use super::inventory::Inventory;
use super::metrics::Sample;
use super::removal::Removals;
use super::storage::{Count, Counts, Upload};
use super::token::Tokens;
use super::webhook::Webhooks;
use crate::base::Sha256;

/// The answer of an engine, later.
pub(super) type Reply<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Keeps what requests bring. Any number of receivers may share what is behind it.
pub(super) trait Engine:
    Tokens + Inventory + Removals + Webhooks + Debug + Send + Sync
{
    /// Keeps what is acceptable of a request. It is durable once the outcome is there, and the
    /// whole work is done even when no request waits for the outcome any more.
    fn keep(&self, request: Request) -> Reply<'_, Result<Outcome, Trouble>>;
    /// The numbers of the report.
    fn counts(&self) -> Reply<'_, Result<Counts, Trouble>>;
    /// `Err` with the reason while this engine cannot promise to keep anything.
    fn ready(&self) -> Reply<'_, Result<(), String>>;
    /// Numbers of the engine itself, those of one name together.
    fn samples(&self) -> Vec<Sample> {
        Vec::new()
    }
    /// The feeds, with how far each goes.
    fn heads(&self) -> Reply<'_, Result<Heads, Trouble>>;
    /// The rows of a feed after this position, in order; a bounded number of them, none at its end.
    fn feed(&self, stream: &str, after: i64) -> Reply<'_, Result<Vec<Arrival>, Trouble>>;
    /// A text that a document of this project of a team has; `None` if it is not kept.
    fn text(
        &self,
        team: i32,
        project_uuid: &str,
        sha256: Sha256,
    ) -> Reply<'_, Result<Option<String>, Trouble>>;
    /// The id of what is kept, the same for its whole life and for every receiver in front of it.
    fn instance_id(&self) -> &str;
}

/// Why a request has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing of the request was begun.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "a local engine lets requests wait instead")
    )]
    Busy,
    /// The request may be kept as a whole, in part, or not at all; sending it again finds out.
    Unknown,
}

/// What a request asks to keep.
#[derive(Debug)]
pub(super) struct Request {
    /// Whose it is: the first part of every key.
    pub(super) team: i32,
    pub(super) content: Content,
    /// The request's `Idempotency-Key`: counted, never trusted.
    pub(super) key: Option<String>,
}

/// The readable content of a request.
#[derive(Debug)]
pub(super) enum Content {
    /// A batch of events.
    Events(Vec<Entry>),
    /// One body.
    Body(Upload),
    /// Several bodies.
    Bodies(Vec<Upload>),
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
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
pub(super) enum Verdict {
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
pub(super) struct Results {
    /// One result for each entry, in order, in the words of the wire.
    pub(super) wire: Vec<Value>,
    /// How many entries count as what.
    pub(super) tally: [(Count, i64); 4],
}

/// Why something is refused that was deleted here.
pub(super) const FORGOTTEN: &str =
    "forgotten: the operator of this receiver deleted it, and does not accept it again";

impl Results {
    /// The results of `entries`, of which each one that can be read has its verdict.
    pub(super) fn of<'a>(
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
