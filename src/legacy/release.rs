//! Imported events on hold: releasing them, by source or all; and open conflicts.

use std::path::Path;

use super::{Error, IMPORTED, marks};
use crate::base::Timestamp;
use crate::books;
use crate::journal::{self, Release};
use crate::store::{ReadTx, WriteTx};

/// Rows examined in one transaction.
const CHUNK: i64 = 1000;

/// Releases the next imported events above `after` from these sources, or from all for an empty
/// list; returns how many are left to send now, and the last row examined, `None` at the end.
pub(crate) fn release(
    tx: &WriteTx<'_>,
    now: Timestamp,
    sources: &[String],
    after: i64,
) -> Result<(u64, Option<i64>), Error> {
    let rows = journal::held_after(tx, IMPORTED, after, CHUNK)?;
    let mut released = 0;
    for seq in &rows {
        if is_from(tx, *seq, sources)?
            && matches!(books::release_late(tx, now, *seq)?, Release::Released(_))
        {
            released += 1;
        }
    }
    Ok((released, rows.last().copied()))
}

/// Number of events that a release would concern.
pub(crate) fn count_held(tx: &ReadTx<'_>, sources: &[String]) -> Result<u64, Error> {
    let (mut count, mut after) = (0, 0);
    loop {
        let rows = journal::held_after(tx, IMPORTED, after, CHUNK)?;
        for seq in &rows {
            count += u64::from(is_from(tx, *seq, sources)? && journal::newer(tx, *seq)?.is_none());
        }
        let Some(last) = rows.last() else {
            return Ok(count);
        };
        after = *last;
    }
}

/// True if a row came from one of the sources.
fn is_from(tx: &ReadTx<'_>, seq: i64, names: &[String]) -> Result<bool, Error> {
    if names.is_empty() {
        return Ok(true);
    }
    let sources = marks::sources_of(tx, seq)?;
    Ok(sources
        .iter()
        .any(|source| names.iter().any(|name| source.is_called(name))))
}

/// Number of open conflicts in the current store; 0 if it cannot be read, which is reported
/// elsewhere.
pub(crate) fn open_conflicts(store: &Path) -> u64 {
    let count = |store: crate::store::ReadStore| {
        store.read(|tx| Ok::<_, Error>(journal::totals(tx)?.conflicts))
    };
    match books::open_read(store)
        .map_err(Error::from)
        .and_then(|store| store.map(count).transpose())
    {
        Ok(open) => open.and_then(|open| u64::try_from(open).ok()).unwrap_or(0),
        Err(error) => {
            log::warn!(
                "cannot count the conflicts in {}: {error}",
                crate::base::text::path(store)
            );
            0
        }
    }
}
