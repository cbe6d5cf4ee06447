//! Assigns events without a project to the current project: rows of older stores, on a user's
//! confirmation, and events that this repository captured before it had an id.

use super::older::policy;
use super::report::Report;
use super::{Error, Workspace, World};
use crate::git;
use crate::legacy::{self, Given, Policy, Unassigned};

/// The unassigned events. Creates nothing.
pub(crate) fn unassigned(workspace: &Workspace) -> Unassigned {
    legacy::unassigned(&workspace.home.unassigned_imports().store())
}

/// Assigns them to the current project, and adds that to the report of `migrate`. Call this only
/// with a user's confirmation: nothing in the events says that they belong to the project.
pub(crate) fn adopt_unassigned(
    world: &World<'_>,
    workspace: &Workspace,
    report: &mut Report,
) -> Result<(), Error> {
    workspace.project_uuid()?;
    let given = give(world, workspace)?;
    report.standing.was_interrupted |= given.was_interrupted;
    if given.undecided > 0 {
        report.warnings.push(format!(
            "{} events that name no project stay where they are: their ids have two contents; see `sk-sync migrate \
             conflicts`",
            given.undecided
        ));
    }
    if let Some(migrate) = &mut report.migrate {
        migrate.unassigned = Some(given);
        migrate.open_conflicts = Some(legacy::open_conflicts(&workspace.place.store()));
    }
    Ok(())
}

/// Assigns the events that this repository captured before it had an id to the project; returns a
/// message about it.
pub(super) fn adopt_earlier(
    world: &World<'_>,
    workspace: &Workspace,
) -> Result<Option<String>, Error> {
    let identity = &workspace.identity;
    // A derived id is replaced by a real one.
    if identity.project_uuid.is_none() || identity.is_derived {
        return Ok(None);
    }
    let from = workspace
        .home
        .unassigned(git::repository(&workspace.checkout))
        .store();
    if !from.exists() {
        return Ok(None);
    }
    let Unassigned { events, error, .. } = legacy::unassigned(&from);
    if let Some(error) = error {
        return Ok(Some(format!(
            "events captured before this project had an ID stay where they are: {error}"
        )));
    }
    if events == 0 {
        return Ok(None);
    }
    let policy = Policy {
        is_held: false,
        ..policy(workspace)
    };
    let given = legacy::give(
        (&from, &workspace.place.store()),
        &policy,
        world.clock,
        world.interrupt,
    )?;
    let taken = given.adopted + given.known;
    Ok((taken > 0).then(|| {
        format!("{taken} events that were captured before this project had an id are its own now")
    }))
}

fn give(world: &World<'_>, workspace: &Workspace) -> Result<Given, Error> {
    let patience = workspace.loaded.config.drain.lock_wait;
    let _alone = legacy::lock_sources(
        &workspace.home,
        "migrate adopt",
        patience,
        world.clock,
        world.interrupt,
    )?;
    let (from, to) = (
        workspace.home.unassigned_imports().store(),
        workspace.place.store(),
    );
    Ok(legacy::give(
        (&from, &to),
        &policy(workspace),
        world.clock,
        world.interrupt,
    )?)
}
