//! Captures the facts and the documents of a mission.

use std::collections::HashSet;

use crate::base::{Sha256, Timestamp};
use crate::bodies::Status;
use crate::books;
use crate::dossier::{self, Artifact, Fact, Mission};
use crate::event::{
    self, Coalesce, Disposition, NamespaceRef, Occurrence, Origin, Restated, WireForm,
};
use crate::journal::{self, Appended, Audit, Document, Entry};
use crate::ops::bodies::{self, Filters};
use crate::ops::rule::{OPTED_OUT, Rule};
use crate::ops::served::{self, Found, Served};
use crate::ops::stated::StatedFacts;
use crate::ops::{Error, World};
use crate::store::WriteTx;

/// Aggregate type of every dossier event.
const AGGREGATE_TYPE: &str = "MissionDossier";

/// A running capture.
pub(super) struct Capturing<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) origin: Origin,
    pub(super) rule: Rule,
    pub(super) filter: Filters,
    /// True if texts are stored: the documents are not delivered at once.
    pub(super) keeps_texts: bool,
    pub(super) now: Timestamp,
    pub(super) dropped: u64,
    /// Number of facts of this checkout that another checkout has replaced by newer ones.
    pub(super) skipped: i64,
    pub(super) documents: HashSet<[u8; 16]>,
    /// What the target has, where it was asked.
    pub(super) served: Option<&'a Served>,
    /// What of that was captured here.
    pub(super) found: Found,
}

