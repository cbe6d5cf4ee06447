//! Detects work that a run can skip, because the cache of the checkout shows that it was done.

use std::time::Duration;

use super::documents::{self, ReadIt};
use super::dossier::Indexed;
use super::foresight;
use super::run::{Journey, books_of, capture_section};
use super::{Error, drain};
use crate::config::Retention;
use crate::journal::Kind;
use crate::spool::Spool;
use crate::store::{ReadStore, ReadTx};
use crate::{books, delivery, journal};

impl Journey<'_> {
    /// True if the store is the one that the cache describes, and nothing was given up in it since.
    pub(super) fn is_same_store(&self) -> bool {
        let (Ok(Some(store)), Some(then)) = (
            books::open_read(&self.workspace.place.store()),
            self.memory.point(),
        ) else {
            return false;
        };
        store
            .read(|tx| journal::is_same_history(tx, then))
            .unwrap_or(false)
    }

    pub(super) fn target_id(&self) -> Option<&str> {
        self.resolved
            .identity
            .as_ref()
            .map(|identity| identity.target_id.as_str())
    }

    /// True if everything was done before; then the report says so, and only the state of files was
    /// written.
    pub(super) fn is_unchanged(&mut self, indexed: &Indexed) -> Result<bool, Error> {
        if self.world.interrupt.is_requested() {
            return Ok(false);
        }
        // The command that opens the store for writing absorbs the spool and reports its problems.
        let spool = Spool::beside(&self.workspace.place.store());
        if spool.is_written() || !spool.left().is_ok_and(|left| left.is_empty()) {
            return Ok(false);
        }
        let Ok(Some(store)) = books::open_read(&self.workspace.place.store()) else {
            return Ok(false);
        };
        let Ok(Some((receipt, logs))) =
            foresight::unchanged(self.workspace, &store, &self.memory, indexed)
        else {
            return Ok(false);
        };
        let scope = self.request.scope;
        if scope.drains && (self.resubmits() || !store.read(|tx| self.owes_nothing(tx))?) {
            return Ok(false);
        }
        if scope.offers_bodies {
            if !scope.drains && !self.texts_are_safe(&store)? {
                return Ok(false);
            }
            self.tell_documents(&ReadIt::Read(&store), Some(indexed))?;
        }
        if scope.drains && self.resolved.receiver.is_some() {
            self.report.drain = Some(drain::section(&delivery::Report::default(), Duration::ZERO));
        }
        self.report.capture = Some(capture_section(&receipt));
        self.took_logs(logs);
        let balance = store.read(|tx| books_of(tx, self.target_id()))?;
        self.balance(balance);
        self.remember(indexed);
        Ok(true)
    }

    /// True if there is nothing to deliver and nothing to record: no event, no document, no failed
    /// check, no payload to delete.
    fn owes_nothing(&self, tx: &ReadTx<'_>) -> Result<bool, Error> {
        let Some(identity) = &self.resolved.identity else {
            return Ok(self.resolved.receiver.is_none());
        };
        if self.resolved.receiver.is_none() {
            return Ok(true);
        }
        let is_open = self.report.gates.iter().all(|gate| gate.open);
        let keeps = self.workspace.loaded.config.retention == Retention::On;
        let Some(target) =
            delivery::current(tx, &identity.target_id)?.filter(|target| target.is_live)
        else {
            return Ok(false);
        };
        let is_noted = delivery::stopped(tx, &identity.target_id)?.is_empty()
            && !delivery::has_passing(tx, &identity.target_id)?;
        let books = delivery::balance(tx, Some(&target))?;
        let is_kept =
            delivery::last_balance(tx, target.id)?.is_some_and(|last| last.balance == books);
        Ok(is_open
            && keeps
            && is_noted
            && is_kept
            && !delivery::owed(tx, &target)?
            && documents::books_of(tx, Some(&target), Kind::Document)? == 0)
    }

    /// True if no document that is left to send needs its text stored.
    fn texts_are_safe(&self, store: &ReadStore) -> Result<bool, Error> {
        if self.no_upload().is_some() {
            return Ok(true);
        }
        store.read(|tx| {
            let target = self
                .target_id()
                .map_or(Ok(None), |id| delivery::current(tx, id))?;
            Ok(documents::books_of(tx, target.as_ref(), Kind::Document)? == 0)
        })
    }

    /// Saves what the next run of this checkout can skip.
    pub(super) fn remember(&mut self, indexed: &Indexed) {
        if self.request.missions.is_none() {
            self.memory
                .keep_only(&indexed.present.iter().map(String::as_str).collect());
        }
        self.memory.save(&indexed.index.cache);
    }
}
