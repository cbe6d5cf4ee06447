//! Next steps for the user, derived from `status`. Pure.

use super::document::{Document, Next};

/// Holds that the user releases when circumstances have changed: reason, text, and command.
const HOLDS: [(&str, &str, &str); 3] = [
    (
        "opted_out",
        "on hold since this project opted out",
        "sk-sync events release --reason opted_out",
    ),
    (
        "before_consent",
        "on hold: captured before you agreed",
        "sk-sync events release --reason before_consent",
    ),
    (
        "imported",
        "imported and on hold",
        "sk-sync migrate release",
    ),
];

/// The next steps, most urgent first.
pub(crate) fn next_steps(d: &Document) -> Vec<Next> {
    let mut steps = Vec::new();
    let mut say = |applies: bool, why: String, run: &str| {
        if applies {
            steps.push(Next {
                why,
                run: run.to_owned(),
            });
        }
    };
    say(
        !d.balance.holds || !d.documents.balance.holds,
        "the balance does not hold".to_owned(),
        "sk-sync verify",
    );
    let mut look = |count: u64, noun: &str, what: &str, run: &str| {
        if let Some(words) = counted(count, noun) {
            say(true, format!("{words} {what}"), run);
        }
    };
    look(
        d.spool.damaged,
        "spooled line",
        "damaged: look at what is kept, then remove the file",
        "sk-sync verify",
    );
    look(
        d.spool.lines,
        "line",
        "spooled, to be imported into the journal",
        "sk-sync run",
    );
    for gate in d.gates.iter().filter(|gate| !gate.is_open) {
        say(true, format!("{}: {}", gate.name, gate.reason), &gate.fix);
    }
    if let Some(offer) = d
        .delivery_targets
        .current
        .as_ref()
        .and_then(|current| current.reset_offer.as_ref())
    {
        let words: Vec<_> = offer
            .changes
            .iter()
            .map(|c| format!("{} was `{}` and is `{}`", c.field, c.previous, c.current))
            .collect();
        let why = "the target seems to be another server than before";
        say(
            true,
            format!(
                "{why} ({}); if it lost what it had, send it again",
                words.join(", ")
            ),
            &offer.run,
        );
        say(
            true,
            "if it still has everything".to_owned(),
            &offer.dismiss,
        );
    }
    say(
        !d.project.store_exists,
        "nothing was captured here yet".to_owned(),
        "sk-sync run",
    );
    let sends = d.delivery_targets.current.is_some() && d.gates.iter().all(|gate| gate.is_open);
    let owed = [
        (d.active_queue.event_count, "event"),
        (d.bodies.queued, "document"),
    ]
    .map(|(n, noun)| counted(n, noun));
    let owed = owed.into_iter().flatten().collect::<Vec<_>>().join(" and ");
    say(
        sends && !owed.is_empty(),
        format!("{owed} left to send"),
        "sk-sync drain",
    );
    let newer = d
        .missions
        .iter()
        .flatten()
        .map(|mission| mission.newer_here)
        .sum();
    if let Some(words) = counted(newer, "document") {
        say(
            true,
            format!("{words} changed here since the last capture"),
            "sk-sync run",
        );
    }
    if let Some(last) = d
        .last_background
        .as_ref()
        .filter(|last| last.exit_code != 0)
    {
        let why = last.halted.as_deref().unwrap_or(last.result);
        say(
            sends,
            format!("the last delivery in the background failed: {why}"),
            "sk-sync drain",
        );
    }
    let gone = d
        .last_run
        .as_ref()
        .and_then(|last| Some((last.halted.as_ref()?, last.fix.as_ref()?)));
    if let Some((halted, fix)) = gone.filter(|_| sends && !owed.is_empty()) {
        say(
            true,
            format!("the server may be gone ({halted}); {owed} are kept. To choose another"),
            fix,
        );
    }
    let mut look = |count: u64, noun: &str, what: &str, run: &str| {
        if let Some(words) = counted(count, noun) {
            say(true, format!("{words} {what}"), run);
        }
    };
    let unsigned = |count: i64| u64::try_from(count).unwrap_or(0);
    let unseen = unsigned(d.terminal_failures.count - d.terminal_failures.waived);
    let failed_at = d
        .terminal_failures
        .events
        .first()
        .map_or("", |event| event.target_id.as_str());
    let current = d
        .delivery_targets
        .current
        .as_ref()
        .map(|current| current.target_id.as_deref());
    let is_elsewhere =
        current.is_none_or(|current| !failed_at.is_empty() && current != Some(failed_at));
    let explain = if is_elsewhere {
        format!("sk-sync events explain --target {failed_at}")
    } else {
        "sk-sync events list --status undeliverable".to_owned()
    };
    look(unseen, "event", "given up", &explain);
    if d.delivery_targets.current.is_some() {
        for (reason, what, run) in HOLDS {
            look(
                d.event_journal.on_hold.get(reason).copied().unwrap_or(0),
                "event",
                what,
                run,
            );
        }
    }
    look(
        d.bodies.failures,
        "document",
        "failed for good",
        "sk-sync bodies list",
    );
    let kept_apart = "captured with two contents; the first is kept in the journal";
    look(
        unsigned(d.migration_conflicts.count),
        "id",
        kept_apart,
        "sk-sync migrate conflicts",
    );
    older_stores(d, &mut steps);
    if let Some(suggestion) = &d.event_journal.gc_suggestion {
        let why = format!(
            "{} MiB of payload are at every target and may go",
            suggestion.journal_size_bytes >> 20
        );
        steps.push(Next {
            why,
            run: "sk-sync gc".to_owned(),
        });
    }
    steps
}

