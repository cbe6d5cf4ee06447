//! Emptying the upload queue, and forgetting every text and refusal with it.

use super::Error;
use super::stats::{self, Counts, FAILURES, QUEUED_BYTES, QUEUED_ROWS};
use crate::store::WriteTx;

/// Empties the queue, texts included, and with `forgets_refusals` the failure log; says what went. Nobody may be
/// uploading.
pub(crate) fn purge(tx: &WriteTx<'_>, forgets_refusals: bool) -> Result<Counts, Error> {
    let mut counts = stats::counts(tx)?;
    tx.prepare("DELETE FROM bodies_queue")?.execute([])?;
    tx.prepare("DELETE FROM bodies_blobs")?.execute([])?;
    stats::subtract(tx, QUEUED_ROWS, counts.rows)?;
    stats::subtract(tx, QUEUED_BYTES, counts.bytes)?;
    if forgets_refusals {
        tx.prepare("DELETE FROM bodies_failure_log")?.execute([])?;
        stats::subtract(tx, FAILURES, counts.failures)?;
    } else {
        counts.failures = 0;
    }
    Ok(counts)
}
