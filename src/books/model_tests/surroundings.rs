//! What a world has besides its stores: settings, a clock, ids, and the targets.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::base::ids::Ids;
use crate::base::{Clock, Timestamp};
use crate::delivery::Policy;
use crate::endpoint::{Identity, ReceiverKind};

/// Small, so that a history of a few events has several batches.
pub(super) const POLICY: Policy = Policy {
    max_events: 4,
    max_bytes: 900,
    max_rejections: 3,
    sends_personal_data: false,
};

/// A clock that is set by hand.
#[derive(Debug)]
pub(super) struct TestClock(pub(super) AtomicI64);

impl TestClock {
    pub(super) fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Ids that count.
#[derive(Debug, Default)]
pub(super) struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn ulid(&self, _at: Timestamp) -> String {
        self.uuid()
    }

    fn uuid(&self) -> String {
        format!("key-{}", self.0.fetch_add(1, Ordering::SeqCst))
    }
}

pub(super) fn identity(target: usize) -> Identity {
    Identity {
        target_id: format!("tgt_{target}"),
        receiver: ReceiverKind::ExternalReceiver,
        canonical_url: format!("target {target}"),
        team_slug: String::new(),
        user_email: String::new(),
    }
}
