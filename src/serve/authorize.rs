//! Who may do what: the token of a request, looked up where tokens are kept.

use axum::http::{HeaderMap, header};

use super::access::Access;
use super::app::App;
use super::engine::Trouble;
use super::engine::token::{self, Found, Scope};
use super::wire::answer::Answer;
use crate::base::Sha256;

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
