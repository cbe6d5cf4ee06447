//! Live copies of lines: Spec Kitty's emitter sent the facts of a log under separate ids.

use std::borrow::Cow;

use serde::Deserialize;

use super::{LogEvent, clock};
use crate::base::{Sha256, ids};

/// Types that the emitter sent with the aggregate and time of their line.
const LIFECYCLE: [&str; 8] = [
    "MissionCreated",
    "SpecifyStarted",
    "SpecifyCompleted",
    "PlanStarted",
    "PlanCompleted",
    "TasksStarted",
    "TasksCompleted",
    "WPCreated",
];
/// A lane change was sent with its line as causation.
const LANE_CHANGE: &str = "WPStatusChanged";

/// The key of the line that an imported envelope copies; `None` if it is not a copy.
pub(crate) fn copied_line(envelope: &[u8]) -> Option<[u8; 16]> {
    #[derive(Deserialize)]
    struct Copy<'a> {
        #[serde(borrow)]
        event_type: Cow<'a, str>,
        #[serde(borrow)]
        aggregate_id: Option<Cow<'a, str>>,
        #[serde(borrow)]
        causation_id: Option<Cow<'a, str>>,
        #[serde(borrow)]
        timestamp: Option<Cow<'a, str>>,
    }
    let copy: Copy<'_> = serde_json::from_slice(envelope).ok()?;
    match &*copy.event_type {
        LANE_CHANGE => Some(key(&[LANE_CHANGE, &ids::normalize(&copy.causation_id?)?])),
        kind if LIFECYCLE.contains(&kind) => {
            let micros = clock::micros(&copy.timestamp?)?;
            Some(key(&[kind, &copy.aggregate_id?, &micros.to_string()]))
        }
        _ => None,
    }
}

impl LogEvent {
    /// The key by which a live copy of this line is recognised; `None` for a type that was never
    /// sent live.
    pub(crate) fn copy_key(&self) -> Option<[u8; 16]> {
        match self.event_type.as_str() {
            LANE_CHANGE => Some(key(&[LANE_CHANGE, &self.event_id])),
            kind if LIFECYCLE.contains(&kind) => Some(key(&[
                kind,
                &self.aggregate_id,
                &self.lamport_clock.to_string(),
            ])),
            _ => None,
        }
    }
}

/// A digest of texts with their lengths.
fn key(parts: &[&str]) -> [u8; 16] {
    let mut joined = Vec::new();
    for part in parts {
        joined.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        joined.extend_from_slice(part.as_bytes());
    }
    let mut key = [0; 16];
    key.copy_from_slice(&Sha256::of(&joined).as_bytes()[..16]);
    key
}
