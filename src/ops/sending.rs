//! The delivery half of a run: events, documents, and rows captured meanwhile.

use std::time::Duration;

use super::bodies::{self, Disk};
use super::documents::books_of;
use super::drain::{self, TargetConnection};
use super::run::{Journey, shown};
use super::{Error, Step};
use crate::base::text::printable;
use crate::base::{Timestamp, shell};
use crate::bodies::{Push, Row};
use crate::books;
use crate::config::Retention;
use crate::delivery::{self, BatchReceiver, Class, Means, PATIENCE, Stop};
use crate::endpoint::{Link, ReceiverKind};
use crate::journal::Kind;
use crate::store::Store;

/// The part of a run that holds the drain lock.
pub(super) struct Sending<'a, 'b> {
    journey: &'a mut Journey<'b>,
    connection: &'a mut TargetConnection<'b>,
    begun: Timestamp,
    deadline: Timestamp,
    link: Option<Link>,
    /// The connections for documents, kept from one upload to the next.
    push: Option<Push>,
    did: Option<delivery::Report>,
}

impl<'a, 'b> Sending<'a, 'b> {
    pub(super) fn new(
        journey: &'a mut Journey<'b>,
        connection: &'a mut TargetConnection<'b>,
        deadline: Timestamp,
    ) -> Self {
        let begun = journey.world.clock.now();
        Self {
            journey,
            connection,
            begun,
            deadline,
            link: None,
            push: None,
            did: None,
        }
    }

    /// The permitted target, connected on first use.
    fn link(&mut self) -> Result<Option<Link>, Error> {
        if self.link.is_none() {
            let linked = self.connection.link()?;
            // The credential source was asked just now, so every check is known.
            let mut gates = self.journey.credentials.gates();
            match linked {
                Ok(link) => self.link = link,
                // The embedded receiver has only one check: that it listens.
                Err(shut) if gates.is_empty() => gates = shut,
                Err(_) => {}
            }
            self.journey.report.gates = gates.into_iter().map(shown).collect();
        }
        Ok(self.link.clone())
    }

    /// Delivers events, if any are left to send.
    pub(super) fn events(&mut self, store: &mut Store) -> Result<(), Error> {
        let Some(identity) = self.journey.resolved.identity.clone() else {
            return Ok(());
        };
        let world = self.journey.world;
        let begun = world.clock.now();
        let (is_owed, total) = store.read(|tx| {
            let target = delivery::current(tx, &identity.target_id)?;
            let balance = delivery::balance(tx, target.as_ref())?;
            let total = balance.of(Class::Untried)
                + balance.of(Class::Retryable)
                + balance.of(Class::InFlight);
            // For a target that was never contacted everything is left to send.
            let is_owed = target.map_or(Ok(total > 0), |target| delivery::owed(tx, &target))?;
            Ok::<_, delivery::Error>((is_owed, u64::try_from(total).unwrap_or(0)))
        })?;
        let mut did = self.did.take().unwrap_or_default();
        if is_owed && let Some(link) = self.link()? {
            let progress = self.journey.progress;
            // The first answer may take long: until then the progress must not show "indexing".
            progress(Step::Delivering { done: 0, total });
            let more = drain::events(
                self.journey,
                store,
                &link,
                (self.begun, self.deadline),
                &mut |done| {
                    progress(Step::Delivering { done, total });
                },
            )?;
            // The question that this run asked before it captured.
            let asked_before = std::mem::take(&mut self.journey.health_asked);
            did.health_requests += u64::from(asked_before);
            self.journey
                .report
                .warnings
                .extend(drain::offer(&identity, &more.changes));
            did.add(&more);
            self.journey.learn(&more.server);
        }
        // A delivery to the embedded receiver proves nothing, so it deletes no payload.
        let is_proof = identity.receiver != ReceiverKind::Stub;
        if is_proof && self.journey.workspace.loaded.config.retention == Retention::Off {
            release_acknowledged(store, world.clock.now(), &identity.target_id)?;
        }
        self.journey.report.standing.was_interrupted |= did.stop == Some(Stop::Interrupted);
        self.journey.report.drain = Some(drain::section(&did, world.clock.now().since(begun)));
        self.did = Some(did);
        Ok(())
    }

