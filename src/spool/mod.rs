//! The spool: what was captured while the store could not be opened, in a file beside it until a run takes it over.
//!
//! * `line` is the form of one line; `write` appends lines and makes them durable; `take` puts the file out of the
//!   writers' reach; `read` reads a file that was taken; `look` counts what waits, for those who change nothing.
//!
//! Beside the store lie `spool.lines` (being written), `spool-<id>.taken` (being taken over, or left by somebody who was
//! killed at that), `spool-<id>.damaged` (the lines of a taken file that cannot be read, for a person to look at) and
//! `spool.lock` (held by the one who takes over). Everything is for the owner alone.
//!
//! **Invariant:** a line is acknowledged only when it is on disk under a name that the next run looks at. Writers hold a
//! shared lock and check that the name still means their file; whoever takes it renames it, so that no new writer comes,
//! and reads it after an exclusive lock, so that none is left.
//! **Invariant:** a taken file is removed only after the store has every line of it. How far it is taken over stands in
//! the store, changed in the transaction that adds the lines, so a run that was killed is completed and nothing doubles.
//! **Invariant:** a line that cannot be read is never dropped.

mod line;
mod look;
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

/// What the names of taken and of damaged files begin and end with.
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
        Self { dir: store.parent().unwrap_or(Path::new("")).to_owned() }
    }

    /// Held while lines are taken over.
    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join("spool.lock")
    }

    /// True when somebody wrote lines since they were last taken: one look at a name.
    pub(crate) fn is_written(&self) -> bool {
        self.lines().symlink_metadata().is_ok()
    }

    /// The file that writers append to.
    fn lines(&self) -> PathBuf {
        self.dir.join("spool.lines")
    }

    /// The files beside the store that end in `suffix`, oldest first, each with its id.
    fn files(&self, suffix: &str) -> io::Result<Vec<(String, PathBuf)>> {
        let entries = match std::fs::read_dir(&self.dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|e| crate::base::files::named(&e, "cannot list", &self.dir))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let id = name.to_str().and_then(|n| n.strip_prefix(PREFIX)?.strip_suffix(suffix));
            found.extend(id.map(|id| (id.to_owned(), entry.path())));
        }
        // An id begins with its time.
        found.sort_unstable();
        Ok(found)
    }
}

/// True when `path` is the name of the open `file`.
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

/// Where a file has no number that can be read, it is known by the moment of its creation.
#[cfg(not(unix))]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    matches!((a.created(), b.created()), (Ok(a), Ok(b)) if a == b)
}
