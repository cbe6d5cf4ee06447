//! The one mapper: any answer of any receiver becomes a verdict (design section 7; `formats` section 7.2). Pure.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::batch::Item;
use super::limits::Told;
use crate::base::{Timestamp, ids, retry, text};
use crate::config::Ack;
use crate::http::{Answer, Failure, server_words};

/// Longest reason kept in the ledger, in characters.
const REASON: usize = 300;

/// What an answer says of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Stored.
    Success,
    /// Taken, as the status of the whole request says.
    Acknowledged,
    /// Stored earlier.
    Duplicate,
    /// Accepted, not yet stored.
    Pending,
    /// Refused.
    Rejected(String),
    /// Nothing usable was said of it.
    Transient(String),
    /// Can never be sent as it is.
    Terminal(String),
    /// Innocent of its batch's refusal: owed again at once.
    Requeue,
}

/// What an answer says of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Something of each event, in the batch's order.
    Settled(Vec<Outcome>),
    /// Too large as a whole: halve it, and remember the limit.
    TooLarge(String),
    /// Too large as a whole, and the target says what is not.
    Limited {
        /// What else it said.
        reason: String,
        /// The limits it named.
        told: Told,
    },
    /// Refused as a whole with no word on which event is to blame: halve it to find out.
    Bisect(String),
    /// Nobody gets further with this target now: change no event, stop.
    Halt(String),
    /// The target wants to be left alone for a while: change no event, stop.
    Throttled {
        /// What it said.
        reason: String,
        /// How long it asked for.
        wait: Option<Duration>,
    },
    /// Nothing was sent: change no event, stop.
    Unreachable(String),
    /// What the receiver did is unknown: the batch stays in flight.
    Unknown {
        /// What is known.
        reason: String,
        /// How long it asked to wait.
        wait: Option<Duration>,
        /// The same batch again would end the same: it is halved at once.
        is_halved: bool,
    },
}

impl Verdict {
    fn unknown(reason: String) -> Self {
        Self::Unknown { reason, wait: None, is_halved: false }
    }
}

/// The verdict on one exchange. `ack` says what acknowledges an event; `now` is for `Retry-After` dates.
pub(crate) fn verdict(items: &[Item], exchange: &Result<Answer, Failure>, ack: Ack, now: Timestamp) -> Verdict {
    let answer = match exchange {
        Ok(answer) => answer,
        Err(failure @ (Failure::Unreachable(_) | Failure::Refused(_))) => {
            return Verdict::Unreachable(failure.to_string());
        }
        Err(failure @ Failure::Tls(_)) => return Verdict::Halt(failure.to_string()),
        Err(failure @ Failure::Unknown(_)) => return Verdict::unknown(failure.to_string()),
    };
    let status = answer.status;
    let said = said(answer);
    if !(200..300).contains(&status) && is_too_large(answer) {
        return match items {
            [_] => Verdict::Settled(vec![Outcome::Terminal(format!("oversized: {said}"))]),
            _ => too_large(answer, said),
        };
    }
    match status {
        200..=299 if ack == Ack::Status => Verdict::Settled(vec![Outcome::Acknowledged; items.len()]),
        202 => Verdict::Settled(vec![Outcome::Pending; items.len()]),
        200 | 201 | 207 => per_event(items, answer),
        400 | 422 => refused(items, answer, said),
        408 | 429 => Verdict::Throttled { reason: said, wait: server_wait(answer, now) },
        500.. => Verdict::Unknown { reason: said, wait: server_wait(answer, now), is_halved: false },
        203..=299 => Verdict::unknown(format!("{said}, which names no event")),
        // 401, 403, 412, 426 and every redirect; and what no contract mentions, where stopping changes nothing.
        _ => Verdict::Halt(said),
    }
}

/// Several events that are too large together: a server that names its limits spares the search for them.
fn too_large(answer: &Answer, reason: String) -> Verdict {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    match Told::read(body.as_ref().and_then(|body| body.get("limits"))) {
        told if told.events.or(told.bytes).is_none() => Verdict::TooLarge(reason),
        told => Verdict::Limited { reason, told },
    }
}

