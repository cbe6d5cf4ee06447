//! A server that wants no requests for a while (`429`), remembered across runs.

use rusqlite::OptionalExtension as _;

use super::Error;
use crate::base::{Timestamp, retry};
use crate::store::{ReadTx, WriteTx};

/// Notes that the target wants no upload before `until`.
pub(super) fn begin(tx: &WriteTx<'_>, target_id: &str, until: Timestamp) -> Result<(), Error> {
    tx.prepare(
        "INSERT INTO bodies_pauses (target_id, not_before) VALUES (?1, ?2)
         ON CONFLICT (target_id) DO UPDATE SET not_before = excluded.not_before",
    )?
    .execute((target_id, until.as_micros()))?;
    Ok(())
}

/// Until when the target wants no upload; `None` when it takes some now.
pub(super) fn current(tx: &ReadTx<'_>, target_id: &str, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let until = tx
        .prepare("SELECT not_before FROM bodies_pauses WHERE target_id = ?1")?
        .query_row([target_id], |row| Ok(Timestamp::from_micros(row.get(0)?)))
        .optional()?;
    Ok(until.filter(|until| !retry::is_due(*until, now)))
}

/// Forgets every pause: a person wants a try at once.
pub(super) fn end(tx: &WriteTx<'_>) -> Result<(), Error> {
    tx.prepare("DELETE FROM bodies_pauses")?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::test_world::{World, second};
    use super::*;

    #[test]
    fn a_pause_is_the_targets_alone_and_at_most_an_hour_long() {
        let mut world = World::new();
        let now = second(100);
        let hour = now.after(Duration::from_hours(1));
        world.write(|tx| {
            begin(tx, "a", second(90))?;
            begin(tx, "a", hour)?;
            begin(tx, "c", hour.after(Duration::from_secs(1)))?;
            let pause = |id| current(tx, id, now).unwrap();
            assert_eq!((pause("a"), pause("b"), pause("c")), (Some(hour), None, None), "c: the clock went back");
            assert_eq!(current(tx, "a", hour)?, None);
            end(tx)?;
            assert_eq!(current(tx, "a", now)?, None);
            Ok(())
        });
    }
}
