//! Lets time pass for a store without waiting: the recorded due times are moved instead of the
//! clock.

use std::time::Duration;

use super::Sandbox;
use super::wire::open;

/// Every due time in the ledger. 0 and 1 are not times: they mean that no wait is needed.
const MOMENTS: [&str; 5] = [
    "UPDATE delivery_rows SET due_at = due_at + ?1 WHERE due_at > 1",
    "UPDATE delivery_attempts SET due_at = due_at + ?1 WHERE closed_at IS NULL",
    "UPDATE delivery_targets SET not_before = not_before + ?1 WHERE not_before IS NOT NULL",
    "UPDATE delivery_targets SET documents_not_before = documents_not_before + ?1 WHERE documents_not_before IS NOT NULL",
    "UPDATE delivery_targets SET no_health_until = no_health_until + ?1 WHERE no_health_until IS NOT NULL",
];

impl Sandbox {
    /// To the store it is this much later than it was.
    pub(crate) fn pass(&self, time: Duration) {
        self.shift(-i64::try_from(time.as_micros()).unwrap());
    }

    /// For the store it is this much earlier: the clock was set back.
    pub(crate) fn turn_back(&self, time: Duration) {
        self.shift(i64::try_from(time.as_micros()).unwrap());
    }

    fn shift(&self, micros: i64) {
        let conn = open(&self.store());
        for sql in MOMENTS {
            conn.execute(sql, [micros]).unwrap();
        }
    }
}
