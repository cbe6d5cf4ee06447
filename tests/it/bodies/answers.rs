//! Every answer to an upload, and its effect on the row: one table, tested through the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::answer_table::Fate::{self, Gone, Logged, Same, Waits};
use super::answer_table::{Case, REFUSALS, SILENCES, SUCCESSES, WAITS};
use super::receiver::{Receiver, honest};
use super::{Row, aim, events, failures, mission, outcome, project, rows, texts};
use crate::support::Sandbox;

#[test]
#[expect(clippy::print_stdout, reason = "the table is read with --nocapture")]
fn every_answer_and_what_happens_to_the_row() {
    let cases: Vec<_> = [SUCCESSES, REFUSALS, WAITS, SILENCES].concat();
    let (next, lines) = (
        AtomicUsize::new(0),
        std::sync::Mutex::new(vec![String::new(); cases.len()]),
    );
    // In parallel, because some of them wait.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let n = next.fetch_add(1, Ordering::SeqCst)
                    && let Some(case) = cases.get(n)
                {
                    let line = tried(case);
                    lines.lock().unwrap()[n] = line;
                }
            });
        }
    });
    println!("| answer | status: reason | row | tries | due in | failure log | exit |");
    println!("|---|---|---|---|---|---|---|");
    lines
        .lock()
        .unwrap()
        .iter()
        .for_each(|line| println!("{line}"));
}

/// Prefixes of the reasons after which the result is unknown.
const ENDS_UNKNOWN: [&str; 4] = [
    "server_error",
    "connection_error",
    "uncorrelated_response",
    "timeout: no whole answer",
];
/// Prefixes of the reasons after which a document is sent again in the same run.
const IS_AGAIN: [&str; 7] = [
    "server_error",
    "connection_error",
    "uncorrelated_response",
    "timeout",
    "busy",
    "index_entry_not_found",
    "rate_limited",
];

/// One document, one answer; then a correct receiver gets the document after all, once.
fn tried(&(name, answer, fate, reason): &Case) -> String {
    let is_well = Arc::new(AtomicBool::new(false));
    let (well, known) = (Arc::clone(&is_well), std::sync::Mutex::default());
    let receiver = Receiver::doing(move |u| {
        if well.load(Ordering::SeqCst) {
            honest(&known, u)
        } else {
            answer(u)
        }
    });
    let (sandbox, server) = (project(), events());
    mission(&sandbox, "001-lamp", "main", &[("spec.md", "A lamp.\n")]);
    aim(&sandbox, &server, &receiver);
    let run = sandbox.sk_sync(["run", "--json", "-v", "--max-time", "4s"]);
    let report = run.json();
    let requests = i64::try_from(receiver.seen().uploads.len()).unwrap();
    assert_eq!(
        report["balance"]["delivered"], report["capture"]["captured"],
        "{name}: events are not touched"
    );
    let (status, said, retryable) = outcome(&report, "001-lamp", "spec.md");
    assert!(
        said == reason || reason.ends_with(": ") && said.starts_with(reason),
        "{name}: {said}"
    );
    let (word, code) = match fate {
        Gone(word) => (word, 0),
        Logged => ("failed", 5),
        Waits(..) => ("queued", 3),
        Same => ("queued", 4),
    };
    assert_eq!(
        (status.as_str(), retryable, run.code),
        (word, word == "queued", Some(code)),
        "{name}"
    );
    let count = |member: &str| report["bodies"][member].as_u64().unwrap();
    let counts = ["uploaded", "already_exists", "retryable", "failed"].map(count);
    let expected = [
        word == "uploaded",
        word == "already_exists",
        word == "queued",
        code == 5,
    ]
    .map(u64::from);
    assert_eq!(counts, expected, "{name}");
    let warnings = report["warnings"].to_string();
    let (stopped, is_late) = (
        warnings.contains("uploads stopped"),
        warnings.contains("(max_time)"),
    );
    let ends = fate == Same
        || said.starts_with("rate_limited")
        || ENDS_UNKNOWN.iter().any(|word| said.starts_with(word));
    assert!(stopped == ends || is_late, "{name}: {report}");
    let line = looked_at(
        &sandbox,
        name,
        fate,
        (&said, requests),
        &format!("{status}: {said}"),
        code,
    );
    is_well.store(true, Ordering::SeqCst);
    let _now = sandbox.sk_sync(["bodies", "retry"]).success();
    let later = sandbox.sk_sync(["run", "--json"]).success().json();
    let again = u64::from(!matches!(fate, Gone(_)));
    assert_eq!(later["bodies"]["uploaded"], again, "{name}: {later}");
    let store = sandbox.store();
    assert_eq!(
        (rows(&store), failures(&store), texts(&store)),
        (vec![], vec![], 0),
        "{name}"
    );
    line
}

