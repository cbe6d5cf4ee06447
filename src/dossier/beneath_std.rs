//! The same on systems without directory handles: each step of a path is checked before it is
//! opened.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::entry::{Entry, EntryKind};
use super::stat::Stat;

/// An open directory: here, its path.
pub(super) type Handle = PathBuf;

/// The directory at an absolute path that contains no link.
pub(super) fn open_root(path: &Path) -> std::io::Result<Handle> {
    if path.canonicalize()? != path {
        Err(refused())
    } else {
        Ok(path.to_owned())
    }
}

/// The entries of the directory at `path`.
pub(super) fn list(root: &Handle, path: &str) -> std::io::Result<Vec<Entry>> {
    std::fs::read_dir(without_links(root, path)?)?
        .map(|entry| {
            let entry = entry?;
            let file_type = entry.file_type()?;
            let kind = match () {
                () if file_type.is_symlink() => EntryKind::Link,
                () if file_type.is_dir() => EntryKind::Directory,
                () if file_type.is_file() => EntryKind::File,
                () => EntryKind::Special,
            };
            let name = entry
                .file_name()
                .into_string()
                .map_err(|name| name.to_string_lossy().into_owned());
            let stat = if kind == EntryKind::File {
                Stat::of_metadata(&entry.metadata()?)
            } else {
                None
            };
            Ok(Entry { name, kind, stat })
        })
        .collect()
}

/// State of the file at `path`.
pub(super) fn stat(root: &Handle, path: &str) -> std::io::Result<Option<Stat>> {
    Ok(Stat::of_metadata(&std::fs::symlink_metadata(
        root.join(path),
    )?))
}

/// Opens the file at `path` for reading.
pub(super) fn open_file(root: &Handle, path: &str) -> std::io::Result<File> {
    File::open(without_links(root, path)?)
}

fn without_links(root: &Path, path: &str) -> std::io::Result<PathBuf> {
    let mut at = root.to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        at.push(part);
        if part == ".." || std::fs::symlink_metadata(&at)?.is_symlink() {
            return Err(refused());
        }
    }
    Ok(at)
}

fn refused() -> std::io::Error {
    std::io::Error::other("a link is on the way")
}
