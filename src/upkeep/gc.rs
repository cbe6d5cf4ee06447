//! `gc`: the plan of what nobody needs, and letting it go.

use std::collections::BTreeSet;
use std::path::Path;

use crate::base::{Clock, Interrupt, Timestamp};
use crate::books::{self, Collected, Error, GcPlan, GcRule, Tally};
use crate::endpoint::Identity;
use crate::journal;
use crate::store::{ReadTx, Reclaimed, Store};

/// Which payloads to look for.
#[derive(Debug, Clone, Default)]
pub(crate) struct GcRequest {
    /// The target in force.
    pub(crate) configured: Option<Identity>,
    /// Those in a verified archive too.
    pub(crate) with_archived: bool,
    /// Ids of undeliverable events that may go as well.
    pub(crate) undeliverable: Vec<String>,
    /// Only what was captured before.
    pub(crate) captured_before: Option<Timestamp>,
}

/// Leave to let payloads go; only `--explicit` makes one.
#[derive(Debug)]
pub(crate) struct Explicit(());

impl Explicit {
    /// The leave, where the person gave it.
    pub(crate) fn given(is_given: bool) -> Option<Self> {
        is_given.then_some(Self(()))
    }
}

/// A plan, or the ids in the request that no event has.
pub(crate) type Planned = Result<GcPlan, Vec<String>>;

/// What may go and what stays, in the store at `store`. Changes nothing.
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
    let GcRequest { configured, with_archived, captured_before, .. } = request.clone();
    Ok(Ok(books::plan_collection(tx, GcRule { configured, with_archived, named, captured_before })?))
}

/// What a collection did.
#[derive(Debug, Clone, Default)]
pub(crate) struct GcReport {
    /// What went.
    pub(crate) gone: Tally,
    /// It was asked to stop; what went, went.
    pub(crate) was_interrupted: bool,
    /// Bytes of the store's file before.
    pub(crate) file_before: u64,
    /// And after.
    pub(crate) file_after: u64,
}

/// Lets go what the plan says, one transaction for each chunk, and gives the space back to the disk. Stops between two
/// steps when asked to; what is left is left for the next time.
pub(crate) fn apply_gc(
    path: &Path,
    plan: &GcPlan,
    _leave: &Explicit,
    clock: &dyn Clock,
    interrupt: &Interrupt,
) -> Result<GcReport, Error> {
    let mut report = GcReport { file_before: length(path), ..GcReport::default() };
    let mut store = books::open(path)?;
    let mut after = Some(0);
    while let Some(seq) = after.filter(|_| !interrupt.is_requested()) {
        let Collected { gone, last } = store.write(|tx| books::collect(tx, clock.now(), plan, seq))?;
        report.gone = Tally::sum(gone.values().chain([&report.gone]));
        after = last;
    }
    give_back(&mut store, interrupt)?;
    report.was_interrupted = interrupt.is_requested();
    drop(store);
    report.file_after = length(path);
    Ok(report)
}

/// Returns free pages to the disk, as long as nobody asks to stop.
pub(super) fn give_back(store: &mut Store, interrupt: &Interrupt) -> Result<(), Error> {
    while !interrupt.is_requested() && store.reclaim()? == Reclaimed::Some {}
    Ok(store.settle()?)
}

/// Bytes of a file; of none, none.
pub(super) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}
