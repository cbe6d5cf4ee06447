//! Files that only their owner can read, and replacement that is atomic across a crash.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// Creates `dir` and its missing parents, readable by the owner only (0700) on Unix, and their
/// names on disk. An existing directory keeps its mode.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    let missing: Vec<_> = dir
        .ancestors()
        .take_while(|dir| !dir.as_os_str().is_empty() && !dir.is_dir())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(dir)
        .map_err(|e| named(&e, "cannot create directory", dir))?;
    // A power cut could take the name of a new directory, and so everything that was synced in it.
    missing.into_iter().rev().map(parent).try_for_each(sync_dir)
}

/// The directory that holds the name of `path`.
fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Creates an empty file for the owner only (0600) unless it exists.
pub(crate) fn create_private_file(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(named(&e, "cannot create", path)),
        _ => Ok(()),
    }
}

/// Opens a regular file for reading without blocking on a pipe. Anything else at `path` is an error
/// of the kind `InvalidInput`: a repository can contain a pipe, and a device may have no end.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        std::os::unix::fs::OpenOptionsExt::custom_flags(
            &mut options,
            i32::try_from(flags.bits()).unwrap_or(0),
        );
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(file)
}

/// Reads a whole regular file; error of the kind `FileTooLarge` if it has more than `most` bytes.
pub(crate) fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {most} bytes"),
        ));
    }
    Ok(bytes)
}

/// The beginning of a regular file, at most 1 MiB.
pub(crate) fn read_beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(1 << 20).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Replaces `path` by `bytes` atomically: a reader sees the old file or the new one, never a part.
/// The new file is 0600 and on disk before it takes the name; when this returns, the name is on
/// disk too.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = parent(path);
    let mut file = tempfile::NamedTempFile::new_in(dir)
        .map_err(|e| named(&e, "cannot write next to", path))?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_data())
        .map_err(|e| named(&e, "cannot write", path))?;
    file.persist(path)
        .map_err(|e| named(&e.error, "cannot replace", path))?;
    sync_dir(dir)
}

/// Replaces `path` by `bytes` atomically, without waiting for the disk: a reader sees the old file
/// or the new one, but after a crash of the machine perhaps neither. For caches only. Two writers
/// at once can corrupt each other's file, so the content must verify itself.
pub(crate) fn replace_lightly(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // One name for the temporary file: killed writers leave at most one of them behind.
    let new = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(&new)
        .map_err(|e| named(&e, "cannot create", &new))?;
    file.write_all(bytes)
        .map_err(|e| named(&e, "cannot write", &new))?;
    std::fs::rename(&new, path).map_err(|e| named(&e, "cannot replace", path))
}

/// Flushes the entries of `dir` to disk: a new name, a changed one, a removed one. Does nothing
/// where that is not possible: in a directory that cannot be listed, or on a file system that syncs
/// no directories.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    // On other systems a directory cannot be opened like a file; there this does nothing.
    #[cfg(unix)]
    {
        use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
        match File::open(dir).and_then(|dir| dir.sync_all()) {
            Err(e) if matches!(e.kind(), InvalidInput | PermissionDenied | Unsupported) => {
                log::debug!("cannot sync {}: {e}", dir.display());
            }
            synced => synced.map_err(|e| named(&e, "cannot sync", dir))?,
        }
    }
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

/// The same error, with the attempted action and the path in its text.
pub(crate) fn named(error: &io::Error, act: &str, path: &Path) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("{act} {}: {error}", crate::base::text::path(path)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn directories_and_files_are_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("a/b");
        create_private_dir(&dir).unwrap();
        let file = dir.join("f");
        create_private_file(&file).unwrap();
        create_private_file(&file).unwrap();
        let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&temp.path().join("a")), mode(&dir), mode(&file)),
            (0o700, 0o700, 0o600)
        );
        replace(&file, b"x").unwrap();
        assert_eq!(
            (mode(&file), std::fs::read(&file).unwrap()),
            (0o600, b"x".to_vec())
        );
        std::fs::write(dir.join("g.new"), "left behind by a killed one, and longer").unwrap();
        for text in ["first", "2nd"] {
            replace_lightly(&dir.join("g"), text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(dir.join("g")).unwrap(), text);
        }
        assert!(!dir.join("g.new").exists());
    }

    #[test]
    fn errors_name_the_act_and_the_path() {
        let error = create_private_file(Path::new("/nonexistent/dir/f")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot create /nonexistent/dir/f: "),
            "{error}"
        );
    }
}
