//! Appends to the spool; several processes may do so at once.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::Path;

use super::line::{Spooled, encode};
use super::{Spool, is_named};
use crate::base::files::{create_private_dir, named, sync_dir};

/// How often a writer opens the file again because it was taken at that moment.
const TRIES: usize = 1000;

/// A writer of one process.
#[derive(Debug)]
pub(crate) struct Writer {
    spool: Spool,
    file: Option<File>,
    /// The directory's entry for the file is on disk.
    is_listed: bool,
}

impl Writer {
    /// Creates nothing yet.
    pub(crate) fn new(spool: Spool) -> Self {
        Self {
            spool,
            file: None,
            is_listed: false,
        }
    }

    /// Appends lines in one write and returns when they are on disk. After an error none of them is
    /// acknowledged.
    pub(crate) fn append(&mut self, lines: &[Spooled<'_>]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        // The first line end completes a line that another writer may have left unfinished; blank
        // lines are ignored.
        let mut group = vec![b'\n'];
        for line in lines {
            encode(line, &mut group);
        }
        let path = self.spool.lines();
        let file = self.locked(&path)?;
        let written = write_group(&file, &group, &path)
            .map_err(|e| named(&e, "cannot write the spool", &path));
        let unlocked = file.unlock();
        self.file = Some(file);
        written?;
        unlocked?;
        if !self.is_listed {
            sync_dir(&self.spool.dir)?;
            self.is_listed = true;
        }
        Ok(())
    }

    /// The file that the name refers to now, with a shared lock on it: it is not taken while the
    /// lock is held.
    fn locked(&mut self, path: &Path) -> io::Result<File> {
        for _ in 0..TRIES {
            let file = match self.file.take() {
                Some(file) => file,
                None => self.open(path)?,
            };
            file.lock_shared()
                .map_err(|e| named(&e, "cannot lock the spool", path))?;
            if is_named(&file, path)? {
                return Ok(file);
            }
            // The file was taken in between: lines appended to it would be lost.
        }
        Err(named(
            &io::Error::from(io::ErrorKind::ResourceBusy),
            "cannot keep hold of the spool",
            path,
        ))
    }

    fn open(&mut self, path: &Path) -> io::Result<File> {
        create_private_dir(&self.spool.dir)?;
        self.is_listed = false;
        let mut options = File::options();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(path)
            .map_err(|e| named(&e, "cannot open the spool", path))?;
        if file.metadata()?.is_file() {
            return Ok(file);
        }
        Err(named(
            &io::Error::other("not a regular file"),
            "cannot open the spool",
            path,
        ))
    }
}

/// Writes all of `group` or, if possible, nothing.
fn write_group(mut file: &File, group: &[u8], path: &Path) -> io::Result<()> {
    let written = loop {
        match file.write(group) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            written => break written?,
        }
    };
    if written == group.len() {
        return file.sync_data();
    }
    // Only a part was written. Truncates the file again if that part is still its end.
    let end = file.stream_position()?;
    file.unlock()?;
    file.lock()?;
    if is_named(file, path)? && file.metadata()?.len() == end {
        file.set_len(end.saturating_sub(written as u64))?;
    }
    Err(io::Error::new(
        io::ErrorKind::StorageFull,
        format!("only {written} of {} bytes fit", group.len()),
    ))
}
