//! What of a `status` needs a person, a line for each kind.

use crate::base::text::shorten;
use crate::cli::render::sections::{REASON, join_terms, plural, unsigned};
use crate::cli::table::count;
use crate::legacy::Unassigned;
use crate::upkeep::{Document, LegacyStore, TerminalFailure};

/// Failed events shown one by one without `-v`.
const GIVEN_UP: usize = 3;
/// What needs a person, a line for each kind.
pub(super) fn trouble(d: &Document, is_verbose: bool) -> Vec<(&'static str, String)> {
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
