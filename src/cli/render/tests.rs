//! The summary of a run, in each situation.

use super::*;
use crate::endpoint::{Identity, ReceiverKind};
use crate::ops::report::{
    Balance, Bodies, Capture, Documents, Drain, Gate, Index, Project, Standing,
};

fn target(receiver: ReceiverKind, url: &str) -> Identity {
    Identity {
        target_id: "tgt_1".into(),
        receiver,
        canonical_url: url.into(),
        team_slug: "core".into(),
        user_email: String::new(),
    }
}

/// A first run against the stub: everything is new, everything arrives.
fn first_run() -> Report {
    Report {
        project: Some(Project {
            project_uuid: Some("u".into()),
            project_slug: Some("acme".into()),
            repo: "/src/acme".into(),
            store: "/state/projects/u/store.db".into(),
        }),
        target: Some(target(ReceiverKind::Stub, "stub://local")),
        index: Some(Index {
            missions: 14,
            artifacts: 287,
            bytes: 1_000_000,
            hashed: 285,
            not_present: 2,
            seconds: 0.01,
            ..Index::default()
        }),
        capture: Some(Capture {
            captured: 1301,
            ..Capture::default()
        }),
        bodies: Some(Bodies {
            queued: 210,
            uploaded: 210,
            skipped: [
                ("unsupported_surface".to_owned(), 73),
                ("empty_content".to_owned(), 2),
            ]
            .into(),
            ..Bodies::default()
        }),
        drain: Some(Drain {
            requests: 2,
            selected: 1301,
            success: 1301,
            seconds: 0.02,
            ..Drain::default()
        }),
        balance: Some(Balance {
            captured: 1301,
            delivered: 1301,
            holds: true,
            ..Balance::default()
        }),
        ..Report::new("run")
    }
}

fn shown(report: &Report, is_verbose: bool) -> String {
    summary(
        report,
        Exit::of_report(report, false),
        is_verbose,
        Paint::default(),
    )
    .join("\n")
}