impl Capturing<'_> {
    /// Captures the new facts of a mission, each with the document that it announces.
    pub(super) fn mission(
        &mut self,
        tx: &WriteTx<'_>,
        appending: &mut books::Appending<'_>,
        mission: &Mission,
        namespace: &NamespaceRef,
        told: &mut StatedFacts,
    ) -> Result<(), Error> {
        // The facts begin with those of the present artifacts, in the same order.
        let mut present = mission
            .artifacts
            .iter()
            .filter(|artifact| artifact.is_present);
        for fact in dossier::facts(mission, namespace, self.now, self.world.ids) {
            let artifact = present.next();
            let keyed = event::coalesce(fact.event_type, &fact.payload, None);
            let stated = keyed.map_or(Ok(None), |c| appending.stated(c))?;
            if stated.is_none()
                && let Some(c) = &keyed
                && told.says(c)
                && journal::has_word(tx, c.key)?
            {
                self.skipped += 1;
                told.note(c);
                continue;
            }
            let served = self.served.and_then(|served| served.fact(&keyed?));
            let served = served.filter(|_| stated.is_none());
            let restated = served.and_then(|served| Some((self.restated(&fact, served)?, served)));
            let (event, has_document) = match (stated, &restated) {
                (Some(seq), _) => (Some(seq), false),
                (None, Some((restated, served))) => (
                    self.take(appending, &fact, restated, keyed)?,
                    served.has_document,
                ),
                (None, None) => (self.fact(tx, appending, &fact, keyed)?, false),
            };
            if let (Some(event), Some(artifact)) = (event, artifact) {
                let document =
                    self.document(tx, appending, (mission, namespace), artifact, event)?;
                self.found
                    .documents
                    .extend(document.filter(|_| has_document));
            }
            if let Some(c) = &keyed {
                told.note(c);
            }
        }
        Ok(())
    }

    /// The target's own event for a fact, in the words of this run; `None` if it says anything
    /// else, or is not to be delivered.
    fn restated(&self, fact: &Fact, served: &served::Fact) -> Option<Restated> {
        if self.rule.disposition(fact.event_type) != Disposition::Keep {
            return None;
        }
        event::restate(
            &self.origin,
            &self.occurrence(fact, "", 0),
            &served.envelope,
        )
    }

    /// Captures an event that the target has; its row.
    fn take(
        &mut self,
        appending: &mut books::Appending<'_>,
        fact: &Fact,
        restated: &Restated,
        coalesce: Option<Coalesce>,
    ) -> Result<Option<i64>, Error> {
        let appended = appending.append(&Entry {
            event_id: &restated.event_id,
            event_type: fact.event_type,
            occurred_at: Some(&restated.at),
            envelope: &restated.envelope,
            wire: self.wire(),
            coalesce,
            held: None,
            origin: "target",
        })?;
        Ok(match appended {
            Appended::Captured { seq, .. } => {
                self.found.events.push(seq);
                self.found.lamport = self.found.lamport.max(restated.lamport);
                Some(seq)
            }
            Appended::Unchanged { seq } => Some(seq),
            Appended::Conflict { .. } | Appended::Purged { .. } | Appended::Full { .. } => None,
        })
    }

    /// A fact as an event of now.
    fn occurrence<'a>(
        &self,
        fact: &'a Fact,
        event_id: &'a str,
        lamport_clock: i64,
    ) -> Occurrence<'a> {
        Occurrence {
            event_id,
            event_type: fact.event_type,
            aggregate_id: &fact.aggregate_id,
            aggregate_type: AGGREGATE_TYPE,
            lamport_clock,
            at: self.now,
            payload: &fact.payload,
        }
    }

    const fn wire(&self) -> WireForm {
        if self.origin.team_slug.is_some() {
            WireForm::AsIs
        } else {
            WireForm::AsIsWithoutTeam
        }
    }

    /// Captures the present version of an artifact, announced by `event`, if the artifact is a
    /// document; its row and digest if it is new.
    fn document(
        &mut self,
        tx: &WriteTx<'_>,
        appending: &mut books::Appending<'_>,
        (mission, namespace): (&Mission, &NamespaceRef),
        artifact: &Artifact,
        event: i64,
    ) -> Result<Option<(i64, Sha256)>, Error> {
        if self.rule.is_opted_out()
            || self.filter.decide(mission, artifact).status != Status::Queued
        {
            return Ok(None);
        }
        let Some(sha256) = artifact.sha256 else {
            return Ok(None);
        };
        let key = event::document_key(namespace, &artifact.path);
        if journal::newest_version(tx, key)?.is_some_and(|(_, newest)| newest == sha256) {
            return Ok(None);
        }
        let (namespace, path, place) = (
            namespace.clone(),
            artifact.path.clone(),
            Some(mission.place.clone()),
        );
        let document = Document {
            namespace,
            path,
            sha256,
            size: artifact.size,
            place,
        };
        let id = format!("doc:{}", self.world.ids.ulid(self.now));
        let held = journal::held(tx, event)?;
        let appended =
            appending.append_document(&id, &document, Some(event), held.as_deref(), "index")?;
        let Appended::Captured { seq, .. } = appended else {
            return Ok(None);
        };
        self.documents.insert(key);
        if self.keeps_texts
            && let Some(text) = bodies::text(mission, artifact)
        {
            journal::keep_text(tx, sha256, text.text().as_bytes())?;
        }
        Ok(Some((seq, sha256)))
    }

    /// Captures a fact; returns its row, or `None` if it is dropped.
    fn fact(
        &mut self,
        tx: &WriteTx<'_>,
        appending: &mut books::Appending<'_>,
        fact: &Fact,
        coalesce: Option<Coalesce>,
    ) -> Result<Option<i64>, Error> {
        let event_id = self.world.ids.ulid(self.now);
        let occurrence = self.occurrence(fact, &event_id, journal::next_lamport(tx, 1)?);
        let envelope = event::envelope(&self.origin, &occurrence)?;
        let held = match self.rule.disposition(fact.event_type) {
            Disposition::Keep => None,
            Disposition::Hold(reason) => Some(reason),
            Disposition::Discard => {
                self.dropped += 1;
                return Ok(None);
            }
            Disposition::AuditAndDiscard => {
                self.dropped += 1;
                let (sha256, reason) = (Sha256::of(&envelope), OPTED_OUT);
                let audit = Audit {
                    act: "discarded",
                    event_id: &event_id,
                    event_type: fact.event_type,
                    sha256,
                    reason,
                };
                journal::audit(tx, self.now, &audit)?;
                return Ok(None);
            }
        };
        let appended = appending.append(&Entry {
            event_id: &event_id,
            event_type: fact.event_type,
            occurred_at: Some(&self.now.to_string()),
            envelope: &envelope,
            wire: self.wire(),
            coalesce,
            held,
            origin: "index",
        })?;
        Ok(match appended {
            Appended::Captured { seq, .. } | Appended::Unchanged { seq } => Some(seq),
            Appended::Conflict { .. } | Appended::Purged { .. } | Appended::Full { .. } => None,
        })
    }
}
