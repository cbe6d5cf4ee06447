//! What taking over came to, source by source.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Found;
use super::catalog::Known;
use super::import::Tally;
use super::ledger::Answer;
use super::marks::Provenance;
use crate::base::text;
use crate::store::ForeignError;

/// What all of it came to.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Every older store that is there, in the order in which they are taken over.
    pub(crate) sources: Vec<SourceReport>,
    /// What the older ledger said.
    pub(crate) ledger: Answer,
    /// Another process takes over at this moment.
    pub(crate) is_busy: bool,
    /// A stop was asked for.
    pub(crate) was_interrupted: bool,
    /// Stores of ours that could not take something.
    pub(crate) store_errors: u64,
    /// What else a person should know.
    pub(crate) warnings: Vec<String>,
}

/// What older stores hold of a project that its repository did not take over: it waits for a person's word.
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
    /// What waits for `taker`, the store of the project at hand as the catalog calls it.
    pub(crate) fn waiting(&self, taker: &str) -> Waiting {
        let project = taker.split('/').next().unwrap_or_default();
        let mut waiting = Waiting::default();
        for source in self.sources.iter().filter(|source| !source.taken_by.contains(taker)) {
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

/// One older store: a part of the document of `migrate --json`.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct SourceReport {
    /// The file.
    pub(crate) path: String,
    /// What kind of store it is.
    pub(crate) kind: &'static str,
    /// Its short name, as `migrate release` takes it.
    pub(crate) label: String,
    /// `known:<digest>` or `unknown:<label>`: whose queue it was.
    pub(crate) provenance: String,
    /// `server|user|team`, where that is known.
    pub(crate) scope: Option<String>,
    /// `imported`, `unchanged`, `failed`, `waiting`, or with a dry run `would_import`.
    pub(crate) result: &'static str,
    /// Why it failed.
    pub(crate) error: Option<String>,
    /// The stores it feeds.
    pub(crate) stores: Vec<String>,
    /// How many of its rows go to each of them, where it was looked at.
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
    /// Events that were here already with another meaning.
    pub(crate) conflicts: u64,
    /// New events that are held.
    pub(crate) held: u64,
    /// Events that were purged here and stay so.
    pub(crate) purged: u64,
    /// Bodies that were new.
    pub(crate) bodies_imported: u64,
    /// Entries of the failure log that were new.
    pub(crate) failures_imported: u64,
    /// Rows that could not be taken over.
    pub(crate) refused: u64,
    /// What is odd about it or its rows; plain sentences.
    pub(crate) notes: Vec<String>,
    /// Those conflicts that are about rows which name no project: no concern of the project at hand.
    #[serde(skip)]
    pub(crate) foreign_conflicts: u64,
    /// Stores of ours that could not take its share.
    #[serde(skip)]
    pub(crate) store_errors: u64,
    /// The stores that have their rows of it.
    #[serde(skip)]
    pub(crate) taken_by: BTreeSet<String>,
    /// It was looked at in this run.
    #[serde(skip)]
    pub(crate) is_news: bool,
}

/// What one of our stores gets of an older one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShareReport {
    /// The store: a project's id, or `unassigned`.
    pub(crate) store: String,
    /// Event rows.
    pub(crate) events: u64,
    /// Rows of the body queue.
    pub(crate) bodies: u64,
    /// Rows of the failure log.
    pub(crate) failures: u64,
}

impl SourceReport {
    /// A source that could not be read.
    pub(super) fn failed(found: &Found, error: &ForeignError) -> Self {
        Self { result: "failed", error: Some(error.to_string()), is_news: true, ..Self::waiting(found) }
    }

    /// A source that another process reads.
    pub(super) fn waiting(found: &Found) -> Self {
        Self {
            path: text::path(&found.path),
            kind: found.kind.word(),
            label: found.label.clone(),
            result: "waiting",
            ..Self::default()
        }
    }

    /// A source that was not read, by what is known of it.
    pub(super) fn known(found: &Found, known: &Known) -> Self {
        Self {
            path: text::path(&found.path),
            kind: found.kind.word(),
            label: found.label.clone(),
            provenance: known.provenance.clone(),
            result: if known.error.is_some() { "failed" } else { "unchanged" },
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
            result: if error.is_some() { "failed" } else { "imported" },
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
