//! Detects work that a run can skip, because the cache of the checkout shows that it was done.

use super::documents::{self, Deeds, DocumentsNow, ReadIt};
use super::foresight::{self, Foreseen};
use super::index::Indexed;
use super::plan::{Plan, is_shut};
use crate::config::Retention;
use crate::ops::balances::{EventBalance, documents_lacking};
use crate::ops::memory::Memory;
use crate::ops::{Error, Workspace};
use crate::spool::Spool;
use crate::store::{ReadStore, ReadTx};
use crate::{books, delivery, journal};

/// Everything was done before: what a run would have come to.
#[derive(Debug)]
pub(super) struct Unchanged {
    /// What a capture would have come to.
    pub(super) capture: Foreseen,
    /// How the documents stand, if the command reports it.
    pub(super) documents: Option<DocumentsNow>,
    /// The balance of the events.
    pub(super) balance: EventBalance,
}

/// True if the store is the one that the cache describes, and nothing was given up in it since.
pub(super) fn is_same_store(workspace: &Workspace, memory: &Memory) -> bool {
    let (Ok(Some(store)), Some(then)) =
        (books::open_read(&workspace.place.store()), memory.point())
    else {
        return false;
    };
    store
        .read(|tx| journal::is_same_history(tx, then))
        .unwrap_or(false)
}

/// The result of the run, if everything was done before; reads the store and writes nothing. `None`
/// if there is something to do.
pub(super) fn look(
    plan: &Plan<'_>,
    memory: &Memory,
    indexed: &Indexed,
) -> Result<Option<Unchanged>, Error> {
    if plan.world.interrupt.is_requested() {
        return Ok(None);
    }
    // The command that opens the store for writing absorbs the spool and reports its problems.
    let spool = Spool::beside(&plan.workspace.place.store());
    if spool.is_written() || !spool.left().is_ok_and(|left| left.is_empty()) {
        return Ok(None);
    }
    let Ok(Some(store)) = books::open_read(&plan.workspace.place.store()) else {
        return Ok(None);
    };
    let Ok(Some(capture)) = foresight::unchanged(plan.workspace, &store, memory, indexed) else {
        return Ok(None);
    };
    let scope = plan.request.scope;
    if scope.drains && (plan.resubmits() || !store.read(|tx| owes_nothing(plan, tx))?) {
        return Ok(None);
    }
    let mut documents = None;
    if scope.offers_bodies {
        if !scope.drains && !texts_are_safe(plan, &store)? {
            return Ok(None);
        }
        let deeds = Deeds {
            indexed: Some(indexed),
            is_shut: is_shut(&plan.gates),
            ..Deeds::default()
        };
        documents = Some(documents::look(plan, &ReadIt::Read(&store), deeds)?);
    }
    Ok(Some(Unchanged {
        capture,
        documents,
        balance: store.read(|tx| EventBalance::of(tx, plan.target_id()))?,
    }))
}

/// True if there is nothing to deliver and nothing to record: no event, no document, no failed
/// check, no payload to delete.
fn owes_nothing(plan: &Plan<'_>, tx: &ReadTx<'_>) -> Result<bool, Error> {
    let Some(identity) = &plan.resolved.identity else {
        return Ok(plan.resolved.receiver.is_none());
    };
    if plan.resolved.receiver.is_none() {
        return Ok(true);
    }
    let keeps = plan.workspace.loaded.config.retention == Retention::On;
    let Some(target) = delivery::current(tx, &identity.target_id)?.filter(|target| target.is_live)
    else {
        return Ok(false);
    };
    let is_noted = delivery::stopped(tx, &identity.target_id)?.is_empty()
        && !delivery::has_passing(tx, &identity.target_id)?;
    let books = delivery::balance(tx, Some(&target))?;
    let is_kept = delivery::last_balance(tx, target.id)?.is_some_and(|last| last.balance == books);
    Ok(!is_shut(&plan.gates)
        && keeps
        && is_noted
        && is_kept
        && !delivery::owed(tx, &target)?
        && documents_lacking(tx, Some(&target))? == 0)
}

/// True if no document that is left to send needs its text stored.
fn texts_are_safe(plan: &Plan<'_>, store: &ReadStore) -> Result<bool, Error> {
    if plan.no_upload().is_some() {
        return Ok(true);
    }
    store.read(|tx| {
        let target = plan
            .target_id()
            .map_or(Ok(None), |id| delivery::current(tx, id))?;
        Ok(documents_lacking(tx, target.as_ref())? == 0)
    })
}
