//! `sk-sync status --all`: every store of this machine.

use serde::Serialize;

use crate::base::shell;
use crate::base::text::{path, printable};
use crate::cli::project::workspace;
use crate::cli::render::plural;
use crate::cli::table::{count, size};
use crate::cli::{Context, Exit, Failure};
use crate::legacy::{OlderRows, Unassigned};
use crate::ops::{self, Cargo, Presence, StoreHere, Workspace};
use crate::upkeep::{LegacyStore, legacy_stores};

/// Number of characters of a repository's id that are shown: enough to distinguish it.
const SHOWN: usize = 17;

#[derive(Debug, Serialize)]
struct Document {
    /// The state directory.
    state: String,
    /// Every store of this program.
    stores: Vec<StoreHere>,
    /// Rows in older stores that no repository of their project imported.
    older: Vec<OlderRows>,
    /// Imported events that name no project.
    unassigned: Unassigned,
    /// Every existing older store.
    legacy_stores: Vec<LegacyStore>,
}

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let home = &workspace.home;
    let document = Document {
        state: path(&home.state),
        stores: ops::stores_here(&workspace),
        older: ops::older_here(&workspace),
        unassigned: ops::unassigned(&workspace),
        legacy_stores: legacy_stores(
            &home.state,
            home.legacy.as_deref(),
            &workspace.root,
            &workspace.place.store(),
        ),
    };
    if context.printer.is_json() {
        context.printer.reply("status", Exit::Success, &document);
    } else if !context.globals.quiet {
        context.printer.results(
            lines(&document, &workspace)
                .iter()
                .map(|line| printable(line)),
        );
    }
    Ok(Exit::Success)
}

fn lines(document: &Document, workspace: &Workspace) -> Vec<String> {
    let line = |name: &str, words: &str| format!("{name:<10}{words}");
    let mut lines = vec![line("State", &document.state)];
    for store in &document.stores {
        lines.push(line("Store", &head(store)));
        lines.extend(
            details(store, workspace)
                .iter()
                .map(|words| line("", words)),
        );
    }
    for rows in &document.older {
        lines.push(line("Older", &older_words(rows, workspace)));
    }
    let Unassigned {
        events,
        files,
        error,
        ..
    } = &document.unassigned;
    if let Some(error) = error {
        lines.push(line("Unassigned", &format!(" cannot be read: {error}")));
    } else if *events > 0 {
        let events = plural(*events, "event");
        lines.push(line(
            "Older",
            &format!("{events} that name no project (from {})", files.join(", ")),
        ));
        lines.push(line(
            "",
            "give them to this project: sk-sync migrate adopt --unassigned",
        ));
    }
    for store in &document.legacy_stores {
        lines.push(line("File", &file_words(store)));
    }
    lines
}

/// Project of a store, and path of its repository.
fn head(store: &StoreHere) -> String {
    let project = match (&store.project_slug, &store.project_uuid) {
        (Some(slug), Some(uuid)) => format!("{slug} ({uuid})"),
        (None, Some(uuid)) => uuid.clone(),
        (_, None) => "(no identity yet)".to_owned(),
    };
    let at = store.repository.as_deref().unwrap_or("an unknown place");
    let state = match store.presence {
        _ if store.is_here => ", this repository",
        Presence::Present | Presence::Unknown => "",
        Presence::Gone => ", which is gone",
        Presence::Replaced => ", where another repository is now",
        Presence::Named => ", as SK_SYNC_REPOSITORY names it",
    };
    format!("{project} of {at}{state}")
}

fn details(store: &StoreHere, workspace: &Workspace) -> Vec<String> {
    if let Some(error) = &store.error {
        return vec![format!("cannot be read: {error}")];
    }
    let targets = if store.counts.targets.is_empty() {
        "a target".to_owned()
    } else {
        store.counts.targets.join(", ")
    };
    let mut parts = vec![format!(
        "{} kept, {}",
        cargo(store.counts.kept),
        size(store.bytes)
    )];
    if store.counts.waiting != Cargo::default() {
        parts.push(format!(
            "{} waiting for {targets}",
            cargo(store.counts.waiting)
        ));
    }
    if store.counts.failed != Cargo::default() {
        parts.push(format!("{} failed", cargo(store.counts.failed)));
    }
    if store.counts.on_hold > 0 {
        parts.push(format!("{} on hold", plural(store.counts.on_hold, "event")));
    }
    if store.counts.conflicts > 0 {
        parts.push(format!(
            "{} with two contents",
            plural(store.counts.conflicts, "id")
        ));
    }
    let mut all = vec![parts.join("; ")];
    if let Some(by) = &store.adopted_by {
        all.push(format!("imported by the repository {by}"));
    } else if matches!(store.presence, Presence::Gone | Presence::Replaced) {
        let id = store
            .repository_id
            .get(..SHOWN)
            .unwrap_or(&store.repository_id);
        let is_ours = store.project_uuid == workspace.identity.project_uuid;
        let there = if is_ours {
            "take it over"
        } else {
            "in a clone of it, take it over"
        };
        all.push(format!(
            "{there}: {}",
            shell::line("sk-sync migrate adopt --store", [id])
        ));
    }
    all
}

fn cargo(cargo: Cargo) -> String {
    format!(
        "{} and {}",
        plural(cargo.events, "event"),
        plural(cargo.documents, "document")
    )
}

fn older_words(rows: &OlderRows, workspace: &Workspace) -> String {
    let is_ours = workspace.identity.project_uuid.as_ref() == Some(&rows.project_uuid);
    let whose = if is_ours {
        "this project".to_owned()
    } else {
        rows.project_uuid.clone()
    };
    let (events, documents) = (
        plural(rows.events, "event"),
        plural(rows.documents, "document"),
    );
    let there = if is_ours { "" } else { ", in its repository" };
    format!("{events} and {documents} of {whose} wait{there} for: sk-sync migrate adopt")
}

fn file_words(store: &LegacyStore) -> String {
    let rows =
        store
            .event_rows
            .zip(store.body_rows)
            .map_or_else(String::new, |(events, bodies)| {
                format!(
                    ", {} and {}",
                    plural(events, "event"),
                    plural(bodies, "document")
                )
            });
    let state = match &store.error {
        Some(error) => format!("not imported: {error}"),
        None if store.imported => "imported".to_owned(),
        None if store.waiting > 0 => format!("{} rows of this project wait", count(store.waiting)),
        None => "not imported".to_owned(),
    };
    format!(
        "{} ({}, {}{rows}): {state}",
        store.path,
        store.kind,
        size(store.size)
    )
}