/// The status and the server's own words, for a person.
fn said(answer: &Answer) -> String {
    let mut said = format!("HTTP {}", answer.status);
    let words = server_words(&answer.body);
    if !words.is_empty() {
        said.push_str(": ");
        said.push_str(&words);
    }
    if let Some(id) = &answer.request_id {
        said.push_str(" (request ");
        said.push_str(&text::shorten(&text::printable(id), 64));
        said.push(')');
    }
    said
}

fn is_too_large(answer: &Answer) -> bool {
    let words = server_words(&answer.body).to_lowercase();
    answer.status == 413 || ["too large", "too_large", "oversized"].iter().any(|w| words.contains(w))
}

/// How long the server asked for: the header, else the body's `retry_after`.
fn server_wait(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let header = answer.retry_after.as_deref().and_then(|v| retry::parse_retry_after(v, now));
    header.or_else(|| {
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        let seconds = body.get("retry_after")?.as_f64()?;
        Duration::try_from_secs_f64(seconds).ok()
    })
}

/// A 2xx with a result for each event.
fn per_event(items: &[Item], answer: &Answer) -> Verdict {
    if answer.is_cut {
        let reason = format!("HTTP {}, but the answer is longer than any honest one", answer.status);
        return Verdict::Unknown { reason, wait: None, is_halved: true };
    }
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let Some(results) = body.as_ref().and_then(|b| b.get("results")).and_then(Value::as_array) else {
        return Verdict::unknown(format!("HTTP {}, but the answer has no list `results`", answer.status));
    };
    let mut by_id: HashMap<String, Vec<&Value>> = HashMap::new();
    for result in results {
        if let Some(id) = result.get("event_id").and_then(Value::as_str) {
            by_id.entry(same_id(id)).or_default().push(result);
        }
    }
    Verdict::Settled(items.iter().map(|item| named(by_id.get(&same_id(&item.event_id)))).collect())
}

/// The outcome of an event from the results that name it.
fn named(results: Option<&Vec<&Value>>) -> Outcome {
    let Some(results) = results else {
        return Outcome::Transient("the answer does not mention this event".to_owned());
    };
    let mut outcomes = results.iter().map(|r| one(r));
    let first = outcomes.next().unwrap_or(Outcome::Transient(String::new()));
    if outcomes.all(|other| other == first) {
        first
    } else {
        Outcome::Transient("the answer says two different things of this event".to_owned())
    }
}

fn one(result: &Value) -> Outcome {
    let status = result.get("status").and_then(Value::as_str).unwrap_or("").trim().to_lowercase();
    match status.as_str() {
        "success" | "accepted" | "warning" => Outcome::Success,
        "duplicate" => Outcome::Duplicate,
        "pending" | "queued" => Outcome::Pending,
        "rejected" => Outcome::Rejected(reason(result, &["error_message", "error"], "rejected without a reason")),
        other => Outcome::Transient(format!("unknown status {:?}", text::shorten(&text::printable(other), 40))),
    }
}

/// A 400: the events that `details` name are to blame; without any, nobody is named.
fn refused(items: &[Item], answer: &Answer, said: String) -> Verdict {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let details = body.as_ref().and_then(|b| b.get("details")).map_or_else(Vec::new, details);
    let blamed: HashMap<String, String> = details
        .iter()
        .filter_map(|d| {
            let id = d.get("event_id")?.as_str()?;
            Some((same_id(id), reason(d, &["detail", "error", "reason"], &said)))
        })
        .collect();
    if items.iter().any(|item| blamed.contains_key(&same_id(&item.event_id))) {
        let outcome =
            |item: &Item| blamed.get(&same_id(&item.event_id)).cloned().map_or(Outcome::Requeue, Outcome::Rejected);
        return Verdict::Settled(items.iter().map(outcome).collect());
    }
    match items {
        [_] => Verdict::Settled(vec![Outcome::Rejected(said)]),
        _ => Verdict::Bisect(said),
    }
}

