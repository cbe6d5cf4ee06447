//! A lock between processes: held by an open file, so that the system releases it when its holder
//! ends, even by a crash.
//!
//! The lock file is never read or written: on some systems a locked file cannot be read even by its
//! holder. A file next to it names the holder.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Clock, Interrupt, files};

/// The process that holds a lock, for messages of waiting processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// Process id.
    pub(crate) pid: u32,
    /// When it took the lock, RFC 3339.
    pub(crate) since: String,
    /// Command that holds the lock.
    pub(crate) doing: String,
}

/// A held lock; released on drop.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    holder_path: PathBuf,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Another process held it during the whole wait.
    #[error("another sk-sync holds {path}")]
    Held {
        /// The lock file.
        path: String,
        /// The process that holds it; `None` if unknown.
        holder: Option<Holder>,
    },
    /// The wait was interrupted.
    #[error("interrupted while waiting for {path}")]
    Interrupted {
        /// The lock file.
        path: String,
    },
    /// The file system has no locks.
    #[error("cannot lock {path}: its file system has no locks")]
    Unsupported {
        /// The lock file.
        path: String,
    },
    /// The lock file cannot be created or locked.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Lock {
    /// Takes the lock at `path`, waiting at most `patience`. Other processes are shown `doing`.
    pub(crate) fn take(
        path: &Path,
        doing: &str,
        patience: Duration,
        clock: &dyn Clock,
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        files::create_private_file(path)?;
        let file = File::options()
            .write(true)
            .open(path)
            .map_err(|e| files::named(&e, "cannot open", path))?;
        let holder_path = path.with_extension("holder");
        let until = clock.now().after(patience);
        let name = || crate::base::text::path(path);
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(std::fs::TryLockError::Error(e)) if is_unsupported(&e) => {
                    return Err(Error::Unsupported { path: name() });
                }
                Err(std::fs::TryLockError::Error(e)) => {
                    return Err(files::named(&e, "cannot lock", path).into());
                }
                Err(std::fs::TryLockError::WouldBlock) if clock.now() >= until => {
                    let holder = std::fs::read(&holder_path)
                        .ok()
                        .and_then(|b| serde_json::from_slice(&b).ok());
                    return Err(Error::Held {
                        path: name(),
                        holder,
                    });
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    if interrupt.wait(Duration::from_millis(25)) {
                        return Err(Error::Interrupted { path: name() });
                    }
                }
            }
        }
        let lock = Self { file, holder_path };
        let holder = Holder {
            pid: std::process::id(),
            since: clock.now().to_string(),
            doing: doing.to_owned(),
        };
        // Information for other processes only; the lock works without it. Not flushed to disk, and
        // one name for the temporary file: a process killed before the rename leaves one behind,
        // which the next holder overwrites.
        if let Ok(text) = serde_json::to_vec(&holder)
            && let Err(e) = files::replace_lightly(&lock.holder_path, &text)
        {
            log::debug!("cannot say who holds the lock: {e}");
        }
        Ok(lock)
    }
}

/// True for the errors of file systems without locks: network mounts without a lock service, some
/// FUSE file systems.
fn is_unsupported(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error()) {
        return true;
    }
    error.kind() == io::ErrorKind::Unsupported
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_file(&self.holder_path) {
            log::debug!("cannot remove {}: {e}", self.holder_path.display());
        }
        if let Err(e) = self.file.unlock() {
            log::debug!("cannot unlock: {e}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;

    #[test]
    fn one_at_a_time_and_the_other_learns_who() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("drain.lock");
        let take = |patience| {
            Lock::take(
                &path,
                "drain",
                patience,
                &SystemClock,
                &Interrupt::default(),
            )
        };
        let first = take(Duration::ZERO).unwrap();
        match take(Duration::from_millis(30)).unwrap_err() {
            Error::Held {
                holder: Some(holder),
                ..
            } => {
                assert_eq!(
                    (holder.pid, holder.doing.as_str()),
                    (std::process::id(), "drain")
                );
            }
            other => panic!("{other}"),
        }
        drop(first);
        // A process was killed while writing the holder file.
        std::fs::write(path.with_extension("new"), b"{").unwrap();
        drop(take(Duration::ZERO).unwrap());
        let left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(left, [path.as_path()]);
        assert!(!path.with_extension("holder").exists());
    }

    #[test]
    fn an_interrupt_ends_the_wait() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("drain.lock");
        let interrupt = Interrupt::default();
        let _first = Lock::take(&path, "drain", Duration::ZERO, &SystemClock, &interrupt).unwrap();
        interrupt.request();
        let second = Lock::take(
            &path,
            "drain",
            Duration::from_mins(1),
            &SystemClock,
            &interrupt,
        );
        assert!(matches!(second, Err(Error::Interrupted { .. })));
    }
}
