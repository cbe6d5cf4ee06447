//! Adopts the store of a repository that no longer exists. If this repository has no store, the
//! other becomes its store, with ledger, consents and settings; otherwise its undelivered events
//! and documents are copied.

use std::path::{Path, PathBuf};

use super::owner::{Owner, Presence, presence};
use super::{Error, Workspace, World, claim};
use crate::base::files;
use crate::base::text::path;
use crate::config::{Listed, Place};

/// File next to a store that was copied: contains the id of the repository that has the copy.
const ADOPTED: &str = "adopted-by";
/// Largest size of that file, in bytes.
const LONGEST: u64 = 256;

/// A store to adopt.
#[derive(Debug)]
pub(crate) struct Abandoned {
    /// Id of its repository.
    pub(crate) repository_id: String,
    /// Path of its repository, if known.
    pub(crate) repository: Option<String>,
    /// Its files.
    pub(crate) place: Place,
}

/// The store of this project whose repository id begins with `prefix`.
pub(crate) fn abandoned(workspace: &Workspace, prefix: &str) -> Result<Abandoned, Error> {
    let project = workspace.project_uuid()?.to_ascii_lowercase();
    let refuse = |what: String| Err(Error::NotAdoptable(what));
    let places = workspace.home.places();
    let begins =
        |listed: &&Listed| !prefix.is_empty() && listed.repository.as_str().starts_with(prefix);
    let mut of_project = places
        .iter()
        .filter(|listed| listed.project_uuid == project)
        .filter(begins);
    let (found, others) = (of_project.next(), of_project.count());
    let Some(found) = found else {
        return match places.iter().find(begins) {
            Some(other) => refuse(format!(
                "it holds the project {}, and this is {project}",
                other.project_uuid
            )),
            None => refuse(format!(
                "no store of this project belongs to a repository `{prefix}…`"
            )),
        };
    };
    if others > 0 {
        return refuse(format!(
            "{} stores of this project belong to repositories `{prefix}…`",
            others + 1
        ));
    }
    if let Some(error) = &found.refused {
        return refuse(error.to_string());
    }
    if found.place == workspace.place {
        return refuse("it is the store of this repository already".to_owned());
    }
    let owner = Owner::read(&found.place);
    let repository = owner.as_ref().and_then(|owner| {
        owner
            .path
            .as_deref()
            .map(path)
            .or_else(|| owner.name.clone())
    });
    let at = repository.clone().unwrap_or_default();
    match presence(&found.repository, owner.as_ref()) {
        Presence::Present => refuse(format!("its repository is still there: {at}")),
        Presence::Named => refuse(format!(
            "it belongs to the repository named by SK_SYNC_REPOSITORY={at}"
        )),
        Presence::Gone | Presence::Replaced | Presence::Unknown => Ok(Abandoned {
            repository_id: found.repository.as_str().to_owned(),
            repository,
            place: found.place.clone(),
        }),
    }
}

/// Moves the store to this repository's place if that is empty; otherwise returns false and changes
/// nothing. No process may be using the other store.
pub(crate) fn move_here(
    world: &World<'_>,
    workspace: &Workspace,
    from: &Abandoned,
) -> Result<bool, Error> {
    let dir = workspace.place.dir();
    let own_note = workspace.place.repository();
    if !holds_nothing(dir, &own_note).map_err(Error::Output)? {
        return Ok(false);
    }
    let moved = remove_if_there(&own_note, |file| std::fs::remove_file(file))
        .and_then(|()| remove_if_there(dir, |dir| std::fs::remove_dir(dir)))
        .and_then(|()| std::fs::rename(from.place.dir(), dir));
    moved.map_err(|error| Error::Output(files::named(&error, "cannot move", from.place.dir())))?;
    claim::note(world, workspace);
    Ok(true)
}

/// Records in the other place that this repository has its content.
pub(crate) fn mark_adopted(workspace: &Workspace, from: &Abandoned) -> Result<(), Error> {
    let text = format!("{}\n", workspace.repository_id.as_str());
    files::replace(&mark(&from.place), text.as_bytes()).map_err(Error::Output)
}

/// Id of the repository that adopted the content of the place; `None` if none did.
pub(super) fn adopter(place: &Place) -> Option<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(mark(place))
        .ok()?
        .take(LONGEST)
        .read_to_string(&mut text)
        .ok()?;
    Some(text.trim_end().to_owned())
}

fn mark(place: &Place) -> PathBuf {
    place.dir().join(ADOPTED)
}

/// True if the directory does not exist, or contains only its owner note.
fn holds_nothing(dir: &Path, own_note: &Path) -> std::io::Result<bool> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    for entry in entries {
        if entry?.path() != own_note {
            return Ok(false);
        }
    }
    Ok(true)
}

fn remove_if_there(
    path: &Path,
    remove: impl FnOnce(&Path) -> std::io::Result<()>,
) -> std::io::Result<()> {
    match remove(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
