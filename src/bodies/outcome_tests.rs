//! Every answer to an upload, and what it means.

use super::*;
use crate::base::Timestamp;
use crate::http::{Answer, Failure};

const HASH: &str = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7";

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        body: body.as_bytes().to_vec(),
        ..Answer::default()
    }
}

fn of(exchange: &Result<Answer, Failure>, ack: Ack) -> Outcome {
    let sent = Sent {
        path: "spec.md",
        sha256: Sha256::of(b"a\n"),
    };
    read(
        &Reading::of(exchange, Timestamp::parse("1994-11-06T08:49:30Z").unwrap()),
        sent,
        ack,
    )
}

fn outcome(answer: &Answer) -> Outcome {
    of(&Ok(answer.clone()), Ack::Results)
}

/// The outcome as one line: its kind, its reason, and the wait.
fn line(answer: &Answer) -> String {
    match outcome(answer) {
        Outcome::Uploaded => "uploaded".to_owned(),
        Outcome::AlreadyExists => "already_exists".to_owned(),
        Outcome::Failed { reason } => format!("failed {reason}"),
        Outcome::Halt { reason, .. } => format!("halt {reason}"),
        Outcome::Unreachable { reason } => format!("unreachable {reason}"),
        Outcome::Retry {
            reason,
            pace,
            server_wait,
        } => {
            let wait = server_wait.map_or(String::new(), |w| format!(" after {}s", w.as_secs()));
            format!("{} {reason}{wait}", format!("{pace:?}").to_lowercase())
        }
    }
}

