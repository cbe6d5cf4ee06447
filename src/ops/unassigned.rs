//! What older stores held that names no project: given to the project at hand, on a person's word.

use super::migrate::policy;
use super::report::Report;
use super::{Error, Workspace, World};
use crate::legacy::{self, Given, Unassigned};

/// What lies there. Creates nothing.
pub(crate) fn unassigned(workspace: &Workspace) -> Unassigned {
    legacy::unassigned(&workspace.home.unassigned_imports().store())
}

/// Gives it to the project at hand, and notes that in the report of `migrate`. Called only with a person's word for it:
/// nothing in the events says that they are the project's.
pub(crate) fn adopt_unassigned(world: &World<'_>, workspace: &Workspace, report: &mut Report) -> Result<(), Error> {
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

fn give(world: &World<'_>, workspace: &Workspace) -> Result<Given, Error> {
    let patience = workspace.loaded.config.drain.lock_wait;
    let _alone = legacy::lock_sources(&workspace.home, "migrate adopt", patience, world.clock, world.interrupt)?;
    let (from, to) = (workspace.home.unassigned_imports().store(), workspace.place.store());
    Ok(legacy::give((&from, &to), &policy(workspace), world.clock, world.interrupt)?)
}
