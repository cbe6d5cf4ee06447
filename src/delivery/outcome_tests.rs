//! Every answer and its meaning.

use std::time::Duration;

use super::advertised::AdvertisedLimits;
use super::batch::Item;
use super::outcome::{Outcome, Verdict};
use crate::base::Timestamp;
use crate::config::Ack;
use crate::http::{Answer, Failure, Reading};

const NOW: Timestamp = Timestamp::from_micros(0);

fn verdict(items: &[Item], exchange: &Result<Answer, Failure>, now: Timestamp) -> Verdict {
    verdict_by(items, exchange, Ack::Results, now)
}

fn verdict_by(
    items: &[Item],
    exchange: &Result<Answer, Failure>,
    ack: Ack,
    now: Timestamp,
) -> Verdict {
    super::outcome::verdict(items, &Reading::of(exchange, now), ack)
}

fn items(ids: &[&str]) -> Vec<Item> {
    ids.iter()
        .map(|id| Item {
            seq: 1,
            event_id: (*id).to_owned(),
        })
        .collect()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "one of the two ends of an exchange"
)]
fn answer(status: u16, body: &str) -> Result<Answer, Failure> {
    Ok(Answer {
        status,
        body: body.as_bytes().to_vec(),
        ..Answer::default()
    })
}

