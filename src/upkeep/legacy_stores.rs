//! Older stores on disk: listed by name and size, never opened.

use std::path::Path;

use serde::Serialize;

use crate::base::text::path;

/// A file of an older Spec Kitty that may hold events or bodies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LegacyStore {
    /// The file.
    pub(crate) path: String,
    /// `queue`, `scoped_queue`, `journal`, `project_store`, `overflow` or `jsonl`.
    pub(crate) kind: &'static str,
    /// Bytes.
    pub(crate) size: u64,
    /// Rows as an import counted them; null before one.
    pub(crate) event_rows: Option<u64>,
    /// Rows as an import counted them; null before one.
    pub(crate) body_rows: Option<u64>,
    /// Everything in it is in our stores.
    pub(crate) imported: bool,
}

/// Where older versions keep events and bodies (`formats/storage-and-wire` section 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The home directory itself.
    Home,
    /// The queues of one server, user and team each.
    Queues,
    /// The journals of one producer each.
    Journals,
    /// The store of one project, of the newest versions.
    Project,
    /// Below a project: what a full queue was written out to.
    Overflow,
}

/// The older stores below `home`, and in the project at `root`, in the order of their paths.
pub(super) fn find(home: Option<&Path>, root: &Path) -> Vec<LegacyStore> {
    let mut found = Vec::new();
    if let Some(home) = home {
        for (below, place) in [("", Place::Home), ("queues", Place::Queues), ("event_journal", Place::Journals)] {
            found.extend(stores_in(&home.join(below), place));
        }
        let projects = std::fs::read_dir(home.join("projects")).into_iter().flatten().flatten();
        found.extend(projects.flat_map(|project| stores_in(&project.path().join("sync"), Place::Project)));
    }
    found.extend(stores_in(&root.join(".kittify/sync"), Place::Overflow));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The stores among the files of one directory. What cannot be read is not there.
fn stores_in(dir: &Path, place: Place) -> Vec<LegacyStore> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let store = |entry: std::fs::DirEntry| {
        let kind = kind(place, entry.file_name().to_str()?)?;
        let meta = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let (path, size) = (path(&entry.path()), meta.len());
        Some(LegacyStore { path, kind, size, event_rows: None, body_rows: None, imported: false })
    };
    entries.filter_map(store).collect()
}

/// What kind of store a file of this name is, in this place.
fn kind(place: Place, name: &str) -> Option<&'static str> {
    let (stem, extension) = name.rsplit_once('.')?;
    match (place, extension) {
        (Place::Home, "db") => (stem == "queue").then_some("queue"),
        (Place::Home, "jsonl") => Some("jsonl"),
        (Place::Queues, "db") => {
            let digest = stem.strip_prefix("queue-").filter(|d| !d.is_empty())?;
            digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')).then_some("scoped_queue")
        }
        (Place::Journals, "db") => stem.starts_with("journal-").then_some("journal"),
        (Place::Project, "db") => (stem == "sync").then_some("project_store"),
        (Place::Overflow, "jsonl") => stem.starts_with("overflow-").then_some("overflow"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_found_by_name_and_nothing_else_is() {
        let temp = tempfile::tempdir().unwrap();
        for file in [
            "home/queue.db",
            "home/queue.db-wal",
            "home/drained.jsonl",
            "home/config.toml",
            "home/queues/queue-00ff.db",
            "home/queues/queue-NOTHEX.db",
            "home/queues/queue-00ff.db.bak",
            "home/queues/queue.db",
            "home/event_journal/journal-local.db",
            "home/event_journal/journal-local.db-wal",
            "home/projects/p/sync/sync.db",
            "home/projects/p/sync/sync.db-shm",
            "repo/.kittify/sync/overflow-2026.jsonl",
            "repo/.kittify/canonical-events.jsonl",
        ] {
            let file = temp.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "xyz").unwrap();
        }
        let home = temp.path().join("home");
        let kinds: Vec<_> =
            find(Some(&home), &temp.path().join("repo")).into_iter().map(|s| (s.kind, s.size)).collect();
        let expected = ["jsonl", "journal", "project_store", "queue", "scoped_queue", "overflow"];
        assert_eq!(kinds, expected.map(|kind| (kind, 3)));
        assert_eq!(find(None, &home), []);
        assert_eq!(find(Some(&home.join("absent")), &home), []);
    }
}
