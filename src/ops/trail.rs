//! The record of a drain: the checks that stopped it, and its last balance. Written only on a
//! change, so a drain with nothing to do writes nothing.

use super::Error;
use super::run::{Journey, shown};
use crate::delivery::{self, Balance};
use crate::endpoint::{Gate, ReceiverKind, SERVER_REFUSED, ServerStand};
use crate::store::Store;

impl Journey<'_> {
    /// Records the server's state; if it refuses every request, the report gets a failed check.
    pub(super) fn learn(&mut self, stand: &ServerStand) {
        self.server = std::mem::take(&mut self.server).then(stand.clone());
        self.report.gates.retain(|gate| gate.name != SERVER_REFUSED);
        let gate = self.server_gate(&self.server).filter(|gate| !gate.is_open);
        self.report.gates.extend(gate.map(shown));
    }

    /// The server's own gate; `None` where the target has no server.
    fn server_gate(&self, stand: &ServerStand) -> Option<Gate> {
        let receiver = self
            .resolved
            .receiver
            .filter(|receiver| *receiver != ReceiverKind::Stub)?;
        Some(stand.gate(receiver, self.credentials.token_place().as_deref()))
    }

    /// Records which checks stopped this drain, or that none did.
    pub(super) fn note_gates(&self, store: &mut Store) -> Result<(), Error> {
        if !self.request.scope.drains || self.resolved.receiver.is_none() {
            return Ok(());
        }
        let (target_id, mut gates) = (
            self.target_id().unwrap_or_default(),
            self.credentials.gates(),
        );
        gates.extend(self.server_gate(&self.server));
        let now = self.world.clock.now();
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
    pub(super) fn keep_balance(&self, store: &mut Store, balance: &Balance) -> Result<(), Error> {
        let (Some(target_id), true) = (self.target_id(), self.report.drain.is_some()) else {
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
                let now = self.world.clock.now();
                Ok(store.write(|tx| delivery::keep_balance(tx, &target, balance, now))?)
            }
            None => Ok(()),
        }
    }
}