fn settled(ids: &[&str], status: u16, body: &str) -> Vec<Outcome> {
    match verdict(&items(ids), &answer(status, body), NOW) {
        Verdict::Settled(outcomes) => outcomes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_status_word_has_its_outcome() {
    for (word, outcome) in [
        ("success", Outcome::Success),
        (" Accepted ", Outcome::Success),
        ("warning", Outcome::Success),
        ("duplicate", Outcome::Duplicate),
        ("pending", Outcome::Pending),
        ("queued", Outcome::Pending),
        (
            "rejected",
            Outcome::Rejected("rejected without a reason".to_owned()),
        ),
        (
            "stored?",
            Outcome::Transient("unknown status \"stored?\"".to_owned()),
        ),
        ("", Outcome::Transient("unknown status \"\"".to_owned())),
    ] {
        for status in [200, 201, 207] {
            let body = format!(r#"{{"results":[{{"event_id":"a","status":"{word}"}}]}}"#);
            assert_eq!(
                settled(&["a"], status, &body),
                std::slice::from_ref(&outcome),
                "{status} {word}"
            );
        }
    }
}

#[test]
fn only_an_id_the_answer_names_can_succeed() {
    let body =
        r#"{"results":[{"event_id":"b","status":"success"},{"event_id":"zz","status":"success"}]}"#;
    let outcomes = settled(&["a", "b"], 200, body);
    assert!(matches!(outcomes[0], Outcome::Transient(_)));
    assert_eq!(outcomes[1], Outcome::Success);
}

#[test]
fn ids_are_compared_in_their_normal_form() {
    let id = "01JMBY7K8N3QRVX2DPFG5HWT4E";
    let body = format!(
        r#"{{"results":[{{"event_id":"{}","status":"success"}}]}}"#,
        id.to_lowercase()
    );
    assert_eq!(settled(&[id], 200, &body), [Outcome::Success]);
}

#[test]
fn a_blank_reason_is_none() {
    let said = |members: &str| {
        let body = format!(r#"{{"results":[{{"event_id":"a","status":"rejected",{members}}}]}}"#);
        settled(&["a"], 200, &body)
    };
    let rejected = |words: &str| [Outcome::Rejected(words.to_owned())];
    assert_eq!(
        said(r#""error_message":" ","error":"odd""#),
        rejected("odd")
    );
    assert_eq!(
        said(r#""error_message":null,"error":{"a":1}"#),
        rejected(r#"{"a":1}"#)
    );
    assert_eq!(
        said(r#""error":"\t""#),
        rejected("rejected without a reason")
    );
}

#[test]
fn an_answer_that_contradicts_itself_proves_nothing() {
    let body =
        r#"{"results":[{"event_id":"a","status":"success"},{"event_id":"a","status":"rejected"}]}"#;
    assert!(matches!(
        settled(&["a"], 200, body)[0],
        Outcome::Transient(_)
    ));
}

#[test]
fn answers_that_name_nobody_leave_the_batch_in_flight() {
    let mut cut = answer(200, r#"{"results":[]}"#);
    cut.as_mut().unwrap().is_cut = true;
    for exchange in [
        answer(200, "<html>"),
        answer(200, "{}"),
        answer(200, r#"{"results":7}"#),
        answer(204, ""),
        answer(500, "oops"),
        answer(503, ""),
        cut,
        Err(Failure::Unknown("reset".to_owned())),
    ] {
        assert!(
            matches!(
                verdict(&items(&["a"]), &exchange, NOW),
                Verdict::Unknown { .. }
            ),
            "{exchange:?}"
        );
    }
}

#[test]
fn a_halt_names_the_servers_words() {
    for status in [301, 302, 307, 308, 401, 403, 404, 412, 426] {
        let verdict = verdict(
            &items(&["a", "b"]),
            &answer(status, r#"{"error":"upgrade"}"#),
            NOW,
        );
        assert_eq!(verdict, Verdict::Halt(format!("HTTP {status}: upgrade")));
    }
    let tls = Err(Failure::Tls("bad certificate".to_owned()));
    assert!(matches!(
        verdict(&items(&["a"]), &tls, NOW),
        Verdict::Halt(_)
    ));
}

#[test]
fn throttling_reads_header_then_body() {
    let mut header = answer(429, r#"{"retry_after": 3}"#);
    assert_eq!(
        verdict(&items(&["a"]), &header, NOW),
        Verdict::Throttled {
            reason: "HTTP 429".to_owned(),
            wait: Some(Duration::from_secs(3))
        }
    );
    header.as_mut().unwrap().retry_after = Some("8".to_owned());
    let Verdict::Throttled { wait, .. } = verdict(&items(&["a"]), &header, NOW) else {
        panic!()
    };
    assert_eq!(wait, Some(Duration::from_secs(8)));
    let text = answer(429, r#"{"retry_after": "30"}"#);
    let Verdict::Throttled { wait, .. } = verdict(&items(&["a"]), &text, NOW) else {
        panic!()
    };
    assert_eq!(wait, Some(Duration::from_secs(30)));
}

#[test]
fn too_large_halves_several_and_ends_one() {
    for exchange in [
        answer(413, ""),
        answer(400, r#"{"error":"Payload too large"}"#),
    ] {
        assert!(matches!(
            verdict(&items(&["a", "b"]), &exchange, NOW),
            Verdict::TooLarge(_)
        ));
        let Verdict::Settled(one) = verdict(&items(&["a"]), &exchange, NOW) else {
            panic!()
        };
        assert!(matches!(&one[0], Outcome::Terminal(reason) if reason.starts_with("oversized: ")));
    }
}

/// A 413 for another reason says nothing about an event.
#[test]
fn only_a_refusal_can_call_events_too_large() {
    for status in [401, 403, 409, 429, 431, 500, 503, 507] {
        for ids in [&["a"][..], &["a", "b"]] {
            let verdict = verdict(
                &items(ids),
                &answer(status, r#"{"error":"backlog too large"}"#),
                NOW,
            );
            assert!(
                matches!(
                    verdict,
                    Verdict::Halt(_) | Verdict::Throttled { .. } | Verdict::Unknown { .. }
                ),
                "{status}: {verdict:?}"
            );
        }
    }
}

#[test]
fn a_refusal_may_name_its_limits() {
    let named = |body: &str| verdict(&items(&["a", "b"]), &answer(413, body), NOW);
    let told = AdvertisedLimits {
        bytes: Some(4096),
        ..AdvertisedLimits::default()
    };
    let body =
        r#"{"error":"sync_batch_too_large","limits":{"max_decompressed_bytes_per_batch":4096}}"#;
    assert_eq!(
        named(body),
        Verdict::Limited {
            reason: "HTTP 413: sync_batch_too_large".to_owned(),
            told
        }
    );
    for body in [
        r#"{"limits":{}}"#,
        r#"{"limits":{"retry_after_min_seconds":3}}"#,
        r#"{"limits":4096}"#,
        "<p>",
    ] {
        assert!(matches!(named(body), Verdict::TooLarge(_)), "{body}");
    }
}

#[test]
fn details_blame_their_own_and_clear_the_others() {
    let list = r#"{"error":"bad","details":[{"event_id":"b","detail":"no wp_id"}]}"#;
    let text = r#"{"error":"bad","details":"[{\"event_id\":\"b\",\"reason\":\"no wp_id\"}]"}"#;
    for body in [list, text] {
        let outcomes = settled(&["a", "b", "c"], 400, body);
        assert_eq!(
            outcomes,
            [
                Outcome::Requeue,
                Outcome::Rejected("no wp_id".to_owned()),
                Outcome::Requeue
            ]
        );
    }
}

#[test]
fn a_bare_400_blames_one_and_bisects_several() {
    assert_eq!(
        settled(&["a"], 400, r#"{"error":"bad"}"#),
        [Outcome::Rejected("HTTP 400: bad".to_owned())]
    );
    for body in [
        r#"{"error":"bad"}"#,
        r#"{"details":[]}"#,
        r#"{"details":[{"event_id":"zz"}]}"#,
        "<p>",
    ] {
        assert!(
            matches!(
                verdict(&items(&["a", "b"]), &answer(400, body), NOW),
                Verdict::Bisect(_)
            ),
            "{body}"
        );
    }
}

#[test]
fn a_202_says_that_nothing_is_stored_yet() {
    let named = r#"{"results":[{"event_id":"a","status":"success"}]}"#;
    for body in ["", "{}", named] {
        assert_eq!(
            settled(&["a", "b"], 202, body),
            [Outcome::Pending, Outcome::Pending]
        );
    }
}

#[test]
fn what_was_never_sent_changes_nothing() {
    let exchange = Err(Failure::Unreachable("refused".to_owned()));
    assert!(matches!(
        verdict(&items(&["a"]), &exchange, NOW),
        Verdict::Unreachable(_)
    ));
}

/// Where the status acknowledges, any 2xx does, whatever its body; other statuses keep their
/// meaning.
#[test]
fn a_status_acknowledges_the_whole_request() {
    let (two, ack) = (items(&["a", "b"]), Ack::Status);
    let rejected = r#"{"results":[{"event_id":"a","status":"rejected"}]}"#;
    for exchange in [
        answer(200, ""),
        answer(201, "<ok/>"),
        answer(202, "{}"),
        answer(204, ""),
        answer(207, rejected),
    ] {
        let verdict = verdict_by(&two, &exchange, ack, NOW);
        assert_eq!(
            verdict,
            Verdict::Settled(vec![Outcome::Acknowledged; 2]),
            "{exchange:?}"
        );
    }
    assert!(
        matches!(
            verdict_by(&two, &answer(200, "<html>Sign in"), ack, NOW),
            Verdict::Unknown { .. }
        ),
        "a web page"
    );
    for status in [
        199, 300, 302, 307, 400, 401, 403, 404, 408, 412, 413, 422, 426, 429, 500, 503,
    ] {
        let exchange = answer(status, rejected);
        assert_eq!(
            verdict_by(&two, &exchange, ack, NOW),
            verdict(&two, &exchange, NOW),
            "{status}"
        );
    }
    let lost = Err(Failure::Unknown("reset".to_owned()));
    assert_eq!(verdict_by(&two, &lost, ack, NOW), verdict(&two, &lost, NOW));
}
