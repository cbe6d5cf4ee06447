//! What the history says: events over time, and what waits or failed by its parts.

use super::charts::{Bar, Row, area, columns, rows};
use super::markup::{bytes, grouped, number, section};
use crate::base::Timestamp;
use crate::upkeep::document::Document;
use crate::upkeep::history::History;

/// Bars over the time of the history.
fn over_time(history: &History, count: impl Fn(usize) -> i64, what: &str) -> Vec<Bar> {
    let Some(start) = history.start else {
        return Vec::new();
    };
    let bar = |n: usize| {
        let at = Timestamp::from_micros(
            start.as_micros() + history.width * i64::try_from(n).unwrap_or(0),
        )
        .to_string();
        let label = at.get(..16).unwrap_or(&at).replace('T', " ");
        let count = count(n);
        Bar {
            words: format!("{} {what}, from {label}", grouped(count)),
            label,
            count,
        }
    };
    (0..history.captured.len()).map(bar).collect()
}

pub(super) fn deliveries(d: &Document, history: &History) -> String {
    let bars = over_time(
        history,
        |n| history.delivered.get(n).copied().unwrap_or(0),
        "delivered",
    );
    let ledger = &d.delivery_ledger;
    let facts = format!(
        "<p class=\"sum\">{} here, {} at earlier targets</p>",
        number(
            "delivery_ledger.delivered_current_target",
            ledger.delivered_current_target
        ),
        number(
            "delivery_ledger.delivered_previous_target",
            ledger.delivered_previous_target
        )
    );
    section(
        "deliveries",
        "Deliveries over time",
        "Events that the configured target acknowledged.",
        facts + &columns("ok", "delivered", &bars),
    )
}

pub(super) fn growth(d: &Document, history: &History) -> String {
    let bars = over_time(
        history,
        |n| history.captured.get(n).map_or(0, |sum| sum.0),
        "captured",
    );
    let size: i64 = history.captured.iter().map(|sum| sum.1).sum();
    let facts = format!(
        "<p class=\"sum\">{} captured, {} of it kept</p>",
        bytes(size),
        bytes(d.event_journal.journal_size_bytes)
    );
    section(
        "growth",
        "Growth of the journal",
        "Events captured since the beginning.",
        facts + &area("events", &bars),
    )
}

pub(super) fn backlog(history: &History) -> String {
    let row = |(label, count): &(&str, i64)| Row {
        label: (*label).to_owned(),
        count: *count,
        more: String::new(),
    };
    rows(
        "untried",
        &history.backlog.iter().map(row).collect::<Vec<_>>(),
    )
}

pub(super) fn retries(d: &Document, history: &History) -> String {
    let ledger = &d.delivery_ledger;
    let facts = format!(
        "<p class=\"sum\">{} rejected for now, {} not answered for, {} accepted and not stored, {} sent without an answer</p>",
        number("delivery_ledger.rejected", ledger.rejected),
        number("delivery_ledger.transient", ledger.transient),
        number("delivery_ledger.pending", ledger.pending),
        number("delivery_ledger.in_flight", ledger.in_flight)
    );
    let events = history.retries.iter().map(|(answers, count)| Row {
        label: format!(
            "events after {answers} {}",
            if *answers == 1 { "answer" } else { "answers" }
        ),
        count: *count,
        more: String::new(),
    });
    let bodies = d
        .bodies
        .retry_histogram
        .iter()
        .map(|(failures, count)| Row {
            label: format!(
                "documents after {failures} {}",
                if *failures == 1 {
                    "failure"
                } else {
                    "failures"
                }
            ),
            count: i64::try_from(*count).unwrap_or(i64::MAX),
            more: String::new(),
        });
    facts + &rows("retry", &events.chain(bodies).collect::<Vec<_>>())
}

pub(super) fn reasons(history: &History) -> String {
    let row = |(label, count): &(String, i64)| Row {
        label: label.clone(),
        count: *count,
        more: String::new(),
    };
    rows("bad", &history.reasons.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn bodies(d: &Document, history: &History) -> String {
    let facts = format!(
        "<p class=\"sum\">{} ready, {} retrying later, {} failed</p>",
        number("bodies.ready", d.bodies.ready),
        number("bodies.in_backoff", d.bodies.in_backoff),
        number("bodies.failures", d.bodies.failures)
    );
    let row = |of: &crate::bodies::MissionStats| {
        let waiting =
            (of.queued > 0).then(|| format!("{} waiting, {}", of.queued, bytes(of.bytes)));
        let refused = (of.failures > 0).then(|| format!("{} refused", of.failures));
        let count = i64::try_from(of.queued + of.failures).unwrap_or(i64::MAX);
        let more = waiting
            .into_iter()
            .chain(refused)
            .collect::<Vec<_>>()
            .join("; ");
        let branch = if of.target_branch.is_empty() {
            String::new()
        } else {
            format!(" on {}", of.target_branch)
        };
        Row {
            label: of.mission_slug.clone() + &branch,
            count,
            more,
        }
    };
    let body = facts
        + &rows(
            "flight",
            &history.missions.iter().map(row).collect::<Vec<_>>(),
        );
    section(
        "bodies",
        "Documents by mission",
        "Waiting for upload, and failed.",
        body,
    )
}
