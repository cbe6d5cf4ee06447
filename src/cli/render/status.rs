//! `status` for a person: six lines where all is well, a line for each kind of trouble, and the
//! next step.

use crate::base::Timestamp;
use crate::base::text::{printable, shorten};
use crate::books::Balance;
use crate::cli::Paint;
use crate::cli::table::{count, size};
use crate::cli::when::{age, relative};
use crate::legacy::Unassigned;
use crate::upkeep::{Document, Ended, LegacyStore, MissionHere, TerminalFailure};

use super::sections::{NO_ADDRESS, equation, join_terms, plural, server_lines};

/// Failed events shown one by one without `-v`.
const GIVEN_UP: usize = 3;
/// Characters of a reason.
const REASON: usize = 120;
/// Terms that need no attention: what they count was replaced or deleted on purpose.
const SETTLED: [&str; 3] = ["superseded", "discarded", "purged"];

/// How `status` is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// The moment that ages are counted from.
    pub(crate) now: Timestamp,
    /// Show every detail.
    pub(crate) is_verbose: bool,
    /// The colours.
    pub(crate) paint: Paint,
}

/// The lines of `status`.
pub(crate) fn lines(d: &Document, view: View) -> Vec<String> {
    let View {
        now,
        is_verbose,
        paint,
    } = view;
    let mut lines = Vec::new();
    let mut say = |label: &str, words: String| {
        lines.push(format!(
            "{} {}",
            paint.bold(&format!("{label:<10}")),
            printable(&words)
        ));
    };
    let slug = d.project.project_slug.as_deref().unwrap_or("(no ID yet)");
    say(
        "Project",
        if is_verbose {
            format!("{slug} in {}", d.project.store)
        } else {
            slug.to_owned()
        },
    );
    say("Target", target(d));
    say("Events", standing(&d.balance, &why_blocked(d, now)));
    say("Documents", standing(&d.documents.balance, ""));
    if let Some(words) = last_runs(d, now) {
        say("Last run", words);
    }
    let details = if is_verbose {
        details(d, now)
    } else {
        Vec::new()
    };
    for (label, words) in server_lines(d)
        .into_iter()
        .chain(details)
        .chain(trouble(d, is_verbose))
    {
        say(label, words);
    }
    for mission in d.missions.iter().flatten() {
        say("Mission", mission_words(mission));
    }
    let mut mark = |label: String, words: &str| lines.push(format!("{label} {}", printable(words)));
    for warning in &d.warnings {
        mark(paint.yellow("Warning:  "), warning);
    }
    let steps = if is_verbose { d.next_steps.len() } else { 1 };
    for step in d.next_steps.iter().take(steps) {
        mark(
            paint.cyan("Next      "),
            &format!("{} ({})", step.run, step.why),
        );
    }
    lines
}

fn target(d: &Document) -> String {
    match &d.delivery_targets.current {
        None if d
            .gates
            .iter()
            .any(|gate| gate.name == "no_target_url" && !gate.is_open) =>
        {
            NO_ADDRESS.to_owned()
        }
        None => "none; nothing leaves this machine".to_owned(),
        Some(current) => {
            let contacted = if current.target_id.is_some() {
                ""
            } else {
                " (never contacted)"
            };
            let team = if current.team_slug.is_empty() {
                String::new()
            } else {
                format!(", team {}", current.team_slug)
            };
            format!(
                "{}{team}{contacted}; remote: unknown",
                current.canonical_url
            )
        }
    }
}

/// Where the rows of one balance are, terms of zero left out: `1,290 delivered, 8 waiting, 10
/// blocked (missing_auth)`.
fn standing(balance: &Balance, why_blocked: &str) -> String {
    let terms = balance
        .terms()
        .into_iter()
        .filter(|(member, _, n)| *n > 0 && !SETTLED.contains(member));
    let word = |(member, word, n): (&str, &str, u64)| {
        let why = if member == "blocked" { why_blocked } else { "" };
        format!("{} {word}{why}", count(n))
    };
    let words: Vec<_> = terms.map(word).collect();
    let words = match words.is_empty() {
        true if balance.captured == 0 => "none captured yet".to_owned(),
        true => "nothing left to send".to_owned(),
        false => words.join(", "),
    };
    words
        + if balance.holds {
            ""
        } else {
            "; the balance does not hold"
        }
}

/// Why events are blocked or on hold, and since when: ` (missing_auth, since 2 h ago)`.
fn why_blocked(d: &Document, now: Timestamp) -> String {
    let shut: Vec<_> = d.gates.iter().filter(|gate| !gate.is_open).collect();
    let held = d
        .event_journal
        .on_hold
        .iter()
        .map(|(reason, events)| format!("{} on hold: {reason}", count(*events)));
    let why: Vec<_> = if shut.is_empty() {
        held.collect()
    } else {
        shut.iter().map(|g| g.name.to_owned()).collect()
    };
    let since = shut.iter().filter_map(|gate| gate.since.as_deref()).min();
    let since = since.map_or_else(String::new, |at| format!(", since {}", relative(now, at)));
    if why.is_empty() {
        String::new()
    } else {
        format!(" ({}{since})", why.join(", "))
    }
}