#[test]
fn a_success_is_believed_only_with_its_echo() {
    let echo =
        |more: &str| format!(r#"{{"artifact_path":"spec.md","content_hash":"{HASH}"{more}}}"#);
    for (status, body, expected) in [
        (201, echo(r#","status":"stored""#), "uploaded"),
        (200, echo(r#","status":"already_exists""#), "already_exists"),
        (200, echo(r#","status":"stored""#), "uploaded"),
        (201, echo(""), "uploaded"),
        (200, echo(""), "already_exists"),
        (
            201,
            echo(r#","status":"re\u001bjected""#),
            "unknown uncorrelated_response: status re\\u{1b}jected",
        ),
        (
            201,
            echo("").replace("spec.md", "plan.md"),
            "unknown uncorrelated_response: another artifact_path",
        ),
        (
            201,
            echo("").replace("87428f", "87428e"),
            "unknown uncorrelated_response: another content_hash",
        ),
        (
            201,
            r#"{"status":"stored"}"#.to_owned(),
            "unknown uncorrelated_response: no artifact_path",
        ),
        (
            200,
            r#"{"artifact_path":"spec.md"}"#.to_owned(),
            "unknown uncorrelated_response: no content_hash",
        ),
        (
            201,
            "[]".to_owned(),
            "unknown uncorrelated_response: the answer is not a JSON object",
        ),
        (
            200,
            "<html>ok</html>".to_owned(),
            "unknown uncorrelated_response: HTTP 200, but the answer is a web page and not from the server",
        ),
        (
            200,
            String::new(),
            "unknown uncorrelated_response: the answer is not a JSON object",
        ),
        (
            201,
            echo("")[..40].to_owned(),
            "unknown uncorrelated_response: the answer is not a JSON object",
        ),
    ] {
        assert_eq!(line(&answer(status, &body)), expected, "{status} {body}");
    }
    let cut = Answer {
        is_cut: true,
        ..answer(201, &echo(""))
    };
    assert_eq!(
        line(&cut),
        "unknown uncorrelated_response: the answer is too long"
    );
}

#[test]
fn a_status_is_enough_where_the_operator_said_so() {
    for (status, is_taken) in [
        (200, true),
        (202, true),
        (204, true),
        (302, false),
        (400, false),
        (503, false),
    ] {
        let outcome = of(&Ok(answer(status, "")), Ack::Status);
        assert_eq!(outcome == Outcome::Uploaded, is_taken, "{status}");
    }
    let page = of(
        &Ok(answer(200, "<!doctype html><title>Sign in</title>")),
        Ack::Status,
    );
    assert!(
        matches!(&page, Outcome::Retry { reason, .. } if reason.contains("a web page")),
        "{page:?}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "the table of answers")]
fn every_other_status_has_its_meaning() {
    let deep = "[".repeat(100_000);
    for (status, body, expected) in [
        (
            202,
            r#"{"retry_after":90}"#,
            "later accepted_pending after 90s",
        ),
        (204, "", "unknown uncorrelated_response: HTTP 204"),
        (301, "", "halt unexpected_redirect: 301"),
        (
            307,
            r#"{"detail":"moved"}"#,
            "halt unexpected_redirect: 307: moved",
        ),
        (
            400,
            r#"{"detail":"no\nway"}"#,
            "failed bad_request: no\\nway",
        ),
        (
            400,
            r#"{"content_hash":["bad","worse"],"artifact_path":"odd"}"#,
            "failed bad_request: artifact_path: odd | content_hash: bad; worse",
        ),
        (400, "{}", "failed bad_request: unknown"),
        (400, "<html>", "failed bad_request: unknown"),
        (400, "too odd", "failed bad_request: too odd"),
        (
            400,
            &deep,
            &format!("failed bad_request: {}…", "[".repeat(200)),
        ),
        (
            401,
            r#"{"detail":"bad token"}"#,
            "halt unauthorized: HTTP 401: bad token",
        ),
        (403, "", "halt unauthorized: HTTP 403"),
        (
            403,
            r#"{"error":"No Private TeamSpace"}"#,
            "halt direct_ingress_missing_private_team: HTTP 403: No Private TeamSpace",
        ),
        (
            403,
            r#"{"code":"missing_private_team"}"#,
            "halt direct_ingress_missing_private_team: HTTP 403: code: missing_private_team",
        ),
        (
            404,
            r#"{"error":"index_entry_not_found"}"#,
            "soon index_entry_not_found",
        ),
        (
            404,
            r#"{"error":"namespace_not_found"}"#,
            "failed namespace_not_found",
        ),
        (
            404,
            r#"{"error":"gone","detail":"what"}"#,
            "later not_found: what (error=gone)",
        ),
        (
            404,
            "<html>nginx</html>",
            "later not_found: unknown (error=missing)",
        ),
        (
            404,
            "404 page not found",
            "later not_found: 404 page not found (error=missing)",
        ),
        (
            408,
            "",
            "soon timeout: the server gave up waiting for the request",
        ),
        (405, "", "halt unexpected_status: 405"),
        (
            407,
            "Proxy login",
            "halt unexpected_status: 407: Proxy login",
        ),
        (409, "", "soon busy: HTTP 409"),
        (415, "", "halt unexpected_status: 415"),
        (421, "", "halt unexpected_status: 421"),
        (422, "", "failed unprocessable"),
        (423, "", "soon busy: HTTP 423"),
        (425, "", "soon busy: HTTP 425"),
        (431, "", "halt unexpected_status: 431"),
        (451, "", "halt unexpected_status: 451"),
        (412, "", "halt precondition_failed: HTTP 412"),
        (413, "", "failed oversized: refused by the server"),
        (
            426,
            r#"{"message":"use 2.0"}"#,
            "halt upgrade_required: HTTP 426: use 2.0",
        ),
        (
            429,
            r#"{"retry_after":"12"}"#,
            "everybody rate_limited: HTTP 429 after 12s",
        ),
        (
            429,
            r#"{"retry_after":-5}"#,
            "everybody rate_limited: HTTP 429",
        ),
        (
            429,
            r#"{"error":"x","retry_after":1e300}"#,
            "everybody rate_limited: HTTP 429: x after 3600s",
        ),
        (
            429,
            r#"{"error":"","retry_after":true}"#,
            "everybody rate_limited: HTTP 429",
        ),
        (500, "<html>", "unknown server_error: 500"),
        (503, "", "unknown server_error: 503"),
        (
            503,
            r#"{"error":"full","retry_after":9}"#,
            "everybody server_error: 503: full after 9s",
        ),
        (599, "", "unknown server_error: 599"),
    ] {
        assert_eq!(line(&answer(status, body)), expected, "{status} {body:.80}");
    }
}

#[test]
fn without_an_answer_only_what_was_sent_counts_as_tried() {
    let of = |failure: &Failure| of(&Err(failure.clone()), Ack::Results);
    let text = || "x\n".to_owned();
    assert_eq!(
        of(&Failure::Unknown(text())),
        retry(Pace::Unknown, "connection_error: x\\n".to_owned(), None)
    );
    assert_eq!(
        of(&Failure::Unknown("timeout: global".to_owned())),
        retry(Pace::Unknown, "timeout: global".to_owned(), None)
    );
    assert_eq!(
        of(&Failure::Unreachable(text())),
        Outcome::Unreachable {
            reason: "connection_error: x\\n".to_owned()
        }
    );
    for (failure, expected) in [
        (Failure::Tls(text()), "tls_failure: x\\n"),
        (Failure::Refused(text()), "refused: x\\n"),
    ] {
        assert!(
            matches!(of(&failure), Outcome::Halt { reason, .. } if reason == expected),
            "{failure:?}"
        );
    }
}
