//! Offering every eligible body of the covered missions to the upload queue (design section 9).

use std::collections::{BTreeMap, BTreeSet};

use super::report::{Bodies, BodyOutcome};
use super::{Error, Workspace, World};
use crate::base::text::printable;
use crate::bodies::{self, ArtifactOutcome, Body, Candidate, Decision, Entry, FilterPolicy, Limits, Status};
use crate::config::EventSyncConfig;
use crate::dossier::{self, Artifact, Mission};
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
    /// Missions of which a body was not queued for want of room.
    pub(super) refused: BTreeSet<String>,
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
                self.refused.insert(mission_slug.to_owned());
            }
        }
        self.note(&ArtifactOutcome::of(mission_slug, path, decision));
    }

    /// Takes the word of an upload, which replaces what was said before of the same body.
    pub(super) fn note(&mut self, outcome: &ArtifactOutcome) {
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

    /// The finished section; `waiting` bodies are in the queue.
    pub(super) fn finish(self, waiting: u64) -> Bodies {
        Bodies {
            retryable: self.counts.retryable + waiting,
            outcomes: self.outcomes.into_values().collect(),
            ..self.counts
        }
    }
}

/// Queues the bodies of one mission in one transaction; returns how many wait for upload because of it.
pub(super) fn offer(
    world: &World<'_>,
    workspace: &Workspace,
    store: &mut Store,
    mission: &Mission,
    filter: &FilterPolicy,
    tally: &mut Tally,
) -> Result<u64, Error> {
    let config = &workspace.loaded.config;
    let namespace = mission.namespace(workspace.project_uuid()?);
    let limits = Limits { rows: config.journal.capacity, bytes: config.bodies.max_queue_bytes };
    let now = world.clock.now();
    let mut waiting = 0;
    store.write(|tx| {
        for artifact in &mission.artifacts {
            let decision = match body(mission, artifact, filter, config.artifacts.max_bytes) {
                Ok(body) => {
                    let entry = Entry { namespace: &namespace, path: &artifact.path, body: &body };
                    bodies::enqueue(tx, &entry, now, &limits)?.decision()
                }
                Err(decision) => decision,
            };
            waiting += u64::from(matches!(decision.status, Status::Queued | Status::AlreadyExists));
            tally.decided(&mission.slug, &artifact.path, decision);
        }
        Ok::<_, Error>(waiting)
    })
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
