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

/// The steps in the making.
#[derive(Default)]
struct Steps(Vec<Next>);

impl Steps {
    fn say(&mut self, why: impl Into<String>, run: &str) {
        self.0.push(Next {
            why: why.into(),
            run: run.to_owned(),
        });
    }

    /// A step for a number of things, if there are any.
    fn count(&mut self, count: u64, noun: &str, what: &str, run: &str) {
        if let Some(words) = counted(count, noun) {
            self.say(format!("{words} {what}"), run);
        }
    }
}

/// The next steps, most urgent first.
pub(crate) fn next_steps(d: &Document) -> Vec<Next> {
    let mut steps = Steps::default();
    broken(d, &mut steps);
    blocked(d, &mut steps);
    waiting(d, &mut steps);
    failed(d, &mut steps);
    older_stores(d, &mut steps);
    if let Some(suggestion) = &d.event_journal.gc_suggestion {
        let why = format!(
            "{} MiB of payload are at every target and may go",
            suggestion.journal_size_bytes >> 20
        );
        steps.say(why, "sk-sync gc");
    }
    steps.0
}

/// What is damaged, or not in the journal yet.
fn broken(d: &Document, steps: &mut Steps) {
    if !d.balance.holds || !d.documents.balance.holds {
        steps.say("the balance does not hold", "sk-sync verify");
    }
    steps.count(
        d.spool.damaged,
        "spooled line",
        "damaged: look at what is kept, then remove the file",
        "sk-sync verify",
    );
    steps.count(
        d.spool.lines,
        "line",
        "spooled, to be imported into the journal",
        "sk-sync run",
    );
}

/// What keeps everything from being sent: checks, and a target that seems to be another one.
fn blocked(d: &Document, steps: &mut Steps) {
    for gate in d.gates.iter().filter(|gate| !gate.is_open) {
        steps.say(format!("{}: {}", gate.name, gate.reason), &gate.fix);
    }
    let current = d.delivery_targets.current.as_ref();
    if let Some(offer) = current.and_then(|current| current.reset_offer.as_ref()) {
        let words: Vec<_> = offer
            .changes
            .iter()
            .map(|c| format!("{} was `{}` and is `{}`", c.field, c.previous, c.current))
            .collect();
        let why = "the target seems to be another server than before";
        steps.say(
            format!(
                "{why} ({}); if it lost what it had, send it again",
                words.join(", ")
            ),
            &offer.run,
        );
        steps.say("if it still has everything", &offer.dismiss);
    }
}

/// What is left to capture and to send.
fn waiting(d: &Document, steps: &mut Steps) {
    if !d.project.store_exists {
        steps.say("nothing was captured here yet", "sk-sync run");
    }
    let sends = d.delivery_targets.current.is_some() && d.gates.iter().all(|gate| gate.is_open);
    let owed = [
        (d.active_queue.event_count, "event"),
        (d.bodies.queued, "document"),
    ]
    .map(|(n, noun)| counted(n, noun));
    let owed = owed.into_iter().flatten().collect::<Vec<_>>().join(" and ");
    let is_owed = sends && !owed.is_empty();
    if is_owed {
        steps.say(format!("{owed} left to send"), "sk-sync drain");
    }
    let missions = d.missions.iter().flatten();
    let newer = missions.map(|mission| mission.newer_here).sum();
    let what = "changed here since the last capture";
    steps.count(newer, "document", what, "sk-sync run");
    let background = d.last_background.as_ref();
    if let Some(last) = background.filter(|last| sends && last.exit_code != 0) {
        let why = last.halted.as_deref().unwrap_or(last.result);
        steps.say(
            format!("the last delivery in the background failed: {why}"),
            "sk-sync drain",
        );
    }
    let gone = d
        .last_run
        .as_ref()
        .and_then(|last| Some((last.halted.as_ref()?, last.fix.as_ref()?)));
    if let Some((halted, fix)) = gone.filter(|_| is_owed) {
        steps.say(
            format!("the server may be gone ({halted}); {owed} are kept. To choose another"),
            fix,
        );
    }
}

/// What failed for good, is on hold, or has two contents.
fn failed(d: &Document, steps: &mut Steps) {
    let unsigned = |count: i64| u64::try_from(count).unwrap_or(0);
    let failures = &d.terminal_failures;
    let failed_at = failures
        .events
        .first()
        .map_or("", |event| event.target_id.as_str());
    let current = d.delivery_targets.current.as_ref();
    let is_elsewhere = current.is_none_or(|current| {
        !failed_at.is_empty() && current.target_id.as_deref() != Some(failed_at)
    });
    let explain = if is_elsewhere {
        format!("sk-sync events explain --target {failed_at}")
    } else {
        "sk-sync events list --status undeliverable".to_owned()
    };
    let unseen = unsigned(failures.count - failures.waived);
    steps.count(unseen, "event", "given up", &explain);
    if current.is_some() {
        for (reason, what, run) in HOLDS {
            let held = d.event_journal.on_hold.get(reason).copied();
            steps.count(held.unwrap_or(0), "event", what, run);
        }
    }
    steps.count(
        d.bodies.failures,
        "document",
        "failed for good",
        "sk-sync bodies list",
    );
    steps.count(
        unsigned(d.migration_conflicts.count),
        "id",
        "captured with two contents; the first is kept in the journal",
        "sk-sync migrate conflicts",
    );
}

/// Step for rows of older stores that wait for the user's confirmation: how many, their files, and
/// their target.
fn older_stores(d: &Document, steps: &mut Steps) {
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
            steps.say(format!("{words}{from}, to be imported{to}"), run);
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
        let why = "if they are not this project's: what would be deleted";
        steps.say(why, "sk-sync purge --unassigned");
    }
    steps.count(
        d.unassigned.undecided,
        "id",
        "of them with two contents, to be decided on first",
        "sk-sync migrate conflicts",
    );
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
