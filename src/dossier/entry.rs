//! An entry of a directory.

use super::stat::Stat;

/// Kind of a directory entry, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A FIFO, a socket, a device.
    Special,
}

/// One entry of a directory.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name; a readable form of it in `Err` if it is not UTF-8.
    pub(super) name: Result<String, String>,
    pub(super) kind: EntryKind,
    /// State of a regular file that is not hidden; `None` for others.
    pub(super) stat: Option<Stat>,
}
