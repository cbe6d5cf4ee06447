//! The tables of one receiver: one writer, several readers, and a word to open pages on each change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::changes::Changes;
use crate::base::mutex::held;
use crate::serve::Error;
use crate::serve::engine::Trouble;
use crate::store::{ReadTx, Schema, Store};

/// Its own kind of file ("skrd"). A step is never appended: tables of another version are made
/// again.
const SCHEMA: Schema = Schema {
    application_id: 0x736b_7264,
    steps: &[&[include_str!("schema.sql")]],
};
/// How long a write waits for another receiver on the same file.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Reads at a time; more wait.
const READS: usize = 4;
/// Pages that each connection keeps in memory.
const PAGES_KIB: u16 = 1024;

/// The tables of one receiver.
#[derive(Debug)]
pub(in crate::serve) struct Model {
    path: PathBuf,
    pub(super) writer: Mutex<Store>,
    idle: Mutex<Vec<Store>>,
    reads: Semaphore,
    pub(super) changes: watch::Sender<Changes>,
    /// Keeps a directory that goes with this receiver.
    _dir: Option<tempfile::TempDir>,
}

impl Model {
    /// The tables in the file at `path`, or in a temporary file. A file that cannot be used is made
    /// again.
    pub(in crate::serve) fn open(path: Option<&Path>) -> Result<Arc<Self>, Error> {
        let (path, dir) = if let Some(path) = path {
            (path.to_owned(), None)
        } else {
            let dir = tempfile::tempdir().map_err(Error::Start)?;
            (dir.path().join("pages.db"), Some(dir))
        };
        let mut writer = match open(&path) {
            Err(e) if e.is_damage() || is_of_another_build(&e) => {
                log::info!("the tables of the pages are made again: {e}");
                remove(&path)?;
                open(&path)?
            }
            opened => opened?,
        };
        // What an operator deletes from the storage is overwritten here too.
        writer.erase_securely()?;
        Ok(Arc::new(Self {
            path,
            writer: Mutex::new(writer),
            idle: Mutex::default(),
            reads: Semaphore::new(READS),
            changes: watch::Sender::default(),
            _dir: dir,
        }))
    }

    /// Answers a question from one unchanging state of the tables, away from the threads that
    /// answer requests.
    pub(in crate::serve) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&ReadTx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        let _place = self.reads.acquire().await.map_err(|_| Trouble::Unknown)?;
        let model = Arc::clone(self);
        let asked = tokio::task::spawn_blocking(move || model.read(read)).await;
        told(
            asked
                .map_err(|e| Error::Start(std::io::Error::other(e)))
                .and_then(|answer| answer),
        )
    }

    fn read<T>(&self, read: impl FnOnce(&ReadTx<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let idle = held(&self.idle).pop();
        let store = match idle {
            Some(store) => store,
            None => open(&self.path)?,
        };
        let answer = store.read(read);
        held(&self.idle).push(store);
        answer
    }

    /// Runs `work` in a separate transaction, away from the threads that answer requests.
    pub(super) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&crate::store::WriteTx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        let model = Arc::clone(self);
        let writing = move || held(&model.writer).write(work);
        let written = tokio::task::spawn_blocking(writing).await;
        told(
            written
                .map_err(|e| Error::Start(std::io::Error::other(e)))
                .and_then(|answer| answer),
        )
    }

    /// Tells of every change from now on.
    pub(in crate::serve) fn changes(&self) -> watch::Receiver<Changes> {
        self.changes.subscribe()
    }
}

fn open(path: &Path) -> Result<Store, crate::store::Error> {
    let store = Store::open(path, &SCHEMA, LOCK_WAIT)?;
    store.keep_pages(PAGES_KIB)?;
    Ok(store)
}

fn told<T>(answer: Result<T, Error>) -> Result<T, Trouble> {
    answer.map_err(|e| {
        log::error!("the tables of the pages cannot be used: {e}");
        Trouble::Unknown
    })
}

fn is_of_another_build(error: &crate::store::Error) -> bool {
    matches!(
        error,
        crate::store::Error::Newer { .. } | crate::store::Error::OtherBuild { .. }
    )
}

/// Removes the file and its side files.
pub(in crate::serve) fn remove(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::Start(e)),
            _ => {}
        }
    }
    Ok(())
}
