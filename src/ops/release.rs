//! Lifting the holds of many events, a bounded number in each transaction.

use std::path::Path;

use super::Error;
use crate::base::Timestamp;
use crate::books;
use crate::journal::{self, HeldFilter, HeldRow, Release};
use crate::store::Store;

/// Rows looked at in one transaction.
const CHUNK: i64 = 1000;

/// What lifting holds did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lifted {
    /// Holds.
    pub(crate) events: u64,
    /// Events that are owed now; the others were superseded or given up meanwhile.
    pub(crate) owed: u64,
}

/// Lifts the holds of the events that `filter` names.
pub(crate) fn release_held(store: &mut Store, filter: &HeldFilter, now: Timestamp) -> Result<Lifted, Error> {
    each_page(|after| {
        store.write(|tx| {
            let (rows, mut owed) = (journal::held_rows(tx, filter, after, CHUNK)?, 0);
            for row in &rows {
                owed += u64::from(matches!(books::release_late(tx, now, row.seq)?, Release::Released(_)));
            }
            Ok((rows, owed))
        })
    })
}

/// Counts the events that [`release_held`] would release; creates nothing and changes nothing.
pub(crate) fn count_held(store: &Path, filter: &HeldFilter) -> Result<Lifted, Error> {
    let Some(store) = books::open_read(store)? else { return Ok(Lifted::default()) };
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

/// Adds up pages of rows, each with how many of them are owed, until one is empty.
fn each_page(mut page: impl FnMut(i64) -> Result<(Vec<HeldRow>, u64), Error>) -> Result<Lifted, Error> {
    let (mut lifted, mut after) = (Lifted::default(), 0);
    loop {
        let (rows, owed) = page(after)?;
        lifted.events += rows.len() as u64;
        lifted.owed += owed;
        let Some(last) = rows.last() else { return Ok(lifted) };
        after = last.seq;
    }
}
