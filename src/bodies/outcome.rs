//! What an answer to an upload means (`formats` section 11.3, and the corrections of design section 9). Pure.

use std::time::Duration;

use serde_json::Value;

use crate::base::{Sha256, Timestamp, retry, text};
use crate::config::Ack;
use crate::http::{Answer, Failure, server_words};

/// What the uploaded body's row is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server stored it now.
    Uploaded,
    /// The server had it.
    AlreadyExists,
    /// Another try can help.
    Retry {
        /// Why.
        reason: String,
        /// How the row is to wait.
        pace: Pace,
        /// The shortest wait the server asked for.
        server_wait: Option<Duration>,
    },
    /// No other try of this text can help.
    Failed {
        /// Why.
        reason: String,
    },
    /// Nothing can be uploaded until something is changed; says nothing about this body.
    Halt {
        /// Why, with the server's words.
        reason: String,
    },
    /// No connection came about; says nothing about this body.
    Unreachable {
        /// Why.
        reason: String,
    },
}

/// How a body waits for its next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// By itself; the next run will do.
    Later,
    /// By itself, and again in this run when there is time: the server has yet to work on the event it belongs to.
    Soon,
    /// Together with all others: the server wants fewer requests.
    Everybody,
}

/// What was sent, which a success has to echo.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'a> {
    /// The artifact's path.
    pub(super) path: &'a str,
    /// The text's digest.
    pub(super) sha256: Sha256,
}

/// Reads what came back. `ack` says what acknowledges an upload: its echo, or the status alone.
pub(super) fn read(result: Result<&Answer, &Failure>, sent: Sent<'_>, ack: Ack, now: Timestamp) -> Outcome {
    match result {
        Ok(answer) if ack == Ack::Status && (200..300).contains(&answer.status) => Outcome::Uploaded,
        Ok(answer) => read_answer(answer, sent, now),
        Err(Failure::Unknown(words)) => {
            let reason = text::shorten(&text::printable(words), 200);
            let is_timeout = reason.starts_with("timeout");
            later(if is_timeout { reason } else { format!("connection_error: {reason}") }, None)
        }
        Err(Failure::Unreachable(words) | Failure::NoSuchHost(words)) => {
            Outcome::Unreachable { reason: with("connection_error", words) }
        }
        Err(Failure::Tls(words)) => Outcome::Halt { reason: with("tls_failure", words) },
        Err(Failure::Refused(words)) => Outcome::Halt { reason: with("refused", words) },
    }
}

fn read_answer(answer: &Answer, sent: Sent<'_>, now: Timestamp) -> Outcome {
    let json = Reply::of(answer);
    let wait = server_wait(answer, &json, now);
    let halt = |word: &str| Outcome::Halt { reason: with(word, &server_words(&answer.body)) };
    match answer.status {
        200 | 201 => success(answer, &json, sent, wait),
        202 => later("accepted_pending".to_owned(), wait),
        300..=399 => halt(&format!("unexpected_redirect: {}", answer.status)),
        400 => Outcome::Failed { reason: format!("bad_request: {}", json.complaints(answer)) },
        403 if mentions_private_team(&answer.body) => halt("direct_ingress_missing_private_team"),
        401 | 403 => halt("unauthorized"),
        404 => not_found(answer, &json, wait),
        408 => later("timeout: the server gave up waiting for the request".to_owned(), wait),
        412 => halt("precondition_failed"),
        413 => Outcome::Failed { reason: with("oversized: refused by the server", &server_words(&answer.body)) },
        426 => halt("upgrade_required"),
        429 => Outcome::Retry { reason: "rate_limited".to_owned(), pace: Pace::Everybody, server_wait: wait },
        status @ 500..=599 => later(format!("server_error: {status}"), wait),
        status => Outcome::Failed { reason: format!("unexpected_status: {status}") },
    }
}

