//! What the configured preset does with an event at capture.

use std::collections::BTreeSet;

use super::{Error, Workspace};
use crate::base::Timestamp;
use crate::books;
use crate::config::{BoundFamilies, Delivery, Retention};
use crate::event::{Disposition, FamilyTable, disposition};
use crate::store::WriteTx;

/// Why opting out dropped an event, in its audit row.
pub(super) const OPTED_OUT: &str = "opted out, with opt_out.teamspace_bound = \"audit\"";

/// Message about evicted events.
pub(crate) fn evicted_words(evicted: i64) -> String {
    format!(
        "{evicted} of the oldest undelivered events were deleted: the queue is at journal.capacity (see the audit). \
         Deliver with `sk-sync drain`, or raise journal.capacity"
    )
}

/// Message about events that opting out dropped.
pub(super) fn dropped_words(dropped: u64) -> String {
    format!(
        "{dropped} events were not kept: this project opted out (those bound for a Teamspace are in the audit)"
    )
}

/// All parts of the configuration that decide what a capture does with a fact; part of the cache
/// key.
pub(super) fn fingerprint(workspace: &Workspace) -> String {
    let config = &workspace.loaded.config;
    let (kept, capacity) = ((config.retention, config.delivery), config.journal.capacity);
    let (families, artifacts) = (&config.families.local_only, &config.artifacts);
    // A log line names its project by these.
    let (identity, captures_logs) = (&workspace.identity, config.mission_log.capture);
    let log = captures_logs.then_some((&identity.project_slug, &identity.repo_slug));
    format!(
        "{kept:?} {capacity} {:?} {families:?} {artifacts:?} {log:?}",
        config.opt_out.teamspace_bound
    )
}

/// The rows that were evicted because the queue was full.
#[derive(Debug, Default)]
pub(super) struct Evicted(BTreeSet<i64>);

impl Evicted {
    pub(super) fn count(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }

    /// True if this row was evicted.
    pub(super) fn has(&self, seq: i64) -> bool {
        self.0.contains(&seq)
    }
}

/// The rule of one run.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    table: FamilyTable,
    is_opted_out: bool,
    audits_bound: bool,
    is_retained: bool,
    capacity: Option<i64>,
}

impl Rule {
    /// The rule of the configuration.
    pub(super) fn of(workspace: &Workspace) -> Self {
        let config = &workspace.loaded.config;
        Self {
            table: FamilyTable::with_local_only(config.families.local_only.iter().cloned()),
            is_opted_out: config.retention == Retention::Off && config.delivery == Delivery::None,
            capacity: (config.retention == Retention::Off && config.delivery != Delivery::None)
                .then_some(i64::try_from(config.journal.capacity).unwrap_or(i64::MAX)),
            is_retained: config.retention == Retention::On,
            audits_bound: config.opt_out.teamspace_bound == BoundFamilies::Audit,
        }
    }

    /// True if the queue is bounded, so that a capture may evict events.
    pub(super) fn is_bounded(&self) -> bool {
        self.capacity.is_some()
    }

    /// True if no event is kept for a server.
    pub(super) fn is_opted_out(&self) -> bool {
        self.is_opted_out
    }

    /// Records before a capture whether its payloads are retained.
    pub(super) fn note_retention(&self, tx: &WriteTx<'_>) -> Result<(), Error> {
        Ok(books::note_retention(tx, self.is_retained)?)
    }

    /// Evicts the oldest events beyond the capacity, if the configuration bounds the queue; returns
    /// their rows. The rows of this transaction are above `arrived_after`: see [`books::evict`].
    pub(super) fn evict(
        &self,
        tx: &WriteTx<'_>,
        now: Timestamp,
        arrived_after: i64,
    ) -> Result<Evicted, Error> {
        let Some(capacity) = self.capacity else {
            return Ok(Evicted::default());
        };
        Ok(Evicted(books::evict(tx, now, capacity, arrived_after)?))
    }

    /// What happens to an event of this type.
    pub(super) fn disposition(&self, event_type: &str) -> Disposition {
        disposition(
            self.table.classify(event_type),
            self.is_opted_out,
            self.audits_bound,
        )
    }
}
