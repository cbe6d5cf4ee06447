//! One line for each section of a report.

use crate::base::text;
use crate::cli::Paint;
use crate::cli::table::count;
use crate::cli::when::age;
use crate::delivery::TargetCheck;
use crate::endpoint::Identity;
use crate::legacy::{ShareReport, SourceReport};
use crate::ops::report::{
    Balance, Bodies, Capture, Drain, Gate, Index, Migrate, MissionLogs, Spool,
};
use crate::upkeep::{Document, ServerCheck};

/// Characters of a reason that are shown.
pub(super) const REASON: usize = 120;

/// Failing checks shown one by one before the rest is only counted.
const GATES_SHOWN: usize = 2;

/// Said of a target without a URL.
pub(super) const NO_ADDRESS: &str = "none: no URL is configured, so nothing leaves this machine";

pub(super) fn target_words(target: Option<&Identity>, gates: &[Gate]) -> String {
    let Some(target) = target else {
        if gates
            .iter()
            .any(|gate| gate.name == "no_target_url" && !gate.open)
        {
            return NO_ADDRESS.to_owned();
        }
        return "none; nothing leaves this machine. To try it: sk-sync run --preset stub"
            .to_owned();
    };
    let team = if target.team_slug.is_empty() {
        String::new()
    } else {
        format!(", team {}", target.team_slug)
    };
    if target.receiver.is_server() {
        text::printable(&format!("{}{team}", target.canonical_url))
    } else {
        "stub: the built-in receiver; nothing leaves this machine".to_owned()
    }
}

/// True when a run did something with an older store.
pub(super) fn is_news(migrate: &Migrate) -> bool {
    !migrate.stores.is_empty() || migrate.delivered_before > 0
}

pub(super) fn migrate_words(migrate: &Migrate) -> String {
    let terms = [
        ("already there", migrate.deduplicated),
        ("on hold until `sk-sync migrate release`", migrate.held),
        ("delivered before", migrate.delivered_before),
        ("documents", migrate.bodies_imported),
        ("rejected documents", migrate.failures_imported),
        ("in conflict", migrate.conflicts),
        ("rows left out", migrate.refused),
        ("older stores unreadable", migrate.source_errors),
    ];
    let stores = plural(migrate.sources, "older store");
    with_terms(
        format!("{} from {stores}", plural(migrate.imported, "new event")),
        &terms,
    )
}

/// One older store, and the result of its import.
pub(super) fn store_words(store: &SourceReport) -> String {
    let what = if let Some(error) = &store.error {
        format!("not imported: {}", text::printable(error))
    } else {
        let nouns = [
            ("event", "events", store.event_rows),
            ("document", "documents", store.body_rows),
            (
                "rejected document",
                "rejected documents",
                store.failure_rows,
            ),
        ];
        let held: Vec<_> = nouns
            .iter()
            .filter(|(.., n)| *n > 0)
            .map(|(one, many, n)| format!("{} {}", count(*n), if *n == 1 { one } else { many }))
            .collect();
        let terms = [
            ("new", store.imported),
            ("already there", store.deduplicated),
            ("in conflict", store.conflicts),
            ("left out", store.refused),
        ];
        let rows = |share: &ShareReport| count(share.events + share.bodies + share.failures);
        let places: Vec<_> = store
            .shares
            .iter()
            .map(|share| format!("; {} to {}", rows(share), share.store))
            .collect();
        let held = if held.is_empty() {
            "empty".to_owned()
        } else {
            held.join(", ")
        };
        format!(
            "{}: {}{}",
            store.result.replace('_', " "),
            with_terms(held, &terms),
            places.concat()
        )
    };
    format!("{} ({}) {what}", store.path, store.kind)
}

pub(super) fn spool_words(spool: &Spool) -> String {
    let terms = [
        ("already there", spool.unchanged),
        ("in conflict", spool.conflicts),
        ("discarded", spool.discarded),
        ("unreadable", spool.unreadable),
    ];
    with_terms(
        format!("{} from the spool", plural(spool.captured, "event")),
        &terms,
    )
}

