//! What is known of every older store, beside the stores: so that nothing need be read again to see that nothing is new.
//!
//! It is a memory, not a record: without it every source is read again and the marks in the stores say what is done.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::report::ShareReport;
use crate::base::{files, text};

const VERSION: u32 = 1;
/// A longer file is not ours.
const LONGEST: u64 = 64 << 20;

/// What is known of one older store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The stamp of the file when it was read.
    pub(crate) stamp: String,
    /// Everything in it is in our stores, or it is lastingly unreadable: there is no need to read it again.
    pub(crate) is_settled: bool,
    /// Why it cannot be read.
    #[serde(default)]
    pub(crate) error: Option<String>,
    /// Whose queue it was.
    #[serde(default)]
    pub(crate) provenance: String,
    /// Whose rows are in it: project ids, and `unassigned`.
    pub(crate) stores: Vec<String>,
    /// How many rows each of them has in it.
    #[serde(default)]
    pub(crate) shares: Vec<ShareReport>,
    /// The stores that have their rows of it, under this stamp: `<project id>/<repository id>`, and `unassigned`.
    #[serde(default)]
    pub(crate) taken_by: BTreeSet<String>,
    /// Event rows.
    pub(crate) event_rows: u64,
    /// Rows of its body queue.
    pub(crate) body_rows: u64,
    /// Rows of its failure log.
    pub(crate) failure_rows: u64,
    /// Its bodies were left there, because imports were to wait.
    #[serde(default)]
    pub(crate) bodies_wait: bool,
    /// Rows that could not be taken over.
    #[serde(default)]
    pub(crate) refused: u64,
    /// It holds tables or columns that nobody here knows.
    #[serde(default)]
    pub(crate) holds_more: bool,
}

/// What is known of older stores, by path.
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
    /// Reads it; an empty one when there is none that can be read.
    pub(crate) fn load(state: &Path) -> Self {
        let read = || -> Option<Self> {
            let mut text = String::new();
            std::fs::File::open(file(state)).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
            serde_json::from_str::<Self>(&text).ok().filter(|catalog| catalog.version == VERSION)
        };
        read().unwrap_or_default()
    }

    /// What is known of the file at `path`.
    pub(crate) fn get(&self, path: &Path) -> Option<&Known> {
        self.sources.get(&text::path(path))
    }

    /// Every file that something is known of, by its printed path.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&String, &Known)> {
        self.sources.iter()
    }

    /// True when some source has rows that name no project.
    pub(super) fn has_unassigned(&self) -> bool {
        self.sources.values().any(|known| known.stores.iter().any(|store| store == "unassigned"))
    }

    pub(super) fn set(&mut self, path: &Path, known: Known) {
        self.sources.insert(text::path(path), known);
    }

    /// Writes it in one step.
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
        let known = Known { stamp: "1@2#3".into(), is_settled: true, event_rows: 7, ..Known::default() };
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
