//! Imports older stores, as a separate command and in every run.

use std::time::Duration;

use super::balances::EventBalance;
use super::imported::{Imported, waiting};
use super::older::{request, roots, tracked};
use super::report::{Balance, Project, Report};
use super::{Error, Workspace, World, opening};
use crate::base::files;
use crate::books;
use crate::endpoint::Resolved;
use crate::legacy::{self, Destination, Giver, Waiting};
use crate::store::ReadStore;

/// Imports new rows during a run. If another process is importing at that moment, this is left to
/// it.
pub(super) fn on_the_way(
    world: &World<'_>,
    workspace: &Workspace,
    resolved: &Resolved,
) -> Result<Imported, Error> {
    let (roots, tracked) = (roots(workspace), tracked(world, workspace));
    let taken = legacy::take_over(&request(
        world,
        workspace,
        resolved,
        (&roots, &tracked),
        Duration::ZERO,
    ))?;
    Ok(Imported::of(workspace, &taken))
}

/// `migrate`: imports new rows, and retries unreadable stores. With `adopts`, older stores of the
/// project are assigned to this repository.
pub(crate) fn migrate(
    world: &World<'_>,
    workspace: &Workspace,
    resolved: &Resolved,
    (dry_run, adopts): (bool, bool),
) -> Result<Report, Error> {
    let mut report = Report::new("migrate");
    report.dry_run = dry_run;
    let store = workspace.place.store();
    report.project = Some(Project::of(workspace));
    report.target.clone_from(&resolved.identity);
    report
        .warnings
        .extend(workspace.loaded.warnings.iter().cloned());
    let (roots, tracked) = (roots(workspace), tracked(world, workspace));
    let patience = workspace.loaded.config.drain.lock_wait;
    let request = request(world, workspace, resolved, (&roots, &tracked), patience);
    let request = legacy::Request {
        retries: true,
        is_adopted: request.is_adopted || adopts,
        ..request
    };
    if !dry_run {
        report
            .warnings
            .extend(opening::absorb_waiting(world, workspace)?.warnings);
    }
    let taken = if dry_run {
        legacy::preview(&request)?
    } else {
        legacy::take_over(&request)?
    };
    report.standing.is_locked_out = taken.is_busy;
    report.standing.store_errors = taken.store_errors;
    let Imported {
        mut section,
        warnings,
        was_interrupted,
    } = Imported::of(workspace, &taken);
    report.warnings.extend(warnings);
    report.standing.was_interrupted = was_interrupted;
    if !dry_run {
        section.open_conflicts = Some(legacy::open_conflicts(&store));
    }
    report.migrate = Some(section);
    let target_id = resolved.target_id();
    let read = |store: ReadStore| {
        store.read(|tx| Ok::<_, Error>(EventBalance::of(tx, target_id)?.balance))
    };
    match books::open_read(&store)
        .map_err(Error::from)
        .and_then(|store| store.map(read).transpose())
    {
        Ok(balance) => report.balance = balance.map(|balance| Balance::of(&balance, false)),
        Err(error) => report
            .warnings
            .push(format!("this project's store cannot be read: {error}")),
    }
    Ok(report)
}

/// Rows of older stores of this project that this repository has not imported; and rows without a
/// project that no run has read yet. Reads private copies and writes nothing to our stores.
pub(crate) fn waiting_older(
    world: &World<'_>,
    workspace: &Workspace,
    resolved: &Resolved,
) -> Result<(Waiting, Waiting), Error> {
    let (roots, tracked) = (roots(workspace), tracked(world, workspace));
    let request = request(
        world,
        workspace,
        resolved,
        (&roots, &tracked),
        Duration::ZERO,
    );
    let taken = legacy::preview(&request)?;
    Ok((
        waiting(workspace, &taken),
        taken.waiting(Destination::Unassigned.name()),
    ))
}

/// Assigns older stores of the project to this repository from now on. Call this only with a user's
/// confirmation: the project's id is a claim that any clone can make.
pub(crate) fn adopt_older(world: &World<'_>, workspace: &Workspace) -> Result<(), Error> {
    workspace.project_uuid()?;
    let file = workspace.place.adopted();
    files::create_private_dir(workspace.place.dir()).map_err(Error::Output)?;
    files::replace(&file, format!("{}\n", world.clock.now()).as_bytes()).map_err(Error::Output)
}

/// Result of `migrate release`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Released {
    /// Number of released events, or of those that would be released.
    pub(crate) events: u64,
    /// A stop was requested before the end.
    pub(crate) was_interrupted: bool,
}

/// The older stores that this project has imported events from.
pub(crate) fn imported_sources(workspace: &Workspace) -> Result<Vec<Giver>, Error> {
    match books::open_read(&workspace.place.store())? {
        Some(store) => Ok(store.read(legacy::givers)?),
        None => Ok(Vec::new()),
    }
}

/// Releases imported events of this project: of these sources, or of all for an empty list.
pub(crate) fn release_imported(
    world: &World<'_>,
    workspace: &Workspace,
    sources: &[String],
    dry_run: bool,
) -> Result<Released, Error> {
    let path = workspace.place.store();
    let Some(reader) = books::open_read(&path)? else {
        return Ok(Released::default());
    };
    if dry_run {
        let events = reader.read(|tx| legacy::count_held(tx, sources))?;
        return Ok(Released {
            events,
            was_interrupted: false,
        });
    }
    let (mut store, mut released, mut after) = (books::open(&path)?, Released::default(), 0);
    loop {
        let now = world.clock.now();
        let (events, last) = store.write(|tx| legacy::release(tx, now, sources, after))?;
        released.events += events;
        let Some(last) = last else {
            return Ok(released);
        };
        after = last;
        if world.interrupt.is_requested() {
            released.was_interrupted = true;
            return Ok(released);
        }
    }
}
