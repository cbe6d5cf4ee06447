//! The spool: events captured while the store could not be opened, in a file next to it until a run
//! absorbs them.
//!
//! * `line` is the form of one line; `write` appends lines and makes them durable; `take` renames
//!   the file so that no writer uses it any more; `read` reads a taken file; `look` counts waiting
//!   lines without changing anything.
//!
//! Files next to the store: `spool.lines` (being written), `spool-<id>.taken` (being absorbed, or
//! left by a process that was killed meanwhile), `spool-<id>.damaged` (the unreadable lines of a
//! taken file, for the user) and `spool.lock` (held by the absorbing process). All are for the
//! owner only.
//!
//! **Invariant:** a line is acknowledged only when it is on disk under a name that the next run
//! reads. Writers hold a shared lock and check that the name still refers to their file; the
//! absorbing process renames the file, so that no new writer opens it, and reads it after an
//! exclusive lock, so that no writer is left. **Invariant:** a taken file is removed only after the
//! store has every line of it. The number of absorbed bytes is in the store, changed in the
//! transaction that adds the lines, so a killed run is completed and no line is added twice.
//! **Invariant:** a line that cannot be read is never dropped.

mod line;
mod look;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod read;
mod take;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use line::{Dropped, Fate, Spooled, decode};
pub(crate) use look::Waiting;
pub(crate) use read::{Flaws, Part};
pub(crate) use take::Taken;
pub(crate) use write::Writer;

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Prefix and suffixes of the names of taken and of damaged files.
const PREFIX: &str = "spool-";
const TAKEN: &str = ".taken";
const DAMAGED: &str = ".damaged";

/// The spool of one store. It need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spool {
    dir: PathBuf,
}

impl Spool {
    /// The spool of the store at `store`, which need not exist either.
    pub(crate) fn beside(store: &Path) -> Self {
        Self {
            dir: store.parent().unwrap_or(Path::new("")).to_owned(),
        }
    }

    /// Lock held while lines are absorbed.
    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join("spool.lock")
    }

    /// True if lines were written since they were last taken; checks one file name.
    pub(crate) fn is_written(&self) -> bool {
        self.lines().symlink_metadata().is_ok()
    }

    /// The file that writers append to.
    fn lines(&self) -> PathBuf {
        self.dir.join("spool.lines")
    }

    /// The files next to the store that end in `suffix`, oldest first, each with its id.
    fn files(&self, suffix: &str) -> io::Result<Vec<(String, PathBuf)>> {
        let entries = match std::fs::read_dir(&self.dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => {
                entries.map_err(|e| crate::base::files::named(&e, "cannot list", &self.dir))?
            }
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let id = name
                .to_str()
                .and_then(|n| n.strip_prefix(PREFIX)?.strip_suffix(suffix));
            found.extend(id.map(|id| (id.to_owned(), entry.path())));
        }
        // An id begins with its time.
        found.sort_unstable();
        Ok(found)
    }
}

/// True if `path` refers to the open `file`.
fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        named => Ok(is_same(&named?, &file.metadata()?)),
    }
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Without a readable file number, files are compared by creation time.
#[cfg(not(unix))]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    matches!((a.created(), b.created()), (Ok(a), Ok(b)) if a == b)
}
