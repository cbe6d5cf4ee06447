//! Routes, authorisation, and the way of a request through the stations.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::Deployment;
use super::answer::Answer;
use super::batch::{self, Unreadable};
use super::engine::{Content, Engine, Outcome, Request, Trouble};
use super::guard::{self, Guarded};
use super::intake::{self, Stop};
use super::metrics::Metrics;
use super::probes;
use super::storage::Count;
use super::traffic::Traffic;
use super::upload::{self, MAX_BODY_BYTES};
use crate::base::{Clock, Sha256};
use crate::event::BatchForm;

/// The most bytes of a push-content request: JSON may write one byte of text as six.
const MAX_PUSH_BYTES: usize = MAX_BODY_BYTES * 6 + (64 << 10);
/// The most characters of an `Idempotency-Key`; a longer one is not remembered.
const MAX_KEY_CHARS: usize = 200;
/// How far apart clients that were put off come back; the earliest after a second.
const RETRY_SPREAD: Duration = Duration::from_secs(4);

/// What a batch may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) max_events: usize,
    pub(super) max_bytes: usize,
}

impl Limits {
    /// The limits in the words of the wire.
    pub(super) fn to_json(self) -> Value {
        json!({"max_events_per_batch": self.max_events, "max_decompressed_bytes_per_batch": self.max_bytes})
    }
}

/// What every request needs to know.
#[derive(Debug)]
pub(super) struct App {
    pub(super) limits: Limits,
    /// The digest of the token, so that comparing takes the same time however much of a guess is right.
    pub(super) token: Option<Sha256>,
    pub(super) deployment: Deployment,
    pub(super) traffic: Arc<Traffic>,
    pub(super) engine: Box<dyn Engine>,
    /// Numbers from 0 to 1, to spread what would come back at once.
    pub(super) random: fn() -> f64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    /// Takes a line for each request, if somebody wants them.
    pub(super) requests: Option<fn(&str)>,
    /// True once a stop was asked for: no balancer should send anything more.
    pub(super) is_draining: Arc<AtomicBool>,
}

/// The digest that a token is compared by.
pub(super) fn token_digest(token: &SecretString) -> Sha256 {
    Sha256::of(token.expose_secret().trim().as_bytes())
}

/// Where the endpoints are.
pub(super) const EVENTS: &str = "/api/v1/events/batch/";
pub(super) const BODIES: &str = "/api/dossier/push-content/";
pub(super) const HEALTH: &str = "/api/v1/sync/health/";
pub(super) const REPORT: &str = "/__sk-sync__/report";

/// The receiver's endpoints.
pub(super) fn router(app: &Arc<App>) -> Router {
    let own = Router::new()
        .route(EVENTS, post(events))
        .route(BODIES, post(push_content))
        .route(HEALTH, get(health))
        .route(REPORT, get(report));
    let probed = own.merge(probes::router());
    guard::around(probed, app, Guarded::Everyone).with_state(Arc::clone(app))
}

async fn events(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    app.traffic.count(Count::EventRequests);
    app.take_events(&headers, body).await.unwrap_or_else(|refusal| refusal)
}

async fn refuse_type(body: Body) -> Answer {
    intake::discard(body).await;
    Answer::unsupported_type()
}

/// The form that a request says its body has; `None` without a `Content-Type`, or with another one.
fn form(headers: &HeaderMap) -> Option<BatchForm> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    let forms = [BatchForm::Plain, BatchForm::CloudEvents];
    forms.into_iter().find(|form| said.eq_ignore_ascii_case(form.media_type()))
}

async fn push_content(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    app.traffic.count(Count::BodyRequests);
    app.take_body(&headers, body).await.unwrap_or_else(|refusal| refusal)
}

async fn health(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    if !app.is_authorized(&headers) {
        return Answer::unauthorized();
    }
    Answer::ok(json!({
        "status": "ok",
        "sync_ingress": {"limits": app.limits.to_json()},
        "server_instance_id": app.engine.instance_id(),
        "environment_name": app.deployment.environment_name,
        "deployment_id": app.deployment.id,
        "git_sha": app.deployment.git_sha,
    }))
}

