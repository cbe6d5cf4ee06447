//! The table of answers to an upload: the answer, and its effect on the row.

mod refusals;
mod successes;

use serde_json::json;

use super::receiver::{Deed, Upload};

pub(super) use refusals::REFUSALS;
pub(super) use successes::SUCCESSES;

/// Expected state of the row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    /// Settled; the receiver has the document.
    Gone(&'static str),
    /// Settled with an entry in the failure log.
    Logged,
    /// Waits with one more failed try, due this many milliseconds later, at least and at most.
    Waits(i64, i64),
    /// Unchanged.
    Same,
}

use Fate::{Gone, Logged, Same, Waits};

/// The first wait if the server names none: half a second to a second.
const FIRST: Fate = Waits(500, 1000);
/// A minute, plus up to a quarter at random.
const MINUTE: Fate = Waits(60_000, 75_000);
const HOUR: Fate = Waits(3_600_000, 3_600_000);

type Answer = fn(&Upload) -> Deed;

/// Name, answer, expected state of the row, and expected reason.
pub(super) type Case = (&'static str, Answer, Fate, &'static str);

fn json_body(status: u16, body: &str) -> Deed {
    Deed::answer(status, "Content-Type: application/json\r\n", body)
}

/// A success that echoes these instead of the request's values.
fn echo_of(status: u16, upload: &Upload, path: Option<&str>, hash: Option<&str>) -> Deed {
    let path = path.unwrap_or_else(|| upload.text("artifact_path"));
    let hash = hash.unwrap_or_else(|| upload.text("content_hash"));
    json_body(
        status,
        &json!({"status": "stored", "artifact_path": path, "content_hash": hash}).to_string(),
    )
}

/// The bytes of a correct `201`.
fn stored(upload: &Upload) -> Vec<u8> {
    let Deed::Say(bytes) = Deed::echo(201, "stored", upload) else {
        unreachable!()
    };
    bytes
}

fn stored_body(upload: &Upload) -> String {
    let answer = String::from_utf8(stored(upload)).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The same with a body longer than the reading limit.
fn long(upload: &Upload) -> Deed {
    let (path, hash, more) = (
        upload.text("artifact_path"),
        upload.text("content_hash"),
        "x".repeat(1 << 20),
    );
    let body =
        json!({"status": "stored", "artifact_path": path, "content_hash": hash, "words": more});
    json_body(201, &body.to_string())
}

fn chunked(upload: &Upload) -> Deed {
    let (head, body) = (
        "HTTP/1.1 201 Said\r\nTransfer-Encoding: chunked\r\n\r\n",
        stored_body(upload),
    );
    Deed::Say(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes())
}

/// Without a length: the answer ends with the connection.
fn endless(upload: &Upload) -> Deed {
    let head = "HTTP/1.1 201 Said\r\nConnection: close\r\n\r\n";
    Deed::SayAndClose([head, &stored_body(upload)].concat().into_bytes())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a date in the future needs the present"
)]
fn in_a_minute() -> String {
    // A date has whole seconds, so the wait is up to a second shorter.
    httpdate::fmt_http_date(std::time::SystemTime::now() + std::time::Duration::from_mins(1))
}

pub(super) const WAITS: &[Case] = &[
    (
        "429, Retry-After: 60",
        |_| Deed::answer(429, "Retry-After: 60\r\n", ""),
        MINUTE,
        "rate_limited: HTTP 429",
    ),
    (
        "429, Retry-After: a date in a minute",
        |_| Deed::answer(429, &format!("Retry-After: {}\r\n", in_a_minute()), ""),
        Waits(58_000, 75_000),
        "rate_limited: HTTP 429",
    ),
    (
        "429, retry_after 60 in the body",
        |_| json_body(429, r#"{"retry_after":60}"#),
        MINUTE,
        "rate_limited: HTTP 429",
    ),
    (
        "429, header 60 and body 5",
        |_| Deed::answer(429, "Retry-After: 60\r\n", r#"{"retry_after":5}"#),
        MINUTE,
        "rate_limited: HTTP 429",
    ),
    (
        "429, unreadable header, body 60",
        |_| Deed::answer(429, "Retry-After: soon\r\n", r#"{"retry_after":"60"}"#),
        MINUTE,
        "rate_limited: HTTP 429",
    ),
    (
        "429, Retry-After: 999999",
        |_| Deed::answer(429, "Retry-After: 999999\r\n", ""),
        HOUR,
        "rate_limited: HTTP 429",
    ),
    (
        "429, Retry-After: a date in 2101",
        |_| Deed::answer(429, "Retry-After: Sat, 01 Jan 2101 00:00:00 GMT\r\n", ""),
        HOUR,
        "rate_limited: HTTP 429",
    ),
    (
        "500",
        |_| json_body(500, r#"{"detail":"oops"}"#),
        FIRST,
        "server_error: 500: oops",
    ),
    (
        "500, a page cut off",
        |_| Deed::answer(500, "", "<html><bo"),
        FIRST,
        "server_error: 500",
    ),
    (
        "500, Retry-After: a date long past",
        |_| Deed::answer(500, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", ""),
        FIRST,
        "server_error: 500",
    ),
    (
        "502",
        |_| Deed::answer(502, "", ""),
        FIRST,
        "server_error: 502",
    ),
    (
        "503, Retry-After: 60",
        |_| Deed::answer(503, "Retry-After: 60\r\n", ""),
        MINUTE,
        "server_error: 503",
    ),
    (
        "504, retry_after -5",
        |_| json_body(504, r#"{"retry_after":-5}"#),
        FIRST,
        "server_error: 504",
    ),
];

pub(super) const SILENCES: &[Case] = &[
    (
        "closed without a word",
        |_| Deed::SayAndClose(Vec::new()),
        FIRST,
        "connection_error: ",
    ),
    ("reset", |_| Deed::Reset, FIRST, "connection_error: "),
    (
        "half a head",
        |_| Deed::SayAndClose(b"HTTP/1.1 201 Sto".to_vec()),
        FIRST,
        "connection_error: ",
    ),
    (
        "half a body",
        |u| Deed::SayAndClose(stored(u)[..120].to_vec()),
        FIRST,
        "connection_error: ",
    ),
    (
        "another protocol",
        |_| Deed::SayAndClose(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        FIRST,
        "connection_error: ",
    ),
    (
        "a head that never ends",
        |_| {
            Deed::SayAndClose(
                [&b"HTTP/1.1 201 Said\r\n"[..], &b"X: y\r\n".repeat(100_000)].concat(),
            )
        },
        FIRST,
        "connection_error: ",
    ),
    (
        "nothing",
        |_| Deed::Mute(Vec::new()),
        FIRST,
        "timeout: no whole answer in time",
    ),
    (
        "half a body, then nothing",
        |u| Deed::Mute(stored(u)[..120].to_vec()),
        FIRST,
        "timeout: no whole answer in time",
    ),
];
