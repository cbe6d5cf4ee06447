//! Reads a response, in the same way for events and documents. Pure.

use std::time::Duration;

use serde_json::Value;

use super::{Answer, Cause, Failure, words};
use crate::base::{Timestamp, retry, text};

/// Most characters shown of a request id.
const MAX_REQUEST_ID: usize = 64;

/// What an exchange means for the sent content, according to its status or failure only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// 2xx, and the response is not a web page. The body says what exactly was accepted.
    Accepted,
    /// 400, 413, 422: the server read the content and refuses it. No other status says anything
    /// about the content.
    Refused,
    /// The content is not the problem, but nothing can be sent until something is changed.
    Halt,
    /// 408, 409, 423, 425, 429: the server did nothing, and the same request may be sent later.
    Wait,
    /// Something was sent, and its result is unknown.
    Unknown,
    /// No connection: nothing was sent.
    Unsent,
}

/// A refusal of every request, whatever its content, until something is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Cause, for choosing a fix.
    pub(crate) cause: Cause,
    /// HTTP status; `None` without a response.
    pub(crate) status: Option<u16>,
    /// Status and message of the server, or the failure.
    pub(crate) said: String,
}

/// An exchange, read once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// Meaning for the sent content.
    pub(crate) meaning: Meaning,
    /// Cause, for choosing a fix.
    pub(crate) cause: Cause,
    /// HTTP status; `None` without a response.
    pub(crate) status: Option<u16>,
    /// Status, message and request id of the server, or why there is no response: printable, at
    /// most one line.
    pub(crate) said: String,
    /// The server's message only: empty without one, and for 2xx; without a response, the failure.
    /// Printable, at most 200 characters.
    pub(crate) words: String,
    /// The minimum wait that the server asked for, at most [`retry::LONGEST`]; `None` if it did
    /// not.
    pub(crate) wait: Option<Duration>,
    /// The body, if it is complete and JSON.
    pub(crate) json: Option<Value>,
    /// True if the body was longer than the limit.
    pub(crate) is_cut: bool,
}

impl Reading {
    /// Reads the result of an exchange. `now` is compared with dates in `Retry-After`.
    pub(crate) fn of(exchange: &Result<Answer, Failure>, now: Timestamp) -> Self {
        match exchange {
            Ok(answer) => Self::of_answer(answer, now),
            Err(failure) => Self::of_failure(failure),
        }
    }

    fn of_answer(answer: &Answer, now: Timestamp) -> Self {
        let json: Option<Value> = if answer.is_cut {
            None
        } else {
            serde_json::from_slice(words::without_bom(&answer.body)).ok()
        };
        let is_success = (200..300).contains(&answer.status);
        let is_page = json.is_none() && words::is_page(answer);
        let words = if is_success && !is_page {
            String::new()
        } else {
            words::of(json.as_ref(), &answer.body)
        };
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
            Failure::Unreachable(_) | Failure::NoSuchHost(_) | Failure::HandshakeCut(_) => {
                Meaning::Unsent
            }
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

    /// The general refusal in this reading; `None` otherwise. 404 and 410 are excluded: nothing is
    /// at this URL now.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let is_refusal = match self.status {
            Some(404 | 410) => false,
            Some(_) => self.meaning == Meaning::Halt,
            None => self.meaning == Meaning::Halt && self.cause == Cause::Tls,
        };
        is_refusal.then(|| Refusal {
            cause: self.cause,
            status: self.status,
            said: self.said.clone(),
        })
    }

    /// A text member of the response's JSON object; `None` without it.
    pub(crate) fn text(&self, member: &str) -> Option<&str> {
        self.json.as_ref()?.get(member)?.as_str()
    }

    /// True if the request was too large, as opposed to its headers, a quota or the server's
    /// backlog: 413, or a refusal that says so.
    pub(crate) fn is_too_large(&self) -> bool {
        let words = self.words.to_lowercase();
        self.status == Some(413)
            || self.meaning == Meaning::Refused
                && ["too large", "too_large", "oversized"]
                    .iter()
                    .any(|w| words.contains(w))
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

/// The status and the server's message, for people.
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

/// The wait in the `Retry-After` header, else in the member `retry_after` of the body: seconds as a
/// number or as text, or a date.
fn server_wait(answer: &Answer, json: Option<&Value>, now: Timestamp) -> Option<Duration> {
    let header = answer
        .retry_after
        .as_deref()
        .and_then(|text| retry::parse_retry_after(text, now));
    let wait = header.or_else(|| match json?.get("retry_after")? {
        Value::Number(seconds) => retry::parse_retry_after(&seconds.to_string(), now),
        Value::String(text) => retry::parse_retry_after(text, now),
        _ => None,
    });
    wait.map(|wait| wait.min(retry::LONGEST))
}
