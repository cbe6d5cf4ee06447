//! Finds the stores of older versions by file name.

use std::path::{Path, PathBuf};

use crate::base::text;

/// Kind of a file by its name and place, in import order: the first of two contents of one event
/// stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `queue.db`: the queue without a scope.
    Queue,
    /// `queues/queue-<digest>.db`: the queue of one server, user and team.
    ScopedQueue,
    /// `event_journal/journal-<producer>.db`, of 3.2.3 to 3.2.6.
    Journal,
    /// `projects/<uuid>/sync/sync.db`, of 3.2.7, which may still use it.
    ProjectStore,
    /// A file of events that did not fit into a full queue, below a project.
    Overflow,
    /// The same in the home directory.
    Jsonl,
    /// `migration_audit.db`: the record of an older migration, imported after the events it refers
    /// to.
    Audit,
}

impl Found {
    /// True if a file inside a repository is reached through a link out of it: a repository may
    /// contain such a link to have another file read.
    pub(super) fn leads_out(&self) -> bool {
        if self.kind != Kind::Overflow {
            return false;
        }
        // `<root>/.kittify/sync/<name>`
        let root = self.path.ancestors().nth(3).map(Path::canonicalize);
        match (root, self.path.canonicalize()) {
            (Some(Ok(root)), Ok(path)) => !path.starts_with(root),
            // A missing file is reported when it is opened.
            _ => false,
        }
    }
}

impl Kind {
    /// The word in documents.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::ScopedQueue => "scoped_queue",
            Self::Journal => "journal",
            Self::Overflow => "overflow",
            Self::Jsonl => "jsonl",
            Self::Audit => "migration_audit",
            Self::ProjectStore => "project_store",
        }
    }
}

/// An older store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The file.
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    /// Its short name: `legacy`, the digest of its scope, `journal-<producer>`, or the file's name.
    pub(crate) label: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Home,
    Queues,
    Journals,
    Project,
    Overflow,
}

/// The older stores below `home`, and in the projects at `roots`, in import order. A directory that
/// cannot be listed counts as empty.
pub(crate) fn discover(home: Option<&Path>, roots: &[&Path]) -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(home) = home {
        for (below, place) in [
            ("", Place::Home),
            ("queues", Place::Queues),
            ("event_journal", Place::Journals),
        ] {
            stores_in(&home.join(below), place, &mut found);
        }
        for project in std::fs::read_dir(home.join("projects"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let known = found.len();
            stores_in(&project.path().join("sync"), Place::Project, &mut found);
            // The label is the project's, since all these files have the same name.
            found
                .iter_mut()
                .skip(known)
                .for_each(|store| store.label = text::path(Path::new(&project.file_name())));
        }
    }
    for root in roots {
        stores_in(&root.join(".kittify/sync"), Place::Overflow, &mut found);
    }
    found.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
    found.dedup();
    found
}

fn stores_in(dir: &Path, place: Place, found: &mut Vec<Found>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if let Some((kind, label)) = name.to_str().and_then(|name| named(place, name)) {
            found.push(Found {
                path: entry.path(),
                kind,
                label,
            });
        }
    }
}

/// Kind and label of a file with this name in this place; `None` for other files.
fn named(place: Place, name: &str) -> Option<(Kind, String)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let is_digest = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    match (place, extension) {
        (Place::Home, "db") if stem == "queue" => Some((Kind::Queue, "legacy".to_owned())),
        (Place::Home, "db") if stem == "migration_audit" => Some((Kind::Audit, stem.to_owned())),
        (Place::Home, "jsonl") => Some((Kind::Jsonl, name.to_owned())),
        (Place::Queues, "db") => {
            let digest = stem
                .strip_prefix("queue-")
                .filter(|digest| is_digest(digest))?;
            Some((Kind::ScopedQueue, digest.to_owned()))
        }
        (Place::Journals, "db") if stem.starts_with("journal-") => {
            Some((Kind::Journal, stem.to_owned()))
        }
        (Place::Project, "db") if stem == "sync" => Some((Kind::ProjectStore, stem.to_owned())),
        (Place::Overflow, "jsonl") if stem.starts_with("overflow-") => {
            Some((Kind::Overflow, name.to_owned()))
        }
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
            "home/migration_audit.db",
            "home/config.toml",
            "home/queues/queue-00ff.db",
            "home/queues/queue-00fe.db",
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
        let (home, repo) = (temp.path().join("home"), temp.path().join("repo"));
        let found = discover(Some(&home), &[&repo, &repo]);
        let seen: Vec<_> = found
            .iter()
            .map(|found| (found.kind.word(), found.label.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("queue", "legacy"),
                ("scoped_queue", "00fe"),
                ("scoped_queue", "00ff"),
                ("journal", "journal-local"),
                ("project_store", "p"),
                ("overflow", "overflow-2026.jsonl"),
                ("jsonl", "drained.jsonl"),
                ("migration_audit", "migration_audit"),
            ]
        );
        assert_eq!(discover(None, &[&home]), []);
        assert_eq!(discover(Some(&home.join("absent")), &[]), []);
    }
}
