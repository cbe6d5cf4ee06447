//! What a delivery sends while it holds the drain lock: events, documents, and rows captured
//! meanwhile.

use std::time::Duration;

use super::connection::TargetConnection;
use super::plan::{Plan, is_shut};
use super::{drain, texts, trail};
use crate::base::text::printable;
use crate::base::{Timestamp, shell};
use crate::bodies::{Push, Row};
use crate::books;
use crate::config::Retention;
use crate::delivery::{self, BatchReceiver, Class, Means, PATIENCE, Stop};
use crate::endpoint::{Link, SERVER_REFUSED, ServerStand};
use crate::ops::balances::documents_lacking;
use crate::ops::bodies::{self, Disk};
use crate::ops::report::{Drain, Gate};
use crate::ops::tally::Tally;
use crate::ops::{Error, Step};
use crate::store::Store;

/// What was sent, and what the server said.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The checks, as known after the last request.
    pub(super) gates: Vec<Gate>,
    /// Whether the server accepts requests, as far as it was asked.
    pub(super) server: ServerStand,
    /// Totals of the events.
    pub(super) drain: Option<Drain>,
    /// Totals of the documents.
    pub(super) tally: Tally,
    /// Warnings for people.
    pub(super) warnings: Vec<String>,
    /// A stop was requested before the end.
    pub(super) was_interrupted: bool,
}

/// A delivery in progress.
pub(super) struct Sending<'a> {
    plan: &'a Plan<'a>,
    connection: TargetConnection<'a>,
    begun: Timestamp,
    deadline: Timestamp,
    /// This run asked the target for its health before it captured; told once.
    health_asked: bool,
    link: Option<Link>,
    /// The connections for documents, kept from one upload to the next.
    push: Option<Push>,
    did: Option<delivery::Report>,
    sent: Sent,
}

