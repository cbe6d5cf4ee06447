//! The one mapper: any answer of any receiver becomes a verdict (design section 7; `formats` section 7.2). Pure.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::batch::Item;
use super::cause;
use super::limits::Told;
use crate::base::{Timestamp, ids, retry, text};
use crate::config::Ack;
use crate::http::{Answer, Failure, server_words};

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

/// The verdict on one exchange. `ack` says what acknowledges an event; `now` is for `Retry-After` dates.
pub(crate) fn verdict(items: &[Item], exchange: &Result<Answer, Failure>, ack: Ack, now: Timestamp) -> Verdict {
    let answer = match exchange {
        Ok(answer) => answer,
        Err(failure @ (Failure::Unreachable(_) | Failure::NoSuchHost(_) | Failure::Refused(_))) => {
            return Verdict::Unreachable(failure.to_string());
        }
        Err(failure @ Failure::Tls(_)) => return Verdict::Halt(failure.to_string()),
        Err(failure @ Failure::Unknown(_)) => return Verdict::unknown(failure.to_string()),
    };
    let status = answer.status;
    let said = said(answer);
    if !(200..300).contains(&status) && is_too_large(answer) {
        return match items {
            [_] => Verdict::Settled(vec![Outcome::Terminal(format!("oversized: {said}"))]),
            _ => too_large(answer, said),
        };
    }
    match status {
        200..=299 if ack == Ack::Status => Verdict::Settled(vec![Outcome::Acknowledged; items.len()]),
        202 => Verdict::Settled(vec![Outcome::Pending; items.len()]),
        200 | 201 | 207 => per_event(items, answer),
        400 | 422 => refused(items, answer, said),
        408 | 429 => Verdict::Throttled { reason: said, wait: server_wait(answer, now) },
        500.. => Verdict::Unknown { reason: said, wait: server_wait(answer, now), is_halved: false },
        203..=299 => Verdict::unknown(format!("{said}, which names no event")),
        // 401, 403, 412, 426 and every redirect; and what no contract mentions, where stopping changes nothing.
        _ => Verdict::Halt(said),
    }
}

/// Several events that are too large together: a server that names its limits spares the search for them.
fn too_large(answer: &Answer, reason: String) -> Verdict {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    match Told::read(body.as_ref().and_then(|body| body.get("limits"))) {
        told if told.events.or(told.bytes).is_none() => Verdict::TooLarge(reason),
        told => Verdict::Limited { reason, told },
    }
}

/// The status and the server's own words, for a person.
fn said(answer: &Answer) -> String {
    let mut said = format!("HTTP {}{}", answer.status, cause::meaning(answer.status));
    let words = server_words(&answer.body);
    if !words.is_empty() {
        said.push_str(": ");
        said.push_str(&words);
    }
    if let Some(id) = &answer.request_id {
        said.push_str(" (request ");
        said.push_str(&text::shorten(&text::printable(id), 64));
        said.push(')');
    }
    said
}

fn is_too_large(answer: &Answer) -> bool {
    let words = server_words(&answer.body).to_lowercase();
    answer.status == 413 || ["too large", "too_large", "oversized"].iter().any(|w| words.contains(w))
}

/// How long the server asked for: the header, else the body's `retry_after`.
fn server_wait(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let header = answer.retry_after.as_deref().and_then(|v| retry::parse_retry_after(v, now));
    header.or_else(|| {
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        let seconds = body.get("retry_after")?.as_f64()?;
        Duration::try_from_secs_f64(seconds).ok()
    })
}

/// A 2xx with a result for each event.
fn per_event(items: &[Item], answer: &Answer) -> Verdict {
    if answer.is_cut {
        let reason = format!("HTTP {}, but the answer is longer than any honest one", answer.status);
        return Verdict::Unknown { reason, wait: None, is_halved: true };
    }
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let Some(results) = body.as_ref().and_then(|b| b.get("results")).and_then(Value::as_array) else {
        return Verdict::unknown(format!("HTTP {}, but the answer has no list `results`", answer.status));
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

/// A 400: the events that `details` name are to blame; without any, nobody is named.
fn refused(items: &[Item], answer: &Answer, said: String) -> Verdict {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let details = body.as_ref().and_then(|b| b.get("details")).map_or_else(Vec::new, details);
    let blamed: HashMap<String, String> = details
        .iter()
        .filter_map(|d| {
            let id = d.get("event_id")?.as_str()?;
            Some((same_id(id), reason(d, &["detail", "error", "reason"], &said)))
        })
        .collect();
    if items.iter().any(|item| blamed.contains_key(&same_id(&item.event_id))) {
        let outcome =
            |item: &Item| blamed.get(&same_id(&item.event_id)).cloned().map_or(Outcome::Requeue, Outcome::Rejected);
        return Verdict::Settled(items.iter().map(outcome).collect());
    }
    match items {
        [_] => Verdict::Settled(vec![Outcome::Rejected(said)]),
        _ => Verdict::Bisect(said),
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
