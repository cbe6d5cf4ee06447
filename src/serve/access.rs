//! What the sender of a request may do, and what was found out about tokens.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::engine::token::{Found, OWN_TEAM, Scope};
use crate::base::Sha256;
use crate::base::mutex::held;

/// How long an answer of the storage is believed: a revoked token works no longer than this.
const BELIEVED: Duration = Duration::from_secs(5);
/// How many of them are kept.
const MOST: usize = 10_000;

/// What the sender of a request may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    /// Whose data: the first part of every key.
    pub(super) team: i32,
    pub(super) scope: Scope,
    /// The only project, a lower-case hyphenated UUID; `None` for all of the team.
    pub(super) project: Option<String>,
}

impl Access {
    /// What the operator's own token allows, and everybody where none is wanted.
    pub(super) const ALL: Self = Self {
        team: OWN_TEAM,
        scope: Scope::Admin,
        project: None,
    };

    /// True for the numbers of the whole receiver: a token that is bound to a team or a project
    /// does not see them.
    pub(super) fn is_operator(&self) -> bool {
        self.scope == Scope::Admin && self.team == OWN_TEAM && self.project.is_none()
    }

    /// True when this project may be seen or sent to.
    pub(super) fn has_project(&self, project_uuid: &str) -> bool {
        self.project.as_ref().is_none_or(|own| own == project_uuid)
    }
}

/// What was found out about digests, and when. The entry without a digest says whether the storage
/// has tokens.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<Option<Sha256>, (Instant, Found)>>);

impl Known {
    pub(super) fn get(&self, digest: Option<Sha256>) -> Option<Found> {
        let known = held(&self.0);
        known
            .get(&digest)
            .filter(|(at, _)| at.elapsed() < BELIEVED)
            .map(|(_, found)| found.clone())
    }

    pub(super) fn put(&self, digest: Option<Sha256>, found: &Found) {
        let mut known = held(&self.0);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(digest, (Instant::now(), found.clone()));
    }
}
