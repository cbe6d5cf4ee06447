//! Reads files inside a repository directory. An unpacked archive can contain anything there:
//! pipes, devices, endless files.

use std::io;
use std::path::Path;

use super::Error;
use crate::base::{files, text};

/// Largest configuration, or file with a single value, that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Largest list of packed refs that is read, in bytes; git is run for a longer one.
const MAX_PACKED_BYTES: u64 = 16 << 20;
/// Files that git opens in nearly every command, on which it could block or read without end.
const OPENED_BY_GIT: [(&str, u64, &str); 5] = [
    ("HEAD", MAX_BYTES, "it is larger than 1 MiB"),
    ("config", MAX_BYTES, "it is larger than 1 MiB"),
    ("config.worktree", MAX_BYTES, "it is larger than 1 MiB"),
    ("commondir", MAX_BYTES, "it is larger than 1 MiB"),
    ("packed-refs", 1 << 30, "it is larger than 1 GiB"),
];

/// The bytes of a small file.
pub(super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    files::read_regular(path, MAX_BYTES)
}

/// The text of a small file.
pub(super) fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(bytes(path)?).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

/// The list of packed refs; empty if it does not exist.
pub(super) fn packed_refs(common_dir: &Path) -> io::Result<Vec<u8>> {
    match files::read_regular(&common_dir.join("packed-refs"), MAX_PACKED_BYTES) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// Rejects a repository directory in which one of the files that git opens is not a regular file,
/// or is too large.
pub(super) fn check(dir: &Path) -> Result<(), Error> {
    for (name, most, too_large) in OPENED_BY_GIT {
        let path = dir.join(name);
        let Ok(meta) = std::fs::metadata(&path) else {
            continue;
        };
        let what = match meta.is_file() {
            true if meta.len() <= most => continue,
            true => too_large,
            false => "it is not a regular file",
        };
        return Err(Error::UnusableFile {
            path: text::path(&path),
            what,
        });
    }
    Ok(())
}
