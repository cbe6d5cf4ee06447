//! What a target still lacks, read from the counters.

use super::Error;
use crate::delivery::{self, Balance, Class, Target};
use crate::journal::Kind;
use crate::store::ReadTx;

/// The balance of a target's events, and the number of those in open attempts.
#[derive(Debug, Clone)]
pub(super) struct EventBalance {
    pub(super) balance: Balance,
    pub(super) in_open_attempts: i64,
}

impl EventBalance {
    /// Reads it; `None` for a target reads the balance of one that was never contacted.
    pub(super) fn of(tx: &ReadTx<'_>, target_id: Option<&str>) -> Result<Self, delivery::Error> {
        let target = target_id.map_or(Ok(None), |id| delivery::current(tx, id))?;
        let open = target
            .as_ref()
            .map_or(Ok(0), |target| delivery::in_open_attempts(tx, target.id))?;
        Ok(Self {
            balance: delivery::balance(tx, target.as_ref())?,
            in_open_attempts: open,
        })
    }

    /// Number of events that a later drain would send.
    pub(super) fn left_to_send(&self) -> u64 {
        let (untried, rejected) = (Class::Untried, Class::Retryable);
        let left = self.balance.of(untried) + self.balance.of(rejected) + self.in_open_attempts;
        u64::try_from(left).unwrap_or(0)
    }
}

/// How many document versions a target lacks and will be sent.
pub(super) fn documents_lacking(tx: &ReadTx<'_>, target: Option<&Target>) -> Result<u64, Error> {
    let balance = delivery::balance_of(tx, target, Kind::Document)?;
    Ok(u64::try_from(balance.of(Class::Untried) + balance.of(Class::Retryable)).unwrap_or(0))
}
