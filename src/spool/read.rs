//! Reads a file to which no writer appends any more.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::line::{Flaw, decode};
use super::{DAMAGED, PREFIX, Taken};
use crate::base::files::{named, sync_dir};

/// Longer than any line that is written, in bytes. Longer text without a line end is read in pieces
/// of this size.
const LONGEST: u64 = 65 << 20;
/// A part ends with this many lines or bytes.
const PART_LINES: usize = 1000;
const PART_BYTES: usize = 16 << 20;

/// Consecutive lines of a taken file: enough for one transaction.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// Bytes of the file before it.
    pub(crate) from: u64,
    /// Bytes of the file up to its end.
    pub(crate) through: u64,
    /// The lines, including unreadable ones.
    pub(crate) lines: Vec<Vec<u8>>,
}

/// Lines that cannot be absorbed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Flaws {
    /// Truncated, so never acknowledged.
    pub(crate) torn: u64,
    /// Changed after writing.
    pub(crate) garbled: u64,
    /// The file that keeps them.
    pub(crate) kept: Option<PathBuf>,
}

impl Flaws {
    pub(super) fn count(&mut self, flaw: Flaw) {
        *(match flaw {
            Flaw::Torn => &mut self.torn,
            Flaw::Garbled => &mut self.garbled,
        }) += 1;
    }
}

/// The lines of a file that are not blank, each with the offset of its end.
pub(super) struct Lines {
    input: BufReader<File>,
    /// Bytes of the file up to the end of the last line.
    pub(super) at: u64,
}

impl Lines {
    pub(super) fn open(path: &Path, from: u64) -> io::Result<Self> {
        let mut file = File::open(path).map_err(|e| named(&e, "cannot read the spool", path))?;
        file.seek(SeekFrom::Start(from))?;
        Ok(Self {
            input: BufReader::with_capacity(256 << 10, file),
            at: from,
        })
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let mut line = Vec::new();
            let read = self
                .input
                .by_ref()
                .take(LONGEST)
                .read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            self.at += read as u64;
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            if !line.is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

impl Taken {
    /// The next lines after the first `from` bytes; `None` at the end.
    pub(crate) fn part(&self, from: u64) -> io::Result<Option<Part>> {
        let mut lines = Lines::open(&self.path, from)?;
        let (mut part, mut bytes) = (
            Part {
                from,
                through: from,
                lines: Vec::new(),
            },
            0,
        );
        while part.lines.len() < PART_LINES
            && bytes < PART_BYTES
            && let Some(line) = lines.next()?
        {
            bytes += line.len();
            part.lines.push(line);
            part.through = lines.at;
        }
        Ok((!part.lines.is_empty()).then_some(part))
    }

    /// Copies the unreadable lines into a separate file, on disk when this returns. Repeated, it
    /// writes the same file.
    pub(crate) fn set_aside(&self) -> io::Result<Flaws> {
        let mut flaws = Flaws::default();
        let mut lines = Lines::open(&self.path, 0)?;
        let mut kept: Option<tempfile::NamedTempFile> = None;
        let dir = self.path.parent().unwrap_or(Path::new("."));
        while let Some(line) = lines.next()? {
            let Err(flaw) = decode(&line) else { continue };
            flaws.count(flaw);
            let file = match &mut kept {
                Some(file) => file,
                None => kept.insert(tempfile::NamedTempFile::new_in(dir)?),
            };
            file.write_all(&line).and_then(|()| file.write_all(b"\n"))?;
        }
        if let Some(file) = kept {
            let path = self
                .path
                .with_file_name(format!("{PREFIX}{}{DAMAGED}", self.id));
            file.as_file().sync_all()?;
            file.persist(&path)
                .map_err(|e| named(&e.error, "cannot keep damaged lines in", &path))?;
            sync_dir(dir)?;
            flaws.kept = Some(path);
        }
        Ok(flaws)
    }
}
