//! Offering every eligible body of the covered missions to the upload queue (design section 9).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::report::{Bodies, BodyOutcome};
use super::{Error, Workspace, World};
use crate::base::text::printable;
use crate::bodies::{self, ArtifactOutcome, Body, Candidate, Decision, Enqueued, Entry, FilterPolicy, Limits, Status};
use crate::config::EventSyncConfig;
use crate::dossier::{self, Artifact, Mission};
use crate::event::NamespaceRef;
use crate::store::Store;

/// Why eligible bodies are not queued at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoUpload {
    /// Nothing is to be delivered.
    NoTarget,
    /// The target takes no bodies.
    NoEndpoint,
}

impl NoUpload {
    const fn reason(self) -> &'static str {
        match self {
            Self::NoTarget => "no_target",
            Self::NoEndpoint => "no_bodies_endpoint",
        }
    }
}

/// The filter of the configuration.
pub(super) fn filter(config: &EventSyncConfig) -> Result<FilterPolicy, Error> {
    let artifacts = &config.artifacts;
    Ok(FilterPolicy::new(&artifacts.surfaces, &artifacts.formats, artifacts.max_bytes)?)
}

/// What the index alone says of an artifact's body.
pub(super) fn decide(artifact: &Artifact, filter: &FilterPolicy) -> Decision {
    let candidate = Candidate {
        path: &artifact.path,
        size_bytes: artifact.size,
        is_present: artifact.is_present,
        error_reason: artifact.error_reason,
    };
    bodies::decide(&candidate, filter)
}

/// The counts of bodies in the making, with the last word on each.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Bodies,
    outcomes: BTreeMap<(String, String), BodyOutcome>,
    /// Bodies for which the queue had no room.
    refused: u64,
    /// Words of uploads.
    uploads: u64,
}

impl Tally {
    /// Counts what was decided about a body before any upload.
    fn decided(&mut self, mission_slug: &str, path: &str, decision: Decision) {
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
            }
        }
        self.note(&ArtifactOutcome::of(mission_slug, path, decision));
    }

    /// Takes the word of an upload, and says how many there were.
    pub(super) fn uploaded(&mut self, outcome: &ArtifactOutcome) -> u64 {
        self.note(outcome);
        self.uploads += 1;
        self.uploads
    }

    /// Takes a word, which replaces what was said before of the same body.
    fn note(&mut self, outcome: &ArtifactOutcome) {
        let said = BodyOutcome {
            mission_slug: outcome.mission_slug.clone(),
            path: outcome.path.clone(),
            status: outcome.status.word(),
            reason: outcome.reason.clone(),
            retryable: outcome.retryable,
        };
        self.outcomes.insert((said.mission_slug.clone(), said.path.clone()), said);
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
        for body in self.outcomes.values() {
            let why = if body.reason.is_empty() { String::new() } else { format!(" ({})", body.reason) };
            log::info!("{} {}/{}{why}", body.status, body.mission_slug, body.path);
        }
        Bodies {
            retryable: self.counts.retryable + waiting,
            outcomes: self.outcomes.into_values().collect(),
            ..self.counts
        }
    }
}

/// Bodies read at once, so that a run over any number of missions holds a bounded number of texts, in memory and in the
/// queue, and queues them in few transactions.
const BATCH_ROWS: usize = 256;
/// Bytes of texts read at once; one more text may go over it.
const BATCH_BYTES: usize = 4 << 20;

/// What follows whenever bodies were queued; false when nothing leaves the queue in this run.
pub(super) type OnQueued<'a> = dyn FnMut(&mut Store, &mut Tally) -> Result<bool, Error> + 'a;

/// A body that was read, and is not queued yet.
struct Offered<'a> {
    namespace: Rc<NamespaceRef>,
    path: &'a str,
    body: Body,
}

