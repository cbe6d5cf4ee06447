//! `status` for a person: where everything is, what is wrong, and what to do next.

use crate::base::text::{printable, shorten};
use crate::cli::Paint;
use crate::cli::table::count;
use crate::legacy::Unassigned;
use crate::upkeep::{Document, LegacyStore, MissionHere, TerminalFailure};

use super::sections::{NO_ADDRESS, equation, join_terms, plural};

/// Given-up events shown one by one; the document has more.
const GIVEN_UP: usize = 5;
/// Characters of a reason.
const REASON: usize = 120;

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
    let parts = [
        ("Delivered", delivered(d)),
        ("In flight", in_flight(d)),
        ("Retryable", retryable(d)),
        ("Blocked", blocked(d)),
    ];
    for (label, words) in parts.into_iter().filter_map(|(label, words)| Some((label, words?))) {
        say(label, words);
    }
    for gate in d.gates.iter().filter(|gate| gate.is_open && !gate.is_known) {
        say("Not known", format!("{}: {}", gate.name, gate.reason));
    }
    for words in given_up(d) {
        say("Given up", words);
    }
    say("Bodies", bodies(d));
    if let Some(words) = spool(d) {
        say("Spooled", words);
    }
    if d.migration_conflicts.count > 0 {
        say("Conflicts", plural(unsigned(d.migration_conflicts.count), "id") + " with two contents");
    }
    if let Some(words) = older(d) {
        say("Older", words);
    }
    if let Some(words) = unassigned(d) {
        say("Unassigned", words);
    }
    if let Some(last) = &d.last_run {
        let stopped = last.halted.as_ref().map_or(String::new(), |halted| format!("; stopped: {halted}"));
        let ended = format!("{} (exit {}){stopped}", last.result, last.exit_code);
        say("Last run", format!("{} at {}: {ended}", last.command, last.when));
    }
    if let Some(last) = &d.last_background {
        let stopped = last.halted.as_ref().map_or(String::new(), |halted| format!("; stopped: {halted}"));
        say("Background", format!("delivery at {}: {} (exit {}){stopped}", last.when, last.result, last.exit_code));
    }
    for mission in d.missions.iter().flatten() {
        say("Mission", mission_words(mission));
    }
    say("Events", equation(&d.balance) + if d.balance.holds { "" } else { ": does not hold" });
    let documents = &d.documents.balance;
    say("Documents", equation(documents) + if documents.holds { "" } else { ": does not hold" });
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
        None if d.gates.iter().any(|gate| gate.name == "no_target_url" && !gate.is_open) => NO_ADDRESS.to_owned(),
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
    let archived = unsigned(journal.archived_event_count);
    let archived = if archived > 0 { format!(" and {} in an archive", count(archived)) } else { String::new() };
    format!("{events}{archived}, {} bytes{since}", count(unsigned(journal.journal_size_bytes)))
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
    let held = d.event_journal.on_hold.iter();
    let held: Vec<_> = held.map(|(reason, events)| format!("{} on hold: {reason}", count(*events))).collect();
    let why = if gates.is_empty() { held.join(", ") } else { gates.join(", ") };
    let since = d.gates.iter().filter(|gate| !gate.is_open).filter_map(|gate| gate.since.as_deref()).min();
    let since = since.map_or_else(String::new, |at| format!(", since {at}"));
    (d.balance.blocked > 0).then(|| format!("{} ({why}){since}", plural(d.balance.blocked, "event")))
}

