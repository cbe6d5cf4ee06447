//! Takes the spool file away from its writers, to absorb it into the store.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{PREFIX, Spool, TAKEN};
use crate::base::Interrupt;
use crate::base::files::{named, sync_dir};

/// How long writers are waited for, in polls; each writer holds the lock for one write.
const GLANCES: u32 = 200;
const GLANCE: Duration = Duration::from_millis(10);

/// A file that no writer opens any more. Removing it is the last step of absorbing it.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Its id in the store.
    pub(crate) id: String,
    pub(super) path: PathBuf,
}

impl Spool {
    /// Taken files that were not finished, oldest first.
    pub(crate) fn left(&self) -> io::Result<Vec<Taken>> {
        Ok(self
            .files(TAKEN)?
            .into_iter()
            .map(|(id, path)| Taken { id, path })
            .collect())
    }

    /// Takes the lines written so far, under the new id `id`; `None` if there are none. Only the
    /// holder of [`Spool::lock`] may do this. Writers may still be active: see [`Taken::settle`].
    pub(crate) fn take(&self, id: &str) -> io::Result<Option<Taken>> {
        let path = self.lines();
        let failed = |e: &io::Error| named(e, "cannot take the spool", &path);
        match path.symlink_metadata() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(meta) if !meta.is_file() => {
                return Err(failed(&io::Error::other("not a regular file")));
            }
            Err(e) => return Err(failed(&e)),
            Ok(_) => {}
        }
        let taken = self.dir.join(format!("{PREFIX}{id}{TAKEN}"));
        std::fs::rename(&path, &taken).map_err(|e| failed(&e))?;
        sync_dir(&self.dir)?;
        Ok(Some(Taken {
            id: id.to_owned(),
            path: taken,
        }))
    }
}

impl Taken {
    /// Waits until no writer appends to the file any more; false if one keeps its lock too long. A
    /// writer checks under its shared lock whether the file still has its name, so one moment with
    /// an exclusive lock is enough. New writers already use the new file, so they cannot prolong
    /// the wait.
    pub(crate) fn settle(&self, interrupt: &Interrupt) -> io::Result<bool> {
        let failed = |e: &io::Error| named(e, "cannot lock the spool", &self.path);
        let file = File::options()
            .append(true)
            .open(&self.path)
            .map_err(|e| failed(&e))?;
        let mut glances = 0;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(true),
                Err(TryLockError::Error(e)) => return Err(failed(&e)),
                Err(TryLockError::WouldBlock) if glances >= GLANCES || interrupt.wait(GLANCE) => {
                    return Ok(false);
                }
                Err(TryLockError::WouldBlock) => glances += 1,
            }
        }
    }

    /// Removes the file; the store must have all of it.
    pub(crate) fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path).map_err(|e| named(&e, "cannot remove", &self.path))?;
        self.path.parent().map_or(Ok(()), sync_dir)
    }
}
