//! How long a drain waits for its target before it ends: for a target that asked to wait, and for a batch in flight.

use rusqlite::OptionalExtension as _;

use super::rows::NEXT_ATTEMPT;
use super::{Error, Target};
use crate::base::{Timestamp, retry};
use crate::store::ReadTx;

/// When something may go to the target, after nothing may now: the end of the wait it asked for, or the due time of the
/// open attempt that everything else waits for. `None` if nothing waits for time alone, or only rows that this drain
/// got an answer for, which are left to a later one.
pub(super) fn next_try(tx: &ReadTx<'_>, target: &Target, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let attempt: Option<i64> = tx.prepare(NEXT_ATTEMPT)?.query_row([target.id], |r| r.get(0)).optional()?;
    let times = attempt.map(Timestamp::from_micros).into_iter().chain(target.not_before);
    Ok(times.filter(|due| !retry::is_due(*due, now)).max())
}