/// Queues the eligible bodies of these missions, in order, a bounded number at a time.
pub(super) fn offer(
    world: &World<'_>,
    workspace: &Workspace,
    store: &mut Store,
    missions: &[Mission],
    tally: &mut Tally,
    on_queued: &mut OnQueued<'_>,
) -> Result<(), Error> {
    let config = &workspace.loaded.config;
    let filter = filter(config)?;
    let limits = Limits { rows: config.journal.capacity, bytes: config.bodies.max_queue_bytes };
    let mut desk = Desk { world, limits, store, tally, on_queued };
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for mission in missions {
        let namespace = Rc::new(mission.namespace(workspace.project_uuid()?));
        for artifact in &mission.artifacts {
            match body(mission, artifact, &filter, config.artifacts.max_bytes) {
                Ok(body) => {
                    bytes += body.text().len();
                    batch.push(Offered { namespace: Rc::clone(&namespace), path: &artifact.path, body });
                }
                Err(decision) => desk.tally.decided(&mission.slug, &artifact.path, decision),
            }
            if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
                desk.take(std::mem::take(&mut batch))?;
                bytes = 0;
            }
        }
    }
    desk.take(batch)
}

/// Where bodies are handed in.
struct Desk<'a, 'b> {
    world: &'a World<'a>,
    limits: Limits,
    store: &'a mut Store,
    tally: &'a mut Tally,
    on_queued: &'a mut OnQueued<'b>,
}

impl Desk<'_, '_> {
    /// Queues a batch. What finds the queue full is tried again for as long as bodies leave it.
    fn take(&mut self, batch: Vec<Offered<'_>>) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut left = self.queue(batch)?;
        while (self.on_queued)(self.store, self.tally)? && !left.is_empty() {
            let before = left.len();
            left = self.queue(left)?;
            if left.len() == before {
                break;
            }
        }
        for Offered { namespace, path, .. } in left {
            self.tally.decided(&namespace.mission_slug, path, Enqueued::QueueFull.decision());
        }
        Ok(())
    }

    /// Queues a batch in one transaction, and gives back what there is no room for.
    fn queue<'c>(&mut self, batch: Vec<Offered<'c>>) -> Result<Vec<Offered<'c>>, Error> {
        let now = self.world.clock.now();
        let outcomes: Vec<_> = self.store.write(|tx| {
            let one = |Offered { namespace, path, body }: &Offered<'_>| {
                bodies::enqueue(tx, &Entry { namespace, path, body }, now, &self.limits)
            };
            batch.iter().map(one).collect::<Result<_, _>>()
        })?;
        let mut left = Vec::new();
        for (offered, outcome) in batch.into_iter().zip(outcomes) {
            if outcome == Enqueued::QueueFull {
                left.push(offered);
            } else {
                self.tally.decided(&offered.namespace.mission_slug, offered.path, outcome.decision());
            }
        }
        Ok(left)
    }
}

/// Counts what would be offered, and queues nothing.
pub(super) fn preview(mission: &Mission, filter: &FilterPolicy, no_upload: Option<NoUpload>, tally: &mut Tally) {
    for artifact in &mission.artifacts {
        let mut decision = decide(artifact, filter);
        if let (Status::Queued, Some(why)) = (decision.status, no_upload) {
            decision = Decision { status: Status::Skipped, reason: why.reason().to_owned() };
        }
        tally.decided(&mission.slug, &artifact.path, decision);
    }
}

/// The body of an artifact, read again and checked against the index; or why there is none to queue.
fn body(mission: &Mission, artifact: &Artifact, filter: &FilterPolicy, max_bytes: u64) -> Result<Body, Decision> {
    let decision = decide(artifact, filter);
    let (Status::Queued, Some(sha256)) = (decision.status, artifact.sha256) else { return Err(decision) };
    let bytes = dossier::read_body(&mission.dir, &artifact.path, max_bytes)
        .map_err(|error| Decision::skipped(printable(&error.to_string())))?;
    Body::verify(bytes, sha256)
}
