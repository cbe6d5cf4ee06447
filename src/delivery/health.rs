//! Asks a target for its health.

use std::time::Duration;

use super::deployment::{self, Asked};
use super::receiver::DeliveryReceiver;
use super::reset::Change;
use super::running_drain::Means;
use super::{Error, register, registry, rows};
use crate::base::Timestamp;
use crate::store::{ReadTx, Store};

/// Time limit of a health request.
const PROBE: Duration = Duration::from_secs(5);

/// Asks the target for its health even if it was asked before; returns the fields that show that it
/// is another server now.
pub(crate) fn ask(
    store: &mut Store,
    receiver: &dyn DeliveryReceiver,
    means: Means<'_>,
) -> Result<Vec<Change>, Error> {
    let asked = question(receiver, means);
    store.write(|tx| {
        let now = means.clock.now();
        let target = register::register(tx, receiver.identity(), now)?;
        deployment::note(tx, &target, &asked, now)
    })
}

/// The answer of the target.
pub(super) fn question(receiver: &dyn DeliveryReceiver, means: Means<'_>) -> Asked {
    let exchange = receiver.health(means.time_left(PROBE));
    exchange.map_or(Asked::Skipped, |exchange| {
        exchange.as_ref().map_or(Asked::Nothing, deployment::read)
    })
}

/// True if the target is asked for its health: something will be sent, and the target is not known
/// to have no health endpoint.
pub(super) fn is_to_ask(tx: &ReadTx<'_>, target_id: &str, now: Timestamp) -> Result<bool, Error> {
    match registry::current(tx, target_id)? {
        Some(target) if target.no_health_until.is_some_and(|until| until > now) => Ok(false),
        Some(target) => rows::is_due(tx, &target, now),
        None => Ok(true),
    }
}
