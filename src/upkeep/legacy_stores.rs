//! Older stores on disk: listed by name and size, never opened.

use std::path::Path;

use serde::Serialize;

use crate::base::text::path;

/// A file of an older Spec Kitty that may hold events or bodies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LegacyStore {
    /// The file.
    pub(crate) path: String,
    /// `queue`, `scoped_queue` or `journal`.
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

/// The older stores below `home`, in the order of their paths.
pub(super) fn find(home: &Path) -> Vec<LegacyStore> {
    let mut found = Vec::new();
    for below in ["", "queues", "event_journal"] {
        let Ok(entries) = std::fs::read_dir(home.join(below)) else { continue };
        for entry in entries.flatten() {
            let kind = entry.file_name().to_str().and_then(|name| kind(below, name));
            let Some((kind, meta)) = kind.zip(entry.metadata().ok().filter(std::fs::Metadata::is_file)) else {
                continue;
            };
            let (path, size) = (path(&entry.path()), meta.len());
            found.push(LegacyStore { path, kind, size, event_rows: None, body_rows: None, imported: false });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// What kind of store a file of this name is, in this directory below the home.
fn kind(below: &str, name: &str) -> Option<&'static str> {
    let stem = name.strip_suffix(".db")?;
    match below {
        "" => (stem == "queue").then_some("queue"),
        "queues" => {
            let digest = stem.strip_prefix("queue-").filter(|d| !d.is_empty())?;
            digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')).then_some("scoped_queue")
        }
        _ => stem.starts_with("journal-").then_some("journal"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_found_by_name_and_nothing_else_is() {
        let home = tempfile::tempdir().unwrap();
        for file in [
            "queue.db",
            "queues/queue-00ff.db",
            "queues/queue-NOTHEX.db",
            "queues/queue-00ff.db.bak",
            "event_journal/journal-local.db",
            "event_journal/journal-local.db-wal",
            "config.toml",
        ] {
            let file = home.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "xyz").unwrap();
        }
        let kinds: Vec<_> = find(home.path()).into_iter().map(|s| (s.kind, s.size)).collect();
        assert_eq!(kinds, [("journal", 3), ("queue", 3), ("scoped_queue", 3)]);
        assert_eq!(find(&home.path().join("absent")), []);
    }
}
