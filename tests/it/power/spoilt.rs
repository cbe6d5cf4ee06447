//! A store that cannot be opened for a time.

use std::path::PathBuf;

use super::Stand;

/// The store of a stand, made unusable.
pub(super) struct Spoilt {
    store: PathBuf,
    good: Vec<u8>,
}

impl Spoilt {
    /// Spoils the store after a first run.
    pub(super) fn new(stand: &Stand) -> Self {
        let _first = stand.sandbox.sk_sync(["run"]).success();
        let store = stand.sandbox.store();
        let good = std::fs::read(&store).unwrap();
        std::fs::write(&store, "not a database, but some text").unwrap();
        Self { store, good }
    }

    /// Puts the store back as it was.
    pub(super) fn bring_back(&self) {
        std::fs::write(&self.store, &self.good).unwrap();
        for side in ["store.db-wal", "store.db-shm"] {
            let _absent = std::fs::remove_file(self.store.with_file_name(side));
        }
    }
}
