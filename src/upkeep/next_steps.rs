//! What a person should do next, from what `status` found. Pure.

use super::document::{Document, Next};

/// What to do, the most pressing first.
pub(super) fn next_steps(d: &Document) -> Vec<Next> {
    let mut steps = Vec::new();
    let mut say = |applies: bool, why: String, run: &str| {
        if applies {
            steps.push(Next { why, run: run.to_owned() });
        }
    };
    say(!d.balance.holds, "the books do not balance".to_owned(), "sk-sync verify");
    say(
        d.project.project_uuid.is_none(),
        "the project has no identity, so its artifacts cannot be named".to_owned(),
        "sk-sync init --project",
    );
    for gate in d.gates.iter().filter(|gate| !gate.is_open) {
        say(true, format!("the gate {} is shut: {}", gate.name, gate.reason), &gate.fix);
    }
    say(!d.project.store_exists, "nothing was captured here yet".to_owned(), "sk-sync run");
    let sends = d.delivery_targets.current.is_some() && d.gates.iter().all(|gate| gate.is_open);
    let owed = [(d.active_queue.event_count, "event"), (d.bodies.queued, "body")].map(|(n, noun)| counted(n, noun));
    let owed = owed.into_iter().flatten().collect::<Vec<_>>().join(" and ");
    say(sends && !owed.is_empty(), format!("still owed: {owed}"), "sk-sync drain");
    let mut look = |count: u64, noun: &str, what: &str, run: &str| {
        if let Some(words) = counted(count, noun) {
            say(true, format!("{words} {what}"), run);
        }
    };
    let unsigned = |count: i64| u64::try_from(count).unwrap_or(0);
    look(unsigned(d.terminal_failures.count), "event", "given up", "sk-sync events list --status undeliverable");
    look(d.bodies.failures, "body", "refused for good", "sk-sync bodies list");
    let kept_apart = "captured with two contents; the first is kept, the other is set aside";
    look(unsigned(d.migration_conflicts.count), "id", kept_apart, "sk-sync status --json");
    steps
}

/// `1 event`, `2 bodies`; nothing for none.
fn counted(count: u64, noun: &str) -> Option<String> {
    let plural = match noun.strip_suffix('y') {
        _ if count == 1 => noun.to_owned(),
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    };
    (count > 0).then(|| format!("{count} {plural}"))
}
