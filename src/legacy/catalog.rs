//! The cached state of every older store, so that unchanged stores need not be read again.
//!
//! Only a cache: without it every source is read again, and the marks in the stores show what was
//! imported.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::{files, text};

const VERSION: u32 = 1;
/// Largest catalog that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// The cached state of one older store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The stamp of the file when it was read.
    pub(crate) stamp: String,
    /// Everything in it is imported, or it is permanently unreadable: it need not be read again.
    pub(crate) is_settled: bool,
    /// Why it cannot be read; `None` if it can.
    #[serde(default)]
    pub(crate) error: Option<String>,
    /// Server, user and team of the queue.
    #[serde(default)]
    pub(crate) provenance: String,
    /// Stores that its rows belong to: project ids, and `unassigned`.
    pub(crate) stores: Vec<String>,
    /// Number of rows for each of them.
    #[serde(default)]
    pub(crate) shares: Vec<ShareReport>,
    /// The stores that imported their rows of it, under this stamp: `<project id>/<repository id>`,
    /// and `unassigned`.
    #[serde(default)]
    pub(crate) taken_by: BTreeSet<String>,
    /// Event rows.
    pub(crate) event_rows: u64,
    /// Rows of its body queue.
    pub(crate) body_rows: u64,
    /// Rows of its failure log.
    pub(crate) failure_rows: u64,
    /// Its documents were not imported, because imported events are on hold.
    #[serde(default)]
    pub(crate) bodies_wait: bool,
    /// Number of rows that could not be imported.
    #[serde(default)]
    pub(crate) refused: u64,
    /// It contains unknown tables or columns.
    #[serde(default)]
    pub(crate) holds_more: bool,
}

/// The share of one of our stores in an older one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShareReport {
    /// The store: a project's id, or `unassigned`.
    pub(crate) store: String,
    /// Event rows.
    pub(crate) events: u64,
    /// Rows of the body queue.
    pub(crate) bodies: u64,
    /// Rows of the failure log.
    pub(crate) failures: u64,
}

/// The cached states of older stores, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Catalog {
    version: u32,
    sources: BTreeMap<String, Known>,
}

/// The catalog's file.
fn file(state: &Path) -> PathBuf {
    state.join("older-stores.json")
}

impl Catalog {
    /// Reads the catalog; empty if it does not exist or is not readable.
    pub(crate) fn load(state: &Path) -> Self {
        let read = || -> Option<Self> {
            let mut text = String::new();
            std::fs::File::open(file(state))
                .ok()?
                .take(LONGEST)
                .read_to_string(&mut text)
                .ok()?;
            serde_json::from_str::<Self>(&text)
                .ok()
                .filter(|catalog| catalog.version == VERSION)
        };
        read().unwrap_or_default()
    }

    /// The cached state of the file at `path`; `None` if it is not in the catalog.
    pub(crate) fn get(&self, path: &Path) -> Option<&Known> {
        self.sources.get(&text::path(path))
    }

    /// Every file in the catalog, by its printed path.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&String, &Known)> {
        self.sources.iter()
    }

    /// True if some source has rows that name no project.
    pub(super) fn has_unassigned(&self) -> bool {
        self.sources
            .values()
            .any(|known| known.stores.iter().any(|store| store == "unassigned"))
    }

    pub(super) fn set(&mut self, path: &Path, known: Known) {
        self.sources.insert(text::path(path), known);
    }

    /// Writes the catalog atomically.
    pub(super) fn save(&mut self, state: &Path) -> std::io::Result<()> {
        self.version = VERSION;
        files::create_private_dir(state)?;
        files::replace(&file(state), &serde_json::to_vec(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_remembered_and_what_is_garbled_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = Path::new("/older/queue.db");
        let known = Known {
            stamp: "1@2#3".into(),
            is_settled: true,
            event_rows: 7,
            ..Known::default()
        };
        let mut catalog = Catalog::load(dir.path());
        assert_eq!(catalog.get(path), None);
        catalog.set(path, known.clone());
        catalog.save(dir.path()).unwrap();
        assert_eq!(Catalog::load(dir.path()).get(path), Some(&known));
        for garbled in ["", "{", r#"{"version":2,"sources":{}}"#] {
            std::fs::write(file(dir.path()), garbled).unwrap();
            assert_eq!(Catalog::load(dir.path()), Catalog::default());
        }
    }
}
