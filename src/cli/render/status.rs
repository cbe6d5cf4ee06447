//! `status` for a person.

use crate::base::text::printable;
use crate::cli::Paint;
use crate::cli::table::count;
use crate::upkeep::Document;

use super::sections::{equation, plural};

/// The lines of `status`.
pub(crate) fn lines(d: &Document, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |label: &str, words: String| {
        lines.push(format!("{} {}", paint.bold(&format!("{label:<9}")), printable(&words)));
    };
    let slug = d.project.project_slug.as_deref().unwrap_or("(no identity yet)");
    say("Project", format!("{slug} in {}", d.project.store));
    say("Target", target(d));
    say("Kept", kept(d));
    for previous in &d.delivery_targets.previous {
        let delivered = plural(unsigned(previous.delivered_count), "event");
        say("Earlier", format!("{} has {delivered}", previous.canonical_url));
    }
    let holds = if d.balance.holds { "" } else { ": does not hold" };
    say("Balance", format!("{}{holds}", equation(&d.balance)));
    if let Some(due) = d.delivery_targets.current.as_ref().and_then(|c| c.next_due_at.as_ref()) {
        say("Next try", due.clone());
    }
    say("Bodies", bodies(d));
    for failure in &d.terminal_failures.events {
        let reason = failure.last_error.as_deref().unwrap_or("no reason given");
        say("Given up", format!("{}: {reason}", failure.event_id));
    }
    if d.migration_conflicts.count > 0 {
        say("Conflicts", plural(unsigned(d.migration_conflicts.count), "id") + " with two contents");
    }
    for store in &d.legacy_stores {
        say("Older", format!("{} ({}, {} bytes, not imported)", store.path, store.kind, count(store.size)));
    }
    if let Some(last) = &d.last_run {
        say("Last run", format!("{} at {}, exit {}", last.command, last.when, last.exit_code));
    }
    for step in &d.next_steps {
        say("Next", format!("{}: {}", step.why, step.run));
    }
    lines
}

fn target(d: &Document) -> String {
    match &d.delivery_targets.current {
        None => "none; nothing leaves this machine".to_owned(),
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

fn bodies(d: &Document) -> String {
    let b = &d.bodies;
    if b.queued == 0 && b.failures == 0 {
        return "none waiting".to_owned();
    }
    let age = b.oldest_age_seconds.map_or(String::new(), |s| format!(", the oldest for {s} s"));
    format!(
        "{} waiting ({} ready, {} backing off{age}), {} refused for good",
        count(b.queued),
        b.ready,
        b.in_backoff,
        b.failures
    )
}

fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
