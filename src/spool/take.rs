//! Taking the spool out of its writers' reach, to bring it into the store.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{DAMAGED, PREFIX, Spool, TAKEN, is_named};
use crate::base::Interrupt;
use crate::base::files::{named, sync_dir};

/// How long, in glances, writers are waited for; each holds the lock for one write.
const GLANCES: u32 = 200;
const GLANCE: Duration = Duration::from_millis(10);

/// A file that no writer appends to any more. Removing it is the last step of taking it over.
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

    /// Takes what was written so far, as `id`; `None` when there is nothing, or when its writers do not let go.
    /// Only the holder of [`Spool::lock`] may do this.
    pub(crate) fn take(&self, id: &str, interrupt: &Interrupt) -> io::Result<Option<Taken>> {
        let path = self.lines();
        let failed = |e: &io::Error| named(e, "cannot take the spool", &path);
        let file = match File::options().append(true).open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|e| failed(&e))?,
        };
        let mut glances = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(e)) => return Err(failed(&e)),
                Err(TryLockError::WouldBlock) if glances >= GLANCES || interrupt.wait(GLANCE) => return Ok(None),
                Err(TryLockError::WouldBlock) => glances += 1,
            }
        }
        if !is_named(&file, &path)? {
            return Ok(None);
        }
        let taken = self.dir.join(format!("{PREFIX}{id}{TAKEN}"));
        std::fs::rename(&path, &taken).map_err(|e| failed(&e))?;
        sync_dir(&self.dir)?;
        Ok(Some(Taken { id: id.to_owned(), path: taken }))
    }

    /// Removes the lines that were kept aside because they cannot be read; returns how many files that were. Only for a
    /// project that is removed, after what can be read was taken over: those ids stay known, these bytes have none.
    #[cfg_attr(not(test), expect(dead_code, reason = "`purge` comes later"))]
    pub(crate) fn remove_damaged(&self) -> io::Result<usize> {
        let files = self.files(DAMAGED)?;
        for (_, path) in &files {
            std::fs::remove_file(path).map_err(|e| named(&e, "cannot remove", path))?;
        }
        sync_dir(&self.dir)?;
        Ok(files.len())
    }
}

impl Taken {
    /// Removes the file: the store has all of it.
    pub(crate) fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path).map_err(|e| named(&e, "cannot remove", &self.path))?;
        self.path.parent().map_or(Ok(()), sync_dir)
    }
}
