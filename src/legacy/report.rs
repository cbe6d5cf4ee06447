//! Result of an import, by source.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Found;
use super::catalog::{Known, ShareReport};
use super::import::Tally;
use super::ledger::Answer;
use super::marks::Provenance;
use crate::base::text;
use crate::store::ForeignError;

/// Result of an import.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Every existing older store, in import order.
    pub(crate) sources: Vec<SourceReport>,
    /// Result of the older ledger.
    pub(crate) ledger: Answer,
    /// True if another process is importing at this moment.
    pub(crate) is_busy: bool,
    /// A stop was requested.
    pub(crate) was_interrupted: bool,
    /// Number of our stores that could not be written.
    pub(crate) store_errors: u64,
    /// Warnings for people.
    pub(crate) warnings: Vec<String>,
}

/// Rows of older stores of a project that its repository did not import: they wait for a user's
/// confirmation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Waiting {
    /// Events.
    pub(crate) events: u64,
    /// Queued documents.
    pub(crate) bodies: u64,
    /// Entries of failure logs.
    pub(crate) failures: u64,
    /// The files they are in.
    pub(crate) files: Vec<String>,
}

impl Waiting {
    /// True when nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl Taken {
    /// The rows that wait for `taker`, the name of the current project's store in the catalog.
    pub(crate) fn waiting(&self, taker: &str) -> Waiting {
        let project = taker.split('/').next().unwrap_or_default();
        let mut waiting = Waiting::default();
        for source in self
            .sources
            .iter()
            .filter(|source| !source.taken_by.contains(taker))
        {
            for share in source.shares.iter().filter(|share| share.store == project) {
                waiting.events += share.events;
                waiting.bodies += share.bodies;
                waiting.failures += share.failures;
                waiting.files.push(source.path.clone());
            }
        }
        waiting
    }
}

/// One older store: part of the document of `migrate --json`.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct SourceReport {
    /// The file.
    pub(crate) path: String,
    /// Kind of the store.
    pub(crate) kind: &'static str,
    /// Its short name, as accepted by `migrate release`.
    pub(crate) label: String,
    /// `known:<digest>` or `unknown:<label>`: server, user and team of the queue.
    pub(crate) provenance: String,
    /// `server|user|team`, if known.
    pub(crate) scope: Option<String>,
    /// `imported`, `unchanged`, `failed`, `waiting`, or with a dry run `would_import`.
    pub(crate) result: &'static str,
    /// The error; null if it did not fail.
    pub(crate) error: Option<String>,
    /// The stores that its rows belong to.
    pub(crate) stores: Vec<String>,
    /// Number of its rows for each of them, if it was read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) shares: Vec<ShareReport>,
    /// Event rows in it.
    pub(crate) event_rows: u64,
    /// Rows of its body queue.
    pub(crate) body_rows: u64,
    /// Rows of its failure log.
    pub(crate) failure_rows: u64,
    /// Events that were new.
    pub(crate) imported: u64,
    /// Events that were here already, with the same meaning.
    pub(crate) deduplicated: u64,
    /// Events that were here already with other content.
    pub(crate) conflicts: u64,
    /// New events that are on hold.
    pub(crate) held: u64,
    /// Events that were purged here, and stay so.
    pub(crate) purged: u64,
    /// Bodies that were new.
    pub(crate) bodies_imported: u64,
    /// Entries of the failure log that were new.
    pub(crate) failures_imported: u64,
    /// Rows that could not be imported.
    pub(crate) refused: u64,
    /// Problems of the file or its rows; whole sentences.
    pub(crate) notes: Vec<String>,
    /// Conflicts of rows that name no project; they do not concern the current project.
    #[serde(skip)]
    pub(crate) foreign_conflicts: u64,
    /// Number of our stores that could not import its share.
    #[serde(skip)]
    pub(crate) store_errors: u64,
    /// The stores that imported their rows of it.
    #[serde(skip)]
    pub(crate) taken_by: BTreeSet<String>,
    /// True if it was read in this run.
    #[serde(skip)]
    pub(crate) is_news: bool,
}

impl SourceReport {
    /// A source that could not be read.
    pub(super) fn failed(found: &Found, error: &ForeignError) -> Self {
        Self {
            result: "failed",
            error: Some(error.to_string()),
            is_news: true,
            ..Self::waiting(found)
        }
    }

    /// A source that another process is importing.
    pub(super) fn waiting(found: &Found) -> Self {
        Self {
            path: text::path(&found.path),
            kind: found.kind.word(),
            label: found.label.clone(),
            result: "waiting",
            ..Self::default()
        }
    }

    /// A source that was not read, from the catalog.
    pub(super) fn known(found: &Found, known: &Known) -> Self {
        Self {
            path: text::path(&found.path),
            kind: found.kind.word(),
            label: found.label.clone(),
            provenance: known.provenance.clone(),
            result: if known.error.is_some() {
                "failed"
            } else {
                "unchanged"
            },
            error: known.error.clone(),
            stores: known.stores.clone(),
            shares: known.shares.clone(),
            taken_by: known.taken_by.clone(),
            event_rows: known.event_rows,
            body_rows: known.body_rows,
            failure_rows: known.failure_rows,
            refused: known.refused,
            ..Self::default()
        }
    }

    /// A source that was read.
    pub(super) fn taken(
        found: &Found,
        known: &Known,
        provenance: Provenance,
        tally: Tally,
        error: Option<String>,
    ) -> Self {
        Self {
            provenance: provenance.word,
            scope: provenance.scope,
            result: if error.is_some() {
                "failed"
            } else {
                "imported"
            },
            error,
            imported: tally.imported,
            deduplicated: tally.deduplicated,
            conflicts: tally.conflicts,
            foreign_conflicts: tally.foreign_conflicts,
            held: tally.held,
            purged: tally.purged,
            bodies_imported: tally.bodies,
            failures_imported: tally.failures,
            refused: tally.refused,
            notes: tally.notes,
            is_news: true,
            ..Self::known(found, known)
        }
    }
}