/// `details` is a list, or a text that holds one.
fn details(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list.clone(),
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn reason(value: &Value, members: &[&str], otherwise: &str) -> String {
    let words = members.iter().find_map(|m| match value.get(m)? {
        Value::String(words) if !words.trim().is_empty() => Some(words.clone()),
        Value::Null | Value::String(_) => None,
        other => Some(other.to_string()),
    });
    text::shorten(&text::printable(words.as_deref().unwrap_or(otherwise)), REASON)
}

/// The form ids are compared in; ids of no known form compare as they are.
fn same_id(id: &str) -> String {
    ids::normalize(id).unwrap_or_else(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::verdict as verdict_by;
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(0);

    fn verdict(items: &[Item], exchange: &Result<Answer, Failure>, now: Timestamp) -> Verdict {
        verdict_by(items, exchange, Ack::Results, now)
    }

    fn items(ids: &[&str]) -> Vec<Item> {
        ids.iter().map(|id| Item { seq: 1, event_id: (*id).to_owned() }).collect()
    }

    #[expect(clippy::unnecessary_wraps, reason = "one of the two ends of an exchange")]
    fn answer(status: u16, body: &str) -> Result<Answer, Failure> {
        Ok(Answer { status, retry_after: None, request_id: None, body: body.as_bytes().to_vec(), is_cut: false })
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
            ("rejected", Outcome::Rejected("rejected without a reason".to_owned())),
            ("stored?", Outcome::Transient("unknown status \"stored?\"".to_owned())),
            ("", Outcome::Transient("unknown status \"\"".to_owned())),
        ] {
            for status in [200, 201, 207] {
                let body = format!(r#"{{"results":[{{"event_id":"a","status":"{word}"}}]}}"#);
                assert_eq!(settled(&["a"], status, &body), std::slice::from_ref(&outcome), "{status} {word}");
            }
        }
    }

    #[test]
    fn only_an_id_the_answer_names_can_succeed() {
        let body = r#"{"results":[{"event_id":"b","status":"success"},{"event_id":"zz","status":"success"}]}"#;
        let outcomes = settled(&["a", "b"], 200, body);
        assert!(matches!(outcomes[0], Outcome::Transient(_)));
        assert_eq!(outcomes[1], Outcome::Success);
    }

    #[test]
    fn ids_are_compared_in_their_normal_form() {
        let id = "01JMBY7K8N3QRVX2DPFG5HWT4E";
        let body = format!(r#"{{"results":[{{"event_id":"{}","status":"success"}}]}}"#, id.to_lowercase());
        assert_eq!(settled(&[id], 200, &body), [Outcome::Success]);
    }

    #[test]
    fn an_answer_that_contradicts_itself_proves_nothing() {
        let body = r#"{"results":[{"event_id":"a","status":"success"},{"event_id":"a","status":"rejected"}]}"#;
        assert!(matches!(settled(&["a"], 200, body)[0], Outcome::Transient(_)));
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
            assert!(matches!(verdict(&items(&["a"]), &exchange, NOW), Verdict::Unknown { .. }), "{exchange:?}");
        }
    }

    #[test]
    fn a_halt_names_the_servers_words() {
        for status in [301, 302, 307, 308, 401, 403, 404, 412, 426] {
            let verdict = verdict(&items(&["a", "b"]), &answer(status, r#"{"error":"upgrade"}"#), NOW);
            assert_eq!(verdict, Verdict::Halt(format!("HTTP {status}: upgrade")));
        }
        let tls = Err(Failure::Tls("bad certificate".to_owned()));
        assert!(matches!(verdict(&items(&["a"]), &tls, NOW), Verdict::Halt(_)));
    }

    #[test]
    fn throttling_reads_header_then_body() {
        let mut header = answer(429, r#"{"retry_after": 3}"#);
        assert_eq!(
            verdict(&items(&["a"]), &header, NOW),
            Verdict::Throttled { reason: "HTTP 429".to_owned(), wait: Some(Duration::from_secs(3)) }
        );
        header.as_mut().unwrap().retry_after = Some("8".to_owned());
        let Verdict::Throttled { wait, .. } = verdict(&items(&["a"]), &header, NOW) else { panic!() };
        assert_eq!(wait, Some(Duration::from_secs(8)));
    }

    #[test]
    fn too_large_halves_several_and_ends_one() {
        for exchange in [answer(413, ""), answer(400, r#"{"error":"Payload too large"}"#)] {
            assert!(matches!(verdict(&items(&["a", "b"]), &exchange, NOW), Verdict::TooLarge(_)));
            let Verdict::Settled(one) = verdict(&items(&["a"]), &exchange, NOW) else { panic!() };
            assert!(matches!(&one[0], Outcome::Terminal(reason) if reason.starts_with("oversized: ")));
        }
    }

    #[test]
    fn a_refusal_may_name_its_limits() {
        let named = |body: &str| verdict(&items(&["a", "b"]), &answer(413, body), NOW);
        let told = Told { bytes: Some(4096), ..Told::default() };
        let body = r#"{"error":"sync_batch_too_large","limits":{"max_decompressed_bytes_per_batch":4096}}"#;
        assert_eq!(named(body), Verdict::Limited { reason: "HTTP 413: sync_batch_too_large".to_owned(), told });
        for body in [r#"{"limits":{}}"#, r#"{"limits":{"retry_after_min_seconds":3}}"#, r#"{"limits":4096}"#, "<p>"] {
            assert!(matches!(named(body), Verdict::TooLarge(_)), "{body}");
        }
    }

    #[test]
    fn details_blame_their_own_and_clear_the_others() {
        let list = r#"{"error":"bad","details":[{"event_id":"b","detail":"no wp_id"}]}"#;
        let text = r#"{"error":"bad","details":"[{\"event_id\":\"b\",\"reason\":\"no wp_id\"}]"}"#;
        for body in [list, text] {
            let outcomes = settled(&["a", "b", "c"], 400, body);
            assert_eq!(outcomes, [Outcome::Requeue, Outcome::Rejected("no wp_id".to_owned()), Outcome::Requeue]);
        }
    }

    #[test]
    fn a_bare_400_blames_one_and_bisects_several() {
        assert_eq!(settled(&["a"], 400, r#"{"error":"bad"}"#), [Outcome::Rejected("HTTP 400: bad".to_owned())]);
        for body in [r#"{"error":"bad"}"#, r#"{"details":[]}"#, r#"{"details":[{"event_id":"zz"}]}"#, "<p>"] {
            assert!(matches!(verdict(&items(&["a", "b"]), &answer(400, body), NOW), Verdict::Bisect(_)), "{body}");
        }
    }

    #[test]
    fn what_was_never_sent_changes_nothing() {
        let exchange = Err(Failure::Unreachable("refused".to_owned()));
        assert!(matches!(verdict(&items(&["a"]), &exchange, NOW), Verdict::Unreachable(_)));
    }

    /// Where the status acknowledges, any 2xx does, whatever else it says; everything else means what it always means.
    #[test]
    fn a_status_acknowledges_the_whole_request() {
        let (two, ack) = (items(&["a", "b"]), Ack::Status);
        let rejected = r#"{"results":[{"event_id":"a","status":"rejected"}]}"#;
        for exchange in
            [answer(200, ""), answer(201, "<html>"), answer(202, "{}"), answer(204, ""), answer(207, rejected)]
        {
            let verdict = verdict_by(&two, &exchange, ack, NOW);
            assert_eq!(verdict, Verdict::Settled(vec![Outcome::Acknowledged; 2]), "{exchange:?}");
        }
        for status in [199, 300, 302, 307, 400, 401, 403, 404, 408, 412, 413, 422, 426, 429, 500, 503] {
            let exchange = answer(status, rejected);
            assert_eq!(verdict_by(&two, &exchange, ack, NOW), verdict(&two, &exchange, NOW), "{status}");
        }
        let lost = Err(Failure::Unknown("reset".to_owned()));
        assert_eq!(verdict_by(&two, &lost, ack, NOW), verdict(&two, &lost, NOW));
    }
}
