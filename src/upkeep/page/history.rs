//! What the history says: events over time, and what waits or failed by its parts.

use maud::{Markup, html};

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

pub(super) fn deliveries(d: &Document, history: &History) -> Markup {
    let bars = over_time(
        history,
        |n| history.delivered.get(n).copied().unwrap_or(0),
        "delivered",
    );
    let ledger = &d.delivery_ledger;
    let body = html! {
        p.sum {
            (number("delivery_ledger.delivered_current_target", ledger.delivered_current_target)) " here, "
            (number("delivery_ledger.delivered_previous_target", ledger.delivered_previous_target))
            " at earlier targets"
        }
        (columns("ok", "delivered", &bars))
    };
    let note = "Events that the configured target acknowledged.";
    section(("deliveries", false), "Deliveries over time", note, &body)
}

pub(super) fn growth(d: &Document, history: &History) -> Markup {
    let bars = over_time(
        history,
        |n| history.captured.get(n).map_or(0, |sum| sum.0),
        "captured",
    );
    let size: i64 = history.captured.iter().map(|sum| sum.1).sum();
    let body = html! {
        p.sum { (bytes(size)) " captured, " (bytes(d.event_journal.journal_size_bytes)) " of it kept" }
        (area("events", &bars))
    };
    let note = "Events captured since the beginning.";
    section(("growth", false), "Growth of the journal", note, &body)
}

/// A row without further words.
fn row(label: impl Into<String>, count: i64) -> Row {
    Row {
        label: label.into(),
        count,
        more: String::new(),
    }
}

pub(super) fn backlog(history: &History) -> Markup {
    let ages = history.backlog.iter();
    let ages: Vec<_> = ages.map(|(label, count)| row(*label, *count)).collect();
    rows("untried", &ages)
}

pub(super) fn retries(d: &Document, history: &History) -> Markup {
    let ledger = &d.delivery_ledger;
    let after = |what: &str, number: String, noun: &str, count: i64| {
        let plural = if number == "1" { "" } else { "s" };
        row(format!("{what} after {number} {noun}{plural}"), count)
    };
    let events = history
        .retries
        .iter()
        .map(|(answers, count)| after("events", answers.to_string(), "answer", *count));
    let bodies = d.bodies.retry_histogram.iter().map(|(failures, count)| {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        after("documents", failures.to_string(), "failure", count)
    });
    html! {
        p.sum {
            (number("delivery_ledger.rejected", ledger.rejected)) " rejected for now, "
            (number("delivery_ledger.transient", ledger.transient)) " not answered for, "
            (number("delivery_ledger.pending", ledger.pending)) " accepted and not stored, "
            (number("delivery_ledger.in_flight", ledger.in_flight)) " sent without an answer"
        }
        (rows("retry", &events.chain(bodies).collect::<Vec<_>>()))
    }
}

pub(super) fn reasons(history: &History) -> Markup {
    let reasons = history.reasons.iter();
    let reasons: Vec<_> = reasons
        .map(|(label, count)| row(label.as_str(), *count))
        .collect();
    rows("bad", &reasons)
}

pub(super) fn bodies(d: &Document, history: &History) -> Markup {
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
    let missions: Vec<_> = history.missions.iter().map(row).collect();
    let body = html! {
        p.sum {
            (number("bodies.ready", d.bodies.ready)) " ready, "
            (number("bodies.in_backoff", d.bodies.in_backoff)) " retrying later, "
            (number("bodies.failures", d.bodies.failures)) " failed"
        }
        (rows("flight", &missions))
    };
    let note = "Waiting for upload, and failed.";
    section(("bodies", false), "Documents by mission", note, &body)
}
