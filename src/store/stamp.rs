//! File state of a database and its side files, to skip reading an unchanged one.

use std::ffi::OsString;
use std::fmt;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::Timestamp;

/// Side files with part of the data. The `-shm` file holds nothing that is not in the `-wal`.
pub(super) const SIDES: [&str; 2] = ["-wal", "-journal"];

/// Sizes, times and file numbers of a database and its side files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    files: Vec<(&'static str, One)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct One {
    size: u64,
    /// Nanoseconds since the epoch.
    modified: i128,
    inode: u64,
}

impl Stamp {
    /// The state of the file at `path` and its side files, following links; `None` if it does not
    /// exist.
    pub(crate) fn of(path: &Path) -> io::Result<Option<Self>> {
        let main = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if !main.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut files = vec![("", One::of(&main))];
        for side in SIDES {
            match std::fs::metadata(beside(path, side)) {
                // An empty side file is like a missing one.
                Ok(meta) if meta.is_file() && meta.len() > 0 => files.push((side, One::of(&meta))),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(Some(Self { files }))
    }

    /// The side files that are not empty.
    pub(super) fn sides(&self) -> impl Iterator<Item = &'static str> {
        self.files
            .iter()
            .map(|(side, _)| *side)
            .filter(|side| !side.is_empty())
    }

    /// Total size of the files in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.files
            .iter()
            .fold(0, |sum, (_, one)| sum.saturating_add(one.size))
    }

    /// True if a file changed so shortly before `now` that another change may have the same time.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        const SECOND: i128 = 1_000_000_000;
        let now = i128::from(now.as_micros()) * 1000;
        self.files
            .iter()
            .any(|(_, one)| one.modified > now - 2 * SECOND)
    }
}

impl One {
    fn of(meta: &Metadata) -> Self {
        let since = |time: std::time::SystemTime| match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
            Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(i128::MAX),
        };
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(meta);
        #[cfg(not(unix))]
        let inode = 0;
        Self {
            size: meta.len(),
            modified: meta.modified().map(since).unwrap_or_default(),
            inode,
        }
    }
}

impl fmt::Display for Stamp {
    /// `size@nanoseconds#inode`, one for each file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (
            at,
            (
                side,
                One {
                    size,
                    modified,
                    inode,
                },
            ),
        ) in self.files.iter().enumerate()
        {
            let separator = if at > 0 { " " } else { "" };
            write!(f, "{separator}{side}{size}@{modified}#{inode}")?;
        }
        Ok(())
    }
}

/// The path with `suffix` added to its file name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_changes_shows() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.db");
        assert_eq!(Stamp::of(&file).unwrap(), None);
        std::fs::write(&file, "one").unwrap();
        let first = Stamp::of(&file).unwrap().unwrap();
        assert_eq!((first.size(), first.sides().count()), (3, 0));
        std::fs::write(beside(&file, "-wal"), "").unwrap();
        assert_eq!(
            Stamp::of(&file).unwrap().unwrap(),
            first,
            "an empty side file"
        );
        std::fs::write(beside(&file, "-wal"), "x").unwrap();
        let second = Stamp::of(&file).unwrap().unwrap();
        assert_ne!(second.to_string(), first.to_string());
        assert_eq!(second.sides().collect::<Vec<_>>(), ["-wal"]);
        assert!(
            second.is_fresh(Timestamp::from_micros(0)),
            "from the future"
        );
        assert!(!second.is_fresh(Timestamp::from_micros(i64::MAX)));
        assert!(Stamp::of(dir.path()).is_err());
    }
}
