//! The SQLite file of a receiver, or the same tables in memory.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use crate::base::ids::Ids;
use crate::serve::Error;
use crate::store::{Schema, Store};

/// The receiver's own kind of file ("sksr"), apart from the stores of projects.
const SCHEMA: Schema = Schema {
    application_id: 0x736b_7372,
    steps: &[&[include_str!("../../schema.sql")]],
};
/// The domain of the receiver's counters.
pub(super) const SCOPE: &str = "serve";
/// How long a step waits for another process that writes to the same file.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Pages kept in memory: a batch of 1,000 events and the upper part of the indexes.
const PAGES_KIB: u16 = 4096;

/// The head of the feed when each webhook was last found to have nothing new, by its id: SQLite
/// numbers the events of all projects together, so that looking again from the webhook's position
/// would read the events of others each time.
pub(super) type Looked = HashMap<String, i64>;

/// A storage whose steps are transactions on one file, or in memory.
#[derive(Debug)]
pub(in crate::serve) struct Sqlite {
    pub(super) store: Store,
    pub(super) instance_id: String,
    pub(super) looked: Looked,
}

impl Sqlite {
    /// Opens the file at `path`, creating it with a new ID.
    pub(in crate::serve) fn open(path: &Path, ids: &dyn Ids) -> Result<Self, Error> {
        let store = Store::open(path, &SCHEMA, LOCK_WAIT)?;
        store.keep_pages(PAGES_KIB)?;
        Self::over(store, ids)
    }

    /// An empty storage with a new ID, which ends with this process.
    pub(in crate::serve) fn in_memory(ids: &dyn Ids) -> Result<Self, Error> {
        Self::over(Store::in_memory(&SCHEMA)?, ids)
    }

    fn over(mut store: Store, ids: &dyn Ids) -> Result<Self, Error> {
        let instance_id = store.write(|tx| -> Result<String, Error> {
            tx.prepare("INSERT INTO serve_settings (name, value) VALUES ('instance_id', ?1) ON CONFLICT DO NOTHING")?
                .execute([ids.uuid()])?;
            Ok(tx.one("SELECT value FROM serve_settings WHERE name = 'instance_id'", [], |r| r.get(0))?)
        })?;
        Ok(Self {
            store,
            instance_id,
            looked: Looked::new(),
        })
    }
}
