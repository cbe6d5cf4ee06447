//! Limits of a request: the configured ones, those that the server states, and those learned from
//! its refusals; the smallest applies.

use std::time::Duration;

use rusqlite::Row;
use serde_json::Value;

use super::batch::{Batch, Limits};
use super::capabilities::Capabilities;
use super::select::Policy;
use super::{Error, Target};
use crate::base::{Timestamp, retry};
use crate::store::WriteTx;

/// How long a limit stated by a server is used without being repeated: the server may accept more
/// by then, and one refusal is enough to learn.
const BELIEVED: Duration = Duration::from_hours(24);

/// The most documents of a request.
const DOCUMENTS_AT_ONCE: usize = 250;
/// The most bytes of documents in a request, uncompressed: several are in memory.
const DOCUMENT_BYTES_AT_ONCE: usize = 2 << 20;

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

/// Time until which a target that now asks for a pause is not contacted.
pub(crate) fn pause(
    target: &Target,
    asked: Option<Duration>,
    random: f64,
    now: Timestamp,
) -> Timestamp {
    now.after(believed(target, now).wait(target.throttled, asked, random))
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

/// The stated limits of a target that are still recent enough to use.
pub(super) fn believed(target: &Target, now: Timestamp) -> AdvertisedLimits {
    match target.told_at {
        // A time in the future means that the clock moved backwards.
        Some(at) if at <= now && now.since(at) < BELIEVED => target.told,
        _ => AdvertisedLimits::default(),
    }
}

/// Capabilities of the target that are recent enough to use.
pub(crate) fn capabilities(target: &Target, now: Timestamp) -> Capabilities {
    believed(target, now).can
}

/// How many documents, and bytes of them, a request may carry; `None` where the target takes one at
/// a time.
pub(crate) fn document_batch(target: &Target, now: Timestamp) -> Option<Limits> {
    let told = believed(target, now);
    told.can.document_batch.then(|| Limits {
        events: least(told.documents, DOCUMENTS_AT_ONCE),
        bytes: least(told.document_bytes, DOCUMENT_BYTES_AT_ONCE),
    })
}

/// The configured bounds, or the server's where those are tighter.
pub(super) fn bounds(target: &Target, policy: &Policy, now: Timestamp) -> Limits {
    let told = believed(target, now);
    Limits {
        events: least(told.events, policy.max_events),
        bytes: least(told.bytes, policy.max_bytes),
    }
}

/// The limits that apply: those bounds, or the learned ones where smaller.
pub(super) fn in_force(target: &Target, policy: &Policy, now: Timestamp) -> Limits {
    let bounds = bounds(target, policy, now);
    Limits {
        events: least(target.limit_events, bounds.events),
        bytes: least(target.limit_bytes, bounds.bytes),
    }
}

fn least(limit: Option<i64>, bound: usize) -> usize {
    limit
        .and_then(|l| usize::try_from(l).ok())
        .map_or(bound, |l| l.min(bound))
        .max(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::batch::Item;
    use super::super::fixture::Books;
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
    fn the_least_limit_holds_and_a_servers_word_for_a_day() {
        let mut books = Books::new();
        let policy = Policy {
            max_events: 100,
            max_bytes: 1000,
            max_rejections: 1,
            sends_personal_data: false,
        };
        let (now, target) = (books.now(), books.target());
        let sizes = |target: &Target, now| {
            let limits = in_force(target, &policy, now);
            (limits.events, limits.bytes)
        };
        assert_eq!(sizes(&target, now), (100, 1000));
        books.write(|tx| {
            note(
                tx,
                target.id,
                AdvertisedLimits {
                    events: Some(40),
                    bytes: Some(9999),
                    ..AdvertisedLimits::default()
                },
                now,
            )
        });
        let mut target = books.target();
        assert_eq!(
            sizes(&target, now),
            (40, 1000),
            "never past the configured ones"
        );
        (target.limit_events, target.limit_bytes) = (Some(7), Some(70_000));
        assert_eq!(sizes(&target, now), (7, 1000));
        target.limit_events = None;
        for (later, events) in [
            (Duration::from_hours(23), 40),
            (Duration::from_hours(24), 100),
        ] {
            assert_eq!(sizes(&target, now.after(later)).0, events);
        }
        assert_eq!(
            sizes(&target, now.before(Duration::from_secs(1))).0,
            100,
            "the clock went back"
        );
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
