//! The limits that a server states, as they are stored with its target.

use std::time::Duration;

use rusqlite::Row;
use serde_json::Value;

use super::Error;
use super::batch::Batch;
use super::capabilities::Capabilities;
use crate::base::{Timestamp, retry};
use crate::store::WriteTx;

/// Limits that a server states: in its health response below `sync_ingress`, and in the body of a
/// 413. Each is positive, or `None` if not stated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AdvertisedLimits {
    /// Most events in a request.
    pub(crate) events: Option<i64>,
    /// Most uncompressed bytes in a request.
    pub(crate) bytes: Option<i64>,
    /// Shortest wait after a request to pause, in seconds.
    pub(crate) wait_min_s: Option<i64>,
    /// Longest wait after a request to pause, in seconds.
    pub(crate) wait_max_s: Option<i64>,
    /// Most documents in a request.
    pub(crate) documents: Option<i64>,
    /// Most bytes of documents in a request, uncompressed.
    pub(crate) document_bytes: Option<i64>,
    /// Its capabilities; only stated in a health response.
    pub(crate) can: Capabilities,
}

impl AdvertisedLimits {
    /// Reads the object `limits` of a body; missing or malformed values are `None`.
    pub(super) fn read(limits: Option<&Value>) -> Self {
        let limit = |name: &str| {
            let limit = limits?.get(name)?.as_u64().filter(|limit| *limit > 0)?;
            Some(i64::try_from(limit).unwrap_or(i64::MAX))
        };
        Self {
            events: limit("max_events_per_batch"),
            bytes: limit("max_decompressed_bytes_per_batch"),
            wait_min_s: limit("retry_after_min_seconds"),
            wait_max_s: limit("retry_after_max_seconds"),
            documents: limit("max_documents_per_batch"),
            document_bytes: limit("max_document_batch_bytes"),
            can: Capabilities::default(),
        }
    }

    /// These limits, with missing ones taken from `before`.
    pub(super) fn over(self, before: Self) -> Self {
        Self {
            events: self.events.or(before.events),
            bytes: self.bytes.or(before.bytes),
            wait_min_s: self.wait_min_s.or(before.wait_min_s),
            wait_max_s: self.wait_max_s.or(before.wait_max_s),
            documents: self.documents.or(before.documents),
            document_bytes: self.document_bytes.or(before.document_bytes),
            can: before.can,
        }
    }

    /// True if a batch of that size exceeds them.
    pub(super) fn are_broken_by(self, batch: &Batch) -> bool {
        let is_more = |size: usize, limit: Option<i64>| {
            limit.is_some_and(|limit| i64::try_from(size).unwrap_or(i64::MAX) > limit)
        };
        is_more(batch.items.len(), self.events) || is_more(batch.body.len(), self.bytes)
    }

    /// Wait before the next request to a server that asked for a pause after `failures` earlier
    /// ones in a row: the time it named, else a back-off within its own bounds.
    pub(super) fn wait(self, failures: u32, server: Option<Duration>, random: f64) -> Duration {
        let seconds = |limit: Option<i64>| {
            limit
                .and_then(|s| u64::try_from(s).ok())
                .map(Duration::from_secs)
        };
        let least = seconds(self.wait_min_s).unwrap_or_default();
        let most = seconds(self.wait_max_s).unwrap_or(Duration::MAX).max(least);
        let drawn = retry::backoff(failures, None, random).clamp(least, most);
        drawn
            .max(server.map_or(Duration::ZERO, |server| retry::asked(server, random)))
            .min(retry::LONGEST)
    }
}

/// Stores the limits that a target states, replacing the earlier ones.
pub(super) fn note(
    tx: &WriteTx<'_>,
    target: i64,
    told: AdvertisedLimits,
    now: Timestamp,
) -> Result<(), Error> {
    tx.prepare(
        "UPDATE delivery_targets SET told_events = ?2, told_bytes = ?3, told_wait_min = ?4, told_wait_max = ?5,
           told_at = ?6, told_documents = ?7, told_document_bytes = ?8, told_capabilities = ?9
         WHERE id = ?1",
    )?
    .execute(rusqlite::params![
        target,
        told.events,
        told.bytes,
        told.wait_min_s,
        told.wait_max_s,
        now.as_micros(),
        told.documents,
        told.document_bytes,
        told.can.words()
    ])?;
    Ok(())
}