    /// Sends the documents whose events the target has; `disk` is the index of this run, if there
    /// is one. After a halt of the events none is sent.
    pub(super) fn documents(
        &mut self,
        store: &mut Store,
        disk: Option<&Disk<'_>>,
    ) -> Result<(), Error> {
        let is_stopped = self.did.as_ref().is_some_and(|did| did.stop.is_some());
        let Some(identity) = self.journey.resolved.identity.clone() else {
            return Ok(());
        };
        if is_stopped || self.journey.no_upload().is_some() {
            return Ok(());
        }
        let known = store.read(|tx| {
            let Some(target) = delivery::current(tx, &identity.target_id)? else {
                return Ok(None);
            };
            let total = books_of(tx, Some(&target), Kind::Document)?;
            Ok::<_, Error>((total > 0).then_some((target.id, total)))
        })?;
        let Some((target, total)) = known else {
            return Ok(());
        };
        if self.push.is_none() {
            let config = &self.journey.workspace.loaded.config.bodies;
            self.push = self
                .link()?
                .and_then(|link| Push::new(&link, config.wire_names, config.parallel));
        }
        let Some(push) = &self.push else {
            return Ok(());
        };
        let (journey, deadline) = (&mut *self.journey, self.deadline);
        let root = &journey.workspace.root;
        let on_disk = |row: &Row| {
            disk.and_then(|disk| disk.text(row))
                .or_else(|| bodies::text_below(root, row))
        };
        let did = drain::documents(journey, store, push, (target, total), deadline, &on_disk)?;
        journey.learn(&did.server);
        if let Some(stopped) = &did.stopped {
            journey.report.standing.was_interrupted |= *stopped == Stop::Interrupted;
            let words = if let Stop::Throttled(said) = stopped {
                said.clone()
            } else {
                stopped.words()
            };
            journey
                .report
                .warnings
                .push(format!("uploads stopped: {}", printable(&words)));
        }
        if did.unknown_events >= PATIENCE {
            self.ask_who(store, did.unknown_events)?;
        }
        let journey = &mut *self.journey;
        journey.without_text(store, &did.textless)?;
        // A delivery to the embedded receiver proves nothing, so it deletes no text.
        let frees = identity.receiver != ReceiverKind::Stub
            && journey.workspace.loaded.config.retention == Retention::Off;
        if frees {
            release_acknowledged(store, journey.world.clock.now(), &identity.target_id)?;
        }
        Ok(())
    }

    /// The server does not know events that it acknowledged: requests its health and adds the hint.
    fn ask_who(&mut self, store: &mut Store, answers: u32) -> Result<(), Error> {
        let (world, deadline) = (self.journey.world, self.deadline);
        let Some(link) = self.link()? else {
            return Ok(());
        };
        let means = Means {
            clock: world.clock,
            random: &world.random,
            interrupt: world.interrupt,
            deadline,
        };
        let changes = delivery::ask(store, &BatchReceiver::new(&link, world.clock), means)?;
        let replay = shell::line("sk-sync replay --to", [&link.identity().target_id]);
        let words = drain::offer(link.identity(), &changes).unwrap_or_else(|| {
            format!(
                "the last {answers} answers to documents were index_entry_not_found, although the server acknowledged \
                 their events. If it lost what it had: {replay}"
            )
        });
        self.journey.report.warnings.push(words);
        Ok(())
    }

    /// Delivers events that other processes captured while this one held the lock.
    pub(super) fn latecomers(&mut self, store: &mut Store) -> Result<(), Error> {
        let Some(identity) = self.journey.resolved.identity.clone() else {
            return Ok(());
        };
        let is_stopped = self.did.as_ref().is_some_and(|did| did.stop.is_some());
        let has_new = store.read(|tx| match delivery::current(tx, &identity.target_id)? {
            Some(target) => delivery::has_new(tx, &target),
            // Nothing was left to send to it when this drain checked.
            None => Ok(delivery::balance(tx, None)?.of(Class::Untried) > 0),
        })?;
        if is_stopped || !has_new || !self.journey.report.gates.iter().all(|gate| gate.open) {
            return Ok(());
        }
        // The present holder of the lock sees them as well.
        let Ok(held) = drain::lock(self.journey.world, self.journey.workspace, Duration::ZERO)
        else {
            return Ok(());
        };
        self.events(store)?;
        self.documents(store, None)?;
        drop(held);
        Ok(())
    }
}

/// Deletes acknowledged payloads if the configuration does not retain them, a bounded number at a
/// time.
fn release_acknowledged(store: &mut Store, now: Timestamp, target_id: &str) -> Result<(), Error> {
    let mut after = Some(0);
    while let Some(seq) = after {
        after = store.write(|tx| match delivery::current(tx, target_id)? {
            Some(target) => Ok::<_, Error>(books::acknowledge(tx, now, target.id, seq)?.1),
            None => Ok(None),
        })?;
    }
    Ok(())
}