impl<'a> Sending<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, deadline: Timestamp, health_asked: bool) -> Self {
        Self {
            plan,
            connection: plan.connection(),
            begun: plan.world.clock.now(),
            deadline,
            health_asked,
            link: None,
            push: None,
            did: None,
            sent: Sent {
                gates: plan.gates.clone(),
                ..Sent::default()
            },
        }
    }

    /// Ends the delivery, and closes the connection.
    pub(super) fn end(self) -> Sent {
        self.sent
    }

    /// The permitted target, connected on first use.
    fn link(&mut self) -> Result<Option<Link>, Error> {
        if self.link.is_none() {
            let linked = self.connection.link()?;
            // The credential source was asked just now, so every check is known.
            let mut gates = self.plan.credentials.gates();
            match linked {
                Ok(link) => self.link = link,
                // The embedded receiver has only one check: that it listens.
                Err(shut) if gates.is_empty() => gates = shut,
                Err(_) => {}
            }
            self.sent.gates = gates.into_iter().map(Gate::from).collect();
        }
        Ok(self.link.clone())
    }

    /// Takes what the server said of itself; if it refuses every request, that is a failed check.
    fn learn(&mut self, stand: &ServerStand) {
        let sent = &mut self.sent;
        sent.server = std::mem::take(&mut sent.server).then(stand.clone());
        sent.gates.retain(|gate| gate.name != SERVER_REFUSED);
        let gate = trail::server_gate(self.plan, &sent.server).filter(|gate| !gate.is_open);
        sent.gates.extend(gate.map(Gate::from));
    }

    /// Delivers events, if any are left to send.
    pub(super) fn events(&mut self, store: &mut Store) -> Result<(), Error> {
        let Some(identity) = self.plan.resolved.identity.clone() else {
            return Ok(());
        };
        let world = self.plan.world;
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
            let progress = self.plan.progress;
            // The first answer may take long: until then the progress must not show "indexing".
            progress(Step::Delivering { done: 0, total });
            let more = drain::events(
                self.plan,
                store,
                &link,
                (self.begun, self.deadline),
                self.health_asked,
                &mut |done| {
                    progress(Step::Delivering { done, total });
                },
            )?;
            let asked_before = std::mem::take(&mut self.health_asked);
            did.health_requests += u64::from(asked_before);
            self.sent
                .warnings
                .extend(drain::offer(&identity, &more.changes));
            did.add(&more);
            self.learn(&more.server);
        }
        // A delivery to the embedded receiver proves nothing, so it deletes no payload.
        let is_proof = identity.receiver.is_server();
        if is_proof && self.plan.workspace.loaded.config.retention == Retention::Off {
            release_acknowledged(store, world.clock.now(), &identity.target_id)?;
        }
        self.sent.was_interrupted |= did.stop == Some(Stop::Interrupted);
        self.sent.drain = Some(drain::section(&did, world.clock.now().since(begun)));
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
        let Some(identity) = self.plan.resolved.identity.clone() else {
            return Ok(());
        };
        if is_stopped || self.plan.no_upload().is_some() {
            return Ok(());
        }
        let known = store.read(|tx| {
            let Some(target) = delivery::current(tx, &identity.target_id)? else {
                return Ok(None);
            };
            let total = documents_lacking(tx, Some(&target))?;
            Ok::<_, Error>((total > 0).then_some((target.id, total)))
        })?;
        let Some((target, total)) = known else {
            return Ok(());
        };
        if self.push.is_none() {
            let config = &self.plan.workspace.loaded.config.bodies;
            self.push = self
                .link()?
                .and_then(|link| Push::new(&link, config.wire_names, config.parallel));
        }
        let Some(push) = &self.push else {
            return Ok(());
        };
        let (plan, deadline) = (self.plan, self.deadline);
        let root = &plan.workspace.root;
        let on_disk = |row: &Row| {
            disk.and_then(|disk| disk.text(row))
                .or_else(|| bodies::text_below(root, row))
        };
        let tally = &mut self.sent.tally;
        let goal = (target, total);
        let did = drain::documents(plan, tally, store, push, goal, deadline, &on_disk)?;
        self.learn(&did.server);
        if let Some(stopped) = &did.stopped {
            self.sent.was_interrupted |= *stopped == Stop::Interrupted;
            let words = if let Stop::Throttled(said) = stopped {
                said.clone()
            } else {
                stopped.words()
            };
            self.sent
                .warnings
                .push(format!("uploads stopped: {}", printable(&words)));
        }
        if did.unknown_events >= PATIENCE {
            self.ask_who(store, did.unknown_events)?;
        }
        let given_up = texts::give_up(plan, store, &did.textless)?;
        self.sent.warnings.extend(given_up);
        // A delivery to the embedded receiver proves nothing, so it deletes no text.
        let frees = identity.receiver.is_server()
            && plan.workspace.loaded.config.retention == Retention::Off;
        if frees {
            release_acknowledged(store, plan.world.clock.now(), &identity.target_id)?;
        }
        Ok(())
    }

    /// The server does not know events that it acknowledged: requests its health and adds the hint.
    fn ask_who(&mut self, store: &mut Store, answers: u32) -> Result<(), Error> {
        let (world, deadline) = (self.plan.world, self.deadline);
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
        self.sent.warnings.push(words);
        Ok(())
    }

    /// Delivers events that other processes captured while this one held the lock.
    pub(super) fn latecomers(&mut self, store: &mut Store) -> Result<(), Error> {
        let Some(identity) = self.plan.resolved.identity.clone() else {
            return Ok(());
        };
        let is_stopped = self.did.as_ref().is_some_and(|did| did.stop.is_some());
        let has_new = store.read(|tx| match delivery::current(tx, &identity.target_id)? {
            Some(target) => delivery::has_new(tx, &target),
            // Nothing was left to send to it when this drain checked.
            None => Ok(delivery::balance(tx, None)?.of(Class::Untried) > 0),
        })?;
        if is_stopped || !has_new || is_shut(&self.sent.gates) {
            return Ok(());
        }
        // The present holder of the lock sees them as well.
        let Ok(held) = drain::lock(self.plan, Duration::ZERO) else {
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
