//! `gc`: plans and deletes payloads that are no longer needed.

use std::collections::BTreeSet;
use std::path::Path;

use crate::base::{Clock, Interrupt, Timestamp};
use crate::books::{self, Collected, Error, GcPlan, GcRule, Tally};
use crate::endpoint::Identity;
use crate::journal;
use crate::store::{ReadTx, Reclaimed, Store};

/// Options of a plan.
#[derive(Debug, Clone, Default)]
pub(crate) struct GcRequest {
    /// The configured target.
    pub(crate) configured: Option<Identity>,
    /// Include payloads in a verified archive.
    pub(crate) with_archived: bool,
    /// Ids of given-up events that may be deleted as well.
    pub(crate) undeliverable: Vec<String>,
    /// Only payloads captured before this time.
    pub(crate) captured_before: Option<Timestamp>,
}

/// Permission to delete payloads; only `--explicit` gives it.
#[derive(Debug)]
pub(crate) struct Explicit(());

impl Explicit {
    /// The permission, if the user gave it.
    pub(crate) fn given(is_given: bool) -> Option<Self> {
        is_given.then_some(Self(()))
    }
}

/// A plan, or the requested ids that no event has.
pub(crate) type Planned = Result<GcPlan, Vec<String>>;

/// The plan for the store at `store`. Changes nothing.
pub(crate) fn plan_gc(store: &Path, request: &GcRequest) -> Result<Planned, Error> {
    match books::open_read(store)? {
        Some(store) => store.read(|tx| planned(tx, request)),
        None if request.undeliverable.is_empty() => Ok(Ok(GcPlan::default())),
        None => Ok(Err(request.undeliverable.clone())),
    }
}

fn planned(tx: &ReadTx<'_>, request: &GcRequest) -> Result<Planned, Error> {
    let (mut named, mut unknown) = (BTreeSet::new(), Vec::new());
    for id in &request.undeliverable {
        match journal::show(tx, id)? {
            Some(listed) => drop(named.insert(listed.record.seq)),
            None => unknown.push(id.clone()),
        }
    }
    if !unknown.is_empty() {
        return Ok(Err(unknown));
    }
    let GcRequest {
        configured,
        with_archived,
        captured_before,
        ..
    } = request.clone();
    Ok(Ok(books::plan_collection(
        tx,
        GcRule {
            configured,
            with_archived,
            named,
            captured_before,
        },
    )?))
}

/// Result of a collection.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub(crate) struct GcReport {
    /// Deleted payloads.
    #[serde(flatten)]
    pub(crate) gone: Tally,
    /// True if it was interrupted; deleted payloads stay deleted.
    #[serde(rename = "interrupted")]
    pub(crate) was_interrupted: bool,
    /// Size of the store's file before, in bytes.
    #[serde(rename = "file_bytes_before")]
    pub(crate) file_before: u64,
    /// Size of the store's file after, in bytes.
    #[serde(rename = "file_bytes_after")]
    pub(crate) file_after: u64,
}

/// Carries out the plan, one transaction per chunk, and returns free space to the file system.
/// Stops between two steps on request; a later call continues.
pub(crate) fn apply_gc(
    path: &Path,
    plan: &GcPlan,
    _leave: &Explicit,
    clock: &dyn Clock,
    interrupt: &Interrupt,
) -> Result<GcReport, Error> {
    let mut report = GcReport {
        file_before: length(path),
        ..GcReport::default()
    };
    let mut store = books::open(path)?;
    let mut after = Some(0);
    while let Some(seq) = after.filter(|_| !interrupt.is_requested()) {
        let Collected { gone, last } =
            store.write(|tx| books::collect(tx, clock.now(), plan, seq))?;
        report.gone = Tally::sum(gone.values().chain([&report.gone]));
        after = last;
    }
    give_back(&mut store, interrupt)?;
    report.was_interrupted = interrupt.is_requested();
    drop(store);
    report.file_after = length(path);
    Ok(report)
}

/// Returns free pages to the file system, until a stop is requested.
pub(super) fn give_back(store: &mut Store, interrupt: &Interrupt) -> Result<(), Error> {
    while !interrupt.is_requested() && store.reclaim()? == Reclaimed::Some {}
    Ok(store.settle()?)
}

/// Size of a file in bytes; 0 if it does not exist.
pub(super) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}
