//! Changes the settings of a project: planned, checked, and only then written.

use super::workspace::Setup;
use super::{Error, Workspace, World};
use crate::config::{Change, Edit, Refusal, Settings, plan_settings};

/// Applies `changes` to the settings of the project, unless `is_dry`. `check` gets the project as
/// it would be; if it fails, nothing is written.
pub(crate) fn change_settings<T, E: From<Error>>(
    world: &World<'_>,
    setup: &Setup<'_>,
    workspace: &Workspace,
    changes: &[Change<'_>],
    is_dry: bool,
    check: impl FnOnce(&Workspace) -> Result<T, E>,
) -> Result<(Edit, T), E> {
    workspace.project_uuid()?;
    if workspace.identity.is_derived {
        // They would be lost as soon as the project gets an id.
        return Err(Error::MissingIdentity.into());
    }
    let path = workspace.place.settings();
    let would_be = |edit: &Edit| {
        Workspace::open(
            world,
            &Setup {
                settings: Some(&edit.text),
                ..*setup
            },
        )
    };
    if is_dry {
        let edit = plan_settings(&path, changes).map_err(Error::from)?;
        let checked = check(&would_be(&edit)?)?;
        return Ok((edit, checked));
    }
    let held = Settings::take(&path, world.clock, world.interrupt).map_err(Error::from)?;
    let edit = held.plan(changes).map_err(Error::from)?;
    let checked = check(&would_be(&edit)?)?;
    if !edit.changes.is_empty() {
        held.apply(&edit).map_err(Error::Output)?;
    }
    Ok((edit, checked))
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Config(error) => Self::Config(error),
            Refusal::Lock(error) => Self::Lock(error),
            Refusal::Io(error) => Self::Output(error),
        }
    }
}