#[test]
fn a_first_run() {
    insta::assert_snapshot!(shown(&first_run(), false), @"
    Project   acme in /state/projects/u/store.db
    Target    stub: the built-in receiver; nothing leaves this machine
    Indexed   14 missions, 287 artifacts (285 read, 2 not present) in 0.01 s
    Captured  1,301 new events, 0 unchanged
    Uploads   210 uploaded, 75 skipped
    Drained   1,301 delivered in 2 requests, 0.02 s
    Events    1,301 captured = 1,301 delivered
    Done: everything is delivered
    ");
    let verbose = shown(&first_run(), true);
    assert!(
        verbose.contains("(2 empty_content, 73 unsupported_surface)"),
        "{verbose}"
    );
}

#[test]
fn a_second_run_finds_nothing_new() {
    let report = Report {
        index: Some(Index {
            missions: 14,
            artifacts: 287,
            cached: 285,
            not_present: 2,
            ..Index::default()
        }),
        capture: Some(Capture {
            unchanged: 1301,
            ..Capture::default()
        }),
        bodies: Some(Bodies {
            queued: 210,
            already_exists: 210,
            ..Bodies::default()
        }),
        drain: Some(Drain::default()),
        ..first_run()
    };
    insta::assert_snapshot!(shown(&report, false), @"
    Project   acme in /state/projects/u/store.db
    Target    stub: the built-in receiver; nothing leaves this machine
    Indexed   14 missions, 287 artifacts (285 unchanged, 2 not present) in 0 s
    Captured  0 new events, 1,301 unchanged
    Uploads   210 already there
    Drained   nothing sent
    Events    1,301 captured = 1,301 delivered
    Done: everything is delivered
    ");
}

#[test]
fn nothing_configured() {
    let report = Report {
        target: None,
        drain: None,
        bodies: Some(Bodies {
            skipped: [("no_target".to_owned(), 287)].into(),
            ..Bodies::default()
        }),
        balance: Some(Balance {
            captured: 1301,
            untried: 1301,
            holds: true,
            ..Balance::default()
        }),
        ..first_run()
    };
    insta::assert_snapshot!(shown(&report, false), @"
    Project   acme in /state/projects/u/store.db
    Target    none; nothing leaves this machine. To try it: sk-sync run --preset stub
    Indexed   14 missions, 287 artifacts (285 read, 2 not present) in 0.01 s
    Captured  1,301 new events, 0 unchanged
    Uploads   287 skipped
    Events    1,301 captured = 1,301 waiting
    Done: everything is captured
    ");
}

#[test]
fn the_target_is_down() {
    let report = Report {
        target: Some(target(ReceiverKind::Teamspace, "https://sync.example.org")),
        bodies: Some(Bodies {
            queued: 210,
            retryable: 210,
            ..Bodies::default()
        }),
        documents: Some(Documents {
            balance: Balance {
                captured: 210,
                untried: 210,
                holds: true,
                ..Balance::default()
            },
            ..Documents::default()
        }),
        drain: Some(Drain {
            requests: 1,
            halted: Some("cannot connect: refused\u{7}".into()),
            ..Drain::default()
        }),
        balance: Some(Balance {
            captured: 1301,
            delivered: 1,
            untried: 1300,
            holds: true,
            ..Balance::default()
        }),
        standing: Standing {
            owed_events: 1300,
            ..Standing::default()
        },
        ..first_run()
    };
    insta::assert_snapshot!(shown(&report, false), @r"
    Project   acme in /state/projects/u/store.db
    Target    https://sync.example.org, team core
    Indexed   14 missions, 287 artifacts (285 read, 2 not present) in 0.01 s
    Captured  1,301 new events, 0 unchanged
    Uploads   210 waiting
    Drained   stopped after 1 request: cannot connect: refused\u{7}
    Events    1,301 captured = 1 delivered + 1,300 waiting
    Documents 210 captured = 210 waiting
    Not done: 1,300 events and 210 documents left to send. Everything is kept; `sk-sync drain` tries again
    ");
}

#[test]
fn gates_are_shut() {
    let gate = |name: &str, fix: &str| Gate {
        name: name.into(),
        fix: fix.into(),
        ..Gate::default()
    };
    let report = Report {
        target: Some(target(
            ReceiverKind::ExternalReceiver,
            "https://sync.example.org",
        )),
        bodies: None,
        drain: Some(Drain::default()),
        balance: Some(Balance {
            captured: 1301,
            blocked: 1301,
            holds: true,
            ..Balance::default()
        }),
        gates: vec![
            gate("missing_consent", "sk-sync allow https://sync.example.org"),
            Gate {
                open: true,
                ..gate("sync_disabled", "")
            },
            gate("missing_auth", "export SK_SYNC_TOKEN=…"),
            gate("missing_team", "sk-sync target set --team SLUG"),
        ],
        warnings: vec!["a link was skipped: a\nb".into(), "another".into()],
        standing: Standing {
            owed_events: 0,
            ..Standing::default()
        },
        ..first_run()
    };
    insta::assert_snapshot!(shown(&report, false), @r"
    Project   acme in /state/projects/u/store.db
    Target    https://sync.example.org, team core
    Indexed   14 missions, 287 artifacts (285 read, 2 not present) in 0.01 s
    Captured  1,301 new events, 0 unchanged
    Drained   nothing sent
    Events    1,301 captured = 1,301 blocked
    Blocked   missing_consent; fix: sk-sync allow https://sync.example.org
    Blocked   missing_auth; fix: export SK_SYNC_TOKEN=… (and 1 more; -v shows them)
    Warning:  a link was skipped: a\nb (and 1 more; -v shows them)
    Not done: delivery is blocked: missing_consent, missing_auth, missing_team. What was captured is kept; fix this, then run `sk-sync drain`
    ");
}

#[test]
fn something_is_undeliverable() {
    let report = Report {
        drain: Some(Drain {
            requests: 9,
            success: 1299,
            terminal_failed: 2,
            ..Drain::default()
        }),
        balance: Some(Balance {
            captured: 1301,
            delivered: 1299,
            undeliverable: 2,
            holds: true,
            ..Balance::default()
        }),
        ..first_run()
    };
    insta::assert_snapshot!(shown(&report, false), @"
    Project   acme in /state/projects/u/store.db
    Target    stub: the built-in receiver; nothing leaves this machine
    Indexed   14 missions, 287 artifacts (285 read, 2 not present) in 0.01 s
    Captured  1,301 new events, 0 unchanged
    Uploads   210 uploaded, 75 skipped
    Drained   1,299 delivered, 2 failed in 9 requests, 0 s
    Events    1,301 captured = 1,299 delivered + 2 failed
    Failed: the server rejected 2 events. Everything is kept; see `sk-sync status`
    ");
}

/// Whatever else a report says, these situations never end in "Done", and the summary stays
/// short.
#[test]
fn done_is_said_only_when_it_is() {
    let uneven = Some(Balance {
        captured: 1301,
        delivered: 1300,
        holds: false,
        ..Balance::default()
    });
    for (name, report) in [
        (
            "uneven",
            Report {
                balance: uneven,
                ..first_run()
            },
        ),
        (
            "owed",
            Report {
                standing: Standing {
                    owed_events: 1,
                    ..Standing::default()
                },
                ..first_run()
            },
        ),
        (
            "interrupted",
            Report {
                standing: Standing {
                    was_interrupted: true,
                    ..Standing::default()
                },
                ..first_run()
            },
        ),
        (
            "locked",
            Report {
                standing: Standing {
                    is_locked_out: true,
                    ..Standing::default()
                },
                ..first_run()
            },
        ),
        (
            "dry run",
            Report {
                dry_run: true,
                ..first_run()
            },
        ),
    ] {
        let text = shown(&report, false);
        assert!(
            !text.contains("Done") && text.lines().count() <= 12,
            "{name}: {text}"
        );
    }
    assert!(shown(&first_run(), false).contains("Done: "));
    let report = Report {
        balance: uneven,
        ..first_run()
    };
    assert!(shown(&report, false).contains("1,301 captured = 1,300 delivered: does not hold"));
}