/// Step for rows of older stores that wait for the user's confirmation: how many, their files, and
/// their target.
fn older_stores(d: &Document, steps: &mut Vec<Next>) {
    if d.project.project_uuid.is_none() {
        return;
    }
    let target = d
        .delivery_targets
        .current
        .as_ref()
        .map_or("", |current| current.canonical_url.as_str());
    let to = if target.is_empty() {
        String::new()
    } else {
        format!(" and sent to {target}")
    };
    let mut say = |words: Option<String>, files: &[&str], run: &str| {
        let from = if files.is_empty() {
            String::new()
        } else {
            format!(" (from {})", files.join(", "))
        };
        if let Some(words) = words {
            steps.push(Next {
                why: format!("{words}{from}, to be imported{to}"),
                run: run.to_owned(),
            });
        }
    };
    let waiting: Vec<_> = d
        .legacy_stores
        .iter()
        .filter(|store| store.waiting > 0)
        .collect();
    let files: Vec<_> = waiting.iter().map(|store| store.path.as_str()).collect();
    let rows = counted(waiting.iter().map(|store| store.waiting).sum(), "row");
    say(
        rows.map(|rows| format!("{rows} of this project in older stores")),
        &files,
        "sk-sync migrate adopt --yes",
    );
    let files: Vec<_> = d.unassigned.files.iter().map(String::as_str).collect();
    let events = counted(
        d.unassigned.events.saturating_sub(d.unassigned.undecided),
        "event",
    );
    let words = events.map(|events| format!("{events} of older stores that name no project"));
    say(words, &files, "sk-sync migrate adopt --unassigned --yes");
    if d.unassigned.events > 0 {
        let why = "if they are not this project's: what would be deleted".to_owned();
        steps.push(Next {
            why,
            run: "sk-sync purge --unassigned".to_owned(),
        });
    }
    if let Some(ids) = counted(d.unassigned.undecided, "id") {
        let why = format!("{ids} of them with two contents, to be decided on first");
        steps.push(Next {
            why,
            run: "sk-sync migrate conflicts".to_owned(),
        });
    }
}

/// `1 event`, `2 bodies`; `None` for 0.
fn counted(count: u64, noun: &str) -> Option<String> {
    let plural = match noun.strip_suffix('y') {
        _ if count == 1 => noun.to_owned(),
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    };
    (count > 0).then(|| format!("{count} {plural}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upkeep::document::GcSuggestion;
    use crate::upkeep::fixture::{nothing, shut};

    /// The commands after `change`.
    fn lines_after(change: fn(&mut Document)) -> Vec<String> {
        let mut document = nothing();
        change(&mut document);
        next_steps(&document)
            .into_iter()
            .map(|step| step.run)
            .collect()
    }

    #[test]
    fn every_trouble_has_its_line() {
        for (line, change) in [
            (
                "sk-sync verify",
                (|d| d.balance.holds = false) as fn(&mut Document),
            ),
            ("sk-sync verify", |d| d.spool.damaged = 1),
            ("sk-sync run", |d| d.spool.lines = 1),
            ("open missing_team", |d| d.gates.push(shut("missing_team"))),
            ("sk-sync run", |d| d.project.store_exists = false),
            ("sk-sync drain", |d| d.active_queue.event_count = 1),
            ("sk-sync drain", |d| d.bodies.queued = 1),
            ("sk-sync events list --status undeliverable", |d| {
                d.terminal_failures.count = 1;
            }),
            ("sk-sync bodies list", |d| d.bodies.failures = 1),
            ("sk-sync migrate conflicts", |d| {
                d.migration_conflicts.count = 1;
            }),
            ("sk-sync events release --reason opted_out", |d| {
                d.event_journal.on_hold.insert("opted_out".to_owned(), 2);
            }),
            ("sk-sync migrate release", |d| {
                d.event_journal.on_hold.insert("imported".to_owned(), 1);
            }),
            ("sk-sync events explain --target ", |d| {
                d.delivery_targets.current = None;
                d.terminal_failures.count = 1;
            }),
            ("sk-sync gc", |d| {
                d.event_journal.gc_suggestion = Some(GcSuggestion {
                    reason: String::new(),
                    retained_event_count: 1,
                    journal_size_bytes: 1,
                });
            }),
        ] {
            assert_eq!(lines_after(change), [line]);
        }
        assert_eq!(lines_after(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn a_drain_is_offered_only_where_it_can_send() {
        let without_target = lines_after(|d| {
            d.active_queue.event_count = 1;
            d.delivery_targets.current = None;
        });
        assert_eq!(without_target, Vec::<String>::new());
        let behind_a_gate = lines_after(|d| {
            d.bodies.queued = 1;
            d.gates.push(shut("missing_auth"));
        });
        assert_eq!(behind_a_gate, ["open missing_auth"]);
    }

    #[test]
    fn counts_are_read_as_words() {
        for (count, noun, words) in [
            (0, "event", None),
            (1, "body", Some("1 body")),
            (2, "body", Some("2 bodies")),
        ] {
            assert_eq!(counted(count, noun).as_deref(), words);
        }
    }
}
