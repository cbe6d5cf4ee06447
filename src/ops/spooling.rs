//! Spools captured lines next to a store that cannot be opened.
//!
//! Only `capture` spools, because its input exists nowhere else: the input of `run` and `index` is
//! still in the feature directories, where the next index finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Error;
use super::intake::Candidate;
use super::line::Line;
use super::rule::Rule;
use crate::base::{Sha256, Timestamp};
use crate::books;
use crate::event::Disposition;
use crate::spool::{Dropped, Fate, Spool, Spooled, Writer};

/// How often a spooling stream checks whether the store can be opened again.
const RETRY: Duration = Duration::from_secs(1);

/// True if the store rejects an event: locked past the lock wait, damaged, of a newer version,
/// closed. A full disk is different: it cannot hold a spool either.
pub(super) fn is_about_the_store(error: &Error) -> bool {
    match error {
        Error::Store(error) => !error.is_full(),
        Error::Books(error) => error
            .of_store()
            .map_or_else(|| error.is_damage(), |error| !error.is_full()),
        _ => false,
    }
}

/// The spools of one stream, by their stores.
#[derive(Debug, Default)]
pub(super) struct Spools {
    open: BTreeMap<PathBuf, Refuge>,
    troubled: BTreeSet<PathBuf>,
}

/// A store that cannot be opened, and its spool.
#[derive(Debug)]
struct Refuge {
    why: String,
    tried_at: Timestamp,
    writer: Writer,
}

impl Spools {
    /// True if lines may go to the store. After a failure the store is tried again at intervals and
    /// without waiting: a long stream returns to its journal, and an interactive one does not wait
    /// for each line.
    pub(super) fn is_open(&mut self, store: &Path, now: Timestamp) -> bool {
        let Some(refuge) = self.open.get_mut(store) else {
            return true;
        };
        if now.since(refuge.tried_at) < RETRY {
            return false;
        }
        refuge.tried_at = now;
        let is_open = books::is_open_to(store);
        if is_open {
            self.open.remove(store);
        }
        is_open
    }

    /// From here on, lines for this store go into its spool.
    pub(super) fn begin(&mut self, store: &Path, now: Timestamp, why: String) {
        let writer = Writer::new(Spool::beside(store));
        self.open.insert(
            store.to_owned(),
            Refuge {
                why,
                tried_at: now,
                writer,
            },
        );
    }

    /// True if the spool itself could not be absorbed in this stream: it is not tried again for
    /// each batch.
    pub(super) fn is_troubled(&self, store: &Path) -> bool {
        self.troubled.contains(store)
    }

    /// See [`Spools::is_troubled`].
    pub(super) fn note_trouble(&mut self, store: &Path) {
        self.troubled.insert(store.to_owned());
    }

    /// Spools candidates, and returns when they are on disk. The present rule decides about each,
    /// even if another rule applies when they enter the journal.
    pub(super) fn append(
        &mut self,
        store: &Path,
        now: Timestamp,
        candidates: &[Candidate],
        rule: &Rule,
    ) -> Result<Vec<Line>, Error> {
        let Some(refuge) = self.open.get_mut(store) else {
            return Ok(Vec::new());
        };
        let decided: Vec<_> = candidates
            .iter()
            .map(|c| (c, rule.disposition(&c.inspection.event_type)))
            .collect();
        let mut dropped = Vec::new();
        for (candidate, _) in decided
            .iter()
            .filter(|(_, decided)| *decided == Disposition::AuditAndDiscard)
        {
            dropped.push(serde_json::to_vec(&dropped_form(candidate))?);
        }
        let mut dropped = dropped.iter();
        let mut spooled = Vec::with_capacity(decided.len());
        for (candidate, decided) in &decided {
            let (fate, envelope) = match decided {
                Disposition::Keep => (Fate::Keep, Some(&candidate.bytes)),
                Disposition::Hold(reason) => (Fate::Hold(reason), Some(&candidate.bytes)),
                Disposition::AuditAndDiscard => (Fate::Audit, dropped.next()),
                Disposition::Discard => (Fate::Audit, None),
            };
            spooled.extend(envelope.map(|envelope| Spooled {
                captured_at: now,
                origin: "capture",
                fate,
                envelope,
            }));
        }
        refuge
            .writer
            .append(&spooled)
            .map_err(|source| Error::Spool {
                why: refuge.why.clone(),
                source,
            })?;
        Ok(decided
            .into_iter()
            .map(|(candidate, decided)| line(candidate, decided, &refuge.why))
            .collect())
    }
}

/// The result for a spooled line: its reason says why it is not in the journal, then how it breaks
/// the contract.
fn line(candidate: &Candidate, decided: Disposition, why: &str) -> Line {
    let reason = candidate
        .oddity
        .as_ref()
        .map_or_else(|| why.to_owned(), |oddity| format!("{why}; {oddity}"));
    match decided {
        Disposition::Keep => candidate.became("spooled", None, Some(reason), None),
        Disposition::Hold(held) => candidate.became("spooled", None, Some(reason), Some(held)),
        Disposition::Discard | Disposition::AuditAndDiscard => candidate.dropped(),
    }
}

fn dropped_form(candidate: &Candidate) -> Dropped {
    let (event_id, event_type) = (
        candidate.inspection.event_id.clone(),
        candidate.inspection.event_type.clone(),
    );
    Dropped {
        event_id,
        event_type,
        sha256: Sha256::of(&candidate.bytes).to_string(),
    }
}