/// How the last run and the last background delivery ended; `None` before the first.
fn last_runs(d: &Document, now: Timestamp) -> Option<String> {
    let ended = |last: &Ended| {
        let stopped = last
            .halted
            .as_ref()
            .map_or_else(String::new, |why| format!(": {}", shorten(why, REASON)));
        let exit = if last.exit_code == 0 {
            String::new()
        } else {
            format!(" (exit {})", last.exit_code)
        };
        format!(
            "{}: {}{exit}{stopped}",
            relative(now, &last.when),
            last.result
        )
    };
    let run = d
        .last_run
        .as_ref()
        .map(|last| format!("{} {}", last.command, ended(last)));
    let background = d
        .last_background
        .as_ref()
        .map(|last| format!("in background {}", ended(last)));
    let all: Vec<_> = run.into_iter().chain(background).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// What needs a person, a line for each kind.
fn trouble(d: &Document, is_verbose: bool) -> Vec<(&'static str, String)> {
    let mut lines: Vec<_> = given_up(d, is_verbose)
        .into_iter()
        .map(|words| ("Failed", words))
        .collect();
    if d.bodies.failures > 0 {
        lines.push((
            "Failed",
            format!(
                "{}: sk-sync bodies list",
                plural(d.bodies.failures, "document")
            ),
        ));
    }
    lines.extend(spool(d).map(|words| ("Spool", words)));
    if d.migration_conflicts.count > 0 {
        lines.push((
            "Conflicts",
            plural(unsigned(d.migration_conflicts.count), "event ID") + " with two contents",
        ));
    }
    lines.extend(older(d).map(|words| ("Older", words)));
    lines.extend(unassigned(d).map(|words| ("Unassigned", words)));
    lines
}

/// What `-v` adds.
fn details(d: &Document, now: Timestamp) -> Vec<(&'static str, String)> {
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

/// The first failed events with their reasons, and how many more there are.
fn given_up(d: &Document, is_verbose: bool) -> Vec<String> {
    let failures = &d.terminal_failures;
    let line = |event: &TerminalFailure| {
        let reason = event.last_error.as_deref().unwrap_or("no reason given");
        format!("{}: {}", event.event_id, shorten(reason, REASON))
    };
    let shown = if is_verbose {
        failures.events.len()
    } else {
        GIVEN_UP
    };
    let mut words: Vec<_> = failures.events.iter().take(shown).map(line).collect();
    let more = unsigned(failures.count - failures.waived).saturating_sub(words.len() as u64);
    words.extend((more > 0).then(|| format!("{} more: sk-sync events explain", count(more))));
    let waived = unsigned(failures.waived);
    words.extend(
        (waived > 0).then(|| format!("{} waived: sk-sync events explain", plural(waived, "event"))),
    );
    words
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

/// `001-demo (main): 3 documents, 2 delivered, 1 waiting (not sent yet)`.
fn mission_words(mission: &MissionHere) -> String {
    let counted = plural(mission.documents, "document");
    let terms = join_terms(&[
        ("delivered", mission.delivered),
        ("newer here", mission.newer_here),
        ("waiting", mission.waiting),
    ]);
    let terms = terms.map_or_else(String::new, |terms| format!(", {terms}"));
    let reason = mission.reason.as_ref().map_or_else(String::new, |reason| {
        format!(" ({})", shorten(reason, REASON))
    });
    format!(
        "{} ({}): {counted}{terms}{reason}",
        mission.mission_slug, mission.target_branch
    )
}

/// What waits for the journal, and what cannot be read of it.
fn spool(d: &Document) -> Option<String> {
    let spool = &d.spool;
    let waiting = (spool.lines > 0).then(|| {
        format!(
            "{} ({} bytes) next to the store",
            plural(spool.lines, "line"),
            count(spool.bytes)
        )
    });
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
        (
            "not read yet",
            with(|store| store.event_rows.is_none() && store.error.is_none()),
        ),
        ("unreadable", with(|store| store.error.is_some())),
        (
            "rows of this project wait for `sk-sync migrate adopt`",
            sum(|store| Some(store.waiting)),
        ),
    ]);
    let rows = join_terms(&[
        ("events", sum(|store| store.event_rows)),
        ("documents", sum(|store| store.body_rows)),
    ]);
    let rows = rows.map_or_else(String::new, |rows| format!(" with {rows}"));
    let state = terms.map_or_else(String::new, |terms| format!(": {terms}"));
    let found = plural(stores.len() as u64, "older store");
    (!stores.is_empty()).then(|| format!("{found}{rows}{state}. List them: sk-sync status --all"))
}

/// Imported events that name no project.
fn unassigned(d: &Document) -> Option<String> {
    let Unassigned {
        events,
        files,
        error,
        ..
    } = &d.unassigned;
    match error {
        Some(error) => Some(format!(
            "events that name no project cannot be counted: {error}"
        )),
        None if *events == 0 => None,
        None => Some(format!(
            "{} of older stores name no project (from {})",
            plural(*events, "event"),
            files.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::Balance;
    use crate::upkeep::fixture::{nothing, shut};
    use crate::upkeep::{Ended, Next, PreviousTarget};

    fn shown(d: &Document) -> String {
        shown_as(d, false)
    }

    fn shown_as(d: &Document, is_verbose: bool) -> String {
        let now = Timestamp::parse("2026-02-12T10:01:00Z").unwrap();
        lines(
            d,
            View {
                now,
                is_verbose,
                paint: Paint::default(),
            },
        )
        .join("\n")
    }

    #[test]
    fn nothing_was_done_yet() {
        insta::assert_snapshot!(shown(&nothing()), @"
        Project    acme
        Target     https://sync.example.org, team core (never contacted); remote: unknown
        Events     none captured yet
        Documents  none captured yet
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
        (
            d.event_journal.retained_event_count,
            d.event_journal.journal_size_bytes,
        ) = (1310, 2_345_678);
        d.event_journal.oldest_retained_event_at =
            Some("2026-02-12T10:00:00.000000+00:00".to_owned());
        let ledger = &mut d.delivery_ledger;
        (
            ledger.delivered_current_target,
            ledger.in_flight,
            ledger.pending,
        ) = (1290, 2, 1);
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
        (
            d.bodies.queued,
            d.bodies.ready,
            d.bodies.in_backoff,
            d.bodies.failures,
        ) = (12, 10, 2, 1);
        d.bodies.oldest_age_seconds = Some(61);
        (d.spool.lines, d.spool.bytes, d.spool.damaged) = (12, 9_034, 1);
        d.spool
            .kept
            .push("/state/projects/u/spool-01J.damaged".to_owned());
        d.migration_conflicts.count = 1;
        d.warnings
            .push("1310 events are retained, more than journal.warn_rows (10)".to_owned());
        let next = (
            "missing_auth: no token".to_owned(),
            "export SK_SYNC_TOKEN=…".to_owned(),
        );
        d.next_steps.push(Next {
            why: next.0,
            run: next.1,
        });
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
        Project    acme
        Target     https://sync.example.org, team core; remote: unknown
        Events     1,290 delivered, 3 in flight, 5 retrying, 2 failed, 10 blocked (missing_auth)
        Documents  none captured yet
        Last run   run 2 min ago: blocked (exit 4)
        Failed     01JMBY7K8N3QRVX2DPFG5H0001: rejected 5 times: no such lane\u{1b}[2J\nOK
        Failed     1 more: sk-sync events explain
        Failed     1 document: sk-sync bodies list
        Spool      12 lines (9,034 bytes) next to the store; 1 damaged: /state/projects/u/spool-01J.damaged
        Conflicts  1 event ID with two contents
        Warning:   1310 events are retained, more than journal.warn_rows (10)
        Next       export SK_SYNC_TOKEN=… (missing_auth: no token)
        "#);
        insta::assert_snapshot!(shown_as(&d, true), @r#"
        Project    acme in /state/projects/u/store.db
        Target     https://sync.example.org, team core; remote: unknown
        Events     1,290 delivered, 3 in flight, 5 retrying, 2 failed, 10 blocked (missing_auth)
        Documents  none captured yet
        Last run   run 2 min ago: blocked (exit 4)
        Kept       1,310 events, 2.2 MiB, the oldest 1 min ago
        Delivered  1,290 events to https://sync.example.org, 7 events to stub://local earlier
        In flight  2 sent without an answer, 1 accepted and not stored yet
        Retrying   4 rejected for now, 1 without an answer; next try in 240 s
        Uploads    12 waiting (10 ready, 2 retrying later, the oldest 1 min ago)
        Balance    events: 1,310 captured = 1,290 delivered + 3 in flight + 5 retrying + 2 failed + 10 blocked
        Balance    documents: 0 captured = 0
        Failed     01JMBY7K8N3QRVX2DPFG5H0001: rejected 5 times: no such lane\u{1b}[2J\nOK
        Failed     1 more: sk-sync events explain
        Failed     1 document: sk-sync bodies list
        Spool      12 lines (9,034 bytes) next to the store; 1 damaged: /state/projects/u/spool-01J.damaged
        Conflicts  1 event ID with two contents
        Warning:   1310 events are retained, more than journal.warn_rows (10)
        Next       export SK_SYNC_TOKEN=… (missing_auth: no token)
        "#);
    }

    #[test]
    fn books_that_do_not_balance_are_said_so() {
        let mut d = nothing();
        d.balance = Balance {
            captured: 2,
            delivered: 1,
            holds: false,
            ..Balance::default()
        };
        d.delivery_targets.current = None;
        assert!(
            shown(&d).contains("Events     1 delivered; the balance does not hold"),
            "{}",
            shown(&d)
        );
        assert!(
            shown_as(&d, true).contains("events: 2 captured = 1 delivered"),
            "{}",
            shown_as(&d, true)
        );
        assert!(shown(&d).contains("Target     none; nothing leaves this machine"));
    }
}
