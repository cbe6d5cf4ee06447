//! Private copies of other programs' files, made without disturbing their writers.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::stamp::{SIDES, beside};
use super::{ForeignError, Stamp};
use crate::base::files::{self, open_regular};
use crate::base::{Deadline, Interrupt};

/// How often a file is copied again because it changed meanwhile.
const TRIES: usize = 10;
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// Largest database that is copied, with its side files, in bytes.
const LARGEST_DATABASE: u64 = 64 << 30;
/// Largest file of another kind that is copied, in bytes: only databases can be recognised by their
/// first bytes.
const LARGEST_OTHER: u64 = 1 << 30;
/// Bytes that a database may be longer than twice the size in its header: pages that were cut off a
/// moment ago.
const EXCESS: u64 = 64 << 20;
/// Bytes copied between two checks of the limits.
const STRETCH: u64 = 8 << 20;
/// Time limit for reading a file: a constant, and a share for each MiB. Many times what a valid one
/// needs.
const TIME: Duration = Duration::from_mins(1);
const TIME_OF_A_MIB: Duration = Duration::from_secs(1);

/// Limits for reading a file that others wrote.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    interrupt: Interrupt,
    deadline: Deadline,
}

impl Bounds {
    /// The limits for a file of this size.
    pub(super) fn for_size(bytes: u64, interrupt: &Interrupt) -> Self {
        let mib = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        Self::new(
            TIME.saturating_add(TIME_OF_A_MIB.saturating_mul(mib)),
            interrupt,
        )
    }

    pub(super) fn new(time: Duration, interrupt: &Interrupt) -> Self {
        Self {
            interrupt: interrupt.clone(),
            deadline: Deadline::after(time),
        }
    }

    /// Restarts the time limit for the next piece of work.
    pub(super) fn restart(&self) {
        self.deadline.restart();
    }

    /// Error if a limit is reached or a stop was requested.
    pub(super) fn check(&self) -> Result<(), ForeignError> {
        if self.interrupt.is_requested() {
            return Err(ForeignError::Interrupted);
        }
        if self.deadline.is_over() {
            Err(ForeignError::TooSlow)
        } else {
            Ok(())
        }
    }
}

/// A copy of a file and its side files, in a separate directory that is deleted with this value.
#[derive(Debug)]
pub(crate) struct PrivateCopy {
    path: PathBuf,
    stamp: Stamp,
    _dir: tempfile::TempDir,
}

impl PrivateCopy {
    /// Copies a file of any kind to a new directory in `scratch`.
    pub(crate) fn make(
        source: &Path,
        scratch: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self, ForeignError> {
        let size = Stamp::of(source)
            .map_err(ForeignError::Unreadable)?
            .ok_or(ForeignError::Missing)?
            .size();
        Self::of(
            source,
            scratch,
            &Bounds::for_size(size, interrupt),
            LARGEST_OTHER,
        )
    }

    /// Copies a database, after checking that its header is one.
    pub(super) fn of_database(
        source: &Path,
        scratch: &Path,
        bounds: &Bounds,
    ) -> Result<Self, ForeignError> {
        check_header(source)?;
        Self::of(source, scratch, bounds, LARGEST_DATABASE)
    }

    fn of(source: &Path, scratch: &Path, bounds: &Bounds, most: u64) -> Result<Self, ForeignError> {
        let dir = tempfile::Builder::new()
            .prefix("copy-")
            .tempdir_in(scratch)
            .map_err(ForeignError::NoCopy)?;
        let path = dir.path().join("source");
        let stamp = copy_unchanged(source, &path, bounds, most)?;
        Ok(Self {
            path,
            stamp,
            _dir: dir,
        })
    }

    /// The copy.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// File state of the source when it was copied.
    pub(crate) const fn stamp(&self) -> &Stamp {
        &self.stamp
    }
}

/// Rejects a file that is not a database, and one that is far longer than the database in it,
/// before it is copied. An empty file is an empty database.
fn check_header(source: &Path) -> Result<(), ForeignError> {
    let mut header = Vec::new();
    let file = open_regular(source).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => ForeignError::Missing,
        _ => ForeignError::Unreadable(e),
    })?;
    let length = file.metadata().map_err(ForeignError::Unreadable)?.len();
    file.take(100)
        .read_to_end(&mut header)
        .map_err(ForeignError::Unreadable)?;
    if header.is_empty() {
        return Ok(());
    }
    let page = header
        .get(16..18)
        .and_then(|size| size.try_into().ok())
        .map_or(0, u16::from_be_bytes);
    let has_pages = page == 1 || (page >= 512 && page.is_power_of_two());
    if !header.starts_with(b"SQLite format 3\0") || !has_pages {
        return Err(ForeignError::NotADatabase);
    }
    match stated_size(&header) {
        Some(stated) if length > stated.saturating_mul(2).saturating_add(EXCESS) => {
            Err(ForeignError::Damaged(format!(
                "its header states {stated} bytes, and the file has {length}"
            )))
        }
        _ => Ok(()),
    }
}

/// Size of the database according to its header; `None` if an old SQLite wrote it, which does not
/// record it.
fn stated_size(header: &[u8]) -> Option<u64> {
    let number = |at: usize| {
        header
            .get(at..at + 4)?
            .try_into()
            .ok()
            .map(u32::from_be_bytes)
    };
    let page = match u16::from_be_bytes(header.get(16..18)?.try_into().ok()?) {
        1 => 1 << 16,
        size => u64::from(size),
    };
    let (pages, is_valid) = (number(28)?, number(24)? == number(92)?);
    (is_valid && pages > 0).then(|| u64::from(pages).saturating_mul(page))
}

/// Copies the file and its side files, again if one of them changed meanwhile; returns their state.
fn copy_unchanged(
    source: &Path,
    copy: &Path,
    bounds: &Bounds,
    most: u64,
) -> Result<Stamp, ForeignError> {
    let look = || {
        Stamp::of(source)
            .map_err(ForeignError::Unreadable)?
            .ok_or(ForeignError::Missing)
    };
    for turn in 0..TRIES {
        if turn > 0 {
            bounds.interrupt.wait(PAUSE);
        }
        bounds.check()?;
        let before = look()?;
        if before.size() > most {
            return Err(ForeignError::TooLarge(most));
        }
        let copied = [""].into_iter().chain(before.sides()).try_for_each(|side| {
            let from = beside(source, side);
            copy_file(&from, &beside(copy, side), bounds)
        });
        let after = look()?;
        match copied {
            Err(error @ (ForeignError::Interrupted | ForeignError::TooSlow)) => return Err(error),
            _ if after != before => {}
            Ok(()) => return Ok(before),
            Err(error) => return Err(error),
        }
        for side in SIDES {
            let _absent = std::fs::remove_file(beside(copy, side));
        }
    }
    Err(ForeignError::Changing)
}

fn copy_file(from: &Path, to: &Path, bounds: &Bounds) -> Result<(), ForeignError> {
    let mut source = open_regular(from).map_err(ForeignError::Unreadable)?;
    let _absent = std::fs::remove_file(to);
    files::create_private_file(to).map_err(ForeignError::NoCopy)?;
    let mut target = File::options()
        .write(true)
        .open(to)
        .map_err(ForeignError::NoCopy)?;
    while io::copy(&mut (&mut source).take(STRETCH), &mut target).map_err(ForeignError::NoCopy)?
        == STRETCH
    {
        bounds.check()?;
    }
    Ok(())
}
