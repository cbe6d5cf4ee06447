//! Meaning of an answer to a batch of events. Pure; the general reading of a response is
//! [`crate::http::Reading`].

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::advertised::AdvertisedLimits;
use super::batch::Item;
use crate::base::{ids, text};
use crate::config::Ack;
use crate::http::{Meaning, Reading};

/// Longest reason kept in the ledger, in characters.
const REASON: usize = 300;

/// Result for one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Stored.
    Success,
    /// Accepted, according to the status of the whole request.
    Acknowledged,
    /// Stored earlier.
    Duplicate,
    /// Accepted, not yet stored.
    Pending,
    /// Refused.
    Rejected(String),
    /// No usable result for it.
    Transient(String),
    /// Can never be sent as it is.
    Terminal(String),
    /// Not to blame for its batch's refusal: sent again at once.
    Requeue,
}

/// Result for a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A result for each event, in the batch's order.
    Settled(Vec<Outcome>),
    /// Too large as a whole: halve it, and remember the limit.
    TooLarge(String),
    /// Too large as a whole, and the target states its limits.
    Limited {
        /// Its words.
        reason: String,
        /// The stated limits.
        told: AdvertisedLimits,
    },
    /// Refused as a whole without naming an event: halve it to find the bad one.
    Bisect(String),
    /// The target accepts nothing now: change no event, stop.
    Halt(String),
    /// The target asks for a pause: change no event, stop.
    Throttled {
        /// Its words.
        reason: String,
        /// The wait that it asked for; `None` if it named none.
        wait: Option<Duration>,
    },
    /// Nothing was sent: change no event, stop.
    Unreachable(String),
    /// The result is unknown: the batch stays in flight.
    Unknown {
        /// For people.
        reason: String,
        /// The wait that it asked for; `None` if it named none.
        wait: Option<Duration>,
        /// The same batch would have the same result, so it is halved at once.
        is_halved: bool,
    },
}

impl Verdict {
    fn unknown(reason: String) -> Self {
        Self::Unknown {
            reason,
            wait: None,
            is_halved: false,
        }
    }
}

/// The verdict of one exchange on these events. `ack`: what counts as acknowledgement of an event.
pub(crate) fn verdict(items: &[Item], reading: &Reading, ack: Ack) -> Verdict {
    let said = || reading.said.clone();
    if reading.is_too_large() {
        return match items {
            [_] => Verdict::Settled(vec![Outcome::Terminal(format!(
                "oversized: {}",
                reading.said
            ))]),
            _ => too_large(reading),
        };
    }
    match reading.meaning {
        Meaning::Accepted => accepted(items, reading, ack),
        Meaning::Refused => refused(items, reading),
        Meaning::Halt => Verdict::Halt(said()),
        Meaning::Wait => Verdict::Throttled {
            reason: said(),
            wait: reading.wait,
        },
        Meaning::Unknown => Verdict::Unknown {
            reason: said(),
            wait: reading.wait,
            is_halved: false,
        },
        Meaning::Unsent => Verdict::Unreachable(said()),
    }
}

/// Several events that are too large together; limits stated by the server save the search for
/// them.
fn too_large(reading: &Reading) -> Verdict {
    let reason = reading.said.clone();
    match AdvertisedLimits::read(reading.json.as_ref().and_then(|body| body.get("limits"))) {
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
        let reason = format!("{}, but the response is too long", reading.said);
        return Verdict::Unknown {
            reason,
            wait: None,
            is_halved: true,
        };
    }
    let Some(results) = reading
        .json
        .as_ref()
        .and_then(|b| b.get("results"))
        .and_then(Value::as_array)
    else {
        return Verdict::unknown(format!(
            "{}, but the answer has no list `results`",
            reading.said
        ));
    };
    let mut by_id: HashMap<String, Vec<&Value>> = HashMap::new();
    for result in results {
        if let Some(id) = result.get("event_id").and_then(Value::as_str) {
            by_id.entry(same_id(id)).or_default().push(result);
        }
    }
    Verdict::Settled(
        items
            .iter()
            .map(|item| named(by_id.get(&same_id(&item.event_id))))
            .collect(),
    )
}

/// Outcome of an event from the results with its id.
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
    let status = result
        .get("status")
        .and_then(Value::as_str)
        .unwrap_or("")
        .trim()
        .to_lowercase();
    match status.as_str() {
        "success" | "accepted" | "warning" => Outcome::Success,
        "duplicate" => Outcome::Duplicate,
        "pending" | "queued" => Outcome::Pending,
        "rejected" => Outcome::Rejected(reason(
            result,
            &["error_message", "error"],
            "rejected without a reason",
        )),
        other => Outcome::Transient(format!(
            "unknown status {:?}",
            text::shorten(&text::printable(other), 40)
        )),
    }
}

/// A refusal: blames the events that `details` names; without `details` the batch must be halved.
fn refused(items: &[Item], reading: &Reading) -> Verdict {
    let said = &reading.said;
    let details = reading
        .json
        .as_ref()
        .and_then(|b| b.get("details"))
        .map_or_else(Vec::new, details);
    let blamed: HashMap<String, String> = details
        .iter()
        .filter_map(|d| {
            let id = d.get("event_id")?.as_str()?;
            Some((same_id(id), reason(d, &["detail", "error", "reason"], said)))
        })
        .collect();
    if items
        .iter()
        .any(|item| blamed.contains_key(&same_id(&item.event_id)))
    {
        let outcome = |item: &Item| {
            blamed
                .get(&same_id(&item.event_id))
                .cloned()
                .map_or(Outcome::Requeue, Outcome::Rejected)
        };
        return Verdict::Settled(items.iter().map(outcome).collect());
    }
    match items {
        [_] => Verdict::Settled(vec![Outcome::Rejected(said.clone())]),
        _ => Verdict::Bisect(said.clone()),
    }
}

/// `details` as a list: given directly, or as a text that contains one.
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
    text::shorten(
        &text::printable(words.as_deref().unwrap_or(otherwise)),
        REASON,
    )
}

/// The form in which ids are compared; ids of unknown form are compared unchanged.
fn same_id(id: &str) -> String {
    ids::normalize(id).unwrap_or_else(|| id.to_owned())
}