/// A success counts only when it names the path and the digest that were sent.
fn success(answer: &Answer, json: &Reply, sent: Sent<'_>, wait: Option<Duration>) -> Outcome {
    let uncorrelated = |what: &str| later(format!("uncorrelated_response: {what}"), wait);
    if answer.is_cut {
        return uncorrelated("the answer is too long");
    }
    if json.0.is_none() {
        return uncorrelated("the answer is no JSON object");
    }
    match json.text("artifact_path") {
        Some(path) if path == sent.path => {}
        Some(_) => return uncorrelated("another artifact_path"),
        None => return uncorrelated("no artifact_path"),
    }
    match json.text("content_hash") {
        Some(hash) if Sha256::from_hex(hash) == Some(sent.sha256) => {}
        Some(_) => return uncorrelated("another content_hash"),
        None => return uncorrelated("no content_hash"),
    }
    match (json.text("status"), answer.status) {
        (Some("stored"), _) | (None, 201) => Outcome::Uploaded,
        (Some("already_exists") | None, _) => Outcome::AlreadyExists,
        (Some(word), _) => uncorrelated(&format!("status {}", text::shorten(&text::printable(word), 40))),
    }
}

fn not_found(answer: &Answer, json: &Reply, wait: Option<Duration>) -> Outcome {
    match json.text("error") {
        Some(word @ "index_entry_not_found") => {
            Outcome::Retry { reason: word.to_owned(), pace: Pace::Soon, server_wait: wait }
        }
        Some(word @ "namespace_not_found") => Outcome::Failed { reason: word.to_owned() },
        code => {
            let show = |words: Option<&str>, otherwise| {
                words.map_or_else(|| String::from(otherwise), |w| text::shorten(&text::printable(w), 200))
            };
            let plain = server_words(&answer.body);
            let plain = Some(plain.as_str()).filter(|w| !w.is_empty() && json.0.is_none());
            let detail = show(json.text("detail").or(plain), "unknown");
            later(format!("not_found: {detail} (error={})", show(code, "missing")), wait)
        }
    }
}

/// The `Retry-After` header, else the body's `retry_after`.
fn server_wait(answer: &Answer, json: &Reply, now: Timestamp) -> Option<Duration> {
    let header = answer.retry_after.as_deref().and_then(|text| retry::parse_retry_after(text, now));
    header.or_else(|| match json.0.as_ref()?.get("retry_after")? {
        Value::Number(seconds) => Duration::try_from_secs_f64(seconds.as_f64()?).ok(),
        Value::String(text) => retry::parse_retry_after(text, now),
        _ => None,
    })
}

fn mentions_private_team(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).to_lowercase().replace(['_', '-'], " ").contains("private team")
}

fn later(reason: String, server_wait: Option<Duration>) -> Outcome {
    Outcome::Retry { reason, pace: Pace::Later, server_wait }
}

/// `word`, and what was said about it.
fn with(word: &str, said: &str) -> String {
    if said.is_empty() { word.to_owned() } else { format!("{word}: {}", text::shorten(&text::printable(said), 200)) }
}

/// The answer as a JSON object, when it is one.
struct Reply(Option<serde_json::Map<String, Value>>);

impl Reply {
    fn of(answer: &Answer) -> Self {
        Self(serde_json::from_slice(&answer.body).ok())
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.0.as_ref()?.get(member)?.as_str()
    }

    /// Why a request was bad: `detail`, else `field: words; words | field: …`, else plain text, else `unknown`.
    fn complaints(&self, answer: &Answer) -> String {
        let said = match (&self.0, self.text("detail")) {
            (_, Some(detail)) => text::printable(detail),
            (Some(fields), None) => {
                let lines = fields.iter().map(|(field, words)| format!("{field}: {}", complaint(words)));
                text::printable(&lines.collect::<Vec<_>>().join(" | "))
            }
            (None, None) => server_words(&answer.body),
        };
        if said.is_empty() { "unknown".to_owned() } else { text::shorten(&said, 200) }
    }
}

