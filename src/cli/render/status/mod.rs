//! `status` for a person: six lines where all is well, a line for each kind of trouble, and the
//! next step.

mod details;
mod trouble;

use self::details::details;
use self::trouble::trouble;
use crate::base::Timestamp;
use crate::base::text::{printable, shorten};
use crate::books::Balance;
use crate::cli::Paint;
use crate::cli::render::sections::{NO_ADDRESS, REASON, join_terms, plural, server_lines};
use crate::cli::table::count;
use crate::cli::when::relative;
use crate::upkeep::{Document, Ended, MissionHere};

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

#[cfg(test)]
mod tests;
