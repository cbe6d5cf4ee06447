//! Who may do what: the token of a request, looked up where tokens are kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use tokio::time::Instant;

use super::answer::Answer;
use super::app::App;
use super::engine::Trouble;
use super::token::{self, Found, OWN_TEAM, Scope};
use crate::base::Sha256;

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
    const ALL: Self = Self {
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
    fn get(&self, digest: Option<Sha256>) -> Option<Found> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&digest)
            .filter(|(at, _)| at.elapsed() < BELIEVED)
            .map(|(_, found)| found.clone())
    }

    fn put(&self, digest: Option<Sha256>, found: &Found) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(digest, (Instant::now(), found.clone()));
    }
}

impl App {
    /// What the sender of a request may do; `needed`, or being known at all. Otherwise the answer
    /// that says so.
    pub(super) async fn access(
        &self,
        headers: &HeaderMap,
        needed: Option<Scope>,
    ) -> Result<Access, Answer> {
        let access = self.access_of(bearer(headers)).await?;
        match needed {
            Some(needed) if !access.scope.covers(needed) => Err(Answer::forbidden(needed)),
            _ => Ok(access),
        }
    }

    /// Lets only the operator pass.
    pub(super) async fn operator(&self, headers: &HeaderMap) -> Result<(), Answer> {
        let access = self.access(headers, Some(Scope::Admin)).await?;
        if access.is_operator() {
            Ok(())
        } else {
            Err(Answer::operator_only())
        }
    }

    /// What a token allows; without one, what everybody may.
    pub(super) async fn access_of(&self, token: Option<&str>) -> Result<Access, Answer> {
        let digest = token.map(token::digest);
        if self.token.is_some() && digest == self.token {
            return Ok(Access::ALL);
        }
        if self.token.is_none() && self.is_open().await? {
            return Ok(Access::ALL);
        }
        let Some(digest) = digest else {
            return Err(Answer::unauthorized());
        };
        let found = self
            .found(Some(digest))
            .await
            .map_err(|trouble| self.trouble(trouble))?;
        match found.token {
            Some((team, token)) if token.is_valid(self.clock.now()) => Ok(Access {
                team,
                scope: token.scope,
                project: token.project,
            }),
            _ => Err(Answer::unauthorized()),
        }
    }

    /// True when requests need no token at all.
    pub(super) async fn is_open(&self) -> Result<bool, Answer> {
        if self.token.is_some() {
            return Ok(false);
        }
        let found = self
            .found(None)
            .await
            .map_err(|trouble| self.trouble(trouble))?;
        Ok(!found.is_any)
    }

    async fn found(&self, digest: Option<Sha256>) -> Result<Found, Trouble> {
        if let Some(found) = self.known.get(digest) {
            return Ok(found);
        }
        let found = self.engine.find_token(digest).await?;
        // A token that is not known may be added in the next moment.
        if digest.is_none() || found.token.is_some() {
            self.known.put(digest, &found);
        }
        Ok(found)
    }
}

/// The bearer token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let sent = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = sent.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
