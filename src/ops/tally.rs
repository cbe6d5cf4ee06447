//! What is said of bodies in a report: counts, and the last word on each.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{Bodies, BodyOutcome};
use crate::base::Sha256;
use crate::bodies::{self, ArtifactOutcome, Decision, Status};
use crate::config::EventSyncConfig;

/// Which body is spoken of, in the order of the report. One artifact has several when an older text of it, or that of
/// another branch, still waits in the queue.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Which {
    /// The mission.
    pub(super) mission_slug: String,
    /// The path below the feature directory.
    pub(super) path: String,
    /// The mission's branch.
    pub(super) target_branch: String,
    /// The digest of the text, where there is one.
    pub(super) sha256: Option<Sha256>,
}

/// The counts of bodies in the making, with the last word on each.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Bodies,
    outcomes: BTreeMap<Which, Said>,
    /// Missions with a body for which the queue had no room.
    pub(super) without_room: BTreeSet<String>,
    /// Bodies for which the queue had no room.
    refused: u64,
    /// Words of uploads.
    uploads: u64,
}

/// The word on a body.
#[derive(Debug)]
struct Said {
    status: Status,
    reason: String,
    retryable: bool,
}

impl Tally {
    /// Counts what was decided about a body before any upload.
    pub(super) fn decided(&mut self, which: Which, decision: Decision) {
        // Only a full queue is worth another run.
        let is_refused = decision.status == Status::Failed;
        match decision.status {
            Status::Queued => self.counts.queued += 1,
            Status::AlreadyExists => self.counts.already_in_queue += 1,
            Status::Skipped => {
                let key = decision.reason.split(':').next().unwrap_or_default().to_owned();
                *self.counts.skipped.entry(key).or_default() += 1;
            }
            // No room in the queue: the next run offers it again.
            Status::Failed | Status::Uploaded => {
                self.counts.retryable += 1;
                self.refused += 1;
                self.without_room.insert(which.mission_slug.clone());
            }
        }
        self.outcomes.insert(which, Said { status: decision.status, reason: decision.reason, retryable: is_refused });
    }

    /// Takes the word of an upload, which replaces what was said before of the same body, and says how many there were.
    pub(super) fn uploaded(&mut self, outcome: &ArtifactOutcome) -> u64 {
        let ArtifactOutcome { mission_slug, target_branch, path, sha256, status, reason, retryable } = outcome.clone();
        let which = Which { mission_slug, path, target_branch, sha256: Some(sha256) };
        self.outcomes.insert(which, Said { status, reason, retryable });
        self.uploads += 1;
        self.uploads
    }

    /// Adds what a drain of the queue did.
    pub(super) fn drained(&mut self, report: &bodies::Report) {
        self.counts.uploaded += report.uploaded;
        self.counts.already_exists += report.already_exists;
        self.counts.failed += report.failed;
    }

    /// What to say of a queue that is full.
    pub(super) fn crowding(&self, config: &EventSyncConfig) -> Option<String> {
        let (refused, rows, bytes) = (self.refused, config.journal.capacity, config.bodies.max_queue_bytes);
        (refused > 0).then(|| {
            format!(
                "queue_full: {refused} bodies found no room among those that wait for upload, at most {rows} \
                 (journal.capacity) of {bytes} bytes in all (bodies.max_queue_bytes); the next run offers them again"
            )
        })
    }

    /// The finished section; `waiting` bodies are in the queue. Each body gets its line in the log.
    pub(super) fn finish(self, waiting: u64) -> Bodies {
        let outcomes = self.outcomes.into_iter().map(|(which, said)| {
            let (Which { mission_slug, path, .. }, Said { status, reason, retryable }) = (which, said);
            log::info!("{} {mission_slug}/{path} ({reason})", status.word());
            BodyOutcome { mission_slug, path, status: status.word(), reason, retryable }
        });
        Bodies { retryable: self.counts.retryable + waiting, outcomes: outcomes.collect(), ..self.counts }
    }
}
