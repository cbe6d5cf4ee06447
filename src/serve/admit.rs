//! The way of a request that brings something: who sends it, its bytes within the limits, and what
//! the engine makes of it.

use axum::body::Body;
use axum::http::{HeaderMap, header};

use super::access::Access;
use super::app::App;
use super::engine::token::Scope;
use super::engine::{Content, Outcome, Request};
use super::wire::answer::Answer;
use super::wire::intake::{self, Stop};
use crate::event::BatchForm;

/// The most characters of an `Idempotency-Key`; a longer one is not remembered.
const MAX_KEY_CHARS: usize = 200;

pub(super) async fn refuse_type(body: Body) -> Answer {
    intake::discard(body).await;
    Answer::unsupported_type()
}

/// The form that a request says its body has; `None` without a `Content-Type`, or with another one.
pub(super) fn form(headers: &HeaderMap) -> Option<BatchForm> {
    let said = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    let forms = [BatchForm::Plain, BatchForm::CloudEvents];
    forms
        .into_iter()
        .find(|form| said.eq_ignore_ascii_case(form.media_type()))
}

impl App {
    /// The bytes of a request that says it is JSON, and what its sender may do.
    pub(super) async fn admit_json(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
        too_large: impl Fn() -> Answer,
    ) -> Result<(Access, Vec<u8>), Answer> {
        if form(headers) != Some(BatchForm::Plain) {
            return Err(refuse_type(body).await);
        }
        self.admit(headers, body, limit, too_large).await
    }

    /// The request's bytes, and what its sender may do, once it may write and is within the limit.
    pub(super) async fn admit(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
        too_large: impl Fn() -> Answer,
    ) -> Result<(Access, Vec<u8>), Answer> {
        let access = match self.access(headers, Some(Scope::Write)).await {
            Ok(access) => access,
            Err(refusal) => {
                intake::discard(body).await;
                return Err(refusal);
            }
        };
        let bytes = intake::read(headers, body, limit)
            .await
            .map_err(|stop| match stop {
                Stop::TooLarge => too_large(),
                Stop::TooSlow => Answer::too_slow(),
                Stop::Broken => {
                    Answer::bad_request("the request body is incomplete, or is not gzip data")
                }
                Stop::UnknownEncoding => Answer::unsupported_encoding(),
            })?;
        Ok((access, bytes))
    }

    /// Hands content to the engine and waits until it is durable.
    pub(super) async fn keep(
        &self,
        access: &Access,
        content: Content,
        headers: &HeaderMap,
    ) -> Result<Outcome, Answer> {
        let key = headers
            .get("idempotency-key")
            .and_then(|value| value.to_str().ok());
        let key = key
            .filter(|key| !key.is_empty() && key.len() <= MAX_KEY_CHARS)
            .map(str::to_owned);
        let request = Request {
            team: access.team,
            content,
            key,
        };
        let outcome = self
            .engine
            .keep(request)
            .await
            .map_err(|trouble| self.trouble(trouble))?;
        self.traffic.count_outcome(&outcome);
        Ok(outcome)
    }
}
