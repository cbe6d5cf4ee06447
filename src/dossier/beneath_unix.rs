//! Directory handles on Unix: one `openat2` if the kernel has it, else one `openat` for each step
//! of the path.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::entry::{Entry, EntryKind};
use super::stat::{Moment, Stat};

/// An open directory.
pub(super) type Handle = OwnedFd;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
/// Flags for a directory on the way; if the system supports it, it need not be listable.
#[cfg(target_os = "linux")]
const STEP: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const STEP: OFlags = DIRECTORY;
/// Opening must neither block on a pipe nor acquire a controlling terminal.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Opens the directory at an absolute path that contains no link.
pub(super) fn open_root(path: &Path) -> std::io::Result<Handle> {
    let slash = rustix::fs::openat(CWD, "/", STEP, Mode::empty())?;
    let below: &OsStr = path
        .strip_prefix("/")
        .map_or(path.as_os_str(), Path::as_os_str);
    Ok(open(slash.as_fd(), below, DIRECTORY)?)
}

/// The entries of the directory at `path`.
pub(super) fn list(root: &Handle, path: &str) -> std::io::Result<Vec<Entry>> {
    let mut dir = Dir::new(open(root.as_fd(), OsStr::new(path), DIRECTORY)?)?;
    let mut entries = Vec::new();
    while let Some(entry) = dir.read() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let look = |dir: &Dir| rustix::fs::statat(dir.fd()?, name, AtFlags::SYMLINK_NOFOLLOW);
        let (file_type, stat) = match entry.file_type() {
            // Some file systems do not report types in the listing. Entries that are gone by now
            // are omitted.
            FileType::Unknown => match look(&dir) {
                Ok(stat) => (FileType::from_raw_mode(stat.st_mode), of_stat(&stat)),
                Err(Errno::NOENT) => continue,
                Err(e) => return Err(e.into()),
            },
            // If the state cannot be read, opening reports the error.
            FileType::RegularFile if name.to_bytes().first() != Some(&b'.') => (
                FileType::RegularFile,
                look(&dir).ok().as_ref().and_then(of_stat),
            ),
            known => (known, None),
        };
        let kind = match file_type {
            FileType::Directory => EntryKind::Directory,
            FileType::RegularFile => EntryKind::File,
            FileType::Symlink => EntryKind::Link,
            _ => EntryKind::Special,
        };
        let name = name
            .to_str()
            .map(str::to_owned)
            .map_err(|_| name.to_string_lossy().into_owned());
        entries.push(Entry { name, kind, stat });
    }
    Ok(entries)
}

/// State of the file at `path`.
pub(super) fn stat(root: &Handle, path: &str) -> std::io::Result<Option<Stat>> {
    Ok(of_stat(&rustix::fs::statat(
        root,
        path,
        AtFlags::SYMLINK_NOFOLLOW,
    )?))
}

/// `None` if it is not a regular file.
fn of_stat(stat: &rustix::fs::Stat) -> Option<Stat> {
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    is_file.then(|| Stat {
        size: number(stat.st_size),
        modified: Moment {
            seconds: number(stat.st_mtime),
            nanos: number(stat.st_mtime_nsec),
        },
        changed: Moment {
            seconds: number(stat.st_ctime),
            nanos: number(stat.st_ctime_nsec),
        },
        inode: number(stat.st_ino),
        names: number(stat.st_nlink),
    })
}

/// A field of a `stat`, whose type differs between systems.
fn number<T: Default>(field: impl TryInto<T>) -> T {
    field.try_into().unwrap_or_default()
}

/// Opens the file at `path` for reading.
pub(super) fn open_file(root: &Handle, path: &str) -> std::io::Result<File> {
    Ok(File::from(open(root.as_fd(), OsStr::new(path), FILE)?))
}

/// Opens `path` below `root` without following any link; an empty path is `root` itself.
fn open(root: BorrowedFd<'_>, path: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() {
        OsStr::new(".")
    } else {
        path
    };
    #[cfg(target_os = "linux")]
    if let Some(opened) = open_at_once(root, path, flags) {
        return opened;
    }
    open_in_steps(root, path, flags)
}

/// `None` if the kernel, or a sandbox, does not support the call.
#[cfg(target_os = "linux")]
fn open_at_once(
    root: BorrowedFd<'_>,
    path: &OsStr,
    flags: OFlags,
) -> Option<Result<OwnedFd, Errno>> {
    use rustix::fs::ResolveFlags;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve) {
        Err(Errno::NOSYS | Errno::PERM) => None,
        done => Some(done),
    }
}

fn open_in_steps(root: BorrowedFd<'_>, path: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut parts = Path::new(path).components().peekable();
    let mut at: Option<OwnedFd> = None;
    while let Some(part) = parts.next() {
        let name = match part {
            Component::Normal(name) => name.as_bytes(),
            Component::CurDir => b".".as_slice(),
            _ => return Err(Errno::XDEV),
        };
        let flags = if parts.peek().is_some() { STEP } else { flags };
        let from = at.as_ref().map_or(root, AsFd::as_fd);
        at = Some(rustix::fs::openat(
            from,
            name,
            flags | OFlags::NOFOLLOW,
            Mode::empty(),
        )?);
    }
    at.ok_or(Errno::NOENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_opening_agree() {
        let temp = tempfile::tempdir().unwrap();
        let top = temp.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("a/b")).unwrap();
        std::fs::write(top.join("a/b/f"), "f").unwrap();
        std::os::unix::fs::symlink("b", top.join("a/door")).unwrap();
        std::os::unix::fs::symlink("f", top.join("a/b/link")).unwrap();
        let root = open_root(&top).unwrap();
        for (path, opens) in [
            ("a/b/f", true),
            ("a/b/link", false),
            ("a/door/f", false),
            ("a/none", false),
            ("../x", false),
        ] {
            let path = OsStr::new(path);
            assert_eq!(open(root.as_fd(), path, FILE).is_ok(), opens, "{path:?}");
            assert_eq!(
                open_in_steps(root.as_fd(), path, FILE).is_ok(),
                opens,
                "{path:?} in steps"
            );
        }
    }
}
