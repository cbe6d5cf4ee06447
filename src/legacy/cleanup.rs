//! Renaming older stores that are wholly taken over: the one act that touches them, and only when asked.

use std::path::{Path, PathBuf};

use super::catalog::Catalog;
use super::take_over::place;
use super::{Destination, Error, Found, discover};
use crate::base::text;
use crate::books;
use crate::config::Home;
use crate::journal;
use crate::store::Stamp;

/// Side files that go with a database.
const SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// An older store, and whether it may be renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The file.
    pub(crate) path: PathBuf,
    /// Why it stays; `None` when every row of it is accounted for.
    pub(crate) obstacle: Option<String>,
}

/// Looks at every older store: which may be renamed, and why not the others. A pure look, nothing is opened.
pub(crate) fn plan_cleanup(home: &Home, roots: &[&Path]) -> Result<Vec<Candidate>, Error> {
    let catalog = Catalog::load(&home.state);
    let found = discover(home.legacy.as_deref(), roots).into_iter().filter(|found| found.kind.is_importable());
    found
        .map(|found| {
            let obstacle = obstacle(home, &catalog, &found)?;
            Ok(Candidate { path: found.path, obstacle })
        })
        .collect()
}

fn obstacle(home: &Home, catalog: &Catalog, found: &Found) -> Result<Option<String>, Error> {
    let no = |why: &str| Ok(Some(why.to_owned()));
    let Some(known) = catalog.get(&found.path) else { return no("it was not taken over yet") };
    if let Some(error) = &known.error {
        return Ok(Some(format!("it was not taken over: {error}")));
    }
    let Some(stamp) = Stamp::of(&found.path).map_err(Error::Io)? else { return no("it is not there any more") };
    if !known.is_settled || known.stamp != stamp.to_string() {
        return no("it changed since it was taken over; run `sk-sync migrate`");
    }
    if known.bodies_wait {
        return no("its bodies wait for migrate.imported = \"owed\"");
    }
    if known.refused > 0 {
        return Ok(Some(format!("{} of its rows could not be taken over", known.refused)));
    }
    if SIDES.iter().any(|side| std::fs::metadata(beside(&found.path, side)).is_ok_and(|meta| meta.len() > 0)) {
        return no("something writes to it, or died while it did: it has side files");
    }
    let origin = format!("import:{}", found.label);
    for name in &known.stores {
        let store = books::open_read(&place(home, &Destination::named(name))?)?;
        let Some(store) = store else { return no("a store that it feeds is gone") };
        let open = store.read(|tx| Ok::<_, Error>(journal::conflicts(tx, i64::MAX)?))?;
        let open = open.iter().filter(|conflict| conflict.origin == origin).count();
        if open > 0 {
            return Ok(Some(format!("{open} of its rows are in conflict; see `sk-sync migrate conflicts`")));
        }
    }
    Ok(None)
}

/// Renames a file that may be renamed to `<name>.imported-<date>`, and returns the new path. A name that is taken is left
/// alone.
pub(crate) fn set_away(candidate: &Candidate, date: &str) -> Result<PathBuf, Error> {
    let target = beside(&candidate.path, &format!(".imported-{date}"));
    if target.symlink_metadata().is_ok() {
        let taken = std::io::Error::other(format!("{} exists already", text::path(&target)));
        return Err(Error::Io(taken));
    }
    std::fs::rename(&candidate.path, &target).map_err(Error::Io)?;
    Ok(target)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
