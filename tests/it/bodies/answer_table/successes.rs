//! Answers of the class 200, and their effect.

use super::super::receiver::Deed;
use super::{
    Case, FIRST, Gone, MINUTE, chunked, echo_of, endless, json_body, long, stored, stored_body,
};

pub(in super::super) const SUCCESSES: &[Case] = &[
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
