//! `verify --target`: what the target acknowledged, held against what it says that it has.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Error, Workspace, World};
use crate::base::{Sha256, ids};
use crate::delivery::{
    self, AcknowledgedEvent, BatchReceiver, CheckCounts, HeldDocument, Inventory, Means, Target,
    TargetCheck,
};
use crate::endpoint::{Credentials, Gate, Link};
use crate::event::{WireContext, for_wire, meaning_digest};
use crate::store::{ReadTx, Store};

/// How many of each kind are named.
const NAMED: usize = 20;
/// Events compared in one transaction.
const CHUNK: i64 = 1000;

/// Result of a comparison.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TargetProof {
    pub(crate) target_id: String,
    pub(crate) canonical_url: String,
    pub(crate) checked_at: String,
    /// Nothing that was acknowledged is lost or different there.
    pub(crate) agrees: bool,
    pub(crate) events: Compared,
    pub(crate) documents: Compared,
}

/// Result of comparing one kind.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Compared {
    #[serde(flatten)]
    pub(crate) counts: CheckCounts,
    /// The first of those that are lost there.
    pub(crate) lost: Vec<String>,
    /// The first of those that are different there.
    pub(crate) differing: Vec<String>,
}

/// Why nothing was compared.
#[derive(Debug)]
pub(crate) enum NotCompared {
    /// There is no target, or only the stub.
    NoTarget,
    /// Gates are shut.
    Shut(Vec<Gate>),
    /// Nothing was ever delivered there.
    Unknown,
    /// The server does not say what it has.
    NotOffered,
    /// The server gave no usable answer.
    NoAnswer(String),
}

/// Compares, and stores the result for `status`.
pub(crate) fn verify_target(
    world: &World<'_>,
    workspace: &Workspace,
    store: &mut Store,
    credentials: &Credentials<'_>,
) -> Result<Result<TargetProof, NotCompared>, Error> {
    let link = match credentials.link(None) {
        Ok(Some(link)) => link,
        Ok(None) => return Ok(Err(NotCompared::NoTarget)),
        Err(gates) => return Ok(Err(NotCompared::Shut(gates))),
    };
    let deadline = world
        .clock
        .now()
        .after(workspace.loaded.config.drain.max_time);
    let means = Means {
        clock: world.clock,
        random: &world.random,
        interrupt: world.interrupt,
        deadline,
    };
    if store
        .read(|tx| delivery::current(tx, &link.identity().target_id))?
        .is_none()
    {
        return Ok(Err(NotCompared::Unknown));
    }
    // What it could do a day ago says little of what it can do now.
    delivery::ask(store, &BatchReceiver::new(&link, world.clock), means)?;
    let target = store.read(|tx| delivery::current(tx, &link.identity().target_id))?;
    let Some(target) = target else {
        return Ok(Err(NotCompared::Unknown));
    };
    let project_uuid = workspace.project_uuid()?;
    let can = delivery::capabilities(&target, world.clock.now());
    let Some(inventory) = Inventory::new(&link, project_uuid, means).filter(|_| can.states) else {
        return Ok(Err(NotCompared::NotOffered));
    };
    let there = inventory
        .meanings()
        .and_then(|events| Ok((events, inventory.documents()?)));
    let (events, documents) = match there {
        Ok(there) => there,
        Err(why) => return Ok(Err(NotCompared::NoAnswer(why))),
    };
    let (events, documents) = store.read(|tx| {
        let events = compare_events(tx, &target, &link, project_uuid, events)?;
        Ok::<_, Error>((events, compare_documents(tx, &target, documents)?))
    })?;
    let check = TargetCheck {
        events: events.counts,
        documents: documents.counts,
    };
    let now = world.clock.now();
    store.write(|tx| delivery::keep_check(tx, &target, check, now))?;
    let is_whole =
        |compared: &Compared| compared.counts.lost_there + compared.counts.different == 0;
    Ok(Ok(TargetProof {
        target_id: target.identity.target_id.clone(),
        canonical_url: target.identity.canonical_url.clone(),
        checked_at: now.to_string(),
        agrees: is_whole(&events) && is_whole(&documents),
        events,
        documents,
    }))
}

fn compare_events(
    tx: &ReadTx<'_>,
    target: &Target,
    link: &Link,
    project_uuid: &str,
    mut there: BTreeMap<String, Sha256>,
) -> Result<Compared, Error> {
    let mut compared = Compared::default();
    let mut after = 0;
    loop {
        let events = delivery::acknowledged_events(tx, target.id, after, CHUNK)?;
        let Some(last) = events.last() else { break };
        after = last.seq;
        for event in &events {
            let id = ids::normalize(&event.event_id).unwrap_or_else(|| event.event_id.clone());
            match there.remove(&id) {
                None => compared.lost(event.event_id.clone()),
                Some(digest) if says(event, link, project_uuid, digest) => {
                    compared.counts.same += 1;
                }
                Some(_) => compared.differs(event.event_id.clone()),
            }
        }
    }
    compared.counts.unknown_here = there.len() as u64;
    Ok(compared)
}

/// True when an event says what has this digest, in a form in which it may have been sent. One
/// whose payload has left is believed.
fn says(event: &AcknowledgedEvent, link: &Link, project_uuid: &str, digest: Sha256) -> bool {
    let Some(envelope) = &event.envelope else {
        return true;
    };
    let context = WireContext {
        project_uuid: Some(project_uuid),
        team_slug: &link.identity().team_slug,
        sends_personal_data: false,
        form: link.protocol().form,
    };
    meaning_digest(envelope) == digest
        || [false, true].into_iter().any(|sends_personal_data| {
            let sent = for_wire(
                envelope,
                event.wire,
                WireContext {
                    sends_personal_data,
                    ..context
                },
            );
            sent.is_ok_and(|sent| sent.is_some_and(|sent| meaning_digest(&sent) == digest))
        })
}

fn compare_documents(
    tx: &ReadTx<'_>,
    target: &Target,
    there: Vec<HeldDocument>,
) -> Result<Compared, Error> {
    let mut compared = Compared::default();
    let mut there: BTreeSet<_> = there.into_iter().collect();
    let mut here = BTreeSet::new();
    for document in delivery::acknowledged_documents(tx, target.id)? {
        let (n, sha256) = (document.namespace, document.sha256.to_string());
        here.insert(HeldDocument {
            mission_slug: n.mission_slug,
            target_branch: n.target_branch,
            mission_type: n.mission_type,
            manifest_version: n.manifest_version,
            path: document.path,
            sha256,
        });
    }
    for document in here {
        if there.remove(&document) {
            compared.counts.same += 1;
        } else {
            let HeldDocument {
                mission_slug,
                path,
                sha256,
                ..
            } = document;
            compared.lost(format!(
                "{mission_slug}/{path} ({})",
                sha256.get(..12).unwrap_or_default()
            ));
        }
    }
    compared.counts.unknown_here = there.len() as u64;
    Ok(compared)
}

impl Compared {
    fn lost(&mut self, name: String) {
        self.counts.lost_there += 1;
        if self.lost.len() < NAMED {
            self.lost.push(name);
        }
    }

    fn differs(&mut self, name: String) {
        self.counts.different += 1;
        if self.differing.len() < NAMED {
            self.differing.push(name);
        }
    }
}
