//! Parses rows ahead of the store: while one batch is written, another thread parses the next.
//! Memory holds a few batches, for any number of rows.

use std::sync::mpsc::channel;

use rusqlite::types::Value;

use super::source::Source;
use super::source_rows::{Looked, Stop, kept};
use crate::event::{Inspection, NotAnEvent, inspect};

/// Rows or bytes after which a batch is passed on.
const ROWS: usize = 256;
const BYTES: usize = 1 << 20;
/// Number of batches that may wait for the store.
const AHEAD: usize = 3;

/// An event row of an older store, with the fields of its envelope.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) event_id: String,
    pub(super) event_type: String,
    pub(super) data: Vec<u8>,
    /// As stored.
    pub(super) queued_at: Value,
    /// As stored.
    pub(super) retry_count: Value,
    pub(super) seen: Result<Inspection, NotAnEvent>,
}

/// A row, or why it is not an event.
type Examined = Result<Row, String>;

/// Visits the rows of these keys, in this order.
pub(super) fn examine<E>(
    source: &Source,
    keys: &[i64],
    take: &mut dyn FnMut(Examined) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    std::thread::scope(|scope| {
        let (to_thread, incoming) = channel::<Vec<Examined>>();
        let (outgoing, back) = channel();
        scope.spawn(move || {
            for mut batch in incoming {
                batch
                    .iter_mut()
                    .flatten()
                    .for_each(|row| row.seen = inspect(&row.data));
                if outgoing.send(batch).is_err() {
                    break;
                }
            }
        });
        let (mut batch, mut bytes, mut on_the_way) = (Vec::new(), 0, 0);
        source.events(keys, &mut |looked| {
            bytes += looked.as_ref().map_or(0, |row| row.data.len());
            batch.push(owned(looked));
            if batch.len() < ROWS && bytes < BYTES {
                return Ok(());
            }
            bytes = 0;
            on_the_way += 1;
            let _sent = to_thread.send(std::mem::take(&mut batch));
            if on_the_way > AHEAD {
                on_the_way -= 1;
                return back.recv().into_iter().flatten().try_for_each(&mut *take);
            }
            Ok(())
        })?;
        let _sent = to_thread.send(batch);
        drop(to_thread);
        back.into_iter()
            .flatten()
            .try_for_each(take)
            .map_err(Stop::Callback)
    })
}

fn owned(looked: Looked<'_>) -> Examined {
    looked.map(|row| Row {
        event_id: row.event_id.to_owned(),
        event_type: row.event_type.to_owned(),
        data: row.data.to_owned(),
        queued_at: kept(row.queued_at),
        retry_count: kept(row.retry_count),
        seen: Err(NotAnEvent::NotJson),
    })
}
