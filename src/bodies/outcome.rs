//! Meaning of an answer to an upload. Pure; the general reading of a response is
//! [`crate::http::Reading`].

use std::time::Duration;

use serde_json::Value;

use crate::base::{Sha256, text};
use crate::config::Ack;
use crate::http::{Cause, Meaning, Reading, Refusal};

/// The result of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server stored it now.
    Uploaded,
    /// The server had it.
    AlreadyExists,
    /// Another try may succeed.
    Retry {
        /// Why.
        reason: String,
        /// When the row is tried again.
        pace: Pace,
        /// The shortest wait the server asked for.
        server_wait: Option<Duration>,
    },
    /// No further try of this text can succeed.
    Failed {
        /// Why.
        reason: String,
    },
    /// No document can be uploaded until something is changed; says nothing about this one.
    Halt {
        /// Why, with the server's words.
        reason: String,
        /// The refusal behind it.
        refusal: Option<Refusal>,
    },
    /// No connection; says nothing about this document.
    Unreachable {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// True for results after which no other document may be sent.
    pub(super) fn stops_everything(&self) -> bool {
        matches!(
            self,
            Self::Halt { .. }
                | Self::Unreachable { .. }
                | Self::Retry {
                    pace: Pace::Everybody,
                    ..
                }
        )
    }
}

/// When a document is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Independently of others, in a later run.
    Later,
    /// Independently of others, in this run if time is left: the server is not ready for it.
    Soon,
    /// Like `Soon`; the result of the upload is unknown.
    Unknown,
    /// Together with all others: the server asked for a pause.
    Everybody,
}

/// The sent fields that a success must echo.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'a> {
    /// The artifact's path.
    pub(super) path: &'a str,
    /// The text's digest.
    pub(super) sha256: Sha256,
}

/// Meaning of an exchange for the text that was sent. `ack`: whether an echo or the status alone
/// acknowledges an upload. Only 400, 413, 422 and `namespace_not_found` refuse a text; no other
/// answer gives one up.
pub(super) fn read(reading: &Reading, sent: Sent<'_>, ack: Ack) -> Outcome {
    match (reading.meaning, reading.status) {
        (Meaning::Accepted, _) if ack == Ack::Status => Outcome::Uploaded,
        (Meaning::Accepted, Some(200 | 201)) => success(reading, sent),
        (Meaning::Accepted, Some(202)) => later("accepted_pending".to_owned(), reading.wait),
        (Meaning::Accepted, _) => uncorrelated(reading, &reading.said),
        (Meaning::Refused, status) => Outcome::Failed {
            reason: refusal(status, &reading.words),
        },
        (Meaning::Halt, Some(404)) => not_found(reading),
        (Meaning::Halt, _) => Outcome::Halt {
            reason: halt(reading),
            refusal: reading.refusal(),
        },
        (Meaning::Wait, _) => wait(reading),
        (Meaning::Unknown, _) => unknown(reading),
        (Meaning::Unsent, _) => Outcome::Unreachable {
            reason: with("connection_error", &reading.words),
        },
    }
}

/// A success counts only if it names the path and the digest that were sent.
fn success(reading: &Reading, sent: Sent<'_>) -> Outcome {
    let uncorrelated = |what: &str| uncorrelated(reading, what);
    if reading.is_cut {
        return uncorrelated("the answer is too long");
    }
    if !reading.json.as_ref().is_some_and(Value::is_object) {
        return uncorrelated("the answer is not a JSON object");
    }
    match reading.text("artifact_path") {
        Some(path) if path == sent.path => {}
        Some(_) => return uncorrelated("another artifact_path"),
        None => return uncorrelated("no artifact_path"),
    }
    match reading.text("content_hash") {
        Some(hash) if Sha256::from_hex(hash) == Some(sent.sha256) => {}
        Some(_) => return uncorrelated("another content_hash"),
        None => return uncorrelated("no content_hash"),
    }
    match (reading.text("status"), reading.status) {
        (Some("stored"), _) | (None, Some(201)) => Outcome::Uploaded,
        (Some("already_exists") | None, _) => Outcome::AlreadyExists,
        (Some(word), _) => uncorrelated(&format!(
            "status {}",
            text::shorten(&text::printable(word), 40)
        )),
    }
}

