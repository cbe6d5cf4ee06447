//! The file `sk-sync/id` in a git directory: read and written without following links or blocking
//! on a pipe.

/// Its directory, below the common git directory.
pub(super) const DIRECTORY: &str = "sk-sync";
pub(super) const FILE: &str = "id";
/// Largest size of the file, in bytes.
const LONGEST: u64 = 64;

/// Why the file was not read.
#[derive(Debug)]
pub(super) enum Flaw {
    /// There is no file.
    Missing,
    /// It belongs to another user, or is not readable.
    Closed(String),
    /// It was not written by this program.
    Odd(&'static str),
    /// Another system error.
    Io(std::io::Error),
}

pub(super) use platform::{read, write};

#[cfg(unix)]
mod platform {
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
    use rustix::io::Errno;

    use super::{DIRECTORY, FILE, Flaw, LONGEST};

    const INSIDE: OFlags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);
    const PLAIN: OFlags = OFlags::RDONLY
        .union(OFlags::NOFOLLOW)
        .union(OFlags::NONBLOCK)
        .union(OFlags::CLOEXEC);

    /// Reads the file, at most [`LONGEST`] bytes.
    pub(in crate::git) fn read(common: &Path) -> Result<Vec<u8>, Flaw> {
        let dir = directory(common)?;
        let file = rustix::fs::openat(&dir, FILE, PLAIN, Mode::empty())
            .map_err(|error| odd(error, "it is a link"))?;
        let stat = rustix::fs::fstat(&file).map_err(std::io::Error::from)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Flaw::Odd("it is not a plain file"));
        }
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(Flaw::Closed("it belongs to another user".to_owned()));
        }
        let mut bytes = Vec::new();
        File::from(file).take(LONGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LONGEST {
            Err(Flaw::Odd("it is too long"))
        } else {
            Ok(bytes)
        }
    }

    /// Creates the file, on disk before it gets its name; an existing file stays, without an error.
    pub(in crate::git) fn write(common: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let top = rustix::fs::openat(CWD, common, INSIDE & !OFlags::NOFOLLOW, Mode::empty())?;
        match rustix::fs::mkdirat(&top, DIRECTORY, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let dir = rustix::fs::openat(&top, DIRECTORY, INSIDE, Mode::empty())?;
        // The temporary name is unique to this writer: it contains a digest of its random bytes.
        let mine = format!("{FILE}.{}.new", crate::base::Sha256::of(bytes));
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(
            &dir,
            mine.as_str(),
            flags,
            Mode::RUSR | Mode::WUSR,
        )?);
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let named = written.and_then(|()| {
            match rustix::fs::linkat(&dir, mine.as_str(), &dir, FILE, AtFlags::empty()) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(error) => Err(error.into()),
            }
        });
        let gone = rustix::fs::unlinkat(&dir, mine.as_str(), AtFlags::empty());
        named?;
        gone?;
        rustix::fs::fsync(&dir)?;
        // The name of a new directory is on disk only once its parent is.
        rustix::fs::fsync(&top)?;
        Ok(())
    }

    fn directory(common: &Path) -> Result<OwnedFd, Flaw> {
        rustix::fs::openat(CWD, common.join(DIRECTORY), INSIDE, Mode::empty())
            .map_err(|error| odd(error, "its directory is not a plain directory"))
    }

    /// The flaw for an error of opening; `link` is the text for a link that is not followed.
    fn odd(error: Errno, link: &'static str) -> Flaw {
        match error {
            // FreeBSD reports EMLINK for a link that is not followed.
            Errno::LOOP | Errno::NOTDIR | Errno::MLINK => Flaw::Odd(link),
            Errno::NXIO => Flaw::Odd("it is not a plain file"),
            error => std::io::Error::from(error).into(),
        }
    }
}

#[cfg(not(unix))]
mod platform {
    use std::io::{Read as _, Write as _};
    use std::path::Path;

    use super::{DIRECTORY, FILE, Flaw, LONGEST};

    /// Reads the file, at most [`LONGEST`] bytes.
    pub(in crate::git) fn read(common: &Path) -> Result<Vec<u8>, Flaw> {
        let path = common.join(DIRECTORY).join(FILE);
        if !std::fs::symlink_metadata(&path)?.is_file() {
            return Err(Flaw::Odd("it is not a plain file"));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)?
            .take(LONGEST + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LONGEST {
            Err(Flaw::Odd("it is too long"))
        } else {
            Ok(bytes)
        }
    }

    /// Creates the file, on disk before it gets its name; an existing file stays, without an error.
    pub(in crate::git) fn write(common: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let dir = common.join(DIRECTORY);
        crate::base::files::create_private_dir(&dir)?;
        let mut file = tempfile::NamedTempFile::new_in(&dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(dir.join(FILE)) {
            Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(error.error)
            }
            _ => Ok(()),
        }
    }
}