/// Checks the row and the failure log, and returns both as a line of the table.
fn looked_at(
    sandbox: &Sandbox,
    name: &str,
    fate: Fate,
    (said, requests): (&str, i64),
    outcome: &str,
    code: i32,
) -> String {
    let store = sandbox.store();
    let (rows, log) = (rows(&store), failures(&store));
    assert_eq!(
        texts(&store),
        i64::try_from(rows.len()).unwrap(),
        "{name}: a text for a row"
    );
    let logged = if fate == Logged {
        vec![(said.to_owned(), 1)]
    } else {
        vec![]
    };
    assert_eq!(log, logged, "{name}");
    assert!(
        requests == 1 || matches!(fate, Waits(..)),
        "{name}: {requests} requests"
    );
    let (row, tries, due) = match (fate, rows.as_slice()) {
        (Gone(_) | Logged, []) => ("gone", String::new(), String::new()),
        (
            Same,
            [
                Row {
                    tries: 0,
                    due_at: 0,
                    error: None,
                    ..
                },
            ],
        ) => ("as it was", "0".to_owned(), "now".to_owned()),
        (Waits(least, most), [row]) => {
            assert_eq!(
                (row.tries, row.error.as_deref()),
                (requests, Some(said)),
                "{name}"
            );
            let is_again = most == 1000 && IS_AGAIN.iter().any(|word| said.starts_with(word));
            assert!(
                requests == 1 || is_again && requests <= 3,
                "{name}: {requests} requests"
            );
            // Each wait is twice the one before; the last one has not begun.
            let times = |n: i64| 2_i64.pow(u32::try_from(n).unwrap());
            let (waited, wait) = (
                row.due_at - row.created_at,
                row.due_at - row.last_at.unwrap(),
            );
            assert!(
                waited >= least * 1000 * (times(row.tries) - 1),
                "{name}: {row:?}"
            );
            assert!(
                wait <= most * 1000 * times(row.tries - 1),
                "{name}: {row:?}"
            );
            let due = match (least, most) {
                (least, most) if least == most => format!("{} s", most / 1000),
                (least, most) => format!("{least}…{most} ms"),
            };
            ("waits", row.tries.to_string(), due)
        }
        (fate, rows) => panic!("{name}: {fate:?} {rows:?}"),
    };
    let log = log.first().map_or(String::new(), |(reason, count)| {
        format!("{reason} ({count})")
    });
    let cell = |text: &str| text.replace('|', "\\|");
    format!(
        "| {name} | {} | {row} | {tries} | {due} | {} | {code} |",
        cell(outcome),
        cell(&log)
    )
}

/// A failed connection says nothing about the document: its row is unchanged.
#[test]
fn a_receiver_that_is_not_there_costs_no_try() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (sandbox, server) = (project(), events());
    for n in 0..6 {
        mission(
            &sandbox,
            &format!("00{n}-lamp"),
            "main",
            &[("spec.md", &format!("Lamp {n}.\n"))],
        );
    }
    let more = format!(
        "external_receiver.url = '{}'\nexternal_receiver.bodies_url = 'http://{free}/x/'",
        server.url()
    );
    sandbox.own(format!("preset = 'external-receiver'\n{more}"));
    let report = sandbox.sk_sync(["run", "--json"]).code(3).json();
    assert_eq!(
        (&report["bodies"]["retryable"], &report["bodies"]["queued"]),
        (&json!(6), &json!(6))
    );
    let said: Vec<_> = (0..6)
        .map(|n| outcome(&report, &format!("00{n}-lamp"), "spec.md"))
        .collect();
    assert!(
        said[0].0 == "queued" && said[0].1.starts_with("connection_error: ") && said[0].2,
        "{said:?}"
    );
    assert!(
        said[1..].iter().all(|said| said.1 == "enqueued"),
        "{said:?}"
    );
    let rows = rows(&sandbox.store());
    assert!(
        rows.len() == 6 && rows.iter().all(|row| (row.tries, row.due_at) == (0, 0)),
        "{rows:?}"
    );
    let known = std::sync::Mutex::default();
    let receiver = Receiver::at(free, move |upload| honest(&known, upload));
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(
        (&report["bodies"]["uploaded"], receiver.seen().stored.len()),
        (&json!(6), 6)
    );
}
