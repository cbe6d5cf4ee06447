//! The third step: events and the documents they announce are delivered, if the checks pass; the
//! texts of documents that are not delivered are stored.

use super::capture::Captured;
use super::documents::{self, Deeds, DocumentsNow, ReadIt};
use super::drain;
use super::index::Indexed;
use super::plan::{Plan, is_shut};
use super::sending::{Sending, Sent};
use super::{texts, trail};
use crate::base::lock;
use crate::base::text::printable;
use crate::endpoint::ServerStand;
use crate::ops::Error;
use crate::ops::bodies::{Disk, Filters};
use crate::store::Store;

/// What a delivery came to.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// What was sent; its checks are those that are known at the end.
    pub(super) sent: Sent,
    /// The documents, as this run leaves them; `None` if the command does not get that
    /// far.
    pub(super) documents: Option<DocumentsNow>,
    /// Another drain held the lock longer than the lock wait.
    pub(super) is_locked_out: bool,
}

/// Delivers what is left to send, and looks at how the documents stand afterwards. `health_asked`:
/// this run asked the target for its health already.
pub(super) fn deliver(
    plan: &Plan<'_>,
    store: &mut Store,
    indexed: Option<&Indexed>,
    captured: Option<&Captured>,
    health_asked: bool,
) -> Result<Delivered, Error> {
    let filter = Filters::of(plan.workspace)?;
    let uuid = plan.workspace.identity.project_uuid.as_deref();
    let uuid = uuid.unwrap_or_default();
    let disk = indexed.map(|indexed| Disk::of(&indexed.index.missions, uuid, &filter));
    let mut delivered = if plan.delivers() && !is_shut(&plan.gates) {
        texts::resubmit(plan, store, disk.as_ref())?;
        send(plan, store, disk.as_ref(), health_asked)?
    } else {
        trail::note_gates(plan, store, &ServerStand::default())?;
        Delivered::nothing(plan)
    };
    let sent = &mut delivered.sent;
    sent.warnings
        .extend(texts::keep(plan, store, disk.as_ref())?);
    let deeds = Deeds {
        indexed: indexed.filter(|_| plan.request.scope.offers_bodies),
        captured,
        tally: std::mem::take(&mut sent.tally),
        is_shut: is_shut(&sent.gates),
    };
    delivered.documents = Some(documents::look(plan, &ReadIt::Write(store), deeds)?);
    Ok(delivered)
}

impl Delivered {
    /// Nothing was sent.
    pub(super) fn nothing(plan: &Plan<'_>) -> Self {
        Self {
            sent: Sent {
                gates: plan.gates.clone(),
                ..Sent::default()
            },
            ..Self::default()
        }
    }

    /// A stop was requested before.
    pub(super) fn interrupted(plan: &Plan<'_>) -> Self {
        let mut nothing = Self::nothing(plan);
        nothing.sent.was_interrupted = true;
        nothing
    }
}

fn send(
    plan: &Plan<'_>,
    store: &mut Store,
    disk: Option<&Disk<'_>>,
    health_asked: bool,
) -> Result<Delivered, Error> {
    let deadline = plan.deadline();
    let patience = plan.workspace.loaded.config.drain.lock_wait;
    let held = match drain::lock(plan, patience) {
        Ok(held) => held,
        Err(error) => return locked_out(plan, error),
    };
    let mut sending = Sending::new(plan, deadline, health_asked);
    sending.events(store)?;
    sending.documents(store, disk)?;
    drop(held);
    sending.latecomers(store)?;
    let sent = sending.end();
    trail::note_gates(plan, store, &sent.server)?;
    Ok(Delivered {
        sent,
        ..Delivered::default()
    })
}

/// Another process drains: captured rows stay, and the report says so.
fn locked_out(plan: &Plan<'_>, error: lock::Error) -> Result<Delivered, Error> {
    let mut delivered = Delivered::nothing(plan);
    match error {
        lock::Error::Held { path, holder } => {
            delivered.is_locked_out = true;
            let who = holder.map_or_else(String::new, |h| {
                format!(": process {} since {}", h.pid, printable(&h.since))
            });
            let words = format!("another drain holds {path}{who}");
            delivered.sent.warnings.push(words);
        }
        lock::Error::Interrupted { .. } => delivered.sent.was_interrupted = true,
        error @ (lock::Error::Io(_) | lock::Error::Unsupported { .. }) => {
            return Err(error.into());
        }
    }
    Ok(delivered)
}
