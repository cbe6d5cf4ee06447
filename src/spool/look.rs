//! Counts waiting lines, for `status` and `verify`: nothing is created, locked or changed.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::line::{Flaw, decode};
use super::read::Lines;
use super::{DAMAGED, Spool, TAKEN};

/// Spooled lines next to a store that are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Waiting {
    /// Lines that the next run absorbs.
    pub(crate) lines: u64,
    /// Size of their files in bytes.
    pub(crate) bytes: u64,
    /// Truncated lines: their writer ended before it acknowledged them.
    pub(crate) torn: u64,
    /// Lines that were changed after writing.
    pub(crate) damaged: u64,
    /// The files that keep such lines for the user.
    pub(crate) kept: Vec<String>,
}

impl Spool {
    /// The waiting lines. They are only counted; lines that were set aside are read. A file that is
    /// absorbed meanwhile is in the store.
    pub(crate) fn look(&self) -> io::Result<Waiting> {
        self.waiting(|_| Ok(()))
    }

    /// The same, with every line read.
    pub(crate) fn check(&self) -> io::Result<Waiting> {
        self.waiting(flaw)
    }

    fn waiting(&self, of_waiting: fn(&[u8]) -> Result<(), Flaw>) -> io::Result<Waiting> {
        let mut waiting = Waiting::default();
        let taken = self.files(TAKEN)?.into_iter().map(|(_, path)| path);
        for path in taken.chain([self.lines()]) {
            waiting.bytes += waiting.add(&path, of_waiting)?;
        }
        for (_, path) in self.files(DAMAGED)? {
            waiting.kept.push(crate::base::text::path(&path));
            waiting.add(&path, flaw)?;
        }
        Ok(waiting)
    }
}

fn flaw(line: &[u8]) -> Result<(), Flaw> {
    decode(line).map(drop)
}

impl Waiting {
    /// Counts the lines of a file, and returns its length.
    fn add(&mut self, path: &Path, flaw: fn(&[u8]) -> Result<(), Flaw>) -> io::Result<u64> {
        let mut lines = match Lines::open(path, 0) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
            lines => lines?,
        };
        while let Some(line) = lines.next()? {
            match flaw(&line) {
                Ok(()) => self.lines += 1,
                Err(Flaw::Torn) => self.torn += 1,
                Err(Flaw::Garbled) => self.damaged += 1,
            }
        }
        Ok(lines.at)
    }
}
