//! A server that wants no requests for a while (`429`), remembered across runs.

use rusqlite::OptionalExtension as _;

use super::Error;
use crate::base::{Sha256, Timestamp, retry};
use crate::store::{ReadTx, WriteTx};

/// Notes that the server at this address wants no upload before `until`.
pub(super) fn begin(tx: &WriteTx<'_>, endpoint: Sha256, until: Timestamp) -> Result<(), Error> {
    tx.prepare(
        "INSERT INTO bodies_pauses (endpoint, not_before) VALUES (?1, ?2)
         ON CONFLICT (endpoint) DO UPDATE SET not_before = excluded.not_before",
    )?
    .execute((endpoint.as_bytes(), until.as_micros()))?;
    Ok(())
}

/// Until when the server at this address wants no upload; `None` when it takes some now.
pub(super) fn current(tx: &ReadTx<'_>, endpoint: Sha256, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let until = tx
        .prepare("SELECT not_before FROM bodies_pauses WHERE endpoint = ?1")?
        .query_row([endpoint.as_bytes()], |row| Ok(Timestamp::from_micros(row.get(0)?)))
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
    fn a_pause_is_one_servers_alone_and_at_most_an_hour_long() {
        let mut world = World::new();
        let now = second(100);
        let hour = now.after(Duration::from_hours(1));
        world.write(|tx| {
            let [a, b, c] = [b"a", b"b", b"c"].map(|address| Sha256::of(address));
            begin(tx, a, second(90))?;
            begin(tx, a, hour)?;
            begin(tx, c, hour.after(Duration::from_secs(1)))?;
            let pause = |endpoint| current(tx, endpoint, now).unwrap();
            assert_eq!((pause(a), pause(b), pause(c)), (Some(hour), None, None), "c: the clock went back");
            assert_eq!(current(tx, a, hour)?, None);
            end(tx)?;
            assert_eq!(current(tx, a, now)?, None);
            Ok(())
        });
    }
}
