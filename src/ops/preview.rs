//! `--dry-run`: what would be done.

use super::Error;
use super::bodies::{self, Tally};
use super::dossier::{self, Indexed};
use super::report::Artifact;
use super::run::{Journey, capture_section};
use crate::books;

/// What would be done: looks at the store if there is one, and creates nothing.
pub(super) fn preview(journey: &mut Journey<'_>, indexed: Option<&Indexed>) -> Result<(), Error> {
    let existing = books::open_read(&journey.workspace.place.store())?;
    let Some(indexed) = indexed else { return Ok(()) };
    let mut tally = Tally::default();
    let filter = bodies::filter(&journey.workspace.loaded.config)?;
    if let Some(uuid) = &journey.workspace.identity.project_uuid {
        let receipt = dossier::preview(existing.as_ref(), uuid, journey.world, indexed)?;
        journey.report.capture = Some(capture_section(&receipt));
    }
    for mission in &indexed.index.missions {
        bodies::preview(
            mission,
            &filter,
            journey.no_upload().filter(|_| journey.request.scope.offers_bodies),
            &mut tally,
        );
    }
    let artifact = |mission: &crate::dossier::Mission, a: &crate::dossier::Artifact| {
        let decision = bodies::decide(a, &filter);
        Artifact {
            mission_slug: mission.slug.clone(),
            path: a.path.clone(),
            sha256: a.sha256.map(|s| s.to_string()).unwrap_or_default(),
            size: a.size,
            artifact_key: a.key.clone(),
            artifact_class: a.class.as_str().to_owned(),
            required_status: a.required.as_str().to_owned(),
            present: a.is_present,
            decision: decision.status.word().to_owned(),
            reason: decision.reason,
        }
    };
    if journey.request.scope.offers_bodies {
        journey.report.bodies = Some(tally.finish(0));
    } else {
        let missions = indexed.index.missions.iter();
        journey.report.artifacts =
            Some(missions.flat_map(|m| m.artifacts.iter().map(move |a| (m, a))).map(|(m, a)| artifact(m, a)).collect());
    }
    Ok(())
}
