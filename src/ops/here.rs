//! Delivery state of the documents on disk, without changing anything: `status --check` and
//! `--missions`.

use super::bodies::Filters;
use super::memory::Memory;
use super::run::{self, Selection};
use super::stated::StatedFacts;
use super::{Error, Workspace, World};
use crate::base::text::path;
use crate::bodies::Status;
use crate::delivery::{self, Class, Target};
use crate::dossier::{Mission, facts};
use crate::endpoint::Resolved;
use crate::store::ReadTx;
use crate::{books, event, journal};

/// The documents of one mission on one branch.
#[derive(Debug, Clone, Default)]
pub(crate) struct MissionHere {
    /// The mission.
    pub(crate) mission_slug: String,
    /// Its branch.
    pub(crate) target_branch: String,
    /// Documents on disk.
    pub(crate) documents: u64,
    /// Documents that the target acknowledged in this version.
    pub(crate) delivered: u64,
    /// Documents that changed here since they were captured, or were never captured.
    pub(crate) newer_here: u64,
    /// Documents that are captured and not at the target.
    pub(crate) waiting: u64,
    /// Why one of the waiting documents waits.
    pub(crate) reason: Option<String>,
}

/// Each mission of the checkout; empty if no document is sent at all.
pub(crate) fn documents_here(
    world: &World<'_>,
    workspace: &Workspace,
    resolved: &Resolved,
) -> Result<Vec<MissionHere>, Error> {
    let takes_documents = resolved
        .endpoints
        .as_ref()
        .is_none_or(|endpoints| endpoints.bodies.is_some());
    let (Some(uuid), Some(_), true) = (
        &workspace.identity.project_uuid,
        resolved.receiver,
        takes_documents,
    ) else {
        return Ok(Vec::new());
    };
    let memory = Memory::of(workspace, true);
    let indexed = run::index(world, workspace, &memory, Selection::default(), &|_| ())?;
    let filter = Filters::of(workspace)?;
    let store = books::open_read(&workspace.place.store())?;
    let Some(store) = store else {
        let never = |mission: &Mission| {
            let is_document = |a: &&_| filter.decide(mission, a).status == Status::Queued;
            let documents = mission.artifacts.iter().filter(is_document).count() as u64;
            MissionHere {
                documents,
                newer_here: documents,
                ..named(mission)
            }
        };
        return Ok(indexed.index.missions.iter().map(never).collect());
    };
    store.read(|tx| {
        let target = match &resolved.identity {
            Some(identity) => delivery::current(tx, &identity.target_id)?,
            None => None,
        };
        let place = workspace.place.checkout(&workspace.root);
        let is_linked = workspace.root != workspace.main_root;
        let told = StatedFacts::of(tx, &place, &path(&workspace.root), is_linked)?;
        let look = Look {
            tx,
            target: target.as_ref(),
            told: &told,
            filter: &filter,
            uuid,
            world,
        };
        indexed
            .index
            .missions
            .iter()
            .map(|mission| look.at(mission))
            .collect()
    })
}

fn named(mission: &Mission) -> MissionHere {
    let (mission_slug, target_branch) = (mission.slug.clone(), mission.target_branch.clone());
    MissionHere {
        mission_slug,
        target_branch,
        ..MissionHere::default()
    }
}

struct Look<'a> {
    tx: &'a ReadTx<'a>,
    target: Option<&'a Target>,
    told: &'a StatedFacts,
    filter: &'a Filters,
    uuid: &'a str,
    world: &'a World<'a>,
}

impl Look<'_> {
    fn at(&self, mission: &Mission) -> Result<MissionHere, Error> {
        let mut here = named(mission);
        let namespace = mission.namespace(self.uuid);
        let facts = facts(mission, &namespace, self.world.clock.now(), self.world.ids);
        let present = mission
            .artifacts
            .iter()
            .filter(|artifact| artifact.is_present);
        for (artifact, fact) in present.zip(facts) {
            if self.filter.decide(mission, artifact).status != Status::Queued {
                continue;
            }
            here.documents += 1;
            let key = event::document_key(&namespace, &artifact.path);
            let newest = journal::newest_version(self.tx, key)?;
            let Some((seq, _)) = newest.filter(|(_, newest)| Some(*newest) == artifact.sha256)
            else {
                let told = event::coalesce(fact.event_type, &fact.payload, None)
                    .is_some_and(|c| self.told.says(&c));
                here.newer_here += u64::from(!told || newest.is_none());
                continue;
            };
            let row = self
                .target
                .map_or(Ok(None), |target| delivery::row_of(self.tx, target.id, seq))?;
            if row
                .as_ref()
                .is_some_and(|row| row.status.class() == Class::Delivered)
            {
                here.delivered += 1;
                continue;
            }
            here.waiting += 1;
            let said = row.map(|row| row.error.unwrap_or_else(|| "not sent yet".to_owned()));
            here.reason
                .get_or_insert(said.unwrap_or_else(|| "its event is not delivered yet".to_owned()));
        }
        Ok(here)
    }
}
