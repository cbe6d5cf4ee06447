//! Files of envelopes, one per line: the overflow of a full queue.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use rusqlite::types::ValueRef;

use super::source_rows::{EventRow, Looked, Stop};
use crate::base::Interrupt;
use crate::base::files::open_regular;
use crate::event::inspect;
use crate::store::{ForeignError, LONGEST_CELL, PrivateCopy, Stamp};

/// A file of lines; the key of a line is its offset in bytes.
pub(super) struct Lines {
    file: RefCell<BufReader<std::fs::File>>,
    copy: PrivateCopy,
}

impl Lines {
    /// Opens a private copy: a line must be the same when it is examined and when it is imported.
    pub(super) fn open(
        path: &Path,
        scratch: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self, ForeignError> {
        let copy = PrivateCopy::make(path, scratch, interrupt)?;
        let file = open_regular(copy.path()).map_err(ForeignError::NoCopy)?;
        Ok(Self {
            file: RefCell::new(BufReader::new(file)),
            copy,
        })
    }

    pub(super) const fn stamp(&self) -> &Stamp {
        self.copy.stamp()
    }

    /// Visits each line with its offset. Blank lines are skipped.
    pub(super) fn each<E>(
        &self,
        visit: &mut dyn FnMut(i64, i64, Looked<'_>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        let failed = |e| Stop::Source(ForeignError::Unreadable(e));
        let mut file = self.file.borrow_mut();
        let (mut at, mut number) = (file.seek(SeekFrom::Start(0)).map_err(failed)?, 0_u64);
        loop {
            number += 1;
            let line = read_line(&mut file).map_err(failed)?;
            let key = i64::try_from(at).unwrap_or(i64::MAX);
            at = file.stream_position().map_err(failed)?;
            match line {
                Line::End => return Ok(()),
                Line::Whole(line) if line.iter().all(u8::is_ascii_whitespace) => {}
                Line::Whole(line) => {
                    show(&line, number, &mut |looked| visit(key, key, looked))
                        .map_err(Stop::Callback)?;
                }
                Line::TooLong => visit(key, key, Err(format!("line {number} is too long")))
                    .map_err(Stop::Callback)?,
            }
        }
    }

    /// Visits the lines at these offsets.
    pub(super) fn events<E>(
        &self,
        keys: &[i64],
        visit: &mut dyn FnMut(Looked<'_>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        let failed = |e| Stop::Source(ForeignError::Unreadable(e));
        let mut file = self.file.borrow_mut();
        for key in keys {
            file.seek(SeekFrom::Start(u64::try_from(*key).unwrap_or(0)))
                .map_err(failed)?;
            match read_line(&mut file).map_err(failed)? {
                Line::Whole(line) => show(&line, 0, visit),
                _ => visit(Err("it is gone".to_owned())),
            }
            .map_err(Stop::Callback)?;
        }
        Ok(())
    }
}

/// Visits a line as the event that its envelope describes.
fn show<E>(
    line: &[u8],
    number: u64,
    visit: &mut dyn FnMut(Looked<'_>) -> Result<(), E>,
) -> Result<(), E> {
    match inspect(line) {
        Ok(seen) => visit(Ok(EventRow {
            event_id: &seen.event_id,
            event_type: &seen.event_type,
            data: line,
            queued_at: ValueRef::Null,
            retry_count: ValueRef::Null,
        })),
        Err(why) => visit(Err(format!("line {number}: {why}"))),
    }
}

/// The next line of a file.
enum Line {
    /// A line without its line end.
    Whole(Vec<u8>),
    /// A line that is too long, skipped.
    TooLong,
    /// End of the file.
    End,
}

fn read_line(file: &mut BufReader<std::fs::File>) -> std::io::Result<Line> {
    let mut line = Vec::new();
    if file
        .by_ref()
        .take(LONGEST_CELL as u64 + 1)
        .read_until(b'\n', &mut line)?
        == 0
    {
        return Ok(Line::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() > LONGEST_CELL {
        file.skip_until(b'\n')?;
        return Ok(Line::TooLong);
    }
    Ok(Line::Whole(line))
}