fn uncorrelated(reading: &Reading, what: &str) -> Outcome {
    retry(
        Pace::Unknown,
        format!("uncorrelated_response: {what}"),
        reading.wait,
    )
}

fn refusal(status: Option<u16>, words: &str) -> String {
    match status {
        Some(413) => with("oversized: refused by the server", words),
        Some(422) => with("unprocessable", words),
        _ => with(
            "bad_request",
            if words.is_empty() { "unknown" } else { words },
        ),
    }
}

fn halt(reading: &Reading) -> String {
    let (said, words) = (&reading.said, &reading.words);
    match (reading.status, reading.cause) {
        (Some(300..=399), _) => coded("unexpected_redirect", reading),
        (Some(403), _) if mentions_private_team(reading) => {
            with("direct_ingress_missing_private_team", said)
        }
        (Some(401 | 403), _) => with("unauthorized", said),
        (Some(412), _) => with("precondition_failed", said),
        (Some(426), _) => with("upgrade_required", said),
        (Some(_), _) => coded("unexpected_status", reading),
        (None, Cause::Tls) => with("tls_failure", words),
        (None, _) => with("refused", words),
    }
}

fn not_found(reading: &Reading) -> Outcome {
    match reading.text("error") {
        Some(word @ "index_entry_not_found") => retry(Pace::Soon, word.to_owned(), reading.wait),
        Some(word @ "namespace_not_found") => Outcome::Failed {
            reason: word.to_owned(),
        },
        code => {
            let show = |words: &str| text::shorten(&text::printable(words), 200);
            let plain =
                Some(reading.words.as_str()).filter(|w| !w.is_empty() && reading.json.is_none());
            let detail = reading
                .text("detail")
                .or(plain)
                .map_or_else(|| "unknown".to_owned(), show);
            later(
                format!(
                    "not_found: {detail} (error={})",
                    code.map_or_else(|| "missing".to_owned(), show)
                ),
                reading.wait,
            )
        }
    }
}

fn wait(reading: &Reading) -> Outcome {
    match reading.status {
        Some(429) => retry(
            Pace::Everybody,
            with("rate_limited", &reading.said),
            reading.wait,
        ),
        Some(408) => retry(
            Pace::Soon,
            with(
                "timeout: the server gave up waiting for the request",
                &reading.words,
            ),
            reading.wait,
        ),
        _ => retry(Pace::Soon, with("busy", &reading.said), reading.wait),
    }
}

fn unknown(reading: &Reading) -> Outcome {
    let reason = match (reading.status, reading.words.starts_with("timeout")) {
        (Some(500..), _) => coded("server_error", reading),
        (Some(_), _) => return uncorrelated(reading, &reading.said),
        (None, true) => reading.words.clone(),
        (None, false) => with("connection_error", &reading.words),
    };
    // A server that names a wait asks for it whatever is sent.
    let is_asked = reading.wait.is_some_and(|wait| !wait.is_zero());
    retry(
        if is_asked {
            Pace::Everybody
        } else {
            Pace::Unknown
        },
        reason,
        reading.wait,
    )
}

fn mentions_private_team(reading: &Reading) -> bool {
    let all = reading
        .json
        .as_ref()
        .map_or_else(|| reading.words.clone(), Value::to_string);
    all.to_lowercase()
        .replace(['_', '-'], " ")
        .contains("private team")
}

fn later(reason: String, server_wait: Option<Duration>) -> Outcome {
    retry(Pace::Later, reason, server_wait)
}

fn retry(pace: Pace, reason: String, server_wait: Option<Duration>) -> Outcome {
    Outcome::Retry {
        reason,
        pace,
        server_wait,
    }
}

/// `word`, the status, and the server's message.
fn coded(word: &str, reading: &Reading) -> String {
    with(
        &format!("{word}: {}", reading.status.unwrap_or_default()),
        &reading.words,
    )
}

/// `word` and the detail.
fn with(word: &str, said: &str) -> String {
    if said.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {said}")
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
