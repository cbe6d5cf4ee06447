//! What an answer says of a batch of events. Pure; what an answer says of anything is [`crate::http::Reading`].

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::batch::Item;
use super::limits::Told;
use crate::base::{ids, text};
use crate::config::Ack;
use crate::http::{Meaning, Reading};

/// Longest reason kept in the ledger, in characters.
const REASON: usize = 300;

/// What an answer says of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Stored.
    Success,
    /// Taken, as the status of the whole request says.
    Acknowledged,
    /// Stored earlier.
    Duplicate,
    /// Accepted, not yet stored.
    Pending,
    /// Refused.
    Rejected(String),
    /// Nothing usable was said of it.
    Transient(String),
    /// Can never be sent as it is.
    Terminal(String),
    /// Innocent of its batch's refusal: owed again at once.
    Requeue,
}

/// What an answer says of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Something of each event, in the batch's order.
    Settled(Vec<Outcome>),
    /// Too large as a whole: halve it, and remember the limit.
    TooLarge(String),
    /// Too large as a whole, and the target says what is not.
    Limited {
        /// What else it said.
        reason: String,
        /// The limits it named.
        told: Told,
    },
    /// Refused as a whole with no word on which event is to blame: halve it to find out.
    Bisect(String),
    /// Nobody gets further with this target now: change no event, stop.
    Halt(String),
    /// The target wants to be left alone for a while: change no event, stop.
    Throttled {
        /// What it said.
        reason: String,
        /// How long it asked for.
        wait: Option<Duration>,
    },
    /// Nothing was sent: change no event, stop.
    Unreachable(String),
    /// What the receiver did is unknown: the batch stays in flight.
    Unknown {
        /// What is known.
        reason: String,
        /// How long it asked to wait.
        wait: Option<Duration>,
        /// The same batch again would end the same: it is halved at once.
        is_halved: bool,
    },
}

impl Verdict {
    fn unknown(reason: String) -> Self {
        Self::Unknown { reason, wait: None, is_halved: false }
    }
}

/// The verdict of one exchange on these events. `ack` says what acknowledges an event.
pub(crate) fn verdict(items: &[Item], reading: &Reading, ack: Ack) -> Verdict {
    let said = || reading.said.clone();
    if reading.is_too_large() {
        return match items {
            [_] => Verdict::Settled(vec![Outcome::Terminal(format!("oversized: {}", reading.said))]),
            _ => too_large(reading),
        };
    }
    match reading.meaning {
        Meaning::Accepted => accepted(items, reading, ack),
        Meaning::Refused => refused(items, reading),
        Meaning::Halt => Verdict::Halt(said()),
        Meaning::Wait => Verdict::Throttled { reason: said(), wait: reading.wait },
        Meaning::Unknown => Verdict::Unknown { reason: said(), wait: reading.wait, is_halved: false },
        Meaning::Unsent => Verdict::Unreachable(said()),
    }
}

/// Several events that are too large together: a server that names its limits spares the search for them.
fn too_large(reading: &Reading) -> Verdict {
    let reason = reading.said.clone();
    match Told::read(reading.json.as_ref().and_then(|body| body.get("limits"))) {
        told if told.events.or(told.bytes).is_none() => Verdict::TooLarge(reason),
        told => Verdict::Limited { reason, told },
    }
}

fn accepted(items: &[Item], reading: &Reading, ack: Ack) -> Verdict {
    match reading.status {
        _ if ack == Ack::Status => Verdict::Settled(vec![Outcome::Acknowledged; items.len()]),
        Some(202) => Verdict::Settled(vec![Outcome::Pending; items.len()]),
        Some(200 | 201 | 207) => per_event(items, reading),
        _ => Verdict::unknown(format!("{}, which names no event", reading.said)),
    }
}

/// A 2xx with a result for each event.
fn per_event(items: &[Item], reading: &Reading) -> Verdict {
    if reading.is_cut {
        let reason = format!("{}, but the answer is longer than any honest one", reading.said);
        return Verdict::Unknown { reason, wait: None, is_halved: true };
    }
    let Some(results) = reading.json.as_ref().and_then(|b| b.get("results")).and_then(Value::as_array) else {
        return Verdict::unknown(format!("{}, but the answer has no list `results`", reading.said));
    };
    let mut by_id: HashMap<String, Vec<&Value>> = HashMap::new();
    for result in results {
        if let Some(id) = result.get("event_id").and_then(Value::as_str) {
            by_id.entry(same_id(id)).or_default().push(result);
        }
    }
    Verdict::Settled(items.iter().map(|item| named(by_id.get(&same_id(&item.event_id)))).collect())
}

/// The outcome of an event from the results that name it.
fn named(results: Option<&Vec<&Value>>) -> Outcome {
    let Some(results) = results else {
        return Outcome::Transient("the answer does not mention this event".to_owned());
    };
    let mut outcomes = results.iter().map(|r| one(r));
    let first = outcomes.next().unwrap_or(Outcome::Transient(String::new()));
    if outcomes.all(|other| other == first) {
        first
    } else {
        Outcome::Transient("the answer says two different things of this event".to_owned())
    }
}

fn one(result: &Value) -> Outcome {
    let status = result.get("status").and_then(Value::as_str).unwrap_or("").trim().to_lowercase();
    match status.as_str() {
        "success" | "accepted" | "warning" => Outcome::Success,
        "duplicate" => Outcome::Duplicate,
        "pending" | "queued" => Outcome::Pending,
        "rejected" => Outcome::Rejected(reason(result, &["error_message", "error"], "rejected without a reason")),
        other => Outcome::Transient(format!("unknown status {:?}", text::shorten(&text::printable(other), 40))),
    }
}

/// A refusal: the events that `details` name are to blame; without any, none is named.
fn refused(items: &[Item], reading: &Reading) -> Verdict {
    let said = &reading.said;
    let details = reading.json.as_ref().and_then(|b| b.get("details")).map_or_else(Vec::new, details);
    let blamed: HashMap<String, String> = details
        .iter()
        .filter_map(|d| {
            let id = d.get("event_id")?.as_str()?;
            Some((same_id(id), reason(d, &["detail", "error", "reason"], said)))
        })
        .collect();
    if items.iter().any(|item| blamed.contains_key(&same_id(&item.event_id))) {
        let outcome =
            |item: &Item| blamed.get(&same_id(&item.event_id)).cloned().map_or(Outcome::Requeue, Outcome::Rejected);
        return Verdict::Settled(items.iter().map(outcome).collect());
    }
    match items {
        [_] => Verdict::Settled(vec![Outcome::Rejected(said.clone())]),
        _ => Verdict::Bisect(said.clone()),
    }
}

/// `details` is a list, or a text that holds one.
fn details(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list.clone(),
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn reason(value: &Value, members: &[&str], otherwise: &str) -> String {
    let words = members.iter().find_map(|m| match value.get(m)? {
        Value::String(words) if !words.trim().is_empty() => Some(words.clone()),
        Value::Null | Value::String(_) => None,
        other => Some(other.to_string()),
    });
    text::shorten(&text::printable(words.as_deref().unwrap_or(otherwise)), REASON)
}

/// The form ids are compared in; ids of no known form compare as they are.
fn same_id(id: &str) -> String {
    ids::normalize(id).unwrap_or_else(|| id.to_owned())
}
