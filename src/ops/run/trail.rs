//! The record of a drain: the checks that stopped it, and its last balance. Written only on a
//! change, so a drain with nothing to do writes nothing.

use super::plan::Plan;
use crate::delivery::{self, Balance};
use crate::endpoint::{Gate, ServerStand};
use crate::ops::Error;
use crate::store::Store;

/// The server's own gate; `None` where the target has no server.
pub(super) fn server_gate(plan: &Plan<'_>, stand: &ServerStand) -> Option<Gate> {
    let receiver = plan
        .resolved
        .receiver
        .filter(|receiver| receiver.is_server())?;
    Some(stand.gate(receiver, plan.credentials.token_place().as_deref()))
}

/// Records which checks stopped this drain, or that none did. `stand`: whether the server accepts
/// requests, as far as this run used it.
pub(super) fn note_gates(
    plan: &Plan<'_>,
    store: &mut Store,
    stand: &ServerStand,
) -> Result<(), Error> {
    if !plan.delivers() {
        return Ok(());
    }
    let (target_id, mut gates) = (
        plan.target_id().unwrap_or_default(),
        plan.credentials.gates(),
    );
    gates.extend(server_gate(plan, stand));
    let now = plan.world.clock.now();
    let differs = |before: &[delivery::Stopped]| delivery::after_drain(before, &gates, now);
    let passes = gates.iter().all(|gate| gate.is_open);
    let (own, others) = store.read(|tx| {
        Ok::<_, delivery::Error>((
            delivery::stopped(tx, target_id)?,
            delivery::has_passing(tx, target_id)?,
        ))
    })?;
    if differs(&own).is_none() && !(passes && others) {
        return Ok(());
    }
    Ok(store.write(|tx| {
        let before = delivery::stopped(tx, target_id)?;
        let after = differs(&before).unwrap_or(before);
        delivery::record_stopped(tx, target_id, &after)
    })?)
}

/// Stores the balance at the end of a drain.
pub(super) fn keep_balance(
    plan: &Plan<'_>,
    store: &mut Store,
    balance: &Balance,
) -> Result<(), Error> {
    let Some(target_id) = plan.target_id() else {
        return Ok(());
    };
    let known = store.read(|tx| {
        let Some(target) = delivery::current(tx, target_id)? else {
            return Ok::<_, delivery::Error>(None);
        };
        let is_news =
            delivery::last_balance(tx, target.id)?.is_none_or(|last| last.balance != *balance);
        Ok(is_news.then_some(target))
    })?;
    match known {
        Some(target) => {
            let now = plan.world.clock.now();
            Ok(store.write(|tx| delivery::keep_balance(tx, &target, balance, now))?)
        }
        None => Ok(()),
    }
}
