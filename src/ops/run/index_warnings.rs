//! What an index warns of: entries that are left out, values that are made up, nothing found.

use crate::base::text::printable;
use crate::config::WireNames;
use crate::dossier::{Index, Sources};

/// The warnings of an index, each as one line.
pub(super) fn of(index: &Index, sources: &Sources, names: WireNames) -> Vec<String> {
    let mut lines = oddities(index);
    if index.missions.is_empty() && index.skipped.is_empty() {
        lines.push(nothing_found(sources));
    }
    if names == WireNames::March2026 {
        lines.extend(older_names(index, sources));
    }
    lines
}

/// Warning that the older upload form cannot carry the names of some units of other layouts; `None`
/// if it can carry all.
fn older_names(index: &Index, sources: &Sources) -> Option<String> {
    let fits = |slug: &str| {
        let rest = slug
            .split_at_checked(3)
            .filter(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()));
        let rest = rest
            .and_then(|(_, rest)| rest.strip_prefix('-'))
            .unwrap_or_default();
        !rest.is_empty()
            && rest
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let root = sources.root().map(|(source, _)| source);
    let mut others = index
        .missions
        .iter()
        .filter(|m| Some(m.source) != root && !fits(&m.slug));
    let first = others.next()?;
    let more = others.count();
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    Some(format!(
        "bodies.wire_names = \"2026-03\" has names such as 001-login only; a server of that form may refuse {}{more}",
        printable(&first.slug)
    ))
}

/// Message that no source has a unit or document.
fn nothing_found(sources: &Sources) -> String {
    match sources.root() {
        Some((_, root)) if sources.layouts().len() == 1 => {
            format!("no feature directories in {}/", printable(root))
        }
        _ => format!("no units or documents of {}", sources.layouts().join(", ")),
    }
}

/// Warnings about skipped entries and default values, each as one line.
fn oddities(index: &Index) -> Vec<String> {
    let mut lines = Vec::new();
    for skipped in &index.skipped {
        let place = match &skipped.mission_slug {
            Some(slug) if !skipped.path.is_empty() => {
                format!("{}/{}", printable(slug), printable(&skipped.path))
            }
            Some(slug) => printable(slug),
            None => printable(&skipped.path),
        };
        lines.push(format!(
            "{place} left out: {} ({})",
            skipped.reason.explanation(),
            skipped.reason.code()
        ));
    }
    // One line per mission: a tree that was copied as hard links has the same reason everywhere.
    for of_mission in index
        .odd
        .chunk_by(|a, b| (&a.mission_slug, a.reason) == (&b.mission_slug, b.reason))
    {
        let [first, more @ ..] = of_mission else {
            continue;
        };
        let slug = first.mission_slug.as_deref().unwrap_or_default();
        let others = if more.is_empty() {
            String::new()
        } else {
            format!(" (and {} others)", more.len())
        };
        let (path, reason) = (printable(&first.path), first.reason);
        lines.push(format!(
            "{}/{path}{others}: {} ({})",
            printable(slug),
            reason.explanation(),
            reason.code()
        ));
    }
    for mission in &index.missions {
        if let Some(oddity) = mission.oddity {
            lines.push(format!(
                "{}: {} ({})",
                mission.slug,
                oddity.explanation(),
                oddity.code()
            ));
        }
    }
    lines
}
