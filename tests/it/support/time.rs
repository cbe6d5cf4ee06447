//! Time that passes for a store, without anybody waiting for it: what it wrote down as due moves instead of the clock.

use std::time::Duration;

use super::Sandbox;
use super::wire::open;

/// Every moment at which something of the ledger is due. 0 and 1 are no moments: they say that nobody has to wait.
const MOMENTS: [&str; 4] = [
    "UPDATE delivery_rows SET due_at = due_at + ?1 WHERE due_at > 1",
    "UPDATE delivery_attempts SET due_at = due_at + ?1 WHERE closed_at IS NULL",
    "UPDATE delivery_targets SET not_before = not_before + ?1 WHERE not_before IS NOT NULL",
    "UPDATE delivery_targets SET no_health_until = no_health_until + ?1 WHERE no_health_until IS NOT NULL",
];

impl Sandbox {
    /// To the store it is this much later than it was.
    pub(crate) fn pass(&self, time: Duration) {
        self.shift(-i64::try_from(time.as_micros()).unwrap());
    }

    /// To the store it is this much earlier: somebody set the clock back.
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
