//! `--dry-run`: what a command would do. Reads the store if it exists, and creates nothing.

use super::foresight::{self, Foreseen};
use super::index::Indexed;
use super::plan::Plan;
use crate::books;
use crate::delivery::{self, Balance};
use crate::ops::Error;
use crate::ops::balances::{EventBalance, documents_lacking};
use crate::ops::bodies::{self, Filters};
use crate::ops::report::{Artifact, Bodies};
use crate::ops::tally::Tally;

/// What a command would do.
#[derive(Debug, Default)]
pub(super) struct Preview {
    /// What would be captured.
    pub(super) capture: Option<Foreseen>,
    /// What would be sent of documents.
    pub(super) bodies: Option<Bodies>,
    /// Each artifact, if the command only indexes.
    pub(super) artifacts: Option<Vec<Artifact>>,
    /// The balance of events, if the command only delivers.
    pub(super) balance: Option<Balance>,
}

/// Foresees the run; `indexed` is `None` for a command that only delivers.
pub(super) fn preview(plan: &Plan<'_>, indexed: Option<&Indexed>) -> Result<Preview, Error> {
    match indexed {
        Some(indexed) => of_index(plan, indexed),
        None => of_ledger(plan),
    }
}

/// `drain` sends what the ledger has left to send, and the waiting documents.
fn of_ledger(plan: &Plan<'_>) -> Result<Preview, Error> {
    let Some(store) = books::open_read(&plan.workspace.place.store())? else {
        return Ok(Preview::default());
    };
    let target_id = plan.target_id();
    let (balance, already_in_queue) = store.read(|tx| {
        let target = target_id.map_or(Ok(None), |id| delivery::current(tx, id))?;
        let waiting = documents_lacking(tx, target.as_ref())?;
        Ok::<_, Error>((EventBalance::of(tx, target_id)?.balance, waiting))
    })?;
    Ok(Preview {
        balance: Some(balance),
        bodies: Some(Bodies {
            already_in_queue,
            ..Bodies::default()
        }),
        ..Preview::default()
    })
}

fn of_index(plan: &Plan<'_>, indexed: &Indexed) -> Result<Preview, Error> {
    let existing = books::open_read(&plan.workspace.place.store())?;
    let (workspace, filters) = (plan.workspace, Filters::of(plan.workspace)?);
    let capture = workspace
        .identity
        .project_uuid
        .as_deref()
        .map(|uuid| foresight::preview(existing.as_ref(), workspace, uuid, plan.world, indexed))
        .transpose()?;
    let mut preview = Preview {
        capture,
        ..Preview::default()
    };
    let missions = &indexed.index.missions;
    if plan.request.scope.offers_bodies {
        let mut tally = Tally::default();
        for mission in missions {
            bodies::preview(mission, &filters, plan.no_upload(), &mut tally);
        }
        preview.bodies = Some(tally.finish(0));
        return Ok(preview);
    }
    let artifact = |mission: &crate::dossier::Mission, a: &crate::dossier::Artifact| {
        let decision = filters.decide(mission, a);
        Artifact {
            mission_slug: mission.slug.clone(),
            layout: indexed.layout_of(mission).to_owned(),
            dir: mission.place.clone(),
            path: a.path.clone(),
            sha256: a.sha256.map(|s| s.to_string()).unwrap_or_default(),
            size: a.size,
            artifact_key: a.key.clone(),
            artifact_class: a.class.as_str().to_owned(),
            required_status: a.required.as_str().to_owned(),
            present: a.is_present,
            decision: decision.status.word().to_owned(),
            reason: decision.reason.into_owned(),
        }
    };
    preview.artifacts = Some(
        missions
            .iter()
            .flat_map(|m| m.artifacts.iter().map(move |a| (m, a)))
            .map(|(m, a)| artifact(m, a))
            .collect(),
    );
    Ok(preview)
}
