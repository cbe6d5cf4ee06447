//! Gives a repository its id, and its place a note of whose it is, before a command writes.

use super::owner::Owner;
use super::workspace::{Setup, Workspace};
use super::{Error, World};
use crate::base::RepositoryId;
use crate::git::{self, Known};

/// What claiming a repository came to.
#[derive(Debug, PartialEq, Eq)]
enum Claim {
    /// There is nothing to do.
    Held,
    /// The id is new: the place of the workspace is another one now.
    New,
    /// The path names the store, and why; told once, when the store is new.
    ByPath(String),
}

impl Workspace {
    /// Opens it for a command that writes: stores the repository's id first, if there is none yet.
    pub(crate) fn open_to_write(world: &World<'_>, setup: &Setup<'_>) -> Result<Self, Error> {
        let mut workspace = Self::open(world, setup)?;
        match claim(world, &workspace)? {
            Claim::Held => Ok(workspace),
            // Settings and store belong to the new id.
            Claim::New => {
                let workspace = Self::open(world, setup)?;
                note(world, &workspace);
                Ok(workspace)
            }
            Claim::ByPath(why) => {
                workspace.loaded.warnings.push(why);
                Ok(workspace)
            }
        }
    }
}

/// Sees to it that the workspace's repository has an id and that its place says whose it is.
fn claim(world: &World<'_>, workspace: &Workspace) -> Result<Claim, Error> {
    // What names no project lies apart, by the path of the git directory.
    if workspace.identity.project_uuid.is_none() {
        if workspace.place.dir().is_dir() {
            note(world, workspace);
        }
        return Ok(Claim::Held);
    }
    let place = &workspace.place;
    let is_new = !place.dir().is_dir();
    let by_path = RepositoryId::of_path(git::repository(&workspace.checkout));
    let mut claim = Claim::Held;
    // A store that is found by its path stays where it is, should its git directory come to be
    // writable.
    if is_new && workspace.repository_id == by_path {
        claim = match fresh(world)
            .map(|id| git::claim_id(&workspace.checkout, &id))
            .transpose()?
        {
            Some(Known::Kept(_)) => return Ok(Claim::New),
            Some(Known::ByPath(why)) => Claim::ByPath(format!(
                "{why}; the store of this repository is found by its path, and not if it moves"
            )),
            Some(Known::None) | None => Claim::Held,
        };
    }
    note(world, workspace);
    Ok(claim)
}

/// Has the workspace's place say whose it is. What is captured matters more than this note.
pub(super) fn note(world: &World<'_>, workspace: &Workspace) {
    let slug = workspace.identity.project_slug.clone();
    let owner = Owner::of(world, &workspace.checkout, slug);
    if let Err(error) = owner.write(&workspace.place) {
        log::debug!("cannot note whose store this is: {error}");
    }
}

fn fresh(world: &World<'_>) -> Option<RepositoryId> {
    RepositoryId::random(&world.ids.uuid())
}
