//! Properties of the answers to batches of events, to questions for a server's health, and to those
//! for what it has.

use serde_json::Value;

use super::advertised::AdvertisedLimits;
use super::batch::{Item, parse_ranges, ranges};
use super::capabilities::Capabilities;
use super::deployment;
use super::inventory::{digests, documents, facts};
use super::outcome::{Outcome, Verdict, verdict};
use crate::base::{ids, text};
use crate::config::Ack;
use crate::http::Reading;
use crate::http::properties::{answer_of, reading_of};

/// Ids of a batch: one that servers may spell in two ways, and ids of other forms.
const IDS: [&str; 4] = [
    "01JMBY7K8N3QRVX2DPFG5HWT4E",
    "8a4a7da6-a97c-4bb4-893a-b31664abfee4",
    "b",
    "c",
];

/// Only an id that a 2xx answer reports as stored is delivered, each event has one result, and
/// neither the order of the events nor that of the results matters.
pub(crate) fn events_answer(bytes: &[u8]) {
    let items = IDS.map(|event_id| Item {
        seq: 1,
        event_id: event_id.to_owned(),
    });
    let mut turned = items.clone();
    turned.reverse();
    let reading = reading_of(bytes);
    let mut other = reading.clone();
    if let Some(Value::Array(results)) =
        other.json.as_mut().and_then(|body| body.get_mut("results"))
    {
        results.reverse();
    }
    for (from, to) in [(0, 4), (0, 1), (2, 3)] {
        let items = &items[from..to];
        let said = verdict(items, &reading, Ack::Results);
        if let Verdict::Settled(outcomes) = &said {
            assert!(
                outcomes.len() == items.len() && !outcomes.contains(&Outcome::Acknowledged),
                "{said:?}"
            );
            items
                .iter()
                .zip(outcomes)
                .for_each(|(item, outcome)| proved(item, outcome, &reading));
        }
        assert_eq!(
            verdict(items, &other, Ack::Results),
            said,
            "the order of the results"
        );
        if let (Verdict::Settled(mut backwards), Verdict::Settled(outcomes)) = (
            verdict(&turned[4 - to..4 - from], &reading, Ack::Results),
            said,
        ) {
            backwards.reverse();
            assert_eq!(backwards, outcomes, "the order of the events");
        }
    }
    let is_settled = matches!(verdict(&items, &reading, Ack::Status), Verdict::Settled(all) if all[0] == Outcome::Acknowledged);
    assert!(
        !is_settled
            || reading
                .status
                .is_some_and(|status| (200..300).contains(&status)),
        "by status"
    );
}

/// A delivered event is named by a 2xx answer, in every result with its id; reasons are bounded
/// lines.
fn proved(item: &Item, outcome: &Outcome, reading: &Reading) {
    let word = match outcome {
        Outcome::Success => ["success", "accepted", "warning"].as_slice(),
        Outcome::Duplicate => &["duplicate"],
        Outcome::Rejected(why) | Outcome::Transient(why) | Outcome::Terminal(why) => {
            assert!(
                text::printable(why) == *why && why.chars().count() <= 520,
                "{why}"
            );
            return;
        }
        Outcome::Acknowledged | Outcome::Pending | Outcome::Requeue => return,
    };
    assert!(
        matches!(reading.status, Some(200 | 201 | 207)),
        "{:?}",
        reading.status
    );
    let id = |text: &str| ids::normalize(text).unwrap_or_else(|| text.to_owned());
    let results = reading
        .json
        .as_ref()
        .and_then(|body| body.get("results")?.as_array())
        .into_iter()
        .flatten();
    let mut own = results.filter(|result| {
        result
            .get("event_id")
            .and_then(Value::as_str)
            .is_some_and(|named| id(named) == id(&item.event_id))
    });
    let says = |result: &Value| {
        let status = result
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim()
            .to_lowercase();
        word.contains(&status.as_str())
    };
    assert!(
        own.next().is_some_and(says) && own.all(says),
        "{} is not named as stored",
        item.event_id
    );
}

/// Limits are positive, capabilities survive the store, and so do lists of rows.
pub(crate) fn health(bytes: &[u8]) {
    let _any = deployment::read(&answer_of(bytes));
    let json = reading_of(bytes).json;
    let told = AdvertisedLimits::read(
        json.as_ref()
            .and_then(|body| body.get("sync_ingress")?.get("limits")),
    );
    let limits = [
        told.events,
        told.bytes,
        told.wait_min_s,
        told.wait_max_s,
        told.documents,
        told.document_bytes,
    ];
    assert!(
        limits.into_iter().flatten().all(|limit| limit > 0),
        "{told:?}"
    );
    let can = Capabilities::read(json.as_ref().and_then(|body| body.get("capabilities")));
    assert_eq!(Capabilities::of_words(&can.words()), can);
    let Ok(words) = std::str::from_utf8(bytes) else {
        return;
    };
    // Long spans are many rows; the store of this machine writes them, so they are not bounded
    // together.
    if let Some(rows) = Some(words)
        .filter(|words| words.len() < 12)
        .and_then(parse_ranges)
    {
        assert!(
            rows.windows(2).any(|two| two[0] >= two[1])
                || parse_ranges(&ranges(rows.clone())) == Some(rows)
        );
    }
}

/// An envelope that a server gives back is a part of its answer, byte for byte; a digest is one; an
/// answer that is cut is refused; reasons are bounded lines. Ends of lines between members change
/// nothing.
pub(crate) fn inventory(bytes: &[u8]) {
    let cut = &bytes.trim_ascii_end()[..bytes.trim_ascii_end().len().saturating_sub(1)];
    if let Ok((facts, _)) = facts(bytes) {
        for fact in &facts {
            let mut windows = bytes.windows(fact.envelope.len().max(1));
            assert!(windows.any(|part| part == fact.envelope), "other bytes");
        }
        assert!(self::facts(cut).is_err(), "cut");
    }
    if let Ok((events, _)) = digests(bytes) {
        let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        let is_there = |digest: &str| text.contains(digest) || text.contains('\\');
        assert!(
            events
                .iter()
                .all(|(_, digest)| is_there(&digest.to_string()))
        );
        assert!(digests(cut).is_err(), "cut");
    }
    if let Ok((versions, next)) = documents(bytes) {
        let spaced = [b"\r\n\t ", bytes, b"\n"].concat();
        assert_eq!(documents(&spaced), Ok((versions, next)));
        assert!(documents(cut).is_err(), "cut");
    }
    let flaws = [
        facts(bytes).err(),
        digests(bytes).err(),
        documents(bytes).err(),
    ];
    for why in flaws.into_iter().flatten() {
        assert!(
            text::printable(&why) == why && why.chars().count() < 260,
            "{why}"
        );
    }
}
