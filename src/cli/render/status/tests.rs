//! The lines of `status`, in each situation.

use super::*;
use crate::books::Balance;
use crate::upkeep::fixture::{nothing, shut};
use crate::upkeep::{Ended, Next, PreviousTarget, TerminalFailure};

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
#[expect(
    clippy::too_many_lines,
    reason = "one document, and its lines in two forms"
)]
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
    d.event_journal.oldest_retained_event_at = Some("2026-02-12T10:00:00.000000+00:00".to_owned());
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
