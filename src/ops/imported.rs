//! What an import of older stores came to, in the words of the report.

use super::Workspace;
use super::report::Migrate;
use crate::legacy::{self, Taken, Waiting};

/// Notice about history that no import can restore.
const LOST: &str = "an older version deleted what it had delivered: that history is lost";

/// The result of an import.
#[derive(Debug)]
pub(super) struct Imported {
    /// Section of the report.
    pub(super) section: Migrate,
    /// Warnings for people.
    pub(super) warnings: Vec<String>,
    /// A stop was requested before the end.
    pub(super) was_interrupted: bool,
}

impl Imported {
    /// What `taken` means for the workspace's project.
    pub(super) fn of(workspace: &Workspace, taken: &Taken) -> Self {
        Self {
            section: section(workspace, taken),
            warnings: warnings(workspace, taken),
            was_interrupted: taken.was_interrupted,
        }
    }
}

/// Rows of this project that this repository has not imported.
pub(super) fn waiting(workspace: &Workspace, taken: &Taken) -> Waiting {
    let project = workspace.identity.project_uuid.as_deref();
    project
        .map(|uuid| taken.waiting(&legacy::taker(uuid, &workspace.repository_id)))
        .unwrap_or_default()
}

/// Message about waiting rows; `None` if there are none.
fn waiting_words(waiting: &Waiting) -> Option<String> {
    (!waiting.is_empty()).then(|| {
        format!(
            "older stores have {} events and {} documents of this project; to import them: sk-sync migrate adopt",
            waiting.events, waiting.bodies
        )
    })
}

/// Warnings about the import.
fn warnings(workspace: &Workspace, taken: &Taken) -> Vec<String> {
    let mut warnings: Vec<_> = waiting_words(&waiting(workspace, taken))
        .into_iter()
        .collect();
    let news = || taken.sources.iter().filter(|source| source.is_news);
    warnings.extend(news().filter_map(|source| {
        let error = source.error.as_deref()?;
        Some(format!(
            "the older store {} was not imported: {error}",
            source.path
        ))
    }));
    for source in news() {
        let notes = source.notes.iter();
        warnings.extend(notes.map(|note| format!("{}: {note}", source.path)));
    }
    if let Some(why) = taken.ledger.doubt {
        warnings.push(format!("the older delivery ledger is not believed: {why}"));
    }
    warnings.extend(taken.warnings.iter().cloned());
    if taken.sources.iter().any(|source| source.imported > 0) {
        warnings.push(LOST.to_owned());
    }
    warnings
}

fn section(workspace: &Workspace, taken: &Taken) -> Migrate {
    let waiting = waiting(workspace, taken);
    let sum = |count: fn(&legacy::SourceReport) -> u64| taken.sources.iter().map(count).sum();
    Migrate {
        sources: taken.sources.len() as u64,
        imported: sum(|source| source.imported),
        deduplicated: sum(|source| source.deduplicated),
        conflicts: sum(|source| source.conflicts),
        source_errors: sum(|source| u64::from(source.error.is_some())),
        bodies_imported: sum(|source| source.bodies_imported),
        failures_imported: sum(|source| source.failures_imported),
        held: sum(|source| source.held),
        refused: sum(|source| source.refused),
        delivered_before: taken.ledger.delivered,
        open_conflicts: None,
        waiting,
        unassigned: None,
        own_conflicts: sum(|source| source.conflicts - source.foreign_conflicts),
        stores: taken.sources.clone(),
    }
}
