//! Releases many events on hold, a bounded number in each transaction.

use std::path::Path;

use super::Error;
use crate::base::Timestamp;
use crate::books;
use crate::journal::{self, HeldFilter, HeldRow, Release};
use crate::store::Store;

/// Rows examined in one transaction.
const CHUNK: i64 = 1000;

/// Result of a release, or of its preview.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lifted {
    /// Number of released events.
    pub(crate) events: u64,
    /// Number of those that are left to send; the others were superseded or given up since.
    pub(crate) owed: u64,
}

/// Releases the events that match `filter`.
pub(crate) fn release_held(
    store: &mut Store,
    filter: &HeldFilter,
    now: Timestamp,
) -> Result<Lifted, Error> {
    each_page(|after| {
        store.write(|tx| {
            let (rows, mut owed) = (journal::held_rows(tx, filter, after, CHUNK)?, 0);
            for row in &rows {
                owed += u64::from(matches!(
                    books::release_late(tx, now, row.seq)?,
                    Release::Released(_)
                ));
            }
            Ok((rows, owed))
        })
    })
}

/// Counts the events that [`release_held`] would release; changes nothing.
pub(crate) fn count_held(store: &Path, filter: &HeldFilter) -> Result<Lifted, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(Lifted::default());
    };
    each_page(|after| {
        store.read(|tx| {
            let rows = journal::held_rows(tx, filter, after, CHUNK)?;
            let mut owed = 0;
            for row in rows.iter().filter(|row| row.is_live) {
                owed += u64::from(journal::newer(tx, row.seq)?.is_none());
            }
            Ok((rows, owed))
        })
    })
}

/// Adds up pages of rows and their number left to send, until a page is empty.
fn each_page(
    mut page: impl FnMut(i64) -> Result<(Vec<HeldRow>, u64), Error>,
) -> Result<Lifted, Error> {
    let (mut lifted, mut after) = (Lifted::default(), 0);
    loop {
        let (rows, owed) = page(after)?;
        lifted.events += rows.len() as u64;
        lifted.owed += owed;
        let Some(last) = rows.last() else {
            return Ok(lifted);
        };
        after = last.seq;
    }
}
