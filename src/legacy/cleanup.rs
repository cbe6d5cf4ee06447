//! Renames older stores that are fully imported: the only act that changes them, and only on
//! request.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::catalog::{Catalog, Known};
use super::{Destination, Error, Found, Kind, discover};
use crate::base::RepositoryId;
use crate::base::lock::Lock;
use crate::base::{Clock, Interrupt, files, text};
use crate::books;
use crate::config::Home;
use crate::journal;
use crate::store::Stamp;

/// Side files of a database.
const SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// An older store, and whether it may be renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The file.
    pub(crate) path: PathBuf,
    /// Why it is kept; `None` if every row of it is accounted for.
    pub(crate) obstacle: Option<String>,
    /// Its state when it was imported.
    stamp: String,
}

/// Checks every older store: which may be renamed, and why others may not. No store is opened.
pub(crate) fn plan_cleanup(home: &Home, roots: &[&Path]) -> Result<Vec<Candidate>, Error> {
    let catalog = Catalog::load(&home.state);
    let found = discover(home.legacy.as_deref(), roots).into_iter();
    found
        .map(|found| {
            let obstacle = obstacle(home, &catalog, &found)?;
            let stamp = catalog
                .get(&found.path)
                .map(|known| known.stamp.clone())
                .unwrap_or_default();
            Ok(Candidate {
                path: found.path,
                obstacle,
                stamp,
            })
        })
        .collect()
}

fn obstacle(home: &Home, catalog: &Catalog, found: &Found) -> Result<Option<String>, Error> {
    let no = |why: &str| Ok(Some(why.to_owned()));
    if found.kind == Kind::ProjectStore {
        return no("Spec Kitty 3.2.7 keeps it, and may still use it");
    }
    let Some(known) = catalog.get(&found.path) else {
        return no("it was not imported yet");
    };
    if let Some(error) = &known.error {
        return Ok(Some(format!("it was not imported: {error}")));
    }
    let Some(stamp) = Stamp::of(&found.path).map_err(Error::Io)? else {
        return no("it is not there any more");
    };
    if !known.is_settled {
        return no(
            "it was imported right after it changed, and may have changed since; run `sk-sync migrate`",
        );
    }
    if known.stamp != stamp.to_string() {
        return no("it changed since it was imported; run `sk-sync migrate`");
    }
    if known.bodies_wait {
        return no("its documents wait for migrate.imported = \"owed\"");
    }
    if known.refused > 0 {
        return Ok(Some(format!(
            "{} of its rows could not be imported",
            known.refused
        )));
    }
    if known.holds_more {
        return no("it has data this version cannot import");
    }
    if SIDES
        .iter()
        .any(|side| std::fs::metadata(beside(&found.path, side)).is_ok_and(|meta| meta.len() > 0))
    {
        return no("something writes to it, or died while it did: it has side files");
    }
    let origin = format!("import:{}", found.label);
    let mut all_open = 0;
    for name in &known.stores {
        let Some(store) = taken_to(home, known, name) else {
            return Ok(Some(format!(
                "the rows of project {name} wait for `sk-sync migrate adopt` in its repository"
            )));
        };
        let read = || match books::open_read(&store)? {
            Some(store) => {
                Ok(Some(store.read(|tx| {
                    Ok::<_, Error>(journal::conflicts(tx, i64::MAX)?)
                })?))
            }
            None => Ok::<_, Error>(None),
        };
        let open = match read() {
            Ok(Some(open)) => open,
            Ok(None) => return no("a store that it feeds is gone"),
            // Its content is unknown; the other files are independent of it.
            Err(error) => {
                return Ok(Some(format!(
                    "the store of {name}, which it feeds, cannot be read: {error}"
                )));
            }
        };
        all_open += open
            .iter()
            .filter(|conflict| conflict.origin == origin)
            .count();
    }
    Ok((all_open > 0).then(|| {
        format!("{all_open} of its rows are in conflict; see `sk-sync migrate conflicts`")
    }))
}

/// A store that has the rows of this destination; `None` if no repository imported them.
fn taken_to(home: &Home, known: &Known, name: &str) -> Option<PathBuf> {
    let below = |taker: &String| match Destination::named(name) {
        Destination::Unassigned => (taker == name).then(|| home.unassigned_imports().store()),
        Destination::Project(uuid) => {
            let (project, repository) = taker.split_once('/')?;
            let repository = RepositoryId::of_directory(repository)?;
            (project == uuid)
                .then(|| home.project(&uuid, &repository).ok())?
                .map(|place| place.store())
        }
    };
    known
        .taken_by
        .iter()
        .filter_map(below)
        .find(|store| store.exists())
}

/// Renames a file that may be renamed to `<name>.imported-<date>`, and returns the new path. An
/// existing file with the new name is never replaced, and a file that changed at the last moment
/// gets its old name back.
pub(crate) fn set_away(candidate: &Candidate, date: &str) -> Result<PathBuf, Error> {
    let Candidate { path, stamp, .. } = candidate;
    let target = beside(path, &format!(".imported-{date}"));
    if target.symlink_metadata().is_ok() {
        let taken = std::io::Error::other(format!("{} exists already", text::path(&target)));
        return Err(Error::Io(taken));
    }
    std::fs::rename(path, &target).map_err(Error::Io)?;
    let is_same = |now: &Stamp| now.to_string() == *stamp;
    if !Stamp::of(&target)
        .ok()
        .flatten()
        .as_ref()
        .is_some_and(is_same)
        && path.symlink_metadata().is_err()
    {
        std::fs::rename(&target, path).map_err(Error::Io)?;
        return Err(Error::Io(std::io::Error::other(
            "it changed at this very moment; run `sk-sync migrate`",
        )));
    }
    Ok(target)
}

/// Takes the lock that allows one process to import or rename.
pub(crate) fn lock_sources(
    home: &Home,
    doing: &str,
    patience: Duration,
    clock: &dyn Clock,
    interrupt: &Interrupt,
) -> Result<Lock, Error> {
    files::create_private_dir(&home.state).map_err(Error::Io)?;
    Lock::take(
        &home.state.join("migrate.lock"),
        doing,
        patience,
        clock,
        interrupt,
    )
    .map_err(Error::Lock)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
