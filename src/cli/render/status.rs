//! `status` for a person: where everything is, what is wrong, and what to do next.

use crate::base::text::printable;
use crate::cli::Paint;
use crate::cli::table::count;
use crate::upkeep::Document;

use super::sections::{equation, join_terms, plural};

/// The lines of `status`. Where nothing is to be said of a part, it has no line.
pub(crate) fn lines(d: &Document, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |label: &str, words: String| {
        lines.push(format!("{} {}", paint.bold(&format!("{label:<9}")), printable(&words)));
    };
    let slug = d.project.project_slug.as_deref().unwrap_or("(no identity yet)");
    say("Project", format!("{slug} in {}", d.project.store));
    say("Target", target(d));
    say("Kept", kept(d));
    let parts = [("Delivered", delivered(d)), ("In flight", in_flight(d)), ("Retryable", retryable(d))];
    for (label, words) in parts.into_iter().chain([("Blocked", blocked(d))]) {
        words.into_iter().for_each(|words| say(label, words));
    }
    given_up(d).into_iter().for_each(|words| say("Given up", words));
    say("Bodies", bodies(d));
    if d.migration_conflicts.count > 0 {
        say("Conflicts", plural(unsigned(d.migration_conflicts.count), "id") + " with two contents");
    }
    for store in &d.legacy_stores {
        let imported = if store.imported { "imported" } else { "not imported" };
        say("Older", format!("{} ({}, {} bytes, {imported})", store.path, store.kind, count(store.size)));
    }
    if let Some(last) = &d.last_run {
        say("Last run", format!("{} at {}, exit {}", last.command, last.when, last.exit_code));
    }
    say("Balance", equation(&d.balance) + if d.balance.holds { "" } else { ": does not hold" });
    let mut mark = |label: String, words: &str| lines.push(format!("{label} {}", printable(words)));
    for warning in &d.warnings {
        mark(paint.yellow("Warning: "), warning);
    }
    for step in &d.next_steps {
        mark(paint.cyan("Next     "), &format!("{}: {}", step.why, step.run));
    }
    lines
}

fn target(d: &Document) -> String {
    match &d.delivery_targets.current {
        None => "none; everything is kept here".to_owned(),
        Some(current) => {
            let contacted = if current.target_id.is_some() { "" } else { " (never contacted)" };
            let team =
                if current.team_slug.is_empty() { String::new() } else { format!(", team {}", current.team_slug) };
            format!("{}{team}{contacted}; remote: unknown", current.canonical_url)
        }
    }
}

fn kept(d: &Document) -> String {
    let journal = &d.event_journal;
    let since = journal.oldest_retained_event_at.as_ref().map_or(String::new(), |at| format!(", since {at}"));
    let events = plural(unsigned(journal.retained_event_count), "event");
    format!("{events}, {} bytes{since}", count(unsigned(journal.journal_size_bytes)))
}

/// What this target has, and what each earlier one has.
fn delivered(d: &Document) -> Option<String> {
    let to = |events: i64, url: &str| format!("{} to {url}", plural(unsigned(events), "event"));
    let current = d.delivery_targets.current.as_ref();
    let current = current.map(|current| to(d.delivery_ledger.delivered_current_target, &current.canonical_url));
    let earlier = d.delivery_targets.previous.iter();
    let earlier = earlier.map(|previous| to(previous.delivered_count, &previous.canonical_url) + " earlier");
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

fn retryable(d: &Document) -> Option<String> {
    let ledger = &d.delivery_ledger;
    let words = join_terms(&[
        ("rejected for now", unsigned(ledger.rejected)),
        ("not answered for", unsigned(ledger.transient)),
    ])?;
    let due = d.delivery_targets.current.as_ref().and_then(|current| current.next_due_at.as_ref());
    Some(words + &due.map_or(String::new(), |at| format!("; next try {at}")))
}

/// What waits for a person: events behind a gate or held.
fn blocked(d: &Document) -> Option<String> {
    let gates: Vec<_> = d.gates.iter().filter(|gate| !gate.is_open).map(|gate| gate.name).collect();
    let why = if gates.is_empty() { "held; `sk-sync events release`".to_owned() } else { gates.join(", ") };
    (d.balance.blocked > 0).then(|| format!("{} ({why})", plural(d.balance.blocked, "event")))
}

/// Every event listed, and how many are not.
fn given_up(d: &Document) -> Vec<String> {
    let failures = &d.terminal_failures;
    let reason = |error: &Option<String>| error.clone().unwrap_or_else(|| "no reason given".to_owned());
    let mut words: Vec<_> =
        failures.events.iter().map(|event| format!("{}: {}", event.event_id, reason(&event.last_error))).collect();
    let more = unsigned(failures.count).saturating_sub(words.len() as u64);
    words.extend((more > 0).then(|| format!("and {} more", count(more))));
    words
}

fn bodies(d: &Document) -> String {
    let b = &d.bodies;
    if b.queued == 0 && b.failures == 0 {
        return "none waiting".to_owned();
    }
    let age = b.oldest_age_seconds.map_or(String::new(), |s| format!(", the oldest for {s} s"));
    let waiting = format!("{} waiting ({} ready, {} backing off{age})", count(b.queued), b.ready, b.in_backoff);
    format!("{waiting}, {} refused for good", b.failures)
}

fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