async fn report(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    if !app.is_authorized(&headers) {
        return Answer::unauthorized();
    }
    let counts = match app.engine.counts().await {
        Ok(counts) => counts,
        Err(trouble) => return app.trouble(trouble),
    };
    let number = |count: Count| counts.get(&count).copied().unwrap_or(0);
    let mut body: Map<_, _> = Count::ALL.iter().map(|count| (count.name().to_owned(), number(*count).into())).collect();
    body.insert("requests".to_owned(), (number(Count::EventRequests) + number(Count::BodyRequests)).into());
    body.insert("server_instance_id".to_owned(), app.engine.instance_id().into());
    Answer::ok(Value::Object(body))
}

impl App {
    async fn take_events(&self, headers: &HeaderMap, body: Body) -> Result<Answer, Answer> {
        let too_large = || Answer::batch_too_large(self.limits);
        let Some(form) = form(headers) else { return Err(refuse_type(body).await) };
        let bytes = self.admit(headers, body, self.limits.max_bytes, too_large).await?;
        let entries = batch::read(&bytes, form, self.limits.max_events).map_err(|reason| match reason {
            Unreadable::Malformed(answer) => answer,
            Unreadable::TooMany => too_large(),
        })?;
        drop(bytes);
        match self.keep(Content::Events(entries), headers).await? {
            Outcome::Events(results) => {
                let counted = results.tally.iter().filter(|(_, number)| *number > 0);
                let counted = counted.map(|(count, number)| (count.name(), *number)).collect();
                Ok(Answer { counted, ..Answer::ok(json!({"results": results.wire})) })
            }
            _ => Err(self.trouble(Trouble::Unknown)),
        }
    }

    async fn take_body(&self, headers: &HeaderMap, body: Body) -> Result<Answer, Answer> {
        let too_large = || Answer::body_too_large(MAX_BODY_BYTES);
        if form(headers) != Some(BatchForm::Plain) {
            return Err(refuse_type(body).await);
        }
        let bytes = self.admit(headers, body, MAX_PUSH_BYTES, too_large).await?;
        let upload = upload::read(&bytes)?;
        drop(bytes);
        let (path, hash) = (upload.version.path.clone(), upload.version.sha256.to_string());
        let stored = |status: StatusCode, word: &str| {
            Answer::new(status, json!({"status": word, "artifact_path": path, "content_hash": hash}))
        };
        match self.keep(Content::Body(upload), headers).await? {
            Outcome::Stored => Ok(stored(StatusCode::CREATED, "stored")),
            Outcome::AlreadyExists => Ok(stored(StatusCode::OK, "already_exists")),
            Outcome::NotAnnounced => Err(Answer::not_indexed()),
            Outcome::Events(_) => Err(self.trouble(Trouble::Unknown)),
        }
    }

    /// The request's bytes, once it is authorised and within the limit.
    async fn admit(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
        too_large: impl Fn() -> Answer,
    ) -> Result<Vec<u8>, Answer> {
        if !self.is_authorized(headers) {
            intake::discard(body).await;
            return Err(Answer::unauthorized());
        }
        intake::read(headers, body, limit).await.map_err(|stop| match stop {
            Stop::TooLarge => too_large(),
            Stop::TooSlow => Answer::too_slow(),
            Stop::Broken => Answer::bad_request("the request's body is incomplete, or is not the gzip data it says"),
            Stop::UnknownEncoding => Answer::unsupported_encoding(),
        })
    }

    /// True when no token is asked for, or the right one was sent.
    pub(super) fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let Some(expected) = &self.token else { return true };
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token =
            sent.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        token.is_some_and(|(_, token)| Sha256::of(token.trim().as_bytes()) == *expected)
    }

    /// Hands content to the engine and waits until it is durable.
    async fn keep(&self, content: Content, headers: &HeaderMap) -> Result<Outcome, Answer> {
        let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
        let key = key.filter(|key| !key.is_empty() && key.len() <= MAX_KEY_CHARS).map(str::to_owned);
        let outcome = self.engine.keep(Request { content, key }).await.map_err(|trouble| self.trouble(trouble))?;
        self.traffic.count_outcome(&outcome);
        Ok(outcome)
    }

    /// The answer to a request that has no outcome. Clients come back over a few seconds, not all at once.
    pub(super) fn trouble(&self, trouble: Trouble) -> Answer {
        let spread = ((self.random)() * RETRY_SPREAD.as_secs_f64()).round();
        self.metrics.put_off(trouble);
        Answer::trouble(trouble, 1 + Duration::try_from_secs_f64(spread).map_or(0, |spread| spread.as_secs()))
    }
}
