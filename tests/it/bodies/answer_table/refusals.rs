//! Answers that refuse the document, the request or the client, and their effect.

use super::super::receiver::Deed;
use super::{Case, FIRST, Logged, MINUTE, Same, json_body};

pub(in super::super) const REFUSALS: &[Case] = &[
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
