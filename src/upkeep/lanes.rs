//! Lanes of the work packages of each mission, from the events of the mission logs. O(events).

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::books::{self, Error};
use crate::journal::{self, Filter, MISSION_LOG_ORIGIN, Sensitive};

/// Event type of a lane change.
const LANE_CHANGE: &str = "WPStatusChanged";

/// The work packages of a mission.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct MissionLanes {
    pub(crate) mission_slug: String,
    /// Number of work packages in each lane.
    pub(crate) lanes: BTreeMap<String, u64>,
    /// Work packages whose last lane change is on hold: a receiver shows them in an earlier lane.
    pub(crate) on_hold: Vec<String>,
}

/// Numbers of events in the store at `store` that contain more personal data than others. Creates
/// nothing.
pub(crate) fn sensitive(store: &Path) -> Result<Sensitive, Error> {
    match books::open_read(store)? {
        Some(store) => store.read(|tx| Ok(journal::sensitive(tx)?)),
        None => Ok(Sensitive::default()),
    }
}

/// Payload of a lane change.
#[derive(Deserialize)]
struct Change {
    lamport_clock: i64,
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    mission_slug: String,
    wp_id: String,
    to_lane: String,
}

/// The last lane change of a work package.
struct Last {
    at: (i64, String),
    lane: String,
    is_held: bool,
}

/// The work packages of every mission whose log was captured, by lane; the last change is the one
/// with the highest clock, then id. Creates nothing.
pub(crate) fn lanes(store: &Path) -> Result<Vec<MissionLanes>, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(Vec::new());
    };
    store.read(|tx| {
        let filter = Filter {
            event_type: Some(LANE_CHANGE.to_owned()),
            ..Filter::default()
        };
        let mut missions: BTreeMap<String, BTreeMap<String, Last>> = BTreeMap::new();
        journal::list(tx, &filter, true, &mut |listed| {
            let is_logged = listed.record.origin == MISSION_LOG_ORIGIN;
            let envelope = listed.envelope.filter(|_| is_logged);
            if let Some(Change {
                lamport_clock,
                payload,
            }) = envelope.and_then(|bytes| serde_json::from_slice(&bytes).ok())
            {
                let at = (lamport_clock, listed.record.event_id);
                let packages = missions.entry(payload.mission_slug).or_default();
                if packages.get(&payload.wp_id).is_none_or(|last| last.at < at) {
                    let last = Last {
                        at,
                        lane: payload.to_lane,
                        is_held: listed.record.held.is_some(),
                    };
                    packages.insert(payload.wp_id, last);
                }
            }
            Ok::<_, Error>(true)
        })?;
        Ok(missions
            .into_iter()
            .map(|(slug, packages)| by_lane(slug, packages))
            .collect())
    })
}

fn by_lane(mission_slug: String, packages: BTreeMap<String, Last>) -> MissionLanes {
    let mut mission = MissionLanes {
        mission_slug,
        ..MissionLanes::default()
    };
    for (wp_id, last) in packages {
        *mission.lanes.entry(last.lane).or_default() += 1;
        mission.on_hold.extend(last.is_held.then_some(wp_id));
    }
    mission
}