fn complaint(words: &Value) -> String {
    match words {
        Value::String(text) => text.clone(),
        Value::Array(several) => several.iter().map(complaint).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7";

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, retry_after: None, request_id: None, body: body.as_bytes().to_vec(), is_cut: false }
    }

    fn outcome(answer: &Answer) -> Outcome {
        let sent = Sent { path: "spec.md", sha256: Sha256::of(b"a\n") };
        read(Ok(answer), sent, Ack::Results, Timestamp::parse("1994-11-06T08:49:30Z").unwrap())
    }

    /// The outcome in one line: its kind, its reason, and the wait.
    fn line(answer: &Answer) -> String {
        match outcome(answer) {
            Outcome::Uploaded => "uploaded".to_owned(),
            Outcome::AlreadyExists => "already_exists".to_owned(),
            Outcome::Failed { reason } => format!("failed {reason}"),
            Outcome::Halt { reason } => format!("halt {reason}"),
            Outcome::Unreachable { reason } => format!("unreachable {reason}"),
            Outcome::Retry { reason, pace, server_wait } => {
                let wait = server_wait.map_or(String::new(), |w| format!(" after {}s", w.as_secs()));
                format!("{pace:?} {reason}{wait}").to_lowercase()
            }
        }
    }

    #[test]
    fn a_success_is_believed_only_with_its_echo() {
        let echo = |more: &str| format!(r#"{{"artifact_path":"spec.md","content_hash":"{HASH}"{more}}}"#);
        for (status, body, expected) in [
            (201, echo(r#","status":"stored""#), "uploaded"),
            (200, echo(r#","status":"already_exists""#), "already_exists"),
            (200, echo(r#","status":"stored""#), "uploaded"),
            (201, echo(""), "uploaded"),
            (200, echo(""), "already_exists"),
            (201, echo(r#","status":"re\u001bjected""#), "later uncorrelated_response: status re\\u{1b}jected"),
            (201, echo("").replace("spec.md", "plan.md"), "later uncorrelated_response: another artifact_path"),
            (201, echo("").replace("87428f", "87428e"), "later uncorrelated_response: another content_hash"),
            (201, r#"{"status":"stored"}"#.to_owned(), "later uncorrelated_response: no artifact_path"),
            (200, r#"{"artifact_path":"spec.md"}"#.to_owned(), "later uncorrelated_response: no content_hash"),
            (201, "[]".to_owned(), "later uncorrelated_response: the answer is no json object"),
            (200, "<html>ok</html>".to_owned(), "later uncorrelated_response: the answer is no json object"),
            (200, String::new(), "later uncorrelated_response: the answer is no json object"),
            (201, echo("")[..40].to_owned(), "later uncorrelated_response: the answer is no json object"),
        ] {
            assert_eq!(line(&answer(status, &body)), expected, "{status} {body}");
        }
        let cut = Answer { is_cut: true, ..answer(201, &echo("")) };
        assert_eq!(line(&cut), "later uncorrelated_response: the answer is too long");
    }

    #[test]
    fn a_status_is_enough_where_the_operator_said_so() {
        let sent = Sent { path: "spec.md", sha256: Sha256::of(b"a\n") };
        for (status, is_taken) in [(200, true), (202, true), (204, true), (302, false), (400, false), (503, false)] {
            let outcome = read(Ok(&answer(status, "")), sent, Ack::Status, Timestamp::from_micros(0));
            assert_eq!(outcome == Outcome::Uploaded, is_taken, "{status}");
        }
    }

    #[test]
    fn every_other_status_has_its_meaning() {
        let deep = "[".repeat(100_000);
        for (status, body, expected) in [
            (202, r#"{"retry_after":90}"#, "later accepted_pending after 90s"),
            (204, "", "failed unexpected_status: 204"),
            (301, "", "halt unexpected_redirect: 301"),
            (307, r#"{"detail":"moved"}"#, "halt unexpected_redirect: 307: moved"),
            (400, r#"{"detail":"no\nway"}"#, "failed bad_request: no\\nway"),
            (
                400,
                r#"{"content_hash":["bad","worse"],"artifact_path":"odd"}"#,
                "failed bad_request: artifact_path: odd | content_hash: bad; worse",
            ),
            (400, "{}", "failed bad_request: unknown"),
            (400, "<html>", "failed bad_request: unknown"),
            (400, "too odd", "failed bad_request: too odd"),
            (400, &deep, &format!("failed bad_request: {}…", "[".repeat(200))),
            (401, r#"{"detail":"bad token"}"#, "halt unauthorized: bad token"),
            (403, "", "halt unauthorized"),
            (
                403,
                r#"{"error":"No Private TeamSpace"}"#,
                "halt direct_ingress_missing_private_team: No Private TeamSpace",
            ),
            (403, r#"{"code":"missing_private_team"}"#, "halt direct_ingress_missing_private_team"),
            (404, r#"{"error":"index_entry_not_found"}"#, "soon index_entry_not_found"),
            (404, r#"{"error":"namespace_not_found"}"#, "failed namespace_not_found"),
            (404, r#"{"error":"gone","detail":"what"}"#, "later not_found: what (error=gone)"),
            (404, "<html>nginx</html>", "later not_found: unknown (error=missing)"),
            (404, "404 page not found", "later not_found: 404 page not found (error=missing)"),
            (408, "", "later timeout: the server gave up waiting for the request"),
            (409, "", "failed unexpected_status: 409"),
            (412, "", "halt precondition_failed"),
            (413, "", "failed oversized: refused by the server"),
            (426, r#"{"message":"use 2.0"}"#, "halt upgrade_required: use 2.0"),
            (429, r#"{"retry_after":"12"}"#, "everybody rate_limited after 12s"),
            (429, r#"{"retry_after":-5}"#, "everybody rate_limited"),
            (429, r#"{"retry_after":1e300}"#, "everybody rate_limited"),
            (429, r#"{"retry_after":true}"#, "everybody rate_limited"),
            (500, "<html>", "later server_error: 500"),
            (503, "", "later server_error: 503"),
            (599, "", "later server_error: 599"),
        ] {
            assert_eq!(line(&answer(status, body)), expected, "{status} {body:.80}");
        }
    }

    #[test]
    fn the_header_goes_before_the_body() {
        let said =
            |header: &str, body: &str| line(&Answer { retry_after: Some(header.to_owned()), ..answer(429, body) });
        assert_eq!(said("7", r#"{"retry_after":12}"#), "everybody rate_limited after 7s");
        assert_eq!(said("Sun, 06 Nov 1994 08:49:37 GMT", ""), "everybody rate_limited after 7s");
        assert_eq!(said("soon", r#"{"retry_after":12}"#), "everybody rate_limited after 12s");
    }

    #[test]
    fn without_an_answer_only_what_was_sent_counts_as_tried() {
        let sent = Sent { path: "spec.md", sha256: Sha256::of(b"a\n") };
        let of = |failure: &Failure| read(Err(failure), sent, Ack::Results, Timestamp::from_micros(0));
        let text = || "x\n".to_owned();
        assert_eq!(of(&Failure::Unknown(text())), later("connection_error: x\\n".to_owned(), None));
        assert_eq!(of(&Failure::Unknown("timeout: global".to_owned())), later("timeout: global".to_owned(), None));
        assert_eq!(
            of(&Failure::Unreachable(text())),
            Outcome::Unreachable { reason: "connection_error: x\\n".to_owned() }
        );
        assert_eq!(of(&Failure::Tls(text())), Outcome::Halt { reason: "tls_failure: x\\n".to_owned() });
        assert_eq!(of(&Failure::Refused(text())), Outcome::Halt { reason: "refused: x\\n".to_owned() });
    }
}
