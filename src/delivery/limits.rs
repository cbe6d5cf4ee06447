//! Limits of a request: the configured ones, those that the server states, and those learned from
//! its refusals; the smallest applies.

use std::time::Duration;

use super::Target;
use super::advertised::AdvertisedLimits;
use super::batch::Limits;
use super::capabilities::Capabilities;
use crate::base::Timestamp;

/// How long a limit stated by a server is used without being repeated: the server may accept more
/// by then, and one refusal is enough to learn.
const BELIEVED: Duration = Duration::from_hours(24);

/// The most documents of a request.
const DOCUMENTS_AT_ONCE: usize = 250;
/// The most bytes of documents in a request, uncompressed: several are in memory.
const DOCUMENT_BYTES_AT_ONCE: usize = 2 << 20;

/// Time until which a target that now asks for a pause is not contacted.
pub(crate) fn pause(
    target: &Target,
    asked: Option<Duration>,
    random: f64,
    now: Timestamp,
) -> Timestamp {
    now.after(believed(target, now).wait(target.throttled, asked, random))
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

/// The configured bounds of a drain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// Most events in a request.
    pub(crate) max_events: usize,
    /// Most body bytes in a request.
    pub(crate) max_bytes: usize,
    /// Number of refusals after which an event is given up.
    pub(crate) max_rejections: i64,
    /// Fields of imported events that name a person or a machine are sent too.
    pub(crate) sends_personal_data: bool,
}

#[cfg(test)]
mod tests {
    use super::super::advertised;
    use super::super::fixture::Books;
    use super::*;

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
            advertised::note(
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
}