pub(super) fn capture_words(capture: &Capture) -> String {
    let terms = [
        ("superseded", capture.superseded),
        ("in conflict", capture.conflicts),
    ];
    with_terms(
        format!(
            "{}, {} unchanged",
            plural(capture.captured, "new event"),
            count(capture.unchanged)
        ),
        &terms,
    )
}

/// What the logs of missions gave, where that is worth a line.
pub(super) fn news_of_logs(logs: Option<&MissionLogs>, is_verbose: bool) -> Option<String> {
    let logs =
        logs.filter(|logs| logs.captured + logs.rewritten > 0 || (is_verbose && logs.files > 0))?;
    let skipped = logs.skipped.values().sum();
    let terms = [
        ("on hold", logs.held),
        ("unchanged", logs.unchanged),
        ("rewritten", logs.rewritten),
        ("lines skipped", skipped),
    ];
    let files = format!(
        "{} of {} read",
        count(logs.read),
        plural(logs.files, "mission log")
    );
    let words = with_terms(
        format!("{files}, {}", plural(logs.captured, "new event")),
        &terms,
    );
    let reasons = logs
        .skipped
        .iter()
        .map(|(reason, n)| format!("{} {reason}", count(*n)));
    Some(if is_verbose && skipped > 0 {
        format!("{words}: {}", reasons.collect::<Vec<_>>().join(", "))
    } else {
        words
    })
}

pub(super) fn index_words(index: &Index) -> String {
    let counted = format!(
        "{}, {}",
        plural(index.missions, "mission"),
        plural(index.artifacts, "artifact")
    );
    let terms = [
        ("read", index.hashed),
        ("unchanged", index.cached),
        ("not present", index.not_present),
    ];
    format!("{} in {} s", with_terms(counted, &terms), index.seconds)
}

pub(super) fn bodies_words(bodies: &Bodies, is_verbose: bool) -> String {
    let skipped = bodies.skipped.values().sum();
    let answered = bodies.uploaded + bodies.already_exists + bodies.retryable + bodies.failed;
    let terms = [
        ("uploaded", bodies.uploaded),
        ("already there", bodies.already_exists),
        ("waiting", if answered == 0 { bodies.queued } else { 0 }),
        (
            "waiting before",
            if answered == 0 {
                bodies.already_in_queue
            } else {
                0
            },
        ),
        ("waiting", bodies.retryable),
        ("failed", bodies.failed),
        ("skipped", skipped),
    ];
    let words = join_terms(&terms).unwrap_or_else(|| "nothing to upload".to_owned());
    if is_verbose && skipped > 0 {
        let reasons = bodies
            .skipped
            .iter()
            .map(|(reason, n)| format!("{} {}", count(*n), text::printable(reason)));
        return format!("{words} ({})", reasons.collect::<Vec<_>>().join(", "));
    }
    words
}

pub(super) fn drain_words(drain: &Drain) -> String {
    let terms = [
        ("delivered", drain.success),
        ("already there", drain.duplicate),
        ("pending there", drain.pending),
        ("rejected for now", drain.rejected),
        ("without an answer", drain.transient),
        ("failed", drain.terminal_failed),
    ];
    let answered = join_terms(&terms).unwrap_or_else(|| "nothing sent".to_owned());
    let requests = plural(drain.requests, "request");
    match &drain.halted {
        Some(words) => format!("stopped after {requests}: {}", text::printable(words)),
        None if drain.requests == 0 => answered,
        None => format!("{answered} in {requests}, {} s", drain.seconds),
    }
}

