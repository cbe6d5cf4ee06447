//! Taking the spool out of its writers' reach, to bring it into the store.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{PREFIX, Spool, TAKEN};
use crate::base::Interrupt;
use crate::base::files::{named, sync_dir};

/// How long, in glances, writers are waited for; each holds the lock for one write.
const GLANCES: u32 = 200;
const GLANCE: Duration = Duration::from_millis(10);

/// A file that no writer finds any more. Removing it is the last step of taking it over.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Names it in the store.
    pub(crate) id: String,
    pub(super) path: PathBuf,
}

impl Spool {
    /// Files that somebody took and did not finish, oldest first.
    pub(crate) fn left(&self) -> io::Result<Vec<Taken>> {
        Ok(self.files(TAKEN)?.into_iter().map(|(id, path)| Taken { id, path }).collect())
    }

    /// Takes what was written so far, as `id`, which no other file ever had; `None` when there is nothing. Only the
    /// holder of [`Spool::lock`] may do this. Writers may still be at it: see [`Taken::settle`].
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
        Ok(Some(Taken { id: id.to_owned(), path: taken }))
    }
}

impl Taken {
    /// Waits until no writer appends to the file any more; false when one does not let go for long. A writer looks under
    /// its shared lock whether the file still has its name, so after one moment of an exclusive lock all is said. New
    /// writers are at the new file already: they cannot make this wait longer.
    pub(crate) fn settle(&self, interrupt: &Interrupt) -> io::Result<bool> {
        let failed = |e: &io::Error| named(e, "cannot lock the spool", &self.path);
        let file = File::options().append(true).open(&self.path).map_err(|e| failed(&e))?;
        let mut glances = 0;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(true),
                Err(TryLockError::Error(e)) => return Err(failed(&e)),
                Err(TryLockError::WouldBlock) if glances >= GLANCES || interrupt.wait(GLANCE) => return Ok(false),
                Err(TryLockError::WouldBlock) => glances += 1,
            }
        }
    }

    /// Removes the file: the store has all of it.
    pub(crate) fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path).map_err(|e| named(&e, "cannot remove", &self.path))?;
        self.path.parent().map_or(Ok(()), sync_dir)
    }
}
