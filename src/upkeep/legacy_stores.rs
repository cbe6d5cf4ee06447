//! Older stores on disk: listed by name and size, with the result of the last import; never opened.

use std::path::Path;

use serde::Serialize;

use crate::base::text::path;
use crate::legacy::{Catalog, Known, discover};
use crate::store::Stamp;

/// A file of an older Spec Kitty that may hold events or bodies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LegacyStore {
    /// The file.
    pub(crate) path: String,
    /// `queue`, `scoped_queue`, `journal`, `project_store`, `overflow` or `jsonl`.
    pub(crate) kind: &'static str,
    /// Size in bytes.
    pub(crate) size: u64,
    /// Number of rows counted by an import; null before one.
    pub(crate) event_rows: Option<u64>,
    /// Number of rows counted by an import; null before one.
    pub(crate) body_rows: Option<u64>,
    /// True if everything in it is imported.
    pub(crate) imported: bool,
    /// Rows of this project in it that wait for `migrate adopt`.
    pub(crate) waiting: u64,
    /// Why the last import could not read it; null if it could.
    pub(crate) error: Option<String>,
}

/// The older stores below `home`, and in the project at `root`, in import order. `store` is the
/// current store, whose place identifies project and repository.
pub(crate) fn find(
    state: &Path,
    home: Option<&Path>,
    root: &Path,
    store: &Path,
) -> Vec<LegacyStore> {
    let own = owner(store);
    let catalog = Catalog::load(state);
    let found = discover(home, &[root]).into_iter();
    found
        .filter_map(|found| {
            let stamp = Stamp::of(&found.path).ok().flatten()?;
            let known = catalog.get(&found.path);
            let counted = known.filter(|known| known.error.is_none());
            Some(LegacyStore {
                path: path(&found.path),
                kind: found.kind.word(),
                size: std::fs::metadata(&found.path).map_or(0, |meta| meta.len()),
                event_rows: counted.map(|known| known.event_rows),
                body_rows: counted.map(|known| known.body_rows),
                imported: known.is_some_and(|known| is_imported(known, &stamp)),
                waiting: known.map_or(0, |known| waiting(known, own.as_ref())),
                error: known.and_then(|known| known.error.clone()),
            })
        })
        .collect()
}

/// The project and the repository of a store, by the names of its directories.
fn owner(store: &Path) -> Option<(String, String)> {
    let mut names = store
        .ancestors()
        .skip(1)
        .map(|dir| dir.file_name().and_then(|name| name.to_str()));
    let (repository, project) = (names.next()??, names.next()??);
    Some((project.to_owned(), format!("{project}/{repository}")))
}

fn waiting(known: &Known, own: Option<&(String, String)>) -> u64 {
    let Some((project, _)) = own.filter(|(_, taker)| !known.taken_by.contains(taker)) else {
        return 0;
    };
    let shares = known.shares.iter().filter(|share| share.store == *project);
    shares
        .map(|share| share.events + share.bodies + share.failures)
        .sum()
}

/// True if the file is unchanged since all of it was imported, each project's rows by one of its
/// repositories.
fn is_imported(known: &Known, stamp: &Stamp) -> bool {
    let has = |store: &String| {
        known
            .taken_by
            .iter()
            .any(|taker| taker.split('/').next() == Some(store))
    };
    known.stores.iter().all(has)
        && known.error.is_none()
        && known.refused == 0
        && !known.bodies_wait
        && known.stamp == stamp.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_listed_by_name_and_never_opened() {
        let temp = tempfile::tempdir().unwrap();
        for file in [
            "home/queue.db",
            "home/queues/queue-00ff.db",
            "home/projects/p/sync/sync.db",
            "home/config.toml",
        ] {
            let file = temp.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "no database").unwrap();
        }
        let home = temp.path().join("home");
        let listed = find(&temp.path().join("state"), Some(&home), temp.path(), &home);
        let kinds: Vec<_> = listed
            .iter()
            .map(|s| (s.kind, s.size, s.event_rows, s.imported))
            .collect();
        assert_eq!(
            kinds,
            ["queue", "scoped_queue", "project_store"].map(|kind| (kind, 11, None, false))
        );
        assert_eq!(find(temp.path(), None, &home, &home), []);
    }
}
