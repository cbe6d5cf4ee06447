//! One reading of any answer, for events and documents alike. Pure.

use std::time::Duration;

use serde_json::Value;

use super::{Answer, Cause, Failure, words};
use crate::base::{Timestamp, retry, text};

/// The most characters shown of a request id.
const MAX_REQUEST_ID: usize = 64;

/// What an exchange says of what was sent, by its status or its failure alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// 2xx, and the answer is not a web page. The body decides what exactly was accepted.
    Accepted,
    /// 400, 413, 422: the server read what was sent and refuses it. No other status says anything about the content.
    Refused,
    /// Nothing is wrong with what was sent, and nothing can be sent until something is changed.
    Halt,
    /// 408, 409, 423, 425, 429: nothing was done, and the same request may be sent later.
    Wait,
    /// Something was sent, and what the server did with it is not known.
    Unknown,
    /// There was no connection: nothing was sent.
    Unsent,
}

/// A refusal of every request, whatever it holds, until something is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What a person would do about it.
    pub(crate) cause: Cause,
    /// The status; `None` without an answer.
    pub(crate) status: Option<u16>,
    /// Status and the server's words, or the failure.
    pub(crate) said: String,
}

/// An exchange, read once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// What the status says.
    pub(crate) meaning: Meaning,
    /// The same, sorted by what a person would do about it.
    pub(crate) cause: Cause,
    /// The status; `None` without an answer.
    pub(crate) status: Option<u16>,
    /// Status, the server's own words and its request id, or why there is no answer: printable, and a line at most.
    pub(crate) said: String,
    /// The server's own words alone, empty when it said nothing, and for 2xx; without an answer, what failed. Printable,
    /// at most 200 characters.
    pub(crate) words: String,
    /// The least wait the server asked for, at most [`retry::LONGEST`].
    pub(crate) wait: Option<Duration>,
    /// The body, if it is whole and JSON.
    pub(crate) json: Option<Value>,
    /// True when the body was longer than what is read.
    pub(crate) is_cut: bool,
}

impl Reading {
    /// Reads what came back. `now` is compared with dates in `Retry-After`.
    pub(crate) fn of(exchange: &Result<Answer, Failure>, now: Timestamp) -> Self {
        match exchange {
            Ok(answer) => Self::of_answer(answer, now),
            Err(failure) => Self::of_failure(failure),
        }
    }

    fn of_answer(answer: &Answer, now: Timestamp) -> Self {
        let json: Option<Value> =
            if answer.is_cut { None } else { serde_json::from_slice(words::without_bom(&answer.body)).ok() };
        let is_success = (200..300).contains(&answer.status);
        let is_page = json.is_none() && words::is_page(answer);
        let words = if is_success && !is_page { String::new() } else { words::of(json.as_ref(), &answer.body) };
        let meaning = match meaning(answer.status) {
            Meaning::Accepted if is_page => Meaning::Unknown,
            meaning => meaning,
        };
        Self {
            meaning,
            cause: Cause::of_status(answer.status),
            status: Some(answer.status),
            said: said(answer, is_success && is_page, &words),
            wait: server_wait(answer, json.as_ref(), now),
            words,
            json,
            is_cut: answer.is_cut,
        }
    }

    fn of_failure(failure: &Failure) -> Self {
        let meaning = match failure {
            Failure::Unreachable(_) | Failure::NoSuchHost(_) | Failure::HandshakeCut(_) => Meaning::Unsent,
            Failure::Tls(_) | Failure::Refused(_) => Meaning::Halt,
            Failure::Unknown(_) => Meaning::Unknown,
        };
        Self {
            meaning,
            cause: Cause::of_failure(failure),
            status: None,
            said: text::printable(&failure.to_string()),
            words: text::shorten(&text::printable(failure.words()), words::MAX_WORDS),
            wait: None,
            json: None,
            is_cut: false,
        }
    }

    /// The refusal that this is, if it is one. Not 404 and 410: there is nothing at the address, now.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let is_refusal = match self.status {
            Some(404 | 410) => false,
            Some(_) => self.meaning == Meaning::Halt,
            None => self.meaning == Meaning::Halt && self.cause == Cause::Tls,
        };
        is_refusal.then(|| Refusal { cause: self.cause, status: self.status, said: self.said.clone() })
    }

    /// A text member of the answer's JSON object.
    pub(crate) fn text(&self, member: &str) -> Option<&str> {
        self.json.as_ref()?.get(member)?.as_str()
    }

    /// True when the request was too large, and not its headers, a quota or the server's own backlog: 413, or a refusal
    /// that says so.
    pub(crate) fn is_too_large(&self) -> bool {
        let words = self.words.to_lowercase();
        self.status == Some(413)
            || self.meaning == Meaning::Refused
                && ["too large", "too_large", "oversized"].iter().any(|w| words.contains(w))
    }
}

const fn meaning(status: u16) -> Meaning {
    match status {
        200..=299 => Meaning::Accepted,
        400 | 413 | 422 => Meaning::Refused,
        408 | 409 | 423 | 425 | 429 => Meaning::Wait,
        500.. => Meaning::Unknown,
        _ => Meaning::Halt,
    }
}

/// The status and the server's own words, for a person.
fn said(answer: &Answer, is_page_for_success: bool, words: &str) -> String {
    let mut said = format!("HTTP {}{}", answer.status, Cause::explain(answer.status));
    if is_page_for_success {
        said.push_str(", but the answer is a web page and not from the server");
    }
    if !words.is_empty() {
        said.push_str(": ");
        said.push_str(words);
    }
    if let Some(id) = &answer.request_id {
        said.push_str(" (request ");
        said.push_str(&text::shorten(&text::printable(id), MAX_REQUEST_ID));
        said.push(')');
    }
    said
}

/// The `Retry-After` header, else the member `retry_after` of the body: seconds as a number or as text, or a date.
fn server_wait(answer: &Answer, json: Option<&Value>, now: Timestamp) -> Option<Duration> {
    let header = answer.retry_after.as_deref().and_then(|text| retry::parse_retry_after(text, now));
    let wait = header.or_else(|| match json?.get("retry_after")? {
        Value::Number(seconds) => retry::parse_retry_after(&seconds.to_string(), now),
        Value::String(text) => retry::parse_retry_after(text, now),
        _ => None,
    });
    wait.map(|wait| wait.min(retry::LONGEST))
}
