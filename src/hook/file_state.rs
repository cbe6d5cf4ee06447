//! Whether a file is still the same, by its metadata alone.

use std::fs::Metadata;
use std::path::Path;

/// A text that changes when a file changes.
#[cfg(unix)]
pub(super) fn identity(meta: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let (dev, ino, mode) = (meta.dev(), meta.ino(), meta.mode());
    format!(
        "{dev} {ino} {mode} {} {}.{} {}.{}",
        meta.size(),
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ctime(),
        meta.ctime_nsec()
    )
}

/// A text that changes when a file changes.
#[cfg(not(unix))]
pub(super) fn identity(meta: &Metadata) -> String {
    format!(
        "{:?} {} {:?} {:?}",
        meta.file_type(),
        meta.len(),
        meta.modified().ok(),
        meta.created().ok()
    )
}

/// The time of the newest change, in microseconds.
#[cfg(unix)]
pub(super) fn newest_micros(meta: &Metadata) -> i64 {
    use std::os::unix::fs::MetadataExt as _;
    let micros = |seconds: i64, nanos: i64| {
        seconds
            .saturating_mul(1_000_000)
            .saturating_add(nanos / 1000)
    };
    micros(meta.mtime(), meta.mtime_nsec()).max(micros(meta.ctime(), meta.ctime_nsec()))
}

/// The time of the newest change, in microseconds.
#[cfg(not(unix))]
pub(super) fn newest_micros(meta: &Metadata) -> i64 {
    let since = meta
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |time| {
        i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
    })
}

/// A text that changes when the file at `path` changes; empty if it does not exist.
pub(crate) fn state_of(path: &Path) -> String {
    std::fs::symlink_metadata(path)
        .map(|meta| identity(&meta))
        .unwrap_or_default()
}

/// A text that changes when another file replaces the store file, but not when the store is
/// written; `None` if it does not exist.
#[cfg(unix)]
pub(crate) fn place_of(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path)
        .ok()
        .map(|meta| format!("{} {}", meta.dev(), meta.ino()))
}

/// A text that changes when another file replaces the store file, but not when the store is
/// written; `None` if it does not exist.
#[cfg(not(unix))]
pub(crate) fn place_of(path: &Path) -> Option<String> {
    std::fs::metadata(path)
        .ok()
        .map(|meta| format!("{:?}", meta.created().ok()))
}
