//! `purge`: discards what waits, or everything of a project, on the operator's order.
//!
//! Ids and digests stay as tombstones, so that a purged event is never captured again. Files next
//! to the store are removed with the project: spooled lines, and the store of the embedded
//! receiver. Removed data is overwritten in the file.

use std::path::{Path, PathBuf};

use super::gc::{give_back, length};
use crate::base::files::named;
use crate::base::text::path as shown;
use crate::base::{Clock, Interrupt};
use crate::bodies;
use crate::books::{self, Error, Removed};
use crate::journal::{self, Kind};
use crate::legacy;
use crate::store::{ReadTx, WriteTx};
use crate::{base::Timestamp, delivery};

/// Scope of a purge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PurgeScope {
    /// Every live event and every waiting document: what is left to send.
    Queue,
    /// Every payload, body and file of the project.
    Project,
    /// Every event of older stores that names no project.
    Unassigned,
}

/// Numbers of document versions and their texts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Live versions.
    pub(crate) rows: u64,
    /// Bytes of the stored texts.
    pub(crate) bytes: u64,
}

impl Counts {
    fn read(tx: &ReadTx<'_>) -> Result<Self, Error> {
        let live = journal::totals_of(tx, Kind::Document)?.live;
        Ok(Self {
            rows: u64::try_from(live).unwrap_or(0),
            bytes: journal::kept_texts(tx)?.1,
        })
    }
}

/// Plan of a purge.
#[derive(Debug, Clone)]
pub(crate) struct PurgePlan {
    /// The scope.
    pub(crate) scope: PurgeScope,
    /// Number of live events.
    pub(crate) events: i64,
    /// Their payloads in bytes.
    pub(crate) bytes: i64,
    /// Number of events that are in flight at some target, and stay until their end is known.
    pub(crate) in_flight: i64,
    /// The documents.
    pub(crate) bodies: Counts,
    /// Files next to the store, with their sizes in bytes.
    pub(crate) files: Vec<(PathBuf, u64)>,
}

/// Permission to purge; only the right phrase gives it.
#[derive(Debug)]
pub(crate) struct Confirmed(());

impl Confirmed {
    /// The permission, if the user typed the phrase.
    pub(crate) fn by(typed: Option<&str>, phrase: &str) -> Option<Self> {
        (typed.map(str::trim) == Some(phrase)).then_some(Self(()))
    }
}

/// Result of a purge.
#[derive(Debug, Clone, Default)]
pub(crate) struct PurgeReport {
    /// Number of events that are no longer live.
    pub(crate) events: i64,
    /// Number of events that stay, because they are in flight.
    pub(crate) in_flight: i64,
    /// Removed documents.
    pub(crate) bodies: Counts,
    /// Number of removed files.
    pub(crate) files: usize,
    /// True if it was interrupted; another call continues.
    pub(crate) was_interrupted: bool,
    /// Size of the store's file before, in bytes.
    pub(crate) file_before: u64,
    /// Size of the store's file after, in bytes.
    pub(crate) file_after: u64,
}

/// Makes the plan. Changes nothing.
pub(crate) fn plan_purge(store: &Path, scope: PurgeScope) -> Result<PurgePlan, Error> {
    let files = if scope == PurgeScope::Project {
        beside(store)
    } else {
        Vec::new()
    };
    let empty = PurgePlan {
        scope,
        events: 0,
        bytes: 0,
        in_flight: 0,
        bodies: Counts::default(),
        files,
    };
    let Some(store) = books::open_read(store)? else {
        return Ok(empty);
    };
    store.read(|tx| {
        let totals = journal::totals(tx)?;
        let (events, bytes) = (totals.live, totals.live_bytes);
        Ok(PurgePlan {
            events,
            bytes,
            in_flight: delivery::in_flight_anywhere(tx)?,
            bodies: Counts::read(tx)?,
            ..empty.clone()
        })
    })
}

/// Purges, a bounded number of events in each transaction. No drain may be running. Stops between
/// two steps on request; another call continues.
pub(crate) fn apply_purge(
    path: &Path,
    plan: &PurgePlan,
    _leave: &Confirmed,
    clock: &dyn Clock,
    interrupt: &Interrupt,
) -> Result<PurgeReport, Error> {
    let mut report = PurgeReport {
        file_before: length(path),
        ..PurgeReport::default()
    };
    if path.exists() {
        let mut store = books::open(path)?;
        store.erase_securely()?;
        let is_project = plan.scope != PurgeScope::Queue;
        report.bodies = store.read(Counts::read)?;
        if is_project {
            store.write(|tx| Ok::<_, Error>(bodies::purge_failures(tx)?))?;
        }
        let step: fn(&WriteTx<'_>, Timestamp, i64) -> Result<Removed, Error> = if is_project {
            books::remove_project
        } else {
            books::clear
        };
        let mut after = Some(0);
        while let Some(seq) = after.filter(|_| !interrupt.is_requested()) {
            let removed = store.write(|tx| step(tx, clock.now(), seq))?;
            report.events += removed.events;
            report.in_flight += removed.in_flight;
            after = removed.last;
        }
        if plan.scope == PurgeScope::Unassigned && !interrupt.is_requested() {
            store.write(legacy::forget_all)?;
        }
        store.write(books::sweep_texts)?;
        if is_project && !interrupt.is_requested() {
            store.rewrite()?;
        }
        give_back(&mut store, interrupt)?;
    }
    // Checked again: unreadable lines of the spool were set aside meanwhile.
    let files = if plan.scope == PurgeScope::Project {
        beside(path)
    } else {
        Vec::new()
    };
    for (file, _) in &files {
        match std::fs::remove_file(file) {
            Ok(()) => report.files += 1,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(crate::store::Error::from(named(&error, "cannot remove", file)).into());
            }
        }
    }
    report.was_interrupted = interrupt.is_requested();
    report.file_after = length(path);
    Ok(report)
}

/// The files next to the store with data of the project: spooled lines, and the store of the
/// embedded receiver.
fn beside(store: &Path) -> Vec<(PathBuf, u64)> {
    let entries = store
        .parent()
        .and_then(|dir| std::fs::read_dir(dir).ok())
        .into_iter()
        .flatten()
        .flatten();
    let is_ours = |name: &str| {
        (name.starts_with("spool") && name != "spool.lock") || name.starts_with("stub.db")
    };
    let mut files: Vec<_> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_ours))
        .filter_map(|entry| {
            Some((
                entry.path(),
                entry
                    .metadata()
                    .ok()
                    .filter(std::fs::Metadata::is_file)?
                    .len(),
            ))
        })
        .collect();
    files.sort_by_key(|(file, _)| shown(file));
    files
}
