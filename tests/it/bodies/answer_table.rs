//! The table of answers to an upload: the answer, and its effect on the row.

use serde_json::json;

use super::receiver::{Deed, Upload};

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

pub(super) const SUCCESSES: &[Case] = &[
    (
        "201 stored",
        |u| Deed::echo(201, "stored", u),
        Gone("uploaded"),
        "stored",
    ),
    (
        "200 already_exists",
        |u| Deed::echo(200, "already_exists", u),
        Gone("already_exists"),
        "already_exists",
    ),
    (
        "200 stored",
        |u| Deed::echo(200, "stored", u),
        Gone("uploaded"),
        "stored",
    ),
    ("201 stored, chunked", chunked, Gone("uploaded"), "stored"),
    (
        "201 stored, packed",
        |u| {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut packed, stored_body(u).as_bytes()).unwrap();
            Deed::answer(201, "Content-Encoding: gzip\r\n", packed.finish().unwrap())
        },
        Gone("uploaded"),
        "stored",
    ),
    (
        "201 stored, then closed",
        |u| Deed::SayAndClose(stored(u)),
        Gone("uploaded"),
        "stored",
    ),
    (
        "103, then 201 stored",
        |u| Deed::Say([&b"HTTP/1.1 103 Early\r\nLink: <x>\r\n\r\n"[..], &stored(u)].concat()),
        Gone("uploaded"),
        "stored",
    ),
    (
        "201 stored until the connection ends",
        endless,
        Gone("uploaded"),
        "stored",
    ),
    (
        "201 packed, unasked",
        |_| Deed::answer(201, "Content-Encoding: gzip\r\n", b"\x1f\x8b\x08\x00"),
        FIRST,
        "uncorrelated_response: the answer is not a JSON object",
    ),
    (
        "201 with another path",
        |u| echo_of(201, u, Some("plan.md"), None),
        FIRST,
        "uncorrelated_response: another artifact_path",
    ),
    (
        "201 with another hash",
        |u| echo_of(201, u, None, Some(&"0".repeat(64))),
        FIRST,
        "uncorrelated_response: another content_hash",
    ),
    (
        "200 with another hash",
        |u| echo_of(200, u, None, Some("")),
        FIRST,
        "uncorrelated_response: another content_hash",
    ),
    (
        "201 without a path",
        |_| json_body(201, r#"{"status":"stored"}"#),
        FIRST,
        "uncorrelated_response: no artifact_path",
    ),
    (
        "200 without a hash",
        |_| json_body(200, r#"{"artifact_path":"spec.md"}"#),
        FIRST,
        "uncorrelated_response: no content_hash",
    ),
    (
        "201 with an unknown word",
        |u| Deed::echo(201, "eaten", u),
        FIRST,
        "uncorrelated_response: status eaten",
    ),
    (
        "200 with a page",
        |_| Deed::answer(200, "", "<title>Welcome</title>"),
        FIRST,
        "uncorrelated_response: HTTP 200, but the answer is a web page and not from the server: Welcome",
    ),
    (
        "200 with nothing",
        |_| Deed::answer(200, "", ""),
        FIRST,
        "uncorrelated_response: the answer is not a JSON object",
    ),
    (
        "201 with a list",
        |_| json_body(201, "[]"),
        FIRST,
        "uncorrelated_response: the answer is not a JSON object",
    ),
    (
        "201 with JSON cut off",
        |_| json_body(201, r#"{"status":"stored","artifact_path":"sp"#),
        FIRST,
        "uncorrelated_response: the answer is not a JSON object",
    ),
    (
        "201 nested 100,000 deep",
        |_| json_body(201, &"[".repeat(100_000)),
        FIRST,
        "uncorrelated_response: the answer is too long",
    ),
    (
        "201 with 1 MiB",
        long,
        FIRST,
        "uncorrelated_response: the answer is too long",
    ),
    (
        "201, uncorrelated, Retry-After: 60",
        |_| Deed::answer(201, "Retry-After: 60\r\n", "{}"),
        MINUTE,
        "uncorrelated_response: no artifact_path",
    ),
    (
        "202",
        |_| Deed::answer(202, "", ""),
        FIRST,
        "accepted_pending",
    ),
    (
        "202, an echo",
        |u| Deed::echo(202, "stored", u),
        FIRST,
        "accepted_pending",
    ),
    (
        "202, Retry-After: 60",
        |_| Deed::answer(202, "Retry-After: 60\r\n", ""),
        MINUTE,
        "accepted_pending",
    ),
    (
        "204",
        |_| Deed::answer(204, "", ""),
        FIRST,
        "uncorrelated_response: HTTP 204",
    ),
];

pub(super) const REFUSALS: &[Case] = &[
    (
        "300",
        |_| Deed::answer(300, "", ""),
        Same,
        "unexpected_redirect: 300",
    ),
    (
        "301 to elsewhere",
        |_| Deed::answer(301, "Location: http://127.0.0.1:9/\r\n", ""),
        Same,
        "unexpected_redirect: 301",
    ),
    (
        "302 to itself",
        |_| Deed::answer(302, "Location: /api/dossier/push-content/\r\n", ""),
        Same,
        "unexpected_redirect: 302",
    ),
    (
        "304",
        |_| Deed::Say(b"HTTP/1.1 304 Said\r\n\r\n".to_vec()),
        Same,
        "unexpected_redirect: 304",
    ),
    (
        "307 with words",
        |_| json_body(307, r#"{"detail":"moved"}"#),
        Same,
        "unexpected_redirect: 307: moved",
    ),
    (
        "308",
        |_| Deed::answer(308, "Location: https://example.org/\r\n", ""),
        Same,
        "unexpected_redirect: 308",
    ),
    (
        "400 with a detail",
        |_| json_body(400, r#"{"detail":"not today"}"#),
        Logged,
        "bad_request: not today",
    ),
    (
        "400 with fields",
        |_| {
            json_body(
                400,
                r#"{"content_hash":["bad","worse"],"artifact_path":["odd"]}"#,
            )
        },
        Logged,
        "bad_request: artifact_path: odd | content_hash: bad; worse",
    ),
    (
        "400 with a page",
        |_| Deed::answer(400, "", "<html>no</html>"),
        Logged,
        "bad_request: unknown",
    ),
    (
        "400 with nothing",
        |_| Deed::answer(400, "", ""),
        Logged,
        "bad_request: unknown",
    ),
    (
        "401",
        |_| json_body(401, r#"{"detail":"token expired"}"#),
        Same,
        "unauthorized: HTTP 401: token expired",
    ),
    (
        "403",
        |_| json_body(403, r#"{"detail":"not yours"}"#),
        Same,
        "unauthorized: HTTP 403: not yours",
    ),
    (
        "403, no Private Teamspace",
        |_| json_body(403, r#"{"detail":"needs a Private Teamspace"}"#),
        Same,
        "direct_ingress_missing_private_team: HTTP 403: needs a Private Teamspace",
    ),
    (
        "404 index_entry_not_found, Retry-After: 60",
        |_| {
            Deed::answer(
                404,
                "Retry-After: 60\r\n",
                r#"{"error":"index_entry_not_found"}"#,
            )
        },
        MINUTE,
        "index_entry_not_found",
    ),
    (
        "404 namespace_not_found",
        |_| json_body(404, r#"{"error":"namespace_not_found"}"#),
        Logged,
        "namespace_not_found",
    ),
    (
        "404 with another error",
        |_| json_body(404, r#"{"error":"gone","detail":"what"}"#),
        FIRST,
        "not_found: what (error=gone)",
    ),
    (
        "404 with a page",
        |_| Deed::answer(404, "", "<html>nginx</html>"),
        FIRST,
        "not_found: unknown (error=missing)",
    ),
    (
        "405",
        |_| Deed::answer(405, "", ""),
        Same,
        "unexpected_status: 405",
    ),
    (
        "408",
        |_| Deed::answer(408, "", ""),
        FIRST,
        "timeout: the server gave up waiting for the request",
    ),
    (
        "407 of a proxy",
        |_| Deed::answer(407, "", "Log in"),
        Same,
        "unexpected_status: 407: Log in",
    ),
    (
        "409",
        |_| Deed::answer(409, "", ""),
        FIRST,
        "busy: HTTP 409",
    ),
    (
        "415",
        |_| Deed::answer(415, "", ""),
        Same,
        "unexpected_status: 415",
    ),
    (
        "421",
        |_| Deed::answer(421, "", ""),
        Same,
        "unexpected_status: 421",
    ),
    (
        "423",
        |_| Deed::answer(423, "", ""),
        FIRST,
        "busy: HTTP 423",
    ),
    (
        "425",
        |_| Deed::answer(425, "", ""),
        FIRST,
        "busy: HTTP 425",
    ),
    (
        "431",
        |_| Deed::answer(431, "", "Too Large"),
        Same,
        "unexpected_status: 431: Too Large",
    ),
    (
        "451",
        |_| Deed::answer(451, "", ""),
        Same,
        "unexpected_status: 451",
    ),
    (
        "412",
        |_| json_body(412, r#"{"detail":"protocol 2.0 only"}"#),
        Same,
        "precondition_failed: HTTP 412: protocol 2.0 only",
    ),
    (
        "413",
        |_| json_body(413, r#"{"detail":"over 1 KiB"}"#),
        Logged,
        "oversized: refused by the server: over 1 KiB",
    ),
    (
        "422",
        |_| Deed::answer(422, "", ""),
        Logged,
        "unprocessable",
    ),
    (
        "426",
        |_| json_body(426, r#"{"message":"use 4.0"}"#),
        Same,
        "upgrade_required: HTTP 426: use 4.0",
    ),
];

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
