//! What `-v` adds to `status`: what is kept, and where the rows are that are on their way.

use crate::base::Timestamp;
use crate::cli::render::sections::{equation, join_terms, plural, unsigned};
use crate::cli::table::{count, size};
use crate::cli::when::{age, relative};
use crate::upkeep::Document;

/// What `-v` adds.
pub(super) fn details(d: &Document, now: Timestamp) -> Vec<(&'static str, String)> {
    let is_shut = d.gates.iter().any(|gate| !gate.is_open);
    let parts = [
        ("Kept", Some(kept(d, now))),
        ("Delivered", delivered(d)),
        ("In flight", in_flight(d)),
        ("Retrying", retryable(d, now)),
        ("Uploads", bodies(d)),
        (
            "Balance",
            Some(format!("events: {}", equation(&d.balance, is_shut))),
        ),
        (
            "Balance",
            Some(format!(
                "documents: {}",
                equation(&d.documents.balance, is_shut)
            )),
        ),
    ];
    let mut lines: Vec<_> = parts
        .into_iter()
        .filter_map(|(label, words)| Some((label, words?)))
        .collect();
    let unknown = d.gates.iter().filter(|gate| gate.is_open && !gate.is_known);
    lines.extend(unknown.map(|gate| ("Not known", format!("{}: {}", gate.name, gate.reason))));
    lines
}

fn kept(d: &Document, now: Timestamp) -> String {
    let journal = &d.event_journal;
    let since = journal.oldest_retained_event_at.as_ref();
    let since = since.map_or_else(String::new, |at| {
        format!(", the oldest {}", relative(now, at))
    });
    let events = plural(unsigned(journal.retained_event_count), "event");
    let archived = unsigned(journal.archived_event_count);
    let archived = if archived > 0 {
        format!(" and {} in an archive", count(archived))
    } else {
        String::new()
    };
    format!(
        "{events}{archived}, {}{since}",
        size(unsigned(journal.journal_size_bytes))
    )
}

/// What this target has, and what each earlier one has.
fn delivered(d: &Document) -> Option<String> {
    let to = |events: i64, url: &str| format!("{} to {url}", plural(unsigned(events), "event"));
    let current = d.delivery_targets.current.as_ref();
    let current = current.map(|current| {
        to(
            d.delivery_ledger.delivered_current_target,
            &current.canonical_url,
        )
    });
    let earlier = d.delivery_targets.previous.iter();
    let earlier =
        earlier.map(|previous| to(previous.delivered_count, &previous.canonical_url) + " earlier");
    let all: Vec<_> = current.into_iter().chain(earlier).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn in_flight(d: &Document) -> Option<String> {
    let ledger = &d.delivery_ledger;
    join_terms(&[
        ("sent without an answer", unsigned(ledger.in_flight)),
        ("accepted and not stored yet", unsigned(ledger.pending)),
    ])
}

fn retryable(d: &Document, now: Timestamp) -> Option<String> {
    let ledger = &d.delivery_ledger;
    let words = join_terms(&[
        ("rejected for now", unsigned(ledger.rejected)),
        ("without an answer", unsigned(ledger.transient)),
    ])?;
    let due = d
        .delivery_targets
        .current
        .as_ref()
        .and_then(|current| Timestamp::parse(current.next_due_at.as_ref()?));
    let next = due.map(|due| due.since(now).as_secs());
    Some(words + &next.map_or_else(String::new, |seconds| format!("; next try in {seconds} s")))
}

/// Documents that wait for upload, and since when; `None` without any.
fn bodies(d: &Document) -> Option<String> {
    let b = &d.bodies;
    let oldest = b
        .oldest_age_seconds
        .map_or_else(String::new, |s| format!(", the oldest {}", age(s)));
    let waiting = format!(
        "{} waiting ({} ready, {} retrying later{oldest})",
        count(b.queued),
        b.ready,
        b.in_backoff
    );
    (b.queued > 0).then_some(waiting)
}
