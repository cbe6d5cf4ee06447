//! Offering every eligible body of the covered missions to the upload queue (design section 9).

use std::rc::Rc;

use super::tally::{Tally, Which};
use super::{Error, Workspace, World};
use crate::base::text::printable;
use crate::bodies::{self, Body, Candidate, Decision, Enqueued, Entry, FilterPolicy, Limits, Status};
use crate::dossier::{self, Artifact, Mission, Source};
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

/// Which bodies of which source are sent.
pub(super) struct Filters(Vec<FilterPolicy>);

impl Filters {
    /// Those of the workspace's sources.
    pub(super) fn of(workspace: &Workspace) -> Result<Self, Error> {
        let max_bytes = workspace.loaded.config.artifacts.max_bytes;
        let sources = workspace.sources()?;
        let filter = |source: &Source| FilterPolicy::new(&source.surfaces, &source.formats, max_bytes);
        Ok(Self(sources.all().iter().map(filter).collect::<Result<_, _>>()?))
    }

    /// What the index alone says of the body of an artifact of `mission`.
    pub(super) fn decide(&self, mission: &Mission, artifact: &Artifact) -> Decision {
        let candidate = Candidate {
            path: &artifact.path,
            size_bytes: artifact.size,
            is_present: artifact.is_present,
            error_reason: artifact.error_reason,
        };
        match self.0.get(mission.source) {
            Some(filter) => bodies::decide(&candidate, filter),
            None => Decision::skipped("unsupported_surface"),
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

impl Offered<'_> {
    fn which(&self) -> Which {
        Which {
            mission_slug: self.namespace.mission_slug.clone(),
            path: self.path.to_owned(),
            target_branch: self.namespace.target_branch.clone(),
            sha256: Some(self.body.sha256()),
        }
    }
}

/// An artifact without a body in the making.
fn which(mission: &Mission, artifact: &Artifact) -> Which {
    Which {
        mission_slug: mission.slug.clone(),
        path: artifact.path.clone(),
        target_branch: mission.target_branch.clone(),
        sha256: artifact.sha256,
    }
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
    let filters = Filters::of(workspace)?;
    let limits = Limits { rows: config.journal.capacity, bytes: config.bodies.max_queue_bytes };
    let mut desk = Desk { world, limits, store, tally, on_queued };
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for mission in missions {
        let namespace = Rc::new(mission.namespace(workspace.project_uuid()?));
        for artifact in &mission.artifacts {
            match body(mission, artifact, &filters, config.artifacts.max_bytes) {
                Ok(body) => {
                    bytes += body.text().len();
                    batch.push(Offered { namespace: Rc::clone(&namespace), path: &artifact.path, body });
                }
                Err(decision) => desk.tally.decided(which(mission, artifact), decision),
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
        for offered in left {
            self.tally.decided(offered.which(), Enqueued::QueueFull.decision());
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
                self.tally.decided(offered.which(), outcome.decision());
            }
        }
        Ok(left)
    }
}

/// Counts what would be offered, and queues nothing.
pub(super) fn preview(mission: &Mission, filters: &Filters, no_upload: Option<NoUpload>, tally: &mut Tally) {
    for artifact in &mission.artifacts {
        let mut decision = filters.decide(mission, artifact);
        if let (Status::Queued, Some(why)) = (decision.status, no_upload) {
            decision = Decision { status: Status::Skipped, reason: why.reason().to_owned() };
        }
        tally.decided(which(mission, artifact), decision);
    }
}

/// The body of an artifact, read again and checked against the index; or why there is none to queue.
fn body(mission: &Mission, artifact: &Artifact, filters: &Filters, max_bytes: u64) -> Result<Body, Decision> {
    let decision = filters.decide(mission, artifact);
    let (Status::Queued, Some(sha256)) = (decision.status, artifact.sha256) else { return Err(decision) };
    let bytes = dossier::read_body(&mission.dir, &artifact.path, max_bytes)
        .map_err(|error| Decision::skipped(printable(&error.to_string())))?;
    Body::verify(bytes, sha256)
}