/// The first events with their reasons, and how many more there are.
fn given_up(d: &Document) -> Vec<String> {
    let failures = &d.terminal_failures;
    let line = |event: &TerminalFailure| {
        let reason = event.last_error.as_deref().unwrap_or("no reason given");
        format!("{}: {}", event.event_id, shorten(reason, REASON))
    };
    let mut words: Vec<_> = failures.events.iter().take(GIVEN_UP).map(line).collect();
    let more = unsigned(failures.count - failures.waived).saturating_sub(words.len() as u64);
    words.extend((more > 0).then(|| format!("and {} more", count(more))));
    words.extend(
        (failures.waived > 0)
            .then(|| format!("{} waived: `sk-sync events explain`", plural(unsigned(failures.waived), "event"))),
    );
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

/// `001-demo (main): 3 documents, 2 delivered, 1 waiting (not sent yet)`.
fn mission_words(mission: &MissionHere) -> String {
    let counted = plural(mission.documents, "document");
    let terms = join_terms(&[
        ("delivered", mission.delivered),
        ("newer here", mission.newer_here),
        ("waiting", mission.waiting),
    ]);
    let terms = terms.map_or_else(String::new, |terms| format!(", {terms}"));
    let reason = mission.reason.as_ref().map_or_else(String::new, |reason| format!(" ({})", shorten(reason, REASON)));
    format!("{} ({}): {counted}{terms}{reason}", mission.mission_slug, mission.target_branch)
}

/// What waits for the journal, and what cannot be read of it.
fn spool(d: &Document) -> Option<String> {
    let spool = &d.spool;
    let waiting = (spool.lines > 0)
        .then(|| format!("{} ({} bytes) beside the store", plural(spool.lines, "line"), count(spool.bytes)));
    let unreadable = join_terms(&[("incomplete", spool.torn), ("damaged", spool.damaged)]);
    let unreadable = unreadable.map(|words| format!("{words}: {}", spool.kept.join(", ")));
    let all: Vec<_> = waiting.into_iter().chain(unreadable).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// All older stores in one line; `status --all` lists them.
fn older(d: &Document) -> Option<String> {
    let stores = &d.legacy_stores;
    let sum = |rows: fn(&LegacyStore) -> Option<u64>| stores.iter().filter_map(rows).sum::<u64>();
    let with = |is_so: fn(&&LegacyStore) -> bool| stores.iter().filter(is_so).count() as u64;
    let terms = join_terms(&[
        ("imported", with(|store| store.imported)),
        ("not read yet", with(|store| store.event_rows.is_none() && store.error.is_none())),
        ("unreadable", with(|store| store.error.is_some())),
        ("rows of this project wait for `sk-sync migrate adopt`", sum(|store| Some(store.waiting))),
    ]);
    let rows = join_terms(&[("events", sum(|store| store.event_rows)), ("documents", sum(|store| store.body_rows))]);
    let rows = rows.map_or_else(String::new, |rows| format!(" with {rows}"));
    let state = terms.map_or_else(String::new, |terms| format!(": {terms}"));
    let found = plural(stores.len() as u64, "older store");
    (!stores.is_empty()).then(|| format!("{found}{rows}{state}. List them: sk-sync status --all"))
}

/// Imported events that name no project.
fn unassigned(d: &Document) -> Option<String> {
    let Unassigned { events, files, error, .. } = &d.unassigned;
    match error {
        Some(error) => Some(format!("events that name no project cannot be counted: {error}")),
        None if *events == 0 => None,
        None => {
            Some(format!("{} of older stores name no project (from {})", plural(*events, "event"), files.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::Balance;
    use crate::upkeep::fixture::{nothing, shut};
    use crate::upkeep::{Ended, Next, PreviousTarget};

    fn shown(d: &Document) -> String {
        lines(d, Paint::default()).join("\n")
    }

    #[test]
    fn nothing_was_done_yet() {
        insta::assert_snapshot!(shown(&nothing()), @"
        Project   acme in /state/projects/u/store.db
        Target    https://sync.example.org, team core (never contacted); remote: unknown
        Kept      0 events, 0 bytes
        Delivered 0 events to https://sync.example.org
        Bodies    none waiting
        Events    0 captured = 0
        Documents 0 captured = 0
        ");
    }

    #[test]
    fn everything_at_once() {
        let mut d = nothing();
        d.balance = Balance {
            captured: 1310,
            delivered: 1290,
            in_flight: 3,
            retryable: 5,
            undeliverable: 2,
            blocked: 10,
            holds: true,
            ..Balance::default()
        };
        (d.event_journal.retained_event_count, d.event_journal.journal_size_bytes) = (1310, 2_345_678);
        d.event_journal.oldest_retained_event_at = Some("2026-02-12T10:00:00.000000+00:00".to_owned());
        let ledger = &mut d.delivery_ledger;
        (ledger.delivered_current_target, ledger.in_flight, ledger.pending) = (1290, 2, 1);
        (ledger.rejected, ledger.transient) = (4, 1);
        d.delivery_targets.previous.push(PreviousTarget {
            target_id: "tgt_0".to_owned(),
            canonical_url: "stub://local".to_owned(),
            team_slug: String::new(),
            user_email: String::new(),
            delivered_count: 7,
            terminal_failed_count: 0,
        });
        let current = d.delivery_targets.current.as_mut().unwrap();
        current.target_id = Some("tgt_core_1".to_owned());
        current.next_due_at = Some("2026-02-12T10:05:00.000000+00:00".to_owned());
        d.gates.push(shut("missing_auth"));
        d.terminal_failures.count = 2;
        d.terminal_failures.events.push(TerminalFailure {
            event_id: "01JMBY7K8N3QRVX2DPFG5H0001".to_owned(),
            target_id: "tgt_core_1".to_owned(),
            last_error: Some("rejected 5 times: no such lane\u{1b}[2J\nOK".to_owned()),
        });
        (d.bodies.queued, d.bodies.ready, d.bodies.in_backoff, d.bodies.failures) = (12, 10, 2, 1);
        d.bodies.oldest_age_seconds = Some(61);
        (d.spool.lines, d.spool.bytes, d.spool.damaged) = (12, 9_034, 1);
        d.spool.kept.push("/state/projects/u/spool-01J.damaged".to_owned());
        d.migration_conflicts.count = 1;
        d.warnings.push("1310 events are retained, more than journal.warn_rows (10)".to_owned());
        let next = ("the gate missing_auth is shut: no token".to_owned(), "export SK_SYNC_TOKEN=…".to_owned());
        d.next_steps.push(Next { why: next.0, run: next.1 });
        let when = "2026-02-12T09:59:00.000000+00:00".to_owned();
        d.last_run = Some(Ended {
            when,
            command: "run".to_owned(),
            result: "blocked",
            exit_code: 4,
            halted: None,
            cause: None,
            fix: None,
            balance: None,
        });
        insta::assert_snapshot!(shown(&d), @r#"
        Project   acme in /state/projects/u/store.db
        Target    https://sync.example.org, team core; remote: unknown
        Kept      1,310 events, 2,345,678 bytes, since 2026-02-12T10:00:00.000000+00:00
        Delivered 1,290 events to https://sync.example.org, 7 events to stub://local earlier
        In flight 2 sent without an answer, 1 accepted and not stored yet
        Retryable 4 rejected for now, 1 not answered for; next try 2026-02-12T10:05:00.000000+00:00
        Blocked   10 events (missing_auth)
        Given up  01JMBY7K8N3QRVX2DPFG5H0001: rejected 5 times: no such lane\u{1b}[2J\nOK
        Given up  and 1 more
        Bodies    12 waiting (10 ready, 2 backing off, the oldest for 61 s), 1 refused for good
        Spooled   12 lines (9,034 bytes) beside the store; 1 damaged: /state/projects/u/spool-01J.damaged
        Conflicts 1 id with two contents
        Last run  run at 2026-02-12T09:59:00.000000+00:00: blocked (exit 4)
        Events    1,310 captured = 1,290 delivered + 3 in flight + 5 retryable + 2 undeliverable + 10 blocked
        Documents 0 captured = 0
        Warning:  1310 events are retained, more than journal.warn_rows (10)
        Next      the gate missing_auth is shut: no token: export SK_SYNC_TOKEN=…
        "#);
    }

    #[test]
    fn books_that_do_not_balance_are_said_so() {
        let mut d = nothing();
        d.balance = Balance { captured: 2, delivered: 1, holds: false, ..Balance::default() };
        d.delivery_targets.current = None;
        assert!(shown(&d).contains("2 captured = 1 delivered: does not hold"), "{}", shown(&d));
        assert!(shown(&d).contains("Target    none; nothing leaves this machine"));
    }
}
