//! Which repository a store belongs to. Two repositories that state the same project UUID have two
//! stores, so that a clone which claims another project's UUID gets nothing of it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Error, World};
use crate::base::env::REPOSITORY;
use crate::base::{RepositoryId, files};
use crate::config::{Home, Place};
use crate::git::{self, Checkout, Known};

/// The form of `repository.json`.
const VERSION: u32 = 1;
/// A longer `repository.json` is not read, in bytes.
const LONGEST: u64 = 64 << 10;

/// Where the repository of a store is, for people. Nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    version: u32,
    /// The common git directory, or the plain directory; `None` where a name stands for it.
    pub(crate) path: Option<PathBuf>,
    /// What `SK_SYNC_REPOSITORY` said.
    pub(crate) name: Option<String>,
    /// The project's name.
    #[serde(default)]
    pub(crate) project_slug: Option<String>,
}

/// Whether the repository of a store is still there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Presence {
    /// It is where it was.
    Present,
    /// Nothing is there any more.
    Gone,
    /// Another repository is there.
    Replaced,
    /// A name stands for it, so that any clone may be it.
    Named,
    /// Nothing says where it was.
    #[default]
    Unknown,
}

/// Looks whether the repository with this id is where its store says.
pub(super) fn presence(id: &RepositoryId, owner: Option<&Owner>) -> Presence {
    let Some(owner) = owner else {
        return Presence::Unknown;
    };
    let Some(path) = &owner.path else {
        return Presence::Named;
    };
    if !path.is_dir() {
        return Presence::Gone;
    }
    match git::id_in(path) {
        Ok(Known::Kept(kept)) if kept == *id => Presence::Present,
        Ok(Known::Kept(_)) => Presence::Replaced,
        Ok(Known::None) if RepositoryId::of_path(path) != *id => Presence::Replaced,
        // Found by its path: it is there as long as the directory is.
        Ok(Known::None | Known::ByPath(_)) | Err(_) => Presence::Present,
    }
}

/// The id of the repository that `checkout` is of: the environment's name for it, else what its git
/// directory keeps, else the digest of its path, which is also what it has before the first
/// capture.
pub(super) fn repository_id(world: &World<'_>, checkout: &Checkout) -> Result<RepositoryId, Error> {
    if let Some(name) = name(world) {
        return Ok(RepositoryId::of_name(name));
    }
    Ok(match git::known_id(checkout)? {
        Known::Kept(id) => id,
        Known::None | Known::ByPath(_) => RepositoryId::of_path(git::repository(checkout)),
    })
}

/// The ID of `checkout` instead of `id`, and a notice, if another repository that still exists has
/// the store of `id` in `home`: one of the two is a copy with its git directory, and gets a
/// separate store. A repository that was moved has its store. `None` where the store is this
/// repository's.
pub(super) fn apart(
    world: &World<'_>,
    home: &Home,
    project_uuid: &str,
    id: &RepositoryId,
    checkout: &Checkout,
) -> Result<Option<(RepositoryId, String)>, Error> {
    let own = git::repository(checkout);
    let by_path = RepositoryId::of_path(own);
    if *id == by_path || name(world).is_some() {
        return Ok(None);
    }
    let owner = Owner::read(&home.project(project_uuid, id)?);
    let Some(other) = owner
        .as_ref()
        .and_then(|owner| owner.path.as_deref())
        .filter(|path| !is_same(path, own))
    else {
        return Ok(None);
    };
    // Once apart, apart for good: what was captured here stays here.
    let was_apart = home.project(project_uuid, &by_path)?.dir().is_dir();
    if !was_apart && presence(id, owner.as_ref()) != Presence::Present {
        return Ok(None);
    }
    let other = crate::base::text::path(other);
    let words = format!(
        "this repository is a copy of {other}, which has the store; the copy has a separate one"
    );
    Ok(Some((by_path, words)))
}

/// True for two names of one directory.
fn is_same(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    if let (Ok(one), Ok(other)) = (one.metadata(), other.metadata()) {
        use std::os::unix::fs::MetadataExt as _;
        return (one.dev(), one.ino()) == (other.dev(), other.ino());
    }
    one == other
}

impl Owner {
    /// The repository of `checkout`, with the name of its project.
    pub(super) fn of(world: &World<'_>, checkout: &Checkout, project_slug: Option<String>) -> Self {
        let name = name(world).map(str::to_owned);
        let path = name.is_none().then(|| git::repository(checkout).to_owned());
        Self {
            version: VERSION,
            path,
            name,
            project_slug,
        }
    }

    /// What the place says of its repository; `None` where it says nothing that can be read.
    pub(crate) fn read(place: &Place) -> Option<Self> {
        let bytes = files::read_regular(&place.repository(), LONGEST).ok()?;
        serde_json::from_slice(&bytes)
            .ok()
            .filter(|owner: &Self| owner.version == VERSION)
    }

    /// Writes down whose place it is, unless it says so already.
    pub(super) fn write(&self, place: &Place) -> std::io::Result<()> {
        if Self::read(place).as_ref() == Some(self) {
            return Ok(());
        }
        files::create_private_dir(place.dir())?;
        // A path that is not text cannot be written as JSON.
        let Ok(bytes) = serde_json::to_vec(self) else {
            return Ok(());
        };
        files::replace_lightly(&place.repository(), &bytes)
    }
}

fn name<'a>(world: &World<'a>) -> Option<&'a str> {
    world
        .env
        .text(REPOSITORY)
        .map(str::trim)
        .filter(|name| !name.is_empty())
}
