//! Predicts the result of a capture from the journal, without writing anything.

use super::index::Indexed;
use crate::dossier::{self, Fact};
use crate::event;
use crate::journal::{self, Receipt};
use crate::ops::memory::Memory;
use crate::ops::mission_log::{LogTally, Logs, unchanged_lines};
use crate::ops::rule::{self, Rule};
use crate::ops::{Error, Workspace, World};
use crate::store::{ReadStore, ReadTx};

/// The result that a capture would have.
#[derive(Debug)]
pub(super) struct Foreseen {
    /// Counts of facts and documents.
    pub(super) receipt: Receipt,
    /// Totals of the mission logs; `None` if they are not captured.
    pub(super) logs: Option<LogTally>,
}

/// The result of a capture, if everything is already in the journal; nothing is written. `None` if
/// that is not so, or unknown.
pub(super) fn unchanged(
    workspace: &Workspace,
    store: &ReadStore,
    memory: &Memory,
    indexed: &Indexed,
) -> Result<Option<Foreseen>, Error> {
    let (Some(then), false) = (memory.point(), Rule::of(workspace).is_bounded()) else {
        return Ok(None);
    };
    let (missions, project_uuid) = (&indexed.index.missions, workspace.project_uuid()?);
    let digests = indexed.digests(project_uuid, &rule::fingerprint(workspace));
    if !missions
        .iter()
        .zip(&digests)
        .all(|(mission, digest)| memory.has(&mission.slug, digest))
    {
        return Ok(None);
    }
    let is_same = store.read(|tx| {
        Ok::<_, journal::Error>(
            !memory.is_stale(&journal::point(tx)?) && journal::states_the_same(tx, then)?,
        )
    })?;
    let mut logs = Logs::of(workspace, project_uuid, missions, false, None);
    if let Some(logs) = &mut logs {
        for mission in missions {
            logs.pass_over(mission, memory);
        }
    }
    let logs = logs.map(|logs| logs.tally);
    let count: usize = missions.iter().map(dossier::count_facts).sum();
    let unchanged = i64::try_from(count).unwrap_or(i64::MAX) + unchanged_lines(logs.as_ref());
    let receipt = Receipt {
        unchanged,
        ..Receipt::default()
    };
    Ok(is_same.then_some(Foreseen { receipt, logs }))
}

/// Number of events that a capture would add, according to the journal.
pub(super) fn preview(
    existing: Option<&ReadStore>,
    workspace: &Workspace,
    project_uuid: &str,
    world: &World<'_>,
    indexed: &Indexed,
) -> Result<Foreseen, Error> {
    let keyed = |fact: &Fact| event::coalesce(fact.event_type, &fact.payload, None);
    let missions = &indexed.index.missions;
    let look = |tx: Option<&ReadTx<'_>>| {
        let mut receipt = Receipt::default();
        for mission in missions {
            let namespace = mission.namespace(project_uuid);
            for fact in dossier::facts(mission, &namespace, world.clock.now(), world.ids) {
                let stated = match (tx, keyed(&fact)) {
                    (Some(tx), Some(coalesce)) => journal::stated(tx, coalesce)?,
                    _ => None,
                };
                *(if stated.is_some() {
                    &mut receipt.unchanged
                } else {
                    &mut receipt.captured
                }) += 1;
            }
        }
        let mut logs = Logs::of(workspace, project_uuid, missions, true, None);
        if let Some(logs) = &mut logs {
            logs.preview(tx, missions)?;
            receipt.captured += i64::try_from(logs.tally.section.captured).unwrap_or(i64::MAX);
        }
        let logs = logs.map(|logs| logs.tally);
        receipt.unchanged += unchanged_lines(logs.as_ref());
        Ok::<_, Error>(Foreseen { receipt, logs })
    };
    match existing {
        Some(store) => store.read(|tx| look(Some(tx))),
        None => look(None),
    }
}