/// Stated limits and the time they were stated, from eight columns that begin at `first`.
pub(super) fn from_row(
    row: &Row<'_>,
    first: usize,
) -> rusqlite::Result<(AdvertisedLimits, Option<Timestamp>)> {
    let told = AdvertisedLimits {
        events: row.get(first)?,
        bytes: row.get(first + 1)?,
        wait_min_s: row.get(first + 2)?,
        wait_max_s: row.get(first + 3)?,
        documents: row.get(first + 5)?,
        document_bytes: row.get(first + 6)?,
        can: Capabilities::of_words(&row.get::<_, String>(first + 7)?),
    };
    Ok((
        told,
        row.get::<_, Option<i64>>(first + 4)?
            .map(Timestamp::from_micros),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::batch::Item;
    use super::*;

    #[test]
    fn limits_are_positive_numbers_or_not_known() {
        let told = AdvertisedLimits::read(Some(&json!({
            "max_events_per_batch": 7, "max_decompressed_bytes_per_batch": u64::MAX,
            "retry_after_min_seconds": 2, "retry_after_max_seconds": 30, "else": 1,
        })));
        let expected = AdvertisedLimits {
            events: Some(7),
            bytes: Some(i64::MAX),
            wait_min_s: Some(2),
            wait_max_s: Some(30),
            ..AdvertisedLimits::default()
        };
        assert_eq!(told, expected);
        for odd in [
            json!(null),
            json!([]),
            json!(7),
            json!({"max_events_per_batch": 0}),
            json!({"max_events_per_batch": -1, "max_decompressed_bytes_per_batch": "many", "retry_after_min_seconds": 1.5}),
        ] {
            assert_eq!(
                AdvertisedLimits::read(Some(&odd)),
                AdvertisedLimits::default(),
                "{odd}"
            );
        }
        assert_eq!(AdvertisedLimits::read(None), AdvertisedLimits::default());
        let less = AdvertisedLimits {
            events: Some(3),
            ..AdvertisedLimits::default()
        };
        assert_eq!(
            less.over(told),
            AdvertisedLimits {
                events: Some(3),
                ..told
            }
        );
    }

    #[test]
    fn a_wait_is_as_long_as_the_server_says() {
        let told = |min, max| AdvertisedLimits {
            wait_min_s: min,
            wait_max_s: max,
            ..AdvertisedLimits::default()
        };
        for (told, failures, server, expected) in [
            (told(None, None), 0, None, 1),
            (told(Some(5), None), 0, None, 5),
            (told(Some(5), Some(60)), 9, None, 60),
            (told(Some(5), Some(60)), 4, None, 16),
            (told(Some(60), Some(5)), 0, None, 60),
            (told(None, Some(60)), 9, Some(80), 100),
            (told(Some(5), None), 0, Some(2), 5),
            (told(Some(i64::MAX), None), 0, None, 3600),
        ] {
            let wait = told.wait(failures, server.map(Duration::from_secs), 1.0);
            assert_eq!(
                wait,
                Duration::from_secs(expected),
                "{told:?} {failures} {server:?}"
            );
        }
    }

    #[test]
    fn a_batch_breaks_a_limit_that_it_exceeds() {
        let item = Item {
            seq: 1,
            event_id: String::new(),
        };
        let batch = Batch {
            attempt: 1,
            idempotency_key: String::new(),
            items: vec![item; 3],
            body: vec![0; 10],
            unknown_ends: 0,
            is_in_doubt: false,
        };
        for (events, bytes, is_broken) in [
            (None, None, false),
            (Some(3), Some(10), false),
            (Some(2), None, true),
            (None, Some(9), true),
        ] {
            assert_eq!(
                AdvertisedLimits {
                    events,
                    bytes,
                    ..AdvertisedLimits::default()
                }
                .are_broken_by(&batch),
                is_broken,
                "{events:?} {bytes:?}"
            );
        }
    }
}
