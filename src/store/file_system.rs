//! File-system features that SQLite needs below a store and that some network file systems lack:
//! locks, and shared memory mapped from a file.

use std::path::Path;

use rusqlite::ffi;

/// A feature that the file system lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingFeature {
    /// Locks on files.
    Locks,
    /// Files mapped into the memory of several processes.
    SharedMemory,
}

impl MissingFeature {
    /// The missing feature that an error of SQLite on the file at `path` indicates; `None` for
    /// other errors. SQLite reports a file system without locks like a lock held by another
    /// process, so locking is tested.
    pub(super) fn shown_by(error: &rusqlite::Error, path: &Path) -> Option<Self> {
        let code = error.sqlite_error()?.extended_code;
        match code {
            ffi::SQLITE_IOERR_SHMMAP | ffi::SQLITE_IOERR_SHMLOCK => Some(Self::SharedMemory),
            ffi::SQLITE_IOERR_LOCK
            | ffi::SQLITE_IOERR_RDLOCK
            | ffi::SQLITE_IOERR_UNLOCK
            | ffi::SQLITE_PROTOCOL => Some(Self::Locks),
            _ if code & 0xff == ffi::SQLITE_BUSY => has_no_locks(path).then_some(Self::Locks),
            _ => None,
        }
    }

    /// The feature, for people.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Locks => "file locks",
            Self::SharedMemory => "shared memory for files",
        }
    }
}

impl std::fmt::Display for MissingFeature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.words())
    }
}

/// True if files in the directory of `path` cannot be locked. The test uses an unnamed file, not
/// the store: closing the store's file would release the locks that SQLite holds on it.
#[cfg(unix)]
fn has_no_locks(path: &Path) -> bool {
    use rustix::fs::{FlockOperation, fcntl_lock};
    use rustix::io::Errno;
    let Some(file) = path
        .parent()
        .and_then(|dir| tempfile::tempfile_in(dir).ok())
    else {
        return false;
    };
    matches!(
        fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive),
        Err(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL)
    )
}

#[cfg(not(unix))]
fn has_no_locks(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_from_what_is_busy() {
        let dir = tempfile::tempdir().unwrap();
        let shown = |code| {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            MissingFeature::shown_by(&error, &dir.path().join("s.db"))
        };
        for (code, missing) in [
            (ffi::SQLITE_IOERR_SHMMAP, Some(MissingFeature::SharedMemory)),
            (ffi::SQLITE_IOERR_LOCK, Some(MissingFeature::Locks)),
            (ffi::SQLITE_PROTOCOL, Some(MissingFeature::Locks)),
            (ffi::SQLITE_BUSY, None),
            (ffi::SQLITE_IOERR_READ, None),
        ] {
            assert_eq!(shown(code), missing, "{code}");
        }
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            0,
            "the trial leaves nothing"
        );
    }
}
