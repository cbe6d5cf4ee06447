//! The last line of a summary: how the command ended, and what to do next.

use crate::cli::{Exit, Paint};
use crate::ops::report::Report;

use super::sections::{self, events, plural};

/// The last line. It says "Done" only if the exit code is 0: the balance holds and nothing is left
/// to send.
pub(super) fn line(report: &Report, exit: Exit, paint: Paint) -> String {
    if report.dry_run {
        return "Dry run: nothing was written and nothing was sent.".to_owned();
    }
    let not_done = |words: &str| format!("{} {words}", paint.yellow("Not done:"));
    match exit {
        Exit::Success if report.standing.is_empty => {
            let words = format!(
                "no missions or documents were found; {}",
                success_words(report)
            );
            format!("{} {words}", paint.yellow("Nothing indexed:"))
        }
        Exit::Success => format!("{} {}", paint.green("Done:"), success_words(report)),
        Exit::Retryable => not_done(&retry_words(report)),
        Exit::Gate => not_done(&format!(
            "delivery is blocked: {}. What was captured is kept; fix this, then run `sk-sync drain`",
            sections::blocked_by(&report.gates)
        )),
        Exit::Undeliverable if report.command == "migrate" => not_done(
            "some event IDs have two contents; the first is kept, the other is set aside. See `sk-sync migrate conflicts`",
        ),
        Exit::Undeliverable => format!("{} {}", paint.red("Failed:"), failed_words(report)),
        Exit::Damage => {
            format!(
                "{} the balance does not hold. Nothing was deleted; run `sk-sync verify`",
                paint.red("Damage:")
            )
        }
        Exit::Busy if report.command == "migrate" => {
            not_done("another sk-sync process is importing older stores")
        }
        Exit::Busy => not_done(
            "another sk-sync process is delivering. What was captured is kept; that process sends it",
        ),
        Exit::Interrupted => {
            not_done("interrupted. What was captured is kept; `sk-sync run` continues from here")
        }
        Exit::Internal | Exit::Usage => not_done("see the errors above"),
    }
}

fn success_words(report: &Report) -> String {
    let pending = report.drain.as_ref().map_or(0, |drain| drain.pending);
    match (&report.target, &report.drain) {
        _ if report.command == "migrate" => {
            "every readable older store is imported; `sk-sync run` delivers what is left to send"
                .to_owned()
        }
        (None, _) | (Some(_), None) if report.standing.is_empty => {
            "there is nothing to capture".to_owned()
        }
        (None, _) => "everything is captured".to_owned(),
        (Some(_), None) => "everything is captured; `sk-sync drain` delivers it".to_owned(),
        (Some(_), Some(_)) if pending > 0 => {
            format!(
                "everything is delivered; the target is still working on {}",
                events(pending)
            )
        }
        (Some(_), Some(_)) => {
            let blocked = report.balance.as_ref().map_or(0, |balance| balance.blocked);
            let held = if blocked > 0 {
                format!("; {} on hold", events(blocked))
            } else {
                String::new()
            };
            format!("everything is delivered{held}")
        }
    }
}

fn retry_words(report: &Report) -> String {
    let documents = report
        .documents
        .as_ref()
        .map_or(0, |d| d.balance.untried + d.balance.retryable);
    let owed = [
        ("event", report.standing.owed_events),
        ("document", documents),
    ];
    let owed: Vec<_> = owed
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(noun, n)| plural(*n, noun))
        .collect();
    format!(
        "{} left to send. Everything is kept; `sk-sync drain` tries again",
        owed.join(" and ")
    )
}

/// What failed in this run: rejected rows, event IDs with two contents, findings that `--strict`
/// counts.
fn failed_words(report: &Report) -> String {
    let rejected = [
        (
            "event",
            report
                .drain
                .as_ref()
                .map_or(0, |drain| drain.terminal_failed),
        ),
        (
            "document",
            report.bodies.as_ref().map_or(0, |bodies| bodies.failed),
        ),
    ];
    let rejected: Vec<_> = rejected
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(noun, n)| plural(*n, noun))
        .collect();
    let conflicts = report.capture.map_or(0, |capture| capture.conflicts);
    let mut words = Vec::new();
    if !rejected.is_empty() {
        words.push(format!("the server rejected {}", rejected.join(" and ")));
    }
    if conflicts > 0 {
        words.push(format!(
            "{} came with another content than before",
            plural(conflicts, "event ID")
        ));
    }
    if words.is_empty() {
        words.push("see the warnings above".to_owned());
    }
    if report.standing.owed_events > 0 {
        words.push(format!(
            "{} left to send",
            events(report.standing.owed_events)
        ));
    }
    format!(
        "{}. Everything is kept; see `sk-sync status`",
        words.join("; ")
    )
}
