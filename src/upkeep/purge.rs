//! `purge`: the operator's order that what waits, or everything of a project, is to go.
//!
//! Ids and digests stay as tombstones, so that nothing brings a purged event back. What lies beside the store goes with
//! the project: spooled lines, and what the embedded receiver got. What is removed is overwritten in the file.

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

/// What is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PurgeScope {
    /// Every live event and every waiting body: what is owed.
    Queue,
    /// Every payload, body and file of the project.
    Project,
    /// Every event that older stores held and that names no project.
    Unassigned,
}

/// Documents and what goes with them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Live versions.
    pub(crate) rows: u64,
    /// Bytes of the texts that are kept.
    pub(crate) bytes: u64,
}

impl Counts {
    fn read(tx: &ReadTx<'_>) -> Result<Self, Error> {
        let live = journal::totals_of(tx, Kind::Document)?.live;
        Ok(Self { rows: u64::try_from(live).unwrap_or(0), bytes: journal::kept_texts(tx)?.1 })
    }
}

/// What would go.
#[derive(Debug, Clone)]
pub(crate) struct PurgePlan {
    /// What was asked for.
    pub(crate) scope: PurgeScope,
    /// Live events.
    pub(crate) events: i64,
    /// Their payload bytes.
    pub(crate) bytes: i64,
    /// Events that are in flight at some target, and stay until their end is known.
    pub(crate) in_flight: i64,
    /// The body queue.
    pub(crate) bodies: Counts,
    /// Files beside the store, with their bytes.
    pub(crate) files: Vec<(PathBuf, u64)>,
}

/// Leave to purge; only the right phrase makes one.
#[derive(Debug)]
pub(crate) struct Confirmed(());

impl Confirmed {
    /// The leave, where what the person typed is the phrase.
    pub(crate) fn by(typed: Option<&str>, phrase: &str) -> Option<Self> {
        (typed.map(str::trim) == Some(phrase)).then_some(Self(()))
    }
}

/// What a purge did.
#[derive(Debug, Clone, Default)]
pub(crate) struct PurgeReport {
    /// Events that are live no more.
    pub(crate) events: i64,
    /// Events that stay, because they are in flight.
    pub(crate) in_flight: i64,
    /// What went of the body queue.
    pub(crate) bodies: Counts,
    /// Files that are gone.
    pub(crate) files: usize,
    /// It was asked to stop; another run goes on.
    pub(crate) was_interrupted: bool,
    /// Bytes of the store's file before.
    pub(crate) file_before: u64,
    /// And after.
    pub(crate) file_after: u64,
}

/// Looks at what would go. Changes nothing.
pub(crate) fn plan_purge(store: &Path, scope: PurgeScope) -> Result<PurgePlan, Error> {
    let files = if scope == PurgeScope::Project { beside(store) } else { Vec::new() };
    let empty = PurgePlan { scope, events: 0, bytes: 0, in_flight: 0, bodies: Counts::default(), files };
    let Some(store) = books::open_read(store)? else { return Ok(empty) };
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

/// Purges, a bounded number of events in each transaction. Nobody may be draining. Stops between two steps when asked
/// to; another run goes on.
pub(crate) fn apply_purge(
    path: &Path,
    plan: &PurgePlan,
    _leave: &Confirmed,
    clock: &dyn Clock,
    interrupt: &Interrupt,
) -> Result<PurgeReport, Error> {
    let mut report = PurgeReport { file_before: length(path), ..PurgeReport::default() };
    if path.exists() {
        let mut store = books::open(path)?;
        store.erase_securely()?;
        let is_project = plan.scope != PurgeScope::Queue;
        report.bodies = store.read(Counts::read)?;
        if is_project {
            store.write(|tx| Ok::<_, Error>(bodies::purge_failures(tx)?))?;
        }
        let step: fn(&WriteTx<'_>, Timestamp, i64) -> Result<Removed, Error> =
            if is_project { books::remove_project } else { books::clear };
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
    // Looked at again: what could not be taken over from the spool was put aside meanwhile.
    let files = if plan.scope == PurgeScope::Project { beside(path) } else { Vec::new() };
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

/// The files beside the store that hold something of the project: spooled lines, and what the embedded receiver got.
fn beside(store: &Path) -> Vec<(PathBuf, u64)> {
    let entries = store.parent().and_then(|dir| std::fs::read_dir(dir).ok()).into_iter().flatten().flatten();
    let is_ours = |name: &str| (name.starts_with("spool") && name != "spool.lock") || name.starts_with("stub.db");
    let mut files: Vec<_> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_ours))
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok().filter(std::fs::Metadata::is_file)?.len())))
        .collect();
    files.sort_by_key(|(file, _)| shown(file));
    files
}