/// `287 captured = 210 delivered + 77 waiting`: terms of zero are left out.
///
/// If every check passes, what is blocked is on hold.
pub(super) fn equation(balance: &Balance, is_shut: bool) -> String {
    let terms = balance.terms();
    let shown = terms.iter().filter(|(.., n)| *n > 0);
    let shown: Vec<_> = shown
        .map(|(_, word, n)| {
            format!(
                "{} {}",
                count(*n),
                if *word == "blocked" && !is_shut {
                    "on hold"
                } else {
                    word
                }
            )
        })
        .collect();
    let right = if shown.is_empty() {
        "0".to_owned()
    } else {
        shown.join(" + ")
    };
    format!("{} captured = {right}", count(balance.captured))
}

/// The names of the checks that fail: `missing_auth, missing_team`.
pub(super) fn blocked_by(gates: &[Gate]) -> String {
    let names: Vec<_> = gates
        .iter()
        .filter(|gate| !gate.open)
        .map(|gate| text::printable(&gate.name))
        .collect();
    names.join(", ")
}

pub(super) fn gate_lines(gates: &[Gate], is_verbose: bool, paint: Paint) -> Vec<String> {
    let shut: Vec<_> = gates.iter().filter(|gate| !gate.open).collect();
    let limit = if is_verbose { shut.len() } else { GATES_SHOWN };
    let mut lines: Vec<_> = shut
        .iter()
        .take(limit)
        .map(|gate| {
            let name = text::printable(&gate.name);
            format!(
                "{} {name}; fix: {}",
                paint.yellow("Blocked  "),
                text::printable(&gate.fix)
            )
        })
        .collect();
    if let (Some(last), more @ 1..) = (lines.last_mut(), shut.len().saturating_sub(limit)) {
        *last = format!("{last} (and {more} more; -v shows them)");
    }
    lines
}

pub(super) fn warning_lines(warnings: &[String], is_verbose: bool, paint: Paint) -> Vec<String> {
    let limit = if is_verbose { warnings.len() } else { 1 };
    let line = |words: &String| format!("{}  {}", paint.yellow("Warning:"), text::printable(words));
    let mut lines: Vec<_> = warnings.iter().take(limit).map(line).collect();
    if let (Some(last), more @ 1..) = (lines.last_mut(), warnings.len().saturating_sub(limit)) {
        *last = format!("{last} (and {more} more; -v shows them)");
    }
    lines
}

pub(super) fn events(number: u64) -> String {
    plural(number, "event")
}

/// A count of the document; 0 for a negative one.
pub(super) fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

pub(crate) fn plural(number: u64, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        count(number),
        if number == 1 { "" } else { "s" }
    )
}

pub(super) fn join_terms(terms: &[(&str, u64)]) -> Option<String> {
    let shown: Vec<_> = terms
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(name, n)| format!("{} {name}", count(*n)))
        .collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

fn with_terms(head: String, terms: &[(&str, u64)]) -> String {
    match join_terms(terms) {
        Some(rest) => format!("{head} ({rest})"),
        None => head,
    }
}

/// What the server said last: where its page of the project is, and what it has. Labels and words.
pub(super) fn server_lines(d: &Document) -> Vec<(&'static str, String)> {
    let page = d
        .delivery_targets
        .current
        .as_ref()
        .and_then(|current| current.page_url.clone());
    let lines = [("Page", page), ("Server", server_words(d))];
    lines
        .into_iter()
        .filter_map(|(label, words)| Some((label, words?)))
        .collect()
}

/// `checked 2 min ago: 1,301 events and 46 documents are there`; `None` where the target was never
/// asked.
fn server_words(d: &Document) -> Option<String> {
    let ServerCheck {
        age_seconds, check, ..
    } = d.delivery_targets.current.as_ref()?.server_check.as_ref()?;
    let TargetCheck { events, documents } = check;
    let there = format!(
        "{} and {} are there",
        plural(events.same, "event"),
        plural(documents.same, "document")
    );
    let wrong = [
        ("lost there", events.lost_there + documents.lost_there),
        ("different there", events.different + documents.different),
    ];
    let wrong: Vec<_> = wrong
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(what, n)| format!(", {n} {what}"))
        .collect();
    Some(format!(
        "checked {}: {there}{}",
        age(*age_seconds),
        wrong.concat()
    ))
}
