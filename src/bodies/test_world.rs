//! A store with these tables only, and bodies to put in it.

use std::time::Duration;

use super::queue::Enqueued;
use super::stats::Counts;
use super::{Body, Entry, Error, Limits, SCHEMA, enqueue, list, queue, select, stats};
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::store::{Schema, Store, WriteTx};

/// Room enough.
pub(super) const ROOM: Limits = Limits { rows: 1000, bytes: 1 << 20 };

const TABLES: Schema = Schema { application_id: 7, steps: &[&[SCHEMA]] };

/// A store in a directory of its own.
pub(super) struct World {
    pub(super) store: Store,
    _dir: tempfile::TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("s.db"), &TABLES, Duration::from_secs(5)).unwrap();
        Self { store, _dir: dir }
    }

    pub(super) fn write<T>(&mut self, work: impl FnOnce(&WriteTx<'_>) -> Result<T, Error>) -> T {
        self.store.write(work).unwrap()
    }

    /// Queues a body of mission `m` at second `at`.
    pub(super) fn put(&mut self, path: &str, text: &str, at: i64) -> Enqueued {
        self.write(|tx| put(tx, &namespace("m"), path, text, at))
    }

    /// The queue, in order.
    pub(super) fn rows(&self) -> Vec<select::Row> {
        self.store.read(|tx| list(tx, None, u32::MAX)).unwrap()
    }

    /// Empties the queue.
    pub(super) fn clear(&mut self) {
        self.write(queue::clear);
    }

    /// The counters, once they are what a recount says and no text is left behind.
    pub(super) fn counts(&self) -> Counts {
        self.store.read(|tx| Ok::<_, Error>(balanced(tx))).unwrap()
    }
}

/// The counters, once they are what a recount says and no text is left behind.
pub(super) fn balanced(tx: &crate::store::ReadTx<'_>) -> Counts {
    let counts = stats::counts(tx).unwrap();
    assert_eq!(counts, stats::recount(tx).unwrap());
    assert_eq!(stats::unreferenced_blobs(tx).unwrap(), 0);
    counts
}

pub(super) fn namespace(mission: &str) -> NamespaceRef {
    NamespaceRef {
        project_uuid: "8a4a7da6-a97c-4bb4-893a-b31664abfee4".to_owned(),
        mission_slug: mission.to_owned(),
        target_branch: "main".to_owned(),
        mission_type: "software-dev".to_owned(),
        manifest_version: "1".to_owned(),
    }
}

pub(super) fn body(text: &str) -> Body {
    Body::verify(text.as_bytes().to_vec(), Sha256::of(text.as_bytes())).unwrap()
}

pub(super) fn second(at: i64) -> Timestamp {
    Timestamp::from_micros(at * 1_000_000)
}

pub(super) fn put(
    tx: &WriteTx<'_>,
    namespace: &NamespaceRef,
    path: &str,
    text: &str,
    at: i64,
) -> Result<Enqueued, Error> {
    enqueue(tx, &Entry { namespace, path, body: &body(text) }, second(at), &ROOM)
}
