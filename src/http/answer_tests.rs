//! Reading responses: every status, every form of a wait, and arbitrary bytes.

use std::time::Duration;

use proptest::prelude::*;

use super::answer::{Meaning, Reading};
use super::{Answer, Cause, Failure};
use crate::base::{Timestamp, retry};

fn now() -> Timestamp {
    Timestamp::parse("1994-11-06T08:49:30Z").unwrap()
}

fn read(answer: Answer) -> Reading {
    Reading::of(&Ok(answer), now())
}

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        body: body.as_bytes().to_vec(),
        ..Answer::default()
    }
}

#[test]
fn every_status_has_its_meaning() {
    let meaning = |status| read(answer(status, r#"{"error":"x"}"#)).meaning;
    let of = |expected: Meaning| {
        (100..1000)
            .filter(move |status| meaning(*status) == expected)
            .collect::<Vec<u16>>()
    };
    assert_eq!(of(Meaning::Accepted), (200..300).collect::<Vec<_>>());
    assert_eq!(of(Meaning::Refused), [400, 413, 422]);
    assert_eq!(of(Meaning::Wait), [408, 409, 423, 425, 429]);
    assert_eq!(of(Meaning::Unknown), (500..1000).collect::<Vec<_>>());
    for status in [
        199, 301, 307, 401, 403, 404, 405, 407, 410, 412, 415, 421, 426, 431, 451, 499,
    ] {
        assert_eq!(meaning(status), Meaning::Halt, "{status}");
    }
}

#[test]
fn a_failure_says_whether_anything_was_sent() {
    let text = || "x\u{1b}".to_owned();
    for (failure, meaning, cause) in [
        (
            Failure::NoSuchHost(text()),
            Meaning::Unsent,
            Cause::NoSuchHost,
        ),
        (
            Failure::Unreachable(text()),
            Meaning::Unsent,
            Cause::Unreachable,
        ),
        (Failure::Tls(text()), Meaning::Halt, Cause::Tls),
        (Failure::HandshakeCut(text()), Meaning::Unsent, Cause::Tls),
        (Failure::Refused(text()), Meaning::Halt, Cause::Refused),
        (Failure::Unknown(text()), Meaning::Unknown, Cause::NoAnswer),
    ] {
        let is_refusal = matches!(failure, Failure::Tls(_));
        let reading = Reading::of(&Err(failure), now());
        assert_eq!(
            reading.refusal().is_some(),
            is_refusal,
            "{cause:?}: a cut handshake may pass"
        );
        assert_eq!(
            (reading.meaning, reading.cause, reading.status),
            (meaning, cause, None)
        );
        assert!(
            reading.words == "x\\u{1b}" && reading.said.ends_with("x\\u{1b}"),
            "{reading:?}"
        );
    }
}

#[test]
fn a_wait_is_read_in_every_form() {
    let seconds = |header: Option<&str>, body: &str| {
        let answer = Answer {
            retry_after: header.map(str::to_owned),
            ..answer(503, body)
        };
        read(answer).wait.map(|wait| wait.as_secs_f64())
    };
    for (header, body, expected) in [
        (Some("7"), "", Some(7.0)),
        (Some(" 1.5 "), "", Some(1.5)),
        (Some("Sun, 06 Nov 1994 08:49:37 GMT"), "", Some(7.0)),
        (Some("Sun, 06 Nov 1994 08:00:00 GMT"), "", Some(0.0)),
        (Some("7"), r#"{"retry_after":12}"#, Some(7.0)),
        (Some("soon"), r#"{"retry_after":12}"#, Some(12.0)),
        (None, r#"{"retry_after":"30"}"#, Some(30.0)),
        (None, r#"{"retry_after":0.25}"#, Some(0.25)),
        (
            None,
            r#"{"retry_after":"Sun, 06 Nov 1994 08:49:37 GMT"}"#,
            Some(7.0),
        ),
        (Some("999999999999999999999"), "", Some(3600.0)),
        (None, r#"{"retry_after":1e300}"#, Some(3600.0)),
        (None, r#"{"retry_after":-5}"#, None),
        (None, r#"{"retry_after":true}"#, None),
        (Some("-1"), "", None),
        (Some("inf"), "<html>", None),
        (None, "", None),
    ] {
        assert_eq!(seconds(header, body), expected, "{header:?} {body}");
    }
}

#[test]
fn a_web_page_acknowledges_nothing() {
    let page = "<!DOCTYPE html><title>Sign in</title>";
    let reading = read(answer(200, page));
    assert_eq!(reading.meaning, Meaning::Unknown);
    assert_eq!(
        reading.said,
        "HTTP 200, but the answer is a web page and not from the server: Sign in"
    );
    assert_eq!(read(answer(401, page)).said, "HTTP 401: Sign in");
    for body in ["", "ok", "{}", "<ok/>", r#"{"results":[]}"#] {
        assert_eq!(read(answer(200, body)).meaning, Meaning::Accepted, "{body}");
    }
}

#[test]
fn a_person_sees_status_words_and_request() {
    let mut refused = answer(503, r#"{"error":"backlog too large\n"}"#);
    refused.request_id = Some("r-1".to_owned());
    let reading = read(refused);
    assert_eq!(
        reading.said,
        "HTTP 503 (unavailable): backlog too large\\n (request r-1)"
    );
    assert!(!reading.is_too_large());
    for status in [400, 413, 422] {
        assert!(
            read(answer(status, r#"{"error":"Payload Too Large"}"#)).is_too_large(),
            "{status}"
        );
    }
    assert!(
        !read(answer(400, "no")).is_too_large()
            && !read(answer(431, "Request Header Fields Too Large")).is_too_large()
    );
}

proptest! {
    /// A server's bytes never reach a terminal unescaped, never make a line too long, and never
    /// turn a refusal into a success.
    #[test]
    fn any_answer_is_read(
        status in 100u16..1000,
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..600),
            "(\u{feff})?[<{\\[]{1,3}[a-z!\"/: \u{1b}]{0,40}.{0,300}".prop_map(String::into_bytes),
        ],
        header in prop::option::of(".{0,20}"),
        is_cut in any::<bool>(),
    ) {
        let reading = read(Answer {
            status, body, is_cut, retry_after: header.clone(), request_id: header.clone(), content_type: header,
        });
        prop_assert!(reading.said.chars().chain(reading.words.chars()).all(|c| !c.is_control()), "{reading:?}");
        prop_assert!(reading.said.chars().count() < 500 && reading.words.chars().count() <= 201);
        prop_assert!(reading.wait.is_none_or(|wait| wait <= retry::LONGEST) && reading.wait != Some(Duration::MAX));
        prop_assert_eq!(reading.is_cut && reading.json.is_some(), false);
        prop_assert!(reading.meaning != Meaning::Accepted || (200..300).contains(&status));
        let may_blame = matches!(status, 400 | 413 | 422);
        prop_assert!(may_blame || !reading.is_too_large() && reading.meaning != Meaning::Refused);
    }
}
