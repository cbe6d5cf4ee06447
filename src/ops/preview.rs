//! `--dry-run`: what a command would do.

use super::Error;
use super::bodies;
use super::documents;
use super::dossier::Indexed;
use super::foresight;
use super::report::{Artifact, Balance, Bodies};
use super::run::{Journey, books_of, capture_section};
use super::tally::Tally;
use crate::books;
use crate::delivery;
use crate::journal::Kind;

/// Reports what would be done: reads the store if it exists, and creates nothing.
pub(super) fn preview(journey: &mut Journey<'_>, indexed: Option<&Indexed>) -> Result<(), Error> {
    let existing = books::open_read(&journey.workspace.place.store())?;
    let Some(indexed) = indexed else {
        // `drain` sends what the ledger has left to send, and the waiting documents.
        if let Some(store) = existing {
            let target_id = journey
                .resolved
                .identity
                .as_ref()
                .map(|i| i.target_id.as_str());
            let (balance, already_in_queue) = store.read(|tx| {
                let target = target_id.map_or(Ok(None), |id| delivery::current(tx, id))?;
                let waiting = documents::books_of(tx, target.as_ref(), Kind::Document)?;
                Ok::<_, Error>((books_of(tx, target_id)?.0, waiting))
            })?;
            let is_shut = journey.report.gates.iter().any(|gate| !gate.open);
            journey.report.balance = Some(Balance::of(&balance, is_shut));
            journey.report.bodies = Some(Bodies {
                already_in_queue,
                ..Bodies::default()
            });
        }
        return Ok(());
    };
    let mut tally = Tally::default();
    let filters = bodies::Filters::of(journey.workspace)?;
    if let Some(uuid) = &journey.workspace.identity.project_uuid {
        let (receipt, logs) = foresight::preview(
            existing.as_ref(),
            journey.workspace,
            uuid,
            journey.world,
            indexed,
        )?;
        journey.report.capture = Some(capture_section(&receipt));
        journey.took_logs(logs);
    }
    for mission in &indexed.index.missions {
        bodies::preview(
            mission,
            &filters,
            journey
                .no_upload()
                .filter(|_| journey.request.scope.offers_bodies),
            &mut tally,
        );
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
    if journey.request.scope.offers_bodies {
        journey.report.bodies = Some(tally.finish(0));
    } else {
        let missions = indexed.index.missions.iter();
        journey.report.artifacts = Some(
            missions
                .flat_map(|m| m.artifacts.iter().map(move |a| (m, a)))
                .map(|(m, a)| artifact(m, a))
                .collect(),
        );
    }
    Ok(())
}
