//! What a journey need not do again, because it is remembered of the checkout that it was done.

use super::Error;
use super::dossier::{self, Indexed};
use super::memory::{self, Deed};
use super::rule;
use super::run::{Journey, books_of, capture_section};
use crate::spool::Spool;
use crate::{books, journal};

impl Journey<'_> {
    /// True when the store is the one of which something is remembered, and nothing was given up in it since.
    pub(super) fn is_same_store(&self) -> bool {
        let (Ok(Some(store)), Some(then)) = (books::open_read(&self.workspace.place.store()), self.memory.point())
        else {
            return false;
        };
        store.read(|tx| journal::is_same_history(tx, then)).unwrap_or(false)
    }

    /// What this command does with a mission in the end.
    pub(super) fn deed(&self) -> Deed {
        if self.request.scope.offers_bodies { Deed::Offered } else { Deed::Captured }
    }

    /// What else than the mission decides what that comes to.
    pub(super) fn deed_rule(&self) -> String {
        let captured = rule::fingerprint(self.workspace);
        match self.deed() {
            Deed::Captured => captured,
            Deed::Offered => {
                let (target, why_not) = (self.target_id(), self.no_upload());
                format!("{captured} {target:?} {why_not:?} {:?}", self.workspace.loaded.config.artifacts)
            }
        }
    }

    pub(super) fn target_id(&self) -> Option<&str> {
        self.resolved.identity.as_ref().map(|identity| identity.target_id.as_str())
    }

    /// True when all there is to do was done before; then the report says so, and nothing was written but what is known
    /// of the files.
    pub(super) fn is_unchanged(&mut self, indexed: &Indexed) -> Result<bool, Error> {
        let scope = self.request.scope;
        if scope.offers_bodies || scope.drains || self.world.interrupt.is_requested() {
            return Ok(false);
        }
        // What was spooled is taken over by who opens the store to write; he also tells whatever is wrong with it.
        let spool = Spool::beside(&self.workspace.place.store());
        if spool.is_written() || !spool.left().is_ok_and(|left| left.is_empty()) {
            return Ok(false);
        }
        let Ok(Some(store)) = books::open_read(&self.workspace.place.store()) else { return Ok(false) };
        let Ok(Some(receipt)) = dossier::unchanged(self.workspace, &store, &self.memory, indexed) else {
            return Ok(false);
        };
        self.report.capture = Some(capture_section(&receipt));
        let balance = store.read(|tx| books_of(tx, self.target_id()))?;
        self.balance(balance);
        self.remember(indexed);
        Ok(true)
    }

    /// Writes down what the next run of this checkout need not do again.
    pub(super) fn remember(&mut self, indexed: &Indexed) {
        if self.request.missions.is_none() {
            self.memory.keep_only(&indexed.present.iter().map(String::as_str).collect());
        }
        if self.deed() == Deed::Offered && !self.report.standing.was_interrupted {
            let (rule, uuid) = (self.deed_rule(), self.workspace.identity.project_uuid.as_deref().unwrap_or_default());
            let missions = indexed.index.missions.iter().filter(|m| !self.refused.contains(&m.slug));
            let offered = missions.map(|m| (m.slug.clone(), memory::digest(m, uuid, &rule))).collect();
            self.memory.note_offered(offered);
        }
        self.memory.save(&indexed.index.cache);
    }
}
